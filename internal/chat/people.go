package chat

import (
	"encoding/json"
	"time"
)

// How long a session holds, by the database's clock.
const (
	SessionLife = 24 * time.Hour // since the sign-in
	SessionIdle = 8 * time.Hour  // since the last request
)

// Session is a signed-in agent.
type Session struct {
	Agent     Agent // without presence
	CreatedAt time.Time
	ExpiresAt time.Time // whatever the use
}

// Principal is who asks with this session.
func (s Session) Principal() Principal {
	return Principal{AgentID: s.Agent.ID, Role: s.Agent.Role, Departments: s.Agent.Departments}
}

// OwnSession is one of a person's sessions, as they see it.
type OwnSession struct {
	ID        SessionID
	CreatedAt time.Time
	UsedAt    time.Time // to the minute
	ExpiresAt time.Time // whatever the use
	UserAgent string
	IP        string
	TokenHash []byte // by which the caller finds the one that asks
}

// TOTP is a person's second factor. The zero value is none.
type TOTP struct {
	Sealed    []byte
	Confirmed bool  // a code of it was given: sign-ins need one
	Step      int64 // of the last code that was taken
	Recovery  int   // codes left for the day the phone is lost
}

// SignIn is a session as it begins.
type SignIn struct {
	TokenHash    []byte
	Agent        AgentID
	PasswordHash string // that was verified; it must still be the agent's
	IP           string
	UserAgent    string
}

// Credentials are an agent with the hash of their password.
type Credentials struct {
	Agent
	PasswordHash string
}

// Me is an agent as they see themselves.
type Me struct {
	AgentLoad
	Prefs json.RawMessage // the agent's own: theme, language, sorts…; an object
}

// AgentForm is an agent to be made.
type AgentForm struct {
	Name        string
	Email       string
	Role        Role
	Behavior    Behavior // empty = normal
	Capacity    int
	Languages   []string
	Departments []DepartmentID
}

// AgentPatch is a change of an agent; nil leaves a field as it is.
type AgentPatch struct {
	Name        *string
	Email       *string
	Role        *Role
	Behavior    *Behavior
	Capacity    *int
	Languages   *[]string
	Departments *[]DepartmentID
}

// APIKey lets a program in. Its secret is shown once and not kept.
type APIKey struct {
	ID     APIKeyID
	Name   string
	Prefix string // the first characters, to recognise it by
	Role   Role
	Scopes []string
	// Departments are what a key of role manager or agent sees; an admin's sees all.
	Departments []DepartmentID
	CreatedAt   time.Time
	UsedAt      time.Time // to the minute; zero = never
}

// APIKeyForm is a key to be made. Without departments, one that does not see all sees those that there are at that time.
type APIKeyForm struct {
	Name        string
	Role        Role
	Scopes      []string
	Departments []DepartmentID
}

// Principal is who asks with this key.
func (k APIKey) Principal() Principal {
	return Principal{APIKeyID: k.ID, Role: k.Role, Scopes: k.Scopes, Departments: k.Departments}
}

// HolderNeeds names the agent whom a change is about. The store locks in the one order: the lines of what they hold, the
// agent, what they hold.
type HolderNeeds struct {
	Agent  AgentID
	Held   bool // what the agent holds may return to its line
	Admins bool // the other active admins are locked too: one of them must stay
}

// HolderState is an agent as a change finds them, locked.
type HolderState struct {
	Now          time.Time // the desk's clock
	Clock        time.Time // the database's, which presence follows
	Agent        AgentLoad
	PasswordHash string
	OtherAdmins  int       // active ones; with HolderNeeds.Admins
	Held         []HeldRow // with HolderNeeds.Held
	Departments  map[DepartmentID]Department
	BreakReasons []BreakReason
}

// HeldRow is a conversation that an agent holds, with its old place in the line.
type HeldRow struct {
	ConversationRow
	WaitedSince time.Time
}

// HolderWrite is what a change of an agent writes; nil leaves things as they are.
type HolderWrite struct {
	Agent       *Agent // name, email, role, state, behavior, capacity, languages and departments, whole
	Password    *Password
	Presence    *PresenceChange
	EndSessions bool
	KeepSession []byte // token hash of the one that EndSessions spares
	Audit       *Audit // of a privileged change
	Write       Write
}

// Password is a new password of an agent.
type Password struct {
	Hash       string
	MustChange bool
}

// PresenceChange is a presence as chosen. Reason is of a break.
type PresenceChange struct {
	Presence Presence
	Reason   BreakReasonID
}
