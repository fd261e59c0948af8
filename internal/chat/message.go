package chat

import (
	"encoding/json"
	"time"
)

// Direction tells the contact's messages from ours.
type Direction string

// The directions. A note is seen by agents only.
const (
	In   Direction = "in"
	Out  Direction = "out"
	Note Direction = "note"
)

// MessageKind is what a message is made of.
type MessageKind string

// The kinds.
const (
	KindText         MessageKind = "text"
	KindImage        MessageKind = "image"
	KindVideo        MessageKind = "video"
	KindAudio        MessageKind = "audio"
	KindVoice        MessageKind = "voice"
	KindDocument     MessageKind = "document"
	KindSticker      MessageKind = "sticker"
	KindLocation     MessageKind = "location"
	KindContacts     MessageKind = "contacts"
	KindInteractive  MessageKind = "interactive" // out: buttons or a list; in: the choice made
	KindOrder        MessageKind = "order"
	KindTemplate     MessageKind = "template"
	KindShare        MessageKind = "share"         // a post, reel or product of the provider
	KindStoryMention MessageKind = "story_mention" // the media may not be kept (PROTOCOLS.md §6)
	KindReaction     MessageKind = "reaction"      // ours on its way out; never shown as a message
	KindUnsupported  MessageKind = "unsupported"   // a visible placeholder; the raw event is kept
)

// HasMedia tells whether messages of this kind carry files.
func (k MessageKind) HasMedia() bool {
	switch k {
	case KindImage, KindVideo, KindAudio, KindVoice, KindDocument, KindSticker:
		return true
	}
	return false
}

// HasFiles tells whether messages of this kind may have files: those that are made of one, and those that may carry one.
func (k MessageKind) HasFiles() bool {
	switch k {
	case KindText, KindLocation, KindContacts, KindReaction, KindTemplate:
		return false
	}
	return true
}

// MessageStatus is how far a message has come.
type MessageStatus string

// The statuses. Incoming messages and notes are Received.
const (
	StatusReceived  MessageStatus = "received"
	StatusPending   MessageStatus = "pending"   // accepted by us, not handed over
	StatusSending   MessageStatus = "sending"   // claimed by a sender
	StatusSent      MessageStatus = "sent"      // the provider took it
	StatusDelivered MessageStatus = "delivered" // on the contact's device
	StatusRead      MessageStatus = "read"
	StatusPlayed    MessageStatus = "played"  // a voice note was listened to
	StatusFailed    MessageStatus = "failed"  // surely not delivered; the error says why
	StatusUnknown   MessageStatus = "unknown" // sent or not: not confirmed
)

var statusRank = map[MessageStatus]int{
	StatusPending: 1, StatusSending: 2, StatusUnknown: 3, StatusSent: 4, StatusDelivered: 5, StatusRead: 6, StatusPlayed: 7,
}

// Merge applies a provider's status to a message's own and tells whether anything changed (RELIABILITY.md I7). Statuses
// only move forward; failed replaces what the contact has not seen yet; a late delivery overrules failed, since the
// provider's word that it arrived is the stronger. Any order of the same statuses ends the same.
func (s MessageStatus) Merge(to MessageStatus) (MessageStatus, bool) {
	switch {
	case s == StatusReceived || to == s:
		return s, false
	case to == StatusFailed:
		if statusRank[s] <= statusRank[StatusSent] {
			return StatusFailed, true
		}
		return s, false
	case s == StatusFailed:
		if statusRank[to] >= statusRank[StatusDelivered] {
			return to, true
		}
		return s, false
	case statusRank[to] > statusRank[s] && statusRank[to] >= statusRank[StatusSent]:
		return to, true
	}
	return s, false
}

// Final tells whether sending is over: nothing of ours changes it any more.
func (s MessageStatus) Final() bool { return s != StatusPending && s != StatusSending }

// Message is one message of a conversation.
type Message struct {
	ID             MessageID
	ConversationID ConversationID
	AccountID      AccountID
	Seq            int64 // number of the event that brought it; order of display among equal times
	Direction      Direction
	Kind           MessageKind
	Text           string // body or caption; what the contact sees of a template
	Content        Content
	Status         MessageStatus
	Error          *MessageError
	AgentID        AgentID // who wrote it; none for the contact, the bot and the phone app
	Source         Source
	ExternalID     string    // the provider's id; empty until sent
	ReplyTo        MessageID // a message of ours, if we know it
	ReplyExternal  string    // the provider's id of the quoted message
	ProviderAt     time.Time // the provider's clock; zero = unknown or absurd
	CreatedAt      time.Time // our clock: received or accepted
	Late           bool      // arrived more than five minutes after ProviderAt, or out of order
	EditedAt       time.Time
	DeletedAt      time.Time
	Automated      bool      // not typed by a person
	Attempt        int       // how often sending was tried
	Fence          int64     // the claim that may write the outcome
	DueAt          time.Time // pending: not to be claimed before; sending: given up as unknown after
}

// Source says where an outgoing message came from.
type Source string

// The sources.
const (
	SourceContact  Source = "contact"
	SourceAgent    Source = "agent"
	SourceAPI      Source = "api"
	SourcePhoneApp Source = "phone_app" // an echo: sent from the provider's own app
	SourceSystem   Source = "system"
	SourceHistory  Source = "history" // imported: no notification, no window, no routing
)

// MessageError is why a message failed or is not confirmed.
type MessageError struct {
	Code     Code   `json:"code"`
	Provider string `json:"provider,omitempty"` // the provider's code
	Detail   string `json:"detail,omitempty"`   // the provider's words
}

