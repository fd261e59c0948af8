package web

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"gatehouse/internal/chat"
)

// Message is a message as a thread shows it.
type Message struct {
	ID             chat.MessageID      `json:"id"`
	ConversationID chat.ConversationID `json:"conversation_id"`
	Seq            int64               `json:"seq"`
	Direction      chat.Direction      `json:"direction"`
	Kind           chat.MessageKind    `json:"kind"`
	Text           string              `json:"text"`
	Truncated      bool                `json:"truncated,omitempty"`
	Media          []Media             `json:"media,omitempty"`
	Location       *chat.Location      `json:"location,omitempty"`
	Contacts       json.RawMessage     `json:"contacts,omitempty"`
	Buttons        []chat.Button       `json:"buttons,omitempty"`
	List           *chat.List          `json:"list,omitempty"`
	Choice         *chat.Choice        `json:"choice,omitempty"`
	Order          *chat.Order         `json:"order,omitempty"`
	Template       *MessageTemplate    `json:"template,omitempty"`
	Referral       *MessageReferral    `json:"referral,omitempty"`
	Product        *chat.ProductRef    `json:"product,omitempty"`
	Share          *chat.Share         `json:"share,omitempty"`
	Story          *chat.Share         `json:"story,omitempty"`
	Forwarded      string              `json:"forwarded,omitempty"`
	Header         string              `json:"header,omitempty"`
	Footer         string              `json:"footer,omitempty"`
	Unsupported    *chat.Unsupported   `json:"unsupported,omitempty"`
	Status         chat.MessageStatus  `json:"status"`
	Error          *chat.MessageError  `json:"error,omitempty"`
	AgentID        chat.AgentID        `json:"agent_id,omitzero"`
	Source         chat.Source         `json:"source"`
	ExternalID     string              `json:"external_id,omitempty"`
	ReplyTo        chat.MessageID      `json:"reply_to,omitzero"`
	Reactions      []Reaction          `json:"reactions,omitempty"`
	ProviderAt     time.Time           `json:"provider_at,omitzero"`
	CreatedAt      time.Time           `json:"created_at"`
	SortAt         time.Time           `json:"sort_at"`
	Late           bool                `json:"late,omitempty"`
	EditedAt       time.Time           `json:"edited_at,omitzero"`
	DeletedAt      time.Time           `json:"deleted_at,omitzero"`
	Attempt        int                 `json:"attempt"`
	DueAt          time.Time           `json:"due_at,omitzero"`
}

// Media is one file of a message. URL is there only where the answer is for one caller.
type Media struct {
	ID         chat.AttachmentID `json:"id"`
	State      chat.MediaState   `json:"state"`
	Type       string            `json:"type"`
	Name       string            `json:"name,omitempty"`
	Size       int64             `json:"size,omitempty"`
	Width      int               `json:"width,omitempty"`
	Height     int               `json:"height,omitempty"`
	DurationMS int64             `json:"duration_ms,omitempty"`
	Animated   bool              `json:"animated,omitempty"`
	Voice      bool              `json:"voice,omitempty"`
	Thumb      bool              `json:"thumb,omitempty"`
	Error      chat.Code         `json:"error,omitempty"`
	URL        string            `json:"url,omitempty"`
	ThumbURL   string            `json:"thumb_url,omitempty"`
}

// MessageTemplate is which template a message was made from.
type MessageTemplate struct {
	ID       chat.TemplateID `json:"id"`
	Name     string          `json:"name"`
	Language string          `json:"language"`
	Category string          `json:"category"`
}

// MessageReferral is the ad or link through which the contact came.
type MessageReferral struct {
	Source   string `json:"source,omitempty"`
	SourceID string `json:"source_id,omitempty"`
	URL      string `json:"url,omitempty"`
	Headline string `json:"headline,omitempty"`
	Body     string `json:"body,omitempty"`
	Ref      string `json:"ref,omitempty"`
}

// Reaction is one side's reaction.
type Reaction struct {
	Direction chat.Direction `json:"direction"`
	Emoji     string         `json:"emoji"`
}

