package desk_test

import (
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

func TestIdleIsWhoHasHeldNothingForTheLongestTime(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	w.Exec(`UPDATE departments SET sticky = false, policy = 'longest_idle' WHERE id = $1`, w.Department)
	a, b := w.Agent("deniz", 5, chat.Online), w.Agent("can", 5, chat.Online)
	long, short := w.Talk(a, w.Phone(1)), w.Talk(b, w.Phone(2))
	for _, end := range []struct {
		who chat.Principal
		row chat.ConversationRow
	}{{b, short}, {a, long}} { // who began first ends last
		_, err := w.Desk.End(t.Context(), end.who, end.row.ID, w.Reason, "")
		must(t, err)
	}
	w.In(w.Text(w.Phone(3), "m3", "somebody new"))
	w.Route()
	if got := w.Open(w.Phone(3)); got.AgentID != b.AgentID {
		t.Errorf("given to %s, who was busy until a moment ago", got.AgentID)
	}
	w.In(w.Text(w.Phone(4), "m4", "and another"))
	w.Route()
	if got := w.Open(w.Phone(4)); got.AgentID != a.AgentID {
		t.Errorf("given to %s, who holds one", got.AgentID)
	}
}
