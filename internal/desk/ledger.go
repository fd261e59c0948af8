package desk

import (
	"slices"
	"time"

	"gatehouse/internal/chat"
)

// ledger is what a batch knows of the record and what it has changed so far: the working copy between read and write.
type ledger struct {
	account chat.Account
	state   chat.LaneState
	known   map[addressKey]*chat.KnownIdentity
	threads map[chat.IdentityID]*chat.KnownIdentity // by their own id
	convs   map[chat.ConversationID]*conv
	open    map[chat.IdentityID]*conv // by thread
	newest  map[chat.IdentityID]*conv
	wished  map[chat.ContactID]time.Time // the latest wish of each, as far as the record was asked

	byExternal map[string]*chat.Message
	byID       map[chat.MessageID]*chat.Message
	outbound   []*chat.Message
	order      []*conv // conversations in the order in which they were touched
	updated    []*chat.Message
	added      []*chat.Message
	write      chat.Write
}

// conv is a conversation in work.
type conv struct {
	chat.ConversationRow
	created, touched bool
	events           []chat.Event
}

type addressKey struct {
	scope, value string
	typ          chat.AddressType
}

func key(a chat.Address) addressKey { return addressKey{a.Scope, a.Value, a.Type} }

func newLedger(st chat.LaneState) ledger {
	l := ledger{
		account: st.Account, state: st, known: map[addressKey]*chat.KnownIdentity{}, threads: map[chat.IdentityID]*chat.KnownIdentity{},
		convs: map[chat.ConversationID]*conv{},
		open:  map[chat.IdentityID]*conv{}, newest: map[chat.IdentityID]*conv{}, wished: map[chat.ContactID]time.Time{}, byExternal: map[string]*chat.Message{},
		byID: map[chat.MessageID]*chat.Message{},
	}
	for i := range st.Identities {
		k := st.Identities[i]
		l.known[key(k.Address)] = &k
		l.threads[k.ID] = &k
		l.wished[k.ContactID] = k.WishedAt
	}
	for _, r := range st.Conversations {
		if l.convs[r.ID] != nil {
			continue // it was read for two reasons
		}
		c := &conv{ConversationRow: r}
		l.convs[c.ID] = c
		if c.Status.Open() {
			l.open[c.IdentityID] = c
		}
		if c.OptedOut.After(l.wished[c.ContactID]) {
			l.wished[c.ContactID] = c.OptedOut
		}
		if n := l.newest[c.IdentityID]; n == nil || c.CreatedAt.After(n.CreatedAt) {
			l.newest[c.IdentityID] = c
		}
	}
	for name, m := range st.Targets {
		l.byExternal[name] = l.remember(m)
	}
	for _, m := range st.ByID {
		l.remember(m)
	}
	for _, m := range st.Outbound {
		l.outbound = append(l.outbound, l.remember(m))
	}
	return l
}

// remember keeps one working copy of each message.
func (l *ledger) remember(m chat.Message) *chat.Message {
	if have := l.byID[m.ID]; have != nil {
		return have
	}
	l.byID[m.ID] = &m
	return &m
}

// target finds the message that a provider id names, if its conversation is at hand.
func (l *ledger) target(external string) *chat.Message {
	m := l.byExternal[external]
	if m == nil || l.convs[m.ConversationID] == nil {
		return nil
	}
	return m
}

// person finds who an event comes from, or makes a contact of them: the identity that their conversations hang on. Addresses
// that were not known yet are added to the person that the others name.
func (l *ledger) person(from []chat.Address, p chat.Profile) *chat.KnownIdentity {
	k := l.first(from)
	if k == nil {
		contact := chat.Contact{ID: chat.NewID[chat.ContactID](), Language: p.Language, CreatedAt: l.state.Now}
		l.write.Contacts = append(l.write.Contacts, contact)
		id := chat.NewID[chat.IdentityID]()
		k = &chat.KnownIdentity{Identity: chat.Identity{
			ID: id, ContactID: contact.ID, Thread: id, Address: thread(from), ProfileName: p.Name, Username: p.Username,
		}}
		l.known[key(k.Address)], l.threads[k.ID] = k, k
		l.write.Identities = append(l.write.Identities, k.Identity)
	} else {
		l.profile(k, p)
	}
	for _, a := range from {
		l.alias(k, a)
	}
	return k
}

