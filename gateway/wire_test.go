package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
)

// wire speaks HTTP by hand and returns all that comes back until the other side closes.
func wire(t testing.TB, url, request string) string {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(url, "http://"))
	must(t, err)
	defer func() { must(t, conn.Close()) }()
	must(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, request)
	must(t, err)
	got, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil && len(got) == 0 {
		t.Fatal(err)
	}
	return string(got)
}

func TestTooLargeHeadersAreRefused(t *testing.T) { // B30
	t.Parallel()
	p := newPorch(t)
	many := strings.Builder{}
	for i := range 1000 {
		fmt.Fprintf(&many, "X-%d: a\r\n", i)
	}
	for name, headers := range map[string]string{"one of 64 kB": "X: " + strings.Repeat("a", 64<<10) + "\r\n", "a thousand": many.String()} {
		got := wire(t, p.url, "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\n"+headers+"Content-Length: 0\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 431 ") || !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("%s: %.200s", name, got)
		}
	}
}

func TestRequestsThatTwoProgramsReadDifferentlyAreRefusedOnce(t *testing.T) { // B29, S51
	t.Parallel()
	p := newPorch(t)
	smuggled := "GET /api/v1/me HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, request := range map[string]string{
		"length and chunks": "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"two lengths":       "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: " + strconv.Itoa(len(smuggled)) + "\r\n\r\n" + smuggled,
		"newline in chunk":  "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;\n0\r\n\r\n" + smuggled,
		"bad chunk":         "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n" + smuggled,
		"folded":            "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nX: a\r\n b: c\r\nContent-Length: -1\r\n\r\n" + smuggled,
		"two hosts":         "GET /webhooks/meta HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + smuggled,
	} {
		got := wire(t, p.url, request)
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || strings.Count(got, "HTTP/1.1 ") != 1 {
			t.Errorf("%s: %.300s", name, got)
		}
	}
}

func TestARefusalReachesWhoIsStillSending(t *testing.T) { // B10, B28, B66
	t.Parallel()
	p := newPorch(t)
	const length = 16 << 20 // more than fits between two sockets
	whole := fmt.Sprintf("Content-Length: %d\r\n\r\n", length)
	for name, tc := range map[string]struct{ head, want string }{
		"too large":     {"POST /webhooks/meta HTTP/1.1\r\nHost: x\r\n" + whole, "413 "},
		"too much":      {"POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n", length), "413 "},
		"compressed":    {"POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n" + whole, "415 "},
		"nowhere":       {"POST /nowhere HTTP/1.1\r\nHost: x\r\n" + whole, "413 "},
		"a stranger":    {"POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\n" + whole, "401 "},
		"endless head":  {"POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nX: ", "431 "},
		"two ends":      {"POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + whole, "400 "},
		"no target":     {"POST * HTTP/1.1\r\nHost: x\r\n" + whole, "400 "},
		"not HTTP":      {"HELLO\r\n\r\n", "400 "},
		"half a number": {"POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nContent-Length: 1e9\r\n\r\n", "400 "},
	} {
		got := wire(t, p.url, tc.head+strings.Repeat("x", length))
		if !strings.HasPrefix(got, "HTTP/1.1 "+tc.want) || !strings.Contains(got, `"code":"`) || !strings.Contains(got, "Connection: close") {
			t.Errorf("%s: %.300s", name, got)
		}
	}
}

func TestABodyThatNobodyReadIsNotTheNextRequest(t *testing.T) {
	t.Parallel()
	p := newPorch(t)
	smuggled := "GET /webhooks/meta?hub.mode=subscribe&hub.challenge=666&hub.verify_token=hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, path := range []string{"/api/v1/uploads", "/webhooks/meta", "/nowhere", "/api/v1/media/x"} {
		got := wire(t, p.url, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: "+strconv.Itoa(20_000+len(smuggled))+"\r\n\r\n"+strings.Repeat("\n", 20_000)+smuggled+
			"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if strings.Contains(got, "666") {
			t.Errorf("%s: the body was taken for a request: %s", path, got)
		}
	}
}

func TestAPathHasOneSpelling(t *testing.T) { // B34
	t.Parallel()
	p := newPorch(t)
	for _, target := range []string{
		"//webhooks/meta", "/webhooks//meta", "/./webhooks/meta", "/webhooks/../webhooks/meta", "/webhooks/%6deta", "/webhooks/meta%00", "/%2561dmin",
		"/webhooks%2fmeta", `/webhooks\meta`, "/api/v1/../v1/me", "/api/v1/me/", "/api/v1/%2e%2e/v1/me", "//evil.example/api/v1/me", "/api/v1/me;x",
	} {
		got := wire(t, p.url, "GET "+target+" HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 404 ") && !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("%s: %.60s", target, got)
		}
	}
	for _, target := range []string{"http://desk/api/v1/me", "*", "api/v1/me"} {
		got := wire(t, p.url, "GET "+target+" HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 4") || strings.Contains(got, "session_over") {
			t.Errorf("%s: %.60s", target, got)
		}
	}
}

func TestSlowSendersAreCutOff(t *testing.T) { // S52
	t.Parallel()
	p := newPorch(t)
	g := gateway.New(gateway.Config{}, p.deps)
	server := g.App().Server()
	if server.ReadTimeout != 15*time.Second || server.IdleTimeout != 75*time.Second || server.WriteTimeout != 30*time.Second || server.ReadBufferSize != 8<<10 {
		t.Errorf("read %s, idle %s, write %s", server.ReadTimeout, server.IdleTimeout, server.WriteTimeout)
	}
	server.ReadTimeout = 200 * time.Millisecond // the test does not wait so long
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	defer func() {
		must(t, g.Stop(context.Background()))
		must(t, <-served)
	}()
	url := "http://" + l.Addr().String()
	for name, request := range map[string]string{
		"half a header": "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nX-Hub",
		"half a body":   "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 50_000),
		"half a chunk":  "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
	} {
		start := time.Now()
		got := wire(t, url, request) // returns when the server hangs up
		if took := time.Since(start); took > 14*time.Second || strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("%s: %s, %.80s", name, took, got)
		}
	}
}

func TestAConnectionThatEndsBeforeItsRequestIsNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	p := newPorch(t)
	g := gateway.New(gateway.Config{}, p.deps)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	for _, said := range []string{"POST /webhooks/meta HTTP/1.1\r\nHost", ""} { // one breaks in the middle, one is sent away by the stop
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
		must(t, err)
		defer func() { _ = c.Close() }() // that it is gone is what is tested
		_, err = io.WriteString(c, said)
		must(t, err)
		if said != "" {
			must(t, c.(*net.TCPConn).SetLinger(0)) // reset, not ended
			must(t, c.Close())
		}
	}
	for tick := time.Tick(time.Millisecond); g.App().Server().GetOpenConnectionsCount() != 1; {
		<-tick
	}
	must(t, g.Stop(context.Background()))
	must(t, <-served)
	if got := p.logged.String(); strings.Contains(got, `"level":"ERROR"`) {
		t.Error(got)
	}
}
