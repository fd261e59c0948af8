package postgres_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/postgrestest"
)

func TestAReaderIsToldWhatCommittedSinceAndWhenThatIsTooMuch(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	furnish(t, s)
	exec := func(sql string) {
		t.Helper()
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO conversation_events (conversation_id, seq, kind, at) SELECT u(8), n, 'window', now() FROM generate_series(1, 100) n")
	running, err := s.Pool().Begin(t.Context()) // it began before the moment, and commits after it
	if err != nil {
		t.Fatal(err)
	}
	if _, err := running.Exec(t.Context(), "INSERT INTO conversation_events (conversation_id, seq, kind, at) VALUES (u(9), 1, 'window', now())"); err != nil {
		t.Fatal(err)
	}
	var oldest int64
	if err := running.QueryRow(t.Context(), "SELECT pg_current_xact_id()::text::bigint").Scan(&oldest); err != nil {
		t.Fatal(err)
	}
	h, deadline := chat.Horizon{}, time.Now().Add(time.Minute)
	for h.Xid != oldest { // until nothing of other tests on the server is older
		if h, err = s.Horizon(t.Context()); err != nil || time.Now().After(deadline) {
			t.Fatalf("transaction %d runs still, ours is %d: %v", h.Xid, oldest, err)
		}
	}
	for _, step := range []struct {
		does        func()
		limit, want int
		more        bool
	}{
		{func() {}, 5, 0, false},
		{func() {
			if err := running.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, 5, 1, false},
		{func() {
			exec("INSERT INTO conversation_events (conversation_id, seq, kind, at) VALUES (u(8), 101, 'window', now())")
		}, 5, 2, false},
		{func() {}, 1, 2, true}, // more conversations than that
		{func() {
			exec("INSERT INTO conversation_events (conversation_id, seq, kind, at) SELECT u(8), n, 'window', now() FROM generate_series(102, 250) n")
		}, 5, 2, true}, // more events than are looked at
	} {
		step.does()
		ids, more, err := s.ChangedSince(t.Context(), h, step.limit)
		if err != nil || len(ids) != step.want || more != step.more {
			t.Errorf("%d conversations, more: %v, error %v; want %d, %v", len(ids), more, err, step.want, step.more)
		}
	}
	eighth, ninth := chat.ConversationID{15: 8}, chat.ConversationID{15: 9}
	after, err := s.EventsAfter(t.Context(), map[chat.ConversationID]int64{eighth: 240, ninth: 1 << 40}, 7)
	if got := after[eighth]; err != nil || len(after) != 1 || len(got) != 7 || got[0].Seq != 241 || got[6].Seq != 247 || got[0].Kind != "window" {
		t.Errorf("the events after are %+v, error %v", after, err)
	}
	newest, more, err := s.NewestSince(t.Context(), h, 1000)
	if err != nil || len(newest) != 2 || more || slices.Max(slices.Collect(maps.Values(newest))) != 250 {
		t.Errorf("the newest are %v, more: %v, error %v", newest, more, err)
	}
	if _, more, err := s.NewestSince(t.Context(), h, 10); err != nil || !more {
		t.Errorf("ten events are all: %v", err)
	}
	var last int64
	if err := s.Pool().QueryRow(t.Context(), "SELECT max(xid::text::bigint) FROM conversation_events").Scan(&last); err != nil {
		t.Fatal(err)
	}
	for h.Xid <= last { // as above: what runs in another test's database holds the server's oldest transaction back
		if h, err = s.Horizon(t.Context()); err != nil || time.Now().After(deadline) {
			t.Fatalf("transaction %d runs still, ours was %d: %v", h.Xid, last, err)
		}
	}
	if newest, _, err = s.NewestSince(t.Context(), h, 1000); err != nil || len(newest) != 0 {
		t.Errorf("since now %v changed, error %v", newest, err)
	}
	h.At = time.Unix(0, 0) // the server was started after that: it may have given numbers out twice
	if newest, _, err = s.NewestSince(t.Context(), h, 1000); err != nil || len(newest) != 2 {
		t.Errorf("since before the start %v changed, error %v", newest, err)
	}
}

func TestACloneOfTheRecordIsAnotherCopyOfIt(t *testing.T) {
	t.Parallel()
	copies := map[string]bool{}
	for range 2 {
		s := postgrestest.New(t) // of one template
		first, err := s.Horizon(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		again, err := s.Horizon(t.Context())
		if err != nil || again.Copy != first.Copy {
			t.Errorf("%s is %s a moment later: %v", first.Copy, again.Copy, err)
		}
		var timeline int
		if err := s.Pool().QueryRow(t.Context(), "SELECT timeline_id FROM pg_control_checkpoint()").Scan(&timeline); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(".%08X", timeline); !strings.HasSuffix(first.Copy, want) {
			t.Errorf("%s does not name the timeline %s", first.Copy, want)
		}
		copies[first.Copy] = true
	}
	if len(copies) != 2 {
		t.Errorf("two records say that they are one: %v", copies)
	}
}
