package desk_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
	"gatehouse/internal/window"
)

// deed is one of the desk's verbs over a conversation, without its result.
type deed func(*desk.Desk, chat.Principal, chat.ConversationID) error

func take(t *testing.T) deed {
	return func(d *desk.Desk, p chat.Principal, id chat.ConversationID) error {
		_, err := d.Take(t.Context(), p, id)
		return err
	}
}

func TestEveryDeedIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	other := w.Wing() // a department of somebody else
	ctx := t.Context()
	elif, can := w.Agent("elif", 5, chat.Online), w.Agent("can", 5, chat.Online)
	away, paused := w.Agent("away", 5, chat.Offline), w.Agent("paused", 5, chat.OnBreak)
	gone := w.Agent("gone", 5, chat.Online)
	w.Exec(`UPDATE agents SET state = 'disabled' WHERE id = $1`, gone.AgentID)
	stranger := other.Agent("stranger", 5, chat.Online)
	manager, foreign := w.Agent("manager", 5, chat.Online), other.Agent("foreign", 5, chat.Online)
	manager.Role, foreign.Role = chat.RoleManager, chat.RoleManager
	key := chat.Principal{APIKeyID: chat.NewID[chat.APIKeyID](), Role: chat.RoleAdmin}

	held, pending, closed, again := w.Talk(elif, w.Phone(1)).ID, w.Talk(elif, w.Phone(2)).ID, w.Talk(elif, w.Phone(3)).ID, w.Talk(elif, w.Phone(4)).ID
	_, err := w.Desk.Pend(ctx, elif, pending)
	must(t, err)
	for _, id := range []chat.ConversationID{closed, again} {
		_, err = w.Desk.End(ctx, elif, id, w.Reason, "")
		must(t, err)
	}
	w.In(w.Text(w.Phone(4), "again", "me again"), w.Text(w.Phone(5), "waits", "hello"))
	waiting := w.Open(w.Phone(5)).ID
	absent := chat.NewID[chat.ConversationID]()
	off := w.Wing().Reason
	w.Exec(`UPDATE end_reasons SET disabled = true WHERE id = $1`, off)

	pull := func(d *desk.Desk, p chat.Principal, _ chat.ConversationID) error {
		_, err := d.Pull(ctx, p)
		return err
	}
	assign := func(to chat.Principal) deed {
		return func(d *desk.Desk, p chat.Principal, id chat.ConversationID) error {
			_, err := d.Assign(ctx, p, id, to.AgentID)
			return err
		}
	}
	back := func(d *desk.Desk, p chat.Principal, id chat.ConversationID) error {
		_, err := d.Return(ctx, p, id)
		return err
	}
	pend := func(d *desk.Desk, p chat.Principal, id chat.ConversationID) error {
		_, err := d.Pend(ctx, p, id)
		return err
	}
	unpend := func(d *desk.Desk, p chat.Principal, id chat.ConversationID) error {
		_, err := d.Unpend(ctx, p, id)
		return err
	}
	reopen := func(d *desk.Desk, p chat.Principal, id chat.ConversationID) error {
		_, err := d.Reopen(ctx, p, id)
		return err
	}
	end := func(why chat.EndReasonID, note string) deed {
		return func(d *desk.Desk, p chat.Principal, id chat.ConversationID) error {
			_, err := d.End(ctx, p, id, why, note)
			return err
		}
	}
	read := func(seq int64) deed {
		return func(d *desk.Desk, p chat.Principal, id chat.ConversationID) error {
			_, err := d.MarkRead(ctx, p, id, seq)
			return err
		}
	}
	taking := take(t)
	for name, c := range map[string]struct {
		do   deed
		who  chat.Principal
		on   chat.ConversationID
		want chat.Code
	}{
		"pull away":                     {pull, away, absent, chat.CodeNotOnline},
		"pull on a break":               {pull, paused, absent, chat.CodeNotOnline},
		"pull disabled":                 {pull, gone, absent, chat.CodeForbidden},
		"pull by a program":             {pull, key, absent, chat.CodeForbidden},
		"pull where nobody waits":       {pull, stranger, absent, chat.CodeNothingWaiting},
		"take what is held":             {taking, can, held, chat.CodeAlreadyTaken},
		"take what one holds":           {taking, elif, held, chat.CodeAlreadyTaken},
		"take what is pending":          {taking, can, pending, chat.CodeAlreadyTaken},
		"take what has ended":           {taking, can, closed, chat.CodeConversationEnded},
		"take away":                     {taking, away, waiting, chat.CodeNotOnline},
		"take disabled":                 {taking, gone, waiting, chat.CodeForbidden},
		"take by a program":             {taking, key, waiting, chat.CodeForbidden},
		"take out of scope":             {taking, stranger, waiting, chat.CodeNotFound},
		"take what is not there":        {taking, can, absent, chat.CodeNotFound},
		"assign as an agent":            {assign(can), elif, held, chat.CodeForbidden},
		"assign to somebody away":       {assign(away), manager, held, chat.CodeReceiverUnavailable},
		"assign to somebody on a break": {assign(paused), manager, held, chat.CodeReceiverUnavailable},
		"assign to somebody disabled":   {assign(gone), manager, held, chat.CodeNotFound},
		"assign to nobody":              {assign(chat.Principal{AgentID: chat.NewID[chat.AgentID]()}), manager, held, chat.CodeNotFound},
		"assign to no agent at all":     {assign(chat.Principal{}), manager, held, chat.CodeNotFound},
		"assign out of the department":  {assign(stranger), manager, held, chat.CodeNotFound},
		"assign to its holder":          {assign(elif), manager, held, chat.CodeAlreadyTaken},
		"assign what has ended":         {assign(can), manager, closed, chat.CodeConversationEnded},
		"assign out of scope":           {assign(can), foreign, held, chat.CodeNotFound},
		"return what another holds":     {back, can, held, chat.CodeNotController},
		"return what waits":             {back, can, waiting, chat.CodeNotController},
		"return what has ended":         {back, elif, closed, chat.CodeConversationEnded},
		"return out of scope":           {back, stranger, held, chat.CodeNotFound},
		"pend what another holds":       {pend, can, held, chat.CodeNotController},
		"pend what has ended":           {pend, elif, closed, chat.CodeConversationEnded},
		"unpend what another holds":     {unpend, can, pending, chat.CodeNotController},
		"end what another holds":        {end(w.Reason, ""), can, held, chat.CodeNotController},
		"end what waits":                {end(w.Reason, ""), can, waiting, chat.CodeNotController},
		"end what has ended":            {end(w.Reason, ""), elif, closed, chat.CodeConversationEnded},
		"end without a reason":          {end(chat.EndReasonID{}, ""), elif, held, chat.CodeReasonRequired},
		"end with an unknown reason":    {end(chat.NewID[chat.EndReasonID](), ""), elif, held, chat.CodeReasonRequired},
		"end with a disabled reason":    {end(off, ""), elif, held, chat.CodeReasonRequired},
		"end with a long note":          {end(w.Reason, strings.Repeat("ş", 2001)), elif, held, chat.CodeTextTooLong},
		"reopen what is open":           {reopen, elif, held, chat.CodeAlreadyTaken},
		"reopen beside an open one":     {reopen, elif, again, chat.CodeOpenConversation},
		"reopen away":                   {reopen, away, closed, chat.CodeNotOnline},
		"reopen by a program":           {reopen, key, closed, chat.CodeForbidden},
		"reopen out of scope":           {reopen, stranger, closed, chat.CodeNotFound},
		"read what another holds":       {read(1), can, held, chat.CodeNotController},
		"read what waits, as a program": {read(1), key, waiting, chat.CodeNotController},
		"read what is not there":        {read(99), elif, held, chat.CodeInvalid},
		"read before the beginning":     {read(-1), elif, held, chat.CodeInvalid},
	} {
		e := c.do(w.Desk, c.who, c.on)
		if chat.CodeOf(e) != c.want || e == nil {
			t.Errorf("%s: %v, want %s", name, e, c.want)
		}
	}
	w.Told()
	if row := w.Row(held); row.AgentID != elif.AgentID || row.Status != chat.Assigned || w.Row(waiting).Status != chat.Waiting {
		t.Errorf("a refused deed left its mark: %+v", row)
	}
}

