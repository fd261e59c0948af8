package desk_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

func TestAPersonSignsInAndIsFoundBySessionUntilTheySignOut(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.make("elif", chat.RoleManager)
	token, who, err := o.Desk.SignIn(t.Context(), " ELIF@example.com ", goodSecret, "", "192.0.2.7", "a browser")
	must(t, err)
	if who.ID != a.ID || !who.MustChange {
		t.Fatalf("signed in as %s, must change %v", who.ID, who.MustChange)
	}
	s, err := o.Desk.Session(t.Context(), auth.HashToken(token))
	must(t, err)
	equal(t, s.Principal(), chat.Principal{AgentID: a.ID, Role: chat.RoleManager, Departments: []chat.DepartmentID{o.Department}})
	if strings.Contains(string(o.dump("sessions")), token) {
		t.Error("the token is in the database")
	}
	again, _, err := o.Desk.SignIn(t.Context(), "elif@example.com", goodSecret, "", "", "")
	must(t, err)
	if again == token {
		t.Error("two sign-ins gave one token")
	}

	must(t, o.Desk.SetPresence(t.Context(), s.Principal(), chat.Online, chat.BreakReasonID{}))
	o.forget()
	must(t, o.Desk.SignOut(t.Context(), auth.HashToken(token)))
	_, err = o.Desk.Session(t.Context(), auth.HashToken(token))
	desktest.Code(t, err, chat.CodeSessionOver)
	if n := o.told(chat.NoticePresence); len(n) != 1 || n[0].Presence.Presence != chat.Offline {
		t.Errorf("the others were told %+v, want offline at once", n)
	}
	_, err = o.Desk.Session(t.Context(), auth.HashToken(again))
	must(t, err)
	must(t, o.Desk.SignOut(t.Context(), auth.HashToken(token))) // again: nothing happens
}

func TestAWrongPasswordAnUnknownAddressAndADisabledAgentAreRefusedAlikeAfterTheSameWork(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.make("elif", chat.RoleAgent)
	gone := o.make("can", chat.RoleAgent)
	_, err := o.Desk.DisableAgent(t.Context(), root, gone.ID)
	must(t, err)
	var said []string
	for _, try := range []struct{ email, password string }{
		{"elif@example.com", "not her password"},
		{"nobody@example.com", goodSecret},
		{"can@example.com", goodSecret},
		{"not an address", goodSecret},
		{"nul\x00@example.com", goodSecret},
		{"", ""},
	} {
		before := o.verified.Load()
		token, _, err := o.Desk.SignIn(t.Context(), try.email, try.password, "", "", "")
		desktest.Code(t, err, chat.CodeWrongCredentials)
		if token != "" {
			t.Error("a refused sign-in gave a token")
		}
		if n := o.verified.Load() - before; n != 1 {
			t.Errorf("%q: %d passwords looked at, want 1", try.email, n)
		}
		said = append(said, err.Error())
	}
	for _, s := range said[1:] {
		if s != said[0] {
			t.Errorf("%q and %q can be told apart", s, said[0])
		}
	}
}

func TestASessionIsOverAfterADayOrEightHoursWithoutUse(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, c := range []struct {
		name    string
		created time.Duration // ago
		used    time.Duration // ago
		holds   bool
	}{
		{"nearly idle", 9 * time.Hour, 8*time.Hour - time.Minute, true},
		{"idle", 9 * time.Hour, 8*time.Hour + time.Second, false},
		{"nearly a day", 24*time.Hour - time.Minute, 0, true},
		{"a day", 24 * time.Hour, 0, false},
	} {
		p, hash := o.hire(strings.ReplaceAll(c.name, " ", "-"), chat.RoleAgent)
		must(t, o.Desk.SetPresence(t.Context(), p, chat.Online, chat.BreakReasonID{}))
		o.Exec(`UPDATE sessions SET expires_at = now() + interval '24 hours' - $2::interval, used_at = now() - $3::interval WHERE token_hash = $1`, hash, c.created, c.used)
		_, err := o.Desk.Session(t.Context(), hash)
		if holds := err == nil; holds != c.holds {
			t.Errorf("%s: %v, want it to hold: %v", c.name, err, c.holds)
		}
		o.forget()
		must(t, o.Desk.SweepPresence(t.Context()))
		over := len(o.told(chat.NoticeSession)) == 1
		me, err := o.Desk.Me(t.Context(), p)
		must(t, err)
		if want := !c.holds; over != want || (me.Presence == chat.Offline) != want {
			t.Errorf("%s: told that it is over: %v, presence %s", c.name, over, me.Presence)
		}
	}
}

