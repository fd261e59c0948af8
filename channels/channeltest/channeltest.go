// Package channeltest is the suite that every channel driver passes: its webhooks give what the golden files say and
// nothing makes them panic; its sender writes the requests that its table says and tells "surely not sent" from "not
// known"; its secrets show nowhere.
//
// A driver's test calls Run with a Suite. Webhook payloads are testdata/<name>.json, what Parse makes of them is
// testdata/<name>.golden.json; `go test -update` rewrites the latter, and a person reads the difference. Golden files
// bless what the code does, so a driver also states in a table of its own what each payload must give.
package channeltest

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// Suite is what Run needs to know of a driver.
type Suite struct {
	// Settings and Secrets are those of a complete account. Secrets have values of at least eight characters that appear
	// nowhere else.
	Settings map[string]string
	Secrets  channels.Secrets
	// BaseURL names the setting that points to the provider, so that a test server can stand in.
	BaseURL string
	// Meta says that webhooks are signed, and subscribed to, as Meta does: testdata has signatures.json and
	// verification.json.
	Meta bool
	// Example is a message that the driver can send; Sends are the outgoing cases.
	Example chat.Outbound
	Sends   []Send
}

// Now is the clock of senders under test.
var now = time.Date(2026, 11, 21, 8, 33, 20, 0, time.UTC)

// Run checks a driver. Parts that a driver does not have (a webhook, a sender) are not asked of it.
func Run(t *testing.T, d channels.Driver, s Suite) {
	t.Helper()
	t.Run("capabilities", func(t *testing.T) { t.Parallel(); capabilities(t, d) })
	t.Run("settings", func(t *testing.T) { t.Parallel(); settings(t, d, s) })
	if d.Webhook != nil {
		t.Run("webhook", func(t *testing.T) { t.Parallel(); webhook(t, d, s) })
	}
	if d.Open != nil {
		t.Run("send", func(t *testing.T) { t.Parallel(); sends(t, d, s) })
	}
}

func capabilities(t *testing.T, d channels.Driver) {
	t.Helper()
	c := d.Capabilities
	if d.Kind == "" || d.Label == "" {
		t.Error("a driver has a kind and a label")
	}
	if c.Templates != c.Window.Templates {
		t.Error("window rule and limits disagree about templates")
	}
	if c.Window.Open < 0 || c.Window.HumanAgent != 0 && c.Window.HumanAgent <= c.Window.Open {
		t.Errorf("window rule %+v makes no sense", c.Window)
	}
	if c.TextLimit < 0 || c.Caption < 0 || c.Buttons < 0 || c.PerSecond < 0 {
		t.Error("a limit is negative")
	}
	if (c.PairEvery > 0) != (c.PairBurst > 0) {
		t.Error("a pair limit has a distance and a burst")
	}
	for kind, m := range c.Media {
		if !kind.HasMedia() || m.Bytes <= 0 {
			t.Errorf("%s: not a file of a limited size", kind)
		}
		for _, name := range m.Types {
			if name != strings.ToLower(name) || strings.Count(name, "/") != 1 || strings.ContainsAny(name, "; ") {
				t.Errorf("%s: %q is no plain media type", kind, name)
			}
		}
	}
}

func settings(t *testing.T, d channels.Driver, s Suite) {
	t.Helper()
	seen := map[string]bool{}
	for _, x := range d.Settings {
		if seen[x.Name] || x.Name == "" || x.Label == "" || x.Name != strings.ToLower(x.Name) {
			t.Errorf("setting %+v", x)
		}
		seen[x.Name] = true
		if x.Required && x.Default != "" {
			t.Errorf("%s is required and has a default", x.Name)
		}
		word := x.Name[strings.LastIndexByte(x.Name, '_')+1:]
		if named := word == "token" || word == "secret" || word == "password"; named && !x.Secret {
			t.Errorf("%s sounds like a secret", x.Name)
		}
		_, plain := s.Settings[x.Name]
		_, secret := s.Secrets[x.Name]
		if x.Required && !plain && !secret || x.Secret && plain || !x.Secret && secret {
			t.Errorf("the suite's account disagrees about %s", x.Name)
		}
	}
	keys := d.Keys(s.Settings)
	if len(keys) == 0 {
		t.Fatal("a complete account has no key")
	}
	for _, k := range keys {
		if k.Kind != d.Kind || k.Type == "" || k.Value == "" {
			t.Errorf("key %+v", k)
		}
	}
	if len(d.Keys(nil)) != 0 {
		t.Error("no settings give a key")
	}
	if d.Open != nil && len(s.Secrets) > 0 {
		if _, err := d.Open(channels.Account{}, channels.Deps{HTTP: &http.Client{}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}); err == nil {
			t.Error("an account without settings can be opened")
		}
	}
}

// Open opens the suite's account against handler, and checks at the end of the test that nothing was logged that holds a
// secret.
func Open(t *testing.T, d channels.Driver, s Suite, handler http.HandlerFunc) channels.Sender {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return open(t, d, s, server.URL, server.Client())
}

func open(t *testing.T, d channels.Driver, s Suite, base string, client *http.Client) channels.Sender {
	t.Helper()
	log := &journal{}
	a := channels.Account{Account: chat.Account{ID: chat.NewID[chat.AccountID](), Kind: d.Kind, Settings: map[string]string{}}, Secrets: s.Secrets}
	maps.Copy(a.Settings, s.Settings)
	a.Settings[s.BaseURL] = base
	sender, err := d.Open(a, channels.Deps{
		HTTP: client, Now: func() time.Time { return now },
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.secretless(t, "the log", log.String()) })
	return sender
}

// secretless fails if text holds one of the account's secrets.
func (s Suite) secretless(t *testing.T, where, text string) {
	t.Helper()
	for name, v := range s.Secrets {
		if len(v) >= 8 && strings.Contains(text, v) {
			t.Errorf("%s shows %s", where, name)
		}
	}
}

// journal is a log that tests read.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// drain reads a request to its end, so that the client has surely written it.
func drain(r *http.Request) []byte {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	return data
}
