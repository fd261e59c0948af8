package live

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/chat"
)

// The bus may lose news. The hub therefore keeps a horizon: everything that the record changed before it has been put into
// the outbox of every socket in scope. Each sweep asks what changed since, tells what was not heard, and moves the horizon
// on. The horizon is the cursor that clients bring back.
const (
	lookEvery = 5 * time.Second
	settle    = 10 // this part of that time: what was committed just now may still be on its way here; while the bus is deaf, from look to look
	// lostLimit is how many conversations of which news was lost are told one by one; if it is more, all are to read again.
	lostLimit = 500
	// eventsMost is how many events of each are told with it; if it is more, whoever has it open reads them.
	eventsMost = 50
	// remembered is how far back a client without a cursor is told what changed: its page read the lists before its
	// socket opened.
	remembered = time.Minute
	heardFor   = 5 * time.Minute // at least, what was heard is not forgotten
	forgetAt   = 100_000         // conversations
)

// heard is the newest that this node heard of each conversation in the last minutes, where it lies, and who lost it.
type heard struct {
	mu       sync.Mutex
	new, old map[chat.ConversationID]heardRow
	// By the record's clock, as the last look found it: now, when new began, and from when on nothing is forgotten.
	clock, newFrom, since time.Time
}

type heardRow struct {
	seq        int64
	department chat.DepartmentID
	holder     chat.AgentID
	left       []chat.AgentID // who held it and does not any more
	blind      bool           // the bus lost some of its news: somebody may be missing in left
}

func newHeard() heard {
	return heard{new: map[chat.ConversationID]heardRow{}, old: map[chat.ConversationID]heardRow{}}
}

// note remembers a conversation as it was just told. blind says that the bus did not tell it.
func (h *heard) note(r chat.ConversationRow, left []chat.AgentID, blind bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, known := h.find(r.ID)
	if len(h.new) >= forgetAt {
		h.turn()
	}
	row := heardRow{r.LastSeq, r.DepartmentID, r.AgentID, before.left, before.blind || blind}
	if known && before.seq > r.LastSeq {
		row.seq, row.department, row.holder = before.seq, before.department, before.holder
	}
	for _, a := range left {
		if !slices.Contains(row.left, a) {
			row.left = append(slices.Clip(row.left), a)
		}
	}
	h.new[r.ID] = row
}

func (h *heard) find(id chat.ConversationID) (heardRow, bool) {
	if r, ok := h.new[id]; ok {
		return r, true
	}
	r, ok := h.old[id]
	return r, ok
}

func (h *heard) row(id chat.ConversationID) (heardRow, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.find(id)
}

// turn forgets what is older than the last turn.
func (h *heard) turn() {
	h.old, h.new = h.new, make(map[chat.ConversationID]heardRow, len(h.new))
	h.since, h.newFrom = h.newFrom, h.clock
}

// age notes the record's clock, and turns once in a while.
func (h *heard) age(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.clock.IsZero() {
		h.since, h.newFrom = now, now
	}
	if h.clock = now; now.Sub(h.newFrom) > heardFor {
		h.turn()
	}
}

// lost tells what an agent who was away since then lost sight of, of conversations that they do not see now. all is false
// when that is not known: they are to read everything again.
func (h *heard) lost(agent chat.AgentID, since time.Time, rows []chat.ConversationRow) (gone []chat.ConversationID, all bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(rows) > 0 && (h.clock.IsZero() || since.Before(h.since)) {
		return nil, false
	}
	for _, r := range rows {
		switch row, _ := h.find(r.ID); {
		case slices.Contains(row.left, agent):
			gone = append(gone, r.ID)
		case row.blind:
			return nil, false
		}
	}
	return gone, true
}

// behind names the conversations that changed later than what was heard of them.
func (h *heard) behind(newest map[chat.ConversationID]int64) (ids []chat.ConversationID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, seq := range newest {
		if row, ok := h.find(id); !ok || row.seq < seq {
			ids = append(ids, id)
		}
	}
	return ids
}

// heardOf is the newest that was heard of each of these conversations, or zero where all that there is can be told; others are left out.
func (h *heard) heardOf(rows []chat.ConversationRow) map[chat.ConversationID]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	seqs := make(map[chat.ConversationID]int64, len(rows))
	for _, r := range rows {
		if row, ok := h.find(r.ID); ok || r.LastSeq <= eventsMost {
			seqs[r.ID] = row.seq
		}
	}
	return seqs
}

// horizons are those of the last minute, the oldest first; the last one is the cursor.
type horizons struct {
	mu  sync.Mutex
	all []chat.Horizon
}

func (h *horizons) push(n chat.Horizon) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) > 0 && h.all[0].Copy != n.Copy {
		h.all = nil
	}
	h.all = append(h.all, n)
	for len(h.all) > 2 && n.At.Sub(h.all[1].At) > remembered {
		h.all = h.all[1:]
	}
}

func (h *horizons) newest() (n chat.Horizon, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) == 0 {
		return n, false
	}
	return h.all[len(h.all)-1], true
}

// page is from when on a client without a cursor is told what changed: its page read the lists before its socket opened.
// enough is false when this node does not look back far enough: the page may have been read before it began.
func (h *horizons) page() (since chat.Horizon, enough bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) == 0 {
		return since, false
	}
	since = h.all[0]
	return since, h.all[len(h.all)-1].At.Sub(since.At) >= remembered
}

// cursor is what a client may remember now.
func (h *hub) cursor() string {
	n, _ := h.horizon.newest() // no socket is greeted before there is one
	return encodeCursor(n)
}

