package live

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
	"gatehouse/internal/window"
)

func conversation(n int) chat.ConversationID {
	return chat.ConversationID{13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
}

func TestAnOutboxHoldsBackWhatComesBeforeTheReplayIsTold(t *testing.T) {
	t.Parallel()
	o := newOutbox(func() {}, time.Now)
	for i, f := range []frame{{about: conversation(1), seq: 3}, {about: conversation(1), seq: 5}, {about: conversation(2), seq: 1}, {body: []byte("presence")}} {
		if !o.put(f) {
			t.Fatalf("frame %d is refused", i)
		}
	}
	if frames, _ := o.take(); frames != nil {
		t.Fatalf("%d frames before the replay", len(frames))
	}
	if lost := o.open(map[chat.ConversationID]int64{conversation(1): 4}); lost {
		t.Error("nothing was lost")
	}
	frames, _ := o.take()
	if len(frames) != 3 || frames[0].seq != 5 || frames[1].about != conversation(2) || string(frames[2].body) != "presence" {
		t.Errorf("%+v", frames)
	}
}

func TestAnOutboxThatOverflowsBeforeTheReplaySaysSo(t *testing.T) {
	t.Parallel()
	o := newOutbox(func() {}, time.Now)
	for range outboxMost + 1 {
		if !o.put(frame{}) {
			t.Fatal("a client that is still being told is not slow")
		}
	}
	if !o.open(nil) {
		t.Error("lost frames are not told")
	}
	if !o.put(frame{}) {
		t.Error("it goes on afterwards")
	}
}

func TestAnOutboxIsBounded(t *testing.T) {
	t.Parallel()
	start := time.Unix(1e9, 0)
	for name, tc := range map[string]struct {
		fits  int           // at once
		after time.Duration // then one more is too much
	}{
		"a few that are not read":      {outboxSize, outboxBurst},
		"many that are not read":       {10 * outboxSize, outboxBurst},
		"more than anybody could read": {outboxMost, 0},
	} {
		now := start
		o := newOutbox(func() {}, func() time.Time { return now })
		o.open(nil)
		for i := range tc.fits {
			if !o.put(frame{}) {
				t.Fatalf("%s: refused at %d", name, i)
			}
		}
		now = start.Add(tc.after)
		if o.put(frame{}) {
			t.Errorf("%s: one more than there is room for", name)
		}
		if frames, full := o.take(); frames != nil || !full {
			t.Errorf("%s: what a slow reader did not read is kept", name)
		}
		if o.put(frame{}) {
			t.Errorf("%s: it recovers", name)
		}
	}
}

func TestABurstThatIsReadAtOnceIsNotTooMuch(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	o := newOutbox(func() {}, func() time.Time { return now })
	o.open(nil)
	for range 10 {
		for range 2 * outboxSize {
			if !o.put(frame{}) {
				t.Fatal("refused")
			}
		}
		now = now.Add(outboxBurst)
		if frames, full := o.take(); len(frames) != 2*outboxSize || full {
			t.Fatalf("%d frames, full %t", len(frames), full)
		}
	}
}

func TestACursorIsReadBackAndNothingElseIs(t *testing.T) {
	t.Parallel()
	h := chat.Horizon{Xid: 1<<62 + 3, At: time.Date(2026, 11, 21, 8, 33, 20, 123456000, time.UTC), Copy: "16825"}
	if got, ok := decodeCursor(encodeCursor(h)); !ok || got != h {
		t.Errorf("%+v", got)
	}
	for _, s := range []string{"", "x", "e30", "bnVsbA", encodeCursor(h) + "=", encodeCursor(h)[1:], encodeCursor(chat.Horizon{})} {
		if got, ok := decodeCursor(s); ok {
			t.Errorf("%q: %+v", s, got)
		}
	}
}

func TestAViewerIsSeenOnceHoweverManyTabs(t *testing.T) {
	t.Parallel()
	v := newViewers()
	a, b := chat.AgentID{1}, chat.AgentID{2}
	at := time.Now()
	one, two := conversation(1), conversation(2)
	if changed := v.set("1/a", view{a, one, false, at}); !slices.Equal(changed, []chat.ConversationID{one}) {
		t.Errorf("%v", changed)
	}
	if changed := v.set("1/a", view{a, one, false, at}); changed != nil {
		t.Errorf("said again: %v", changed)
	}
	v.set("2/b", view{a, one, true, at})
	v.set("2/c", view{b, one, false, at.Add(time.Minute)})
	if got := v.of(one); len(got) != 2 || got[0] != (viewer{a, true}) || got[1] != (viewer{b, false}) {
		t.Errorf("%+v", got)
	}
	if changed := v.set("2/b", view{a, two, false, at}); !slices.Equal(changed, []chat.ConversationID{one, two}) {
		t.Errorf("moved: %v", changed)
	}
	if got := v.of(one); got[0].Typing {
		t.Errorf("still typing: %+v", got)
	}
	v.expire(at.Add(time.Second))
	if got := append(v.of(one), v.of(two)...); len(got) != 1 || got[0].AgentID != b {
		t.Errorf("after the node died: %+v", got)
	}
	if changed := v.set("2/c", view{agent: b}); !slices.Equal(changed, []chat.ConversationID{one}) || len(v.of(one)) != 0 || len(v.tabs)+len(v.rows) != 0 {
		t.Errorf("%v, %d tabs, %d conversations", changed, len(v.tabs), len(v.rows))
	}
}

func TestTheHorizonsOfAMinuteAreRemembered(t *testing.T) {
	t.Parallel()
	var h horizons
	start := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	for i := range 100 {
		h.push(chat.Horizon{Xid: int64(i), At: start.Add(time.Duration(i) * 5 * time.Second), Copy: "1"})
	}
	newest, _ := h.newest()
	oldest, enough := h.page()
	if !enough || newest.Xid != 99 || newest.At.Sub(oldest.At) < remembered || newest.At.Sub(oldest.At) > remembered+10*time.Second {
		t.Errorf("%s of them", newest.At.Sub(oldest.At))
	}
	h.push(chat.Horizon{Xid: 1, At: start, Copy: "2"})
	if oldest, enough := h.page(); oldest.Copy != "2" || enough {
		t.Error("a horizon of the record before it was restored")
	}
}

func TestCountsAreToldOnceASecondAndOnlyNews(t *testing.T) {
	t.Parallel()
	c := newCounter()
	a, now := chat.AgentID{1}, time.Now()
	c.mark(a)
	c.mark(a)
	if due := c.due(now); len(due) != 1 {
		t.Fatalf("%v", due)
	}
	if !c.news(a, now, []byte("1")) {
		t.Error("the first is news")
	}
	c.mark(a)
	if due := c.due(now.Add(999 * time.Millisecond)); due != nil {
		t.Error("within a second")
	}
	if due := c.due(now.Add(time.Second)); len(due) != 1 {
		t.Error("never again")
	}
	if c.news(a, now.Add(time.Second), []byte("1")) {
		t.Error("the same again")
	}
	c.forget(a)
	if len(c.told)+len(c.dirty) != 0 {
		t.Error("an agent who left is remembered")
	}
}

// record is a Desk whose changes are set by hand.
type record struct {
	mu       sync.Mutex
	now      time.Time
	rows     []chat.ConversationRow
	overload bool
	err      error
	copy     string
	asked    []chat.Horizon
	events   map[chat.ConversationID][]chat.ThreadEvent
	versions map[string]int64
}

func (r *record) EventsAfter(_ context.Context, seqs map[chat.ConversationID]int64, most int) (map[chat.ConversationID][]chat.ThreadEvent, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[chat.ConversationID][]chat.ThreadEvent{}
	for id, seq := range seqs {
		for _, e := range r.events[id] {
			if e.Seq > seq && len(out[id]) < most {
				out[id] = append(out[id], e)
			}
		}
	}
	return out, r.err
}

func (r *record) Horizon(context.Context) (chat.Horizon, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return chat.Horizon{Xid: r.now.Unix(), At: r.now, Now: r.now, Copy: r.copy}, r.err
}

func (r *record) Versions(context.Context) (map[string]int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.versions), r.err
}