// Links signs the addresses of a file for one caller; nil gives none.
type Links func(chat.Media) (url, thumb string)

// textShown is the most bytes of a text in lists and on the live stream (RELIABILITY.md B15).
const textShown = 64 << 10

// NewMessage shows a message. Its text is whole; Shorten cuts it for lists.
func NewMessage(m chat.ThreadMessage, links Links) Message {
	c := m.Content
	out := Message{
		ID: m.ID, ConversationID: m.ConversationID, Seq: m.Seq, Direction: m.Direction, Kind: m.Kind, Text: m.Text,
		Location: c.Location, Contacts: c.Contacts, Buttons: c.Buttons, List: c.List, Choice: c.Choice, Order: c.Order,
		Product: c.Product, Share: c.Share, Story: c.Story, Forwarded: c.Forwarded, Header: c.Header, Footer: c.Footer,
		Unsupported: c.Unsupported, Status: m.Status, Error: m.Error, AgentID: m.AgentID, Source: m.Source,
		ExternalID: m.ExternalID, ReplyTo: m.ReplyTo, ProviderAt: m.ProviderAt, CreatedAt: m.CreatedAt, SortAt: m.SortAt(),
		Late: m.Late, EditedAt: m.EditedAt, DeletedAt: m.DeletedAt, Attempt: m.Attempt,
	}
	for _, f := range c.Media {
		out.Media = append(out.Media, NewMedia(f, links))
	}
	if t := c.Template; t != nil {
		out.Template = &MessageTemplate{ID: t.ID, Name: t.Name, Language: t.Language, Category: t.Category}
	}
	if r := c.Referral; r != nil {
		out.Referral = &MessageReferral{Source: r.Source, SourceID: r.SourceID, URL: r.URL, Headline: r.Headline, Body: r.Body, Ref: r.Ref}
	}
	for _, r := range m.Reactions {
		out.Reactions = append(out.Reactions, Reaction{r.Direction, r.Emoji})
	}
	if m.Status == chat.StatusPending {
		out.DueAt = m.DueAt
	}
	return out
}

// Shorten cuts a very long text between characters.
func (m Message) Shorten() Message {
	if len(m.Text) > textShown {
		end := textShown
		for !utf8.RuneStart(m.Text[end]) {
			end--
		}
		m.Text, m.Truncated = m.Text[:end], true
	}
	return m
}

// NewMedia shows a file.
func NewMedia(m chat.Media, links Links) Media {
	out := Media{
		ID: m.ID, State: m.State, Type: m.Type, Name: m.Name, Size: m.Size, Width: m.Width, Height: m.Height,
		DurationMS: m.DurationMS, Animated: m.Animated, Voice: m.Voice, Thumb: m.Thumb, Error: m.Error,
	}
	if links != nil && m.State == chat.MediaReady {
		out.URL, out.ThumbURL = links(m)
	}
	return out
}

// ThreadEvent is one numbered event of a conversation.
type ThreadEvent struct {
	ConversationID chat.ConversationID `json:"conversation_id"`
	Seq            int64               `json:"seq"`
	Kind           chat.EventKind      `json:"kind"`
	At             time.Time           `json:"at"`
	Actor          chat.AgentID        `json:"actor,omitzero"`
	Message        *Message            `json:"message,omitempty"`
	Data           any                 `json:"data,omitempty"`
}

// NewThreadEvents shows events, [] when there are none.
func NewThreadEvents(events []chat.ThreadEvent, links Links) []ThreadEvent {
	out := make([]ThreadEvent, 0, len(events))
	for _, e := range events {
		shown := ThreadEvent{ConversationID: e.ConversationID, Seq: e.Seq, Kind: e.Kind, At: e.At, Actor: e.Actor, Data: e.Data}
		if e.Message != nil {
			m := NewMessage(*e.Message, links).Shorten()
			shown.Message = &m
		}
		out = append(out, shown)
	}
	return out
}
