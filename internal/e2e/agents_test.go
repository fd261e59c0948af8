package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/bench/agent"
)

// colleague is a simulated agent: a screen that the live stream keeps true, and somebody in front of it who answers.
type colleague struct {
	*agent.Agent
	name string
	ends string // the reason with which conversations are ended
	rng  *rand.Rand

	mu       sync.Mutex
	threads  map[string]*thread   // the screen
	shown    map[string]int       // provider ids of customers' messages, by how often they were shown
	seen     map[string]time.Time // when first
	cursor   string
	stream   *agent.Stream     // nil while there is none
	accepted map[string]string // our replies that the desk took, and their ids
	doubtful map[string]bool   // replies of which nobody knows

	work    chan string   // conversations to answer
	behind  chan struct{} // something on the screen is known to be old
	leaving atomic.Bool   // no new answers
	busy    atomic.Int32  // answers under way

	sockets, gaps, resyncs atomic.Int32
}

// thread is a conversation on the screen. Its events are known without a gap up to last.
type thread struct {
	row  row
	last int64
	told []string // of each event, what it said it is
	sure int32    // after how many resyncs it was last known to be whole
}

// row is what the screen shows of a conversation, as far as it is compared.
type row struct {
	ID       string `json:"id"`
	AgentID  string `json:"agent_id"`
	Status   string `json:"status"`
	LastSeq  int64  `json:"last_seq"`
	ReadSeq  int64  `json:"read_seq"`
	Unread   int    `json:"unread"`
	Priority int    `json:"priority"`
}

type event struct {
	Seq     int64
	Kind    string
	Message *struct {
		ID         string
		Direction  string
		ExternalID string `json:"external_id"`
	}
}

// says is what an event is, to be compared with the record.
func (e event) says() string {
	if e.Message == nil {
		return e.Kind
	}
	return e.Kind + " " + e.Message.ID
}

type frame struct {
	Type           string
	Cursor         string
	Conversation   row
	Events         []event
	ConversationID string `json:"conversation_id"`
}

// hire makes an agent, signs them in and has them go online.
func (h *house) hire(name string, capacity int, ends string, seed uint64, departments ...string) *colleague {
	h.t.Helper()
	email, first, next := name+"@example.com", "first word of the day", "second word of the day"
	h.make("/agents", map[string]any{
		"name": strings.ToUpper(name), "email": email, "role": "agent", "password": first, "departments": departments, "capacity": capacity,
	})
	var a *agent.Agent
	var err error
	untilEvery(h.t, time.Second, 2*time.Minute, name+" may sign in", func() (bool, string) { // an address may do so twenty times a minute
		a, err = agent.SignIn(h.t.Context(), h.url, email, first, next)
		refused, ok := errors.AsType[*agent.Refusal](err)
		return !ok || refused.Status != http.StatusTooManyRequests, fmt.Sprint(err)
	})
	if err == nil {
		err = a.SetPresence(h.t.Context(), "online")
	}
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	return &colleague{
		Agent: a, name: name, ends: ends, rng: rand.New(rand.NewPCG(seed, 7)), threads: map[string]*thread{}, shown: map[string]int{}, seen: map[string]time.Time{},
		accepted: map[string]string{}, doubtful: map[string]bool{}, work: make(chan string, 64), behind: make(chan struct{}, 1),
	}
}

// live is a colleague's day, until ctx ends.
func (c *colleague) live(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { c.look(ctx) })
	wg.Go(func() { c.catchUp(ctx) })
	for range 2 {
		wg.Go(func() { c.answer(ctx) })
	}
	wg.Wait()
}

