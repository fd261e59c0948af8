package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/uuid"

	"gatehouse/internal/auth"
	"gatehouse/internal/bench/agent"
	"gatehouse/internal/chat"
)

// Sockets says how many live sockets to open, and what to tell them.
type Sockets struct {
	Target
	Agents   int           // agents of one department, a socket each; default 1000
	Visitors int           // of a web chat, a socket each; default 1000, or Nobody
	Rate     float64       // messages a second that all agents see, default 5
	Duration time.Duration // of that, default 10 s
}

// Nobody is the number of visitors where 0 would be the default.
const Nobody = -1

// SocketsReport is what was measured. Memory is the instance's own word, after a collection.
type SocketsReport struct {
	Head
	Agents   Held `json:"agents"`
	Visitors Held `json:"visitors"`

	FanOut  Latency `json:"fan_out"` // from when a webhook was due to its frame, at every agent's socket
	Frames  int64   `json:"frames"`
	Cost    Cost    `json:"cpu"` // for each frame
	Errors  Errors  `json:"errors"`
	Example string  `json:"example,omitempty"` // the first that went wrong
}

// Held is what so many sockets of a kind cost.
type Held struct {
	Sockets    int     `json:"sockets"`
	OpenedPerS float64 `json:"opened_per_s"`
	HeapKB     float64 `json:"heap_kb"`  // of live objects, each
	StackKB    float64 `json:"stack_kb"` // of goroutines, each
	InUseKB    float64 `json:"in_use_kb"`
	ResidentKB float64 `json:"resident_kb"` // of the process
	Goroutines float64 `json:"goroutines"`
}

// String is for people.
func (h Held) String() string {
	return fmt.Sprintf("%d at %.0f/s; each %.1f KB (heap %.1f, stacks %.1f), resident %.1f KB, %.1f goroutines",
		h.Sockets, h.OpenedPerS, h.InUseKB, h.HeapKB, h.StackKB, h.ResidentKB, h.Goroutines)
}

// Table writes the report for people.
func (r SocketsReport) Table(w io.Writer) error {
	t := newTable(w)
	t.row("agents", "%s", r.Agents)
	t.row("visitors", "%s", r.Visitors)
	t.row("fan-out", "%s, %d frames; %s", r.FanOut, r.Frames, r.Cost)
	t.row("errors", "%s %s", r.Errors, r.Example)
	return t.end(r.Head)
}

// checked has the defaults filled in.
func (c Sockets) checked() (Sockets, error) {
	if c.Agents == 0 {
		c.Agents = 1000
	}
	if c.Visitors == 0 {
		c.Visitors = 1000
	}
	if c.Rate == 0 {
		c.Rate = 5
	}
	if c.Duration == 0 {
		c.Duration = 10 * time.Second
	}
	if c.Agents < 1 || c.Rate <= 0 || c.Duration < leastWhile {
		return c, errors.New("bench: an agent, a rate and a while are needed")
	}
	return c, nil
}

// opening is how many handshakes are under way at once.
const opening = 32

