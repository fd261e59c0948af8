package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/channels"
	"gatehouse/gateway"
	"gatehouse/gateway/hooks"
	"gatehouse/internal/bus"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

// memoryDoor keeps what was accepted.
type memoryDoor struct {
	mu       sync.Mutex
	accepted []chat.RawEvent
	unrouted []chat.RawEvent
	fail     error
	full     bool
}

func (d *memoryDoor) Accept(_ context.Context, events ...chat.RawEvent) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail == nil {
		d.accepted = append(d.accepted, events...)
	}
	return d.fail
}

func (d *memoryDoor) Unrouted(_ context.Context, e chat.RawEvent) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail == nil {
		d.unrouted = append(d.unrouted, e)
	}
	return d.fail
}

func (d *memoryDoor) Full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.full
}

func (d *memoryDoor) counts() (accepted, unrouted int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.accepted), len(d.unrouted)
}

// someAccounts may change while the gateway runs.
type someAccounts struct {
	mu  sync.Mutex
	all []channels.Account
	err error
}

func (a *someAccounts) WebhookAccounts(context.Context) ([]channels.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all, a.err
}

func (a *someAccounts) set(err error, all ...channels.Account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all, a.err = all, err
}

func toyAccount(number, appSecret string) channels.Account {
	return channels.Account{
		Account: chat.Account{ID: chat.NewID[chat.AccountID](), Kind: desktest.Kind, Keys: []chat.AccountKey{{Kind: desktest.Kind, Type: "number", Value: number}}},
		Secrets: channels.Secrets{"app_secret": appSecret, "verify_token": "hello"},
	}
}

// porch is a gateway with providers only: no database, and two accounts, 100 and 200, of different secrets.
type porch struct {
	*house
	door     *memoryDoor
	accounts *someAccounts
	a, b     channels.Account
	clock    *settable
}

type settable struct {
	mu sync.Mutex
	at time.Time
}

func (s *settable) now() time.Time          { s.mu.Lock(); defer s.mu.Unlock(); return s.at }
func (s *settable) advance(d time.Duration) { s.mu.Lock(); defer s.mu.Unlock(); s.at = s.at.Add(d) }

func newPorch(t testing.TB) *porch {
	t.Helper()
	p := &porch{door: &memoryDoor{}, accounts: &someAccounts{}, a: toyAccount("100", toySecret), b: toyAccount("200", "another secret"), clock: &settable{at: time.Now()}}
	p.accounts.set(nil, p.a, p.b)
	logs := &logged{}
	log := slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	deps := gateway.Deps{
		Drivers: []channels.Driver{toyDriver()}, Desk: away{}, Door: p.door, Accounts: p.accounts, Principals: nobodyIsIn{}, Sessions: nobodyIsIn{},
		Bus: bus.New(nil, "test", "node-1", log, nil), CSRFKey: bytes.Repeat([]byte{1}, 32), Metrics: &counted{}, Log: log, Now: p.clock.now,
	}
	p.house = &house{t: t, deps: deps, logged: logs}
	_, p.url = serve(t, gateway.Config{Node: "node-1"}, deps)
	return p
}

const meta = "/webhooks/meta"

// payload is a toy payload for these numbers.
func payload(to ...string) string {
	return fmt.Sprintf(`{"object":%q,"to":[%s]}`, toyObject, `"`+strings.Join(to, `","`)+`"`)
}

func TestASignedWebhookIsAcceptedAndStoredByteForByte(t *testing.T) {
	t.Parallel()
	p := newPorch(t)
	body := `{ "object":"toy_account" , "to":["100"],"text":"Şişli \ud83d\ude00 \u0000 é" }` // B13, B14: stored as it is
	p.webhook(meta, body).into(200, nil)
	if len(p.door.accepted) != 1 {
		t.Fatalf("%d events", len(p.door.accepted))
	}
	e := p.door.accepted[0]
	if string(e.Body) != body || e.AccountID != p.a.ID || e.Key != p.a.Keys[0] || e.Kind != desktest.Kind || chat.IsZero(e.ID) {
		t.Errorf("stored: %+v", e)
	}
}

