package desk_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
	"gatehouse/templates"
)

// upload is a file that somebody has put into the media store for a message.
func upload(w *desktest.World, p chat.Principal, typ string, size int64) chat.AttachmentID {
	w.T.Helper()
	id := chat.NewID[chat.AttachmentID]()
	must(w.T, w.Desk.KeepUpload(w.T.Context(), p, chat.Upload{Media: chat.Media{ID: id, State: chat.MediaReady, Type: typ, Name: "file.png", Size: size}}))
	return id
}

func TestEveryReplyIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	other := w.Wing()
	ctx := t.Context()
	elif, can := w.Agent("elif", 50, chat.Online), w.Agent("can", 5, chat.Online)
	stranger := other.Agent("stranger", 5, chat.Online)
	open, closed := w.Talk(elif, w.Phone(1)).ID, w.Talk(elif, w.Phone(2)).ID
	_, err := w.Desk.End(ctx, elif, closed, w.Reason, "")
	must(t, err)
	elsewhere := w.Talk(elif, w.Phone(3))
	foreign := w.Thread(w.Phone(3))[0].ID
	note, err := w.Desk.Reply(ctx, elif, open, desk.Reply{Note: true, Text: "psst"}, nil)
	must(t, err)

	tpl := greeting()
	good := w.Template(tpl)
	tpl.Name, tpl.Status = "paused", templates.StatusPaused
	paused := w.Template(tpl)
	tpl.Name, tpl.Status = "gone", templates.StatusApproved
	gone := w.Template(tpl)
	w.Exec(`UPDATE templates SET gone_at = now() WHERE id = $1`, gone)
	theirTemplate := other.Template(greeting())
	name := templates.Values{"body.first_name": templates.Text("Elif")}

	picture, theirs := upload(w, elif, "image/png", 1000), upload(w, can, "image/png", 1000)
	used := upload(w, elif, "image/png", 1000)
	_, err = w.Desk.Reply(ctx, elif, open, desk.Reply{Attachments: []chat.AttachmentID{used}}, nil)
	must(t, err)

	for name, c := range map[string]struct {
		who  chat.Principal
		on   chat.ConversationID
		r    desk.Reply
		want chat.Code
	}{
		"nothing":                    {elif, open, desk.Reply{}, chat.CodeEmptyMessage},
		"blanks":                     {elif, open, desk.Reply{Text: " \n\t"}, chat.CodeEmptyMessage},
		"too long":                   {elif, open, desk.Reply{Text: strings.Repeat("ş", 4097)}, chat.CodeTextTooLong},
		"two contents":               {elif, open, desk.Reply{Location: &chat.Location{}, Template: good}, chat.CodeInvalid},
		"a template with a text":     {elif, open, desk.Reply{Template: good, Values: name, Text: "and"}, chat.CodeInvalid},
		"a note with a place":        {elif, open, desk.Reply{Note: true, Location: &chat.Location{}}, chat.CodeInvalid},
		"eleven files":               {elif, open, desk.Reply{Attachments: make([]chat.AttachmentID, 11)}, chat.CodeInvalid},
		"by a colleague":             {can, open, desktest.Text("hi"), chat.CodeNotController},
		"out of scope":               {stranger, open, desktest.Text("hi"), chat.CodeNotFound},
		"a note out of scope":        {stranger, open, desk.Reply{Note: true, Text: "hi"}, chat.CodeNotFound},
		"absent":                     {elif, chat.NewID[chat.ConversationID](), desktest.Text("hi"), chat.CodeNotFound},
		"ended":                      {elif, closed, desktest.Text("hi"), chat.CodeConversationEnded},
		"quotes another thread":      {elif, open, desk.Reply{Text: "hi", ReplyTo: foreign}, chat.CodeNotFound},
		"off the earth":              {elif, open, desk.Reply{Location: &chat.Location{Latitude: 91}}, chat.CodeInvalid},
		"four buttons":               {elif, open, desk.Reply{Text: "?", Buttons: make([]chat.Button, 4)}, chat.CodeInvalid},
		"buttons without a text":     {elif, open, desk.Reply{Buttons: []chat.Button{{ID: "a", Title: "A"}}}, chat.CodeEmptyMessage},
		"a list without rows":        {elif, open, desk.Reply{Text: "?", List: &chat.List{Button: "Choose"}}, chat.CodeInvalid},
		"no such upload":             {elif, open, desk.Reply{Attachments: []chat.AttachmentID{chat.NewID[chat.AttachmentID]()}}, chat.CodeNotFound},
		"a colleague's upload":       {elif, open, desk.Reply{Attachments: []chat.AttachmentID{theirs}}, chat.CodeNotFound},
		"an upload once more":        {elif, open, desk.Reply{Attachments: []chat.AttachmentID{used}}, chat.CodeNotFound},
		"the same upload twice":      {elif, open, desk.Reply{Attachments: []chat.AttachmentID{picture, picture}}, chat.CodeInvalid},
		"another type":               {elif, open, desk.Reply{Attachments: []chat.AttachmentID{upload(w, elif, "image/webp", 10)}}, chat.CodeMediaType},
		"not a kind of this channel": {elif, open, desk.Reply{Attachments: []chat.AttachmentID{upload(w, elif, "audio/ogg", 10)}}, chat.CodeNotSupported},
		"too large":                  {elif, open, desk.Reply{Attachments: []chat.AttachmentID{upload(w, elif, "image/png", 1<<20+1)}}, chat.CodeMediaTooLarge},
		"a long caption":             {elif, open, desk.Reply{Attachments: []chat.AttachmentID{picture}, Text: strings.Repeat("ş", 1025)}, chat.CodeTextTooLong},
		"no such template":           {elif, open, desk.Reply{Template: chat.NewID[chat.TemplateID]()}, chat.CodeTemplateMissing},
		"another account's template": {elif, open, desk.Reply{Template: theirTemplate, Values: name}, chat.CodeTemplateMissing},
		"a template that is gone":    {elif, open, desk.Reply{Template: gone, Values: name}, chat.CodeTemplateMissing},
		"a paused template":          {elif, open, desk.Reply{Template: paused, Values: name}, chat.CodeTemplatePaused},
		"without its variable":       {elif, open, desk.Reply{Template: good}, chat.CodeTemplateVariables},
		"with a line break in it":    {elif, open, desk.Reply{Template: good, Values: templates.Values{"body.first_name": templates.Text("E\nlif")}}, chat.CodeTemplateVariables},
		"text that is none":          {elif, open, desktest.Text("half a \x00 text"), chat.CodeInvalid},
	} {
		_, err := w.Desk.Reply(ctx, c.who, c.on, c.r, nil)
		if err == nil || chat.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}

	for name, c := range map[string]struct {
		sql  string
		want chat.Code
	}{
		"away":             {`UPDATE agent_presence SET presence = 'offline' WHERE agent_id = $1`, chat.CodeNotOnline},
		"on a break":       {`UPDATE agent_presence SET presence = 'break' WHERE agent_id = $1`, chat.CodeNotOnline},
		"without a socket": {`UPDATE agent_presence SET presence = 'online', seen_at = now() - interval '1 minute' WHERE agent_id = $1`, chat.CodeNotOnline},
	} {
		w.Exec(c.sql, elif.AgentID)
		_, err := w.Desk.Reply(ctx, elif, open, desktest.Text("hi"), nil)
		if chat.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	w.Exec(`UPDATE agent_presence SET presence = 'online', seen_at = now() + interval '1 hour' WHERE agent_id = $1`, elif.AgentID)
	for _, state := range []chat.AccountState{chat.AccountDisabled, chat.AccountDisconnected} {
		w.Exec(`UPDATE channel_accounts SET state = $2 WHERE id = $1`, w.Account, state)
		_, err := w.Desk.Reply(ctx, elif, open, desktest.Text("hi"), nil)
		desktest.Code(t, err, chat.CodeAccountDisconnected)
	}
	w.Exec(`UPDATE channel_accounts SET state = 'connected', templates_blocked_until = now() + interval '1 hour' WHERE id = $1`, w.Account)
	_, err = w.Desk.Reply(ctx, elif, open, desk.Reply{Template: good, Values: name}, nil)
	desktest.Code(t, err, chat.CodeTemplatePaused)
	if n := len(w.Thread(w.Phone(1))); n != 3 { // hello, the note and the picture
		t.Errorf("%d messages: a refused one is there", n)
	}
	_, _ = elsewhere, note
}

