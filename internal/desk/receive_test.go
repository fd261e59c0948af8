package desk_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/postgres"
)

func TestALaneAppliesEveryMessageOnceAndInOrder(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	var events []chat.RawEvent
	for i := range 300 {
		e := w.Event(w.Text(fmt.Sprintf("9055500000%02d", i%7), fmt.Sprintf("m%d", i), fmt.Sprintf("message %d", i)))
		events = append(events, e)
		if i%10 == 0 { // posted twice
			again := e
			again.ID = chat.NewID[chat.InboundEventID]()
			events = append(events, again)
		}
	}
	w.Accept(events...)
	var racers sync.WaitGroup
	for range 4 { // four drainers race for the lane
		racers.Go(func() {
			if err := w.Desk.Drain(context.Background(), w.Account); err != nil && !errors.Is(err, chat.ErrLaneBusy) {
				t.Error(err)
			}
		})
	}
	racers.Wait()
	got := w.Thread("905550000003")
	if want := 43; len(got) != want {
		t.Fatalf("%d messages, want %d", len(got), want)
	}
	for i, m := range got {
		if want := fmt.Sprintf("message %d", 3+7*i); m.Text != want {
			t.Fatalf("message %d reads %q, want %q", i, m.Text, want)
		}
	}
	if n := w.Counted["received duplicate"]; n != 30 {
		t.Errorf("%d duplicates, want 30", n)
	}
	w.MustHold()
}

// F29: of two gateways, the one whose clock is behind gave the later message the lower id.
func TestALanesOrderIsTheOneInWhichItsEventsWereTaken(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	phone := w.Phone(1)
	first, second := w.Event(w.Text(phone, "m1", "one")), w.Event(w.Text(phone, "m2", "two"))
	first.ID, second.ID = second.ID, first.ID
	w.Accept(first)
	w.Accept(second)
	w.Drain()
	if got := texts(w.Thread(phone)); got != "one|two" {
		t.Errorf("%q", got)
	}
}

func TestOneMessageComesOfOneIDHoweverOftenItIsTold(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	m := w.Text(phone, "m1", "once")
	twice := w.Event(m, m) // in one payload
	w.Accept(twice, w.Event(m), w.Event(m, w.Text(phone, "m2", "another")))
	w.Drain()
	w.In(m) // and after its batch
	row := w.Open(phone)
	if got := texts(w.Thread(phone)); got != "once|another" || row.UnreadCount != 2 {
		t.Errorf("the thread reads %q, %d unread", got, row.UnreadCount)
	}
	if n := w.Count("received duplicate"); n != 4 {
		t.Errorf("%d duplicates, want 4", n)
	}
	if row.LastSeq != 3 { // queued and two messages
		t.Errorf("%d events", row.LastSeq)
	}
}

func TestAThousandMessagesInOnePostAreAppliedInOneTransactionInTheirOrder(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	ins := make([]chat.Inbound, 1000)
	for i := range ins {
		ins[i] = w.Text(w.Phone(i%10), fmt.Sprint("m", i), fmt.Sprint(i))
	}
	w.Accept(w.Event(ins...))
	store := &tally{Store: w.Store}
	w.Use(desktest.Channel(nil), store)
	w.Drain()
	if store.drains != 1 {
		t.Errorf("%d transactions", store.drains)
	}
	for p := range 10 {
		got := w.Thread(w.Phone(p))
		for i, m := range got {
			if want := fmt.Sprint(p + 10*i); m.Text != want || m.Seq != int64(i+2) {
				t.Fatalf("message %d of contact %d reads %q with number %d, want %q", i, p, m.Text, m.Seq, want)
			}
		}
		if len(got) != 100 {
			t.Fatalf("contact %d has %d messages", p, len(got))
		}
	}
}

