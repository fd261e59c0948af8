// Package ops is the operators' listener: whether the process lives, whether it can work, its numbers, and the queues'
// page. It is meant for a private address and asks nobody who they are; the public listener knows none of it.
//
// It refuses nothing but profiles to other machines. A part that is needed and away makes the process not ready; one that it can do without for a while
// makes it degraded, which is shown and is no reason to send traffic elsewhere.
package ops

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Check asks after one part.
type Check struct {
	Name   string // "postgres", "schema", "redis"
	Needed bool   // without it the process is not ready
	Ask    func(context.Context) error
}

// Deps are what is shown. Queues may be nil.
type Deps struct {
	Checks  []Check
	Metrics http.Handler // Prometheus' text format
	Queues  http.Handler // asynqmon, rooted at /queues
	Version string
}

// askWithin bounds every check, so that a probe gets its answer.
const askWithin = 2 * time.Second

// New makes the listener's handler.
func New(deps Deps) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok", "version": deps.Version})
	})
	mux.HandleFunc("GET /readyz", deps.ready)
	mux.Handle("GET /metrics", deps.Metrics)
	mux.Handle("GET /debug/pprof/", profiles())
	if deps.Queues != nil {
		mux.Handle("/queues", deps.Queues)
		mux.Handle("/queues/", deps.Queues)
	}
	return mux
}

// readiness is what /readyz says.
type readiness struct {
	Status string            `json:"status"` // ready, degraded, not_ready
	Checks map[string]string `json:"checks"` // "ok", or why not
}

func (d Deps) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askWithin)
	defer cancel()
	errs := make([]error, len(d.Checks))
	var asked sync.WaitGroup
	for i, c := range d.Checks {
		asked.Go(func() { errs[i] = c.Ask(ctx) })
	}
	asked.Wait()
	out, status := readiness{Status: "ready", Checks: map[string]string{}}, http.StatusOK
	for i, c := range d.Checks {
		switch {
		case errs[i] == nil:
			out.Checks[c.Name] = "ok"
			continue
		case c.Needed:
			out.Status, status = "not_ready", http.StatusServiceUnavailable
		case out.Status == "ready":
			out.Status = "degraded"
		}
		out.Checks[c.Name] = errs[i].Error()
	}
	answer(w, status, out)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a probe that is gone needs no answer
}
