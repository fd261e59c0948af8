package desk

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"gatehouse/internal/chat"
	"gatehouse/internal/secret"
)

type sealedStore interface {
	// Setting reads one of the installation's own values, or CodeNotFound. KeepSetting keeps one, once: it returns the value
	// that is kept, which is the one that came first.
	Setting(ctx context.Context, key string) ([]byte, error)
	KeepSetting(ctx context.Context, key string, value []byte) ([]byte, error)
	Settings(ctx context.Context) (map[string][]byte, error)
	// ReplaceSetting replaces a value, unless it is not what it was any more.
	ReplaceSetting(ctx context.Context, key string, from, to []byte) error
}

// Secrets are the secret settings of a channel account, by name. They never print.
type Secrets map[string]string

// String hides the values.
func (Secrets) String() string { return secret.Redacted }

// GoString hides the values.
func (Secrets) GoString() string { return secret.Redacted }

// CheckSealing refuses to run with a master key other than the one that sealed what the record holds, as after a restore
// into an installation with another key (RELIABILITY.md B83). The error is a *secret.UnknownKeyError, which names the key.
// The first run with a new database marks it with its key.
func (d *Desk) CheckSealing(ctx context.Context) error {
	_, err := d.ServerKey(ctx, "check")
	return err
}

// ServerKey is a random key of 32 bytes that this installation made for one purpose, such as signing cursors. Every process
// gets the same one.
func (d *Desk) ServerKey(ctx context.Context, purpose string) ([]byte, error) {
	name := "key/" + purpose
	place := secret.Place("settings", name, "value")
	sealed, err := d.store.Setting(ctx, name)
	if err != nil && chat.CodeOf(err) == chat.CodeNotFound {
		made := make([]byte, 32)
		rand.Read(made) // never fails: crypto/rand ends the process instead
		sealed, err = d.store.KeepSetting(ctx, name, d.box.Seal(made, place))
	}
	if err != nil {
		return nil, err
	}
	key, err := d.box.Open(sealed, place)
	if err != nil {
		return nil, fmt.Errorf("the installation's key for %s: %w", purpose, err)
	}
	return key, nil
}

// Reseal seals again, under the master key of now, whatever an earlier one sealed. After it the earlier key is not needed. It
// returns how many values it changed.
func (d *Desk) Reseal(ctx context.Context) (n int, err error) {
	settings, err := d.store.Settings(ctx)
	if err != nil {
		return 0, err
	}
	for name, sealed := range settings {
		if !d.box.Stale(sealed) {
			continue
		}
		place := secret.Place("settings", name, "value")
		plain, err := d.box.Open(sealed, place)
		if err != nil {
			return n, fmt.Errorf("setting %s: %w", name, err)
		}
		if err := d.store.ReplaceSetting(ctx, name, sealed, d.box.Seal(plain, place)); err != nil {
			return n, err
		}
		n++
	}
	accounts, err := d.store.Accounts(ctx)
	if err != nil {
		return n, err
	}
	for _, a := range accounts {
		if !d.box.Stale(a.Sealed) {
			continue
		}
		if err := d.store.ChangeAccount(ctx, a.ID, func(a chat.SealedAccount) (*chat.SealedAccount, error) {
			s, err := d.unseal(a)
			a.Sealed = d.seal(a.ID, s)
			return &a, err
		}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (d *Desk) seal(id chat.AccountID, s Secrets) []byte {
	if len(s) == 0 {
		return nil
	}
	raw, err := json.Marshal(map[string]string(s))
	if err != nil {
		panic("desk: strings always marshal: " + err.Error())
	}
	return d.box.Seal(raw, secretsPlace(id))
}

func (d *Desk) unseal(a chat.SealedAccount) (Secrets, error) {
	s := Secrets{}
	if len(a.Sealed) == 0 {
		return s, nil
	}
	raw, err := d.box.Open(a.Sealed, secretsPlace(a.ID))
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		return nil, fmt.Errorf("secrets of account %s: %w", a.ID, err)
	}
	return s, nil
}

func secretsPlace(id chat.AccountID) string {
	return secret.Place("channel_accounts", id.String(), "secrets")
}
