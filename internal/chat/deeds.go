package chat

import (
	"encoding/json"
	"time"
)

// AgentLoad is an agent as a deed sees one: locked, with the load recounted.
type AgentLoad struct {
	Agent
	Load    int       // conversations held; pending ones do not count
	FreedAt time.Time // when the last one was given up; zero before that

	SecondFactor *bool // whether signing in asks them for a code; nil: not told
}

// RouteState is a department's line as a router sees it: locked, so that nobody is taken out of it by another hand. The agents are
// not: what is planned by them is asked again under their locks, in PickState.
type RouteState struct {
	Now        time.Time
	Department Department
	Waiting    []WaitingRow // the head of the line, in its order
	Seen       string       // what was committed when the head was read, as the record names it
	More       bool         // the line is longer than that
	Agents     []LineAgent  // of the department, whatever their presence; none while what the router knows is good, or if nobody waits
}

// RouteNeeds names a line, how much of its head is asked for, and what the router knows of its agents.
type RouteNeeds struct {
	Department DepartmentID
	Limit      int
	Known      time.Time     // RouteState.Now when it read them; zero = never
	Good       time.Duration // how long that is good for
}

// WaitingRow is a waiting conversation's place in its line, who gave it back, and who answered this contact last.
type WaitingRow struct {
	ID           ConversationID
	Priority     int
	WaitingSince time.Time
	ReturnedBy   AgentID
	LastAgent    AgentID
}

// LineAgent is an active agent of a line as routing looks at one.
type LineAgent struct {
	ID             AgentID
	Presence       Presence // at the database's now
	Behavior       Behavior
	Capacity       int
	Load           int       // conversations held, counted; pending ones do not count. 0 unless online: it matters to nobody then
	LastAssignedAt time.Time // zero = never
	IdleSince      time.Time // counts while Load is 0
}

// Pick is a waiting conversation and the agent whom a plan gives it to.
type Pick struct {
	Conversation ConversationID
	Agent        AgentID
}

// PickState is what was picked, locked and read again: who is not in it may not be given, or nobody, any more.
type PickState struct {
	Now    time.Time
	Rows   map[ConversationID]ConversationRow // those that still wait in the line
	Agents map[AgentID]*LineAgent             // those still of the department, their loads recounted
}

// ChangeNeeds names what a deed is about. The store locks it in the one order: lines, agent, conversation.
type ChangeNeeds struct {
	Principal    Principal
	Conversation ConversationID
	Oldest       bool        // instead of Conversation: the oldest waiting one that the principal may see
	Line         bool        // lock the conversation's line: it may enter or leave it
	Agent        AgentID     // whose load counts, locked; zero = nobody's
	Author       AgentID     // who must be there, not locked; zero = nobody
	Messages     []MessageID // of the conversation
	Attachments  []AttachmentID
	Template     TemplateID
	EndReason    EndReasonID
	Idempotency  *Idempotency
	Reactions    bool   // of the Messages
	UnreadAfter  *int64 // count the contact's messages after this number
}

// Idempotency is a caller's key for a request, with the hash of its body.
type Idempotency struct {
	Key       string
	Principal [16]byte
	BodyHash  []byte
}

// ChangeState is what a deed finds, locked.
type ChangeState struct {
	Now         time.Time
	Row         ConversationRow
	Account     Account
	Agent       *AgentLoad // of ChangeNeeds.Agent; nil if there is no such active agent
	Author      *Agent     // of ChangeNeeds.Author, likewise
	Messages    map[MessageID]Message
	Attachments []Upload // in the order asked for; missing ones are left out
	Template    *TemplateRow
	EndReason   *EndReason
	// Repeat is the message that the same Idempotency-Key made before; Mismatch says that its body was another.
	Repeat   *ThreadMessage
	Mismatch bool
	// WaitedSince is when a held conversation had begun to wait, its place in the line; zero: it never waited.
	WaitedSince time.Time
	// OtherOpen tells that the contact has another open conversation on this account.
	OtherOpen      bool
	OwnReaction    string     // ours on the first of the Messages
	TheirReactions []Reaction // the contact's
	Unread         int        // for ChangeNeeds.UnreadAfter
	LastExternal   string     // the provider's id of the contact's newest message
}

// Upload is a file in the media store that waits for its message, or belongs to one.
type Upload struct {
	Media
	UploadedBy [16]byte // agent or visitor
	MessageID  MessageID
}

// Send is a claimed message on its way out: what to send, and the fence that its outcome must show.
type Send struct {
	Message Message
	Row     ConversationRow
	To      []Address // of the thread, strongest first
	ReplyTo string    // the provider's id of the quoted message
	Media   []SendMedia
	Tag     string
}

// SendMedia is a file of a claimed message.
type SendMedia struct {
	Media
	ProviderID string // the provider's id of an earlier upload that still holds
}

// SendState is what claiming finds in an account: the lane locked, the conversations locked.
type SendState struct {
	Now        time.Time
	Account    Account
	Pauses     int    // in a row, since something of the account was sent
	Candidates []Send // the oldest pending message of each conversation with none in flight that may get one now
	// Rate is the account's limiter: the theoretical arrival time of its next message.
	Rate time.Time
	// Pairs tell for each conversation from when it may get its next message.
	Pairs map[ConversationID]time.Time
}

// SendClaim is what claiming decides.
type SendClaim struct {
	Claimed []MessageID // to be sent now, with a new fence
	Refused Write       // failed before they left: the window closed meanwhile, opted out…
	Rate    time.Time
	Pairs   map[ConversationID]time.Time
}

// Outcome is how sending a claimed message ended. Only the claim that holds the fence may write it.
type Outcome struct {
	MessageID    MessageID
	Conversation ConversationID
	Fence        int64
	Status       MessageStatus // sent, failed, unknown, or pending for a later try
	ExternalID   string
	Error        *MessageError
	Again        time.Duration // pending: how long until the next try
	PairPause    time.Duration // nothing to this contact meanwhile
	// AccountRefused says that the provider takes nothing from the account now, whatever it is: nothing leaves for at least
	// AccountPause, and for the longer the more often that happens in a row.
	AccountRefused bool
	AccountPause   time.Duration
	Effect         SendEffect
}

// TemplateListed is a template as the provider lists it.
type TemplateListed struct {
	ProviderID string
	Name       string
	Language   string
	Status     string
	Category   string
	Definition json.RawMessage // templates.Template
}

// MediaJob is a file to fetch.
type MediaJob struct {
	ID             AttachmentID
	MessageID      MessageID
	ConversationID ConversationID
	Ref            MediaRef
	Type           string // as declared
	Name           string
	Voice          bool
	Attempt        int
}
