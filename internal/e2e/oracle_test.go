package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/internal/fakemeta"
)

// tally is what must be zero.
type tally struct{ lost, dup, ooo, oversend, outside, overcap, stuck int } //nolint:recvcheck // filled in by pointer, printed by value

func (v tally) String() string {
	return fmt.Sprintf("lost=%d dup=%d ooo=%d oversend=%d outside_window=%d overcap=%d stuck=%d",
		v.lost, v.dup, v.ooo, v.oversend, v.outside, v.overcap, v.stuck)
}

// kept is a customer's message as the record holds it.
type kept struct {
	conversation string
	seq          int64
}

// received reads every message that customers wrote, by the provider's id, and how many there are too many.
func received(t *testing.T, conn *pgx.Conn) (all map[string]kept, twice int) {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT external_id, conversation_id::text, seq FROM messages WHERE direction = 'in'")
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]kept{}
	var id string
	var k kept
	if _, err := pgx.ForEachRow(rows, []any{&id, &k.conversation, &k.seq}, func() error {
		if _, there := all[id]; there {
			twice++
		}
		all[id] = k
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all, twice
}

// judgeInbound compares what the customers were told was taken with what is there.
func (v *tally) judgeInbound(t *testing.T, l fakemeta.Ledger, conn *pgx.Conn) {
	t.Helper()
	all, twice := received(t, conn)
	v.dup += twice
	for id := range l.AckedIDs("message") {
		if _, there := all[id]; !there {
			v.lost++
			t.Errorf("message %s was taken and is not in the record", id)
		}
	}
	v.ooo += inversions(l, all)
}

// inversions counts pairs of messages of a conversation of which the second was first posted after the first had been
// accepted, and is nevertheless shown before it (RELIABILITY.md I6).
func inversions(l fakemeta.Ledger, all map[string]kept) (n int) {
	type span struct {
		kept
		begun, taken time.Time // first attempt, first 200
	}
	spans := map[string]*span{}
	for _, a := range l.Webhooks {
		for i, id := range a.IDs {
			k, there := all[id]
			if a.What[i] != "message" || !there {
				continue
			}
			s := spans[id]
			if s == nil {
				s = &span{kept: k, begun: a.At}
				spans[id] = s
			}
			if a.At.Before(s.begun) {
				s.begun = a.At
			}
			if at := a.At.Add(a.Took); a.Acked() && (s.taken.IsZero() || at.Before(s.taken)) {
				s.taken = at
			}
		}
	}
	threads := map[string][]*span{}
	for _, s := range spans {
		threads[s.conversation] = append(threads[s.conversation], s)
	}
	for _, thread := range threads {
		for _, a := range thread {
			for _, b := range thread {
				if !a.taken.IsZero() && a.taken.Before(b.begun) && a.seq > b.seq {
					n++
				}
			}
		}
	}
	return n
}

// judgeOutbound compares what the agents wrote with what reached the provider.
func (v *tally) judgeOutbound(t *testing.T, l fakemeta.Ledger, conn *pgx.Conn, all ...*colleague) {
	t.Helper()
	ctx := t.Context()
	attempts, delivered := map[string]int{}, map[string]int{}
	unnamed := 0 // Instagram echoes no id of ours
	for _, s := range l.Sends {
		if s.OutsideWindow {
			v.outside++
		}
		if s.Opaque == "" {
			unnamed++
			continue
		}
		attempts[s.Opaque]++
		if s.Outcome == fakemeta.Accepted {
			id, _, _ := strings.Cut(s.Opaque, ".")
			delivered[id]++
		}
	}
	for _, n := range attempts {
		v.oversend += n - 1
	}
	for _, n := range delivered {
		v.oversend += n - 1
	}
	var allowed int
	if err := conn.QueryRow(ctx, `SELECT coalesce(sum(m.attempt), 0) FROM messages m JOIN channel_accounts a ON a.id = m.account_id
		WHERE m.direction = 'out' AND m.source = 'agent' AND a.kind = 'instagram'`).Scan(&allowed); err != nil {
		t.Fatal(err)
	}
	v.oversend += max(0, unnamed-allowed)

	rows, err := conn.Query(ctx, "SELECT id::text, text FROM messages WHERE direction = 'out' AND source = 'agent'")
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]string{}
	var id, text string
	if _, err := pgx.ForEachRow(rows, []any{&id, &text}, func() error {
		if _, there := written[text]; there {
			v.dup++
		}
		written[text] = id
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		c.mu.Lock()
		for text, id := range c.accepted {
			if written[text] != id {
				v.lost++
				t.Errorf("%s was told that a reply is message %s; the record says %q", c.name, id, written[text])
			}
			delete(written, text)
		}
		if len(c.doubtful) > 0 {
			t.Errorf("%s does not know what became of %d replies", c.name, len(c.doubtful))
		}
		c.mu.Unlock()
	}
	for text, id := range written {
		t.Errorf("nobody was told that %q is message %s", text, id)
	}
}

// judgeScreens asks that every accepted message was shown to somebody, and to nobody twice.
func (v *tally) judgeScreens(t *testing.T, l fakemeta.Ledger, conn *pgx.Conn, all ...*colleague) {
	t.Helper()
	shown := map[string]bool{}
	for _, c := range all {
		c.mu.Lock()
		for id, n := range c.shown {
			shown[id] = true
			v.dup += n - 1
		}
		c.mu.Unlock()
	}
	for id := range l.AckedIDs("message") {
		if !shown[id] {
			v.lost++
			t.Errorf("message %s was taken and is on nobody's screen: %s", id, whereabouts(t, conn, id, all...))
		}
	}
}

// judgeThreads asks that what the screens were told happened is what the record says happened: news of something that was
// rolled back takes the number, and on the screens the place, of something that was not.
func judgeThreads(t *testing.T, conn *pgx.Conn, all ...*colleague) {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT conversation_id::text, concat_ws(' ', kind, message_id) FROM conversation_events ORDER BY conversation_id, seq")
	if err != nil {
		t.Fatal(err)
	}
	record := map[string][]string{}
	var conversation, says string
	if _, err := pgx.ForEachRow(rows, []any{&conversation, &says}, func() error {
		record[conversation] = append(record[conversation], says)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		c.mu.Lock()
		for id, th := range c.threads {
			if !slices.Equal(th.told, record[id]) {
				t.Errorf("%s was told other news of conversation %s than the record has:\n%s\n%s", c.name, id, th.told, record[id])
			}
		}
		c.mu.Unlock()
	}
}

// whereabouts is what the record and the screens know of a customer's message.
func whereabouts(t *testing.T, conn *pgx.Conn, external string, all ...*colleague) string {
	t.Helper()
	var conversation, record string
	if err := conn.QueryRow(t.Context(), `SELECT c.id::text, json_build_object('conversation', c.id, 'status', c.status, 'department', c.department_id, 'created', c.created_at,
			'last_seq', c.last_seq, 'seq', m.seq, 'late', m.late, 'status', m.status, 'at', m.created_at, 'text', m.text,
			'events', (SELECT json_agg(json_build_object('seq', e.seq, 'kind', e.kind, 'message', e.message_id = m.id, 'at', e.written_at) ORDER BY e.seq)
				FROM conversation_events e WHERE e.conversation_id = c.id))::text
		FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.external_id = $1`, external).Scan(&conversation, &record); err != nil {
		return err.Error()
	}
	for _, c := range all {
		c.mu.Lock()
		if th := c.threads[conversation]; th != nil {
			record += fmt.Sprintf("; %s knows %d of %+v", c.name, th.last, th.row)
		}
		c.mu.Unlock()
	}
	return record
}

// judgeRecord is `gatehouse verify`, and what is still due.
func (v *tally) judgeRecord(t *testing.T, h *house) {
	t.Helper()
	for _, b := range h.verify() {
		t.Errorf("%s does not hold %d times: %s: %v", b.ID, b.Breaches, b.Claim, b.Samples)
		if b.ID == "I13" {
			v.overcap += b.Breaches
		}
	}
	due, err := h.due()
	if err != nil {
		t.Fatal(err)
	}
	for what, n := range due {
		if what != "waiting conversations" { // I15 asks whether they could be elsewhere
			v.stuck += max(0, n-h.leaves[what])
		}
	}
}

// quiesce waits until nothing is on its way any more, and tells for how long. A claim whose holder was killed holds for 90 s
// (desk.SendLease): instead of waiting for that, its time is moved.
func (h *house) quiesce(patience time.Duration, conn *pgx.Conn, lastKill time.Time) time.Duration {
	h.t.Helper()
	begun := time.Now()
	untilEvery(h.t, 200*time.Millisecond, patience, "nothing is due", func() (bool, string) {
		due, err := h.due()
		if err != nil {
			return false, err.Error()
		}
		if due["messages in flight"] > 0 {
			if _, err := conn.Exec(context.WithoutCancel(h.t.Context()), `UPDATE messages SET due_at = now() WHERE status = 'sending'
				AND due_at > now() AND due_at - interval '90 seconds' < $1`, lastKill); err != nil {
				return false, err.Error()
			}
		}
		n := 0
		for what, count := range due {
			if what != "waiting conversations" {
				n += max(0, count-h.leaves[what])
			}
		}
		return n == 0, fmt.Sprint(due)
	})
	return time.Since(begun)
}
