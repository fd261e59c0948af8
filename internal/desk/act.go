package desk

import (
	"context"
	"slices"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
)

type changeStore interface {
	// Change locks what a deed is about and writes what decide returns; a refusal of decide is returned as it is. What the
	// principal may not see is CodeNotFound.
	Change(ctx context.Context, n chat.ChangeNeeds, decide func(chat.ChangeState) (*chat.Write, error)) error
}

// deed runs one change of one conversation and publishes it. act changes the conversation in work and notes its events.
func (d *Desk) deed(ctx context.Context, n chat.ChangeNeeds, act func(st chat.ChangeState, l *ledger, c *conv) error) (chat.ConversationRow, error) {
	var (
		l   ledger
		row chat.ConversationRow
	)
	err := d.store.Change(ctx, n, func(st chat.ChangeState) (*chat.Write, error) {
		l = newLedger(chat.LaneState{Account: st.Account, Now: st.Now})
		c := &conv{ConversationRow: st.Row}
		l.convs[c.ID] = c
		if err := act(st, &l, c); err != nil {
			return nil, err
		}
		w := l.finish()
		row = c.ConversationRow
		return w, nil
	})
	if err != nil {
		return chat.ConversationRow{}, err
	}
	d.tell(ctx, &l)
	return row, nil
}

// person tells that a deed needs an agent, not an API key.
func person(p chat.Principal) error {
	if chat.IsZero(p.AgentID) {
		return chat.Errorf(chat.CodeForbidden, "only an agent can do this")
	}
	return nil
}

// present tells whether an agent may take and answer now: one must be online (FEATURES.md §4).
func present(a *chat.Agent) error {
	switch {
	case a == nil:
		return chat.Errorf(chat.CodeForbidden, "the agent is not active")
	case a.Presence != chat.Online:
		return chat.Errorf(chat.CodeNotOnline, "the agent is %s", a.Presence).With("presence", string(a.Presence))
	}
	return nil
}

// agentOf is the agent whose load counts, nil if there is none.
func agentOf(st chat.ChangeState) *chat.Agent {
	if st.Agent == nil {
		return nil
	}
	return &st.Agent.Agent
}

// assign gives the conversation in work to its new holder and counts their load.
func assign(st chat.ChangeState, l *ledger, c *conv, to chat.AgentLoad, how chat.How, by chat.AgentID) error {
	load := to.Load
	if !c.Status.Held() || c.AgentID != to.ID || c.Status == chat.Pending {
		load++
	}
	changed, event, err := c.Assign(to.ID, st.Now, chat.AssignedData{How: how, Load: load, Capacity: to.Capacity})
	if err != nil {
		return err
	}
	c.Conversation = changed
	event.At, event.Actor = st.Now, by
	l.log(c, event)
	return nil
}

// Pull takes the oldest waiting conversation that the agent may see. A person's pull may go above their capacity.
func (d *Desk) Pull(ctx context.Context, p chat.Principal) (chat.ConversationRow, error) {
	if err := person(p); err != nil {
		return chat.ConversationRow{}, err
	}
	return d.deed(ctx, chat.ChangeNeeds{Principal: p, Oldest: true, Agent: p.AgentID}, func(st chat.ChangeState, l *ledger, c *conv) error {
		if err := present(agentOf(st)); err != nil {
			return err
		}
		return assign(st, l, c, *st.Agent, chat.Pulled, p.AgentID)
	})
}

// Take takes a chosen waiting conversation.
func (d *Desk) Take(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error) {
	if err := person(p); err != nil {
		return chat.ConversationRow{}, err
	}
	return d.deed(ctx, chat.ChangeNeeds{Principal: p, Conversation: id, Line: true, Agent: p.AgentID}, func(st chat.ChangeState, l *ledger, c *conv) error {
		if err := present(agentOf(st)); err != nil {
			return err
		}
		switch {
		case !c.Status.Open():
			return chat.Errorf(chat.CodeConversationEnded, "conversation is closed")
		case c.Status.Held():
			return chat.Errorf(chat.CodeAlreadyTaken, "somebody holds it").With("agent_id", c.AgentID.String())
		}
		return assign(st, l, c, *st.Agent, chat.Taken, p.AgentID)
	})
}

