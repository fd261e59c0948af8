package postgres

import (
	"context"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"
)

// Beat notes that these agents have a live socket now, in one statement. It never waits for routing. unsettled tells that
// one of them is back from where others think they are.
func (s *Store) Beat(ctx context.Context, agents []chat.AgentID) (unsettled bool, err error) {
	rows, err := s.q.Beat(ctx, column(agents, func(a *chat.AgentID) uid { return uid(*a) }))
	for _, r := range rows {
		unsettled = unsettled || r.Unsettled
	}
	return unsettled, wrap(err)
}

// SettlePresence makes what is true of presences what others are told, and names the agents for whom that changed. Of several
// callers each agent goes to one.
func (s *Store) SettlePresence(ctx context.Context) ([]chat.AgentID, error) {
	ids, err := s.q.SettlePresence(ctx)
	return ids, wrap(err)
}

// AwayTooLong names agents who are offline for longer than the department of a conversation in their hands allows.
func (s *Store) AwayTooLong(ctx context.Context) ([]chat.AgentID, error) {
	ids, err := s.q.AwayTooLong(ctx)
	return ids, wrap(err)
}

// BreakReasons lists why agents pause, in the list's order, disabled ones too.
func (s *Store) BreakReasons(ctx context.Context) ([]chat.BreakReason, error) {
	reasons, err := breakReasons(ctx, s.q)
	return reasons, wrap(err)
}

func breakReasons(ctx context.Context, q *gen.Queries) ([]chat.BreakReason, error) {
	rows, err := q.BreakReasons(ctx)
	return column(rows, func(r *gen.BreakReasonsRow) chat.BreakReason { return breakReason(r.BreakReason) }), err
}

func breakReason(g gen.BreakReason) chat.BreakReason {
	return chat.BreakReason{ID: g.ID, Label: g.Label, Position: int(g.Position), Disabled: g.Disabled}
}
