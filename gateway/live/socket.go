package live

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/fasthttp/websocket"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

// Close codes beside those of RFC 6455: 1001 come back, 1007 no frame of ours, 1008 too many, 1009 too large, 1013 you
// read too slowly.
const closeSignedOut = 4401 // the session is over

// farewell is how long a socket that ends may take over its last word.
const farewell = time.Second

// socket is one tab of an agent. serve, a goroutine as long as it lives, reads what the client says; what is written is written in
// turns, for which there is a goroutine only then.
type socket struct {
	live  *Live
	hub   *hub
	conn  *websocket.Conn
	id    string // among all sockets of all nodes
	agent chat.AgentID
	who   atomic.Pointer[web.Who]
	out   *outbox
	turns web.Turns
	pulse *time.Timer // of beat
	beats int

	done    chan struct{}
	once    sync.Once
	reason  Reason
	recheck atomic.Bool  // a look at the session waits for its turn
	heardAt atomic.Int64 // of the client, unix nanoseconds

	mu      sync.Mutex
	viewed  chat.ConversationID // what the tab shows
	typing  bool
	thread  chat.IdentityID // of viewed
	hailed  int             // frames of the client, for its rate
	hailing time.Time
}

func (s *socket) principal() chat.Principal { return s.who.Load().Principal }

// serve is a socket's life, from the handshake on.
func (l *Live) serve(conn *websocket.Conn, who web.Who) {
	if !l.begin() {
		return
	}
	defer l.work.Done()
	s := &socket{
		live: l, hub: l.hub, conn: conn, id: l.deps.Node + "/" + chat.NewID[chat.MessageID]().String(), agent: who.Principal.AgentID,
		done: make(chan struct{}), reason: Left,
	}
	s.out = newOutbox(func() { s.do(s.flush) }, time.Now)
	s.who.Store(&who)
	conn.SetReadLimit(frameLimit) // answers 1009 itself
	conn.SetPongHandler(func(string) error { s.heard(silentFor); return nil })
	conn.SetPingHandler(func(data string) error {
		if !s.allow() {
			return errMisspoken
		}
		s.heard(silentFor)
		return conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	defer s.leave()
	unbind := context.AfterFunc(l.closing, func() { s.end(Leaving) })
	defer unbind()

	s.heard(helloWithin)
	hello, err := s.next()
	if err != nil || hello.Type != "hello" {
		s.part(errors.Join(errMisspoken, err))
	} else {
		s.part(s.attend(hello.Cursor))
	}
}

// leave is the end of a socket that cannot be read any more.
func (s *socket) leave() {
	s.end(Left)     // if its handler panicked
	s.turns.Close() // the last one says goodbye
	s.hub.leave(s)
	s.view(chat.ConversationID{}, chat.IdentityID{}, false)
	s.live.deps.Metrics.Closed(s.reason)
}

// attend hears the client out, until the socket cannot be read any more. It waits with little on its stack.
func (s *socket) attend(cursor string) error {
	s.recheck.Store(true) // by welcome: nothing is said before
	s.hub.enter(s)
	s.pulse = time.AfterFunc(pingEvery, s.beat)
	defer s.pulse.Stop()
	s.do(func() { s.welcome(cursor) })
	for {
		s.heard(silentFor)
		f, err := s.next()
		if err != nil {
			return err
		}
		s.hear(f)
	}
}

// heard notes a sign of life: the next one must come within d.
func (s *socket) heard(d time.Duration) {
	now := time.Now()
	s.heardAt.Store(now.UnixNano())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over() {
		return // its last deadline is set
	}
	_ = s.conn.SetReadDeadline(now.Add(d)) // it fails on a closed connection, and so does the next read
}

// next reads a frame of the client.
func (s *socket) next() (f clientFrame, err error) {
	kind, body, err := s.conn.ReadMessage()
	switch {
	case err != nil:
		return f, err
	case kind != websocket.TextMessage || !utf8.Valid(body) || json.Unmarshal(body, &f) != nil, !s.allow():
		return f, errMisspoken
	}
	return f, nil
}

// allow tells whether the client may say something more now.
func (s *socket) allow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if window := time.Duration(frameBurst) * time.Second / framesPerSec; now.Sub(s.hailing) > window {
		s.hailing, s.hailed = now, 0
	}
	s.hailed++
	return s.hailed <= frameBurst
}

// hear does what the client says.
func (s *socket) hear(f clientFrame) {
	switch f.Type {
	case "ping":
		s.tell(pongFrame{"pong", s.hub.cursor(), s.hub.now()})
	case "viewing":
		s.look(f.ConversationID, f.Typing)
	}
}

// look notes what the tab shows, if the agent may see it.
func (s *socket) look(id chat.ConversationID, typing bool) {
	var thread chat.IdentityID
	if !chat.IsZero(id) {
		s.mu.Lock()
		known := s.viewed == id
		thread = s.thread
		s.mu.Unlock()
		if !known {
			ctx, cancel := context.WithTimeout(s.live.closing, askWithin)
			defer cancel()
			row, err := s.live.deps.Desk.Conversation(ctx, s.principal(), id)
			if err != nil {
				return // nothing there to look at, or not now: the next frame tries again
			}
			thread = row.IdentityID
		}
	}
	s.view(id, thread, typing)
}

// view tells the others what the tab shows now.
func (s *socket) view(id chat.ConversationID, thread chat.IdentityID, typing bool) {
	s.mu.Lock()
	same := s.viewed == id && s.typing == typing
	if chat.IsZero(id) {
		thread = s.thread // whoever watches this thread hears that nobody types any more
	}
	s.viewed, s.typing, s.thread = id, typing, thread
	s.mu.Unlock()
	if !same {
		s.hub.publish(viewNotice(s, id, thread, typing))
	}
}

// unview forgets what the tab shows when the agent may not see it any more.
func (s *socket) unview(id chat.ConversationID) {
	s.mu.Lock()
	was := s.viewed == id
	s.mu.Unlock()
	if was {
		go s.view(chat.ConversationID{}, chat.IdentityID{}, false) // publishing may wait, and the dispatcher may not
	}
}

// watches is what the tab shows.
func (s *socket) watches() (chat.ConversationID, chat.IdentityID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.viewed, s.thread, s.typing
}

// tell puts a frame of this socket's own into its outbox.
func (s *socket) tell(v any) {
	f, err := encode(v)
	if err != nil {
		s.live.deps.Log.Error("live: a frame cannot be encoded", slog.Any("error", err))
		return
	}
	if !s.out.put(frame{body: f}) {
		s.end(Slow)
	}
}

// do has f done in its turn, unless the socket is over by then.
func (s *socket) do(f func()) {
	s.turns.Do(func() {
		if !s.over() {
			f()
		}
	})
}

// welcome is the first turn: what was missed, then the news.
func (s *socket) welcome(cursor string) {
	if !s.greet(cursor) {
		s.end(Left) // if nothing else was the matter
		return
	}
	s.hub.beat(s.live.closing, []chat.AgentID{s.agent})
	s.do(s.check) // what changed since the handshake was told to nobody
}

// flush writes what is in the outbox.
func (s *socket) flush() {
	frames, full := s.out.take()
	if full {
		s.end(Slow)
		return
	}
	for _, f := range frames {
		if !s.send(f.body) {
			return
		}
	}
}

// beat pings the client, and looks at the session now and then.
func (s *socket) beat() {
	s.do(func() {
		if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin)); err != nil {
			s.end(Slow)
			return
		}
		if s.beats++; s.beats%pingsPerCheck == 0 {
			s.recheckNow()
		}
		s.pulse.Reset(pingEvery)
	})
}

