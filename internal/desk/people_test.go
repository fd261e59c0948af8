package desk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
)

func TestAnAgentIsMadeWithAFirstPasswordAndCheckedFields(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	good := chat.AgentForm{
		Name: "  Elif Şahin ", Email: "elif@example.com", Role: chat.RoleAgent, Capacity: 0, Languages: []string{"tr", "en_US", "tr"},
		Departments: []chat.DepartmentID{o.Department, o.Department},
	}
	a, err := o.Desk.CreateAgent(t.Context(), root, good, goodSecret)
	must(t, err)
	if a.Name != "Elif Şahin" || a.Behavior != chat.BehaviorNormal || a.Capacity != 0 || len(a.Languages) != 2 || len(a.Departments) != 1 ||
		!a.MustChange || a.State != chat.AgentActive || a.Presence != chat.Offline {
		t.Errorf("made %+v", a)
	}
	for name, c := range map[string]struct {
		field string
		code  chat.Code
		spoil func(*chat.AgentForm)
	}{
		"no name":            {"name", chat.CodeInvalid, func(f *chat.AgentForm) { f.Name = " " }},
		"a long name":        {"name", chat.CodeInvalid, func(f *chat.AgentForm) { f.Name = strings.Repeat("ş", 101) }},
		"two lines":          {"name", chat.CodeInvalid, func(f *chat.AgentForm) { f.Name = "a\nb" }},
		"not an address":     {"email", chat.CodeInvalid, func(f *chat.AgentForm) { f.Email = "Elif <elif@example.com>" }},
		"an address taken":   {"email", chat.CodeInUse, func(f *chat.AgentForm) { f.Email = "ELIF@EXAMPLE.COM" }},
		"a made-up role":     {"role", chat.CodeInvalid, func(f *chat.AgentForm) { f.Role = "owner" }},
		"a made-up behavior": {"behavior", chat.CodeInvalid, func(f *chat.AgentForm) { f.Behavior = "lazy" }},
		"capacity below":     {"capacity", chat.CodeInvalid, func(f *chat.AgentForm) { f.Capacity = -1 }},
		"capacity above":     {"capacity", chat.CodeInvalid, func(f *chat.AgentForm) { f.Capacity = 501 }},
		"a language":         {"languages", chat.CodeInvalid, func(f *chat.AgentForm) { f.Languages = []string{"x; drop"} }},
		"a department":       {"departments", chat.CodeInvalid, func(f *chat.AgentForm) { f.Departments = []chat.DepartmentID{chat.NewID[chat.DepartmentID]()} }},
	} {
		t.Run(name, func(t *testing.T) {
			f := good
			f.Email = "another@example.com"
			c.spoil(&f)
			_, err := o.Desk.CreateAgent(t.Context(), root, f, goodSecret)
			refusedField(t, err, c.code, c.field)
		})
	}
	_, err = o.Desk.CreateAgent(t.Context(), root, chat.AgentForm{Name: "Can", Email: "can@example.com", Role: chat.RoleAgent}, "password1")
	refusedField(t, err, chat.CodeInvalid, "password")
	if n := o.Int(`SELECT count(*) FROM agents`); n != 1 {
		t.Errorf("%d agents after the refusals, want 1", n)
	}
}

