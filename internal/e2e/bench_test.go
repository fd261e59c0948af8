//go:build chaos

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/bench"
)

// TestAllBenchmarksMeasure runs `gatehouse bench all` for a moment: its figures mean nothing, but all of them are there, nothing
// went wrong, and what it has left in the record keeps every promise.
func TestAllBenchmarksMeasure(t *testing.T) {
	h := newHouse(t)
	p := h.serve("gatehouse")
	p.ready(1)
	ops := ""
	for _, e := range p.env {
		if at, ok := strings.CutPrefix(e, "GATEHOUSE_OPS_LISTEN="); ok {
			ops = "http://" + at
		}
	}
	profile := filepath.Join(t.TempDir(), "cpu.pprof")
	out := h.command(t.Context(), "", "bench", "all", "--json", "--url", h.url, "--ops", ops, "--pprof", profile, "--duration=300ms", "--question=100ms",
		"--rounds=1", "--rate=50", "--conversations=1200", "--messages=6", "--agents=20", "--waiting=200", "--soak=1s", "--connections=200")
	var r bench.All
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, errors := range map[string]bench.Errors{
		"ingest": r.Ingest.Errors, "ingest over a history": r.Full.Errors, "pipeline": r.Pipeline.Errors, "outbound": r.Outbound.Errors,
		"routing": r.Routing.Errors, "sockets": r.Sockets.Errors, "overload": r.Overload.Errors, "soak": r.Soak.Errors,
	} {
		// On a busy machine a socket that asks for more than it reads is sent away, and what it misses counts as unseen.
		if errors.Refused+errors.NoAnswer > 0 || errors.Unseen > 0 && errors.SocketsLost == 0 {
			t.Errorf("%s: %s", name, errors)
		}
	}
	if r.Outbound.Example != "" || r.Outbound.Twice > 0 || r.Routing.Left+r.Routing.Above > 0 || r.Inbox.Failed()+r.Search.Failed() > 0 {
		t.Errorf("something went wrong: outbound %+v, sockets %+v, routing %+v, inbox %+v, search %+v", r.Outbound, r.Sockets, r.Routing, r.Inbox, r.Search)
	}
	measured := map[string]float64{
		"ratio": r.Ratio, "accept over a history": r.FullPart, "steady": r.Pipeline.Steady.P50, "through": r.Pipeline.ThroughPerS, "burst": float64(r.Pipeline.BurstPosted),
		"most": r.Overload.MostPerS, "goodput": r.Overload.Goodput, "memory of an overload": r.Overload.ResidentMB, "soak": r.Soak.WholeWay.P50, "goroutines": r.Soak.Goroutines.Last,
		"bare post": r.Outbound.Bare.P50, "replies": r.Outbound.WholeWay.P50, "sent": r.Outbound.SentPerS,
		"assigned": r.Routing.AssignedPerS, "arrivals": float64(r.Routing.Arrivals.Count),
		"agents' sockets": r.Sockets.Agents.Goroutines, "visitors' sockets": r.Sockets.Visitors.Goroutines, "fan-out": r.Sockets.FanOut.P50,
	}
	if r.Outbound.Beside != nil {
		measured["beside a drain"] = r.Outbound.Beside.P50
	} else {
		t.Error("nothing was measured beside a drain")
	}
	for what, figure := range measured {
		if figure <= 0 {
			t.Errorf("%s was not measured: %v", what, figure)
		}
	}
	if r.Seed.Conversations != 1200 || r.Seed.Messages < 6000 || r.Seed.Events <= r.Seed.Messages {
		t.Errorf("seeded: %+v", r.Seed)
	}
	if r.Sockets.Frames < 20 {
		t.Errorf("each of 20 sockets should have heard of a message: %d frames", r.Sockets.Frames)
	}
	answered(t, r.Inbox, 30)
	answered(t, r.Search, 10)
	healed(t, r.Recovery)
	if fi, err := os.Stat(profile); err != nil || fi.Size() == 0 {
		t.Errorf("there is no profile: %v", err)
	}
	if broken := h.verify(); len(broken) > 0 {
		t.Errorf("promises are broken: %+v", broken)
	}
}

// answered looks at questions that were asked of one history.
func answered(t *testing.T, r bench.InboxReport, least int) {
	t.Helper()
	if len(r.Sizes) != 1 || len(r.Sizes[0].Questions) < least {
		t.Fatalf("asked: %+v", r)
	}
	if r.Sizes[0].Conversations < 1200 {
		t.Errorf("the history is missing: %+v", r.Sizes[0])
	}
	for _, q := range r.Sizes[0].Questions {
		if q.Absent == "" && (q.Count == 0 || q.P50 <= 0) {
			t.Errorf("%s was not answered: %+v", q.Question, q)
		}
	}
}

// healed looks at the faults. While Postgres is away, webhooks may be refused; nothing that was taken may be missing.
func healed(t *testing.T, r bench.RecoveryReport) {
	t.Helper()
	var names []string
	for _, f := range r.Faults {
		names = append(names, f.Fault)
	}
	if want := []string{"none", "redis emptied", "redis silent", "worker killed, another there", "worker killed, started again", "postgres restarted"}; !slices.Equal(names, want) {
		t.Fatalf("faults: %q", names)
	}
	for _, f := range r.Faults {
		if f.DoneS <= 0 || f.WholeWay.Count == 0 || f.Errors.Unseen > 0 {
			t.Errorf("%s: %+v", f.Fault, f)
		}
	}
}
