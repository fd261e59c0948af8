package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Recovery says how to break an installation. It is one of its own, with a record and a Redis that nothing else uses: Serve
// starts its processes.
type Recovery struct {
	Target                 // without URL: its gateway is started here
	RedisURL string        // of nobody else: it is emptied
	Rate     float64       // messages a second, default 200
	Duration time.Duration // of the load around each fault, default 10 s; the fault comes after a third of it

	// Serve starts a process of a role, gateway or worker, and returns when it is ready.
	Serve func(ctx context.Context, role string) (Served, error)
	// RestartPostgres ends the record's server, which is started again by whoever keeps it.
	RestartPostgres func() error
}

// Served is a process of the product.
type Served struct {
	URL  string       // of its public listener
	Kill func() error // SIGKILL; returns when it is gone
}

// RecoveryReport is what was measured: the first entry is without a fault.
type RecoveryReport struct {
	Head
	Faults []Fault `json:"faults"`
}

// Fault is what one fault cost.
type Fault struct {
	Fault    string  `json:"fault"`
	DoneS    float64 `json:"done_s"`    // seconds from the fault until all that had been taken before it was done
	WholeWay Latency `json:"whole_way"` // from webhook to agent's socket; its maximum is how long anybody waited
	Untold   int64   `json:"untold"`    // messages that no socket carried: their news died with a worker, and a screen reads them from the record
	Left     int     `json:"left"`      // events that waited when the load was over
	GoneS    float64 `json:"gone_s"`    // seconds until none did
	Errors   Errors  `json:"errors"`
}

// Table writes the report for people.
func (r RecoveryReport) Table(w io.Writer) error {
	t := newTable(w)
	for _, f := range r.Faults {
		t.row(f.Fault, "done after %.2f s; whole way %s; %d untold, %d left, gone after %.2f s; %s", f.DoneS, f.WholeWay, f.Untold, f.Left, f.GoneS, f.Errors)
	}
	return t.end(r.Head)
}

// Run measures.
func (c Recovery) Run(ctx context.Context) (r RecoveryReport, err error) {
	if c.Rate == 0 {
		c.Rate = 200
	}
	if c.Duration == 0 {
		c.Duration = 10 * time.Second
	}
	if c.Rate < 1 || c.Duration < leastWhile {
		return r, errors.New("bench: a rate and a while are needed")
	}
	if r.Head, err = c.head(ctx, fmt.Sprintf("a gateway and workers as processes of their own; open loop, %.0f webhooks a second for %s around each fault", c.Rate, c.Duration)); err != nil {
		return r, err
	}
	var running []Served
	defer func() {
		for _, p := range running {
			err = errors.Join(err, p.Kill())
		}
	}()
	start := func(role string) (Served, error) {
		p, err := c.Serve(ctx, role)
		if err != nil {
			return p, fmt.Errorf("bench: %s: %w", role, err)
		}
		running = append(running, p)
		return p, nil
	}
	gateway, err := start("gateway")
	if err != nil {
		return r, err
	}
	c.URL = gateway.URL
	if _, err = start("worker"); err != nil {
		return r, err
	}
	killFirst := func() error {
		p := running[1]
		running = append(running[:1], running[2:]...)
		return p.Kill()
	}
	w, err := c.makeWorld(ctx, "Bench", 4)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	b := &bench{Ingest: Ingest{Target: c.Target, Rate: c.Rate, Duration: c.Duration, Contacts: 400, Accounts: 4, Connections: 32, Rounds: 1}, world: w, report: &Report{}}
	if err := b.warmUp(ctx); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	for _, f := range []struct {
		name   string
		before func() error
		do     func() error
	}{
		{name: "none", do: func() error { return nil }},
		{name: "redis emptied", do: func() error { return tell(ctx, c.RedisURL, "FLUSHALL") }},
		{name: "redis silent", do: func() error {
			return tell(ctx, c.RedisURL, "CLIENT", "PAUSE", strconv.FormatInt((c.Duration*2/3).Milliseconds(), 10), "ALL")
		}},
		{name: "worker killed, another there", before: func() error { _, err := start("worker"); return err }, do: killFirst},
		{name: "worker killed, started again", do: func() error {
			if err := killFirst(); err != nil {
				return err
			}
			_, err := start("worker")
			return err
		}},
		{name: "postgres restarted", do: c.RestartPostgres},
	} {
		if f.before != nil {
			if err := f.before(); err != nil {
				return r, err
			}
		}
		got, err := b.suffer(ctx, f.name, f.do)
		if err != nil {
			return r, fmt.Errorf("bench: %s: %w", f.name, err)
		}
		r.Faults = append(r.Faults, got)
		c.say("%s: done after %.2f s, the longest wait %.0f ms", f.name, got.DoneS, got.WholeWay.Max)
	}
	return r, nil
}

