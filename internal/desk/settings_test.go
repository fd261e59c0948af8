package desk_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
)

func TestADepartmentIsMadeChangedCountedAndRemovedWhenNothingRefersToIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	d, err := o.Desk.CreateDepartment(t.Context(), root, chat.Department{Name: " Sales ", Color: 7, ReturnAfter: 90 * time.Second})
	must(t, err)
	if d.Name != "Sales" || d.Policy != "least_busy" {
		t.Errorf("made %+v", d)
	}
	if n := o.Int(`SELECT count(*) FROM department_lines WHERE department_id = $1`, d.ID); n != 1 {
		t.Error("the department has no line")
	}
	for field, patch := range map[string]chat.DepartmentPatch{
		"name":           {Name: new("")},
		"description":    {Description: new(strings.Repeat("x", 501))},
		"color":          {Color: new(8)},
		"policy":         {Policy: new("alphabetical")},
		"return_after_s": {ReturnAfter: new(8 * 24 * time.Hour)},
	} {
		_, err := o.Desk.UpdateDepartment(t.Context(), root, d.ID, patch)
		refusedField(t, err, chat.CodeInvalid, field)
	}
	_, err = o.Desk.UpdateDepartment(t.Context(), root, d.ID, chat.DepartmentPatch{Name: new("DESTEK")})
	refusedField(t, err, chat.CodeInUse, "name")
	_, err = o.Desk.UpdateDepartment(t.Context(), root, chat.NewID[chat.DepartmentID](), chat.DepartmentPatch{})
	desktest.Code(t, err, chat.CodeNotFound)
	o.forget()
	got, err := o.Desk.UpdateDepartment(t.Context(), root, d.ID, chat.DepartmentPatch{Policy: new("random"), Sticky: new(true)})
	must(t, err)
	want := d
	want.Policy, want.Sticky = "random", true
	equal(t, got, want)
	if !o.Rang(task.Route, d.ID) || len(o.told(chat.NoticeSettings)) != 1 {
		t.Errorf("rang %v, told %v", o.Wakes, o.Notices)
	}

	must(t, o.Desk.DeleteDepartment(t.Context(), root, d.ID))
	desktest.Code(t, o.Desk.DeleteDepartment(t.Context(), root, d.ID), chat.CodeNotFound)
	desktest.Code(t, o.Desk.DeleteDepartment(t.Context(), root, o.Department), chat.CodeInUse) // the account's
}

func TestTheCardOfADepartmentCountsWhoIsThereAndHidesWhatIsOutOfScope(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	online, _ := o.hire("elif", chat.RoleAgent)
	must(t, o.Desk.SetPresence(t.Context(), online, chat.Online, none))
	away, _ := o.hire("can", chat.RoleAgent)
	must(t, o.Desk.SetPresence(t.Context(), away, chat.OnBreak, none))
	lost, _ := o.hire("su", chat.RoleAgent)
	must(t, o.Desk.SetPresence(t.Context(), lost, chat.Online, none))
	o.Exec(`UPDATE agent_presence SET seen_at = now() - interval '46 seconds' WHERE agent_id = $1`, lost.AgentID)
	gone := o.make("ece", chat.RoleAgent)
	_, err := o.Desk.DisableAgent(t.Context(), root, gone.ID)
	must(t, err)
	o.In(o.Text("905550000001", "m1", "hello"), o.Text("905550000002", "m2", "hello"))
	for name, c := range map[string]struct {
		p       chat.Principal
		waiting int
	}{
		"a member":   {online, 2},
		"an admin":   {root, 2},
		"a stranger": {chat.Principal{AgentID: online.AgentID, Role: chat.RoleManager}, 0},
	} {
		cards, err := o.Desk.Departments(t.Context(), c.p)
		must(t, err)
		if len(cards) != 1 {
			t.Fatalf("%s sees %d departments", name, len(cards))
		}
		if d := cards[0]; d.Total != 3 || d.Online != 1 || d.OnBreak != 1 || d.Waiting != c.waiting {
			t.Errorf("%s sees %+v", name, d)
		}
	}
}