func TestTheDesksShiftedClockDoesNotEndSessions(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, hash := o.hire("elif", chat.RoleAgent)
	must(t, o.Desk.SetPresence(t.Context(), p, chat.Online, chat.BreakReasonID{}))
	o.World.Store.Shift(48 * time.Hour)
	_, err := o.Desk.Session(t.Context(), hash)
	must(t, err)
	must(t, o.Desk.SweepPresence(t.Context()))
	me, err := o.Desk.Me(t.Context(), p)
	must(t, err)
	if me.Presence != chat.Online {
		t.Errorf("the agent is %s", me.Presence)
	}
}

func TestTheUseOfASessionIsNotedAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, hash := o.hire("elif", chat.RoleAgent)
	age := func() int {
		return o.Int(`SELECT extract(epoch FROM now() - used_at)::int FROM sessions WHERE token_hash = $1`, hash)
	}
	for _, c := range []struct{ before, after int }{{50, 50}, {70, 0}} {
		o.Exec(`UPDATE sessions SET used_at = now() - make_interval(secs => $2::int) WHERE token_hash = $1`, hash, c.before)
		_, err := o.Desk.Session(t.Context(), hash)
		must(t, err)
		if got := age(); got < c.after || got > c.after+5 {
			t.Errorf("used %d s ago before, %d s ago after", c.before, got)
		}
	}
}

func TestADisabledAgentIsOutAtOnceAndASessionOfThenDoesNotComeBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, hash := o.hire("elif", chat.RoleAgent)
	o.forget()
	_, err := o.Desk.DisableAgent(t.Context(), root, p.AgentID)
	must(t, err)
	_, err = o.Desk.Session(t.Context(), hash)
	desktest.Code(t, err, chat.CodeSessionOver)
	if n := o.told(chat.NoticeSession); len(n) != 1 || n[0].Agent != p.AgentID {
		t.Errorf("told of sessions: %+v", n)
	}
	had, err := o.World.Store.CredentialsOf(t.Context(), p.AgentID)
	must(t, err)
	late := o.World.Store.StartSession(t.Context(), chat.SignIn{TokenHash: []byte("late"), Agent: p.AgentID, PasswordHash: had.PasswordHash})
	desktest.Code(t, late, chat.CodeWrongCredentials) // verified before, started after
	_, err = o.Desk.EnableAgent(t.Context(), root, p.AgentID)
	must(t, err)
	_, err = o.Desk.Session(t.Context(), hash)
	desktest.Code(t, err, chat.CodeSessionOver)
	_, _, err = o.Desk.SignIn(t.Context(), "elif@example.com", goodSecret, "", "", "")
	must(t, err)
}

func TestAChangedPasswordEndsTheOtherSessionsAndIsNoLongerTheFirst(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, here := o.hire("elif", chat.RoleAgent)
	token, _, err := o.Desk.SignIn(t.Context(), "elif@example.com", goodSecret, "", "", "")
	must(t, err)
	elsewhere := auth.HashToken(token)
	const next = "another fine password"

	desktest.Code(t, o.Desk.ChangePassword(t.Context(), p, here, "wrong", next), chat.CodeWrongCredentials)
	refusedField(t, o.Desk.ChangePassword(t.Context(), p, here, goodSecret, goodSecret), chat.CodeInvalid, "password")
	refusedField(t, o.Desk.ChangePassword(t.Context(), p, here, goodSecret, "short"), chat.CodeInvalid, "password")
	refusedField(t, o.Desk.ChangePassword(t.Context(), p, here, goodSecret, "i am elif 99"), chat.CodeInvalid, "password")
	must(t, o.Desk.ChangePassword(t.Context(), p, here, goodSecret, next))

	s, err := o.Desk.Session(t.Context(), here)
	must(t, err)
	if s.Agent.MustChange {
		t.Error("the agent must still change the password")
	}
	_, err = o.Desk.Session(t.Context(), elsewhere)
	desktest.Code(t, err, chat.CodeSessionOver)
	_, _, err = o.Desk.SignIn(t.Context(), "elif@example.com", goodSecret, "", "", "")
	desktest.Code(t, err, chat.CodeWrongCredentials)

	must(t, o.Desk.SetAgentPassword(t.Context(), root, p.AgentID, goodSecret))
	_, err = o.Desk.Session(t.Context(), here)
	desktest.Code(t, err, chat.CodeSessionOver)
	_, who, err := o.Desk.SignIn(t.Context(), "elif@example.com", goodSecret, "", "", "")
	must(t, err)
	if !who.MustChange {
		t.Error("a password from an admin must be changed")
	}
}

func TestOfTwoPasswordChangesAtOnceOneWins(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, hash := o.hire("elif", chat.RoleAgent)
	errs := together(2, func(i int) error {
		return o.Desk.ChangePassword(t.Context(), p, hash, goodSecret, goodSecret+strings.Repeat("!", i+1))
	})
	if n := count(errs, ""); n != 1 {
		t.Fatalf("%d changes went through: %v", n, errs)
	}
}

