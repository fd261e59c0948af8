package desk_test

import (
	"errors"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

// echo is a message of the business as the provider tells of it: without our id.
func echo(w *desktest.World, phone, external, text string) chat.Inbound {
	in := w.Text(phone, external, text)
	in.Message.Direction, in.Message.Source, in.Message.Silent, in.Message.OpensWindow = chat.Out, chat.SourcePhoneApp, true, false
	return in
}

func TestAnEchoThatIsFasterThanTheAnswerIsOurMessage(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	a := w.Agent("deniz", 5, chat.Online)
	phone := w.Phone(1)
	row := w.Talk(a, phone)
	m := w.Say(a, row.ID, "it is on its way")
	w.Send(func(chat.Send) (chat.Receipt, error) {
		w.In(echo(w, phone, "mid.1", "it is on its way"), echo(w, phone, "mid.1", "it is on its way"), w.Text(phone, "in.2", "thank you"))
		return chat.Receipt{ExternalID: "mid.1"}, nil
	})
	w.In(echo(w, phone, "mid.1", "it is on its way"), w.Status("mid.1", chat.StatusRead))
	if got := w.Thread(phone); len(got) != 3 {
		t.Errorf("%d messages, want the contact's two and ours", len(got))
	}
	if got := w.Message(m.ID); got.Status != chat.StatusRead || got.ExternalID != "mid.1" || got.Source != chat.SourceAgent {
		t.Errorf("our message is %s with the id %q from %s", got.Status, got.ExternalID, got.Source)
	}
	if n := w.Count("received echo_of_ours"); n != 1 {
		t.Errorf("%d echoes were taken for the answer, want 1", n)
	}
	w.MustHold()
}

func TestAnEchoConfirmsWhatNobodyAnsweredFor(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	a := w.Agent("deniz", 5, chat.Online)
	phone := w.Phone(1)
	row := w.Talk(a, phone)
	m := w.Say(a, row.ID, "it is on its way")
	w.Send(func(chat.Send) (chat.Receipt, error) { return chat.Receipt{}, errors.New("the connection broke") })
	if got := w.Message(m.ID); got.Status != chat.StatusUnknown {
		t.Fatalf("the message is %s, want unknown", got.Status)
	}
	w.In(echo(w, phone, "mid.1", "written on the phone"), echo(w, phone, "mid.2", "it is on its way"))
	if got := w.Message(m.ID); got.Status != chat.StatusSent || got.ExternalID != "mid.2" || got.Error != nil {
		t.Errorf("our message is %s with the id %q and the error %v", got.Status, got.ExternalID, got.Error)
	}
	if got := w.External("mid.1"); got.Source != chat.SourcePhoneApp {
		t.Errorf("what was written on the phone is from %s", got.Source)
	}
	if got := w.Thread(phone); len(got) != 3 {
		t.Errorf("%d messages, want the contact's, ours and the phone's", len(got))
	}
	w.MustHold()
}

func TestWhatIsAboutAMessageThatComesOnceMoreBesideItFindsIt(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	phone := w.Phone(1)
	m := w.Text(phone, "in.1", "helo")
	w.In(m)
	edit := chat.Inbound{
		Kind: chat.InboundEditKind, Account: w.Key, From: desktest.From(phone), At: m.At,
		Edit: &chat.InboundEdit{ExternalID: "in.1", Direction: chat.In, Text: "hello"},
	}
	w.In(m, edit)
	if got := w.External("in.1"); got.Text != "hello" {
		t.Errorf("the message reads %q", got.Text)
	}
	if n := w.Int("SELECT count(*) FROM parked_updates"); n != 0 {
		t.Errorf("%d updates wait for a message that is there", n)
	}
	w.MustHold()
}

func TestAnEchoFindsOurMessageInAConversationThatWasEndedMeanwhile(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	a := w.Agent("deniz", 5, chat.Online)
	phone := w.Phone(1)
	row := w.Talk(a, phone)
	m := w.Say(a, row.ID, "it is on its way")
	w.Send(func(chat.Send) (chat.Receipt, error) {
		w.In(w.Text(phone, "in.2", "//end"), w.Text(phone, "in.3", "me again"))
		w.In(echo(w, phone, "mid.1", "it is on its way"))
		return chat.Receipt{ExternalID: "mid.1"}, nil
	})
	if got := w.Message(m.ID); got.Status != chat.StatusSent || got.ExternalID != "mid.1" {
		t.Errorf("our message is %s with the id %q", got.Status, got.ExternalID)
	}
	if n := w.Int("SELECT count(*) FROM messages WHERE direction = 'out'"); n != 1 {
		t.Errorf("%d messages went out, want 1", n)
	}
	w.MustHold()
}

// Who settles a message holds its conversation, and then gives it its id. The drainer of its echo must not hold the id while it
// waits for the conversation: Postgres would notice after a second, and everything in the lane would be a second late.
func TestTheEchoOfAMessageThatIsBeingSettledWaitsWithoutItsID(t *testing.T) {
	t.Parallel()
	for name, ended := range map[string]bool{"in the conversation that goes on": false, "in a conversation that was ended meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := desktest.New(t)
			a := w.Agent("deniz", 5, chat.Online)
			phone := w.Phone(1)
			row := w.Talk(a, phone)
			m := w.Say(a, row.ID, "it is on its way")
			if ended {
				if _, err := w.Desk.End(t.Context(), a, row.ID, w.Reason, ""); err != nil {
					t.Fatal(err)
				}
			}
			tx, err := w.Store.Pool().Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			pid := tx.Conn().PgConn().PID()
			if _, err := tx.Exec(t.Context(), "SELECT 1 FROM conversations WHERE id = $1 FOR NO KEY UPDATE", row.ID); err != nil {
				t.Fatal(err)
			}
			drained := make(chan error)
			w.Accept(w.Event(echo(w, phone, "mid.1", "it is on its way")))
			go func() { drained <- w.Desk.Drain(t.Context(), w.Account) }()
			for w.Int("SELECT count(*) FROM pg_stat_activity WHERE $1::int = any(pg_blocking_pids(pid))", pid) == 0 {
				select {
				case err := <-drained:
					t.Fatalf("the echo was applied while its conversation was held: %v", err)
				case <-t.Context().Done():
					t.Fatal("nobody waits for the conversation")
				case <-time.After(5 * time.Millisecond):
				}
			}
			if _, err = tx.Exec(t.Context(), "SET LOCAL lock_timeout = '100ms'"); err == nil {
				_, err = tx.Exec(t.Context(), "INSERT INTO provider_ids (account_id, provider_id, message_id) VALUES ($1, 'mid.1', $2)", w.Account, m.ID)
			}
			if err == nil {
				err = tx.Commit(t.Context())
			}
			if err != nil {
				t.Errorf("the id cannot be given: %v", err)
				_ = tx.Rollback(t.Context())
			}
			if err := <-drained; err != nil {
				t.Error(err)
			}
		})
	}
}