func TestReasonsKeepTheirOrderAndTheirLabelsAreUnique(t *testing.T) {
	t.Parallel()
	o := newOffice(t) // with "Solved"
	spam, err := o.Desk.CreateEndReason(t.Context(), root, " Spam ")
	must(t, err)
	equal(t, spam, chat.EndReason{ID: spam.ID, Label: "Spam", Position: 1})
	_, err = o.Desk.CreateEndReason(t.Context(), root, "SOLVED")
	refusedField(t, err, chat.CodeInUse, "label")
	_, err = o.Desk.CreateEndReason(t.Context(), root, "")
	refusedField(t, err, chat.CodeInvalid, "label")
	_, err = o.Desk.UpdateEndReason(t.Context(), root, spam.ID, chat.ReasonPatch{Label: new("solved")})
	refusedField(t, err, chat.CodeInUse, "label")
	_, err = o.Desk.UpdateEndReason(t.Context(), root, spam.ID, chat.ReasonPatch{Position: new(-1)})
	refusedField(t, err, chat.CodeInvalid, "position")
	_, err = o.Desk.UpdateEndReason(t.Context(), root, o.Reason, chat.ReasonPatch{Position: new(5)})
	must(t, err)
	_, err = o.Desk.UpdateEndReason(t.Context(), root, spam.ID, chat.ReasonPatch{Disabled: new(true)})
	must(t, err)
	list, err := o.Desk.EndReasons(t.Context())
	must(t, err)
	equal(t, list, []chat.EndReason{{ID: spam.ID, Label: "Spam", Position: 1, Disabled: true}, {ID: o.Reason, Label: "Solved", Position: 5}})

	lunch, err := o.Desk.CreateBreakReason(t.Context(), root, "Lunch")
	must(t, err)
	_, err = o.Desk.CreateBreakReason(t.Context(), root, "lunch")
	refusedField(t, err, chat.CodeInUse, "label")
	_, err = o.Desk.UpdateBreakReason(t.Context(), root, chat.NewID[chat.BreakReasonID](), chat.ReasonPatch{Label: new("x")})
	desktest.Code(t, err, chat.CodeNotFound)
	breaks, err := o.Desk.BreakReasons(t.Context())
	must(t, err)
	equal(t, breaks, []chat.BreakReason{lunch})
}

func TestASavedAnswerIsItsOwnersOrEverybodys(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	elif, _ := o.hire("elif", chat.RoleAgent)
	can, _ := o.hire("can", chat.RoleAgent)
	shared, err := o.Desk.CreateCannedReply(t.Context(), root, chat.CannedReply{Shortcut: "/Teşekkür", Text: "Teşekkürler!\nMavi Ev"}, false)
	must(t, err)
	if shared.Shortcut != "teşekkür" {
		t.Errorf("the shortcut is %q", shared.Shortcut)
	}
	own, err := o.Desk.CreateCannedReply(t.Context(), elif, chat.CannedReply{Shortcut: "teşekkür", Title: "Mine", Text: "Sağ olun"}, true)
	must(t, err) // one's own may have a shared one's shortcut
	_, err = o.Desk.CreateCannedReply(t.Context(), elif, chat.CannedReply{Shortcut: "teşekkür", Text: "again"}, true)
	refusedField(t, err, chat.CodeInUse, "shortcut")
	for field, r := range map[string]chat.CannedReply{
		"shortcut": {Shortcut: "two words", Text: "x"},
		"title":    {Shortcut: "x", Title: "a\tb", Text: "x"},
		"text":     {Shortcut: "x", Text: strings.Repeat("x", 4097)},
	} {
		_, err := o.Desk.CreateCannedReply(t.Context(), elif, r, true)
		refusedField(t, err, chat.CodeInvalid, field)
	}
	_, err = o.Desk.CreateCannedReply(t.Context(), elif, chat.CannedReply{Shortcut: "nul", Text: "a\x00b"}, true)
	refusedField(t, err, chat.CodeInvalid, "text")

	for name, c := range map[string]struct {
		p    chat.Principal
		want int
	}{"the owner": {elif, 2}, "a colleague": {can, 1}, "an API key": {chat.Principal{APIKeyID: chat.NewID[chat.APIKeyID](), Role: chat.RoleAdmin}, 1}} {
		list, err := o.Desk.CannedReplies(t.Context(), c.p)
		must(t, err)
		if len(list) != c.want {
			t.Errorf("%s sees %d saved answers, want %d", name, len(list), c.want)
		}
	}

	_, err = o.Desk.UpdateCannedReply(t.Context(), can, own.ID, chat.CannedReplyPatch{Text: new("x")})
	desktest.Code(t, err, chat.CodeNotFound)
	_, err = o.Desk.UpdateCannedReply(t.Context(), root, own.ID, chat.CannedReplyPatch{Text: new("x")})
	desktest.Code(t, err, chat.CodeNotFound) // nor is it an admin's
	_, err = o.Desk.UpdateCannedReply(t.Context(), can, shared.ID, chat.CannedReplyPatch{Text: new("x")})
	desktest.Code(t, err, chat.CodeForbidden)
	got, err := o.Desk.UpdateCannedReply(t.Context(), elif, own.ID, chat.CannedReplyPatch{Text: new("Sağ olun!")})
	must(t, err)
	want := own
	want.Text = "Sağ olun!"
	equal(t, got, want)
	desktest.Code(t, o.Desk.DeleteCannedReply(t.Context(), can, own.ID), chat.CodeNotFound)
	desktest.Code(t, o.Desk.DeleteCannedReply(t.Context(), can, shared.ID), chat.CodeForbidden)
	must(t, o.Desk.DeleteCannedReply(t.Context(), elif, own.ID))
	must(t, o.Desk.DeleteCannedReply(t.Context(), root, shared.ID))
}

