package web

import (
	"bufio"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"
)

// Sockets makes WebSockets of requests. A socket is held for hours and mostly says nothing, so nothing of its request is held with
// it: neither fasthttp's buffers nor Fiber's context, nor a stack that was once deep. That is why the library's handshake for net/http
// is used, which leaves the connection to its caller; the one for fasthttp keeps all of the above until the socket ends.
//
// The server must have KeepHijackedConns set.
type Sockets struct {
	upgrader websocket.Upgrader
	log      *slog.Logger
}

// handshakeWithin is how long a client may take over our half of the handshake.
const handshakeWithin = 10 * time.Second

// NewSockets makes it. What a socket's handler panics with is logged.
func NewSockets(log *slog.Logger) *Sockets {
	return &Sockets{log: log, upgrader: websocket.Upgrader{
		HandshakeTimeout: handshakeWithin, CheckOrigin: func(*http.Request) bool { return true }, // its callers have looked
		ReadBufferSize: 256, WriteBufferSize: 1024, WriteBufferPool: &sync.Pool{}, // what clients say is small
	}}
}

// Upgrade answers the handshake and has serve, in a goroutine of its own, live the socket's life; the connection closes when it
// returns. A request that is no handshake is fiber.ErrUpgradeRequired. The caller has looked at its origin.
func (s *Sockets) Upgrade(c *fiber.Ctx, serve func(*websocket.Conn)) error {
	req := &http.Request{Method: c.Method(), Header: http.Header{}}
	for name, value := range c.Request().Header.All() {
		req.Header.Add(string(name), string(value))
	}
	ours := http.Header{}
	for name, value := range c.Response().Header.All() {
		if name := string(name); name != fiber.HeaderContentType && name != fiber.HeaderContentLength {
			ours.Add(name, string(value))
		}
	}
	conn, err := s.upgrader.Upgrade(handshake{c.Context().Conn()}, req, ours)
	if err != nil {
		c.Set(fiber.HeaderUpgrade, "websocket")
		return fiber.ErrUpgradeRequired
	}
	c.Status(fiber.StatusSwitchingProtocols) // it was told so already
	c.Context().HijackSetNoResponse(true)
	c.Context().Hijack(func(rest net.Conn) {
		if early(rest) {
			_ = conn.Close()
			return
		}
		go s.live(conn, serve)
	})
	return nil
}

func (s *Sockets) live(conn *websocket.Conn, serve func(*websocket.Conn)) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("a socket's handler panicked", slog.Any("panic", p))
		}
		_ = conn.Close()
	}()
	serve(conn)
}

// early tells whether the client spoke before it was answered (RFC 6455 §4.1 forbids it): what it said lies in the server's buffer,
// which is not ours to keep. Behind the buffer, nothing can be read: the time for that is over.
func early(rest net.Conn) bool {
	if rest.SetReadDeadline(time.Unix(1, 0)) != nil {
		return true
	}
	n, _ := rest.Read(make([]byte, 1))
	return n > 0 || rest.SetReadDeadline(time.Time{}) != nil
}

// handshake is a request's connection as the library's handshake asks for it. What it says of a refusal is not used.
type handshake struct{ net.Conn }

func (handshake) Header() http.Header { return http.Header{} }

func (handshake) WriteHeader(int) {}

func (handshake) Write(p []byte) (int, error) { return len(p), nil }

// Hijack implements http.Hijacker.
func (h handshake) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.Conn, bufio.NewReadWriter(bufio.NewReaderSize(h.Conn, 16), bufio.NewWriterSize(h.Conn, 16)), nil
}
