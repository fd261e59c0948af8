package routing

import (
	"cmp"
	"slices"
	"time"
)

// ExpiringSoon is how near the end of its window must be for a conversation to go first where Rule.ExpiringFirst is set.
const ExpiringSoon = 2 * time.Hour

// Less is the order of a line: higher priority first, then who waits longest, then by conversation.
func Less(a, b Request) bool { return compareRequests(&a, &b) < 0 }

// Next returns whose turn it is in a department's line: the order of Less, but where Rule.ExpiringFirst is set, those whose
// window shuts within ExpiringSoon come first within their priority. ok is false when nobody waits.
func (r Rule) Next(waiting []Request, now time.Time) (next Request, ok bool) {
	if len(waiting) == 0 {
		return Request{}, false
	}
	return slices.MinFunc(waiting, r.order(now)), true
}

// Sort puts a department's line into the order of Next.
func (r Rule) Sort(waiting []Request, now time.Time) { slices.SortFunc(waiting, r.order(now)) }

func (r Rule) order(now time.Time) func(a, b Request) int {
	return func(a, b Request) int {
		if r.ExpiringFirst && a.Priority == b.Priority {
			if c := trueFirst(expiring(&a, now), expiring(&b, now)); c != 0 {
				return c
			}
		}
		return compareRequests(&a, &b)
	}
}

func compareRequests(a, b *Request) int {
	if c := cmp.Compare(b.Priority, a.Priority); c != 0 {
		return c
	}
	if c := a.WaitingSince.Compare(b.WaitingSince); c != 0 {
		return c
	}
	return compareIDs(a.Conversation, b.Conversation)
}

// expiring is false for a window that has shut already: there is nothing left to save.
func expiring(r *Request, now time.Time) bool {
	return now.Before(r.ShutsAt) && r.ShutsAt.Sub(now) <= ExpiringSoon
}

// Assignment is one conversation that a drained line gave away.
type Assignment struct {
	Request  Request
	Decision Decision
}

// Drain gives away all that can be given of a department's line, in the order of Next, and returns what it gave and the
// snapshot as it is then. One conversation that nobody may get does not hold up those behind it. After Drain no conversation
// waits that an agent of the snapshot may get. Neither argument is changed.
//
// It is a plan: the real thing commits one assignment after another and counts each load again. It serves simulations, dry
// runs of a changed rule, and commits of many at once.
func Drain(rule Rule, waiting []Request, agents []Agent, now time.Time, seed uint64) (given []Assignment, after []Agent) {
	line, after := slices.Clone(waiting), slices.Clone(agents)
	rule.Sort(line, now)
	dry := make(map[ID]bool) // departments in which nobody has room for anything
	for _, r := range line {
		if dry[r.Department] {
			continue
		}
		d, chosen := choose(r, rule, after, now, seed)
		if chosen == nil {
			dry[r.Department] = len(r.Exclude) == 0
			continue
		}
		given = append(given, Assignment{Request: r, Decision: d})
		chosen.Load++
		chosen.LastAssignedAt = now.Add(time.Duration(len(given))) // one after another, though all at one moment
	}
	return given, after
}
