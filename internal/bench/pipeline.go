package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Pipeline says what to measure of the whole way: a webhook, stored, routed, pushed to the agent who holds it.
type Pipeline struct {
	Target
	Rate        float64       // messages a second of the steady part, default 500
	Duration    time.Duration // of the steady part, default 10 s; the others take as long
	Burst       float64       // times the rate, default 3
	Contacts    int           // who write, default 1000
	Accounts    int           // default 4
	Connections int           // of the sender, default 64
}

// PipelineReport is what was measured.
type PipelineReport struct {
	Head
	Steady       Latency `json:"steady"` // from when a webhook was due to the message's frame at its agent's socket
	SteadyAccept Latency `json:"steady_accept"`
	SteadyCost   Cost    `json:"steady_cpu"`

	ThroughPerS     float64 `json:"through_per_s"` // the most that came through to the sockets
	ThroughCost     Cost    `json:"through_cpu"`
	ThroughInFlight int     `json:"through_in_flight"`

	Burst       Latency `json:"burst"`         // accept, while more is posted
	BurstPosted int64   `json:"burst_posted"`  // webhooks
	BurstLeft   int     `json:"burst_left"`    // events that waited at its end
	BurstGoneS  float64 `json:"burst_gone_s"`  // seconds until none did
	DrainedPerS float64 `json:"drained_per_s"` // meanwhile; 0 if nothing waited
	Errors      Errors  `json:"errors"`
}

// Table writes the report for people.
func (r PipelineReport) Table(w io.Writer) error {
	t := newTable(w)
	t.row("steady", "%s; %s", r.Steady, r.SteadyCost)
	t.row("its accept", "%s", r.SteadyAccept)
	t.row("through", "%.0f/s, %s", r.ThroughPerS, r.ThroughCost)
	t.row("burst", "accept %s; %d of %d left at its end, gone after %.1f s", r.Burst, r.BurstLeft, r.BurstPosted, r.BurstGoneS)
	t.row("errors", "%s", r.Errors)
	return t.end(r.Head)
}

// Run measures.
func (c Pipeline) Run(ctx context.Context) (r PipelineReport, err error) {
	in := Ingest{Target: c.Target, Rate: c.Rate, Duration: c.Duration, Contacts: c.Contacts, Accounts: c.Accounts, Connections: c.Connections}
	if in, err = in.checked(); err != nil {
		return r, err
	}
	if c.Burst == 0 {
		c.Burst = 3
	}
	if c.Burst < 1 {
		return r, fmt.Errorf("bench: a burst is more than the rate")
	}
	if r.Head, err = c.head(ctx, fmt.Sprintf("open loop, from when a post was due; the most: closed loop with %d under way; %d contacts, %d accounts, each part %s", inFlight, in.Contacts, in.Accounts, in.Duration)); err != nil {
		return r, err
	}
	w, err := c.makeWorld(ctx, "Bench", in.Accounts)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	defer func() { err = errors.Join(err, c.leave(ctx, w.people)) }()
	var whole Report
	b := &bench{Ingest: in, world: w, report: &whole}
	if err := b.warmUp(ctx); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	profiled := c.cpuProfile(ctx, 3*in.Duration)
	if err := b.wholeWay(ctx); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	if err := <-profiled; err != nil {
		return r, err
	}
	r.Steady, r.SteadyAccept, r.SteadyCost = whole.WholeWay, whole.WholeWayAccept, whole.WholeWayCost
	r.ThroughPerS, r.ThroughCost, r.ThroughInFlight = whole.ThroughPerS, whole.ThroughCost, whole.ThroughInFlight
	if err := b.burst(ctx, c.Burst, &r); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	r.Errors = whole.Errors
	return r, nil
}

// burst posts more than the steady rate for a while, and waits until what has piled up is gone.
func (b *bench) burst(ctx context.Context, times float64, r *PipelineReport) error {
	l := b.load(b.URL+hook, "")
	l.rate = b.Rate * times
	a := b.post(ctx, l)
	left, err := b.pending(ctx)
	if err != nil {
		return err
	}
	over := time.Now()
	if err := b.empty(ctx); err != nil {
		return err
	}
	gone := time.Since(over).Seconds()
	r.Burst, r.BurstPosted, r.BurstLeft, r.BurstGoneS = latencies(l.rate, a.hist), a.Posted, left, gone
	if left > 0 {
		r.DrainedPerS = float64(left) / gone
	}
	b.report.Errors = b.report.Errors.with(a)
	b.say("burst of %.0f/s: %d left, gone after %.1f s", l.rate, left, gone)
	return nil
}
