// Package agent is an agent as a program: it signs in, listens and acts through the public API, as the inbox does. The
// benchmark subscribes with it, and the crash tests answer customers with it.
//
// It refuses to know anything that a browser could not: no database, no key of ours. Start with SignIn.
package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Agent is somebody who is signed in. Its methods may be called at the same time.
type Agent struct {
	ID     string
	origin string
	http   *http.Client
	csrf   atomic.Pointer[string]
}

// Refusal is an answer that is not 2xx, with the API's code.
type Refusal struct {
	Status        int
	Code, Message string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Message) }

// SignIn starts a session at origin, such as http://127.0.0.1:8080. A first password is replaced by next, which may be empty
// if it was replaced before.
func SignIn(ctx context.Context, origin, email, password, next string) (*Agent, error) {
	a, err := at(origin)
	if err != nil {
		return nil, err
	}
	if err := a.enter(ctx, "POST", "/session", map[string]string{"email": email, "password": password}); err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	if next != "" {
		if err := a.enter(ctx, "PUT", "/me/password", map[string]string{"current": password, "new": next}); err != nil {
			return nil, fmt.Errorf("change the first password: %w", err)
		}
	}
	return a, nil
}

// SessionCookie names the cookie of a session over plain HTTP.
const SessionCookie = "gatehouse"

// Resume goes on with a session that somebody else has started, by its token.
func Resume(ctx context.Context, origin, token string) (*Agent, error) {
	a, err := at(origin)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(origin)
	if err != nil {
		return nil, err
	}
	a.http.Jar.SetCookies(u, []*http.Cookie{{Name: SessionCookie, Value: token}}) //nolint:gosec // a client's own jar, of one program and one origin
	if err := a.enter(ctx, "GET", "/me", nil); err != nil {
		return nil, fmt.Errorf("resume a session: %w", err)
	}
	return a, nil
}

func at(origin string) (*Agent, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &Agent{origin: origin, http: &http.Client{
		Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute},
	}}, nil
}

// enter makes a call that answers with who we are now.
func (a *Agent) enter(ctx context.Context, method, path string, in any) error {
	var me struct{ ID, CSRF string }
	if err := a.Call(ctx, method, path, in, &me); err != nil {
		return err
	}
	a.ID = me.ID
	a.csrf.Store(&me.CSRF)
	return nil
}

// SetPresence is the agent's word about being there: online, break or offline.
func (a *Agent) SetPresence(ctx context.Context, presence string) error {
	return a.Call(ctx, "PUT", "/me/presence", map[string]string{"presence": presence}, nil)
}

// SignOut ends the session.
func (a *Agent) SignOut(ctx context.Context) error {
	return a.Call(ctx, "DELETE", "/session", nil, nil)
}

// Call asks the API below /api/v1. in and out may be nil; headers are name, value, name, value. It returns a *Refusal for an
// answer that is not 2xx; any other error means that nobody knows what became of it.
func (a *Agent) Call(ctx context.Context, method, path string, in, out any, headers ...string) error {
	var body io.Reader = http.NoBody
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.origin+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Origin", a.origin)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token := a.csrf.Load(); token != nil {
		req.Header.Set("X-CSRF-Token", *token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // read only
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		var r struct {
			Error struct{ Code, Message string }
		}
		if json.Unmarshal(answer, &r) != nil {
			r.Error.Message = "not our answer"
		}
		return &Refusal{resp.StatusCode, r.Error.Code, r.Error.Message}
	}
	if out == nil || len(answer) == 0 {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// frameLimit is the longest frame that is read: a batch of long messages of one conversation.
const frameLimit = 8 << 20

// Stream is a live socket.
type Stream struct{ conn *websocket.Conn }

// Live opens the live socket and says hello with the cursor of the last frame that carried one; "" for none.
func (a *Agent) Live(ctx context.Context, cursor string) (*Stream, error) {
	hello, err := json.Marshal(map[string]string{"type": "hello", "cursor": cursor})
	if err != nil {
		return nil, err
	}
	return Dial(ctx, a.http, a.origin, a.origin+"/api/v1/live", hello)
}

// Dial opens a socket at an address as a page of origin does, and says hello.
func Dial(ctx context.Context, client *http.Client, origin, address string, hello []byte) (*Stream, error) {
	//nolint:bodyclose // the library closes it, or hands it to the connection
	conn, resp, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: client, HTTPHeader: http.Header{"Origin": {origin}}})
	if err != nil {
		if resp != nil {
			return nil, &Refusal{Status: resp.StatusCode, Message: "no socket"}
		}
		return nil, err
	}
	conn.SetReadLimit(frameLimit)
	if err := conn.Write(ctx, websocket.MessageText, hello); err != nil {
		_ = conn.CloseNow() // it was of no use
		return nil, err
	}
	return &Stream{conn}, nil
}

// Next waits for a frame and returns it as it came. After an error the stream is over.
func (s *Stream) Next(ctx context.Context) ([]byte, error) {
	_, frame, err := s.conn.Read(ctx)
	return frame, err
}

// Ping asks for a pong frame, which carries a cursor.
func (s *Stream) Ping(ctx context.Context) error {
	return s.conn.Write(ctx, websocket.MessageText, []byte(`{"type":"ping"}`))
}

// Close ends the stream at once.
func (s *Stream) Close() { _ = s.conn.CloseNow() }
