package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// Departments lists the departments by name, with who is there and, within the principal's scope, how many wait.
func (s *Store) Departments(ctx context.Context, p chat.Principal) ([]chat.DepartmentCard, error) {
	rows, err := s.q.DepartmentCards(ctx, p.SeesAll(), scope(p))
	return column(rows, func(r *gen.DepartmentCardsRow) chat.DepartmentCard {
		return chat.DepartmentCard{
			Department: departmentOf(r.Department), Total: int(r.Total), Online: int(r.Online), OnBreak: int(r.OnBreak), Waiting: int(r.Waiting),
		}
	}), wrap(err)
}

func scope(p chat.Principal) []uid {
	return column(p.Departments, func(d *chat.DepartmentID) uid { return uid(*d) })
}

// CreateDepartment adds a department and its line. A name that another one has is CodeInUse.
func (s *Store) CreateDepartment(ctx context.Context, by chat.Audit, d chat.Department) error {
	return s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) error {
		var b pgx.Batch
		b.Queue(gen.InsertDepartment, d.ID, d.Name, d.Description, int16(d.Color), d.Policy, d.Sticky, d.ReturnOnBreak, int32(d.ReturnAfter.Seconds()))
		b.Queue(gen.InsertLine, d.ID)
		return named(runBatch(ctx, tx, &b), rule{"departments_name", "name"})
	})
}

// PatchDepartment changes the fields that are given.
func (s *Store) PatchDepartment(ctx context.Context, by chat.Audit, id chat.DepartmentID, c chat.DepartmentPatch) (d chat.Department, err error) {
	arg := gen.PatchDepartmentParams{
		ID: id, Name: c.Name, Description: c.Description, Policy: c.Policy, Sticky: c.Sticky, ReturnOnBreak: c.ReturnOnBreak,
	}
	if c.Color != nil {
		color := int16(*c.Color)
		arg.Color = &color
	}
	if c.ReturnAfter != nil {
		seconds := int32(c.ReturnAfter.Seconds())
		arg.ReturnAfterS = &seconds
	}
	err = s.audited(ctx, by, func(tx pgx.Tx, a *chat.Audit) error {
		row, err := s.q.WithTx(tx).PatchDepartment(ctx, arg)
		d = departmentOf(row.Department)
		a.Name = d.Name
		return named(err, rule{"departments_name", "name"})
	})
	return d, err
}

// DeleteDepartment removes a department that no conversation and no channel account refers to; otherwise CodeInUse.
func (s *Store) DeleteDepartment(ctx context.Context, by chat.Audit, id chat.DepartmentID) error {
	return s.audited(ctx, by, func(tx pgx.Tx, a *chat.Audit) error {
		names, err := s.q.WithTx(tx).DeleteDepartment(ctx, id)
		return theOne(a, names, err)
	})
}

// theOne names the row that was changed; none is CodeNotFound.
func theOne(a *chat.Audit, names []string, err error) error {
	if err == nil && len(names) > 0 {
		a.Name = names[0]
	}
	return one(int64(len(names)), err)
}

// EndReasons lists why conversations end, in the list's order, disabled ones too.
func (s *Store) EndReasons(ctx context.Context) ([]chat.EndReason, error) {
	rows, err := s.q.EndReasons(ctx)
	return column(rows, func(r *gen.EndReasonsRow) chat.EndReason { return endReason(r.EndReason) }), wrap(err)
}

func endReason(g gen.EndReason) chat.EndReason {
	return chat.EndReason{ID: g.ID, Label: g.Label, Position: int(g.Position), Disabled: g.Disabled}
}

// CreateEndReason adds a reason at the end of the list and returns its position.
func (s *Store) CreateEndReason(ctx context.Context, by chat.Audit, id chat.EndReasonID, label string) (position int, err error) {
	err = s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) error {
		n, err := s.q.WithTx(tx).InsertEndReason(ctx, id, label)
		position = int(n)
		return named(err, rule{"end_reasons_label", "label"})
	})
	return position, err
}

