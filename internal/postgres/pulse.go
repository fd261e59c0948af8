package postgres

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"
	"gatehouse/internal/vitals"

	"github.com/jackc/pgx/v5"
)

// Pulse is what a process tells of itself, a few times a minute: that it lives, and what it did since the last time.
type Pulse struct {
	Node     vitals.Node // Started by its own clock; Seen is the record's to say
	Work     vitals.Work // without Sent, which is the sum of Accounts
	Accounts map[chat.AccountID]AccountWork
}

// AccountWork is what a process did on an account; Reason is the code of its last failure.
type AccountWork struct {
	vitals.Sends
	Reason string
}

// KeepPulse keeps it: the process's row, and its part of the minute that runs. All of it, or nothing: what was not kept may be told
// again. An answer that was lost on the way may count a few seconds twice; these are signs and no ledger.
func (s *Store) KeepPulse(ctx context.Context, b Pulse) error {
	n := b.Node
	var batch pgx.Batch
	batch.Queue(gen.KeepNode, n.ID, n.Role, n.Host, n.Version, time.Since(n.Started).Seconds(), n.Redis, n.Postgres.Seconds(), n.Sockets)
	for _, account := range slices.SortedFunc(maps.Keys(b.Accounts), func(a, b chat.AccountID) int { return bytes.Compare(a[:], b[:]) }) { // in one order: processes do this at once
		w := b.Accounts[account]
		b.Work.Sent = b.Work.Sent.Plus(w.Sends)
		batch.Queue(gen.AddAccountWork, sendsList(w.Sends), w.Reason, account)
	}
	if w := b.Work; w != (vitals.Work{}) {
		batch.Queue(gen.AddWork, w.Accept[:], w.Ingest[:], w.Send[:], w.Counts[:], sendsList(w.Sent))
	}
	return s.inTx(ctx, s.pool, "pulse", func(tx pgx.Tx) error { return runBatch(ctx, tx, &batch) })
}

// Farewell takes a process's row away: it ends as it should.
func (s *Store) Farewell(ctx context.Context, node string) error {
	return wrap(s.q.ForgetNode(ctx, node))
}

// SampleVitals writes down how things stand, unless that was done in this minute or is being done. queues is what Redis said of
// them; nil: nothing.
func (s *Store) SampleVitals(ctx context.Context, queues *vitals.Queues) (taken bool, err error) {
	err = s.inTx(ctx, s.pool, "sample", func(tx pgx.Tx) error {
		q := gen.New(tx)
		if taken, err = q.TrySampling(ctx); err != nil || !taken {
			return err
		}
		g, _, err := s.Gauges(ctx)
		if err != nil {
			return err
		}
		p := gen.KeepSampleParams{
			Waiting: int32(g.Waiting), LongestS: g.Longest.Seconds(), Online: int32(g.Online), Load: int32(g.Load), Capacity: int32(g.Capacity),
			Sockets: int32(g.Sockets), SnapshotS: g.Snapshot.Seconds(),
		}
		for d := range vitals.Dues {
			p.Due, p.OldestS = append(p.Due, int32(g.Due[d])), append(p.OldestS, g.Oldest[d].Seconds())
		}
		if queues != nil {
			behind := queues.Behind.Seconds()
			p.QueueBehindS, p.QueuePending, p.QueueArchived = &behind, int32(queues.Pending), int32(queues.Archived)
		}
		return q.KeepSample(ctx, p)
	})
	return taken && err == nil, err
}

// Gauges asks how things stand now, and in which lines somebody waits. Of the queues it says nothing.
func (s *Store) Gauges(ctx context.Context) (g vitals.Gauges, lines []vitals.Line, err error) {
	v, err := s.Vitals(ctx)
	if err != nil {
		return g, nil, err
	}
	sockets, err := s.q.AgentSockets(ctx)
	if err != nil {
		return g, nil, wrap(err)
	}
	for _, l := range v.Lines {
		if l.Waiting > 0 {
			g.Waiting, g.Longest = g.Waiting+l.Waiting, max(g.Longest, l.Longest)
			lines = append(lines, vitals.Line{Department: l.Department, Longest: l.Longest})
		}
	}
	g.Online, g.Load, g.Capacity, g.Sockets, g.Snapshot = v.Agents["online"], v.Load, v.Capacity, int(sockets), v.OldestSnapshot
	for _, row := range v.Due {
		for d := range vitals.Dues {
			if d.String() == row.What {
				g.Due[d], g.Oldest[d] = row.Count, max(row.Oldest, 0)
			}
		}
	}
	return g, lines, nil
}

