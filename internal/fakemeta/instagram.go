package fakemeta

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// igRequest is the body of POST /{ig|me}/messages (PROTOCOLS.md §6).
type igRequest struct {
	Recipient struct {
		ID        string `json:"id"`
		CommentID string `json:"comment_id"`
	} `json:"recipient"`
	MessagingType string       `json:"messaging_type"`
	Tag           string       `json:"tag"`
	Message       *igSent      `json:"message"`
	ReplyTo       *igReplyTo   `json:"reply_to"` // beside the message, not inside it: Message Replies API
	SenderAction  string       `json:"sender_action"`
	Payload       *igActionArg `json:"payload"`
}

type igSent struct {
	Text         string             `json:"text"`
	Attachment   *igSentAttachment  `json:"attachment"`
	Attachments  []igSentAttachment `json:"attachments"`
	QuickReplies []struct {
		Type    string `json:"content_type"`
		Title   string `json:"title"`
		Payload string `json:"payload"`
	} `json:"quick_replies"`
}

type igSentAttachment struct {
	Type    string `json:"type"`
	Payload *struct {
		URL          string      `json:"url"`
		TemplateType string      `json:"template_type"`
		Text         string      `json:"text"`
		Buttons      []igButton  `json:"buttons"`
		Elements     []igElement `json:"elements"`
	} `json:"payload"`
}

type igElement struct {
	Title    string     `json:"title"`
	Subtitle string     `json:"subtitle"`
	ImageURL string     `json:"image_url"`
	Buttons  []igButton `json:"buttons"`
}

type igButton struct {
	Type    string `json:"type"` // postback, web_url
	Title   string `json:"title"`
	Payload string `json:"payload"`
	URL     string `json:"url"`
}

type igReplyTo struct {
	Mid string `json:"mid"`
}

type igActionArg struct {
	MessageID string `json:"message_id"`
	Reaction  string `json:"reaction"`
}

// kind names what a request sends, for the ledger.
func (r *igRequest) kind() string {
	switch {
	case r.Message == nil:
		return r.SenderAction
	case r.Message.Attachment != nil:
		return r.Message.Attachment.Type
	case len(r.Message.Attachments) > 0:
		return r.Message.Attachments[0].Type
	}
	return "text"
}

