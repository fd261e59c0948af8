package desk_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

// trail reads the whole trace, the oldest first.
func (o *office) trail() []chat.AuditEntry {
	o.T.Helper()
	all, err := o.Desk.Audit(o.T.Context(), root, math.MaxInt64, 1000)
	must(o.T, err)
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

func (o *office) versions() map[string]int64 {
	o.T.Helper()
	versions, err := o.Desk.Versions(o.T.Context())
	must(o.T, err)
	return versions
}

func TestEveryPrivilegedChangeLeavesOneTraceAndNoSecret(t *testing.T) { // I21
	t.Parallel()
	o := newOffice(t)
	ctx := t.Context()
	admin, session := o.hire("admin", chat.RoleAdmin)
	elif := o.make("elif", chat.RoleAgent)
	var (
		dep    chat.DepartmentCard
		end    chat.EndReason
		pause  chat.BreakReason
		canned chat.CannedReply
		key    chat.APIKey
		acc    chat.AccountView
		shared string
		err    error
	)
	name, label, text, color, capacity := "Renamed", "Label", "canary-text", 3, 7
	for _, step := range []struct {
		action string // "" leaves none
		do     func() error
	}{
		{"department.created", func() error {
			dep, err = o.Desk.CreateDepartment(ctx, admin, chat.Department{Name: "Sales"})
			return err
		}},
		{"department.updated", func() error {
			_, err := o.Desk.UpdateDepartment(ctx, admin, dep.ID, chat.DepartmentPatch{Name: &name, Color: &color})
			return err
		}},
		{"department.deleted", func() error { return o.Desk.DeleteDepartment(ctx, admin, dep.ID) }},
		{"end_reason.created", func() error { end, err = o.Desk.CreateEndReason(ctx, admin, "Sold"); return err }},
		{"end_reason.updated", func() error {
			_, err := o.Desk.UpdateEndReason(ctx, admin, end.ID, chat.ReasonPatch{Label: &label})
			return err
		}},
		{"break_reason.created", func() error { pause, err = o.Desk.CreateBreakReason(ctx, admin, "Lunch"); return err }},
		{"break_reason.updated", func() error {
			_, err := o.Desk.UpdateBreakReason(ctx, admin, pause.ID, chat.ReasonPatch{Label: &label})
			return err
		}},
		{"canned_reply.created", func() error {
			canned, err = o.Desk.CreateCannedReply(ctx, admin, chat.CannedReply{Shortcut: "hi", Text: "canary-text"}, false)
			return err
		}},
		{"canned_reply.updated", func() error {
			_, err := o.Desk.UpdateCannedReply(ctx, admin, canned.ID, chat.CannedReplyPatch{Text: &text})
			return err
		}},
		{"canned_reply.deleted", func() error { return o.Desk.DeleteCannedReply(ctx, admin, canned.ID) }},
		{"", func() error {
			_, err := o.Desk.CreateCannedReply(ctx, admin, chat.CannedReply{Shortcut: "mine", Text: "x"}, true)
			return err
		}},
		{"api_key.created", func() error {
			key, _, err = o.Desk.CreateAPIKey(ctx, admin, chat.APIKeyForm{Name: "shop", Role: chat.RoleAgent, Scopes: []string{"inbox:read"}})
			return err
		}},
		{"api_key.revoked", func() error { return o.Desk.RevokeAPIKey(ctx, admin, key.ID) }},
		{"account.created", func() error { acc, err = o.Desk.CreateAccount(ctx, admin, o.form()); return err }},
		{"account.updated", func() error {
			_, err := o.Desk.UpdateAccount(ctx, admin, acc.ID, chat.AccountPatch{Name: &name, Settings: map[string]string{"token": "canary-token"}})
			return err
		}},
		{"account.disabled", func() error { _, err := o.Desk.DisableAccount(ctx, admin, acc.ID); return err }},
		{"account.enabled", func() error { _, err := o.Desk.EnableAccount(ctx, admin, acc.ID); return err }},
		{"", func() error { return o.Desk.NoteAccount(ctx, acc.ID, chat.AccountDegraded, "the provider said no") }},
		{"agent.created", func() error {
			_, err := o.Desk.CreateAgent(ctx, admin, chat.AgentForm{Name: "can", Email: "can@example.com", Role: chat.RoleAgent}, "canary-password-1")
			return err
		}},
		{"agent.updated", func() error {
			_, err := o.Desk.UpdateAgent(ctx, admin, elif.ID, chat.AgentPatch{Name: &name, Capacity: &capacity})
			return err
		}},
		{"agent.disabled", func() error { _, err := o.Desk.DisableAgent(ctx, admin, elif.ID); return err }},
		{"agent.enabled", func() error { _, err := o.Desk.EnableAgent(ctx, admin, elif.ID); return err }},
		{"agent.password_set", func() error { return o.Desk.SetAgentPassword(ctx, admin, elif.ID, "canary-password-2") }},
		{"agent.password_changed", func() error { return o.Desk.ChangePassword(ctx, admin, session, goodSecret, "canary-password-3") }},
		{"", func() error { shared, _, err = o.Desk.BeginTOTP(ctx, admin, "canary-password-3"); return err }},
		{"agent.totp_confirmed", func() error { _, err := o.Desk.ConfirmTOTP(ctx, admin, code(t, shared, 0)); return err }},
		{"agent.totp_ended", func() error { return o.Desk.EndTOTP(ctx, admin, "canary-password-3") }},
		{"", func() error { return o.Desk.SetPresence(ctx, admin, chat.Online, chat.BreakReasonID{}) }},
	} {
		before, versions := len(o.trail()), o.versions()
		o.forget()
		must(t, step.do())
		all := o.trail()
		changed := []string{}
		for list, v := range o.versions() {
			if v != versions[list] {
				changed = append(changed, list)
			}
			if v != versions[list] && v <= slices.Max(slices.Collect(maps.Values(versions))) {
				t.Errorf("%s: version %d of %s, after %v", step.action, v, list, versions)
			}
		}
		told := []string{}
		for _, n := range o.told(chat.NoticeSettings) {
			told = append(told, n.What)
		}
		if step.action != "" && !slices.Equal(told, changed) { // what leaves no trace has no version
			t.Errorf("%s: told are changes of %v, other versions have %v", step.action, told, changed)
		}
		if step.action == "" {
			if len(all) != before {
				t.Errorf("%+v is nobody's business", all[before:])
			}
			continue
		}
		if len(all) != before+1 {
			t.Fatalf("%s left %d traces", step.action, len(all)-before)
		}
		if e := all[before]; e.Action != step.action || e.Agent != admin.AgentID || e.At.IsZero() || e.ID != int64(before+1) || e.Object == [16]byte{} {
			t.Errorf("%s: %+v", step.action, e)
		} else if e.Name == "" && step.action != "agent.totp_confirmed" {
			t.Errorf("%s does not say its name", step.action)
		}
	}
	dump := strings.ReplaceAll(string(o.dump("audit")), `""`, `"`)
	for _, canary := range []string{"canary", shared, "Merhaba"} {
		if strings.Contains(dump, canary) {
			t.Errorf("%q is in the trace", canary)
		}
	}
	if !strings.Contains(dump, `"capacity": [15, 7]`) || !strings.Contains(dump, `"settings": ["token"]`) {
		t.Errorf("what changed is not told: %s", dump)
	}
}

func TestARefusedChangeLeavesNoTrace(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	manager, _ := o.hire("ada", chat.RoleManager)
	before := len(o.trail())
	_, err := o.Desk.CreateDepartment(t.Context(), manager, chat.Department{Name: "Sales"})
	desktest.Code(t, err, chat.CodeForbidden)
	desktest.Code(t, o.Desk.DeleteDepartment(t.Context(), root, o.Department), chat.CodeInUse)
	desktest.Code(t, o.Desk.RevokeAPIKey(t.Context(), root, chat.NewID[chat.APIKeyID]()), chat.CodeNotFound)
	_, err = o.Desk.CreateAgent(t.Context(), root, chat.AgentForm{Name: "x", Email: "ada@example.com", Role: chat.RoleAgent}, goodSecret)
	refusedField(t, err, chat.CodeInUse, "email")
	_, err = o.Desk.Audit(t.Context(), manager, math.MaxInt64, 10)
	desktest.Code(t, err, chat.CodeForbidden)
	if n := len(o.trail()) - before; n != 0 {
		t.Errorf("%d traces", n)
	}
}

func TestTheTraceIsOnlyAddedToAndAForgeryIsFound(t *testing.T) { // S63
	t.Parallel()
	o := newOffice(t)
	for _, err := range together(8, func(int) error {
		_, err := o.Desk.CreateEndReason(t.Context(), root, chat.NewID[chat.EndReasonID]().String())
		return err
	}) {
		must(t, err)
	}
	pool := o.World.Store.Pool()
	for _, sql := range []string{`UPDATE audit SET name = 'x'`, `DELETE FROM audit`, `TRUNCATE audit`} {
		if _, err := pool.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was let through", sql)
		}
	}
	broken := func() int {
		t.Helper()
		all, err := o.World.Store.Verify(t.Context())
		must(t, err)
		for _, b := range all {
			if b.ID == "I21" {
				return b.Count
			}
		}
		t.Fatal("nobody asks about I21")
		return 0
	}
	if n := broken(); n != 0 {
		t.Fatalf("%d rows are broken before anybody touched them", n)
	}
	o.Exec(`ALTER TABLE audit DISABLE TRIGGER audit_stands`) // an owner of the database can
	o.Exec(`UPDATE audit SET name = 'something harmless' WHERE id = 3`)
	if n := broken(); n == 0 {
		t.Error("a forgery is not found")
	}
	o.Exec(`DELETE FROM audit WHERE id = 3`)
	if n := broken(); n == 0 {
		t.Error("a gap is not found")
	}
}