func TestAWebhookThatIsNotSignedForItsAccountIsRefusedAndNotStored(t *testing.T) {
	t.Parallel()
	p := newPorch(t)
	body := payload("100")
	good := sign(toySecret, []byte(body))
	for name, signatures := range map[string][]string{
		"B1 no signature":               {""},
		"B2 sha1 only":                  {"sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		"B3 another account's secret":   {sign("another secret", []byte(body))},
		"B4 signed with other spaces":   {sign(toySecret, []byte(body+" "))},
		"B5 two signatures":             {good, good},
		"B6 63 digits":                  {good[:len(good)-1]},
		"B6 65 digits":                  {good + "0"},
		"B6 no digits":                  {"sha256=" + strings.Repeat("z", 64)},
		"empty secret":                  {sign("", []byte(body))},
		"S1 signature of another body":  {sign(toySecret, []byte(payload("200")))},
		"signature without its prefix":  {strings.TrimPrefix(good, "sha256=")},
		"signature of the empty string": {sign(toySecret, nil)},
	} {
		for _, path := range []string{meta, "/webhooks/toy/" + p.a.ID.String()} {
			if a := p.webhook(path, body, signatures...); a.status != 401 {
				t.Errorf("%s at %s: %d", name, path, a.status)
			}
		}
	}
	if accepted, unrouted := p.door.counts(); accepted+unrouted != 0 {
		t.Errorf("%d accepted, %d unrouted", accepted, unrouted)
	}
	if n := p.deps.Metrics.(*counted).outcome(hooks.Unsigned); n != 24 {
		t.Errorf("counted %d", n)
	}
}

func TestTheSignaturesDigitsMayBeUpperCase(t *testing.T) { // B2
	t.Parallel()
	p := newPorch(t)
	body := payload("100")
	p.webhook(meta, body, "sha256="+strings.ToUpper(strings.TrimPrefix(sign(toySecret, []byte(body)), "sha256="))).into(200, nil)
}

func TestASignedBodyIsNeverRefused(t *testing.T) { // B9, B11, B21
	t.Parallel()
	p := newPorch(t)
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for name, body := range map[string]string{
		"B9 null": "null", "B9 list": "[]", "B9 text": `"x"`, "B9 number": "1e999", "B11 nested": `{"object":` + deep + "}", "not JSON": "<xml/>",
		"not UTF-8": "\xff\xfe", "unknown object": `{"object":"page","to":["100"]}`, "B21 unknown number": payload("999"), "nobody": payload(),
	} {
		before, was := p.door.counts()
		start := time.Now()
		if a := p.webhook(meta, body); a.status != 200 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %s", name, took)
		}
		if accepted, unrouted := p.door.counts(); accepted != before || unrouted != was+1 {
			t.Errorf("%s: %d accepted, %d unrouted", name, accepted-before, unrouted-was)
		}
	}
	var unknown chat.RawEvent
	for _, e := range p.door.unrouted {
		if string(e.Body) == payload("999") {
			unknown = e
		}
	}
	if unknown.Key.Value != "999" || unknown.Kind != desktest.Kind || !chat.IsZero(unknown.AccountID) {
		t.Errorf("B21: an unknown number is kept with its name and no account: %+v", unknown)
	}
}

func TestAnEmptyBodyIsMalformed(t *testing.T) { // B8
	t.Parallel()
	p := newPorch(t)
	p.webhook(meta, "").refused(400, chat.CodeInvalid)
	p.webhook("/webhooks/toy/"+p.a.ID.String(), "").refused(400, chat.CodeInvalid)
	if a := p.webhook(meta, "", ""); a.status != 401 {
		t.Errorf("unsigned: %d", a.status)
	}
}

