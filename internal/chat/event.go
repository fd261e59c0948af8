package chat

import "time"

// Event is one numbered happening in a conversation. Seq is contiguous per conversation and allotted under its row
// lock, so a reader that sees a gap knows that it missed something and asks since the last it has.
type Event struct {
	ConversationID ConversationID
	Seq            int64
	Kind           EventKind
	At             time.Time
	Actor          AgentID   // who did it; none for the contact and for Gatehouse itself
	MessageID      MessageID // the message that it is about, if any
	Data           any       // one of the …Data types; nil for most
}

// EventKind is what happened.
type EventKind string

// The event kinds. Those that are about a message carry its id, and readers see the message as it stands.
const (
	EventMessage  EventKind = "message"  // a new message
	EventStatus   EventKind = "status"   // a message's status changed
	EventReaction EventKind = "reaction" // a reaction was set or taken away
	EventEdited   EventKind = "edited"
	EventDeleted  EventKind = "deleted"
	EventMedia    EventKind = "media" // a file became ready or failed
	EventQueued   EventKind = "queued"
	EventAssigned EventKind = "assigned"
	EventPended   EventKind = "pended"
	EventUnpended EventKind = "unpended"
	EventEnded    EventKind = "ended"
	EventReopened EventKind = "reopened"
	EventRead     EventKind = "read"     // the holder's read mark moved
	EventWindow   EventKind = "window"   // the provider shut the window
	EventIdentity EventKind = "identity" // the contact's number, id or, of type "name", name changed
	EventReferral EventKind = "referral" // came through a link or ad, without a message
	EventCall     EventKind = "call"
	EventOptOut   EventKind = "opt_out"
	EventOptIn    EventKind = "opt_in"
)

// QueuedData tells why a conversation went into the line.
type QueuedData struct {
	Department DepartmentID `json:"department"`
	From       AgentID      `json:"from,omitempty"`
	Why        string       `json:"why"` // new, returned, agent_offline, break, removed
}

// AssignedData tells how a conversation came to an agent.
type AssignedData struct {
	From         AgentID      `json:"from,omitempty"`
	To           AgentID      `json:"to"`
	How          How          `json:"how"`
	WaitedMS     int64        `json:"waited_ms,omitempty"`
	Department   DepartmentID `json:"department"`
	WaitingSince time.Time    `json:"waiting_since,omitzero"`
	Load         int          `json:"load"`               // conversations held right after
	Capacity     int          `json:"capacity"`           // at that moment
	Decision     any          `json:"decision,omitempty"` // routing.Decision of an automatic one
	Seen         string       `json:"-"`                  // RouteState.Seen, by which the record proves that nobody was overtaken
}

// How tells a person's deed from the router's.
type How string

// The ways by which a conversation comes to an agent. Only Automatic is bound by capacity (RELIABILITY.md I13).
const (
	Automatic How = "automatic"
	Pulled    How = "pulled"   // the oldest waiting, by the agent
	Taken     How = "taken"    // a chosen one, by the agent
	ByPerson  How = "assigned" // by somebody else
	TakenUp   How = "reopened" // after its end
)

// EndedData tells why a conversation ended.
type EndedData struct {
	Reason EndReasonID `json:"reason"`
	Label  string      `json:"label,omitempty"` // as it read at that time
	Note   string      `json:"note,omitempty"`
}

// StatusData is what a message's status became.
type StatusData struct {
	Status MessageStatus `json:"status"`
}

// ReactionData is a reaction set (Emoji) or taken away (empty).
type ReactionData struct {
	Emoji     string    `json:"emoji"`
	Direction Direction `json:"direction"`
}

// CallData is a call on the provider's side.
type CallData struct {
	Event     string    `json:"event"` // connect, terminate, permission
	Direction string    `json:"direction,omitempty"`
	Seconds   int       `json:"seconds,omitempty"`
	Response  string    `json:"response,omitempty"`
	Until     time.Time `json:"until,omitzero"` // permission: when it ends; zero = never
}
