package chat

import (
	"fmt"

	"github.com/google/uuid"
)

// Every kind of thing has an id type of its own, so that a message's id cannot be passed where a conversation's is
// meant. All are UUIDv7: they sort by the time they were made. The zero value means "none".
type (
	// AccountID names a channel account.
	AccountID [16]byte
	// AgentID names an agent.
	AgentID [16]byte
	// APIKeyID names an API key.
	APIKeyID [16]byte
	// AttachmentID names a media file of a message, and its blob in the media store.
	AttachmentID [16]byte
	// CannedReplyID names a saved answer.
	CannedReplyID [16]byte
	// ContactID names a person.
	ContactID [16]byte
	// ConversationID names a thread between one identity and one account.
	ConversationID [16]byte
	// DepartmentID names a line in which people wait.
	DepartmentID [16]byte
	// EndReasonID names a reason for which conversations end.
	EndReasonID [16]byte
	// BreakReasonID names a reason for which agents pause.
	BreakReasonID [16]byte
	// IdentityID names one address of a person.
	IdentityID [16]byte
	// InboundEventID names a raw provider event.
	InboundEventID [16]byte
	// MessageID names a message, in or out.
	MessageID [16]byte
	// SessionID names a session to its owner. It opens nothing.
	SessionID [16]byte
	// TemplateID names an account's message template in one language.
	TemplateID [16]byte
)

// ID is the constraint that all id types satisfy.
type ID interface{ ~[16]byte }

// UUID is an id of any kind, where rows of several kinds are handled alike. It is no type of its own: a store's driver knows
// the bytes without asking for text.
type UUID = [16]byte

// NewID makes a UUIDv7. It panics only if the system has no randomness left.
func NewID[T ID]() T { return T(uuid.Must(uuid.NewV7())) }

// ParseID reads the canonical text form of a UUID. The nil UUID, braces, URNs and every other spelling are refused, so
// that one thing has one name.
func ParseID[T ID](s string) (T, error) {
	u, err := uuid.Parse(s)
	if err != nil || len(s) != 36 || u == uuid.Nil {
		return T{}, Errorf(CodeNotFound, "no such id")
	}
	return T(u), nil
}

// IsZero tells whether id is "none".
func IsZero[T ID](id T) bool { return id == T{} }

func idText(id [16]byte) ([]byte, error) {
	if id == [16]byte{} {
		return []byte{}, nil
	}
	return uuid.UUID(id).MarshalText()
}

func idFromText(id *[16]byte, text []byte) error {
	if len(text) == 0 {
		*id = [16]byte{}
		return nil
	}
	u, err := uuid.ParseBytes(text)
	if err != nil {
		return fmt.Errorf("id: %w", err)
	}
	*id = u
	return nil
}

// String is the canonical text form.
func (id AccountID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id AccountID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *AccountID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id AgentID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id AgentID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *AgentID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id APIKeyID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id APIKeyID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *APIKeyID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id AttachmentID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id AttachmentID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *AttachmentID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id CannedReplyID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id CannedReplyID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *CannedReplyID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id ContactID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id ContactID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *ContactID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id ConversationID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id ConversationID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *ConversationID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id DepartmentID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id DepartmentID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *DepartmentID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id EndReasonID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id EndReasonID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *EndReasonID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id BreakReasonID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id BreakReasonID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *BreakReasonID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id IdentityID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id IdentityID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *IdentityID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id InboundEventID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id InboundEventID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *InboundEventID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id MessageID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id MessageID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *MessageID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id SessionID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id SessionID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *SessionID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }

// String is the canonical text form.
func (id TemplateID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form; "none" is empty.
func (id TemplateID) MarshalText() ([]byte, error) { return idText(id) }

// UnmarshalText reads what MarshalText wrote.
func (id *TemplateID) UnmarshalText(text []byte) error { return idFromText((*[16]byte)(id), text) }
