package live

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

// hub knows the sockets of this node and passes them the news. One goroutine dispatches, so that every socket sees the
// news in one order.
type hub struct {
	deps  Deps
	queue chan news
	look  chan struct{} // "ask the record now": news was lost
	began chan struct{} // closed when there is a first horizon

	mu      sync.RWMutex
	sockets map[*socket]struct{}
	agents  map[chat.AgentID]map[*socket]struct{}
	lines   map[chat.DepartmentID]map[*socket]struct{}
	all     map[*socket]struct{} // of those who see everything

	heard   heard // the dispatcher's
	lately  lately
	horizon horizons
	viewers viewers
	counter counter
	skew    atomic.Int64 // how far the desk's clock is before ours
	// The sweep's.
	clock    clock
	resynced time.Time // when all were last told to read everything again, by the record's clock
}

// news is a notice, or something to do in its place in the order.
type news struct {
	notice chat.Notice
	do     func()
}

// queueSize is how many notices wait for the dispatcher.
const queueSize = 16_384

func newHub(deps Deps) *hub {
	return &hub{
		deps: deps, queue: make(chan news, queueSize), look: make(chan struct{}, 1), began: make(chan struct{}), sockets: map[*socket]struct{}{},
		agents: map[chat.AgentID]map[*socket]struct{}{}, lines: map[chat.DepartmentID]map[*socket]struct{}{},
		all: map[*socket]struct{}{}, heard: newHeard(), lately: newLately(), viewers: newViewers(), counter: newCounter(),
	}
}

// hear takes a notice of the bus. It never blocks.
func (h *hub) hear(n chat.Notice) {
	select {
	case h.queue <- news{notice: n}:
	default:
		h.lately.lost()
		h.lookNow()
	}
}

// lookNow has the record asked at once what was not heard.
func (h *hub) lookNow() {
	select {
	case h.look <- struct{}{}:
	default:
	}
}

// inOrder does something after all news that was heard before.
func (h *hub) inOrder(ctx context.Context, do func()) {
	select {
	case h.queue <- news{do: do}:
	case <-ctx.Done():
	}
}

func (h *hub) dispatch(ctx context.Context) {
	for {
		select {
		case n := <-h.queue:
			if n.do != nil {
				n.do()
			} else {
				h.tell(n.notice)
			}
		case <-ctx.Done():
			return
		}
	}
}

// tell passes one notice to those who may have it.
func (h *hub) tell(n chat.Notice) {
	switch n.Kind {
	case chat.NoticeConversation:
		if n.Conversation != nil {
			h.conversation(n, false)
		}
	case chat.NoticePresence:
		if p := n.Presence; p != nil {
			again := presenceFrame{Type: "presence", AgentID: p.Agent, Presence: p.Presence, BreakReason: p.Break, Since: p.Since}
			now := again
			now.Load, now.Capacity = &p.Load, &p.Capacity
			h.announce("presence/"+p.Agent.String(), now, again)
		}
	case chat.NoticeAccount:
		if a := n.Account; a != nil {
			f := accountFrame{"account", a.ID, a.State, a.StateReason}
			h.announce("account/"+a.ID.String(), f, f)
		}
	case chat.NoticeSettings:
		f := settingsFrame{Type: "settings", What: n.What}
		h.announce("settings/"+n.What, f, f)
	case chat.NoticeSession:
		for _, s := range h.socketsOf(n.Agent) {
			s.recheckNow()
		}
	case chat.NoticeViewers:
		h.viewing(n)
	case chat.NoticeLost:
		h.lately.lost()
		h.lookNow()
	case chat.NoticeTyping:
		h.contactTyping(n.ConversationID)
	}
}

// conversation tells of one; blind says that it was found by a look at the record.
func (h *hub) conversation(n chat.Notice, blind bool) {
	row := *n.Conversation
	h.heard.note(row, n.Left, blind)
	if len(n.Events) > 0 {
		h.deps.Metrics.Lag(h.now().Sub(n.Events[len(n.Events)-1].At))
	}
	in := h.inScope(row.DepartmentID, row.AgentID)
	out := h.outOfScope(row, n.Left)
	if len(in)+len(out) == 0 {
		return
	}
	counted := len(n.Events) == 0
	for _, e := range n.Events {
		counted = counted || changesCounts(e.Kind)
	}
	f, err := encode(conversationFrame{"conversation", h.show(row), web.NewThreadEvents(n.Events, nil)})
	if err != nil {
		h.deps.Log.Error("live: an event cannot be encoded", slog.Any("error", err))
		return
	}
	h.deliver(in, frame{f, row.ID, row.LastSeq}, counted)
	if len(out) > 0 {
		h.gone(out, row.ID)
	}
}