func TestOfManyWhoTakeTheSameAtOnceOneGetsIt(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	var agents []chat.Principal
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		agents = append(agents, w.Agent(name, 1, chat.Online))
	}
	w.In(w.Text(w.Phone(1), "m1", "hello"))
	id := w.Open(w.Phone(1)).ID
	errs := together(len(agents), func(i int) error { return take(t)(w.Desk, agents[i], id) })
	if count(errs, "") != 1 || count(errs, chat.CodeAlreadyTaken) != len(agents)-1 {
		t.Errorf("got %v", errs)
	}
	if n := w.Int(`SELECT count(*) FROM assignments WHERE conversation_id = $1`, id); n != 1 {
		t.Errorf("%d assignments", n)
	}
}

func TestOfManyWhoPullAtOnceEachGetsAnother(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	const n = 6
	var agents []chat.Principal
	for i := range n {
		agents = append(agents, w.Agent("p"+w.Phone(i), 0, chat.Online)) // a person's pull may go above their capacity
		w.In(w.Text(w.Phone(i), "m"+w.Phone(i), "hello"))
	}
	errs := together(n+2, func(i int) error { _, err := w.Desk.Pull(t.Context(), agents[i%n]); return err })
	if count(errs, "") != n || count(errs, chat.CodeNothingWaiting) != 2 {
		t.Errorf("got %v", errs)
	}
	if n := w.Int(`SELECT count(*) FROM assignments a JOIN conversations c ON c.id = a.conversation_id WHERE c.account_id = $1 AND how = 'pulled' AND load_after > capacity`, w.Account); n != 6 {
		t.Errorf("%d pulls are on record as above a capacity of 0", n)
	}
}

