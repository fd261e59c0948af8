package gateway

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/gateway/web"

	"github.com/valyala/fasthttp"
)

// Serve answers on a listener until Stop.
func (g *Gateway) Serve(l net.Listener) error {
	g.mu.Lock()
	g.listener = web.Listen(web.Patient(&closedOnce{Listener: l}, g.log))
	l = g.listener
	g.mu.Unlock()
	return g.app.Listener(l)
}

// closedOnce is a listener that may be closed again.
type closedOnce struct {
	net.Listener
	once sync.Once
	err  error
}

// Close implements net.Listener.
func (l *closedOnce) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

// Stop lets nobody in any more, sends the sockets away, which come back elsewhere, lets requests finish, and returns when all are
// gone or ctx is over.
func (g *Gateway) Stop(ctx context.Context) error {
	g.stop()
	shut := make(chan error, 1)
	go func() { shut <- g.shut(ctx) }()
	return errors.Join(g.live.Close(ctx), <-shut)
}

func (g *Gateway) shut(ctx context.Context) error {
	g.parting.Store(true)
	g.mu.Lock()
	l := g.listener
	g.mu.Unlock()
	if l != nil {
		_ = l.Close() // what is wrong with that, the application's own closing tells
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for until := time.Now().Add(g.patience); g.app.Server().GetOpenConnectionsCount() > 0 && time.Now().Before(until) && ctx.Err() == nil; {
		<-look.C
	}
	if l != nil {
		l.Dismiss()
	}
	return g.app.ShutdownWithContext(ctx)
}

// untilParting says with each answer, from parting on, that its connection ends.
func untilParting(handle fasthttp.RequestHandler, parting *atomic.Bool) fasthttp.RequestHandler {
	return func(r *fasthttp.RequestCtx) {
		handle(r)
		if parting.Load() && !r.Hijacked() {
			r.Response.SetConnectionClose()
		}
	}
}