func (r *record) NewestSince(_ context.Context, h chat.Horizon) (map[chat.ConversationID]int64, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, h)
	newest := map[chat.ConversationID]int64{}
	for _, row := range r.rows {
		newest[row.ID] = row.LastSeq
	}
	return newest, r.overload, r.err
}

func (r *record) ConversationRows(_ context.Context, ids []chat.ConversationID) (out []chat.ConversationRow, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range r.rows {
		if slices.Contains(ids, row.ID) {
			out = append(out, row)
		}
	}
	return out, r.err
}

func (*record) ChangedSince(context.Context, chat.Principal, chat.Horizon) ([]chat.ConversationRow, bool, error) {
	return nil, false, nil
}

func (*record) Conversation(context.Context, chat.Principal, chat.ConversationID) (chat.ConversationRow, error) {
	return chat.ConversationRow{}, chat.Errorf(chat.CodeNotFound, "no such conversation")
}

func (*record) Counts(context.Context, chat.Principal) (chat.Counts, error) {
	return chat.Counts{}, nil
}
func (*record) Beat(context.Context, []chat.AgentID) error             { return nil }
func (*record) WindowView(chat.ConversationRow, time.Time) window.View { return window.View{} }

// silence is a bus that says nothing.
type silence struct{ deaf atomic.Bool }

