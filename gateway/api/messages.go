package api

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/templates"
)

type messages interface {
	Thread(ctx context.Context, p chat.Principal, id chat.ConversationID, before, after int64, limit int) ([]chat.ThreadMessage, error)
	ThreadAround(ctx context.Context, p chat.Principal, id chat.ConversationID, mid chat.MessageID, limit int) ([]chat.ThreadMessage, error)
	Message(ctx context.Context, p chat.Principal, mid chat.MessageID) (chat.ThreadMessage, error)
	Reply(ctx context.Context, p chat.Principal, id chat.ConversationID, r desk.Reply, idem *chat.Idempotency) (chat.ThreadMessage, error)
	React(ctx context.Context, p chat.Principal, id chat.ConversationID, mid chat.MessageID, emoji string) (chat.ThreadMessage, error)
	Retry(ctx context.Context, p chat.Principal, id chat.ConversationID, mid chat.MessageID) (chat.ThreadMessage, error)
}

// MessageFilter is which part of a thread: the newest, or those before or after a number, or around a message.
type MessageFilter struct {
	onConversation
	Before int64          `query:"before" json:"-"`
	After  int64          `query:"after" json:"-"`
	Around chat.MessageID `query:"around" json:"-"`
	web.Paging
}

// newest is a number after every other.
const newest = int64(1) << 62

// threadPlace is where a thread goes on.
type threadPlace struct {
	Before int64 `json:"b,omitempty"`
	After  int64 `json:"a,omitempty"`
}

// Messages is a page of a thread: newest first, or with after oldest first.
func (a *API) Messages(c *web.Call, f MessageFilter) (web.Page[web.Message], error) {
	var page web.Page[web.Message]
	size, err := f.Size()
	if err != nil {
		return page, err
	}
	if f.Before < 0 || f.After < 0 || f.Before > 0 && f.After > 0 {
		return page, chat.Errorf(chat.CodeInvalid, "before or after a number of the thread").With("field", "before")
	}
	place := threadPlace{f.Before, f.After}
	if err := c.Place(f.Cursor, &place); err != nil {
		return page, err
	}
	if !chat.IsZero(f.Around) && f.Cursor == "" {
		return a.around(c, f, size)
	}
	if place.Before == 0 && place.After == 0 {
		place.Before = newest
	}
	found, err := a.Desk.Thread(c, c.P(), f.ID, place.Before, place.After, size+1)
	if err != nil {
		return page, err
	}
	if len(found) > size {
		found = found[:size]
		last := found[size-1].Seq
		next := threadPlace{Before: last}
		if place.Before == 0 {
			next = threadPlace{After: last}
		}
		if page.Next, err = c.Cursor(next); err != nil {
			return page, err
		}
	}
	page.Items = a.showMessages(c, found)
	return page, nil
}

// around is the part of a thread with one message in its middle; its next page is the older one.
func (a *API) around(c *web.Call, f MessageFilter, size int) (page web.Page[web.Message], err error) {
	found, err := a.Desk.ThreadAround(c, c.P(), f.ID, f.Around, size)
	if err != nil {
		return page, err
	}
	if n := len(found); n > 0 && found[n-1].Seq > 1 {
		if page.Next, err = c.Cursor(threadPlace{Before: found[n-1].Seq}); err != nil {
			return page, err
		}
	}
	page.Items = a.showMessages(c, found)
	return page, nil
}

func (a *API) showMessages(c *web.Call, found []chat.ThreadMessage) []web.Message {
	out := make([]web.Message, len(found))
	for i, m := range found {
		out[i] = web.NewMessage(m, a.links(c)).Shorten()
	}
	return out
}

type anyMessage struct {
	MID chat.MessageID `path:"mid" json:"-"`
}

// Message is one message, with all of its text.
func (a *API) Message(c *web.Call, in anyMessage) (web.Message, error) {
	return a.shown(c)(a.Desk.Message(c, c.P(), in.MID))
}

// SendMessage is what somebody writes.
type SendMessage struct {
	onConversation
	Note        bool                `json:"note,omitempty"`
	Text        string              `json:"text,omitempty"`
	ReplyTo     chat.MessageID      `json:"reply_to,omitzero"`
	Attachments []chat.AttachmentID `json:"attachments,omitempty"`
	Location    *SendLocation       `json:"location,omitempty"`
	Buttons     []SendButton        `json:"buttons,omitempty"`
	List        *chat.List          `json:"list,omitempty"`
	Template    *SendTemplate       `json:"template,omitempty"`
}

