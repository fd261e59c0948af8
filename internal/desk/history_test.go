package desk_test

import (
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
	"gatehouse/internal/window"
)

// imported is a message of a history that the provider hands over, a while old.
func imported(w *desktest.World, phone, external, text string, direction chat.Direction, d time.Duration) chat.Inbound {
	in := ago(w, phone, external, text, d)
	in.Message.Direction, in.Message.Source, in.Message.Silent, in.Message.OpensWindow = direction, chat.SourceHistory, true, false
	return in
}

func TestAnEchoStandsInTheThreadAndDisturbsNobody(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, phone)
	_, err := w.Desk.Pend(t.Context(), a, row.ID)
	must(t, err)
	before := w.Row(row.ID)
	w.Store.Shift(time.Hour)
	w.In(echo(w, phone, "e1", "written on the phone"))
	after, got := w.Row(row.ID), w.Thread(phone)
	if len(got) != 2 || got[1].Direction != chat.Out || got[1].Status != chat.StatusSent || got[1].Source != chat.SourcePhoneApp {
		t.Fatalf("got %+v", got)
	}
	if after.UnreadCount != before.UnreadCount || !after.WindowOpenedAt.Equal(before.WindowOpenedAt) || after.Status != chat.Pending {
		t.Errorf("unread %d → %d, window %v → %v, %s", before.UnreadCount, after.UnreadCount, before.WindowOpenedAt, after.WindowOpenedAt, after.Status)
	}
	if after.Preview.Text != "written on the phone" || !after.LastMessageAt.After(before.LastMessageAt) {
		t.Errorf("the list shows %q", after.Preview.Text)
	}
	w.In(w.Status("e1", chat.StatusRead)) // and has its own statuses
	if got := w.External("e1").Status; got != chat.StatusRead {
		t.Errorf("it is %s", got)
	}
}

func TestAnEchoToSomebodyWithoutAnOpenConversationWaitsForNobody(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	w.In(echo(w, phone, "e1", "hello from the shop"))
	if n := w.Int(`SELECT count(*) FROM conversations WHERE account_id = $1 AND status = 'closed'`, w.Account); n != 1 || w.Rang(task.Route, w.Department) {
		t.Fatalf("%d ended conversations; routed: %v", n, w.Rang(task.Route, w.Department))
	}
	w.In(echo(w, phone, "e2", "are you there?"))
	if conversations(w) != 1 {
		t.Errorf("%d conversations of two echoes", conversations(w))
	}
	w.In(w.Text(phone, "m1", "yes"))
	row := w.Open(phone)
	if row.Status != chat.Waiting || conversations(w) != 2 || people(w) != 1 {
		t.Errorf("%s, %d conversations of %d people", row.Status, conversations(w), people(w))
	}
}

func TestAnImportedHistoryIsThereToBeReadAndNothingElse(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	w.In(w.Text(phone, "m1", "today"))
	before := w.Open(phone)
	w.Store.Shift(time.Minute)
	w.In(imported(w, phone, "h1", "long ago", chat.In, 100*24*time.Hour), imported(w, phone, "h2", "our answer", chat.Out, 99*24*time.Hour))
	after := w.Open(phone)
	if after.Preview.Text != "today" || !after.LastMessageAt.Equal(before.LastMessageAt) || after.UnreadCount != 1 || !after.WindowOpenedAt.Equal(before.WindowOpenedAt) {
		t.Errorf("the list shows %q of %v, %d unread, window %v", after.Preview.Text, after.LastMessageAt, after.UnreadCount, after.WindowOpenedAt)
	}
	if n := len(w.Thread(phone)); n != 3 {
		t.Errorf("%d messages", n)
	}
	if m := w.External("h1"); !near(m.SortAt(), time.Now().Add(-100*24*time.Hour+time.Minute)) || !m.Late {
		t.Errorf("it stands at %v", m.SortAt())
	}
}

func TestThePeopleOfAnImportedHistoryStandWhereTheyWereLastHeardOf(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	w.In(imported(w, phone, "h2", "the newest", chat.Out, 99*24*time.Hour), imported(w, phone, "h1", "the oldest", chat.In, 100*24*time.Hour))
	var id chat.ConversationID
	must(t, w.Store.Pool().QueryRow(t.Context(), `SELECT id FROM conversations WHERE account_id = $1`, w.Account).Scan(&id))
	row := w.Row(id)
	if row.Status != chat.Closed || row.Preview.Text != "the newest" || !near(row.LastMessageAt, time.Now().Add(-99*24*time.Hour)) || row.UnreadCount != 0 {
		t.Errorf("%s, %q of %v, %d unread", row.Status, row.Preview.Text, row.LastMessageAt, row.UnreadCount)
	}
	if p := phase(w, row); p != window.PhaseClosed || w.Rang(task.Route, w.Department) {
		t.Errorf("the window is %s", p)
	}
}

func TestAnEndedConversationIsOneInABatchHoweverManyReasonsThereAreToReadIt(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	a, row, m, external := sent(w, phone)
	_, err := w.Desk.End(t.Context(), a, row.ID, w.Reason, "")
	must(t, err)
	read := w.Status(external, chat.StatusRead) // finds it by the message
	read.From = desktest.From(phone)            // and by the person
	w.Accept(w.Event(read, echo(w, phone, "e1", "written on the phone"), react(w, phone, external, "👍")))
	store := &tally{Store: w.Store}
	w.Use(desktest.Channel(nil), store)
	w.Drain()
	if got := w.Message(m.ID); got.Status != chat.StatusRead || len(got.Reactions) != 1 {
		t.Errorf("it is %s", got.Status)
	}
	if w.External("e1").ConversationID != row.ID || store.drains != 1 {
		t.Errorf("%d transactions", store.drains)
	}
	if n := w.Int(`SELECT last_seq - count(e.seq) FROM conversations c JOIN conversation_events e ON e.conversation_id = c.id WHERE c.id = $1 GROUP BY last_seq`, row.ID); n != 0 {
		t.Errorf("%d numbers without an event", n)
	}
}
