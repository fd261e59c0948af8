package desk

import (
	"context"
	"strings"
	"time"
	"unicode"

	"gatehouse/internal/chat"
	"gatehouse/internal/routing"
	"gatehouse/internal/task"
)

type settingsStore interface {
	// Departments counts who waits only within the principal's scope.
	Departments(ctx context.Context, p chat.Principal) ([]chat.DepartmentCard, error)
	// Names, labels and shortcuts that are taken are CodeInUse; what does not exist is CodeNotFound.
	CreateDepartment(ctx context.Context, by chat.Audit, d chat.Department) error
	PatchDepartment(ctx context.Context, by chat.Audit, id chat.DepartmentID, c chat.DepartmentPatch) (chat.Department, error)
	DeleteDepartment(ctx context.Context, by chat.Audit, id chat.DepartmentID) error

	EndReasons(ctx context.Context) ([]chat.EndReason, error)
	CreateEndReason(ctx context.Context, by chat.Audit, id chat.EndReasonID, label string) (position int, err error)
	PatchEndReason(ctx context.Context, by chat.Audit, id chat.EndReasonID, c chat.ReasonPatch) (chat.EndReason, error)
	BreakReasons(ctx context.Context) ([]chat.BreakReason, error)
	CreateBreakReason(ctx context.Context, by chat.Audit, id chat.BreakReasonID, label string) (position int, err error)
	PatchBreakReason(ctx context.Context, by chat.Audit, id chat.BreakReasonID, c chat.ReasonPatch) (chat.BreakReason, error)

	CannedReplies(ctx context.Context, of chat.AgentID) ([]chat.CannedReply, error)
	// A shared saved answer leaves a trace; an agent's own does not.
	CreateCannedReply(ctx context.Context, by chat.Audit, r chat.CannedReply) error
	PatchCannedReply(ctx context.Context, by chat.Audit, id chat.CannedReplyID, of chat.AgentID, shared bool, c chat.CannedReplyPatch) (chat.CannedReply, error)
	DeleteCannedReply(ctx context.Context, by chat.Audit, id chat.CannedReplyID, of chat.AgentID, shared bool) error
	SharedCannedReply(ctx context.Context, id chat.CannedReplyID) (bool, error)

	Drafts(ctx context.Context, of chat.AgentID, conversation chat.ConversationID) ([]chat.Draft, error)
	PutDraft(ctx context.Context, p chat.Principal, conversation chat.ConversationID, d chat.Draft) error
	DeleteDraft(ctx context.Context, of chat.AgentID, conversation chat.ConversationID, tab chat.Tab) error
}

// Departments lists the departments with who is there and, where the principal may see it, how many wait.
func (d *Desk) Departments(ctx context.Context, p chat.Principal) ([]chat.DepartmentCard, error) {
	return d.store.Departments(ctx, p)
}

// Bounds of a department.
const (
	colors         = 8                  // UI.md §3.2
	maxReturnAfter = 7 * 24 * time.Hour // beyond that nobody means it
)

// CreateDepartment adds a department. An empty Policy is "least_busy".
func (d *Desk) CreateDepartment(ctx context.Context, p chat.Principal, dep chat.Department) (chat.DepartmentCard, error) {
	if err := p.Need(chat.PermissionDepartments); err != nil {
		return chat.DepartmentCard{}, err
	}
	if dep.Policy == "" {
		dep.Policy = string(routing.LeastBusy)
	}
	c, err := checkDepartment(chat.DepartmentPatch{
		Name: &dep.Name, Description: &dep.Description, Color: &dep.Color, Policy: &dep.Policy, ReturnAfter: &dep.ReturnAfter,
	})
	if err != nil {
		return chat.DepartmentCard{}, err
	}
	dep.ID, dep.Name, dep.Description, dep.ReturnAfter = chat.NewID[chat.DepartmentID](), *c.Name, *c.Description, *c.ReturnAfter
	if err := d.store.CreateDepartment(ctx, chat.Audited(p, "department.created", dep.ID, dep.Name), dep); err != nil {
		return chat.DepartmentCard{}, err
	}
	d.settingsChanged(ctx, "departments")
	return chat.DepartmentCard{Department: dep}, nil
}

