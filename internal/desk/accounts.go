package desk

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
)

type accountStore interface {
	Accounts(ctx context.Context) ([]chat.SealedAccount, error)
	Account(ctx context.Context, id chat.AccountID) (chat.SealedAccount, error)
	// CreateAccount adds an account with its lanes. CodeInUse: its own key; CodeInvalid: the department.
	CreateAccount(ctx context.Context, by chat.Audit, a chat.SealedAccount) (created time.Time, err error)
	// ChangeAccount locks an account and writes what decide makes of it, unless that is nil; a refusal of decide is returned as
	// it is. by is nil for what no person did.
	ChangeAccount(ctx context.Context, by *chat.Audit, id chat.AccountID, decide func(chat.SealedAccount) (*chat.SealedAccount, error)) error
}

// OpenAccount is a channel account with its secrets opened, for those who talk to the provider.
type OpenAccount struct {
	chat.Account
	Secrets Secrets
}

// Accounts lists the channel accounts. Settings, and which secrets are saved, are for those who may change them.
func (d *Desk) Accounts(ctx context.Context, p chat.Principal) ([]chat.AccountView, error) {
	all, err := d.store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]chat.AccountView, 0, len(all))
	for _, a := range all {
		v := chat.AccountView{Account: a.Account}
		if p.Need(chat.PermissionAccounts) != nil {
			v.Settings, v.Keys = nil, nil
		} else {
			v = d.view(a)
		}
		out = append(out, v)
	}
	return out, nil
}

func (d *Desk) view(a chat.SealedAccount) chat.AccountView {
	return chat.AccountView{Account: a.Account, SecretsSet: slices.Sorted(maps.Keys(d.known(a)))}
}

// known opens the secrets of an account for its form. Damaged ones count as not set: the form asks for them again.
func (d *Desk) known(a chat.SealedAccount) Secrets {
	s, err := d.unseal(a)
	if err != nil {
		d.log.Error("an account's secrets do not open", "account", a.ID.String(), "error", err.Error())
		return Secrets{}
	}
	return s
}

// OpenAccount finds an account and opens its secrets. A caller may keep the answer until the next chat.NoticeAccount.
func (d *Desk) OpenAccount(ctx context.Context, id chat.AccountID) (OpenAccount, error) {
	a, err := d.store.Account(ctx, id)
	if err != nil {
		return OpenAccount{}, err
	}
	s, err := d.unseal(a)
	return OpenAccount{Account: a.Account, Secrets: s}, err
}

// OpenAccounts opens all accounts, for the door that must know whose events a payload holds: the first of an account's Keys
// is its own, the others may be shared. An account whose secrets are damaged is left out, so that the others go on. A caller
// may keep the answer until the next chat.NoticeAccount.
func (d *Desk) OpenAccounts(ctx context.Context) ([]OpenAccount, error) {
	all, err := d.store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]OpenAccount, 0, len(all))
	for _, a := range all {
		s, err := d.unseal(a)
		if err != nil {
			d.log.Error("an account's secrets do not open", "account", a.ID.String(), "error", err.Error())
			continue
		}
		out = append(out, OpenAccount{Account: a.Account, Secrets: s})
	}
	return out, nil
}