// PatchEndReason changes the fields that are given.
func (s *Store) PatchEndReason(ctx context.Context, by chat.Audit, id chat.EndReasonID, c chat.ReasonPatch) (r chat.EndReason, err error) {
	err = s.audited(ctx, by, func(tx pgx.Tx, a *chat.Audit) error {
		row, err := s.q.WithTx(tx).PatchEndReason(ctx, gen.PatchEndReasonParams{ID: id, Label: c.Label, Position: int32Of(c.Position), Disabled: c.Disabled})
		r = endReason(row.EndReason)
		a.Name = r.Label
		return named(err, rule{"end_reasons_label", "label"})
	})
	return r, err
}

// CreateBreakReason adds a reason at the end of the list and returns its position.
func (s *Store) CreateBreakReason(ctx context.Context, by chat.Audit, id chat.BreakReasonID, label string) (position int, err error) {
	err = s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) error {
		n, err := s.q.WithTx(tx).InsertBreakReason(ctx, id, label)
		position = int(n)
		return named(err, rule{"break_reasons_label", "label"})
	})
	return position, err
}

// PatchBreakReason changes the fields that are given.
func (s *Store) PatchBreakReason(ctx context.Context, by chat.Audit, id chat.BreakReasonID, c chat.ReasonPatch) (r chat.BreakReason, err error) {
	err = s.audited(ctx, by, func(tx pgx.Tx, a *chat.Audit) error {
		row, err := s.q.WithTx(tx).PatchBreakReason(ctx, gen.PatchBreakReasonParams{ID: id, Label: c.Label, Position: int32Of(c.Position), Disabled: c.Disabled})
		r = breakReason(row.BreakReason)
		a.Name = r.Label
		return named(err, rule{"break_reasons_label", "label"})
	})
	return r, err
}

func int32Of(n *int) *int32 {
	if n == nil {
		return nil
	}
	v := int32(*n)
	return &v
}

// CannedReplies lists the shared saved answers and the agent's own.
func (s *Store) CannedReplies(ctx context.Context, of chat.AgentID) ([]chat.CannedReply, error) {
	rows, err := s.q.CannedReplies(ctx, uid(of))
	return column(rows, func(r *gen.CannedRepliesRow) chat.CannedReply { return cannedReply(r.CannedReply) }), wrap(err)
}

func cannedReply(g gen.CannedReply) chat.CannedReply {
	return chat.CannedReply{ID: g.ID, Shortcut: g.Shortcut, Title: g.Title, Text: g.Text, AgentID: id(g.AgentID)}
}

// CreateCannedReply adds a saved answer. A shortcut that its owner has already is CodeInUse. A shared one leaves a trace.
func (s *Store) CreateCannedReply(ctx context.Context, by chat.Audit, r chat.CannedReply) error {
	return s.canned(ctx, by, func(q *gen.Queries) (chat.CannedReply, error) {
		return r, q.InsertCannedReply(ctx, gen.InsertCannedReplyParams{
			ID: r.ID, Shortcut: r.Shortcut, Title: r.Title, Text: r.Text, AgentID: nullID(r.AgentID),
		})
	})
}

// PatchCannedReply changes one of the agent's own saved answers or, with shared, a shared one. Any other is CodeNotFound.
func (s *Store) PatchCannedReply(ctx context.Context, by chat.Audit, id chat.CannedReplyID, of chat.AgentID, shared bool, c chat.CannedReplyPatch) (r chat.CannedReply, err error) {
	err = s.canned(ctx, by, func(q *gen.Queries) (chat.CannedReply, error) {
		rows, err := q.PatchCannedReply(ctx, gen.PatchCannedReplyParams{ID: id, Shortcut: c.Shortcut, Title: c.Title, Text: c.Text, AgentID: uid(of), Shared: shared})
		if err == nil && len(rows) == 0 {
			return r, one(0, nil)
		}
		if err == nil {
			r = cannedReply(rows[0].CannedReply)
		}
		return r, err
	})
	return r, err
}

