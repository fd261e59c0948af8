package channeltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// Send is one outgoing case: a message, what the provider answers, and what must come of it.
type Send struct {
	Name string
	Out  chat.Outbound
	// Requests are those that the driver must make, in order; Replies answers them, the last one also what is beyond.
	Requests []Request
	Replies  []Reply
	// Receipt is wanted unless one of the others is: Refused for "surely not sent", Unknown for any other error.
	Receipt chat.Receipt
	Refused *chat.SendError
	Unknown bool
}

// Request is one that the provider gets.
type Request struct {
	Method string // default POST
	Path   string
	Query  string
	JSON   string // compared by meaning
}

// Reply is the provider's answer.
type Reply struct {
	Status int // default 200
	Header map[string]string
	Body   string
}

func sends(t *testing.T, d channels.Driver, s Suite) {
	t.Helper()
	for _, c := range s.Sends {
		t.Run(c.Name, func(t *testing.T) { t.Parallel(); c.run(t, d, s) })
	}
	if s.BaseURL != "" {
		t.Run("the road to the provider", func(t *testing.T) { t.Parallel(); road(t, d, s) })
	}
}

func (c Send) run(t *testing.T, d channels.Driver, s Suite) {
	t.Helper()
	var got []Request
	sender := Open(t, d, s, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, Request{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, JSON: string(drain(r))})
		reply := Reply{Status: http.StatusInternalServerError}
		if len(c.Replies) > 0 {
			reply = c.Replies[min(len(got), len(c.Replies))-1]
		}
		for k, v := range reply.Header {
			w.Header().Set(k, v)
		}
		if reply.Status != 0 {
			w.WriteHeader(reply.Status)
		}
		_, _ = io.WriteString(w, reply.Body)
	})
	receipt, err := sender.Send(t.Context(), c.Out)
	s.secretless(t, "the error", fmt.Sprintf("%v %+v %#v", err, err, err))

	var refused *chat.SendError
	switch errors.As(err, &refused); {
	case c.Unknown:
		if err == nil || refused != nil {
			t.Errorf("want an error that leaves it open, got %v", err)
		}
	case c.Refused != nil:
		if diff := cmp.Diff(c.Refused, refused); diff != "" {
			t.Errorf("refusal (-want +got):\n%s\n%v", diff, err)
		}
	case err != nil:
		t.Error(err)
	default:
		if c.Receipt.At.IsZero() {
			c.Receipt.At = now
		}
		if diff := cmp.Diff(c.Receipt, receipt); diff != "" {
			t.Errorf("receipt (-want +got):\n%s", diff)
		}
	}
	if len(got) != len(c.Requests) {
		t.Fatalf("%d requests, want %d: %+v", len(got), len(c.Requests), got)
	}
	for i, want := range c.Requests {
		want.check(t, got[i])
	}
}

func (want Request) check(t *testing.T, got Request) {
	t.Helper()
	if want.Method == "" {
		want.Method = http.MethodPost
	}
	if got.Method != want.Method || got.Path != want.Path || got.Query != want.Query {
		t.Errorf("got %s %s?%s, want %s %s?%s", got.Method, got.Path, got.Query, want.Method, want.Path, want.Query)
	}
	var w, g any
	if want.JSON != "" {
		if err := json.Unmarshal([]byte(want.JSON), &w); err != nil {
			t.Fatalf("the case's JSON: %v", err)
		}
	}
	if got.JSON != "" {
		if err := json.Unmarshal([]byte(got.JSON), &g); err != nil {
			t.Errorf("the request's JSON: %v", err)
		}
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

// road checks what a driver makes of everything that can happen between it and the provider.
func road(t *testing.T, d channels.Driver, s Suite) {
	t.Helper()
	const unsent, unknown = true, false
	send := func(t *testing.T, ctx context.Context, sender channels.Sender) error {
		t.Helper()
		_, err := sender.Send(ctx, s.Example)
		s.secretless(t, "the error", fmt.Sprintf("%v %+v %#v", err, err, err))
		return err
	}
	judge := func(t *testing.T, err error, surely bool) {
		t.Helper()
		var refused *chat.SendError
		switch is := errors.As(err, &refused); {
		case err == nil:
			t.Error("no error")
		case is != surely:
			t.Errorf("surely not sent: %v, want %v: %v", is, surely, err)
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		surely  bool
	}{
		"a proxy's 502":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502); _, _ = io.WriteString(w, "<html>") }, unknown},
		"a bare 503":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, unknown},
		"success without sense":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>welcome") }, unknown},
		"success without an id":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }, unknown},
		"a bare 429":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, unsent},
		"a redirect":             {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, unsent},
		"a reset after the body": {func(_ http.ResponseWriter, r *http.Request) { drain(r); panic(http.ErrAbortHandler) }, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			sender := Open(t, d, s, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				c.handler(w, r)
			})
			judge(t, send(t, t.Context(), sender), c.surely)
			if n := asked.Load(); n != 1 {
				t.Errorf("%d requests, want one: no redirect followed, nothing repeated", n)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		judge(t, send(t, t.Context(), open(t, d, s, "http://"+l.Addr().String(), &http.Client{})), unsent)
	})
	t.Run("an untrusted certificate", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // it will complain that nobody trusts it
		server.StartTLS()
		t.Cleanup(server.Close)
		judge(t, send(t, t.Context(), open(t, d, s, server.URL, &http.Client{})), unsent)
	})
	t.Run("the caller gave up before", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		sender := Open(t, d, s, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
		judge(t, send(t, ctx, sender), unsent)
	})
	t.Run("the caller gives up during", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		sender := Open(t, d, s, func(_ http.ResponseWriter, r *http.Request) {
			drain(r)
			cancel()
			<-r.Context().Done()
		})
		done := make(chan error, 1)
		go func() { done <- send(t, ctx, sender) }()
		select {
		case err := <-done:
			judge(t, err, unknown)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the cause is lost: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("Send does not honour its context")
		}
	})
	if u, err := url.Parse(s.Settings[s.BaseURL]); err != nil || u.Host == "" && s.Settings[s.BaseURL] != "" {
		t.Errorf("the suite's %s is no address", s.BaseURL)
	}
}