func TestAPullTakesTheMostUrgentAndThenTheOldestOfOnesDepartments(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	second, foreign := w.Wing(), w.Wing()
	a := w.Agent("deniz", 5, chat.Online)
	a.Departments = append(a.Departments, second.Department)
	foreign.In(foreign.Text(w.Phone(9), "m0", "not yours"))
	w.In(w.Text(w.Phone(1), "m1", "second"))
	second.In(second.Text(w.Phone(2), "m2", "third"))
	w.In(w.Text(w.Phone(3), "m3", "urgent"))
	w.Exec(`UPDATE conversations SET priority = 1 WHERE id = $1`, w.Open(w.Phone(3)).ID)
	var got []string
	for range 3 {
		row, err := w.Desk.Pull(t.Context(), a)
		must(t, err)
		got = append(got, row.Preview.Text)
	}
	equal(t, got, []string{"urgent", "second", "third"})
	_, err := w.Desk.Pull(t.Context(), a)
	desktest.Code(t, err, chat.CodeNothingWaiting)
}

func TestAPendingConversationFreesAPlaceAndComesBackWhenTheContactWrites(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 1, chat.Online)
	row := w.Talk(a, w.Phone(1))
	w.In(w.Text(w.Phone(2), "m2", "next"))
	w.Route()
	if got := w.Open(w.Phone(2)).Status; got != chat.Waiting {
		t.Fatalf("the next is %s beside a full agent", got)
	}
	w.Wakes = nil
	_, err := w.Desk.Pend(t.Context(), a, row.ID)
	must(t, err)
	if !w.Rang(task.Route, w.Department) {
		t.Error("nobody routes the freed place")
	}
	w.Route()
	if got := w.Open(w.Phone(2)); got.AgentID != a.AgentID {
		t.Errorf("the next is %s", got.Status)
	}
	w.In(w.Text(w.Phone(1), "m3", "back"))
	if got := w.Row(row.ID); got.Status != chat.Assigned || got.AgentID != a.AgentID || got.UnreadCount != 2 {
		t.Errorf("it is %s with %d unread", got.Status, got.UnreadCount)
	}
	if got, err := w.Desk.Unpend(t.Context(), a, row.ID); err != nil || got.Status != chat.Assigned {
		t.Errorf("unpended: %s, %v", got.Status, err)
	}
}

