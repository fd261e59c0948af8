package desk

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/chat"
	"gatehouse/internal/window"
	"gatehouse/templates"

	"github.com/google/uuid"
)

// batch is a set of inbound events on its way into the record: what they say, what the record says, and what follows. It
// has no effects of its own and may be decided again from the start.
type batch struct {
	channel Channel
	now     time.Time
	events  []chat.RawEvent
	inbound []received
	poor    []chat.Quarantined // events that cannot be read

	claims map[string]chat.MessageID
	ledger
	counts        map[string]int
	syncTemplates bool
}

type received struct {
	chat.Inbound
	at     time.Time // our clock when the event came in
	waited bool      // it was parked, and the message that it waited for is here
}

// needs lists what the batch must know of the record.
func (b *batch) needs() chat.LaneNeeds {
	b.claims = map[string]chat.MessageID{}
	n := chat.LaneNeeds{Claims: b.claims, Kind: b.account.Kind}
	values, targets := map[string]bool{}, map[string]bool{}
	target := func(id string) {
		if id != "" {
			targets[id] = true
		}
	}
	for _, in := range b.inbound {
		for _, a := range in.From {
			values[a.Value] = true
		}
		switch {
		case in.Message != nil && len(in.From) > 0:
			if _, ok := b.claims[in.Message.ExternalID]; !ok {
				b.claims[in.Message.ExternalID] = chat.NewID[chat.MessageID]()
			}
			target(in.Message.ReplyExternal)
			n.Echoes = n.Echoes || in.Message.Source == chat.SourcePhoneApp
		case in.Call != nil:
			if in.Call.ExternalID != "" {
				b.claims[callName(in.Call)] = chat.NewID[chat.MessageID]()
			}
		case in.Status != nil:
			target(in.Status.ExternalID)
			if id, _, ok := opaque(in.Status.Opaque); ok {
				n.Opaque = append(n.Opaque, id)
			}
			n.UpTo = n.UpTo || in.Status.UpTo
		case in.Reaction != nil:
			target(in.Reaction.ExternalID)
		case in.Edit != nil:
			target(in.Edit.ExternalID)
		case in.Delete != nil:
			target(in.Delete.ExternalID)
		case in.Identity != nil:
			for _, a := range append(slices.Clip(in.Identity.Old), in.Identity.New...) {
				values[a.Value] = true
			}
		case in.Template != nil:
			n.Templates = true
		}
	}
	for id := range targets { // also of messages in the batch: they may come for the second time
		n.Targets = append(n.Targets, id)
	}
	for v := range values {
		n.Values = append(n.Values, v)
	}
	return n
}

// decide applies the batch to what the record says.
func (b *batch) decide(st chat.LaneState) *chat.Write {
	b.ledger = newLedger(st)
	b.counts = map[string]int{}
	b.syncTemplates = false
	for _, in := range b.inbound {
		b.counts[b.apply(in)]++
	}
	for _, p := range st.Parked {
		b.counts["unparked_"+b.apply(received{p.Inbound, p.ReceivedAt, true})]++
	}
	b.reunite()
	b.write.Quarantined = b.poor
	return b.finish()
}

// reunite applies updates that came before their message, but in the same batch.
func (b *batch) reunite() {
	waiting := b.write.Parked
	b.write.Parked = nil
	for _, p := range waiting {
		if b.target(p.ExternalID) == nil {
			b.write.Parked = append(b.write.Parked, p)
		} else {
			b.counts["unparked_"+b.apply(received{p.Inbound, p.ReceivedAt, true})]++
		}
	}
}

// apply applies one happening and says what became of it, as a metric label.
func (b *batch) apply(in received) string {
	switch {
	case in.Message != nil:
		return b.message(in)
	case in.Status != nil:
		return b.status(in)
	case in.Reaction != nil:
		return b.reaction(in)
	case in.Edit != nil:
		return b.edit(in)
	case in.Delete != nil:
		return b.remove(in)
	case in.Identity != nil:
		return b.identity(in)
	case in.Preference != nil:
		return b.preference(in)
	case in.Call != nil:
		return b.call(in)
	case in.Referral != nil:
		return b.referral(in)
	case in.Template != nil:
		return b.template(in)
	case in.Issue != nil:
		return b.issue(in)
	case in.Kind == chat.InboundContactKind:
		return b.addressBook(in)
	}
	return "ignored"
}