// Assign gives an open conversation to an agent at once, whatever their load; whoever held it loses it. The receiver must be
// online, and one of the department unless an admin gives it (RELIABILITY.md B46: out of scope is not found).
func (d *Desk) Assign(ctx context.Context, p chat.Principal, id chat.ConversationID, to chat.AgentID) (chat.ConversationRow, error) {
	if p.Role == chat.RoleAgent {
		return chat.ConversationRow{}, chat.Errorf(chat.CodeForbidden, "the role may not assign")
	}
	var from chat.DepartmentID
	row, err := d.deed(ctx, chat.ChangeNeeds{Principal: p, Conversation: id, Line: true, Agent: to}, func(st chat.ChangeState, l *ledger, c *conv) error {
		switch {
		case st.Agent == nil, !p.SeesAll() && !slices.Contains(st.Agent.Departments, c.DepartmentID):
			return chat.Errorf(chat.CodeNotFound, "no such agent in the department")
		case st.Agent.Presence != chat.Online:
			return chat.Errorf(chat.CodeReceiverUnavailable, "the agent is %s", st.Agent.Presence).With("presence", string(st.Agent.Presence))
		}
		if c.Status.Held() {
			from = c.DepartmentID
		}
		if err := assign(st, l, c, *st.Agent, chat.ByPerson, p.AgentID); err != nil {
			return err
		}
		if to != p.AgentID && st.Agent.Load >= st.Agent.Capacity { // only what one takes oneself may exceed it (RELIABILITY.md I13, B46)
			return chat.Errorf(chat.CodeFull, "the agent holds %d of %d", st.Agent.Load, st.Agent.Capacity)
		}
		return nil
	})
	if err == nil && !chat.IsZero(from) {
		d.ring(ctx, task.Route, from)
	}
	return row, err
}

// Return puts a held conversation back at the head of its line.
func (d *Desk) Return(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error) {
	row, err := d.deed(ctx, chat.ChangeNeeds{Principal: p, Conversation: id, Line: true}, func(st chat.ChangeState, l *ledger, c *conv) error {
		if err := c.CanReply(p.AgentID); err != nil {
			return err
		}
		since := st.WaitedSince
		if since.IsZero() {
			since = c.CreatedAt
		}
		changed, event := c.Enqueue(since, "returned")
		c.Conversation = changed
		event.At, event.Actor = st.Now, p.AgentID
		l.log(c, event)
		return nil
	})
	if err == nil {
		d.freed(ctx, p, row.DepartmentID)
	}
	return row, err
}

// freed rings for the lines that a freed place may serve: the conversation's, and the others of whoever had it.
func (d *Desk) freed(ctx context.Context, p chat.Principal, line chat.DepartmentID) {
	d.ring(ctx, task.Route, line)
	for _, x := range p.Departments {
		if x != line {
			d.ring(ctx, task.Route, x)
		}
	}
}

// Pend parks a conversation until the contact writes. It frees the agent's place.
func (d *Desk) Pend(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error) {
	row, err := d.deed(ctx, chat.ChangeNeeds{Principal: p, Conversation: id}, func(st chat.ChangeState, l *ledger, c *conv) error {
		return step(l, c, st)(c.Pend(p.AgentID))
	})
	if err == nil {
		d.freed(ctx, p, row.DepartmentID)
	}
	return row, err
}

// Unpend takes a parked conversation back into the live list.
func (d *Desk) Unpend(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error) {
	return d.deed(ctx, chat.ChangeNeeds{Principal: p, Conversation: id}, func(st chat.ChangeState, l *ledger, c *conv) error {
		return step(l, c, st)(c.Unpend(p.AgentID))
	})
}