func TestWhatIsReturnedGoesToItsPlaceInTheLineAndNotBackToItsReturner(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 1, chat.Online)
	row := w.Talk(a, w.Phone(1))
	w.In(w.Text(w.Phone(2), "m2", "the next in line"))
	w.Wakes = nil
	got, err := w.Desk.Return(t.Context(), a, row.ID)
	must(t, err)
	if got.Status != chat.Waiting || !w.Rang(task.Route, w.Department) {
		t.Fatalf("it is %s", got.Status)
	}
	if n := w.Int(`SELECT count(*) FROM conversations c JOIN assignments a ON a.conversation_id = c.id AND a.waiting_since = c.waiting_since WHERE c.id = $1`, row.ID); n != 1 {
		t.Errorf("it waits since %v", got.WaitingSince)
	}
	told := w.Told()
	if last := told[len(told)-1]; !has(last.Left, a.AgentID) {
		t.Error("who gave it back is not told that it left")
	}
	w.Route()
	if w.Row(row.ID).Status != chat.Waiting || w.Open(w.Phone(2)).AgentID != a.AgentID {
		t.Fatal("it went back to its returner")
	}
	b := w.Agent("can", 1, chat.Online)
	w.Route()
	if got := w.Row(row.ID); got.AgentID != b.AgentID || !chat.IsZero(got.ReturnedBy) {
		t.Errorf("it is %s", got.Status)
	}
	_, err = w.Desk.Return(t.Context(), b, row.ID)
	must(t, err)
	if got, err := w.Desk.Take(t.Context(), a, row.ID); err != nil || got.AgentID != a.AgentID {
		t.Errorf("a person may take again what they gave back: %v", err)
	}
}

func TestAnEndKeepsItsReasonAsItReadThenItsNoteAndWho(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	w.Wakes = nil
	got, err := w.Desk.End(t.Context(), a, row.ID, w.Reason, "paid")
	must(t, err)
	if got.Status != chat.Closed || got.EndedBy != a.AgentID || got.EndReasonID != w.Reason || got.EndNote != "paid" || !w.Rang(task.Route, w.Department) {
		t.Errorf("%+v", got)
	}
	w.Exec(`UPDATE end_reasons SET label = 'Something else ' || id WHERE id = $1`, w.Reason)
	if n := w.Int(`SELECT count(*) FROM conversation_events WHERE conversation_id = $1 AND kind = 'ended' AND actor = $2 AND data->>'label' LIKE 'Solved%' AND data->>'note' = 'paid'`, row.ID, a.AgentID); n != 1 {
		t.Error("the event does not say it as it was")
	}
	h, err := w.Desk.History(t.Context(), a, chat.ConversationRow{Conversation: chat.Conversation{ContactID: row.ContactID}})
	must(t, err)
	if len(h) != 1 || !strings.HasPrefix(h[0].EndReason, "Something else") || h[0].Preview.Text != "hello" {
		t.Errorf("the history shows %+v", h)
	}
}

func TestAReopenedConversationLooksAtTheNewestWindowOfItsThread(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, phone := w.Agent("deniz", 5, chat.Online), w.Phone(1)
	first := w.Talk(a, phone)
	_, err := w.Desk.End(t.Context(), a, first.ID, w.Reason, "")
	must(t, err)
	w.Store.Shift(23 * time.Hour)
	w.In(w.Text(phone, "m2", "me again"))
	second := w.Open(phone)
	_, err = w.Desk.Take(t.Context(), a, second.ID)
	must(t, err)
	_, err = w.Desk.End(t.Context(), a, second.ID, w.Reason, "")
	must(t, err)
	w.Store.Shift(40 * time.Hour)
	got, err := w.Desk.Reopen(t.Context(), a, first.ID)
	must(t, err)
	if p := phase(w, got); p != window.PhaseOpen || got.AgentID != a.AgentID || !chat.IsZero(got.EndReasonID) {
		t.Errorf("the window is %s", p)
	}
	w.Say(a, first.ID, "an answer within the window of the second")
	w.In(w.Text(phone, "m3", "thanks"))
	if w.External("m3").ConversationID != first.ID {
		t.Error("the contact's next message went elsewhere")
	}
	if n := w.Int(`SELECT count(*) FROM assignments WHERE conversation_id = $1 AND how = 'reopened'`, first.ID); n != 1 {
		t.Errorf("%d assignments of it", n)
	}
}

