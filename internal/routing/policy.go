package routing

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// Valid tells whether p is one of Policies.
func (p Policy) Valid() bool { return slices.Contains(Policies(), p) }

// ranking orders those who may get a request: the last agent, then those who speak the language, then by the policy, and
// by id where all else is equal, so that a snapshot's order never matters.
type ranking struct {
	rule     Rule
	last     ID     // the last agent, where the rule cares; zero otherwise
	language string // the language to prefer, without its region; empty = any
	seed     uint64 // mixed with the conversation, so that one seed spreads many conversations
}

func newRanking(rule Rule, r *Request, seed uint64) ranking {
	k := ranking{rule: rule, seed: mix(seed, r.Conversation)}
	if rule.Sticky {
		k.last = r.LastAgent
	}
	if rule.PreferLanguage {
		k.language = primary(r.Language)
	}
	return k
}

func (k ranking) compare(a, b *Agent) int {
	if c := trueFirst(k.sticks(a), k.sticks(b)); c != 0 {
		return c
	}
	if c := trueFirst(k.speaks(a), k.speaks(b)); c != 0 {
		return c
	}
	var c int
	switch k.rule.Policy {
	case LeastBusy:
		if c = compareBusy(a, b); c == 0 {
			c = compareIdle(a, b)
		}
	case LongestIdle:
		c = compareIdle(a, b)
	case Random:
		c = cmp.Compare(mix(k.seed, a.ID), mix(k.seed, b.ID))
	default:
		c = a.LastAssignedAt.Compare(b.LastAssignedAt)
	}
	if c == 0 {
		c = compareIDs(a.ID, b.ID)
	}
	return c
}

func (k ranking) reason(chosen *Agent) Reason {
	switch {
	case k.sticks(chosen):
		return ReasonStickyLastAgent
	case k.rule.Policy.Valid():
		return Reason(k.rule.Policy)
	default:
		return ReasonRoundRobin
	}
}

func (k ranking) sticks(a *Agent) bool { return a.ID == k.last }

func (k ranking) speaks(a *Agent) bool {
	return k.language != "" && slices.ContainsFunc(a.Languages, func(tag string) bool {
		n := len(k.language)
		return len(tag) >= n && strings.EqualFold(tag[:n], k.language) && (len(tag) == n || tag[n] == '-' || tag[n] == '_')
	})
}

// primary is a tag's language without its region or script: "tr" of "tr-TR" and of "tr_TR".
func primary(tag string) string {
	if i := strings.IndexAny(tag, "-_"); i >= 0 {
		return tag[:i]
	}
	return tag
}

// compareBusy compares load/capacity without dividing. Both agents have room, so neither capacity is zero.
func compareBusy(a, b *Agent) int {
	return cmp.Compare(a.Load*b.Capacity, b.Load*a.Capacity)
}

// compareIdle puts those who hold nothing first, the longest idle of them at the head; among the busy, the one who has not
// been given anything for the longest time.
func compareIdle(a, b *Agent) int {
	aIdle, bIdle := a.Load == 0, b.Load == 0
	if aIdle != bIdle {
		return trueFirst(aIdle, bIdle)
	}
	if aIdle {
		if c := a.IdleSince.Compare(b.IdleSince); c != 0 {
			return c
		}
	}
	return a.LastAssignedAt.Compare(b.LastAssignedAt)
}

// mix spreads an id over 64 bits under a seed, evenly (the finalizer of SplitMix64 over both halves).
func mix(seed uint64, id ID) uint64 {
	seed = finalize(seed ^ binary.BigEndian.Uint64(id[:8]))
	return finalize(seed ^ binary.BigEndian.Uint64(id[8:]))
}

func finalize(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// shortlist keeps the first few, in order, of all that it is shown.
type shortlist[T any] struct {
	items   []T
	limit   int
	compare func(a, b T) int
}

func (s *shortlist[T]) add(x T) {
	if n := len(s.items); n == s.limit {
		if s.compare(x, s.items[n-1]) >= 0 {
			return
		}
		s.items = s.items[:n-1]
	}
	i, _ := slices.BinarySearchFunc(s.items, x, s.compare)
	s.items = slices.Insert(s.items, i, x)
}
