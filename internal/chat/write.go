package chat

import (
	"encoding/json"
	"time"
)

// Write is what a transaction changes: the desk decides it purely, the store applies it whole or not at all. Every verb of
// the desk, from a batch of webhooks to an agent's click, ends in one.
type Write struct {
	Contacts   []Contact
	Wishes     []Wish
	Identities []Identity
	Moved      []Identity // changed addresses and profiles of known identities

	Created []Conversation
	Changed []Conversation
	Events  []Event // in order; Seq is allotted and LastSeq of their conversations agrees

	Messages []Message // new; their Content.Media become attachments
	Updated  []Message // status, text and content of known ones
	Given    []Message // ID and ExternalID: provider ids that messages of ours were given

	Reactions []ReactionWrite
	Parked    []Parked

	Account   *AccountChange
	Templates []TemplateChange

	Quarantined []Quarantined
	Forgotten   []MessageID // whose files the provider has forgotten: they must be uploaded again
}

// Empty tells whether there is nothing to write.
func (w *Write) Empty() bool {
	return len(w.Contacts)+len(w.Wishes)+len(w.Identities)+len(w.Moved)+len(w.Created)+len(w.Changed)+len(w.Events)+
		len(w.Messages)+len(w.Updated)+len(w.Given)+len(w.Reactions)+len(w.Parked)+len(w.Templates)+len(w.Quarantined)+len(w.Forgotten) == 0 &&
		w.Account == nil
}

// Wish is a contact's choice about being messaged: Out, not to be. Of several the latest holds.
type Wish struct {
	Contact ContactID
	Out     bool
	At      time.Time
}

// Quarantined is an event of the batch that is put aside with the reason. It stays visible and replayable.
type Quarantined struct {
	Event InboundEventID
	Place int64 // in its lane
	Why   string
}

// ReactionWrite sets one side's reaction; an empty Emoji takes it away.
type ReactionWrite struct {
	Reaction
	At time.Time
}

// Parked is an update that came before the message it is about. It waits a day.
type Parked struct {
	ExternalID string
	ReceivedAt time.Time
	Inbound    Inbound
}

// AccountChange is news about the account of a lane.
type AccountChange struct {
	State                 AccountState // empty = unchanged
	Reason                string
	PerSecond             int // 0 = unchanged
	TemplatesBlockedUntil time.Time
}

// TemplateChange is a template of the lane's account after a provider's change, as package templates writes it.
type TemplateChange struct {
	ID         TemplateID
	Status     string
	Category   string
	Definition json.RawMessage
}

// TemplateRow is a stored template.
type TemplateRow struct {
	ID         TemplateID
	AccountID  AccountID
	ProviderID string
	Name       string
	Language   string
	Definition json.RawMessage // templates.Template
	Gone       bool
}

// LaneNeeds is what applying a batch of inbound events needs to know of the record.
type LaneNeeds struct {
	Claims    map[string]MessageID // provider ids of messages in the batch, with the ids that they get if they are new
	Kind      ChannelKind
	Values    []string    // addresses
	Targets   []string    // provider ids of messages that statuses, reactions, edits and deletions are about
	Opaque    []MessageID // the same by our own id
	UpTo      bool        // a "read up to here" is among them
	Echoes    bool        // messages that the business sent are among them
	Templates bool
}

// LaneState is what the record says, with the conversations locked.
type LaneState struct {
	Account       Account
	Now           time.Time
	New           map[string]bool // the Claims that nobody had made before
	Identities    []KnownIdentity
	Conversations []ConversationRow // open ones of the Values, those of the targets, and the newest of threads without an open one
	Targets       map[string]Message
	ByID          map[MessageID]Message
	Outbound      []Message // ours in the Conversations: not read yet with UpTo, not confirmed yet with Echoes
	Parked        []Parked  // what waited for messages of this batch
	Templates     []TemplateRow
}

// KnownIdentity is an identity with what is needed of its contact.
type KnownIdentity struct {
	Identity
	ContactName string
	OptedOut    time.Time
	WishedAt    time.Time // the latest Wish
}

// Lane applies a batch of an account's inbound events: Read says what it needs to know of the record, Decide what to
// write. Both are pure; they may be called again when a batch lost a race.
type Lane struct {
	Read   func(Account, time.Time, []RawEvent) LaneNeeds
	Decide func(LaneState) *Write
	Keep   bool // the events stay pending: only a part of them was applied
}
