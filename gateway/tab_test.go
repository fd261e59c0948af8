package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gatehouse/internal/chat"
)

// tab is an agent's browser tab on the live stream. It checks every frame against types.ts and keeps what a reducer keeps.
type tab struct {
	t    testing.TB
	conn *websocket.Conn
	over chan struct{} // closed when reading ended
	err  error         // why; after over

	mu     sync.Mutex
	frames []told
	cursor string
	rows   map[string]row
}

// told is one frame.
type told struct {
	Type           string           `json:"type"`
	Cursor         string           `json:"cursor"`
	Conversation   row              `json:"conversation"`
	Events         []seen           `json:"events"`
	ConversationID string           `json:"conversation_id"`
	AgentID        string           `json:"agent_id"`
	Presence       string           `json:"presence"`
	Load           int              `json:"load"`
	AccountID      string           `json:"account_id"`
	State          string           `json:"state"`
	What           string           `json:"what"`
	Version        int64            `json:"version"`
	Versions       map[string]int64 `json:"versions"`
	Node           string           `json:"node"`
	Counts         json.RawMessage  `json:"counts"`
	ServerTime     time.Time        `json:"server_time"`
	Viewers        []struct {
		AgentID string `json:"agent_id"`
		Typing  bool   `json:"typing"`
	} `json:"viewers"`
}

type row struct {
	ID      string `json:"id"`
	AgentID string `json:"agent_id"`
	Status  string `json:"status"`
	LastSeq int64  `json:"last_seq"`
	Draft   string `json:"draft"`
}

type seen struct {
	Seq     int64  `json:"seq"`
	Kind    string `json:"kind"`
	Message *struct {
		Text string `json:"text"`
	} `json:"message"`
}

// handshake asks for the stream with these headers.
func (c *caller) handshake(header http.Header) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return websocket.Dial(ctx, "ws"+strings.TrimPrefix(c.h.url, "http")+"/api/v1/live", &websocket.DialOptions{HTTPHeader: header})
}

func (c *caller) headers() http.Header {
	h := http.Header{}
	h.Set("Cookie", "gatehouse="+c.token)
	h.Set("Origin", c.h.url)
	return h
}

// tab opens the stream, from a cursor on, and waits for the welcome.
func (c *caller) tab(cursor string) *tab {
	t := c.h.t
	t.Helper()
	tb := c.open(map[string]any{"type": "hello", "cursor": cursor})
	tb.wait("a welcome", func(f told) bool { return f.Type == "welcome" })
	return tb
}

// cursor is what a tab that was here a moment ago remembers.
func (c *caller) cursor() string {
	c.h.t.Helper()
	tb := c.tab("")
	defer tb.close()
	return tb.heard("welcome")[0].Cursor
}

func (c *caller) open(hello any) *tab {
	c.h.t.Helper()
	tb := c.dial()
	tb.say(hello)
	return tb
}

// dial shakes hands and says nothing yet.
func (c *caller) dial() *tab {
	t := c.h.t
	t.Helper()
	conn, resp, err := c.handshake(c.headers())
	must(t, err)
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	tb := &tab{t: t, conn: conn, over: make(chan struct{}), rows: map[string]row{}}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(tb.close)
	go tb.read(readContract(t))
	return tb
}

func (tb *tab) close() {
	_ = tb.conn.CloseNow()
	<-tb.over
}

func (tb *tab) say(frame any) {
	tb.t.Helper()
	raw, err := json.Marshal(frame)
	must(tb.t, err)
	must(tb.t, tb.conn.Write(context.Background(), websocket.MessageText, raw))
}

func (tb *tab) read(c contract) {
	defer close(tb.over)
	for {
		_, raw, err := tb.conn.Read(context.Background())
		if err != nil {
			tb.err = err
			return
		}
		var f told
		if err := json.Unmarshal(raw, &f); err != nil {
			tb.t.Errorf("not a frame: %s", raw)
			return
		}
		shape, ok := c.frames[f.Type]
		if !ok {
			tb.t.Errorf("no such frame in types.ts: %s", raw)
			return
		}
		shape.fits(tb.t, f.Type, raw)
		tb.mu.Lock()
		tb.frames = append(tb.frames, f)
		if f.Cursor != "" {
			tb.cursor = f.Cursor
		}
		switch f.Type {
		case "conversation":
			if f.Conversation.Draft != "" {
				tb.t.Errorf("a draft on the live stream: %s", raw)
			}
			tb.rows[f.Conversation.ID] = f.Conversation
		case "gone":
			delete(tb.rows, f.ConversationID)
		}
		tb.mu.Unlock()
	}
}

// wait waits for a frame and returns the first one that fits.
func (tb *tab) wait(what string, fits func(told) bool) (f told) {
	tb.t.Helper()
	eventually(tb.t, what, func() bool {
		tb.mu.Lock()
		defer tb.mu.Unlock()
		for _, f = range tb.frames {
			if fits(f) {
				return true
			}
		}
		return false
	})
	return f
}

// says is a frame with a message of this text.
func says(text string) func(told) bool {
	return func(f told) bool {
		return f.Type == "conversation" && slices.ContainsFunc(f.Events, func(e seen) bool { return e.Message != nil && e.Message.Text == text })
	}
}

// sync waits until everything that was told before is here.
func (tb *tab) sync() {
	tb.t.Helper()
	if !tb.synced() {
		tb.t.Fatalf("the socket ended: %v", tb.err)
	}
}

// synced is sync for a socket that may end meanwhile.
func (tb *tab) synced() bool {
	tb.t.Helper()
	before := len(tb.heard("pong"))
	_ = tb.conn.Write(context.Background(), websocket.MessageText, []byte(`{"type":"ping"}`)) // of a socket that ended, if it fails
	ended := false
	eventually(tb.t, "a pong", func() bool {
		select {
		case <-tb.over:
			ended = true
			return true
		default:
			return len(tb.heard("pong")) > before
		}
	})
	return !ended
}

// heard are the frames of a type so far.
func (tb *tab) heard(kind string) (out []told) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, f := range tb.frames {
		if f.Type == kind {
			out = append(out, f)
		}
	}
	return out
}

func (tb *tab) row(id chat.ConversationID) (row, bool) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	r, ok := tb.rows[id.String()]
	return r, ok
}

// closedWith waits for the end and tells its code.
func (tb *tab) closedWith() websocket.StatusCode {
	tb.t.Helper()
	select {
	case <-tb.over:
	case <-time.After(time.Minute):
		tb.t.Fatal("the socket stays open")
	}
	return websocket.CloseStatus(tb.err)
}
