package window_test

import (
	"fmt"
	"time"

	"gatehouse/internal/window"
)

// An agent answers on WhatsApp: freely within 24 hours, by template after that.
func ExampleRule_Decide() {
	rule := window.Rule{Open: window.ServiceWindow, Templates: true, FreeEntry: window.FreeEntryWindow}
	wrote := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	state := window.Advance(window.State{}, wrote, wrote.Add(2*time.Second))

	for _, after := range []time.Duration{time.Hour, 23*time.Hour + 59*time.Minute} {
		d := rule.Decide(wrote.Add(after), window.Ask{State: state, Kind: window.Freeform, By: window.Person})
		fmt.Println(d.Verdict, d.Reason, d.Next, d.ShutsAt.Format(time.DateTime))
	}
	d := rule.Decide(wrote.Add(48*time.Hour), window.Ask{State: state, Kind: window.Template, By: window.Person})
	fmt.Println(d.Verdict, d.Reason)
	// Output:
	// allow open  2026-11-22 07:59:00
	// refuse window_closed send_template 2026-11-22 07:59:00
	// allow template_allowed
}

// On Instagram a person may answer for seven days, and the answer carries a tag. A bot may not.
func ExampleRule_Decide_humanAgent() {
	rule := window.Rule{Open: window.ServiceWindow, HumanAgent: window.HumanAgentWindow}
	wrote := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	ask := window.Ask{State: window.State{OpenedAt: wrote}, Kind: window.Freeform}

	for _, ask.By = range []window.Author{window.Person, window.Automation} {
		d := rule.Decide(wrote.Add(48*time.Hour), ask)
		fmt.Println(ask.By, d.Verdict, d.Tag, d.Reason)
	}
	// Output:
	// person allow_tagged HUMAN_AGENT human_agent
	// automation refuse  person_only
}

// The provider refuses although our clock says open: shut from then on, until the contact writes again.
func ExampleState_Refuse() {
	rule := window.Rule{Open: window.ServiceWindow, Templates: true}
	wrote := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	now := wrote.Add(3 * time.Hour)

	state := window.State{OpenedAt: wrote}.Refuse(wrote.Add(2 * time.Hour))
	fmt.Println(rule.View(now, state).Phase)

	state = window.Advance(state, now, now)
	fmt.Println(rule.View(now, state).Phase)
	// Output:
	// closed
	// open
}

// A webhook's times: the earlier of the provider's and ours, and ours when the provider's cannot be true.
func ExampleEffective() {
	received := time.Date(2026, 11, 21, 8, 0, 2, 0, time.UTC)
	for _, provider := range []time.Time{received.Add(-2 * time.Second), time.Unix(0, 0)} {
		at, flagged := window.Effective(provider, received)
		fmt.Println(at.Format(time.TimeOnly), flagged)
	}
	// Output:
	// 08:00:00 false
	// 08:00:02 true
}

// The bar above the composer.
func ExampleRule_View() {
	rule := window.Rule{Open: window.ServiceWindow, HumanAgent: window.HumanAgentWindow}
	wrote := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	for _, hours := range []time.Duration{1, 23, 25, 24 * 8} {
		now := wrote.Add(hours * time.Hour)
		v := rule.View(now, window.State{OpenedAt: wrote})
		if v.Until.IsZero() {
			fmt.Println(v.Phase)
			continue
		}
		fmt.Println(v.Phase, "for", v.Until.Sub(now))
	}
	// Output:
	// open for 20h59m0s
	// closing for 59m0s
	// human for 142h59m0s
	// closed
}
