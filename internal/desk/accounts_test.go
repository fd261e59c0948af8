package desk_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/secret"
	"gatehouse/internal/task"
)

const canary = "EAAG-canary-token"

func (o *office) form() chat.AccountForm {
	return chat.AccountForm{
		Kind: desktest.Kind, Name: "Mavi Ev 2", Address: "+90 555 000 00 00", DepartmentID: o.Department, Language: "tr",
		Settings: map[string]string{"number": " 200 ", "token": canary + "\n", "group": "g1"},
	}
}

func TestAnAccountIsConnectedWithItsLanesKeysAndSealedSecrets(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.forget()
	v, err := o.Desk.CreateAccount(t.Context(), root, o.form())
	must(t, err)
	if v.State != chat.AccountConnected || v.Settings["number"] != "200" || len(v.Settings) != 2 || fmt.Sprint(v.SecretsSet) != "[token]" || v.CreatedAt.IsZero() {
		t.Errorf("made %+v", v)
	}
	if n := o.Int(`SELECT (SELECT count(*) FROM lanes WHERE account_id = $1) + (SELECT count(*) FROM send_lanes WHERE account_id = $1)`, v.ID); n != 2 {
		t.Errorf("%d lanes", n)
	}
	if bytes.Contains(o.dump("channel_accounts"), []byte(canary)) || bytes.Contains(o.dump("channel_accounts"), []byte(fmt.Sprintf("%x", canary))) {
		t.Error("the token can be read in the database")
	}
	a, err := o.Desk.OpenAccount(t.Context(), v.ID)
	must(t, err)
	if a.Secrets["token"] != canary {
		t.Errorf("the token opens as %q", a.Secrets["token"])
	}
	if s := fmt.Sprintf("%v %+v %#v %s", a, a.Secrets, a.Secrets, a.Secrets); strings.Contains(s, canary) {
		t.Errorf("the token prints: %s", s)
	}
	equal(t, a.Keys[0], chat.AccountKey{Kind: desktest.Kind, Type: "number", Value: "200"})
	if len(a.Keys) != 3 {
		t.Errorf("keys %v", a.Keys)
	}
	if n := o.told(chat.NoticeAccount); len(n) != 1 || n[0].Account.ID != v.ID || !o.Rang(task.Templates, v.ID) {
		t.Errorf("told %+v, rang %v", n, o.Wakes)
	}
}

func TestTheDoorGetsEveryAccountOpenedWithItsOwnKeyFirst(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, number := range []string{"200", "300"} { // the group is shared
		f := o.form()
		f.Settings["number"] = number
		_, err := o.Desk.CreateAccount(t.Context(), root, f)
		must(t, err)
	}
	all, err := o.Desk.OpenAccounts(t.Context())
	must(t, err)
	if len(all) != 3 {
		t.Fatalf("%d accounts, want 3", len(all))
	}
	for i, number := range []string{"200", "300"} {
		a := all[i+1] // after the world's own, which has no secrets
		if a.Secrets["token"] != canary || len(a.Keys) != 3 || a.Keys[0] != (chat.AccountKey{Kind: desktest.Kind, Type: "number", Value: number}) {
			t.Errorf("account %d is addressed by %v", i, a.Keys)
		}
	}
}

func TestAnAccountIsRefusedForTheSettingThatIsWrong(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.Desk.CreateAccount(t.Context(), root, o.form())
	must(t, err)
	for name, c := range map[string]struct {
		code    chat.Code
		detail  string
		value   string
		corrupt func(*chat.AccountForm)
	}{
		"no driver":          {chat.CodeNotSupported, "", "", func(f *chat.AccountForm) { f.Kind = "pigeon" }},
		"no name":            {chat.CodeInvalid, "field", "name", func(f *chat.AccountForm) { f.Name = "" }},
		"no department":      {chat.CodeInvalid, "field", "department_id", func(f *chat.AccountForm) { f.DepartmentID = chat.DepartmentID{} }},
		"unknown department": {chat.CodeInvalid, "field", "department_id", func(f *chat.AccountForm) { f.DepartmentID = chat.NewID[chat.DepartmentID]() }},
		"a language":         {chat.CodeInvalid, "field", "language", func(f *chat.AccountForm) { f.Language = "Turkish!" }},
		"unknown setting":    {chat.CodeInvalid, "setting", "colour", func(f *chat.AccountForm) { f.Settings["colour"] = "red" }},
		"the reserved name":  {chat.CodeInvalid, "setting", "account_id", func(f *chat.AccountForm) { f.Settings["account_id"] = "x" }},
		"missing plain":      {chat.CodeInvalid, "setting", "number", func(f *chat.AccountForm) { delete(f.Settings, "number") }},
		"missing secret":     {chat.CodeInvalid, "setting", "token", func(f *chat.AccountForm) { f.Settings["token"] = "  " }},
		"no settings":        {chat.CodeInvalid, "setting", "number", func(f *chat.AccountForm) { f.Settings = nil }},
		"NUL in a setting":   {chat.CodeInvalid, "setting", "number", func(f *chat.AccountForm) { f.Settings["number"] = "2\x0000" }},
		"number taken":       {chat.CodeInUse, "field", "number", func(f *chat.AccountForm) { f.Settings["number"] = "200" }},
	} {
		t.Run(name, func(t *testing.T) {
			f := o.form()
			f.Settings["number"] = "900"
			c.corrupt(&f)
			_, err := o.Desk.CreateAccount(t.Context(), root, f)
			desktest.Code(t, err, c.code)
			var e *chat.Error
			if errors.As(err, &e); c.detail != "" && e.Details[c.detail] != c.value {
				t.Errorf("refused for %v, want %s %q", e.Details, c.detail, c.value)
			}
			if strings.Contains(err.Error(), canary) {
				t.Error("the refusal tells the token")
			}
		})
	}
	if n := o.Int(`SELECT count(*) FROM channel_accounts`); n != 2 {
		t.Errorf("%d accounts after the refusals, want 2", n)
	}
}

