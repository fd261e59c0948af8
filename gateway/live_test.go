package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gatehouse/gateway"
	"gatehouse/gateway/live"
	"gatehouse/internal/auth"
	"gatehouse/internal/bus"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
)

func TestTheHandshakeNeedsASessionAndOurOrigin(t *testing.T) { // S26
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	host := strings.TrimPrefix(h.url, "http://")
	for name, change := range map[string]func(http.Header){
		"no origin":        func(x http.Header) { x.Del("Origin") },
		"null":             func(x http.Header) { x.Set("Origin", "null") },
		"other host":       func(x http.Header) { x.Set("Origin", "http://evil.example") },
		"other scheme":     func(x http.Header) { x.Set("Origin", "https://"+host) },
		"other port":       func(x http.Header) { x.Set("Origin", "http://127.0.0.1:1") },
		"suffix":           func(x http.Header) { x.Set("Origin", h.url+".evil.example") },
		"prefix":           func(x http.Header) { x.Set("Origin", "http://evil"+host) },
		"user part":        func(x http.Header) { x.Set("Origin", "http://"+host+"@evil.example") },
		"with a path":      func(x http.Header) { x.Set("Origin", h.url+"/") },
		"two origins":      func(x http.Header) { x.Add("Origin", "http://evil.example") },
		"from another tab": func(x http.Header) { x.Set("Sec-Fetch-Site", "cross-site") },
		"sibling site":     func(x http.Header) { x.Set("Sec-Fetch-Site", "same-site") },
	} {
		header := a.headers()
		change(header)
		if _, resp, err := a.handshake(header); err == nil || resp == nil || resp.StatusCode != 403 {
			t.Errorf("%s: %v %v", name, err, resp)
		}
	}
	header := a.headers()
	header.Del("Cookie")
	if _, resp, err := a.handshake(header); err == nil || resp.StatusCode != 401 {
		t.Errorf("no cookie: %v", err)
	}
	key := h.program(chat.RoleAdmin, auth.ScopeAdmin)
	header.Set("Authorization", "Bearer "+key.key)
	if _, resp, err := key.handshake(header); err == nil || resp.StatusCode != 403 {
		t.Errorf("an API key: %v", err)
	}
	if x := a.get("/api/v1/live"); x.status != 426 || x.header.Get("Upgrade") != "websocket" {
		t.Errorf("without an upgrade: %d", x.status)
	}
	a.tab("")
}

func TestNewsReachThoseWhoMaySeeThem(t *testing.T) { // S27, I20
	t.Parallel()
	h := newHouse(t)
	other := chat.NewID[chat.DepartmentID]()
	h.Exec(`INSERT INTO departments (id, name) VALUES ($1, 'Other')`, other)
	mate, stranger, admin := h.agent(chat.RoleAgent), h.agent(chat.RoleAgent), h.agent(chat.RoleAdmin)
	h.Exec(`UPDATE agent_departments SET department_id = $2 WHERE agent_id = $1`, stranger.principal.AgentID, other)
	h.Exec(`DELETE FROM agent_departments WHERE agent_id = $1`, admin.principal.AgentID)
	near, far, all := mate.tab(""), stranger.tab(""), admin.tab("")

	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	id := h.Open("905551110001").ID
	for _, tb := range []*tab{near, all} {
		f := tb.wait("the conversation", says("Merhaba"))
		if f.Conversation.ID != id.String() || f.Events[0].Seq != 1 || f.Conversation.LastSeq != int64(len(f.Events)) {
			t.Errorf("%+v", f)
		}
	}
	h.bus.Publish(t.Context(), []chat.Notice{{Kind: chat.NoticeTyping, ConversationID: id}})
	near.wait("typing", func(f told) bool { return f.Type == "contact_typing" && f.ConversationID == id.String() })

	// Given to the stranger, the conversation is theirs to see; taken away again, it is gone.
	if _, err := h.Desk.Assign(t.Context(), admin.principal, id, stranger.principal.AgentID); err != nil {
		t.Fatal(err)
	}
	far.wait("the assigned conversation", func(f told) bool { return f.Type == "conversation" && f.Conversation.ID == id.String() })
	far.sync()
	for _, f := range far.heard("conversation") {
		for _, e := range f.Events {
			if e.Message != nil {
				t.Errorf("a message from before reached the stranger: %+v", f)
			}
		}
	}
	if n := len(far.heard("contact_typing")); n != 0 {
		t.Error("the stranger heard somebody type")
	}
	if _, err := h.Desk.Assign(t.Context(), admin.principal, id, mate.principal.AgentID); err != nil {
		t.Fatal(err)
	}
	far.wait("gone", func(f told) bool { return f.Type == "gone" && f.ConversationID == id.String() })
	h.In(h.Text("905551110001", "in-2", "Orada mısınız?"))
	near.wait("the second message", func(f told) bool {
		return f.Type == "conversation" && len(f.Events) > 0 && f.Events[0].Message != nil && f.Events[0].Message.Text == "Orada mısınız?"
	})
	far.sync()
	if _, ok := far.row(id); ok {
		t.Error("the stranger still has it")
	}
}

