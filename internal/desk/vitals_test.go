package desk_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/postgres"
	"gatehouse/internal/vitals"
)

// wrong are the names of what is wrong, by Vitals.
func wrong(w *desktest.World) (ids []string) {
	w.T.Helper()
	v, err := w.Desk.Vitals(w.T.Context(), root, time.Hour)
	must(w.T, err)
	for _, s := range v.Signs {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestPoisonIsSaidUntilItIsReplayedAfterTheMend(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	must(t, w.Store.KeepPulse(t.Context(), postgres.Pulse{Node: vitals.Node{ID: "w", Role: "all", Host: "h", Started: time.Now(), Redis: true}}))
	if got := wrong(w); len(got) != 0 {
		t.Fatalf("already: %v", got)
	}
	phone := w.Phone(1)
	bad := w.Event(w.Text(phone, "m1", "panic"))
	stranger := chat.NewID[chat.InboundEventID]()
	w.Exec(`INSERT INTO unrouted_events (id, kind, key_type, key_value, body) VALUES ($1, 'toy', 'phone_number_id', '106540352242922', '[]')`, stranger)
	w.Accept(bad)
	w.Drain()
	v, err := w.Desk.Vitals(t.Context(), root, time.Hour)
	must(t, err)
	if got := wrong(w); !slices.Equal(got, []string{"Quarantined"}) {
		t.Errorf("wrong: %v", got)
	}
	if len(v.Aside) != 1 || v.Aside[0].ID != bad.ID.String() || v.Aside[0].Account != w.Account.String() || !strings.Contains(v.Aside[0].Why, "panicked") {
		t.Errorf("aside: %+v", v.Aside)
	}
	if len(v.Unrouted) != 1 || v.Unrouted[0].Key != "…2922" || v.Unrouted[0].Account != "" {
		t.Errorf("unrouted: %+v", v.Unrouted)
	}

	mended := desktest.Channel(nil)
	mended.Parse = func(e chat.RawEvent) (ins []chat.Inbound, err error) { return ins, json.Unmarshal(e.Body, &ins) }
	w.Use(mended, nil)
	n, err := w.Desk.ReplayEvents(t.Context(), root, []chat.InboundEventID{bad.ID, stranger, chat.NewID[chat.InboundEventID]()})
	if err != nil || n != 1 {
		t.Fatalf("%d are back in their lanes, %v", n, err)
	}
	w.Drain()
	if got := texts(w.Thread(phone)); got != "panic" {
		t.Errorf("the thread reads %q", got)
	}
	if got := wrong(w); len(got) != 0 {
		t.Errorf("still: %v", got)
	}
	trail, err := w.Desk.Audit(t.Context(), root, 1<<62, 10)
	must(t, err)
	if len(trail) != 1 || trail[0].Action != "event.replayed" || trail[0].Object != bad.ID || trail[0].Details["events"] != 3.0 {
		t.Errorf("the trace: %+v", trail)
	}
}

func TestPoisonThatIsDismissedIsSaidNoMoreAndCanBeReplayedAllTheSame(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	must(t, w.Store.KeepPulse(t.Context(), postgres.Pulse{Node: vitals.Node{ID: "w", Role: "all", Host: "h", Started: time.Now(), Redis: true}}))
	phone := w.Phone(1)
	bad, other := w.Event(w.Text(phone, "m1", "panic")), w.Event(w.Text(phone, "m2", "panic"))
	w.Accept(bad, other)
	w.Drain()
	n, err := w.Desk.DismissEvents(t.Context(), root, []chat.InboundEventID{bad.ID, chat.NewID[chat.InboundEventID]()})
	if err != nil || n != 1 {
		t.Fatalf("%d are dismissed, %v", n, err)
	}
	v, err := w.Desk.Vitals(t.Context(), root, time.Hour)
	must(t, err)
	if len(v.Aside) != 1 || v.Aside[0].ID != other.ID.String() || v.Gauges.Due[vitals.QuarantinedEvents] != 1 {
		t.Errorf("aside: %+v", v.Aside)
	}
	if n, err = w.Desk.DismissEvents(t.Context(), root, []chat.InboundEventID{other.ID}); err != nil || n != 1 {
		t.Fatalf("%d are dismissed, %v", n, err)
	}
	if got := wrong(w); len(got) != 0 {
		t.Errorf("still: %v", got)
	}
	trail, err := w.Desk.Audit(t.Context(), root, 1<<62, 10)
	must(t, err)
	if len(trail) != 2 || trail[1].Action != "event.dismissed" || trail[1].Object != bad.ID || trail[1].Details["events"] != 2.0 {
		t.Errorf("the trace: %+v", trail)
	}
	if n, err = w.Desk.ReplayEvents(t.Context(), root, []chat.InboundEventID{bad.ID}); err != nil || n != 1 {
		t.Errorf("%d are back in their lanes, %v", n, err)
	}
	w.Drain()
	if got := wrong(w); len(got) != 1 {
		t.Errorf("it failed once more, and is said: %v", got)
	}
}

func TestVitalsAreForThoseWhoSeeEverything(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	for _, role := range []chat.Role{chat.RoleAgent, chat.RoleManager} {
		p := chat.Principal{Role: role}
		_, err := w.Desk.Vitals(t.Context(), p, time.Hour)
		_, again := w.Desk.ReplayEvents(t.Context(), p, []chat.InboundEventID{chat.NewID[chat.InboundEventID]()})
		_, over := w.Desk.DismissEvents(t.Context(), p, []chat.InboundEventID{chat.NewID[chat.InboundEventID]()})
		if chat.CodeOf(err) != chat.CodeForbidden || chat.CodeOf(again) != chat.CodeForbidden || chat.CodeOf(over) != chat.CodeForbidden {
			t.Errorf("%s: %v, %v, %v", role, err, again, over)
		}
	}
	for _, n := range []int{0, 101} {
		if _, err := w.Desk.ReplayEvents(t.Context(), root, make([]chat.InboundEventID, n)); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%d events: %v", n, err)
		}
	}
}

func TestAnAccountsSignsAreCountedByWhatBecameOfItsMessages(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, phone)
	w.Say(a, row.ID, "one")
	w.Send(desktest.Sent)
	for what, want := range map[string]int{"account heard": 1, "account sent": 1, "account failed": 0} {
		if got := w.Count(what); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
}
