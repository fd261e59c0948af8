package window_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/window"
)

// The rules as the drivers state them.
var (
	whatsapp = window.Rule{
		Open: window.ServiceWindow, Templates: true, FreeEntry: window.FreeEntryWindow,
	}
	instagram = window.Rule{Open: window.ServiceWindow, HumanAgent: window.HumanAgentWindow}
	webchat   = window.Rule{}
)

// wrote is when the contact last wrote, in every table: 1795250000, as in the provider fixtures.
var wrote = time.Unix(1795250000, 0).UTC()

const (
	day = 24 * time.Hour
	ns  = time.Nanosecond
)

func TestDecideFollowsTheLawToTheNanosecond(t *testing.T) {
	t.Parallel()
	const (
		shuts = day - window.Margin
		ends  = 7*day - window.Margin
	)
	for _, c := range []struct {
		name   string
		rule   window.Rule
		after  time.Duration // since the contact wrote
		kind   window.Kind
		by     window.Author
		margin time.Duration
		want   window.Reason
	}{
		{name: "whatsapp: free right after the message", rule: whatsapp, after: 0, want: "open"},
		{name: "whatsapp: free a nanosecond before the margin", rule: whatsapp, after: shuts - ns, want: "open"},
		{name: "whatsapp: closed at the margin", rule: whatsapp, after: shuts, want: "window_closed"},
		{name: "whatsapp: closed a nanosecond into the margin", rule: whatsapp, after: shuts + ns, want: "window_closed"},
		{name: "whatsapp: closed at 24 h", rule: whatsapp, after: day, want: "window_closed"},
		{name: "whatsapp: a person has no more rights than a bot", rule: whatsapp, after: shuts, by: window.Person, want: "window_closed"},
		{name: "whatsapp: a bot may write in the window", rule: whatsapp, after: shuts - ns, by: window.Automation, want: "open"},
		{name: "whatsapp: a wider margin closes earlier", rule: whatsapp, after: day - 5*time.Minute, margin: 5 * time.Minute, want: "window_closed"},
		{name: "whatsapp: free a nanosecond before a wider margin", rule: whatsapp, after: day - 5*time.Minute - ns, margin: 5 * time.Minute, want: "open"},
		{name: "whatsapp: no margin asked for means the margin", rule: whatsapp, after: shuts, margin: 0, want: "window_closed"},
		{name: "whatsapp: a negative margin means the margin", rule: whatsapp, after: shuts, margin: -time.Hour, want: "window_closed"},
		{name: "whatsapp: a margin wider than the window refuses everything free", rule: whatsapp, after: 0, margin: 25 * time.Hour, want: "window_closed"},
		{name: "whatsapp: a template in the window is just a message", rule: whatsapp, after: shuts - ns, kind: window.Template, want: "open"},
		{name: "whatsapp: a template may go outside", rule: whatsapp, after: shuts, kind: window.Template, want: "template_allowed"},
		{name: "whatsapp: a bot's template may go outside", rule: whatsapp, after: 90 * day, kind: window.Template, by: window.Automation, want: "template_allowed"},
		{name: "whatsapp: a reaction needs the window", rule: whatsapp, after: shuts, kind: window.Reaction, want: "window_closed"},
		{name: "whatsapp: a reaction in the window", rule: whatsapp, after: shuts - ns, kind: window.Reaction, want: "open"},

		{name: "instagram: free in the window", rule: instagram, after: shuts - ns, want: "open"},
		{name: "instagram: a person may answer from the margin on", rule: instagram, after: shuts, by: window.Person, want: "human_agent"},
		{name: "instagram: a bot may not", rule: instagram, after: shuts, by: window.Automation, want: "person_only"},
		{name: "instagram: an unknown author is a bot", rule: instagram, after: shuts, by: "somebody", want: "person_only"},
		{name: "instagram: a person may answer until a nanosecond before 7 d less the margin", rule: instagram, after: ends - ns, by: window.Person, want: "human_agent"},
		{name: "instagram: closed at 7 d less the margin", rule: instagram, after: ends, by: window.Person, want: "window_closed"},
		{name: "instagram: a bot is told that it is closed, not that a person may", rule: instagram, after: ends, by: window.Automation, want: "window_closed"},
		{name: "instagram: a wider margin narrows a person's time too", rule: instagram, after: 7*day - time.Hour, by: window.Person, margin: time.Hour, want: "window_closed"},
		{name: "instagram: there are no templates to send outside", rule: instagram, after: shuts, kind: window.Template, by: window.Person, want: "window_closed"},
		{name: "instagram: a reaction carries no tag", rule: instagram, after: shuts, kind: window.Reaction, by: window.Person, want: "window_closed"},
		{name: "instagram: an unknown kind has no more rights than a reaction", rule: instagram, after: shuts, kind: "sticker", by: window.Person, want: "window_closed"},

		{name: "web chat: there is no window", rule: webchat, after: 900 * day, want: "no_window"},
		{name: "web chat: nor for a bot", rule: webchat, after: 900 * day, by: window.Automation, want: "no_window"},

		{name: "a message seemingly from Skew ahead still opens", rule: whatsapp, after: -window.Skew, want: "open"},
		{name: "a message from further ahead proves a wrong clock and opens nothing", rule: whatsapp, after: -window.Skew - ns, want: "window_closed"},
		{name: "nor does it let a person answer", rule: instagram, after: -window.Skew - ns, by: window.Person, want: "window_closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.kind == "" {
				c.kind = window.Freeform
			}
			got := c.rule.Decide(wrote.Add(c.after), window.Ask{
				State: window.State{OpenedAt: wrote}, Kind: c.kind, By: c.by, Margin: c.margin,
			})
			if got.Reason != c.want {
				t.Fatalf("reason = %s, want %s (%+v)", got.Reason, c.want, got)
			}
			checkShape(t, got)
		})
	}
}

