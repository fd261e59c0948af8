package web

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"
)

const handshakeHead = "GET / HTTP/1.1\r\nHost: desk.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

// socketServer answers every request with a socket that says back what it hears, and panics at "panic".
func socketServer(t *testing.T) (addr string) {
	t.Helper()
	sockets := NewSockets(slog.New(slog.DiscardHandler))
	app := fiber.New(fiber.Config{DisableStartupMessage: true, ReadTimeout: 15 * time.Second})
	app.Server().KeepHijackedConns = true
	app.Get("/", func(c *fiber.Ctx) error {
		c.Set("X-Ours", "yes")
		return sockets.Upgrade(c, func(conn *websocket.Conn) {
			for {
				kind, data, err := conn.ReadMessage()
				if err != nil || conn.WriteMessage(kind, data) != nil {
					return
				}
				if string(data) == "panic" {
					panic("as asked")
				}
			}
		})
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(l) }()
	t.Cleanup(func() {
		if err := app.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// say writes bytes on a new connection and returns the answer's head, and what comes behind it.
func say(t *testing.T, addr, bytes string) (*http.Response, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, bytes); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res, in
}

func TestASocketIsMadeOfAHandshakeAndOfNothingElse(t *testing.T) {
	t.Parallel()
	addr := socketServer(t)
	conn, res, err := websocket.DefaultDialer.Dial("ws://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if res.Header.Get("X-Ours") != "yes" || res.Header.Get("Content-Type") != "" {
		t.Errorf("the answer's header is %v", res.Header)
	}
	for _, text := range []string{"Merhaba", strings.Repeat("x", 5000), "panic"} {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.ReadMessage(); err != nil || string(got) != text {
			t.Fatalf("%d bytes came back as %d: %v", len(text), len(got), err)
		}
	}
	if _, _, err := conn.ReadMessage(); err == nil {
		t.Error("a socket whose handler panicked is open")
	}
	for name, head := range map[string]string{
		"no key": handshakeHead + "\r\n", "half a key": handshakeHead + "Sec-WebSocket-Key: AAAA\r\n\r\n",
		"no upgrade": "GET / HTTP/1.1\r\nHost: desk.example\r\n\r\n",
	} {
		if res, _ := say(t, addr, head); res.StatusCode != http.StatusUpgradeRequired || res.Header.Get("Upgrade") != "websocket" {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
}

func TestWhoSpeaksBeforeTheHandshakeIsOverIsNotHeard(t *testing.T) {
	t.Parallel()
	frame := "\x81\x82\x00\x00\x00\x00hi"
	res, in := say(t, socketServer(t), handshakeHead+"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"+frame)
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res.Status)
	}
	if b, err := in.ReadByte(); err == nil {
		t.Errorf("it was answered: %x", b)
	}
}