func TestAHundredAtTheFirstAdminsLinkMakeOneAdmin(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var links [2][]byte
	for i := range links {
		token, err := o.Desk.SetupLink(t.Context())
		must(t, err)
		if token == "" || strings.Contains(string(o.dump("setup_links")), token) {
			t.Fatalf("link %q", token)
		}
		links[i] = auth.HashLink(auth.LinkSetup, token)
		must(t, o.Desk.SetupOpen(t.Context(), links[i]))
	}
	errs := together(100, func(i int) error {
		_, _, err := o.Desk.Setup(t.Context(), links[i%2], "Elif", string(rune('a'+i%26))+"@example.com", goodSecret, "", "")
		return err
	})
	// Who waited longer than a statement may, on a machine with other work, is refused too.
	if ok, refused := count(errs, ""), count(errs, chat.CodeNotFound)+count(errs, chat.CodeUnavailable); ok != 1 || ok+refused != 100 {
		t.Fatalf("%d admins were made, %d refused: %v", ok, refused, errs)
	}
	if n := o.Int(`SELECT count(*) FROM agents`); n != 1 {
		t.Errorf("%d agents", n)
	}
	for _, l := range links {
		desktest.Code(t, o.Desk.SetupOpen(t.Context(), l), chat.CodeNotFound)
	}
	token, err := o.Desk.SetupLink(t.Context())
	must(t, err)
	if token != "" {
		t.Error("a link was made although there is an admin")
	}
}

func TestTheFirstAdminIsSignedInAndTheLinkEndsAfterADay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	made, err := o.Desk.SetupLink(t.Context())
	must(t, err)
	link := auth.HashLink(auth.LinkSetup, made)
	_, _, err = o.Desk.Setup(t.Context(), link, "Elif", "elif", goodSecret, "", "")
	refusedField(t, err, chat.CodeInvalid, "email") // a mistake does not use the link up
	o.Exec(`UPDATE setup_links SET expires_at = now() - interval '1 second'`)
	_, _, err = o.Desk.Setup(t.Context(), link, "Elif", "elif@example.com", goodSecret, "", "")
	desktest.Code(t, err, chat.CodeNotFound)
	o.Exec(`UPDATE setup_links SET expires_at = now() + interval '1 minute'`)
	token, who, err := o.Desk.Setup(t.Context(), link, "Elif", "elif@example.com", goodSecret, "", "")
	must(t, err)
	s, err := o.Desk.Session(t.Context(), auth.HashToken(token))
	must(t, err)
	if s.Agent.ID != who.ID || s.Agent.Role != chat.RoleAdmin || s.Agent.MustChange {
		t.Errorf("the first admin is %+v", s.Agent)
	}
}

func TestAnAPIKeyOpensUntilItIsRevokedAndItsSecretIsNotKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	k, plain, err := o.Desk.CreateAPIKey(t.Context(), root, chat.APIKeyForm{Name: "shop", Role: chat.RoleManager, Scopes: []string{"inbox:read"}})
	must(t, err)
	hash, prefix, err := auth.HashAPIKey(plain)
	must(t, err)
	if prefix != k.Prefix || strings.Contains(string(o.dump("api_keys")), plain) {
		t.Errorf("the key %q is kept, or is not recognised", k.Prefix)
	}
	got, err := o.Desk.APIKey(t.Context(), hash)
	must(t, err)
	equal(t, got.Principal(), chat.Principal{APIKeyID: k.ID, Role: chat.RoleManager, Scopes: []string{"inbox:read"}, Departments: []chat.DepartmentID{o.Department}})
	keys, err := o.Desk.APIKeys(t.Context(), root)
	must(t, err)
	if len(keys) != 1 || keys[0].UsedAt.IsZero() {
		t.Errorf("keys %+v, want one that was used", keys)
	}
	o.Exec(`UPDATE api_keys SET used_at = now() - interval '30 seconds'`)
	_, err = o.Desk.APIKey(t.Context(), hash)
	must(t, err)
	if n := o.Int(`SELECT count(*) FROM api_keys WHERE used_at < now() - interval '20 seconds'`); n != 1 {
		t.Error("the use was noted twice within a minute")
	}
	must(t, o.Desk.RevokeAPIKey(t.Context(), root, k.ID))
	_, err = o.Desk.APIKey(t.Context(), hash)
	desktest.Code(t, err, chat.CodeSessionOver)
	desktest.Code(t, o.Desk.RevokeAPIKey(t.Context(), root, k.ID), chat.CodeNotFound)

	_, _, err = o.Desk.CreateAPIKey(t.Context(), root, chat.APIKeyForm{Name: "", Role: chat.RoleAgent, Scopes: []string{"x"}})
	refusedField(t, err, chat.CodeInvalid, "name")
	_, _, err = o.Desk.CreateAPIKey(t.Context(), root, chat.APIKeyForm{Name: "x", Role: "owner", Scopes: []string{"x"}})
	refusedField(t, err, chat.CodeInvalid, "role")
	_, _, err = o.Desk.CreateAPIKey(t.Context(), root, chat.APIKeyForm{Name: "x", Role: chat.RoleAgent, Scopes: nil})
	refusedField(t, err, chat.CodeInvalid, "scopes")
}