// checkShape asserts what every decision promises: verdict, tag and next step follow from the reason.
func checkShape(t interface {
	Helper()
	Fatalf(string, ...any)
}, d window.Decision,
) {
	t.Helper()
	want := window.Allow
	switch d.Reason {
	case window.ReasonHumanAgent:
		want = window.AllowTagged
	case window.ReasonWindowClosed, window.ReasonPersonOnly, window.ReasonOptedOut:
		want = window.Refuse
	}
	switch {
	case !slices.Contains(window.Reasons(), d.Reason):
		t.Fatalf("reason %q is not of the closed set", d.Reason)
	case d.Verdict != want:
		t.Fatalf("verdict %s for reason %s", d.Verdict, d.Reason)
	case d.Allowed() == (d.Verdict == window.Refuse):
		t.Fatalf("Allowed() = %v with verdict %s", d.Allowed(), d.Verdict)
	case (d.Tag == window.TagHumanAgent) != (d.Verdict == window.AllowTagged):
		t.Fatalf("tag %q with verdict %s", d.Tag, d.Verdict)
	case (d.Next != "") != (d.Verdict == window.Refuse):
		t.Fatalf("next step %q with verdict %s", d.Next, d.Verdict)
	}
}

func TestAContactWhoNeverWroteGetsTemplatesOnly(t *testing.T) {
	t.Parallel()
	ask := func(r window.Rule, k window.Kind) window.Reason {
		return r.Decide(wrote, window.Ask{Kind: k, By: window.Person}).Reason
	}
	for _, c := range []struct {
		rule window.Rule
		kind window.Kind
		want window.Reason
	}{
		{whatsapp, window.Freeform, window.ReasonWindowClosed},
		{whatsapp, window.Template, window.ReasonTemplateAllowed},
		{instagram, window.Freeform, window.ReasonWindowClosed},
		{instagram, window.Template, window.ReasonWindowClosed},
		{webchat, window.Freeform, window.ReasonNoWindow},
	} {
		if got := ask(c.rule, c.kind); got != c.want {
			t.Errorf("%+v %s: %s, want %s", c.rule, c.kind, got, c.want)
		}
	}
	// Not even in the year 1, where the zero time lies.
	if d := whatsapp.Decide(time.Time{}, window.Ask{Kind: window.Freeform}); d.Allowed() {
		t.Errorf("a zero state at a zero clock was allowed: %+v", d)
	}
}

