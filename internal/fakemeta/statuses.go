package fakemeta

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// sending is an accepted message on its way to a customer.
type sending struct {
	account  *account
	person   *person
	id       string
	kind     string // text, template, reaction, …
	category string // of a template
	opaque   string
	linked   []*Media   // to fetch first
	fails    int        // it will fail with this code
	echo     *igMessage // Instagram: what the echo shows
	charged  bool       // pricing was told
}

// follow tells what becomes of an accepted send. With StatusesFirst it returns only when everything was told.
func (s *Server) follow(ctx context.Context, x *sending, f *Fault) {
	if f != nil && f.StatusesFirst {
		s.sequence(ctx, x, f)
		return
	}
	s.sequences.Add(1)
	if !s.goTracked(func() {
		defer s.sequences.Add(-1)
		s.sequence(s.ctx, x, f)
	}) {
		s.sequences.Add(-1)
	}
}

func (s *Server) sequence(ctx context.Context, x *sending, f *Fault) {
	copies := 1
	if f != nil && f.StatusCopies > 1 {
		copies = f.StatusCopies
	}
	r := s.cfg.Receipts
	if f != nil && f.Statuses != nil {
		if !slices.Contains(f.Statuses, "failed") {
			s.arrived(x) // what is told is another matter
		}
		for i, status := range f.Statuses {
			delay := r.Delivered
			if i == 0 {
				delay = r.Sent
			}
			if status == "none" || !s.pause(ctx, delay) {
				return
			}
			s.tellCopies(ctx, x, status, f.StatusCode, copies)
		}
		return
	}
	if x.account.Kind == Instagram {
		s.instagramSequence(ctx, x, copies)
		return
	}
	if x.fails == 0 {
		x.fails = s.fetchLinked(x)
	}
	if !s.pause(ctx, r.Sent) {
		return
	}
	if x.fails != 0 {
		s.tellCopies(ctx, x, "failed", x.fails, copies)
		return
	}
	s.tellCopies(ctx, x, "sent", 0, copies)
	s.world.mu.Lock()
	offline, readsNow := x.person.Offline, x.person.ReadImmediately || r.AutoRead
	s.world.mu.Unlock()
	if x.kind == "reaction" || offline || !s.pause(ctx, r.Delivered) { // a reaction gets only "sent" (status page)
		return
	}
	s.tellCopies(ctx, x, "delivered", 0, copies)
	if readsNow && s.pause(ctx, r.Read) {
		s.tellCopies(ctx, x, "read", 0, copies)
	}
}

// arrived puts a message on the customer's screen without telling anybody.
func (s *Server) arrived(x *sending) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if m := s.world.messages[x.id]; m != nil && !x.person.Offline {
		s.world.advanceLocked(m, "delivered")
	}
}

// instagramSequence: there are no delivery receipts, but an echo, and a read when the customer looks.
func (s *Server) instagramSequence(ctx context.Context, x *sending, copies int) {
	r := s.cfg.Receipts
	if x.echo == nil || !s.pause(ctx, r.Sent) {
		return
	}
	for range copies {
		s.await(ctx, s.sender.emit(lane(x), s.echo(x.account, x.person, x.echo, s.now())))
	}
	s.advance(x.id, "sent", 0)
	s.world.mu.Lock()
	readsNow := x.person.ReadImmediately || r.AutoRead
	s.world.mu.Unlock()
	if readsNow && s.pause(ctx, r.Read) {
		s.await(ctx, s.tellStatus(x, "read", 0))
	}
}

// tellCopies tells one status, so many times at once, and waits for the first attempts.
func (s *Server) tellCopies(ctx context.Context, x *sending, status string, code, copies int) {
	var tried []<-chan struct{}
	for range copies {
		tried = append(tried, s.tellStatus(x, status, code))
	}
	for _, t := range tried {
		s.await(ctx, t)
	}
}