// message stores a message of the contact, or an echo of one that the business wrote in the provider's own app.
func (b *batch) message(in received) string {
	m := in.Message
	id, isClaimed := b.claims[m.ExternalID]
	if len(in.From) == 0 {
		return "no_sender"
	}
	if !isClaimed || !b.state.New[m.ExternalID] || b.byExternal[m.ExternalID] != nil {
		return "duplicate"
	}
	if ours := b.unconfirmed(in); ours != nil {
		return b.confirm(ours, in)
	}
	effective, flagged := window.Effective(in.At, in.at)
	who := b.person(in.From, in.Profile)
	began := in.at
	if m.Source == chat.SourceHistory {
		began = effective
	}
	c := b.openFor(who, began, m.Direction == chat.In && !m.Silent)

	msg := chat.Message{
		ID: id, ConversationID: c.ID, AccountID: b.account.ID, Direction: m.Direction, Kind: m.Kind, Text: m.Text,
		Content: m.Content, Status: chat.StatusReceived, Source: m.Source, ExternalID: m.ExternalID,
		ReplyExternal: m.ReplyExternal, CreatedAt: in.at, Late: in.at.Sub(effective) > lateAfter,
	}
	if !flagged {
		msg.ProviderAt = effective
	}
	if m.Direction == chat.Out {
		msg.Status = chat.StatusSent
	}
	msg.Content.Media = make([]chat.Media, len(m.Content.Media))
	for i, f := range m.Content.Media {
		if chat.IsZero(f.ID) { // an upload of a web chat visitor has one
			f.ID = chat.NewID[chat.AttachmentID]()
		}
		if i < len(m.Refs) {
			f.Ref = m.Refs[i]
		}
		msg.Content.Media[i] = f
	}
	if target := b.target(m.ReplyExternal); target != nil {
		msg.ReplyTo = target.ID
	}
	if m.Direction == chat.In && !m.Silent {
		if m.OpensWindow {
			c.WindowOpenedAt = window.Advance(windowState(c.ConversationRow), in.At, in.at).OpenedAt
		}
		if in.at.After(c.LastInboundAt) {
			c.LastInboundAt = in.at
		}
		c.UnreadCount++
		c.Conversation = c.Hear()
	}
	b.add(c, &msg)
	if !m.Silent {
		b.keyword(c, &msg, effective)
	}
	if m.Direction == chat.Out {
		return "echo"
	}
	return "message"
}

// unconfirmed finds the message of ours that an echo is of, if it came before the answer to our request, or if that answer
// never came: Instagram echoes what programs send too, without our id (PROTOCOLS.md §6).
func (b *batch) unconfirmed(in received) *chat.Message {
	m := in.Message
	if m.Source != chat.SourcePhoneApp { // history is not news of what is on its way
		return nil
	}
	for _, o := range b.outbound {
		if o.ExternalID == "" && (o.Status == chat.StatusSending || o.Status == chat.StatusUnknown) && o.Kind == m.Kind && o.Text == m.Text &&
			b.isOf(b.convs[o.ConversationID], in.From) {
			return o
		}
	}
	return nil
}

// confirm takes an echo for the answer to our request.
func (b *batch) confirm(m *chat.Message, in received) string {
	m.ExternalID = in.Message.ExternalID
	b.write.Given = append(b.write.Given, *m)
	b.byExternal[m.ExternalID] = m
	m.Status, _ = m.Status.Merge(chat.StatusSent)
	m.DueAt, m.Error = time.Time{}, nil
	b.update(b.convs[m.ConversationID], m, chat.Event{Kind: chat.EventStatus, At: in.at, MessageID: m.ID})
	return "echo_of_ours"
}

// lateAfter is how long a message may be on its way before it is marked late.
const lateAfter = 5 * time.Minute

// keyword obeys the two fixed words of a contact: //stop opts out, //end ends the conversation (FEATURES.md §3).
func (b *batch) keyword(c *conv, m *chat.Message, at time.Time) {
	if m.Direction != chat.In || m.Kind != chat.KindText {
		return
	}
	switch strings.ToLower(strings.TrimSpace(m.Text)) {
	case "//stop":
		if b.wish(c.ContactID, true, at) {
			b.log(c, chat.Event{Kind: chat.EventOptOut, At: m.CreatedAt})
		}
	case "//end":
		if c.Status.Open() {
			c.Status, c.Controller, c.WaitingSince, c.EndedAt = chat.Closed, chat.ControllerNone, time.Time{}, m.CreatedAt
			b.log(c, chat.Event{Kind: chat.EventEnded, At: m.CreatedAt, Data: chat.EndedData{}})
			delete(b.open, c.IdentityID)
		}
	}
}

