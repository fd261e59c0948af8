package auth

import (
	"container/list"
	"crypto/sha256"
	"net/netip"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/chat"
)

// The limits of sign-in attempts (RELIABILITY.md S32).
const (
	attemptsPerAccount = 5 // from one address, within accountWindow
	accountWindow      = 15 * time.Minute
	longestBlock       = 4 * time.Hour
	attemptsPerAddress = 20 // whatever the account, within addressWindow
	addressWindow      = time.Minute
)

// maxTracked bounds the memory of a SignInLimiter to less than 20 MB. When it is full, what was quiet longest is
// forgotten.
const maxTracked = 20_000

// SignInLimiter slows down guessing. It counts attempts per account and address, so that nobody can lock somebody else
// out, and per address. Who goes on guessing an account after a block waits twice as long the next time; an address is
// never blocked for more than its minute, for an office shares one. It lives in memory, one per
// process: it works while Postgres and Redis do not. It is safe for concurrent use.
type SignInLimiter struct {
	now func() time.Time

	mu     sync.Mutex
	byKey  map[trackKey]*list.Element
	recent *list.List // of *track; the one used last in front
}

type trackKey [sha256.Size]byte

// track is the attempts of one key.
type track struct {
	key      trackKey
	attempts []time.Time // within the window, oldest first; never more than the limit
	blocked  time.Time   // until then
	strikes  int         // blocks so far
}

// NewSignInLimiter returns a limiter on this clock.
func NewSignInLimiter(now func() time.Time) *SignInLimiter {
	return &SignInLimiter{now: now, byKey: map[trackKey]*list.Element{}, recent: list.New()}
}

// Attempt counts an attempt to sign in as account from address, before the password is looked at. Over the limit it is
// refused with chat.CodeRateLimited and the detail "retry_after" in whole seconds, at least 1. Addresses of one IPv6
// /64 count as one.
func (l *SignInLimiter) Attempt(account string, address netip.Addr) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	person, place := l.track(personKey(account, address)), l.track(addressKey(address))
	wait := max(
		person.wait(now, attemptsPerAccount, accountWindow, longestBlock),
		place.wait(now, attemptsPerAddress, addressWindow, addressWindow))
	if wait > 0 {
		seconds := int64((wait + time.Second - 1) / time.Second)
		return chat.Errorf(chat.CodeRateLimited, "too many sign-ins, wait %d s", seconds).With("retry_after", seconds)
	}
	person.attempts = append(person.attempts, now)
	place.attempts = append(place.attempts, now)
	return nil
}

// Succeeded forgets the attempts of an account from an address: a person who mistyped and then got it right starts
// anew. The address's own count stays, for a guesser has an account too.
func (l *SignInLimiter) Succeeded(account string, address netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.byKey[personKey(account, address)]; ok {
		l.drop(e)
	}
}

// wait returns how long the key must wait, 0 when it may try now. It starts a block when the limit is reached: one window
// from the first attempt, twice that the next time, at most longest. Attempts during a block are refused and do not
// prolong it; a quiet time of the longest block forgets the earlier ones.
func (t *track) wait(now time.Time, limit int, window, longest time.Duration) time.Duration {
	if now.Before(t.blocked) {
		return t.blocked.Sub(now)
	}
	if now.Sub(t.blocked) > longest {
		t.strikes = 0
	}
	for len(t.attempts) > 0 && now.Sub(t.attempts[0]) >= window {
		t.attempts = t.attempts[1:]
	}
	if len(t.attempts) < limit {
		return 0
	}
	t.blocked = t.attempts[0].Add(min(window<<t.strikes, longest))
	t.strikes = min(t.strikes+1, 8)
	t.attempts = nil
	return t.blocked.Sub(now)
}

// track finds or makes the attempts of a key, as the ones used last.
func (l *SignInLimiter) track(key trackKey) *track {
	if e, ok := l.byKey[key]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*track)
	}
	if l.recent.Len() >= maxTracked {
		l.drop(l.recent.Back())
	}
	t := &track{key: key}
	l.byKey[key] = l.recent.PushFront(t)
	return t
}

func (l *SignInLimiter) drop(e *list.Element) {
	delete(l.byKey, e.Value.(*track).key)
	l.recent.Remove(e)
}

func personKey(account string, address netip.Addr) trackKey {
	return trackKey(bindHash("sign-in", network(address).String(), strings.ToLower(strings.TrimSpace(account))))
}

func addressKey(address netip.Addr) trackKey {
	return trackKey(bindHash("address", network(address).String(), ""))
}

// network is what one subscriber has: an IPv4 address or an IPv6 /64.
func network(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	p, err := address.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // the invalid address: everyone without one shares a count
	}
	return p
}
