package chat

import "time"

// ConversationStatus is where a conversation stands.
type ConversationStatus string

// The statuses. At most one conversation of an (account, identity) is not closed.
const (
	Waiting  ConversationStatus = "waiting"  // in its department's line
	Assigned ConversationStatus = "assigned" // an agent holds it
	Pending  ConversationStatus = "pending"  // an agent holds it and waits for the contact
	Closed   ConversationStatus = "closed"   // ended
)

// Open tells whether the conversation has not ended.
func (s ConversationStatus) Open() bool { return s != Closed }

// Held tells whether an agent holds it.
func (s ConversationStatus) Held() bool { return s == Assigned || s == Pending }

// Controller says who may speak automatically in a conversation.
type Controller string

// The controllers.
const (
	ControllerBot   Controller = "bot"
	ControllerQueue Controller = "queue"
	ControllerAgent Controller = "agent"
	ControllerNone  Controller = "none"
)

// Conversation is the thread between one identity and one account. Its transitions are the methods below: each returns
// the changed conversation, the event that says so, or the reason why not.
type Conversation struct {
	ID           ConversationID
	AccountID    AccountID
	IdentityID   IdentityID // the thread identity
	ContactID    ContactID
	DepartmentID DepartmentID
	AgentID      AgentID // the holder; none while waiting; the last holder once closed
	Status       ConversationStatus
	Controller   Controller
	Priority     int // higher goes first

	// The service window (package window decides over these).
	WindowOpenedAt time.Time // effective time of the contact's last message; zero = never wrote
	WindowShutAt   time.Time // the provider said "closed" at this time
	FreeEntryUntil time.Time // free entry point: price only

	LastSeq       int64     // the newest event's number; contiguous from 1
	UnreadCount   int       // the contact's messages after the holder's read mark
	ReadSeq       int64     // the holder's read mark
	LastMessageAt time.Time // activity: a message, in or out
	LastInboundAt time.Time
	Preview       Preview
	ReturnedBy    AgentID   // who gave it back last; the router does not give it to them again
	WaitingSince  time.Time // zero unless waiting; kept when it returns to the head of the line
	AssignedAt    time.Time
	CreatedAt     time.Time
	EndedAt       time.Time
	EndedBy       AgentID
	EndReasonID   EndReasonID
	EndNote       string
}

// Preview is what a list row shows of the newest message.
type Preview struct {
	Text      string        `json:"text"` // at most 160 characters
	Kind      MessageKind   `json:"kind"`
	Direction Direction     `json:"direction"`
	Status    MessageStatus `json:"status"`
}

// PreviewLimit is the most characters of a message that a list row carries.
const PreviewLimit = 160

// Enqueue puts the conversation into its department's line. since is when it began to wait: the present for a new one,
// the old time for one that returns to the head of the line.
func (c Conversation) Enqueue(since time.Time, why string) (Conversation, Event) {
	from := c.AgentID
	c.Status, c.Controller, c.WaitingSince = Waiting, ControllerQueue, since
	c.AgentID, c.AssignedAt = AgentID{}, time.Time{}
	if why == "returned" {
		c.ReturnedBy = from
	}
	return c, Event{Kind: EventQueued, Data: QueuedData{Department: c.DepartmentID, From: from, Why: why}}
}

// Assign gives the conversation to an agent. how tells a person's deed from the router's (AssignedData).
func (c Conversation) Assign(agent AgentID, at time.Time, data AssignedData) (Conversation, Event, error) {
	if !c.Status.Open() {
		return c, Event{}, Errorf(CodeConversationEnded, "conversation is closed")
	}
	if c.Status.Held() && c.AgentID == agent {
		return c, Event{}, Errorf(CodeAlreadyTaken, "the agent holds it already")
	}
	data.From, data.To = c.AgentID, agent
	if !c.WaitingSince.IsZero() {
		data.WaitedMS, data.WaitingSince = at.Sub(c.WaitingSince).Milliseconds(), c.WaitingSince
	}
	data.Department = c.DepartmentID
	c.Status, c.Controller, c.AgentID, c.AssignedAt = Assigned, ControllerAgent, agent, at
	c.WaitingSince, c.ReturnedBy = time.Time{}, AgentID{}
	return c, Event{Kind: EventAssigned, Data: data}, nil
}

// Pend parks a held conversation until the contact writes.
func (c Conversation) Pend(by AgentID) (Conversation, Event, error) {
	if err := c.heldBy(by); err != nil {
		return c, Event{}, err
	}
	c.Status = Pending
	return c, Event{Kind: EventPended, Actor: by}, nil
}

// Unpend takes a parked conversation back into the live list.
func (c Conversation) Unpend(by AgentID) (Conversation, Event, error) {
	if err := c.heldBy(by); err != nil {
		return c, Event{}, err
	}
	c.Status = Assigned
	return c, Event{Kind: EventUnpended, Actor: by}, nil
}

// End closes the conversation with a reason. Only its holder may end a held one.
func (c Conversation) End(by AgentID, reason EndReasonID, note string, at time.Time) (Conversation, Event, error) {
	if err := c.heldBy(by); err != nil {
		return c, Event{}, err
	}
	if IsZero(reason) {
		return c, Event{}, Errorf(CodeReasonRequired, "an end reason is required")
	}
	c.Status, c.Controller = Closed, ControllerNone
	c.EndedAt, c.EndedBy, c.EndReasonID, c.EndNote = at, by, reason, note
	c.WaitingSince = time.Time{}
	return c, Event{Kind: EventEnded, Actor: by, Data: EndedData{Reason: reason, Note: note}}, nil
}

// Reopen takes an ended conversation up again, to the agent who asks. data tells the agent's load.
func (c Conversation) Reopen(by AgentID, at time.Time, data AssignedData) (Conversation, Event, error) {
	if c.Status.Open() {
		return c, Event{}, Errorf(CodeAlreadyTaken, "conversation is open")
	}
	c.Status, c.Controller, c.AgentID, c.AssignedAt = Assigned, ControllerAgent, by, at
	c.EndedAt, c.EndedBy, c.EndReasonID, c.EndNote = time.Time{}, AgentID{}, EndReasonID{}, ""
	data.To, data.How, data.Department = by, TakenUp, c.DepartmentID
	return c, Event{Kind: EventReopened, Actor: by, Data: data}, nil
}

// Hear notes a message of the contact: a pending conversation returns to the live list.
func (c Conversation) Hear() Conversation {
	if c.Status == Pending {
		c.Status = Assigned
	}
	return c
}

func (c Conversation) heldBy(agent AgentID) error {
	switch {
	case !c.Status.Open():
		return Errorf(CodeConversationEnded, "conversation is closed")
	case !c.Status.Held() || c.AgentID != agent:
		return Errorf(CodeNotController, "another agent, or nobody, holds it")
	}
	return nil
}

// CanReply tells whether agent may answer in c: who holds it, and it is open.
func (c Conversation) CanReply(agent AgentID) error { return c.heldBy(agent) }
