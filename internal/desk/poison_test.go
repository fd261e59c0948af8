package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/postgres"
)

func TestAnEventThatCannotBeReadIsPutAsideWithItsErrorAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	w.Accept(w.Event(w.Text(phone, "m1", "before")), w.Raw("{not json"), w.Event(w.Text(phone, "m2", "panic")), w.Event(w.Text(phone, "m3", "after")))
	w.Drain()
	if got := texts(w.Thread(phone)); got != "before|after" {
		t.Errorf("the thread reads %q", got)
	}
	q := w.Quarantine()
	if len(q) != 2 || !strings.Contains(q[0], "invalid character") || !strings.Contains(q[1], "the parser panicked: the toy parser was asked to at desktest.go:") {
		t.Errorf("put aside: %q", q)
	}
	if n := w.Count("quarantined"); n != 2 {
		t.Errorf("%d counted", n)
	}
	w.NothingWaits()
}

// refused is a text that every parser reads and Postgres does not take.
const refused = "half a \x00 text"

func TestAnEventThatTheDatabaseRefusesIsFoundByHalvesAndPutAsideAfterFiveTries(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	var events []chat.RawEvent
	for i := range 40 {
		text := fmt.Sprint(i)
		if i == 23 {
			text = refused
		}
		events = append(events, w.Event(w.Text(w.Phone(i%3), fmt.Sprint("m", i), text)))
	}
	w.Accept(events...)
	store := &tally{Store: w.Store}
	w.Use(desktest.Channel(nil), store)
	w.Drain()
	if n := w.Int(`SELECT count(*) FROM messages WHERE account_id = $1`, w.Account); n != 39 {
		t.Fatalf("%d messages after the first pass, want 39", n)
	}
	if n := store.drains; n > 24 {
		t.Errorf("%d transactions to find one of 40", n)
	}
	for try := 2; try <= 5; try++ {
		if q := w.Quarantine(); len(q) != 0 {
			t.Fatalf("put aside before the %d. try: %q", try, q)
		}
		w.Exec(`UPDATE inbound_pending SET due_at = now() WHERE account_id = $1`, w.Account)
		w.Drain()
	}
	if q := w.Quarantine(); len(q) != 1 || !strings.Contains(q[0], "SQLSTATE 22") {
		t.Fatalf("put aside: %q", q)
	}
	if n := w.Int(`SELECT attempts FROM quarantined_events WHERE account_id = $1`, w.Account); n != 5 {
		t.Errorf("%d tries, want 5", n)
	}
	w.NothingWaits()
}

func TestAFailedEventIsTriedLaterAndLaterAndDoesNotHoldUpItsLane(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	w.In(w.Text(phone, "bad", refused), w.Text(phone, "m1", "good"))
	if got := texts(w.Thread(phone)); got != "good" {
		t.Fatalf("the thread reads %q", got)
	}
	if s := w.Int(`SELECT ceil(extract(epoch FROM due_at - now()))::int FROM inbound_pending WHERE account_id = $1`, w.Account); s < 0 || s > 1 {
		t.Errorf("tried again after %d s, want 1", s)
	}
	lanes, err := w.Store.PendingLanes(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	w.Exec(`UPDATE inbound_pending SET due_at = now() - interval '1 second' WHERE account_id = $1`, w.Account)
	due, err := w.Store.PendingLanes(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if has(lanes, w.Account) || !has(due, w.Account) {
		t.Errorf("due before its time: %v, after: %v", has(lanes, w.Account), has(due, w.Account))
	}
	w.Drain()
	if s := w.Int(`SELECT round(extract(epoch FROM due_at - now()))::int FROM inbound_pending WHERE account_id = $1`, w.Account); s < 1 || s > 2 {
		t.Errorf("tried again after %d s, want 2", s)
	}
}

func TestOfAThousandMessagesInOnePostOnePoisonIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*chat.Inbound){
		"without a sender":            func(in *chat.Inbound) { in.From, in.Note = nil, "bad_address" },
		"refused by the database":     func(in *chat.Inbound) { in.Message.Text = refused },
		"refused as an index's entry": func(in *chat.Inbound) { in.Message.ExternalID = incompressible(9000) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			ins := make([]chat.Inbound, 1000)
			for i := range ins {
				ins[i] = w.Text(w.Phone(i%100), fmt.Sprint("m", i), fmt.Sprint(i))
			}
			spoil(&ins[617])
			w.Accept(w.Event(ins...))
			for range 5 {
				w.Exec(`UPDATE inbound_pending SET due_at = NULL WHERE account_id = $1`, w.Account)
				w.Drain()
			}
			if n := w.Int(`SELECT count(*) FROM messages WHERE account_id = $1`, w.Account); n != 999 {
				t.Errorf("%d messages, want 999", n)
			}
			if q := w.Quarantine(); len(q) != 1 {
				t.Errorf("put aside: %q", q)
			}
			if got := w.Thread(w.Phone(17)); len(got) != 9 || got[6].Text != "717" {
				t.Errorf("the poisoned thread has %d messages", len(got))
			}
			w.NothingWaits()
		})
	}
}

// incompressible is a text that Postgres cannot make fit into an index entry.
func incompressible(n int) string {
	var b strings.Builder
	for x := uint64(88172645463325252); b.Len() < n; {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		fmt.Fprintf(&b, "%016x", x)
	}
	return b.String()
}