// look reads the live stream, and opens it again when it ends.
func (c *colleague) look(ctx context.Context) {
	for ctx.Err() == nil {
		c.mu.Lock()
		cursor := c.cursor
		c.mu.Unlock()
		s, err := c.Live(ctx, cursor)
		if err != nil {
			wait(ctx, 100*time.Millisecond)
			continue
		}
		c.sockets.Add(1)
		c.mu.Lock()
		c.stream = s
		c.mu.Unlock()
		pinging, stop := context.WithCancel(ctx)
		go func() { // a pong carries a cursor, so that the next socket need not tell everything again
			for wait(pinging, 2*time.Second) && s.Ping(pinging) == nil {
			}
		}()
		for {
			raw, err := s.Next(ctx)
			if err != nil {
				break
			}
			var f frame
			if err := json.Unmarshal(raw, &f); err != nil {
				panic(fmt.Sprintf("a frame that cannot be read: %v: %.200s", err, raw))
			}
			c.show(f)
		}
		stop()
		s.Close()
	}
}

// show puts a frame on the screen.
func (c *colleague) show(f frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.Cursor != "" {
		c.cursor = f.Cursor
	}
	switch f.Type {
	case "conversation":
		c.apply(f.Conversation, f.Events)
	case "gone":
		delete(c.threads, f.ConversationID)
	case "resync":
		c.resyncs.Add(1) // until it is read again, all of it may be old
		c.fallBehind()
	}
}

// apply takes what is new of a conversation, in order; a gap is filled by catchUp.
func (c *colleague) apply(r row, events []event) {
	t := c.threads[r.ID]
	if t == nil {
		t = &thread{sure: c.resyncs.Load()}
		c.threads[r.ID] = t
	}
	if r.LastSeq >= t.row.LastSeq {
		t.row = r
	}
	asks := false
	for _, e := range events {
		if e.Seq != t.last+1 {
			continue // known, or after a gap
		}
		t.last, t.told = e.Seq, append(t.told, e.says())
		if e.Kind == "message" && e.Message != nil && e.Message.Direction == "in" {
			if c.shown[e.Message.ExternalID]++; c.shown[e.Message.ExternalID] == 1 {
				c.seen[e.Message.ExternalID] = time.Now()
			}
			asks = true
		}
	}
	if t.last < t.row.LastSeq {
		c.fallBehind()
	}
	if asks && t.row.AgentID == c.ID && t.row.Status == "assigned" && c.rng.IntN(4) == 0 && !c.leaving.Load() {
		select {
		case c.work <- r.ID:
		default: // enough to do
		}
	}
}

func (c *colleague) fallBehind() {
	select {
	case c.behind <- struct{}{}:
	default:
	}
}

// catchUp reads again what is known to be old, and asks the record for everything after a resync.
func (c *colleague) catchUp(ctx context.Context) {
	resyncs := int32(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.behind:
		}
		if n := c.resyncs.Load(); n != resyncs {
			rows, err := c.list(ctx)
			if err != nil {
				wait(ctx, 200*time.Millisecond)
				c.fallBehind()
				continue
			}
			resyncs = n
			c.mu.Lock()
			for _, r := range rows {
				c.apply(r, nil) // if more came live while it was on its way, that counts
			}
			c.mu.Unlock()
		}
		for _, id := range c.old() {
			if err := c.read(ctx, id); err != nil {
				wait(ctx, 200*time.Millisecond)
				c.fallBehind()
				break
			}
		}
	}
}

// old are the conversations of which something is missing, or may be.
func (c *colleague) old() (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, t := range c.threads {
		if t.last < t.row.LastSeq || t.sure != c.resyncs.Load() {
			ids = append(ids, id)
		}
	}
	return ids
}

