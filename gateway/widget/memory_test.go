package widget

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/auth"
)

// What a socket may cost that says nothing, by the runtime's own word: 20 KB (RELIABILITY.md §5), and a little for its other end, which
// is in this process, too, and for the race detector.
func TestASilentSocketIsSmall(t *testing.T) { // not parallel: nothing else is to be counted
	const (
		visitors, tabs = 40, 10
		most           = 24 << 10
	)
	h := open(t)
	var tokens []string
	for range visitors {
		token, hash := auth.NewVisitorToken(h.shop.ID) // past the limit of new visitors from one address
		if err := h.CreateVisitor(t.Context(), h.shop.ID, addressOf(h.shop.ID, uuid.NewString()), hash); err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	h.whisper(tokens[0]) // what comes with the first one stays
	before := inUse()
	for _, token := range tokens[1:] {
		for range tabs {
			h.whisper(token)
		}
	}
	n := (visitors - 1) * tabs
	eventually(t, "all are there", func() bool { return h.srv.Sockets() == n+1 })
	if each := (inUse() - before) / int64(n); each > most {
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

// whisper opens a socket by hand and hears the welcome.
func (h *house) whisper(token string) {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.url[len("http://"):])
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		h.t.Fatal(err)
	}
	hello := `{"type":"hello","token":"` + token + `"}`
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", h.path(h.shop, "live"), h.url[len("http://"):], h.url); err != nil {
		h.t.Fatal(err)
	}
	in := bufio.NewReaderSize(conn, 4<<10) // gone when this returns
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		h.t.Fatalf("%v %v", res, err)
	}
	if _, err := conn.Write(append([]byte{0x81, 0x80 | byte(len(hello)), 0, 0, 0, 0}, hello...)); err != nil { // masked with zeros
		h.t.Fatal(err)
	}
	frame := make([]byte, 2)
	if _, err := io.ReadFull(in, frame); err != nil || frame[0] != 0x81 {
		h.t.Fatalf("%x %v", frame, err)
	}
}
