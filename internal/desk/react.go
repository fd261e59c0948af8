package desk

import (
	"context"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
)

// React sets the agent's side's reaction on a message of the contact, or takes it away with an empty emoji. It is shown at once
// and goes out like a message, under the same window, order and limits; if it does not arrive, the old one returns.
func (d *Desk) React(ctx context.Context, p chat.Principal, id chat.ConversationID, mid chat.MessageID, emoji string) (chat.ThreadMessage, error) {
	if n := len([]rune(emoji)); n > 12 {
		return chat.ThreadMessage{}, chat.Errorf(chat.CodeInvalid, "a reaction is one emoji")
	}
	var out chat.ThreadMessage
	n := chat.ChangeNeeds{Principal: p, Conversation: id, Author: p.AgentID, Messages: []chat.MessageID{mid}, Reactions: true}
	row, err := d.deed(ctx, n, func(st chat.ChangeState, l *ledger, c *conv) error {
		target, ok := st.Messages[mid]
		switch {
		case !ok || target.Direction == chat.Note || target.ExternalID == "":
			return chat.Errorf(chat.CodeNotFound, "no such message")
		case !d.kinds[st.Row.Kind].Limits.Reactions:
			return chat.Errorf(chat.CodeNotSupported, "the channel has no reactions")
		}
		if err := d.maySend(p, st); err != nil {
			return err
		}
		m := chat.Message{
			ID: chat.NewID[chat.MessageID](), ConversationID: c.ID, AccountID: c.AccountID, Direction: chat.Out, Kind: chat.KindReaction,
			Status: chat.StatusPending, AgentID: p.AgentID, Source: chat.SourceAgent, CreatedAt: st.Now, DueAt: st.Now,
		}
		m.Content.Reaction = &chat.OutboundReaction{Target: mid, ExternalID: target.ExternalID, Emoji: emoji, Before: st.OwnReaction}
		if err := d.window(st.Row.Kind, st.Row, st.Now, &m); err != nil {
			return err
		}
		l.remember(target)
		l.react(c, mid, emoji, st.Now, p.AgentID)
		m.Seq = c.LastSeq
		l.added = append(l.added, &m)
		out = chat.ThreadMessage{Message: target, Reactions: append(st.TheirReactions, chat.Reaction{MessageID: mid, Direction: chat.Out, Emoji: emoji})}
		return nil
	})
	if err == nil {
		d.ring(ctx, task.Deliver, row.AccountID)
	}
	return out, err
}