func TestAClockThatWasForgottenAllowsNothingFree(t *testing.T) {
	t.Parallel()
	d := whatsapp.Decide(time.Time{}, window.Ask{State: window.State{OpenedAt: wrote}, Kind: window.Freeform})
	if d.Allowed() {
		t.Fatalf("allowed with a zero clock: %+v", d)
	}
}

func TestARefusalNamesTheNextAllowedStep(t *testing.T) {
	t.Parallel()
	closed := window.State{OpenedAt: wrote}
	for _, c := range []struct {
		name string
		rule window.Rule
		ask  window.Ask
		at   time.Duration
		want window.Step
	}{
		{"whatsapp closed: a template", whatsapp, window.Ask{State: closed, Kind: window.Freeform}, 2 * day, window.StepTemplate},
		{"instagram closed: wait", instagram, window.Ask{State: closed, Kind: window.Freeform}, 8 * day, window.StepWait},
		{"instagram, a bot after 24 h: a person", instagram, window.Ask{State: closed, Kind: window.Freeform}, 2 * day, window.StepPerson},
		{"opted out: wait, even where templates are", whatsapp, window.Ask{State: closed.OptOut(wrote)}, time.Hour, window.StepWait},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if d := c.rule.Decide(wrote.Add(c.at), c.ask); d.Next != c.want {
				t.Fatalf("next = %q, want %q (%+v)", d.Next, c.want, d)
			}
		})
	}
}

func TestAnOptOutRefusesEverythingUntilTheContactWrites(t *testing.T) {
	t.Parallel()
	out := window.State{OpenedAt: wrote}.OptOut(wrote) // "//stop" is itself a message
	for _, rule := range []window.Rule{whatsapp, instagram, webchat} {
		for _, kind := range []window.Kind{window.Freeform, window.Template, window.Reaction} {
			for _, by := range []window.Author{window.Person, window.Automation} {
				d := rule.Decide(wrote.Add(time.Minute), window.Ask{State: out, Kind: kind, By: by})
				if d.Reason != window.ReasonOptedOut {
					t.Errorf("%+v %s by %s: %+v", rule, kind, by, d)
				}
				checkShape(t, d)
			}
		}
	}
	ask := func(s window.State) window.Reason {
		return whatsapp.Decide(wrote.Add(time.Hour), window.Ask{State: s, Kind: window.Freeform}).Reason
	}
	if got := ask(window.Advance(out, wrote.Add(-time.Minute), wrote.Add(time.Hour))); got != window.ReasonOptedOut {
		t.Errorf("an older message that arrived later lifted the opt-out: %s", got)
	}
	if got := ask(window.Advance(out, wrote.Add(ns), wrote.Add(time.Hour))); got != window.ReasonOpen {
		t.Errorf("a newer message did not lift the opt-out: %s", got)
	}
	if got := (window.State{}).OptOut(wrote); whatsapp.Decide(wrote, window.Ask{State: got, Kind: window.Template}).Allowed() {
		t.Error("a template went to an opted-out contact who never wrote")
	}
}