// DeleteCannedReply removes one of the agent's own saved answers or, with shared, a shared one. Any other is CodeNotFound.
func (s *Store) DeleteCannedReply(ctx context.Context, by chat.Audit, id chat.CannedReplyID, of chat.AgentID, shared bool) error {
	return s.canned(ctx, by, func(q *gen.Queries) (r chat.CannedReply, err error) {
		rows, err := q.DeleteCannedReply(ctx, id, uid(of), shared)
		if err == nil && len(rows) == 0 {
			return r, one(0, nil)
		}
		if err == nil {
			r = cannedReply(rows[0].CannedReply)
		}
		return r, err
	})
}

// canned changes a saved answer. What agents keep for themselves is nobody else's business: only a shared one leaves a trace.
func (s *Store) canned(ctx context.Context, by chat.Audit, do func(*gen.Queries) (chat.CannedReply, error)) error {
	return s.inTx(ctx, s.pool, by.Action, func(tx pgx.Tx) error {
		r, err := do(s.q.WithTx(tx))
		if err != nil {
			return named(err, rule{"canned_replies_shortcut", "shortcut"})
		}
		if !chat.IsZero(r.AgentID) {
			return nil
		}
		by := by
		by.Name = r.Shortcut
		_, err = tx.Exec(ctx, gen.InsertAudit, auditArgs(by)...)
		return err
	})
}

// SharedCannedReply tells whether a saved answer is there and everybody's.
func (s *Store) SharedCannedReply(ctx context.Context, id chat.CannedReplyID) (bool, error) {
	shared, err := s.q.SharedCannedReply(ctx, id)
	return shared, wrap(err)
}

// draft is a draft's column.
type draft struct {
	Text    string         `json:"text"`
	ReplyTo chat.MessageID `json:"reply_to,omitzero"`
}

// Drafts reads an agent's drafts in a conversation.
func (s *Store) Drafts(ctx context.Context, of chat.AgentID, conversation chat.ConversationID) ([]chat.Draft, error) {
	rows, err := s.q.Drafts(ctx, of, conversation)
	if err != nil {
		return nil, wrap(err)
	}
	out := make([]chat.Draft, 0, len(rows))
	for _, r := range rows {
		var d draft
		if err := json.Unmarshal(r.Body, &d); err != nil {
			return nil, fmt.Errorf("draft in conversation %s: %w", conversation, err)
		}
		out = append(out, chat.Draft{Tab: chat.Tab(r.Tab), Text: d.Text, ReplyTo: d.ReplyTo, UpdatedAt: r.UpdatedAt.UTC()})
	}
	return out, nil
}

// PutDraft keeps the principal's draft in a conversation that they may see; any other is CodeNotFound.
func (s *Store) PutDraft(ctx context.Context, p chat.Principal, conversation chat.ConversationID, d chat.Draft) error {
	return one(s.q.PutDraft(ctx, gen.PutDraftParams{
		AgentID: uid(p.AgentID), Tab: string(d.Tab), Body: jsonOf(draft{d.Text, d.ReplyTo}), ConversationID: conversation,
		SeesAll: p.SeesAll(), Departments: scope(p),
	}))
}

// DeleteDraft drops a draft, if there is one.
func (s *Store) DeleteDraft(ctx context.Context, of chat.AgentID, conversation chat.ConversationID, tab chat.Tab) error {
	return wrap(s.q.DeleteDraft(ctx, of, conversation, string(tab)))
}

// KeepSetting keeps one of the installation's own values, once: it returns the value that is kept, which is the one that
// came first.
func (s *Store) KeepSetting(ctx context.Context, key string, value []byte) ([]byte, error) {
	if err := s.q.KeepSetting(ctx, key, value); err != nil {
		return nil, wrap(err)
	}
	kept, err := s.q.SettingByKey(ctx, key)
	return kept, wrap(err)
}

// ReplaceSetting replaces a value, unless it is not what it was any more.
func (s *Store) ReplaceSetting(ctx context.Context, key string, from, to []byte) error {
	return wrap(s.q.ReplaceSetting(ctx, to, key, from))
}