// UpdateDepartment changes the fields that are given, and routes its line anew.
func (d *Desk) UpdateDepartment(ctx context.Context, p chat.Principal, id chat.DepartmentID, c chat.DepartmentPatch) (chat.DepartmentCard, error) {
	var card chat.DepartmentCard
	if err := p.Need(chat.PermissionDepartments); err != nil {
		return card, err
	}
	c, err := checkDepartment(c)
	if err != nil {
		return card, err
	}
	if _, err := d.store.PatchDepartment(ctx, chat.Audited(p, "department.updated", id, "").With("changed", given(c)), id, c); err != nil {
		return card, err
	}
	d.settingsChanged(ctx, "departments")
	d.ring(ctx, task.Route, id)
	cards, err := d.store.Departments(ctx, p)
	for _, x := range cards {
		if x.ID == id {
			card = x
		}
	}
	return card, err
}

func checkDepartment(c chat.DepartmentPatch) (chat.DepartmentPatch, error) {
	var err error
	if c.Name, err = patched(c.Name, func(s string) (string, error) { return line("name", s, 1, 80) }); err != nil {
		return c, err
	}
	if c.Description, err = patched(c.Description, func(s string) (string, error) { return lines("description", s, 0, 500) }); err != nil {
		return c, err
	}
	if c.Color != nil {
		if err := within("color", *c.Color, 0, colors-1); err != nil {
			return c, err
		}
	}
	if c.Policy != nil {
		if err := among("policy", routing.Policy(*c.Policy), routing.Policies()...); err != nil {
			return c, err
		}
	}
	c.ReturnAfter, err = patched(c.ReturnAfter, func(after time.Duration) (time.Duration, error) {
		after = after.Truncate(time.Second)
		return after, within("return_after_s", int(after/time.Second), 0, int(maxReturnAfter/time.Second))
	})
	return c, err
}

// DeleteDepartment removes a department that nothing refers to: no conversation, no channel account. Otherwise CodeInUse.
func (d *Desk) DeleteDepartment(ctx context.Context, p chat.Principal, id chat.DepartmentID) error {
	if err := p.Need(chat.PermissionDepartments); err != nil {
		return err
	}
	if err := d.store.DeleteDepartment(ctx, chat.Audited(p, "department.deleted", id, ""), id); err != nil {
		return err
	}
	d.settingsChanged(ctx, "departments")
	return nil
}

// EndReasons lists why conversations end, in the list's order, disabled ones too.
func (d *Desk) EndReasons(ctx context.Context) ([]chat.EndReason, error) {
	return d.store.EndReasons(ctx)
}

// CreateEndReason adds a reason at the end of the list.
func (d *Desk) CreateEndReason(ctx context.Context, p chat.Principal, label string) (chat.EndReason, error) {
	return createReason(ctx, d, p, chat.PermissionEndReasons, "end_reasons", label, func(label string) (r chat.EndReason, err error) {
		r = chat.EndReason{ID: chat.NewID[chat.EndReasonID](), Label: label}
		r.Position, err = d.store.CreateEndReason(ctx, chat.Audited(p, "end_reason.created", r.ID, label), r.ID, label)
		return r, err
	})
}

// UpdateEndReason changes the fields that are given. Events of the past keep the label that they were made with.
func (d *Desk) UpdateEndReason(ctx context.Context, p chat.Principal, id chat.EndReasonID, c chat.ReasonPatch) (chat.EndReason, error) {
	return patchReason(ctx, d, p, chat.PermissionEndReasons, "end_reasons", id, c, "end_reason.updated", d.store.PatchEndReason)
}

