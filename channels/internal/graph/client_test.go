package graph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
)

const token = "EAAFsecret0123456789"

// serve starts a Graph that answers as told and returns a client for it.
func serve(t *testing.T, handler http.HandlerFunc) (*graph.Client, *httptest.Server) {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return client(t, s.URL, s.Client()), s
}

func client(t *testing.T, base string, hc *http.Client) *graph.Client {
	t.Helper()
	c, err := graph.New(hc, base, "v26.0", token)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestARequestCarriesVersionTokenAndEscapedPath(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token || r.Header.Get("User-Agent") == "" {
			t.Errorf("headers %v", r.Header)
		}
		_, _ = fmt.Fprintf(w, `{"uri":%q}`, r.RequestURI)
	})
	var out struct{ URI string }
	if err := c.Get(t.Context(), &out, url.Values{"fields": {"a,b"}}, "../1?x=/", "media"); err != nil {
		t.Fatal(err)
	}
	if out.URI != "/v26.0/..%2F1%3Fx=%2F/media?fields=a%2Cb" {
		t.Errorf("asked for %s", out.URI)
	}
	for _, id := range []string{"", ".", ".."} {
		var refused *chat.SendError
		if err := c.Get(t.Context(), &out, nil, id); !errors.As(err, &refused) || refused.Code != chat.CodeInvalid {
			t.Errorf("id %q: %v", id, err)
		}
	}
}

func TestAnAnswerSaysWhetherTheMessageWasSurelyNotSent(t *testing.T) {
	t.Parallel()
	object := func(code int, more string) string {
		return fmt.Sprintf(`{"error":{"message":"m","type":"OAuthException","code":%d%s,"fbtrace_id":"A"}}`, code, more)
	}
	for _, c := range []struct {
		name   string
		status int
		body   string
		code   chat.Code // "" = not known
		retry  chat.Retry
	}{
		{"the window is closed", 400, object(131047, ""), chat.CodeWindowClosed, chat.RetryNever},
		{"a vague code with 4xx was refused", 400, object(131000, ""), chat.CodeUnavailable, chat.RetryMessage},
		{"a vague code with 5xx is not known", 500, object(131000, ""), "", ""},
		{"is_transient does not make it known", 503, object(2, `,"is_transient":true`), "", ""},
		{"a definite code with 5xx was refused", 500, object(131057, ""), chat.CodeUnavailable, chat.RetryAccount},
		{"an unknown code with 5xx is not known", 500, object(999999, ""), "", ""},
		{"an unknown code with 4xx was refused", 400, object(999999, ""), chat.CodeProviderRefused, chat.RetryNever},
		{"an unknown code with 429 is a limit", 429, object(999999, ""), chat.CodeThrottledNumber, chat.RetryAccount},
		{"the pair limit with 429", 429, object(131056, ""), chat.CodeThrottledPair, chat.RetryPair},
		{"429 without a body", 429, ``, chat.CodeThrottledNumber, chat.RetryAccount},
		{"4xx of something in front of Graph", 404, `<html>`, chat.CodeProviderRefused, chat.RetryNever},
		{"4xx with another object", 400, `{"error":"x"}`, chat.CodeProviderRefused, chat.RetryNever},
		{"an error without a code", 400, `{"error":{"message":"m"}}`, chat.CodeProviderRefused, chat.RetryNever},
		{"an error without a code and 5xx", 500, `{"error":{"message":"m"}}`, "", ""},
		{"408", 408, ``, "", ""},
		{"5xx of something in front of Graph", 502, `<html>`, "", ""},
		{"a redirect", 307, ``, chat.CodeProviderRefused, chat.RetryNever},
		{"success that cannot be read", 200, `{"messages":`, "", ""},
		{"success that is something else", 200, `[]`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			var out struct{ ID string }
			err := g.Post(t.Context(), &out, map[string]string{}, "1", "messages")
			var refused *chat.SendError
			switch {
			case err == nil:
				t.Fatal("no error")
			case errors.As(err, &refused) != (c.code != ""):
				t.Fatalf("got %v", err)
			case refused != nil && (refused.Code != c.code || refused.Retry != c.retry):
				t.Fatalf("got %v, retry %s", err, refused.Retry)
			}
		})
	}
}

func TestRetryAfterIsHeededWhereARetryMakesSense(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code   int
		header string
		after  int64
	}{{130429, "17", 17}, {130429, "", 0}, {4, "", 120}, {4, "soon", 120}, {4, "-5", 120}, {130429, "99999999", 0}, {131047, "17", 0}} {
		g, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", c.header)
			w.WriteHeader(400)
			_, _ = fmt.Fprintf(w, `{"error":{"code":%d}}`, c.code)
		})
		var refused *chat.SendError
		if err := g.Post(t.Context(), nil, nil, "1"); !errors.As(err, &refused) || refused.After != c.after {
			t.Errorf("%d with %q: %+v", c.code, c.header, refused)
		}
	}
}

