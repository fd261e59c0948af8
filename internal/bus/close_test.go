package bus

import (
	"log/slog"
	"testing"
	"time"

	"gatehouse/internal/embedded/embeddedtest"

	"github.com/redis/go-redis/v9"
)

func TestClosingDoesNotWaitForRedisToSpeak(t *testing.T) {
	t.Parallel()
	opt, err := redis.ParseURL(embeddedtest.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	b := New(rdb, "test", "here", slog.New(slog.DiscardHandler))
	for deadline := time.Now().Add(10 * time.Second); ; { // until it listens
		n, err := rdb.PubSubNumSub(t.Context(), "test:live").Result()
		if err == nil && n["test:live"] == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the bus does not subscribe: %v, %v", n, err)
		}
	}
	closed := make(chan struct{})
	go func() { b.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Fatal("the bus waits for a message that never comes")
	}
}
