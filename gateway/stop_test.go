package gateway

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

func TestFromPartingOnEveryAnswerIsTheLastOfItsConnection(t *testing.T) {
	t.Parallel()
	var parting atomic.Bool
	answer := func(handle fasthttp.RequestHandler) bool {
		var r fasthttp.RequestCtx
		untilParting(handle, &parting)(&r)
		return r.Response.ConnectionClose()
	}
	ok := func(r *fasthttp.RequestCtx) { r.SetBodyString("ok") }
	socket := func(r *fasthttp.RequestCtx) { r.Hijack(func(net.Conn) {}) }
	if answer(ok) || answer(socket) {
		t.Error("a connection ends before there is a parting")
	}
	parting.Store(true)
	if !answer(ok) {
		t.Error("a connection stays, to be closed when its next request is on its way")
	}
	if answer(socket) {
		t.Error("a socket's handshake is spoilt")
	}
}

func TestAStopDoesNotWaitForWhoNeverAsked(t *testing.T) {
	t.Parallel()
	app := fiber.New(fiber.Config{DisableStartupMessage: true, ReadTimeout: time.Hour})
	g := &Gateway{app: app, parting: new(atomic.Bool), log: slog.New(slog.DiscardHandler)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	idle, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	for tick := time.Tick(time.Millisecond); app.Server().GetOpenConnectionsCount() < 1; {
		<-tick
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := g.shut(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
