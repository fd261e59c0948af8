package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatehouse/gateway"
	"gatehouse/gateway/inbox"
	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
)

// person makes an agent who can sign in.
func (h *house) person(email, password string) chat.AgentLoad {
	h.t.Helper()
	admin := chat.Principal{Role: chat.RoleAdmin}
	a, err := h.Desk.CreateAgent(context.Background(), admin, chat.AgentForm{
		Name: "Deniz", Email: email, Role: chat.RoleAgent, Capacity: 5, Departments: []chat.DepartmentID{h.Department},
	}, password)
	must(h.t, err)
	return a
}

// me is what signing in answers.
type me struct {
	ID                 string   `json:"id"`
	CSRF               string   `json:"csrf"`
	Permissions        []string `json:"permissions"`
	MustChangePassword bool     `json:"must_change_password"`
	Demo               bool     `json:"demo"`
	Presence           string   `json:"presence"`
}

// enter signs in and returns the caller with its cookie.
func (h *house) enter(email, password string) (*caller, me, *http.Cookie) {
	h.t.Helper()
	var m me
	a := h.nobody().post("/api/v1/session", map[string]string{"email": email, "password": password}).into(200, &m)
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) != 1 {
		h.t.Fatalf("%d cookies", len(cookies))
	}
	return &caller{h: h, token: cookies[0].Value, csrf: m.CSRF}, m, cookies[0]
}

const password, nextPassword = "correct horse battery", "another long passphrase"

func TestAPersonSignsInChangesTheFirstPasswordAndSignsOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.person("deniz@example.com", password)
	c, m, cookie := h.enter("deniz@example.com", password)
	if m.ID != a.ID.String() || !m.MustChangePassword || m.CSRF == "" || m.Demo || m.Permissions == nil {
		t.Errorf("%+v", m)
	}
	// S23: over plain HTTP the cookie cannot be Secure; all else holds.
	if cookie.Name != "gatehouse" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge != 0 || !cookie.Expires.IsZero() {
		t.Errorf("%+v", cookie)
	}
	if len(cookie.Value) != 43 {
		t.Errorf("S28: a token of %d characters", len(cookie.Value))
	}
	c.get("/api/v1/me").into(200, nil)
	c.get("/api/v1/conversations").refused(403, chat.CodePasswordChange)
	other, _, _ := h.enter("deniz@example.com", password)
	c.ask("PUT", "/api/v1/me/password", map[string]string{"current": "wrong password", "new": nextPassword}).refused(401, chat.CodeWrongCredentials)
	c.ask("PUT", "/api/v1/me/password", map[string]string{"current": password, "new": "short"}).refused(400, chat.CodeInvalid)
	c.ask("PUT", "/api/v1/me/password", map[string]string{"current": password, "new": nextPassword}).into(200, &m)
	if m.MustChangePassword {
		t.Error("it was just changed")
	}
	other.get("/api/v1/me").refused(401, chat.CodeSessionOver) // S29
	c.get("/api/v1/conversations").into(200, nil)
	out := c.ask("DELETE", "/api/v1/session", nil).into(204, nil)
	if cookie := (&http.Response{Header: out.header}).Cookies()[0]; cookie.Value != "" || !cookie.Expires.Before(time.Now()) {
		t.Errorf("the cookie stays: %+v", cookie)
	}
	c.get("/api/v1/me").refused(401, chat.CodeSessionOver) // S30: over on our side, not only in the browser
}

