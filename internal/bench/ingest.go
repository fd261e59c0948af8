package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Ingest says what to measure of the way in.
type Ingest struct {
	Target
	Rate        float64       // messages a second of the whole way's latency, default 500
	Duration    time.Duration // of each measurement, default 10 s
	Contacts    int           // who write, default 1000
	Accounts    int           // numbers that they write to, each with a department and an agent; default 4
	Connections int           // of the sender, default 64
	Rounds      int           // floor and accept take turns so often; default 3

	// Floor starts the floor program in a process of its own and tells it the secret that signs.
	Floor func(ctx context.Context, secret string) (FloorProcess, error)
}

// FloorProcess is a running floor program.
type FloorProcess struct {
	URL  string
	PID  int
	Stop func() error
}

// checked has the defaults filled in.
func (c Ingest) checked() (Ingest, error) {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Contacts, 1000)
	def(&c.Accounts, 4)
	def(&c.Connections, 64)
	def(&c.Rounds, 3)
	if c.Rate == 0 {
		c.Rate = 500
	}
	if c.Duration == 0 {
		c.Duration = 10 * time.Second
	}
	switch {
	case c.Accounts < 1 || c.Accounts > accountsMost:
		return c, fmt.Errorf("bench: 1 to %d accounts", accountsMost)
	case c.Contacts < c.Accounts || c.Contacts > c.Accounts*capacity:
		return c, fmt.Errorf("bench: %d to %d contacts on %d accounts", c.Accounts, c.Accounts*capacity, c.Accounts)
	case c.Rate < 0 || c.Duration < leastWhile || c.Connections < 1 || c.Rounds < 1:
		return c, errors.New("bench: a rate, a while, a connection and a round are needed")
	}
	return c, nil
}

// Run measures. It takes about (4 + 2 · Rounds) · Duration, and the time in which the instance works off what was put in.
func (c Ingest) Run(ctx context.Context) (r Report, err error) {
	if c, err = c.checked(); err != nil {
		return r, err
	}
	r.Head, err = c.head(ctx, fmt.Sprintf("floor and accept: closed loop of %d connections for %s, median of %d rounds in turns, the lanes held; latencies: open loop, from when a post was due; %d contacts, %d accounts",
		c.Connections, c.Duration, c.Rounds, c.Contacts, c.Accounts))
	if err != nil {
		return r, err
	}
	w, err := c.makeWorld(ctx, "Bench", c.Accounts)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	defer func() { err = errors.Join(err, c.leave(ctx, w.people)) }()
	b := &bench{Ingest: c, world: w, report: &r}
	if err := b.run(ctx); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	return r, nil
}

// bench is a run of it, and what it shares with the run of a pipeline.
type bench struct {
	Ingest
	world  *world
	report *Report
	next   int64 // number of the next message
}

func (b *bench) run(ctx context.Context) error {
	if err := b.warmUp(ctx); err != nil {
		return err
	}
	floor, err := b.Floor(ctx, b.world.secret)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	err = b.accept(ctx, floor)
	if serr := floor.Stop(); serr != nil {
		err = errors.Join(err, fmt.Errorf("floor: %w", serr))
	}
	if err != nil {
		return err
	}
	return b.wholeWay(ctx)
}

// warmUp has everybody write once, so that the rest is measured with people who are known and have an agent.
func (b *bench) warmUp(ctx context.Context) error {
	b.say("%d contacts write to %d accounts", b.Contacts, b.Accounts)
	if err := b.once(ctx, int64(b.Contacts)); err != nil {
		return err
	}
	if err := b.empty(ctx); err != nil {
		return err
	}
	return b.world.settle(ctx)
}

// once has the first n contacts write one message each.
func (b *bench) once(ctx context.Context, n int64) error {
	l := b.load(b.URL+hook, "")
	l.most, l.contact = n, func(n int64) int64 { return n - l.first }
	if got := b.post(ctx, l); got.Acked < n {
		return fmt.Errorf("of %d webhooks %d were taken (%d refused, %d not answered): is %s the public listener of this database's instance?", n, got.Acked, got.Refused, got.NoAnswer, b.URL)
	}
	return nil
}

