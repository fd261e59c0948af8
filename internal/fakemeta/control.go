package fakemeta

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// controlHandler lets a test in another process do what Go code can: people, actions, faults, holds, load, ledger.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	c := &control{s: s}
	mux.HandleFunc("GET /control/ledger", s.serveLedger)
	mux.HandleFunc("DELETE /control/ledger", c.do(func(*http.Request) (any, error) { s.ForgetLedger(); return nil, nil }))
	mux.HandleFunc("GET /control/stats", c.do(func(*http.Request) (any, error) { return s.stats(), nil }))
	mux.HandleFunc("GET /control/accounts", c.do(func(*http.Request) (any, error) { return s.cfg.Accounts, nil }))
	mux.HandleFunc("POST /control/subscribe", c.do(c.subscribe))
	mux.HandleFunc("POST /control/settle", c.do(c.settle))

	mux.HandleFunc("GET /control/faults", c.do(func(*http.Request) (any, error) { return s.Faults(), nil }))
	mux.HandleFunc("POST /control/faults", c.do(c.addFault))
	mux.HandleFunc("DELETE /control/faults", c.do(func(*http.Request) (any, error) { s.RemoveFault(""); return nil, nil }))
	mux.HandleFunc("DELETE /control/faults/{id}", c.do(func(r *http.Request) (any, error) { s.RemoveFault(r.PathValue("id")); return nil, nil }))

	mux.HandleFunc("GET /control/people", c.do(c.people))
	mux.HandleFunc("POST /control/people", c.do(s.addPersonRequest))
	mux.HandleFunc("PATCH /control/people/{id}", c.do(s.changePersonRequest))
	mux.HandleFunc("GET /control/people/{id}/messages", c.do(c.messages))
	mux.HandleFunc("POST /control/people/{id}/actions", c.do(s.actRequest))

	mux.HandleFunc("POST /control/templates", c.do(c.template))
	mux.HandleFunc("POST /control/hold", c.do(c.hold))
	mux.HandleFunc("POST /control/release", c.do(c.release))
	mux.HandleFunc("POST /control/load", c.do(c.load))
	return mux
}

type control struct {
	s    *Server
	mu   sync.Mutex
	held *Held
}

// do makes a handler of a function: its error is 400, its nil is 204.
func (c *control) do(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		out, err := f(r)
		switch {
		case errors.Is(err, errNobody):
			writeJSON(w, http.StatusNotFound, map[string]string{"error": err.Error()})
		case err != nil:
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		case out == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			writeJSON(w, http.StatusOK, out)
		}
	}
}

var errNobody = errors.New("fakemeta: no such person")

func readRequest(r *http.Request, v any) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, 32<<20))
	if err != nil || len(data) == 0 {
		return err
	}
	return json.Unmarshal(data, v)
}

// Stats is the sender's state in figures.
type Stats struct {
	Waiting    int    `json:"waiting"` // webhooks without a 2xx so far
	Acked      int64  `json:"acked"`
	LastStatus int    `json:"last_status"`
	LastError  string `json:"last_error,omitempty"`
	Sends      int    `json:"sends"`
	Faults     int    `json:"faults"`
}

func (s *Server) stats() Stats {
	s.sender.mu.Lock()
	out := Stats{Waiting: len(s.sender.pending), Acked: s.sender.acked, LastStatus: s.sender.last.Status, LastError: s.sender.last.Error}
	s.sender.mu.Unlock()
	s.ledger.mu.Lock()
	out.Sends = len(s.ledger.sends)
	s.ledger.mu.Unlock()
	out.Faults = len(s.Faults())
	return out
}

func (c *control) subscribe(r *http.Request) (any, error) {
	var in struct {
		URL  string   `json:"url"`
		URLs []string `json:"urls"` // of several gateways
	}
	if err := readRequest(r, &in); err != nil {
		return nil, err
	}
	if in.URL != "" {
		in.URLs = append(in.URLs, in.URL)
	}
	return nil, c.s.Subscribe(r.Context(), in.URLs...)
}