func (*silence) Subscribe(func(chat.Notice)) func()     { return func() {} }
func (*silence) Publish(context.Context, []chat.Notice) {}
func (s *silence) Deaf() bool                           { return s.deaf.Load() }

// tally counts.
type tally struct{ missed, failed, resynced int }

func (*tally) Sockets(int)        {}
func (*tally) Closed(Reason)      {}
func (t *tally) Missed(n int)     { t.missed += n }
func (t *tally) Resynced(n int)   { t.resynced += n }
func (*tally) Frames(int)         {}
func (*tally) Lag(time.Duration)  {}
func (t *tally) SweepFailed(bool) { t.failed++ }

// hall is a hub with one socket that is never written.
func hall(r *record, principal chat.Principal) (*hub, *socket, *tally) {
	m := &tally{}
	h := newHub(Deps{Desk: r, Presence: r, Metrics: m, Log: slog.New(slog.DiscardHandler), Now: time.Now, Look: time.Millisecond, Bus: &silence{}})
	s := &socket{hub: h, agent: principal.AgentID, out: newOutbox(func() {}, time.Now), done: make(chan struct{})}
	s.once.Do(func() {}) // and never ended
	s.who.Store(&web.Who{Principal: principal})
	h.enter(s)
	s.out.open(nil)
	return h, s, m
}

// settleAll does what waits for the dispatcher.
func settleAll(h *hub) {
	for {
		select {
		case n := <-h.queue:
			if n.do != nil {
				n.do()
			} else {
				h.tell(n.notice)
			}
		default:
			return
		}
	}
}

func TestALookAtTheRecordTellsWhatWasNotHeardAndMovesTheHorizon(t *testing.T) {
	t.Parallel()
	r := &record{now: time.Unix(1000, 0), copy: "1"}
	h, s, m := hall(r, chat.Principal{AgentID: chat.AgentID{1}, Role: chat.RoleAdmin})
	h.sweep(t.Context())
	first, ok := h.horizon.newest()
	if !ok || first.Xid != 1000 {
		t.Fatalf("%+v", first)
	}
	known := chat.ConversationRow{Conversation: chat.Conversation{ID: conversation(1), LastSeq: 7}}
	lost := chat.ConversationRow{Conversation: chat.Conversation{ID: conversation(2), LastSeq: 3}}
	h.hear(chat.Notice{Kind: chat.NoticeConversation, Conversation: &known})
	settleAll(h)
	s.out.take()
	r.now, r.rows = time.Unix(1005, 0), []chat.ConversationRow{known, lost}
	h.sweep(t.Context())
	if n, _ := h.horizon.newest(); n != first {
		t.Error("the horizon moves before the news is in the outboxes")
	}
	settleAll(h)
	frames, _ := s.out.take()
	frames = slices.DeleteFunc(frames, func(f frame) bool { return chat.IsZero(f.about) }) // its clock has jumped, which is told too
	if len(frames) != 1 || frames[0].about != lost.ID || m.missed != 1 {
		t.Errorf("%d frames, %d missed", len(frames), m.missed)
	}
	if n, _ := h.horizon.newest(); n.Xid != 1005 || r.asked[0] != first {
		t.Errorf("%+v", n)
	}
}