func TestADraftIsKeptForEachTabAndOnlyWhereItsWriterMayLook(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	elif, _ := o.hire("elif", chat.RoleAgent)
	can, _ := o.hire("can", chat.RoleAgent)
	o.In(o.Text("905550000001", "m1", "hello"))
	c := o.Open("905550000001").ID
	quoted := chat.NewID[chat.MessageID]()
	must(t, o.Desk.PutDraft(t.Context(), elif, c, chat.Draft{Tab: chat.TabReply, Text: "half a"}))
	must(t, o.Desk.PutDraft(t.Context(), elif, c, chat.Draft{Tab: chat.TabReply, Text: "half a sentence", ReplyTo: quoted}))
	must(t, o.Desk.PutDraft(t.Context(), elif, c, chat.Draft{Tab: chat.TabNote, Text: "ask Can"}))
	drafts, err := o.Desk.Drafts(t.Context(), elif, c)
	must(t, err)
	if len(drafts) != 2 || drafts[0].Text != "half a sentence" || drafts[0].ReplyTo != quoted || drafts[1].Text != "ask Can" || drafts[1].UpdatedAt.IsZero() {
		t.Errorf("drafts %+v", drafts)
	}
	drafts, err = o.Desk.Drafts(t.Context(), can, c)
	must(t, err)
	if len(drafts) != 0 {
		t.Errorf("a colleague sees %+v", drafts)
	}
	must(t, o.Desk.DeleteDraft(t.Context(), elif, c, chat.TabReply))
	must(t, o.Desk.DeleteDraft(t.Context(), elif, c, chat.TabReply))
	if n := o.Int(`SELECT count(*) FROM drafts`); n != 1 {
		t.Errorf("%d drafts", n)
	}

	stranger := chat.Principal{AgentID: can.AgentID, Role: chat.RoleAgent}
	desktest.Code(t, o.Desk.PutDraft(t.Context(), stranger, c, chat.Draft{Tab: chat.TabReply, Text: "x"}), chat.CodeNotFound)
	_, err = o.Desk.Drafts(t.Context(), stranger, c)
	desktest.Code(t, err, chat.CodeNotFound)
	refusedField(t, o.Desk.PutDraft(t.Context(), elif, c, chat.Draft{Tab: "mail"}), chat.CodeInvalid, "tab")
	refusedField(t, o.Desk.PutDraft(t.Context(), elif, c, chat.Draft{Tab: chat.TabNote, Text: strings.Repeat("x", 65_537)}), chat.CodeInvalid, "text")
}