// status applies the provider's word on messages of ours. What it is about may not be here yet: then it waits.
func (b *batch) status(in received) string {
	st := in.Status
	if st.UpTo {
		return b.readUpTo(in)
	}
	m := b.target(st.ExternalID)
	earlier := m != nil && m.ExternalID != st.ExternalID // it is about an attempt before the present one
	if m == nil {
		if id, attempt, ok := opaque(st.Opaque); ok && b.byID[id] != nil {
			m = b.byID[id]
			earlier = attempt < m.Attempt
		}
	}
	if m == nil || m.Direction != chat.Out {
		return b.park(in, st.ExternalID)
	}
	if st.Status == chat.StatusFailed && (earlier || m.Status == chat.StatusPending) {
		return "status_old"
	}
	if m.ExternalID == "" && st.ExternalID != "" && !earlier { // the receipt that never reached us
		m.ExternalID = st.ExternalID
		b.write.Given = append(b.write.Given, *m)
		b.byExternal[st.ExternalID] = m
	}
	c := b.convs[m.ConversationID]
	b.learn(c, m, in)
	to, moved := m.Status.Merge(st.Status)
	if !moved {
		b.touch(c)
		return "status_old"
	}
	m.Status, m.DueAt = to, time.Time{}
	m.Error = nil
	if to == chat.StatusFailed && st.Error != nil {
		m.Error = &chat.MessageError{Code: st.Error.Code, Provider: st.Error.Provider, Detail: st.Error.Detail}
	}
	b.update(c, m, chat.Event{Kind: chat.EventStatus, At: in.at, MessageID: m.ID})
	return "status"
}

// learn takes from a status what it says about the conversation: a refusal that overrules our clock, a free entry point.
func (b *batch) learn(c *conv, m *chat.Message, in received) {
	st := in.Status
	if !st.FreeEntryUntil.IsZero() {
		c.FreeEntryUntil = windowState(c.ConversationRow).Free(st.FreeEntryUntil).FreeEntryUntil
	}
	if st.Error == nil {
		return
	}
	switch st.Error.Effect {
	case chat.EffectShutWindow:
		// From the moment when the refused message was written: what the contact wrote after it counts again.
		at, _ := window.Effective(in.At, in.at)
		if m.CreatedAt.Before(at) {
			at = m.CreatedAt
		}
		if at.After(c.WindowShutAt) {
			c.WindowShutAt = at
			b.log(c, chat.Event{Kind: chat.EventWindow, At: in.at})
		}
	case chat.EffectOptOut:
		if at, _ := window.Effective(in.At, in.at); b.wish(c.ContactID, true, at) {
			b.log(c, chat.Event{Kind: chat.EventOptOut, At: in.at})
		}
	case chat.EffectAccountBroken:
		b.news(chat.AccountChange{State: chat.AccountDisconnected, Reason: string(st.Error.Code)})
	case chat.EffectTemplatePaused:
		b.syncTemplates = true
	}
}

// readUpTo moves all messages of ours up to a moment, or up to a message: providers that report reading by a watermark.
func (b *batch) readUpTo(in received) string {
	st := in.Status
	until, _ := window.Effective(in.At, in.at)
	thread := chat.ConversationID{}
	if m := b.target(st.ExternalID); m != nil {
		thread, until = m.ConversationID, m.CreatedAt
	} else if st.ExternalID != "" {
		return b.park(in, st.ExternalID)
	}
	moved := 0
	for _, m := range b.outbound {
		c := b.convs[m.ConversationID]
		switch {
		case m.CreatedAt.After(until):
			continue
		case !chat.IsZero(thread) && m.ConversationID != thread, chat.IsZero(thread) && !b.isOf(c, in.From):
			continue
		}
		if m.Status == chat.StatusSending {
			continue // not ours to decide: its sender will
		}
		if to, ok := m.Status.Merge(st.Status); ok {
			m.Status = to
			b.update(c, m, chat.Event{Kind: chat.EventStatus, At: in.at, MessageID: m.ID})
			moved++
		}
	}
	if moved == 0 {
		return "status_old"
	}
	return "status"
}

