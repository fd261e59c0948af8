package chat_test

import (
	"testing"

	"gatehouse/internal/chat"

	"pgregory.net/rapid"
)

var told = []chat.MessageStatus{chat.StatusSent, chat.StatusDelivered, chat.StatusRead, chat.StatusPlayed, chat.StatusFailed}

func merged(from chat.MessageStatus, all []chat.MessageStatus) chat.MessageStatus {
	for _, s := range all {
		from, _ = from.Merge(s)
	}
	return from
}

// RELIABILITY.md I7: statuses may come late, twice and in any order; the message ends the same.
func TestStatusesEndTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom([]chat.MessageStatus{chat.StatusPending, chat.StatusSending, chat.StatusUnknown, chat.StatusSent}).Draw(t, "from")
		all := rapid.SliceOfN(rapid.SampledFrom(told), 0, 8).Draw(t, "statuses")
		other := rapid.Permutation(all).Draw(t, "in another order")
		other = append(other, all...) // and all of them twice
		if a, b := merged(from, all), merged(from, other); a != b {
			t.Fatalf("%v end in %s, %v in %s", all, a, other, b)
		}
	})
}

func TestAStatusOnlyMovesForward(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, told, want chat.MessageStatus
	}{
		{chat.StatusPending, chat.StatusSent, chat.StatusSent},
		{chat.StatusUnknown, chat.StatusSent, chat.StatusSent},
		{chat.StatusUnknown, chat.StatusFailed, chat.StatusFailed},
		{chat.StatusRead, chat.StatusDelivered, chat.StatusRead},
		{chat.StatusRead, chat.StatusPlayed, chat.StatusPlayed},
		{chat.StatusSent, chat.StatusFailed, chat.StatusFailed},
		{chat.StatusDelivered, chat.StatusFailed, chat.StatusDelivered},
		{chat.StatusFailed, chat.StatusSent, chat.StatusFailed},
		{chat.StatusFailed, chat.StatusDelivered, chat.StatusDelivered}, // the stronger word: it arrived
		{chat.StatusReceived, chat.StatusRead, chat.StatusReceived},     // not ours
		{chat.StatusSent, chat.StatusPending, chat.StatusSent},
		{chat.StatusSent, "hologram", chat.StatusSent},
	} {
		got, moved := c.from.Merge(c.told)
		if got != c.want || moved != (got != c.from) {
			t.Errorf("%s told %s: %s (moved %v), want %s", c.from, c.told, got, moved, c.want)
		}
	}
}

// FuzzStatusMerge: any statuses in any order end the same, and never fall back.
func FuzzStatusMerge(f *testing.F) {
	f.Add([]byte{0, 1, 2}, uint8(1))
	f.Add([]byte{4, 1, 0, 4}, uint8(3))
	f.Add([]byte{3, 2, 1, 0}, uint8(2))
	f.Fuzz(func(t *testing.T, order []byte, turn uint8) {
		if len(order) > 64 {
			return
		}
		all := make([]chat.MessageStatus, len(order))
		for i, b := range order {
			all[i] = told[int(b)%len(told)]
		}
		turned := make([]chat.MessageStatus, 0, len(all))
		for i := range all {
			turned = append(turned, all[(i+int(turn))%len(all)])
		}
		if a, b := merged(chat.StatusSending, all), merged(chat.StatusSending, turned); a != b {
			t.Errorf("%v end in %s, turned by %d in %s", all, a, turn, b)
		}
	})
}