// VitalMinutes are the minutes of the last while, at most a day, in order.
func (s *Store) VitalMinutes(ctx context.Context, within time.Duration) ([]vitals.Minute, error) {
	rows, err := s.q.VitalMinutes(ctx, within.Seconds())
	if err != nil {
		return nil, wrap(err)
	}
	out := make([]vitals.Minute, 0, len(rows))
	for _, r := range rows {
		m := vitals.Minute{At: r.Minute.UTC()}
		copy(m.Accept[:], r.Accept)
		copy(m.Ingest[:], r.Ingest)
		copy(m.Send[:], r.Send)
		copy(m.Counts[:], r.Counts)
		m.Sent = sends(r.Sends)
		if r.SampledAt != nil {
			m.Gauges = &vitals.Gauges{
				Waiting: int(r.Waiting), Longest: seconds(r.LongestS), Online: int(r.Online), Load: int(r.Load), Capacity: int(r.Capacity),
				Sockets: int(r.Sockets), Snapshot: seconds(r.SnapshotS),
			}
			for d := range min(len(r.Due), len(r.OldestS), int(vitals.Dues)) {
				m.Gauges.Due[d], m.Gauges.Oldest[d] = int(r.Due[d]), seconds(r.OldestS[d])
			}
			if r.QueueBehindS != nil {
				m.Gauges.Queues = &vitals.Queues{Pending: int(r.QueuePending), Archived: int(r.QueueArchived), Behind: seconds(*r.QueueBehindS)}
			}
		}
		out = append(out, m)
	}
	return out, nil
}

// VitalNodes are the processes that were heard of within a day, and the record's time.
func (s *Store) VitalNodes(ctx context.Context) (now time.Time, out []vitals.Node, err error) {
	if err := s.pool.QueryRow(ctx, "SELECT now()").Scan(&now); err != nil {
		return now, nil, wrap(err)
	}
	rows, err := s.q.VitalNodes(ctx)
	if err != nil {
		return now, nil, wrap(err)
	}
	for _, r := range rows {
		out = append(out, vitals.Node{
			ID: r.Node, Role: r.Role, Host: r.Host, Version: r.Version, Started: r.StartedAt.UTC(), Seen: r.SeenAt.UTC(),
			Redis: r.Redis, Postgres: seconds(r.PostgresS), Sockets: int(r.Sockets),
		})
	}
	return now.UTC(), out, nil
}

// AccountSigns is how each account does, oldest first, with its last hour.
func (s *Store) AccountSigns(ctx context.Context) ([]vitals.Account, error) {
	rows, err := s.q.AccountSigns(ctx)
	if err != nil {
		return nil, wrap(err)
	}
	recent, err := s.q.AccountMinutes(ctx)
	if err != nil {
		return nil, wrap(err)
	}
	of := map[chat.AccountID][]vitals.AccountMinute{}
	for _, r := range recent {
		of[r.AccountID] = append(of[r.AccountID], vitals.AccountMinute{At: r.Minute.UTC(), Sends: sends(r.Sends)})
	}
	out := make([]vitals.Account, 0, len(rows))
	for _, r := range rows {
		out = append(out, vitals.Account{
			ID: r.ID.String(), Kind: r.Kind, Name: r.Name, State: r.State, Reason: r.StateReason, Recent: of[r.ID],
			Heard: known(r.HeardAt), Sent: known(r.SentAt), Pending: int(r.Pending), Unsent: int(r.Unsent), Failed: r.FailedReason,
			Paused: at(r.PausedUntil), Synced: at(r.TemplatesSyncedAt),
		})
	}
	return out, nil
}

// TroubledEvents are raw events that somebody has to look at, the latest first, at most so many: those that could not be
// applied, and those of accounts that are not here.
func (s *Store) TroubledEvents(ctx context.Context, most int) (aside, unrouted []vitals.Event, err error) {
	rows, err := s.q.TroubledEvents(ctx, int32(most))
	if err != nil {
		return nil, nil, wrap(err)
	}
	for _, r := range rows {
		e := vitals.Event{ID: r.ID.String(), Kind: r.Kind, Key: r.KeyValue, Received: r.ReceivedAt.UTC(), Since: r.Since.UTC(), Attempts: int(r.Attempts), Why: r.Why}
		if chat.IsZero(r.AccountID) {
			unrouted = append(unrouted, e)
		} else {
			e.Account = r.AccountID.String()
			aside = append(aside, e)
		}
	}
	return aside, unrouted, nil
}

// sendsList is how Sends stand in the record; a new field goes to the end.
func sendsList(s vitals.Sends) []int64 {
	return []int64{s.Heard, s.Sent, s.Failed, s.Unknown, s.Throttled, s.Again}
}

func sends(l []int64) vitals.Sends {
	var a [6]int64
	copy(a[:], l)
	return vitals.Sends{Heard: a[0], Sent: a[1], Failed: a[2], Unknown: a[3], Throttled: a[4], Again: a[5]}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// known is a time, or zero for the epoch, which stands for none.
func known(t time.Time) time.Time {
	if t.Unix() == 0 {
		return time.Time{}
	}
	return t.UTC()
}
