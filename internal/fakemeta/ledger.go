package fakemeta

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// WebhookAttempt is one POST to the desk.
type WebhookAttempt struct {
	At       time.Time     `json:"at"` // wall clock, start of the attempt
	Delivery int64         `json:"delivery"`
	Attempt  int           `json:"attempt"` // 1 is the first
	Account  string        `json:"account"`
	What     []string      `json:"what"`   // message, status, echo, reaction, …: one for each update in the body
	IDs      []string      `json:"ids"`    // provider ids: of the message, or of the message that a status is about
	Status   int           `json:"status"` // 0: no answer
	Error    string        `json:"error,omitempty"`
	Took     time.Duration `json:"took"` // nanoseconds
}

// Acked says whether the desk took responsibility.
func (a WebhookAttempt) Acked() bool { return a.Status >= 200 && a.Status < 300 }

// GraphSend is one request to send that reached the platform, whatever became of it.
type GraphSend struct {
	At            time.Time `json:"at"` // the platform's clock (Config.Clock)
	Account       string    `json:"account"`
	Recipient     string    `json:"recipient"` // as given by the caller
	Person        string    `json:"person,omitempty"`
	Type          string    `json:"type"` // text, image, template, reaction, …
	Template      string    `json:"template,omitempty"`
	Opaque        string    `json:"opaque,omitempty"` // biz_opaque_callback_data
	Tag           string    `json:"tag,omitempty"`    // Instagram: HUMAN_AGENT
	OutsideWindow bool      `json:"outside_window"`   // free-form with the window shut by our own clock
	Outcome       Outcome   `json:"outcome"`
	ID            string    `json:"id,omitempty"`   // wamid or mid, if accepted
	Code          int       `json:"code,omitempty"` // Graph error code, if refused
}

// Outcome is what became of a send at the platform. It says nothing of what the caller was told.
type Outcome string

// The outcomes.
const (
	Accepted Outcome = "accepted" // it has an id; it may still fail
	Refused  Outcome = "refused"  // the platform's rules said no
	Lost     Outcome = "lost"     // a fault dropped it
)

// Ledger is everything that passed between the desk and the platform, in order of start.
type Ledger struct {
	Webhooks []WebhookAttempt
	Sends    []GraphSend
}

// AckedIDs is the set of provider ids that the desk answered 2xx for, of updates of one sort ("message") or of all ("").
func (l Ledger) AckedIDs(what string) map[string]bool {
	out := map[string]bool{}
	for _, a := range l.Webhooks {
		if !a.Acked() {
			continue
		}
		for i, id := range a.IDs {
			if id != "" && (what == "" || a.What[i] == what) {
				out[id] = true
			}
		}
	}
	return out
}

type ledger struct {
	mu       sync.Mutex
	webhooks []WebhookAttempt
	sends    []*GraphSend
}

// Ledger returns a snapshot.
func (s *Server) Ledger() Ledger { return s.ledger.snapshot(0, 0) }

// ForgetLedger empties it, between two phases of a test.
func (s *Server) ForgetLedger() {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	s.ledger.webhooks, s.ledger.sends = nil, nil
}

func (l *ledger) snapshot(fromWebhook, fromSend int) Ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := Ledger{Webhooks: slices.Clone(l.webhooks[min(fromWebhook, len(l.webhooks)):])}
	for _, g := range l.sends[min(fromSend, len(l.sends)):] {
		out.Sends = append(out.Sends, *g)
	}
	return out
}

func (l *ledger) webhook(a WebhookAttempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.webhooks = append(l.webhooks, a)
}

// send books a request at its arrival as lost, so that it is seen even while it hangs; the returned function books
// what became of it.
func (l *ledger) send(g GraphSend) (settle func(func(*GraphSend))) {
	g.Outcome = Lost
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sends = append(l.sends, &g)
	return func(change func(*GraphSend)) {
		l.mu.Lock()
		defer l.mu.Unlock()
		change(&g)
	}
}

type ledgerLine struct {
	Webhook *WebhookAttempt `json:"webhook,omitempty"`
	Send    *GraphSend      `json:"send,omitempty"`
}

// WriteNDJSON writes one JSON object a line: {"webhook":{…}} or {"send":{…}}.
func (l Ledger) WriteNDJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	for i := range l.Webhooks {
		if err := enc.Encode(ledgerLine{Webhook: &l.Webhooks[i]}); err != nil {
			return err
		}
	}
	for i := range l.Sends {
		if err := enc.Encode(ledgerLine{Send: &l.Sends[i]}); err != nil {
			return err
		}
	}
	return nil
}

// ReadNDJSON reads what WriteNDJSON wrote: the ledger of a fakemeta in another process.
func ReadNDJSON(r io.Reader) (Ledger, error) {
	var l Ledger
	dec := json.NewDecoder(r)
	for {
		var line ledgerLine
		if err := dec.Decode(&line); err == io.EOF {
			return l, nil
		} else if err != nil {
			return l, err
		}
		if line.Webhook != nil {
			l.Webhooks = append(l.Webhooks, *line.Webhook)
		}
		if line.Send != nil {
			l.Sends = append(l.Sends, *line.Send)
		}
	}
}

func (s *Server) serveLedger(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	l := s.ledger.snapshot(atoi(q.Get("webhooks_from")), atoi(q.Get("sends_from")))
	w.Header().Set("Content-Type", "application/x-ndjson")
	if err := l.WriteNDJSON(w); err != nil {
		s.log.Debug("fakemeta: the ledger's reader is gone", "error", err)
	}
}
