package gateway

import (
	"net"
	"sync/atomic"
	"testing"

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