func (h *hub) gone(to []*socket, id chat.ConversationID) {
	f, err := encode(goneFrame{"gone", id})
	if err != nil {
		return
	}
	h.deliver(to, frame{body: f}, true)
	for _, s := range to {
		s.unview(id)
	}
}

// changesCounts tells whether an event can move a conversation between lists or change what is unread.
func changesCounts(k chat.EventKind) bool {
	switch k {
	case chat.EventStatus, chat.EventReaction, chat.EventEdited, chat.EventDeleted, chat.EventMedia, chat.EventIdentity, chat.EventCall:
		return false
	}
	return true
}

func (h *hub) show(row chat.ConversationRow) web.Conversation {
	return web.NewConversation(row, h.deps.Desk.WindowView(row, h.now()))
}

// now is the desk's clock.
func (h *hub) now() time.Time { return h.deps.Now().Add(time.Duration(h.skew.Load())).UTC() }

// everyone sends a frame that all agents may see.
func (h *hub) everyone(v any) {
	f, err := encode(v)
	if err != nil {
		h.deps.Log.Error("live: a notice cannot be encoded", slog.Any("error", err))
		return
	}
	h.mu.RLock()
	to := make([]*socket, 0, len(h.sockets))
	for s := range h.sockets {
		to = append(to, s)
	}
	h.mu.RUnlock()
	h.deliver(to, frame{body: f}, false)
}

func (h *hub) deliver(to []*socket, f frame, counted bool) {
	for _, s := range to {
		if !s.out.put(f) {
			s.end(Slow)
		}
	}
	if counted {
		h.counter.markAll(to)
	}
	h.deps.Metrics.Frames(len(to))
}

// inScope are the sockets of those who may see a conversation of this department and holder.
func (h *hub) inScope(department chat.DepartmentID, holder chat.AgentID) []*socket {
	h.mu.RLock()
	defer h.mu.RUnlock()
	line, own := h.lines[department], h.agents[holder]
	to := make([]*socket, 0, len(h.all)+len(line)+len(own))
	for s := range h.all {
		to = append(to, s)
	}
	for s := range line {
		if _, done := h.all[s]; !done {
			to = append(to, s)
		}
	}
	if !chat.IsZero(holder) {
		for s := range own {
			if _, done := h.all[s]; done {
				continue
			}
			if _, done := line[s]; !done {
				to = append(to, s)
			}
		}
	}
	return to
}

// outOfScope are the sockets of agents who lost sight of a conversation by losing it.
func (h *hub) outOfScope(row chat.ConversationRow, left []chat.AgentID) []*socket {
	var to []*socket
	for _, a := range left {
		for _, s := range h.socketsOf(a) {
			if !s.principal().Sees(row.DepartmentID, row.AgentID) {
				to = append(to, s)
			}
		}
	}
	return to
}

func (h *hub) socketsOf(a chat.AgentID) []*socket {
	h.mu.RLock()
	defer h.mu.RUnlock()
	to := make([]*socket, 0, len(h.agents[a]))
	for s := range h.agents[a] {
		to = append(to, s)
	}
	return to
}

// enter makes a socket hear, as this principal.
func (h *hub) enter(s *socket) {
	h.mu.Lock()
	h.index(s)
	n := len(h.sockets)
	h.mu.Unlock()
	h.deps.Metrics.Sockets(n)
}

// leave makes it deaf.
func (h *hub) leave(s *socket) {
	h.mu.Lock()
	h.drop(s)
	n := len(h.sockets)
	h.mu.Unlock()
	h.deps.Metrics.Sockets(n)
}

// move gives a socket another principal: its role or departments changed.
func (h *hub) move(s *socket, who web.Who) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, here := h.sockets[s]; !here {
		return
	}
	h.drop(s)
	s.who.Store(&who)
	h.index(s)
}

func (h *hub) index(s *socket) {
	p := s.principal()
	h.sockets[s] = struct{}{}
	add(h.agents, p.AgentID, s)
	if p.SeesAll() {
		h.all[s] = struct{}{}
	}
	for _, d := range p.Departments {
		add(h.lines, d, s)
	}
}

func (h *hub) drop(s *socket) {
	p := s.principal()
	delete(h.sockets, s)
	delete(h.all, s)
	remove(h.agents, p.AgentID, s)
	for _, d := range p.Departments {
		remove(h.lines, d, s)
	}
}

func add[K comparable](m map[K]map[*socket]struct{}, k K, s *socket) {
	if m[k] == nil {
		m[k] = map[*socket]struct{}{}
	}
	m[k][s] = struct{}{}
}

func remove[K comparable](m map[K]map[*socket]struct{}, k K, s *socket) {
	if delete(m[k], s); len(m[k]) == 0 {
		delete(m, k)
	}
}

func (h *hub) len() int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.sockets)
}

func (h *hub) of(a chat.AgentID) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.agents[a])
}
