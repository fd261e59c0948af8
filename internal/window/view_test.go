package window_test

import (
	"encoding/json"
	"testing"
	"time"

	"gatehouse/internal/window"
)

func TestTheViewGoesThroughItsPhases(t *testing.T) {
	t.Parallel()
	const (
		shuts = day - window.Margin
		warn  = shuts - window.Closing
		human = 7*day - window.Margin
	)
	open := window.State{OpenedAt: wrote}
	free := open.Free(wrote.Add(30 * time.Hour)) // outlasts the window
	brief := open.Free(wrote.Add(10 * time.Hour))
	for _, c := range []struct {
		name  string
		rule  window.Rule
		state window.State
		after time.Duration
		want  window.Phase
		until time.Duration // since the contact wrote; 0 = no end by itself
	}{
		{"open", whatsapp, open, 0, window.PhaseOpen, warn},
		{"open until a nanosecond before two hours are left", whatsapp, open, warn - ns, window.PhaseOpen, warn},
		{"closing at two hours left", whatsapp, open, warn, window.PhaseClosing, shuts},
		{"closing until the last nanosecond", whatsapp, open, shuts - ns, window.PhaseClosing, shuts},
		{"closed", whatsapp, open, shuts, window.PhaseClosed, 0},
		{"closed: never wrote", whatsapp, window.State{}, 0, window.PhaseClosed, 0},
		{"closed by the provider", whatsapp, open.Refuse(wrote), time.Hour, window.PhaseClosed, 0},
		{"a person's time", instagram, open, shuts, window.PhaseHuman, human},
		{"a person's time until its last nanosecond", instagram, open, human - ns, window.PhaseHuman, human},
		{"closed after a person's time", instagram, open, human, window.PhaseClosed, 0},
		{"none", webchat, open, 900 * day, window.PhaseNone, 0},
		{"opted out", whatsapp, open.OptOut(wrote), 0, window.PhaseOptedOut, 0},
		{"opted out where there is no window", webchat, open.OptOut(wrote), 0, window.PhaseOptedOut, 0},
		{"free entry until the warning", whatsapp, free, 0, window.PhaseFreeEntry, warn},
		{"the warning matters more than the price", whatsapp, free, warn, window.PhaseClosing, shuts},
		{"free entry does not keep the window open", whatsapp, free, shuts, window.PhaseClosed, 0},
		{"a brief free entry ends in an open window", whatsapp, brief, 10*time.Hour - ns, window.PhaseFreeEntry, 10 * time.Hour},
		{"and then it is just open", whatsapp, brief, 10 * time.Hour, window.PhaseOpen, warn},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := c.rule.View(wrote.Add(c.after), c.state)
			var until time.Time
			if c.until != 0 {
				until = wrote.Add(c.until)
			}
			if v.Phase != c.want || !v.Until.Equal(until) {
				t.Fatalf("%s until %v, want %s until %v", v.Phase, v.Until, c.want, until)
			}
		})
	}
}

func TestAClosedViewStillTellsThatTemplatesAreFree(t *testing.T) {
	t.Parallel()
	s := window.State{OpenedAt: wrote}.Free(wrote.Add(72 * time.Hour))
	got, err := json.Marshal(whatsapp.View(wrote.Add(day), s))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"phase":"closed","shuts_at":"2026-11-22T08:32:20Z","free_until":"2026-11-24T08:33:20Z"}`
	if string(got) != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}
