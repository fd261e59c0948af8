package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
)

// A lane applies what came, in order, once, whatever the size of the batches and however often an event came.
func TestALaneAppliesEveryMessageOnceAndInOrder(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	var events []chat.RawEvent
	for i := range 300 {
		who := i % 7
		body := fmt.Sprintf(`[{"id":"m%d","from":"9055500%02d","text":"message %d"}]`, i, who, i)
		events = append(events, w.Event(body))
		if i%10 == 0 {
			events = append(events, w.Event(body)) // posted twice
		}
	}
	w.Accept(events...)
	if err := w.Desk.Drain(context.Background(), w.Account); err != nil {
		t.Fatal(err)
	}
	got := w.Thread("905550003")
	if want := 43; len(got) != want {
		t.Fatalf("%d messages, want %d", len(got), want)
	}
	for i, m := range got {
		if want := fmt.Sprintf("message %d", 3+7*i); m.Text != want {
			t.Fatalf("message %d reads %q, want %q", i, m.Text, want)
		}
	}
	w.MustHold()
	_ = desk.Desk{}
	_ = time.Second
}
