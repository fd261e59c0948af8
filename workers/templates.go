package workers

import (
	"context"
	"encoding/json"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// templates makes an account's templates what the provider lists now.
func (w *Workers) templates(ctx context.Context, id string) error {
	account, err := chat.ParseID[chat.AccountID](id)
	if err != nil {
		return err
	}
	o, err := w.senders.get(ctx, account)
	if err != nil {
		return err
	}
	lister, ok := o.sender.(channels.TemplateLister)
	if !ok {
		return nil
	}
	all, err := lister.ListTemplates(ctx)
	if err != nil {
		return err
	}
	listed := make([]chat.TemplateListed, 0, len(all))
	for _, t := range all {
		def, err := json.Marshal(t)
		if err != nil {
			return err
		}
		listed = append(listed, chat.TemplateListed{
			ProviderID: t.ID, Name: t.Name, Language: t.Language, Status: string(t.Status), Category: string(t.Category), Definition: def,
		})
	}
	w.Log.Info("templates synced", "account", id, "templates", len(listed))
	return w.Desk.SyncTemplates(ctx, account, listed)
}
