package chat

import (
	"regexp"
	"time"
)

// ChannelKind is a medium with a driver.
type ChannelKind string

// The kinds that have, or will have, a folder under channels/.
const (
	WhatsApp    ChannelKind = "whatsapp"
	WhatsAppWeb ChannelKind = "whatsapp_web"
	Instagram   ChannelKind = "instagram"
	Messenger   ChannelKind = "messenger"
	Webchat     ChannelKind = "webchat"
)

// AccountState says whether a channel account works.
type AccountState string

// The account states (FEATURES.md §1).
const (
	AccountConnected    AccountState = "connected"
	AccountDegraded     AccountState = "degraded"     // works, with a reason to look
	AccountDisabled     AccountState = "disabled"     // switched off by an admin
	AccountDisconnected AccountState = "disconnected" // the provider refuses us
)

// CanSend tells whether messages may leave an account in this state.
func (s AccountState) CanSend() bool { return s == AccountConnected || s == AccountDegraded }

// AccountKey is how a provider names an account in its payloads: (kind, "phone_number_id", "5100…").
type AccountKey struct {
	Kind  ChannelKind `json:"kind"`
	Type  string      `json:"type"`
	Value string      `json:"value"`
}

// Account is one connected number, page or site, without its secrets.
type Account struct {
	ID           AccountID
	Kind         ChannelKind
	Name         string
	Address      string // what people call it: a display number, a handle, a site
	State        AccountState
	StateReason  string
	DepartmentID DepartmentID // where its conversations wait unless a rule says otherwise
	Language     string       // default language for templates, BCP 47 with underscore ("tr", "en_US")
	Settings     map[string]string
	Keys         []AccountKey // the names under which the provider's payloads address it
	CreatedAt    time.Time
	PerSecond    int // throughput that the provider told; 0 = the driver's default

	TemplatesBlockedUntil time.Time // the provider blocks template messages of this account
	TemplatesSyncedAt     time.Time
}

// Address is where a person can be reached: (kind, scope, type, value). Scope is the account's own id space where an
// address is only unique within it (an IGSID within its Instagram account) and empty where it is global.
type Address struct {
	Kind  ChannelKind `json:"kind"`
	Scope string      `json:"scope,omitempty"`
	Type  AddressType `json:"type"`
	Value string      `json:"value"`
}

// AddressType says what an address's value is.
type AddressType string

// The address types.
const (
	AddressPhone   AddressType = "phone"   // digits in E.164 without "+"
	AddressBSUID   AddressType = "bsuid"   // WhatsApp business-scoped user id
	AddressIGSID   AddressType = "igsid"   // Instagram-scoped id
	AddressVisitor AddressType = "visitor" // web chat visitor
)

var bsuid = regexp.MustCompile(`^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$`)

// IsBSUID recognises a WhatsApp business-scoped user id (PROTOCOLS.md §2), which may stand where a phone number is
// expected.
func IsBSUID(s string) bool { return bsuid.MatchString(s) }
