package fakemeta

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Phone plays one customer in one chat: with the first account of their kind, unless With says another. Its methods
// return the provider id of what was written; the webhook follows by itself.
type Phone struct {
	s *Server
	p *person
	a *account
}

// Phone returns the WhatsApp customer with that number ("905551110001", with or without "+"), who exists from then on.
// It panics without a WhatsApp account or with an impossible number: both are mistakes of the test.
func (s *Server) Phone(number, name string) *Phone {
	return s.mustPhone(Person{Kind: WhatsApp, Phone: number, Name: name})
}

// InstagramUser returns the Instagram customer with that handle, who exists from then on. It panics like Phone.
func (s *Server) InstagramUser(username, name string) *Phone {
	return s.mustPhone(Person{Kind: Instagram, Username: username, Name: name})
}

func (s *Server) mustPhone(p Person) *Phone {
	ph, err := s.AddPerson(p)
	if err != nil {
		panic(err)
	}
	return ph
}

// AddPerson makes a customer exist, or finds the one with that address. It fails without a usable address and without
// an account of the kind.
func (s *Server) AddPerson(p Person) (*Phone, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	a := s.world.first(p.Kind)
	if a == nil {
		return nil, fmt.Errorf("fakemeta: no account of kind %q", p.Kind)
	}
	if p.Kind == WhatsApp && p.Phone != "" && p.ID == "" {
		if known := s.world.findLocked("+" + personKey(p.Phone)); known != nil {
			p.ID = known.ID
		}
	}
	n, err := s.world.addLocked(p)
	if err != nil {
		return nil, err
	}
	return &Phone{s, n, a}, nil
}

// FindPhone finds a customer by person id, phone, BSUID, IGSID or "@username"; ok is false if there is none.
func (s *Server) FindPhone(address string) (ph *Phone, ok bool) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	p := s.world.findLocked(address)
	if p == nil {
		return nil, false
	}
	return &Phone{s, p, s.world.first(p.Kind)}, true
}

// With is the same customer in the chat with another account of the kind. It panics on an id that is none.
func (ph *Phone) With(accountID string) *Phone {
	ph.s.world.mu.Lock()
	defer ph.s.world.mu.Unlock()
	a := ph.s.world.account(accountID)
	if a == nil || a.Kind != ph.p.Kind {
		panic(fmt.Sprintf("fakemeta: no %s account %q", ph.p.Kind, accountID))
	}
	return &Phone{ph.s, ph.p, a}
}

// Person returns what is known of the customer.
func (ph *Phone) Person() Person {
	ph.s.world.mu.Lock()
	defer ph.s.world.mu.Unlock()
	return ph.p.Person
}

// Change edits the customer: name, Offline, HidePhone, Unreachable and so on; addresses stay. A phone that comes back
// from Offline gets what was sent meanwhile.
func (ph *Phone) Change(edit func(*Person)) {
	ph.s.world.mu.Lock()
	was, old := ph.p.Offline, ph.p.Person
	edit(&ph.p.Person)
	ph.p.ID, ph.p.Kind, ph.p.Phone, ph.p.UserID, ph.p.IGSID, ph.p.Username = old.ID, old.Kind, old.Phone, old.UserID, old.IGSID, old.Username
	ph.s.world.touchPersonLocked(ph.p)
	back := was && !ph.p.Offline
	ph.s.world.mu.Unlock()
	if back {
		ph.s.backOnline(ph.p)
	}
}

// Messages returns the chat, oldest first, as the phone shows it.
func (ph *Phone) Messages() []Message {
	ph.s.world.mu.Lock()
	defer ph.s.world.mu.Unlock()
	t := ph.s.world.threadLocked(ph.a, ph.p)
	out := make([]Message, 0, len(t.messages))
	for _, m := range t.messages {
		out = append(out, *m)
	}
	return out
}

// Option changes how something is told.
type Option func(*telling)

type telling struct {
	at       time.Time
	replyTo  string
	alone    bool
	copies   int
	referral *Referral
	forward  bool
}

// At sets the provider timestamp: a message that was written earlier and told late.
func At(t time.Time) Option { return func(o *telling) { o.at = t } }

// ReplyTo quotes a message.
func ReplyTo(id string) Option { return func(o *telling) { o.replyTo = id } }

// Alone posts the webhook without waiting for earlier ones of the same chat: an album, a race.
func Alone() Option { return func(o *telling) { o.alone = true } }

// Copies posts the webhook n times at the same time.
func Copies(n int) Option { return func(o *telling) { o.copies, o.alone = n, true } }

// FromAd marks a WhatsApp message as the answer to an ad; a reply within 24 h opens the 72 h free entry point.
func FromAd(r Referral) Option { return func(o *telling) { o.referral = &r } }

// Forwarded marks a WhatsApp message as forwarded.
func Forwarded() Option { return func(o *telling) { o.forward = true } }

func (ph *Phone) telling(opts []Option) telling {
	o := telling{at: ph.s.now(), copies: 1}
	for _, f := range opts {
		f(&o)
	}
	return o
}