func TestAnAPIKeySeesTheDepartmentsThatItWasMadeFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	sales, err := o.Desk.CreateDepartment(t.Context(), root, chat.Department{Name: "Sales"})
	must(t, err)
	make := func(f chat.APIKeyForm) []chat.DepartmentID {
		t.Helper()
		f.Name, f.Scopes = "shop", []string{"inbox:read"}
		_, plain, err := o.Desk.CreateAPIKey(t.Context(), root, f)
		must(t, err)
		hash, _, err := auth.HashAPIKey(plain)
		must(t, err)
		k, err := o.Desk.APIKey(t.Context(), hash)
		must(t, err)
		return k.Principal().Departments
	}
	if got := make(chat.APIKeyForm{Role: chat.RoleAgent, Departments: []chat.DepartmentID{sales.ID, sales.ID}}); len(got) != 1 || got[0] != sales.ID {
		t.Errorf("it sees %v", got)
	}
	if got := make(chat.APIKeyForm{Role: chat.RoleManager}); len(got) != 2 {
		t.Errorf("without departments it sees %v", got)
	}
	if got := make(chat.APIKeyForm{Role: chat.RoleAdmin}); len(got) != 0 {
		t.Errorf("an admin's key is narrowed to %v", got)
	}
	for _, f := range []chat.APIKeyForm{
		{Name: "x", Role: chat.RoleAgent, Scopes: []string{"x"}, Departments: []chat.DepartmentID{chat.NewID[chat.DepartmentID]()}},
		{Name: "x", Role: chat.RoleAdmin, Scopes: []string{"x"}, Departments: []chat.DepartmentID{sales.ID}},
	} {
		_, _, err := o.Desk.CreateAPIKey(t.Context(), root, f)
		refusedField(t, err, chat.CodeInvalid, "departments")
	}
	must(t, o.Desk.DeleteDepartment(t.Context(), root, sales.ID)) // no key keeps it
}

func TestAPersonEndsTheirOwnSessionsAndNobodyElses(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, first := o.hire("elif", chat.RoleAgent)
	token, _, err := o.Desk.SignIn(t.Context(), "elif@example.com", goodSecret, "", "192.0.2.9", "a phone")
	must(t, err)
	second := auth.HashToken(token)
	stranger, _ := o.hire("can", chat.RoleAgent)
	all, err := o.Desk.OwnSessions(t.Context(), p)
	must(t, err)
	if len(all) != 2 || all[0].IP != "192.0.2.9" || all[0].UserAgent != "a phone" || all[0].ExpiresAt.IsZero() {
		t.Fatalf("%+v", all)
	}
	desktest.Code(t, o.Desk.EndOwnSession(t.Context(), stranger, all[0].ID), chat.CodeNotFound)
	must(t, o.Desk.SetPresence(t.Context(), p, chat.Online, chat.BreakReasonID{}))
	o.Told()
	must(t, o.Desk.EndOwnSession(t.Context(), p, all[0].ID))
	_, err = o.Desk.Session(t.Context(), second)
	desktest.Code(t, err, chat.CodeSessionOver)
	_, err = o.Desk.Session(t.Context(), first)
	must(t, err)
	if told := o.Told(); len(told) != 1 || told[0].Kind != chat.NoticeSession || told[0].Agent != p.AgentID {
		t.Errorf("its sockets are not told: %+v", told)
	}
	desktest.Code(t, o.Desk.EndOwnSession(t.Context(), p, all[0].ID), chat.CodeNotFound)
	must(t, o.Desk.EndOwnSession(t.Context(), p, all[1].ID))
	if n := o.Int(`SELECT count(*) FROM agent_presence WHERE agent_id = $1 AND presence = 'offline'`, p.AgentID); n != 1 {
		t.Error("who has no session is not offline")
	}
}

// together runs f n times at once and returns what each said.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// count counts the errors of a code; "" counts the successes.
func count(errs []error, code chat.Code) int {
	n := 0
	for _, err := range errs {
		if (err == nil && code == "") || (err != nil && code != "" && chat.CodeOf(err) == code) {
			n++
		}
	}
	return n
}