func TestOfANameGivenTwiceTheLastCounts(t *testing.T) { // B12
	t.Parallel()
	p := newPorch(t)
	p.webhook(meta, `{"object":"page","object":"toy_account","to":["999"],"to":["100"]}`).into(200, nil)
	p.webhook(meta, `{"object":"toy_account","object":"page","to":["100"]}`).into(200, nil)
	if accepted, unrouted := p.door.counts(); accepted != 1 || unrouted != 1 {
		t.Errorf("%d accepted, %d unrouted", accepted, unrouted)
	}
}

func TestAPayloadForSeveralAccountsIsOneEventForEachThatSignedIt(t *testing.T) {
	t.Parallel()
	p := newPorch(t)
	third := toyAccount("300", toySecret)
	p.accounts.set(nil, p.a, p.b, third)
	body := payload("100", "200", "300", "999", "100")
	p.webhook(meta, body).into(200, nil)
	if len(p.door.accepted) != 2 || p.door.accepted[0].AccountID != p.a.ID || p.door.accepted[1].AccountID != third.ID {
		t.Fatalf("%+v", p.door.accepted)
	}
	if p.door.accepted[0].ID == p.door.accepted[1].ID || string(p.door.accepted[1].Body) != body {
		t.Error("events of their own, with the same body")
	}
	// Only account 200's secret signs: 100 does not get it, whoever is named first.
	p.webhook(meta, body, sign("another secret", []byte(body))).into(200, nil)
	if n := len(p.door.accepted); n != 3 || p.door.accepted[2].AccountID != p.b.ID {
		t.Fatalf("%+v", p.door.accepted[2:])
	}
}

