package queue

import (
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"strings"
	"sync"
	"time"
)

// asynqLog hands on what Asynq says, except that it says several times a second what ails Redis. That Redis does not answer is
// logging.Absences' to tell: what Asynq says of it is for debugging. That Redis answers with a refusal is said once a minute.
// All else is said as often as Asynq says it.
type asynqLog struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	told map[string]refrain
}

// refrain is when something was last handed on, and how often it was said again since.
type refrain struct {
	at    time.Time
	again int
}

func newAsynqLog(log *slog.Logger) *asynqLog {
	return &asynqLog{log: log, now: time.Now, told: map[string]refrain{}}
}

// Asynq makes one text of what it says and of the text of go-redis' error, and no kind of its own is left to ask for. What counts
// is the first line: Sentinel's errors have several, and so has the trace of a panic.
var (
	ofRedis    = regexp.MustCompile(`redis [a-z ]*error: |; Will retry syncing$`)
	unanswered = regexp.MustCompile(`\b(?:dial|read|write) (?:tcp|unix) |: (?:unexpected EOF|EOF|i/o timeout|context deadline exceeded)$|` +
		`: redis: (?:connection pool timeout|all sentinels specified in configuration are unreachable)`)
	ids = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// Debug implements asynq.Logger.
func (*asynqLog) Debug(...any) {}

// Info implements asynq.Logger.
func (*asynqLog) Info(...any) {}

// Warn implements asynq.Logger.
func (l *asynqLog) Warn(args ...any) {
	said := fmt.Sprint(args...)
	first, _, _ := strings.Cut(said, "\n")
	switch {
	case unanswered.MatchString(first):
		l.log.Debug("asynq", "said", said)
	case ofRedis.MatchString(first):
		if n, due := l.due(ids.ReplaceAllString(said, "")); due {
			l.log.Warn("asynq", "said", said, "repeated", n)
		}
	default:
		l.log.Warn("asynq", "said", said)
	}
}

// due tells whether to hand on a text, and how often it was held back before.
func (l *asynqLog) due(text string) (heldBack int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	r, known := l.told[text]
	if known && now.Sub(r.at) < time.Minute {
		l.told[text] = refrain{r.at, r.again + 1}
		return 0, false
	}
	maps.DeleteFunc(l.told, func(_ string, r refrain) bool { return now.Sub(r.at) > time.Hour })
	l.told[text] = refrain{at: now}
	return r.again, true
}

// Error implements asynq.Logger. What Asynq calls an error it tries again.
func (l *asynqLog) Error(args ...any) { l.Warn(args...) }

// Fatal implements asynq.Logger.
func (l *asynqLog) Fatal(args ...any) { l.log.Error("asynq", "said", fmt.Sprint(args...)) }
