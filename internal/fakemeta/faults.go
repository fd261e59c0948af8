package fakemeta

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Op is a sort of request that a fault can spoil.
type Op string

// The operations, in the order of a message's life.
const (
	OpSend      Op = "send"      // POST /messages with content
	OpMark      Op = "mark"      // read marks, typing, sender actions
	OpUpload    Op = "upload"    // POST /media
	OpMedia     Op = "media"     // GET, DELETE /{media}
	OpDownload  Op = "download"  // the bytes
	OpTemplates Op = "templates" // anything with templates
	OpOther     Op = "other"     // accounts, profiles, subscriptions
	OpAny       Op = "any"
)

// Deed says whether the platform does what was asked although it answers badly.
type Deed string

// By default a fault that answers with an error drops the request, and any other fault carries it out.
const (
	Done    Deed = "done"    // the message goes out all the same: the caller's doubt is justified
	Dropped Deed = "dropped" // nothing happens
)

// Fault is one lie: which requests it hits, and what happens to them. Faults are tried in the order of their making;
// the first that fits is used, alone.
//
//nolint:recvcheck // JSON is written of values and read into pointers
type Fault struct {
	ID        string `json:"id,omitempty"`        // given by AddFault
	Op        Op     `json:"op,omitempty"`        // default OpSend
	Account   string `json:"account,omitempty"`   // node id of the account; empty: any
	Recipient string `json:"recipient,omitempty"` // phone, BSUID, IGSID or person id; empty: any
	Skip      int    `json:"skip,omitempty"`      // let so many pass first
	Times     int    `json:"times,omitempty"`     // then hit so many; 0: until removed

	Deed       Deed          `json:"deed,omitempty"`
	Hang       time.Duration `json:"-"`                     // wait before the answer, or until RemoveFault (JSON: "hang", like "30s")
	Reset      bool          `json:"reset,omitempty"`       // drop the connection instead of answering
	Status     int           `json:"status,omitempty"`      // HTTP status of the error answer; default that of Code
	Code       int           `json:"code,omitempty"`        // Graph error code; default 131000
	Subcode    int           `json:"subcode,omitempty"`     //
	Details    string        `json:"details,omitempty"`     // error_data.details
	RetryAfter int           `json:"retry_after,omitempty"` // seconds, as a header
	Slow       time.Duration `json:"-"`                     // pause before every byte of the answer (JSON: "slow")

	Bytes    int64  `json:"bytes,omitempty"`    // download: serve so many bytes instead of the file
	Redirect string `json:"redirect,omitempty"` // download: answer 302 to there

	Statuses      []string `json:"statuses,omitempty"`       // send: exactly these, in this order; "none": none
	StatusCopies  int      `json:"status_copies,omitempty"`  // send: post each status so many times, at once
	StatusesFirst bool     `json:"statuses_first,omitempty"` // send: statuses (Instagram: the echo) before the answer
	StatusCode    int      `json:"status_code,omitempty"`    // send: error code of a "failed" status; default 131000

	removed chan struct{} // closed by RemoveFault
}

func (f *Fault) fails() bool { return f.Status != 0 || f.Code != 0 }

func (f *Fault) carries() bool {
	if f.Deed == "" {
		return !f.fails()
	}
	return f.Deed == Done
}

func (f *Fault) err() *graphError {
	e := refuse(cmp.Or(f.Code, 131000), f.Details)
	e.Status, e.Subcode, e.RetryAfter = cmp.Or(f.Status, e.Status), f.Subcode, f.RetryAfter
	return e
}

type faultAlias Fault

type faultWire struct {
	*faultAlias
	Hang string `json:"hang,omitempty"`
	Slow string `json:"slow,omitempty"`
}

// MarshalJSON writes durations as Go writes them: "30s".
func (f Fault) MarshalJSON() ([]byte, error) {
	w := faultWire{faultAlias: (*faultAlias)(&f)}
	if f.Hang > 0 {
		w.Hang = f.Hang.String()
	}
	if f.Slow > 0 {
		w.Slow = f.Slow.String()
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Fault) UnmarshalJSON(data []byte) error {
	w := faultWire{faultAlias: (*faultAlias)(f)}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	for _, d := range []struct {
		to   *time.Duration
		text string
	}{{&f.Hang, w.Hang}, {&f.Slow, w.Slow}} {
		if d.text == "" {
			continue
		}
		v, err := time.ParseDuration(d.text)
		if err != nil {
			return fmt.Errorf("fakemeta: fault: %w", err)
		}
		*d.to = v
	}
	return nil
}

type faultList struct {
	mu   sync.Mutex
	n    int
	list []*Fault
}

// AddFault puts a fault in force and returns its id.
func (s *Server) AddFault(f Fault) string { return s.faults.add(f) }

// RemoveFault takes one out of force; an empty id takes all. Who hangs by it is answered.
func (s *Server) RemoveFault(id string) { s.faults.remove(id) }

// Faults returns what is in force, with what remains of Skip and Times.
func (s *Server) Faults() []Fault { return s.faults.all() }

func (l *faultList) add(f Fault) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	f.ID = "fault-" + strconv.Itoa(l.n)
	f.Op = cmp.Or(f.Op, OpSend)
	f.Recipient = personKey(f.Recipient)
	f.removed = make(chan struct{})
	l.list = append(l.list, &f)
	return f.ID
}

