package gateway_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/channels"
	"gatehouse/gateway"
	"gatehouse/gateway/hooks"
	"gatehouse/gateway/live"
	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/bus"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/media"
	"gatehouse/internal/secret"
	"gatehouse/internal/window"
)

// house is the gateway on a real listener, over a real desk, database and bus. Its one channel is the toy of desktest, with
// webhooks that are signed as Meta signs.
type house struct {
	*desktest.World
	t       testing.TB
	bus     *bus.Bus
	gateway *gateway.Gateway
	cfg     gateway.Config
	deps    gateway.Deps
	url     string
	logged  *logged
}

const (
	toySecret = "the toy's app secret"
	toyObject = "toy_account"
	masterKey = "6a1f0c93d27be84455aa01fe9c3d7b2860e1f9a4b3c2d1e0f98776655443322f"
)

func newHouse(t testing.TB, change ...func(*gateway.Config, *gateway.Deps)) *house {
	t.Helper()
	h := &house{World: desktest.New(t), t: t, logged: &logged{}}
	log := slog.New(slog.NewJSONHandler(h.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.bus = bus.New(nil, "test", "node-1", log, nil)
	h.Desk = newDesk(t, h.World, h.bus)
	key, err := secret.ParseKey(masterKey)
	must(t, err)
	links, err := auth.NewMediaLinks(key.Derive("media link"))
	must(t, err)
	cursors, err := auth.NewCursors(key.Derive("cursor"))
	must(t, err)
	files, err := media.OpenFiles(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, files.Close()) })
	h.cfg = gateway.Config{PublicURL: "https://desk.example.com", Node: "node-1"}
	h.deps = gateway.Deps{
		Drivers: []channels.Driver{toyDriver()}, Desk: h.Desk, Door: h.Door, Accounts: toyAccounts{h.World}, Principals: principals{h.Desk},
		Sessions: principals{h.Desk}, Bus: h.bus, Attempts: auth.NewSignInLimiter(time.Now), Links: links, Cursors: cursors,
		CSRFKey: key.Derive("csrf"), Intake: media.Intake{Store: files, Previews: media.NewPreviewer(1), Limits: media.DefaultLimits()},
		CheckAccount: func(context.Context, chat.AccountID) error { return nil }, Metrics: &counted{}, Log: log, Now: time.Now,
	}
	for _, c := range change {
		c(&h.cfg, &h.deps)
	}
	h.gateway, h.url = serve(t, h.cfg, h.deps)
	return h
}

// serve runs a gateway until the test ends.
func serve(t testing.TB, cfg gateway.Config, deps gateway.Deps) (*gateway.Gateway, string) {
	t.Helper()
	g := gateway.New(cfg, deps)
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp4", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		must(t, g.Stop(ctx))
		must(t, <-served)
	})
	return g, "http://" + l.Addr().String()
}

func newDesk(t testing.TB, w *desktest.World, publisher desk.Publisher) *desk.Desk {
	t.Helper()
	passwords, err := auth.NewPasswords(2)
	must(t, err)
	key, err := secret.ParseKey(masterKey)
	must(t, err)
	box, err := secret.NewBox(key)
	must(t, err)
	d := toyDriver()
	return desk.New(desk.Config{
		Store: w.Store, Waker: w, Publisher: publisher, Metrics: w, Log: slog.New(slog.DiscardHandler), Passwords: passwords, Box: box, Second: auth.SecondFactor{Issuer: "Gatehouse"},
		Tokens: desk.Tokens{
			Session:   auth.NewToken,
			SetupLink: func() (string, []byte) { return auth.NewLink(auth.LinkSetup) },
			APIKey: func() (string, string, []byte) {
				k := auth.NewAPIKey()
				return k.Plain.Reveal(), k.Prefix, k.Hash
			},
		},
		Kinds: map[chat.ChannelKind]desk.Channel{desktest.Kind: {
			Label: "Toy", Parse: desktest.Parse, Window: d.Capabilities.Window, Limits: d.Capabilities.Limits,
		}},
	})
}