func TestOutsideTheWindowOnlyATemplateGoesAndTheRefusalSaysSo(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	good := w.Template(greeting())
	w.Store.Shift(24*time.Hour - 2*time.Minute)
	w.Say(a, row.ID, "just in time")
	w.Store.Shift(24 * time.Hour)
	_, err := w.Desk.Reply(t.Context(), a, row.ID, desktest.Text("too late"), nil)
	desktest.Code(t, err, chat.CodeWindowClosed)
	var e *chat.Error
	if !errors.As(err, &e) || e.Details["next"] != "send_template" || !near(e.Details["shuts_at"].(time.Time), row.WindowOpenedAt.Add(24*time.Hour)) {
		t.Errorf("it says %v", e.Details)
	}
	_, err = w.Desk.Reply(t.Context(), a, row.ID, desk.Reply{Note: true, Text: "a note needs no window"}, nil)
	must(t, err)
	m, err := w.Desk.Reply(t.Context(), a, row.ID, desk.Reply{Template: good, Values: templates.Values{"body.first_name": templates.Text("Elif")}}, nil)
	must(t, err)
	if m.Kind != chat.KindTemplate || m.Text != "Merhaba Elif, siparişiniz hazır." || m.Content.Template.Name != "greeting" || len(m.Content.Template.Components) == 0 {
		t.Errorf("%+v", m)
	}
	if sends := w.Send(desktest.Sent); len(sends) != 1 || sends[0].Message.ID != m.ID { // the text before it is too late by now
		t.Errorf("sent %+v", sends)
	}
}

