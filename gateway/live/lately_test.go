package live

import (
	"slices"
	"testing"
	"time"

	"gatehouse/internal/chat"
)

// bodies are the frames in a socket's outbox, as text.
func bodies(s *socket) (out []string) {
	frames, _ := s.out.take()
	for _, f := range frames {
		out = append(out, string(f.body))
	}
	return out
}

func TestALookTellsAllThatAListChanged(t *testing.T) {
	t.Parallel()
	r := &record{now: time.Now(), copy: "1", versions: map[string]int64{"agents": 3, "departments": 2}}
	h, s, _ := hall(r, chat.Principal{AgentID: chat.AgentID{1}})
	h.sweep(t.Context())
	settleAll(h)
	if got := h.lately.known(); got["agents"] != 3 || got["departments"] != 2 {
		t.Errorf("a welcome says %v", got)
	}
	h.sweep(t.Context())
	settleAll(h)
	if got := bodies(s); got != nil {
		t.Errorf("nothing changed: %v", got)
	}
	r.versions = map[string]int64{"agents": 5, "departments": 2, "accounts": 4}
	h.sweep(t.Context())
	want := []string{`{"type":"settings","what":"accounts","version":4}`, `{"type":"settings","what":"agents","version":5}`}
	if got := bodies(s); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := h.lately.known(); got["agents"] != 5 || got["accounts"] != 4 {
		t.Errorf("a welcome says %v", got)
	}
	h.sweep(t.Context())
	if got := bodies(s); got != nil {
		t.Errorf("told again: %v", got)
	}
}

func TestWhoWasAwayIsToldTheLastWords(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	again := func(l *lately, seconds int) (out []string) {
		for _, f := range l.since(start.Add(time.Duration(seconds) * time.Second)) {
			out = append(out, string(f))
		}
		slices.Sort(out)
		return out
	}
	read := []string{`{"type":"settings","what":"accounts"}`, `{"type":"settings","what":"agents"}`, `{"type":"settings","what":"canned_replies"}`}
	l := newLately()
	l.note("presence/a", []byte("before the first look"))
	if got := again(&l, 0); !slices.Equal(got, read) {
		t.Errorf("nothing is known yet: %v", got)
	}
	l.age(start, false)
	l.note("presence/a", []byte("online"))
	l.note("presence/b", []byte("online"))
	l.age(start.Add(5*time.Second), false)
	l.note("presence/a", []byte("break"))
	for seconds, want := range map[int][]string{-1: read, 0: {"break", "online"}, 5: {"break", "online"}, 6: {"break"}, 100: {"break"}} {
		if got := again(&l, seconds); !slices.Equal(got, want) {
			t.Errorf("from second %d on: %v", seconds, got)
		}
	}
	l.age(start.Add(10*time.Second), false)
	if got := again(&l, 11); got != nil {
		t.Errorf("said before: %v", got)
	}

	l.lost()
	if got := again(&l, 11); !slices.Equal(got, read) {
		t.Errorf("words were lost: %v", got)
	}
	l.age(start.Add(15*time.Second), false)
	if got := again(&l, 14); !slices.Equal(got, read) {
		t.Errorf("words were lost before: %v", got)
	}
	if got := again(&l, 15); got != nil {
		t.Errorf("nothing was lost since: %v", got)
	}

	l.age(start.Add(20*time.Second), true)
	l.age(start.Add(25*time.Second), false)
	if got := again(&l, 24); !slices.Equal(got, read) {
		t.Errorf("the bus was away until some time before 25: %v", got)
	}
	l.age(start.Add(30*time.Second), false)
	if got := again(&l, 25); got != nil {
		t.Errorf("it is there again: %v", got)
	}
	l.age(start, false)
	if got := again(&l, 0); !slices.Equal(got, []string{"break", "online"}) {
		t.Errorf("the record went back in time: rather once too often than never: %v", got)
	}
}

func TestWhoComesBackIsNotToldWhatAnAgentHeldThen(t *testing.T) {
	t.Parallel()
	h, s, _ := hall(&record{now: time.Unix(1000, 0), copy: "1"}, chat.Principal{AgentID: chat.AgentID{1}})
	h.lately.age(time.Unix(1000, 0), false)
	deniz, since := chat.NewID[chat.AgentID](), time.Unix(900, 0).UTC()
	h.tell(chat.Notice{Kind: chat.NoticePresence, Presence: &chat.PresenceNotice{Agent: deniz, Presence: chat.Online, Since: since, Load: 0, Capacity: 15}})
	now := `{"type":"presence","agent_id":"` + deniz.String() + `","presence":"online","since":"1970-01-01T00:15:00Z","load":0,"capacity":15}`
	if got := bodies(s); !slices.Equal(got, []string{now}) {
		t.Errorf("told %v", got)
	}
	again := `{"type":"presence","agent_id":"` + deniz.String() + `","presence":"online","since":"1970-01-01T00:15:00Z"}`
	if got := h.lately.since(time.Unix(1000, 0)); len(got) != 1 || string(got[0]) != again {
		t.Errorf("told again %s", got)
	}
}
