package chat

import "time"

// DepartmentCard is a department with how it stands now.
type DepartmentCard struct {
	Department
	Total   int // active agents
	Online  int
	OnBreak int
	Waiting int // conversations in its line; 0 for those who may not see them
}

// DepartmentPatch is a change of a department; nil leaves a field as it is.
type DepartmentPatch struct {
	Name          *string
	Description   *string
	Color         *int
	Policy        *string
	Sticky        *bool
	ReturnOnBreak *bool
	ReturnAfter   *time.Duration
}

// ReasonPatch is a change of an end reason or a break reason; nil leaves a field as it is.
type ReasonPatch struct {
	Label    *string
	Position *int
	Disabled *bool
}

// CannedReplyPatch is a change of a saved answer; nil leaves a field as it is.
type CannedReplyPatch struct {
	Shortcut *string
	Title    *string
	Text     *string
}

// Tab is where an agent writes: to the contact, or to colleagues.
type Tab string

// The tabs.
const (
	TabReply Tab = "reply"
	TabNote  Tab = "note"
)

// Draft is what an agent has written in a conversation and not sent yet.
type Draft struct {
	Tab       Tab
	Text      string
	ReplyTo   MessageID
	UpdatedAt time.Time
}

// Setting is one thing that an account of a channel kind needs to work. The CLI, the API and the console's forms are made
// from it.
type Setting struct {
	Name     string `json:"name"`
	Label    string `json:"label"`
	Help     string `json:"help,omitempty"`
	Secret   bool   `json:"secret"`
	Required bool   `json:"required"`
	Default  string `json:"default,omitempty"`
	// Endpoint marks the address of the provider's API. One on this machine is a stand-in for tests, and may be connected
	// to although no other address that is not public may.
	Endpoint bool `json:"-"`
}

// AccountIDSetting is the reserved name under which an account's own id is among the settings when a driver is asked for the
// account's keys.
const AccountIDSetting = "account_id"

// AccountForm is a channel account to be made. Settings holds the plain and the secret ones.
type AccountForm struct {
	Kind         ChannelKind
	Name         string
	Address      string
	DepartmentID DepartmentID
	Language     string
	Settings     map[string]string
}

// AccountPatch is a change of a channel account; nil leaves a field as it is. Settings replaces those that it names, and an
// empty value takes one away.
type AccountPatch struct {
	Name         *string
	Address      *string
	DepartmentID *DepartmentID
	Language     *string
	Settings     map[string]string
}

// SealedAccount is a channel account as the record holds it.
type SealedAccount struct {
	Account
	Sealed []byte // its secret settings by name, as JSON, sealed; empty = none
}

// AccountView is a channel account as a form shows it.
type AccountView struct {
	Account
	SecretsSet []string // names of the secrets that are saved; for those who may change accounts
}
