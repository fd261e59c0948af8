package widget

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fasthttp/websocket"
	"golang.org/x/time/rate"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

// Close codes beside those of RFC 6455: 1001 come back, 1007 not UTF-8 or no frame, 1008 too many, 1009 too large,
// 1011 the record is away, 1013 you read too slowly.
const (
	closeUnknown = 4401 // no such visitor: forget the token
	closeGone    = 4404 // the account is switched off
)

// session is one socket of a visitor. serve, a goroutine as long as it lives, reads what the visitor says and does it. What is written is
// written in turns (pump.go), for which there is a goroutine only then, and only there is known what the visitor has been told.
type session struct {
	srv     *Server
	conn    *websocket.Conn
	site    *site
	address chat.Address

	turns   web.Turns
	frames  atomic.Int32 // that wait for their turn; when they are too many the visitor reads too slowly
	notices atomic.Int32 // that wait for theirs; when they are too many the record is asked instead
	looks   atomic.Bool  // a look at the record waits for its turn
	pulse   *time.Timer  // of beat
	done    chan struct{}
	once    sync.Once
	rate    *rate.Limiter // of frames heard

	// The hub's, under its lock.
	thread chat.IdentityID
	awaits []string

	place atomic.Pointer[chat.ConversationRow] // the conversation as last told
	agent agentBox                             // who answers in it

	// The turns' own.
	seq    int64     // newest event of place that was told
	told   chatView  // as last told
	looked time.Time // when it last asked the record

	// serve's own.
	lastRead time.Time // the newest read mark passed on
	typed    bool      // the agents were told that the visitor types
	typedAt  time.Time // and when
}

// agentBox is an agent's id that two goroutines share.
type agentBox struct{ p atomic.Pointer[chat.AgentID] }

func (b *agentBox) Store(id chat.AgentID) { b.p.Store(&id) }

func (b *agentBox) Load() chat.AgentID {
	if id := b.p.Load(); id != nil {
		return *id
	}
	return chat.AgentID{}
}

// Frames of the server.
type (
	threadFrame struct {
		Type   string    `json:"type"` // welcome, news, history
		Now    time.Time `json:"now,omitzero"`
		Cursor string    `json:"cursor,omitempty"`
		Chat   *chatView `json:"chat,omitempty"`
		Items  []item    `json:"items"`
		More   bool      `json:"more,omitempty"` // there are older items
		Same   bool      `json:"same,omitempty"` // welcome: nothing is newer than hello's "after"; no items
	}
	answerFrame struct {
		Type       string    `json:"type"` // ack, refused, pong, typing
		ClientID   string    `json:"client_id,omitempty"`
		Code       chat.Code `json:"code,omitempty"`
		RetryAfter int64     `json:"retry_after,omitempty"` // seconds
		Item       *item     `json:"item,omitempty"`        // ack: the stored copy, where it is already in the record
		On         bool      `json:"on,omitempty"`
	}
)

// serve is a socket's life, from the handshake on.
func (srv *Server) serve(conn *websocket.Conn, site *site) {
	if !srv.begin() {
		return
	}
	defer srv.open.Done()
	s := &session{
		srv: srv, conn: conn, site: site, done: make(chan struct{}), rate: rate.NewLimiter(framesPerSec, frameBurst),
	}
	conn.SetReadLimit(frameLimit) // answers 1009 itself
	conn.SetPingHandler(func(data string) error {
		if !s.rate.Allow() {
			return errFlood
		}
		s.heard(srv.pace.silent)
		return conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
	})
	conn.SetPongHandler(func(string) error { s.heard(srv.pace.silent); return nil })
	defer s.linger()
	stop := context.AfterFunc(srv.closing, func() { s.end(websocket.CloseGoingAway, "shutting down") })
	defer stop()

	if !s.enter() {
		return
	}
	defer srv.hub.leave(s)
	defer func() { s.once.Do(func() { close(s.done) }); s.turns.Close() }()
	s.part(s.attend())
}

// enter hears the hello and has it answered.
func (s *session) enter() bool {
	s.heard(s.srv.pace.hello)
	data, err := s.next()
	hello, broken := parseFrame(data)
	switch {
	case err != nil:
		s.part(err)
		return false
	case broken != nil:
		s.part(errBroken)
		return false
	case hello.Type != typeHello:
		s.end(websocket.ClosePolicyViolation, "hello comes first")
		return false
	}
	if !s.admit(hello) {
		return false
	}
	s.do(func() { s.welcome(hello.After) })
	return true
}