// thread chooses the address that conversations hang on: one that people know, else the strongest.
func thread(from []chat.Address) chat.Address {
	for _, a := range from {
		if a.Type == chat.AddressPhone {
			return a
		}
	}
	return from[0]
}

// first finds whom the strongest known address belongs to: the identity that their conversations hang on.
func (l *ledger) first(from []chat.Address) *chat.KnownIdentity {
	for _, a := range from {
		if k := l.known[key(a)]; k != nil {
			return l.threads[k.Thread]
		}
	}
	return nil
}

// alias makes an address another one of a known person, unless it is somebody's already.
func (l *ledger) alias(k *chat.KnownIdentity, a chat.Address) {
	if l.known[key(a)] != nil {
		return
	}
	n := &chat.KnownIdentity{Identity: k.Identity, ContactName: k.ContactName, OptedOut: k.OptedOut}
	n.ID, n.Address = chat.NewID[chat.IdentityID](), a
	l.known[key(a)] = n
	l.write.Identities = append(l.write.Identities, n.Identity)
}

// profile takes a changed profile name or user name.
func (l *ledger) profile(k *chat.KnownIdentity, p chat.Profile) {
	if (p.Name == "" || p.Name == k.ProfileName) && (p.Username == "" || p.Username == k.Username) {
		return
	}
	if p.Name != "" {
		k.ProfileName = p.Name
	}
	if p.Username != "" {
		k.Username = p.Username
	}
	l.moved(k)
}

// rename gives a known identity another value.
func (l *ledger) rename(k *chat.KnownIdentity, to chat.Address) {
	delete(l.known, key(k.Address))
	k.Address = to
	l.known[key(to)] = k
	l.moved(k)
}

func (l *ledger) moved(k *chat.KnownIdentity) {
	for _, c := range l.convs {
		if c.IdentityID == k.ID {
			c.ConversationRow = chat.NewConversationRow(c.Conversation, c.Kind, k.ContactName, k.Identity, c.OptedOut)
		}
	}
	for i := range l.write.Identities {
		if l.write.Identities[i].ID == k.ID {
			l.write.Identities[i] = k.Identity
			return
		}
	}
	for i := range l.write.Moved {
		if l.write.Moved[i].ID == k.ID {
			l.write.Moved[i] = k.Identity
			return
		}
	}
	l.write.Moved = append(l.write.Moved, k.Identity)
}

// openFor finds the conversation that something of a person belongs to: the open one; else, when it needs an answer, a new
// one in the account's line; else the newest, so that echoes and history do not disturb anyone.
func (l *ledger) openFor(who *chat.KnownIdentity, at time.Time, needsAnswer bool) *conv {
	if c := l.open[who.Thread]; c != nil {
		return c
	}
	before := l.newest[who.Thread]
	if before != nil && !needsAnswer {
		return before
	}
	row := chat.Conversation{
		ID: chat.NewID[chat.ConversationID](), AccountID: l.account.ID, IdentityID: who.Thread, ContactID: who.ContactID,
		DepartmentID: l.account.DepartmentID, Status: chat.Closed, Controller: chat.ControllerNone, CreatedAt: at, LastMessageAt: at,
		EndedAt: at,
	}
	if before != nil {
		row.WindowOpenedAt, row.WindowShutAt, row.FreeEntryUntil = before.WindowOpenedAt, before.WindowShutAt, before.FreeEntryUntil
	}
	c := &conv{created: true}
	var queued chat.Event
	if needsAnswer {
		row.EndedAt = time.Time{}
		row, queued = row.Enqueue(at, "new")
		queued.At = at
	}
	c.ConversationRow = chat.NewConversationRow(row, l.account.Kind, who.ContactName, who.Identity, who.OptedOut)
	l.convs[c.ID], l.newest[who.Thread] = c, c
	if needsAnswer {
		l.open[who.Thread] = c
		l.log(c, queued)
	}
	return c
}