func (b *batch) reaction(in received) string {
	r := in.Reaction
	m := b.target(r.ExternalID)
	if m == nil {
		return b.park(in, r.ExternalID)
	}
	c := b.convs[m.ConversationID]
	at, _ := window.Effective(in.At, in.at)
	b.set(chat.ReactionWrite{Reaction: chat.Reaction{MessageID: m.ID, Direction: r.Direction, Emoji: r.Emoji}, At: at})
	b.log(c, chat.Event{Kind: chat.EventReaction, At: in.at, MessageID: m.ID, Data: chat.ReactionData{Emoji: r.Emoji, Direction: r.Direction}})
	return "reaction"
}

// edit replaces a message's text and keeps the version before.
func (b *batch) edit(in received) string {
	m := b.target(in.Edit.ExternalID)
	if m == nil {
		return b.park(in, in.Edit.ExternalID)
	}
	at, _ := window.Effective(in.At, in.at)
	if !m.DeletedAt.IsZero() || m.Direction != in.Edit.Direction || m.Text == in.Edit.Text || at.Before(m.EditedAt) {
		return "edit_old"
	}
	c := b.convs[m.ConversationID]
	m.Content.Previous = append(m.Content.Previous, chat.PreviousText{Text: m.Text, At: in.at})
	m.Text, m.EditedAt = in.Edit.Text, at
	b.update(c, m, chat.Event{Kind: chat.EventEdited, At: in.at, MessageID: m.ID})
	return "edit"
}

// remove takes a message back: the content goes, the place in the thread stays.
func (b *batch) remove(in received) string {
	m := b.target(in.Delete.ExternalID)
	if m == nil {
		return b.park(in, in.Delete.ExternalID)
	}
	if !m.DeletedAt.IsZero() || m.Direction != in.Delete.Direction {
		return "delete_old"
	}
	c := b.convs[m.ConversationID]
	m.Text, m.Content, m.DeletedAt = "", chat.Content{}, in.at
	b.update(c, m, chat.Event{Kind: chat.EventDeleted, At: in.at, MessageID: m.ID})
	return "delete"
}

// identity moves a contact's addresses to their new values.
func (b *batch) identity(in received) string {
	moved := false
	for _, old := range in.Identity.Old {
		k := b.known[key(old)]
		if k == nil {
			continue
		}
		for _, to := range in.Identity.New {
			if to.Type == old.Type && b.known[key(to)] == nil {
				b.rename(k, to)
				moved = true
			}
		}
	}
	if len(in.Identity.Old) == 0 || in.Identity.Type == "phone_shared" || in.Identity.Type == "key_changed" {
		if c := b.last(in.From); c != nil {
			b.log(c, chat.Event{Kind: chat.EventIdentity, At: in.at, Data: map[string]string{"type": in.Identity.Type}})
		}
		if k := b.first(in.From); k != nil {
			for _, to := range in.Identity.New {
				b.alias(k, to)
			}
			return "identity"
		}
	}
	if !moved {
		return "identity_unknown"
	}
	if c := b.last(in.Identity.New); c != nil {
		b.log(c, chat.Event{Kind: chat.EventIdentity, At: in.at, Data: map[string]string{"type": in.Identity.Type}})
	}
	return "identity"
}

// preference keeps a contact's choice about being messaged, also of one that never wrote to us: it may be older than their
// first message, or meant for what somebody else sent in our name.
func (b *batch) preference(in received) string {
	if len(in.From) == 0 {
		return "no_sender"
	}
	k := b.person(in.From, in.Profile)
	kind := chat.EventOptIn
	if in.Preference.OptedOut {
		kind = chat.EventOptOut
	}
	if at, _ := window.Effective(in.At, in.at); !b.wish(k.ContactID, in.Preference.OptedOut, at) {
		return "preference_old"
	}
	if c := b.last(in.From); c != nil {
		b.log(c, chat.Event{Kind: kind, At: in.at})
	}
	return "preference"
}

// call notes a call of the contact. It opens the window where the channel says so, and somebody who called waits for an
// answer like somebody who wrote.
func (b *batch) call(in received) string {
	if len(in.From) == 0 {
		return "no_sender"
	}
	name := callName(in.Call)
	if in.Call.ExternalID != "" && !b.state.New[name] {
		return "duplicate"
	}
	b.state.New[name] = false
	who := b.person(in.From, in.Profile)
	c := b.openFor(who, in.at, in.Call.OpensWindow)
	if in.Call.OpensWindow {
		c.WindowOpenedAt = window.Advance(windowState(c.ConversationRow), in.At, in.at).OpenedAt
	}
	b.log(c, chat.Event{Kind: chat.EventCall, At: in.at, Data: in.Call.Data})
	return "call"
}