func TestAnAccountsOwnAddressTakesItsOwnSignatureOnly(t *testing.T) {
	t.Parallel()
	p := newPorch(t)
	own := "/webhooks/toy/" + p.a.ID.String()
	p.webhook(own, payload("100")).into(200, nil)
	// Signed by its owner, about a stranger: kept for nobody.
	p.webhook(own, payload("999")).into(200, nil)
	// Signed by its owner, about another account whose secret is another: not given to it.
	p.webhook(own, payload("200")).into(200, nil)
	if accepted, unrouted := p.door.counts(); accepted != 1 || unrouted != 2 {
		t.Errorf("%d accepted, %d unrouted", accepted, unrouted)
	}
	for _, path := range []string{
		"/webhooks/whatsapp/" + p.a.ID.String(), "/webhooks/toy/" + chat.NewID[chat.AccountID]().String(), "/webhooks/toy/1",
		"/webhooks/toy/00000000-0000-0000-0000-000000000000", "/webhooks/toy", "/webhooks", "/webhooks/toy/" + p.a.ID.String() + "/x",
	} {
		if a := p.webhook(path, payload("100")); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

func TestWhatWasNotCommittedIsAnswered503(t *testing.T) {
	t.Parallel()
	p := newPorch(t)
	for _, cause := range []error{errAway, errors.New("a poison row"), chat.Errorf(chat.CodeInvalid, "never a 4xx")} {
		p.door.fail = cause
		for _, body := range []string{payload("100"), payload("999")} {
			a := p.webhook(meta, body)
			a.refused(503, chat.CodeUnavailable)
			if a.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if strings.Contains(string(a.body), "refused") || strings.Contains(string(a.body), "poison") {
				t.Errorf("S62: the cause is nobody's business: %s", a.body)
			}
		}
	}
}

func TestAFullDoorRefusesBeforeAnybodyLooks(t *testing.T) {
	t.Parallel()
	p := newPorch(t)
	p.door.full = true
	a := p.webhook(meta, payload("100"))
	a.refused(503, chat.CodeUnavailable)
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if accepted, unrouted := p.door.counts(); accepted+unrouted != 0 {
		t.Error("it was stored")
	}
	p.door.full = false
	if a := p.webhook(meta, payload("100")); a.status != 200 {
		t.Errorf("%d when there is room again", a.status)
	}
}

func TestAccountsThatCannotBeReadMakeTheDoorUnavailableOnlyUntilTheyWereReadOnce(t *testing.T) {
	t.Parallel()
	p := newPorch(t)
	p.accounts.set(errAway)
	p.webhook(meta, payload("100")).refused(503, chat.CodeUnavailable)
	p.accounts.set(nil, p.a)
	p.webhook(meta, payload("100")).into(200, nil)
	p.accounts.set(errAway)
	p.clock.advance(time.Hour)
	p.webhook(meta, payload("100")).into(200, nil)
}

func TestANewAccountAndANewSecretAreKnownAtOnce(t *testing.T) { // S3
	t.Parallel()
	p := newPorch(t)
	p.webhook(meta, payload("300")).into(200, nil)
	if _, unrouted := p.door.counts(); unrouted != 1 {
		t.Fatal("300 is not known yet")
	}
	third := toyAccount("300", "its own")
	renewed := p.a
	renewed.Secrets = channels.Secrets{"app_secret": "renewed"}
	p.accounts.set(nil, renewed, third)
	p.clock.advance(100 * time.Millisecond)
	body := payload("300")
	p.webhook(meta, body, sign("its own", []byte(body))).into(200, nil)
	body = payload("100")
	p.webhook(meta, body, sign("renewed", []byte(body))).into(200, nil)
	if a := p.webhook(meta, body); a.status != 401 {
		t.Errorf("the old secret: %d", a.status)
	}
	if accepted, _ := p.door.counts(); accepted != 2 {
		t.Errorf("%d accepted", accepted)
	}
}

func TestAFloodOfUnsignedWebhooksIsSlowedAndSignedOnesAreNot(t *testing.T) { // S48
	t.Parallel()
	p := newPorch(t)
	statuses := map[int]int{}
	var last answer
	for range 80 {
		last = p.webhook(meta, payload("100"), "")
		statuses[last.status]++
	}
	if statuses[401] != 60 || statuses[429] != 20 {
		t.Errorf("%v", statuses)
	}
	last.refused(429, chat.CodeRateLimited)
	if n, err := strconv.Atoi(last.header.Get("Retry-After")); err != nil || n < 1 {
		t.Errorf("Retry-After %q", last.header.Get("Retry-After"))
	}
	p.webhook(meta, payload("100")).into(200, nil)
	p.clock.advance(time.Minute)
	if a := p.webhook(meta, payload("100"), ""); a.status != 401 {
		t.Errorf("a minute later: %d", a.status)
	}
}

func TestTheHandshakeIsAnsweredInPlainText(t *testing.T) { // B7, S6
	t.Parallel()
	p := newPorch(t)
	for _, path := range []string{meta, "/webhooks/toy/" + p.a.ID.String()} {
		a := p.nobody().get(path+"?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=hello").into(200, nil)
		if string(a.body) != "1158201444" || a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %q %v", path, a.body, a.header)
		}
		for query, status := range map[string]int{
			"hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong":                   403,
			"hub.challenge=1&hub.verify_token=hello":                                      403,
			"hub.mode=subscribe&hub.challenge=1&hub.verify_token=hello&hub.verify_token=": 403,
			"hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=hello":        400,
			"": 403,
		} {
			if a := p.nobody().get(path + "?" + query); a.status != status {
				t.Errorf("%s?%s: %d", path, query, a.status)
			}
		}
	}
}

func TestTheContentTypeOfAWebhookDoesNotMatter(t *testing.T) { // B31
	t.Parallel()
	p := newPorch(t)
	req := p.nobody().request("POST", meta, payload("100"))
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("X-Hub-Signature-256", sign(toySecret, []byte(payload("100"))))
	do(t, req).into(200, nil)
}

func TestABodyOverThreeMegabytesIsRefusedAndTheConnectionCloses(t *testing.T) { // B10
	t.Parallel()
	p := newPorch(t)
	fits := payload("100")
	fits += strings.Repeat(" ", hooks.MaxBody-len(fits))
	p.webhook(meta, fits).into(200, nil)
	a := p.webhook(meta, fits+" ")
	a.refused(413, chat.CodeTooLarge)
	if !a.closed {
		t.Error("the connection stays open")
	}
	// The same without a declared length.
	req := p.nobody().request("POST", meta, nil)
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(fits+" ")), -1
	req.Header.Set("X-Hub-Signature-256", sign(toySecret, []byte(fits+" ")))
	do(t, req).refused(413, chat.CodeTooLarge)
	req = p.nobody().request("POST", meta, nil)
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(fits)), -1
	req.Header.Set("X-Hub-Signature-256", sign(toySecret, []byte(fits)))
	do(t, req).into(200, nil)
	if n := len(p.door.accepted); n != 2 {
		t.Errorf("%d accepted", n)
	}
}