func TestAChangeOfAnAgentTouchesOnlyWhatIsGivenAndTellsTheRightReaders(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.make("elif", chat.RoleAgent)
	o.make("can", chat.RoleAgent)
	o.forget()
	name, capacity := "Elif Ş.", 500
	got, err := o.Desk.UpdateAgent(t.Context(), root, a.ID, chat.AgentPatch{Name: &name, Capacity: &capacity})
	must(t, err)
	want := a
	want.Name, want.Capacity = name, capacity
	equal(t, got, want)
	if n := o.told(chat.NoticePresence); len(n) != 1 || n[0].Presence.Capacity != 500 {
		t.Errorf("told %+v, want the capacity", n)
	}
	if len(o.told(chat.NoticeSession)) != 0 {
		t.Error("readers were told to check rights that did not change")
	}
	role, nowhere := chat.RoleManager, []chat.DepartmentID{}
	got, err = o.Desk.UpdateAgent(t.Context(), root, a.ID, chat.AgentPatch{Role: &role, Departments: &nowhere})
	must(t, err)
	if got.Role != role || len(got.Departments) != 0 {
		t.Errorf("changed to %+v", got)
	}
	if len(o.told(chat.NoticeSession)) != 1 {
		t.Error("nobody was told to check the rights again")
	}
	taken := "Can@example.com"
	_, err = o.Desk.UpdateAgent(t.Context(), root, a.ID, chat.AgentPatch{Email: &taken})
	refusedField(t, err, chat.CodeInUse, "email")
	_, err = o.Desk.UpdateAgent(t.Context(), root, chat.NewID[chat.AgentID](), chat.AgentPatch{Name: &name})
	desktest.Code(t, err, chat.CodeNotFound)
}

func TestMoreRoomDrainsTheLineOfAnAgentWhoIsThere(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := o.hire("elif", chat.RoleAgent)
	capacity := 20
	_, err := o.Desk.UpdateAgent(t.Context(), root, p.AgentID, chat.AgentPatch{Capacity: &capacity})
	must(t, err)
	if o.Rang(task.Route, o.Department) {
		t.Error("the line of an absent agent was routed")
	}
	must(t, o.Desk.SetPresence(t.Context(), p, chat.Online, chat.BreakReasonID{}))
	o.forget()
	_, err = o.Desk.UpdateAgent(t.Context(), root, p.AgentID, chat.AgentPatch{Capacity: &capacity})
	must(t, err)
	if !o.Rang(task.Route, o.Department) {
		t.Error("nobody rang for the line")
	}
}

func TestTheLastActiveAdminStaysOne(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	only := o.make("elif", chat.RoleAdmin)
	agent := chat.RoleAgent
	_, err := o.Desk.UpdateAgent(t.Context(), root, only.ID, chat.AgentPatch{Role: &agent})
	desktest.Code(t, err, chat.CodeInUse)
	_, err = o.Desk.DisableAgent(t.Context(), root, only.ID)
	desktest.Code(t, err, chat.CodeInUse)

	second := o.make("can", chat.RoleAdmin)
	_, err = o.Desk.DisableAgent(t.Context(), root, second.ID)
	must(t, err)
	_, err = o.Desk.DisableAgent(t.Context(), root, only.ID) // a disabled admin does not count
	desktest.Code(t, err, chat.CodeInUse)
	_, err = o.Desk.EnableAgent(t.Context(), root, second.ID)
	must(t, err)
	_, err = o.Desk.DisableAgent(t.Context(), root, only.ID)
	must(t, err)
}

func TestTwoAdminsWhoDemoteEachOtherAtOnceLeaveOne(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a, b := o.make("elif", chat.RoleAdmin), o.make("can", chat.RoleAdmin)
	agent, admin := chat.RoleAgent, chat.RoleAdmin
	for range 20 {
		errs := together(2, func(i int) error {
			if i == 0 {
				_, err := o.Desk.UpdateAgent(t.Context(), root, a.ID, chat.AgentPatch{Role: &agent})
				return err
			}
			_, err := o.Desk.DisableAgent(t.Context(), root, b.ID)
			return err
		})
		if ok, refused := count(errs, ""), count(errs, chat.CodeInUse); ok != 1 || refused != 1 {
			t.Fatalf("%d of two went through: %v", ok, errs)
		}
		_, err := o.Desk.UpdateAgent(t.Context(), root, a.ID, chat.AgentPatch{Role: &admin})
		must(t, err)
		_, err = o.Desk.EnableAgent(t.Context(), root, b.ID)
		must(t, err)
	}
}

