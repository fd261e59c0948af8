package postgres_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/postgrestest"
)

func TestTwoSetupLinksUsedAtOnceMakeOneAdmin(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	for round := range 25 {
		var made atomic.Int64
		var everybody sync.WaitGroup
		start := make(chan struct{})
		for i := range 6 {
			link := fmt.Appendf(nil, "link %d.%d", round, i%2)
			if i < 2 {
				if err := s.KeepSetupLink(t.Context(), link, time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			a := chat.Agent{ID: chat.NewID[chat.AgentID](), Name: "Elif", Email: fmt.Sprintf("a%d@example.com", i), Role: chat.RoleAdmin, Behavior: chat.BehaviorNormal}
			everybody.Go(func() {
				<-start
				err := s.Setup(t.Context(), chat.Audited(chat.Principal{}, "agent.set_up", a.ID, a.Name), link, a, chat.Password{})
				if err == nil {
					made.Add(1)
				} else if chat.CodeOf(err) != chat.CodeNotFound {
					t.Error(err)
				}
			})
		}
		close(start)
		everybody.Wait()
		if n := made.Load(); n != 1 {
			t.Fatalf("round %d: %d first admins", round, n)
		}
		if _, err := s.Pool().Exec(t.Context(), `DELETE FROM agents`); err != nil {
			t.Fatal(err)
		}
	}
}
