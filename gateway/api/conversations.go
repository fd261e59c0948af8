package api

import (
	"context"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

type conversations interface {
	Conversation(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error)
	List(ctx context.Context, q chat.ListQuery) ([]chat.ConversationRow, error)
	Counts(ctx context.Context, p chat.Principal) (chat.Counts, error)
	Events(ctx context.Context, p chat.Principal, id chat.ConversationID, since int64, limit int) ([]chat.ThreadEvent, error)
	EventsBetween(ctx context.Context, p chat.Principal, id chat.ConversationID, low, high int64, limit int) ([]chat.ThreadEvent, error)
	History(ctx context.Context, p chat.Principal, row chat.ConversationRow) ([]chat.HistoryRow, error)

	Pull(ctx context.Context, p chat.Principal) (chat.ConversationRow, error)
	Take(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error)
	Assign(ctx context.Context, p chat.Principal, id chat.ConversationID, to chat.AgentID) (chat.ConversationRow, error)
	Return(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error)
	Pend(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error)
	Unpend(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error)
	End(ctx context.Context, p chat.Principal, id chat.ConversationID, reason chat.EndReasonID, note string) (chat.ConversationRow, error)
	Reopen(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error)
	MarkRead(ctx context.Context, p chat.Principal, id chat.ConversationID, seq int64) (chat.ConversationRow, error)
	MarkUnread(ctx context.Context, p chat.Principal, id chat.ConversationID, seq int64) (chat.ConversationRow, error)
}

// ConversationFilter is which conversations, in which order.
type ConversationFilter struct {
	View       chat.View         `query:"view" enum:"mine,queue,pending,expiring,history,all" default:"mine" json:"-"`
	Sort       chat.Sort         `query:"sort" enum:"newest,waiting,expiring" json:"-"`
	Channel    chat.ChannelKind  `query:"channel" json:"-"`
	Account    chat.AccountID    `query:"account" json:"-"`
	Department chat.DepartmentID `query:"department" json:"-"`
	Agent      chat.AgentID      `query:"agent" json:"-"`
	Text       string            `query:"q" json:"-"`
	web.Paging
}

// searchLimit is the longest text that is searched for, in bytes: no name or address is longer.
const searchLimit = 1000

// ListConversations is a page of a view.
func (a *API) ListConversations(c *web.Call, f ConversationFilter) (web.Page[web.Conversation], error) {
	var page web.Page[web.Conversation]
	size, err := f.Size()
	if err != nil {
		return page, err
	}
	if f.Text != "" {
		if err := c.Count(web.MeterSearch); err != nil {
			return page, err
		}
	}
	if len(f.Text) > searchLimit {
		return web.List[web.Conversation](nil), nil
	}
	q := chat.ListQuery{
		Principal: c.P(), View: f.View, Sort: f.Sort, Kind: f.Channel, Account: f.Account, Department: f.Department, Agent: f.Agent,
		Text: f.Text, Limit: size + 1,
	}
	if q.Sort == "" {
		q.Sort = defaultSort(q.View)
	}
	if err := c.Place(f.Cursor, &q.After); err != nil {
		return page, err
	}
	rows, err := a.Desk.List(c, q)
	if err != nil {
		return page, err
	}
	if len(rows) > size {
		rows = rows[:size]
		if page.Next, err = c.Cursor(placeOf(rows[size-1], q)); err != nil {
			return page, err
		}
	}
	now, err := a.Desk.Now(c)
	if err != nil {
		return page, err
	}
	page.Items = make([]web.Conversation, len(rows))
	for i, r := range rows {
		page.Items[i] = web.NewConversation(r, a.Desk.WindowView(r, now))
	}
	return page, nil
}

// defaultSort is a view's own order.
func defaultSort(v chat.View) chat.Sort {
	switch v {
	case chat.ViewQueue:
		return chat.SortWaiting
	case chat.ViewExpiring:
		return chat.SortExpiring
	}
	return chat.SortNewest
}

// placeOf is a row's place in a list: a sort that a view has not is the newest first.
func placeOf(r chat.ConversationRow, q chat.ListQuery) chat.ListKey {
	at := r.LastMessageAt
	switch {
	case q.View == chat.ViewQueue && q.Sort == chat.SortWaiting:
		at = r.WaitingSince
	case q.View == chat.ViewExpiring && q.Sort == chat.SortExpiring:
		at = r.WindowOpenedAt
	}
	return chat.ListKey{At: at, ID: r.ID}
}

// Counts are the numbers beside the views.
func (a *API) Counts(c *web.Call, _ none) (web.Counts, error) {
	n, err := a.Desk.Counts(c, c.P())
	return web.NewCounts(n), err
}

// ConversationDetail is a conversation with what its thread needs around it.
type ConversationDetail struct {
	web.Conversation
	ContactDetail Contact             `json:"contact_detail"`
	History       []ConversationBrief `json:"history"`
	Events        []web.ThreadEvent   `json:"events"`
}

// ConversationBrief is another conversation of the contact.
type ConversationBrief struct {
	ID            chat.ConversationID     `json:"id"`
	AccountID     chat.AccountID          `json:"account_id"`
	Kind          chat.ChannelKind        `json:"kind"`
	Status        chat.ConversationStatus `json:"status"`
	LastMessageAt time.Time               `json:"last_message_at"`
	EndedAt       time.Time               `json:"ended_at,omitzero"`
	EndReason     string                  `json:"end_reason,omitempty"`
	AgentID       chat.AgentID            `json:"agent_id,omitzero"`
	Preview       string                  `json:"preview"`
}

// detailEvents is how many of the newest events a thread opens with, those of messages not counted.
const detailEvents = 100

// Conversation is one conversation, with its contact, the contact's others, and what happened in it beside messages.
func (a *API) Conversation(c *web.Call, in onConversation) (ConversationDetail, error) {
	var d ConversationDetail
	row, err := a.Desk.Conversation(c, c.P(), in.ID)
	if err != nil {
		return d, err
	}
	if d.Conversation, err = a.show(c, row); err != nil {
		return d, err
	}
	contact, identities, err := a.Desk.Contact(c, c.P(), row.ContactID)
	if err != nil {
		return d, err
	}
	d.ContactDetail = newContact(contact, identities)
	history, err := a.Desk.History(c, c.P(), row)
	if err != nil {
		return d, err
	}
	d.History = make([]ConversationBrief, len(history))
	for i, h := range history {
		d.History[i] = ConversationBrief{h.ID, h.AccountID, h.Kind, h.Status, h.LastMessageAt, h.EndedAt, h.EndReason, h.AgentID, h.Preview.Text}
	}
	events, err := a.Desk.EventsBetween(c, c.P(), row.ID, 0, row.LastSeq+1, detailEvents)
	if err != nil {
		return d, err
	}
	d.Events = web.NewThreadEvents(events, a.links(c))
	if c.Who.Session != "" {
		d.Draft, err = a.draftLine(c, row.ID)
	}
	return d, err
}

// EventFilter is from where on.
type EventFilter struct {
	onConversation
	Since int64 `query:"since" json:"-"`
	web.Paging
}

// Events are a conversation's events after a number, in order.
func (a *API) Events(c *web.Call, f EventFilter) (web.Page[web.ThreadEvent], error) {
	var page web.Page[web.ThreadEvent]
	size, err := f.Size()
	if err != nil {
		return page, err
	}
	if err := c.Place(f.Cursor, &f.Since); err != nil {
		return page, err
	}
	events, err := a.Desk.Events(c, c.P(), f.ID, f.Since, size+1)
	if err != nil {
		return page, err
	}
	if len(events) > size {
		events = events[:size]
		if page.Next, err = c.Cursor(events[size-1].Seq); err != nil {
			return page, err
		}
	}
	page.Items = web.NewThreadEvents(events, a.links(c))
	return page, nil
}

// Pull takes the oldest waiting conversation that the caller may see.
func (a *API) Pull(c *web.Call, _ none) (web.Conversation, error) {
	return a.deed(c)(a.Desk.Pull(c, c.P()))
}

// Take takes a chosen one.
func (a *API) Take(c *web.Call, in onConversation) (web.Conversation, error) {
	return a.deed(c)(a.Desk.Take(c, c.P(), in.ID))
}

// AssignTo is to whom.
type AssignTo struct {
	onConversation
	AgentID chat.AgentID `json:"agent_id"`
}

// Assign gives it to an agent at once.
func (a *API) Assign(c *web.Call, in AssignTo) (web.Conversation, error) {
	return a.deed(c)(a.Desk.Assign(c, c.P(), in.ID, in.AgentID))
}

// Return puts it back at the head of its line.
func (a *API) Return(c *web.Call, in onConversation) (web.Conversation, error) {
	return a.deed(c)(a.Desk.Return(c, c.P(), in.ID))
}

// Pend parks it until the contact writes.
func (a *API) Pend(c *web.Call, in onConversation) (web.Conversation, error) {
	return a.deed(c)(a.Desk.Pend(c, c.P(), in.ID))
}

// Unpend takes it back into the live list.
func (a *API) Unpend(c *web.Call, in onConversation) (web.Conversation, error) {
	return a.deed(c)(a.Desk.Unpend(c, c.P(), in.ID))
}

// EndWith is why it ends.
type EndWith struct {
	onConversation
	ReasonID chat.EndReasonID `json:"reason_id"`
	Note     string           `json:"note"`
}

// End closes it.
func (a *API) End(c *web.Call, in EndWith) (web.Conversation, error) {
	return a.deed(c)(a.Desk.End(c, c.P(), in.ID, in.ReasonID, in.Note))
}

// Reopen takes it up again.
func (a *API) Reopen(c *web.Call, in onConversation) (web.Conversation, error) {
	return a.deed(c)(a.Desk.Reopen(c, c.P(), in.ID))
}

// Mark is a place in the thread.
type Mark struct {
	onConversation
	Seq int64 `json:"seq"`
}

// Read moves the read mark forward.
func (a *API) Read(c *web.Call, in Mark) (web.Conversation, error) {
	return a.deed(c)(a.Desk.MarkRead(c, c.P(), in.ID, in.Seq))
}

// Unread moves it back.
func (a *API) Unread(c *web.Call, in Mark) (web.Conversation, error) {
	return a.deed(c)(a.Desk.MarkUnread(c, c.P(), in.ID, in.Seq))
}

// deed shows what became of a conversation.
func (a *API) deed(c *web.Call) func(chat.ConversationRow, error) (web.Conversation, error) {
	return func(row chat.ConversationRow, err error) (web.Conversation, error) {
		if err != nil {
			return web.Conversation{}, err
		}
		return a.show(c, row)
	}
}