// Run measures. The profile is of the heap, with all sockets open.
func (c Sockets) Run(ctx context.Context) (r SocketsReport, err error) {
	if c, err = c.checked(); err != nil {
		return r, err
	}
	if r.Head, err = c.head(ctx, fmt.Sprintf("memory by the ops listener before and after the sockets were opened, each time after a collection; fan-out: open loop, %.0f messages a second for %s to %d agents of one department", c.Rate, c.Duration, c.Agents)); err != nil {
		return r, err
	}
	w, err := c.makeWorld(ctx, "Bench", 1)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	defer func() { err = errors.Join(err, c.leave(ctx, w.people)) }()
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	var posts []post
	for i := range c.Agents {
		posts = append(posts, post{fmt.Sprintf("Bench socket %s %d", run, i), chat.RoleAgent, 0, w.departments})
	}
	ids, err := c.hire(ctx, posts)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	defer func() { err = errors.Join(err, c.dismiss(ctx, ids)) }()
	agents, err := c.enter(ctx, ids)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	f := &fanOut{mark: []byte(`"external_id":"` + idPrefix + run), taken: newHistogram()}
	b := &bench{Ingest: Ingest{Target: c.Target, Contacts: 100, Accounts: 1, Connections: 8, Duration: c.Duration, Rate: c.Rate, Rounds: 1}, world: w, report: &Report{}}
	if err := b.warmUp(ctx); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}

	live, hangUp := context.WithCancel(ctx)
	defer func() { hangUp(); f.open.Wait() }()
	if r.Agents, err = c.hold(ctx, c.Agents, func(i int) error { return f.listen(live, agents[i]) }); err != nil {
		return r, fmt.Errorf("bench: agents' sockets: %w", err)
	}
	c.say("agents: %s", r.Agents)
	if c.Visitors > 0 {
		v, err := c.visitors(ctx, w)
		if err != nil {
			return r, fmt.Errorf("bench: visitors: %w", err)
		}
		if r.Visitors, err = c.hold(ctx, c.Visitors, func(i int) error { return v.listen(live, f, i) }); err != nil {
			return r, fmt.Errorf("bench: visitors' sockets: %w", err)
		}
		c.say("visitors: %s", r.Visitors)
	}
	if c.Profile != "" {
		if err := c.fetchProfile(ctx, "heap?gc=1"); err != nil {
			return r, err
		}
	}

	l := b.load(c.URL+hook, run)
	l.rate, l.before = c.Rate, f.expect
	f.begin(l.first, int(c.Rate*c.Duration.Seconds())+1)
	cost := c.meter(ctx, c.instanceCPU)
	a := b.post(ctx, l)
	missing := f.rest(ctx, a.Acked*int64(c.Agents))
	r.Frames = f.seen.Load()
	r.FanOut, r.Cost = latencies(c.Rate, f.hist()), cost(r.Frames)
	r.Errors = r.Errors.with(a)
	r.Errors.Unseen, r.Errors.SocketsLost, r.Example = missing, f.lost.Load(), f.example()
	c.say("fan-out: p50 %.1f ms, p99 %.1f ms, %d frames not seen", r.FanOut.P50, r.FanOut.P99, missing)
	return r, nil
}

// hold opens n sockets and tells what the instance needs for each.
func (c Sockets) hold(ctx context.Context, n int, open func(i int) error) (Held, error) {
	before := c.memory(ctx)
	start := time.Now()
	var (
		next  atomic.Int64
		wg    sync.WaitGroup
		first error
		once  sync.Once
	)
	for range min(opening, n) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1) - 1)
				if i >= n {
					return
				}
				if err := open(i); err != nil {
					once.Do(func() { first = err })
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	if first == nil {
		first = ctx.Err()
	}
	after := c.memory(ctx)
	each := func(from, to float64) float64 { return (to - from) / float64(n) }
	h := Held{
		Sockets: n, OpenedPerS: float64(n) / took.Seconds(), HeapKB: each(before.heap, after.heap) / 1024, StackKB: each(before.stack, after.stack) / 1024,
		ResidentKB: each(before.resident, after.resident) / 1024, Goroutines: each(before.goroutines, after.goroutines),
	}
	h.InUseKB = h.HeapKB + h.StackKB
	return h, first
}

type memory struct{ heap, stack, resident, goroutines float64 }

// memory is what the instance needs, after it has collected what it does not: twice, for what pools hold outlives one collection.
func (t Target) memory(ctx context.Context) memory {
	t.collect(ctx)
	t.collect(ctx)
	return memory{t.metric(ctx, "go_memstats_heap_alloc_bytes"), t.metric(ctx, "go_memstats_stack_inuse_bytes"), t.metric(ctx, "process_resident_memory_bytes"), t.metric(ctx, "go_goroutines")}
}

// collect has the instance collect its garbage. Without an ops listener there is no figure that this would be for.
func (t Target) collect(ctx context.Context) {
	if req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.Ops+"/debug/pprof/heap?gc=1", nil); err == nil {
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body) // asked for the collection only
			_ = resp.Body.Close()
		}
	}
}

// fanOut sees one message arrive at many sockets.
type fanOut struct {
	mark []byte
	open sync.WaitGroup
	lost atomic.Int64
	seen atomic.Int64

	first atomic.Int64
	due   atomic.Pointer[[]atomic.Int64] // by number, in Unix nanoseconds

	mu    sync.Mutex
	taken *hdrhistogram.Histogram
	wrong string
}

func (f *fanOut) begin(first int64, n int) {
	due := make([]atomic.Int64, n)
	f.first.Store(first)
	f.due.Store(&due)
}

func (f *fanOut) expect(n int64, due time.Time) {
	if d, i := *f.due.Load(), n-f.first.Load(); i >= 0 && i < int64(len(d)) {
		d[i].Store(due.UnixNano())
	}
}

