package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// trouble are metrics that count only what goes wrong or gets lost. They show nothing on a healthy instance, so a panel of
// them may be empty; docs/metrics.md must name them and their labels.
var trouble = map[string]string{
	"gatehouse_quarantined_total":        "needs a parser's mistake",
	"gatehouse_wakes_recovered_total":    "needs a lost wake",
	"gatehouse_transaction_reruns_total": "needs two processes that lose a race",
}

// rare are label values that only trouble brings, with what it would take.
var rare = map[string]string{
	"unavailable": "Postgres away", "flooding": "a flood of wrong signatures", "empty": "an empty webhook", "5xx": "a fault of ours",
	"limited": "a storm of sign-ins", "missed": "a lossy Redis", "slow": "a slow reader", "silent": "a dead network",
	"degraded": "a word of the provider", "disconnected": "an expired token", "refused": "a message that expired before it was sent",
	"lane": "a lost wake", "line": "a lost wake", "send": "a lost wake", "media": "a lost wake", "claim": "a killed sender",
	"window_closed": "a conversation that is a day old", "unrouted": "a number that is not here",
	"bulk": "work in bulk",
}

// TestEveryPanelAndRuleShowsSomethingOfARunningInstance lets a real Prometheus look at two real processes, a demo and a
// gateway beside it, while customers write and an agent answers.
func TestEveryPanelAndRuleShowsSomethingOfARunningInstance(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	p := startPrometheus(t, h)
	ctx, stop := context.WithCancel(t.Context())
	traffic := make(chan error, 1)
	go func() { traffic <- h.traffic(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-traffic; err != nil {
			t.Error(err)
		}
	})

	want := map[string]string{} // expression: where it stands
	for _, d := range dashboards(t) {
		for _, panel := range d.Panels {
			for _, q := range panel.Targets {
				want[concrete(q.Expr)] = d.UID + ", " + panel.Title
			}
		}
	}
	exprs := slices.Collect(maps.Keys(want))
	for _, r := range loadRules(t) {
		if r.Record != "" {
			want[r.Record] = "recorded"
		}
		exprs = append(exprs, r.Expr)
	}
	until(t, 3*time.Minute, "every panel shows something", func() (bool, string) {
		select {
		case err := <-traffic:
			traffic <- err
			t.Fatalf("the traffic ended: %v", err)
		default:
		}
		for expr := range maps.Clone(want) {
			found, err := p.query(expr)
			if err != nil {
				t.Fatalf("%s: %s: %v", want[expr], expr, err)
			}
			if found || mayBeEmpty(expr) {
				delete(want, expr)
			}
		}
		empty := make([]string, 0, len(want))
		for expr, where := range want {
			empty = append(empty, where+": "+expr)
		}
		return len(want) == 0, "empty:\n" + strings.Join(empty, "\n")
	})
	for _, expr := range exprs {
		p.known(t, concrete(expr))
	}
	p.healthyRules(t)
}

// concrete puts values in the place of Grafana's variables.
func concrete(expr string) string {
	return strings.NewReplacer("$job", "gatehouse", "$kind", ".*", "$__rate_interval", "15s").Replace(expr)
}

// mayBeEmpty tells whether an expression speaks of trouble only.
func mayBeEmpty(expr string) bool {
	all := metricNames(expr)
	return len(all) > 0 && !slices.ContainsFunc(all, func(m string) bool { return trouble[m] == "" })
}

var (
	quoted   = regexp.MustCompile(`"[^"]*"`)
	metric   = regexp.MustCompile(`\b(?:gatehouse[_:][a-z0-9_:]+|go_[a-z_]+|process_[a-z_]+|up)\b`)
	selector = regexp.MustCompile(`\b([a-z_:]+[a-z0-9_:]*)\{([^}]*)\}`)
	matcher  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"`)
	word     = regexp.MustCompile(`^[\w .+-]*$`)
)

