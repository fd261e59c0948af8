package api

import (
	"context"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

type drafts interface {
	Drafts(ctx context.Context, p chat.Principal, conversation chat.ConversationID) ([]chat.Draft, error)
	PutDraft(ctx context.Context, p chat.Principal, conversation chat.ConversationID, draft chat.Draft) error
	DeleteDraft(ctx context.Context, p chat.Principal, conversation chat.ConversationID, tab chat.Tab) error
}

// Draft is what the caller has written and not sent.
type Draft struct {
	Tab       chat.Tab       `json:"tab"`
	Text      string         `json:"text"`
	ReplyTo   chat.MessageID `json:"reply_to,omitzero"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// Drafts are the caller's drafts in a conversation, at most one a tab.
func (a *API) Drafts(c *web.Call, in onConversation) (web.Page[Draft], error) {
	found, err := a.Desk.Drafts(c, c.P(), in.ID)
	if err != nil {
		return web.Page[Draft]{}, err
	}
	out := make([]Draft, len(found))
	for i, d := range found {
		out[i] = Draft(d)
	}
	return web.List(out), nil
}

// draftLine is the beginning of the caller's reply in the making, for a list row.
func (a *API) draftLine(c *web.Call, id chat.ConversationID) (string, error) {
	found, err := a.Desk.Drafts(c, c.P(), id)
	for _, d := range found {
		if d.Tab == chat.TabReply {
			text := []rune(d.Text)
			return string(text[:min(len(text), chat.PreviewLimit)]), err
		}
	}
	return "", err
}

// PutDraftBody is a draft to keep.
type PutDraftBody struct {
	onConversation
	Tab     chat.Tab       `json:"tab"`
	Text    string         `json:"text"`
	ReplyTo chat.MessageID `json:"reply_to"`
}

// PutDraft keeps the caller's draft of a tab.
func (a *API) PutDraft(c *web.Call, in PutDraftBody) error {
	return a.Desk.PutDraft(c, c.P(), in.ID, chat.Draft{Tab: in.Tab, Text: in.Text, ReplyTo: in.ReplyTo})
}

// DraftTab is which draft.
type DraftTab struct {
	onConversation
	Tab chat.Tab `query:"tab" enum:"reply,note" default:"reply" json:"-"`
}

// DeleteDraft drops it.
func (a *API) DeleteDraft(c *web.Call, in DraftTab) error {
	return a.Desk.DeleteDraft(c, c.P(), in.ID, in.Tab)
}
