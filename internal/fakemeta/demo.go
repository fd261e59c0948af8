package fakemeta

import (
	"embed"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed demo
var demoFiles embed.FS

// demoPolicy lets the page load itself and nothing else.
const demoPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const longPoll = 20 * time.Second

// Demo is the page on which a person plays the customers: two phones, live. It serves /demo, /demo/ and below, and
// nothing of the control API, so it may stand on the product's public listener. All its URLs are relative; changes come
// by long poll, which passes through any adaptor.
func (s *Server) Demo() http.Handler {
	mux := http.NewServeMux()
	c := &control{s: s}
	mux.HandleFunc("GET /demo", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "demo/", http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /demo/{file}", s.serveDemoFile)
	mux.HandleFunc("GET /demo/{$}", s.serveDemoFile)
	mux.HandleFunc("GET /demo/api/changes", s.serveChanges)
	mux.HandleFunc("GET /demo/api/media/{id}", s.serveDemoMedia)
	mux.HandleFunc("GET /demo/api/samples/{name}", s.serveSample)
	mux.HandleFunc("POST /demo/api/people", c.do(s.addPersonRequest))
	mux.HandleFunc("PATCH /demo/api/people/{id}", c.do(s.changePersonRequest))
	mux.HandleFunc("POST /demo/api/people/{id}/actions", c.do(s.actRequest))
	mux.HandleFunc("POST /demo/api/people/{id}/files", c.do(s.fileRequest))
	mux.HandleFunc("POST /demo/api/clock", c.do(s.clockRequest))
	mux.HandleFunc("POST /demo/api/faults", c.do(c.addFault))
	mux.HandleFunc("DELETE /demo/api/faults", c.do(func(*http.Request) (any, error) { s.RemoveFault(""); return nil, nil }))
	return http.NewCrossOriginProtection().Handler(mux)
}

func (s *Server) serveDemoFile(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if name == "" {
		name = "index.html"
	}
	data, err := fs.ReadFile(demoFiles, path.Join("demo", name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", demoPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Type", map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}[path.Ext(name)])
	_, _ = w.Write(data) //nolint:gosec // embedded bytes, whatever was asked; the error means that the caller is gone
}

// changes is everything that is newer than the caller's revision.
type changes struct {
	Boot     string    `json:"boot"` // another one: start afresh
	Rev      int64     `json:"rev"`
	Now      time.Time `json:"now"`
	Movable  bool      `json:"movable"`            // the clock can be moved
	SkewMS   int64     `json:"skew_ms"`            // how far it was
	DeskURL  string    `json:"desk_url,omitempty"` // back to the inbox
	Accounts []Account `json:"accounts"`
	People   []Person  `json:"people"`
	Threads  []chat    `json:"threads"`
	Desk     Stats     `json:"desk"`
	Samples  []string  `json:"samples"`
}

type chat struct {
	Account        string     `json:"account"`
	Person         string     `json:"person"`
	TypingMS       int64      `json:"typing_ms"`
	WindowClosesAt *time.Time `json:"window_closes_at"`
	Messages       []Message  `json:"messages"`
}

// serveChanges answers as soon as there is something newer than ?since, or after a while with nothing.
func (s *Server) serveChanges(w http.ResponseWriter, r *http.Request) {
	since := int64(atoi(r.URL.Query().Get("since")))
	if r.URL.Query().Get("boot") != s.boot {
		since = 0
	}
	timeout := time.NewTimer(longPoll)
	defer timeout.Stop()
	for {
		s.world.mu.Lock()
		newer, wait := s.world.rev > since || since == 0, s.world.changed
		s.world.mu.Unlock()
		if newer {
			break
		}
		select {
		case <-wait:
			continue
		case <-timeout.C:
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
		}
		break
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, s.changesSince(since))
}

func (s *Server) changesSince(since int64) changes {
	out := changes{
		Boot: s.boot, Now: s.now(), Movable: s.cfg.AdvanceClock != nil, DeskURL: s.cfg.DeskURL, Desk: s.stats(),
		Accounts: s.cfg.Accounts, People: []Person{}, Threads: []chat{}, Samples: Samples(),
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	out.Rev, out.SkewMS = s.world.rev, s.skew.Milliseconds()
	for _, p := range s.world.people {
		if !p.silent && p.rev > since {
			out.People = append(out.People, p.Person)
		}
	}
	for key, t := range s.world.threads {
		if t.rev <= since || key.person.silent {
			continue
		}
		c := chat{Account: key.account.ID(), Person: key.person.ID, TypingMS: max(0, time.Until(t.typingUntil).Milliseconds()), Messages: []Message{}}
		if !t.lastInbound.IsZero() {
			closes := t.lastInbound.Add(windowLength)
			c.WindowClosesAt = &closes
		}
		for _, m := range t.messages {
			if m.Rev > since {
				c.Messages = append(c.Messages, *m)
			}
		}
		out.Threads = append(out.Threads, c)
	}
	return out
}

// serveDemoMedia shows the customer the file, without a token. Only pictures and sound are shown in place.
func (s *Server) serveDemoMedia(w http.ResponseWriter, r *http.Request) {
	b := s.media.get(r.PathValue("id"))
	if b == nil {
		http.NotFound(w, r)
		return
	}
	serveFile(w, r, b.MIME, b.Filename, b.bytes)
}

func (s *Server) serveSample(w http.ResponseWriter, r *http.Request) {
	_, f, err := Sample(r.PathValue("name"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	serveFile(w, r, f.MIME, f.Filename, f.Bytes)
}

func serveFile(w http.ResponseWriter, r *http.Request, mimeType, filename string, data []byte) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, max-age=86400")
	base, _, _ := strings.Cut(mimeType, ";")
	h.Set("Content-Type", mimeType)
	switch {
	case base == "image/jpeg" || base == "image/png" || base == "image/webp" || base == "image/gif" || strings.HasPrefix(base, "audio/") || strings.HasPrefix(base, "video/"):
	default:
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": filename}))
	}
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(data)))
}

// fileRequest takes a file as the raw body, so that no server in between has to parse a form.
func (s *Server) fileRequest(r *http.Request) (any, error) {
	ph, err := s.phoneOf(r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	a := Action{Do: "file", Bytes: data, MIME: r.Header.Get("Content-Type"), Filename: q.Get("filename"), Text: q.Get("caption"), ReplyTo: q.Get("reply_to")}
	a.Kind = "document"
	for _, kind := range []string{"image", "video", "audio"} {
		if strings.HasPrefix(a.MIME, kind+"/") {
			a.Kind, a.Filename = kind, ""
		}
	}
	if ph.p.Kind == Instagram && a.Kind == "document" {
		a.Kind = "file"
	}
	id, err := ph.Act(a)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": id}, nil
}

var errFixedClock = errors.New("fakemeta: this clock cannot be moved")

// clockRequest moves the world's clock, or sets it back to where it started.
func (s *Server) clockRequest(r *http.Request) (any, error) {
	var in struct {
		Hours float64 `json:"hours"`
		Reset bool    `json:"reset"`
	}
	if err := readRequest(r, &in); err != nil {
		return nil, err
	}
	if s.cfg.AdvanceClock == nil {
		return nil, errFixedClock
	}
	s.world.mu.Lock()
	by := time.Duration(in.Hours * float64(time.Hour))
	if in.Reset {
		by = -s.skew
	}
	s.skew += by
	s.world.mu.Unlock()
	s.cfg.AdvanceClock(by)
	s.world.bump()
	return nil, nil
}
