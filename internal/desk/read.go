package desk

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/window"
	"gatehouse/templates"
)

type readStore interface {
	Now(ctx context.Context) (time.Time, error)
	Conversation(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error)
	ConversationRows(ctx context.Context, ids []chat.ConversationID) ([]chat.ConversationRow, error)
	ListConversations(ctx context.Context, q chat.ListQuery, from, to time.Time) ([]chat.ConversationRow, error)
	Counts(ctx context.Context, p chat.Principal, kinds []chat.ChannelKind, from, to time.Time) (chat.Counts, error)
	ThreadPage(ctx context.Context, id chat.ConversationID, before, after int64, limit int) ([]chat.ThreadMessage, error)
	Message(ctx context.Context, id chat.MessageID) (chat.ThreadMessage, error)
	EventsAfter(ctx context.Context, seqs map[chat.ConversationID]int64, most int) (map[chat.ConversationID][]chat.ThreadEvent, error)
	EventsBetween(ctx context.Context, id chat.ConversationID, low, high int64, limit int) ([]chat.ThreadEvent, error)
	Contact(ctx context.Context, id chat.ContactID) (chat.Contact, []chat.Identity, error)
	ContactVisible(ctx context.Context, p chat.Principal, id chat.ContactID) (bool, error)
	UpdateContact(ctx context.Context, id chat.ContactID, name, language *string) error
	HistoryOfContact(ctx context.Context, id chat.ContactID, except chat.ConversationID) ([]chat.HistoryRow, error)
	Horizon(ctx context.Context) (chat.Horizon, error)
	ChangedSince(ctx context.Context, h chat.Horizon, limit int) (ids []chat.ConversationID, more bool, err error)
	NewestSince(ctx context.Context, h chat.Horizon, most int) (newest map[chat.ConversationID]int64, more bool, err error)
	TemplateRows(ctx context.Context, account chat.AccountID) ([]chat.TemplateRow, error)
	TemplateRow(ctx context.Context, id chat.TemplateID) (chat.TemplateRow, error)
}

// Now is the clock by which windows are decided.
func (d *Desk) Now(ctx context.Context) (time.Time, error) { return d.store.Now(ctx) }

// Conversation reads one that the principal may see; otherwise CodeNotFound.
func (d *Desk) Conversation(ctx context.Context, p chat.Principal, id chat.ConversationID) (chat.ConversationRow, error) {
	return d.store.Conversation(ctx, p, id)
}

// List reads a page of a view.
func (d *Desk) List(ctx context.Context, q chat.ListQuery) ([]chat.ConversationRow, error) {
	var from, to time.Time
	if q.View == chat.ViewExpiring {
		now, err := d.store.Now(ctx)
		if err != nil {
			return nil, err
		}
		from, to = expiring(now)
	}
	return d.store.ListConversations(ctx, q, from, to)
}

// Counts are the numbers beside the principal's views.
func (d *Desk) Counts(ctx context.Context, p chat.Principal) (chat.Counts, error) {
	now, err := d.store.Now(ctx)
	if err != nil {
		return chat.Counts{}, err
	}
	var kinds []chat.ChannelKind
	for k, c := range d.kinds {
		if c.Window.Open > 0 {
			kinds = append(kinds, k)
		}
	}
	from, to := expiring(now)
	return d.store.Counts(ctx, p, kinds, from, to)
}

// expiring bounds when a window was opened that shuts within window.Closing. All channels with a window have the same.
func expiring(now time.Time) (from, to time.Time) {
	from = now.Add(-window.ServiceWindow + window.Margin)
	return from, from.Add(window.Closing)
}

// Thread reads messages before a number, newest first, or after one, oldest first.
func (d *Desk) Thread(ctx context.Context, p chat.Principal, id chat.ConversationID, before, after int64, limit int) ([]chat.ThreadMessage, error) {
	if _, err := d.store.Conversation(ctx, p, id); err != nil {
		return nil, err
	}
	return d.store.ThreadPage(ctx, id, before, after, limit)
}

// ThreadAround reads messages around one of them, newest first.
func (d *Desk) ThreadAround(ctx context.Context, p chat.Principal, id chat.ConversationID, mid chat.MessageID, limit int) ([]chat.ThreadMessage, error) {
	m, err := d.Message(ctx, p, mid)
	if err != nil {
		return nil, err
	}
	if m.ConversationID != id {
		return nil, chat.Errorf(chat.CodeNotFound, "no such message in this conversation")
	}
	after, err := d.store.ThreadPage(ctx, id, 0, m.Seq, limit/2)
	if err != nil {
		return nil, err
	}
	before, err := d.store.ThreadPage(ctx, id, m.Seq+1, 0, limit-len(after))
	if err != nil {
		return nil, err
	}
	out := make([]chat.ThreadMessage, 0, len(before)+len(after))
	for _, a := range slices.Backward(after) {
		out = append(out, a)
	}
	return append(out, before...), nil
}