// sendInstagram is POST /{ig|me}/messages: content, or a sender action.
func (s *Server) sendInstagram(c *call, a *account) {
	var req igRequest
	if refused := decodeBody(c.r, &req); refused != nil {
		writeJSON(c.w, refused.Status, refused.body())
		return
	}
	s.world.mu.Lock()
	p := s.world.findLocked(req.Recipient.ID)
	recipients := []string{req.Recipient.ID}
	outside := true
	if p != nil {
		t := s.world.threadLocked(a, p)
		recipients = append(recipients, p.addresses()...)
		outside = !t.open(s.now(), windowLength) && !(req.Tag == "HUMAN_AGENT" && t.open(s.now(), humanWindow))
	}
	s.world.mu.Unlock()
	if req.SenderAction != "" && req.SenderAction != "react" && req.SenderAction != "unreact" {
		s.answer(c.w, c.r, s.faults.take(OpMark, a.ID(), recipients...), func() (any, *graphError) { return s.senderAction(a, p, &req) })
		return
	}
	booked := GraphSend{At: s.now(), Account: a.ID(), Recipient: req.Recipient.ID, Type: req.kind(), Tag: req.Tag, OutsideWindow: outside}
	if p != nil {
		booked.Person = p.ID
	}
	settle := s.ledger.send(booked)
	f := s.faults.take(OpSend, a.ID(), recipients...)
	s.answer(c.w, c.r, f, func() (any, *graphError) {
		body, x, refused := s.acceptInstagram(a, p, &req, outside)
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

// checkInstagram applies the rules on who may be written to, when.
func (s *Server) checkInstagram(a *account, p *person, req *igRequest, outside bool) *graphError {
	switch {
	case req.Recipient.CommentID != "":
		return instagramError(400, 100, 2534013, "Private replies are not played here.")
	case req.Recipient.ID == "":
		return instagramError(400, 100, 0, "(#100) The parameter recipient is required")
	case p == nil || p.Kind != Instagram || req.Recipient.ID != p.IGSID:
		return instagramError(400, 100, 2534014, "No matching user found")
	case p.Unreachable:
		return instagramError(400, 551, 1545041, "(#551) This person isn't available right now.")
	case !slices.Contains([]string{"", "RESPONSE", "UPDATE", "MESSAGE_TAG"}, req.MessagingType):
		return instagramError(400, 100, 0, "(#100) Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}")
	case req.Tag != "" && req.Tag != "HUMAN_AGENT" || req.MessagingType == "MESSAGE_TAG" && req.Tag == "":
		return instagramError(400, 100, 0, "(#100) Invalid parameter: tag") // the other tags ended on 2026-04-27
	case outside:
		return instagramError(403, 10, 2534022, "This message is sent outside of allowed window.")
	}
	return nil
}

func (s *Server) acceptInstagram(a *account, p *person, req *igRequest, outside bool) (any, *sending, *graphError) {
	if refused := s.checkInstagram(a, p, req, outside); refused != nil {
		return nil, nil, refused
	}
	now := s.now()
	if s.limits.allow(now, a, p) != nil {
		return nil, nil, instagramError(400, 613, 0, "(#613) Calls to this api have exceeded the rate limit.")
	}
	if req.SenderAction != "" {
		return s.reactInstagram(a, p, req)
	}
	m, echo, refused := s.readInstagram(a, req.Message)
	if refused != nil {
		return nil, nil, refused
	}
	m.ID, m.At, m.FromBusiness, m.Status = s.mint.message(Instagram), now, true, "accepted"
	echo.Mid = m.ID
	if req.ReplyTo != nil {
		m.ReplyTo = req.ReplyTo.Mid
		echo.ReplyTo = map[string]any{"mid": m.ReplyTo}
	}
	s.world.mu.Lock()
	t := s.world.threadLocked(a, p)
	t.typingUntil = time.Time{}
	s.world.showLocked(t, m)
	s.world.mu.Unlock()
	x := &sending{account: a, person: p, id: m.ID, kind: m.Type, echo: echo}
	return map[string]string{"recipient_id": p.IGSID, "message_id": m.ID}, x, nil
}

// readInstagram checks the content and draws it, for the phone and for the echo.
func (s *Server) readInstagram(a *account, in *igSent) (*Message, *igMessage, *graphError) {
	m, echo := &Message{Type: "text"}, &igMessage{}
	if in == nil || in.Text == "" && in.Attachment == nil && len(in.Attachments) == 0 {
		return nil, nil, instagramError(400, 100, 0, "(#100) Param message must have a text or an attachment")
	}
	if len(in.Text) > 1000 { // bytes, not characters
		return nil, nil, instagramError(400, 100, 2534038, "(#100) Length of param message[text] must be less than or equal to 1000")
	}
	m.Text, echo.Text = in.Text, in.Text
	if len(in.QuickReplies) > 13 {
		return nil, nil, instagramError(400, 100, 0, "(#100) Param message[quick_replies] must have at most 13 elements")
	}
	for i, q := range in.QuickReplies {
		if q.Type != "text" || utf8.RuneCountInString(q.Title) > 20 || q.Title == "" {
			return nil, nil, instagramError(400, 100, 0, "(#100) Quick replies have content_type text and a title of at most 20 characters")
		}
		m.Buttons = append(m.Buttons, Button{Kind: "quick_reply", ID: "q" + strconv.Itoa(i), Title: q.Title, Value: q.Payload})
	}
	attachments := in.Attachments
	if in.Attachment != nil {
		attachments = append([]igSentAttachment{*in.Attachment}, attachments...)
	}
	for _, at := range attachments {
		if refused := s.readAttachment(a, at, m, echo); refused != nil {
			return nil, nil, refused
		}
	}
	return m, echo, nil
}

func (s *Server) readAttachment(a *account, at igSentAttachment, m *Message, echo *igMessage) *graphError {
	switch at.Type {
	case "like_heart":
		m.Type = at.Type
		echo.Attachments = append(echo.Attachments, igAttachment{Type: at.Type})
		return nil
	case "image", "video", "audio", "file":
		if at.Payload == nil || at.Payload.URL == "" {
			return instagramError(400, 100, 0, "(#100) Param message[attachment][payload][url] is required")
		}
		b, err := s.fetchLink(a.ID(), at.Payload.URL)
		if err != nil {
			s.log.Info("fakemeta: a media link does not work", "error", withoutURL(err))
			return instagramError(400, 100, 2018047, "(#100) Upload attachment failure.")
		}
		m.Type = at.Type
		if m.Media == nil {
			m.Media = b.media()
		} else {
			m.Cards = append(m.Cards, Card{Media: b.media()}) // further pictures of one message
		}
		echo.Attachments = append(echo.Attachments, igAttachment{at.Type, map[string]any{"url": s.mediaURL(b.ID)}})
		return nil
	case "template":
		if at.Payload == nil || at.Payload.TemplateType != "generic" && at.Payload.TemplateType != "button" {
			return instagramError(400, 100, 0, "(#100) Param message[attachment][payload][template_type] must be one of {generic, button}")
		}
		m.Type = "template"
		m.Text = at.Payload.Text
		m.Buttons = drawButtons("t", at.Payload.Buttons)
		for i, e := range at.Payload.Elements {
			m.Cards = append(m.Cards, Card{Title: e.Title, Text: e.Subtitle, Buttons: drawButtons("e"+strconv.Itoa(i), e.Buttons)})
		}
		echo.Attachments = append(echo.Attachments, igAttachment{at.Type, map[string]any{"generic": map[string]any{"elements": at.Payload.Elements}}})
		return nil
	}
	return instagramError(400, 100, 0, "(#100) Param message[attachment][type] must be one of {image, video, audio, file, like_heart, template}")
}

func drawButtons(prefix string, in []igButton) []Button {
	var out []Button
	for i, b := range in {
		kind, value := "postback", b.Payload
		if b.Type == "web_url" {
			kind, value = "url", b.URL
		}
		out = append(out, Button{Kind: kind, ID: prefix + "-" + strconv.Itoa(i), Title: b.Title, Value: value})
	}
	return out
}

// reactInstagram is sender_action react and unreact.
func (s *Server) reactInstagram(a *account, p *person, req *igRequest) (any, *sending, *graphError) {
	if req.Payload == nil || !s.mint.issued(req.Payload.MessageID) {
		return nil, nil, instagramError(400, 100, 2534015, "(#100) Param payload[message_id] is not a message of this conversation")
	}
	emoji := ""
	if req.SenderAction == "react" {
		emoji = req.Payload.Reaction
		if emoji == "" || emoji == "love" {
			emoji = "❤️"
		}
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if m := s.world.messages[req.Payload.MessageID]; m != nil {
		m.BusinessReaction = emoji
		s.world.touchLocked(m)
	}
	return map[string]string{"recipient_id": p.IGSID}, &sending{account: a, person: p, id: req.Payload.MessageID, kind: "reaction"}, nil
}

// senderAction is typing and seen.
func (s *Server) senderAction(a *account, p *person, req *igRequest) (any, *graphError) {
	if p == nil || p.Kind != Instagram {
		return nil, instagramError(400, 100, 2534014, "No matching user found")
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	t := s.world.threadLocked(a, p)
	switch req.SenderAction {
	case "typing_on":
		t.typingUntil = time.Now().Add(20 * time.Second)
		s.world.touchThreadLocked(t)
	case "typing_off":
		t.typingUntil = time.Time{}
		s.world.touchThreadLocked(t)
	case "mark_seen":
		if n := len(t.messages); n > 0 {
			s.readByBusinessLocked(t.messages[n-1])
		}
	default:
		return nil, instagramError(400, 100, 0, "(#100) Param sender_action must be one of {mark_seen, typing_on, typing_off, react, unreact}")
	}
	return map[string]string{"recipient_id": p.IGSID}, nil
}
