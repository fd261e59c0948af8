package fakemeta

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the legacy header is SHA-1; the desk must not trust it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// sender posts webhooks until they are answered 2xx. First attempts of one thread go one after the other, as Meta's
// mostly do; different threads go at the same time, and a retry goes whenever it is due.
type sender struct {
	s      *Server
	client *http.Client
	slots  chan struct{}

	mu      sync.Mutex
	n       int64
	lanes   map[string][]*delivery // queued behind the one under way
	pending map[int64]*delivery    // not answered 2xx yet
	due     retryHeap
	wake    chan struct{} // the earliest retry may have changed
	holds   []*Held
	last    WebhookAttempt
	acked   int64
}

// delivery is one body on its way.
type delivery struct {
	ID      int64    `json:"id"`
	Account string   `json:"account"`
	What    []string `json:"what"`
	IDs     []string `json:"ids"`
	Body    []byte   `json:"body"`
	lane    string
	attempt int
	once    bool // given up after the first attempt
	due     time.Time
	tried   chan struct{} // closed after the first attempt
}

func newSender(s *Server) *sender {
	transport := &http.Transport{MaxIdleConns: 2048, MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Minute, DisableCompression: true}
	return &sender{
		s: s, client: &http.Client{Transport: transport, Timeout: s.cfg.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		slots: make(chan struct{}, s.cfg.Concurrency), lanes: map[string][]*delivery{}, pending: map[int64]*delivery{}, wake: make(chan struct{}, 1),
	}
}

// Sign returns the X-Hub-Signature-256 header for a body: HMAC-SHA256 with the app secret over the raw bytes.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Subscribe does what saving the callback URL in the app dashboard does: a GET with a challenge, for each account, and
// events go to the URL only if all are answered rightly. Several URLs are those of one desk behind a load balancer:
// attempts take turns. Events that happened before are posted now.
func (s *Server) Subscribe(ctx context.Context, callbacks ...string) error {
	for _, callback := range callbacks {
		for _, a := range s.cfg.Accounts {
			if err := s.verifyCallback(ctx, callback, a.VerifyToken); err != nil {
				return err
			}
		}
	}
	s.world.mu.Lock()
	for _, a := range s.world.accounts {
		a.callbacks, a.subscribed = callbacks, true
	}
	s.world.mu.Unlock()
	s.sender.retryNow()
	return nil
}

func (s *Server) verifyCallback(ctx context.Context, callback, token string) error {
	challenge := rand.Text()
	u, err := url.Parse(callback)
	if err != nil {
		return fmt.Errorf("fakemeta: callback: %w", err)
	}
	q := u.Query()
	q.Set("hub.mode", "subscribe")
	q.Set("hub.challenge", challenge)
	q.Set("hub.verify_token", token)
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("fakemeta: callback: %w", err)
	}
	resp, err := s.sender.client.Do(req)
	if err != nil {
		return fmt.Errorf("fakemeta: callback verification: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read only
	got, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("fakemeta: callback verification: %w", err)
	}
	if resp.StatusCode != http.StatusOK || string(got) != challenge {
		return fmt.Errorf("fakemeta: callback verification: status %d and %d bytes instead of the challenge", resp.StatusCode, len(got))
	}
	return nil
}

// emit sends updates of one thread in one POST, or hands them to whoever holds them back. The channel is closed after
// the first attempt; it is nil while held.
func (d *sender) emit(lane string, updates ...update) <-chan struct{} {
	d.mu.Lock()
	if n := len(d.holds); n > 0 {
		h := d.holds[n-1]
		for _, u := range updates {
			h.updates = append(h.updates, heldUpdate{lane, u})
		}
		d.mu.Unlock()
		return nil
	}
	d.mu.Unlock()
	return d.post(lane, updates)
}

// post queues one body.
func (d *sender) post(lane string, updates []update) <-chan struct{} {
	p, err := d.pack(updates)
	if err != nil {
		d.s.log.Error("fakemeta: an update does not encode", "error", err)
		done := make(chan struct{})
		close(done)
		return done
	}
	p.lane = cmp.Or(lane, fmt.Sprint("alone-", p.ID))
	d.mu.Lock()
	defer d.mu.Unlock()
	queue, busy := d.lanes[p.lane]
	d.lanes[p.lane] = append(queue, p)
	if !busy {
		d.s.goTracked(func() { d.runLane(p.lane) })
	}
	return p.tried
}

// pack encodes updates and books the delivery as pending.
func (d *sender) pack(updates []update) (*delivery, error) {
	body, err := encode(updates, d.s.now(), d.s.cfg.EscapeUnicode)
	if err != nil {
		return nil, err
	}
	p := &delivery{Account: updates[0].account.ID(), Body: body, tried: make(chan struct{})}
	for _, u := range updates {
		p.What, p.IDs = append(p.What, u.what), append(p.IDs, u.id)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	p.ID = d.n
	d.pending[p.ID] = p
	d.s.dirty.Store(true)
	return p, nil
}

func (d *sender) runLane(lane string) {
	for {
		d.mu.Lock()
		queue := d.lanes[lane]
		if len(queue) == 0 {
			delete(d.lanes, lane)
			d.mu.Unlock()
			return
		}
		p := queue[0]
		d.lanes[lane] = queue[1:]
		d.mu.Unlock()
		select {
		case d.slots <- struct{}{}:
			d.attempt(p)
			<-d.slots
		case <-d.s.ctx.Done():
			return
		}
	}
}

// attempt posts once; what is not answered 2xx comes back by itself.
func (d *sender) attempt(p *delivery) WebhookAttempt {
	p.attempt++
	n := p.attempt // p is another attempt's as soon as it is pushed back
	a := WebhookAttempt{At: time.Now(), Delivery: p.ID, Attempt: n, Account: p.Account, What: p.What, IDs: p.IDs}
	acc, target := d.s.webhookOf(p.Account, int(p.ID)+n)
	if target == "" {
		a.Error = "no callback URL"
	} else {
		a.Status, a.Error = d.do(target, acc.AppSecret, p.Body)
		a.Took = time.Since(a.At)
		d.s.ledger.webhook(a)
	}
	d.mu.Lock()
	turned := a.Acked() != d.last.Acked()
	d.last = a
	switch {
	case a.Acked():
		d.acked++
		delete(d.pending, p.ID)
	case p.once:
		delete(d.pending, p.ID)
	default:
		p.due = time.Now().Add(d.s.cfg.Retry[min(n, len(d.s.cfg.Retry))-1])
		heap.Push(&d.due, p)
	}
	turned = turned || len(d.pending) == 0
	d.mu.Unlock()
	d.s.dirty.Store(true)
	if a.Acked() {
		d.s.delivered(p.IDs)
	} else {
		d.poke()
	}
	if turned {
		d.s.world.bump() // the phones page shows whether the desk answers and whether something waits
	}
	if n == 1 {
		close(p.tried)
	}
	return a
}

func (d *sender) do(target, secret string, body []byte) (status int, failure string) {
	req, err := http.NewRequestWithContext(d.s.ctx, http.MethodPost, target, bytes.NewReader(body)) //nolint:gosec // Meta posts to the URL that was subscribed
	if err != nil {
		return 0, err.Error()
	}
	legacy := hmac.New(sha1.New, []byte(secret))
	legacy.Write(body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "facebookexternalua")
	req.Header.Set("X-Hub-Signature", "sha1="+hex.EncodeToString(legacy.Sum(nil)))
	req.Header.Set("X-Hub-Signature-256", Sign(secret, body))
	resp, err := d.client.Do(req) //nolint:gosec // likewise
	if err != nil {
		return 0, withoutURL(err)
	}
	defer func() { _ = resp.Body.Close() }()                      // read only
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is kept
	return resp.StatusCode, ""
}

// withoutURL is the text of an HTTP client's error without the address, which may carry secrets.
func withoutURL(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return err.Error()
}

// run posts what is due again.
func (d *sender) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		d.mu.Lock()
		wait := time.Hour
		var p *delivery
		if len(d.due) > 0 {
			if wait = time.Until(d.due[0].due); wait <= 0 {
				p = heap.Pop(&d.due).(*delivery)
			}
		}
		d.mu.Unlock()
		if p == nil {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-d.wake:
			case <-d.s.ctx.Done():
				return
			}
			continue
		}
		select {
		case d.slots <- struct{}{}:
			d.s.goTracked(func() { d.attempt(p); <-d.slots })
		case <-d.s.ctx.Done():
			return
		}
	}
}

