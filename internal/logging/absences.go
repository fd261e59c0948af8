package logging

import (
	"log/slog"
	"sync"
	"time"
)

// Absences says once that something is away, and once that it is back, however many parts of the process find it out, and however
// often. It knows nothing by itself: who works with the thing tells.
type Absences struct {
	log  *slog.Logger
	text AbsenceText
	now  func() time.Time

	mu   sync.Mutex
	gone map[string]*absence
}

// AbsenceText is how an absence reads.
type AbsenceText struct {
	Key  string // of the name: "redis"
	Gone string // what is so, and what it means for the desk
	Back string
}

type absence struct {
	since  time.Time
	missed map[string]struct{} // by whom
}

// NewAbsences makes one for things of one kind.
func NewAbsences(log *slog.Logger, text AbsenceText) *Absences {
	return &Absences{log: log, text: text, now: time.Now, gone: map[string]*absence{}}
}

// Gone is told by a part of the process each time when it finds a thing away, and why.
func (a *Absences) Gone(name, part string, why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.gone[name]
	if g == nil {
		g = &absence{a.now(), map[string]struct{}{}}
		a.gone[name] = g
		a.log.Warn(a.text.Gone, a.text.Key, name, KeyError, why.Error())
	}
	g.missed[part] = struct{}{}
}

// Here is told by a part each time when it finds the thing there. It is back when all who missed it have said so.
func (a *Absences) Here(name, part string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.gone[name]
	if g == nil {
		return
	}
	if delete(g.missed, part); len(g.missed) == 0 {
		delete(a.gone, name)
		a.log.Info(a.text.Back, a.text.Key, name, "away", a.now().Sub(g.since).Round(100*time.Millisecond).String())
	}
}
