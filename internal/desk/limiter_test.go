package desk

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A limiter lets at most burst messages go at once, and one every distance after that, however the asking is spread.
func TestALimiterKeepsItsRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := limiter{every: time.Duration(rapid.IntRange(1, 6000).Draw(t, "every ms")) * time.Millisecond, burst: rapid.IntRange(1, 20).Draw(t, "burst")}
		now := time.Unix(1_795_250_000, 0)
		var sent []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "asks") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "gap ms")) * time.Millisecond)
			switch w := l.wait(now); {
			case w <= 0:
				l.take(now)
				sent = append(sent, now)
			case l.wait(now.Add(w)) > 0:
				t.Fatalf("told to wait %s, and then to wait again", w)
			}
		}
		for i := range sent {
			for j := i; j < len(sent); j++ {
				if n, most := j-i+1, l.burst+int(sent[j].Sub(sent[i])/l.every); n > most {
					t.Fatalf("%d messages within %s, at most %d", n, sent[j].Sub(sent[i]), most)
				}
			}
		}
	})
}

func TestALimiterWithoutALimitNeverWaits(t *testing.T) {
	t.Parallel()
	var l limiter
	for range 100 {
		if l.wait(time.Unix(0, 0)) > 0 {
			t.Fatal("waits")
		}
		l.take(time.Unix(0, 0))
	}
}

// A message is tried again later and later, at least after what the provider asked for, and never after more than six and
// a quarter minutes by our own account.
func TestTheBackoffGrowsAndIsBounded(t *testing.T) {
	t.Parallel()
	for attempt := range 20 {
		low := min(time.Second<<(2*min(max(attempt-1, 0), 5)), 5*time.Minute)
		if b := backoff(attempt, 0); b < low || b > low+low/4+1 {
			t.Errorf("attempt %d: %s", attempt, b)
		}
	}
	if b := backoff(1, time.Hour); b < time.Hour {
		t.Errorf("sooner than asked: %s", b)
	}
}
