package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/internal/chat"
	"gatehouse/internal/logging"
)

// request is what the outermost handler knows of a request; it lies in the locals.
type request struct {
	id     string
	ctx    context.Context
	client netip.Addr
	origin string // ours, as this request reached it
	secure bool   // over TLS, ours or a trusted proxy's
	body   *stream
}

type requestKey struct{}

func requestOf(c *fiber.Ctx) *request {
	r, ok := c.Locals(requestKey{}).(*request)
	if !ok {
		return &request{id: logging.NewRequestID(), ctx: context.Background()} // refused before the Door: 431, 408
	}
	return r
}

// entered tells whether the request came as far as the Door.
func entered(c *fiber.Ctx) bool { return c.Locals(requestKey{}) != nil }

// RequestID is the request's name in logs and refusals.
func RequestID(c *fiber.Ctx) string { return requestOf(c).id }

// Body is the body of a request whose class streams it, and its declared size, -1 if there is none.
func Body(c *fiber.Ctx) (body io.Reader, size int64) {
	if r := requestOf(c); r.body != nil {
		return r.body, int64(c.Request().Header.ContentLength())
	}
	return http.NoBody, 0
}

// Context carries the request's id. It does not end with the request: callers set a deadline.
func Context(c *fiber.Ctx) context.Context { return requestOf(c).ctx }

// Client is the address that the request comes from, behind the proxies that we trust.
func Client(c *fiber.Ctx) netip.Addr { return requestOf(c).client }

// Secure tells whether the browser spoke TLS.
func Secure(c *fiber.Ctx) bool { return requestOf(c).secure }

// Class bounds requests by where they go.
type Class struct {
	Prefix, Suffix string        // of the path
	Bytes          int64         // most of a body
	Stream         bool          // the handler reads the body itself (Call.Stream)
	Read           time.Duration // within which the body must be here; 0 = the server's own
	Write          time.Duration // within which the answer must be taken; 0 = the server's own
}

// Classes are tried in order; the last one fits everything.
type Classes []Class

func (cs Classes) of(path []byte) Class {
	for _, c := range cs {
		if bytes.HasPrefix(path, []byte(c.Prefix)) && bytes.HasSuffix(path, []byte(c.Suffix)) {
			return c
		}
	}
	return Class{}
}

// Timeouts is fasthttp's HeaderReceived: it gives each class its own deadlines.
func (cs Classes) Timeouts(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	path, _, _ := bytes.Cut(h.RequestURI(), []byte("?"))
	c := cs.of(path)
	return fasthttp.RequestConfig{ReadTimeout: c.Read, WriteTimeout: c.Write}
}

