package desk_test

import (
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/window"
)

// ago is a message that the provider says was written a while ago (or will be, for a negative while).
func ago(w *desktest.World, phone, id, text string, d time.Duration) chat.Inbound {
	in := w.Text(phone, id, text)
	in.At = in.At.Add(-d)
	return in
}

// clock is the desk's.
func clock(w *desktest.World) time.Time {
	w.T.Helper()
	now, err := w.Desk.Now(w.T.Context())
	must(w.T, err)
	return now
}

func phase(w *desktest.World, row chat.ConversationRow) window.Phase {
	w.T.Helper()
	return w.Desk.WindowView(row, clock(w)).Phase
}

func near(a, b time.Time) bool { return a.Sub(b).Abs() < 2*time.Minute }

func TestTheWindowOpensAtTheEarlierOfTheProvidersTimeAndOurs(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	now := time.Now()
	for name, c := range map[string]struct {
		at      time.Time
		opened  time.Time
		flagged bool // the provider's time is not believed and not shown
		late    bool
	}{
		"just now":               {at: now, opened: now},
		"an hour ago":            {at: now.Add(-time.Hour), opened: now.Add(-time.Hour), late: true},
		"three days ago":         {at: now.Add(-72 * time.Hour), opened: now.Add(-72 * time.Hour), late: true},
		"a little ahead of us":   {at: now.Add(5 * time.Minute), opened: now},
		"no time at all":         {opened: now, flagged: true},
		"before 1970":            {at: time.Unix(-1, 0), opened: now, flagged: true},
		"the epoch":              {at: time.Unix(0, 0), opened: now, flagged: true},
		"the year 2100":          {at: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), opened: now, flagged: true},
		"far too large a number": {at: time.Unix(now.UnixMilli()/10, 0), opened: now, flagged: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.Wing()
			in := w.Text(w.Phone(1), "m1", "hello")
			in.At = c.at
			w.In(in)
			row, m := w.Open(w.Phone(1)), w.Thread(w.Phone(1))[0]
			if !near(row.WindowOpenedAt, c.opened) {
				t.Errorf("opened at %v, want %v", row.WindowOpenedAt, c.opened)
			}
			if m.ProviderAt.IsZero() != c.flagged || m.Late != c.late {
				t.Errorf("provider's time %v, late %v", m.ProviderAt, m.Late)
			}
			if !near(m.CreatedAt, now) || row.LastMessageAt.Sub(m.CreatedAt) != 0 {
				t.Errorf("received at %v, activity at %v", m.CreatedAt, row.LastMessageAt)
			}
		})
	}
}

func TestALateMessageNeitherReopensNorShrinksTheWindow(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	w.In(ago(w, phone, "m1", "recent", time.Hour), ago(w, phone, "m2", "older", 5*time.Hour), ago(w, phone, "m3", "very old", 90*time.Hour))
	row := w.Open(phone)
	if want := time.Now().Add(-time.Hour); !near(row.WindowOpenedAt, want) {
		t.Errorf("opened at %v, want %v", row.WindowOpenedAt, want)
	}
	w.Store.Shift(24 * time.Hour)
	w.In(ago(w, phone, "m4", "on its way for two days", 48*time.Hour))
	if p := phase(w, w.Open(phone)); p != window.PhaseClosed {
		t.Errorf("a late message opened the window: %s", p)
	}
}

func TestACapturedWebhookThatIsPlayedAgainAfterItsIDIsForgottenOpensNothing(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	captured := ago(w, phone, "m1", "hello", 72*time.Hour)
	w.In(captured)
	w.Exec(`DELETE FROM provider_ids WHERE account_id = $1`, w.Account)
	w.In(captured)
	got := w.Thread(phone)
	if len(got) != 2 || !got[1].Late {
		t.Fatalf("%d messages", len(got))
	}
	if p := phase(w, w.Open(phone)); p != window.PhaseClosed {
		t.Errorf("the window is %s", p)
	}
}

func TestWhatDoesNotOpenTheWindowDoesNotOpenIt(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	notice := w.Text(phone, "m1", "changed the security code")
	notice.Message.OpensWindow = false
	w.In(notice)
	if row := w.Open(phone); !row.WindowOpenedAt.IsZero() || phase(w, row) != window.PhaseClosed {
		t.Errorf("opened at %v", row.WindowOpenedAt)
	}
}

// shut is the provider's word that it refused a message of ours as outside its window.
func shut(w *desktest.World, external string, at time.Time) chat.Inbound {
	in := w.Status(external, chat.StatusFailed)
	in.At = at
	in.Status.Error = &chat.SendError{Code: chat.CodeWindowClosed, Provider: "131047", Effect: chat.EffectShutWindow}
	return in
}

func TestTheProvidersRefusalOverrulesOurClockUntilTheContactWritesAgain(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, phone)
	m := w.Say(a, row.ID, "refused")
	w.Send(desktest.Sent)
	external := "out." + m.ID.String()
	refusal := shut(w, external, time.Now())
	w.In(refusal)
	row = w.Open(phone)
	if p := phase(w, row); p != window.PhaseClosed {
		t.Fatalf("the window is %s", p)
	}
	if got := w.Message(m.ID); got.Status != chat.StatusFailed || got.Error == nil || got.Error.Code != chat.CodeWindowClosed || got.Error.Provider != "131047" {
		t.Errorf("the message is %s: %+v", got.Status, got.Error)
	}
	_, err := w.Desk.Reply(t.Context(), a, row.ID, desktest.Text("another"), nil)
	desktest.Code(t, err, chat.CodeWindowClosed)
	seq := row.LastSeq
	w.In(refusal) // told again: nothing new
	if row = w.Open(phone); row.LastSeq != seq {
		t.Errorf("a repeated refusal made %d events", row.LastSeq-seq)
	}
	w.Store.Shift(time.Minute)
	w.In(w.Text(phone, "m2", "I am here"), refusal)
	if p := phase(w, w.Open(phone)); p != window.PhaseOpen {
		t.Errorf("the contact wrote, and the window is %s", p)
	}
}

func TestAFreeEntryIsShownAndExtendsNothingButThePrice(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, phone)
	m := w.Say(a, row.ID, "an answer")
	w.Send(desktest.Sent)
	until := time.Now().Add(72 * time.Hour).UTC().Truncate(time.Second)
	st := w.Status("out."+m.ID.String(), chat.StatusSent)
	st.Status.FreeEntryUntil = until
	sooner := w.Status("out."+m.ID.String(), chat.StatusDelivered)
	sooner.Status.FreeEntryUntil = until.Add(-time.Hour)
	w.In(st, sooner)
	view := w.Desk.WindowView(w.Open(phone), clock(w))
	if view.Phase != window.PhaseFreeEntry || !view.FreeUntil.Equal(until) {
		t.Errorf("%+v, want free until %v", view, until)
	}
	if want := w.Open(phone).WindowOpenedAt.Add(24*time.Hour - window.Margin); !view.ShutsAt.Equal(want) {
		t.Errorf("shuts at %v, want %v", view.ShutsAt, want)
	}
}
