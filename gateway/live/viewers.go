package live

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/chat"
)

// How often a node says again who looks at what here, and when the others forget what was not said again: a node that died
// says nothing.
const (
	viewEvery = 15 * time.Second
	viewLives = 45 * time.Second
)

// viewers are the tabs of all nodes and the conversations that they show.
type viewers struct {
	mu   sync.Mutex
	tabs map[string]view // by socket
	rows map[chat.ConversationID]map[string]struct{}
}

type view struct {
	agent        chat.AgentID
	conversation chat.ConversationID
	typing       bool
	at           time.Time
}

func newViewers() viewers {
	return viewers{tabs: map[string]view{}, rows: map[chat.ConversationID]map[string]struct{}{}}
}

// set notes what a tab shows, and returns the conversations whose viewers changed by it.
func (v *viewers) set(tab string, now view) (changed []chat.ConversationID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before, was := v.tabs[tab]
	if was && before.conversation != now.conversation {
		v.forget(tab, before)
		changed = append(changed, before.conversation)
	}
	if chat.IsZero(now.conversation) {
		return changed
	}
	if !was || before.conversation != now.conversation || before.typing != now.typing {
		changed = append(changed, now.conversation)
	}
	v.tabs[tab] = now
	if v.rows[now.conversation] == nil {
		v.rows[now.conversation] = map[string]struct{}{}
	}
	v.rows[now.conversation][tab] = struct{}{}
	return changed
}

func (v *viewers) forget(tab string, was view) {
	delete(v.tabs, tab)
	if delete(v.rows[was.conversation], tab); len(v.rows[was.conversation]) == 0 {
		delete(v.rows, was.conversation)
	}
}

// expire forgets tabs of which nothing was heard since.
func (v *viewers) expire(since time.Time) (changed []chat.ConversationID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for tab, seen := range v.tabs {
		if seen.at.Before(since) {
			v.forget(tab, seen)
			changed = append(changed, seen.conversation)
		}
	}
	return changed
}

// of are the agents who look at a conversation, each once.
func (v *viewers) of(id chat.ConversationID) []viewer {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := []viewer{}
	for tab := range v.rows[id] {
		seen := v.tabs[tab]
		at := slices.IndexFunc(out, func(o viewer) bool { return o.AgentID == seen.agent })
		if at < 0 {
			out = append(out, viewer{seen.agent, seen.typing})
		} else if seen.typing {
			out[at].Typing = true
		}
	}
	slices.SortFunc(out, func(a, b viewer) int { return bytes.Compare(a.AgentID[:], b.AgentID[:]) })
	return out
}

func viewNotice(s *socket, id chat.ConversationID, thread chat.IdentityID, typing bool) chat.Notice {
	return chat.Notice{Kind: chat.NoticeViewers, Agent: s.agent, ConversationID: id, IdentityID: thread, Typing: typing, Node: s.id}
}

// publish says something to all nodes, this one included.
func (h *hub) publish(notices ...chat.Notice) {
	if len(notices) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	h.deps.Bus.Publish(ctx, notices)
}

// viewing notes who looks at what, and tells those who look at the same. Only they are told: each of them may see the
// conversation, or their tab could not show it.
func (h *hub) viewing(n chat.Notice) {
	h.showViewers(h.viewers.set(n.Node, view{n.Agent, n.ConversationID, n.Typing, h.deps.Now()}))
}

func (h *hub) showViewers(changed []chat.ConversationID) {
	if len(changed) == 0 {
		return
	}
	to := map[chat.ConversationID][]*socket{}
	h.mu.RLock()
	for s := range h.sockets {
		if id, _, _ := s.watches(); slices.Contains(changed, id) {
			to[id] = append(to[id], s)
		}
	}
	h.mu.RUnlock()
	for id, sockets := range to {
		f, err := encode(viewersFrame{"viewers", id, h.viewers.of(id)})
		if err != nil {
			h.deps.Log.Error("live: viewers cannot be encoded", slog.Any("error", err))
			return
		}
		h.deliver(sockets, frame{body: f}, false)
	}
}

// refreshViewers says again who looks at what here, and forgets whom nobody spoke of.
func (h *hub) refreshViewers(ctx context.Context) {
	tick := time.NewTicker(viewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var notices []chat.Notice
		h.mu.RLock()
		for s := range h.sockets {
			if id, thread, typing := s.watches(); !chat.IsZero(id) {
				notices = append(notices, viewNotice(s, id, thread, typing))
			}
		}
		h.mu.RUnlock()
		h.publish(notices...)
		h.inOrder(ctx, func() { h.showViewers(h.viewers.expire(h.deps.Now().Add(-viewLives))) })
	}
}

// contactTyping tells those who may see the conversation that its contact types. Where the conversation lies is known from
// its last news; of one that was quiet since this node began, the tabs that show it are told.
func (h *hub) contactTyping(id chat.ConversationID) {
	var to []*socket
	if row, ok := h.heard.row(id); ok {
		to = h.inScope(row.department, row.holder)
	} else {
		h.mu.RLock()
		for s := range h.sockets {
			if shown, _, _ := s.watches(); shown == id {
				to = append(to, s)
			}
		}
		h.mu.RUnlock()
	}
	if len(to) == 0 {
		return
	}
	f, err := encode(contactTypingFrame{"contact_typing", id})
	if err != nil {
		h.deps.Log.Error("live: a frame cannot be encoded", slog.Any("error", err))
		return
	}
	h.deliver(to, frame{body: f}, false)
}