func TestAnAlbumOfANewContactIsOnePersonOnEveryAccountThatHearsOfThemAtOnce(t *testing.T) {
	t.Parallel()
	const people, pictures = 15, 10
	one := desktest.New(t)
	two := one.Wing()
	var racers sync.WaitGroup
	for _, w := range []*desktest.World{one, two} {
		var events []chat.RawEvent
		for i := range people * pictures { // everybody's first picture, then everybody's second
			events = append(events, w.Event(w.Text(one.Phone(i%people), fmt.Sprint("m", i), fmt.Sprint(i))))
		}
		w.Accept(events...)
		for range 2 {
			racers.Go(func() {
				if err := w.Desk.Drain(t.Context(), w.Account); err != nil && !errors.Is(err, chat.ErrLaneBusy) {
					t.Error(err)
				}
			})
		}
	}
	racers.Wait()
	for what, want := range map[string]int{"contacts": people, "identities": people, "conversations": 2 * people, "messages": 2 * people * pictures} {
		if n := one.Int(`SELECT count(*) FROM ` + what); n != want {
			t.Errorf("%d %s, want %d", n, what, want)
		}
	}
	one.MustHold()
}

func TestAWakeThatFoundTheLaneHeldIsNotLost(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	store := &late{w: w, Store: w.Store, during: []chat.RawEvent{w.Event(w.Text(phone, "m1", "during the last look")), w.Event(w.Text(phone, "m2", "again"))}}
	w.Use(desktest.Channel(nil), store)
	w.Drain()
	if got := texts(w.Thread(phone)); got != "during the last look|again" {
		t.Errorf("the thread reads %q", got)
	}
}

// late is a store in which an event comes just after the drainer looked for the last time and before it let go of the lane:
// its wake finds the lane held and goes away.
type late struct {
	*postgres.Store
	w      *desktest.World
	during []chat.RawEvent
}

func (s *late) DrainLane(ctx context.Context, account chat.AccountID, limit int, lane chat.Lane) (int, error) {
	n, err := s.Store.DrainLane(ctx, account, limit, lane)
	if len(s.during) > 0 {
		s.w.Accept(s.during[0])
		s.during = s.during[1:]
	}
	return n, err
}

func TestALaneThatIsHeldIsLeftToItsHolder(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	w.Accept(w.Event(w.Text(w.Phone(1), "m1", "hello")))
	tx, err := w.Store.Pool().Begin(t.Context())
	must(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(t.Context(), `SELECT 1 FROM lanes WHERE account_id = $1 FOR NO KEY UPDATE`, w.Account)
	must(t, err)
	w.Drain()
	if n := w.Int(`SELECT count(*) FROM messages WHERE account_id = $1`, w.Account); n != 0 {
		t.Fatal("two drainers in one lane")
	}
	must(t, tx.Rollback(t.Context()))
	w.Drain()
	w.Open(w.Phone(1))
}

func TestADrainerStopsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	w.Accept(w.Event(w.Text(w.Phone(1), "m1", "hello")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Desk.Drain(ctx, w.Account); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := w.Int(`SELECT count(*) FROM inbound_pending WHERE account_id = $1`, w.Account); n != 1 {
		t.Error("the event is gone")
	}
}

func TestTheWholeWayOfAnAnswer(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	ctx := context.Background()
	a := w.Agent("deniz", 2, chat.Online)
	w.In(w.Text("905550000001", "m1", "hello"), w.Text("905550000002", "m2", "hello"), w.Text("905550000003", "m3", "hello"))
	w.Route()
	row := w.Open("905550000001")
	if row.AgentID != a.AgentID || w.Open("905550000003").Status != chat.Waiting {
		t.Fatalf("got %+v", row)
	}
	m, err := w.Desk.Reply(ctx, a, row.ID, desktest.Text("an answer"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := w.Send(desktest.Sent); len(s) != 1 || s[0].Message.ID != m.ID {
		t.Fatalf("claimed %+v", s)
	}
	w.In(w.Status("out."+m.ID.String(), chat.StatusDelivered))
	got := w.Thread("905550000001")
	if len(got) != 2 || got[1].Status != chat.StatusDelivered || got[1].ExternalID == "" {
		t.Fatalf("got %+v", got[1])
	}
	if _, err := w.Desk.Pull(ctx, a); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Desk.End(ctx, a, row.ID, w.Reason, "done"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Desk.Reopen(ctx, a, row.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Desk.Pend(ctx, a, row.ID); err != nil {
		t.Fatal(err)
	}
	w.In(w.Text("905550000001", "m4", "one more thing"))
	if w.Row(row.ID).Status != chat.Assigned {
		t.Error("the contact wrote: it is live again")
	}
	w.MustHold()
}