func TestAnOmittedSecretKeepsItsValueAndAChangedNumberMovesTheKey(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	v, err := o.Desk.CreateAccount(t.Context(), root, o.form())
	must(t, err)
	must(t, o.Desk.NoteAccount(t.Context(), v.ID, chat.AccountDisconnected, "token"))
	v, err = o.Desk.UpdateAccount(t.Context(), root, v.ID, chat.AccountPatch{Name: new("Renamed")})
	must(t, err)
	if v.Name != "Renamed" || v.State != chat.AccountDisconnected {
		t.Errorf("renamed to %+v", v.Account)
	}
	v, err = o.Desk.UpdateAccount(t.Context(), root, v.ID, chat.AccountPatch{Settings: map[string]string{"number": "201", "pin": "4711", "group": ""}})
	must(t, err)
	if v.State != chat.AccountConnected || v.StateReason != "" || fmt.Sprint(v.SecretsSet) != "[pin token]" || len(v.Settings) != 1 {
		t.Errorf("changed to %+v", v)
	}
	a, err := o.Desk.OpenAccount(t.Context(), v.ID)
	must(t, err)
	if a.Secrets["token"] != canary || a.Secrets["pin"] != "4711" {
		t.Error("a secret was lost")
	}
	if a.Keys[0].Value != "201" || len(a.Keys) != 2 || o.Int(`SELECT count(*) FROM account_keys WHERE value IN ('200', 'g1')`) != 0 {
		t.Errorf("the account is addressed by %v", a.Keys)
	}
	_, err = o.Desk.UpdateAccount(t.Context(), root, v.ID, chat.AccountPatch{Settings: map[string]string{"number": o.Key.Value}})
	refusedField(t, err, chat.CodeInUse, "number")
	_, err = o.Desk.UpdateAccount(t.Context(), root, v.ID, chat.AccountPatch{Settings: map[string]string{"token": ""}})
	desktest.Code(t, err, chat.CodeInvalid)
	v, err = o.Desk.UpdateAccount(t.Context(), root, v.ID, chat.AccountPatch{Settings: map[string]string{"pin": ""}})
	must(t, err)
	if fmt.Sprint(v.SecretsSet) != "[token]" {
		t.Errorf("secrets %v after one was taken away", v.SecretsSet)
	}
}

func TestADisabledAccountStaysDisabledUntilAnAdminSaysOtherwise(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	v, err := o.Desk.CreateAccount(t.Context(), root, o.form())
	must(t, err)
	v, err = o.Desk.DisableAccount(t.Context(), root, v.ID)
	must(t, err)
	o.forget()
	must(t, o.Desk.NoteAccount(t.Context(), v.ID, chat.AccountConnected, ""))
	if len(o.Notices) != 0 {
		t.Errorf("told %+v", o.Notices)
	}
	v, err = o.Desk.UpdateAccount(t.Context(), root, v.ID, chat.AccountPatch{Settings: map[string]string{"token": "new"}})
	must(t, err)
	if v.State != chat.AccountDisabled || o.Rang(task.Deliver, v.ID) {
		t.Errorf("the account is %s", v.State)
	}
	v, err = o.Desk.EnableAccount(t.Context(), root, v.ID)
	must(t, err)
	if v.State != chat.AccountConnected || !o.Rang(task.Deliver, v.ID) {
		t.Errorf("the account is %s, rang %v", v.State, o.Wakes)
	}
	o.forget()
	must(t, o.Desk.NoteAccount(t.Context(), v.ID, chat.AccountDegraded, "slow"))
	must(t, o.Desk.NoteAccount(t.Context(), v.ID, chat.AccountDegraded, "slow"))
	if n := o.told(chat.NoticeAccount); len(n) != 1 || n[0].Account.StateReason != "slow" {
		t.Errorf("told %+v, want it once", n)
	}
}

