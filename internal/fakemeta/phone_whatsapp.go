package fakemeta

import (
	"time"
)

// tellWhatsApp writes one message of a customer: on the phone (m, unless nil), in the window's clock, and as a webhook.
func (ph *Phone) tellWhatsApp(what, typ string, content any, m *Message, opts []Option) string {
	if ph.a.Kind != WhatsApp {
		panic("fakemeta: Instagram has no " + typ) // a mistake of the test; Act refuses before
	}
	o := ph.telling(opts)
	w := ph.s.world
	w.mu.Lock()
	t := w.threadLocked(ph.a, ph.p)
	msg := waMessage{
		From: ph.p.visiblePhone(), FromUserID: ph.p.UserID, ID: ph.s.mint.message(WhatsApp), At: o.at,
		Type: typ, Content: content, Referral: o.referral,
	}
	if o.replyTo != "" {
		msg.Context = &waReference{From: ph.a.DisplayPhone, ID: o.replyTo}
	} else if o.forward {
		msg.Context = &waReference{Forwarded: true}
	}
	if what == "message" {
		t.wroteLocked(o.at)
	}
	if o.referral != nil {
		t.adClick = o.at
	}
	if m != nil {
		m.ID, m.At, m.ReplyTo, m.Status = msg.ID, o.at, o.replyTo, "pending"
		w.showLocked(t, m)
	}
	blocked := ph.a.blocked[ph.p]
	contact := ph.p.contact()
	w.mu.Unlock()
	if !blocked { // a blocked customer writes into the void
		ph.tell(o, update{account: ph.a, what: what, id: msg.ID, field: "messages", value: &waValue{
			Product: "whatsapp", Metadata: ph.a.metadata(), Contacts: []waContact{contact}, Messages: []waMessage{msg},
		}})
	}
	return msg.ID
}

// tell posts an update as the options say.
func (ph *Phone) tell(o telling, u update) {
	lane := pair{ph.a, ph.p}.lane()
	if o.alone {
		lane = ""
	}
	for range o.copies {
		ph.s.sender.emit(lane, u)
	}
}

// SendRaw writes a WhatsApp message of any type with any content: an order, a type that does not exist yet.
func (ph *Phone) SendRaw(typ string, content any, opts ...Option) string {
	return ph.tellWhatsApp("message", typ, content, &Message{Type: typ}, opts)
}

// SendUnsupported writes something that WhatsApp does not hand on: poll_creation, pin, group_invite.
func (ph *Phone) SendUnsupported(kind string, opts ...Option) string {
	if ph.a.Kind == Instagram {
		return ph.tellInstagram("message", &igMessage{IsUnsupported: true}, &Message{Type: "unsupported"}, opts)
	}
	return ph.unsupported(kind, 131051, "Message type unknown", "Message type is currently not supported.", opts)
}

// SendTooLarge writes a file above 100 MB, which WhatsApp does not hand on (131052).
func (ph *Phone) SendTooLarge(opts ...Option) string {
	return ph.unsupported("", 131052, "Media file size too big", "Media file size too big. Max file size we currently support: 100MB.", opts)
}

func (ph *Phone) unsupported(kind string, code int, title, details string, opts []Option) string {
	o := ph.telling(opts)
	w := ph.s.world
	w.mu.Lock()
	t := w.threadLocked(ph.a, ph.p)
	msg := waMessage{
		From: ph.p.visiblePhone(), FromUserID: ph.p.UserID, ID: ph.s.mint.message(WhatsApp), At: o.at, Type: "unsupported",
		Errors: []webhookError{{Code: code, Title: title, Message: title, Data: &graphErrorData{Details: details}}},
	}
	if kind != "" {
		msg.Content = map[string]string{"type": kind}
	}
	t.wroteLocked(o.at)
	w.showLocked(t, &Message{ID: msg.ID, At: o.at, Type: "unsupported", Status: "pending"})
	contact := ph.p.contact()
	w.mu.Unlock()
	ph.tell(o, update{account: ph.a, what: "message", id: msg.ID, field: "messages", value: &waValue{
		Product: "whatsapp", Metadata: ph.a.metadata(), Contacts: []waContact{contact}, Messages: []waMessage{msg},
	}})
	return msg.ID
}

// Edit changes the text of an earlier message. A WhatsApp number outside coexistence is only told that something is
// not supported, as the real one does.
func (ph *Phone) Edit(messageID, text string, opts ...Option) string {
	n := ph.rewrite(messageID, func(m *Message) { m.Text = text; m.Edits++ })
	switch {
	case ph.a.Kind == Instagram:
		return ph.tellInstagramItem("edit", messageID, &igItem{Edit: map[string]any{"mid": messageID, "text": text, "num_edit": n}}, opts)
	case !ph.a.Coexistence:
		return ph.SendUnsupported("edit", opts...)
	}
	return ph.tellWhatsApp("edit", "edit", map[string]any{
		"original_message_id": messageID, "message": map[string]any{"context": map[string]string{"id": "M0"}, "type": "text", "text": map[string]string{"body": text}},
	}, nil, opts)
}