func TestOfManyWhoReopenAtOnceOneGetsIt(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, phone := w.Agent("deniz", 5, chat.Online), w.Phone(1)
	var ended []chat.ConversationID
	for i := range 3 { // three ended conversations of one thread
		w.In(w.Text(phone, "m"+w.Phone(i), "hello"))
		row, err := w.Desk.Pull(t.Context(), a)
		must(t, err)
		_, err = w.Desk.End(t.Context(), a, row.ID, w.Reason, "")
		must(t, err)
		ended = append(ended, row.ID)
	}
	errs := together(6, func(i int) error { _, err := w.Desk.Reopen(t.Context(), a, ended[i%3]); return err })
	if count(errs, "") != 1 || count(errs, chat.CodeOpenConversation)+count(errs, chat.CodeAlreadyTaken) != 5 {
		t.Errorf("got %v", errs)
	}
}

func TestReadingMovesTheMarkForwardAndCountsWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, phone := w.Agent("deniz", 5, chat.Online), w.Phone(1)
	row := w.Talk(a, phone) // 1 queued, 2 message, 3 assigned
	w.In(w.Text(phone, "m2", "two"), w.Text(phone, "m3", "three"))
	w.Say(a, row.ID, "an answer")
	if got := w.Row(row.ID); got.UnreadCount != 3 || got.LastSeq != 6 {
		t.Fatalf("%d unread of %d", got.UnreadCount, got.LastSeq)
	}
	read := func(seq int64) chat.ConversationRow {
		t.Helper()
		got, err := w.Desk.MarkRead(t.Context(), a, row.ID, seq)
		must(t, err)
		return got
	}
	if got := read(4); got.UnreadCount != 1 || got.ReadSeq != 4 {
		t.Errorf("%d unread, mark at %d", got.UnreadCount, got.ReadSeq)
	}
	seq := w.Row(row.ID).LastSeq
	if got := read(2); got.UnreadCount != 1 || got.ReadSeq != 4 || w.Row(row.ID).LastSeq != seq {
		t.Errorf("the mark went back: %d unread, mark at %d", got.UnreadCount, got.ReadSeq)
	}
	if got := read(6); got.UnreadCount != 0 {
		t.Errorf("%d unread", got.UnreadCount)
	}
	got, err := w.Desk.MarkUnread(t.Context(), a, row.ID, 5)
	must(t, err)
	if got.UnreadCount != 1 || got.ReadSeq != 4 {
		t.Errorf("unread again: %d, mark at %d", got.UnreadCount, got.ReadSeq)
	}
}

func TestAnAssignedConversationLeavesItsOldHolderAndFreesThePlace(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, b := w.Agent("deniz", 1, chat.Online), w.Agent("can", 1, chat.Online)
	boss := w.Agent("boss", 1, chat.Online)
	boss.Role = chat.RoleManager
	row := w.Talk(a, w.Phone(1))
	w.Talk(b, w.Phone(2))
	w.Wakes = nil
	w.Told()
	_, err := w.Desk.Assign(t.Context(), boss, row.ID, b.AgentID)
	desktest.Code(t, err, chat.CodeFull) // B46
	w.Exec(`UPDATE agents SET capacity = 2 WHERE id = $1`, b.AgentID)
	got, err := w.Desk.Assign(t.Context(), boss, row.ID, b.AgentID)
	must(t, err)
	if got.AgentID != b.AgentID || !w.Rang(task.Route, w.Department) {
		t.Errorf("it is %s's", got.AgentID)
	}
	if told := w.Told(); len(told) != 1 || !has(told[0].Left, a.AgentID) {
		t.Error("the old holder is not told")
	}
	if n := w.Int(`SELECT count(*) FROM assignments WHERE conversation_id = $1 AND (ended_at IS NOT NULL) = (agent_id = $2)`, row.ID, a.AgentID); n != 2 {
		t.Errorf("%d of two assignments are right", n)
	}
	if n := w.Int(`SELECT load_after FROM assignments WHERE conversation_id = $1 AND ended_at IS NULL`, row.ID); n != 2 {
		t.Errorf("the load right after it was %d", n)
	}
}
