package chat

import "time"

// Contact is a person.
type Contact struct {
	ID        ContactID
	Name      string // as an agent wrote it; empty = use the profile name
	Language  string
	OptedOut  time.Time // zero = may be messaged
	CreatedAt time.Time
}

// Identity is one address of a contact. Several identities of one person on one channel (a phone number and a
// business-scoped id) share a Thread: the identity that conversations are bound to.
type Identity struct {
	ID          IdentityID
	ContactID   ContactID
	Thread      IdentityID // itself, or the identity whose conversations it belongs to
	Address     Address
	ProfileName string
	Username    string
}

// Profile is what a provider tells about the sender of a message.
type Profile struct {
	Name     string `json:"name,omitempty"`
	Username string `json:"username,omitempty"`
	Language string `json:"language,omitempty"`
}