func (l *faultList) remove(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.DeleteFunc(l.list, func(f *Fault) bool {
		hit := id == "" || f.ID == id
		if hit {
			close(f.removed)
		}
		return hit
	})
}

func (l *faultList) all() []Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Fault, 0, len(l.list))
	for _, f := range l.list {
		f := *f
		f.removed = nil
		out = append(out, f)
	}
	return out
}

// take returns the fault for one request and counts it. recipients are all addresses of the one it is for.
func (l *faultList) take(op Op, account string, recipients ...string) *Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, f := range l.list {
		if f.Op != OpAny && f.Op != op || f.Account != "" && f.Account != account || f.Recipient != "" && !slices.Contains(recipients, f.Recipient) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		hit := *f
		if f.Times == 1 {
			l.list = slices.Delete(l.list, i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		return &hit
	}
	return nil
}

// answer does the deed and answers, or lies about it as the fault says.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, f *Fault, deed func() (any, *graphError)) {
	if f == nil {
		f = &Fault{Deed: Done}
	}
	var body any
	var refused *graphError
	if f.carries() {
		body, refused = deed()
	}
	if !s.hang(r.Context(), f) {
		resetConnection(w)
		return
	}
	if f.Reset {
		resetConnection(w)
		return
	}
	if f.fails() || !f.carries() {
		refused = f.err()
	}
	status := http.StatusOK
	if refused != nil {
		status, body = refused.Status, refused.body()
		if refused.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(refused.RetryAfter))
		}
	}
	if f.Slow == 0 {
		writeJSON(w, status, body)
		return
	}
	data, err := json.Marshal(body)
	if err != nil {
		s.log.Error("fakemeta: an answer does not encode", "error", err)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	s.drip(w, r, f.Slow, data)
}

// hang waits as long as the fault says, and tells whether there is still somebody to answer.
func (s *Server) hang(ctx context.Context, f *Fault) bool {
	if f.Hang <= 0 {
		return true
	}
	t := time.NewTimer(f.Hang)
	defer t.Stop()
	select {
	case <-t.C:
	case <-f.removed:
	case <-s.ctx.Done():
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

// lieAboutBytes spoils a media download.
func (s *Server) lieAboutBytes(w http.ResponseWriter, r *http.Request, f *Fault, b *blob) {
	if !s.hang(r.Context(), f) || f.Reset {
		resetConnection(w)
		return
	}
	switch {
	case f.Redirect != "":
		w.Header().Set("Location", f.Redirect)
		w.WriteHeader(http.StatusFound)
	case f.fails():
		e := f.err()
		writeJSON(w, e.Status, e.body())
	case f.Bytes > 0:
		w.Header().Set("Content-Length", strconv.FormatInt(f.Bytes, 10))
		chunk := make([]byte, 64<<10)
		for left := f.Bytes; left > 0 && s.ctx.Err() == nil; left -= int64(len(chunk)) {
			if _, err := w.Write(chunk[:min(left, int64(len(chunk)))]); err != nil {
				return // the caller had enough
			}
		}
	case f.Slow > 0:
		w.Header().Set("Content-Length", strconv.Itoa(b.Size))
		s.drip(w, r, f.Slow, b.bytes)
	default:
		_, _ = w.Write(b.bytes) // the caller is gone
	}
}

// drip writes one byte at a time.
func (s *Server) drip(w http.ResponseWriter, r *http.Request, pause time.Duration, data []byte) {
	flush := http.NewResponseController(w)
	for i := range data {
		if !s.pause(r.Context(), pause) {
			return
		}
		if _, err := w.Write(data[i : i+1]); err != nil {
			return // the caller had enough
		}
		if err := flush.Flush(); err != nil {
			return
		}
	}
}

// resetConnection drops the connection with a TCP reset, so that the caller sees neither an answer nor an end of file.
func resetConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 or a test recorder: abort as net/http does
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // already closed by the caller: then there is nothing to reset
	}
	_ = conn.Close() // likewise
}

// addresses are all names of a person that a fault or a control call may use.
func (p *person) addresses() []string {
	return slices.DeleteFunc([]string{p.ID, p.Phone, p.UserID, p.IGSID, strings.TrimPrefix(p.Username, "@")}, func(s string) bool { return s == "" })
}