// BreakReasons lists why agents pause, in the list's order, disabled ones too.
func (d *Desk) BreakReasons(ctx context.Context) ([]chat.BreakReason, error) {
	return d.store.BreakReasons(ctx)
}

// CreateBreakReason adds a reason at the end of the list.
func (d *Desk) CreateBreakReason(ctx context.Context, p chat.Principal, label string) (chat.BreakReason, error) {
	return createReason(ctx, d, p, chat.PermissionDepartments, "break_reasons", label, func(label string) (r chat.BreakReason, err error) {
		r = chat.BreakReason{ID: chat.NewID[chat.BreakReasonID](), Label: label}
		r.Position, err = d.store.CreateBreakReason(ctx, chat.Audited(p, "break_reason.created", r.ID, label), r.ID, label)
		return r, err
	})
}

// UpdateBreakReason changes the fields that are given.
func (d *Desk) UpdateBreakReason(ctx context.Context, p chat.Principal, id chat.BreakReasonID, c chat.ReasonPatch) (chat.BreakReason, error) {
	return patchReason(ctx, d, p, chat.PermissionDepartments, "break_reasons", id, c, "break_reason.updated", d.store.PatchBreakReason)
}

func reasonLabel(s string) (string, error) { return line("label", s, 1, 60) }

func createReason[R any](ctx context.Context, d *Desk, p chat.Principal, need chat.Permission, what, label string, create func(label string) (R, error)) (r R, err error) {
	if err := p.Need(need); err != nil {
		return r, err
	}
	if label, err = reasonLabel(label); err != nil {
		return r, err
	}
	if r, err = create(label); err == nil {
		d.settingsChanged(ctx, what)
	}
	return r, err
}

func patchReason[R any, I chat.ID](ctx context.Context, d *Desk, p chat.Principal, need chat.Permission, what string, id I, c chat.ReasonPatch,
	action string, patch func(context.Context, chat.Audit, I, chat.ReasonPatch) (R, error),
) (r R, err error) {
	if err := p.Need(need); err != nil {
		return r, err
	}
	if c.Label, err = patched(c.Label, reasonLabel); err != nil {
		return r, err
	}
	if c.Position != nil {
		if err := within("position", *c.Position, 0, 10_000); err != nil {
			return r, err
		}
	}
	if r, err = patch(ctx, chat.Audited(p, action, id, "").With("changed", given(c)), id, c); err == nil {
		d.settingsChanged(ctx, what)
	}
	return r, err
}

// CannedReplies lists the shared saved answers and the principal's own.
func (d *Desk) CannedReplies(ctx context.Context, p chat.Principal) ([]chat.CannedReply, error) {
	return d.store.CannedReplies(ctx, p.AgentID)
}

// CreateCannedReply adds a saved answer: the agent's own, or one for everybody.
func (d *Desk) CreateCannedReply(ctx context.Context, p chat.Principal, r chat.CannedReply, personal bool) (chat.CannedReply, error) {
	owner, allowed := person(p), p.Need(chat.PermissionCannedReplies)
	if personal {
		allowed = owner
	}
	if allowed != nil {
		return chat.CannedReply{}, allowed
	}
	c, err := checkCanned(chat.CannedReplyPatch{Shortcut: &r.Shortcut, Title: &r.Title, Text: &r.Text})
	if err != nil {
		return chat.CannedReply{}, err
	}
	r = chat.CannedReply{ID: chat.NewID[chat.CannedReplyID](), Shortcut: *c.Shortcut, Title: *c.Title, Text: *c.Text}
	if personal {
		r.AgentID = p.AgentID
	}
	if err := d.store.CreateCannedReply(ctx, chat.Audited(p, "canned_reply.created", r.ID, r.Shortcut), r); err != nil {
		return chat.CannedReply{}, err
	}
	d.settingsChanged(ctx, "canned_replies")
	return r, nil
}

