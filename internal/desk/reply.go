package desk

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
	"gatehouse/internal/window"
	"gatehouse/templates"
)

// Reply is what somebody writes: one content.
type Reply struct {
	Note        bool // seen by agents only; needs no window and no holder
	Text        string
	ReplyTo     chat.MessageID
	Attachments []chat.AttachmentID // one message each; Text is the first one's caption
	Location    *chat.Location
	Buttons     []chat.Button
	List        *chat.List
	Template    chat.TemplateID
	Values      templates.Values
}

// Reply accepts a message for sending, or a note. It refuses what the window, the channel or the controller does not allow,
// with the reason; accepted means stored, and the sender asks the window again before it leaves. idem makes a repeated
// request answer the same; it is nil for calls that cannot repeat. The first of several messages is returned.
func (d *Desk) Reply(ctx context.Context, p chat.Principal, id chat.ConversationID, r Reply, idem *chat.Idempotency) (chat.ThreadMessage, error) {
	if err := r.check(); err != nil {
		return chat.ThreadMessage{}, err
	}
	n := chat.ChangeNeeds{
		Principal: p, Conversation: id, Author: p.AgentID, Attachments: r.Attachments, Template: r.Template, Idempotency: idem,
	}
	if !chat.IsZero(r.ReplyTo) {
		n.Messages = []chat.MessageID{r.ReplyTo}
	}
	var out chat.ThreadMessage
	row, err := d.deed(ctx, n, func(st chat.ChangeState, l *ledger, c *conv) error {
		if st.Mismatch {
			return chat.Errorf(chat.CodeIdempotencyMismatch, "the Idempotency-Key was used with another body")
		}
		if st.Repeat != nil {
			out = *st.Repeat
			return nil
		}
		messages, err := d.compose(p, r, st)
		if err != nil {
			return err
		}
		for i := range messages {
			m := &messages[i]
			if m.Direction == chat.Out && m.Status == chat.StatusSent { // a channel without a provider: our id is its id
				m.ExternalID = m.ID.String()
				l.write.Given = append(l.write.Given, *m)
			}
			l.add(c, m)
		}
		out = chat.ThreadMessage{Message: messages[0]}
		return nil
	})
	if err != nil {
		return chat.ThreadMessage{}, err
	}
	if out.Direction == chat.Out && out.Status == chat.StatusPending {
		d.ring(ctx, task.Deliver, row.AccountID)
	}
	return out, nil
}