func (s *Server) await(ctx context.Context, tried <-chan struct{}) {
	if tried == nil {
		return // held back
	}
	select {
	case <-tried:
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
}

// tellStatus shows a status on the phone and posts its webhook (PROTOCOLS.md §1.7).
func (s *Server) tellStatus(x *sending, status string, code int) <-chan struct{} {
	if status == "failed" && code == 0 {
		code = 131000
	}
	s.advance(x.id, status, code)
	now := s.now()
	s.world.mu.Lock()
	if x.account.Kind == Instagram {
		item := &igItem{Sender: igParty{x.person.IGSID}, Recipient: igParty{x.account.InstagramID}, Timestamp: now.UnixMilli(), Read: map[string]any{"mid": x.id}}
		quiet := status != "read" || x.person.NoReceipts
		s.world.mu.Unlock()
		if quiet {
			return nil
		}
		return s.sender.emit(lane(x), update{account: x.account, what: "read", id: x.id, item: item})
	}
	st := waStatus{
		ID: x.id, Status: status, Timestamp: unix(now), RecipientID: x.person.visiblePhone(), RecipientUserID: x.person.UserID, Opaque: x.opaque,
	}
	v := &waValue{Product: "whatsapp", Metadata: x.account.metadata(), Contacts: []waContact{x.person.contact()}}
	switch status {
	case "failed":
		v.Contacts = nil
		st.Errors = []webhookError{asWebhookError(code)}
		if st.RecipientID != "" {
			st.RecipientUserID = "" // missing on failed when sent to a phone
		}
	case "delivered", "read":
		if !x.charged && x.kind != "" && x.kind != "reaction" {
			x.charged = true
			st.Pricing, st.Conversation = s.priceLocked(x, now)
		}
	}
	s.world.mu.Unlock()
	v.Statuses = []waStatus{st}
	return s.sender.emit(lane(x), update{account: x.account, what: "status", id: x.id, field: "messages", value: v})
}

func lane(x *sending) string { return pair{x.account, x.person}.lane() }

// advance moves the status of a shown message.
func (s *Server) advance(id, status string, code int) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if m := s.world.messages[id]; m != nil && m.FromBusiness {
		if status == "failed" {
			m.ErrorCode = code
		}
		s.world.advanceLocked(m, status)
	}
}

// priceLocked is what Meta says of the price, once for each message (pricing since 2026-10-01).
func (s *Server) priceLocked(x *sending, now time.Time) (*waPricing, *waConversation) {
	t := s.world.threadLocked(x.account, x.person)
	if now.Before(t.entryUntil) {
		return &waPricing{false, "PMP", "free_entry_point", "referral_conversion"},
			&waConversation{ID: digitsOf(x.id, 20), Expires: unix(t.entryUntil), Origin: map[string]string{"type": "referral_conversion"}}
	}
	if x.kind == "template" {
		return &waPricing{true, "PMP", "regular", strings.ToLower(x.category)}, nil
	}
	if month := now.UTC().Format("2006-01"); x.account.serviceMonth != month {
		x.account.serviceMonth, x.account.serviceSent = month, 0
	}
	x.account.serviceSent++
	if x.account.serviceSent <= s.cfg.FreeService {
		return &waPricing{false, "PMP", "free_customer_service", "service"}, nil
	}
	return &waPricing{true, "PMP", "regular", "service"}, nil
}

// fetchLinked gets the media that were sent by link; 131053 if a link does not work.
func (s *Server) fetchLinked(x *sending) (code int) {
	for _, m := range x.linked {
		b, err := s.fetchLink(x.account.ID(), m.link)
		if err != nil {
			s.log.Info("fakemeta: a media link does not work", "error", withoutURL(err))
			return 131053
		}
		s.world.mu.Lock()
		m.ID, m.MIME, m.Size, m.Filename = b.ID, b.MIME, b.Size, cmp.Or(m.Filename, b.Filename)
		if shown := s.world.messages[x.id]; shown != nil {
			s.world.touchLocked(shown)
		}
		s.world.mu.Unlock()
	}
	return 0
}

// backOnline delivers what waited while the phone was off.
func (s *Server) backOnline(p *person) {
	s.world.mu.Lock()
	var waiting []*sending
	for key, t := range s.world.threads {
		if key.person != p || key.account.Kind != WhatsApp {
			continue
		}
		for _, m := range t.messages {
			if m.FromBusiness && m.Status == "sent" {
				waiting = append(waiting, &sending{account: key.account, person: p, id: m.ID, kind: m.Type, category: m.Category, opaque: m.Opaque})
			}
		}
	}
	s.world.mu.Unlock()
	for _, x := range waiting {
		s.tellStatus(x, "delivered", 0)
	}
}
