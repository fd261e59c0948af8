// Package bench measures a running instance from outside, on the machine on which it runs, and says how far that is from
// the floor: a minimal program that does only what physics asks of a durable webhook (read, check the signature, one batched
// committed INSERT, answer). The result is therefore a ratio, which means something on any machine.
//
// The generator is open-loop wherever latency is measured: posts are due at a fixed rate, and their latency counts from the
// moment when they were due, so that a stall shows. Only the most that can be accepted is found by a closed loop.
//
// It refuses to be gentle: it makes departments, agents and accounts named Bench, and writes thousands of conversations into
// them. Run it against an instance that is meant for it.
//
// Start with Run; then load.go, the generator; watch.go, the subscribed agents; floor.go; world.go, what it makes.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"gatehouse/internal/desk"
	"gatehouse/internal/postgres"
)

// Config says what to measure.
type Config struct {
	URL         string        // of the instance's public listener
	Ops         string        // of its ops listener, for its CPU time and Profile; may be empty
	Rate        float64       // messages a second of the whole way's latency, default 500
	Duration    time.Duration // of each measurement, default 10 s
	Contacts    int           // who write, default 1000
	Accounts    int           // numbers that they write to, each with a department and an agent; default 4
	Connections int           // of the sender, default 64
	Rounds      int           // floor and accept take turns so often; default 3
	Profile     string        // file for a CPU profile of the instance, taken while it is full

	Store *postgres.Store
	Desk  *desk.Desk
	// Floor starts the floor program in a process of its own and tells it the secret that signs.
	Floor func(ctx context.Context, secret string) (FloorProcess, error)
	Out   io.Writer // progress, a line each
}

// FloorProcess is a running floor program.
type FloorProcess struct {
	URL  string
	PID  int
	Stop func() error
}

func (c *Config) check() error {
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
	case c.Accounts < 1 || c.Accounts > 9:
		return errors.New("bench: 1 to 9 accounts")
	case c.Contacts < c.Accounts || c.Contacts > c.Accounts*capacity:
		return fmt.Errorf("bench: %d to %d contacts on %d accounts", c.Accounts, c.Accounts*capacity, c.Accounts)
	case c.Rate < 0 || c.Duration < time.Second || c.Connections < 1 || c.Rounds < 1:
		return errors.New("bench: a rate, at least a second, a connection and a round are needed")
	}
	return nil
}

// Run measures. It takes about (4 + 2 · Rounds) · Duration, and the time in which the instance works off what was put in.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if err := cfg.check(); err != nil {
		return Report{}, err
	}
	r, err := newReport(ctx, cfg)
	if err != nil {
		return r, err
	}
	w, err := makeWorld(ctx, cfg)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	b := &bench{Config: cfg, world: w, report: &r}
	if err := b.run(ctx); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	return r, nil
}

type bench struct {
	Config
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

// say tells how far we are.
func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.Out, format+"\n", args...) // progress: the report is what counts
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
			profiled := b.profile(ctx, round)
			cost := b.meter(ctx, b.instanceCPU)
			a = b.post(ctx, b.load(b.URL+hook, ""))
			b.report.AcceptCost = cost(a.Acked)
			return <-profiled
		}); err != nil {
			return err
		}
		floors, accepts, ratios = append(floors, f.PerS()), append(accepts, a.PerS()), append(ratios, a.PerS()/f.PerS())
		b.report.Errors.add(a)
		b.say("floor %.0f/s, accept %.0f/s, ratio %.2f; worked off at %.0f/s", f.PerS(), a.PerS(), a.PerS()/f.PerS(), b.report.WorkedOff[round])
	}
	b.report.FloorPerS, b.report.AcceptPerS, b.report.Ratio = median(floors), median(accepts), median(ratios)
	l := b.load(b.URL+hook, "")
	l.rate = b.report.AcceptPerS / 2
	var a sample
	if err := b.held(ctx, func() error { a = b.post(ctx, l); return nil }); err != nil {
		return err
	}
	b.report.AcceptAtHalf = latencies(l.rate, a.hist)
	b.report.Errors.add(a)
	b.say("accept at %.0f/s: p50 %.1f ms, p99 %.1f ms", l.rate, b.report.AcceptAtHalf.P50, b.report.AcceptAtHalf.P99)
	return nil
}

