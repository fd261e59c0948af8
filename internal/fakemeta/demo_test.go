package fakemeta

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fetch asks the demo and returns status, header and body.
func (w *stage) fetch(method, path, contentType string, body io.Reader) (int, http.Header, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.URL()+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(data)
}

func TestTheDemoPageIsSelfContained(t *testing.T) {
	t.Parallel()
	w := setup(t)
	status, header, page := w.fetch("GET", "/demo", "", nil) // redirected to /demo/
	if status != 200 || !strings.HasPrefix(header.Get("Content-Type"), "text/html") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("the page: %d %v", status, header)
	}
	refs := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(refs) < 3 {
		t.Errorf("the page refers to %v", refs)
	}
	for _, ref := range refs {
		if strings.HasPrefix(ref[1], "#") {
			continue
		}
		if strings.HasPrefix(ref[1], "/") || strings.Contains(ref[1], ":") {
			t.Errorf("%s is not relative", ref[1])
		}
		if status, h, _ := w.fetch("GET", "/demo/"+ref[1], "", nil); status != 200 || h.Get("Content-Type") == "" {
			t.Errorf("%s: %d %s", ref[1], status, h.Get("Content-Type"))
		}
	}
	for _, foul := range []string{"<style", "style=", "onclick", "<script>"} {
		if strings.Contains(page, foul) {
			t.Errorf("the page has %s, which its policy forbids", foul)
		}
	}
	for _, path := range []string{"/demo/none.js", "/demo/../doc.go", "/demo/api/none"} {
		if status, _, _ := w.fetch("GET", path, "", nil); status == 200 {
			t.Errorf("%s is served", path)
		}
	}
}

func TestThePhonesHearOfChanges(t *testing.T) {
	t.Parallel()
	w := setup(t)
	read := func(path string) (c changes) {
		t.Helper()
		_, _, body := w.fetch("GET", path, "", nil)
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	all := read("/demo/api/changes?since=0")
	if len(all.People) != 8 || len(all.Accounts) != 2 || all.Movable || len(all.Samples) < 4 {
		t.Errorf("at first: %+v", all)
	}
	if strings.Contains(indent(all), "token-1") || strings.Contains(indent(all), "test_app_secret") {
		t.Error("a secret is on the page")
	}
	next := make(chan changes, 1)
	go func() { // asked before it happens: the poll waits
		_, _, body := w.fetch("GET", "/demo/api/changes?since="+itoa64(all.Rev)+"&boot="+all.Boot, "", nil)
		var c changes
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			t.Error(err)
		}
		next <- c
	}()
	status, _, body := w.fetch("POST", "/demo/api/people/wa-905332041896/actions", "application/json", strings.NewReader(`{"do":"text","text":"Merhaba"}`))
	if status != 200 {
		t.Fatal(body)
	}
	got := <-next
	if len(got.People) != 0 || len(got.Threads) != 1 || got.Threads[0].Messages[0].Text != "Merhaba" || got.Threads[0].WindowClosesAt == nil {
		t.Errorf("the change: %s", indent(got))
	}
	if again := read("/demo/api/changes?since=" + itoa64(got.Rev) + "&boot=another"); len(again.People) != 8 {
		t.Errorf("after a restart: %d people", len(again.People))
	}
}

func TestThePhonesSendFilesAndSeeThem(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, c := range []struct{ person, mime, name, kind string }{
		{"wa-905332041896", "image/png", "a.png", "image"},
		{"wa-905332041896", "text/html", "evil.html", "document"},
		{"ig-buraksahin", "application/pdf", "a.pdf", "file"},
	} {
		status, _, body := w.fetch("POST", "/demo/api/people/"+c.person+"/files?filename="+c.name, c.mime, strings.NewReader("<b>bytes</b>"))
		if status != 200 {
			t.Fatal(body)
		}
		p, _ := w.FindPhone(c.person)
		all := p.Messages()
		m := all[len(all)-1]
		if m.Type != c.kind {
			t.Errorf("%s went as %s", c.mime, m.Type)
		}
		status, header, data := w.fetch("GET", "/demo/api/media/"+m.Media.ID, "", nil)
		if status != 200 || data != "<b>bytes</b>" || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s comes back as %d %q", c.name, status, data)
		}
		if inline := strings.HasPrefix(header.Get("Content-Type"), "image/"); inline == strings.HasPrefix(header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %v", c.name, header)
		}
	}
	for _, name := range Samples() {
		if status, _, data := w.fetch("GET", "/demo/api/samples/"+name, "", nil); status != 200 || len(data) < 500 {
			t.Errorf("%s: %d, %d bytes", name, status, len(data))
		}
	}
}