func TestASecondFactorIsAskedForAtTheDoor(t *testing.T) { // S34
	t.Parallel()
	h := newHouse(t)
	a := h.person("deniz@example.com", password)
	h.Exec(`UPDATE agents SET must_change = false WHERE id = $1`, a.ID)
	c, _, _ := h.enter("deniz@example.com", password)
	c.post("/api/v1/me/totp", map[string]string{"password": "wrong"}).refused(401, chat.CodeWrongCredentials)
	var made struct{ Secret, URL string }
	c.post("/api/v1/me/totp", map[string]string{"password": password}).into(201, &made)
	phone := func(later time.Duration) string {
		code, err := totp.GenerateCode(made.Secret, time.Now().Add(later))
		must(t, err)
		return code
	}
	c.post("/api/v1/me/totp/confirm", map[string]string{"code": "1"}).refused(401, chat.CodeWrongCredentials)
	var codes struct {
		Codes []string `json:"recovery_codes"`
	}
	c.post("/api/v1/me/totp/confirm", map[string]string{"code": phone(0)}).into(200, &codes)
	var state struct {
		Enabled  bool
		Recovery int `json:"recovery_codes"`
	}
	if c.get("/api/v1/me/totp").into(200, &state); !state.Enabled || state.Recovery != 10 || len(codes.Codes) != 10 {
		t.Errorf("%+v, %d codes", state, len(codes.Codes))
	}
	told := func(role chat.Role) *bool { // of Deniz, in the list
		var all struct {
			Items []struct {
				ID           chat.AgentID
				SecondFactor *bool `json:"second_factor"`
			}
		}
		h.Exec(`UPDATE agents SET role = $2 WHERE id = $1`, a.ID, string(role))
		c.get("/api/v1/agents").into(200, &all)
		for _, x := range all.Items {
			if x.ID == a.ID {
				return x.SecondFactor
			}
		}
		t.Fatal("Deniz is not in the list")
		return nil
	}
	if has := told(chat.RoleAdmin); has == nil || !*has {
		t.Errorf("an admin is told of the second factor: %v", has)
	}
	if has := told(chat.RoleAgent); has != nil {
		t.Errorf("an agent is told of the second factor: %v", *has)
	}
	signIn := func(code string) answer {
		return h.nobody().post("/api/v1/session", map[string]string{"email": "deniz@example.com", "password": password, "totp": code})
	}
	for code, why := range map[string]string{"": "required", "000 00x": "wrong", phone(0): "wrong"} {
		got := signIn(code)
		got.refused(401, chat.CodeWrongCredentials)
		if !strings.Contains(string(got.body), `"totp":"`+why+`"`) || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%q: %s", code, got.body)
		}
	}
	signIn(phone(30*time.Second)).into(200, nil)
	signIn(codes.Codes[0]).into(200, nil)
	c.post("/api/v1/me/totp/end", map[string]string{"password": password}).into(204, nil)
	signIn("").into(200, nil)
}

func TestAPersonSeesAndEndsTheirSessions(t *testing.T) { // S30
	t.Parallel()
	h := newHouse(t)
	a := h.person("deniz@example.com", password)
	h.Exec(`UPDATE agents SET must_change = false WHERE id = $1`, a.ID)
	here, _, _ := h.enter("deniz@example.com", password)
	there, _, _ := h.enter("deniz@example.com", password)
	var list struct {
		Items []struct {
			ID        string
			Current   bool
			UserAgent string `json:"user_agent"`
			IP        string
		}
	}
	if got := here.get("/api/v1/me/sessions").into(200, &list); strings.Contains(string(got.body), "token") {
		t.Errorf("%s", got.body)
	}
	current := 0
	for _, s := range list.Items {
		if s.Current {
			current++
			continue
		}
		h.agent(chat.RoleAdmin).ask("DELETE", "/api/v1/me/sessions/"+s.ID, nil).refused(404, chat.CodeNotFound)
		here.ask("DELETE", "/api/v1/me/sessions/"+s.ID, nil).into(204, nil)
	}
	if len(list.Items) != 2 || current != 1 || list.Items[0].UserAgent == "" || list.Items[0].IP == "" {
		t.Errorf("%+v", list.Items)
	}
	there.get("/api/v1/me").refused(401, chat.CodeSessionOver)
	here.get("/api/v1/me").into(200, nil)
}

func TestAnAdminReadsWhoChangedWhat(t *testing.T) { // I21
	t.Parallel()
	h := newHouse(t)
	admin := h.agent(chat.RoleAdmin)
	for _, label := range []string{"Bir", "İki", "Üç"} {
		admin.post("/api/v1/end-reasons", map[string]string{"label": label}).into(201, nil)
	}
	type page struct {
		Items []struct {
			ID      int64
			AgentID string `json:"agent_id"`
			Action  string
			Name    string
		}
		Next string
	}
	var first, second page
	admin.get("/api/v1/audit?limit=2").into(200, &first)
	if len(first.Items) != 2 || first.Items[0].Name != "Üç" || first.Items[0].Action != "end_reason.created" || first.Items[0].AgentID != admin.principal.AgentID.String() {
		t.Fatalf("%+v", first)
	}
	admin.get("/api/v1/audit?limit=2&cursor="+first.Next).into(200, &second)
	if len(second.Items) != 1 || second.Items[0].Name != "Bir" || second.Next != "" {
		t.Errorf("%+v", second)
	}
	h.agent(chat.RoleAdmin).get("/api/v1/audit?cursor="+first.Next).refused(400, chat.CodeInvalid)
	h.agent(chat.RoleManager).get("/api/v1/audit").refused(403, chat.CodeForbidden)
}

