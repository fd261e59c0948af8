package widget

import (
	"math/rand/v2"
	"sync"
	"time"

	"gatehouse/internal/chat"
)

// hub knows the open sockets and brings them the notices that may concern them. Visitors who have written are found by
// their thread identity. One who has just written for the first time has none yet; it is found by the id of its message,
// and asks the record who it is.
type hub struct {
	mu       sync.Mutex
	all      map[*session]struct{}
	visitors map[string]int // open sockets of a visitor, by address
	threads  map[chat.IdentityID]map[*session]struct{}
	awaited  map[string]map[*session]struct{} // by the id of a message whose sender has no identity yet
}

// lostSpread is within what time all sockets ask the record after news was lost.
const lostSpread = 2 * time.Second

func newHub() *hub {
	return &hub{
		all: map[*session]struct{}{}, visitors: map[string]int{},
		threads: map[chat.IdentityID]map[*session]struct{}{}, awaited: map[string]map[*session]struct{}{},
	}
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}

// enter admits a socket. It says no to one too many of the same visitor.
func (h *hub) enter(s *session) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.visitors[s.address.Value] >= socketsPerOne {
		return false
	}
	h.visitors[s.address.Value]++
	h.all[s] = struct{}{}
	return true
}

func (h *hub) leave(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.all[s]; !ok {
		return
	}
	delete(h.all, s)
	if h.visitors[s.address.Value]--; h.visitors[s.address.Value] == 0 {
		delete(h.visitors, s.address.Value)
	}
	remove(h.threads, s.thread, s)
	for _, id := range s.awaits {
		remove(h.awaited, id, s)
	}
}

// bind makes a socket hear of its thread. It tells whether that is new.
func (h *hub) bind(s *session, thread chat.IdentityID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, open := h.all[s]; !open || chat.IsZero(thread) || s.thread == thread {
		return false
	}
	remove(h.threads, s.thread, s)
	s.thread = thread
	add(h.threads, thread, s)
	for _, id := range s.awaits {
		remove(h.awaited, id, s)
	}
	s.awaits = nil
	return true
}

// await makes a socket without a thread hear of the message that will give it one.
func (h *hub) await(s *session, clientID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, open := h.all[s]; open && chat.IsZero(s.thread) {
		s.awaits = append(s.awaits, clientID)
		add(h.awaited, clientID, s)
	}
}

// threadOf tells whose notices a socket hears; none before its first message.
func (h *hub) threadOf(s *session) chat.IdentityID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return s.thread
}

// hear is called with every notice of the house. It must not block.
func (s *Server) hear(n chat.Notice) {
	switch n.Kind {
	case chat.NoticeConversation:
		if n.Conversation != nil && n.Conversation.Kind == chat.Webchat {
			s.hub.conversation(&n)
		}
	case chat.NoticeViewers:
		s.hub.toThread(n.IdentityID, &n)
	case chat.NoticePresence:
		if n.Presence != nil {
			s.agents.forget(n.Presence.Agent)
			s.hub.each(func(one *session) {
				if one.agent.Load() == n.Presence.Agent {
					one.tell(&n)
				}
			})
		}
	case chat.NoticeLost:
		s.sites.clear()
		s.agents.clear()
		s.hub.each(func(one *session) { // all ask the record, and not all at once
			time.AfterFunc(rand.N(lostSpread), one.look)
		})
	case chat.NoticeSettings:
		s.sites.clear()
		s.agents.clear()
	case chat.NoticeAccount:
		if n.Account != nil && n.Account.Kind == chat.Webchat {
			s.sites.forget(n.Account.ID)
			if n.Account.State == chat.AccountDisabled {
				s.hub.each(func(one *session) {
					if one.site.account.ID == n.Account.ID {
						go one.end(closeGone, "switched off") // it may wait for a slow reader
					}
				})
			}
		}
	}
}

func (h *hub) conversation(n *chat.Notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.threads[n.Conversation.IdentityID] {
		if s.site.account.ID == n.Conversation.AccountID {
			s.tell(n)
		}
	}
	if len(h.awaited) == 0 {
		return
	}
	for _, e := range n.Events {
		if e.Kind != chat.EventMessage || e.Message == nil {
			continue
		}
		for s := range h.awaited[e.Message.ExternalID] {
			if s.site.account.ID == n.Conversation.AccountID {
				s.look() // whose message it is says the record, not the notice
			}
		}
	}
}

func (h *hub) toThread(thread chat.IdentityID, n *chat.Notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.threads[thread] {
		s.tell(n)
	}
}

func (h *hub) each(do func(*session)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.all {
		do(s)
	}
}

func add[K comparable](m map[K]map[*session]struct{}, key K, s *session) {
	if m[key] == nil {
		m[key] = map[*session]struct{}{}
	}
	m[key][s] = struct{}{}
}

func remove[K comparable](m map[K]map[*session]struct{}, key K, s *session) {
	delete(m[key], s)
	if len(m[key]) == 0 {
		delete(m, key)
	}
}
