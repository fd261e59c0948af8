// Package live is the stream by which agents' screens stay true: one WebSocket a tab, with the frames of types.ts.
//
// The record is the truth and the stream is its news. Every notice of the bus is cut to what each agent may see, marshalled
// once, and put into the bounded outbox of each socket in scope; who reads too slowly is disconnected. The bus may lose
// news, so the hub asks the record every few seconds what changed and tells what it did not hear (sweep.go); how far that
// went is the cursor that a client brings back to be told what it missed.
//
// It refuses: handshakes without our own Origin, API keys, sockets of ended sessions (within seconds of the notice, and
// checked every minute), large and too many frames. A conversation, a viewer or a typing contact outside an agent's scope
// never reaches their socket.
//
// Start with Live here, then socket.go for one connection's life, hub.go for the fan-out.
package live

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/fasthttp/websocket"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/window"
)

// The measures of a socket (RELIABILITY.md §4, sockets; B60).
const (
	outboxSize    = 64               // frames that may wait to be written for longer than outboxBurst
	outboxBurst   = time.Second      // a commit may tell of hundreds of messages at once
	outboxMost    = 1024             // frames that may wait at all (ADR 14)
	frameLimit    = 4 << 10          // bytes of a client's frame
	framesPerSec  = 10               // of one client, sustained
	frameBurst    = 40               //
	perAgent      = 20               // sockets of one agent here
	pingEvery     = 20 * time.Second //
	silentFor     = 45 * time.Second // then the socket is dead
	helloWithin   = 10 * time.Second // from the handshake to the first frame
	writeWithin   = 10 * time.Second // of one frame
	askWithin     = 5 * time.Second  // of a look into the record
	pingsPerCheck = 3                // of the session
	askAgain      = 5 * time.Second  // after a look that failed
	beatEvery     = 15 * time.Second // of presence
)

// Desk is what the stream asks of the use-cases.
type Desk interface {
	Horizon(ctx context.Context) (chat.Horizon, error)
	// Versions are those of the desk's lists, by their names: a number that grows with each change.
	Versions(ctx context.Context) (map[string]int64, error)
	NewestSince(ctx context.Context, h chat.Horizon) (newest map[chat.ConversationID]int64, resync bool, err error)
	ConversationRows(ctx context.Context, ids []chat.ConversationID) ([]chat.ConversationRow, error)
	EventsAfter(ctx context.Context, seqs map[chat.ConversationID]int64, most int) (map[chat.ConversationID][]chat.ThreadEvent, error)
	ChangedSince(ctx context.Context, p chat.Principal, h chat.Horizon) (rows []chat.ConversationRow, resync bool, err error)
	Conversation(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error)
	Counts(ctx context.Context, p chat.Principal) (chat.Counts, error)
	WindowView(r chat.ConversationRow, now time.Time) window.View
}

// Presence is told which agents are here.
type Presence interface {
	// Beat says that these agents have a live socket now.
	Beat(ctx context.Context, agents []chat.AgentID) error
}

var (
	_ Desk     = (*desk.Desk)(nil)
	_ Presence = (*desk.Desk)(nil)
)

// Bus carries news between the nodes.
type Bus interface {
	// Subscribe calls with every notice from then on. The callback does not block.
	Subscribe(func(chat.Notice)) (cancel func())
	Publish(ctx context.Context, notices []chat.Notice)
	// Deaf tells whether news may not come through now. Then the record is asked instead, every half a second.
	Deaf() bool
}

// Sessions finds who a session's token belongs to, without prolonging it. CodeSessionOver: nobody (any more).
type Sessions interface {
	CheckSession(ctx context.Context, token string) (web.Who, error)
}

// Metrics counts what the stream does.
type Metrics interface {
	Sockets(n int)             // open now
	Closed(reason Reason)      // a socket ended
	Missed(n int)              // conversations whose news the bus lost and a look at the record found
	Resynced(n int)            // sockets told to read everything again
	Frames(n int)              // frames put into outboxes
	Lag(heard time.Duration)   // from an event to its dispatch
	SweepFailed(overload bool) // too much had changed to look at, or the record was away
}

// Reason is why a socket ended; the metric's label.
type Reason string

// The reasons.
const (
	Left      Reason = "left"       // the client closed it, or its network did
	Silent    Reason = "silent"     // nothing heard
	Slow      Reason = "slow"       // the outbox was full, or a frame could not be written in time
	Misspoken Reason = "misspoken"  // a frame that is none, too large or too many
	SignedOut Reason = "signed_out" // the session ended
	Leaving   Reason = "leaving"    // we shut down
	Away      Reason = "away"       // the record does not answer
)

// Deps are what the stream needs.
type Deps struct {
	Desk     Desk
	Presence Presence
	Bus      Bus
	Sessions Sessions
	Metrics  Metrics
	Log      *slog.Logger
	Now      func() time.Time
	Node     string // this process's name among the nodes
	// Look is how often the record is asked what the bus may have lost; zero: 5 s.
	Look time.Duration
}

// Live is the stream of one node. Make it with New, end it with Close.
type Live struct {
	deps    Deps
	hub     *hub
	sockets *web.Sockets
	closing context.Context
	cancel  context.CancelFunc

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup // the hub's loops and the sockets
}

// New makes the stream and subscribes to the news.
func New(deps Deps) *Live {
	if deps.Look == 0 {
		deps.Look = lookEvery
	}
	l := &Live{deps: deps, sockets: web.NewSockets(deps.Log)}
	l.closing, l.cancel = context.WithCancel(context.Background())
	l.hub = newHub(deps)
	unsubscribe := deps.Bus.Subscribe(l.hub.hear)
	for _, loop := range []func(context.Context){l.hub.dispatch, l.hub.sweeps, l.hub.count, l.hub.beats, l.hub.refreshViewers} {
		l.work.Go(func() { loop(l.closing) })
	}
	context.AfterFunc(l.closing, unsubscribe)
	return l
}

// Close ends all sockets with the code that tells browsers to come back, and returns when they are gone or ctx is over.
func (l *Live) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.cancel()
	gone := make(chan struct{})
	go func() { l.work.Wait(); close(gone) }()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// begin counts a socket in, unless we shut down.
func (l *Live) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.work.Add(1)
	}
	return !l.closed
}

// Sockets tells how many sockets are open here.
func (l *Live) Sockets() int { return l.hub.len() }

// Connect is GET /api/v1/live. The session's cookie and our own Origin are needed (RELIABILITY.md S26).
func (l *Live) Connect(call *web.Call, _ struct{}) error {
	c := call.Fiber()
	if err := web.SameOrigin(c, true); err != nil {
		return err
	}
	if l.hub.of(call.P().AgentID) >= perAgent {
		return chat.Errorf(chat.CodeRateLimited, "at most %d live tabs", perAgent).With("limit", perAgent)
	}
	if l.closing.Err() != nil {
		return chat.Errorf(chat.CodeUnavailable, "shutting down")
	}
	who := call.Who
	return l.sockets.Upgrade(c, func(conn *websocket.Conn) { l.serve(conn, who) })
}

var errMisspoken = errors.New("live: the client does not speak our frames")
