package postgres_test

import (
	"sync"
	"testing"
	"time"

	"gatehouse/internal/postgres/postgrestest"
)

func TestNodesThatMakeTheSamePartitionsAtOnceDoNotFail(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	s.Shift(400 * 24 * time.Hour)
	var wg sync.WaitGroup
	made := make(chan int, 8)
	for range cap(made) {
		wg.Go(func() {
			n, err := s.EnsurePartitions(t.Context())
			if err != nil {
				t.Error(err)
			}
			made <- n
		})
	}
	wg.Wait()
	close(made)
	sum := 0
	for n := range made {
		sum += n
	}
	if sum != 14 {
		t.Errorf("%d partitions were made, want ten days and four months, once", sum)
	}
}