func TestWhatEverybodyMayKnowReachesEverybody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.agent(chat.RoleAgent), h.agent(chat.RoleAgent)
	tb := a.tab("")
	if err := h.Desk.SetPresence(t.Context(), b.principal, chat.Offline, chat.BreakReasonID{}); err != nil {
		t.Fatal(err)
	}
	tb.wait("a presence", func(f told) bool {
		return f.Type == "presence" && f.AgentID == b.principal.AgentID.String() && f.Presence == "offline"
	})
	h.bus.Publish(t.Context(), []chat.Notice{
		{Kind: chat.NoticeAccount, Account: &chat.Account{ID: h.Account, State: chat.AccountDisconnected, StateReason: "token"}},
		{Kind: chat.NoticeSettings, What: "departments"},
	})
	tb.wait("an account", func(f told) bool { return f.Type == "account" && f.State == "disconnected" })
	tb.wait("settings", func(f told) bool { return f.Type == "settings" && f.What == "departments" })
}

// versions are those of the lists that the caller's page would read now.
func (c *caller) versions() map[string]int64 {
	c.h.t.Helper()
	var desk struct{ Versions map[string]int64 }
	c.get("/api/v1/desk?only=agents").into(200, &desk)
	return desk.Versions
}

// knows tells whether a tab was told these versions, by its welcome and since.
func (tb *tab) knows(versions map[string]int64) bool {
	told := maps.Clone(tb.heard("welcome")[0].Versions)
	for _, f := range tb.heard("settings") {
		if f.Version > 0 {
			told[f.What] = f.Version
		}
	}
	return maps.Equal(told, versions)
}

func TestWhoWasAwayIsToldWhatChanged(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(cfg *gateway.Config, _ *gateway.Deps) { cfg.Look = 100 * time.Millisecond })
	admin, a := h.agent(chat.RoleAdmin), h.agent(chat.RoleAgent)
	admin.post("/api/v1/departments", map[string]any{"name": "Satış"}).into(201, nil)
	read := a.versions()
	tb := a.tab("")
	eventually(t, "the versions", func() bool { return tb.knows(read) })
	if tb.close(); len(read) != 6 || read["departments"] == 0 || read["end_reasons"] != 0 {
		t.Errorf("%v", read)
	}
	same := a.tab(tb.cursor)
	if got := same.heard("welcome")[0].Versions; !maps.Equal(got, read) {
		t.Errorf("nothing changed, and the welcome says %v instead of %v", got, read)
	}
	same.close()

	admin.post("/api/v1/end-reasons", map[string]any{"label": "Çözüldü"}).into(201, nil)
	must(t, h.Desk.SetPresence(t.Context(), admin.principal, chat.OnBreak, chat.BreakReasonID{}))
	now := a.versions()
	if now["end_reasons"] == 0 || now["departments"] != read["departments"] {
		t.Errorf("read %v, then %v", read, now)
	}
	back := a.tab(same.cursor)
	eventually(t, "the version of the reasons", func() bool { return back.knows(now) })
	back.wait("the presence, or to read the agents again", func(f told) bool {
		return f.Type == "presence" && f.AgentID == admin.principal.AgentID.String() && f.Presence == "break" || f.Type == "resync" ||
			f.Type == "settings" && f.What == "agents" && f.Version == 0
	})
}

func TestAnOldVersionHidesNoChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(cfg *gateway.Config, _ *gateway.Deps) { cfg.Look = time.Hour }) // only the first look, and when it is asked for
	admin, a := h.agent(chat.RoleAdmin), h.agent(chat.RoleAgent)
	before := a.tab("").heard("welcome")[0].Versions
	admin.post("/api/v1/end-reasons", map[string]any{"label": "Çözüldü"}).into(201, nil)
	tb, now := a.tab(""), a.versions()
	if got := tb.heard("welcome")[0].Versions; !maps.Equal(got, before) || tb.knows(now) {
		t.Fatalf("there was a look at the record: %v, then %v", before, got)
	}
	h.bus.Publish(t.Context(), []chat.Notice{{Kind: chat.NoticeLost}})
	eventually(t, "the version of the reasons", func() bool { return tb.knows(now) })
}

func TestCountsComeAfterWhatChangesThem(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	tb := a.tab("")
	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	tb.wait("one in the queue", func(f told) bool {
		var c struct{ Queue, All int }
		return f.Type == "counts" && json.Unmarshal(f.Counts, &c) == nil && c.Queue == 1 && c.All == 1
	})
}

func TestViewersAndTypistsAreSeenByThoseWhoLookAtTheSame(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b, c := h.agent(chat.RoleAgent), h.agent(chat.RoleAgent), h.agent(chat.RoleAgent)
	h.In(h.Text("905551110001", "in-1", "Merhaba"), h.Text("905551110002", "in-2", "Selam"))
	one, two := h.Open("905551110001").ID, h.Open("905551110002").ID
	ta, tb, tc := a.tab(""), b.tab(""), c.tab("")
	ta.say(map[string]any{"type": "viewing", "conversation_id": one})
	ta.wait("oneself", func(f told) bool { return f.Type == "viewers" && len(f.Viewers) == 1 })
	tb.say(map[string]any{"type": "viewing", "conversation_id": one, "typing": true})
	tc.say(map[string]any{"type": "viewing", "conversation_id": two})
	ta.wait("a typist", func(f told) bool {
		typists := 0
		for _, v := range f.Viewers {
			if v.Typing && v.AgentID == b.principal.AgentID.String() {
				typists++
			}
		}
		return f.Type == "viewers" && f.ConversationID == one.String() && len(f.Viewers) == 2 && typists == 1
	})
	tb.close()
	eventually(t, "alone again", func() bool {
		v := ta.heard("viewers")
		return len(v[len(v)-1].Viewers) == 1
	})
	tc.sync()
	for _, f := range tc.heard("viewers") {
		if f.ConversationID != two.String() {
			t.Errorf("viewers of another conversation: %+v", f)
		}
	}
	// Who may not see a conversation cannot look at it, nor be seen there.
	other := chat.NewID[chat.DepartmentID]()
	h.Exec(`INSERT INTO departments (id, name) VALUES ($1, 'Other')`, other)
	s := h.agent(chat.RoleAgent)
	h.Exec(`UPDATE agent_departments SET department_id = $2 WHERE agent_id = $1`, s.principal.AgentID, other)
	ts := s.tab("")
	ts.say(map[string]any{"type": "viewing", "conversation_id": one})
	ts.sync()
	ta.sync()
	if len(ts.heard("viewers")) != 0 {
		t.Error("a stranger looks")
	}
	for _, f := range ta.heard("viewers") {
		for _, v := range f.Viewers {
			if v.AgentID == s.principal.AgentID.String() {
				t.Error("a stranger is seen")
			}
		}
	}
}