// End closes a conversation with a reason from the list.
func (d *Desk) End(ctx context.Context, p chat.Principal, id chat.ConversationID, reason chat.EndReasonID, note string) (chat.ConversationRow, error) {
	if len([]rune(note)) > 2000 {
		return chat.ConversationRow{}, chat.Errorf(chat.CodeTextTooLong, "the note is too long").With("limit", 2000)
	}
	row, err := d.deed(ctx, chat.ChangeNeeds{Principal: p, Conversation: id, EndReason: reason}, func(st chat.ChangeState, l *ledger, c *conv) error {
		if st.EndReason == nil || st.EndReason.Disabled {
			return chat.Errorf(chat.CodeReasonRequired, "an end reason of the list is required")
		}
		changed, event, err := c.End(p.AgentID, reason, note, st.Now)
		if ended, ok := event.Data.(chat.EndedData); ok {
			ended.Label = st.EndReason.Label
			event.Data = ended
		}
		return step(l, c, st)(changed, event, err)
	})
	if err == nil {
		d.freed(ctx, p, row.DepartmentID)
	}
	return row, err
}

// Reopen takes an ended conversation up again. The agent must be online; the service window is as it is.
func (d *Desk) Reopen(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error) {
	if err := person(p); err != nil {
		return chat.ConversationRow{}, err
	}
	return d.deed(ctx, chat.ChangeNeeds{Principal: p, Conversation: id, Agent: p.AgentID}, func(st chat.ChangeState, l *ledger, c *conv) error {
		if err := present(agentOf(st)); err != nil {
			return err
		}
		if st.OtherOpen {
			return chat.Errorf(chat.CodeOpenConversation, "the contact has an open conversation on this account")
		}
		return step(l, c, st)(c.Reopen(p.AgentID, st.Now, chat.AssignedData{Load: st.Agent.Load + 1, Capacity: st.Agent.Capacity}))
	})
}

// step writes down a transition's outcome.
func step(l *ledger, c *conv, st chat.ChangeState) func(chat.Conversation, chat.Event, error) error {
	return func(changed chat.Conversation, event chat.Event, err error) error {
		if err != nil {
			return err
		}
		c.Conversation = changed
		event.At = st.Now
		l.log(c, event)
		return nil
	}
}

// MarkRead moves the holder's read mark forward and counts what is left unread.
func (d *Desk) MarkRead(ctx context.Context, p chat.Principal, id chat.ConversationID, seq int64) (chat.ConversationRow, error) {
	return d.mark(ctx, p, id, seq, true)
}

// MarkUnread moves the read mark back before seq.
func (d *Desk) MarkUnread(ctx context.Context, p chat.Principal, id chat.ConversationID, seq int64) (chat.ConversationRow, error) {
	return d.mark(ctx, p, id, seq-1, false)
}

func (d *Desk) mark(ctx context.Context, p chat.Principal, id chat.ConversationID, seq int64, forward bool) (chat.ConversationRow, error) {
	read := false
	row, err := d.deed(ctx, chat.ChangeNeeds{Principal: p, Conversation: id, UnreadAfter: &seq}, func(st chat.ChangeState, l *ledger, c *conv) error {
		if chat.IsZero(p.AgentID) || c.AgentID != p.AgentID {
			return chat.Errorf(chat.CodeNotController, "only the holder's reading counts")
		}
		if seq < 0 || seq > c.LastSeq {
			return chat.Errorf(chat.CodeInvalid, "no such place in the thread")
		}
		if forward && seq <= c.ReadSeq {
			return nil
		}
		c.ReadSeq, c.UnreadCount = seq, st.Unread
		l.log(c, chat.Event{Kind: chat.EventRead, At: st.Now, Actor: p.AgentID})
		read = forward
		return nil
	})
	if err == nil && read && d.kinds[row.Kind].Limits.ReadMarks {
		d.ring(ctx, task.ReadMark, row.ID)
	}
	return row, err
}

func (d *Desk) ring(ctx context.Context, k task.Kind, id interface{ String() string }) {
	d.wake.Wake(ctx, task.Wake{Kind: k, ID: id.String()})
}
