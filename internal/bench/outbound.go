package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/internal/bench/agent"
	"gatehouse/internal/chat"
)

// Outbound says what replies to measure: agents write through the API, workers hand the messages to a provider's door of ours
// on this machine.
type Outbound struct {
	Target
	Rate     float64       // replies a second, default 500
	Duration time.Duration // default 10 s
	Accounts int           // numbers that they go out from, default 20
	// Beside adds a second measure: agents' replies, 20 a second, beside lanes that are drained as fast as they can be.
	Beside bool
}

// OutboundReport is what was measured.
type OutboundReport struct {
	Head
	Bare     Latency `json:"bare"`      // a plain post to the same door
	Accept   Latency `json:"accept"`    // from when a reply was due to its answer
	WholeWay Latency `json:"whole_way"` // to its request at the provider
	Ratio    float64 `json:"ratio"`     // bare / whole way, by p50
	SentPerS float64 `json:"sent_per_s"`
	Cost     Cost    `json:"cpu"`

	Beside        *Latency `json:"beside_a_drain,omitempty"` // accept while lanes are drained
	BesideDrained float64  `json:"drained_per_s,omitempty"`  // meanwhile

	Errors  Errors `json:"errors"`
	Twice   int64  `json:"twice"`             // messages that came more than once
	Example string `json:"example,omitempty"` // the first refusal
}

// Table writes the report for people.
func (r OutboundReport) Table(w io.Writer) error {
	t := newTable(w)
	t.row("bare post", "%s", r.Bare)
	t.row("reply accepted", "%s", r.Accept)
	t.row("whole way", "%s; %s", r.WholeWay, r.Cost)
	t.row("ratio", "%.3f", r.Ratio)
	t.row("sent", "%.0f/s", r.SentPerS)
	if r.Beside != nil {
		t.row("beside a drain", "%s; %.0f/s drained", r.Beside, r.BesideDrained)
	}
	t.row("errors", "%s, %d twice %s", r.Errors, r.Twice, r.Example)
	return t.end(r.Head)
}

// checked has the defaults filled in.
func (c Outbound) checked() (Outbound, error) {
	if c.Rate == 0 {
		c.Rate = 500
	}
	if c.Duration == 0 {
		c.Duration = 10 * time.Second
	}
	if c.Accounts == 0 {
		c.Accounts = 20
	}
	if c.Rate < 1 || c.Duration < leastWhile || c.Accounts < 1 || c.Accounts > accountsMost {
		return c, fmt.Errorf("bench: a rate, a while and 1 to %d accounts are needed", accountsMost)
	}
	if c.Rate > float64(c.Accounts)*perNumber {
		return c, fmt.Errorf("bench: %d numbers may send %d a second", c.Accounts, c.Accounts*perNumber)
	}
	return c, nil
}

// What the product allows: a number's messages a second, a pair's seconds between two in the long run, and an agent's requests
// a second, of which half are used.
const (
	perNumber = 80
	perPair   = 6
	perAgent  = 5
)

// Run measures.
func (c Outbound) Run(ctx context.Context) (r OutboundReport, err error) {
	if c, err = c.checked(); err != nil {
		return r, err
	}
	desks := int(math.Ceil(c.Rate / perAgent))
	if r.Head, err = c.head(ctx, fmt.Sprintf("open loop for %s, %d agents, %d conversations on %d numbers; latencies from when a reply was due", c.Duration, desks, desks*perAgent*perPair, c.Accounts)); err != nil {
		return r, err
	}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	door, err := newSink(run, int64(c.Rate*c.Duration.Seconds())+int64(besideRate*c.Duration.Seconds())+2)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, door.close()) }()
	o := &office{}
	defer func() {
		err = errors.Join(err, c.clear(ctx, []chat.DepartmentID{o.department}), c.dismiss(ctx, o.ids))
	}()
	if err := c.furnish(ctx, o, run, door.url, desks); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	if r.Bare, err = door.bare(ctx, c.Rate, min(c.Duration, 5*time.Second)); err != nil {
		return r, fmt.Errorf("bench: the door alone: %w", err)
	}

	profiled, cost := c.cpuProfile(ctx, c.Duration), c.meter(ctx, c.instanceCPU)
	start := time.Now()
	got, failed := offered{rate: c.Rate, duration: c.Duration, most: 64, do: func(ctx context.Context, n int64, due time.Time) error {
		door.expect(n, due)
		return o.reply(ctx, n, door.text(n))
	}}.run(ctx)
	missing := door.rest(ctx, got.Acked)
	r.SentPerS, r.Cost = float64(door.arrived.Load())/time.Since(start).Seconds(), cost(got.Acked)
	r.Accept, r.WholeWay = latencies(c.Rate, got.hist), latencies(c.Rate, door.taken)
	r.Errors = Errors{Refused: got.Refused, Unseen: missing}
	if r.WholeWay.P50 > 0 {
		r.Ratio = r.Bare.P50 / r.WholeWay.P50
	}
	if failed != nil {
		r.Example = failed.Error()
	}
	if err := <-profiled; err != nil {
		return r, err
	}
	c.say("replies at %.0f/s: p50 %.1f ms, p95 %.1f ms to the provider", c.Rate, r.WholeWay.P50, r.WholeWay.P95)
	if c.Beside {
		err = c.beside(ctx, o, door, &r, got.Posted)
	}
	r.Twice = door.twice.Load()
	return r, errors.Join(err, ctx.Err())
}