// held holds the lanes during f, and measures how fast what has piled up is worked off then.
func (b *bench) held(ctx context.Context, f func() error) error {
	tx, err := b.Store.Pool().Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing was written
	if _, err := tx.Exec(ctx, "SELECT 1 FROM lanes WHERE account_id = ANY($1) FOR NO KEY UPDATE", b.world.accounts); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	left, err := b.pending(ctx)
	if err != nil {
		return err
	}
	if err := tx.Rollback(ctx); err != nil {
		return err
	}
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

	l := b.load(b.URL+hook, w.run)
	l.rate, l.before = b.Rate, w.expect
	w.begin(l.first, int64(b.Rate*b.Duration.Seconds())+1)
	cost := b.meter(ctx, b.instanceCPU)
	a := b.post(ctx, l)
	missing := w.rest(ctx, a.Acked)
	b.report.WholeWayCost = cost(a.Acked)
	b.report.WholeWay, b.report.WholeWayAccept = latencies(b.Rate, w.hist()), latencies(b.Rate, a.hist)
	b.report.Errors.add(a)
	b.report.Errors.Unseen += missing
	b.say("whole way at %.0f/s: p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, %d not seen", b.Rate, b.report.WholeWay.P50, b.report.WholeWay.P95, b.report.WholeWay.P99, missing)

	l = b.load(b.URL+hook, w.run)
	l.before, l.admit = w.expect, w.admit
	l.duration *= 2
	w.begin(l.first, 1<<20)
	cost = b.meter(ctx, b.instanceCPU)
	start := time.Now()
	a = b.post(ctx, l)
	b.report.ThroughPerS = float64(w.arrived.Load()) / time.Since(start).Seconds()
	missing = w.rest(ctx, a.Acked)
	b.report.ThroughCost, b.report.ThroughInFlight = cost(a.Acked), inFlight
	b.report.Errors.add(a)
	b.report.Errors.Unseen += missing
	b.report.Errors.SocketsLost = w.lost.Load()
	b.say("through to the sockets: %.0f/s with %d under way, %d not seen", b.report.ThroughPerS, inFlight, missing)
	return b.empty(ctx)
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

// pending counts the events that wait in the lanes.
func (b *bench) pending(ctx context.Context) (int, error) {
	due, err := b.Store.DueNow(ctx)
	for _, d := range due {
		if d.What == "inbound events" {
			return d.Count, err
		}
	}
	return 0, err
}

// patience is how long the instance may make no progress with what waits in its lanes.
const patience = 15 * time.Second

// empty waits until no event waits in a lane.
func (b *bench) empty(ctx context.Context) error {
	least, since := int(^uint(0)>>1), time.Now()
	return poll(ctx, 50*time.Millisecond, func() (bool, error) {
		n, err := b.pending(ctx)
		if n < least {
			least, since = n, time.Now()
		}
		if err == nil && time.Since(since) > patience {
			err = fmt.Errorf("%d events wait and nobody takes them: does a worker run?", n)
		}
		return n == 0, err
	})
}

func poll(ctx context.Context, every time.Duration, done func() (bool, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// profile has the instance tell where its CPU time goes during the last round.
func (b *bench) profile(ctx context.Context, round int) <-chan error {
	done := make(chan error, 1)
	if b.Profile == "" || round != b.Rounds-1 {
		close(done)
		return done
	}
	go func() { done <- b.fetchProfile(ctx) }()
	return done
}

func (b *bench) fetchProfile(ctx context.Context) error {
	url := fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", b.Ops, max(1, int(b.Duration.Seconds())-1))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read only
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: %s answers %s", url, resp.Status)
	}
	f, err := os.Create(b.Profile)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