// accept finds how much the door and the floor take, in turns, and how fast the door is at half of that. Meanwhile the lanes
// are held, as by another worker, so that like is compared with like: what the door has taken is worked off after each round,
// and that is measured on its own.
func (b *bench) accept(ctx context.Context, floor FloorProcess) error {
	var floors, accepts, ratios []float64
	for round := range b.Rounds {
		floorCost := b.meter(ctx, func(context.Context) float64 { return processCPU(floor.PID) })
		f := b.post(ctx, b.load(floor.URL, ""))
		if f.Acked == 0 {
			return fmt.Errorf("the floor took nothing: %d refused, %d not answered", f.Refused, f.NoAnswer)
		}
		b.report.FloorCost = floorCost(f.Acked)
		var a sample
		if err := b.held(ctx, func() error {
			var profiled <-chan error
			if round == b.Rounds-1 {
				profiled = b.cpuProfile(ctx, b.Duration)
			}
			cost := b.meter(ctx, b.instanceCPU)
			a = b.post(ctx, b.load(b.URL+hook, ""))
			b.report.AcceptCost = cost(a.Acked)
			if profiled == nil {
				return nil
			}
			return <-profiled
		}, nil); err != nil {
			return err
		}
		floors, accepts, ratios = append(floors, f.PerS()), append(accepts, a.PerS()), append(ratios, a.PerS()/f.PerS())
		b.report.Errors = b.report.Errors.with(a)
		b.say("floor %.0f/s, accept %.0f/s, ratio %.2f; worked off at %.0f/s", f.PerS(), a.PerS(), a.PerS()/f.PerS(), b.report.WorkedOff[round])
	}
	b.report.FloorPerS, b.report.AcceptPerS, b.report.Ratio = median(floors), median(accepts), median(ratios)
	l := b.load(b.URL+hook, "")
	l.rate = b.report.AcceptPerS / 2
	var a sample
	if err := b.held(ctx, func() error { a = b.post(ctx, l); return nil }, nil); err != nil {
		return err
	}
	b.report.AcceptAtHalf = latencies(l.rate, a.hist)
	b.report.Errors = b.report.Errors.with(a)
	b.say("accept at %.0f/s: p50 %.1f ms, p99 %.1f ms", l.rate, b.report.AcceptAtHalf.P50, b.report.AcceptAtHalf.P99)
	return nil
}

// held holds the lanes during f, and measures how fast what has piled up is worked off then. during, if there is one, runs
// beside that.
func (b *bench) held(ctx context.Context, f func() error, during func()) error {
	conn, err := b.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing was written
	if _, err := conn.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "SELECT 1 FROM lanes WHERE account_id = ANY($1) FOR NO KEY UPDATE", b.world.accounts); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	left, err := b.pending(ctx)
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "ROLLBACK"); err != nil {
		return err
	}
	var beside sync.WaitGroup
	if during != nil {
		beside.Go(during)
	}
	defer beside.Wait()
	start := time.Now()
	cost := b.meter(ctx, b.instanceCPU)
	if err := b.once(ctx, int64(b.Accounts)); err != nil { // one message rings for each lane
		return err
	}
	if err := b.empty(ctx); err != nil {
		return err
	}
	b.report.WorkedOff = append(b.report.WorkedOff, float64(left)/time.Since(start).Seconds())
	b.report.WorkCost = cost(int64(left))
	return nil
}

// wholeWay measures from the webhook to the agent's socket: the latency at the given rate, then the most that gets through.
func (b *bench) wholeWay(ctx context.Context) error {
	w := newWatch(b.world)
	if err := w.listen(ctx); err != nil {
		return err
	}
	defer w.stop()
	b.steady(ctx, w)

	l := b.load(b.URL+hook, w.run)
	l.before, l.admit = w.expect, w.admit
	l.duration *= 2
	w.begin(l.first, 1<<20)
	cost := b.meter(ctx, b.instanceCPU)
	start := time.Now()
	a := b.post(ctx, l)
	b.report.ThroughPerS = float64(w.arrived.Load()) / time.Since(start).Seconds()
	missing := w.rest(ctx, a.Acked, patience)
	b.report.ThroughCost, b.report.ThroughInFlight = cost(a.Acked), inFlight
	b.report.Errors = b.report.Errors.with(a)
	b.report.Errors.Unseen += missing
	b.report.Errors.SocketsLost = w.lost.Load()
	b.say("through to the sockets: %.0f/s with %d under way, %d not seen", b.report.ThroughPerS, inFlight, missing)
	return b.empty(ctx)
}

// steady measures the latency at the given rate.
func (b *bench) steady(ctx context.Context, w *watch) {
	l := b.load(b.URL+hook, w.run)
	l.rate, l.before = b.Rate, w.expect
	w.begin(l.first, int64(b.Rate*b.Duration.Seconds())+1)
	cost := b.meter(ctx, b.instanceCPU)
	a := b.post(ctx, l)
	missing := w.rest(ctx, a.Acked, patience)
	b.report.WholeWayCost = cost(a.Acked)
	b.report.WholeWay, b.report.WholeWayAccept = latencies(b.Rate, w.hist()), latencies(b.Rate, a.hist)
	b.report.Errors = b.report.Errors.with(a)
	b.report.Errors.Unseen += missing
	b.say("whole way at %.0f/s: p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, %d not seen", b.Rate, b.report.WholeWay.P50, b.report.WholeWay.P95, b.report.WholeWay.P99, missing)
}

// load is a closed loop for the duration; callers change what they want otherwise. run marks its messages, "" for those
// that nobody looks for.
func (b *bench) load(url, run string) *load {
	return &load{
		url: url, connections: b.Connections, duration: b.Duration, first: b.next, payload: b.world.payload(run, b.Contacts),
		contact: scatter,
	}
}

func (b *bench) post(ctx context.Context, l *load) sample {
	s := l.run(ctx)
	b.next = l.first + s.Posted
	return s
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
