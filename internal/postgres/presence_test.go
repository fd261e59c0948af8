package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres"
	"gatehouse/internal/postgres/postgrestest"

	"github.com/jackc/pgx/v5"
)

// staff makes agents who are online.
func staff(t *testing.T, s *postgres.Store, n int) []chat.AgentID {
	t.Helper()
	var ids []chat.AgentID
	for i := range n {
		a := chat.Agent{
			ID: chat.NewID[chat.AgentID](), Name: fmt.Sprint("agent ", i), Email: fmt.Sprintf("a%d@example.com", i), Role: chat.RoleAgent,
			State: chat.AgentActive, Behavior: chat.BehaviorNormal, Capacity: 15,
		}
		if err := s.CreateAgent(t.Context(), chat.Audited(chat.Principal{}, "agent.created", a.ID, a.Name), a, chat.Password{}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	if _, err := s.Pool().Exec(t.Context(), `UPDATE agent_presence SET presence = 'online', settled = 'online', seen_at = now() - interval '1 minute'`); err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestABeatDoesNotWaitForRouting(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	agents := staff(t, s, 3)
	err := pgx.BeginFunc(t.Context(), s.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT id FROM agents ORDER BY id FOR NO KEY UPDATE`); err != nil { // as a router holds them
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		_, err := s.Beat(ctx, agents)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var seen int
	if err := s.Pool().QueryRow(t.Context(), `SELECT count(*) FROM agent_presence WHERE seen_at > now() - interval '10 seconds'`).Scan(&seen); err != nil || seen != 3 {
		t.Errorf("%d agents were seen, want 3, %v", seen, err)
	}
}

// A sweeper that waits for a beat must believe it, not what it read before.
func TestASweepDoesNotOverruleTheBeatThatItWaitedFor(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	agents := staff(t, s, 1) // last seen a minute ago: about to be offline
	tx, err := s.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }() // committed below
	if _, err := tx.Exec(t.Context(), `UPDATE agent_presence SET seen_at = now() WHERE agent_id = $1`, agents[0]); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		changed []chat.AgentID
		err     error
	}
	swept := make(chan answer, 1)
	go func() {
		changed, err := s.SettlePresence(t.Context())
		swept <- answer{changed, err}
	}()
	waitFor(t, "the sweeper to wait", func() bool {
		var waiting bool
		err := s.Pool().QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		return waiting
	})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-swept; got.err != nil || len(got.changed) != 0 {
		t.Errorf("the sweep changed %v, %v; want nobody", got.changed, got.err)
	}
}

func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in 20 s: %s", what)
		}
	}
}
