// Package widget is the door for visitors of web chat: the script that a site includes (/widget.js), the page inside its
// frame, and the HTTP and WebSocket through which a visitor writes, sends files and reads the answers live
// (/widget/v1/…). It is public and unauthenticated at its first step, so it trusts nothing that it is given.
//
// A visitor's message goes the way of every provider's: it becomes a raw event (event.go), is handed to Deps.Accept, and
// only when that has returned is the visitor told "ack". What visitors see is read from the record and kept fresh by the
// notices that agents' screens live by, cut down to their own conversations and without notes (view.go).
//
// It refuses: origins that are not on the account's list, in any spelling but the exact one; a token of another account;
// frames over 16 KB, of invalid UTF-8 or too many; more than so many messages, files and new visitors a minute; text, names
// and addresses that are not what they should be. A visitor's clock is never asked, a claimed identity never believed.
//
// Start with New and Mount here, then deps.go for what it needs, frame.go for the words of the socket, session.go for
// its life. The browser's side is app/, built into dist/.
package widget

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"gatehouse/channels"
	"gatehouse/gateway/web"
)

// Config is what is fixed for a process. Zero limits have the defaults named beside them.
type Config struct {
	// Driver is web chat's: its limits, and the defaults of its settings.
	Driver channels.Driver
	// Origin is our own public origin, as web.Config has it.
	Origin string

	VisitorsPerMinute int // new visitors of one account from one address (an IPv6 /64 counts as one): 30
	MessagesPerMinute int // of one visitor: 30
	UploadsPerMinute  int // of one visitor: 20
}

// The defaults of Config (RELIABILITY.md B57, S48), and the limits that are nobody's to change.
const (
	defaultVisitorsPerMinute = 30
	defaultMessagesPerMinute = 30
	defaultUploadsPerMinute  = 20

	readsPerMinute = 60       // read marks and requests for older messages of one visitor, each
	frameLimit     = 16 << 10 // bytes of a frame from a visitor (B60)
	framesPerSec   = 20       // of one socket, sustained
	frameBurst     = 60
	socketsPerOne  = 10 // of one visitor: tabs
	pageSize       = 50 // messages and events of a thread sent at once

	acceptWithin = 3 * time.Second // then "unavailable", as for every provider
	readWithin   = 5 * time.Second // a look into the record
	typingEvery  = 2 * time.Second // so often the agents are told
)

// pace is how patient a socket is.
type pace struct {
	hello  time.Duration // from the handshake to the first frame
	silent time.Duration // without a sign of life; then it is dead
	ping   time.Duration // between two pings
	write  time.Duration // for a frame to be taken
}

var usualPace = pace{hello: 10 * time.Second, silent: 75 * time.Second, ping: 25 * time.Second, write: 10 * time.Second}

// Server is the door. Make it with New, give it its routes with Mount, end it with Close.
type Server struct {
	cfg    Config
	deps   Deps
	pace   pace
	assets assets
	sites  siteCache
	agents agentCache
	hub    *hub

	visitors, messages, reads, pages, uploads *meter

	sockets *web.Sockets
	stop    func()          // ends the subscription
	closing context.Context // what sockets do ends with it
	cancel  context.CancelFunc

	mu     sync.Mutex
	closed bool
	open   sync.WaitGroup // sockets
}

// New makes the door and subscribes to the news. It fails only when the built files in dist are not what they should be.
func New(cfg Config, deps Deps) (*Server, error) {
	files, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("widget: %w", err)
	}
	or := func(n, otherwise int) int {
		if n > 0 {
			return n
		}
		return otherwise
	}
	s := &Server{
		cfg: cfg, deps: deps, assets: files, pace: usualPace,
		visitors: newMeter(or(cfg.VisitorsPerMinute, defaultVisitorsPerMinute), time.Minute),
		messages: newMeter(or(cfg.MessagesPerMinute, defaultMessagesPerMinute), time.Minute),
		uploads:  newMeter(or(cfg.UploadsPerMinute, defaultUploadsPerMinute), time.Minute),
		reads:    newMeter(readsPerMinute, time.Minute),
		pages:    newMeter(readsPerMinute, time.Minute),
		hub:      newHub(), sockets: web.NewSockets(deps.Log),
	}
	s.sites = siteCache{load: s.loadSite, now: deps.Now}
	s.agents = agentCache{load: deps.Agents.Agent, now: deps.Now}
	s.closing, s.cancel = context.WithCancel(context.Background())
	s.stop = deps.Subscribe(s.hear)
	return s, nil
}

// Close ends the subscription and all sockets, with the code that tells browsers to come back, and returns when they are
// gone or ctx is over.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.cancel()
	gone := make(chan struct{})
	go func() { s.open.Wait(); close(gone) }()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// begin counts a socket in, unless we shut down.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.open.Add(1)
	}
	return !s.closed
}

// Sockets tells how many visitors' sockets are open here.
func (s *Server) Sockets() int { return s.hub.count() }

// Mount adds the routes, behind web.Door. All are public; what each asks for stands beside it. Uploads need a class of
// their own there, of the channel's largest file and streamed: /widget/v1/…/uploads.
func (s *Server) Mount(r fiber.Router) {
	r.Get("/widget.js", headers, s.script)         // nothing
	v1 := r.Group("/widget/v1", headers)           //
	v1.Get("/assets/:file", s.asset)               // nothing
	v1.Get("/:account/config", s.config)           // an allowed origin
	v1.Get("/:account/frame", s.frame)             // nothing; only allowed origins may frame it
	v1.Post("/:account/visitors", s.createVisitor) // our frame or an allowed origin; the address's limit
	v1.Get("/:account/live", s.live)               // the same origins; the token in the first frame
	v1.Post("/:account/uploads", s.upload)         // the same origins, the token
	v1.Get("/:account/media/:id", s.media)         // the token
	v1.All("/*", web.NotFound)
}

// headers sets what every answer carries (RELIABILITY.md S22), refusals included; what is a page or a file sets its own
// after it.
func headers(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentSecurityPolicy, web.APICSP)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderPermissionsPolicy, "camera=(), geolocation=(), microphone=()")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "cross-origin") // all of this is for other sites' pages
	c.Set(fiber.HeaderCacheControl, "no-store")
	if web.Secure(c) {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	return c.Next()
}