func TestAForeignPageCannotPlay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, path := range []string{"/demo/api/people", "/control/people"} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL()+path, strings.NewReader(`{"kind":"whatsapp","phone":"905330000001"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://evil.example")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func TestTheClockMovesIfTheHostLetsIt(t *testing.T) {
	t.Parallel()
	var c *clock
	w := setup(t, func(cfg *Config) {
		c = &clock{at: time.Unix(1795250000, 0)}
		cfg.Clock, cfg.AdvanceClock = c.now, c.advance
	})
	start := c.now()
	for _, step := range []struct {
		body string
		want time.Duration
	}{{`{"hours":1}`, time.Hour}, {`{"hours":24}`, 25 * time.Hour}, {`{"reset":true}`, 0}} {
		if status, _, body := w.fetch("POST", "/demo/api/clock", "application/json", strings.NewReader(step.body)); status != 204 {
			t.Fatal(body)
		}
		if got := c.now().Sub(start); got != step.want || w.changesSince(0).SkewMS != step.want.Milliseconds() {
			t.Errorf("%s: %s", step.body, got)
		}
	}
	fixed := setup(t)
	if status, _, _ := fixed.fetch("POST", "/demo/api/clock", "application/json", strings.NewReader(`{"hours":1}`)); status != 400 {
		t.Errorf("a clock without a handle: %d", status)
	}
}

func TestTheWorldSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keep := func(c *Config) { c.DataDir = dir }
	w := setup(t, keep)
	p := w.Phone("905332041896", "")
	kind, f, err := Sample("bowl.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.SendFile(kind, f); err != nil {
		t.Fatal(err)
	}
	known := w.send(textTo("+905332041896", "Merhaba"))
	w.graph("POST", "/v26.0/"+waba+"/message_templates", `{"name":"yeni","language":"tr","category":"UTILITY","components":[{"type":"BODY","text":"x"}]}`)
	w.settle()
	p.Change(func(p *Person) { p.Name = "Elif Y." })
	w.desk.status = func(int) int { return 503 } // the desk dies before the last message
	lost := p.SendText("Bu da gitsin")
	eventually(t, func() bool {
		l := w.Ledger().Webhooks
		return l[len(l)-1].IDs[0] == lost
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	before := p.Messages()

	again := setup(t, keep)
	q := again.Phone("905332041896", "")
	again.settle()
	if !again.Ledger().AckedIDs("message")[lost] {
		t.Error("the message that was on its way is lost")
	}
	before[2].Status = "delivered"
	zero := func(m []Message) []Message {
		for i := range m {
			m[i].Rev, m[i].thread, m[i].At = 0, nil, m[i].At.UTC()
			if m[i].Media != nil {
				media := *m[i].Media
				m[i].Media = &media
			}
		}
		return m
	}
	if diff := cmp.Diff(zero(before), zero(q.Messages()), cmp.AllowUnexported(Message{}, Media{})); diff != "" {
		t.Errorf("the phone (-before +after):\n%s", diff)
	}
	if q.Person().Name != "Elif Y." || !q.WindowClosesAt().Equal(p.WindowClosesAt()) {
		t.Errorf("the person is %+v, the window ends at %s", q.Person(), q.WindowClosesAt())
	}
	if again.catalog.find(waba, "yeni", "tr") == nil {
		t.Error("the template is gone")
	}
	if a, b := w.catalog.find(waba, "stok_geldi", "tr").ID, again.catalog.find(waba, "stok_geldi", "tr").ID; a != b {
		t.Errorf("template %s became %s", a, b)
	}
	if !again.mint.issued(known) || again.mint.message(WhatsApp) == known {
		t.Error("the ids start anew")
	}
	if _, info := again.graph("GET", "/v26.0/"+before[0].Media.ID, ""); info["mime_type"] != "image/jpeg" {
		t.Errorf("the picture: %v", info)
	}
	if err := os.WriteFile(filepath.Join(dir, "world.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := MaviEv()
	cfg.DataDir = dir
	if s, err := New(cfg); err == nil {
		t.Errorf("a broken world was read: %v", s.Close())
	}
}

func TestAChangeIsOnDiskBeforeAnybodyCloses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := setup(t, func(c *Config) { c.DataDir = dir })
	id := w.Phone("905332041896", "").SendText("Merhaba")
	eventually(t, func() bool {
		data, err := os.ReadFile(filepath.Join(dir, "world.json"))
		return err == nil && strings.Contains(string(data), id)
	})
}

func TestAnAccountThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	for name, accounts := range map[string][]Account{
		"none":           nil,
		"no id":          {{Kind: WhatsApp, Name: "x", BusinessAccountID: "1", DisplayPhone: "90"}},
		"no digits":      {{Kind: WhatsApp, PhoneNumberID: "1", BusinessAccountID: "1", DisplayPhone: "+90"}},
		"no Instagram":   {{Kind: Instagram}},
		"another medium": {{Kind: "fax", PhoneNumberID: "1"}},
		"twice":          {{Kind: Instagram, InstagramID: "1"}, {Kind: Instagram, InstagramID: "1"}},
	} {
		if s, err := New(Config{Accounts: accounts}); err == nil {
			t.Errorf("%s: accepted, %v", name, s.Close())
		}
	}
}
