package postgres

import (
	"context"
	"slices"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Replay puts raw events into their lanes: the named one, or all that were received since a time. What was applied already is
// recognised by its ids, which are kept for as long, and not doubled. Poison comes back from quarantine, also when the day that it
// came with is dropped; an event of an account that was unknown goes to the account if it is known now. It returns the accounts to
// wake.
func (s *Store) Replay(ctx context.Context, event string, since time.Time) (replayed int, accounts []string, err error) {
	var one *uid
	if event != "" {
		id, err := uuid.Parse(event)
		if err != nil {
			return 0, nil, chat.Errorf(chat.CodeInvalid, "%q is not the id of an event", event)
		}
		one = (*uid)(&id)
	}
	err = s.inTx(ctx, s.pool, "replay", func(tx pgx.Tx) error {
		q, err := replaying(ctx, tx)
		if err != nil {
			return err
		}
		again, err := replay(ctx, q, one, since)
		if err != nil {
			return err
		}
		replayed, accounts = len(again), nil
		for _, a := range again {
			accounts = append(accounts, a.String())
		}
		slices.Sort(accounts)
		accounts = slices.Compact(accounts)
		return nil
	})
	return replayed, accounts, err
}

// ReplayEvents does the same with some events that somebody chose, and leaves a trace. It returns whose lanes they are in, once
// for each event that is in one.
func (s *Store) ReplayEvents(ctx context.Context, by chat.Audit, events []chat.InboundEventID) (accounts []chat.AccountID, err error) {
	err = s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) error {
		q, err := replaying(ctx, tx)
		if err != nil {
			return err
		}
		accounts = nil
		for _, e := range events {
			one := uid(e)
			again, err := replay(ctx, q, &one, time.Time{})
			if err != nil {
				return err
			}
			accounts = append(accounts, again...)
		}
		return nil
	})
	return accounts, err
}

// DismissEvents has it that nothing will mend some poison, and leaves a trace. It is kept as long as what was replayed, and can be
// replayed all the same. It returns how many were due.
func (s *Store) DismissEvents(ctx context.Context, by chat.Audit, events []chat.InboundEventID) (dismissed int64, err error) {
	err = s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) (err error) {
		dismissed, err = gen.New(tx).DismissEvents(ctx, column(events, func(e *chat.InboundEventID) uid { return uid(*e) }))
		return err
	})
	return dismissed, err
}

// replaying makes a transaction one in which no day goes, and which may take its time.
func replaying(ctx context.Context, tx pgx.Tx) (*gen.Queries, error) {
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
		return nil, err
	}
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock("+pruneLock+")")
	return gen.New(tx), err
}

func replay(ctx context.Context, q *gen.Queries, one *uid, since time.Time) ([]chat.AccountID, error) {
	if err := restoreQuarantined(ctx, q, one, since); err != nil {
		return nil, err
	}
	routed, err := routeUnrouted(ctx, q, one, since)
	if err != nil {
		return nil, err
	}
	again, err := q.ReplayEvents(ctx, one, since)
	if err != nil {
		return nil, err
	}
	return append(routed, again...), q.NoteReplayed(ctx, one, since)
}

func restoreQuarantined(ctx context.Context, q *gen.Queries, one *uid, since time.Time) error {
	days, err := q.QuarantinedDays(ctx, one, since)
	if err != nil {
		return err
	}
	for _, d := range days {
		if err := q.EnsureEventsOf(ctx, d); err != nil {
			return err
		}
	}
	return q.RestoreQuarantined(ctx, one, since)
}

// routeUnrouted stores events of accounts that are known now, pending. A key may be that of several accounts: each gets the event.
func routeUnrouted(ctx context.Context, q *gen.Queries, one *uid, since time.Time) (accounts []chat.AccountID, err error) {
	rows, err := q.TakeUnrouted(ctx, one, since)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	var p gen.InsertRoutedParams
	var last uid
	for _, r := range rows {
		if err := q.EnsureEventsOf(ctx, r.ReceivedAt.UTC().Format(time.DateOnly)); err != nil {
			return nil, err
		}
		id := r.ID
		if id == last {
			id = uid(chat.NewID[chat.InboundEventID]())
		}
		last = r.ID
		p.Ids, p.AccountIds = append(p.Ids, id), append(p.AccountIds, r.AccountID)
		p.ReceivedAts, p.Bodies = append(p.ReceivedAts, r.ReceivedAt), append(p.Bodies, r.Body)
		accounts = append(accounts, chat.AccountID(r.AccountID))
	}
	return accounts, q.InsertRouted(ctx, p)
}