func TestOverTLSTheCookieIsBoundToTheHost(t *testing.T) { // S23
	t.Parallel()
	for name, change := range map[string]func(*gateway.Config, *gateway.Deps){
		"origin": func(c *gateway.Config, _ *gateway.Deps) { c.Origin = "https://desk.example.com" },
		"proxy": func(c *gateway.Config, _ *gateway.Deps) {
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		},
	} {
		h := newHouse(t, change)
		h.person("deniz@example.com", password)
		req := h.nobody().request("POST", "/api/v1/session", map[string]string{"email": "deniz@example.com", "password": password})
		req.Header.Set("X-Forwarded-Proto", "https")
		req.Header.Set("X-Forwarded-Host", "desk.example.com")
		req.Header.Set("Origin", "https://desk.example.com")
		a := do(t, req).into(200, nil)
		cookie := (&http.Response{Header: a.header}).Cookies()[0]
		if cookie.Name != "__Host-gatehouse" || !cookie.Secure || !cookie.HttpOnly || cookie.Path != "/" || cookie.Domain != "" {
			t.Errorf("%s: %+v", name, cookie)
		}
		if a.header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: S22: no HSTS", name)
		}
	}
}

func TestASessionIdThatTheBrowserBringsIsNotTakenOver(t *testing.T) { // S28
	t.Parallel()
	h := newHouse(t)
	h.person("deniz@example.com", password)
	preset, _ := auth.NewToken()
	req := h.nobody().request("POST", "/api/v1/session", map[string]string{"email": "deniz@example.com", "password": password})
	req.AddCookie(&http.Cookie{Name: "gatehouse", Value: preset})
	a := do(t, req).into(200, nil)
	if got := (&http.Response{Header: a.header}).Cookies()[0].Value; got == preset {
		t.Error("fixated")
	}
	(&caller{h: h, token: preset}).get("/api/v1/me").refused(401, chat.CodeSessionOver)
}

func TestGuessingIsSlowedAndTellsNothing(t *testing.T) { // S32, S33, S36
	t.Parallel()
	h := newHouse(t)
	h.person("deniz@example.com", password)
	bodies := map[string]bool{}
	for _, try := range []map[string]string{
		{"email": "deniz@example.com", "password": "wrong"},
		{"email": "nobody@example.com", "password": "wrong"},
		{"email": "admin", "password": "admin"},
		{"email": "", "password": ""},
		{"email": "deniz@example.com'--", "password": "x"},
	} {
		a := h.nobody().post("/api/v1/session", try)
		a.refused(401, chat.CodeWrongCredentials)
		bodies[strings.ReplaceAll(string(a.body), a.header.Get("X-Request-Id"), "")] = true
	}
	if len(bodies) != 1 {
		t.Errorf("answers differ: %v", bodies)
	}
	var last answer
	for range 5 {
		last = h.nobody().post("/api/v1/session", map[string]string{"email": "deniz@example.com", "password": "wrong"})
	}
	last.refused(429, chat.CodeRateLimited)
	if last.header.Get("Retry-After") == "" || last.header.Get("Retry-After") == "0" {
		t.Error("no Retry-After")
	}
	// The right password has to wait as well.
	h.nobody().post("/api/v1/session", map[string]string{"email": "deniz@example.com", "password": password}).refused(429, chat.CodeRateLimited)
}

