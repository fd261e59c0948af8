package desk_test

import (
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
	"gatehouse/internal/window"
)

// wish is a contact's choice about being messaged, made a while ago.
func wish(w *desktest.World, phone string, out bool, d time.Duration) chat.Inbound {
	return chat.Inbound{
		Kind: chat.InboundPreferenceKind, Account: w.Key, From: desktest.From(phone), At: time.Now().Add(w.Store.Shifted() - d).UTC(),
		Preference: &chat.InboundPreference{OptedOut: out, Category: "marketing"},
	}
}

func kindOf(w *desktest.World, row chat.ConversationRow, kind chat.EventKind) int {
	return w.Int(`SELECT count(*) FROM conversation_events WHERE conversation_id = $1 AND kind = $2`, row.ID, kind)
}

func TestStopOptsOutUntilTheContactWritesAgain(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, phone)
	w.Store.Shift(time.Minute)
	w.In(w.Text(phone, "m2", "  //STOP "))
	if p := phase(w, w.Open(phone)); p != window.PhaseOptedOut {
		t.Fatalf("the window is %s", p)
	}
	_, err := w.Desk.Reply(t.Context(), a, row.ID, desktest.Text("but wait"), nil)
	desktest.Code(t, err, chat.CodeOptedOut)
	if n := kindOf(w, row, chat.EventOptOut); n != 1 {
		t.Errorf("%d events of it", n)
	}
	w.Store.Shift(2 * time.Minute)
	w.In(w.Text(phone, "m3", "I changed my mind"))
	w.Say(a, row.ID, "welcome back")
}

func TestAWishThatIsToldLateOrAgainDoesNotUndoALaterOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wishes []bool // in the order of the contact's mind, a minute apart
		told   []int  // in the order in which we hear of them
		out    bool
	}{
		"in order":                 {[]bool{true, false}, []int{0, 1}, false},
		"the second first":         {[]bool{true, false}, []int{1, 0}, false},
		"out again":                {[]bool{true, false, true}, []int{0, 1, 2}, true},
		"the middle one last":      {[]bool{true, false, true}, []int{0, 2, 1}, true},
		"the first one last":       {[]bool{true, false, true}, []int{2, 1, 0}, true},
		"an old yes again":         {[]bool{false, true}, []int{0, 1, 0}, true},
		"an old no again":          {[]bool{true, false}, []int{0, 1, 0, 0}, false},
		"twice the same, reversed": {[]bool{true, true}, []int{1, 0}, true},
	} {
		for _, together := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := desktest.Shared(t)
				phone := w.Phone(1)
				w.In(ago(w, phone, "m1", "hello", time.Hour))
				var events []chat.RawEvent
				for _, i := range c.told {
					events = append(events, w.Event(wish(w, phone, c.wishes[i], time.Duration(10-i)*time.Minute)))
				}
				for _, e := range events {
					w.Accept(e)
					if !together {
						w.Drain()
					}
				}
				w.Drain()
				row := w.Open(phone)
				if p := phase(w, row); (p == window.PhaseOptedOut) != c.out {
					t.Errorf("the window is %s, opted out at %v", p, row.OptedOut)
				}
			})
		}
	}
}

func TestAWishIsToldToReadersOnce(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	w.In(ago(w, phone, "m1", "hello", time.Hour))
	out := wish(w, phone, true, 0)
	w.In(out, out, out)
	if n := kindOf(w, w.Open(phone), chat.EventOptOut); n != 1 {
		t.Errorf("%d events of one wish", n)
	}
}

func TestAWishOfSomebodyWhoNeverWroteIsKept(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	w.In(wish(w, phone, true, 0), ago(w, phone, "m1", "written before", time.Hour))
	if p := phase(w, w.Open(phone)); p != window.PhaseOptedOut || people(w) != 1 {
		t.Errorf("the window is %s, %d people", p, people(w))
	}
	nobody := wish(w, phone, true, 0)
	nobody.From = nil
	w.In(nobody)
	if w.Count("received no_sender") != 1 {
		t.Error("a wish of nobody was not counted")
	}
}

func TestAStopOfThePastThatTheBatchBringsWithItsSuccessorsIsWeighedByTime(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	// Two stops and a message between them, told in the wrong order and in one batch.
	w.Accept(w.Event(ago(w, phone, "m3", "//stop", time.Minute), ago(w, phone, "m2", "well", 2*time.Minute), ago(w, phone, "m1", "//stop", 3*time.Minute)))
	w.Drain()
	row := w.Open(phone)
	if p := phase(w, row); p != window.PhaseOptedOut {
		t.Errorf("the window is %s: opened %v, out %v", p, row.WindowOpenedAt, row.OptedOut)
	}
}

func TestEndEndsTheConversationAndFreesThePlaceAtOnce(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	a := w.Agent("deniz", 1, chat.Online)
	row := w.Talk(a, phone)
	w.In(w.Text(w.Phone(2), "m1", "next, please"))
	w.Wakes = nil
	w.In(w.Text(phone, "m2", "//End"))
	row = w.Row(row.ID)
	if row.Status != chat.Closed || row.AgentID != a.AgentID || row.EndedAt.IsZero() {
		t.Fatalf("it is %s", row.Status)
	}
	if !w.Rang(task.Route, w.Department) {
		t.Error("nobody routes the freed place")
	}
	w.Route()
	if next := w.Open(w.Phone(2)); next.AgentID != a.AgentID {
		t.Errorf("the next one is %s", next.Status)
	}
	w.In(w.Text(phone, "m3", "one more thing"))
	if again := w.Open(phone); again.ID == row.ID || again.Status != chat.Waiting {
		t.Errorf("%s after the end", again.Status)
	}
	if n := w.Int(`SELECT count(*) FROM assignments WHERE conversation_id = $1 AND ended_at >= started_at`, row.ID); n != 1 {
		t.Error("its assignment did not end after it began")
	}
}

func TestAnEndThatWasWrittenBeforeTheAgentCameEndsAnAssignmentThatLastedNoTime(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	a := w.Agent("deniz", 5, chat.Online)
	w.In(w.Text(phone, "m1", "hello"))
	bye := w.Event(w.Text(phone, "m2", "//end")) // received now, applied after the agent took it
	_, err := w.Desk.Take(t.Context(), a, w.Open(phone).ID)
	must(t, err)
	w.Accept(bye)
	w.Drain()
	if n := w.Int(`SELECT count(*) FROM assignments WHERE agent_id = $1 AND ended_at < started_at`, a.AgentID); n != 0 {
		t.Error("an assignment ended before it began")
	}
}

func TestTheWordsOfAnImportedHistoryAreNotObeyed(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	w.In(w.Text(phone, "m1", "hello"))
	for i, text := range []string{"//stop", "//end"} {
		old := ago(w, phone, "h"+string(rune('1'+i)), text, 100*24*time.Hour)
		old.Message.Source, old.Message.Silent, old.Message.OpensWindow = chat.SourceHistory, true, false
		w.In(old)
	}
	row := w.Open(phone) // still open
	if !row.OptedOut.IsZero() {
		t.Errorf("opted out at %v", row.OptedOut)
	}
}