// read fills a gap.
func (c *colleague) read(ctx context.Context, id string) error {
	c.mu.Lock()
	t := c.threads[id]
	if t == nil {
		c.mu.Unlock()
		return nil
	}
	since, sure := t.last, c.resyncs.Load()
	c.mu.Unlock()
	var page struct{ Items []event }
	err := c.Call(ctx, "GET", fmt.Sprintf("/conversations/%s/events?since=%d&limit=100", id, since), nil, &page)
	var refused *agent.Refusal
	if errors.As(err, &refused) && refused.Status == 404 {
		c.mu.Lock()
		delete(c.threads, id) // not ours to see any more
		c.mu.Unlock()
		return nil
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch t := c.threads[id]; {
	case t == nil:
	case t.last != since: // it came live meanwhile: read on from there
		c.fallBehind()
	default:
		c.gaps.Add(1)
		t.sure = sure
		c.apply(t.row, page.Items)
	}
	return nil
}

// list reads every conversation that the colleague may see.
func (c *colleague) list(ctx context.Context) (rows []row, err error) {
	for cursor := ""; ; {
		var page struct {
			Items []row
			Next  string
		}
		err := c.Call(ctx, "GET", "/conversations?view=all&limit=100&cursor="+url.QueryEscape(cursor), nil, &page)
		var refused *agent.Refusal
		if errors.As(err, &refused) && refused.Status == 429 && wait(ctx, time.Second) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, page.Items...)
		if cursor = page.Next; cursor == "" {
			return rows, nil
		}
	}
}

// answer writes replies, and now and then ends a conversation.
func (c *colleague) answer(ctx context.Context) {
	for n := 0; ; n++ {
		var id string
		select {
		case <-ctx.Done():
			return
		case id = <-c.work:
		}
		c.busy.Add(1)
		key := uuid.NewString()
		if c.reply(ctx, id, key) {
			c.mu.Lock()
			end := c.rng.IntN(3) == 0
			c.mu.Unlock()
			if end { // whether it succeeds is not ours to insist on
				_ = c.Call(ctx, "POST", "/conversations/"+id+"/end", map[string]string{"reason_id": c.ends}, nil)
			}
		}
		c.busy.Add(-1)
	}
}

// reply sends one answer and tells whether the desk took it.
func (c *colleague) reply(ctx context.Context, id, key string) bool {
	return c.say(ctx, id, key) == nil
}

// say sends one answer, again and again under the same key until the desk says what became of it.
func (c *colleague) say(ctx context.Context, id, key string) error {
	text := fmt.Sprintf("%s here, we are looking into it (%s)", c.name, key)
	for {
		var made struct{ ID string }
		err := c.Call(ctx, "POST", "/conversations/"+id+"/messages", map[string]string{"text": text}, &made, "Idempotency-Key", key)
		var refused *agent.Refusal
		c.mu.Lock()
		switch {
		case err == nil:
			delete(c.doubtful, text)
			c.accepted[text] = made.ID
			c.mu.Unlock()
			return nil
		case errors.As(err, &refused) && refused.Status < 500 && refused.Status != 429:
			delete(c.doubtful, text)
			c.mu.Unlock()
			return err
		}
		c.doubtful[text] = true
		c.mu.Unlock()
		if !wait(ctx, 100*time.Millisecond) {
			return err
		}
	}
}

// idle tells whether all that the colleague had to say is said.
func (c *colleague) idle() bool { return c.leaving.Load() && len(c.work) == 0 && c.busy.Load() == 0 }

// screen compares what the colleague sees with what the record says, and tells the first differences.
func (c *colleague) screen(ctx context.Context) (differences []string) {
	rows, err := c.list(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	differ := func(format string, args ...any) {
		differences = append(differences, c.name+": "+fmt.Sprintf(format, args...))
	}
	for _, r := range rows {
		switch t := c.threads[r.ID]; {
		case t == nil:
			differ("conversation %s is not on the screen", r.ID)
		case t.row != r:
			differ("the screen says %+v, the record %+v", t.row, r)
		case t.last != r.LastSeq:
			differ("of conversation %s events up to %d of %d are known", r.ID, t.last, r.LastSeq)
		}
	}
	if len(rows) != len(c.threads) {
		differ("%d conversations are on the screen, %d in the record", len(c.threads), len(rows))
	}
	return differences
}

// wait pauses and tells whether ctx still runs.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// staff are the colleagues of a house at work, until the test ends.
func staff(t *testing.T, all ...*colleague) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(func() { c.live(ctx) })
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
}
