package chat

import (
	"encoding/json"
	"time"
)

// Outbound is one message as a driver hands it to the provider: everything resolved, nothing to look up.
type Outbound struct {
	MessageID MessageID
	Opaque    string    // echoed by the provider in the message's statuses where it can (biz_opaque_callback_data)
	To        []Address // the contact's addresses, the one to use first
	Kind      MessageKind
	Text      string
	Tag       string // window tag, such as HUMAN_AGENT; empty inside the window
	ReplyTo   string // the provider's id of the quoted message
	Media     []OutboundMedia
	Location  *Location
	Contacts  json.RawMessage
	Header    string
	Footer    string
	Buttons   []Button
	List      *List
	Reaction  *OutboundReaction
	Template  *OutboundTemplate
}

// OutboundMedia is a file to send: by the provider's own id after an upload, else by a link that the provider fetches.
type OutboundMedia struct {
	ProviderID string
	URL        string
	Type       string
	Name       string
	Voice      bool
}

// OutboundReaction sets (or with an empty Emoji takes away) our reaction on a message of the contact.
type OutboundReaction struct {
	Target     MessageID `json:"target"` // the message reacted to
	ExternalID string    `json:"external_id"`
	Emoji      string    `json:"emoji"`
	Before     string    `json:"before,omitempty"` // our reaction until then, to go back to when it fails
}

// OutboundTemplate is a rendered template: its components in the provider's shape (templates.Render).
type OutboundTemplate struct {
	Name       string
	Language   string
	Components json.RawMessage
}

// Receipt is the provider's word that it took a message.
type Receipt struct {
	ExternalID string
	Held       bool      // taken, but held back for a quality check
	Addresses  []Address // addresses of the contact that the answer taught us
	At         time.Time
}
