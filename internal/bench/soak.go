package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Soak says how long to go on at one rate, to find what grows.
type Soak struct {
	Target
	Rate     float64       // messages a second, default 200
	Duration time.Duration // default an hour
	Contacts int           // default 1000
	Accounts int           // default 4
}

// SoakReport is what was measured. What grows is told by the medians of the first and the last third.
type SoakReport struct {
	Head
	WholeWay   Latency `json:"whole_way"`
	ResidentMB Growth  `json:"resident_mb"`
	HeapMB     Growth  `json:"heap_mb"` // live, whatever the collector has not yet seen included
	Goroutines Growth  `json:"goroutines"`
	RedisMB    Growth  `json:"redis_mb"` // of all of them
	Errors     Errors  `json:"errors"`
}

// Growth is a gauge at two times.
type Growth struct {
	First   float64 `json:"first"` // the median of the first third
	Last    float64 `json:"last"`  // and of the last
	Most    float64 `json:"most"`
	PerHour float64 `json:"per_hour"` // from the one third's middle to the other's
}

// String is for people.
func (g Growth) String() string {
	return fmt.Sprintf("%.4g at first, %.4g at last (%+.3g an hour), %.4g at most", g.First, g.Last, g.PerHour, g.Most)
}

// grown reads a series of samples in a unit.
func grown(all []float64, unit float64, took time.Duration) (g Growth) {
	if len(all) < 3 {
		return g
	}
	for i := range all {
		all[i] /= unit
		g.Most = max(g.Most, all[i])
	}
	third := len(all) / 3
	g.First, g.Last = median(all[:third]), median(all[len(all)-third:])
	g.PerHour = (g.Last - g.First) / (took.Hours() * 2 / 3)
	return g
}

// Table writes the report for people.
func (r SoakReport) Table(w io.Writer) error {
	t := newTable(w)
	t.row("whole way", "%s", r.WholeWay)
	t.row("resident MB", "%s", r.ResidentMB)
	t.row("heap MB", "%s", r.HeapMB)
	t.row("goroutines", "%s", r.Goroutines)
	t.row("Redis MB", "%s", r.RedisMB)
	t.row("errors", "%s", r.Errors)
	return t.end(r.Head)
}

// Run measures.
func (c Soak) Run(ctx context.Context) (r SoakReport, err error) {
	if c.Rate == 0 {
		c.Rate = 200
	}
	if c.Duration == 0 {
		c.Duration = time.Hour
	}
	in := Ingest{Target: c.Target, Rate: c.Rate, Duration: c.Duration, Contacts: c.Contacts, Accounts: c.Accounts}
	if in, err = in.checked(); err != nil {
		return r, err
	}
	if r.Head, err = c.head(ctx, fmt.Sprintf("open loop for %s, from when a post was due; %d contacts, %d accounts; gauges read 180 times", c.Duration, in.Contacts, in.Accounts)); err != nil {
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
	watch := newWatch(w)
	if err := watch.listen(ctx); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	defer watch.stop()
	every := max(c.Duration/180, 100*time.Millisecond)
	resident, heap := c.track(ctx, "process_resident_memory_bytes", every), c.track(ctx, "go_memstats_heap_alloc_bytes", every)
	goroutines, redis := c.track(ctx, "go_goroutines", every), c.track(ctx, "gatehouse_redis_memory_bytes", every)
	b.steady(ctx, watch)
	r.ResidentMB, r.HeapMB = grown(resident(), 1<<20, c.Duration), grown(heap(), 1<<20, c.Duration)
	r.Goroutines, r.RedisMB = grown(goroutines(), 1, c.Duration), grown(redis(), 1<<20, c.Duration)
	r.WholeWay, r.Errors = whole.WholeWay, whole.Errors
	r.Errors.SocketsLost = watch.lost.Load()
	return r, b.empty(ctx)
}