// attend hears the visitor out, until the socket cannot be read any more. It waits with little on its stack.
func (s *session) attend() error {
	s.pulse = time.AfterFunc(s.srv.pace.ping, s.beat)
	defer s.pulse.Stop()
	s.heard(s.srv.pace.silent)
	for {
		data, err := s.next()
		if err == nil {
			err = s.hear(data)
		}
		if err != nil {
			return err
		}
	}
}

// admit finds whose token hello holds.
func (s *session) admit(hello visitorFrame) bool {
	who, err := s.srv.byToken(s.srv.closing, s.site, hello.Token)
	switch {
	case chat.CodeOf(err) == chat.CodeSessionOver:
		s.end(closeUnknown, "unknown token")
		return false
	case err != nil:
		s.srv.note("find a visitor", err)
		s.end(websocket.CloseInternalServerErr, "try again")
		return false
	}
	s.address = who.Address
	if !s.srv.hub.enter(s) {
		s.end(websocket.ClosePolicyViolation, "too many tabs")
		return false
	}
	thread := who.Thread
	if chat.IsZero(thread) {
		thread = who.ID
	}
	s.srv.hub.bind(s, thread)
	return true
}

var (
	errFlood  = errors.New("widget: too many frames")
	errBinary = errors.New("widget: a binary frame")
	errBroken = errors.New("widget: no frame of ours")
)

// next reads a frame.
func (s *session) next() ([]byte, error) {
	kind, data, err := s.conn.ReadMessage()
	switch {
	case err != nil:
		return nil, err
	case !s.rate.Allow():
		return nil, errFlood
	case kind != websocket.TextMessage:
		return nil, errBinary
	}
	return data, nil
}

// part says why a socket ends that could not be read any more.
func (s *session) part(err error) {
	switch {
	case errors.Is(err, errFlood):
		s.end(websocket.ClosePolicyViolation, "too many frames")
	case errors.Is(err, errBinary):
		s.end(websocket.CloseUnsupportedData, "text only")
	case errors.Is(err, errBroken):
		s.end(websocket.CloseInvalidFramePayloadData, "not a frame")
	default: // too large (told already), closed by the visitor, silent, or broken
		s.once.Do(func() { close(s.done) })
	}
}

// end closes the socket from our side: the code goes out, and reading stops soon.
func (s *session) end(code int, why string) {
	s.once.Do(func() {
		close(s.done)
		deadline := time.Now().Add(time.Second)
		_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), deadline) // it may be gone already
		_ = s.conn.SetReadDeadline(deadline)
	})
}

// linger reads on for a moment, until the visitor has closed too: closing over unread bytes would reset the connection,
// and the close code would be lost with it.
func (s *session) linger() {
	under := s.conn.UnderlyingConn()
	if under.SetReadDeadline(time.Now().Add(time.Second)) != nil {
		return // gone
	}
	for {
		_, _, err := s.conn.NextReader()
		switch {
		case err == nil:
			continue
		case websocket.IsUnexpectedCloseError(err): // with any code
			return
		}
		_, _ = io.CopyN(io.Discard, under, 4<<20) // after a frame too large, what is left of it
		return
	}
}

// heard gives the visitor so long until the next sign of life.
func (s *session) heard(within time.Duration) {
	select {
	case <-s.done:
	default:
		_ = s.conn.SetReadDeadline(time.Now().Add(within)) // a dead connection is found by the next read
	}
}

// hear does what a frame asks.
func (s *session) hear(data []byte) error {
	f, err := parseFrame(data)
	if err != nil {
		return errBroken
	}
	s.heard(s.srv.pace.silent)
	switch f.Type {
	case typeMessage:
		s.message(f)
	case typeRead:
		s.read(f)
	case typeTyping:
		s.typing(f.On)
	case typeHistory:
		s.history(f)
	case typeSync:
		s.look()
	case typePing:
		s.send(answerFrame{Type: typePong})
		s.look() // notices may be lost; check sees to it that this is cheap
	}
	return nil
}