// callName is the provider id under which one happening of a call is known. No message has it.
func callName(c *chat.InboundCall) string { return "call:" + c.ExternalID + "/" + c.Data.Event }

func (b *batch) referral(in received) string {
	c := b.last(in.From)
	if c == nil {
		return "referral_unknown"
	}
	b.log(c, chat.Event{Kind: chat.EventReferral, At: in.at, Data: in.Referral})
	return "referral"
}

func (b *batch) issue(in received) string {
	i := in.Issue
	if i.Number != "" && digits(i.Number) != digits(b.account.Address) && !b.hasNumber(i.Number) {
		return "account_other" // a business account's numbers share its key
	}
	b.news(chat.AccountChange{State: i.State, Reason: i.Event, PerSecond: i.PerSecond, TemplatesBlockedUntil: i.TemplatesBlockedUntil})
	return "account"
}

// hasNumber tells whether news about a number is about this account, as far as the record knows its number.
func (b *batch) hasNumber(number string) bool {
	for _, k := range b.account.Keys {
		if digits(k.Value) == digits(number) {
			return true
		}
	}
	return digits(b.account.Address) == ""
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// addressBook takes names from the business's own address book, for contacts that we know and that have no name.
func (b *batch) addressBook(in received) string {
	k := b.first(in.From)
	if k == nil || k.ProfileName != "" || in.Profile.Name == "" {
		return "ignored"
	}
	b.profile(k, in.Profile)
	return "contact"
}

func (b *batch) park(in received, external string) string {
	if external == "" || in.waited {
		return "unmatched"
	}
	b.write.Parked = append(b.write.Parked, chat.Parked{ExternalID: external, ReceivedAt: in.at, Inbound: in.Inbound})
	return "parked"
}

// opaque reads what the provider echoes of Opaque.
func opaque(s string) (id chat.MessageID, attempt int, ok bool) {
	s, number, _ := strings.Cut(s, ".")
	u, err := uuid.Parse(s)
	attempt, notNumber := strconv.Atoi(number)
	return chat.MessageID(u), attempt, err == nil && notNumber == nil && len(s) == 36
}

// preview is what a list row shows of a message.
func preview(m *chat.Message) chat.Preview {
	text := m.Text
	if text == "" && len(m.Content.Media) > 0 {
		text = m.Content.Media[0].Name
	}
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) > chat.PreviewLimit {
		text = string([]rune(text)[:chat.PreviewLimit-1]) + "…"
	}
	return chat.Preview{Text: text, Kind: m.Kind, Direction: m.Direction, Status: m.Status}
}

// firstFrame finds the line of a stack that is not the runtime's or ours, to say where a parser panicked.
func firstFrame(stack []byte) string {
	after := bytes.Index(stack, []byte("panic("))
	if after < 0 {
		return "unknown"
	}
	lines := bytes.Split(stack[after:], []byte("\n"))
	for _, l := range lines[1:] {
		l = bytes.TrimSpace(l)
		if i := bytes.LastIndexByte(l, '/'); bytes.Contains(l, []byte(".go:")) && !bytes.Contains(l, []byte("/runtime/")) && i >= 0 {
			at, _, _ := bytes.Cut(l[i+1:], []byte(" "))
			return string(at)
		}
	}
	return "unknown"
}

// template applies a provider's change to the stored template and has the account's templates listed again where the
// change tells only part.
func (b *batch) template(in received) string {
	b.syncTemplates = true
	field := map[string]templates.Field{
		"status": templates.FieldStatus, "quality": templates.FieldQuality, "category": templates.FieldCategory, "components": templates.FieldComponents,
	}[in.Template.Field]
	e, err := templates.ParseEvent(field, in.Template.Value, in.At)
	if err != nil {
		return "template_unreadable"
	}
	for i, row := range b.state.Templates {
		var t templates.Template
		if err := json.Unmarshal(row.Definition, &t); err != nil || !e.Concerns(t) {
			continue
		}
		t = templates.Apply(t, e)
		def, err := json.Marshal(t)
		if err != nil {
			return "template_unreadable"
		}
		b.state.Templates[i].Definition = def
		b.write.Templates = append(b.write.Templates, chat.TemplateChange{ID: row.ID, Status: string(t.Status), Category: string(t.Category), Definition: def})
		return "template"
	}
	return "template_unknown"
}
