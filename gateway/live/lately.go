package live

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// What everybody may know is not in the cursor, which is about conversations. A client that was away for a moment is told it in two ways.
//
// Of the lists that people change there are versions in the record: the welcome carries them, as the last look found them, and when a
// look finds later ones, all are told. A socket is in the hub before it reads them, so that of a change either its welcome tells or the
// next look, however old these versions are; and 10,000 sockets that come at once ask the record nothing.
//
// Presences and the states of accounts have none: the hub remembers the last word on each, and says it again to whoever may not have
// heard it. If it cannot know what was said meanwhile, it has them read what these words are about.

// lately is what everybody was told, and the versions of the lists. It is as large as the desk: one word on each agent, account and list.
type lately struct {
	mu       sync.Mutex
	words    map[string]word // by what they are about
	whole    time.Time       // from when on no word is missing, by the record's clock; zero: from the next look on
	deaf     bool            // the bus was, at the last look
	versions map[string]int64
}

// word is a frame, and when it was told at the latest, by the record's clock; zero: since the last look.
type word struct {
	body []byte
	at   time.Time
}

func newLately() lately { return lately{words: map[string]word{}} }

// note remembers the last word on something.
func (l *lately) note(about string, body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.words[about] = word{body: body}
}

// lost notes that words may be missing.
func (l *lately) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.whole = time.Time{}
}

// age notes the record's clock, as a look found it, and whether words of others do not come through.
func (l *lately) age(now time.Time, deaf bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.whole.IsZero() || deaf || l.deaf || now.Before(l.whole) { // before: the record went back
		l.whole = now
	}
	l.deaf = deaf
	for about, w := range l.words {
		if w.at.IsZero() {
			l.words[about] = word{w.body, now}
		}
	}
}

// since are the frames for a client that has heard everything before at: the last words since, or, if some may be missing, that the
// lists they are about are to be read again. An agent's own canned replies are there because they have no version.
func (l *lately) since(at time.Time) (frames [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.whole.IsZero() || at.Before(l.whole) {
		for _, list := range []string{"accounts", "agents", "canned_replies"} {
			if f, err := encode(settingsFrame{Type: "settings", What: list}); err == nil { // plain values: it is
				frames = append(frames, f)
			}
		}
		return frames
	}
	for _, w := range l.words { // each is about something else: in any order
		if w.at.IsZero() || !w.at.Before(at) {
			frames = append(frames, w.body)
		}
	}
	return frames
}

// known are the versions of the lists as the last look found them.
func (l *lately) known() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.versions
}

// announce tells everybody the last word on something, and remembers what of it is said again to who comes back. It is remembered
// before the sockets are looked up, as a socket is among them before it asks what it missed.
func (h *hub) announce(about string, now, again any) {
	word, err := encode(again)
	if err != nil {
		h.deps.Log.Error("live: a notice cannot be encoded", slog.Any("error", err))
		return
	}
	h.lately.note(about, word)
	h.everyone(now)
}

// setVersions notes the versions of the lists, and tells everybody those that changed: the bus may have lost the news, or a client was
// away when it came.
func (h *hub) setVersions(next map[string]int64) {
	h.lately.mu.Lock()
	last := h.lately.versions
	h.lately.versions = next
	h.lately.mu.Unlock()
	if last == nil {
		return // nobody was welcomed before
	}
	for _, list := range slices.Sorted(maps.Keys(next)) {
		if next[list] > last[list] {
			h.everyone(settingsFrame{"settings", list, next[list]})
		}
	}
}
