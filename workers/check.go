package workers

import (
	"context"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// Check asks the provider whether an account works. The error is a *chat.SendError when the provider says why not.
func (w *Workers) Check(ctx context.Context, id chat.AccountID) error {
	w.senders.forget(id)
	o, err := w.senders.get(ctx, id)
	if err != nil {
		return err
	}
	if h, ok := o.sender.(channels.Health); ok {
		return h.Check(ctx)
	}
	return nil
}