// last finds a person's open or newest conversation; nil if there is none.
func (l *ledger) last(from []chat.Address) *conv {
	k := l.first(from)
	if k == nil {
		return nil
	}
	if c := l.open[k.Thread]; c != nil {
		return c
	}
	return l.newest[k.Thread]
}

// isOf tells whether a conversation is with this person; an event that names nobody may be about anyone.
func (l *ledger) isOf(c *conv, from []chat.Address) bool {
	if c == nil {
		return false
	}
	k := l.first(from)
	return k != nil && k.Thread == c.IdentityID
}

// add puts a new message at the end of a conversation.
func (l *ledger) add(c *conv, m *chat.Message) {
	l.log(c, chat.Event{Kind: chat.EventMessage, At: m.CreatedAt, MessageID: m.ID, Actor: m.AgentID})
	m.Seq = c.LastSeq
	when, history := m.CreatedAt, m.Source == chat.SourceHistory
	if history {
		when = m.SortAt() // it is no activity of today
	}
	if m.Direction != chat.Note && (!history || !when.Before(c.LastMessageAt)) {
		c.Preview = preview(m)
		if when.After(c.LastMessageAt) {
			c.LastMessageAt = when
		}
	}
	l.byID[m.ID] = m
	if m.ExternalID != "" {
		l.byExternal[m.ExternalID] = m
	}
	l.added = append(l.added, m)
}

// react sets our reaction on a message and says so.
func (l *ledger) react(c *conv, on chat.MessageID, emoji string, at time.Time, by chat.AgentID) {
	l.set(chat.ReactionWrite{Reaction: chat.Reaction{MessageID: on, Direction: chat.Out, Emoji: emoji}, At: at})
	l.log(c, chat.Event{Kind: chat.EventReaction, At: at, Actor: by, MessageID: on, Data: chat.ReactionData{Emoji: emoji, Direction: chat.Out}})
}

// set notes one side's reaction on a message: of several the latest.
func (l *ledger) set(r chat.ReactionWrite) {
	for i := range l.write.Reactions {
		if have := &l.write.Reactions[i]; have.MessageID == r.MessageID && have.Direction == r.Direction {
			if !r.At.Before(have.At) {
				*have = r
			}
			return
		}
	}
	l.write.Reactions = append(l.write.Reactions, r)
}

// news notes news about the account, beside what the batch has noted already.
func (l *ledger) news(a chat.AccountChange) {
	have := l.write.Account
	if have == nil {
		have = &chat.AccountChange{}
		l.write.Account = have
	}
	if a.State != "" {
		have.State, have.Reason = a.State, a.Reason
	}
	if a.PerSecond > 0 {
		have.PerSecond = a.PerSecond
	}
	if !a.TemplatesBlockedUntil.IsZero() {
		have.TemplatesBlockedUntil = a.TemplatesBlockedUntil
	}
}

// update notes a change of a message that is there.
func (l *ledger) update(c *conv, m *chat.Message, e chat.Event) {
	if !slices.Contains(l.updated, m) && !slices.Contains(l.added, m) {
		l.updated = append(l.updated, m)
	}
	if r := m.Content.Reaction; r != nil && m.Kind == chat.KindReaction {
		if m.Status == chat.StatusFailed {
			// As of its own time: one that was set later stays.
			l.set(chat.ReactionWrite{Reaction: chat.Reaction{MessageID: r.Target, Direction: chat.Out, Emoji: r.Before}, At: m.CreatedAt})
			l.log(c, chat.Event{Kind: chat.EventReaction, At: e.At, MessageID: r.Target, Data: chat.ReactionData{Emoji: r.Before, Direction: chat.Out}})
		}
		l.touch(c)
		return
	}
	if e.Kind == chat.EventStatus {
		e.Data = chat.StatusData{Status: m.Status}
	}
	l.log(c, e)
	if m.Seq == lastMessageSeq(c, m) {
		c.Preview = preview(m)
	}
}

