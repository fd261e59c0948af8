package api

import (
	"context"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

type reasons interface {
	EndReasons(ctx context.Context) ([]chat.EndReason, error)
	CreateEndReason(ctx context.Context, p chat.Principal, label string) (chat.EndReason, error)
	UpdateEndReason(ctx context.Context, p chat.Principal, id chat.EndReasonID, c chat.ReasonPatch) (chat.EndReason, error)
	BreakReasons(ctx context.Context) ([]chat.BreakReason, error)
	CreateBreakReason(ctx context.Context, p chat.Principal, label string) (chat.BreakReason, error)
	UpdateBreakReason(ctx context.Context, p chat.Principal, id chat.BreakReasonID, c chat.ReasonPatch) (chat.BreakReason, error)
}

// EndReason is why conversations end.
type EndReason struct {
	ID       chat.EndReasonID `json:"id"`
	Label    string           `json:"label"`
	Position int              `json:"position"`
	Disabled bool             `json:"disabled"`
}

// BreakReason is why agents pause.
type BreakReason struct {
	ID       chat.BreakReasonID `json:"id"`
	Label    string             `json:"label"`
	Position int                `json:"position"`
	Disabled bool               `json:"disabled"`
}

// NewReason is a reason to be added at the end of its list.
type NewReason struct {
	Label string `json:"label"`
}

// ListEndReasons are all, in the list's order.
func (a *API) ListEndReasons(c *web.Call, p web.Paging) (web.Page[EndReason], error) {
	return paged(c, p, a.endReasons)
}

func (a *API) endReasons(c *web.Call) ([]EndReason, error) {
	found, err := a.Desk.EndReasons(c)
	if err != nil {
		return nil, err
	}
	out := make([]EndReason, len(found))
	for i, r := range found {
		out[i] = EndReason(r)
	}
	return out, nil
}

// CreateEndReason adds one.
func (a *API) CreateEndReason(c *web.Call, in NewReason) (EndReason, error) {
	r, err := a.Desk.CreateEndReason(c, c.P(), in.Label)
	return EndReason(r), err
}

// EndReasonPatch is a change; an absent field stays.
type EndReasonPatch struct {
	ID       chat.EndReasonID `path:"id" json:"-"`
	Label    *string          `json:"label,omitempty"`
	Position *int             `json:"position,omitempty"`
	Disabled *bool            `json:"disabled,omitempty"`
}

// PatchEndReason changes one.
func (a *API) PatchEndReason(c *web.Call, in EndReasonPatch) (EndReason, error) {
	r, err := a.Desk.UpdateEndReason(c, c.P(), in.ID, chat.ReasonPatch{Label: in.Label, Position: in.Position, Disabled: in.Disabled})
	return EndReason(r), err
}

// ListBreakReasons are all, in the list's order.
func (a *API) ListBreakReasons(c *web.Call, p web.Paging) (web.Page[BreakReason], error) {
	return paged(c, p, a.breakReasons)
}

func (a *API) breakReasons(c *web.Call) ([]BreakReason, error) {
	found, err := a.Desk.BreakReasons(c)
	if err != nil {
		return nil, err
	}
	out := make([]BreakReason, len(found))
	for i, r := range found {
		out[i] = BreakReason(r)
	}
	return out, nil
}

// CreateBreakReason adds one.
func (a *API) CreateBreakReason(c *web.Call, in NewReason) (BreakReason, error) {
	r, err := a.Desk.CreateBreakReason(c, c.P(), in.Label)
	return BreakReason(r), err
}

// BreakReasonPatch is a change; an absent field stays.
type BreakReasonPatch struct {
	ID       chat.BreakReasonID `path:"id" json:"-"`
	Label    *string            `json:"label,omitempty"`
	Position *int               `json:"position,omitempty"`
	Disabled *bool              `json:"disabled,omitempty"`
}

// PatchBreakReason changes one.
func (a *API) PatchBreakReason(c *web.Call, in BreakReasonPatch) (BreakReason, error) {
	r, err := a.Desk.UpdateBreakReason(c, c.P(), in.ID, chat.ReasonPatch{Label: in.Label, Position: in.Position, Disabled: in.Disabled})
	return BreakReason(r), err
}
