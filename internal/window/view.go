package window

import "time"

// Closing is how long before the end the interface begins to warn (UI.md §6.7).
const Closing = 2 * time.Hour

// Phase is what the bar above the composer shows (UI.md §6.7).
type Phase string

// The phases.
const (
	PhaseNone      Phase = "none"       // the channel has no window
	PhaseOpen      Phase = "open"       // more than Closing left
	PhaseFreeEntry Phase = "free_entry" // open, more than Closing left, and free of charge
	PhaseClosing   Phase = "closing"    // open, Closing or less left
	PhaseHuman     Phase = "human"      // a person may still answer, tagged
	PhaseClosed    Phase = "closed"     // a template at most
	PhaseOptedOut  Phase = "opted_out"  // nothing, until the contact writes
)

// View is the window as an agent sees it. Its times are those of Decision.
type View struct {
	Phase Phase `json:"phase"`
	// Until is when another phase begins by itself; zero: only an event changes it.
	Until      time.Time `json:"until,omitzero"`
	ShutsAt    time.Time `json:"shuts_at,omitzero"`
	HumanUntil time.Time `json:"human_until,omitzero"`
	FreeUntil  time.Time `json:"free_until,omitzero"`
}

// View shows what Decide would answer to a person who writes freely, so the two can never disagree.
func (r Rule) View(now time.Time, s State) View {
	d := r.Decide(now, Ask{State: s, Kind: Freeform, By: Person})
	v := View{ShutsAt: d.ShutsAt, HumanUntil: d.HumanUntil, FreeUntil: d.FreeUntil}
	switch d.Reason {
	case ReasonOptedOut:
		v.Phase = PhaseOptedOut
	case ReasonNoWindow:
		v.Phase = PhaseNone
	case ReasonHumanAgent:
		v.Phase, v.Until = PhaseHuman, d.HumanUntil
	case ReasonOpen:
		warnAt := d.ShutsAt.Add(-Closing)
		switch {
		case !now.Before(warnAt):
			v.Phase, v.Until = PhaseClosing, d.ShutsAt
		case !d.FreeUntil.IsZero():
			v.Phase, v.Until = PhaseFreeEntry, earliest(d.FreeUntil, warnAt)
		default:
			v.Phase, v.Until = PhaseOpen, warnAt
		}
	default:
		v.Phase = PhaseClosed
	}
	return v
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