// Events reads a conversation's events after a number, in order.
func (d *Desk) Events(ctx context.Context, p chat.Principal, id chat.ConversationID, since int64, limit int) ([]chat.ThreadEvent, error) {
	if _, err := d.store.Conversation(ctx, p, id); err != nil {
		return nil, err
	}
	all, err := d.store.EventsAfter(ctx, map[chat.ConversationID]int64{id: since}, limit)
	return all[id], err
}

// EventsBetween reads the events of a page of a thread other than those of messages, newest first.
func (d *Desk) EventsBetween(ctx context.Context, p chat.Principal, id chat.ConversationID, low, high int64, limit int) ([]chat.ThreadEvent, error) {
	if _, err := d.store.Conversation(ctx, p, id); err != nil {
		return nil, err
	}
	return d.store.EventsBetween(ctx, id, low, high, limit)
}

// Message reads one message of a conversation that the principal may see.
func (d *Desk) Message(ctx context.Context, p chat.Principal, id chat.MessageID) (chat.ThreadMessage, error) {
	m, err := d.store.Message(ctx, id)
	if err != nil {
		return m, err
	}
	if _, err := d.store.Conversation(ctx, p, m.ConversationID); err != nil {
		return chat.ThreadMessage{}, err
	}
	return m, nil
}

// Contact reads a contact that the principal has a conversation with.
func (d *Desk) Contact(ctx context.Context, p chat.Principal, id chat.ContactID) (chat.Contact, []chat.Identity, error) {
	ok, err := d.store.ContactVisible(ctx, p, id)
	if err != nil {
		return chat.Contact{}, nil, err
	}
	if !ok {
		return chat.Contact{}, nil, chat.Errorf(chat.CodeNotFound, "no such contact")
	}
	return d.store.Contact(ctx, id)
}

// UpdateContact changes a contact's name or language; nil leaves it, "" forgets it.
func (d *Desk) UpdateContact(ctx context.Context, p chat.Principal, id chat.ContactID, name, speaks *string) (chat.Contact, []chat.Identity, error) {
	if _, _, err := d.Contact(ctx, p, id); err != nil {
		return chat.Contact{}, nil, err
	}
	name, err := patched(name, func(s string) (string, error) { return line("name", s, 0, 100) })
	if err != nil {
		return chat.Contact{}, nil, err
	}
	speaks, err = patched(speaks, func(tag string) (string, error) {
		if tag == "" {
			return "", nil // not known
		}
		return language("language", tag)
	})
	if err != nil {
		return chat.Contact{}, nil, err
	}
	if err := d.store.UpdateContact(ctx, id, name, speaks); err != nil {
		return chat.Contact{}, nil, err
	}
	return d.store.Contact(ctx, id)
}

// History reads the contact's other conversations that the principal may see, newest first.
func (d *Desk) History(ctx context.Context, p chat.Principal, row chat.ConversationRow) ([]chat.HistoryRow, error) {
	all, err := d.store.HistoryOfContact(ctx, row.ContactID, row.ID)
	if err != nil {
		return nil, err
	}
	out := all[:0]
	for _, h := range all {
		if p.Sees(h.DepartmentID, h.AgentID) {
			out = append(out, h)
		}
	}
	return out, nil
}

// Horizon is this moment, for a later ChangedSince.
func (d *Desk) Horizon(ctx context.Context) (chat.Horizon, error) { return d.store.Horizon(ctx) }

// resumeLimit is how many changed conversations a reconnecting reader is told one by one.
const resumeLimit = 500

// ChangedSince reads the conversations that changed after a moment and that the principal may see. resync tells that there
// were too many, or that the moment is not of this record: read everything again.
func (d *Desk) ChangedSince(ctx context.Context, p chat.Principal, h chat.Horizon) (rows []chat.ConversationRow, resync bool, err error) {
	now, err := d.store.Horizon(ctx)
	if err != nil {
		return nil, false, err
	}
	if h.Copy != now.Copy || h.Xid > now.Xid || h.At.After(now.At) || now.At.Sub(h.At) > 24*time.Hour {
		return nil, true, nil
	}
	ids, more, err := d.store.ChangedSince(ctx, h, resumeLimit)
	if err != nil || more {
		return nil, more, err
	}
	all, err := d.store.ConversationRows(ctx, ids)
	if err != nil {
		return nil, false, err
	}
	for _, r := range all {
		if p.Sees(r.DepartmentID, r.AgentID) {
			rows = append(rows, r)
		}
	}
	return rows, false, nil
}

