package chat

import "time"

// ConversationRow is a conversation as lists and live readers see it.
type ConversationRow struct {
	Conversation
	Kind           ChannelKind
	ContactName    string // as edited, else the profile name, else empty
	ContactAddress string // what people call the identity: "+90…", "@name"
	OptedOut       time.Time
}

// NewConversationRow shows a conversation with its contact: edited is the name that an agent wrote, who the thread
// identity.
func NewConversationRow(c Conversation, kind ChannelKind, edited string, who Identity, optedOut time.Time) ConversationRow {
	r := ConversationRow{Conversation: c, Kind: kind, ContactName: edited, OptedOut: optedOut}
	if r.ContactName == "" {
		r.ContactName = who.ProfileName
	}
	switch {
	case who.Address.Type == AddressPhone:
		r.ContactAddress = "+" + who.Address.Value
	case who.Username != "":
		r.ContactAddress = "@" + who.Username
	case who.Address.Type != AddressVisitor:
		r.ContactAddress = who.Address.Value
	}
	return r
}

// ThreadMessage is a message as a thread shows it. Its Content.Media is filled.
type ThreadMessage struct {
	Message
	Reactions []Reaction
}

// Reaction is one side's reaction on a message.
type Reaction struct {
	MessageID MessageID
	Direction Direction
	Emoji     string
}

// SortAt is the place of a message in the thread, before Seq: when it came, or when the provider says that it was written if
// that was clearly earlier. Providers tell whole seconds; within transitLimit the order of arrival is the better witness.
func (m Message) SortAt() time.Time {
	if m.ProviderAt.IsZero() || m.CreatedAt.Sub(m.ProviderAt) < transitLimit {
		return m.CreatedAt
	}
	return m.ProviderAt
}

// transitLimit is how long a message is ordinarily on its way.
const transitLimit = 2 * time.Second

// ThreadEvent is an event with the message that it is about, as it stands now.
type ThreadEvent struct {
	Event
	Message *ThreadMessage
}

// Notice is news for live readers, published after the transaction that made it committed. It may be lost: a reader that
// sees a gap in Seq, or reconnects, asks the record.
type Notice struct {
	Kind NoticeKind

	// Conversation and Events of a NoticeConversation. Left names agents who could see it before by holding it.
	Conversation *ConversationRow
	Events       []ThreadEvent
	Left         []AgentID

	Presence *PresenceNotice // NoticePresence
	Account  *Account        // NoticeAccount
	What     string          // NoticeSettings: which list changed
	Agent    AgentID         // NoticeSession: whose sessions or rights changed; NoticeViewers: who looks
	// ConversationID of NoticeViewers (Typing: writing a reply) and NoticeTyping (the contact types). Zero for a viewer who
	// looks at nothing any more.
	ConversationID ConversationID
	IdentityID     IdentityID // thread identity of NoticeTyping, NoticeViewers
	Typing         bool
	Node           string // the node that a viewer is connected to
}

// NoticeKind is what a Notice is about.
type NoticeKind string

// The notice kinds.
const (
	NoticeConversation NoticeKind = "conversation"
	NoticePresence     NoticeKind = "presence"
	NoticeAccount      NoticeKind = "account"
	NoticeSettings     NoticeKind = "settings"
	NoticeSession      NoticeKind = "session" // sessions ended or rights changed: check again
	NoticeViewers      NoticeKind = "viewers"
	NoticeTyping       NoticeKind = "typing"
	NoticeLost         NoticeKind = "lost" // some news did not get through: ask the record
)

// PresenceNotice is an agent's presence and load after a change.
type PresenceNotice struct {
	Agent    AgentID
	Presence Presence
	Break    BreakReasonID
	Since    time.Time
	Load     int
	Capacity int
}

// ListQuery asks for a page of conversations. The principal's scope is part of every query (RELIABILITY.md S9).
type ListQuery struct {
	Principal  Principal
	View       View
	Sort       Sort
	Kind       ChannelKind
	Account    AccountID
	Department DepartmentID
	Agent      AgentID
	Text       string // part of a contact's name or address, or of a message
	Limit      int
	After      ListKey // the last row of the page before; zero = first page
}

// ListKey is a row's place in a list.
type ListKey struct {
	At time.Time
	ID ConversationID
}

// View is a list of conversations.
type View string

// The views.
const (
	ViewMine     View = "mine"
	ViewQueue    View = "queue"
	ViewPending  View = "pending"
	ViewExpiring View = "expiring"
	ViewHistory  View = "history"
	ViewAll      View = "all"
)

// Sort is a list's order.
type Sort string

// The sorts. Each view has a default: queue the oldest waiting, expiring by time left, the others newest activity.
const (
	SortNewest   Sort = "newest"
	SortWaiting  Sort = "waiting"
	SortExpiring Sort = "expiring"
)

// Counts are the numbers beside the views.
type Counts struct {
	Mine, Queue, Pending, Expiring, All, Unread int
	Departments                                 map[DepartmentID]int
}

// HistoryRow is one of a contact's other conversations.
type HistoryRow struct {
	ID            ConversationID
	AccountID     AccountID
	Kind          ChannelKind
	Status        ConversationStatus
	LastMessageAt time.Time
	EndedAt       time.Time
	EndReason     string
	AgentID       AgentID
	DepartmentID  DepartmentID
	Preview       Preview
}

// Horizon is a moment in the record that a reader can ask "what changed since?" about. It holds the oldest transaction
// that was still running then, since what commits out of order must not be missed, and which copy of the record it is
// about, since a restored one counts anew.
type Horizon struct {
	Xid  int64
	At   time.Time // the record's clock
	Now  time.Time // the desk's clock then; not part of the moment's identity
	Copy string
}
