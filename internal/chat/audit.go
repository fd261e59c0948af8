package chat

import (
	"maps"
	"time"
)

// Audit is the trace that a privileged change leaves, in its transaction (RELIABILITY.md I21): who did what to what. It holds
// no secret and no text of a message.
type Audit struct {
	Agent   AgentID // who; Key is of a program. Neither: the operator at the machine
	Key     APIKeyID
	Action  string   // "agent.updated"
	Object  [16]byte // its id
	Name    string   // its name, as it was then
	Details map[string]any
}

// AuditEntry is a row of the audit. They are numbered without a gap.
type AuditEntry struct {
	ID int64
	At time.Time
	Audit
}

// Audited says that the principal did something to an object.
func Audited[T ID](p Principal, action string, object T, name string) Audit {
	return Audit{Agent: p.AgentID, Key: p.APIKeyID, Action: action, Object: object, Name: name}
}

// With adds a fact.
func (a Audit) With(key string, value any) Audit {
	details := map[string]any{key: value}
	maps.Copy(details, a.Details)
	a.Details = details
	return a
}