// retryNow makes everything that waits for another attempt due.
func (d *sender) retryNow() {
	d.mu.Lock()
	for _, p := range d.due {
		p.due = time.Now()
	}
	heap.Init(&d.due)
	d.mu.Unlock()
	d.poke()
}

// poke makes run look again.
func (d *sender) poke() {
	select {
	case d.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Settle waits until every webhook is answered 2xx and every status sequence is over. It ends early with ctx's error.
func (s *Server) Settle(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.sender.waiting() == 0 && s.sequences.Load() == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("fakemeta: %d webhooks and %d status sequences are still on their way: %w", s.sender.waiting(), s.sequences.Load(), ctx.Err())
		}
	}
}

func (d *sender) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.pending)
}

// webhookOf finds where an account's event goes this time; "" while nobody subscribed.
func (s *Server) webhookOf(id string, turn int) (Account, string) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	a := s.world.account(id)
	if a == nil || !a.subscribed || len(a.callbacks) == 0 {
		return Account{}, ""
	}
	return a.Account, a.callbacks[turn%len(a.callbacks)]
}

// retryHeap is ordered by due time.
//
//nolint:recvcheck // container/heap changes the slice only in Push and Pop
type retryHeap []*delivery

func (h retryHeap) Len() int           { return len(h) }
func (h retryHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h retryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *retryHeap) Push(x any)        { *h = append(*h, x.(*delivery)) }
func (h *retryHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
