package fakemeta

import "time"

// tellInstagram writes one direct message of a customer.
func (ph *Phone) tellInstagram(what string, msg *igMessage, m *Message, opts []Option) string {
	o := ph.telling(opts)
	msg.Mid = ph.s.mint.message(Instagram)
	if o.replyTo != "" && msg.ReplyTo == nil {
		msg.ReplyTo = map[string]any{"mid": o.replyTo}
	}
	ph.wroteInstagram(o, msg.Mid, m)
	ph.tell(o, ph.inbound(what, msg.Mid, &igItem{Message: msg}, o.at))
	return msg.Mid
}

// tellInstagramItem tells about an existing message: a reaction, a read, an edit. It opens no window.
func (ph *Phone) tellInstagramItem(what, mid string, item *igItem, opts []Option) string {
	o := ph.telling(opts)
	ph.tell(o, ph.inbound(what, mid, item, o.at))
	return mid
}

// tellPostback is a pressed button or ice breaker.
func (ph *Phone) tellPostback(title, payload string, opts []Option) string {
	o := ph.telling(opts)
	mid := ph.s.mint.message(Instagram)
	ph.wroteInstagram(o, mid, &Message{Type: "postback", Text: title})
	ph.tell(o, ph.inbound("message", mid, &igItem{Postback: map[string]any{"mid": mid, "title": title, "payload": payload}}, o.at))
	return mid
}

func (ph *Phone) wroteInstagram(o telling, mid string, m *Message) {
	w := ph.s.world
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.threadLocked(ph.a, ph.p)
	t.wroteLocked(o.at)
	if m != nil {
		m.ID, m.At, m.ReplyTo, m.Status = mid, o.at, o.replyTo, "pending"
		w.showLocked(t, m)
	}
}

func (ph *Phone) inbound(what, id string, item *igItem, at time.Time) update {
	item.Sender, item.Recipient, item.Timestamp = igParty{ph.p.IGSID}, igParty{ph.a.InstagramID}, at.UnixMilli()
	return update{account: ph.a, what: what, id: id, item: item}
}

// TapIceBreaker presses one of the account's ice breakers or menu items: a postback (Instagram).
func (ph *Phone) TapIceBreaker(title, payload string, opts ...Option) string {
	return ph.tellPostback(title, payload, opts)
}

// SendShare sends an Instagram attachment by type: ig_post, ig_reel, story_mention, … A like_heart has an empty link
// and therefore no payload.
func (ph *Phone) SendShare(kind, link string, opts ...Option) string {
	a := igAttachment{Type: kind}
	if link != "" {
		a.Payload = map[string]any{"url": link}
	}
	return ph.tellInstagram("message", &igMessage{Attachments: []igAttachment{a}}, &Message{Type: kind, Text: link}, opts)
}

// ReplyToStory answers a story of the account with a text (Instagram).
func (ph *Phone) ReplyToStory(storyID, link, text string, opts ...Option) string {
	story := map[string]any{"story": map[string]string{"id": storyID, "url": link}}
	return ph.tellInstagram("message", &igMessage{Text: text, ReplyTo: story}, &Message{Type: "text", Text: text}, opts)
}

// echo is the webhook about what the business wrote, by the API or in the app.
func (s *Server) echo(a *account, p *person, msg *igMessage, at time.Time) update {
	msg.IsEcho = true
	return update{account: a, what: "echo", id: msg.Mid, item: &igItem{
		Sender: igParty{a.InstagramID}, Recipient: igParty{p.IGSID}, Timestamp: at.UnixMilli(), Message: msg,
	}}
}

// instagramReaction is the name that Instagram gives an emoji.
func instagramReaction(emoji string) string {
	names := map[string]string{"❤": "love", "❤️": "love", "😂": "haha", "😮": "wow", "😢": "sad", "😠": "angry", "👍": "like"}
	if n, ok := names[emoji]; ok {
		return n
	}
	return "other"
}
