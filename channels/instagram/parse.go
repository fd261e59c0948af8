package instagram

import (
	"encoding/json"
	"errors"
	"strings"

	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
)

// route tells whose a payload is: the accounts that its entries name.
func route(body []byte) []chat.AccountKey {
	if keys, ok := routePlain(body); ok {
		return keys
	}
	return routeAny(body)
}

// routePlain is routeAny, of payloads that are written as usual.
func routePlain(body []byte) ([]chat.AccountKey, bool) {
	p := graph.ReadPlain(body)
	return p.Owners(object, func() bool {
		var id string
		read := p.Object(func(int) bool { return p.Scalar(&id) }, "id")
		p.Own(key(id))
		return read
	})
}

// routeAny reads only what tells whose a payload is, however it is written.
func routeAny(body []byte) []chat.AccountKey {
	var e struct {
		Object string `json:"object"`
		Entry  []struct {
			ID graph.Loose `json:"id"`
		} `json:"entry"`
	}
	var syntax *json.SyntaxError
	if err := json.Unmarshal(graph.Clean(body), &e); errors.As(err, &syntax) || e.Object != object {
		return nil
	}
	var keys []chat.AccountKey
	for _, en := range e.Entry {
		keys = graph.With(keys, key(string(en.ID)))
	}
	return keys
}

// parse reads a payload. It fails only on what is not a JSON object or has no list where the protocol has the lists of
// entries and items.
func parse(body []byte) ([]chat.Inbound, error) {
	var e envelope
	if err := json.Unmarshal(graph.Clean(body), &e); err != nil {
		return nil, errors.New("instagram: the payload is not one of the protocol") // err could quote content
	}
	if e.Object != object {
		return nil, nil
	}
	var all []chat.Inbound
	for i := range e.Entry {
		en := &e.Entry[i]
		if en.ID == "" {
			continue // nobody's: Route says so too
		}
		r := reader{account: string(en.ID)}
		for i := range en.Messaging {
			r.item(&en.Messaging[i])
		}
		for range en.Standby {
			r.ignore(graph.NoteStandby)
		}
		for _, c := range en.Changes {
			r.ignore(changeNote(c.Field))
		}
		all = append(all, r.all...)
	}
	return all, nil
}

// changeNote says why an entry of changes[] is no message: only the dashboard's "Test" button puts messages there.
func changeNote(field graph.Loose) string {
	switch field {
	case "messages", "message_reactions", "messaging_postbacks", "messaging_seen", "messaging_referral", "message_edit", "standby", "messaging_handover":
		return graph.NoteTest
	case "comments", "live_comments", "mentions":
		return graph.NoteComment
	}
	return graph.NoteUnknownField
}

// reader turns one entry into Inbounds.
type reader struct {
	account string
	all     []chat.Inbound
}

func (r *reader) add(in chat.Inbound) {
	in.Account = key(r.account)
	r.all = append(r.all, in)
}

func (r *reader) ignore(note string) { r.add(chat.Inbound{Kind: chat.InboundIgnoredKind, Note: note}) }

// item reads one of messaging[]. What the account itself sent is an echo, whoever sent it: its phone app or we.
func (r *reader) item(i *item) {
	from, direction := i.Sender.ID, chat.In
	if string(from) == r.account || i.Message != nil && bool(i.Message.Echo) {
		from, direction = i.Recipient.ID, chat.Out
	}
	if string(from) == r.account || i.Message != nil && bool(i.Message.Self) {
		r.ignore(graph.NoteOwnMessage)
		return
	}
	in := chat.Inbound{From: r.person(from)}
	at, ok := i.Timestamp.Time()
	in.At = at
	switch {
	case len(in.From) == 0:
		in.Note = graph.NoteBadSender
	case i.bad:
		in.Note = graph.NoteMalformed
	case !ok:
		in.Note = graph.NoteBadTimestamp
	}
	switch {
	case i.bad && i.Message == nil && (i.Edit != nil || i.Reaction != nil || i.Postback != nil || i.Referral != nil):
		r.ignore(graph.NoteMalformed)
	case i.bad:
		r.placeholder(i, direction, in)
	case i.Message != nil:
		r.message(i, direction, in)
	case i.Edit != nil:
		r.edit(i.Edit, direction, in)
	case i.Reaction != nil:
		r.reaction(i.Reaction, direction, in)
	case direction == chat.Out:
		r.ignore(graph.NoteUnknownEvent) // what follows, only a contact does
	case i.Read != nil && i.Read.ID != "":
		in.Kind = chat.InboundStatusKind
		in.Status = &chat.InboundStatus{ExternalID: graph.ID(i.Read.ID), UpTo: true, Status: chat.StatusRead}
		r.add(in)
	case i.Postback != nil:
		r.postback(i, in)
	case i.Referral != nil:
		in.Kind, in.Referral = chat.InboundReferralKind, i.Referral.chat()
		r.add(in)
	case i.Pass != nil || i.Take != nil || i.Request != nil:
		r.ignore(graph.NoteThreadControl)
	default:
		r.ignore(graph.NoteUnknownEvent)
	}
}