func TestTheProvidersRefusalOverrulesOurClock(t *testing.T) {
	t.Parallel()
	sent := wrote.Add(3 * time.Hour)
	ask := func(r window.Rule, s window.State, k window.Kind) window.Decision {
		return r.Decide(sent.Add(time.Minute), window.Ask{State: s, Kind: k, By: window.Person})
	}
	shut := window.State{OpenedAt: wrote}.Refuse(sent)
	d := ask(whatsapp, shut, window.Freeform)
	if d.Reason != window.ReasonWindowClosed || !d.ShutsAt.Equal(sent) {
		t.Errorf("after 131047: %+v", d)
	}
	late := window.State{OpenedAt: wrote}.Refuse(wrote.Add(30 * time.Hour))
	if d := ask(whatsapp, late, window.Freeform); !d.ShutsAt.Equal(wrote.Add(day - window.Margin)) {
		t.Errorf("a refusal of a window that our clock had closed already: %+v", d)
	}
	if d := ask(whatsapp, shut, window.Template); d.Reason != window.ReasonTemplateAllowed {
		t.Errorf("a template after 131047: %+v", d)
	}
	if d := ask(instagram, shut, window.Freeform); d.Reason != window.ReasonWindowClosed || !d.HumanUntil.IsZero() {
		t.Errorf("a person after a refusal: %+v", d)
	}
	if d := ask(webchat, shut, window.Freeform); d.Reason != window.ReasonNoWindow {
		t.Errorf("a channel without a window: %+v", d)
	}
	for _, c := range []struct {
		name  string
		wrote time.Time
		want  window.Reason
	}{
		{"an older message that arrives late leaves it shut", sent.Add(-ns), window.ReasonWindowClosed},
		{"a message of the same moment leaves it shut", sent, window.ReasonWindowClosed},
		{"a newer message opens it", sent.Add(ns), window.ReasonOpen},
	} {
		s := window.Advance(shut, c.wrote, sent.Add(time.Minute))
		if d := ask(whatsapp, s, window.Freeform); d.Reason != c.want {
			t.Errorf("%s: %+v", c.name, d)
		}
	}
	// A clock set back to before the refusal does not undo it.
	if d := whatsapp.Decide(wrote.Add(time.Hour), window.Ask{State: shut, Kind: window.Freeform}); d.Allowed() {
		t.Errorf("allowed at a time before the refusal: %+v", d)
	}
}

func TestFreeEntryIsAboutThePriceOnly(t *testing.T) {
	t.Parallel()
	free := window.State{OpenedAt: wrote}.Free(wrote.Add(time.Hour + window.FreeEntryWindow))
	for _, c := range []struct {
		name   string
		rule   window.Rule
		state  window.State
		after  time.Duration
		kind   window.Kind
		reason window.Reason
		free   bool
	}{
		{"free text in the window costs nothing", whatsapp, free, time.Hour, window.Freeform, window.ReasonOpen, true},
		{"free text after 24 h is refused all the same", whatsapp, free, day, window.Freeform, window.ReasonWindowClosed, true},
		{"a template after 24 h costs nothing", whatsapp, free, day, window.Template, window.ReasonTemplateAllowed, true},
		{"a nanosecond before its end it is free", whatsapp, free, 73*time.Hour - ns, window.Template, window.ReasonTemplateAllowed, true},
		{"at its end it is not", whatsapp, free, 73 * time.Hour, window.Template, window.ReasonTemplateAllowed, false},
		{"a channel without free entry has none", instagram, window.State{OpenedAt: wrote}.Free(wrote.Add(day)), time.Hour, window.Freeform, window.ReasonOpen, false},
		{"it ends at most 72 h after an answer in the last moment, give or take Skew", whatsapp, window.State{OpenedAt: wrote}.Free(wrote.Add(4*day + window.Skew)), time.Hour, window.Freeform, window.ReasonOpen, true},
		{"a later end is not believed", whatsapp, window.State{OpenedAt: wrote}.Free(wrote.Add(4*day + window.Skew + ns)), time.Hour, window.Freeform, window.ReasonOpen, false},
		{"nor one of a contact who never wrote", whatsapp, window.State{}.Free(wrote.Add(day)), 0, window.Template, window.ReasonTemplateAllowed, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := c.rule.Decide(wrote.Add(c.after), window.Ask{State: c.state, Kind: c.kind, By: window.Automation})
			if d.Reason != c.reason || d.FreeUntil.IsZero() == c.free {
				t.Fatalf("%+v", d)
			}
		})
	}
}

func TestADecisionTellsItsTimesWithTheMarginTakenOff(t *testing.T) {
	t.Parallel()
	d := instagram.Decide(wrote.Add(time.Hour), window.Ask{State: window.State{OpenedAt: wrote.In(time.FixedZone("TRT", 3*3600))}, Kind: window.Freeform})
	got, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"verdict":"allow","reason":"open","shuts_at":"2026-11-22T08:32:20Z","human_until":"2026-11-28T08:32:20Z"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got, err = json.Marshal(webchat.Decide(wrote, window.Ask{State: window.State{OpenedAt: wrote}}))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != `{"verdict":"allow","reason":"no_window"}` {
		t.Errorf("web chat: %s", got)
	}
}
