package queue

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"

	"github.com/prometheus/client_golang/prometheus"
)

// street is several Redis with one client and one server over all.
type street struct {
	houses []*house
	at     []Redis
	client *Client
}

func pave(t *testing.T, n int) *street {
	t.Helper()
	s := &street{}
	for range n {
		h := build(t)
		s.houses, s.at = append(s.houses, h), append(s.at, h.at...)
	}
	s.client = NewClient(s.at, "test", nobody())
	t.Cleanup(func() {
		if err := s.client.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *street) serve(t *testing.T) (*desk, *Server) {
	t.Helper()
	d := &desk{woken: map[task.Wake]int{}}
	mixed := slices.Clone(s.at)
	slices.Reverse(mixed) // the order of the list is nobody's business
	server := NewServer(mixed, Config{Prefix: "test", Concurrency: 4, Log: quiet, Away: nobody()}, d.handle)
	server.Start(t.Context())
	t.Cleanup(server.Stop)
	return d, server
}

func accounts(n int) (all []task.Wake) {
	for range n {
		all = append(all, wake(task.Ingest, chat.NewID[chat.AccountID]().String()))
	}
	return all
}

func (s *street) wake(all []task.Wake) {
	for _, w := range all {
		s.client.Wake(context.Background(), w)
	}
}

func TestWakesAreSpreadOverAllRedisAndAllAreAnswered(t *testing.T) {
	t.Parallel()
	s := pave(t, 3)
	all := accounts(60)
	s.wake(all)
	eventually(t, "all are handed over", func() bool { n, _ := s.client.Counts(); return n == int64(len(all)) })
	c := NewCollector(s.at, "test")
	defer func() { _ = c.Close() }()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	sum, got := 0.0, scrape(t, reg)
	for _, r := range s.at {
		n := got["gatehouse_queue_tasks interactive "+r.Name+" pending"]
		if n == 0 || got["gatehouse_redis_up "+r.Name] != 1 {
			t.Errorf("%s holds %v wakes of 60", r.Name, n)
		}
		sum += n
	}
	if sum != float64(len(all)) {
		t.Errorf("%v wakes are shown", sum)
	}
	d, _ := s.serve(t)
	eventually(t, "all are answered", func() bool { return len(d.all()) == len(all) })
}

// One of several is away: what belongs to it goes through the others, nobody waits for it, the metrics tell which it is, and when
// it is back it is used again.
func TestARedisThatIsAwayIsStoodInForByTheOthers(t *testing.T) {
	t.Parallel()
	s := pave(t, 2)
	d, server := s.serve(t)
	eventually(t, "the server hears from all", func() bool { return !server.Away() })
	s.houses[0].signal(t, syscall.SIGSTOP)
	for i := 0; !s.client.Broken(); i++ {
		s.wake([]task.Wake{wake(task.Ingest, fmt.Sprint("before ", i))})
		eventually(t, "it is answered, or Redis is known to be away", func() bool {
			return s.client.Broken() || d.times(wake(task.Ingest, fmt.Sprint("before ", i))) > 0
		})
	}
	all := accounts(40)
	s.wake(all)
	eventually(t, "all are answered without it", func() bool {
		return !slices.ContainsFunc(all, func(w task.Wake) bool { return d.times(w) == 0 })
	})
	if !s.client.Broken() || s.client.waits() > 1 {
		t.Errorf("broken: %t; %d wakes wait", s.client.Broken(), s.client.waits())
	}
	c := NewCollector(s.at, "test")
	defer func() { _ = c.Close() }()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	if got := scrape(t, reg); got["gatehouse_redis_up "+s.at[0].Name] != 0 || got["gatehouse_redis_up "+s.at[1].Name] != 1 {
		t.Errorf("shows %v", got)
	}
	eventually(t, "the server knows it too", server.Away)
	s.houses[0].signal(t, syscall.SIGCONT)
	eventually(t, "it is used again", func() bool { return !s.client.Broken() && !server.Away() })
}

// A worker may start before one of its Redis does.
func TestAServerBeginsWithTheRedisThatAnswers(t *testing.T) {
	t.Parallel()
	s := pave(t, 2)
	s.houses[0].signal(t, syscall.SIGSTOP)
	d, _ := s.serve(t)
	all := accounts(20)
	s.wake(all)
	eventually(t, "all are answered", func() bool { return len(d.all()) >= len(all) })
	s.houses[0].signal(t, syscall.SIGCONT)
	late := NewClient(s.at[:1], "test", nobody())
	late.Wake(t.Context(), wake(task.Ingest, "late"))
	eventually(t, "so is what comes through the other, once it does", func() bool { return d.times(wake(task.Ingest, "late")) > 0 })
	if err := late.Close(); err != nil {
		t.Error(err)
	}
}

func TestAServerThatWasNeverStartedCanBeStopped(t *testing.T) {
	t.Parallel()
	h := build(t)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		NewServer(h.at, Config{Prefix: "test", Concurrency: 1, Log: quiet, Away: nobody()}, func(context.Context, task.Wake) error { return nil }).Stop()
	}()
	select {
	case <-stopped:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}
