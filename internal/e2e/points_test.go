//go:build chaos

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/crash"
)

// tags are those of the binary under test.
const tags = "chaos"

// deaths is how often a process dies at each crash point.
const deaths = 20

// door are the points that a gateway passes; the others are the workers'.
var door = []crash.Point{crash.BeforeInsert, crash.AfterInsert, crash.AfterDoorbell}

// TestCrashPoints has a process die at one point of a message's way, again and again, while customers write and agents answer.
// F25 is after_http_reply_before_tx2.
func TestCrashPoints(t *testing.T) {
	wanted := strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })
	for _, point := range crash.Points {
		if len(wanted) > 0 && !slices.Contains(wanted, string(point)) {
			continue
		}
		t.Run(string(point), func(t *testing.T) {
			load := forecast{gateways: 2, workers: 2, messages: 3000, perSecond: 60, contacts: 200, duplicatePct: 10, reorderPct: 5}
			if slices.Contains(door, point) {
				load.gateways = 1 // whose connections break stays without any while there is another
			}
			s := newStorm(t, load, func(hosts ...string) *house { return newHouse(t, hosts...) })
			s.blow(string(point), load, func(s *storm) {
				all := s.workers
				if slices.Contains(door, point) {
					all = s.gateways
				}
				for i := range deaths {
					p := all[i%len(all)]
					p.restart(fmt.Sprintf("CRASH_AT=%s:%d", point, 1+s.rng.IntN(5)))
					if !p.dies(20 * time.Second) {
						t.Fatalf("%s has not come to %s", p.name, point)
					}
					s.hurt()
					p.restart()
				}
			})
		})
	}
}

// dies waits until the process has ended by itself.
func (p *process) dies(patience time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.end: //nolint:errcheck // how it ended is known: killed by itself
		return true
	case <-time.After(patience):
		return false
	}
}
