package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/internal/chat"
)

// Routing says what lines to measure: conversations wait, and agents come who have room.
type Routing struct {
	Target
	Departments int           // default 20
	Agents      int           // of all departments, default 1000
	Waiting     int           // conversations in all lines, default 20,000
	Rate        float64       // new conversations a second while agents have room, default 100
	Duration    time.Duration // of that, default 10 s
}

// RoutingReport is what was measured, by the record's own clock.
type RoutingReport struct {
	Head
	Waiting      int     `json:"waiting"`        // conversations in the lines when the agents came
	AssignedPerS float64 `json:"assigned_per_s"` // from the first assignment to the last
	FirstS       float64 `json:"first_s"`        // seconds from when agents were there to the first assignment: the sweeper finds them, for nobody rings
	FullestPerS  float64 `json:"one_line_per_s"` // of the fastest line, alone
	Cost         Cost    `json:"cpu"`            // for each assignment

	Arrivals Latency `json:"arrivals"` // waiting to assigned, of conversations that came while agents had room
	Left     int     `json:"left"`     // conversations that nobody was given
	Above    int     `json:"above_capacity"`
	Errors   Errors  `json:"errors"`
}

// Table writes the report for people.
func (r RoutingReport) Table(w io.Writer) error {
	t := newTable(w)
	t.row("assigned", "%.0f/s of %d waiting, the first after %.2f s; the fastest line alone %.0f/s; %s", r.AssignedPerS, r.Waiting, r.FirstS, r.FullestPerS, r.Cost)
	t.row("arrivals", "%s", r.Arrivals)
	t.row("left", "%d waiting, %d above a capacity", r.Left, r.Above)
	t.row("errors", "%s", r.Errors)
	return t.end(r.Head)
}

// checked has the defaults filled in.
func (c Routing) checked() (Routing, error) {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Departments, 20)
	def(&c.Agents, 1000)
	def(&c.Waiting, 20_000)
	if c.Rate == 0 {
		c.Rate = 100
	}
	if c.Duration == 0 {
		c.Duration = 10 * time.Second
	}
	if c.Departments < 1 || c.Departments > accountsMost || c.Agents < c.Departments || c.Waiting < 1 || c.Rate < 1 || c.Duration < leastWhile {
		return c, fmt.Errorf("bench: 1 to %d departments, each with an agent at least, somebody who waits, a rate and a while are needed", accountsMost)
	}
	if c.Waiting+int(c.Rate*c.Duration.Seconds()) > c.Agents*capacity {
		return c, fmt.Errorf("bench: %d agents hold at most %d", c.Agents, c.Agents*capacity)
	}
	return c, nil
}

// Run measures.
func (c Routing) Run(ctx context.Context) (r RoutingReport, err error) {
	if c, err = c.checked(); err != nil {
		return r, err
	}
	if r.Head, err = c.head(ctx, fmt.Sprintf("%d agents come to %d lines; then %.0f new conversations a second for %s; times are those of the record", c.Agents, c.Departments, c.Rate, c.Duration)); err != nil {
		return r, err
	}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	secret := rand.Text()
	var departments []chat.DepartmentID
	var accounts []chat.AccountID
	var numbers []number
	for i := range c.Departments {
		name := fmt.Sprintf("Bench line %d", i+1)
		d, err := c.department(ctx, name)
		if err != nil {
			return r, err
		}
		n := newNumber(4, i)
		a, err := c.account(ctx, name, d, n, secret, nowhere)
		if err != nil {
			return r, err
		}
		departments, accounts, numbers = append(departments, d), append(accounts, a), append(numbers, n)
	}
	if err := c.queue(ctx, run, departments, accounts); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	r.Waiting = c.Waiting
	var posts []post
	room := (c.Waiting+int(c.Rate*c.Duration.Seconds()))/c.Agents + 1
	for i := range c.Agents {
		posts = append(posts, post{fmt.Sprintf("Bench line %s %d", run, i), chat.RoleAgent, min(capacity, 2*room), departments[i%c.Departments : i%c.Departments+1]})
	}
	ids, err := c.hire(ctx, posts)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, c.dismiss(ctx, ids), c.clear(ctx, departments)) }()
	profiled := c.cpuProfile(ctx, c.Duration)
	if err := c.rush(ctx, ids, departments, &r); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	if err := c.arrive(ctx, departments, &payload{secret: secret, numbers: numbers, contacts: 1 << 40, run: run}, &r); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	return r, <-profiled
}

