package chat

import (
	"slices"
	"time"
)

// Presence is whether an agent is there.
type Presence string

// The presences. Offline is derived: no live socket for OfflineAfter, signed out, or the session over.
const (
	Online  Presence = "online"
	OnBreak Presence = "break"
	Offline Presence = "offline"
)

// OfflineAfter is how long an agent without a live socket still counts as there (RELIABILITY.md I18).
const OfflineAfter = 45 * time.Second

// Behavior is where an agent's work may come from (FEATURES.md §4).
type Behavior string

// The behaviors.
const (
	BehaviorNormal            Behavior = "normal"              // automatic yes, transfer target no
	BehaviorAssignedOnly      Behavior = "assigned_only"       // automatic no, transfer target yes
	BehaviorNormalAndAssigned Behavior = "normal_and_assigned" // both
)

// Role is what an agent may do.
type Role string

// The built-in roles.
const (
	RoleAdmin   Role = "admin"
	RoleManager Role = "manager"
	RoleAgent   Role = "agent"
)

// AgentState is whether an account of an agent can be used.
type AgentState string

// The agent states.
const (
	AgentInvited  AgentState = "invited"
	AgentActive   AgentState = "active"
	AgentDisabled AgentState = "disabled"
)

// Agent is a person who answers.
type Agent struct {
	ID          AgentID
	Name        string
	Email       string
	Role        Role
	State       AgentState
	Behavior    Behavior
	Capacity    int // most conversations given automatically
	Languages   []string
	Departments []DepartmentID

	Presence       Presence // as chosen; what counts is PresenceAt
	BreakReasonID  BreakReasonID
	PresenceSince  time.Time
	SeenAt         time.Time // last beat of a live socket
	LastAssignedAt time.Time
	MustChange     bool // the first password must be changed
	CreatedAt      time.Time
}

// Default and greatest capacity (FEATURES.md §4, RELIABILITY.md B47). The least is 0: such an agent is given nothing automatically, and
// may take what they like.
const (
	DefaultCapacity = 15
	MaxCapacity     = 500
)

// PresenceAt is the agent's presence at a moment: what was chosen, or offline when no socket was seen for OfflineAfter.
func (a Agent) PresenceAt(now time.Time) Presence {
	if a.State != AgentActive || a.Presence == "" || a.SeenAt.IsZero() || now.Sub(a.SeenAt) > OfflineAfter {
		return Offline
	}
	return a.Presence
}

// BreakReason is why agents pause, from the admin's list.
type BreakReason struct {
	ID       BreakReasonID
	Label    string
	Position int
	Disabled bool
}

// Department is a line in which people wait.
type Department struct {
	ID            DepartmentID
	Name          string
	Description   string
	Color         int           // one of the eight dots of UI.md §3.2, from 0
	Policy        string        // a routing.Policy
	Sticky        bool          // the contact's last agent first
	ReturnOnBreak bool          // an agent's conversations return to the line when a break begins
	ReturnAfter   time.Duration // after this long offline an agent's conversations return to the line; 0 = never
}

// EndReason is why conversations end, from the admin's list.
type EndReason struct {
	ID       EndReasonID
	Label    string
	Position int
	Disabled bool
}

// CannedReply is a saved answer, inserted by its shortcut.
type CannedReply struct {
	ID       CannedReplyID
	Shortcut string // without the slash
	Title    string
	Text     string
	AgentID  AgentID // none = shared
}

// Principal is who asks: an agent, or an API key with its role. Every list, count and live event is scoped by it.
type Principal struct {
	AgentID     AgentID
	APIKeyID    APIKeyID
	Role        Role
	Scopes      []string // of an API key; nil for an agent's session
	Departments []DepartmentID
}

// SeesAll tells whether the principal sees every conversation.
func (p Principal) SeesAll() bool { return p.Role == RoleAdmin }

// Sees tells whether the principal may see a conversation: its own and those of its departments.
func (p Principal) Sees(department DepartmentID, agent AgentID) bool {
	if p.SeesAll() || (agent != AgentID{} && agent == p.AgentID) {
		return true
	}
	return slices.Contains(p.Departments, department)
}
