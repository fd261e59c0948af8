package desk

import (
	"context"
	"encoding/json"
	"fmt"

	"gatehouse/internal/chat"
	"gatehouse/internal/secret"
)

type sealedStore interface {
	// KeepSetting keeps one of the installation's own values, once: it returns the value that is kept, which is the one that
	// came first.
	KeepSetting(ctx context.Context, key string, value []byte) ([]byte, error)
	// ReplaceSetting replaces a value, unless it is not what it was any more.
	ReplaceSetting(ctx context.Context, key string, from, to []byte) error
}

// Secrets are the secret settings of a channel account, by name. They never print.
type Secrets map[string]string

// String hides the values.
func (Secrets) String() string { return secret.Redacted }

// GoString hides the values.
func (Secrets) GoString() string { return secret.Redacted }

// sealMark is the setting by which a database knows its master key.
const sealMark = "seal_mark"

// CheckSealing refuses to run with a master key other than the one that sealed what the record holds, as after a restore
// into an installation with another key (RELIABILITY.md B83). The error is a *secret.UnknownKeyError, which names the key.
// A new database is marked with its first key.
func (d *Desk) CheckSealing(ctx context.Context) error {
	_, err := d.readMark(ctx)
	return err
}

func (d *Desk) readMark(ctx context.Context) ([]byte, error) {
	mark, err := d.store.KeepSetting(ctx, sealMark, d.newMark())
	if err != nil {
		return nil, err
	}
	if _, err := d.box.Open(mark, markPlace()); err != nil {
		return nil, fmt.Errorf("the database belongs to another secret key: %w", err)
	}
	return mark, nil
}

func (d *Desk) newMark() []byte { return d.box.Seal([]byte("gatehouse"), markPlace()) }

func markPlace() string { return secret.Place("settings", sealMark, "value") }

// Reseal seals again, under the master key of now, whatever an earlier one sealed; after it the earlier key is not needed. It
// returns of how many accounts. With nothing to do it costs two reads.
func (d *Desk) Reseal(ctx context.Context) (n int, err error) {
	accounts, err := d.store.Accounts(ctx)
	if err != nil {
		return 0, err
	}
	for _, a := range accounts {
		if !d.box.Stale(a.Sealed) {
			continue
		}
		if err := d.store.ChangeAccount(ctx, nil, a.ID, func(a chat.SealedAccount) (*chat.SealedAccount, error) {
			s, err := d.unseal(a)
			a.Sealed = d.seal(a.ID, s)
			return &a, err
		}); err != nil {
			return n, err
		}
		n++
	}
	if err := d.resealTOTP(ctx); err != nil {
		return n, err
	}
	mark, err := d.readMark(ctx) // last: until then a start without the earlier key is refused
	if err == nil && d.box.Stale(mark) {
		err = d.store.ReplaceSetting(ctx, sealMark, mark, d.newMark())
	}
	return n, err
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
