package web

import (
	"sync"
	"time"
)

// seldom lets a line of each kind into the log once a second: when everything is refused at once, the log would cost more than the
// refusals do. They are all counted, by the metrics.
type seldom struct {
	mu    sync.Mutex
	kinds map[string]silence
}

type silence struct {
	until time.Time
	left  int // lines not written since the last one
}

// pass tells whether a line may be written now, and how many of its kind were not since the last one. There are few kinds.
func (s *seldom) pass(kind string, now time.Time) (left int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[kind]
	if now.Before(k.until) {
		k.left++
		s.kinds[kind] = k
		return 0, false
	}
	if s.kinds == nil {
		s.kinds = map[string]silence{}
	}
	s.kinds[kind] = silence{until: now.Add(time.Second)}
	return k.left, true
}
