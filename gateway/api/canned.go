package api

import (
	"context"
	"slices"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

type cannedReplies interface {
	CannedReplies(ctx context.Context, p chat.Principal) ([]chat.CannedReply, error)
	CreateCannedReply(ctx context.Context, p chat.Principal, r chat.CannedReply, personal bool) (chat.CannedReply, error)
	UpdateCannedReply(ctx context.Context, p chat.Principal, id chat.CannedReplyID, c chat.CannedReplyPatch) (chat.CannedReply, error)
	DeleteCannedReply(ctx context.Context, p chat.Principal, id chat.CannedReplyID) error
}

// CannedReply is a saved answer.
type CannedReply struct {
	ID       chat.CannedReplyID `json:"id"`
	Shortcut string             `json:"shortcut"`
	Title    string             `json:"title"`
	Text     string             `json:"text"`
	Personal bool               `json:"personal"`
}

func newCannedReply(r chat.CannedReply) CannedReply {
	return CannedReply{r.ID, r.Shortcut, r.Title, r.Text, !chat.IsZero(r.AgentID)}
}

// ListCannedReplies are the shared ones and the caller's own.
func (a *API) ListCannedReplies(c *web.Call, p web.Paging) (web.Page[CannedReply], error) {
	return paged(c, p, a.cannedReplies)
}

func (a *API) cannedReplies(c *web.Call) ([]CannedReply, error) {
	found, err := a.Desk.CannedReplies(c, c.P())
	if err != nil {
		return nil, err
	}
	out := make([]CannedReply, len(found))
	for i, r := range found {
		out[i] = newCannedReply(r)
	}
	return out, nil
}

// CannedReplyForm is a saved answer to be added: the caller's own, or everybody's.
type CannedReplyForm struct {
	Shortcut string `json:"shortcut"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	Personal bool   `json:"personal"`
}

// CreateCannedReply adds one.
func (a *API) CreateCannedReply(c *web.Call, in CannedReplyForm) (CannedReply, error) {
	return shownCanned(a.Desk.CreateCannedReply(c, c.P(), chat.CannedReply{Shortcut: in.Shortcut, Title: in.Title, Text: in.Text}, in.Personal))
}

// CannedReplyPatch is a change; an absent field stays. Whose it is cannot change: a form may send it back as it was.
type CannedReplyPatch struct {
	ID       chat.CannedReplyID `path:"id" json:"-"`
	Shortcut *string            `json:"shortcut,omitempty"`
	Title    *string            `json:"title,omitempty"`
	Text     *string            `json:"text,omitempty"`
	Personal *bool              `json:"personal,omitempty"`
}

// PatchCannedReply changes one.
func (a *API) PatchCannedReply(c *web.Call, in CannedReplyPatch) (CannedReply, error) {
	if in.Personal != nil {
		all, err := a.Desk.CannedReplies(c, c.P())
		if err != nil {
			return CannedReply{}, err
		}
		if slices.ContainsFunc(all, func(r chat.CannedReply) bool { return r.ID == in.ID && chat.IsZero(r.AgentID) == *in.Personal }) {
			return CannedReply{}, chat.Errorf(chat.CodeInvalid, "whose a saved answer is cannot change").With("field", "personal")
		}
	}
	return shownCanned(a.Desk.UpdateCannedReply(c, c.P(), in.ID, chat.CannedReplyPatch{Shortcut: in.Shortcut, Title: in.Title, Text: in.Text}))
}

type onCannedReply struct {
	ID chat.CannedReplyID `path:"id" json:"-"`
}

// DeleteCannedReply removes one.
func (a *API) DeleteCannedReply(c *web.Call, in onCannedReply) error {
	return a.Desk.DeleteCannedReply(c, c.P(), in.ID)
}

func shownCanned(r chat.CannedReply, err error) (CannedReply, error) {
	if err != nil {
		return CannedReply{}, err
	}
	return newCannedReply(r), nil
}
