package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Overload says how much more than the most to post, and how long. The workers work beside it, as they would.
type Overload struct {
	Target
	Times       float64       // the most that is taken, default 2
	Duration    time.Duration // of finding the most, and of the overload; default 10 s
	Contacts    int           // default 1000
	Accounts    int           // default 4
	Connections int           // of the overload's sender: more than the door lets wait (desk.Door); default 6000
}

// OverloadReport is what was measured.
type OverloadReport struct {
	Head
	MostPerS   float64 `json:"most_per_s"`  // taken by a closed loop
	OfferPerS  float64 `json:"offer_per_s"` // what was posted
	TakenPerS  float64 `json:"taken_per_s"`
	Goodput    float64 `json:"goodput"` // taken / most
	RefusedPct float64 `json:"refused_pct"`
	Accept     Latency `json:"accept"`      // of what was taken, from when it was due
	ResidentMB float64 `json:"resident_mb"` // the most that the instance held meanwhile
	Left       int     `json:"left"`        // events that waited at its end
	GoneS      float64 `json:"gone_s"`      // seconds until none did
	Errors     Errors  `json:"errors"`
}

// Table writes the report for people.
func (r OverloadReport) Table(w io.Writer) error {
	t := newTable(w)
	t.row("most", "%.0f/s", r.MostPerS)
	t.row("overload", "%.0f/s posted, %.0f/s taken, goodput %.2f, %.0f %% refused, accept %s", r.OfferPerS, r.TakenPerS, r.Goodput, r.RefusedPct, r.Accept)
	t.row("memory", "%.0f MB at most", r.ResidentMB)
	t.row("backlog", "%d left, gone after %.1f s", r.Left, r.GoneS)
	t.row("errors", "%s", r.Errors)
	return t.end(r.Head)
}

// Run measures.
func (c Overload) Run(ctx context.Context) (r OverloadReport, err error) {
	in := Ingest{Target: c.Target, Duration: c.Duration, Contacts: c.Contacts, Accounts: c.Accounts}
	if in, err = in.checked(); err != nil {
		return r, err
	}
	if c.Times == 0 {
		c.Times = 2
	}
	if c.Connections == 0 {
		c.Connections = 6000
	}
	if c.Times < 1 || c.Connections < 1 {
		return r, errors.New("bench: an overload is more than the most, over connections")
	}
	if r.Head, err = c.head(ctx, fmt.Sprintf("the most: closed loop of %d connections; overload: open loop over %d connections; each %s, with the workers at work", in.Connections, c.Connections, in.Duration)); err != nil {
		return r, err
	}
	w, err := c.makeWorld(ctx, "Bench", in.Accounts)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	defer func() { err = errors.Join(err, c.leave(ctx, w.people)) }()
	b := &bench{Ingest: in, world: w, report: &Report{}}
	if err := b.warmUp(ctx); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	most := b.post(ctx, b.load(b.URL+hook, ""))
	r.MostPerS, r.Errors = most.PerS(), r.Errors.with(most)
	c.say("the most is %.0f/s", r.MostPerS)
	if err := b.empty(ctx); err != nil {
		return r, err
	}
	l := b.load(b.URL+hook, "")
	l.rate, l.connections = c.Times*r.MostPerS, c.Connections
	resident := c.track(ctx, "process_resident_memory_bytes", time.Second)
	profiled := c.cpuProfile(ctx, in.Duration)
	a := b.post(ctx, l)
	for _, bytes := range resident() {
		r.ResidentMB = max(r.ResidentMB, bytes/(1<<20))
	}
	if err := <-profiled; err != nil {
		return r, err
	}
	r.OfferPerS, r.TakenPerS, r.Goodput = float64(a.Posted)/a.Elapsed.Seconds(), a.PerS(), a.PerS()/r.MostPerS
	r.RefusedPct, r.Accept = 100*float64(a.Refused)/float64(max(1, a.Posted)), latencies(l.rate, a.hist)
	r.Errors.NoAnswer += a.NoAnswer // to be refused is what overload is about; not to be answered is not
	c.say("of %.0f/s %.0f/s are taken", r.OfferPerS, r.TakenPerS)
	if r.Left, err = b.pending(ctx); err != nil {
		return r, err
	}
	over := time.Now()
	err = b.empty(ctx)
	r.GoneS = time.Since(over).Seconds()
	return r, err
}

// track reads a metric of the instance again and again until the returned function is called, which returns what was read. What could
// not be read is left out.
func (t Target) track(ctx context.Context, name string, every time.Duration) (stop func() []float64) {
	ctx, cancel := context.WithCancel(ctx)
	read := make(chan []float64)
	go func() {
		var all []float64
		for ctx.Err() == nil {
			if v := t.metric(ctx, name); v > 0 {
				all = append(all, v)
			}
			pause(ctx, every)
		}
		read <- all
	}()
	return func() []float64 { cancel(); return <-read }
}