// However much happens, nothing is taken for heard that was not.
func TestUnderLoadALostNewsIsFoundToo(t *testing.T) {
	t.Parallel()
	r := &record{now: time.Unix(1000, 0), copy: "1"}
	h, s, m := hall(r, chat.Principal{AgentID: chat.AgentID{1}, Role: chat.RoleAdmin})
	h.sweep(t.Context())
	const most = 20_000
	for i := range most {
		row := chat.ConversationRow{Conversation: chat.Conversation{ID: conversation(i), LastSeq: 2}}
		if r.rows = append(r.rows, row); i != most/2 {
			h.heard.note(row, nil, false)
		}
	}
	r.now = time.Unix(1005, 0)
	h.sweep(t.Context())
	settleAll(h)
	frames, _ := s.out.take()
	frames = slices.DeleteFunc(frames, func(f frame) bool { return chat.IsZero(f.about) })
	if len(frames) != 1 || frames[0].about != conversation(most/2) || m.missed != 1 || m.failed != 0 {
		t.Errorf("%d frames, %d missed, %d failed", len(frames), m.missed, m.failed)
	}
}

func TestWhatIsTooMuchToTellIsReadAgainByAll(t *testing.T) {
	t.Parallel()
	r := &record{now: time.Unix(1000, 0), copy: "1"}
	h, s, m := hall(r, chat.Principal{AgentID: chat.AgentID{1}, Role: chat.RoleAdmin})
	h.sweep(t.Context())
	look := func() (resyncs int) {
		t.Helper()
		r.now = r.now.Add(5 * time.Second)
		h.sweep(t.Context())
		settleAll(h)
		if n, _ := h.horizon.newest(); n.At != r.now {
			t.Errorf("the horizon stays %s behind", r.now.Sub(n.At))
		}
		before := m.resynced
		m.resynced = 0
		s.out.take()
		return before
	}
	r.overload = true
	if n := look(); n != 1 || m.failed != 1 {
		t.Errorf("%d resyncs, %d failed", n, m.failed)
	}
	r.overload = false
	for i := range lostLimit + 1 {
		r.rows = append(r.rows, chat.ConversationRow{Conversation: chat.Conversation{ID: conversation(i), LastSeq: 2}})
	}
	if n := look(); n != 1 || m.missed != lostLimit+1 {
		t.Errorf("%d resyncs, %d missed", n, m.missed)
	}
	// Not again before they can have done so; then all at once.
	at, _ := h.horizon.newest()
	for range 3 {
		r.now = r.now.Add(h.deps.Look / 4)
		h.sweep(t.Context())
		settleAll(h)
		if n, _ := h.horizon.newest(); n != at || m.resynced != 0 {
			t.Errorf("%d resyncs, and the horizon moved by %s", m.resynced, n.At.Sub(at.At))
		}
	}
	if n := look(); n != 1 {
		t.Errorf("%d resyncs", n)
	}
}

// While the bus says nothing, the record tells the news: soon, and whole.
func TestWhileTheBusIsDeafTheRecordTellsTheNews(t *testing.T) {
	t.Parallel()
	r := &record{now: time.Unix(1000, 0), copy: "1", events: map[chat.ConversationID][]chat.ThreadEvent{}}
	h, s, _ := hall(r, chat.Principal{AgentID: chat.AgentID{1}, Role: chat.RoleAdmin})
	h.deps.Look = time.Minute // of this test, nobody waits so long
	bus := &silence{}
	bus.deaf.Store(true)
	h.deps.Bus = bus
	change := func(i int, known, last int64) chat.ConversationRow {
		row := chat.ConversationRow{Conversation: chat.Conversation{ID: conversation(i), LastSeq: last}}
		if known > 0 {
			heard := row
			heard.LastSeq = known
			h.heard.note(heard, nil, false)
		}
		for seq := int64(1); seq <= last+1; seq++ { // one more has come since the row was read
			r.events[row.ID] = append(r.events[row.ID], chat.ThreadEvent{Event: chat.Event{ConversationID: row.ID, Seq: seq, Kind: chat.EventMessage}})
		}
		r.rows = append(r.rows, row)
		return row
	}
	h.sweep(t.Context())
	r.now = time.Unix(1001, 0)
	for i, of := range []struct{ known, last, told int64 }{
		{known: 7, last: 9, told: 2},
		{known: 0, last: 3, told: 3},               // it began while the bus was deaf
		{known: 0, last: eventsMost + 1, told: 0},  // who has it open knows how much of it is missing
		{known: 1, last: eventsMost + 10, told: 0}, // too many
	} {
		r.rows = nil
		row := change(i, of.known, of.last)
		h.sweep(t.Context())
		settleAll(h)
		frames, _ := s.out.take()
		frames = slices.DeleteFunc(frames, func(f frame) bool { return f.about != row.ID })
		if len(frames) != 1 {
			t.Fatalf("%+v: %d frames", of, len(frames))
		}
		var got struct{ Events []struct{ Seq int64 } }
		if err := json.Unmarshal(frames[0].body, &got); err != nil {
			t.Fatal(err)
		}
		if n := int64(len(got.Events)); n != of.told || n > 0 && got.Events[n-1].Seq != of.last {
			t.Errorf("%+v: %+v", of, got.Events)
		}
	}
}

