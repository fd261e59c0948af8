package bench

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/valyala/fasthttp"
)

// Floor is the least that a program can do to take a signed webhook durably: read it, check its signature, commit it
// together with those that came at the same time, answer. It listens on a free port of 127.0.0.1, tells its URL, and runs
// until ctx ends. Its table is made and dropped by it.
func Floor(ctx context.Context, databaseURL, secret string, ready func(url string)) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing is left to lose
	if _, err := conn.Exec(ctx, "DROP TABLE IF EXISTS bench_floor; CREATE TABLE bench_floor (body bytea NOT NULL)"); err != nil {
		return err
	}
	f := &floor{conn: conn, secret: []byte(secret)}
	server := &fasthttp.Server{Handler: f.take, NoDefaultServerHeader: true, NoDefaultDate: true, MaxRequestBodySize: 3 << 20}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	ready("http://" + l.Addr().String() + "/")
	select {
	case err = <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = server.ShutdownWithContext(last)
	f.flushing.Wait()
	_, derr := conn.Exec(last, "DROP TABLE bench_floor")
	return errors.Join(err, derr)
}

type floor struct {
	conn   *pgx.Conn
	secret []byte

	mu       sync.Mutex
	waiting  []floorEntry
	busy     bool
	flushing sync.WaitGroup
}

type floorEntry struct {
	body []byte
	done chan error
}

func (f *floor) take(c *fasthttp.RequestCtx) {
	mac := hmac.New(sha256.New, f.secret)
	mac.Write(c.Request.Body())
	given, err := hex.DecodeString(string(bytes.TrimPrefix(c.Request.Header.Peek("X-Hub-Signature-256"), []byte("sha256="))))
	if err != nil || !hmac.Equal(mac.Sum(nil), given) {
		c.SetStatusCode(fasthttp.StatusUnauthorized)
		return
	}
	if err := f.commit(bytes.Clone(c.Request.Body())); err != nil {
		c.SetStatusCode(fasthttp.StatusServiceUnavailable)
	}
}

// commit joins those who come while another commit is under way.
func (f *floor) commit(body []byte) error {
	e := floorEntry{body, make(chan error, 1)}
	f.mu.Lock()
	f.waiting = append(f.waiting, e)
	lead := !f.busy
	f.busy = true
	f.mu.Unlock()
	if lead {
		f.flushing.Go(f.flush)
	}
	return <-e.done
}

func (f *floor) flush() {
	for {
		f.mu.Lock()
		group := f.waiting
		f.waiting = nil
		if len(group) == 0 {
			f.busy = false
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
		bodies := make([][]byte, len(group))
		for i, e := range group {
			bodies[i] = e.body
		}
		_, err := f.conn.Exec(context.Background(), "INSERT INTO bench_floor SELECT unnest($1::bytea[])", bodies)
		for _, e := range group {
			e.done <- err
		}
	}
}