// message takes a visitor's message. It is acknowledged when it is committed, and not before.
func (s *session) message(f visitorFrame) {
	now := s.srv.deps.Now()
	refuse := func(err error) {
		s.srv.note("take a message", err)
		answer := answerFrame{Type: typeRefused, ClientID: f.ClientID, Code: chat.CodeOf(err)}
		if e, ok := errors.AsType[*chat.Error](err); ok {
			answer.RetryAfter, _ = e.Details["retry_after"].(int64)
		}
		s.send(answer)
	}
	if wait := s.srv.messages.take(s.address.Value, now); wait > 0 {
		refuse(tooMany(wait))
		return
	}
	ctx, cancel := context.WithTimeout(s.srv.closing, acceptWithin)
	defer cancel()
	// The first message with an id wins; whoever repeats it is told what is stored (RELIABILITY.md B58).
	stored, err := s.srv.deps.Threads.VisitorMessage(ctx, s.site.account.ID, s.address, f.ClientID)
	switch {
	case err == nil:
		answer := answerFrame{Type: typeAck, ClientID: f.ClientID}
		if it, _, ok := messageItem(stored); ok {
			answer.Item = &it
		}
		s.send(answer)
		s.look()
		return
	case chat.CodeOf(err) != chat.CodeNotFound:
		refuse(err)
		return
	}
	limits := s.srv.cfg.Driver.Capabilities.Limits
	e := rawEvent{
		Type: typeMessage, Name: f.Name, Locale: f.Locale, At: now.UTC(),
		ID: f.ClientID, Text: f.Text, ReplyTo: f.ReplyTo,
	}
	if f.Page != nil && s.ours(f.Page.URL) {
		e.Page = f.Page
	}
	if !chat.IsZero(f.File) {
		file, err := s.srv.deps.Files.Upload(ctx, s.site.account.ID, s.address, f.File)
		if err == nil {
			err = limits.CheckMedia(kindOf(file.Type), file.Type, file.Size)
		}
		if err != nil {
			refuse(err)
			return
		}
		e.Media = &file
	}
	if err := limits.CheckText(f.Text, e.Media != nil); err != nil {
		refuse(err)
		return
	}
	s.srv.hub.await(s, f.ClientID)
	if err := s.accept(ctx, e); err != nil {
		refuse(err)
		return
	}
	s.typing(false)
	s.send(answerFrame{Type: typeAck, ClientID: f.ClientID})
}

// accept hands a deed to the door of all providers.
func (s *session) accept(ctx context.Context, e rawEvent) error {
	raw, err := envelope(s.site.account.ID, s.address, e)
	if err != nil {
		return err
	}
	if err := s.srv.deps.Accept(ctx, []chat.RawEvent{raw}); err != nil {
		return chat.Errorf(chat.CodeUnavailable, "not stored: %w", err)
	}
	return nil
}

// ours tells whether a page belongs to the account's sites.
func (s *session) ours(page string) bool {
	for _, o := range s.site.origins {
		if len(page) >= len(o) && page[:len(o)] == o && (len(page) == len(o) || page[len(o)] == '/') {
			return true
		}
	}
	return false
}

// read passes on that everything up to a time was seen. The time is one that we gave, give or take the microsecond to
// which the record rounds; whatever lies ahead of our own clock is not believed (RELIABILITY.md B59).
func (s *session) read(f visitorFrame) {
	now := s.srv.deps.Now()
	at := f.At.Add(time.Microsecond)
	if at.After(now) {
		at = now.UTC()
	}
	if !at.After(s.lastRead) || s.srv.reads.take(s.address.Value, now) > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(s.srv.closing, acceptWithin)
	defer cancel()
	if err := s.accept(ctx, rawEvent{Type: typeRead, At: at}); err != nil {
		s.srv.note("take a read mark", err)
		return // the next one carries it
	}
	s.lastRead = at
}

// typing tells the agents that the visitor types. It is news, not record.
func (s *session) typing(on bool) {
	place, now := s.place.Load(), s.srv.deps.Now()
	if place == nil || !place.Status.Open() || on && now.Sub(s.typedAt) < typingEvery || !on && !s.typed {
		return
	}
	if s.typed = on; on {
		s.typedAt = now
	}
	s.srv.deps.Publish(s.srv.closing, chat.Notice{
		Kind: chat.NoticeTyping, ConversationID: place.ID, IdentityID: s.srv.hub.threadOf(s), Typing: on,
	})
}

// history answers with older items.
func (s *session) history(f visitorFrame) {
	if s.srv.pages.take(s.address.Value, s.srv.deps.Now()) > 0 {
		s.send(answerFrame{Type: typeRefused, Code: chat.CodeRateLimited})
		return
	}
	ctx, cancel := context.WithTimeout(s.srv.closing, readWithin)
	defer cancel()
	_, events, err := s.srv.deps.Threads.VisitorThread(ctx, s.site.account.ID, s.address, f.Before, pageSize)
	var items []item
	if err == nil {
		items, err = s.items(ctx, events)
	}
	if err != nil {
		s.srv.note("read older messages", err)
		s.send(answerFrame{Type: typeRefused, Code: chat.CodeUnavailable})
		return
	}
	s.send(threadFrame{Type: typeHistory, Items: items, More: len(events) == pageSize})
}