func TestADisabledAgentsWorkReturnsToItsOldPlacesInTheLine(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := o.hire("elif", chat.RoleAgent)
	must(t, o.Desk.SetPresence(t.Context(), p, chat.Online, chat.BreakReasonID{}))
	for i := range 3 {
		o.In(o.Text(fmt.Sprintf("90555000000%d", i), fmt.Sprintf("m%d", i), "hello"))
	}
	waited := map[chat.ConversationID]time.Time{}
	for i := range 3 {
		c := o.Open(fmt.Sprintf("90555000000%d", i))
		waited[c.ID] = c.WaitingSince
	}
	o.Route()
	pending := o.Open("905550000001")
	_, err := o.Desk.Pend(t.Context(), p, pending.ID)
	must(t, err)
	o.In(o.Text("905550000009", "late", "hello")) // nobody has room for it meanwhile; it came later than all
	o.forget()

	got, err := o.Desk.DisableAgent(t.Context(), root, p.AgentID)
	must(t, err)
	if got.State != chat.AgentDisabled || got.Load != 0 || got.Presence != chat.Offline {
		t.Errorf("the agent is %+v", got)
	}
	for id, since := range waited {
		c := o.Row(id)
		if c.Status != chat.Waiting || !chat.IsZero(c.AgentID) || !c.WaitingSince.Equal(since) {
			t.Errorf("conversation %s is %s since %s, want waiting since %s", id, c.Status, c.WaitingSince, since)
		}
	}
	if n := o.Int(`SELECT count(*) FROM assignments WHERE ended_at IS NULL`); n != 0 {
		t.Errorf("%d open assignments", n)
	}
	if n := o.Int(`SELECT count(*) FROM conversation_events WHERE kind = 'queued' AND data->>'why' = 'removed' AND data->>'from' = $1`, p.AgentID.String()); n != 3 {
		t.Errorf("%d events say why, want 3", n)
	}
	news := o.told(chat.NoticeConversation)
	if len(news) != 3 || len(news[0].Left) != 1 || news[0].Left[0] != p.AgentID || news[0].Conversation.Kind != desktest.Kind {
		t.Errorf("told %+v", news)
	}
	if !o.Rang(task.Route, o.Department) {
		t.Error("nobody rang for the line")
	}
	o.MustHold()
}

func TestOnlyThoseWhoMayManageAgentsSeeTheirAddresses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := o.hire("elif", chat.RoleAgent)
	o.make("can", chat.RoleAgent)
	for role, want := range map[chat.Role]int{chat.RoleAdmin: 2, chat.RoleManager: 2, chat.RoleAgent: 1} {
		agents, err := o.Desk.Agents(t.Context(), chat.Principal{AgentID: p.AgentID, Role: role})
		must(t, err)
		seen := 0
		for _, a := range agents {
			if a.Email != "" {
				seen++
			}
		}
		if len(agents) != 2 || seen != want {
			t.Errorf("%s sees %d agents with %d addresses, want 2 and %d", role, len(agents), seen, want)
		}
	}
}

func TestPrefsAreKeptWhole(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := o.hire("elif", chat.RoleAgent)
	must(t, o.Desk.SetPrefs(t.Context(), p, json.RawMessage(`{"theme":"dark","later":{"x":1}}`)))
	me, err := o.Desk.Me(t.Context(), p)
	must(t, err)
	var got map[string]any
	must(t, json.Unmarshal(me.Prefs, &got))
	equal(t, got, map[string]any{"theme": "dark", "later": map[string]any{"x": 1.0}})
	for _, half := range []string{`{"x":"\ud800"}`, "{\"x\":\"\xff\"}"} {
		must(t, o.Desk.SetPrefs(t.Context(), p, json.RawMessage(half)))
	}
	for _, bad := range []string{`{"x":` + strings.Repeat("[", 16) + strings.Repeat("]", 16) + `}`, ``, `null`, `[]`, `"x"`, `{`, `{"x":"\u0000"}`, `{"x":"` + strings.Repeat("y", 20_000) + `"}`} {
		refusedField(t, o.Desk.SetPrefs(t.Context(), p, json.RawMessage(bad)), chat.CodeInvalid, "prefs")
	}
}

