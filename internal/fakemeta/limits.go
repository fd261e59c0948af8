package fakemeta

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter is the platform's throughput: a bucket for each number and one for each pair, on the injected clock.
type limiter struct {
	limits  Limits
	mu      sync.Mutex
	numbers map[string]*rate.Limiter
	pairs   map[pair]*rate.Limiter
}

func newLimiter(l Limits) *limiter {
	return &limiter{limits: l, numbers: map[string]*rate.Limiter{}, pairs: map[pair]*rate.Limiter{}}
}

// allow spends one message of the number and of the pair, and names the limit that is used up.
func (l *limiter) allow(now time.Time, a *account, p *person) *graphError {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limits.PerSecond > 0 {
		b := l.numbers[a.ID()]
		if b == nil {
			b = rate.NewLimiter(rate.Limit(l.limits.PerSecond), max(1, int(l.limits.PerSecond)))
			l.numbers[a.ID()] = b
		}
		if !b.AllowN(now, 1) {
			return refuse(130429, "")
		}
	}
	if l.limits.PairEvery > 0 && p.ID != "" { // not for somebody who does not exist
		b := l.pairs[pair{a, p}]
		if b == nil {
			b = rate.NewLimiter(rate.Every(l.limits.PairEvery), l.limits.PairBurst)
			l.pairs[pair{a, p}] = b
		}
		if !b.AllowN(now, 1) {
			return refuse(131056, "")
		}
	}
	return nil
}
