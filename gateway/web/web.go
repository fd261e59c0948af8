// Package web is what the doors of the gateway share: how a request is named, bounded and read, who stands behind it, what
// it may do, and how an answer or a refusal is written.
//
// Nothing here knows a use-case. A door declares Routes: a path, what its caller must be (Rule) and a typed function
// (Endpoint). Mount puts the checks before the function, in one order: principal, origin and CSRF token, first password,
// role and scope, rate, then the input. What a route needs is therefore readable in one table, and a route without a rule
// does not compile.
//
// It refuses: bodies over their class's limit and compressed ones, unknown fields and filters, ids that are not canonical,
// paths spelled in a second way, cookies without a same-origin Origin, forwarded addresses from proxies that are not
// trusted. Refusals are chat.Errors, and errors.go is the one place that knows their HTTP status.
//
// Fiber reuses its buffers: everything that leaves a function of this package is a copy (RELIABILITY.md S55). Start with
// route.go, then call.go, session.go, door.go.
package web

import (
	"log/slog"
	"net/netip"
	"time"

	"gatehouse/internal/chat"
)

// Config is what is fixed for a process.
type Config struct {
	// Origin is our own public origin, "https://desk.example.com". Empty: each request's own scheme and host, which is
	// right where no proxy changes them or TrustedProxies names the ones that do.
	Origin string
	// TrustedProxies may say whose request they pass on, by X-Forwarded-For, -Proto and -Host. Nobody else is believed.
	TrustedProxies []netip.Prefix
	// PerMinute is how many requests of the API an agent may make, KeyPerMinute an API key, SearchPerMinute and
	// UploadsPerMinute how many of these anybody. Zero: 600, 60,000, 60, 20 (RELIABILITY.md S48).
	PerMinute, KeyPerMinute, SearchPerMinute, UploadsPerMinute int
}

// Deps are what the package needs of the house.
type Deps struct {
	Principals Principals
	CSRFKey    []byte // at least 32 bytes, used for nothing else (secret.Key.Derive("csrf"))
	Cursors    Cursors
	Log        *slog.Logger
	Now        func() time.Time
	Observe    Observer
}

// Observer is told of every answered request: its route's pattern ("" if none matched), not its path.
type Observer func(method, route string, status int, took time.Duration)

// Cursors signs the places at which lists go on.
type Cursors interface {
	Encode(view string, place any) (string, error)
	Decode(view, cursor string, place any) error
}

// Web is the shared part of one gateway.
type Web struct {
	cfg    Config
	deps   Deps
	meters map[Meter]*Buckets
	away   seldom // refusals because a part is away
}

// New makes the shared part.
func New(cfg Config, deps Deps) *Web {
	perMinute := func(n, otherwise int) *Buckets {
		if n <= 0 {
			n = otherwise
		}
		return NewBuckets(n, max(n/4, 10), deps.Now)
	}
	return &Web{cfg: cfg, deps: deps, meters: map[Meter]*Buckets{
		MeterAgent: perMinute(cfg.PerMinute, 600), MeterKey: perMinute(cfg.KeyPerMinute, 60_000),
		MeterSearch: perMinute(cfg.SearchPerMinute, 60), MeterUpload: perMinute(cfg.UploadsPerMinute, 20),
		meterStranger: perMinute(0, 300),
	}}
}

func invalid(format string, args ...any) *chat.Error {
	return chat.Errorf(chat.CodeInvalid, format, args...)
}