func metricNames(expr string) []string {
	return slices.Compact(slices.Sorted(slices.Values(metric.FindAllString(quoted.ReplaceAllString(expr, `""`), -1))))
}

// prometheus is Debian's, as a child process.
type prometheus struct{ url string }

func startPrometheus(t *testing.T, h *house) *prometheus {
	t.Helper()
	dir := t.TempDir()
	rules, err := filepath.Abs("prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	targets := make([]string, 0, len(h.ops))
	for _, u := range h.ops {
		targets = append(targets, strconv.Quote(strings.TrimPrefix(u, "http://")))
	}
	config := fmt.Sprintf(`{global: {scrape_interval: 1s, evaluation_interval: 1s}, rule_files: [%q],
		scrape_configs: [{job_name: gatehouse, static_configs: [{targets: [%s]}]}]}`, rules, strings.Join(targets, ","))
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freePort(t)
	start(t, "prometheus", nil, "prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	p := &prometheus{url: "http://" + address}
	until(t, time.Minute, "Prometheus is ready", func() (bool, string) {
		_, err := fetch(t.Context(), p.url+"/-/ready")
		return err == nil, fmt.Sprint(err)
	})
	return p
}

// fetch gets a page; another status than 200 is an error.
func fetch(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read only
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return body, err
}

// get asks Prometheus' API.
func (p *prometheus) get(path string, params url.Values, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	body, err := fetch(ctx, p.url+"/api/v1/"+path+"?"+params.Encode())
	if err != nil {
		return err
	}
	return json.Unmarshal(body, &struct{ Data any }{out})
}

// query tells whether an expression has a value now, one that is a number.
func (p *prometheus) query(expr string) (found bool, err error) {
	var out struct{ Result []struct{ Value [2]any } }
	if err := p.get("query", url.Values{"query": {expr}}, &out); err != nil {
		return false, err
	}
	for _, r := range out.Result {
		s, _ := r.Value[1].(string)
		if v, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(v) {
			return true, nil
		}
	}
	return false, nil
}

func (p *prometheus) list(t *testing.T, path string, match string) (out []string) {
	t.Helper()
	if err := p.get(path, url.Values{"match[]": {match}}, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// known holds an expression's metrics, labels and values to what was scraped.
func (p *prometheus) known(t *testing.T, expr string) {
	t.Helper()
	have := map[string]bool{}
	for _, m := range metricNames(expr) {
		labels := p.list(t, "labels", m)
		if trouble[m] != "" && len(labels) == 0 {
			documented := regexp.MustCompile("`" + m + `\{([^}]*)\}`).FindStringSubmatch(read(t, "../docs/metrics.md"))
			if documented == nil {
				t.Errorf("%s: %s is neither shown nor documented", expr, m)
				continue
			}
			labels = append(strings.Split(documented[1], ","), "job", "instance")
		}
		if len(labels) == 0 {
			t.Errorf("%s: nothing shows %s", expr, m)
		}
		for _, l := range labels {
			have[l] = true
		}
	}
	for _, l := range grouped(expr) {
		if !have[l] {
			t.Errorf("%s: none of its metrics has the label %s", expr, l)
		}
	}
	for _, s := range selector.FindAllStringSubmatch(expr, -1) {
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			if !have[m[1]] {
				t.Errorf("%s: %s has no label %s", expr, s[1], m[1])
			}
			if m[1] == "job" || m[1] == "instance" || trouble[s[1]] != "" {
				continue // ours, or nothing is there to compare with
			}
			values := p.list(t, "label/"+m[1]+"/values", s[1])
			for v := range strings.SplitSeq(m[2], "|") {
				if word.MatchString(v) && v != "" && rare[v] == "" && !slices.Contains(values, v) {
					t.Errorf("%s: %s is never %q; it is %q", expr, m[1], v, values)
				}
			}
		}
	}
}

func (p *prometheus) healthyRules(t *testing.T) {
	t.Helper()
	var out struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := p.get("rules", nil, &out); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range out.Groups {
		for _, r := range g.Rules {
			n++
			if r.Health != "ok" {
				t.Errorf("%s: %s %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if want := len(loadRules(t)); n != want {
		t.Errorf("Prometheus has %d rules of %d", n, want)
	}
}

// house is a demo, and a gateway of its own beside it, so that one process wakes the other through Redis.
type house struct {
	demo, gateway string // public listeners
	ops           []string
	email, pass   string
}

func startHouse(t *testing.T) *house {
	t.Helper()
	data := t.TempDir()
	for d := data; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil { // as root, Postgres runs as somebody else and must get there
			t.Fatal(err)
		}
	}
	h := &house{demo: "http://" + freePort(t), gateway: "http://" + freePort(t), ops: []string{"http://" + freePort(t), "http://" + freePort(t)}}
	env := func(data, listen, ops string, more ...string) []string {
		return append([]string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), "GATEHOUSE_DATA=" + data,
			"GATEHOUSE_LISTEN=" + strings.TrimPrefix(listen, "http://"), "GATEHOUSE_OPS_LISTEN=" + strings.TrimPrefix(ops, "http://"),
		}, more...)
	}
	said := start(t, "demo", env(data, h.demo, h.ops[0]), binary(t), "serve", "--demo")
	ready(t, said)
	login := regexp.MustCompile(`Sign in +(\S+)\s+Password (\S+)`).FindStringSubmatch(said())
	if login == nil {
		t.Fatalf("the demo told no login: %s", said())
	}
	h.email, h.pass = login[1], login[2]

	var servers struct {
		Database string `json:"database_url"`
		Redis    string `json:"redis_url"`
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(data, "embedded.json"))), &servers); err != nil {
		t.Fatal(err)
	}
	ready(t, start(t, "gateway", env(t.TempDir(), h.gateway, h.ops[1],
		"DATABASE_URL="+servers.Database, "REDIS_URL="+servers.Redis, "GATEHOUSE_SECRET_KEY="+strings.TrimSpace(read(t, filepath.Join(data, "secret.key"))),
	), binary(t), "serve", "--role=gateway"))
	return h
}

func ready(t *testing.T, said func() string) {
	t.Helper()
	until(t, 2*time.Minute, "Gatehouse is ready", func() (bool, string) {
		return strings.Contains(said(), "Gatehouse is ready"), said()
	})
}

// traffic is customers who write to the demo and an agent who answers at the gateway, until ctx ends.
func (h *house) traffic(ctx context.Context) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	c := &caller{ctx: ctx, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
	var me struct{ CSRF string }
	c.do("POST", h.gateway+"/api/v1/session", map[string]string{"email": h.email, "password": h.pass}, &me)
	c.csrf = me.CSRF
	hear, err := c.live(h.gateway)
	if err != nil {
		return err
	}
	defer func() { _ = hear.CloseNow() }() // it is over anyway
	var accounts struct{ Items []struct{ ID, Kind string } }
	c.do("GET", h.gateway+"/api/v1/channel-accounts", nil, &accounts)
	for _, a := range accounts.Items {
		if a.Kind == "webchat" {
			c.do("POST", h.gateway+"/api/v1/channel-accounts/"+a.ID+"/disable", nil, nil)
		}
	}
	var reasons struct{ Items []struct{ ID string } }
	c.do("GET", h.gateway+"/api/v1/end-reasons", nil, &reasons)
	if c.err == nil && len(reasons.Items) == 0 {
		return errors.New("the demo has no reasons to end a conversation")
	}
	people := []string{"wa-905332041896", "wa-905424417035", "wa-905558724011", "ig-buraksahin", "ig-elif.yldz"}
	tell := func(person, what string, more map[string]any) {
		action := map[string]any{"do": what}
		maps.Copy(action, more)
		c.do("POST", h.demo+"/demo/api/people/"+person+"/actions", action, nil)
	}
	for _, p := range people {
		tell(p, "text", map[string]any{"text": "Merhaba"}) // they wait until there is an agent
	}
	c.do("PUT", h.gateway+"/api/v1/me/presence", map[string]string{"presence": "online"}, nil)

	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for n := 0; c.err == nil; n++ {
		person := people[n%len(people)]
		tell(person, "text", map[string]any{"text": "Bir sorum var"})
		var mine struct{ Items []struct{ ID string } }
		c.do("GET", h.gateway+"/api/v1/conversations?view=mine", nil, &mine)
		if len(mine.Items) > 0 {
			c.do("POST", h.gateway+"/api/v1/conversations/"+mine.Items[n%len(mine.Items)].ID+"/messages", map[string]string{"text": "Buyurun"}, nil)
		}
		switch n % 8 {
		case 1:
			tell(people[0], "sample", map[string]any{"sample": "bowl.jpg"})
		case 2: // the provider refuses one, throttles one, and does not answer for one
			for _, fault := range []map[string]any{{"code": 131026}, {"code": 130429}, {"reset": true}} {
				fault["op"], fault["times"] = "send", 1
				c.do("POST", h.demo+"/demo/api/faults", fault, nil)
			}
		case 3:
			c.refused("POST", h.demo+"/webhooks/meta", map[string]string{"nobody": "signed this"})
			c.refused("POST", h.gateway+"/api/v1/session", map[string]string{"email": "nobody@example.com", "password": "a guess of somebody"})
		case 0, 5:
			if short, err := c.live(h.gateway); err == nil {
				_ = short.Close(websocket.StatusNormalClosure, "")
			}
			// Who writes after this waits anew.
			if len(mine.Items) > 0 {
				c.do("POST", h.gateway+"/api/v1/conversations/"+mine.Items[0].ID+"/end", map[string]string{"reason_id": reasons.Items[0].ID}, nil)
			}
			_ = hear.Write(ctx, websocket.MessageText, []byte(`{"type":"ping"}`)) // a lost socket shows in the panels
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	return c.err
}

// caller calls the API as a browser does, and keeps the first error.
type caller struct {
	ctx  context.Context //nolint:containedctx // the traffic's, for the whole of its life
	http *http.Client
	csrf string
	err  error
}

func (c *caller) do(method, address string, in, out any) {
	if c.err != nil {
		return
	}
	status, body, err := c.call(method, address, in)
	switch {
	case err != nil:
		c.err = err
	case status > 299:
		c.err = fmt.Errorf("%s %s: %d %s", method, address, status, body)
	case out != nil:
		c.err = json.Unmarshal(body, out)
	}
}

// refused is do for what must not succeed.
func (c *caller) refused(method, address string, in any) {
	if status, _, err := c.call(method, address, in); err == nil && status < 400 {
		c.err = errors.Join(c.err, fmt.Errorf("%s %s: %d", method, address, status))
	}
}

func (c *caller) call(method, address string, in any) (int, []byte, error) {
	var sent io.Reader = http.NoBody
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		sent = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(c.ctx, method, address, sent)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", c.csrf)
	req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read only
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// live opens the agent's socket, says hello, and reads what comes until it closes.
func (c *caller) live(origin string) (*websocket.Conn, error) {
	conn, _, err := websocket.Dial(c.ctx, origin+"/api/v1/live", &websocket.DialOptions{HTTPClient: &http.Client{Jar: c.http.Jar}, HTTPHeader: http.Header{"Origin": {origin}}})
	if err != nil {
		return nil, errors.Join(c.err, err)
	}
	conn.SetReadLimit(8 << 20)
	go func() {
		for {
			if _, _, err := conn.Read(c.ctx); err != nil {
				return
			}
		}
	}()
	return conn, conn.Write(c.ctx, websocket.MessageText, []byte(`{"type":"hello","cursor":""}`))
}