func TestNobodyDoesWhatTheirRoleMayNot(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := o.hire("elif", chat.RoleAgent)
	key := chat.Principal{APIKeyID: chat.NewID[chat.APIKeyID](), Role: chat.RoleAdmin}
	ctx := t.Context()
	second := func(_ any, err error) error { return err }
	admin := map[string]func(p chat.Principal) error{
		"create agent":      func(p chat.Principal) error { return second(o.Desk.CreateAgent(ctx, p, chat.AgentForm{}, "")) },
		"update agent":      func(p chat.Principal) error { return second(o.Desk.UpdateAgent(ctx, p, p.AgentID, chat.AgentPatch{})) },
		"disable agent":     func(p chat.Principal) error { return second(o.Desk.DisableAgent(ctx, p, p.AgentID)) },
		"enable agent":      func(p chat.Principal) error { return second(o.Desk.EnableAgent(ctx, p, p.AgentID)) },
		"set password":      func(p chat.Principal) error { return o.Desk.SetAgentPassword(ctx, p, p.AgentID, goodSecret) },
		"create department": func(p chat.Principal) error { return second(o.Desk.CreateDepartment(ctx, p, chat.Department{})) },
		"update department": func(p chat.Principal) error {
			return second(o.Desk.UpdateDepartment(ctx, p, o.Department, chat.DepartmentPatch{}))
		},
		"delete department":   func(p chat.Principal) error { return o.Desk.DeleteDepartment(ctx, p, o.Department) },
		"create break reason": func(p chat.Principal) error { return second(o.Desk.CreateBreakReason(ctx, p, "x")) },
		"update break reason": func(p chat.Principal) error {
			return second(o.Desk.UpdateBreakReason(ctx, p, chat.BreakReasonID{}, chat.ReasonPatch{}))
		},
		"create account": func(p chat.Principal) error { return second(o.Desk.CreateAccount(ctx, p, chat.AccountForm{})) },
		"update account": func(p chat.Principal) error {
			return second(o.Desk.UpdateAccount(ctx, p, o.Account, chat.AccountPatch{}))
		},
		"disable account":   func(p chat.Principal) error { return second(o.Desk.DisableAccount(ctx, p, o.Account)) },
		"enable account":    func(p chat.Principal) error { return second(o.Desk.EnableAccount(ctx, p, o.Account)) },
		"sync of templates": func(p chat.Principal) error { return o.Desk.AskForTemplates(ctx, p, o.Account) },
		"API keys":          func(p chat.Principal) error { return second(o.Desk.APIKeys(ctx, p)) },
		"revoke API key":    func(p chat.Principal) error { return o.Desk.RevokeAPIKey(ctx, p, chat.APIKeyID{}) },
		"create API key": func(p chat.Principal) error {
			_, _, err := o.Desk.CreateAPIKey(ctx, p, chat.APIKeyForm{Name: "x", Role: chat.RoleAdmin, Scopes: []string{"admin"}})
			return err
		},
	}
	manager := map[string]func(p chat.Principal) error{
		"create end reason": func(p chat.Principal) error { return second(o.Desk.CreateEndReason(ctx, p, "x")) },
		"update end reason": func(p chat.Principal) error {
			return second(o.Desk.UpdateEndReason(ctx, p, o.Reason, chat.ReasonPatch{}))
		},
		"create shared reply": func(p chat.Principal) error {
			return second(o.Desk.CreateCannedReply(ctx, p, chat.CannedReply{Shortcut: "x", Text: "y"}, false))
		},
	}
	person := map[string]func(p chat.Principal) error{
		"me":        func(p chat.Principal) error { return second(o.Desk.Me(ctx, p)) },
		"prefs":     func(p chat.Principal) error { return o.Desk.SetPrefs(ctx, p, json.RawMessage(`{}`)) },
		"presence":  func(p chat.Principal) error { return o.Desk.SetPresence(ctx, p, chat.Online, chat.BreakReasonID{}) },
		"password":  func(p chat.Principal) error { return o.Desk.ChangePassword(ctx, p, nil, goodSecret, "x") },
		"drafts":    func(p chat.Principal) error { return second(o.Desk.Drafts(ctx, p, chat.ConversationID{})) },
		"put draft": func(p chat.Principal) error { return o.Desk.PutDraft(ctx, p, chat.ConversationID{}, chat.Draft{}) },
		"own reply": func(p chat.Principal) error {
			return second(o.Desk.CreateCannedReply(ctx, p, chat.CannedReply{Shortcut: "x", Text: "y"}, true))
		},
	}
	for who, c := range map[string]struct {
		p         chat.Principal
		forbidden []map[string]func(p chat.Principal) error
	}{
		"an agent":  {p, []map[string]func(p chat.Principal) error{admin, manager}},
		"a manager": {chat.Principal{AgentID: p.AgentID, Role: chat.RoleManager}, []map[string]func(p chat.Principal) error{admin}},
		"nobody":    {chat.Principal{}, []map[string]func(p chat.Principal) error{admin, manager, person}},
		"a key":     {key, []map[string]func(p chat.Principal) error{person}},
	} {
		for _, verbs := range c.forbidden {
			for name, verb := range verbs {
				if err := verb(c.p); chat.CodeOf(err) != chat.CodeForbidden {
					t.Errorf("%s, %s: %v, want forbidden", who, name, err)
				}
			}
		}
	}
}

