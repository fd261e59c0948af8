package workers

import (
	"context"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// readMark tells the provider that a conversation was read. It is a courtesy: it is tried once.
func (w *Workers) readMark(ctx context.Context, id string) error {
	return w.courtesy(ctx, id, func(s channels.Sender, to []chat.Address, last string) error {
		if m, ok := s.(channels.ReadMarker); ok {
			return m.MarkRead(ctx, to, last)
		}
		return nil
	})
}

// typing shows the contact that an agent is writing.
func (w *Workers) typing(ctx context.Context, id string) error {
	return w.courtesy(ctx, id, func(s channels.Sender, to []chat.Address, last string) error {
		if m, ok := s.(channels.Typer); ok {
			return m.Typing(ctx, to, last)
		}
		return nil
	})
}

func (w *Workers) courtesy(ctx context.Context, id string, do func(channels.Sender, []chat.Address, string) error) error {
	conversation, err := chat.ParseID[chat.ConversationID](id)
	if err != nil {
		return err
	}
	account, to, last, err := w.Desk.Reach(ctx, conversation)
	if err != nil || last == "" {
		return err
	}
	o, err := w.senders.get(ctx, account)
	if err != nil || o.sender == nil {
		return err
	}
	if err := do(o.sender, to, last); err != nil {
		w.Log.Info("a courtesy failed", "conversation", id, "error", err.Error())
	}
	return nil
}
