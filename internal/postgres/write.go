package postgres

import (
	"encoding/json"
	"sort"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// queueWrite adds a chat.Write to a pipeline: at most one statement for each kind of row, whatever their number, in an
// order that foreign keys allow. Inserts carry no ON CONFLICT: a unique violation means that somebody raced, and the
// transaction is run again.
func queueWrite(b *pgx.Batch, account chat.AccountID, w *chat.Write) {
	if n := w.Contacts; len(n) > 0 {
		b.Queue(gen.InsertContacts, n[0].CreatedAt, column(n, func(c *chat.Contact) chat.ContactID { return c.ID }),
			column(n, func(c *chat.Contact) string { return c.Language }))
	}
	if n := w.Wishes; len(n) > 0 {
		b.Queue(gen.KeepWishes, column(n, func(x *chat.Wish) chat.ContactID { return x.Contact }),
			column(n, func(x *chat.Wish) bool { return x.Out }), column(n, func(x *chat.Wish) time.Time { return x.At }))
	}
	queueIdentities(b, w)
	queueConversations(b, w)
	queueMessages(b, account, w)
	queueEvents(b, w)
	if n := w.Reactions; len(n) > 0 {
		b.Queue(gen.SetReactions, column(n, func(r *chat.ReactionWrite) chat.MessageID { return r.MessageID }),
			column(n, func(r *chat.ReactionWrite) chat.Direction { return r.Direction }),
			column(n, func(r *chat.ReactionWrite) string { return r.Emoji }),
			column(n, func(r *chat.ReactionWrite) time.Time { return r.At }))
	}
	if n := w.Parked; len(n) > 0 {
		b.Queue(gen.ParkUpdates, account, column(n, func(*chat.Parked) chat.InboundEventID { return chat.NewID[chat.InboundEventID]() }),
			column(n, func(p *chat.Parked) string { return p.ExternalID }),
			column(n, func(p *chat.Parked) json.RawMessage { return jsonOf(p.Inbound) }),
			column(n, func(p *chat.Parked) time.Time { return p.ReceivedAt }))
	}
	if a := w.Account; a != nil {
		b.Queue(gen.ChangeAccountState, a.State, a.Reason, int32(a.PerSecond), nullTime(a.TemplatesBlockedUntil), account)
	}
	for _, t := range w.Templates {
		b.Queue(gen.ChangeTemplate, t.Status, t.Category, t.Definition, t.ID)
	}
	if n := w.Forgotten; len(n) > 0 {
		b.Queue(gen.ForgetProviderMedia, n)
	}
	for _, q := range w.Quarantined {
		b.Queue(gen.Quarantine, clip(q.Why), account, q.Place)
	}
}

// queueIdentities moves addresses before it adds new ones: a number that was given up may be another person's at once.
func queueIdentities(b *pgx.Batch, w *chat.Write) {
	if n := w.Moved; len(n) > 0 {
		b.Queue(gen.UpdateIdentities, column(n, func(i *chat.Identity) chat.IdentityID { return i.ID }),
			column(n, func(i *chat.Identity) string { return i.Address.Value }),
			column(n, func(i *chat.Identity) string { return i.ProfileName }),
			column(n, func(i *chat.Identity) string { return i.Username }))
	}
	if len(w.Identities) > 0 {
		// Accounts share identities: inserting them in one order everywhere keeps two lanes from deadlocking.
		n := append([]chat.Identity(nil), w.Identities...)
		sort.Slice(n, func(i, j int) bool { return n[i].Address.Value < n[j].Address.Value })
		b.Queue(gen.InsertIdentities, n[0].Address.Kind, column(n, func(i *chat.Identity) chat.IdentityID { return i.ID }),
			column(n, func(i *chat.Identity) chat.ContactID { return i.ContactID }),
			column(n, func(i *chat.Identity) chat.IdentityID { return i.Thread }),
			column(n, func(i *chat.Identity) string { return i.Address.Scope }),
			column(n, func(i *chat.Identity) chat.AddressType { return i.Address.Type }),
			column(n, func(i *chat.Identity) string { return i.Address.Value }),
			column(n, func(i *chat.Identity) string { return i.ProfileName }),
			column(n, func(i *chat.Identity) string { return i.Username }))
	}
}

func queueConversations(b *pgx.Batch, w *chat.Write) {
	type conv = chat.Conversation
	// Changes first: a conversation that ends makes room for the next one of its pair.
	if n := w.Changed; len(n) > 0 {
		b.Queue(gen.UpdateConversations, column(n, func(c *conv) chat.ConversationID { return c.ID }),
			column(n, func(c *conv) chat.DepartmentID { return c.DepartmentID }), column(n, func(c *conv) *chat.AgentID { return nullID(c.AgentID) }),
			column(n, func(c *conv) chat.ConversationStatus { return c.Status }), column(n, func(c *conv) chat.Controller { return c.Controller }),
			column(n, func(c *conv) *time.Time { return nullTime(c.WindowOpenedAt) }), column(n, func(c *conv) *time.Time { return nullTime(c.WindowShutAt) }),
			column(n, func(c *conv) *time.Time { return nullTime(c.FreeEntryUntil) }), column(n, func(c *conv) int64 { return c.LastSeq }),
			column(n, func(c *conv) int64 { return c.ReadSeq }), column(n, func(c *conv) int32 { return int32(c.UnreadCount) }),
			column(n, func(c *conv) time.Time { return c.LastMessageAt }), column(n, func(c *conv) *time.Time { return nullTime(c.LastInboundAt) }),
			column(n, func(c *conv) json.RawMessage { return jsonOf(c.Preview) }), column(n, func(c *conv) *time.Time { return nullTime(c.WaitingSince) }),
			column(n, func(c *conv) *chat.AgentID { return nullID(c.ReturnedBy) }), column(n, func(c *conv) *time.Time { return nullTime(c.AssignedAt) }),
			column(n, func(c *conv) *time.Time { return nullTime(c.EndedAt) }),
			column(n, func(c *conv) *chat.AgentID { return nullID(c.EndedBy) }), column(n, func(c *conv) *chat.EndReasonID { return nullID(c.EndReasonID) }),
			column(n, func(c *conv) string { return c.EndNote }))
	}
	if n := w.Created; len(n) > 0 {
		b.Queue(gen.InsertConversations, column(n, func(c *conv) chat.ConversationID { return c.ID }),
			column(n, func(c *conv) chat.AccountID { return c.AccountID }), column(n, func(c *conv) chat.IdentityID { return c.IdentityID }),
			column(n, func(c *conv) chat.ContactID { return c.ContactID }), column(n, func(c *conv) chat.DepartmentID { return c.DepartmentID }),
			column(n, func(c *conv) *chat.AgentID { return nullID(c.AgentID) }), column(n, func(c *conv) chat.ConversationStatus { return c.Status }),
			column(n, func(c *conv) chat.Controller { return c.Controller }), column(n, func(c *conv) int32 { return int32(c.Priority) }),
			column(n, func(c *conv) *time.Time { return nullTime(c.WindowOpenedAt) }), column(n, func(c *conv) *time.Time { return nullTime(c.WindowShutAt) }),
			column(n, func(c *conv) *time.Time { return nullTime(c.FreeEntryUntil) }), column(n, func(c *conv) int64 { return c.LastSeq }),
			column(n, func(c *conv) int64 { return c.ReadSeq }), column(n, func(c *conv) int32 { return int32(c.UnreadCount) }),
			column(n, func(c *conv) time.Time { return c.LastMessageAt }), column(n, func(c *conv) *time.Time { return nullTime(c.LastInboundAt) }),
			column(n, func(c *conv) json.RawMessage { return jsonOf(c.Preview) }), column(n, func(c *conv) *time.Time { return nullTime(c.WaitingSince) }),
			column(n, func(c *conv) *time.Time { return nullTime(c.AssignedAt) }),
			column(n, func(c *conv) time.Time { return c.CreatedAt }), column(n, func(c *conv) *time.Time { return nullTime(c.EndedAt) }))
	}
}

func queueMessages(b *pgx.Batch, account chat.AccountID, w *chat.Write) {
	type msg = chat.Message
	content := func(m *msg) json.RawMessage {
		c := m.Content
		c.Media = nil // attachments hold it
		raw := jsonOf(c)
		if string(raw) == "{}" {
			return nil
		}
		return raw
	}
	sendError := func(m *msg) json.RawMessage {
		if m.Error == nil {
			return nil
		}
		return jsonOf(m.Error)
	}
	if n := w.Messages; len(n) > 0 {
		b.Queue(gen.InsertMessages, column(n, func(m *msg) chat.MessageID { return m.ID }), column(n, func(m *msg) chat.ConversationID { return m.ConversationID }),
			column(n, func(m *msg) chat.AccountID { return m.AccountID }), column(n, func(m *msg) int64 { return m.Seq }),
			column(n, func(m *msg) chat.Direction { return m.Direction }), column(n, func(m *msg) chat.MessageKind { return m.Kind }),
			column(n, func(m *msg) string { return m.Text }), column(n, content), column(n, func(m *msg) chat.MessageStatus { return m.Status }),
			column(n, sendError), column(n, func(m *msg) *chat.AgentID { return nullID(m.AgentID) }), column(n, func(m *msg) chat.Source { return m.Source }),
			column(n, func(m *msg) string { return m.ExternalID }), column(n, func(m *msg) *chat.MessageID { return nullID(m.ReplyTo) }),
			column(n, func(m *msg) string { return m.ReplyExternal }), column(n, func(m *msg) *time.Time { return nullTime(m.ProviderAt) }),
			column(n, func(m *msg) time.Time { return m.CreatedAt }), column(n, func(m *msg) bool { return m.Late }),
			column(n, func(m *msg) bool { return m.Automated }), column(n, func(m *msg) *time.Time { return nullTime(m.DueAt) }),
			column(n, func(m *msg) *time.Time { return nullTime(m.EditedAt) }), column(n, func(m *msg) *time.Time { return nullTime(m.DeletedAt) }))
		queueAttachments(b, n)
	}
	if n := w.Updated; len(n) > 0 {
		b.Queue(gen.UpdateMessages, column(n, func(m *msg) chat.MessageID { return m.ID }), column(n, func(m *msg) time.Time { return m.CreatedAt }),
			column(n, func(m *msg) chat.MessageStatus { return m.Status }), column(n, sendError), column(n, func(m *msg) string { return m.ExternalID }),
			column(n, func(m *msg) string { return m.Text }), column(n, content), column(n, func(m *msg) *time.Time { return nullTime(m.EditedAt) }),
			column(n, func(m *msg) *time.Time { return nullTime(m.DeletedAt) }), column(n, func(m *msg) *time.Time { return nullTime(m.DueAt) }),
			column(n, func(m *msg) int32 { return int32(m.Attempt) }))
	}
	if n := w.Given; len(n) > 0 {
		b.Queue(gen.GiveProviderIDs, account, column(n, func(m *msg) string { return m.ExternalID }), column(n, func(m *msg) chat.MessageID { return m.ID }))
	}
}

func queueAttachments(b *pgx.Batch, messages []chat.Message) {
	type part struct {
		m *chat.Message
		f *chat.Media
		i int
	}
	var n, sent []part
	for i := range messages {
		for j := range messages[i].Content.Media {
			p := part{&messages[i], &messages[i].Content.Media[j], j}
			if p.f.State == chat.MediaReady {
				sent = append(sent, p)
			} else {
				n = append(n, p)
			}
		}
	}
	if len(n) > 0 {
		b.Queue(gen.InsertAttachments, column(n, func(p *part) chat.AttachmentID { return p.f.ID }), column(n, func(p *part) chat.MessageID { return p.m.ID }),
			column(n, func(p *part) chat.ConversationID { return p.m.ConversationID }), column(n, func(p *part) chat.AccountID { return p.m.AccountID }),
			column(n, func(p *part) int16 { return int16(p.i) }), column(n, func(p *part) chat.MediaState { return p.f.State }),
			column(n, func(p *part) json.RawMessage { return jsonOf(p.f.Ref) }), column(n, func(p *part) string { return p.f.Type }),
			column(n, func(p *part) string { return p.f.Name }), column(n, func(p *part) int64 { return p.f.Size }),
			column(n, func(p *part) bool { return p.f.Voice }), column(n, func(p *part) bool { return p.f.Animated }),
			column(n, func(p *part) *time.Time {
				if p.f.State != chat.MediaPending {
					return nil
				}
				return nullTime(p.m.CreatedAt)
			}))
	}
	if len(sent) > 0 { // uploaded before: they now belong to their message
		b.Queue(gen.AttachUploads, column(sent, func(p *part) chat.AttachmentID { return p.f.ID }), column(sent, func(p *part) chat.MessageID { return p.m.ID }),
			column(sent, func(p *part) chat.ConversationID { return p.m.ConversationID }), column(sent, func(p *part) chat.AccountID { return p.m.AccountID }),
			column(sent, func(p *part) int16 { return int16(p.i) }))
	}
}

// queueEvents writes the events and, from those that move a conversation between agents, the history of assignments.
func queueEvents(b *pgx.Batch, w *chat.Write) {
	n := w.Events
	if len(n) == 0 {
		return
	}
	type ev = chat.Event
	b.Queue(gen.InsertConversationEvents, column(n, func(e *ev) chat.ConversationID { return e.ConversationID }), column(n, func(e *ev) int64 { return e.Seq }),
		column(n, func(e *ev) chat.EventKind { return e.Kind }), column(n, func(e *ev) time.Time { return e.At }),
		column(n, func(e *ev) *chat.AgentID { return nullID(e.Actor) }), column(n, func(e *ev) *chat.MessageID { return nullID(e.MessageID) }),
		column(n, func(e *ev) json.RawMessage {
			if e.Data == nil {
				return nil
			}
			return jsonOf(e.Data)
		}))
	type start struct {
		e *ev
		d chat.AssignedData
	}
	var left []ev
	var starts []start
	for i := range n {
		switch n[i].Kind {
		case chat.EventAssigned, chat.EventReopened:
			left = append(left, n[i])
			if d, ok := n[i].Data.(chat.AssignedData); ok {
				starts = append(starts, start{&n[i], d})
			}
		case chat.EventQueued, chat.EventEnded:
			left = append(left, n[i])
		}
	}
	if len(left) > 0 {
		b.Queue(gen.EndAssignments, column(left, func(e *ev) chat.ConversationID { return e.ConversationID }), column(left, func(e *ev) time.Time { return e.At }))
	}
	if len(starts) > 0 {
		b.Queue(gen.StartAssignments, column(starts, func(*start) chat.MessageID { return chat.NewID[chat.MessageID]() }),
			column(starts, func(s *start) chat.ConversationID { return s.e.ConversationID }), column(starts, func(s *start) chat.AgentID { return s.d.To }),
			column(starts, func(s *start) chat.How { return s.d.How }), column(starts, func(s *start) chat.DepartmentID { return s.d.Department }),
			column(starts, func(s *start) *time.Time { return nullTime(s.d.WaitingSince) }), column(starts, func(s *start) time.Time { return s.e.At }),
			column(starts, func(s *start) int32 { return int32(s.d.Load) }), column(starts, func(s *start) int32 { return int32(s.d.Capacity) }),
			column(starts, func(s *start) string { return s.d.Seen }))
	}
}
