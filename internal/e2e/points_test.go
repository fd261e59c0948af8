package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/crash"
)

// quick are the points of the quick choice, at each of which a process dies three times instead of twenty.
var quick = []crash.Point{crash.AfterDoorbell, crash.AfterLaneCommit, crash.AfterAnswer}

// door are the points that a gateway passes; the others are the workers'.
var door = []crash.Point{crash.BeforeInsert, crash.AfterInsert, crash.AfterDoorbell}

// TestCrashPoints has a process die at one point of a message's way, again and again, while customers write and agents answer.
// F25 is after_http_reply_before_tx2.
func TestCrashPoints(t *testing.T) {
	for _, point := range crash.Points {
		if !chosen(string(point), slices.Contains(quick, point)) {
			continue
		}
		t.Run(string(point), func(t *testing.T) {
			deaths, died := 20, 0
			load := forecast{gateways: 2, workers: 2, messages: 3000, perSecond: 60, contacts: 200, duplicatePct: 10, reorderPct: 5}
			if *only == "" {
				deaths, load.messages = 3, 1200
			}
			if slices.Contains(door, point) {
				load.gateways = 1 // whose connections break stays without any while there is another
			}
			s := newStorm(t, load, func(hosts ...string) *house {
				h := newHouse(t, hosts...)
				h.tag = "chaos"
				return h
			})
			s.blow(string(point), load, func(s *storm) {
				all := s.workers
				if slices.Contains(door, point) {
					all = s.gateways
				}
				for died < deaths {
					p := all[died%len(all)]
					p.restart(fmt.Sprintf("CRASH_AT=%s:%d", point, 1+s.rng.IntN(5)))
					if !p.dies(15 * time.Second) { // too little happens any more
						p.restart()
						break
					}
					died++
					s.hurt()
					p.restart()
				}
			})
			if t.Logf("died %d times", died); died < deaths/2 {
				t.Errorf("died %d times, not %d", died, deaths)
			}
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
