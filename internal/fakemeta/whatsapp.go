package fakemeta

import (
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// waRequest is the body of POST /{phone}/messages (PROTOCOLS.md §3).
type waRequest struct {
	Product       string            `json:"messaging_product"`
	RecipientType string            `json:"recipient_type"`
	To            string            `json:"to"`
	Recipient     string            `json:"recipient"`
	Type          string            `json:"type"`
	Opaque        string            `json:"biz_opaque_callback_data"`
	Context       *waRequestContext `json:"context"`

	Status    string         `json:"status"` // "read"
	MessageID string         `json:"message_id"`
	Typing    *waRequestKind `json:"typing_indicator"`

	Text        *waRequestText     `json:"text"`
	Image       *waRequestMedia    `json:"image"`
	Video       *waRequestMedia    `json:"video"`
	Audio       *waRequestMedia    `json:"audio"`
	Document    *waRequestMedia    `json:"document"`
	Sticker     *waRequestMedia    `json:"sticker"`
	Location    *waRequestLocation `json:"location"`
	Contacts    []waRequestCard    `json:"contacts"`
	Reaction    *waRequestReaction `json:"reaction"`
	Interactive *waInteractive     `json:"interactive"`
	Template    *waTemplate        `json:"template"`
}

type waRequestContext struct {
	MessageID string `json:"message_id"`
}

type waRequestKind struct {
	Type string `json:"type"`
}

type waRequestText struct {
	Body string `json:"body"`
}

type waRequestMedia struct {
	ID       string `json:"id"`
	Link     string `json:"link"`
	Caption  string `json:"caption"`
	Filename string `json:"filename"`
	Voice    bool   `json:"voice"`
}

type waRequestLocation struct {
	Latitude  json.Number `json:"latitude"`
	Longitude json.Number `json:"longitude"`
	Name      string      `json:"name"`
	Address   string      `json:"address"`
}

type waRequestCard struct {
	Name *struct {
		Formatted string `json:"formatted_name"`
	} `json:"name"`
	Phones []struct {
		Phone string `json:"phone"`
	} `json:"phones"`
}

type waRequestReaction struct {
	MessageID string  `json:"message_id"`
	Emoji     *string `json:"emoji"`
}

// sendWhatsApp is POST /{phone}/messages: content, a read mark, or typing.
func (s *Server) sendWhatsApp(c *call, a *account) {
	var req waRequest
	if refused := decodeBody(c.r, &req); refused != nil {
		writeJSON(c.w, refused.Status, refused.body())
		return
	}
	if req.Status != "" || req.Typing != nil && req.Type == "" {
		s.answer(c.w, c.r, s.faults.take(OpMark, a.ID()), func() (any, *graphError) { return s.markRead(a, &req) })
		return
	}
	address := req.To
	if address == "" { // "to" wins (BSUID page, 2026-05-28)
		address = req.Recipient
	}
	s.world.mu.Lock()
	p := s.world.findLocked(address)
	outside := req.Type != "template" && (p == nil || !s.world.threadLocked(a, p).open(s.now(), windowLength))
	recipients := []string{personKey(address)}
	var personID string
	if p != nil {
		recipients, personID = append(recipients, p.addresses()...), p.ID
	}
	s.world.mu.Unlock()

	booked := GraphSend{At: s.now(), Account: a.ID(), Recipient: address, Person: personID, Type: req.Type, Opaque: req.Opaque, OutsideWindow: outside}
	if req.Template != nil {
		booked.Template = req.Template.Name
	}
	settle := s.ledger.send(booked)
	f := s.faults.take(OpSend, a.ID(), recipients...)
	s.answer(c.w, c.r, f, func() (any, *graphError) {
		body, x, refused := s.acceptWhatsApp(a, &req, address)
		settle(func(g *GraphSend) {
			if refused != nil {
				g.Outcome, g.Code = Refused, refused.Code
				return
			}
			g.Outcome, g.ID = Accepted, x.id
		})
		if refused != nil {
			return nil, refused
		}
		s.follow(c.r.Context(), x, f)
		return body, nil
	})
}

// acceptWhatsApp judges one send by the platform's rules and, if it holds, puts it on the customer's phone.
func (s *Server) acceptWhatsApp(a *account, req *waRequest, address string) (any, *sending, *graphError) {
	if req.Product != "whatsapp" {
		return nil, nil, badParam("The parameter messaging_product is required.")
	}
	if utf8.RuneCountInString(req.Opaque) > 512 {
		return nil, nil, badParam("Param biz_opaque_callback_data must be at most 512 characters long.")
	}
	m, category, refused := s.readContent(a, req)
	if refused != nil {
		return nil, nil, refused
	}
	p, refused := s.recipient(a, req, address)
	if refused != nil {
		return nil, nil, refused
	}
	now := s.now()
	if refused := s.limits.allow(now, a, p); refused != nil {
		return nil, nil, refused
	}
	x := &sending{account: a, person: p, id: s.mint.message(WhatsApp), kind: req.Type, category: category, opaque: req.Opaque, linked: m.linked()}
	x.fails = s.asyncFailure(a, p, req, category, now)
	if x.fails != 0 && s.cfg.Refusals == RefuseAtOnce {
		return nil, nil, refuse(x.fails, "")
	}
	if x.fails == 0 { // else the customer never sees it
		m.ID, m.At, m.Category, m.Opaque = x.id, now, category, req.Opaque
		s.arriveWhatsApp(a, p, req, m)
	}

	contact, message := map[string]string{"input": address, "wa_id": p.Phone}, map[string]string{"id": x.id}
	if req.To == "" {
		contact = map[string]string{"input": address, "user_id": p.UserID}
	}
	if req.Type == "template" {
		message["message_status"] = "accepted"
	}
	return map[string]any{"messaging_product": "whatsapp", "contacts": []any{contact}, "messages": []any{message}}, x, nil
}

// arriveWhatsApp puts an accepted message, or a reaction, on the customer's phone.
func (s *Server) arriveWhatsApp(a *account, p *person, req *waRequest, m *Message) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	t := s.world.threadLocked(a, p)
	if !t.adClick.IsZero() && m.At.Before(t.adClick.Add(windowLength)) {
		t.entryUntil, t.adClick = m.At.Add(freeEntry), time.Time{}
	}
	t.typingUntil = time.Time{}
	if req.Type == "reaction" {
		if to := s.world.messages[req.Reaction.MessageID]; to != nil {
			to.BusinessReaction = *req.Reaction.Emoji
			s.world.touchLocked(to)
		}
		return
	}
	m.FromBusiness, m.Type, m.Status = true, req.Type, "accepted"
	if req.Context != nil {
		m.ReplyTo = req.Context.MessageID
	}
	s.world.showLocked(t, m)
}

