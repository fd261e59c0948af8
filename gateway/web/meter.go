package web

import (
	"net/netip"
	"sync"
	"time"

	"gatehouse/internal/chat"
)

// Meter names a rate.
type Meter string

// The meters. The empty one does not count.
const (
	MeterAgent  Meter = "agent"
	MeterKey    Meter = "key"
	MeterSearch Meter = "search"
	MeterUpload Meter = "upload"
	// meterStranger counts, by address, who shows a token or a key that does not hold.
	meterStranger Meter = "stranger"
)

// maxBuckets bounds the memory of one meter; the least filled are forgotten first.
const maxBuckets = 50_000

// Buckets is a token bucket for each key: so many a minute in the long run, so many at once. It lives in memory, one per
// process, so that it works while everything else is away. It is safe for concurrent use.
type Buckets struct {
	every time.Duration // a token's time
	burst time.Duration // as time
	now   func() time.Time

	mu    sync.Mutex
	full  map[[16]byte]time.Time // when the key's bucket is full again
	sweep time.Time
}

// NewBuckets makes buckets on this clock.
func NewBuckets(perMinute, burst int, now func() time.Time) *Buckets {
	every := time.Minute / time.Duration(perMinute)
	return &Buckets{every: every, burst: every * time.Duration(burst), now: now, full: map[[16]byte]time.Time{}}
}

// Take takes a token, or is CodeRateLimited with the detail "retry_after" in whole seconds. A nil meter always gives.
func (b *Buckets) Take(key [16]byte) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.tidy(now)
	full := b.full[key]
	if full.Before(now) {
		full = now
	}
	if over := full.Add(b.every).Sub(now) - b.burst; over > 0 {
		seconds := int64((over + time.Second - 1) / time.Second)
		return chat.Errorf(chat.CodeRateLimited, "too many requests, wait %d s", seconds).With(retryAfter, seconds)
	}
	b.full[key] = full.Add(b.every)
	return nil
}

// Subscriber is what one sender has, as a key: an IPv4 address, or an IPv6 /64.
func Subscriber(a netip.Addr) [16]byte {
	if !a.IsValid() {
		return [16]byte{}
	}
	b := a.As16()
	if a.Is6() && !a.Is4In6() {
		clear(b[8:])
	}
	return b
}

// tidy forgets full buckets once a minute, and all of them if that does not bound the memory.
func (b *Buckets) tidy(now time.Time) {
	if now.Before(b.sweep) && len(b.full) < maxBuckets {
		return
	}
	b.sweep = now.Add(time.Minute)
	for k, full := range b.full {
		if !full.After(now) {
			delete(b.full, k)
		}
	}
	if len(b.full) >= maxBuckets {
		clear(b.full)
	}
}
