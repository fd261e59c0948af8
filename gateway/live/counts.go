package live

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

// An agent's numbers are told at most once a second, and only when they changed. They are counted by a few at a time: under
// load they come later, and nothing else does.
const (
	countEvery   = time.Second
	countLook    = 100 * time.Millisecond
	countWorkers = 4
)

// counter knows whose numbers may have changed.
type counter struct {
	mu    sync.Mutex
	dirty map[chat.AgentID]struct{}
	told  map[chat.AgentID]toldCounts
}

type toldCounts struct {
	at   time.Time
	body []byte
}

func newCounter() counter {
	return counter{dirty: map[chat.AgentID]struct{}{}, told: map[chat.AgentID]toldCounts{}}
}

func (c *counter) mark(a chat.AgentID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty[a] = struct{}{}
}

func (c *counter) markAll(sockets []*socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range sockets {
		c.dirty[s.agent] = struct{}{}
	}
}

// due takes those whose numbers may be told now.
func (c *counter) due(now time.Time) (agents []chat.AgentID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for a := range c.dirty {
		if now.Sub(c.told[a].at) >= countEvery {
			agents = append(agents, a)
			delete(c.dirty, a)
		}
	}
	return agents
}

// news notes what an agent is told, and whether it is new.
func (c *counter) news(a chat.AgentID, now time.Time, body []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	fresh := !bytes.Equal(c.told[a].body, body)
	c.told[a] = toldCounts{now, body}
	return fresh
}

// forget drops who is not here any more.
func (c *counter) forget(a chat.AgentID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.told, a)
	delete(c.dirty, a)
}

func (h *hub) count(ctx context.Context) {
	jobs := make(chan chat.AgentID)
	var workers sync.WaitGroup
	for range countWorkers {
		workers.Go(func() {
			for a := range jobs {
				h.tellCounts(ctx, a)
			}
		})
	}
	defer workers.Wait()
	defer close(jobs)
	tick := time.NewTicker(countLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, a := range h.counter.due(h.deps.Now()) {
			select {
			case jobs <- a:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (h *hub) tellCounts(ctx context.Context, a chat.AgentID) {
	sockets := h.socketsOf(a)
	if len(sockets) == 0 {
		h.counter.forget(a)
		return
	}
	ask, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	counts, err := h.deps.Desk.Counts(ask, sockets[0].principal())
	if err != nil {
		if ctx.Err() == nil {
			h.deps.Log.WarnContext(ctx, "live: cannot count", slog.Any("error", err))
			h.counter.mark(a)
			h.counter.news(a, h.deps.Now(), nil)
		}
		return
	}
	body, err := encode(countsFrame{"counts", web.NewCounts(counts)})
	if err != nil {
		h.deps.Log.ErrorContext(ctx, "live: counts cannot be encoded", slog.Any("error", err))
		return
	}
	if h.counter.news(a, h.deps.Now(), body) {
		h.deliver(sockets, frame{body: body}, false)
	}
}

// beats tells presence who is here: agents with a socket of which something was heard since the last beat.
func (h *hub) beats(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if here := h.present(time.Now().Add(-beatEvery - time.Second)); len(here) > 0 {
			h.beat(ctx, here)
		}
	}
}

func (h *hub) beat(ctx context.Context, agents []chat.AgentID) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	if err := h.deps.Presence.Beat(ctx, agents); err != nil {
		h.deps.Log.WarnContext(ctx, "live: cannot note who is here", slog.Any("error", err))
	}
}

// present are the agents of whom something was heard since.
func (h *hub) present(since time.Time) []chat.AgentID {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var here []chat.AgentID
	for a, sockets := range h.agents {
		for s := range sockets {
			if s.heardAt.Load() >= since.UnixNano() {
				here = append(here, a)
				break
			}
		}
	}
	return here
}