// Content is what a message holds beyond its text. All parts are optional; which are set follows from the kind.
type Content struct {
	Media       []Media           `json:"media,omitempty"`
	Location    *Location         `json:"location,omitempty"`
	Contacts    json.RawMessage   `json:"contacts,omitempty"` // vCards as the provider sent them
	Buttons     []Button          `json:"buttons,omitempty"`
	List        *List             `json:"list,omitempty"`
	Choice      *Choice           `json:"choice,omitempty"`
	Order       *Order            `json:"order,omitempty"`
	Template    *TemplateUse      `json:"template,omitempty"`
	Referral    *Referral         `json:"referral,omitempty"`
	Product     *ProductRef       `json:"product,omitempty"`
	Share       *Share            `json:"share,omitempty"`
	Story       *Share            `json:"story,omitempty"`     // the story replied to or mentioned in
	Forwarded   string            `json:"forwarded,omitempty"` // "", "forwarded", "frequently"
	Header      string            `json:"header,omitempty"`
	Footer      string            `json:"footer,omitempty"`
	Unsupported *Unsupported      `json:"unsupported,omitempty"`
	Reaction    *OutboundReaction `json:"reaction,omitempty"`
	Previous    []PreviousText    `json:"previous,omitempty"` // versions before edits, oldest first
}

// Media is one file of a message. Its bytes live in the media store under the attachment's id once State is ready.
type Media struct {
	ID         AttachmentID `json:"id"`
	State      MediaState   `json:"state"`
	Type       string       `json:"type"`             // sniffed once ready, declared before
	Name       string       `json:"name,omitempty"`   // file name, cleaned
	Size       int64        `json:"size,omitempty"`   // bytes
	Width      int          `json:"width,omitempty"`  // pixels
	Height     int          `json:"height,omitempty"` // pixels
	DurationMS int64        `json:"duration_ms,omitempty"`
	Animated   bool         `json:"animated,omitempty"`
	Voice      bool         `json:"voice,omitempty"`
	Thumb      bool         `json:"thumb,omitempty"` // a thumbnail exists
	Error      Code         `json:"error,omitempty"`
	Ref        MediaRef     `json:"-"` // how to fetch it; stored apart, never shown
}

// MediaRef is how a provider hands out a file.
type MediaRef struct {
	ProviderID string `json:"provider_id,omitempty"`
	URL        string `json:"url,omitempty"` // expires within minutes
	SHA256     string `json:"sha256,omitempty"`
}

// MediaState is how far a file has come.
type MediaState string

// The media states.
const (
	MediaPending MediaState = "pending" // to be fetched
	MediaReady   MediaState = "ready"
	MediaFailed  MediaState = "failed"
	MediaExpired MediaState = "expired" // removed by retention
	MediaRemote  MediaState = "remote"  // may be shown by link but not kept
)

// Location is a point on the map, in degrees.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
	URL       string  `json:"url,omitempty"`
}

// Button is a choice offered under a message: a reply, or a link when URL is set.
type Button struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	URL   string `json:"url,omitempty"`
}

// List is a menu offered under a message.
type List struct {
	Button   string        `json:"button"`
	Sections []ListSection `json:"sections"`
}

// ListSection is a group of rows of a List.
type ListSection struct {
	Title string    `json:"title,omitempty"`
	Rows  []ListRow `json:"rows"`
}

// ListRow is one choice of a List.
type ListRow struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

// Choice is what the contact picked: a button, a list row, a quick reply, a postback or a flow's answer.
type Choice struct {
	Type    string          `json:"type"` // button, list, quick_reply, postback, flow
	ID      string          `json:"id,omitempty"`
	Answers json.RawMessage `json:"answers,omitempty"` // a flow's fields; null if they were not valid JSON
}

// Order is a basket sent from the provider's catalog.
type Order struct {
	CatalogID string      `json:"catalog_id,omitempty"`
	Items     []OrderItem `json:"items"`
	Total     string      `json:"total"` // decimal
	Currency  string      `json:"currency"`
}

// OrderItem is a line of an Order.
type OrderItem struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	Price    string `json:"price"` // decimal, per piece
}

// TemplateUse is which template a message was made from and with what.
type TemplateUse struct {
	ID         TemplateID      `json:"id"`
	Name       string          `json:"name"`
	Language   string          `json:"language"`
	Category   string          `json:"category"`
	Components json.RawMessage `json:"components,omitempty"` // filled in, in the provider's shape
}

// Referral is the ad or link through which the contact came.
type Referral struct {
	Source    string `json:"source,omitempty"` // ad, post, link…
	SourceID  string `json:"source_id,omitempty"`
	URL       string `json:"url,omitempty"`
	Headline  string `json:"headline,omitempty"`
	Body      string `json:"body,omitempty"`
	Ref       string `json:"ref,omitempty"`
	ClickID   string `json:"click_id,omitempty"`
	ProductID string `json:"product_id,omitempty"`
}

// ProductRef is a product that a message asks about.
type ProductRef struct {
	CatalogID string `json:"catalog_id,omitempty"`
	SKU       string `json:"sku"`
}

// Share is a post, reel or story of the provider.
type Share struct {
	Type  string `json:"type"`
	ID    string `json:"id,omitempty"`
	URL   string `json:"url,omitempty"`
	Title string `json:"title,omitempty"`
}

// Unsupported is what we can say of a message that we cannot show.
type Unsupported struct {
	Type   string `json:"type,omitempty"` // the provider's name for it: "poll_creation"
	Code   string `json:"code,omitempty"` // the provider's code: "131051"
	Detail string `json:"detail,omitempty"`
}

// PreviousText is a message's text before an edit.
type PreviousText struct {
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}
