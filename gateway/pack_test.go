package gateway_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"gatehouse/internal/chat"
)

// raw asks with an Accept-Encoding and gives what came, as it came.
func (c *caller) raw(method, path, accept string) answer {
	c.h.t.Helper()
	req := c.request(method, path, nil)
	req.Header.Set("Accept-Encoding", accept) // named by hand, it is not undone by the client
	return c.do(req)
}

// crowd adds agents.
func (h *house) crowd(n int) {
	h.t.Helper()
	h.Exec(`INSERT INTO agents (id, name, email, role, languages)
		SELECT gen_random_uuid(), 'Temsilci ' || n, 'temsilci' || n || '@example.com', 'agent', '{tr,en}' FROM generate_series(1, $1::int) AS n`, n)
	h.Exec(`INSERT INTO agent_departments (agent_id, department_id) SELECT a.id, d.id FROM agents a, departments d ON CONFLICT DO NOTHING`)
	h.Exec(`INSERT INTO agent_presence (agent_id, presence, seen_at, settled) SELECT id, 'online', now(), 'online' FROM agents ON CONFLICT DO NOTHING`)
}

func TestALongListIsCompressedForWhoTakesThat(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.crowd(100)
	a := h.agent(chat.RoleAgent)
	plain, packed := a.raw("GET", "/api/v1/desk", "identity"), a.raw("GET", "/api/v1/desk", "gzip, deflate, br")
	if e := plain.header.Get("Content-Encoding"); e != "" || plain.header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("who does not take gzip gets %q, Vary %q", e, plain.header.Get("Vary"))
	}
	if e := packed.header.Get("Content-Encoding"); e != "gzip" || packed.header.Get("Vary") != "Accept-Encoding" || packed.header.Get("Content-Type") != plain.header.Get("Content-Type") {
		t.Fatalf("who takes gzip gets %q, Vary %q, %s", e, packed.header.Get("Vary"), packed.header.Get("Content-Type"))
	}
	r, err := gzip.NewReader(bytes.NewReader(packed.body))
	must(t, err)
	body, err := io.ReadAll(r)
	must(t, err)
	if !bytes.Equal(body, plain.body) || len(packed.body)*4 > len(body) {
		t.Errorf("%d bytes became %d, and unpacked %d", len(plain.body), len(packed.body), len(body))
	}
	head := a.raw("HEAD", "/api/v1/desk", "gzip")
	if len(head.body) != 0 || head.header.Get("Content-Encoding") != "gzip" || head.header.Get("Content-Length") != strconv.Itoa(len(packed.body)) {
		t.Errorf("HEAD says %v", head.header)
	}
	short := a.raw("GET", "/api/v1/desk?only=end_reasons", "gzip")
	if e := short.header.Get("Content-Encoding"); e != "" || !strings.HasPrefix(string(short.body), "{") || short.header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("a short answer comes as %q", e)
	}
	refused := a.raw("GET", "/api/v1/desk?only="+strings.Repeat("x", 3000), "gzip")
	refused.refused(http.StatusBadRequest, chat.CodeInvalid)
}

func TestNoAnswerWithASecretOrWhatContactsWriteIsCompressed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := h.agent(chat.RoleAdmin)
	long := strings.Repeat("Merhaba ", 400)
	h.In(h.Text("905551110001", "in-1", long))
	id := h.Open("905551110001").ID.String()
	admin.ask("PUT", "/api/v1/me/prefs", map[string]any{"note": long}).into(200, nil)
	for range 10 {
		admin.post("/api/v1/api-keys", map[string]any{"name": strings.Repeat("k", 60), "role": "agent", "scopes": []string{"inbox:read"}}).into(201, nil)
	}
	for _, path := range []string{"/me", "/api-keys", "/audit", "/conversations/" + id + "/messages"} {
		if x := admin.raw("GET", "/api/v1"+path, "gzip"); x.status != 200 || len(x.body) < 1400 || x.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d, %d bytes, %q", path, x.status, len(x.body), x.header.Get("Content-Encoding"))
		}
	}
	// What may be compressed is named here too, so that nobody adds to it in passing.
	packed := []string{
		"/agents", "/break-reasons", "/canned-replies", "/channel-accounts", "/channel-kinds", "/departments", "/desk", "/end-reasons", "/openapi.json", "/templates",
	}
	var varies []string
	for _, line := range lines() {
		path, get := strings.CutPrefix(line, "GET ")
		if path = strings.NewReplacer("{id}", id, "{mid}", id, "{token}", id).Replace(path); get && path != "/live" && admin.raw("GET", "/api/v1"+path, "gzip").header.Get("Vary") != "" {
			varies = append(varies, path)
		}
	}
	if slices.Sort(varies); !slices.Equal(varies, packed) {
		t.Errorf("compressed may be %v", varies)
	}
}

// What GET /desk of a thousand agents costs this process and Postgres together.
func BenchmarkDesk(b *testing.B) {
	h := newHouse(b)
	h.crowd(1000)
	admin := h.program(chat.RoleAgent, "inbox:read")
	for _, accept := range []string{"identity", "gzip"} {
		b.Run(accept, func(b *testing.B) {
			n := 0
			for b.Loop() {
				a := admin.raw("GET", "/api/v1/desk", accept)
				n = len(a.body)
			}
			b.ReportMetric(float64(n), "bytes")
		})
	}
}

// What the compression alone costs.
func BenchmarkPack(b *testing.B) {
	h := newHouse(b)
	h.crowd(1000)
	body := h.program(chat.RoleAgent, "inbox:read").raw("GET", "/api/v1/desk", "identity").body
	b.SetBytes(int64(len(body)))
	var packed []byte
	for b.Loop() {
		packed = fasthttp.AppendGzipBytesLevel(packed[:0], body, fasthttp.CompressBestSpeed)
	}
	b.ReportMetric(float64(len(packed)), "bytes")
}