func TestTheRecordIsAskedOftenOnlyWhileTheBusIsDeafAndItAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &record{now: time.Unix(1000, 0), copy: "1"}
		h, _, _ := hall(r, chat.Principal{AgentID: chat.AgentID{1}})
		bus := &silence{}
		h.deps.Look, h.deps.Bus = lookEvery, bus
		go h.dispatch(t.Context())
		go h.sweeps(t.Context())
		looks := func(d time.Duration) int {
			r.mu.Lock()
			before := len(r.asked)
			r.mu.Unlock()
			<-time.After(d)
			synctest.Wait()
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.asked) - before
		}
		if n := looks(time.Minute); n < 9 || n > 12 {
			t.Errorf("%d looks in a minute", n)
		}
		bus.deaf.Store(true)
		if n := looks(time.Minute); n < 110 || n > 121 {
			t.Errorf("%d looks in a minute without news", n)
		}
		r.mu.Lock()
		r.err = errors.New("away")
		r.mu.Unlock()
		if n := looks(time.Minute); n > 12 {
			t.Errorf("%d looks in a minute at a record that is away", n)
		}
	})
}

func TestTheHorizonStaysWhileTheRecordIsAway(t *testing.T) {
	t.Parallel()
	r := &record{now: time.Unix(1000, 0), copy: "1"}
	h, _, m := hall(r, chat.Principal{AgentID: chat.AgentID{1}})
	h.sweep(t.Context())
	before, _ := h.horizon.newest()
	r.now, r.err = time.Unix(1005, 0), errors.New("away")
	h.sweep(t.Context())
	settleAll(h)
	if n, _ := h.horizon.newest(); n != before || m.failed != 1 {
		t.Errorf("it moved by %s; %d failed", n.At.Sub(before.At), m.failed)
	}
}

func TestARestoredRecordIsReadAgainByAll(t *testing.T) {
	t.Parallel()
	r := &record{now: time.Unix(1000, 0), copy: "1"}
	h, s, m := hall(r, chat.Principal{AgentID: chat.AgentID{1}})
	h.sweep(t.Context())
	r.copy, r.overload = "2", true
	h.sweep(t.Context())
	settleAll(h)
	frames, _ := s.out.take()
	if m.resynced != 1 || len(frames) != 1 {
		t.Errorf("%d resynced, %d frames", m.resynced, len(frames))
	}
	if n, _ := h.horizon.newest(); n.Copy != "2" {
		t.Errorf("%+v", n)
	}
}

func TestWhoMaySeeAConversationHearsOfItOnce(t *testing.T) { // I20
	t.Parallel()
	mine, theirs := chat.DepartmentID{1}, chat.DepartmentID{2}
	holder := chat.AgentID{9}
	row := chat.ConversationRow{Conversation: chat.Conversation{ID: conversation(1), DepartmentID: mine, AgentID: holder}}
	for name, tc := range map[string]struct {
		p    chat.Principal
		left bool
		want int
	}{
		"a colleague of the department":        {chat.Principal{AgentID: chat.AgentID{1}, Departments: []chat.DepartmentID{theirs, mine}}, false, 1},
		"the holder, of the department":        {chat.Principal{AgentID: holder, Departments: []chat.DepartmentID{mine}}, false, 1},
		"the holder, of another department":    {chat.Principal{AgentID: holder, Departments: []chat.DepartmentID{theirs}}, false, 1},
		"an admin of the department who holds": {chat.Principal{AgentID: holder, Role: chat.RoleAdmin, Departments: []chat.DepartmentID{mine}}, false, 1},
		"an admin":                             {chat.Principal{AgentID: chat.AgentID{1}, Role: chat.RoleAdmin}, false, 1},
		"a stranger":                           {chat.Principal{AgentID: chat.AgentID{1}, Departments: []chat.DepartmentID{theirs}}, false, 0},
		"who held it, of another department":   {chat.Principal{AgentID: chat.AgentID{1}, Departments: []chat.DepartmentID{theirs}}, true, 1}, // gone
		"who held it and still sees it":        {chat.Principal{AgentID: chat.AgentID{1}, Departments: []chat.DepartmentID{mine}}, true, 1},
		"a manager without departments":        {chat.Principal{AgentID: chat.AgentID{1}, Role: chat.RoleManager}, false, 0},
	} {
		h, s, _ := hall(&record{}, tc.p)
		n := chat.Notice{Kind: chat.NoticeConversation, Conversation: &row}
		if tc.left {
			n.Left = []chat.AgentID{tc.p.AgentID}
		}
		h.hear(n)
		settleAll(h)
		if frames, _ := s.out.take(); len(frames) != tc.want {
			t.Errorf("%s: %d frames", name, len(frames))
		}
		h.leave(s)
		if len(h.sockets)+len(h.agents)+len(h.lines)+len(h.all) != 0 {
			t.Errorf("%s: something remains after leaving", name)
		}
	}
}