// person is the contact's address within this account; none if the id is not one that Instagram could have given.
func (r *reader) person(id graph.Loose) []chat.Address {
	if id == "" || len(id) > 64 || strings.Trim(string(id), "0123456789") != "" {
		return nil
	}
	return []chat.Address{{Kind: chat.Instagram, Scope: r.account, Type: chat.AddressIGSID, Value: string(id)}}
}

// newMessage is a message before its content.
func (r *reader) newMessage(id graph.Loose, raw string, direction chat.Direction) *chat.InboundMessage {
	msg := &chat.InboundMessage{ExternalID: graph.ID(id), Direction: direction, Source: chat.SourceContact, OpensWindow: true}
	if direction == chat.Out {
		msg.Source, msg.OpensWindow, msg.Silent = chat.SourcePhoneApp, false, true
	}
	if msg.ExternalID == "" {
		msg.ExternalID = graph.DerivedID(r.account, raw)
	}
	return msg
}

func (r *reader) addMessage(msg *chat.InboundMessage, id graph.Loose, in chat.Inbound) {
	if id == "" && in.Note == "" {
		in.Note = graph.NoteDerivedID
	}
	in.Kind, in.Message = chat.InboundMessageKind, msg
	r.add(in)
}

// message reads a message, or that one was taken back.
func (r *reader) message(i *item, direction chat.Direction, in chat.Inbound) {
	m := i.Message
	if bool(m.Deleted) {
		if m.ID == "" {
			r.ignore(graph.NoteMalformed)
			return
		}
		in.Kind, in.Delete = chat.InboundDeleteKind, &chat.InboundDelete{ExternalID: graph.ID(m.ID), Direction: direction}
		r.add(in)
		return
	}
	msg := r.newMessage(m.ID, i.raw, direction)
	m.content(msg)
	if m.QuickReply != nil {
		msg.Kind, msg.Content.Choice = chat.KindInteractive, &chat.Choice{Type: "quick_reply", ID: m.QuickReply.Payload}
	}
	if to := m.ReplyTo; to != nil {
		msg.ReplyExternal = graph.ID(to.ID)
		if to.Story != nil {
			msg.Content.Story = &chat.Share{Type: "story", ID: string(to.Story.ID), URL: graph.Link(to.Story.URL)}
		}
	}
	if m.Referral != nil {
		msg.Content.Referral = m.Referral.chat()
	}
	r.addMessage(msg, m.ID, in)
}

