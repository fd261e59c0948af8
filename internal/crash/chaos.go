//go:build chaos

package crash

import (
	"context"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// chosen is CRASH_AT: a point, and how often it is passed before ("name:3": the third time; "name": the first).
var chosen, left = choice(os.Getenv("CRASH_AT"))

func choice(env string) (Point, *atomic.Int64) {
	name, count, _ := strings.Cut(env, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		n = 1
	}
	left := new(atomic.Int64)
	left.Store(n)
	return Point(name), left
}

// At kills the process, as a power cut would, if it is the moment.
func At(p Point) {
	if p == chosen && left.Add(-1) == 0 {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL) // it does not return
		select {}
	}
}

// OnWrite has a request that is made with the context be the moment AfterWrite.
func OnWrite(ctx context.Context) context.Context {
	if chosen != AfterWrite {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { At(AfterWrite) }})
}
