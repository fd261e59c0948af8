package fakemeta

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is the other side: a webhook receiver that checks the signature and keeps what it got.
type desk struct {
	t      *testing.T
	secret string
	token  string
	*httptest.Server

	mu     sync.Mutex
	status func(n int) int // by the count of posts so far; default 200
	bodies [][]byte
	n      int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, secret: "test_app_secret", token: "verify-me"}
	d.Server = httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(d.Close)
	return d
}

func (d *desk) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		q := r.URL.Query()
		if q.Get("hub.mode") != "subscribe" || q.Get("hub.verify_token") != d.token {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, q.Get("hub.challenge"))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		d.t.Error(err)
	}
	if got := r.Header.Get("X-Hub-Signature-256"); got != Sign(d.secret, body) {
		d.t.Errorf("signature %q does not fit the body", got)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	status := http.StatusOK
	if d.status != nil {
		status = d.status(d.n)
	}
	if status == http.StatusOK {
		d.bodies = append(d.bodies, body)
	}
	w.WriteHeader(status)
}

// received returns the bodies that were answered 200, decoded.
func (d *desk) received() []map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []map[string]any
	for _, b := range d.bodies {
		var v map[string]any
		if err := json.Unmarshal(b, &v); err != nil {
			d.t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// clock is a settable time.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

const (
	number = "510000000000011"
	waba   = "410000000000011"
	igID   = "17841400000000011"
)

type stage struct {
	*Server
	t      *testing.T
	desk   *desk
	clock  *clock
	client *http.Client
}

// setup starts a Mavi Ev whose webhooks go to a desk. Statuses come at once.
func setup(t *testing.T, change ...func(*Config)) *stage {
	t.Helper()
	d := newDesk(t)
	c := &clock{at: time.Unix(1795250000, 0).UTC()}
	cfg := MaviEv()
	cfg.AppSecret, cfg.VerifyToken, cfg.AccessToken = d.secret, d.token, "token-1"
	cfg.WebhookURL, cfg.Clock = d.URL, c.now
	cfg.Retry = []time.Duration{time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	s, err := Start("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return &stage{s, t, d, c, client}
}

func (w *stage) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
	defer cancel()
	if err := w.Settle(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// graph calls the API with the token and returns the status and the decoded answer.
func (w *stage) graph(method, path, body string) (int, map[string]any) {
	w.t.Helper()
	status, out, err := w.tryGraph(method, path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return status, out
}

func (w *stage) tryGraph(method, path, body string) (int, map[string]any, error) {
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.URL()+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer token-1")
	req.Header.Set("Content-Type", "application/json")
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return 0, nil, err
	}
	return resp.StatusCode, out, nil
}

// send posts a WhatsApp message and fails the test if it is refused.
func (w *stage) send(body string) string {
	w.t.Helper()
	status, out := w.graph("POST", "/v26.0/"+number+"/messages", body)
	if status != 200 {
		w.t.Fatalf("send answered %d %v", status, out)
	}
	return dig(out, "messages", 0, "id").(string)
}

func textTo(to, text string) string {
	return fmt.Sprintf(`{"messaging_product":"whatsapp","to":%q,"type":"text","text":{"body":%q},"biz_opaque_callback_data":"gw:1"}`, to, text)
}

// dig walks into decoded JSON; nil if the way ends.
func dig(v any, path ...any) any {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			a, _ := v.([]any)
			if s >= len(a) {
				return nil
			}
			v = a[s]
		}
	}
	return v
}

// statuses lists "id status" of all statuses that the desk got, in order.
func (w *stage) statuses() []string {
	var out []string
	for _, b := range w.desk.received() {
		for e := 0; dig(b, "entry", e) != nil; e++ {
			for c := 0; dig(b, "entry", e, "changes", c) != nil; c++ {
				for i := 0; dig(b, "entry", e, "changes", c, "value", "statuses", i) != nil; i++ {
					s := dig(b, "entry", e, "changes", c, "value", "statuses", i)
					out = append(out, fmt.Sprint(dig(s, "id"), " ", dig(s, "status")))
				}
			}
		}
	}
	return out
}

func errorCode(out map[string]any) int {
	code, _ := dig(out, "error", "code").(float64)
	return int(code)
}

func indent(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", " ")
	_ = enc.Encode(v)
	return b.String()
}

// newFileServer serves the samples to who fetches links.
func newFileServer(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, f, err := Sample(r.URL.Path)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", f.MIME)
		_, _ = w.Write(f.Bytes)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// eventually polls until the condition holds, for five seconds at most.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("it did not happen")
		}
	}
}

func itoa64(n int64) string { return strconv.FormatInt(n, 10) }
