package desk_test

import (
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
)

// loseOnce has the next transaction that writes an event lose a race: it is rolled back, meanwhile happens, and it is run
// again.
func loseOnce(w *desktest.World, meanwhile func()) (lost func() bool) {
	w.T.Helper()
	w.Exec(`CREATE SEQUENCE races`)
	w.Exec(`CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('races') = 1 THEN RAISE EXCEPTION 'lost' USING ERRCODE = 'serialization_failure'; END IF;
		RETURN NULL; END $$`)
	w.Exec(`CREATE TRIGGER lose BEFORE INSERT ON conversation_events FOR EACH STATEMENT EXECUTE FUNCTION lose()`)
	n := 0
	w.Store.Rerun = func(string) {
		if n++; n == 1 {
			meanwhile()
		}
	}
	return func() bool { return n == 1 }
}

// What a transaction decided before it lost a race is no news, also when there is nothing left to decide the second time: on
// the screens it would take the place of what came instead, for instance of a customer's message. That the news is true is
// checked at the end of every test of a world.
func TestWhatWasRolledBackIsNoNews(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	claim := func(w *desktest.World, p chat.Principal, phone string) chat.Send {
		w.T.Helper()
		w.Say(p, w.Open(phone).ID, "hi")
		sends, _, err := w.Desk.Claim(ctx, w.Account, 64)
		if err != nil || len(sends) != 1 {
			w.T.Fatalf("%d claimed, error %v", len(sends), err)
		}
		return sends[0]
	}
	for name, play := range map[string]func(t *testing.T, w *desktest.World){
		"a line that another router serves": func(_ *testing.T, w *desktest.World) {
			phone := line(w, 1, 1)[0]
			w.Agent("ada", 5, chat.Online)
			bo := w.Agent("bo", 5, chat.OnBreak)
			lost := loseOnce(w, func() {
				w.In(w.Text(phone, "more", "are you there?")) // takes the number
				w.Exec(`UPDATE agent_presence SET presence = 'online'`)
				_, err := w.Desk.Pull(ctx, bo)
				must(w.T, err)
			})
			must(w.T, w.Desk.Route(ctx, w.Department))
			if !lost() || w.Open(phone).AgentID != bo.AgentID {
				w.T.Error("it lost no race")
			}
		},
		"a line that goes on": func(_ *testing.T, w *desktest.World) {
			phone := line(w, 1, 1)[0]
			ada := w.Agent("ada", 5, chat.Online)
			lost := loseOnce(w, func() { w.In(w.Text(phone, "more", "are you there?")) })
			must(w.T, w.Desk.Route(ctx, w.Department))
			if !lost() || w.Open(phone).AgentID != ada.AgentID {
				w.T.Error("it lost no race, or nobody was given the conversation")
			}
		},
		"an outcome that an echo tells first": func(_ *testing.T, w *desktest.World) {
			ada := w.Agent("ada", 5, chat.Online)
			phone := line(w, 1, 1)[0]
			w.Talk(ada, phone)
			s := claim(w, ada, phone)
			lost := loseOnce(w, func() {
				in := w.Status("out-1", chat.StatusSent)
				in.Status.Opaque = desk.Opaque(s.Message)
				w.In(w.Text(phone, "more", "are you there?"), in)
			})
			must(w.T, failed(w.Desk.Settle(ctx, w.Account, []chat.Outcome{desk.OutcomeOf(s, chat.Receipt{ExternalID: "out-1"}, nil)})))
			if !lost() || w.Message(s.Message.ID).Status != chat.StatusSent {
				w.T.Error("it lost no race")
			}
		},
		"a message that another sender refuses": func(_ *testing.T, w *desktest.World) {
			ada := w.Agent("ada", 5, chat.Online)
			phone := line(w, 1, 1)[0]
			id := w.Talk(ada, phone).ID
			m := w.Say(ada, id, "hi")
			w.Exec(`UPDATE channel_accounts SET state = 'disconnected' WHERE id = $1`, w.Account)
			lost := loseOnce(w, func() {
				w.In(w.Text(phone, "more", "are you there?"))
				_, _, err := w.Desk.Claim(ctx, w.Account, 64)
				must(w.T, err)
			})
			_, _, err := w.Desk.Claim(ctx, w.Account, 64)
			must(w.T, err)
			if !lost() || w.Message(m.ID).Status != chat.StatusFailed {
				w.T.Error("it lost no race")
			}
		},
		"a file that another worker fetched": func(t *testing.T, w *desktest.World) {
			phone := w.Phone(1)
			in := w.Text(phone, "m1", "")
			in.Message.Kind = chat.KindImage
			in.Message.Content.Media = []chat.Media{{State: chat.MediaPending, Type: "image/png", Name: "a.png"}}
			w.In(in)
			jobs, err := w.Desk.ClaimMedia(ctx, w.Account, 1)
			if err != nil || len(jobs) != 1 {
				t.Fatalf("%d files, error %v", len(jobs), err)
			}
			done := chat.Media{ID: jobs[0].ID, State: chat.MediaReady, Type: "image/png", Name: "a.png", Size: 3}
			lost := loseOnce(w, func() {
				w.In(w.Text(phone, "more", "are you there?"))
				must(w.T, w.Desk.FinishMedia(ctx, jobs[0], done, nil))
			})
			must(w.T, w.Desk.FinishMedia(ctx, jobs[0], done, nil))
			if !lost() || w.External("m1").Content.Media[0].State != chat.MediaReady {
				w.T.Error("it lost no race")
			}
		},
		"a lane that another drainer empties": func(_ *testing.T, w *desktest.World) {
			phone := w.Phone(1)
			w.Accept(w.Event(w.Text(phone, "m1", "hello")))
			lost := loseOnce(w, func() { w.Drain() })
			w.Drain()
			if !lost() || len(w.Thread(phone)) != 1 {
				w.T.Error("it lost no race")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := desktest.New(t)
			play(t, w)
			w.MustHold()
		})
	}
}