func TestANoteIsForColleaguesAndNeedsNeitherWindowNorHolder(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, b := w.Agent("deniz", 5, chat.Online), w.Agent("can", 5, chat.Offline)
	row := w.Talk(a, w.Phone(1))
	before := w.Row(row.ID)
	file := upload(w, b, "application/zip", 1<<30)
	m, err := w.Desk.Reply(t.Context(), b, row.ID, desk.Reply{Note: true, Text: "a hint", Attachments: []chat.AttachmentID{file}}, nil)
	must(t, err)
	if m.Direction != chat.Note || m.Status != chat.StatusReceived || m.Text != "a hint" || len(m.Content.Media) != 1 {
		t.Errorf("%+v", m)
	}
	after := w.Row(row.ID)
	if after.Preview != before.Preview || !after.LastMessageAt.Equal(before.LastMessageAt) || w.Rang(task.Deliver, w.Account) {
		t.Errorf("the list shows %+v", after.Preview)
	}
	_, err = w.Desk.End(t.Context(), a, row.ID, w.Reason, "")
	must(t, err)
	_, err = w.Desk.Reply(t.Context(), b, row.ID, desk.Reply{Note: true, Text: "for later"}, nil)
	must(t, err)
	if len(w.Send(desktest.Sent)) != 0 {
		t.Error("a note was sent")
	}
}

func TestFilesGoOneAMessageWithTheTextAsTheFirstOnesCaption(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	one, two := upload(w, a, "image/png", 10), upload(w, a, "image/png", 20)
	quoted := w.Thread(w.Phone(1))[0]
	first, err := w.Desk.Reply(t.Context(), a, row.ID, desk.Reply{Text: "look", Attachments: []chat.AttachmentID{one, two}, ReplyTo: quoted.ID}, nil)
	must(t, err)
	got := w.Thread(w.Phone(1))
	if len(got) != 3 || got[1].ID != first.ID || got[1].Text != "look" || got[2].Text != "" || got[1].ReplyTo != quoted.ID || !chat.IsZero(got[2].ReplyTo) ||
		got[1].Content.Media[0].ID != one || got[2].Content.Media[0].ID != two || got[1].Kind != chat.KindImage {
		t.Fatalf("got %+v", got)
	}
	w.Send(func(s chat.Send) (chat.Receipt, error) {
		if s.Message.ID == first.ID && (s.ReplyTo != quoted.ExternalID || len(s.Media) != 1 || s.Media[0].Size != 10 || s.To[0].Value != w.Phone(1)) {
			t.Errorf("handed over as %+v", s)
		}
		return desktest.Sent(s)
	})
	w.Use(desktest.Channel(func(l *chat.Limits) { l.Caption = 0 }), nil)
	_, err = w.Desk.Reply(t.Context(), a, row.ID, desk.Reply{Text: "no captions here", Attachments: []chat.AttachmentID{upload(w, a, "image/png", 30)}}, nil)
	must(t, err)
	got = w.Thread(w.Phone(1))
	if len(got) != 5 || got[3].Text != "no captions here" || got[3].Kind != chat.KindText || got[4].Text != "" || got[4].Kind != chat.KindImage {
		t.Errorf("got %+v", got[3:])
	}
}

func TestOnAChannelWithoutAProviderAnAnswerIsThereAtOnce(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	w.Use(desktest.Channel(func(l *chat.Limits) { l.Direct = true }), nil)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	m := w.Say(a, row.ID, "an answer")
	if m.Status != chat.StatusSent || w.Rang(task.Deliver, w.Account) || len(w.Send(desktest.Sent)) != 0 {
		t.Errorf("it is %s", m.Status)
	}
	w.In(w.Status(m.ID.String(), chat.StatusRead))
	if got := w.Message(m.ID).Status; got != chat.StatusRead {
		t.Errorf("it is %s", got)
	}
}

func TestAProgramAnswersForWhoeverHoldsItAndIsNotAPerson(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	key := chat.Principal{APIKeyID: chat.NewID[chat.APIKeyID](), Role: chat.RoleAdmin}
	file := upload(w, key, "image/png", 10)
	m, err := w.Desk.Reply(t.Context(), key, row.ID, desk.Reply{Text: "from a program", Attachments: []chat.AttachmentID{file}}, nil)
	must(t, err)
	if m.Source != chat.SourceAPI || !m.Automated || !chat.IsZero(m.AgentID) {
		t.Errorf("%+v", m)
	}
	w.In(w.Text(w.Phone(2), "m2", "nobody holds me"))
	_, err = w.Desk.Reply(t.Context(), key, w.Open(w.Phone(2)).ID, desktest.Text("we are closed"), nil)
	must(t, err)
	_, err = w.Desk.MediaFor(t.Context(), key, upload(w, key, "image/png", 1))
	must(t, err)
	_, err = w.Desk.MediaFor(t.Context(), a, upload(w, key, "image/png", 1))
	desktest.Code(t, err, chat.CodeNotFound)
}