// UpdateCannedReply changes the fields that are given of one's own saved answer, or of a shared one.
func (d *Desk) UpdateCannedReply(ctx context.Context, p chat.Principal, id chat.CannedReplyID, c chat.CannedReplyPatch) (chat.CannedReply, error) {
	c, err := checkCanned(c)
	if err != nil {
		return chat.CannedReply{}, err
	}
	allowed := p.Need(chat.PermissionCannedReplies)
	r, err := d.store.PatchCannedReply(ctx, chat.Audited(p, "canned_reply.updated", id, "").With("changed", given(c)), id, p.AgentID, allowed == nil, c)
	if err != nil {
		return r, d.notOwn(ctx, id, allowed, err)
	}
	d.settingsChanged(ctx, "canned_replies")
	return r, nil
}

// DeleteCannedReply removes one's own saved answer, or a shared one.
func (d *Desk) DeleteCannedReply(ctx context.Context, p chat.Principal, id chat.CannedReplyID) error {
	allowed := p.Need(chat.PermissionCannedReplies)
	if err := d.store.DeleteCannedReply(ctx, chat.Audited(p, "canned_reply.deleted", id, ""), id, p.AgentID, allowed == nil); err != nil {
		return d.notOwn(ctx, id, allowed, err)
	}
	d.settingsChanged(ctx, "canned_replies")
	return nil
}

// notOwn tells "there is none" from "the role may not", which only a shared one, that everybody sees, may say.
func (d *Desk) notOwn(ctx context.Context, id chat.CannedReplyID, allowed, err error) error {
	if allowed == nil || chat.CodeOf(err) != chat.CodeNotFound {
		return err
	}
	shared, serr := d.store.SharedCannedReply(ctx, id)
	if serr != nil {
		return serr
	}
	if shared {
		return allowed
	}
	return err
}

func checkCanned(c chat.CannedReplyPatch) (chat.CannedReplyPatch, error) {
	var err error
	if c.Shortcut, err = patched(c.Shortcut, shortcut); err != nil {
		return c, err
	}
	if c.Title, err = patched(c.Title, func(s string) (string, error) { return line("title", s, 0, 100) }); err != nil {
		return c, err
	}
	c.Text, err = patched(c.Text, func(s string) (string, error) { return lines("text", s, 1, 4096) })
	return c, err
}

// shortcut checks what is typed after "/": letters and digits of any language, "-" and "_".
func shortcut(s string) (string, error) {
	s = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(s), "/"))
	other := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
	}
	if strings.ContainsFunc(s, other) {
		return "", invalid("shortcut", "letters, digits, - and _")
	}
	return s, sized("shortcut", s, 1, 32)
}

// draftLimit is the longest draft, in characters: longer than any channel's text.
const draftLimit = 65_536

// Drafts reads the agent's drafts in a conversation, at most one for each tab.
func (d *Desk) Drafts(ctx context.Context, p chat.Principal, conversation chat.ConversationID) ([]chat.Draft, error) {
	if err := person(p); err != nil {
		return nil, err
	}
	if _, err := d.store.Conversation(ctx, p, conversation); err != nil {
		return nil, err
	}
	return d.store.Drafts(ctx, p.AgentID, conversation)
}

// PutDraft keeps the agent's draft of a tab, in place of the one before.
func (d *Desk) PutDraft(ctx context.Context, p chat.Principal, conversation chat.ConversationID, draft chat.Draft) error {
	if err := person(p); err != nil {
		return err
	}
	if err := among("tab", draft.Tab, chat.TabReply, chat.TabNote); err != nil {
		return err
	}
	if _, err := lines("text", draft.Text, 0, draftLimit); err != nil {
		return err
	}
	return d.store.PutDraft(ctx, p, conversation, draft)
}

// DeleteDraft drops the agent's draft of a tab, if there is one.
func (d *Desk) DeleteDraft(ctx context.Context, p chat.Principal, conversation chat.ConversationID, tab chat.Tab) error {
	if err := person(p); err != nil {
		return err
	}
	return d.store.DeleteDraft(ctx, p.AgentID, conversation, tab)
}