func TestAForwardedAddressIsBelievedFromTrustedProxiesOnly(t *testing.T) { // S49
	t.Parallel()
	guess := func(h *house, forwarded ...string) int {
		req := h.nobody().request("POST", "/api/v1/session", map[string]string{"email": "deniz@example.com", "password": "wrong"})
		for _, f := range forwarded {
			req.Header.Add("X-Forwarded-For", f)
		}
		req.Header.Set("X-Real-Ip", "203.0.113.200")
		return do(t, req).status
	}
	h := newHouse(t)
	statuses := map[int]int{}
	for i := range 8 {
		statuses[guess(h, fmt.Sprintf("203.0.113.%d", i))]++
	}
	if statuses[401] != 5 || statuses[429] != 3 {
		t.Errorf("a made-up address resets the limiter: %v", statuses)
	}
	h = newHouse(t, func(c *gateway.Config, _ *gateway.Deps) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	for i := range 8 { // behind a proxy that we trust, each client counts for itself; what the client wrote before counts nothing
		if s := guess(h, "198.51.100.1", fmt.Sprintf("203.0.113.%d, 10.0.0.1", i)); s != 401 {
			t.Errorf("client %d: %d", i, s)
		}
	}
	statuses = map[int]int{}
	for i := range 8 {
		statuses[guess(h, fmt.Sprintf("198.51.100.%d, 203.0.113.99", i))]++
	}
	if statuses[401] != 5 || statuses[429] != 3 {
		t.Errorf("the first entry is the client's own: %v", statuses)
	}
}

func TestAnUnsafeRequestByCookieComesFromOurOwnPage(t *testing.T) { // S24
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	id := "/api/v1/conversations/" + chat.NewID[chat.ConversationID]().String() + "/take"
	for name, change := range map[string]func(*http.Request){
		"no origin":                 func(r *http.Request) { r.Header.Del("Origin") },
		"null":                      func(r *http.Request) { r.Header.Set("Origin", "null") },
		"another site":              func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"another port":              func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
		"suffix":                    func(r *http.Request) { r.Header.Set("Origin", h.url+".evil.example") },
		"two origins":               func(r *http.Request) { r.Header.Add("Origin", "https://evil.example") },
		"fetched from another site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"fetched from a sibling":    func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"no token":                  func(r *http.Request) { r.Header.Del("X-Csrf-Token") },
		"empty token":               func(r *http.Request) { r.Header.Set("X-Csrf-Token", "") },
		"another session's token":   func(r *http.Request) { r.Header.Set("X-Csrf-Token", h.agent(chat.RoleAgent).csrf) },
		"a forwarded host of theirs": func(r *http.Request) {
			r.Header.Set("X-Forwarded-Host", "evil.example")
			r.Header.Set("Origin", "http://evil.example")
		},
	} {
		req := a.request("POST", id, nil)
		change(req)
		do(t, req).refused(403, chat.CodeForbidden)
		_ = name
	}
	a.post(id, nil).refused(404, chat.CodeNotFound)
	// Signing in from another site's page would make a person work in somebody else's name.
	req := h.nobody().request("POST", "/api/v1/session", map[string]string{"email": "x@example.com", "password": "y"})
	req.Header.Set("Origin", "https://evil.example")
	do(t, req).refused(403, chat.CodeForbidden)
	// A form cannot send JSON, and we take nothing else.
	req = a.request("POST", "/api/v1/canned-replies", `{"shortcut":"x","title":"","text":"x","personal":true}`)
	req.Header.Set("Content-Type", "text/plain")
	if got := do(t, req); got.status != 415 {
		t.Errorf("text/plain: %d", got.status)
	}
	// A key is not sent by itself: no origin, no token.
	h.program(chat.RoleAdmin, auth.ScopeAdmin).post("/api/v1/end-reasons", map[string]string{"label": "Bitti"}).into(201, nil)
}

func TestNobodyAllowsOtherOrigins(t *testing.T) { // S25
	t.Parallel()
	h := newPorch(t)
	for _, path := range []string{"/api/v1/me", "/api/v1/session", "/", meta} {
		for _, origin := range []string{"https://evil.example", "null", h.url} {
			for _, method := range []string{"GET", "OPTIONS"} {
				req := h.nobody().request(method, path, nil)
				req.Header.Set("Origin", origin)
				req.Header.Set("Access-Control-Request-Method", "POST")
				if a := do(t, req); a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s %s from %s: %v", method, path, origin, a.header)
				}
			}
		}
	}
}

func TestTheFirstAdminIsMadeOnceByTheLink(t *testing.T) { // S35, S36
	t.Parallel()
	h := newHouse(t)
	token, err := h.Desk.SetupLink(t.Context())
	must(t, err)
	h.nobody().get("/api/v1/setup/"+token).into(204, nil)
	h.nobody().get("/api/v1/setup/"+token+"x").refused(404, chat.CodeNotFound)
	form := map[string]string{"name": "Ayşe", "email": "ayse@example.com", "password": password}
	h.nobody().post("/api/v1/setup/"+token, map[string]string{"name": "Ayşe", "email": "ayse@example.com", "password": password, "role": "agent"}).refused(400, chat.CodeInvalid) // S14
	var m me
	a := h.nobody().post("/api/v1/setup/"+token, form).into(200, &m)
	if len(m.Permissions) != len(chat.RoleAdmin.Permissions()) || len((&http.Response{Header: a.header}).Cookies()) != 1 {
		t.Errorf("%+v", m)
	}
	form["email"] = "second@example.com"
	h.nobody().post("/api/v1/setup/"+token, form).refused(404, chat.CodeNotFound)
}