// CreateAccount connects a channel account. CodeInvalid names the setting that is unknown, missing or malformed in the detail
// "setting"; CodeInUse says that another account has this number, page or site.
func (d *Desk) CreateAccount(ctx context.Context, p chat.Principal, f chat.AccountForm) (chat.AccountView, error) {
	if err := p.Need(chat.PermissionAccounts); err != nil {
		return chat.AccountView{}, err
	}
	if _, err := d.Kind(f.Kind); err != nil {
		return chat.AccountView{}, err
	}
	a := chat.SealedAccount{Account: chat.Account{
		ID: chat.NewID[chat.AccountID](), Kind: f.Kind, State: chat.AccountConnected, Settings: map[string]string{},
	}}
	if f.Language == "" {
		f.Language = "en"
	}
	if f.Settings == nil {
		f.Settings = map[string]string{} // the required ones are missed
	}
	a, err := d.applyAccount(a, chat.AccountPatch{
		Name: &f.Name, Address: &f.Address, DepartmentID: &f.DepartmentID, Language: &f.Language, Settings: f.Settings,
	})
	if err != nil {
		return chat.AccountView{}, err
	}
	if a.CreatedAt, err = d.store.CreateAccount(ctx, chat.Audited(p, "account.created", a.ID, a.Name).With("kind", a.Kind), a); err != nil {
		return chat.AccountView{}, err
	}
	return d.accountChanged(ctx, a, true), nil
}

// UpdateAccount changes the fields and settings that are given. An account that the provider refused is tried again with its
// new settings.
func (d *Desk) UpdateAccount(ctx context.Context, p chat.Principal, id chat.AccountID, c chat.AccountPatch) (chat.AccountView, error) {
	trace := chat.Audited(p, "account.updated", id, "").With("changed", given(c)).With("settings", slices.Sorted(maps.Keys(c.Settings)))
	return d.changeAccount(ctx, p, trace, id, func(a chat.SealedAccount) (chat.SealedAccount, error) {
		if c.Settings != nil && a.State != chat.AccountDisabled {
			a.State, a.StateReason = chat.AccountConnected, ""
		}
		return d.applyAccount(a, c)
	})
}

// DisableAccount switches an account off: nothing leaves it. What its contacts write is still received.
func (d *Desk) DisableAccount(ctx context.Context, p chat.Principal, id chat.AccountID) (chat.AccountView, error) {
	return d.changeAccount(ctx, p, chat.Audited(p, "account.disabled", id, ""), id, func(a chat.SealedAccount) (chat.SealedAccount, error) {
		a.State, a.StateReason = chat.AccountDisabled, ""
		return a, nil
	})
}

// EnableAccount switches an account on again; what waited goes out.
func (d *Desk) EnableAccount(ctx context.Context, p chat.Principal, id chat.AccountID) (chat.AccountView, error) {
	return d.changeAccount(ctx, p, chat.Audited(p, "account.enabled", id, ""), id, func(a chat.SealedAccount) (chat.SealedAccount, error) {
		a.State, a.StateReason = chat.AccountConnected, ""
		return a, nil
	})
}

// AskForTemplates has an account's templates read from the provider again, soon.
func (d *Desk) AskForTemplates(ctx context.Context, p chat.Principal, id chat.AccountID) error {
	if err := p.Need(chat.PermissionAccounts); err != nil {
		return err
	}
	if _, err := d.store.Account(ctx, id); err != nil {
		return err
	}
	d.ring(ctx, task.Templates, id)
	return nil
}

// NoteAccount keeps what was learnt about an account: that it works, or why not. An account that an admin disabled stays so.
func (d *Desk) NoteAccount(ctx context.Context, id chat.AccountID, state chat.AccountState, reason string) error {
	var after *chat.SealedAccount
	err := d.store.ChangeAccount(ctx, nil, id, func(a chat.SealedAccount) (*chat.SealedAccount, error) {
		after = nil
		if a.State != chat.AccountDisabled && (a.State != state || a.StateReason != reason) {
			a.State, a.StateReason = state, reason
			after = &a
		}
		return after, nil
	})
	if err == nil && after != nil {
		d.accountChanged(ctx, *after, false)
	}
	return err
}

func (d *Desk) changeAccount(ctx context.Context, p chat.Principal, trace chat.Audit, id chat.AccountID, decide func(chat.SealedAccount) (chat.SealedAccount, error)) (chat.AccountView, error) {
	if err := p.Need(chat.PermissionAccounts); err != nil {
		return chat.AccountView{}, err
	}
	var after chat.SealedAccount
	if err := d.store.ChangeAccount(ctx, &trace, id, func(a chat.SealedAccount) (_ *chat.SealedAccount, err error) {
		after, err = decide(a)
		return &after, err
	}); err != nil {
		return chat.AccountView{}, err
	}
	return d.accountChanged(ctx, after, true), nil
}

