package desk_test

import (
	"crypto/sha256"
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

// once is a caller's key for a request with this body.
func once(p chat.Principal, key, body string) *chat.Idempotency {
	h := sha256.Sum256([]byte(body))
	return &chat.Idempotency{Key: key, Principal: [16]byte(p.AgentID), BodyHash: h[:]}
}

func TestARepeatedRequestAnswersTheSameAndSendsNothingTwice(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	say := func(text string, idem *chat.Idempotency) (chat.ThreadMessage, error) {
		return w.Desk.Reply(t.Context(), a, row.ID, desktest.Text(text), idem)
	}
	first, err := say("an answer", once(a, "key-0001", "1"))
	must(t, err)
	w.Send(desktest.Sent)
	w.In(w.Text(w.Phone(1), "end", "//end"))
	second, err := say("an answer", once(a, "key-0001", "1")) // whatever happened meanwhile
	must(t, err)
	if second.ID != first.ID || second.Status != chat.StatusSent {
		t.Errorf("answered with %s, %s", second.ID, second.Status)
	}
	_, err = say("something else", once(a, "key-0001", "2"))
	desktest.Code(t, err, chat.CodeIdempotencyMismatch)
	if n := w.Int(`SELECT count(*) FROM messages WHERE conversation_id = $1 AND direction = 'out'`, row.ID); n != 1 {
		t.Errorf("%d messages", n)
	}
	b := w.Agent("can", 5, chat.Online)
	other := w.Talk(b, w.Phone(2))
	m, err := w.Desk.Reply(t.Context(), b, other.ID, desktest.Text("mine"), once(b, "key-0001", "3")) // keys are each one's own
	must(t, err)
	if m.ID == first.ID {
		t.Error("somebody else's key was found")
	}
}

func TestARefusedRequestMayBeRepeatedUnderItsKey(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	_, err := w.Desk.Pend(t.Context(), a, row.ID)
	must(t, err)
	w.Exec(`UPDATE agent_presence SET presence = 'break' WHERE agent_id = $1`, a.AgentID)
	_, err = w.Desk.Reply(t.Context(), a, row.ID, desktest.Text("an answer"), once(a, "key-0001", "1"))
	desktest.Code(t, err, chat.CodeNotOnline)
	w.Exec(`UPDATE agent_presence SET presence = 'online' WHERE agent_id = $1`, a.AgentID)
	_, err = w.Desk.Reply(t.Context(), a, row.ID, desktest.Text("an answer"), once(a, "key-0001", "1"))
	must(t, err)
}

func TestRacingRequestsWithOneKeyMakeOneMessage(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row, other := w.Talk(a, w.Phone(1)), w.Talk(a, w.Phone(2))
	var ids [8]chat.MessageID
	for _, err := range together(len(ids), func(i int) error {
		m, err := w.Desk.Reply(t.Context(), a, row.ID, desktest.Text("an answer"), once(a, "key-0001", "1"))
		ids[i] = m.ID
		return err
	}) {
		must(t, err)
	}
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("answered with %v", ids)
		}
	}
	// In two conversations at once no lock of theirs keeps them apart: the key itself does.
	errs := together(8, func(i int) error {
		on := []chat.ConversationID{row.ID, other.ID}[i%2]
		_, err := w.Desk.Reply(t.Context(), a, on, desktest.Text("an answer"), once(a, "key-0002", on.String()))
		return err
	})
	if count(errs, "") != 4 || count(errs, chat.CodeIdempotencyMismatch) != 4 {
		t.Errorf("got %v", errs)
	}
}

func TestAKeyIsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	first, err := w.Desk.Reply(t.Context(), a, row.ID, desktest.Text("an answer"), once(a, "key-0001", "1"))
	must(t, err)
	w.Exec(`UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second' WHERE principal = $1`, a.AgentID)
	second, err := w.Desk.Reply(t.Context(), a, row.ID, desktest.Text("another"), once(a, "key-0001", "2"))
	must(t, err)
	if second.ID == first.ID {
		t.Error("it is remembered")
	}
	third, err := w.Desk.Reply(t.Context(), a, row.ID, desktest.Text("another"), once(a, "key-0001", "2"))
	must(t, err)
	if third.ID != second.ID {
		t.Error("the new use is not remembered")
	}
}