// SendLocation is a point on the map.
type SendLocation struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
}

// SendButton is a choice to offer.
type SendButton struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// SendTemplate is a template and its values by the keys of its variables. It is named by its id, or by its name: then in
// Language, or the next best one for the contact.
type SendTemplate struct {
	ID       chat.TemplateID  `json:"id,omitzero"`
	Name     string           `json:"name,omitempty"`
	Language string           `json:"language,omitempty"`
	Values   templates.Values `json:"values"`
}

// Send accepts a message for sending, or a note. With an Idempotency-Key a repeated request answers the same; without one,
// each is a message of its own.
func (a *API) Send(c *web.Call, in SendMessage) (web.Message, error) {
	idem, err := idempotency(c)
	if err != nil {
		return web.Message{}, err
	}
	r := desk.Reply{Note: in.Note, Text: in.Text, ReplyTo: in.ReplyTo, Attachments: in.Attachments, List: in.List}
	if l := in.Location; l != nil {
		if in.Text != "" {
			return web.Message{}, chat.Errorf(chat.CodeInvalid, "a location carries no text").With("field", "text")
		}
		r.Location = &chat.Location{Latitude: l.Latitude, Longitude: l.Longitude, Name: l.Name, Address: l.Address}
	}
	for _, b := range in.Buttons {
		r.Buttons = append(r.Buttons, chat.Button{ID: b.ID, Title: b.Title})
	}
	if t := in.Template; t != nil {
		r.Template, r.Values = t.ID, typed(t.Values)
		switch {
		case chat.IsZero(t.ID) == (t.Name == ""):
			return web.Message{}, chat.Errorf(chat.CodeTemplateMissing, "which template? By its id, or by its name").With("field", "template.id")
		case t.Name != "":
			if r.Template, err = a.Desk.TemplateNamed(c, c.P(), in.ID, t.Name, t.Language); err != nil {
				return web.Message{}, err
			}
		}
	}
	return a.shown(c)(a.Desk.Reply(c, c.P(), in.ID, r, idem))
}

// idempotency reads the key of a POST, and what it was used for; nil is none.
func idempotency(c *web.Call) (*chat.Idempotency, error) {
	key := c.Header("Idempotency-Key")
	if key == "" {
		return nil, nil
	}
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if len(key) > 255 || strings.ContainsFunc(key, odd) {
		return nil, chat.Errorf(chat.CodeInvalid, "an Idempotency-Key has at most 255 characters without blanks; a UUID is a good one").With("field", "Idempotency-Key")
	}
	h := sha256.New()
	h.Write([]byte(c.Path()))
	h.Write([]byte{0})
	h.Write(c.Body())
	return &chat.Idempotency{Key: key, Principal: c.Who.Key(), BodyHash: h.Sum(nil)}, nil
}

// typed puts values that a form gave as text where their kind has them: a link as the header's file, a time as the offer's
// end.
func typed(values templates.Values) templates.Values {
	out := make(templates.Values, len(values))
	for key, v := range values {
		switch {
		case v.Text == "":
		case strings.HasSuffix(key, "header.media"):
			v = templates.Value{Media: &templates.Media{Link: v.Text}}
		case strings.HasSuffix(key, "offer.expiration"):
			if at, err := time.Parse(time.RFC3339, v.Text); err == nil {
				v = templates.Value{Expires: at}
			}
		}
		out[key] = v
	}
	return out
}

// SendReaction is an emoji, or "" to take it away.
type SendReaction struct {
	onMessage
	Emoji string `json:"emoji"`
}

// React sets our reaction on a message of the contact.
func (a *API) React(c *web.Call, in SendReaction) (web.Message, error) {
	return a.shown(c)(a.Desk.React(c, c.P(), in.ID, in.MID, in.Emoji))
}

// Retry makes a new attempt of a message that failed or is not confirmed.
func (a *API) Retry(c *web.Call, in onMessage) (web.Message, error) {
	return a.shown(c)(a.Desk.Retry(c, c.P(), in.ID, in.MID))
}

func (a *API) shown(c *web.Call) func(chat.ThreadMessage, error) (web.Message, error) {
	return func(m chat.ThreadMessage, err error) (web.Message, error) {
		if err != nil {
			return web.Message{}, err
		}
		return web.NewMessage(m, a.links(c)), nil
	}
}