// send writes one frame, within its time.
func (s *socket) send(body []byte) bool {
	if s.over() {
		return false
	}
	err := s.conn.SetWriteDeadline(time.Now().Add(writeWithin))
	if err == nil {
		err = s.conn.WriteMessage(websocket.TextMessage, body)
	}
	if err != nil {
		s.end(Slow)
	}
	return err == nil
}

// sendFrame encodes and writes one.
func (s *socket) sendFrame(v any) bool {
	body, err := encode(v)
	return err == nil && s.send(body)
}

// greet says welcome and tells what the client missed since its cursor. News that is heard meanwhile waits in the outbox.
// The welcome carries the client's own cursor, so that one who leaves before the end has missed nothing the next time.
func (s *socket) greet(cursor string) bool {
	ctx, cancel := context.WithTimeout(s.live.closing, askWithin)
	defer cancel()
	select {
	case <-s.hub.began:
	case <-s.done:
		return false
	case <-ctx.Done():
		return s.turnAway(ctx, context.Cause(ctx))
	}
	since, enough := decodeCursor(cursor)
	if !enough {
		since, enough = s.hub.horizon.page()
		cursor = s.hub.cursor()
	}
	if !s.sendFrame(welcomeFrame{"welcome", cursor, s.hub.now(), s.agent, s.live.deps.Node, s.hub.lately.known()}) {
		return false
	}
	rows, resync, err := s.live.deps.Desk.ChangedSince(ctx, whoSeesAll(), since)
	if err != nil {
		return s.turnAway(ctx, err)
	}
	rows, others := s.sees(rows)
	gone, all := s.hub.heard.lost(s.agent, since.At, others)
	for _, id := range gone {
		if !s.sendFrame(goneFrame{"gone", id}) {
			return false
		}
	}
	replayed := map[chat.ConversationID]int64{}
	for _, row := range rows {
		replayed[row.ID] = row.LastSeq
		if !s.sendFrame(conversationFrame{"conversation", s.hub.show(row), []web.ThreadEvent{}}) {
			return false
		}
	}
	if lost := s.out.open(replayed); lost || resync || !all || !enough {
		s.live.deps.Metrics.Resynced(1)
		return s.sendFrame(resyncFrame{"resync", s.hub.cursor()})
	}
	// Words may have come to the node that gave the cursor some seconds later than to this one.
	for _, body := range s.hub.lately.since(since.At.Add(-lookEvery)) {
		if !s.send(body) {
			return false
		}
	}
	return true
}