func (c *control) settle(r *http.Request) (any, error) {
	var in struct {
		Timeout string `json:"timeout"` // default 30s
	}
	if err := readRequest(r, &in); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Timeout)
	if err != nil {
		d = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(r.Context(), d)
	defer cancel()
	return nil, c.s.Settle(ctx)
}

func (c *control) addFault(r *http.Request) (any, error) {
	var f Fault
	if err := readRequest(r, &f); err != nil {
		return nil, err
	}
	return map[string]string{"id": c.s.AddFault(f)}, nil
}

func (c *control) people(*http.Request) (any, error) {
	c.s.world.mu.Lock()
	defer c.s.world.mu.Unlock()
	out := []Person{}
	for _, p := range c.s.world.people {
		out = append(out, p.Person)
	}
	return out, nil
}

func (c *control) messages(r *http.Request) (any, error) {
	ph, err := c.s.phoneOf(r)
	if err != nil {
		return nil, err
	}
	return ph.Messages(), nil
}

// phoneOf is the person of the path in the chat with the account of the query, or with the first of the kind.
func (s *Server) phoneOf(r *http.Request) (*Phone, error) {
	ph, ok := s.FindPhone(r.PathValue("id"))
	if !ok {
		return nil, errNobody
	}
	if id := r.URL.Query().Get("account"); id != "" {
		s.world.mu.Lock()
		a := s.world.account(id)
		s.world.mu.Unlock()
		if a == nil || a.Kind != ph.p.Kind {
			return nil, errors.New("fakemeta: no such account for this person")
		}
		ph.a = a
	}
	return ph, nil
}

func (s *Server) addPersonRequest(r *http.Request) (any, error) {
	var p Person
	if err := readRequest(r, &p); err != nil {
		return nil, err
	}
	ph, err := s.AddPerson(p)
	if err != nil {
		return nil, err
	}
	return ph.Person(), nil
}

// changePersonRequest changes what the body names and leaves the rest.
func (s *Server) changePersonRequest(r *http.Request) (any, error) {
	ph, err := s.phoneOf(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	ph.Change(func(p *Person) {
		next := *p
		if err = json.Unmarshal(body, &next); err == nil {
			*p = next
		}
	})
	if err != nil {
		return nil, err
	}
	return ph.Person(), nil
}

func (s *Server) actRequest(r *http.Request) (any, error) {
	ph, err := s.phoneOf(r)
	if err != nil {
		return nil, err
	}
	var a Action
	if err := readRequest(r, &a); err != nil {
		return nil, err
	}
	id, err := ph.Act(a)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": id}, nil
}

func (c *control) template(r *http.Request) (any, error) {
	var in struct {
		Name     string `json:"name"`
		Language string `json:"language"`
		Status   string `json:"status"`
		Reason   string `json:"reason"`
		Quality  string `json:"quality_score"`
		Category string `json:"category"`
	}
	if err := readRequest(r, &in); err != nil {
		return nil, err
	}
	switch {
	case in.Status != "":
		return nil, c.s.SetTemplateStatus(in.Name, in.Language, in.Status, in.Reason)
	case in.Quality != "":
		return nil, c.s.SetTemplateQuality(in.Name, in.Language, in.Quality)
	case in.Category != "":
		return nil, c.s.SetTemplateCategory(in.Name, in.Language, in.Category)
	}
	return nil, errors.New("fakemeta: one of status, quality_score and category is needed")
}

func (c *control) hold(*http.Request) (any, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held != nil {
		return nil, errors.New("fakemeta: webhooks are already held")
	}
	c.held = c.s.Hold()
	return nil, nil
}

func (c *control) release(r *http.Request) (any, error) {
	var how Release
	if err := readRequest(r, &how); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		return nil, errors.New("fakemeta: nothing is held")
	}
	c.held.Release(how)
	c.held = nil
	return nil, nil
}

func (c *control) load(r *http.Request) (any, error) {
	var in struct {
		LoadConfig
		Duration string `json:"duration"`
	}
	if err := readRequest(r, &in); err != nil {
		return nil, err
	}
	d, err := time.ParseDuration(in.Duration)
	if err != nil {
		return nil, err
	}
	in.LoadConfig.Duration = d
	return c.s.Load(r.Context(), in.LoadConfig)
}
