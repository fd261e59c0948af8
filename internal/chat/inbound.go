package chat

import (
	"encoding/json"
	"time"
)

// RawEvent is a provider's payload as it arrived: what Parse reads.
type RawEvent struct {
	ID         InboundEventID
	AccountID  AccountID // the lane it lies in
	Key        AccountKey
	Kind       ChannelKind
	ReceivedAt time.Time // by the database's clock; the store gives it
	Body       []byte
	Attempts   int   // failed tries so far
	Place      int64 // in its lane; the store gives it
}

// InboundKind is what a provider told us.
type InboundKind string

// The inbound kinds; each names the part of Inbound that is set.
const (
	InboundMessageKind    InboundKind = "message"
	InboundStatusKind     InboundKind = "status"
	InboundReactionKind   InboundKind = "reaction"
	InboundEditKind       InboundKind = "edit"
	InboundDeleteKind     InboundKind = "delete"
	InboundIdentityKind   InboundKind = "identity"
	InboundPreferenceKind InboundKind = "preference"
	InboundCallKind       InboundKind = "call"
	InboundReferralKind   InboundKind = "referral"
	InboundTemplateKind   InboundKind = "template"
	InboundAccountKind    InboundKind = "account"
	InboundContactKind    InboundKind = "contact" // names from the business's own address book
	InboundIgnoredKind    InboundKind = "ignored" // understood and of no use to us; counted by Note
)

// Inbound is one happening read from a provider's payload. Kind says which part is set. Account is whose it is: a
// payload may hold several accounts' events, and a drainer applies those of its own lane.
type Inbound struct {
	Kind    InboundKind `json:"kind"`
	Account AccountKey  `json:"account"`
	// From is the contact: its addresses, the strongest first (PROTOCOLS.md §2: BSUID, then phone). Empty for happenings
	// without one.
	From    []Address `json:"from,omitempty"`
	Profile Profile   `json:"profile,omitzero"`
	At      time.Time `json:"at,omitzero"`    // the provider's clock; zero = absent or absurd
	Note    string    `json:"note,omitempty"` // what was odd or why it is ignored; a closed word, never content

	Message    *InboundMessage    `json:"message,omitempty"`
	Status     *InboundStatus     `json:"status,omitempty"`
	Reaction   *InboundReaction   `json:"reaction,omitempty"`
	Edit       *InboundEdit       `json:"edit,omitempty"`
	Delete     *InboundDelete     `json:"delete,omitempty"`
	Identity   *InboundIdentity   `json:"identity,omitempty"`
	Preference *InboundPreference `json:"preference,omitempty"`
	Call       *InboundCall       `json:"call,omitempty"`
	Referral   *Referral          `json:"referral,omitempty"`
	Template   *InboundTemplate   `json:"template,omitempty"`
	Issue      *InboundAccount    `json:"issue,omitempty"`
}

// InboundMessage is a message of the contact, or an echo of one of ours (Direction out).
type InboundMessage struct {
	ExternalID    string      `json:"external_id"` // never empty: Parse derives one where the provider gave none (B17, B18)
	Direction     Direction   `json:"direction"`
	Source        Source      `json:"source"`
	Kind          MessageKind `json:"kind"`
	Text          string      `json:"text,omitempty"`
	Content       Content     `json:"content,omitzero"`
	Refs          []MediaRef  `json:"refs,omitempty"` // how to fetch Content.Media, in its order
	ReplyExternal string      `json:"reply_external,omitempty"`
	OpensWindow   bool        `json:"opens_window"`
	Silent        bool        `json:"silent,omitempty"` // no notification, no routing, no bot: history and echoes
}

// InboundStatus is a provider's word on messages of ours: one by ExternalID (or Opaque), or all up to At when UpTo.
type InboundStatus struct {
	ExternalID string        `json:"external_id,omitempty"`
	Opaque     string        `json:"opaque,omitempty"` // our message id, echoed by the provider
	UpTo       bool          `json:"up_to,omitempty"`
	Status     MessageStatus `json:"status"`
	Error      *SendError    `json:"error,omitempty"` // of a failed one
	Pricing    *Pricing      `json:"pricing,omitempty"`
	// FreeEntryUntil is the end of a free entry point window (price only); zero = none.
	FreeEntryUntil time.Time `json:"free_entry_until,omitzero"`
}

// Pricing is what a provider charges for a message.
type Pricing struct {
	Model    string `json:"model,omitempty"`
	Type     string `json:"type,omitempty"`
	Category string `json:"category,omitempty"`
	Billable bool   `json:"billable"`
}

// InboundReaction is a reaction on a message; an empty Emoji takes it away.
type InboundReaction struct {
	ExternalID string    `json:"external_id"`
	Emoji      string    `json:"emoji"`
	Direction  Direction `json:"direction"`
}

// InboundEdit replaces a message's text.
type InboundEdit struct {
	ExternalID string    `json:"external_id"`
	Direction  Direction `json:"direction"`
	Text       string    `json:"text"`
}

// InboundDelete takes a message back: its content is removed.
type InboundDelete struct {
	ExternalID string    `json:"external_id"`
	Direction  Direction `json:"direction"`
}

// InboundIdentity moves a contact's addresses: each of Old becomes the New of the same type.
type InboundIdentity struct {
	Type string    `json:"type"` // changed_number, changed_user_id, key_changed, phone_shared
	Old  []Address `json:"old,omitempty"`
	New  []Address `json:"new,omitempty"`
}

// InboundPreference is a contact's choice about being messaged.
type InboundPreference struct {
	OptedOut bool   `json:"opted_out"`
	Category string `json:"category"` // "marketing", or "all"
}

// InboundCall is a call on the provider's side.
type InboundCall struct {
	ExternalID  string   `json:"external_id"`
	Data        CallData `json:"data"`
	OpensWindow bool     `json:"opens_window"`
}

// InboundTemplate is a change of a template at the provider, as package templates reads it.
type InboundTemplate struct {
	ProviderID string          `json:"provider_id"`
	Name       string          `json:"name"`
	Language   string          `json:"language"`
	Field      string          `json:"field"` // status, quality, category, components
	Event      string          `json:"event,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	Value      json.RawMessage `json:"value,omitempty"` // the whole change
}

// InboundAccount is news about the account itself.
type InboundAccount struct {
	Event  string       `json:"event"`            // the provider's name for it
	Number string       `json:"number,omitempty"` // digits of the one number that it is about; empty = all of the key
	State  AccountState `json:"state,omitempty"`  // what it means for us; empty = nothing changes
	Detail string       `json:"detail,omitempty"` // for the admin
	// TemplatesBlockedUntil stops template sends of the whole business account (restriction); zero = no.
	TemplatesBlockedUntil time.Time `json:"templates_blocked_until,omitzero"`
	PerSecond             int       `json:"per_second,omitempty"` // a new throughput limit; 0 = unchanged
}
