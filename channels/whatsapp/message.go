package whatsapp

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"

	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
)

// way is how a message came to us.
type way struct {
	direction chat.Direction
	source    chat.Source
}

var (
	fromContact  = way{chat.In, chat.SourceContact}
	fromPhoneApp = way{chat.Out, chat.SourcePhoneApp}
	oldIncoming  = way{chat.In, chat.SourceHistory}
	oldOutgoing  = way{chat.Out, chat.SourceHistory}
)

// live tells what the contact did just now from echoes and history, which open no window and wake nobody.
func (w way) live() bool { return w == fromContact }

// incoming reads one of messages[].
func (r *reader) incoming(m *message) {
	if number := phone(m.From); number != "" && number == r.own {
		r.ignore(graph.NoteOwnMessage)
		return
	}
	if m.Type == "system" {
		r.system(m)
		return
	}
	from, profile := r.person(m.FromUserID, m.From)
	r.message(m, fromContact, from, profile)
}

// echo reads one of message_echoes[]: what the business wrote in its phone app.
func (r *reader) echo(m *message) {
	to, profile := r.person(m.ToUserID, m.To)
	r.message(m, fromPhoneApp, to, profile)
}

// message reads a message of any way; with is the contact.
func (r *reader) message(m *message, w way, with []chat.Address, profile chat.Profile) {
	in := chat.Inbound{From: with, Profile: profile}
	at, ok := m.Timestamp.Time()
	in.At = at
	switch {
	case len(with) == 0:
		in.Note = graph.NoteBadSender
	case !ok:
		in.Note = graph.NoteBadTimestamp
	case m.ID == "":
		in.Note = graph.NoteDerivedID
	}
	switch {
	case m.GroupID != "":
		r.ignore(graph.NoteGroup)
	case m.Type == "reaction" && m.Reaction != nil && m.Reaction.ID != "":
		in.Kind = chat.InboundReactionKind
		in.Reaction = &chat.InboundReaction{ExternalID: graph.ID(m.Reaction.ID), Emoji: m.Reaction.Emoji, Direction: w.direction}
		r.add(in)
	case m.Type == "edit" && m.Edit != nil && m.Edit.ID != "":
		in.Kind = chat.InboundEditKind
		in.Edit = &chat.InboundEdit{ExternalID: graph.ID(m.Edit.ID), Direction: w.direction, Text: m.Edit.text()}
		r.add(in)
	case m.Type == "revoke" && m.Revoke != nil && m.Revoke.ID != "":
		in.Kind = chat.InboundDeleteKind
		in.Delete = &chat.InboundDelete{ExternalID: graph.ID(m.Revoke.ID), Direction: w.direction}
		r.add(in)
	case m.Type == "reaction", m.Type == "edit", m.Type == "revoke", m.Type == "system":
		r.ignore(graph.NoteMalformed)
	case m.Type == "request_welcome": // retired: somebody opened the chat
		r.ignore(graph.NoteUnknownEvent)
	case m.Type == "interactive" && m.Interactive != nil && m.Interactive.Call != nil:
		r.callPermission(m, in)
	default:
		r.written(m, w, in)
	}
}

// written reads what shows as a message in the thread.
func (r *reader) written(m *message, w way, in chat.Inbound) {
	msg := &chat.InboundMessage{
		ExternalID: graph.ID(m.ID), Direction: w.direction, Source: w.source, OpensWindow: w.live(), Silent: !w.live(),
	}
	if msg.ExternalID == "" {
		msg.ExternalID = graph.DerivedID(r.key.Value, m.derived)
	}
	if !m.content(msg) {
		r.placeholder(m, msg)
		if m.bad && in.Note == "" {
			in.Note = graph.NoteMalformed
		}
	}
	if c := m.Context; c != nil {
		msg.ReplyExternal = graph.ID(c.ID)
		switch {
		case bool(c.Frequently):
			msg.Content.Forwarded = "frequently"
		case bool(c.Forwarded):
			msg.Content.Forwarded = "forwarded"
		}
		if p := c.Product; p != nil && p.SKU != "" {
			msg.Content.Product = &chat.ProductRef{CatalogID: string(p.Catalog), SKU: string(p.SKU)}
		}
	}
	if f := m.Referral; f != nil {
		msg.Content.Referral = &chat.Referral{
			Source: f.Type, SourceID: string(f.ID), URL: graph.Link(f.URL), Headline: f.Headline, Body: f.Body, ClickID: f.Click,
		}
	}
	in.Kind, in.Message = chat.InboundMessageKind, msg
	r.add(in)
	r.sharedPhone(m, in)
}

