package workers

import (
	"encoding/json"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

// past moves pending events, as if they had been received so many days ago.
func past(h *house, days int) {
	h.T.Helper()
	h.Exec(`SELECT ensure_events_of((now() AT TIME ZONE 'UTC')::date - $1::int)`, days)
	h.Exec(`UPDATE inbound_events SET received_at = received_at - make_interval(days => $1)`, days)
	h.Exec(`UPDATE inbound_pending SET received_at = received_at - make_interval(days => $1)`, days)
}

// prune does what the sweeper does every minute.
func prune(h *house) {
	h.T.Helper()
	h.workers.prune(h.T.Context())
}

func TestPoisonIsReplayedAlsoWhenItsDayIsDropped(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.New(t))
	phone := h.Phone(1)
	fine, bad := h.Event(h.Text(phone, "m1", "one")), h.Event(h.Text(phone, "m2", "panic"))
	h.Accept(fine, bad)
	past(h, 20)
	h.Drain()
	if len(h.Quarantine()) != 1 {
		t.Fatalf("put aside: %q", h.Quarantine())
	}
	prune(h)
	if n := h.Int(`SELECT count(*) FROM inbound_events`); n != 0 {
		t.Fatalf("%d raw events are left", n)
	}
	mended := desktest.Channel(nil)
	mended.Parse = func(e chat.RawEvent) (ins []chat.Inbound, err error) { return ins, json.Unmarshal(e.Body, &ins) }
	h.Use(mended, nil)
	for range 2 { // a second time changes nothing
		if n, accounts, err := h.Store.Replay(t.Context(), "", time.Now().AddDate(0, 0, -30)); err != nil || n != 1 || len(accounts) != 1 {
			t.Fatalf("replayed %d of %v: %v", n, accounts, err)
		}
		h.Drain()
	}
	if got := h.Thread(phone); len(got) != 2 || got[1].Text != "panic" {
		t.Errorf("the thread has %d messages", len(got))
	}
	if q := h.Quarantine(); len(q) != 0 {
		t.Errorf("still put aside: %q", q)
	}
	prune(h)
	if n := h.Int(`SELECT count(*) FROM inbound_events`); n != 0 {
		t.Errorf("%d raw events are left of a day that came back", n)
	}
	h.MustHold()
}

func TestEventsOfAnAccountThatWasUnknownGoToItOnceItIsKnown(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.New(t))
	phone := h.Phone(1)
	for i, text := range []string{"before there was an account", "and again"} {
		e := h.Event(h.Text(phone, []string{"m1", "m2"}[i], text))
		e.Kind, e.Key = desktest.Kind, chat.AccountKey{Kind: desktest.Kind, Type: "number", Value: "new number"}
		if err := h.Store.InsertUnrouted(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	h.Exec(`UPDATE unrouted_events SET received_at = now() - interval '20 days'`)
	since := time.Now().AddDate(0, 0, -21)
	if n, _, err := h.Store.Replay(t.Context(), "", since); err != nil || n != 0 {
		t.Fatalf("replayed %d for nobody: %v", n, err)
	}
	h.Exec(`UPDATE account_keys SET value = 'new number'`)
	if n, accounts, err := h.Store.Replay(t.Context(), "", since); err != nil || n != 2 || len(accounts) != 1 || accounts[0] != h.Account.String() {
		t.Fatalf("replayed %d of %v: %v", n, accounts, err)
	}
	// The toy channel's account is known to its parser by the key that the event was made with.
	h.Exec(`UPDATE account_keys SET value = $1`, h.Key.Value)
	h.Drain()
	if got := h.Thread(phone); len(got) != 2 || got[0].Text != "before there was an account" || got[1].Text != "and again" {
		t.Errorf("the thread has %d messages", len(got))
	}
	if n := h.Int(`SELECT count(*) FROM unrouted_events`); n != 0 {
		t.Errorf("%d events are still nobody's", n)
	}
	h.NothingWaits()
	h.MustHold()
}

func TestAnEventThatIsReplayedByNameMustHaveOne(t *testing.T) {
	t.Parallel()
	h := build(t, desktest.Shared(t))
	if _, _, err := h.Store.Replay(t.Context(), "the last one", time.Time{}); chat.CodeOf(err) != chat.CodeInvalid {
		t.Errorf("replayed: %v", err)
	}
}