func TestSettingsOfAccountsAreForThoseWhoMayChangeThem(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	v, err := o.Desk.CreateAccount(t.Context(), root, o.form())
	must(t, err)
	for role, may := range map[chat.Role]bool{chat.RoleAdmin: true, chat.RoleManager: false, chat.RoleAgent: false} {
		list, err := o.Desk.Accounts(t.Context(), chat.Principal{AgentID: chat.NewID[chat.AgentID](), Role: role})
		must(t, err)
		if len(list) != 2 || list[1].ID != v.ID || list[1].Name != v.Name {
			t.Fatalf("%s sees %+v", role, list)
		}
		if sees := len(list[1].Settings)+len(list[1].SecretsSet)+len(list[1].Keys) > 0; sees != may {
			t.Errorf("%s sees settings: %v", role, sees)
		}
	}
}

func TestASecretCopiedIntoAnotherAccountsRowDoesNotOpen(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a, err := o.Desk.CreateAccount(t.Context(), root, o.form())
	must(t, err)
	f := o.form()
	f.Settings["number"] = "300"
	b, err := o.Desk.CreateAccount(t.Context(), root, f)
	must(t, err)
	o.Exec(`UPDATE channel_accounts SET secrets = (SELECT secrets FROM channel_accounts WHERE id = $1) WHERE id = $2`, a.ID, b.ID)
	_, err = o.Desk.OpenAccount(t.Context(), b.ID)
	if !errors.Is(err, secret.ErrTampered) {
		t.Errorf("it opened: %v", err)
	}
	all, err := o.Desk.OpenAccounts(t.Context())
	must(t, err)
	if len(all) != 2 || all[1].ID != a.ID {
		t.Errorf("%d accounts go on, want the world's own and the first", len(all))
	}
	_, err = o.Desk.UpdateAccount(t.Context(), root, b.ID, chat.AccountPatch{Settings: map[string]string{"pin": "1"}})
	desktest.Code(t, err, chat.CodeInvalid) // the token must be given again
	v, err := o.Desk.UpdateAccount(t.Context(), root, b.ID, chat.AccountPatch{Settings: map[string]string{"token": "again"}})
	must(t, err)
	if fmt.Sprint(v.SecretsSet) != "[token]" {
		t.Errorf("secrets %v after the repair", v.SecretsSet)
	}
}

func TestProcessesThatStartTogetherMarkANewDatabaseOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	c := o.Config
	c.Box = box(t, otherKey)
	other := desk.New(c)
	errs := together(20, func(i int) error {
		if i%2 == 1 {
			return other.CheckSealing(t.Context())
		}
		return o.Desk.CheckSealing(t.Context())
	})
	if ok := count(errs, ""); ok != 10 {
		t.Errorf("%d of twenty went on, want those of one key", ok)
	}
}

func TestADatabaseOfAnotherMasterKeyIsRefusedByName(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	must(t, o.Desk.CheckSealing(t.Context()))
	must(t, o.Desk.CheckSealing(t.Context()))
	v, err := o.Desk.CreateAccount(t.Context(), root, o.form())
	must(t, err)
	with := func(keys ...string) *desk.Desk {
		c := o.Config
		c.Box = box(t, keys...)
		return desk.New(c)
	}
	old, err := secret.ParseKey(masterKey)
	must(t, err)
	var unknown *secret.UnknownKeyError
	if err := with(otherKey).CheckSealing(t.Context()); !errors.As(err, &unknown) || unknown.KeyID != old.ID() {
		t.Fatalf("checked with another key: %v", err)
	}

	both := with(otherKey, masterKey) // rotation: the new key seals, the old one still opens
	must(t, both.CheckSealing(t.Context()))
	n, err := both.Reseal(t.Context())
	must(t, err)
	if n != 1 {
		t.Errorf("the secrets of %d accounts were sealed again, want 1", n)
	}
	n, err = both.Reseal(t.Context())
	must(t, err)
	if n != 0 {
		t.Errorf("the secrets of %d accounts were sealed a third time", n)
	}
	only := with(otherKey)
	must(t, only.CheckSealing(t.Context()))
	a, err := only.OpenAccount(t.Context(), v.ID)
	must(t, err)
	if a.Secrets["token"] != canary {
		t.Errorf("the token is %q after the rotation", a.Secrets["token"])
	}
}
