package window_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/internal/window"
)

// An event is one thing that can happen to a State.
type event struct {
	verb     string
	at       time.Time // the provider's time, or the time of our send
	received time.Time
}

func (e event) apply(s window.State) window.State {
	switch e.verb {
	case "inbound":
		return window.Advance(s, e.at, e.received)
	case "refused":
		return s.Refuse(e.at)
	case "opted out":
		return s.OptOut(e.at)
	default:
		return s.Free(e.at)
	}
}

func apply(s window.State, events []event) window.State {
	for _, e := range events {
		s = e.apply(s)
	}
	return s
}

// moment draws a time within a few days of wrote, on whole minutes often enough that events coincide.
func moment() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		minutes := rapid.Int64Range(0, 10*24*60).Draw(t, "minutes")
		nanos := rapid.SampledFrom([]time.Duration{0, 0, ns, -ns, 59 * time.Second}).Draw(t, "nanos")
		return wrote.Add(time.Duration(minutes)*time.Minute + nanos)
	})
}

func anEvent() *rapid.Generator[event] {
	return rapid.Custom(func(t *rapid.T) event {
		at := moment().Draw(t, "at")
		e := event{
			verb: rapid.SampledFrom([]string{"inbound", "inbound", "refused", "opted out", "free"}).Draw(t, "verb"),
			at:   at, received: at.Add(time.Duration(rapid.Int64Range(-20, 3*24*60).Draw(t, "late")) * time.Minute),
		}
		if e.verb == "inbound" && rapid.IntRange(0, 9).Draw(t, "junk") == 0 {
			e.at = time.Unix(0, 0) // a provider's time that is not believed
		}
		return e
	})
}

func aRule() *rapid.Generator[window.Rule] {
	return rapid.SampledFrom([]window.Rule{whatsapp, instagram, webchat})
}

func TestAnyOrderAndAnyRepetitionOfEventsEndsInTheSameState(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(anEvent(), 1, 12).Draw(t, "events")
		repeated := append(slices.Clip(events), rapid.SliceOf(rapid.SampledFrom(events)).Draw(t, "repeated")...)
		shuffled := rapid.Permutation(repeated).Draw(t, "shuffled")
		if a, b := apply(window.State{}, events), apply(window.State{}, shuffled); a != b {
			t.Fatalf("in order %+v\nshuffled %+v", a, b)
		}
	})
}

func TestARefusalOverrulesWhateverCameBeforeIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := window.Advance(window.State{}, wrote, wrote)
		s = apply(s, rapid.SliceOf(anEvent()).Draw(t, "before"))
		refused := s.OpenedAt.Add(time.Duration(rapid.Int64Range(0, 24*60).Draw(t, "minutes later")) * time.Minute)
		s = s.Refuse(refused)
		// Anything older than the refusal may still arrive.
		for _, at := range rapid.SliceOf(rapid.Int64Range(0, 3*24*60)).Draw(t, "late") {
			provider := refused.Add(-time.Duration(at) * time.Minute)
			s = window.Advance(s, provider, refused.Add(time.Hour))
		}
		rule := rapid.SampledFrom([]window.Rule{whatsapp, instagram}).Draw(t, "rule")
		d := rule.Decide(moment().Draw(t, "now"), window.Ask{State: s, Kind: window.Freeform, By: window.Person})
		if d.Allowed() {
			t.Fatalf("allowed after a refusal: %+v %+v", s, d)
		}
	})
}

func TestAReplayedWebhookNeverReopens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		provider, delay := moment().Draw(t, "provider"), time.Duration(rapid.Int64Range(0, 60).Draw(t, "delay"))*time.Second
		s := window.Advance(window.State{}, provider, provider.Add(delay))
		for _, later := range rapid.SliceOfN(rapid.Int64Range(0, 90*24), 1, 5).Draw(t, "hours later") {
			replayed := window.Advance(s, provider, provider.Add(delay).Add(time.Duration(later)*time.Hour))
			if replayed != s {
				t.Fatalf("%+v became %+v", s, replayed)
			}
		}
	})
}

func TestARedeliveryNeverOpensBeyondTheProvidersOwnTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { // the provider's clock may be ahead of ours
		provider := moment().Draw(t, "provider")
		ahead := time.Duration(rapid.Int64Range(0, int64(window.Skew)).Draw(t, "ahead"))
		s := window.Advance(window.State{}, provider, provider.Add(-ahead))
		s = window.Advance(s, provider, provider.Add(90*day))
		if s.OpenedAt.After(provider) {
			t.Fatalf("opened at %v by an event of %v", s.OpenedAt, provider)
		}
	})
}

func TestDecisionsKeepTheirBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := aRule().Draw(t, "rule")
		s := apply(window.State{}, rapid.SliceOf(anEvent()).Draw(t, "events"))
		now := moment().Draw(t, "now")
		ask := window.Ask{
			State: s, Kind: rapid.SampledFrom([]window.Kind{window.Freeform, window.Template, window.Reaction}).Draw(t, "kind"),
			Margin: time.Duration(rapid.Int64Range(-60, 3600).Draw(t, "margin")) * time.Second,
		}
		bot := ask
		ask.By, bot.By = window.Person, window.Automation
		byPerson, byBot := rule.Decide(now, ask), rule.Decide(now, bot)
		checkShape(t, byPerson)
		checkShape(t, byBot)
		if byBot.Verdict == window.AllowTagged {
			t.Fatalf("automation was given the tag: %+v", byBot)
		}
		if byBot.Allowed() && !byPerson.Allowed() {
			t.Fatalf("a bot may and a person may not: %+v %+v", byBot, byPerson)
		}
		later := now.Add(time.Duration(rapid.Int64Range(0, 9*24*3600).Draw(t, "later")) * time.Second)
		if !now.Before(s.OpenedAt) && !byPerson.Allowed() && rule.Decide(later, ask).Allowed() {
			t.Fatalf("time alone opened it: %+v", byPerson)
		}
		wider := ask
		wider.Margin = max(ask.Margin, 0) + time.Hour
		if !byPerson.Allowed() && rule.Decide(now, wider).Allowed() {
			t.Fatalf("a wider margin opened it: %+v", byPerson)
		}
	})
}

func TestAPhaseEndsExactlyWhenTheViewSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := aRule().Draw(t, "rule")
		s := apply(window.State{}, rapid.SliceOf(anEvent()).Draw(t, "events"))
		now := moment().Draw(t, "now")
		if s.OpenedAt.After(now.Add(window.Skew)) {
			now = s.OpenedAt // a State from the future is the fuzz target's matter
		}
		v := rule.View(now, s)
		if v.Until.IsZero() {
			if later := rule.View(now.Add(365*day), s); later.Phase != v.Phase {
				t.Fatalf("%s has no end, and became %s", v.Phase, later.Phase)
			}
			return
		}
		if before := rule.View(v.Until.Add(-ns), s); before.Phase != v.Phase {
			t.Fatalf("%s was %s before its end", v.Phase, before.Phase)
		}
		if after := rule.View(v.Until, s); after.Phase == v.Phase {
			t.Fatalf("%s did not end at %v", v.Phase, v.Until)
		}
	})
}