func TestAnEndedSessionEndsItsSockets(t *testing.T) { // S15, S29
	t.Parallel()
	h := newHouse(t)
	a, admin := h.agent(chat.RoleAgent), h.agent(chat.RoleAdmin)
	tb, mine := a.tab(""), admin.tab("")
	if _, err := h.Desk.DisableAgent(t.Context(), admin.principal, a.principal.AgentID); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	tb.wait("signed out", func(f told) bool { return f.Type == "signed_out" })
	if code := tb.closedWith(); code != 4401 {
		t.Errorf("closed with %d", code)
	}
	if took := time.Since(start); took > 30*time.Second { // S15 says one; by itself it would be a minute
		t.Errorf("took %s", took)
	}
	a.get("/api/v1/me").refused(401, chat.CodeSessionOver)
	mine.sync()
}

func TestANewRoleIsHeardAtOnce(t *testing.T) { // S15
	t.Parallel()
	h := newHouse(t)
	other := chat.NewID[chat.DepartmentID]()
	h.Exec(`INSERT INTO departments (id, name) VALUES ($1, 'Other')`, other)
	a, admin := h.agent(chat.RoleAgent), h.agent(chat.RoleAdmin)
	tb := a.tab(a.cursor())
	if _, err := h.Desk.UpdateAgent(t.Context(), admin.principal, a.principal.AgentID, chat.AgentPatch{Departments: &[]chat.DepartmentID{other}}); err != nil {
		t.Fatal(err)
	}
	tb.wait("resync", func(f told) bool { return f.Type == "resync" && f.Cursor != "" })
	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	admin.tab("").sync()
	tb.sync()
	if n := len(tb.heard("conversation")); n != 0 {
		t.Errorf("%d conversations of the department that was left", n)
	}
}

func TestANewRoleIsHeardBetweenTheHandshakeAndTheHello(t *testing.T) { // S15
	t.Parallel()
	h := newHouse(t)
	other := chat.NewID[chat.DepartmentID]()
	h.Exec(`INSERT INTO departments (id, name) VALUES ($1, 'Other')`, other)
	a, admin := h.agent(chat.RoleAgent), h.agent(chat.RoleAdmin)
	cursor := a.cursor()
	tb := a.dial()
	if _, err := h.Desk.UpdateAgent(t.Context(), admin.principal, a.principal.AgentID, chat.AgentPatch{Departments: &[]chat.DepartmentID{other}}); err != nil {
		t.Fatal(err)
	}
	tb.say(map[string]any{"type": "hello", "cursor": cursor})
	tb.wait("resync", func(f told) bool { return f.Type == "resync" && f.Cursor != "" })
}