// SendText writes a text.
func (ph *Phone) SendText(text string, opts ...Option) string {
	m := &Message{Type: "text", Text: text}
	if ph.a.Kind == Instagram {
		return ph.tellInstagram("message", &igMessage{Text: text}, m, opts)
	}
	return ph.tellWhatsApp("message", "text", map[string]string{"body": text}, m, opts)
}

// File is what a customer attaches.
type File struct {
	Bytes    []byte
	MIME     string
	Filename string // documents
	Caption  string // not for audio and stickers
	Voice    bool   // audio recorded in the chat
	Animated bool   // stickers
}

// SendFile attaches a file as one of image, video, audio, document, sticker (WhatsApp) or image, video, audio, file
// (Instagram). It fails if the file cannot be stored, and on Instagram without Config.BaseURL, as its media come by URL.
func (ph *Phone) SendFile(kind string, f File, opts ...Option) (string, error) {
	b := &blob{ID: ph.s.mint.number(), MIME: f.MIME, Filename: f.Filename, Voice: f.Voice, Owner: ph.a.ID(), Created: ph.s.now(), bytes: f.Bytes}
	if err := ph.s.media.put(b); err != nil {
		return "", err
	}
	m := &Message{Type: kind, Text: f.Caption, Media: b.media()}
	if ph.a.Kind == Instagram {
		link := ph.s.mediaURL(b.ID)
		if link == "" {
			return "", errors.New("fakemeta: Instagram media need Config.BaseURL")
		}
		return ph.tellInstagram("message", &igMessage{Attachments: []igAttachment{{kind, map[string]any{"url": link}}}}, m, opts), nil
	}
	content := map[string]any{"id": b.ID, "mime_type": b.MIME, "sha256": b.base64Hash()}
	if link := ph.s.mediaURL(b.ID); link != "" {
		content["url"] = link
	}
	for key, value := range map[string]string{"caption": f.Caption, "filename": f.Filename} {
		if value != "" {
			content[key] = value
		}
	}
	switch kind {
	case "audio":
		content["voice"] = f.Voice
	case "sticker":
		content["animated"] = f.Animated
	}
	return ph.tellWhatsApp("message", kind, content, m, opts), nil
}

// SendLocation shares a place. On Instagram, which has no locations, it is a text with a map link.
func (ph *Phone) SendLocation(l Location, opts ...Option) string {
	if ph.a.Kind == Instagram {
		return ph.SendText(fmt.Sprintf("https://maps.google.com/?q=%g,%g", l.Latitude, l.Longitude), opts...)
	}
	return ph.tellWhatsApp("message", "location", l, &Message{Type: "location", Location: &l}, opts)
}

// SendContact shares somebody's card (WhatsApp).
func (ph *Phone) SendContact(name, phone string, opts ...Option) string {
	card := contactCard(name, phone)
	return ph.tellWhatsApp("message", "contacts", []any{card}, &Message{Type: "contacts", Contacts: []string{name + " · +" + personKey(phone)}}, opts)
}

// ShareNumber answers a request for the number of a username user: the card carries origin contact_request, and the
// number is visible from then on (WhatsApp).
func (ph *Phone) ShareNumber(opts ...Option) string {
	p := ph.Person()
	card := map[string]any{
		"origin": "contact_request", "name": map[string]string{"formatted_name": p.Name},
		"phones": []map[string]string{{"phone": "+" + p.Phone, "wa_id": p.Phone, "type": "CELL"}},
		"vcard":  "BEGIN:VCARD\nVERSION:3.0\nFN:" + p.Name + "\nTEL;waid=" + p.Phone + ":+" + p.Phone + "\nEND:VCARD",
	}
	id := ph.tellWhatsApp("message", "contacts", []any{card}, &Message{Type: "contacts", Contacts: []string{p.Name + " · +" + p.Phone}}, opts)
	ph.Change(func(p *Person) { p.HidePhone = false })
	return id
}

func contactCard(name, phone string) map[string]any {
	digits := personKey("+" + phone)
	return map[string]any{
		"name":   map[string]string{"formatted_name": name, "first_name": name},
		"phones": []map[string]string{{"phone": "+" + digits, "wa_id": digits, "type": "CELL"}},
	}
}

// React puts an emoji on a message of the business; the empty one takes it back. It does not open the window.
func (ph *Phone) React(messageID, emoji string, opts ...Option) string {
	ph.s.world.mu.Lock()
	if m := ph.s.world.messages[messageID]; m != nil {
		m.CustomerReaction = emoji
		ph.s.world.touchLocked(m)
	}
	ph.s.world.mu.Unlock()
	if ph.a.Kind == Instagram {
		reaction := map[string]any{"mid": messageID, "action": "unreact"}
		if emoji != "" {
			reaction = map[string]any{"mid": messageID, "action": "react", "reaction": instagramReaction(emoji), "emoji": emoji}
		}
		return ph.tellInstagramItem("reaction", messageID, &igItem{Reaction: reaction}, opts)
	}
	content := map[string]string{"message_id": messageID}
	if emoji != "" {
		content["emoji"] = emoji
	}
	return ph.tellWhatsApp("reaction", "reaction", content, nil, opts)
}

