package desk_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"

	"github.com/google/go-cmp/cmp"
)

// story is what happened between an account and two contacts, in order, a second apart: everything that a provider may tell
// late, twice, out of order and in any number of payloads.
func story(w *desktest.World, began time.Time) []chat.Inbound {
	elif, can := w.Phone(1), w.Phone(2)
	said := func(external string, status chat.MessageStatus) chat.Inbound { return w.Status(external, status) }
	all := []chat.Inbound{
		w.Text(elif, "e1", "hello"),
		w.Text(can, "c1", "good morning"),
		react(w, elif, "e1", "👍"),
		edit(w, elif, "e1", "hello!"),
		echo(w, elif, "o1", "how can we help?"),
		said("o1", chat.StatusSent),
		said("o1", chat.StatusDelivered),
		w.Text(elif, "e2", "a secret"),
		edit(w, elif, "e1", "hello there"),
		said("o1", chat.StatusRead),
		unsend(w, elif, "e2"),
		react(w, elif, "e1", ""),
		wish(w, can, true, 0),
		react(w, elif, "o1", "🙏"),
		echo(w, can, "o2", "news"),
		said("o2", chat.StatusFailed),
		wish(w, can, false, 0),
		react(w, elif, "e1", "❤️"),
		w.Text(can, "c2", "thanks"),
		edit(w, can, "c2", "thank you"),
		wish(w, can, true, 0),
	}
	for i := range all {
		all[i].At = began.Add(time.Duration(i) * time.Second)
	}
	return all
}

// ending is what the record holds of a story, without what depends on when it was told.
type ending struct {
	Messages                map[string]string
	People                  int
	Unread                  [2]int
	Opened                  [2]time.Time
	OptedOut                [2]time.Time
	Parked, Waiting, Events int
}

func end(w *desktest.World) ending {
	w.T.Helper()
	out := ending{
		Messages: map[string]string{}, People: people(w),
		Parked:  w.Int(`SELECT count(*) FROM parked_updates WHERE account_id = $1`, w.Account),
		Waiting: w.Int(`SELECT count(*) FROM inbound_pending WHERE account_id = $1`, w.Account),
		Events:  w.Int(`SELECT coalesce(sum(abs(c.last_seq - (SELECT count(*) FROM conversation_events e WHERE e.conversation_id = c.id))), 0)::int FROM conversations c WHERE account_id = $1`, w.Account),
	}
	for _, external := range []string{"e1", "e2", "c1", "c2", "o1", "o2"} {
		m := w.External(external)
		for i := range m.Reactions {
			m.Reactions[i].MessageID = chat.MessageID{}
		}
		out.Messages[external] = fmt.Sprintf("%s %s %q taken back: %v, edited: %v, reactions: %v", m.Direction, m.Status, m.Text, !m.DeletedAt.IsZero(), !m.EditedAt.IsZero(), m.Reactions)
	}
	for i := range 2 {
		row := w.Open(w.Phone(i + 1))
		out.Unread[i], out.Opened[i], out.OptedOut[i] = row.UnreadCount, row.WindowOpenedAt, row.OptedOut
	}
	return out
}

var told struct {
	sync.Once
	began time.Time
	end   ending
}

// inOrder is how the story ends when it is told in order, a payload each.
func inOrder(t testing.TB) (time.Time, ending) {
	t.Helper()
	told.Do(func() {
		told.began = time.Now().UTC().Truncate(time.Second).Add(-10 * time.Minute)
		w := desktest.Shared(t)
		for _, in := range story(w, told.began) {
			w.In(in)
		}
		told.end = end(w)
	})
	return told.began, told.end
}

func FuzzLaneReducer(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0})
	f.Add([]byte{9, 128 + 6, 5, 4, 128 + 10, 7, 0, 1})
	f.Add([]byte{0, 128 + 0, 0, 128 + 3, 3, 8, 128 + 8, 3})
	f.Add([]byte{20, 128 + 16, 12, 128 + 16, 12, 20, 1})
	f.Add([]byte{17, 11, 2, 0, 128 + 2, 11, 17})
	f.Add([]byte{15, 128 + 14, 15, 128 + 13, 4, 13, 9, 5})
	f.Fuzz(func(t *testing.T, order []byte) {
		if len(order) > 64 {
			return
		}
		began, want := inOrder(t)
		w := desktest.Shared(t)
		all := story(w, began)
		var payload []chat.Inbound
		tell := func() {
			if len(payload) > 0 {
				w.Accept(w.Event(payload...))
				payload = nil
			}
		}
		heard := make([]bool, len(all))
		for _, b := range order { // the low bits say what is told next, the high one that a payload and a batch end
			i := int(b&127) % len(all)
			payload = append(payload, all[i])
			heard[i] = true
			if b&128 != 0 {
				tell()
				w.Drain()
			}
		}
		for i := range all { // and then the rest, in an order of its own
			if j := (i * 8) % len(all); !heard[j] {
				payload = append(payload, all[j])
				heard[j] = true
			}
			if i%5 == 0 {
				tell()
			}
		}
		tell()
		w.Drain()
		if diff := cmp.Diff(want, end(w)); diff != "" {
			t.Errorf("told as %v (-in order +so)\n%s", order, diff)
		}
	})
}