// sweeps looks at the record every few seconds, the first time at once; more often while the bus is deaf, since then it is the record
// that tells the news.
func (h *hub) sweeps(ctx context.Context) {
	tick := time.NewTicker(h.deps.Look / settle)
	defer tick.Stop()
	for {
		ok, last := h.sweep(ctx), time.Now()
		for due := false; !due; {
			select {
			case <-tick.C:
				due = ok && h.deps.Bus.Deaf() || time.Since(last) >= h.deps.Look
			case <-h.look:
				due = true
			case <-ctx.Done():
				return
			}
		}
	}
}

// jump is from when on a difference of clocks is worth a word: browsers count down to the ends of windows by ours.
const jump = time.Second

// clock is what the desk's clock said, and when that was by one that does not jump.
type clock struct{ said, at time.Time }

// setClock notes the desk's clock, which was asked for between two moments of ours. When it has jumped, all are told.
func (h *hub) setClock(desk, before, after time.Time) {
	h.skew.Store(int64(desk.Sub(before.Add(after.Sub(before) / 2))))
	was := h.clock
	h.clock = clock{desk, time.Now()}
	if !was.at.IsZero() && (desk.Sub(was.said)-h.clock.at.Sub(was.at)).Abs() >= jump {
		h.everyone(pongFrame{"pong", h.cursor(), h.now()})
	}
}

// whoSeesAll asks for all that changed; who may be told which of it is decided here.
func whoSeesAll() chat.Principal { return chat.Principal{Role: chat.RoleAdmin} }

// sweep tells what the record changed and the bus did not say, and moves the horizon. It trusts nothing: a process that is
// killed between its commit and its news leaves no gap that a client could see. Where there is too much to look at, or to
// tell, everybody reads everything again. ok is false when the record could not be asked.
func (h *hub) sweep(ctx context.Context) (ok bool) {
	ask, cancel := context.WithTimeout(ctx, askWithin+h.deps.Look/settle)
	defer cancel()
	before := h.deps.Now()
	next, err := h.deps.Desk.Horizon(ask)
	if err != nil {
		return h.sweepFailed(ctx, err)
	}
	versions, err := h.deps.Desk.Versions(ask)
	if err != nil {
		return h.sweepFailed(ctx, err)
	}
	h.setClock(next.Now, before, h.deps.Now())
	h.heard.age(next.At)
	h.lately.age(next.At, h.deps.Bus.Deaf())
	h.setVersions(versions)
	last, ok := h.horizon.newest()
	if !ok {
		h.horizon.push(next)
		close(h.began)
		return true
	}
	newest, resync, err := h.deps.Desk.NewestSince(ask, last)
	switch {
	case err != nil:
		return h.sweepFailed(ctx, err)
	case resync:
		if next.Copy == last.Copy { // or else the record was restored
			h.deps.Metrics.SweepFailed(true)
		}
		h.resyncAll(ctx, next)
		return true
	}
	if !h.deps.Bus.Deaf() {
		select {
		case <-time.After(h.deps.Look / settle):
		case <-ctx.Done():
			return false
		}
	}
	behind := h.heard.behind(newest)
	if len(behind) > lostLimit {
		if next.Now.Sub(h.resynced).Abs() >= h.deps.Look { // to read everything takes a while: until then they wait together
			h.deps.Metrics.Missed(len(behind))
			h.resyncAll(ctx, next)
		}
		return true
	}
	var (
		rows   []chat.ConversationRow
		events map[chat.ConversationID][]chat.ThreadEvent
	)
	if len(behind) > 0 {
		if rows, err = h.deps.Desk.ConversationRows(ask, behind); err == nil {
			events, err = h.deps.Desk.EventsAfter(ask, h.heard.heardOf(rows), eventsMost)
		}
		if err != nil {
			return h.sweepFailed(ctx, err)
		}
	}
	h.inOrder(ctx, func() {
		missed := 0
		for _, row := range rows {
			if seen, ok := h.heard.row(row.ID); !ok || seen.seq < row.LastSeq {
				missed++
				h.conversation(chat.Notice{Kind: chat.NoticeConversation, Conversation: &row, Events: upTo(events[row.ID], row.LastSeq)}, true)
			}
		}
		if missed > 0 {
			h.deps.Metrics.Missed(missed)
		}
		h.horizon.push(next)
	})
	return true
}

// upTo are the events up to a row's last, which was read before them; none if some are missing.
func upTo(events []chat.ThreadEvent, last int64) []chat.ThreadEvent {
	n, _ := slices.BinarySearchFunc(events, last+1, func(e chat.ThreadEvent, seq int64) int { return cmp.Compare(e.Seq, seq) })
	if n == 0 || events[n-1].Seq != last {
		return nil
	}
	return events[:n]
}

// sweepFailed notes that the record could not be asked.
func (h *hub) sweepFailed(ctx context.Context, err error) (ok bool) {
	if ctx.Err() == nil {
		h.deps.Metrics.SweepFailed(false)
		h.deps.Log.WarnContext(ctx, "live: cannot ask the record what changed", slog.Any("error", err))
	}
	return false
}

// resyncAll tells everybody to read everything again, and moves the horizon.
func (h *hub) resyncAll(ctx context.Context, next chat.Horizon) {
	h.resynced = next.Now
	h.inOrder(ctx, func() {
		h.horizon.push(next)
		h.deps.Metrics.Resynced(h.len())
		h.everyone(resyncFrame{"resync", h.cursor()})
	})
}