func TestACompressedWebhookIsNotTaken(t *testing.T) { // B28
	t.Parallel()
	p := newPorch(t)
	req := p.nobody().request("POST", meta, payload("100"))
	req.Header.Set("Content-Encoding", "gzip")
	req.Header.Set("X-Hub-Signature-256", sign(toySecret, []byte(payload("100"))))
	if a := do(t, req); a.status != 415 {
		t.Errorf("%d", a.status)
	}
}

func TestOtherMethodsAreNotAllowed(t *testing.T) { // B33
	t.Parallel()
	p := newPorch(t)
	for _, path := range []string{meta, "/webhooks/toy/" + p.a.ID.String()} {
		for _, method := range []string{"PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"} {
			a := p.nobody().ask(method, path, nil)
			if a.status != 405 || a.header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("%s %s: %d, Allow %q", method, path, a.status, a.header.Get("Allow"))
			}
		}
	}
}

func TestConcurrentBodiesAreNotMixed(t *testing.T) { // S55
	t.Parallel()
	p := newPorch(t)
	const senders, each = 16, 250
	sent := make([][sha256.Size]byte, senders*each)
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			for i := range each {
				body := fmt.Sprintf(`{"object":%q,"to":["100"],"n":"%d-%d %s"}`, toyObject, s, i, strings.Repeat(string(rune('a'+s)), i*7))
				sent[s*each+i] = sha256.Sum256([]byte(body))
				if a := p.webhook(meta, body); a.status != 200 {
					t.Errorf("%d: %s", a.status, a.body)
				}
			}
		})
	}
	wg.Wait()
	stored := map[[sha256.Size]byte]int{}
	for _, e := range p.door.accepted {
		stored[sha256.Sum256(e.Body)]++
	}
	for _, sum := range sent {
		if stored[sum] != 1 {
			t.Fatal("a body was lost, doubled or mixed with another")
		}
	}
}

func TestNothingThatProvidersSentIsLogged(t *testing.T) { // S60
	t.Parallel()
	p := newPorch(t)
	canary := "kanarya905551112233"
	body := fmt.Sprintf(`{"object":%q,"to":["100"],"text":%q}`, toyObject, canary)
	p.webhook(meta, body)
	p.webhook(meta, body, "sha256="+canary)
	p.webhook(meta+"?token="+canary, strings.Replace(body, "100", "999", 1))
	p.door.fail = errors.New("away")
	p.webhook(meta, body)
	p.nobody().get("/setup/" + canary)
	p.nobody().get("/api/v1/setup/" + canary)
	if l := p.logged.String(); strings.Contains(l, canary) || !strings.Contains(l, `"route":"/webhooks/meta"`) {
		t.Errorf("logged: %s", l)
	}
}

// BenchmarkAccept is the webhook's way without a database: read, route, verify, copy, answer.
func BenchmarkAccept(b *testing.B) {
	p := newPorch(b)
	body := []byte(`{"object":"toy_account","to":["100"],"text":"` + strings.Repeat("x", 1200) + `"}`)
	signature := sign(toySecret, body)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		raw := fmt.Appendf(nil, "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: %s\r\nContent-Length: %d\r\n\r\n%s", signature, len(body), body)
		for pb.Next() {
			if _, err := conn.Write(raw); err != nil {
				b.Error(err)
				return
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil || resp.StatusCode != 200 {
				b.Error(err, resp)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
		}
	})
}
