package desk_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/secret"
	"gatehouse/internal/window"

	"github.com/google/go-cmp/cmp"
)

// office is a world with all that people need to get in.
type office struct {
	*desktest.World
	desk.Config
	verified atomic.Int64 // passwords looked at
}

const (
	masterKey  = "6a1f0c93d27be84455aa01fe9c3d7b2860e1f9a4b3c2d1e0f98776655443322f"
	otherKey   = "b0c1d2e3f405162738495a6b7c8d9eafb1c2d3e4f5061728394a5b6c7d8e9f01"
	goodSecret = "correct horse battery"
)

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{World: desktest.New(t)}
	passwords, err := auth.NewPasswords(4)
	if err != nil {
		t.Fatal(err)
	}
	o.Config = desk.Config{
		Store: o.World.Store, Waker: o, Publisher: o, Metrics: o, Log: slog.New(slog.DiscardHandler),
		Passwords: counting{passwords, &o.verified}, Box: box(t, masterKey), Second: auth.SecondFactor{Issuer: "Gatehouse"},
		Tokens: desk.Tokens{
			Session:   auth.NewToken,
			SetupLink: func() (string, []byte) { return auth.NewLink(auth.LinkSetup) },
			APIKey: func() (string, string, []byte) {
				k := auth.NewAPIKey()
				return k.Plain.Reveal(), k.Prefix, k.Hash
			},
		},
		Kinds: map[chat.ChannelKind]desk.Channel{desktest.Kind: {
			Label: "Toy", Parse: desktest.Parse, Window: window.Rule{Open: window.ServiceWindow}, Limits: chat.Limits{Templates: true, TextLimit: 4096},
			Settings: []chat.Setting{
				{Name: "number", Required: true},
				{Name: "token", Required: true, Secret: true},
				{Name: "pin", Secret: true},
				{Name: "host", Required: true, Default: "toy.example"},
				{Name: "group"},
			},
			Keys: func(s map[string]string) []chat.AccountKey {
				return []chat.AccountKey{
					{Kind: desktest.Kind, Type: "number", Value: s["number"]},
					{Kind: desktest.Kind, Type: "group", Value: s["group"]},
					{Kind: desktest.Kind, Type: "id", Value: s[chat.AccountIDSetting]},
				}
			},
		}},
	}
	o.Desk = desk.New(o.Config)
	return o
}

func box(t *testing.T, keys ...string) *secret.Box {
	t.Helper()
	parsed := make([]secret.Key, len(keys))
	for i, k := range keys {
		var err error
		if parsed[i], err = secret.ParseKey(k); err != nil {
			t.Fatal(err)
		}
	}
	b, err := secret.NewBox(parsed[0], parsed[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// counting counts how often a password is looked at.
type counting struct {
	*auth.Passwords
	n *atomic.Int64
}

func (c counting) Verify(ctx context.Context, password, hash string) (bool, bool, error) {
	c.n.Add(1)
	return c.Passwords.Verify(ctx, password, hash)
}

// root may do everything and is nobody: the command line.
var root = chat.Principal{Role: chat.RoleAdmin}

// hire makes an agent with goodSecret and signs them in.
func (o *office) hire(name string, role chat.Role) (chat.Principal, []byte) {
	o.T.Helper()
	a := o.make(name, role)
	token, _, err := o.Desk.SignIn(o.T.Context(), a.Email, goodSecret, "", "192.0.2.7", "test")
	if err != nil {
		o.T.Fatal(err)
	}
	hash := auth.HashToken(token)
	s, err := o.Desk.Session(o.T.Context(), hash)
	if err != nil {
		o.T.Fatal(err)
	}
	return s.Principal(), hash
}

func (o *office) make(name string, role chat.Role) chat.AgentLoad {
	o.T.Helper()
	a, err := o.Desk.CreateAgent(o.T.Context(), root, chat.AgentForm{
		Name: name, Email: name + "@example.com", Role: role, Capacity: 15, Departments: []chat.DepartmentID{o.Department},
	}, goodSecret)
	if err != nil {
		o.T.Fatal(err)
	}
	return a
}

// told forgets the news so far and returns those of a kind.
func (o *office) told(kind chat.NoticeKind) []chat.Notice {
	var out []chat.Notice
	for _, n := range o.Notices {
		if n.Kind == kind {
			out = append(out, n)
		}
	}
	return out
}

func (o *office) forget() { o.Notices, o.Wakes = nil, nil }

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// failed is the error of what answers something else, too.
func failed(_ bool, err error) error { return err }

// refusedField asserts that a field was refused.
func refusedField(t testing.TB, err error, code chat.Code, field string) {
	t.Helper()
	desktest.Code(t, err, code)
	var e *chat.Error
	if errors.As(err, &e); e.Details["field"] != field {
		t.Fatalf("refused for %v, want field %q", e.Details, field)
	}
}

func equal[T any](t testing.TB, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
}

// dump is what the database holds of a table, as text.
func (o *office) dump(table string) []byte {
	o.T.Helper()
	rows, err := o.World.Store.Pool().Query(o.T.Context(), "SELECT t::text FROM "+table+" t")
	must(o.T, err)
	defer rows.Close()
	var out bytes.Buffer
	for rows.Next() {
		var s string
		must(o.T, rows.Scan(&s))
		out.WriteString(s)
	}
	must(o.T, rows.Err())
	return out.Bytes()
}

// waitFor polls until a count is not zero.
func waitFor(w *desktest.World, what, sql string) {
	w.T.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); w.Int(sql) == 0; <-tick.C {
		if time.Now().After(deadline) {
			w.T.Fatalf("not in 20 s: %s", what)
		}
	}
}