func TestWhatAnAgentLostIsKnownForSomeMinutes(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	agent, other := chat.AgentID{1}, chat.AgentID{2}
	row := func(n byte, seq int64) chat.ConversationRow {
		return chat.ConversationRow{Conversation: chat.Conversation{ID: conversation(int(n)), LastSeq: seq}}
	}
	h := newHeard()
	if _, all := h.lost(agent, start, []chat.ConversationRow{row(1, 4)}); all {
		t.Error("nothing is known yet")
	}
	h.age(start)
	h.note(row(1, 3), []chat.AgentID{agent}, false)
	h.note(row(1, 4), []chat.AgentID{other}, false)
	h.note(row(2, 9), nil, false)
	rows := []chat.ConversationRow{row(1, 4), row(2, 9), row(3, 1)}
	if gone, all := h.lost(agent, start, rows); !all || !slices.Equal(gone, []chat.ConversationID{conversation(1)}) {
		t.Errorf("%v %v", gone, all)
	}
	if _, all := h.lost(agent, start.Add(-time.Second), rows); all {
		t.Error("what was before the node began is not known")
	}
	if _, all := h.lost(agent, start.Add(-time.Hour), nil); !all {
		t.Error("nothing changed that is not theirs to see")
	}
	h.age(start.Add(heardFor + 1))
	if gone, all := h.lost(agent, start, rows); !all || len(gone) != 1 {
		t.Errorf("forgotten too early: %v %v", gone, all)
	}
	h.age(start.Add(2*heardFor + 2))
	if _, all := h.lost(agent, start, rows); all {
		t.Error("it is forgotten, and is said to be known")
	}
	h.note(row(4, 1), nil, true)
	if _, all := h.lost(agent, start.Add(2*heardFor+1), []chat.ConversationRow{row(4, 1)}); all {
		t.Error("the bus lost news of it: who lost it is not known")
	}
}

func TestAFullQueueHasTheRecordAsked(t *testing.T) {
	t.Parallel()
	h, _, _ := hall(&record{}, chat.Principal{})
	for range queueSize + 1 {
		h.hear(chat.Notice{Kind: chat.NoticeSettings, What: "agents"})
	}
	select {
	case <-h.look:
	default:
		t.Error("news was dropped and nobody looks")
	}
}

func BenchmarkFanOut(b *testing.B) {
	department := chat.DepartmentID{1}
	h, _, _ := hall(&record{}, chat.Principal{AgentID: chat.AgentID{1}, Departments: []chat.DepartmentID{department}})
	var sockets []*socket
	for i := range 1000 {
		s := &socket{hub: h, agent: chat.AgentID{byte(i), byte(i >> 8), 1}, out: newOutbox(func() {}, time.Now), done: make(chan struct{})}
		s.once.Do(func() {})
		s.who.Store(&web.Who{Principal: chat.Principal{AgentID: s.agent, Departments: []chat.DepartmentID{department}}})
		h.enter(s)
		s.out.open(nil)
		sockets = append(sockets, s)
	}
	row := chat.ConversationRow{Conversation: chat.Conversation{ID: conversation(1), DepartmentID: department, LastSeq: 1}}
	m := chat.ThreadMessage{Message: chat.Message{Text: "Merhaba", Kind: chat.KindText}}
	n := chat.Notice{Kind: chat.NoticeConversation, Conversation: &row, Events: []chat.ThreadEvent{{Event: chat.Event{Seq: 1, Kind: chat.EventMessage}, Message: &m}}}
	b.ReportAllocs()
	for b.Loop() {
		h.tell(n)
		for _, s := range sockets {
			s.out.take()
		}
	}
}
