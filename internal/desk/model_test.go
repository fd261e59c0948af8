package desk_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"

	"pgregory.net/rapid"
)

// happening is something that was told with what it does to the message that it is about, if it were the only one.
type happening struct {
	in chat.Inbound
	do func(*shape)
}

// shape is what a message should look like in the end.
type shape struct {
	text     string
	edited   bool
	deleted  bool
	reaction string
	status   chat.MessageStatus
}

// Whatever a provider tells of messages, in whatever order, however often and in whatever payloads: of edits and reactions the
// latest counts, by the time at which they were made; of statuses the furthest; and what was taken back stays taken back.
func TestTheRecordEndsAsItShouldHoweverItIsTold(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	ranks := []chat.MessageStatus{chat.StatusSent, chat.StatusDelivered, chat.StatusRead, chat.StatusPlayed}
	trial := 0
	rapid.Check(t, func(r *rapid.T) {
		trial++
		phone := w.Phone(trial)
		began := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
		want := map[string]shape{}
		var all []happening
		tell := func(in chat.Inbound, do func(*shape)) {
			in.At = began.Add(time.Duration(len(all)) * time.Second)
			all = append(all, happening{in, do})
		}
		about := map[string][]happening{}
		for i := range rapid.IntRange(1, 4).Draw(r, "messages") {
			id, from := fmt.Sprintf("t%d.%d", trial, i), len(all)
			s := shape{text: "as it was", status: chat.StatusReceived}
			if ours := rapid.Bool().Draw(r, "ours"); ours {
				s.status = chat.StatusSent
				tell(echo(w, phone, id, s.text), nil)
				for _, status := range rapid.SliceOfN(rapid.SampledFrom(ranks), 0, 5).Draw(r, "statuses") {
					tell(w.Status(id, status), func(s *shape) {
						if slices.Index(ranks, status) > slices.Index(ranks, s.status) {
							s.status = status
						}
					})
				}
			} else {
				tell(w.Text(phone, id, s.text), nil)
				for n := range rapid.IntRange(0, 3).Draw(r, "edits") {
					text := fmt.Sprint("edited ", n)
					tell(edit(w, phone, id, text), func(s *shape) { s.text, s.edited = text, true })
				}
				if rapid.IntRange(0, 3).Draw(r, "unsend") == 0 {
					tell(unsend(w, phone, id), func(s *shape) { s.deleted = true })
				}
			}
			for _, emoji := range rapid.SliceOfN(rapid.SampledFrom([]string{"👍", "❤️", ""}), 0, 3).Draw(r, "reactions") {
				tell(react(w, phone, id, emoji), func(s *shape) { s.reaction = emoji })
			}
			about[id] = all[from:]
			want[id] = s
		}
		for id, of := range about {
			s := want[id]
			slices.SortFunc(of, func(a, b happening) int { return cmp.Compare(a.in.At.Unix(), b.in.At.Unix()) })
			for _, h := range of {
				if h.do != nil {
					h.do(&s)
				}
			}
			if s.deleted {
				s = shape{deleted: true, status: s.status}
			}
			want[id] = s
		}

		order := rapid.Permutation(all).Draw(r, "order")
		order = append(order, rapid.SliceOfN(rapid.SampledFrom(all), 0, 6).Draw(r, "again")...)
		var payload []chat.Inbound
		for i, h := range order {
			payload = append(payload, h.in)
			if cut := rapid.IntRange(0, 3).Draw(r, "cut"); cut < 2 || i == len(order)-1 {
				w.Accept(w.Event(payload...))
				payload = nil
				if cut == 0 {
					w.Drain()
				}
			}
		}
		w.Drain()
		for id, s := range want {
			m := w.External(id)
			got := shape{text: m.Text, edited: !m.EditedAt.IsZero(), deleted: !m.DeletedAt.IsZero(), status: m.Status}
			for _, re := range m.Reactions {
				got.reaction += re.Emoji
			}
			if got.deleted {
				got.edited = false // when it was edited is of no use to anybody
			}
			if got != s {
				r.Errorf("%s is %+v, should be %+v", id, got, s)
			}
		}
		if n := w.Int(`SELECT count(*) FROM parked_updates WHERE account_id = $1`, w.Account); n > 0 {
			r.Errorf("%d updates wait for messages that are there", n)
		}
		if n := w.Int(`SELECT count(*) FROM provider_ids WHERE account_id = $1 AND provider_id LIKE $2`, w.Account, fmt.Sprintf("t%d.%%", trial)); n != len(want) {
			r.Errorf("%d messages of %d", n, len(want))
		}
	})
	w.NothingWaits()
	if n := w.Int(`SELECT count(*) FROM conversations c WHERE account_id = $1 AND last_seq <> (SELECT count(*) FROM conversation_events e WHERE e.conversation_id = c.id)`, w.Account); n != 0 {
		t.Errorf("%d conversations have gaps", n)
	}
}