// listen opens an agent's socket and returns when it has been told what it missed.
func (f *fanOut) listen(ctx context.Context, a *agent.Agent) error {
	s, err := a.Live(ctx, "")
	if err != nil {
		return err
	}
	for told := false; !told; {
		frame, err := s.Next(ctx)
		if err == nil && bytes.HasPrefix(frame, []byte(`{"type":"welcome"`)) {
			err = s.Ping(ctx) // answered behind what was missed, unless that was too much
		}
		if err != nil {
			s.Close()
			return err
		}
		told = bytes.HasPrefix(frame, []byte(`{"type":"pong"`)) || bytes.HasPrefix(frame, []byte(`{"type":"resync"`))
	}
	f.open.Go(func() {
		defer s.Close()
		seen := map[int64]bool{}
		for {
			frame, err := s.Next(ctx)
			at := time.Now()
			if err != nil {
				f.end(ctx, err)
				return
			}
			f.frame(frame, at, seen)
		}
	})
	return nil
}

// end notes why a socket ended that nobody here has closed.
func (f *fanOut) end(ctx context.Context, why error) {
	if ctx.Err() != nil {
		return
	}
	f.lost.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wrong == "" {
		f.wrong = why.Error()
	}
}

func (f *fanOut) example() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wrong
}

// frame finds messages of ours in a frame of one socket.
func (f *fanOut) frame(b []byte, at time.Time, seen map[int64]bool) {
	all := f.due.Load()
	if all == nil {
		return
	}
	for {
		i := bytes.Index(b, f.mark)
		if i < 0 || len(b) < i+len(f.mark)+idDigits {
			return
		}
		b = b[i+len(f.mark):]
		n, err := strconv.ParseInt(string(b[:idDigits]), 10, 64)
		if n -= f.first.Load(); err != nil || n < 0 || n >= int64(len(*all)) || seen[n] {
			continue
		}
		seen[n] = true
		f.mu.Lock()
		record(f.taken, at.Sub(time.Unix(0, (*all)[n].Load())))
		f.mu.Unlock()
		f.seen.Add(1)
	}
}

func (f *fanOut) hist() *hdrhistogram.Histogram {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := newHistogram()
	h.Merge(f.taken)
	return h
}

// rest waits for what is still under way, and tells how many of n were not seen.
func (f *fanOut) rest(ctx context.Context, n int64) (missing int64) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_ = poll(ctx, 10*time.Millisecond, func() (bool, error) { return f.seen.Load() >= n, nil }) // or else some are missing
	return max(0, n-f.seen.Load())
}

// visitors are browsers with a web chat, who have a token and have not written.
type visitors struct {
	origin  string
	account chat.AccountID
	tokens  []string
}

// visitors makes them, past the limit of new visitors from one address.
func (c Sockets) visitors(ctx context.Context, w *world) (*visitors, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	v := &visitors{origin: u.Scheme + "://" + u.Host}
	if v.account, err = c.webchat(ctx, "Bench web chat", w.departments[0], v.origin); err != nil {
		return nil, err
	}
	for range c.Visitors {
		token, hash := auth.NewVisitorToken(v.account)
		address := chat.Address{Kind: chat.Webchat, Scope: v.account.String(), Type: chat.AddressVisitor, Value: uuid.NewString()}
		if err := c.Store.CreateVisitor(ctx, v.account, address, hash); err != nil {
			return nil, err
		}
		v.tokens = append(v.tokens, token)
	}
	return v, nil
}

// webchat finds or makes a web chat account.
func (t Target) webchat(ctx context.Context, name string, in chat.DepartmentID, origin string) (chat.AccountID, error) {
	all, err := t.Desk.Accounts(ctx, operator)
	if err != nil {
		return chat.AccountID{}, err
	}
	for _, x := range all {
		if x.Kind == chat.Webchat && x.Name == name {
			return x.ID, nil
		}
	}
	x, err := t.Desk.CreateAccount(ctx, operator, chat.AccountForm{
		Kind: chat.Webchat, Name: name, DepartmentID: in, Settings: map[string]string{"allowed_origins": origin},
	})
	return x.ID, err
}

// listen opens a visitor's socket and returns when it is welcome.
func (v *visitors) listen(ctx context.Context, f *fanOut, i int) error {
	hello, err := json.Marshal(map[string]string{"type": "hello", "token": v.tokens[i]})
	if err != nil {
		return err
	}
	s, err := agent.Dial(ctx, http.DefaultClient, v.origin, "ws"+strings.TrimPrefix(v.origin, "http")+"/widget/v1/"+v.account.String()+"/live", hello)
	if err != nil {
		return err
	}
	if _, err := s.Next(ctx); err != nil { // the welcome
		s.Close()
		return err
	}
	f.open.Go(func() {
		defer s.Close()
		for {
			if _, err := s.Next(ctx); err != nil {
				f.end(ctx, err)
				return
			}
		}
	})
	return nil
}