// queue puts conversations into the lines, in turns, while nobody is there to take them.
func (c Routing) queue(ctx context.Context, run string, departments []chat.DepartmentID, accounts []chat.AccountID) error {
	if err := c.clear(ctx, departments); err != nil { // of a run that was stopped
		return err
	}
	first, now := time.Now().UnixMicro()%1e12, time.Now().UTC().Add(-time.Duration(c.Waiting)*time.Microsecond)
	return c.clerk(ctx, func(conn *pgx.Conn) error {
		for from := 0; from < c.Waiting; from += chunk {
			h := newHistory(fmt.Sprintf("%s.%07d.", run, from), chat.EndReasonID{})
			for i := from; i < min(from+chunk, c.Waiting); i++ {
				at := now.Add(time.Duration(i) * time.Microsecond)
				h.thread(thread{
					guest: h.guest(first+int64(i), at), account: accounts[i%len(accounts)], department: departments[i%len(departments)],
					status: chat.Waiting, start: at, messages: 1,
				})
			}
			if err := h.write(ctx, conn); err != nil {
				return err
			}
		}
		_, err := conn.Exec(ctx, "ANALYZE conversations, contacts, identities")
		return err
	})
}

// rush has all agents be there at once, and waits until the lines are empty.
func (c Routing) rush(ctx context.Context, ids []chat.AgentID, departments []chat.DepartmentID, r *RoutingReport) error {
	cost := c.meter(ctx, c.instanceCPU)
	there, err := c.attend(ctx, ids)
	if err != nil {
		return err
	}
	if err := dwindle(ctx, "conversations wait", func() (int, error) { return c.line(ctx, departments) }); err != nil {
		return err
	}
	r.Cost = cost(int64(c.Waiting))
	return c.clerk(ctx, func(conn *pgx.Conn) error {
		err := conn.QueryRow(ctx, `
			WITH given AS (SELECT department_id, started_at FROM assignments WHERE department_id = ANY($1) AND started_at >= $2),
			line AS (SELECT count(*) AS n, extract(epoch FROM max(started_at) - min(started_at)) AS took FROM given GROUP BY department_id)
			SELECT count(*) / greatest(extract(epoch FROM max(started_at) - min(started_at)), 0.001), extract(epoch FROM min(started_at) - $2),
				(SELECT max(n / greatest(took, 0.001)) FROM line) FROM given`, departments, there).Scan(&r.AssignedPerS, &r.FirstS, &r.FullestPerS)
		c.say("assigned %.0f/s, the first after %.2f s", r.AssignedPerS, r.FirstS)
		return err
	})
}

// line counts who waits.
func (c Routing) line(ctx context.Context, departments []chat.DepartmentID) (n int, err error) {
	err = c.Store.Pool().QueryRow(ctx, "SELECT count(*) FROM conversations WHERE department_id = ANY($1) AND status = 'waiting'", departments).Scan(&n)
	return n, err
}

// arrive has people write who have not written before, while agents have room, and asks how long each waited.
func (c Routing) arrive(ctx context.Context, departments []chat.DepartmentID, p *payload, r *RoutingReport) error {
	var from time.Time
	if err := c.Store.Pool().QueryRow(ctx, "SELECT now()").Scan(&from); err != nil {
		return err
	}
	// Those who wrote in an earlier run are somewhere else among the numbers.
	stranger := time.Now().UnixMilli() / 100 % 1e7 * int64(len(p.numbers))
	l := &load{
		url: c.URL + hook, connections: 64, duration: c.Duration, rate: c.Rate, payload: p,
		contact: func(n int64) int64 { return stranger + n },
	}
	a := l.run(ctx)
	r.Errors = r.Errors.with(a)
	if err := c.empty(ctx); err != nil {
		return err
	}
	if err := dwindle(ctx, "conversations wait", func() (int, error) { return c.line(ctx, departments) }); err != nil {
		return err
	}
	h := newHistogram()
	err := c.clerk(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "SELECT extract(epoch FROM started_at - waiting_since)::float8 FROM assignments WHERE department_id = ANY($1) AND waiting_since >= $2", departments, from)
		if err != nil {
			return err
		}
		var took float64
		if _, err := pgx.ForEachRow(rows, []any{&took}, func() error { record(h, time.Duration(took*float64(time.Second))); return nil }); err != nil {
			return err
		}
		return conn.QueryRow(ctx, `
			SELECT (SELECT count(*) FROM conversations WHERE department_id = ANY($1) AND status = 'waiting'),
				(SELECT count(*) FROM assignments WHERE department_id = ANY($1) AND how = 'automatic' AND load_after > capacity)`, departments).Scan(&r.Left, &r.Above)
	})
	r.Arrivals = latencies(c.Rate, h)
	r.Errors.Unseen += max(0, a.Acked-h.TotalCount())
	c.say("waiting to assigned at %.0f/s: p50 %.1f ms, p95 %.1f ms", c.Rate, r.Arrivals.P50, r.Arrivals.P95)
	return err
}
