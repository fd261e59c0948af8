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
func (s *Store) CreateDepartment(ctx context.Context, d chat.Department) error {
	return s.inTx(ctx, s.pool, "create department", func(tx pgx.Tx) error {
		var b pgx.Batch
		b.Queue(gen.InsertDepartment, d.ID, d.Name, d.Description, int16(d.Color), d.Policy, d.Sticky, d.ReturnOnBreak, int32(d.ReturnAfter.Seconds()))
		b.Queue(gen.InsertLine, d.ID)
		return named(runBatch(ctx, tx, &b), rule{"departments_name", "name"})
	})
}

// PatchDepartment changes the fields that are given.
func (s *Store) PatchDepartment(ctx context.Context, id chat.DepartmentID, c chat.DepartmentPatch) (chat.Department, error) {
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
	row, err := s.q.PatchDepartment(ctx, arg)
	return departmentOf(row.Department), wrap(named(err, rule{"departments_name", "name"}))
}

// DeleteDepartment removes a department that no conversation and no channel account refers to; otherwise CodeInUse.
func (s *Store) DeleteDepartment(ctx context.Context, id chat.DepartmentID) error {
	return one(s.q.DeleteDepartment(ctx, id))
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
func (s *Store) CreateEndReason(ctx context.Context, id chat.EndReasonID, label string) (position int, err error) {
	n, err := s.q.InsertEndReason(ctx, id, label)
	return int(n), wrap(named(err, rule{"end_reasons_label", "label"}))
}

// PatchEndReason changes the fields that are given.
func (s *Store) PatchEndReason(ctx context.Context, id chat.EndReasonID, c chat.ReasonPatch) (chat.EndReason, error) {
	row, err := s.q.PatchEndReason(ctx, gen.PatchEndReasonParams{ID: id, Label: c.Label, Position: int32Of(c.Position), Disabled: c.Disabled})
	return endReason(row.EndReason), wrap(named(err, rule{"end_reasons_label", "label"}))
}

// CreateBreakReason adds a reason at the end of the list and returns its position.
func (s *Store) CreateBreakReason(ctx context.Context, id chat.BreakReasonID, label string) (position int, err error) {
	n, err := s.q.InsertBreakReason(ctx, id, label)
	return int(n), wrap(named(err, rule{"break_reasons_label", "label"}))
}

// PatchBreakReason changes the fields that are given.
func (s *Store) PatchBreakReason(ctx context.Context, id chat.BreakReasonID, c chat.ReasonPatch) (chat.BreakReason, error) {
	row, err := s.q.PatchBreakReason(ctx, gen.PatchBreakReasonParams{ID: id, Label: c.Label, Position: int32Of(c.Position), Disabled: c.Disabled})
	return breakReason(row.BreakReason), wrap(named(err, rule{"break_reasons_label", "label"}))
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

// CreateCannedReply adds a saved answer. A shortcut that its owner has already is CodeInUse.
func (s *Store) CreateCannedReply(ctx context.Context, r chat.CannedReply) error {
	return wrap(named(s.q.InsertCannedReply(ctx, gen.InsertCannedReplyParams{
		ID: r.ID, Shortcut: r.Shortcut, Title: r.Title, Text: r.Text, AgentID: nullID(r.AgentID),
	}), rule{"canned_replies_shortcut", "shortcut"}))
}

// PatchCannedReply changes one of the agent's own saved answers or, with shared, a shared one. Any other is CodeNotFound.
func (s *Store) PatchCannedReply(ctx context.Context, id chat.CannedReplyID, of chat.AgentID, shared bool, c chat.CannedReplyPatch) (chat.CannedReply, error) {
	rows, err := s.q.PatchCannedReply(ctx, gen.PatchCannedReplyParams{ID: id, Shortcut: c.Shortcut, Title: c.Title, Text: c.Text, AgentID: uid(of), Shared: shared})
	if err := one(int64(len(rows)), named(err, rule{"canned_replies_shortcut", "shortcut"})); err != nil {
		return chat.CannedReply{}, err
	}
	return cannedReply(rows[0].CannedReply), nil
}

// DeleteCannedReply removes one of the agent's own saved answers or, with shared, a shared one. Any other is CodeNotFound.
func (s *Store) DeleteCannedReply(ctx context.Context, id chat.CannedReplyID, of chat.AgentID, shared bool) error {
	return one(s.q.DeleteCannedReply(ctx, id, uid(of), shared))
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