// Unsend takes a message back. A WhatsApp number outside coexistence is not told, as the real one does; then the id is
// empty.
func (ph *Phone) Unsend(messageID string, opts ...Option) string {
	ph.rewrite(messageID, func(m *Message) { m.Deleted = true })
	switch {
	case ph.a.Kind == Instagram:
		return ph.tellInstagramItem("unsend", messageID, &igItem{Message: &igMessage{Mid: messageID, IsDeleted: true}}, opts)
	case !ph.a.Coexistence:
		return ""
	}
	return ph.tellWhatsApp("revoke", "revoke", map[string]string{"original_message_id": messageID}, nil, opts)
}

// rewrite changes a message on the phone and returns how often it was edited.
func (ph *Phone) rewrite(messageID string, change func(*Message)) int {
	ph.s.world.mu.Lock()
	defer ph.s.world.mu.Unlock()
	m := ph.s.world.messages[messageID]
	if m == nil {
		return 1 // fallen out of the phone's history
	}
	change(m)
	ph.s.world.touchLocked(m)
	return m.Edits
}

// ReceiveFromApp is the business answering in its own phone app: an echo to the desk (WhatsApp: coexistence only; the
// window is not touched).
func (ph *Phone) ReceiveFromApp(text string, opts ...Option) string {
	o := ph.telling(opts)
	w := ph.s.world
	w.mu.Lock()
	t := w.threadLocked(ph.a, ph.p)
	m := &Message{ID: ph.s.mint.message(ph.a.Kind), At: o.at, Type: "text", Text: text, FromBusiness: true, FromApp: true, Status: "delivered"}
	w.showLocked(t, m)
	contact := ph.p.contact()
	w.mu.Unlock()
	if ph.a.Kind == Instagram {
		ph.tell(o, ph.s.echo(ph.a, ph.p, &igMessage{Mid: m.ID, Text: text}, o.at))
		return m.ID
	}
	if ph.a.Coexistence {
		echo := waMessage{From: ph.a.DisplayPhone, To: ph.p.visiblePhone(), ToUserID: ph.p.UserID, ID: m.ID, At: o.at, Type: "text", Content: map[string]string{"body": text}}
		ph.tell(o, update{account: ph.a, what: "echo", id: m.ID, field: "smb_message_echoes", value: &waValue{
			Product: "whatsapp", Metadata: ph.a.metadata(), Contacts: []waContact{contact}, Echoes: []waMessage{echo},
		}})
	}
	return m.ID
}

// ChangeNumber moves the customer to another number, and so to another BSUID: a system message without contacts.
func (ph *Phone) ChangeNumber(phone string, opts ...Option) string {
	o := ph.telling(opts)
	w := ph.s.world
	w.mu.Lock()
	old := ph.p.Person
	delete(w.index, old.Phone)
	delete(w.index, old.UserID)
	ph.p.Phone = personKey("+" + phone)
	ph.p.UserID = deriveBSUID(ph.p.Phone)
	w.indexLocked(ph.p)
	w.touchPersonLocked(ph.p)
	system := map[string]string{
		"type": "user_changed_number", "wa_id": ph.p.Phone, "user_id": ph.p.UserID, "previous_user_id": old.UserID,
		"body": "User " + old.Name + " changed from " + old.Phone + " to " + ph.p.Phone,
	}
	w.mu.Unlock()
	msg := waMessage{From: old.Phone, ID: ph.s.mint.message(WhatsApp), At: o.at, Type: "system", Content: system}
	ph.tell(o, update{account: ph.a, what: "system", id: msg.ID, field: "messages", value: &waValue{Product: "whatsapp", Metadata: ph.a.metadata(), Messages: []waMessage{msg}}})
	return msg.ID
}

// StopMarketing opts the customer out of marketing templates, or in again.
func (ph *Phone) StopMarketing(stop bool) {
	ph.Change(func(p *Person) { p.NoMarketing = stop })
	value, detail := "resume", "User requested to resume marketing messages"
	if stop {
		value, detail = "stop", "User requested to stop marketing messages"
	}
	preference := map[string]any{"user_id": ph.Person().UserID, "detail": detail, "category": "marketing_messages", "value": value, "timestamp": ph.s.now().Unix()}
	ph.s.world.mu.Lock()
	contact := ph.p.contact()
	ph.s.world.mu.Unlock()
	if contact.WaID != "" {
		preference["wa_id"] = contact.WaID
	}
	ph.tell(ph.telling(nil), update{account: ph.a, what: "preference", field: "user_preferences", value: &waValue{
		Product: "whatsapp", Metadata: ph.a.metadata(), Contacts: []waContact{contact}, Preferences: []map[string]any{preference},
	}})
}

// WindowClosesAt is when free-form ends by the platform's own clock; zero if the customer never wrote.
func (ph *Phone) WindowClosesAt() time.Time {
	ph.s.world.mu.Lock()
	defer ph.s.world.mu.Unlock()
	t := ph.s.world.threadLocked(ph.a, ph.p)
	if t.lastInbound.IsZero() {
		return time.Time{}
	}
	return t.lastInbound.Add(windowLength)
}
