package widget

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/fasthttp/websocket"

	"gatehouse/internal/chat"
)

// What is written to a visitor, in turns: first the thread as it stands, then what changes. A notice is believed only where its events
// follow the last one told; after any gap the record is asked.

// How much may wait for its turn.
const (
	mostFrames  = 32
	mostNotices = 32
)

// do has f done in its turn, unless the socket is done by then.
func (s *session) do(f func()) {
	s.turns.Do(func() {
		select {
		case <-s.done:
		default:
			f()
		}
	})
}

// send has a frame written. Who does not read is disconnected, never waited for.
func (s *session) send(frame any) {
	data, err := json.Marshal(frame)
	if err != nil {
		s.srv.deps.Log.Error("widget: a frame cannot be written", slog.Any("error", err))
		return
	}
	if s.frames.Add(1) > mostFrames {
		s.end(websocket.CloseTryAgainLater, "too slow")
		return
	}
	s.do(func() {
		s.frames.Add(-1)
		s.write(websocket.TextMessage, data)
	})
}

// tell hands on a notice. It never blocks.
func (s *session) tell(n *chat.Notice) {
	if s.notices.Add(1) > mostNotices {
		s.notices.Add(-1)
		s.look()
		return
	}
	s.do(func() {
		s.notices.Add(-1)
		s.notice(n)
	})
}

// look has the record asked.
func (s *session) look() {
	if s.looks.CompareAndSwap(false, true) {
		s.do(func() {
			s.looks.Store(false)
			s.check()
		})
	}
}

// beat pings the visitor.
func (s *session) beat() {
	s.do(func() {
		s.write(websocket.PingMessage, nil)
		s.pulse.Reset(s.srv.pace.ping)
	})
}

func (s *session) write(kind int, data []byte) {
	_ = s.conn.SetWriteDeadline(time.Now().Add(s.srv.pace.write)) // a dead connection is found by the write
	if err := s.conn.WriteMessage(kind, data); err != nil {
		s.end(websocket.CloseTryAgainLater, "too slow")
	}
}

func (s *session) writeFrame(frame any) {
	data, err := json.Marshal(frame)
	if err != nil {
		s.srv.deps.Log.Error("widget: a frame cannot be written", slog.Any("error", err))
		return
	}
	s.write(websocket.TextMessage, data)
}

// welcome tells the thread as it stands in the record. after is the cursor that the visitor has.
func (s *session) welcome(after string) {
	ctx, cancel := context.WithTimeout(s.srv.closing, readWithin)
	defer cancel()
	s.looked = time.Now()
	read := func() (*chat.ConversationRow, []chat.ThreadEvent, error) {
		return s.srv.deps.Threads.VisitorThread(ctx, s.site.account.ID, s.address, chat.Event{}, pageSize)
	}
	row, events, err := read()
	if err == nil && row != nil && s.srv.hub.bind(s, row.IdentityID) {
		row, events, err = read() // what happened before we heard of it
	}
	frame := threadFrame{Type: typeWelcome, Now: s.srv.deps.Now().UTC(), More: len(events) == pageSize}
	if err == nil {
		frame.Items, err = s.items(ctx, events)
	}
	if err == nil {
		frame.Chat, err = s.settle(ctx, row)
	}
	if err != nil {
		s.srv.note("read a thread", err)
		s.end(websocket.CloseInternalServerErr, "try again")
		return
	}
	if frame.Cursor = s.cursor(); after != "" && after == frame.Cursor {
		frame.Items, frame.Same, frame.More = []item{}, true, false
	}
	s.writeFrame(frame)
}

// check asks the record whether there is more than was told, and tells it.
func (s *session) check() {
	const atMost = 200 * time.Millisecond // so often
	if wait := atMost - time.Since(s.looked); wait > 0 {
		time.AfterFunc(wait, s.look)
		return
	}
	ctx, cancel := context.WithTimeout(s.srv.closing, readWithin)
	defer cancel()
	s.looked = time.Now()
	row, _, err := s.srv.deps.Threads.VisitorThread(ctx, s.site.account.ID, s.address, chat.Event{}, 0)
	if err != nil {
		s.srv.note("look at a thread", err)
		return // the visitor's next ping looks again
	}
	place := s.place.Load()
	if row == nil || place != nil && row.ID == place.ID && row.LastSeq == s.seq {
		return
	}
	s.welcome("")
}