// office is who writes, and to whom.
type office struct {
	department chat.DepartmentID
	ids        []chat.AgentID
	agents     []*agent.Agent
	held       [][]chat.ConversationID // by agent
}

// furnish makes accounts whose messages go to the door, and agents who each hold conversations whose contact wrote just now.
func (c Outbound) furnish(ctx context.Context, o *office, run, door string, desks int) (err error) {
	if o.department, err = c.department(ctx, "Bench outbound"); err != nil {
		return err
	}
	var accounts []chat.AccountID
	for i := range c.Accounts {
		a, err := c.account(ctx, fmt.Sprintf("Bench outbound %d", i+1), o.department, newNumber(3, i), rand.Text(), door)
		if err != nil {
			return err
		}
		accounts = append(accounts, a)
	}
	var posts []post
	for i := range desks {
		posts = append(posts, post{fmt.Sprintf("Bench outbound %s %d", run, i), chat.RoleAgent, perAgent * perPair, []chat.DepartmentID{o.department}})
	}
	if o.ids, err = c.hire(ctx, posts); err != nil {
		return err
	}
	reason, err := c.endReason(ctx)
	if err != nil {
		return err
	}
	h, now, first := newHistory(run, reason), time.Now().UTC().Add(-2*waited), time.Now().UnixMicro()%1e12
	for i, id := range o.ids {
		var held []chat.ConversationID
		for k := range perAgent * perPair {
			n := i*perAgent*perPair + k
			number := accounts[(i+k)%len(accounts)] // one reply after the other goes out over another
			held = append(held, h.thread(thread{
				guest: h.guest(first+int64(n), now), account: number, department: o.department, agent: id, status: chat.Assigned,
				start: now.Add(time.Duration(n) * time.Microsecond), messages: 1, load: k + 1, capacity: perAgent * perPair,
			}))
		}
		o.held = append(o.held, held)
	}
	if err := c.clerk(ctx, func(conn *pgx.Conn) error { return h.write(ctx, conn) }); err != nil {
		return err
	}
	if _, err := c.attend(ctx, o.ids); err != nil {
		return err
	}
	o.agents, err = c.enter(ctx, o.ids)
	return err
}

// reply writes message n: agents and their conversations take turns.
func (o *office) reply(ctx context.Context, n int64, text string) error {
	i := n % int64(len(o.agents))
	held := o.held[i]
	return o.agents[i].Call(ctx, "POST", "/conversations/"+held[n/int64(len(o.agents))%int64(len(held))].String()+"/messages", map[string]string{"text": text}, nil)
}

// besideRate is how many replies a second are written beside a drain.
const besideRate = 20

// beside measures replies while the lanes are drained of what has piled up in them.
func (c Outbound) beside(ctx context.Context, o *office, door *sink, r *OutboundReport, next int64) (err error) {
	in := Ingest{Target: c.Target, Rate: 1, Duration: c.Duration, Contacts: 1000, Accounts: 4, Connections: 16, Rounds: 1}
	in.Profile = ""
	w, err := c.makeWorld(ctx, "Bench", in.Accounts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.leave(ctx, w.people)) }()
	b := &bench{Ingest: in, world: w, report: &Report{}}
	if err := b.warmUp(ctx); err != nil {
		return err
	}
	var got sample
	if err := b.held(ctx, func() error { b.post(ctx, b.load(c.URL+hook, "")); return nil }, func() {
		var failed error
		got, failed = offered{rate: besideRate, duration: c.Duration, most: 16, do: func(ctx context.Context, n int64, due time.Time) error {
			door.expect(next+n, due)
			return o.reply(ctx, next+n, door.text(next+n))
		}}.run(ctx)
		if failed != nil {
			r.Example = failed.Error()
		}
	}); err != nil {
		return err
	}
	l := latencies(besideRate, got.hist)
	r.Beside, r.BesideDrained = &l, median(b.report.WorkedOff)
	r.Errors.Refused += got.Refused
	r.Errors.Unseen += door.rest(ctx, r.WholeWay.Count+got.Acked)
	c.say("replies beside a drain: p50 %.1f ms, p99 %.1f ms", l.P50, l.P99)
	return nil
}
