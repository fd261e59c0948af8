package desk_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
)

// counter is a record that is away for a while.
type counter struct {
	away          time.Time // until then
	first, again  atomic.Int32
	refuse        error
	stored, wakes atomic.Int32
}

func (c *counter) insert(events []chat.RawEvent) error {
	if time.Now().Before(c.away) {
		return chat.Errorf(chat.CodeUnavailable, "away")
	}
	if c.refuse != nil {
		return c.refuse
	}
	c.stored.Add(int32(len(events)))
	return nil
}

func (c *counter) InsertEvents(_ context.Context, events []chat.RawEvent) error {
	c.first.Add(1)
	return c.insert(events)
}

func (c *counter) InsertEventsAgain(_ context.Context, events []chat.RawEvent) error {
	c.again.Add(1)
	return c.insert(events)
}

func (c *counter) InsertUnrouted(context.Context, chat.RawEvent) error { return nil }

func (c *counter) Wake(context.Context, task.Wake) { c.wakes.Add(1) }

func (c *counter) open() *desk.Door {
	return desk.NewDoor(c, c, func(int, time.Duration, error) {})
}

func TestARestartOfTheRecordIsNobodysRefusal(t *testing.T) { // F15, F16
	synctest.Test(t, func(t *testing.T) {
		c := &counter{away: time.Now().Add(2 * time.Second)}
		if err := c.open().Accept(t.Context(), chat.RawEvent{ID: chat.NewID[chat.InboundEventID]()}); err != nil {
			t.Fatal(err)
		}
		if c.stored.Load() != 1 || c.wakes.Load() != 1 || c.first.Load() != 1 || c.again.Load() < 5 || c.again.Load() > 50 {
			t.Errorf("stored %d, rang %d; tried %d and %d times", c.stored.Load(), c.wakes.Load(), c.first.Load(), c.again.Load())
		}
	})
}

func TestALongAbsenceOfTheRecordIsTold(t *testing.T) { // F14
	synctest.Test(t, func(t *testing.T) {
		c, began := &counter{away: time.Now().Add(time.Hour)}, time.Now()
		err := c.open().Accept(t.Context(), chat.RawEvent{ID: chat.NewID[chat.InboundEventID]()})
		desktest.Code(t, err, chat.CodeUnavailable)
		if took := time.Since(began); took < 2*time.Second || took > 4*time.Second {
			t.Errorf("told after %s", took)
		}
	})
}

func TestWhatTheRecordRefusesIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	c := &counter{refuse: errors.New("no")}
	if err := c.open().Accept(t.Context(), chat.RawEvent{ID: chat.NewID[chat.InboundEventID]()}); !errors.Is(err, c.refuse) || c.again.Load() != 0 {
		t.Errorf("%v after %d more tries", err, c.again.Load())
	}
}

func TestEventsThatMayBeStoredAreStoredOnce(t *testing.T) { // F17
	t.Parallel()
	w := desktest.Shared(t)
	first, second := w.Event(w.Text(w.Phone(1), "m1", "one")), w.Event(w.Text(w.Phone(1), "m2", "two"))
	ctx := t.Context()
	must(t, w.Store.InsertEvents(ctx, []chat.RawEvent{first}))
	must(t, w.Store.InsertEventsAgain(ctx, []chat.RawEvent{first, second}))
	w.Drain()
	must(t, w.Store.InsertEventsAgain(ctx, []chat.RawEvent{first, second})) // applied meanwhile
	w.NothingWaits()
	if got := w.Thread(w.Phone(1)); len(got) != 2 {
		t.Errorf("%d messages", len(got))
	}
	if n := w.Int(`SELECT count(*) FROM inbound_events WHERE account_id = $1`, w.Account); n != 2 {
		t.Errorf("%d events", n)
	}
}

func TestADoorLetsSoManyWaitAndSoMuchAndNotWhoGaveUp(t *testing.T) {
	small, large := chat.RawEvent{Body: []byte("{}")}, chat.RawEvent{Body: make([]byte, 3<<20)}
	for name, tc := range map[string]struct {
		event chat.RawEvent
		most  int
	}{
		"many": {small, 2048}, "large": {large, 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := &counter{away: time.Now().Add(2 * time.Second)}
			d := c.open()
			leaving, leave := context.WithCancel(t.Context())
			var failed, left atomic.Int32
			wait := func(ctx context.Context, e chat.RawEvent, refused *atomic.Int32) {
				go func() {
					if d.Accept(ctx, e) != nil {
						refused.Add(1)
					}
				}()
			}
			wait(t.Context(), small, &failed) // is being written as long as the record is away
			synctest.Wait()
			for range 5 {
				wait(leaving, tc.event, &left)
			}
			for range tc.most - 5 {
				wait(t.Context(), tc.event, &failed)
			}
			synctest.Wait()
			desktest.Code(t, d.Accept(t.Context(), tc.event), chat.CodeUnavailable)
			leave()
			<-time.After(3 * time.Second) // of the bubble: the record is back
			synctest.Wait()
			if failed.Load() != 0 || left.Load() != 5 {
				t.Errorf("%s: %d refused who waited, %d of 5 who left", name, failed.Load(), left.Load())
			}
			if got := int(c.stored.Load()); got != 1+tc.most-5 {
				t.Errorf("%s: %d stored of %d who waited for it", name, got, 1+tc.most-5)
			}
			if d.Full() {
				t.Errorf("%s: it is full when nobody waits", name)
			}
			if err := d.Accept(t.Context(), tc.event); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