func TestARevokedKeyIsOutAtOnce(t *testing.T) { // S37
	t.Parallel()
	h := newHouse(t)
	admin := h.agent(chat.RoleAdmin)
	var k struct {
		ID, Key string
		Scopes  []string
	}
	admin.post("/api/v1/api-keys", map[string]any{"name": "bot", "role": "admin", "scopes": []string{}}).into(201, &k)
	if len(k.Scopes) != 1 || k.Scopes[0] != "admin" || !strings.HasPrefix(k.Key, "ghk_") {
		t.Errorf("%+v", k)
	}
	bot := &caller{h: h, key: k.Key}
	bot.get("/api/v1/counts").into(200, nil)
	if list := admin.get("/api/v1/api-keys").into(200, nil); strings.Contains(string(list.body), k.Key) {
		t.Error("the key is shown again")
	}
	admin.ask("DELETE", "/api/v1/api-keys/"+k.ID, nil).into(204, nil)
	bot.get("/api/v1/counts").refused(401, chat.CodeSessionOver)
	for _, wrong := range []string{"Basic " + k.Key, "Bearer", "Bearer x", "bearer " + k.Key, "Bearer " + strings.Repeat("g", 10_000)} {
		req := h.nobody().request("GET", "/api/v1/counts", nil)
		req.Header.Set("Authorization", wrong)
		if a := do(t, req); a.status != 401 && a.status != 431 {
			t.Errorf("%.20s: %d", wrong, a.status)
		}
	}
	admin.post("/api/v1/api-keys", map[string]any{"name": "bot", "role": "admin", "scopes": []string{"everything"}}).refused(400, chat.CodeInvalid)
}

func TestWhoTriesKeysIsSlowed(t *testing.T) { // S32
	t.Parallel()
	h := newPorch(t)
	statuses := map[int]int{}
	for range 100 {
		statuses[(&caller{h: h.house, key: auth.NewAPIKey().Plain.Reveal()}).get("/api/v1/counts").status]++
	}
	if statuses[401] < 75 || statuses[429] < 20 {
		t.Errorf("%v", statuses)
	}
	for range 100 { // a page that is not signed in asks without a key
		h.nobody().get("/api/v1/me").refused(401, chat.CodeSessionOver)
	}
}

func TestAnAgentMayAskSoOften(t *testing.T) { // S48
	t.Parallel()
	at := time.Now()
	b := web.NewBuckets(600, 150, func() time.Time { return at })
	key := [16]byte{1}
	n := 0
	for b.Take(key) == nil {
		n++
	}
	if n != 150 {
		t.Errorf("%d at once", n)
	}
	if err := b.Take([16]byte{2}); err != nil {
		t.Error("another agent waits for the first")
	}
	for range 60 {
		at = at.Add(time.Second)
		for b.Take(key) == nil {
			n++
		}
	}
	if n != 150+600 {
		t.Errorf("%d in a minute and at once", n)
	}
	err := b.Take(key)
	var refused *chat.Error
	if !errors.As(err, &refused) || refused.Code != chat.CodeRateLimited || refused.Details["retry_after"] != int64(1) {
		t.Errorf("%v", err)
	}
}

func TestEveryAnswerCarriesItsHeaders(t *testing.T) { // S20, S22
	t.Parallel()
	h := newPorch(t)
	for path, csp := range map[string]string{
		"/api/v1/me": web.APICSP, "/api/v1/nothing": web.APICSP, "/api/v1/openapi.json": web.APICSP, "/api/x": web.APICSP, meta: web.APICSP, "/webhooks/x": web.APICSP,
		"/widget/v1/x": web.APICSP, "/.env": web.APICSP, "/api//v1/me": web.APICSP, "/": inbox.Policy, "/inbox/mine": inbox.Policy, "/nothing.js": inbox.Policy,
	} {
		a := h.nobody().get(path)
		for name, want := range map[string]string{
			"Content-Security-Policy": csp, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Server": "",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
		if a.header.Get("X-Request-Id") == "" {
			t.Errorf("%s has no request id", path)
		}
		if strings.HasPrefix(path, "/api/") && a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, a.header.Get("Cache-Control"))
		}
	}
	if a := h.nobody().get("/"); !strings.Contains(string(a.body), "<html") || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("the inbox: %.100s", a.body)
	}
	if inbox.Policy != web.AppCSP {
		t.Error("the inbox has a policy of its own")
	}
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(inbox.Policy, part) || strings.Contains(inbox.Policy, "unsafe") {
			t.Errorf("%s is not in the inbox's policy", part)
		}
	}
}

