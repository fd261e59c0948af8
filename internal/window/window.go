// Package window is the service-window law: may this message go to this contact now, until when, and what may be done
// instead?
//
// A channel's facts are a [Rule], what the record knows of one conversation is a [State], and [Rule.Decide] is the one
// function that answers. It is asked twice: when an agent presses send, and again inside the sending transaction with the
// database's clock of that moment. [Rule.View] says the same in the words of the interface: a countdown and its phases.
//
// The package refuses to look at a clock, a database or a channel's name, and to believe a provider's time blindly:
// every time is an argument, and [Effective] says which of two times counts. Events may come late, twice and in any
// order; [State] has only verbs that move a time forward, so the same events always end in the same State.
//
// Start reading at [Rule] and [Rule.Decide], then state.go.
package window

import "time"

// The spans that channels fill their Rule with.
const (
	// ServiceWindow is how long after the contact's last message a business may write freely on WhatsApp, Instagram
	// and Messenger (developers.facebook.com: whatsapp/cloud-api, messenger-platform/policy; read November 2026).
	ServiceWindow = 24 * time.Hour
	// HumanAgentWindow is how long a person may still answer on Instagram and Messenger with the tag HUMAN_AGENT,
	// counted from the same message (messenger-platform/policy, read November 2026).
	HumanAgentWindow = 7 * 24 * time.Hour
	// FreeEntryWindow is how long messages are free of charge after an ad click that was answered within the service
	// window (whatsapp/pricing, read November 2026).
	FreeEntryWindow = 72 * time.Hour
)

// Margin is how long before the provider's deadline we stop: the way to the provider takes time, and its clock is not
// ours (RELIABILITY.md I9).
const Margin = 60 * time.Second

// TagHumanAgent is the tag that a person's answer carries after the service window on Instagram and Messenger.
const TagHumanAgent = "HUMAN_AGENT"

// Rule is what a channel allows. It is data: drivers state it in their capabilities.
type Rule struct {
	// Open is how long the contact's last message lets anyone write freely. Zero: the channel has no window (web chat,
	// e-mail, SMS).
	Open time.Duration
	// HumanAgent is how long, counted from the same message, a person may still answer with TagHumanAgent. Zero: never.
	HumanAgent time.Duration
	// Templates is whether approved templates may go outside the window.
	Templates bool
	// FreeEntry is the longest that messages can be free of charge after an ad click. It concerns the price only and
	// never extends the right to write freely. Zero: there is no such thing.
	FreeEntry time.Duration
}

// Kind is what is to be sent. Whatever is not a Template or a Freeform message has the rights of a Reaction: it needs the
// open window.
type Kind string

// The kinds.
const (
	Freeform Kind = "freeform" // text, media, interactive: anything written freely
	Template Kind = "template" // an approved template
	Reaction Kind = "reaction" // a reaction or another light sign; it can carry no tag
)

// Author is who composed the message. Whoever is not a Person has the rights of Automation.
type Author string

// The authors.
const (
	Person     Author = "person"     // an agent typed it
	Automation Author = "automation" // a bot, an auto-responder, a campaign, an AI draft that nobody approved
)

// Ask is one question to the law. Its zero value has the fewest rights.
type Ask struct {
	State
	Kind Kind
	By   Author
	// Margin widens the safety margin. It can never be narrowed: anything below the constant Margin means Margin.
	Margin time.Duration
}

// Verdict is the answer.
type Verdict string

// The verdicts.
const (
	Allow       Verdict = "allow"
	AllowTagged Verdict = "allow_tagged" // only with Decision.Tag
	Refuse      Verdict = "refuse"
)

// Reason is why. The set is closed: it is the API's error code, the metric's label and the key of the sentence that the
// agent reads (UI.md §6.8).
type Reason string

// The reasons.
const (
	ReasonOpen            Reason = "open"             // the contact wrote recently enough
	ReasonNoWindow        Reason = "no_window"        // the channel has no window
	ReasonTemplateAllowed Reason = "template_allowed" // outside the window, but an approved template may go
	ReasonHumanAgent      Reason = "human_agent"      // after the window, but a person may answer with the tag
	ReasonWindowClosed    Reason = "window_closed"    // refused: the contact has not written, or too long ago, or the provider says so
	ReasonPersonOnly      Reason = "person_only"      // refused to automation: only a person may answer now
	ReasonOptedOut        Reason = "opted_out"        // refused: the contact asked not to be messaged and has not written since
)

