package desk_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
)

// code is what the phone shows now or, with a step more, what one whose clock is half a minute ahead shows: after a code was
// taken the next is good at once, and it stays good while a slow machine gets to it.
func code(t testing.TB, shared string, steps int) string {
	t.Helper()
	c, err := totp.GenerateCode(shared, time.Now().Add(time.Duration(steps)*30*time.Second))
	must(t, err)
	return c
}

// enrolled is an agent with a second factor.
func (o *office) enrolled(name string) (p chat.Principal, shared string, recovery []string) {
	o.T.Helper()
	p, _ = o.hire(name, chat.RoleAgent)
	shared, url, err := o.Desk.BeginTOTP(o.T.Context(), p, goodSecret)
	must(o.T, err)
	if !strings.HasPrefix(url, "otpauth://totp/Gatehouse:"+name+"@example.com?") {
		o.T.Errorf("the app would show %s", strings.Split(url, "?")[0])
	}
	recovery, err = o.Desk.ConfirmTOTP(o.T.Context(), p, code(o.T, shared, 0))
	must(o.T, err)
	return p, shared, recovery
}

func (o *office) signIn(email, code string) error {
	_, _, err := o.Desk.SignIn(o.T.Context(), email, goodSecret, code, "", "")
	return err
}

func refusedTOTP(t *testing.T, err error, why string) {
	t.Helper()
	desktest.Code(t, err, chat.CodeWrongCredentials)
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Details["totp"] != why {
		t.Errorf("%v, want totp %q", err, why)
	}
}

func TestASecondFactorIsAskedForOnceItIsConfirmed(t *testing.T) { // S34
	t.Parallel()
	o := newOffice(t)
	p, shared, recovery := o.enrolled("elif")
	if got, err := o.Desk.TOTP(t.Context(), p); err != nil || !got.Confirmed || got.Recovery != len(recovery) || len(recovery) != 10 {
		t.Errorf("%+v, %v", got, err)
	}
	refusedTOTP(t, o.signIn("elif@example.com", ""), "required")
	refusedTOTP(t, o.signIn("elif@example.com", "000000x"), "wrong")
	used := code(t, shared, 1)
	must(t, o.signIn("elif@example.com", used))
	refusedTOTP(t, o.signIn("elif@example.com", used), "wrong")
	refusedTOTP(t, o.signIn("elif@example.com", code(t, shared, 0)), "wrong") // earlier than one that was taken
	_, _, err := o.Desk.SignIn(t.Context(), "elif@example.com", "not the password", code(t, shared, 1), "", "")
	if desktest.Code(t, err, chat.CodeWrongCredentials); strings.Contains(err.Error(), "second factor") {
		t.Error("a wrong password tells that there is a second factor")
	}
	for _, table := range []string{"agent_totp", "agents"} {
		dump := string(o.dump(table))
		if strings.Contains(dump, shared) || strings.Contains(dump, recovery[0]) {
			t.Errorf("%s holds a secret in the clear", table)
		}
	}
}

func TestOfTwoSignInsWithOneCodeOneIsLetIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, shared, recovery := o.enrolled("elif")
	for name, c := range map[string]string{"code": code(t, shared, 1), "recovery code": recovery[3]} {
		in := 0
		for _, err := range together(5, func(int) error { return o.signIn("elif@example.com", c) }) {
			if err == nil {
				in++
			}
		}
		if in != 1 {
			t.Errorf("one %s let in %d", name, in)
		}
	}
}

func TestARecoveryCodeIsGoodOnceHoweverItIsTyped(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _, recovery := o.enrolled("elif")
	must(t, o.signIn("elif@example.com", strings.ToUpper(strings.ReplaceAll(recovery[0], "-", " "))))
	refusedTOTP(t, o.signIn("elif@example.com", recovery[0]), "wrong")
	must(t, o.signIn("elif@example.com", recovery[1]))
	if got, err := o.Desk.TOTP(t.Context(), p); err != nil || got.Recovery != 8 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestASecondFactorIsBegunAndEndedWithThePassword(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := o.hire("elif", chat.RoleAgent)
	_, err := o.Desk.ConfirmTOTP(t.Context(), p, "123456")
	desktest.Code(t, err, chat.CodeNotFound)
	_, _, err = o.Desk.BeginTOTP(t.Context(), p, "not the password")
	refusedField(t, err, chat.CodeWrongCredentials, "password")
	first, _, err := o.Desk.BeginTOTP(t.Context(), p, goodSecret)
	must(t, err)
	must(t, o.signIn("elif@example.com", "")) // begun is not in use
	shared, _, err := o.Desk.BeginTOTP(t.Context(), p, goodSecret)
	must(t, err)
	_, err = o.Desk.ConfirmTOTP(t.Context(), p, code(t, first, 0))
	desktest.Code(t, err, chat.CodeWrongCredentials) // of a phone that was not the last one
	_, err = o.Desk.ConfirmTOTP(t.Context(), p, code(t, shared, 0))
	must(t, err)
	_, err = o.Desk.ConfirmTOTP(t.Context(), p, code(t, shared, 1))
	desktest.Code(t, err, chat.CodeNotFound)
	_, _, err = o.Desk.BeginTOTP(t.Context(), p, goodSecret)
	refusedField(t, err, chat.CodeInUse, "totp")
	desktest.Code(t, o.Desk.EndTOTP(t.Context(), p, "not the password"), chat.CodeWrongCredentials)
	must(t, o.Desk.EndTOTP(t.Context(), p, goodSecret))
	must(t, o.signIn("elif@example.com", ""))
}

func TestAnAdminHelpsWhoLostThePhone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _, _ := o.enrolled("elif")
	desktest.Code(t, o.Desk.EndAgentTOTP(t.Context(), p, p.AgentID), chat.CodeForbidden)
	desktest.Code(t, o.Desk.EndAgentTOTP(t.Context(), root, chat.NewID[chat.AgentID]()), chat.CodeNotFound)
	must(t, o.Desk.EndAgentTOTP(t.Context(), root, p.AgentID))
	if n := o.Int(`SELECT count(*) FROM sessions WHERE agent_id = $1`, p.AgentID); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	must(t, o.signIn("elif@example.com", ""))
}

func TestASecondFactorOutlivesANewMasterKey(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, shared, _ := o.enrolled("elif")
	o.Config.Box = box(t, otherKey, masterKey)
	o.Desk = desk.New(o.Config)
	_, err := o.Desk.Reseal(t.Context())
	must(t, err)
	o.Config.Box = box(t, otherKey)
	o.Desk = desk.New(o.Config)
	must(t, o.signIn("elif@example.com", code(t, shared, 1)))
}
