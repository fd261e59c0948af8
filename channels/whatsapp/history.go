package whatsapp

import (
	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
)

// What a number that also lives in the WhatsApp Business app (coexistence) tells when it is connected: its address book
// and, on request, the conversations of the last months.

// addressBook reads state_sync[].
func (r *reader) addressBook() {
	for _, s := range r.value.Sync {
		if s.Type != "contact" || s.Action != "add" {
			r.ignore(graph.NoteUnknownEvent) // a contact that was removed stays the one we know
			continue
		}
		who := addresses("", phone(graph.Loose(digits(s.Contact.Phone))))
		if len(who) == 0 {
			r.ignore(graph.NoteBadSender)
			continue
		}
		in := chat.Inbound{Kind: chat.InboundContactKind, From: who, Profile: chat.Profile{Name: s.Contact.Name}}
		if in.Profile.Name == "" {
			in.Profile.Name = s.Contact.First
		}
		in.At, _ = s.Metadata.Timestamp.Time()
		r.add(in)
	}
}

// history reads history[]. Its chunks may come twice and in any order.
func (r *reader) history() {
	for _, h := range r.value.History {
		for _, e := range h.Errors {
			r.trouble("history", e) // 2593109: the business keeps it to itself
		}
		for _, t := range h.Threads {
			with, profile := r.person(t.Context.UserID, t.ID)
			for i := range t.Messages {
				m := &t.Messages[i]
				w := oldIncoming
				if phone(m.From) == r.own && r.own != "" {
					w = oldOutgoing
				}
				r.message(m, w, with, profile)
				r.archived(m, w, with)
			}
		}
	}
}

// archived tells how far an old message of ours had come.
func (r *reader) archived(m *message, w way, with []chat.Address) {
	if w != oldOutgoing || m.Archived == nil || m.ID == "" {
		return
	}
	to, ok := map[graph.Loose]chat.MessageStatus{
		"DELIVERED": chat.StatusDelivered, "READ": chat.StatusRead, "PLAYED": chat.StatusPlayed,
	}[m.Archived.Status]
	if !ok {
		return // sent, which it is anyway, or a failure of which we know no reason
	}
	r.add(chat.Inbound{Kind: chat.InboundStatusKind, From: with, Status: &chat.InboundStatus{ExternalID: graph.ID(m.ID), Status: to}})
}