// lastMessageSeq tells which message the preview shows: the one whose time is the conversation's activity.
func lastMessageSeq(c *conv, m *chat.Message) int64 {
	if m.CreatedAt.Equal(c.LastMessageAt) && m.Direction == c.Preview.Direction {
		return m.Seq
	}
	return -1
}

// log numbers an event and notes it.
func (l *ledger) log(c *conv, e chat.Event) {
	c.LastSeq++
	e.ConversationID, e.Seq = c.ID, c.LastSeq
	c.events = append(c.events, e)
	l.touch(c)
}

// touch notes that a conversation's row changed.
func (l *ledger) touch(c *conv) {
	if !c.touched {
		c.touched = true
		l.order = append(l.order, c)
	}
}

// wish takes a contact's choice about being messaged, made at a time, and tells whether it is news: one that we hear of again,
// or after a later one, changes nothing.
func (l *ledger) wish(contact chat.ContactID, out bool, at time.Time) bool {
	if !at.After(l.wished[contact]) {
		return false
	}
	l.wished[contact] = at
	l.write.Wishes = slices.DeleteFunc(l.write.Wishes, func(w chat.Wish) bool { return w.Contact == contact })
	l.write.Wishes = append(l.write.Wishes, chat.Wish{Contact: contact, Out: out, At: at})
	opted := time.Time{}
	if out {
		opted = at
	}
	for _, k := range l.known {
		if k.ContactID == contact {
			k.OptedOut = opted
		}
	}
	for _, c := range l.convs {
		if c.ContactID == contact {
			c.OptedOut = opted
		}
	}
	return true
}

// finish collects the write.
func (l *ledger) finish() *chat.Write {
	for _, c := range l.order {
		if c.created {
			l.write.Created = append(l.write.Created, c.Conversation)
		} else {
			l.write.Changed = append(l.write.Changed, c.Conversation)
		}
		l.write.Events = append(l.write.Events, c.events...)
	}
	for _, m := range l.added {
		l.write.Messages = append(l.write.Messages, *m)
	}
	for _, m := range l.updated {
		l.write.Updated = append(l.write.Updated, *m)
	}
	return &l.write
}

// notices are the news of a committed write: one for each conversation, with its events and their messages as they stand.
func (l *ledger) notices() []chat.Notice {
	out := make([]chat.Notice, 0, len(l.order)+1)
	for _, c := range l.order {
		n := chat.Notice{Kind: chat.NoticeConversation, Conversation: &c.ConversationRow}
		for _, e := range c.events {
			te := chat.ThreadEvent{Event: e}
			if m := l.byID[e.MessageID]; m != nil && e.MessageID != (chat.MessageID{}) {
				te.Message = &chat.ThreadMessage{Message: *m}
			}
			switch data := e.Data.(type) {
			case chat.QueuedData:
				n.Left = append(n.Left, data.From)
			case chat.AssignedData:
				n.Left = append(n.Left, data.From)
			}
			n.Events = append(n.Events, te)
		}
		out = append(out, n)
	}
	if a := l.write.Account; a != nil && a.State != "" {
		acc := l.account
		acc.State, acc.StateReason = a.State, a.Reason
		out = append(out, chat.Notice{Kind: chat.NoticeAccount, Account: &acc})
	}
	if len(l.write.Templates) > 0 {
		out = append(out, chat.Notice{Kind: chat.NoticeSettings, What: "templates"})
	}
	return out
}