// check refuses a reply that has no content, or more than one.
func (r Reply) check() error {
	kinds := 0
	for _, has := range []bool{len(r.Attachments) > 0, r.Location != nil, len(r.Buttons) > 0, r.List != nil, !chat.IsZero(r.Template)} {
		if has {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return chat.Errorf(chat.CodeInvalid, "a message has one content")
	case kinds == 0 && strings.TrimSpace(r.Text) == "":
		return chat.Errorf(chat.CodeEmptyMessage, "nothing to send")
	case !chat.IsZero(r.Template) && r.Text != "":
		return chat.Errorf(chat.CodeInvalid, "a template brings its own text")
	case len(r.Attachments) > 10:
		return chat.Errorf(chat.CodeInvalid, "at most 10 files at once")
	case twice(r.Attachments):
		return chat.Errorf(chat.CodeInvalid, "a file belongs to one message")
	case r.Note && (r.Location != nil || len(r.Buttons) > 0 || r.List != nil || !chat.IsZero(r.Template)):
		return chat.Errorf(chat.CodeInvalid, "a note holds text and files")
	}
	return nil
}

func twice(files []chat.AttachmentID) bool {
	for i, f := range files {
		if slices.Contains(files[:i], f) {
			return true
		}
	}
	return false
}

// compose makes the messages of a reply, or says why not.
func (d *Desk) compose(p chat.Principal, r Reply, st chat.ChangeState) ([]chat.Message, error) {
	base := chat.Message{
		ID: chat.NewID[chat.MessageID](), ConversationID: st.Row.ID, AccountID: st.Row.AccountID, Direction: chat.Out, Kind: chat.KindText,
		Text: r.Text, Status: chat.StatusPending, AgentID: p.AgentID, Source: chat.SourceAgent, CreatedAt: st.Now, DueAt: st.Now,
	}
	if !chat.IsZero(p.APIKeyID) {
		base.Source, base.Automated = chat.SourceAPI, true
	}
	channel := d.kinds[st.Row.Kind]
	if r.Note {
		base.Direction, base.Status, base.DueAt = chat.Note, chat.StatusReceived, time.Time{}
		channel.Limits = noteLimits
	} else if err := d.maySend(p, st); err != nil {
		return nil, err
	}
	if !chat.IsZero(r.ReplyTo) {
		if _, ok := st.Messages[r.ReplyTo]; !ok {
			return nil, chat.Errorf(chat.CodeNotFound, "no such message to answer")
		}
		base.ReplyTo = r.ReplyTo
	}
	if err := fill(&base, r, st, channel.Limits); err != nil {
		return nil, err
	}
	if base.Direction == chat.Out {
		if err := d.window(st.Row.Kind, st.Row, st.Now, &base); err != nil {
			return nil, err
		}
		if base.Kind == chat.KindTemplate && st.Account.TemplatesBlockedUntil.After(st.Now) {
			return nil, chat.Errorf(chat.CodeTemplatePaused, "the provider blocks this account's templates").With("until", st.Account.TemplatesBlockedUntil)
		}
	}
	if channel.Limits.Direct && base.Direction == chat.Out {
		base.Status, base.DueAt = chat.StatusSent, time.Time{}
	}
	if len(r.Attachments) == 0 {
		return []chat.Message{base}, nil
	}
	return withFiles(base, p, r, st, channel.Limits)
}

// noteLimits are what a note may hold: text, and any file.
var noteLimits = chat.Limits{
	TextLimit: 10_000, Caption: 10_000, ReplyTo: true, Media: map[chat.MessageKind]chat.MediaLimit{
		chat.KindImage: {}, chat.KindVideo: {}, chat.KindAudio: {}, chat.KindVoice: {}, chat.KindDocument: {},
	},
}

// maySend tells whether the principal may answer the contact in this conversation now.
func (d *Desk) maySend(p chat.Principal, st chat.ChangeState) error {
	if !st.Account.State.CanSend() {
		return chat.Errorf(chat.CodeAccountDisconnected, "the account is %s: %s", st.Account.State, st.Account.StateReason)
	}
	if !st.Row.Status.Open() {
		return chat.Errorf(chat.CodeConversationEnded, "conversation is closed")
	}
	if !chat.IsZero(p.APIKeyID) {
		return nil // a machine answers for whoever holds it
	}
	if err := st.Row.CanReply(p.AgentID); err != nil {
		return err
	}
	return present(st.Author)
}

// window asks the law about a message and turns a refusal into an error that names the next step.
func (d *Desk) window(kind chat.ChannelKind, row chat.ConversationRow, now time.Time, m *chat.Message) error {
	dec := d.ask(kind, row, now, m)
	if dec.Allowed() {
		return nil
	}
	return chat.Errorf(chat.Code(dec.Reason), "the service window is closed").With("next", string(dec.Next)).With("shuts_at", dec.ShutsAt)
}

// ask puts a message to the window law and counts the answer.
func (d *Desk) ask(kind chat.ChannelKind, row chat.ConversationRow, now time.Time, m *chat.Message) window.Decision {
	ask := window.Ask{State: windowState(row), Kind: window.Freeform, By: window.Person}
	switch m.Kind {
	case chat.KindTemplate:
		ask.Kind = window.Template
	case chat.KindReaction:
		ask.Kind = window.Reaction
	}
	if m.Automated {
		ask.By = window.Automation
	}
	dec := d.kinds[kind].Window.Decide(now, ask)
	d.metrics.Window(string(kind), string(dec.Reason))
	return dec
}

// fill puts the content into the message and checks it against the channel's limits.
func fill(m *chat.Message, r Reply, st chat.ChangeState, lim chat.Limits) error {
	if !chat.IsZero(r.ReplyTo) && !lim.ReplyTo {
		return chat.Errorf(chat.CodeNotSupported, "the channel cannot quote a message")
	}
	switch {
	case !chat.IsZero(r.Template):
		return fillTemplate(m, r, st, lim)
	case r.Location != nil:
		if !lim.Location {
			return chat.Errorf(chat.CodeNotSupported, "the channel carries no locations")
		}
		if l := r.Location; l.Latitude < -90 || l.Latitude > 90 || l.Longitude < -180 || l.Longitude > 180 {
			return chat.Errorf(chat.CodeInvalid, "no such place on earth")
		}
		m.Kind, m.Content.Location, m.Text = chat.KindLocation, r.Location, ""
		return nil
	case len(r.Buttons) > 0:
		m.Kind, m.Content.Buttons = chat.KindInteractive, r.Buttons
		return errorsFirst(lim.CheckButtons(r.Buttons), lim.CheckText(r.Text, false))
	case r.List != nil:
		m.Kind, m.Content.List = chat.KindInteractive, r.List
		return errorsFirst(lim.CheckList(*r.List), lim.CheckText(r.Text, false))
	case len(r.Attachments) > 0:
		return nil // withFiles
	}
	return lim.CheckText(r.Text, false)
}

func errorsFirst(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// withFiles makes a message of each file; the text is the first one's caption, or a message before them where files carry no
// caption.
func withFiles(base chat.Message, p chat.Principal, r Reply, st chat.ChangeState, lim chat.Limits) ([]chat.Message, error) {
	if len(st.Attachments) != len(r.Attachments) {
		return nil, chat.Errorf(chat.CodeNotFound, "no such upload")
	}
	var out []chat.Message
	for i, u := range st.Attachments {
		owner := [16]byte(p.AgentID)
		if chat.IsZero(p.AgentID) {
			owner = [16]byte(p.APIKeyID)
		}
		if u.UploadedBy != owner || !chat.IsZero(u.MessageID) {
			return nil, chat.Errorf(chat.CodeNotFound, "no such upload")
		}
		m := base
		m.ID = chat.NewID[chat.MessageID]()
		m.Kind = mediaKind(u.Media, lim)
		m.Content.Media = []chat.Media{u.Media}
		if i > 0 {
			m.Text, m.ReplyTo = "", chat.MessageID{}
		}
		if err := lim.CheckMedia(m.Kind, u.Type, u.Size); err != nil {
			return nil, err
		}
		if m.Text != "" && (lim.Caption == 0 || m.Kind == chat.KindAudio || m.Kind == chat.KindVoice || m.Kind == chat.KindSticker) {
			if err := lim.CheckText(m.Text, false); err != nil {
				return nil, err
			}
			text := base
			text.ID = chat.NewID[chat.MessageID]()
			out = append(out, text)
			m.Text, m.ReplyTo = "", chat.MessageID{}
		} else if err := lim.CheckText(m.Text, true); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// mediaKind is how a file is sent: as what it is where the channel takes it so, else as a document.
func mediaKind(m chat.Media, lim chat.Limits) chat.MessageKind {
	kind := chat.KindDocument
	switch family, _, _ := strings.Cut(m.Type, "/"); {
	case m.Voice:
		kind = chat.KindVoice
	case family == "image":
		kind = chat.KindImage
	case family == "video":
		kind = chat.KindVideo
	case family == "audio":
		kind = chat.KindAudio
	}
	if l, ok := lim.Media[kind]; !ok || !l.Takes(m.Type) {
		if _, ok := lim.Media[chat.KindDocument]; ok {
			return chat.KindDocument
		}
	}
	return kind
}

func fillTemplate(m *chat.Message, r Reply, st chat.ChangeState, lim chat.Limits) error {
	if !lim.Templates {
		return chat.Errorf(chat.CodeNotSupported, "the channel has no templates")
	}
	t, err := usable(st.Template, st.Row.AccountID)
	if err != nil {
		return err
	}
	msg, problems := templates.Render(t, r.Values)
	if len(problems) > 0 {
		return variableError(problems)
	}
	m.Kind, m.Text = chat.KindTemplate, plain(msg.Preview.Body)
	m.Content.Template = &chat.TemplateUse{
		ID: st.Template.ID, Name: t.Name, Language: t.Language, Category: string(t.Category), Components: msg.Components,
	}
	m.Content.Footer = msg.Preview.Footer
	if h := msg.Preview.Header; h != nil {
		m.Content.Header = plain(h.Text)
	}
	for _, b := range msg.Preview.Buttons {
		button := chat.Button{Title: b.Text}
		if b.Type == templates.URL {
			button.URL = plain(b.Target)
		}
		m.Content.Buttons = append(m.Content.Buttons, button)
	}
	return nil
}

func plain(spans []templates.Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// usable reads a stored template and refuses one that may not be sent.
func usable(row *chat.TemplateRow, account chat.AccountID) (templates.Template, error) {
	var t templates.Template
	if row == nil || row.AccountID != account || row.Gone {
		return t, chat.Errorf(chat.CodeTemplateMissing, "no such template on this account")
	}
	if err := json.Unmarshal(row.Definition, &t); err != nil {
		return t, err
	}
	if ok, why := templates.Usable(t); !ok {
		code := chat.Code(why)
		if code != chat.CodeTemplateMissing {
			code = chat.CodeTemplatePaused
		}
		return t, chat.Errorf(code, "the template cannot be sent: %s", why).With("reason", string(why))
	}
	return t, nil
}

func variableError(problems []templates.Problem) error {
	type field struct {
		Variable string `json:"variable"`
		Code     string `json:"code"`
		Message  string `json:"message"`
		Limit    int    `json:"limit,omitempty"`
	}
	var fields []field
	for _, p := range problems {
		fields = append(fields, field{p.Field, string(p.Code), p.Message(), p.Limit})
	}
	return chat.Errorf(chat.CodeTemplateVariables, "%s", problems[0].Message()).With("problems", fields)
}