func TestACallersRequestIdIsKeptIfItIsOne(t *testing.T) {
	t.Parallel()
	h := newPorch(t)
	for id, kept := range map[string]bool{"0195a7f0-1111-7000": true, "x": false, "a b c d e f g h": false, strings.Repeat("a", 65): false, `"><script>aaa`: false} {
		req := h.nobody().request("GET", "/api/v1/me", nil)
		req.Header.Set("X-Request-Id", id)
		a := do(t, req)
		a.refused(401, chat.CodeSessionOver)
		if (a.header.Get("X-Request-Id") == id) != kept {
			t.Errorf("%q: %q", id, a.header.Get("X-Request-Id"))
		}
	}
}

func TestAPanicTellsNothing(t *testing.T) { // S62
	t.Parallel()
	h := newHouse(t, func(_ *gateway.Config, d *gateway.Deps) { d.Desk = away{} }) // most of it is nil
	req := h.agent(chat.RoleAdmin).request("GET", "/api/v1/counts", nil)
	a := do(t, req)
	a.refused(500, chat.CodeInternal)
	for _, leak := range []string{"goroutine", "nil pointer", ".go", "runtime"} {
		if strings.Contains(string(a.body), leak) {
			t.Errorf("%s", a.body)
		}
	}
	if l := h.logged.String(); !strings.Contains(l, "a handler panicked") || !strings.Contains(l, "goroutine") {
		t.Error("the stack is not in the log")
	}
	do(t, req.Clone(t.Context())).refused(500, chat.CodeInternal) // and the process goes on
}

func TestNothingOfAFailureOfOursIsTold(t *testing.T) { // S62
	t.Parallel()
	for err, want := range map[error]int{
		errors.New(`ERROR: relation "agents" does not exist (SQLSTATE 42P01)`):                   500,
		chat.Errorf(chat.CodeUnavailable, "dial tcp 10.0.0.5:5432: connect: connection refused"): 503,
		chat.Errorf(chat.CodeInternal, "pq: out of memory"):                                      500,
		context.DeadlineExceeded: 503,
	} {
		h := newHouse(t, func(_ *gateway.Config, d *gateway.Deps) { d.Desk = failing{d.Desk, err} })
		a := h.agent(chat.RoleAdmin).get("/api/v1/counts")
		if a.status != want || strings.Contains(string(a.body), "ERROR") || strings.Contains(string(a.body), "10.0.0.5") || strings.Contains(string(a.body), "pq") {
			t.Errorf("%v: %d %s", err, a.status, a.body)
		}
		if want == 503 && a.header.Get("Retry-After") == "" {
			t.Errorf("%v: no Retry-After", err)
		}
	}
}

// failing counts nothing but its error.
type failing struct {
	gateway.Desk
	err error
}

func (f failing) Counts(context.Context, chat.Principal) (chat.Counts, error) {
	return chat.Counts{}, f.err
}

// The inbox relies on it: it asks again for a deed that was refused so.
func TestADeedThatCameTooSoonIsNotDone(t *testing.T) { // S48
	t.Parallel()
	stopped := time.Now() // no bucket fills again
	h := newHouse(t, func(_ *gateway.Config, deps *gateway.Deps) { deps.Now = func() time.Time { return stopped } })
	a := h.agent(chat.RoleAgent)
	for done := range 1000 {
		got := a.post("/api/v1/canned-replies", map[string]any{"shortcut": fmt.Sprintf("s%d", done), "text": "x", "personal": true})
		if got.status == http.StatusCreated {
			continue
		}
		got.refused(429, chat.CodeRateLimited)
		if n := h.Int(`SELECT count(*) FROM canned_replies`); n != done || done == 0 {
			t.Errorf("%d are there, %d were done", n, done)
		}
		return
	}
	t.Error("nobody is ever refused")
}