// toyDriver is a channel whose payloads name their accounts in "to".
func toyDriver() channels.Driver {
	return channels.Driver{
		Kind: desktest.Kind, Label: "Toy",
		Capabilities: channels.Capabilities{
			Window: window.Rule{Open: window.ServiceWindow, Templates: true, FreeEntry: window.FreeEntryWindow},
			Limits: chat.Limits{
				Templates: true, TextLimit: 4096, Caption: 1024, Location: true, Reactions: true, ReplyTo: true, Buttons: 3, List: true,
				PerSecond: 1000, Media: map[chat.MessageKind]chat.MediaLimit{chat.KindImage: {Types: []string{"image/png"}, Bytes: 1 << 20}, chat.KindDocument: {}},
			},
		},
		Settings: []channels.Setting{{Name: "app_secret", Label: "Secret", Secret: true, Required: true}},
		Webhook: &channels.Webhook{
			Object: toyObject,
			Verify: func(r channels.Request, s channels.Secrets) error {
				if !hmac.Equal([]byte(strings.ToLower(r.Get("X-Hub-Signature-256"))), []byte(sign(s["app_secret"], r.Body))) {
					return errors.New("forged")
				}
				return nil
			},
			Challenge: func(r channels.Request, s channels.Secrets) ([]byte, bool) {
				if one(r.Query, "hub.mode") != "subscribe" || one(r.Query, "hub.verify_token") != s["verify_token"] {
					return nil, false
				}
				if c := one(r.Query, "hub.challenge"); strings.Trim(c, "0123456789") == "" {
					return []byte(c), true
				}
				return nil, true
			},
			Route: func(r channels.Request) (keys []chat.AccountKey) {
				var p struct {
					Object string   `json:"object"`
					To     []string `json:"to"`
				}
				if json.Unmarshal(r.Body, &p) != nil || p.Object != toyObject {
					return nil
				}
				for _, to := range p.To {
					keys = append(keys, chat.AccountKey{Kind: desktest.Kind, Type: "number", Value: to})
				}
				return keys
			},
			Parse: desktest.Parse,
		},
	}
}

func one(m map[string][]string, k string) string {
	if len(m[k]) == 1 {
		return m[k][0]
	}
	return ""
}

func sign(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// toyAccounts is the world's one account.
type toyAccounts struct{ w *desktest.World }

func (a toyAccounts) WebhookAccounts(context.Context) ([]channels.Account, error) {
	return []channels.Account{{
		Account: chat.Account{ID: a.w.Account, Kind: desktest.Kind, Keys: []chat.AccountKey{a.w.Key}},
		Secrets: channels.Secrets{"app_secret": toySecret, "verify_token": "hello"},
	}}, nil
}

// principals finds who asks, as internal/app does.
type principals struct{ desk *desk.Desk }

func (p principals) Session(ctx context.Context, token string) (web.Who, error) {
	s, err := p.desk.Session(ctx, auth.HashToken(token))
	return web.Who{Principal: s.Principal(), Permissions: permissions(s.Agent.Role), Session: token, FirstPassword: s.Agent.MustChange}, err
}

func (p principals) CheckSession(ctx context.Context, token string) (web.Who, error) {
	s, err := p.desk.PeekSession(ctx, auth.HashToken(token))
	return web.Who{Principal: s.Principal(), Permissions: permissions(s.Agent.Role), Session: token, FirstPassword: s.Agent.MustChange}, err
}

func (p principals) APIKey(ctx context.Context, key string) (web.Who, error) {
	hash, _, err := auth.HashAPIKey(key)
	if err != nil {
		return web.Who{}, err
	}
	k, err := p.desk.APIKey(ctx, hash)
	return web.Who{Principal: k.Principal(), Permissions: permissions(k.Role)}, err
}

func permissions(r chat.Role) (out []string) {
	for _, p := range r.Permissions() {
		out = append(out, string(p))
	}
	return out
}

// counted is the metrics, for looking at.
type counted struct {
	mu       sync.Mutex
	webhooks map[hooks.Outcome]int
	closed   map[live.Reason]int
	missed   int
	resynced int
	sockets  int
}

func (c *counted) Webhook(_ chat.ChannelKind, o hooks.Outcome, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.webhooks == nil {
		c.webhooks = map[hooks.Outcome]int{}
	}
	c.webhooks[o]++
}

func (c *counted) Closed(r live.Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed == nil {
		c.closed = map[live.Reason]int{}
	}
	c.closed[r]++
}

func (c *counted) Sockets(n int)     { c.mu.Lock(); defer c.mu.Unlock(); c.sockets = n }
func (c *counted) Missed(n int)      { c.mu.Lock(); defer c.mu.Unlock(); c.missed += n }
func (c *counted) Resynced(n int)    { c.mu.Lock(); defer c.mu.Unlock(); c.resynced += n }
func (c *counted) Frames(int)        {}
func (c *counted) Lag(time.Duration) {}
func (c *counted) SweepFailed(bool)  {}
func (c *counted) SignIn(string)     {}

func (c *counted) outcome(o hooks.Outcome) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.webhooks[o]
}

// logged keeps what was logged.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }

func (l *logged) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// caller is somebody who asks: an agent's browser, a program with a key, or nobody.
type caller struct {
	h         *house
	principal chat.Principal
	token     string
	key       string
	csrf      string
}

// nobody is a caller without anything.
func (h *house) nobody() *caller { return &caller{h: h} }

// agent signs a new agent of a role in.
func (h *house) agent(role chat.Role) *caller {
	h.t.Helper()
	p := h.World.Agent(string(role)+"-"+chat.NewID[chat.AgentID]().String()[24:], 15, chat.Online)
	h.Exec(`UPDATE agents SET role = $2, behavior = 'assigned_only' WHERE id = $1`, p.AgentID, role)
	p.Role = role
	return h.signedIn(p)
}