// accountChanged tells the news of a committed account and rings for what it makes due. edited: by a person, so that lists
// are fetched again and the templates too.
func (d *Desk) accountChanged(ctx context.Context, a chat.SealedAccount, edited bool) chat.AccountView {
	notices := []chat.Notice{{Kind: chat.NoticeAccount, Account: &a.Account}}
	if edited {
		notices = append(notices, chat.Notice{Kind: chat.NoticeSettings, What: "accounts"})
	}
	d.live.Publish(ctx, notices)
	if a.State.CanSend() {
		d.ring(ctx, task.Deliver, a.ID)
		if edited && d.kinds[a.Kind].Limits.Templates {
			d.ring(ctx, task.Templates, a.ID)
		}
	}
	return d.view(a)
}

// applyAccount puts the checked fields of a patch into an account and seals its secrets anew where they changed.
func (d *Desk) applyAccount(a chat.SealedAccount, c chat.AccountPatch) (_ chat.SealedAccount, err error) {
	if c.Name != nil {
		if a.Name, err = line("name", *c.Name, 1, 80); err != nil {
			return a, err
		}
	}
	if c.Address != nil {
		if a.Address, err = line("address", *c.Address, 0, 254); err != nil {
			return a, err
		}
	}
	if c.DepartmentID != nil {
		if a.DepartmentID = *c.DepartmentID; chat.IsZero(a.DepartmentID) {
			return a, invalid("department_id", "an account needs a department")
		}
	}
	if c.Language != nil {
		if a.Language, err = language("language", *c.Language); err != nil {
			return a, err
		}
	}
	if c.Settings == nil {
		return a, nil
	}
	secrets := d.known(a)
	kind := d.kinds[a.Kind]
	a.Settings = maps.Clone(a.Settings)
	before := maps.Clone(secrets)
	if err := applySettings(kind.Settings, a.Settings, secrets, c.Settings); err != nil {
		return a, err
	}
	if !maps.Equal(before, secrets) {
		a.Sealed = d.seal(a.ID, secrets)
	}
	a.Keys = accountKeys(kind, a.Account)
	return a, nil
}

// settingLimit is the longest value of a setting, in characters.
const settingLimit = 8192

// applySettings puts given values where they belong, and checks that nothing is missing.
func applySettings(specs []chat.Setting, plain, secrets map[string]string, given map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(specs, func(s chat.Setting) bool { return s.Name == name })
		if i < 0 {
			return invalid("settings", "there is no setting %q", name).With("setting", name).With("rule", "unknown")
		}
		value, err := lines("settings", strings.TrimSpace(given[name]), 0, settingLimit)
		if err != nil {
			return invalid("settings", "%s: %v", name, err).With("setting", name).With("rule", "malformed")
		}
		into := plain
		if specs[i].Secret {
			into = secrets
		}
		if value == "" {
			delete(into, name)
		} else {
			into[name] = value
		}
	}
	for _, s := range specs {
		if s.Required && s.Default == "" && plain[s.Name] == "" && secrets[s.Name] == "" {
			return invalid("settings", "%s is missing", s.Name).With("setting", s.Name).With("rule", "required")
		}
	}
	return nil
}

// accountKeys asks the driver for the names of an account, each once.
func accountKeys(kind Channel, a chat.Account) []chat.AccountKey {
	if kind.Keys == nil {
		return nil
	}
	settings := maps.Clone(a.Settings)
	settings[chat.AccountIDSetting] = a.ID.String()
	var out []chat.AccountKey
	for _, k := range kind.Keys(settings) {
		if k.Value != "" && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}
