package api

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

type audit interface {
	Audit(ctx context.Context, p chat.Principal, before int64, most int) ([]chat.AuditEntry, error)
}

// AuditEntry is one privileged change: who did what to what. Neither agent nor key: the operator at the machine.
type AuditEntry struct {
	ID       int64          `json:"id"` // without a gap
	At       time.Time      `json:"at"`
	AgentID  chat.AgentID   `json:"agent_id,omitzero"`
	APIKeyID chat.APIKeyID  `json:"api_key_id,omitzero"`
	Action   string         `json:"action"`
	ObjectID string         `json:"object_id,omitempty"`
	Name     string         `json:"name"` // of the object, as it was then
	Details  map[string]any `json:"details"`
}

// ListAudit is the trace of privileged changes, the latest first.
func (a *API) ListAudit(c *web.Call, p web.Paging) (web.Page[AuditEntry], error) {
	size, err := p.Size()
	if err != nil {
		return web.Page[AuditEntry]{}, err
	}
	before := int64(math.MaxInt64)
	if err := c.Place(p.Cursor, &before); err != nil {
		return web.Page[AuditEntry]{}, err
	}
	found, err := a.Desk.Audit(c, c.P(), before, size+1)
	if err != nil {
		return web.Page[AuditEntry]{}, err
	}
	out := make([]AuditEntry, 0, len(found))
	for _, e := range found {
		entry := AuditEntry{ID: e.ID, At: e.At, AgentID: e.Agent, APIKeyID: e.Key, Action: e.Action, Name: e.Name, Details: e.Details}
		if e.Object != uuid.Nil {
			entry.ObjectID = uuid.UUID(e.Object).String()
		}
		out = append(out, entry)
	}
	if len(out) <= size {
		return web.List(out), nil
	}
	next, err := c.Cursor(out[size-1].ID)
	return web.Page[AuditEntry]{Items: out[:size], Next: next}, err
}
