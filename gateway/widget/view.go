package widget

import (
	"encoding/json"
	"time"

	"gatehouse/internal/chat"
)

// What a visitor's frame is told. It is written from the record's rows and nothing is passed on that is not named here:
// no note, no id of an agent, no reason of an end, no explanation of the routing.

// chatView is how the visitor's conversation stands.
type chatView struct {
	State   string `json:"state"`           // none, queued, agent, ended
	ID      string `json:"id,omitempty"`    // the conversation
	Agent   *face  `json:"agent,omitempty"` // who answers: state agent only
	ReadSeq int64  `json:"read_seq"`        // the agent has read the visitor's messages up to here
}

// The states of a chatView.
const (
	stateNone   = "none"
	stateQueued = "queued"
	stateAgent  = "agent"
	stateEnded  = "ended"
)

// item is one thing in the log: a message, or a mark such as "Deniz joined".
type item struct {
	ID   string    `json:"id"`
	Conv string    `json:"conv"`
	Seq  int64     `json:"seq"` // within conv
	At   time.Time `json:"at"`
	Mark string    `json:"mark,omitempty"` // joined, took_over, waiting, ended; empty for a message
	Name string    `json:"name,omitempty"` // who joined, ended or wrote; empty for the visitor, the business and the bot

	Mine     bool       `json:"mine,omitempty"`
	ClientID string     `json:"client_id,omitempty"` // of mine
	Kind     string     `json:"kind,omitempty"`
	Text     string     `json:"text,omitempty"`
	Media    []mediaRef `json:"media,omitempty"`
	ReplyTo  string     `json:"reply_to,omitempty"`
	SentAt   time.Time  `json:"sent_at,omitzero"` // for read {at}; of the others'
	Read     bool       `json:"read,omitempty"`   // the record knows that the visitor read it
	Edited   bool       `json:"edited,omitempty"`
	Deleted  bool       `json:"deleted,omitempty"`
}

// mediaRef is a file of a message. Its bytes are at media/{id}, for the token that may see the message.
type mediaRef struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Type   string `json:"type"`
	Name   string `json:"name,omitempty"`
	Size   int64  `json:"size,omitempty"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	Thumb  bool   `json:"thumb,omitempty"`
}

// The marks.
const (
	markJoined   = "joined"
	markTookOver = "took_over"
	markWaiting  = "waiting"
	markEnded    = "ended"
)

// standing says how a conversation stands; nobody's is state none.
func standing(c *chat.ConversationRow) (state string, agent chat.AgentID) {
	switch {
	case c == nil:
		return stateNone, chat.AgentID{}
	case !c.Status.Open():
		return stateEnded, chat.AgentID{}
	case c.Status.Held():
		return stateAgent, c.AgentID
	}
	return stateQueued, chat.AgentID{}
}

// itemOf says what a visitor sees of an event: a message as it stands, or a mark. ok is false for what is none of the
// visitor's business. agent is whose name the item shows; the caller fills it in.
func itemOf(e chat.ThreadEvent) (it item, agent chat.AgentID, ok bool) {
	if e.Message != nil {
		switch {
		case e.Kind == chat.EventReaction, e.Kind == chat.EventStatus && e.Message.Status != chat.StatusSent:
			return item{}, chat.AgentID{}, false // only being sent makes a difference to the visitor
		}
		return messageItem(*e.Message)
	}
	it = item{ID: ref(e.ConversationID, e.Seq), Conv: e.ConversationID.String(), Seq: e.Seq, At: e.At.UTC()}
	switch e.Kind {
	case chat.EventAssigned:
		d, known := dataOf[chat.AssignedData](e.Data)
		it.Mark, agent = markJoined, d.To
		if !chat.IsZero(d.From) && d.From != d.To {
			it.Mark = markTookOver
		}
		return it, agent, known
	case chat.EventReopened:
		it.Mark = markJoined
		return it, e.Actor, true
	case chat.EventQueued:
		d, known := dataOf[chat.QueuedData](e.Data)
		it.Mark = markWaiting
		return it, chat.AgentID{}, known && !chat.IsZero(d.From) // a new chat's wait is its state, not news
	case chat.EventEnded:
		it.Mark = markEnded
		return it, e.Actor, true
	}
	return item{}, chat.AgentID{}, false
}

func messageItem(m chat.ThreadMessage) (item, chat.AgentID, bool) {
	switch {
	case m.Direction == chat.In:
	case m.Direction == chat.Out && (m.Status == chat.StatusSent || m.Status == chat.StatusDelivered || m.Status == chat.StatusRead || m.Status == chat.StatusPlayed):
	default:
		return item{}, chat.AgentID{}, false // notes; and what was not sent
	}
	it := item{
		ID: m.ID.String(), Conv: m.ConversationID.String(), Seq: m.Seq, At: m.SortAt().UTC(),
		Mine: m.Direction == chat.In, Kind: string(m.Kind), Text: m.Text,
		Edited: !m.EditedAt.IsZero(), Deleted: !m.DeletedAt.IsZero(),
	}
	if it.Mine {
		it.ClientID = m.ExternalID
	} else {
		it.SentAt = m.CreatedAt.UTC()
		it.Read = m.Status == chat.StatusRead || m.Status == chat.StatusPlayed
	}
	if !chat.IsZero(m.ReplyTo) {
		it.ReplyTo = m.ReplyTo.String()
	}
	if it.Deleted {
		it.Text, it.ReplyTo = "", ""
		return it, m.AgentID, true
	}
	for _, f := range m.Content.Media {
		it.Media = append(it.Media, mediaRef{
			ID: f.ID.String(), State: string(f.State), Type: f.Type, Name: f.Name, Size: f.Size,
			Width: f.Width, Height: f.Height, Thumb: f.Thumb,
		})
	}
	return it, m.AgentID, true
}

// dataOf reads an event's data, whether it is the type itself or what JSON made of it on the way between two nodes.
func dataOf[T any](data any) (T, bool) {
	var out T
	switch d := data.(type) {
	case T:
		return d, true
	case *T:
		if d != nil {
			return *d, true
		}
		return out, false
	case nil:
		return out, false
	}
	text, err := json.Marshal(data)
	if err != nil || json.Unmarshal(text, &out) != nil {
		return *new(T), false
	}
	return out, true
}
