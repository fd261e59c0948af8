package desk_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
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
			if err := w.Desk.Drain(context.Background(), w.Account); err != nil {
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