// Press taps a button or a list row of a message: reply buttons and lists, template quick replies, Instagram quick
// replies and postbacks. It fails if the message has nothing with that id.
func (ph *Phone) Press(messageID, buttonID string, opts ...Option) (string, error) {
	ph.s.world.mu.Lock()
	m := ph.s.world.messages[messageID]
	var b Button
	var row ListRow
	var isButton, isRow bool
	if m != nil {
		b, isButton = m.button(buttonID)
		row, isRow = m.row(buttonID)
		if isButton || isRow {
			m.Answered = buttonID
			ph.s.world.touchLocked(m)
		}
	}
	ph.s.world.mu.Unlock()
	reply := append([]Option{ReplyTo(messageID)}, opts...)
	switch {
	case isRow:
		choice := map[string]string{"id": row.ID, "title": row.Title}
		if row.Description != "" {
			choice["description"] = row.Description
		}
		return ph.tellWhatsApp("message", "interactive", map[string]any{"type": "list_reply", "list_reply": choice}, &Message{Type: "interactive", Text: row.Title}, reply), nil
	case isButton && b.Kind == "reply":
		return ph.tellWhatsApp("message", "interactive", map[string]any{"type": "button_reply", "button_reply": map[string]string{"id": b.ID, "title": b.Title}},
			&Message{Type: "interactive", Text: b.Title}, reply), nil
	case isButton && b.Kind == "quick_reply" && ph.a.Kind == Instagram:
		return ph.tellInstagram("message", &igMessage{Text: b.Title, QuickReply: map[string]string{"payload": b.Value}}, &Message{Type: "text", Text: b.Title}, opts), nil
	case isButton && b.Kind == "quick_reply":
		return ph.tellWhatsApp("message", "button", map[string]string{"payload": b.Value, "text": b.Title}, &Message{Type: "button", Text: b.Title}, reply), nil
	case isButton && b.Kind == "postback":
		return ph.tellPostback(b.Title, b.Value, opts), nil
	case isButton && b.Kind == "location":
		return ph.SendLocation(Location{Latitude: 38.4189, Longitude: 27.1287, Name: "Alsancak", Address: "Konak/İzmir"}, reply...), nil
	case isButton && b.Kind == "contact":
		return ph.ShareNumber(reply...), nil
	case isButton && b.Kind == "flow":
		return ph.SubmitFlow(messageID, map[string]any{"flow_token": b.Value}, opts...), nil
	}
	return "", fmt.Errorf("fakemeta: message %q has nothing to press called %q", messageID, buttonID)
}

// SubmitFlow answers a flow message with its data (WhatsApp).
func (ph *Phone) SubmitFlow(messageID string, data map[string]any, opts ...Option) string {
	return ph.tellWhatsApp("message", "interactive", map[string]any{
		"type": "nfm_reply", "nfm_reply": map[string]string{"name": "flow", "body": "Sent", "response_json": mustJSON(data)},
	}, &Message{Type: "interactive", Text: "✓"}, append([]Option{ReplyTo(messageID)}, opts...))
}

// Open reads everything in the chat: what was delivered becomes read, and the business is told unless receipts are off.
func (ph *Phone) Open() {
	ph.s.world.mu.Lock()
	t := ph.s.world.threadLocked(ph.a, ph.p)
	var read []*Message
	for _, m := range t.messages {
		if m.FromBusiness && slices.Contains([]string{"sent", "delivered", "accepted"}, m.Status) && (ph.a.Kind == Instagram || m.Status == "delivered") {
			ph.s.world.advanceLocked(m, "read")
			read = append(read, m)
		}
	}
	quiet := ph.p.NoReceipts
	ph.s.world.mu.Unlock()
	if quiet || len(read) == 0 {
		return
	}
	if ph.a.Kind == Instagram {
		last := read[len(read)-1].ID
		ph.tellInstagramItem("read", last, &igItem{Read: map[string]any{"mid": last}}, nil)
		return
	}
	for _, m := range read {
		ph.s.tellStatus(&sending{account: ph.a, person: ph.p, id: m.ID, opaque: m.Opaque}, "read", 0)
	}
}

// Play listens to a voice message of the business: WhatsApp tells "played".
func (ph *Phone) Play(messageID string) {
	ph.s.world.mu.Lock()
	m := ph.s.world.messages[messageID]
	ph.s.world.mu.Unlock()
	if m != nil && ph.a.Kind == WhatsApp {
		ph.s.tellStatus(&sending{account: ph.a, person: ph.p, id: messageID, opaque: m.Opaque}, "played", 0)
	}
}

// delivered marks customers' messages that the desk took.
func (s *Server) delivered(ids []string) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	for _, id := range ids {
		if m := s.world.messages[id]; m != nil && !m.FromBusiness {
			s.world.advanceLocked(m, "delivered")
		}
	}
}
