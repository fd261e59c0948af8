package e2e

import (
	"fmt"
	"slices"
	"time"

	"gatehouse/internal/fakemeta"
)

// figures are how well a storm went beside what must be zero.
type figures struct {
	refused   float64       // of the first posts, those that were not taken
	accept    time.Duration // p99 from a post to its 200
	seen      time.Duration // p95 from a message's first 200 to somebody's screen
	recovered time.Duration // from the last post until nothing was due any more
}

func (f figures) String() string {
	return fmt.Sprintf("recov_s=%.1f refused_pct=%.1f accept_p99_ms=%d seen_p95_ms=%d", f.recovered.Seconds(), 100*f.refused, f.accept.Milliseconds(), f.seen.Milliseconds())
}

// bounds are the extra pass figures of RELIABILITY.md §2; zero is no bound, never is none at all.
type bounds figures

// never is the share of refused posts where the table says that there are none.
const never = -1

// broken names the bounds that do not hold.
func (b bounds) broken(f figures) (all []string) {
	if b.refused != 0 && f.refused > max(0, b.refused) {
		all = append(all, fmt.Sprintf("%.1f %% of the posts were refused", 100*f.refused))
	}
	for _, c := range []struct {
		what      string
		got, most time.Duration
	}{{"the p99 of an answer", f.accept, b.accept}, {"the p95 until a message is seen", f.seen, b.seen}, {"the time until all was well", f.recovered, b.recovered}} {
		if c.most > 0 && c.got > c.most {
			all = append(all, fmt.Sprintf("%s is %s, more than %s", c.what, c.got.Round(time.Millisecond), c.most))
		}
	}
	return all
}

// measure reads the figures from what the provider and the screens remember.
func measure(l fakemeta.Ledger, recovered time.Duration, all ...*colleague) figures {
	f := figures{recovered: recovered}
	var answers, sights []time.Duration
	firsts, refused := 0, 0
	taken := map[string]time.Time{}
	for _, a := range l.Webhooks {
		if a.Attempt == 1 {
			firsts++
			if !a.Acked() {
				refused++
			}
		}
		if !a.Acked() {
			continue
		}
		answers = append(answers, a.Took)
		for i, id := range a.IDs {
			if at := a.At.Add(a.Took); a.What[i] == "message" && (taken[id].IsZero() || at.Before(taken[id])) {
				taken[id] = at
			}
		}
	}
	seen := map[string]time.Time{}
	for _, c := range all {
		c.mu.Lock()
		for id, at := range c.seen {
			if seen[id].IsZero() || at.Before(seen[id]) {
				seen[id] = at
			}
		}
		c.mu.Unlock()
	}
	for id, at := range taken {
		if s, ok := seen[id]; ok { // who was never seen is counted as lost
			sights = append(sights, max(0, s.Sub(at)))
		}
	}
	f.refused = float64(refused) / float64(max(1, firsts))
	f.accept, f.seen = quantile(answers, 0.99), quantile(sights, 0.95)
	return f
}

// quantile is the smallest value that so much of all is not above.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}