// Door is the outermost handler: it names the request, survives a panic, writes one access line, refuses what is not
// plain HTTP, and hands on a body that is whole and within its class's limit.
func (w *Web) Door(classes Classes) fiber.Handler {
	return func(c *fiber.Ctx) (err error) {
		start := time.Now()
		r := &request{id: logging.AcceptRequestID(string(c.Request().Header.Peek(fiber.HeaderXRequestID)))}
		r.ctx = logging.WithRequestID(context.Background(), r.id)
		r.client, r.secure, r.origin = w.peer(c)
		c.Locals(requestKey{}, r)
		c.Set(fiber.HeaderXRequestID, r.id)
		defer func() {
			if p := recover(); p != nil {
				w.deps.Log.ErrorContext(r.ctx, "a handler panicked", slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
				err = chat.Errorf(chat.CodeInternal, "panic")
			}
			if err != nil {
				err = w.Refuse(c, err)
			}
			finish(c, r)
			w.observe(c, r, time.Since(start))
		}()
		if err := plain(c); err != nil {
			return err
		}
		if err := read(c, r, classes.of(c.Request().URI().PathOriginal())); err != nil {
			return err
		}
		return c.Next()
	}
}

func (w *Web) observe(c *fiber.Ctx, r *request, took time.Duration) {
	status, route := c.Response().StatusCode(), routeOf(c)
	if w.deps.Observe != nil {
		w.deps.Observe(c.Method(), route, status, took)
	}
	w.deps.Log.DebugContext(r.ctx, "request", slog.String("method", c.Method()), slog.String("route", route),
		slog.Int("status", status), slog.Duration("took", took))
}

// routeOf is the pattern of the route that matched, never the path: a path may hold a token.
func routeOf(c *fiber.Ctx) string {
	if r := c.Route(); r != nil && r.Path != "/" {
		return r.Path
	}
	return ""
}

// plain refuses what no honest client sends and no two programs read alike (RELIABILITY.md B28, B34): compressed bodies,
// and targets that are not an absolute path in its one spelling. None of our paths needs an escape.
func plain(c *fiber.Ctx) error {
	h := &c.Request().Header
	target, _, _ := bytes.Cut(h.RequestURI(), []byte("?"))
	switch {
	case len(h.Peek(fiber.HeaderContentEncoding)) > 0:
		return closing(c, fiber.ErrUnsupportedMediaType)
	case len(target) == 0 || target[0] != '/':
		return closing(c, fiber.ErrBadRequest)
	case len(h.PeekAll(fiber.HeaderHost)) > 1, h.ContentLength() == -1 && named(h.RawHeaders(), "content-length:"):
		return closing(c, fiber.ErrBadRequest) // B29: two hosts, or two ways to say where the body ends
	case bytes.ContainsAny(target, "%\\#") || bytes.Contains(target, []byte("//")) || bytes.Contains(target, []byte("/.")):
		return closing(c, fiber.ErrNotFound)
	}
	return nil
}

// named tells whether a line of raw headers begins with a name in lower case.
func named(raw []byte, name string) bool {
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		if len(line) >= len(name) && strings.EqualFold(string(line[:len(name)]), name) {
			return true
		}
	}
	return false
}

// closing gives up the connection with the refusal: what follows on it is not to be trusted.
func closing(c *fiber.Ctx, err error) error {
	c.Response().SetConnectionClose()
	return err
}

// read takes the body in, or leaves it to the handler.
func read(c *fiber.Ctx, r *request, class Class) error {
	req := c.Request()
	source := req.BodyStream()
	if source == nil {
		return nil
	}
	size := int64(req.Header.ContentLength())
	if size > class.Bytes {
		return tooLarge(class.Bytes)
	}
	r.body = &stream{r: source, limit: class.Bytes, left: class.Bytes}
	if class.Stream {
		return nil
	}
	// A length is only a promise: room is made as the bytes come.
	body, err := readAll(r.body, make([]byte, 0, min(max(size, 512), 64<<10)))
	if err != nil {
		return err
	}
	if body == nil {
		body = []byte{}
	}
	req.SetBodyRaw(body)
	return nil
}

func readAll(r io.Reader, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

func tooLarge(limit int64) error {
	return chat.Errorf(chat.CodeTooLarge, "at most %d bytes", limit).With("limit", limit)
}

// stream is a body on its way in. It knows whether all of it was read: what a handler leaves unread must not be taken for
// the next request.
type stream struct {
	r           io.Reader
	limit, left int64
	done        bool
}

func (s *stream) Read(p []byte) (int, error) {
	if s.done {
		return 0, io.EOF
	}
	n, err := s.r.Read(p)
	if s.left -= int64(n); s.left < 0 {
		return 0, tooLarge(s.limit)
	}
	switch s.done = err == io.EOF; {
	case err == nil, s.done:
		return n, err
	}
	return n, &chat.Error{Code: chat.CodeInvalid, Message: "the body broke off, or is none", Cause: err} // B66
}

// finish gives up the connection if the body was not read to its end.
func finish(c *fiber.Ctx, r *request) {
	if r.body != nil && !r.body.done || r.body == nil && c.Request().IsBodyStream() {
		c.Response().SetConnectionClose()
		linger(c.Context().Conn())
	}
}