// Routers, people and admins take the same locks; in one order nobody ever has to try again.
func TestRoutingTakingAndDisablingDoNotDeadlock(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var mu sync.Mutex
	var again []string
	o.World.Store.Rerun = func(what string) {
		mu.Lock()
		defer mu.Unlock()
		again = append(again, what)
	}
	second, err := o.Desk.CreateDepartment(t.Context(), root, chat.Department{Name: "Sales"})
	must(t, err)
	p, _ := o.hire("elif", chat.RoleAgent)
	both := []chat.DepartmentID{o.Department, second.ID}
	_, err = o.Desk.UpdateAgent(t.Context(), root, p.AgentID, chat.AgentPatch{Departments: &both})
	must(t, err)
	p.Departments = both
	for i := range 30 {
		o.In(o.Text(fmt.Sprintf("9055500000%02d", i), fmt.Sprintf("m%d", i), "hello"))
	}
	o.Exec(`UPDATE conversations SET department_id = $1 WHERE id IN (SELECT id FROM conversations ORDER BY id LIMIT 15)`, second.ID)
	for _, err := range together(4, func(i int) error {
		for range 12 {
			var err error
			switch i {
			case 0:
				err = o.Desk.Route(t.Context(), o.Department)
			case 1:
				err = o.Desk.Route(t.Context(), second.ID)
			case 2:
				if _, err = o.Desk.Pull(t.Context(), p); chat.CodeOf(err) != chat.CodeInternal && chat.CodeOf(err) != chat.CodeUnavailable {
					err = nil // not online just now, disabled, or nobody waits
				}
			case 3:
				if _, err = o.Desk.DisableAgent(t.Context(), root, p.AgentID); err == nil {
					_, err = o.Desk.EnableAgent(t.Context(), root, p.AgentID)
				}
				if err == nil {
					err = o.Desk.SetPresence(t.Context(), p, chat.Online, none)
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	}) {
		must(t, err)
	}
	if len(again) > 0 {
		t.Errorf("transactions were run again: %v", again)
	}
	for name, sql := range map[string]string{
		"conversations whose holder is not the one of the history": `SELECT count(*) FROM conversations c LEFT JOIN assignments a ON a.conversation_id = c.id AND a.ended_at IS NULL WHERE a.agent_id IS DISTINCT FROM c.agent_id`,
		"automatic assignments above the capacity":                 `SELECT count(*) FROM assignments WHERE how = 'automatic' AND load_after > capacity`,
		"conversations with gaps in their events":                  `SELECT count(*) FROM conversations c WHERE c.last_seq <> (SELECT count(*) FROM conversation_events e WHERE e.conversation_id = c.id)`,
	} {
		if n := o.Int(sql); n != 0 {
			t.Errorf("%d %s", n, name)
		}
	}
}