func (h *house) signedIn(p chat.Principal) *caller {
	h.t.Helper()
	token, hash := auth.NewToken()
	h.Exec(`INSERT INTO sessions (token_hash, agent_id, expires_at) VALUES ($1, $2, now() + interval '1 day')`, hash, p.AgentID)
	key, err := secret.ParseKey(masterKey)
	must(h.t, err)
	return &caller{h: h, principal: p, token: token, csrf: web.New(web.Config{}, web.Deps{CSRFKey: key.Derive("csrf"), Now: time.Now}).CSRF(token)}
}

// program makes an API key.
func (h *house) program(role chat.Role, scopes ...auth.Scope) *caller {
	h.t.Helper()
	k := auth.NewAPIKey()
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	id := chat.NewID[chat.APIKeyID]()
	h.Exec(`INSERT INTO api_keys (id, name, hash, prefix, role, scopes) VALUES ($1, 'test', $2, $3, $4, $5)`, id, k.Hash, k.Prefix, role, names)
	return &caller{h: h, principal: chat.Principal{APIKeyID: id, Role: role, Scopes: names}, key: k.Plain.Reveal()}
}

// request makes a request as the caller's browser would.
func (c *caller) request(method, path string, body any) *http.Request {
	c.h.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	case []byte:
		r = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		must(c.h.t, err)
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, c.h.url+path, r)
	must(c.h.t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if c.token != "" {
		req.AddCookie(&http.Cookie{Name: "gatehouse", Value: c.token})
		req.Header.Set("Origin", c.h.url)
		req.Header.Set("X-CSRF-Token", c.csrf)
	}
	return req
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	closed bool // the server closes the connection
	t      testing.TB
}

func (c *caller) do(req *http.Request) answer {
	c.h.t.Helper()
	return do(c.h.t, req)
}

// client follows no redirects and keeps no cookies.
var client = &http.Client{
	Timeout:       20 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func do(t testing.TB, req *http.Request) answer {
	t.Helper()
	resp, err := client.Do(req)
	must(t, err)
	defer func() { must(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return answer{resp.StatusCode, resp.Header, body, resp.Close, t}
}

// get, post … ask and answer.
func (c *caller) get(path string) answer { c.h.t.Helper(); return c.do(c.request("GET", path, nil)) }

func (c *caller) post(path string, body any) answer {
	c.h.t.Helper()
	return c.do(c.request("POST", path, body))
}

func (c *caller) ask(method, path string, body any) answer {
	c.h.t.Helper()
	return c.do(c.request(method, path, body))
}

// into reads the answer, which must have this status.
func (a answer) into(status int, v any) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if v != nil {
		must(a.t, json.Unmarshal(a.body, v))
	}
	return a
}

// refused asserts a refusal.
func (a answer) refused(status int, code chat.Code) {
	a.t.Helper()
	var r struct {
		Error struct {
			Code      chat.Code      `json:"code"`
			Message   string         `json:"message"`
			RequestID string         `json:"request_id"`
			Details   map[string]any `json:"details"`
		} `json:"error"`
	}
	if err := json.Unmarshal(a.body, &r); err != nil || a.status != status || r.Error.Code != code {
		a.t.Fatalf("status %d %s, want %d %s", a.status, a.body, status, code)
	}
	if r.Error.RequestID == "" || r.Error.Message == "" || r.Error.RequestID != a.header.Get("X-Request-Id") {
		a.t.Fatalf("a refusal names its request: %s", a.body)
	}
}

// webhook posts a body, signed with the toy's secret unless signature is given.
func (h *house) webhook(path, body string, signature ...string) answer {
	h.t.Helper()
	req := h.nobody().request("POST", path, body)
	if len(signature) == 0 {
		signature = []string{sign(toySecret, []byte(body))}
	}
	for _, s := range signature {
		if s != "" {
			req.Header.Add("X-Hub-Signature-256", s)
		}
	}
	return do(h.t, req)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition, and says what did not come.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// away is a desk whose record is away.
type away struct{ gateway.Desk }

var errAway = chat.Errorf(chat.CodeUnavailable, "connection refused")

func (away) Horizon(context.Context) (chat.Horizon, error) { return chat.Horizon{}, errAway }

// nobodyIsIn knows no session and no key.
type nobodyIsIn struct{}

func (nobodyIsIn) Session(context.Context, string) (web.Who, error) {
	return web.Who{}, chat.Errorf(chat.CodeSessionOver, "nobody")
}

func (n nobodyIsIn) CheckSession(ctx context.Context, token string) (web.Who, error) {
	return n.Session(ctx, token)
}

func (n nobodyIsIn) APIKey(ctx context.Context, key string) (web.Who, error) {
	return n.Session(ctx, key)
}
