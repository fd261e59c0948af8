// Package task names what workers can be woken for. A wake is a kind and an id, never content: it says "look at X", and
// what there is to do is in the record. A wake may come late, twice, or not at all.
package task

import "time"

// Kind is what to look at.
type Kind string

// The kinds. Each is one queue task type and one row of workers' table.
const (
	Ingest    Kind = "ingest"    // an account's inbound lane
	Route     Kind = "route"     // a department's line
	Deliver   Kind = "deliver"   // an account's outgoing messages
	Media     Kind = "media"     // an account's files to fetch
	Templates Kind = "templates" // an account's templates to sync
	Profile   Kind = "profile"   // a conversation whose contact has no name
	ReadMark  Kind = "read_mark" // a conversation whose reading the contact may see; a courtesy that may be lost
	Typing    Kind = "typing"    // a conversation in which an agent is writing; the same
)

// Kinds are all kinds.
func Kinds() []Kind {
	return []Kind{Ingest, Route, Deliver, Media, Templates, Profile, ReadMark, Typing}
}

// Queue is the name of an Asynq queue.
type Queue string

// The queues, by what may wait for what.
const (
	Interactive Queue = "interactive"
	Default     Queue = "default"
	Bulk        Queue = "bulk"
)

// Queue is where wakes of this kind go.
func (k Kind) Queue() Queue {
	switch k {
	case Ingest, Route, Deliver:
		return Interactive
	case Media, Profile, ReadMark, Typing:
		return Default
	}
	return Bulk
}

// Wake says "look at this".
type Wake struct {
	Kind      Kind
	ID        string    // canonical UUID of the account, department or conversation
	NotBefore time.Time // zero = now
}