func TestARequestThatFoundNoConnectionWasSurelyNotSent(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + closed.Addr().String()
	_ = closed.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // it will complain that nobody trusts it
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, run := range map[string]func() error{
		"nobody listens": func() error { return client(t, address, &http.Client{}).Post(t.Context(), nil, nil, "1") },
		"no such name": func() error {
			return client(t, "http://graph.invalid", &http.Client{}).Post(t.Context(), nil, nil, "1")
		},
		"the certificate lies": func() error { return client(t, untrusted.URL, &http.Client{}).Post(t.Context(), nil, nil, "1") },
		"the context is over":  func() error { return client(t, address, &http.Client{}).Post(ended, nil, nil, "1") },
	} {
		var refused *chat.SendError
		if err := run(); !errors.As(err, &refused) || refused.Retry != chat.RetryMessage || refused.Code != chat.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARequestThatGotNoAnswerMayHaveBeenSent(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"reset": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			panic(http.ErrAbortHandler)
		},
		"broken off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"id":`)
			panic(http.ErrAbortHandler)
		},
		"too long": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"id":"`+strings.Repeat("x", 8<<20)+`"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, _ := serve(t, handler)
			var refused *chat.SendError
			if err := g.Post(t.Context(), &struct{ ID string }{}, nil, "1"); err == nil || errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
		})
	}
	t.Run("the caller gave up", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		g, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			cancel()
			<-r.Context().Done()
		})
		var refused *chat.SendError
		if err := g.Post(ctx, nil, nil, "1"); !errors.Is(err, context.Canceled) || errors.As(err, &refused) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestTheTokenFollowsNoRedirectAndShowsInNothing(t *testing.T) {
	t.Parallel()
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed with %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(thief.Close)
	g, s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v26.0/moved") || r.URL.Path == "/file" {
			http.Redirect(w, r, thief.URL, http.StatusFound)
			return
		}
		w.WriteHeader(401)
		_, _ = io.WriteString(w, `{"error":{"code":190,"message":"`+strings.Repeat("long ", 56)+`Malformed access token `+token+`"}}`)
	})
	var all strings.Builder
	for _, err := range []error{g.Get(t.Context(), nil, nil, "moved"), g.Get(t.Context(), nil, nil, "me"), g.Post(t.Context(), nil, nil, "me")} {
		_, _ = fmt.Fprintf(&all, "%v %+v %#v\n", err, err, err)
	}
	if _, err := g.Download(t.Context(), s.URL+"/file"); err == nil {
		t.Error("a redirected file was fetched")
	}
	_, _ = fmt.Fprintf(&all, "%v %+v %#v", g, g, *g)
	if strings.Contains(all.String(), token[:8]) {
		t.Errorf("the token shows: %s", all.String())
	}
}

func TestAFileIsFetchedOnlyFromHostsThatMayHaveTheToken(t *testing.T) {
	t.Parallel()
	g, s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(401)
		}
		_, _ = io.WriteString(w, "bytes")
	})
	resp, err := g.Download(t.Context(), s.URL+"/media/1?x=1")
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || string(data) != "bytes" {
		t.Errorf("got %q, %v", data, err)
	}
	host := strings.TrimPrefix(s.URL, "http://")
	for _, address := range []string{
		"http://lookaside.fbsbx.com/x", "https://lookaside.fbsbx.com.evil.test/x", "https://evil.test/lookaside.fbsbx.com", "https://lookaside.fbsbx.com:444/",
		"https://lookaside.fbsbx.com@evil.test/", "https://u:p@lookaside.fbsbx.com/", "https://" + host + "/x", "http://u@" + host + "/x", "file:///etc/passwd", "//lookaside.fbsbx.com/", "", "\x7f",
	} {
		if resp, err := g.Download(t.Context(), address); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%q was fetched", address)
		}
	}
}

func TestAnAccountThatCannotWorkIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"", "v26.0", "t"},
		{"graph.facebook.com", "v26.0", "t"},
		{"ftp://graph.facebook.com", "v26.0", "t"},
		{"https://u:p@graph.facebook.com", "v26.0", "t"},
		{"https://graph.facebook.com?x=1", "v26.0", "t"},
		{"https://graph.facebook.com", "26", "t"},
		{"https://graph.facebook.com", "v26.0/..", "t"},
		{"https://graph.facebook.com", "v26.0", ""},
	} {
		if _, err := graph.New(&http.Client{}, c[0], c[1], c[2]); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%q: %v", c, err)
		}
	}
}