// Reasons returns the closed set, for metrics and for the test that every reason has a sentence in every language.
func Reasons() []Reason {
	return []Reason{
		ReasonOpen, ReasonNoWindow, ReasonTemplateAllowed, ReasonHumanAgent,
		ReasonWindowClosed, ReasonPersonOnly, ReasonOptedOut,
	}
}

// Step is what may be done instead of a refused message.
type Step string

// The steps.
const (
	StepTemplate Step = "send_template"
	StepPerson   Step = "let_a_person_answer"
	StepWait     Step = "wait_for_contact"
)

// Decision is the law's answer, ready to be stored and shown. All times are in UTC with the margin already taken off, so
// that a countdown ends when the refusals begin.
type Decision struct {
	Verdict Verdict `json:"verdict"`
	Tag     string  `json:"tag,omitempty"` // to send along; only with AllowTagged
	Reason  Reason  `json:"reason"`
	Next    Step    `json:"next,omitempty"` // only with Refuse

	// ShutsAt is when writing freely ends, or ended; zero if there is no window or it never opened.
	ShutsAt time.Time `json:"shuts_at,omitzero"`
	// HumanUntil is until when a person may answer with the tag; zero if the channel has no such thing, the contact
	// never wrote or the provider has shut the window.
	HumanUntil time.Time `json:"human_until,omitzero"`
	// FreeUntil is until when messages cost nothing; zero if they do.
	FreeUntil time.Time `json:"free_until,omitzero"`
}

// Allowed tells whether the message may go, with Decision.Tag if there is one.
func (d Decision) Allowed() bool { return d.Verdict == Allow || d.Verdict == AllowTagged }

// Decide answers whether the message may go at now. For sending, now is the database's clock inside the transaction.
func (r Rule) Decide(now time.Time, a Ask) Decision {
	margin := max(Margin, a.Margin)
	d := Decision{
		ShutsAt:    r.shutsAt(a.State, margin),
		HumanUntil: r.humanUntil(a.State, margin),
		FreeUntil:  r.freeUntil(now, a.State),
	}
	switch {
	case a.State.optedOut():
		d.Verdict, d.Reason, d.Next = Refuse, ReasonOptedOut, StepWait
	case r.Open == 0:
		d.Verdict, d.Reason = Allow, ReasonNoWindow
	case a.State.answerable(now, r.Open-margin):
		d.Verdict, d.Reason = Allow, ReasonOpen
	case a.Kind == Template && r.Templates:
		d.Verdict, d.Reason = Allow, ReasonTemplateAllowed
	case a.Kind == Freeform && a.State.answerable(now, r.HumanAgent-margin):
		if a.By == Person {
			d.Verdict, d.Reason, d.Tag = AllowTagged, ReasonHumanAgent, TagHumanAgent
		} else {
			d.Verdict, d.Reason, d.Next = Refuse, ReasonPersonOnly, StepPerson
		}
	default:
		d.Verdict, d.Reason, d.Next = Refuse, ReasonWindowClosed, StepWait
		if r.Templates {
			d.Next = StepTemplate
		}
	}
	return d
}

// shutsAt is when writing freely ends: by our clock, or earlier by the provider's refusal.
func (r Rule) shutsAt(s State, margin time.Duration) time.Time {
	if r.Open == 0 || s.OpenedAt.IsZero() {
		return time.Time{}
	}
	at := s.OpenedAt.Add(r.Open - margin)
	if s.shut() && s.ShutAt.Before(at) {
		at = s.ShutAt
	}
	return at.UTC()
}

func (r Rule) humanUntil(s State, margin time.Duration) time.Time {
	if r.Open == 0 || r.HumanAgent == 0 || s.shut() {
		return time.Time{}
	}
	return s.OpenedAt.Add(r.HumanAgent - margin).UTC()
}

// freeUntil ignores an end that lies further off than a free entry can last, counted from the latest moment at which the
// business could have answered the click: such a time is junk.
func (r Rule) freeUntil(now time.Time, s State) time.Time {
	if r.FreeEntry == 0 || !now.Before(s.FreeEntryUntil) ||
		s.FreeEntryUntil.After(s.OpenedAt.Add(r.Open+r.FreeEntry+Skew)) {
		return time.Time{}
	}
	return s.FreeEntryUntil.UTC()
}