func TestAReplayedEventBringsWhatItHeldOnce(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	fine := w.Event(w.Text(phone, "m1", "one"))
	bad := w.Event(w.Text(phone, "m2", "panic"))
	w.Accept(fine, bad)
	w.Drain()
	if len(w.Quarantine()) != 1 || texts(w.Thread(phone)) != "one" {
		t.Fatalf("put aside: %q", w.Quarantine())
	}
	mended := desktest.Channel(nil)
	mended.Parse = func(e chat.RawEvent) (ins []chat.Inbound, err error) { return ins, json.Unmarshal(e.Body, &ins) }
	w.Use(mended, nil)
	for range 2 { // a second time changes nothing
		for _, e := range []chat.RawEvent{bad, fine} {
			n, accounts, err := w.Store.Replay(t.Context(), e.ID.String(), time.Time{})
			if err != nil || n != 1 || len(accounts) != 1 || accounts[0] != w.Account.String() {
				t.Fatalf("replayed %d of %v: %v", n, accounts, err)
			}
		}
		w.Drain()
	}
	if got := texts(w.Thread(phone)); got != "one|panic" {
		t.Errorf("the thread reads %q", got)
	}
	if q := w.Quarantine(); len(q) != 0 {
		t.Errorf("still put aside: %q", q)
	}
}

func TestEverythingSinceAMomentIsReplayedWithoutDoubling(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	phone := w.Phone(1)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, phone)
	m := w.Say(a, row.ID, "an answer")
	w.Send(desktest.Sent)
	w.In(w.Status("out."+m.ID.String(), chat.StatusRead), w.Text(phone, "m2", "thanks"))
	before := w.Thread(phone)
	n, _, err := w.Store.Replay(t.Context(), "", time.Now().Add(-time.Hour))
	if err != nil || n != 3 {
		t.Fatalf("replayed %d: %v", n, err)
	}
	w.Drain()
	after := w.Thread(phone)
	if len(after) != len(before) || after[1].Status != chat.StatusRead || w.Open(phone).UnreadCount != 2 {
		t.Errorf("%d messages before, %d after; unread %d", len(before), len(after), w.Open(phone).UnreadCount)
	}
	w.MustHold()
}

func TestAnEventThatBreaksUsIsPutAsideLikeOneThatBreaksItsParser(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	w.Use(desktest.Channel(nil), breaking{Store: w.Store})
	w.Accept(w.Event(w.Text(phone, "m1", "before")), w.Event(w.Text(phone, "m2", "break us")), w.Event(w.Text(phone, "m3", "after")))
	for range 5 {
		w.Exec(`UPDATE inbound_pending SET due_at = NULL WHERE account_id = $1`, w.Account)
		w.Drain()
	}
	if got := texts(w.Thread(phone)); got != "before|after" {
		t.Errorf("the thread reads %q", got)
	}
	if q := w.Quarantine(); len(q) != 1 || !strings.Contains(q[0], "panic") {
		t.Errorf("put aside: %q", q)
	}
	w.NothingWaits()
}

// breaking is a store in which a certain text makes the decision panic: a defect of ours.
type breaking struct{ *postgres.Store }

func (s breaking) DrainLane(ctx context.Context, account chat.AccountID, limit int, lane chat.Lane) (int, error) {
	decide := lane.Decide
	lane.Decide = func(st chat.LaneState) *chat.Write {
		w := decide(st)
		for _, m := range w.Messages {
			if m.Text == "break us" {
				panic("a defect of ours")
			}
		}
		return w
	}
	return s.Store.DrainLane(ctx, account, limit, lane)
}

func TestALostConnectionIsNobodysFault(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	phone := w.Phone(1)
	w.Accept(w.Event(w.Text(phone, "m1", "one")), w.Event(w.Text(phone, "m2", "two")))
	store := &severed{Store: w.Store, w: w}
	w.Use(desktest.Channel(nil), store)
	for range 6 {
		store.cut = true
		if err := w.Desk.Drain(t.Context(), w.Account); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Fatalf("got %v, want unavailable", err)
		}
	}
	if n := w.Int(`SELECT sum(attempts)::int FROM inbound_pending`); n != 0 {
		t.Errorf("the events were blamed %d times", n)
	}
	w.Drain()
	if got := texts(w.Thread(phone)); got != "one|two" {
		t.Errorf("the thread reads %q", got)
	}
	w.MustHold()
}

// severed is a store whose lane connections the server ends in the middle of a transaction.
type severed struct {
	*postgres.Store
	w   *desktest.World
	cut bool
}

func (s *severed) DrainLane(ctx context.Context, account chat.AccountID, limit int, lane chat.Lane) (int, error) {
	decide := lane.Decide
	lane.Decide = func(st chat.LaneState) *chat.Write {
		if s.cut {
			s.cut = false
			s.w.Exec(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'gatehouse-lane' AND datname = current_database()`)
		}
		return decide(st)
	}
	return s.Store.DrainLane(ctx, account, limit, lane)
}

func TestNoEventIsBlamedWhenTheBatchFailsBeforeItIsRead(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	w.Accept(w.Event(w.Text(w.Phone(1), "m1", "one")))
	broken := errors.New("the store has a defect")
	w.Use(desktest.Channel(nil), deaf{w.Store, broken})
	if err := w.Desk.Drain(t.Context(), w.Account); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if n := w.Int(`SELECT attempts FROM inbound_pending WHERE account_id = $1`, w.Account); n != 0 {
		t.Errorf("the event was blamed %d times", n)
	}
}

type deaf struct {
	*postgres.Store
	err error
}

func (s deaf) DrainLane(context.Context, chat.AccountID, int, chat.Lane) (int, error) {
	return 0, s.err
}
