package whatsapp

import (
	"strings"

	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
)

// status reads one of statuses[]: how far a message of ours has come, what it costs, or why it failed.
func (r *reader) status(s *status) {
	to := chat.MessageStatus(s.Status) // the words are the same
	switch {
	case s.Kind == "group":
		r.ignore(graph.NoteGroup)
		return
	case s.bad, s.ID == "" && s.Opaque == "":
		r.ignore(graph.NoteMalformed)
		return
	}
	switch to {
	case chat.StatusSent, chat.StatusDelivered, chat.StatusRead, chat.StatusPlayed, chat.StatusFailed:
	default:
		r.ignore(graph.NoteUnknownStatus)
		return
	}
	in := chat.Inbound{Kind: chat.InboundStatusKind, Status: &chat.InboundStatus{
		ExternalID: graph.ID(s.ID), Opaque: string(s.Opaque), Status: to,
	}}
	in.From, in.Profile = r.person(s.UserID, s.Recipient)
	at, ok := s.Timestamp.Time()
	if in.At = at; !ok {
		in.Note = graph.NoteBadTimestamp
	}
	if to == chat.StatusFailed {
		reason := graph.Error{}
		if len(s.Errors) > 0 {
			reason = s.Errors[0]
		}
		in.Status.Error = reason.Refusal()
	}
	free := false
	if p := s.Pricing; p != nil {
		in.Status.Pricing = &chat.Pricing{
			Model: p.Model, Type: p.Type, Category: strings.ReplaceAll(p.Category, "-", "_"), Billable: bool(p.Billable),
		}
		free = p.Type == "free_entry_point"
	}
	// Since v24.0 the conversation is told only for a free entry point; before, it was told for everything.
	if d := s.Discussion; d != nil && (free || d.Origin.Type == "referral_conversion") {
		in.Status.FreeEntryUntil, _ = d.Expires.Time()
	}
	r.add(in)
}

// preferences reads user_preferences[]: who wants marketing messages.
func (r *reader) preferences() {
	for _, p := range r.value.Preferences {
		stop := p.Value == "stop"
		if p.Category != "marketing_messages" || !stop && p.Value != "resume" && p.Value != "signup" {
			r.ignore(graph.NoteUnknownEvent)
			continue
		}
		in := chat.Inbound{Kind: chat.InboundPreferenceKind, Preference: &chat.InboundPreference{OptedOut: stop, Category: "marketing"}}
		in.From, in.Profile = r.person(p.UserID, p.WaID)
		if len(in.From) == 0 {
			r.ignore(graph.NoteBadSender)
			continue
		}
		in.At, _ = p.Timestamp.Time()
		r.add(in)
	}
}

// calls reads calls[]. A call of the contact opens the window, when it comes in: not again when it ends.
func (r *reader) calls() {
	for _, c := range r.value.Calls {
		in := chat.Inbound{Kind: chat.InboundCallKind}
		data := chat.CallData{Event: string(c.Event), Direction: string(chat.In), Seconds: max(0, c.Duration.Int()), Response: strings.ToLower(string(c.Status))}
		in.From, in.Profile = r.person(c.FromUserID, c.From)
		if c.Direction == "BUSINESS_INITIATED" {
			data.Direction = string(chat.Out)
			in.From, in.Profile = r.person(c.ToUserID, c.To)
		}
		in.At, _ = c.Timestamp.Time()
		switch {
		case c.ID == "" || c.Event != "connect" && c.Event != "terminate":
			r.ignore(graph.NoteUnknownEvent)
			continue
		case len(in.From) == 0:
			r.ignore(graph.NoteBadSender)
			continue
		}
		in.Call = &chat.InboundCall{
			ExternalID: graph.ID(c.ID), Data: data, OpensWindow: c.Event == "connect" && c.Direction == "USER_INITIATED",
		}
		r.add(in)
	}
	for range r.value.Statuses {
		r.ignore(graph.NoteUnknownEvent) // ringing, accepted, rejected
	}
}
