package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// audited does a privileged change and leaves its trace, in one transaction. do may still say more of the trace.
func (s *Store) audited(ctx context.Context, a chat.Audit, do func(tx pgx.Tx, a *chat.Audit) error) error {
	return s.inTx(ctx, s.pool, a.Action, func(tx pgx.Tx) error {
		a := a // the transaction may be run again
		if err := do(tx, &a); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, gen.InsertAudit, auditArgs(a)...)
		return err
	})
}

func auditArgs(a chat.Audit) []any {
	details := a.Details
	if details == nil {
		details = map[string]any{}
	}
	var object *uid
	if a.Object != [16]byte{} {
		o := a.Object
		object = &o
	}
	return []any{nullID(a.Agent), nullID(a.Key), a.Action, object, a.Name, jsonOf(details)}
}

// Audit reads the trace backwards, from the row before the given number.
func (s *Store) Audit(ctx context.Context, before int64, most int) ([]chat.AuditEntry, error) {
	rows, err := s.q.AuditBefore(ctx, before, int32(most))
	if err != nil {
		return nil, wrap(err)
	}
	out := make([]chat.AuditEntry, 0, len(rows))
	for _, r := range rows {
		e := chat.AuditEntry{ID: r.ID, At: r.At.UTC(), Audit: chat.Audit{Agent: id(r.AgentID), Key: id(r.KeyID), Action: r.Action, Name: r.Name}}
		if r.ObjectID != nil {
			e.Object = *r.ObjectID
		}
		if err := json.Unmarshal(r.Details, &e.Details); err != nil {
			return nil, fmt.Errorf("audit %d: %w", r.ID, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// NewestAudits tells the number of the newest row of the trace of each action, 0 where there is none. The trace is written under a lock
// that is held until the commit: whoever reads a number reads all that was changed up to it.
func (s *Store) NewestAudits(ctx context.Context, actions []string) (map[string]int64, error) {
	rows, err := s.q.NewestAudits(ctx, actions)
	newest := make(map[string]int64, len(rows))
	for _, r := range rows {
		newest[r.Action] = r.Newest
	}
	return newest, wrap(err)
}
