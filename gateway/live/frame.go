package live

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

// clientFrame is everything that a client says.
type clientFrame struct {
	Type           string              `json:"type"` // hello, ping, viewing
	Cursor         string              `json:"cursor"`
	ConversationID chat.ConversationID `json:"conversation_id"`
	Typing         bool                `json:"typing"`
}

// The server's frames.
type (
	welcomeFrame struct {
		Type       string           `json:"type"` // welcome
		Cursor     string           `json:"cursor"`
		ServerTime time.Time        `json:"server_time"`
		AgentID    chat.AgentID     `json:"agent_id"`
		Node       string           `json:"node"`
		Versions   map[string]int64 `json:"versions"` // of the desk's lists
	}
	pongFrame struct {
		Type       string    `json:"type"` // pong
		Cursor     string    `json:"cursor"`
		ServerTime time.Time `json:"server_time"`
	}
	resyncFrame struct {
		Type   string `json:"type"` // resync
		Cursor string `json:"cursor"`
	}
	conversationFrame struct {
		Type         string            `json:"type"` // conversation
		Conversation web.Conversation  `json:"conversation"`
		Events       []web.ThreadEvent `json:"events"`
	}
	goneFrame struct {
		Type           string              `json:"type"` // gone
		ConversationID chat.ConversationID `json:"conversation_id"`
	}
	countsFrame struct {
		Type   string     `json:"type"` // counts
		Counts web.Counts `json:"counts"`
	}
	presenceFrame struct {
		Type        string             `json:"type"` // presence
		AgentID     chat.AgentID       `json:"agent_id"`
		Presence    chat.Presence      `json:"presence"`
		BreakReason chat.BreakReasonID `json:"break_reason,omitzero"`
		Since       time.Time          `json:"since"`
		// As they were when this was news; not said again to who comes back later, for an agent's load changes without such news.
		Load     *int `json:"load,omitempty"`
		Capacity *int `json:"capacity,omitempty"`
	}
	viewersFrame struct {
		Type           string              `json:"type"` // viewers
		ConversationID chat.ConversationID `json:"conversation_id"`
		Viewers        []viewer            `json:"viewers"`
	}
	viewer struct {
		AgentID chat.AgentID `json:"agent_id"`
		Typing  bool         `json:"typing"`
	}
	contactTypingFrame struct {
		Type           string              `json:"type"` // contact_typing
		ConversationID chat.ConversationID `json:"conversation_id"`
	}
	accountFrame struct {
		Type        string            `json:"type"` // account
		AccountID   chat.AccountID    `json:"account_id"`
		State       chat.AccountState `json:"state"`
		StateReason string            `json:"state_reason"`
	}
	settingsFrame struct {
		Type string `json:"type"` // settings
		What string `json:"what"`
		// Version is that of the list, if the record was asked; who has read it, or a later one, need not ask again.
		Version int64 `json:"version,omitzero"`
	}
	signedOutFrame struct {
		Type string `json:"type"` // signed_out
	}
)

// encode writes a frame. All frames are plain values, which never fail but for an event's data that is not JSON.
func encode(frame any) ([]byte, error) { return json.Marshal(frame) }

// place is a cursor: a horizon, in the fewest letters. It is not signed: whoever changes it misses something themselves.
type place struct {
	Xid  int64  `json:"x"`
	At   int64  `json:"t"` // microseconds, as exact as the record's clock
	Copy string `json:"c"`
}

func encodeCursor(h chat.Horizon) string {
	raw, _ := json.Marshal(place{h.Xid, h.At.UnixMicro(), h.Copy}) // numbers and a text: it cannot fail
	return base64.RawURLEncoding.EncodeToString(raw)
}

// decodeCursor reads what encodeCursor wrote; ok is false for anything else.
func decodeCursor(s string) (h chat.Horizon, ok bool) {
	if s == "" || len(s) > 256 {
		return h, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return h, false
	}
	var p place
	if json.Unmarshal(raw, &p) != nil || p.Copy == "" {
		return h, false
	}
	return chat.Horizon{Xid: p.Xid, At: time.UnixMicro(p.At).UTC(), Copy: p.Copy}, true
}