// content fills in what a message holds: text, files, or one thing of Instagram's. A post comes as "share" and again as
// "ig_post" from apps of the time of transition: it is one.
func (m *message) content(msg *chat.InboundMessage) {
	unknown := graph.Loose("")
	msg.Text = m.Text
	for _, a := range m.Attachments {
		url := graph.Link(a.Payload.URL)
		kind := map[graph.Loose]chat.MessageKind{
			"image": chat.KindImage, "video": chat.KindVideo, "audio": chat.KindAudio, "file": chat.KindDocument,
		}[a.Type]
		switch {
		case kind != "" && url != "":
			if msg.Kind == "" {
				msg.Kind = kind
			}
			msg.Content.Media = append(msg.Content.Media, chat.Media{State: chat.MediaPending})
			msg.Refs = append(msg.Refs, chat.MediaRef{URL: url})
		case a.Type == "story_mention":
			msg.Kind, msg.Content.Story = chat.KindStoryMention, &chat.Share{Type: "story_mention", URL: url}
			msg.Content.Media = append(msg.Content.Media, chat.Media{State: chat.MediaRemote})
			msg.Refs = append(msg.Refs, chat.MediaRef{URL: url})
		case a.Type == "like_heart":
			if msg.Text == "" {
				msg.Text = "❤️" // it has nothing else to show
			}
		case a.share():
			msg.Kind = chat.KindShare
			id := a.Payload.Post
			if id == "" {
				id = a.Payload.Reel
			}
			msg.Content.Share = &chat.Share{Type: string(a.Type), ID: string(id), URL: url, Title: a.Payload.Title}
		default:
			unknown = a.Type
		}
	}
	switch {
	case msg.Kind != "":
	case msg.Text != "" && !bool(m.Unsupported):
		msg.Kind = chat.KindText
	default:
		msg.Kind, msg.Content.Unsupported = chat.KindUnsupported, &chat.Unsupported{Type: string(unknown)}
	}
}

func (a attachment) share() bool {
	switch a.Type {
	case "share", "ig_post", "ig_reel", "reel", "ig_story":
		return true
	}
	return false
}

// placeholder stands for an item that we cannot read; it may have been a message.
func (r *reader) placeholder(i *item, direction chat.Direction, in chat.Inbound) {
	id := graph.Loose("")
	if i.Message != nil {
		id = i.Message.ID
	}
	msg := r.newMessage(id, i.raw, direction)
	msg.Kind, msg.OpensWindow, msg.Content.Unsupported = chat.KindUnsupported, false, &chat.Unsupported{}
	r.addMessage(msg, id, in)
}

// edit reads a changed text. Apps in development mode have been seen to get new messages as edit number 0, without text.
func (r *reader) edit(e *messageEdit, direction chat.Direction, in chat.Inbound) {
	switch {
	case e.ID == "":
		r.ignore(graph.NoteMalformed)
	case e.Count == "0":
		msg := r.newMessage(e.ID, "", direction)
		(&message{Text: e.Text}).content(msg)
		r.addMessage(msg, e.ID, in)
	default:
		in.Kind, in.Edit = chat.InboundEditKind, &chat.InboundEdit{ExternalID: graph.ID(e.ID), Direction: direction, Text: e.Text}
		r.add(in)
	}
}

// emojis are the names of reactions that come without an emoji.
var emojis = map[graph.Loose]string{
	"love": "❤️", "like": "👍", "dislike": "👎", "smile": "😆", "haha": "😆", "wow": "😮", "sad": "😢", "angry": "😡",
}

func (r *reader) reaction(e *reaction, direction chat.Direction, in chat.Inbound) {
	emoji := e.Emoji
	if emoji == "" {
		emoji = emojis[e.Name]
	}
	if e.Action == "unreact" {
		emoji = ""
	}
	if e.ID == "" || e.Action != "unreact" && (e.Action != "react" || emoji == "") {
		r.ignore(graph.NoteMalformed)
		return
	}
	in.Kind, in.Reaction = chat.InboundReactionKind, &chat.InboundReaction{ExternalID: graph.ID(e.ID), Emoji: emoji, Direction: direction}
	r.add(in)
}

// postback reads a pressed button of the menu or an ice breaker: it counts as a message, its title is the text.
func (r *reader) postback(i *item, in chat.Inbound) {
	p := i.Postback
	msg := r.newMessage(p.ID, i.raw, chat.In)
	msg.Kind, msg.Text = chat.KindInteractive, p.Title
	msg.Content.Choice = &chat.Choice{Type: "postback", ID: p.Payload}
	if p.Referral != nil {
		msg.Content.Referral = p.Referral.chat()
	}
	r.addMessage(msg, p.ID, in)
}

func (f *referral) chat() *chat.Referral {
	return &chat.Referral{Source: f.Source, SourceID: string(f.AdID), Headline: f.Ad.Title, Ref: f.Ref, ProductID: string(f.Product.ID)}
}