// content fills in what the message holds. It is false for what we cannot show.
func (m *message) content(msg *chat.InboundMessage) bool {
	if m.bad {
		return false
	}
	switch {
	case m.Type == "text" && m.Text != nil:
		msg.Kind, msg.Text = chat.KindText, m.Text.Body
	case m.Type == "image":
		return m.Image.content(msg, chat.KindImage)
	case m.Type == "video":
		return m.Video.content(msg, chat.KindVideo)
	case m.Type == "document":
		return m.Document.content(msg, chat.KindDocument)
	case m.Type == "sticker":
		return m.Sticker.content(msg, chat.KindSticker)
	case m.Type == "audio" && m.Audio != nil && bool(m.Audio.Voice):
		return m.Audio.content(msg, chat.KindVoice)
	case m.Type == "audio":
		return m.Audio.content(msg, chat.KindAudio)
	case m.Type == "location" && m.Location != nil:
		return m.Location.content(msg)
	case m.Type == "contacts":
		msg.Kind, msg.Content.Contacts = chat.KindContacts, graph.Keep(m.Contacts)
		return len(msg.Content.Contacts) > 0 && msg.Content.Contacts[0] == '['
	case m.Type == "interactive" && m.Interactive != nil:
		return m.Interactive.content(msg)
	case m.Type == "button" && m.Button != nil:
		msg.Kind, msg.Text = chat.KindInteractive, m.Button.Text
		msg.Content.Choice = &chat.Choice{Type: "quick_reply", ID: m.Button.Payload}
	case m.Type == "order" && m.Order != nil:
		return m.Order.content(msg)
	default:
		return false
	}
	return true
}

func (f *file) content(msg *chat.InboundMessage, kind chat.MessageKind) bool {
	if f == nil || f.ID == "" && f.URL == "" {
		return false
	}
	msg.Kind, msg.Text = kind, f.Caption
	msg.Content.Media = []chat.Media{{
		State: chat.MediaPending, Type: f.Type, Name: chat.CleanFilename(f.Name), Animated: bool(f.Animated), Voice: bool(f.Voice),
	}}
	msg.Refs = []chat.MediaRef{{ProviderID: string(f.ID), URL: f.URL, SHA256: f.SHA256}}
	return true
}

func (l *location) content(msg *chat.InboundMessage) bool {
	if l.Latitude == nil || l.Longitude == nil || *l.Latitude < -90 || *l.Latitude > 90 || *l.Longitude < -180 || *l.Longitude > 180 {
		return false
	}
	msg.Kind = chat.KindLocation
	msg.Content.Location = &chat.Location{
		Latitude: *l.Latitude, Longitude: *l.Longitude, Name: l.Name, Address: l.Address, URL: graph.Link(l.URL),
	}
	return true
}

func (i *interactive) content(msg *chat.InboundMessage) bool {
	msg.Kind = chat.KindInteractive
	switch {
	case i.Button != nil:
		msg.Text, msg.Content.Choice = i.Button.Title, &chat.Choice{Type: "button", ID: i.Button.ID}
	case i.List != nil:
		msg.Text, msg.Content.Choice = i.List.Title, &chat.Choice{Type: "list", ID: i.List.ID}
	case i.Flow != nil:
		answers := graph.Keep(graph.Clean([]byte(i.Flow.JSON)))
		if answers == nil {
			answers = json.RawMessage("null")
		}
		msg.Text, msg.Content.Choice = i.Flow.Body, &chat.Choice{Type: "flow", Answers: answers}
	default:
		return false
	}
	return true
}

// content adds the order up in decimals. Without one currency for all its items it has no total.
func (o *order) content(msg *chat.InboundMessage) bool {
	out := &chat.Order{CatalogID: string(o.Catalog), Items: []chat.OrderItem{}}
	total, decimals, mixed := new(big.Rat), 2, false
	for _, it := range o.Items {
		price, places, ok := amount(it.Price)
		quantity := it.Quantity.Int()
		if !ok || quantity < 0 || quantity > 1e6 {
			return false
		}
		out.Items = append(out.Items, chat.OrderItem{SKU: string(it.SKU), Quantity: quantity, Price: price.FloatString(places)})
		total.Add(total, price.Mul(price, big.NewRat(int64(quantity), 1)))
		decimals = max(decimals, places)
		mixed = mixed || it.Currency != o.Items[0].Currency
	}
	if len(o.Items) > 0 && !mixed {
		out.Total, out.Currency = total.FloatString(decimals), o.Items[0].Currency
	}
	msg.Kind, msg.Text, msg.Content.Order = chat.KindOrder, o.Text, out
	return true
}

