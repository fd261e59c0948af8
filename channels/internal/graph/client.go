package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"

	"gatehouse/internal/chat"
)

// answerLimit is the most bytes of an answer that we read: a page of 100 templates with carousels stays below it.
const answerLimit = 8 << 20

// lookaside serves the media of WhatsApp (PROTOCOLS.md §3).
const lookaside = "lookaside.fbsbx.com"

var versionShape = regexp.MustCompile(`^v\d{1,3}\.\d{1,2}$`)

// Client speaks to one Graph host as one account. The token is held in closures, so that no printing of a Client or of
// what holds it can show it.
type Client struct {
	base *url.URL // scheme and host, and the path up to the version
	http *http.Client
	sign func(*http.Request)
	hide func([]byte) []byte // takes the token out of an answer: Graph repeats malformed ones
}

// New makes a client. base is like "https://graph.facebook.com", version like "v26.0". It fails with chat.CodeInvalid.
func New(client *http.Client, base, version, token string) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(base, "/"))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, chat.Errorf(chat.CodeInvalid, "graph_base_url is not like https://graph.facebook.com")
	case !versionShape.MatchString(version):
		return nil, chat.Errorf(chat.CodeInvalid, "graph_version is not like v26.0")
	case token == "":
		return nil, chat.Errorf(chat.CodeInvalid, "access_token is missing")
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		base: u.JoinPath(version),
		http: &own,
		sign: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
		hide: func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(token), []byte("…")) },
	}, nil
}

// Get reads a node. path is its id and perhaps an edge: they are escaped here.
func (c *Client) Get(ctx context.Context, out any, query url.Values, path ...string) error {
	return c.call(ctx, http.MethodGet, "", nil, -1, out, query, path)
}

// Post sends JSON to an edge.
func (c *Client) Post(ctx context.Context, out, body any, path ...string) error {
	data, err := json.Marshal(body)
	if err != nil {
		return &chat.SendError{Code: chat.CodeInvalid, Retry: chat.RetryNever, Detail: "the message cannot be written as JSON"}
	}
	return c.call(ctx, http.MethodPost, "application/json", bytes.NewReader(data), int64(len(data)), out, nil, path)
}

// PostStream sends a body of size bytes (-1: unknown) as it is read.
func (c *Client) PostStream(ctx context.Context, out any, contentType string, body io.Reader, size int64, path ...string) error {
	return c.call(ctx, http.MethodPost, contentType, body, size, out, nil, path)
}

// call makes one request. It returns *chat.SendError if Graph surely did not do what was asked, and another error if that
// is not known.
func (c *Client) call(ctx context.Context, method, contentType string, body io.Reader, size int64, out any, query url.Values, path []string) error {
	address, err := c.address(path, query)
	if err != nil {
		return err
	}
	// Until a connection is there, nothing can have been sent: name lookup, dialling and the TLS handshake come before.
	// After that nobody can tell, not even from WroteRequest, which comes late: a request whose context ends while it is
	// being written may arrive whole. The transport repeats a POST by itself only if not a byte of it was written, and
	// asks for a connection again before it does.
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { connected.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return &chat.SendError{Code: chat.CodeInvalid, Retry: chat.RetryNever, Detail: "the request cannot be made"}
	}
	if size >= 0 {
		req.ContentLength = size
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.do(req)
	if err != nil && !connected.Load() {
		return &chat.SendError{Code: chat.CodeUnavailable, Retry: chat.RetryMessage, Detail: sentence(err.Error())}
	}
	if err != nil {
		return fmt.Errorf("graph: no answer: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit+1))
	if resp.StatusCode/100 != 2 {
		if refused := outcome(resp.StatusCode, resp.Header, c.hide(data)); refused != nil {
			return refused
		}
		return fmt.Errorf("graph: HTTP %d", resp.StatusCode)
	}
	if err != nil {
		return fmt.Errorf("graph: the answer broke off: %w", plain(err))
	}
	if len(data) > answerLimit {
		return fmt.Errorf("graph: the answer is over %d bytes", answerLimit)
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = data
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return errors.New("graph: the answer is not what we expect")
	}
	return nil
}

// Download opens a file that Graph pointed to. The token goes along, so the address must be on the account's own Graph
// host or on Meta's media host; any other is refused, and so is a redirect. The caller closes the body.
func (c *Client) Download(ctx context.Context, address string) (*http.Response, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("graph: the file has no readable address")
	}
	own := u.Scheme == c.base.Scheme && u.Host == c.base.Host
	if !own && (u.Scheme != "https" || u.Host != lookaside) || u.User != nil {
		return nil, fmt.Errorf("graph: the file is on %q, where the token may not go", u.Host)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, errors.New("graph: the file has no readable address")
	}
	resp, err := c.do(req)
	if err != nil {
		return nil, fmt.Errorf("graph: no file: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close() // read only
		return nil, fmt.Errorf("graph: no file: HTTP %d", resp.StatusCode)
	}
	return resp, nil
}

func (c *Client) do(req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", "gatehouse/1")
	c.sign(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, plain(err)
	}
	return resp, nil
}

// address escapes the path. Segments that would climb out of their place are refused; Graph has no such ids.
func (c *Client) address(path []string, query url.Values) (string, error) {
	var b strings.Builder
	b.WriteString(c.base.String())
	for _, segment := range path {
		if segment == "" || segment == "." || segment == ".." {
			return "", &chat.SendError{Code: chat.CodeInvalid, Retry: chat.RetryNever, Detail: "not an id of the Graph API"}
		}
		b.WriteString("/" + url.PathEscape(segment))
	}
	if len(query) > 0 {
		b.WriteString("?" + query.Encode())
	}
	return b.String(), nil
}

// plain takes the address, which may hold a contact's or a file's id, off an error of net/http.
func plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