// suffer does the fault in the middle of a load.
func (b *bench) suffer(ctx context.Context, name string, fault func() error) (Fault, error) {
	f := Fault{Fault: name}
	w := newWatch(b.world)
	if err := w.listen(ctx); err != nil {
		return f, err
	}
	defer w.stop()
	l := b.load(b.URL+hook, w.run)
	l.rate, l.before = b.Rate, w.expect
	w.begin(l.first, int64(b.Rate*b.Duration.Seconds())+1)
	posted := make(chan sample, 1)
	go func() { posted <- b.post(ctx, l) }()
	pause(ctx, b.Duration/3)
	var at time.Time
	err := b.Store.Pool().QueryRow(ctx, "SELECT clock_timestamp()").Scan(&at)
	begun := time.Now()
	if err == nil {
		err = fault()
	}
	if err == nil {
		err = b.doneBefore(ctx, at)
		f.DoneS = time.Since(begun).Seconds()
	}
	a := <-posted
	if err != nil {
		return f, err
	}
	b.Store.Pool().Reset() // of a record that was restarted, connections are left that do not know it yet
	if f.Left, err = b.pending(ctx); err != nil {
		return f, err
	}
	over := time.Now()
	if err := b.empty(ctx); err != nil {
		return f, err
	}
	f.GoneS = time.Since(over).Seconds()
	f.Errors = f.Errors.with(a)
	f.Untold = w.rest(ctx, a.Acked, time.Second)
	if f.Errors.Unseen, err = b.unrecorded(ctx, w.run, a.Acked); err != nil {
		return f, err
	}
	f.Errors.SocketsLost = w.lost.Load()
	f.WholeWay = latencies(b.Rate, w.hist())
	return f, ctx.Err()
}

// unrecorded counts messages of a run that were taken and are not in the record.
func (b *bench) unrecorded(ctx context.Context, run string, acked int64) (missing int64, err error) {
	err = b.clerk(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT $2 - count(*) FROM messages WHERE external_id LIKE $1 || '%'", idPrefix+run, acked).Scan(&missing)
	})
	return max(0, missing), err
}

// doneBefore waits until no event waits that was taken before a moment. The record may be away meanwhile.
func (b *bench) doneBefore(ctx context.Context, at time.Time) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("what was taken before the fault is not done"))
	defer cancel()
	err := poll(ctx, 10*time.Millisecond, func() (bool, error) {
		var n int
		err := b.Store.Pool().QueryRow(ctx, "SELECT count(*) FROM inbound_pending WHERE received_at <= $1", at).Scan(&n)
		return err == nil && n == 0, nil
	})
	if err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// tell has a Redis do something, by its own protocol: a few lines there and one back.
func tell(ctx context.Context, redisURL string, command ...string) error {
	u, err := url.Parse(redisURL)
	if err != nil {
		return errors.New("redis: not a URL")
	}
	if u.Scheme != "redis" {
		return fmt.Errorf("redis: %s:// is not spoken here", u.Scheme)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	defer func() { _ = conn.Close() }() // its answers are read
	if err := conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	commands := [][]string{command}
	if password, ok := u.User.Password(); ok {
		auth := []string{"AUTH", password}
		if name := u.User.Username(); name != "" {
			auth = []string{"AUTH", name, password}
		}
		commands = append([][]string{auth}, commands...)
	}
	answers := bufio.NewReader(conn)
	for _, c := range commands {
		var line strings.Builder
		fmt.Fprintf(&line, "*%d\r\n", len(c))
		for _, word := range c {
			fmt.Fprintf(&line, "$%d\r\n%s\r\n", len(word), word)
		}
		if _, err := io.WriteString(conn, line.String()); err != nil {
			return fmt.Errorf("redis: %w", err)
		}
		answer, err := answers.ReadString('\n')
		if err != nil || !strings.HasPrefix(answer, "+") {
			return errors.Join(fmt.Errorf("redis: %s answers %q", c[0], strings.TrimSpace(answer)), err)
		}
	}
	return nil
}