// recipient resolves who is meant. Somebody who does not exist gets a stand-in whose messages fail with 131026.
func (s *Server) recipient(a *account, req *waRequest, address string) (*person, *graphError) {
	switch {
	case address == "":
		return nil, badParam("The parameter to is required.")
	case req.RecipientType != "" && req.RecipientType != "individual":
		return nil, refuse(131009, "Param recipient_type must be one of {INDIVIDUAL} here: groups are not played.")
	case req.To == "" && !bsuidShape.MatchString(address):
		return nil, refuse(131009, "Param recipient is not a valid business-scoped user id.")
	case req.To == "" && s.needsPhone(a, req):
		return nil, refuse(131062, "")
	}
	if req.To != "" {
		digits := personKey(address)
		if !strings.HasPrefix(address, "+") || !allDigits(strings.TrimLeft(address, "+")) || len(digits) < 7 || len(digits) > 15 {
			return nil, refuse(131009, "Param to must be a phone number in E.164 with a leading +; without it the platform may read another country.")
		}
		if digits == a.DisplayPhone {
			return nil, refuse(131021, "")
		}
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if p := s.world.findLocked(address); p != nil {
		return p, nil
	}
	nobody := &person{Person: Person{Kind: WhatsApp, Phone: personKey(address), Unreachable: true}, silent: true}
	if req.To == "" {
		nobody.Phone, nobody.UserID = "", address
	}
	if !s.cfg.OpenWorld {
		return nobody, nil
	}
	nobody.Unreachable = false
	nobody.UserID = cmp.Or(nobody.UserID, deriveBSUID(nobody.Phone))
	nobody.ID = "wa-" + cmp.Or(nobody.Phone, nobody.UserID)
	s.world.people = append(s.world.people, nobody)
	s.world.indexLocked(nobody)
	return nobody, nil
}

// asyncFailure is the code with which an accepted send will fail, or 0.
func (s *Server) asyncFailure(a *account, p *person, req *waRequest, category string, now time.Time) int {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	switch {
	case p.Unreachable || a.blocked[p]:
		return 131026
	case req.Type != "template" && !s.world.threadLocked(a, p).open(now, windowLength):
		return 131047
	case category == "MARKETING" && p.NoMarketing:
		return 131050
	case category == "MARKETING" && strings.HasPrefix(p.Phone, "1"):
		return 131049 // not delivered to the United States since 2025-04
	}
	return 0
}

// markRead is a read mark, with or without typing: it marks everything before it too.
func (s *Server) markRead(a *account, req *waRequest) (any, *graphError) {
	switch {
	case req.Product != "whatsapp":
		return nil, badParam("The parameter messaging_product is required.")
	case req.Status != "read":
		return nil, badParam("Param status must be one of {READ} - got \"%s\".", req.Status)
	case req.MessageID == "":
		return nil, badParam("The parameter message_id is required.")
	case !s.mint.issued(req.MessageID):
		return nil, refuse(131009, "Param message_id is not a valid message id.")
	case req.Typing != nil && req.Typing.Type != "text":
		return nil, badParam("Param typing_indicator['type'] must be one of {TEXT}.")
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if m := s.world.messages[req.MessageID]; m != nil {
		s.readByBusinessLocked(m)
		if req.Typing != nil {
			m.thread.typingUntil = time.Now().Add(25 * time.Second)
			s.world.touchThreadLocked(m.thread)
		}
	}
	return map[string]bool{"success": true}, nil
}

func (s *Server) readByBusinessLocked(last *Message) {
	for _, m := range last.thread.messages {
		if !m.FromBusiness {
			s.world.advanceLocked(m, "read")
		}
		if m == last {
			return
		}
	}
}

// readContent checks the content by its type and draws what the customer will see.
func (s *Server) readContent(a *account, req *waRequest) (m *Message, category string, refused *graphError) {
	m = &Message{}
	media := map[string]*waRequestMedia{"image": req.Image, "video": req.Video, "audio": req.Audio, "document": req.Document, "sticker": req.Sticker}
	switch req.Type {
	case "", "text":
		req.Type = "text"
		if req.Text == nil || strings.TrimSpace(req.Text.Body) == "" {
			return nil, "", badParam("The parameter text['body'] is required.")
		}
		if utf8.RuneCountInString(req.Text.Body) > 4096 {
			return nil, "", badParam("Param text['body'] must be at most 4096 characters long.")
		}
		m.Text = req.Text.Body
	case "image", "video", "audio", "document", "sticker":
		r := media[req.Type]
		if r == nil {
			return nil, "", badParam("The parameter %s is required.", req.Type)
		}
		m.Text = r.Caption
		m.Media, refused = s.checkMedia(a, req.Type, r)
	case "location":
		m.Location, refused = readLocation(req.Location)
	case "contacts":
		m.Contacts, refused = readCards(req.Contacts)
	case "reaction":
		if req.Reaction == nil || req.Reaction.Emoji == nil {
			return nil, "", badParam("The parameter reaction['emoji'] is required.")
		}
		if !s.mint.issued(req.Reaction.MessageID) {
			return nil, "", refuse(131009, "Param reaction['message_id'] is not a valid message id.")
		}
	case "interactive":
		refused = s.readInteractive(a, req.Interactive, m)
	case "template":
		category, refused = s.readTemplate(a, req.Template, m)
	default:
		return nil, "", badParam("Param type must be one of {AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, REACTION, STICKER, TEMPLATE, TEXT, VIDEO} - got \"%s\".", req.Type)
	}
	return m, category, refused
}

// checkMedia wants an id of ours or a link, and the right kind of file.
func (s *Server) checkMedia(a *account, kind string, r *waRequestMedia) (*Media, *graphError) {
	if (r.ID == "") == (r.Link == "") {
		return nil, badParam("Param %s must have exactly one of id and link.", kind)
	}
	if r.Caption != "" && (kind == "audio" || kind == "sticker") {
		return nil, badParam("Unexpected key \"caption\" on param \"%s\".", kind)
	}
	if utf8.RuneCountInString(r.Caption) > 1024 {
		return nil, badParam("Param %s['caption'] must be at most 1024 characters long.", kind)
	}
	if r.Link != "" {
		if u, err := url.Parse(r.Link); err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "" {
			return nil, badParam("Param %s['link'] is not a valid URI.", kind)
		}
		return &Media{Filename: r.Filename, Voice: r.Voice, link: r.Link}, nil
	}
	b := s.media.get(r.ID)
	if b == nil || b.Owner != a.ID() {
		return nil, badParam("Param %s['id'] is not a valid whatsapp business account media attachment ID", kind)
	}
	want := map[string]string{"image": "image/", "video": "video/", "audio": "audio/", "sticker": "image/webp"}[kind]
	if !strings.HasPrefix(b.MIME, want) {
		return nil, refuse(131053, "Media of type "+b.MIME+" cannot be sent as "+kind+".")
	}
	media := b.media()
	media.Voice = r.Voice
	if r.Filename != "" {
		media.Filename = r.Filename
	}
	return media, nil
}

func readLocation(l *waRequestLocation) (*Location, *graphError) {
	if l == nil {
		return nil, badParam("The parameter location is required.")
	}
	lat, errLat := l.Latitude.Float64()
	long, errLong := l.Longitude.Float64()
	if errLat != nil || errLong != nil || lat < -90 || lat > 90 || long < -180 || long > 180 {
		return nil, badParam("Param location must have a latitude and a longitude.")
	}
	return &Location{lat, long, l.Name, l.Address}, nil
}

func readCards(cards []waRequestCard) ([]string, *graphError) {
	if len(cards) == 0 {
		return nil, badParam("The parameter contacts is required.")
	}
	var out []string
	for i, card := range cards {
		if card.Name == nil || card.Name.Formatted == "" {
			return nil, badParam("The parameter contacts[%d]['name']['formatted_name'] is required.", i)
		}
		line := card.Name.Formatted
		if len(card.Phones) > 0 {
			line += " · " + card.Phones[0].Phone
		}
		out = append(out, line)
	}
	return out, nil
}
