package window_test

import (
	"testing"
	"time"

	"gatehouse/internal/window"
)

// FuzzWindow is RELIABILITY.md I9: whatever two events said, in seconds since 1970, nothing written freely leaves 24 h less
// the margin after the later of them by an untagged send, nor 7 days after it by anyone; and no input panics.
func FuzzWindow(f *testing.F) {
	at := wrote.Unix()
	f.Add(at, at, at-3600, at+5, at+3600, uint32(0), uint32(0), int64(0), uint8(0))
	f.Fuzz(func(t *testing.T, provider1, received1, provider2, received2, now int64, refused, optedOut uint32, margin int64, how uint8) {
		rule := []window.Rule{whatsapp, instagram, {Open: window.ServiceWindow, HumanAgent: window.HumanAgentWindow, Templates: true}}[how%3]
		ask := window.Ask{
			Kind:   []window.Kind{window.Freeform, window.Template, window.Reaction, ""}[how/3%4],
			By:     []window.Author{window.Person, window.Automation}[how/12%2],
			Margin: time.Duration(margin),
		}
		clock := time.Unix(now, 0)
		ask.State = window.Advance(ask.State, time.Unix(provider1, 0), time.Unix(received1, 0))
		ask.State = window.Advance(ask.State, time.Unix(provider2, 0), time.Unix(received2, 0))
		if refused != 0 {
			ask.State = ask.State.Refuse(time.Unix(int64(refused), 0))
		}
		if optedOut != 0 {
			ask.State = ask.State.OptOut(time.Unix(int64(optedOut), 0))
		}
		d := rule.Decide(clock, ask)
		checkShape(t, d)
		if v := rule.View(clock, ask.State); v.Phase == "" {
			t.Fatal("a view without a phase")
		}

		// The same law, stated on its own: the later of the two effective times, and how old it is.
		last := oracleEffective(provider1, received1)
		if second := oracleEffective(provider2, received2); second.After(last) {
			last = second
		}
		age := clock.Sub(last)
		switch {
		case optedOut != 0 && !last.After(time.Unix(int64(optedOut), 0)):
			if d.Allowed() {
				t.Fatalf("sent to a contact who opted out: %+v", d)
			}
		case d.Reason == window.ReasonOpen && age >= window.ServiceWindow-window.Margin:
			t.Fatalf("open %v after the last message: %+v", age, d)
		case d.Reason == window.ReasonHumanAgent && (age >= window.HumanAgentWindow-window.Margin || ask.By != window.Person):
			t.Fatalf("tagged %v after the last message by %s: %+v", age, ask.By, d)
		case d.Reason == window.ReasonTemplateAllowed && (ask.Kind != window.Template || !rule.Templates):
			t.Fatalf("%s let out as a template: %+v", ask.Kind, d)
		case d.Allowed() && d.Reason != window.ReasonTemplateAllowed && refused != 0 && !last.After(time.Unix(int64(refused), 0)):
			t.Fatalf("sent freely after the provider's refusal: %+v", d)
		}
	})
}

// oracleEffective states RELIABILITY.md I9 and B19 in seconds: the earlier of two times, or ours if the provider's is absurd.
func oracleEffective(provider, received int64) time.Time {
	p, r := time.Unix(provider, 0), time.Unix(received, 0)
	if p.Year() >= 2009 && p.Before(r) {
		return p
	}
	return r
}