// turnAway ends a socket that cannot be told what was missed. The client comes back with the same cursor.
func (s *socket) turnAway(ctx context.Context, why error) (greeted bool) {
	if s.live.closing.Err() != nil {
		s.end(Leaving)
	} else {
		s.live.deps.Log.WarnContext(ctx, "live: cannot tell what was missed", slog.Any("error", why))
		s.end(Away)
	}
	return false
}

// sees parts the conversations that the agent may see from the others.
func (s *socket) sees(rows []chat.ConversationRow) (seen, others []chat.ConversationRow) {
	p := s.principal()
	for _, r := range rows {
		if p.Sees(r.DepartmentID, r.AgentID) {
			seen = append(seen, r)
		} else {
			others = append(others, r)
		}
	}
	return seen, others
}

// recheckNow has the session looked at.
func (s *socket) recheckNow() {
	if s.recheck.CompareAndSwap(false, true) {
		s.do(s.check)
	}
}

// check looks at the session: it may have ended, or its agent's rights may have changed. While the record is away it is believed, and
// looked at again.
func (s *socket) check() {
	s.recheck.Store(false)
	ctx, cancel := context.WithTimeout(s.live.closing, askWithin)
	defer cancel()
	before := *s.who.Load()
	now, err := s.live.deps.Sessions.CheckSession(ctx, before.Session)
	switch {
	case chat.CodeOf(err) == chat.CodeSessionOver:
		s.sendFrame(signedOutFrame{"signed_out"})
		s.end(SignedOut)
	case err != nil:
		time.AfterFunc(askAgain, s.recheckNow)
	case !sameScope(before.Principal, now.Principal):
		s.hub.move(s, now)
		s.live.deps.Metrics.Resynced(1)
		s.sendFrame(resyncFrame{"resync", s.hub.cursor()})
	}
}

func sameScope(a, b chat.Principal) bool {
	if a.Role != b.Role || len(a.Departments) != len(b.Departments) {
		return false
	}
	for _, d := range a.Departments {
		if !b.Sees(d, chat.AgentID{}) {
			return false
		}
	}
	return true
}

// part ends the socket for what reading it gave.
func (s *socket) part(err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, errMisspoken), errors.Is(err, websocket.ErrReadLimit):
		s.end(Misspoken)
	case errors.As(err, &timeout) && timeout.Timeout():
		s.end(Silent)
	default:
		s.end(Left)
	}
}

// end ends the socket, once, for the first reason given. It does not block. What is being written to a reader who reads too slowly has
// a moment left.
func (s *socket) end(why Reason) {
	s.once.Do(func() {
		s.reason = why
		close(s.done)
		if why == Slow {
			_ = s.conn.NetConn().SetWriteDeadline(time.Now().Add(farewell)) // of a connection that is over, if it fails
		}
		s.turns.Do(s.goodbye)
	})
}

// goodbye says why, in the last turn, and has the reading half end too.
func (s *socket) goodbye() {
	code, text := websocket.CloseNormalClosure, ""
	switch s.reason {
	case Slow:
		code, text = websocket.CloseTryAgainLater, "you read too slowly"
	case Misspoken:
		code, text = websocket.ClosePolicyViolation, "not a frame that is understood, or too many"
	case SignedOut:
		code, text = closeSignedOut, "the session is over"
	case Leaving:
		code, text = websocket.CloseGoingAway, "shutting down"
	case Away:
		code, text = websocket.CloseTryAgainLater, "the record does not answer"
	case Silent, Left:
	}
	// Whoever is gone does not hear it. The connection closes when serve returns, which a client that says nothing does not
	// hold up.
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, text), time.Now().Add(farewell))
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.conn.SetReadDeadline(time.Now().Add(farewell))
}

func (s *socket) over() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}
