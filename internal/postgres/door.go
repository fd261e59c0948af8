package postgres

import (
	"context"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// InsertEvents commits raw events and marks them pending in their accounts' lanes. It returns only after COMMIT. They are received
// in that moment, by the database's clock: so gateways whose clocks differ make neither a window nor a line of waiting people
// wrong (RELIABILITY.md F29).
func (s *Store) InsertEvents(ctx context.Context, events []chat.RawEvent) error {
	return wrap(gen.New(s.door).InsertEvents(ctx, gen.InsertEventsParams{
		Ids:        column(events, func(e *chat.RawEvent) uid { return uid(e.ID) }),
		AccountIds: column(events, func(e *chat.RawEvent) uid { return uid(e.AccountID) }),
		Bodies:     column(events, func(e *chat.RawEvent) []byte { return e.Body }),
		ShiftS:     s.Shifted().Seconds(),
	}))
}

// InsertEventsAgain is InsertEvents for events of which nobody knows whether they are stored: those that are stay as they are.
func (s *Store) InsertEventsAgain(ctx context.Context, events []chat.RawEvent) error {
	return wrap(pgx.BeginFunc(ctx, s.door, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, likeAWrite); err != nil {
			return err
		}
		return gen.New(tx).InsertEventsAgain(ctx, gen.InsertEventsAgainParams{
			Ids:        column(events, func(e *chat.RawEvent) uid { return uid(e.ID) }),
			AccountIds: column(events, func(e *chat.RawEvent) uid { return uid(e.AccountID) }),
			Bodies:     column(events, func(e *chat.RawEvent) []byte { return e.Body }),
			ShiftS:     s.Shifted().Seconds(),
		})
	}))
}

// InsertUnrouted keeps a signed event of an account that we do not know.
func (s *Store) InsertUnrouted(ctx context.Context, e chat.RawEvent) error {
	return wrap(gen.New(s.door).InsertUnrouted(ctx, gen.InsertUnroutedParams{
		ID: uid(e.ID), Kind: string(e.Kind), KeyType: e.Key.Type, KeyValue: e.Key.Value, Body: e.Body,
	}))
}