func TestClientsThatMisspeakAreSentAway(t *testing.T) { // B60
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	ctx := t.Context()
	for name, say := range map[string]func(*websocket.Conn) error{
		"not JSON": func(c *websocket.Conn) error { return c.Write(ctx, websocket.MessageText, []byte("hello")) },
		"binary":   func(c *websocket.Conn) error { return c.Write(ctx, websocket.MessageBinary, []byte(`{"type":"ping"}`)) },
		"not UTF-8": func(c *websocket.Conn) error {
			return c.Write(ctx, websocket.MessageText, []byte("{\"type\":\"\xff\"}"))
		},
		"a megabyte": func(c *websocket.Conn) error { return c.Write(ctx, websocket.MessageText, make([]byte, 1<<20)) },
		"a bad id": func(c *websocket.Conn) error {
			return c.Write(ctx, websocket.MessageText, []byte(`{"type":"viewing","conversation_id":"1 or 1=1"}`))
		},
		"ten thousand": func(c *websocket.Conn) error { return flood(ctx, c) },
	} {
		tb := a.tab("")
		_ = say(tb.conn) // the server may hang up while it is being spoken to
		switch code := tb.closedWith(); code {
		case websocket.StatusPolicyViolation, websocket.StatusMessageTooBig, websocket.StatusInvalidFramePayloadData:
		case -1:
			if name != "a megabyte" && name != "ten thousand" { // the close frame may be lost in what was still on its way
				t.Errorf("%s: %v", name, tb.err)
			}
		default:
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	first := a.open(map[string]any{"type": "ping"})
	if code := first.closedWith(); code != websocket.StatusPolicyViolation {
		t.Errorf("ping before hello: %d", code)
	}
}

func flood(ctx context.Context, c *websocket.Conn) error {
	for range 10_000 {
		if err := c.Write(ctx, websocket.MessageText, []byte(`{"type":"ping"}`)); err != nil {
			return err
		}
	}
	return nil
}

func TestAReturningClientIsToldWhatItMissed(t *testing.T) { // I19
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	tb := a.tab("")
	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	id := h.Open("905551110001").ID
	tb.wait("the conversation", func(f told) bool { return f.Type == "conversation" })
	tb.sync()
	cursor := tb.cursor
	tb.close()
	h.In(h.Text("905551110001", "in-2", "Orada mısınız?"), h.Text("905551110002", "in-3", "Selam"))

	back := a.tab(cursor)
	if w := back.heard("welcome")[0]; w.Cursor != cursor {
		t.Error("the welcome's cursor promises what was not told yet")
	}
	back.wait("the other conversation", func(f told) bool {
		return f.Type == "conversation" && f.Conversation.ID == h.Open("905551110002").ID.String()
	})
	back.sync()
	if r, ok := back.row(id); !ok || r.LastSeq != h.Row(id).LastSeq {
		t.Errorf("%+v, want seq %d", r, h.Row(id).LastSeq)
	}
	if n := len(back.heard("resync")); n != 0 {
		t.Error("resync for two conversations")
	}
}

func TestAReturningClientIsToldWhatItLost(t *testing.T) { // I19, I20
	t.Parallel()
	h := newHouse(t)
	other := chat.NewID[chat.DepartmentID]()
	h.Exec(`INSERT INTO departments (id, name) VALUES ($1, 'Other')`, other)
	a, mate, admin := h.agent(chat.RoleAgent), h.agent(chat.RoleAgent), h.agent(chat.RoleAdmin)
	h.Exec(`UPDATE agent_departments SET department_id = $2 WHERE agent_id = $1`, a.principal.AgentID, other)
	h.In(h.Text("905551110001", "in-1", "Merhaba"), h.Text("905551110002", "in-2", "Selam"))
	lost, never := h.Open("905551110001").ID, h.Open("905551110002").ID
	if _, err := h.Desk.Assign(t.Context(), admin.principal, lost, a.principal.AgentID); err != nil {
		t.Fatal(err)
	}
	tb := a.tab("")
	tb.sync()
	cursor := tb.cursor
	tb.close()
	for _, id := range []chat.ConversationID{lost, never} {
		if _, err := h.Desk.Assign(t.Context(), admin.principal, id, mate.principal.AgentID); err != nil {
			t.Fatal(err)
		}
	}
	back := a.tab(cursor)
	back.wait("gone", func(f told) bool { return f.Type == "gone" && f.ConversationID == lost.String() })
	back.sync()
	for _, f := range append(back.heard("gone"), back.heard("conversation")...) {
		if f.ConversationID == never.String() || f.Conversation.ID != "" {
			t.Errorf("told of what was never theirs: %+v", f)
		}
	}
}

func TestACursorOfAnotherRecordMeansReadingEverythingAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	// The horizon of a copy that was restored, and one of the future.
	for _, cursor := range []string{"eyJ4IjoxLCJ0IjoxLCJjIjoiMSJ9", "eyJ4Ijo5OTk5OTk5OTksInQiOjk5OTk5OTk5OTk5OTk5OTksImMiOiIxIn0"} {
		tb := a.tab(cursor)
		tb.wait("resync", func(f told) bool { return f.Type == "resync" })
	}
	for _, cursor := range []string{"%%%", "bm90IGpzb24", strings.Repeat("A", 3000)} { // no cursors at all: as without one
		tb := a.tab(cursor)
		tb.sync()
		if n := len(tb.heard("resync")); n != 1 {
			t.Errorf("%.20q: %d times resync", cursor, n)
		}
	}
}

// A page that read its lists before this node's first look at the record may have missed what came in between.
func TestAPageOfANodeThatJustBeganReadsAgain(t *testing.T) { // I19
	t.Parallel()
	h := newHouse(t)
	tb := h.agent(chat.RoleAgent).tab("")
	tb.wait("resync, with a cursor to come back with", func(f told) bool { return f.Type == "resync" && f.Cursor != "" })
}

// looking makes the stream look at the record so often.
func looking(every time.Duration) func(*gateway.Config, *gateway.Deps) {
	return func(c *gateway.Config, _ *gateway.Deps) { c.Look = every }
}

func TestWhatTheBusLosesIsToldAllTheSame(t *testing.T) { // I19
	t.Parallel()
	h := newHouse(t, looking(100*time.Millisecond))
	a := h.agent(chat.RoleAgent)
	tb := a.tab("")
	tb.sync()
	eventually(t, "the first look at the record", func() bool { tb.sync(); return tb.cursor != "" })
	deaf := newDesk(t, h.World, silent{}) // its news reaches nobody
	h.Accept(h.Event(h.Text("905551110001", "in-1", "Merhaba")))
	must(t, deaf.Drain(t.Context(), h.Account))
	id := h.Open("905551110001").ID
	eventually(t, "the conversation, by a look at the record", func() bool { r, ok := tb.row(id); return ok && r.LastSeq == h.Row(id).LastSeq })
	if m := h.deps.Metrics.(*counted); func() int { m.mu.Lock(); defer m.mu.Unlock(); return m.missed }() == 0 {
		t.Error("not counted as missed")
	}
	// A bus that knows that it lost something has the record asked at once.
	h.Accept(h.Event(h.Text("905551110001", "in-2", "Orada mısınız?")))
	must(t, deaf.Drain(t.Context(), h.Account))
	h.bus.Publish(t.Context(), []chat.Notice{{Kind: chat.NoticeLost}})
	eventually(t, "the second message", func() bool { r, _ := tb.row(id); return r.LastSeq == h.Row(id).LastSeq })
}

func TestAClockThatJumpsIsToldToAll(t *testing.T) { // browsers count down to the ends of windows by ours
	t.Parallel()
	h := newHouse(t)
	tb := h.agent(chat.RoleAgent).tab("")
	eventually(t, "the first look at the record", func() bool { tb.sync(); return tb.cursor != "" })
	before := len(tb.heard("pong"))
	h.Store.Shift(25 * time.Hour)
	h.bus.Publish(t.Context(), []chat.Notice{{Kind: chat.NoticeLost}})
	eventually(t, "a pong without a ping", func() bool { return len(tb.heard("pong")) > before })
	if ahead := time.Until(tb.heard("pong")[before].ServerTime); ahead < 24*time.Hour {
		t.Errorf("the time told is %s ahead", ahead)
	}
}

// silent publishes to nobody.
type silent struct{}

func (silent) Publish(context.Context, []chat.Notice) {}

func TestNoNewsIsLostBetweenASnapshotAndTheStream(t *testing.T) { // I19: publishers race with clients that come and go
	t.Parallel()
	h := newHouse(t, looking(20*time.Millisecond))
	a := h.agent(chat.RoleAgent)
	const contacts, rounds = 8, 25
	var wg sync.WaitGroup
	var stop atomic.Bool
	wg.Go(func() {
		defer stop.Store(true)
		for i := range rounds {
			for c := range contacts {
				h.Accept(h.Event(h.Text(fmt.Sprintf("90555111%04d", c), fmt.Sprintf("in-%d-%d", i, c), fmt.Sprintf("%d", i))))
			}
			h.Drain()
		}
	})
	rows := map[string]row{}
	cursors := map[string]bool{}
	defer func() { t.Logf("%d cursors", len(cursors)) }()
	for cursor := ""; ; {
		last := stop.Load()
		cursors[cursor] = true
		tb := a.tab(cursor)
		whole := tb.synced() // if not, the machine was too busy to read: a client comes back, as here
		tb.close()
		tb.mu.Lock()
		cursor = tb.cursor
		for id, r := range tb.rows {
			if r.LastSeq < rows[id].LastSeq {
				t.Errorf("%s went back from %d to %d", id, rows[id].LastSeq, r.LastSeq)
			}
			rows[id] = r
		}
		tb.mu.Unlock()
		if last && whole {
			break
		}
	}
	wg.Wait()
	for c := range contacts {
		want := h.Open(fmt.Sprintf("90555111%04d", c))
		if got := rows[want.ID.String()]; got.LastSeq != want.LastSeq {
			t.Errorf("contact %d: seq %d, the record has %d", c, got.LastSeq, want.LastSeq)
		}
	}
}

func TestASlowReaderIsSentAwayAndTheOthersAreNot(t *testing.T) { // F35
	t.Parallel()
	h := newHouse(t)
	slow, quick := h.agent(chat.RoleAgent), h.agent(chat.RoleAgent)
	tb := quick.tab("")
	conn, resp, err := slow.handshake(slow.headers())
	must(t, err)
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	defer func() { _ = conn.CloseNow() }()
	must(t, conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"hello"}`)))
	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	row := h.Open("905551110001")
	// It never reads: the kernel's buffers fill, then its outbox.
	text := strings.Repeat("x", 60_000)
	metrics := h.deps.Metrics.(*counted)
	closed := func() int { metrics.mu.Lock(); defer metrics.mu.Unlock(); return metrics.closed[live.Slow] }
	sent := 0
	eventually(t, "the slow one is sent away", func() bool {
		if sent-len(tb.heard("conversation")) > outboxHalf { // a busy machine makes the quick one slow, too
			return closed() == 1
		}
		m := chat.ThreadMessage{Message: chat.Message{ID: chat.NewID[chat.MessageID](), ConversationID: row.ID, Text: text, Kind: chat.KindText, Direction: chat.In}}
		h.bus.Publish(t.Context(), []chat.Notice{{Kind: chat.NoticeConversation, Conversation: &row, Events: []chat.ThreadEvent{{Event: chat.Event{ConversationID: row.ID, Seq: int64(sent), Kind: chat.EventMessage}, Message: &m}}}})
		sent++
		return closed() == 1
	})
	tb.sync()
	if n := len(tb.heard("conversation")); n < sent {
		t.Errorf("the quick one heard %d of %d", n, sent)
	}
}

// outboxHalf is half of what a socket's outbox holds.
const outboxHalf = 32

func TestTheStreamEndsWithTheProcess(t *testing.T) { // I24
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	g, url := serve(t, h.cfg, h.deps)
	h.url = url
	tb := a.tab("")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	must(t, g.Stop(ctx))
	if code := tb.closedWith(); code != websocket.StatusGoingAway {
		t.Errorf("closed with %d: browsers come back after 1001", code)
	}
}

func TestPresenceFollowsTheSocket(t *testing.T) { // I18
	t.Parallel()
	beats := &beating{}
	h := newHouse(t, func(_ *gateway.Config, d *gateway.Deps) {
		beats.Desk = d.Desk
		d.Desk = beats
	})
	a := h.agent(chat.RoleAgent)
	a.tab("")
	eventually(t, "a beat when the socket opens", func() bool { return beats.of(a.principal.AgentID) > 0 })
}

// beating notes whose sockets were reported.
type beating struct {
	gateway.Desk
	mu sync.Mutex
	n  map[chat.AgentID]int
}

func (b *beating) Beat(ctx context.Context, agents []chat.AgentID) error {
	b.mu.Lock()
	if b.n == nil {
		b.n = map[chat.AgentID]int{}
	}
	for _, a := range agents {
		b.n[a]++
	}
	b.mu.Unlock()
	return b.Desk.Beat(ctx, agents)
}

func (b *beating) of(a chat.AgentID) int { b.mu.Lock(); defer b.mu.Unlock(); return b.n[a] }

func TestAnAgentHasSoManyTabs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	for range 20 {
		a.tab("")
	}
	if _, resp, err := a.handshake(a.headers()); err == nil || resp.StatusCode != 429 {
		t.Errorf("the 21st: %v", err)
	}
}

var (
	_ desk.Publisher = silent{}
	_ live.Bus       = (*bus.Bus)(nil)
)
