package workers

import (
	"context"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// profile asks the provider for the name of a conversation's contact. It is tried once: a contact without a name is a
// blemish, not a loss.
func (w *Workers) profile(ctx context.Context, id string) error {
	conversation, err := chat.ParseID[chat.ConversationID](id)
	if err != nil {
		return err
	}
	account, of, _, err := w.Desk.Reach(ctx, conversation)
	if err != nil {
		return err
	}
	o, err := w.senders.get(ctx, account)
	if err != nil {
		return err
	}
	f, ok := o.sender.(channels.ProfileFetcher)
	if !ok {
		return nil
	}
	p, err := f.FetchProfile(ctx, of)
	if err != nil {
		w.Log.Info("a contact's name could not be read", "conversation", id, "error", err.Error())
		return nil
	}
	return w.Desk.NoteProfile(ctx, conversation, p)
}
