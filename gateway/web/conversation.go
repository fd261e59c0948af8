package web

import (
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/window"
)

// The shapes that both the API and the live stream speak. Their names are those of types.ts, which a test compares.

// Conversation is one row of a list, and the head of a thread.
type Conversation struct {
	ID            chat.ConversationID     `json:"id"`
	AccountID     chat.AccountID          `json:"account_id"`
	Contact       ContactBrief            `json:"contact"`
	DepartmentID  chat.DepartmentID       `json:"department_id"`
	AgentID       chat.AgentID            `json:"agent_id,omitzero"`
	Status        chat.ConversationStatus `json:"status"`
	Controller    chat.Controller         `json:"controller"`
	Priority      int                     `json:"priority"`
	LastSeq       int64                   `json:"last_seq"`
	ReadSeq       int64                   `json:"read_seq"`
	Unread        int                     `json:"unread"`
	LastMessageAt time.Time               `json:"last_message_at"`
	LastInboundAt time.Time               `json:"last_inbound_at,omitzero"`
	Preview       chat.Preview            `json:"preview"`
	WaitingSince  time.Time               `json:"waiting_since,omitzero"`
	AssignedAt    time.Time               `json:"assigned_at,omitzero"`
	CreatedAt     time.Time               `json:"created_at"`
	EndedAt       time.Time               `json:"ended_at,omitzero"`
	EndedBy       chat.AgentID            `json:"ended_by,omitzero"`
	EndReasonID   chat.EndReasonID        `json:"end_reason_id,omitzero"`
	EndNote       string                  `json:"end_note,omitempty"`
	Window        Window                  `json:"window"`
	Draft         string                  `json:"draft,omitempty"` // the caller's own; never on the live stream
}

// ContactBrief is who the conversation is with.
type ContactBrief struct {
	ID      chat.ContactID `json:"id"`
	Name    string         `json:"name"` // what to show: the name, else the address
	Address string         `json:"address"`
	HasName bool           `json:"has_name"`
}

// Window is what the composer may do now.
type Window struct {
	Phase          window.Phase `json:"phase"`
	ShutsAt        time.Time    `json:"shuts_at,omitzero"`
	HumanUntil     time.Time    `json:"human_until,omitzero"`
	FreeEntryUntil time.Time    `json:"free_entry_until,omitzero"`
}

// NewConversation shows a row with its window.
func NewConversation(r chat.ConversationRow, w window.View) Conversation {
	name := r.ContactName
	if name == "" {
		name = r.ContactAddress
	}
	return Conversation{
		ID: r.ID, AccountID: r.AccountID,
		Contact:      ContactBrief{ID: r.ContactID, Name: name, Address: r.ContactAddress, HasName: r.ContactName != ""},
		DepartmentID: r.DepartmentID, AgentID: r.AgentID, Status: r.Status, Controller: r.Controller, Priority: r.Priority,
		LastSeq: r.LastSeq, ReadSeq: r.ReadSeq, Unread: r.UnreadCount, LastMessageAt: r.LastMessageAt, LastInboundAt: r.LastInboundAt,
		Preview: r.Preview, WaitingSince: r.WaitingSince, AssignedAt: r.AssignedAt, CreatedAt: r.CreatedAt,
		EndedAt: r.EndedAt, EndedBy: r.EndedBy, EndReasonID: r.EndReasonID, EndNote: r.EndNote,
		Window: Window{Phase: w.Phase, ShutsAt: w.ShutsAt, HumanUntil: w.HumanUntil, FreeEntryUntil: w.FreeUntil},
	}
}

// Counts are the numbers beside the views.
type Counts struct {
	Mine        int                       `json:"mine"`
	Queue       int                       `json:"queue"`
	Pending     int                       `json:"pending"`
	Expiring    int                       `json:"expiring"`
	All         int                       `json:"all"`
	Unread      int                       `json:"unread"`
	Departments map[chat.DepartmentID]int `json:"departments"`
}

// NewCounts shows counts.
func NewCounts(c chat.Counts) Counts {
	if c.Departments == nil {
		c.Departments = map[chat.DepartmentID]int{}
	}
	return Counts(c)
}
