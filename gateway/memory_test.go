package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
)

// What an agent's socket may cost on which nothing happens, by the runtime's own word: 20 KB (RELIABILITY.md §5), and a little for its
// other end, which is in this process, too, and for the race detector.
func TestASilentTabIsSmall(t *testing.T) { // not parallel: nothing else is to be counted
	const (
		agents, tabs = 10, 20
		most         = 28 << 10
	)
	h := newHouse(t)
	_, url := serve(t, h.cfg, h.deps)
	h.url = url
	var callers []*caller
	for range agents + 1 {
		callers = append(callers, h.agent(chat.RoleAgent))
	}
	for range tabs {
		callers[0].whisper() // what comes with the first ones stays
	}
	before := inUse()
	for _, c := range callers[1:] {
		for range tabs {
			c.whisper()
		}
	}
	if each := (inUse() - before) / (agents * tabs); each > most {
		t.Errorf("%d bytes a socket, at most %d", each, most)
	}
}

// inUse is what the process holds on heap and stacks. What pools hold outlives one collection.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// whisper opens a tab by hand and returns when it has been told what it missed.
func (c *caller) whisper() {
	t := c.h.t
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(c.h.url, "http://"))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	request, err := http.NewRequest(http.MethodGet, c.h.url+"/api/v1/live", nil)
	must(t, err)
	request.Header = c.headers()
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="} {
		request.Header.Set(name, value)
	}
	must(t, request.Write(conn))
	in := bufio.NewReader(conn) // gone when this returns
	if res, err := http.ReadResponse(in, request); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", res, err)
	}
	for _, frame := range []string{`{"type":"hello"}`, `{"type":"ping"}`} { // masked with zeros
		_, err = conn.Write(append([]byte{0x81, 0x80 | byte(len(frame)), 0, 0, 0, 0}, frame...))
		must(t, err)
	}
	for told := false; !told; {
		head := make([]byte, 2)
		_, err := io.ReadFull(in, head)
		must(t, err)
		n := int(head[1])
		if n == 126 {
			_, err = io.ReadFull(in, head)
			must(t, err)
			n = int(head[0])<<8 | int(head[1])
		}
		body := make([]byte, n)
		_, err = io.ReadFull(in, body)
		must(t, err)
		told = strings.HasPrefix(string(body), `{"type":"pong"`)
	}
}
