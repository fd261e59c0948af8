package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/chat"
)

// bench is a limiter on a clock that the test moves.
type bench struct {
	*SignInLimiter
	t   *testing.T
	now time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	b.SignInLimiter = NewSignInLimiter(func() time.Time { return b.now })
	return b
}

// try attempts once and returns the seconds to wait, 0 when it was allowed.
func (b *bench) try(account, address string) int64 {
	b.t.Helper()
	err := b.Attempt(account, netip.MustParseAddr(address))
	if err == nil {
		return 0
	}
	var refused *chat.Error
	if !errors.As(err, &refused) || refused.Code != chat.CodeRateLimited {
		b.t.Fatalf("refused with %v", err)
	}
	wait, _ := refused.Details["retry_after"].(int64)
	if wait < 1 {
		b.t.Fatalf("retry_after = %v", refused.Details["retry_after"])
	}
	return wait
}

func (b *bench) tries(n int, account, address string) {
	b.t.Helper()
	for i := range n {
		if wait := b.try(account, address); wait != 0 {
			b.t.Fatalf("attempt %d: wait %d s", i+1, wait)
		}
	}
}

// S32: five in fifteen minutes; who goes on waits 15, 30, 60 … minutes; hammering does not prolong a block.
func TestTheSixthAttemptWaitsAndEachBlockIsLonger(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.tries(5, "deniz@example.com", "192.0.2.1")
	if wait := b.try("deniz@example.com", "192.0.2.1"); wait != 15*60 {
		t.Fatalf("wait %d s", wait)
	}
	b.now = b.now.Add(14*time.Minute + 59*time.Second + 500*time.Millisecond)
	if wait := b.try(" DENIZ@example.com ", "192.0.2.1"); wait != 1 {
		t.Errorf("half a second before the end, typed differently: wait %d s", wait)
	}
	b.now = b.now.Add(500 * time.Millisecond)
	for _, minutes := range []int64{30, 60, 120, 240, 240} {
		b.tries(5, "deniz@example.com", "192.0.2.1")
		if wait := b.try("deniz@example.com", "192.0.2.1"); wait != minutes*60 {
			t.Fatalf("wait %d s, want %d min", wait, minutes)
		}
		b.now = b.now.Add(time.Duration(minutes) * time.Minute)
	}
	b.now = b.now.Add(longestBlock + time.Second)
	b.tries(5, "deniz@example.com", "192.0.2.1")
	if wait := b.try("deniz@example.com", "192.0.2.1"); wait != 15*60 {
		t.Errorf("after a long quiet: wait %d s", wait)
	}
}

func TestAttemptsLeaveTheWindowOneByOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 20 {
		b.tries(1, "deniz@example.com", "192.0.2.1")
		b.now = b.now.Add(3 * time.Minute)
	}
}

// S32: nobody can lock an admin out from elsewhere.
func TestAGuesserElsewhereLocksNobodyOut(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 100 {
		b.try("admin@example.com", fmt.Sprintf("198.51.100.%d", i))
	}
	b.tries(5, "admin@example.com", "203.0.113.1")
}

func TestAnAddressHasTwentyAttemptsAMinute(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 20 {
		b.tries(1, fmt.Sprint("agent", i), "192.0.2.1")
	}
	for range 3 { // an office that shares an address waits a minute, not longer each time
		if wait := b.try("agent99", "192.0.2.1"); wait != 60 {
			t.Fatalf("wait %d s", wait)
		}
		b.tries(1, "agent99", "192.0.2.2")
		b.now = b.now.Add(time.Minute)
		for i := range 20 {
			b.tries(1, fmt.Sprint("agent", i), "192.0.2.1")
		}
		for i := range 20 {
			b.Succeeded(fmt.Sprint("agent", i), netip.MustParseAddr("192.0.2.1"))
		}
	}
}

func TestOneSubscriberHasOneAddress(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 5 {
		b.tries(1, "deniz", fmt.Sprintf("2001:db8:1:2::%d", i))
	}
	if b.try("deniz", "2001:db8:1:2:ffff::1") == 0 {
		t.Error("another address of the same /64 was counted anew")
	}
	b.tries(1, "deniz", "2001:db8:1:3::1")
	b.tries(5, "deniz", "192.0.2.1")
	if b.try("deniz", "::ffff:192.0.2.1") == 0 {
		t.Error("the mapped spelling was counted anew")
	}
}

func TestSigningInForgetsTheMistypedAttempts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 3 {
		b.tries(5, "deniz", "192.0.2.1")
		b.Succeeded("Deniz", netip.MustParseAddr("192.0.2.1"))
		b.now = b.now.Add(time.Minute)
	}
	b.Succeeded("nobody", netip.Addr{})
}

func TestTheLimiterForgetsWhoWasQuietLongest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.tries(5, "deniz", "192.0.2.1")
	if b.try("deniz", "192.0.2.1") == 0 {
		t.Fatal("not blocked")
	}
	for i := range maxTracked {
		if err := b.Attempt(fmt.Sprint("x", i), netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 0 && b.try("deniz", "192.0.2.1") == 0 {
			t.Fatalf("forgotten although asked about: %d", i)
		}
	}
	if len(b.byKey) > maxTracked || b.recent.Len() != len(b.byKey) {
		t.Errorf("%d keys, %d in the list", len(b.byKey), b.recent.Len())
	}
}

func TestTheLimitHoldsUnderConcurrency(t *testing.T) {
	t.Parallel()
	l := NewSignInLimiter(time.Now)
	var allowed sync.Map
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if l.Attempt("deniz", netip.MustParseAddr("192.0.2.1")) == nil {
				allowed.Store(i, true)
			}
		})
	}
	all.Wait()
	n := 0
	allowed.Range(func(any, any) bool { n++; return true })
	if n != attemptsPerAccount {
		t.Errorf("%d attempts were allowed", n)
	}
}