// notice tells what a notice holds for the visitor.
func (s *session) notice(n *chat.Notice) {
	place := s.place.Load()
	switch n.Kind {
	case chat.NoticeConversation:
		s.conversation(place, n)
	case chat.NoticeViewers:
		if place != nil && n.ConversationID == place.ID && n.Agent == s.agent.Load() {
			s.writeFrame(answerFrame{Type: typeTyping, On: n.Typing})
		}
	case chat.NoticePresence:
		s.news(place, nil)
	}
}

func (s *session) conversation(place *chat.ConversationRow, n *chat.Notice) {
	row := n.Conversation
	switch {
	case place != nil && row.ID != place.ID && place.Status.Open():
		s.news(place, n.Events) // something in an older conversation: at most one is open
		return
	case place == nil || row.ID != place.ID:
		s.welcome("")
		return
	}
	var fresh []chat.ThreadEvent
	for _, e := range n.Events {
		switch {
		case e.Seq <= s.seq:
		case e.Seq == s.seq+1:
			s.seq, fresh = e.Seq, append(fresh, e)
		default:
			s.welcome("")
			return
		}
	}
	switch {
	case row.LastSeq > s.seq:
		s.welcome("")
	case row.LastSeq == s.seq:
		s.news(row, fresh)
	} // else the notice was overtaken by what the visitor knows already
}

// news tells fresh events and how the conversation stands, where either is news.
func (s *session) news(row *chat.ConversationRow, events []chat.ThreadEvent) {
	ctx, cancel := context.WithTimeout(s.srv.closing, readWithin)
	defer cancel()
	items, err := s.items(ctx, events)
	before := s.told
	view, viewErr := s.settle(ctx, row)
	if err != nil || viewErr != nil {
		s.srv.note("tell news", err)
		s.srv.note("tell news", viewErr)
		s.end(websocket.CloseInternalServerErr, "try again")
		return
	}
	if len(items) > 0 || !view.same(before) {
		s.writeFrame(threadFrame{Type: typeNews, Cursor: s.cursor(), Chat: view, Items: items})
	}
}

// items writes events as the visitor sees them.
func (s *session) items(ctx context.Context, events []chat.ThreadEvent) ([]item, error) {
	items := make([]item, 0, len(events))
	for _, e := range events {
		it, agent, ok := itemOf(e)
		if !ok {
			continue
		}
		who, err := s.srv.agents.get(ctx, agent)
		if err != nil {
			return nil, err
		}
		it.Name = who.Name
		items = append(items, it)
	}
	return items, nil
}

// settle makes row what the visitor has been told of the conversation.
func (s *session) settle(ctx context.Context, row *chat.ConversationRow) (*chatView, error) {
	state, agent := standing(row)
	view := chatView{State: state}
	if row != nil {
		view.ID, view.ReadSeq = row.ID.String(), row.ReadSeq
		if place := s.place.Load(); place == nil || place.ID != row.ID || row.LastSeq > s.seq {
			s.seq = row.LastSeq
		}
	}
	if state == stateAgent {
		who, err := s.srv.agents.get(ctx, agent)
		if err != nil {
			return nil, err
		}
		view.Agent = &who
	}
	s.agent.Store(agent)
	s.place.Store(row)
	s.told = view
	return &view, nil
}

// same tells whether two views say the same.
func (v chatView) same(w chatView) bool {
	a, b := v.Agent, w.Agent
	v.Agent, w.Agent = nil, nil
	return v == w && (a == nil) == (b == nil) && (a == nil || *a == *b)
}

// cursor names what the visitor knows.
func (s *session) cursor() string {
	place := s.place.Load()
	if place == nil {
		return ""
	}
	return ref(place.ID, s.seq)
}