// amount reads a price, and how many decimals it is written with: two, or as many as it has.
func amount(s graph.Loose) (price *big.Rat, decimals int, ok bool) {
	f, err := strconv.ParseFloat(string(s), 64)
	if err != nil || f < 0 || f > 1e12 {
		return nil, 0, false
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	_, fraction, _ := strings.Cut(text, ".")
	price, ok = new(big.Rat).SetString(text)
	return price, max(2, len(fraction)), ok
}

// placeholder stands for a message that we cannot show. That somebody changed or pinned a message is no message, so it
// opens no window.
func (r *reader) placeholder(m *message, msg *chat.InboundMessage) {
	u := &chat.Unsupported{Type: string(m.Type)}
	if m.Type == "unsupported" {
		u.Type = ""
	}
	if m.Type == "interactive" && m.Interactive != nil {
		u.Type = m.Interactive.Type
	}
	if m.Unsupported != nil && m.Unsupported.Type != "" {
		u.Type = string(m.Unsupported.Type)
	}
	if u.Type == "edit" || u.Type == "pin" {
		msg.OpensWindow = false
	}
	errs := m.Errors
	if len(errs) == 0 && m.Type == "interactive" && m.Interactive == nil {
		errs = r.value.Errors // seen there when the content is left out
	}
	if len(errs) > 0 {
		u.Code, u.Detail = errs[0].Number(), errs[0].Detail()
	}
	msg.Kind, msg.Text, msg.Refs = chat.KindUnsupported, "", nil
	msg.Content = chat.Content{Unsupported: u}
}

// sharedPhone attaches the number that a contact gave when asked for it. origin has been seen on the message and on the
// card.
func (r *reader) sharedPhone(m *message, in chat.Inbound) {
	if in.Message.Kind != chat.KindContacts || in.Message.Direction != chat.In || len(in.From) == 0 {
		return
	}
	var cards []struct {
		Origin graph.Loose `json:"origin"`
		Phones []struct {
			Phone graph.Loose `json:"phone"`
			WaID  graph.Loose `json:"wa_id"`
		} `json:"phones"`
	}
	if json.Unmarshal(in.Message.Content.Contacts, &cards) != nil {
		return // a card of another shape shares nothing that we understand
	}
	for _, c := range cards {
		if m.Origin != "contact_request" && c.Origin != "contact_request" || len(c.Phones) == 0 {
			continue
		}
		number := phone(c.Phones[0].WaID)
		if number == "" {
			number = phone(graph.Loose(digits(c.Phones[0].Phone)))
		}
		if number == "" {
			continue
		}
		r.add(chat.Inbound{
			Kind: chat.InboundIdentityKind, From: in.From, At: in.At,
			Identity: &chat.InboundIdentity{Type: "phone_shared", New: addresses("", number)},
		})
		return
	}
}

// callPermission reads the answer to our question whether we may call: an event, not a message.
func (r *reader) callPermission(m *message, in chat.Inbound) {
	answer := m.Interactive.Call
	data := chat.CallData{Event: "permission", Response: answer.Response}
	if !answer.Permanent {
		data.Until, _ = answer.Until.Time()
	}
	in.Kind, in.Call = chat.InboundCallKind, &chat.InboundCall{ExternalID: graph.ID(m.ID), Data: data}
	r.add(in)
}

// system reads what WhatsApp says about a contact.
func (r *reader) system(m *message) {
	from, profile := r.person(m.FromUserID, m.From)
	in := chat.Inbound{Kind: chat.InboundIdentityKind, From: from, Profile: profile}
	in.At, _ = m.Timestamp.Time()
	s := m.System
	if s == nil {
		r.ignore(graph.NoteMalformed)
		return
	}
	switch s.Type {
	case "user_changed_number", "user_changed_user_id":
		old, was := bsuid(s.PreviousUserID), phone(m.From)
		if old == "" {
			old = bsuid(m.FromUserID)
		}
		in.From = addresses(old, was)
		in.Identity = &chat.InboundIdentity{Type: strings.TrimPrefix(s.Type, "user_"), Old: in.From, New: addresses(bsuid(s.UserID), phone(s.WaID))}
		if len(in.Identity.New) == 0 {
			r.ignore(graph.NoteMalformed)
			return
		}
	case "customer_identity_changed":
		in.Identity = &chat.InboundIdentity{Type: "key_changed"}
	default:
		r.ignore(graph.NoteUnknownEvent)
		return
	}
	if len(in.From) == 0 {
		r.ignore(graph.NoteBadSender)
		return
	}
	r.add(in)
}

func (e *edit) text() string {
	m := e.Message
	if m.Text != nil {
		return m.Text.Body
	}
	for _, f := range []*file{m.Image, m.Video, m.Document} {
		if f != nil {
			return f.Caption
		}
	}
	return ""
}