// auditLimit is how many events NewestSince looks at: some ten seconds of the most that a record can take.
const auditLimit = 200_000

// NewestSince tells the seq of the newest event of each conversation that changed after a moment, for a node that makes sure
// that it was told of all. resync tells that too much changed to look at, or that the moment is not of this record.
func (d *Desk) NewestSince(ctx context.Context, h chat.Horizon) (newest map[chat.ConversationID]int64, resync bool, err error) {
	now, err := d.store.Horizon(ctx)
	if err != nil {
		return nil, false, err
	}
	if h.Copy != now.Copy || h.Xid > now.Xid {
		return nil, true, nil
	}
	newest, more, err := d.store.NewestSince(ctx, h, auditLimit)
	return newest, more, err
}

// ConversationRows reads conversations by id, whoever may see them; one that is not there is left out.
func (d *Desk) ConversationRows(ctx context.Context, ids []chat.ConversationID) ([]chat.ConversationRow, error) {
	return d.store.ConversationRows(ctx, ids)
}

// EventsAfter reads events of conversations after a number each, at most so many of each, in order, whoever may see them.
func (d *Desk) EventsAfter(ctx context.Context, seqs map[chat.ConversationID]int64, most int) (map[chat.ConversationID][]chat.ThreadEvent, error) {
	return d.store.EventsAfter(ctx, seqs, most)
}

// TemplateView is a stored template, read.
type TemplateView struct {
	chat.TemplateRow
	Template templates.Template
	Usable   bool
	Reason   string
}

// Templates reads an account's templates, or those of a conversation's account with the contact's language first; with
// neither, those of all accounts.
func (d *Desk) Templates(ctx context.Context, p chat.Principal, account chat.AccountID, conversation chat.ConversationID) ([]TemplateView, error) {
	language := ""
	if !chat.IsZero(conversation) {
		row, err := d.store.Conversation(ctx, p, conversation)
		if err != nil {
			return nil, err
		}
		account = row.AccountID
		c, _, err := d.store.Contact(ctx, row.ContactID)
		if err != nil {
			return nil, err
		}
		language = c.Language
	}
	rows, err := d.store.TemplateRows(ctx, account)
	if err != nil {
		return nil, err
	}
	byID := map[string]chat.TemplateRow{} // by ours: two accounts may have one template
	all := make([]templates.Template, 0, len(rows))
	for _, r := range rows {
		var t templates.Template
		if err := json.Unmarshal(r.Definition, &t); err != nil {
			return nil, err
		}
		t.ID = r.ID.String()
		all = append(all, t)
		byID[t.ID] = r
	}
	templates.Sort(all, language)
	out := make([]TemplateView, 0, len(all))
	for _, t := range all {
		ok, why := templates.Usable(t)
		row := byID[t.ID]
		t.ID = row.ProviderID
		out = append(out, TemplateView{TemplateRow: row, Template: t, Usable: ok, Reason: string(why)})
	}
	return out, nil
}

// TemplateNamed finds a conversation's template by its name, in the language that is asked for or the next best one
// (templates.Pick); the contact's comes second. CodeTemplateMissing says that none has the name.
func (d *Desk) TemplateNamed(ctx context.Context, p chat.Principal, id chat.ConversationID, name, language string) (chat.TemplateID, error) {
	views, err := d.Templates(ctx, p, chat.AccountID{}, id)
	if err != nil {
		return chat.TemplateID{}, err
	}
	all := make([]templates.Template, len(views))
	wanted := []string{language}
	for i, v := range views { // in the contact's order
		all[i], wanted = v.Template, append(wanted, v.Language)
	}
	t, ok := templates.Pick(all, name, wanted...)
	for _, v := range views {
		if ok && v.Name == t.Name && v.Language == t.Language {
			return v.ID, nil
		}
	}
	return chat.TemplateID{}, chat.Errorf(chat.CodeTemplateMissing, "no template is called %q", name).With("field", "template.name")
}

// PreviewTemplate shows a template filled in, with what is still wrong.
func (d *Desk) PreviewTemplate(ctx context.Context, _ chat.Principal, id chat.TemplateID, values templates.Values) (templates.Preview, []templates.Problem, error) {
	row, err := d.store.TemplateRow(ctx, id)
	if err != nil {
		return templates.Preview{}, nil, err
	}
	var t templates.Template
	if err := json.Unmarshal(row.Definition, &t); err != nil {
		return templates.Preview{}, nil, err
	}
	m, problems := templates.Render(t, values)
	return m.Preview, problems, nil
}
