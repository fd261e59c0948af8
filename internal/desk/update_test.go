package desk_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
	"gatehouse/templates"
)

func about(w *desktest.World, phone string, kind chat.InboundKind) chat.Inbound {
	return chat.Inbound{Kind: kind, Account: w.Key, From: desktest.From(phone), At: time.Now().Add(w.Store.Shifted()).UTC()}
}

func edit(w *desktest.World, phone, external, text string) chat.Inbound {
	in := about(w, phone, chat.InboundEditKind)
	in.Edit = &chat.InboundEdit{ExternalID: external, Direction: chat.In, Text: text}
	return in
}

func unsend(w *desktest.World, phone, external string) chat.Inbound {
	in := about(w, phone, chat.InboundDeleteKind)
	in.Delete = &chat.InboundDelete{ExternalID: external, Direction: chat.In}
	return in
}

func react(w *desktest.World, phone, external, emoji string) chat.Inbound {
	in := about(w, phone, chat.InboundReactionKind)
	in.Reaction = &chat.InboundReaction{ExternalID: external, Emoji: emoji, Direction: chat.In}
	return in
}

func TestTheLatestReactionIsShownHoweverManyComeAtOnceAndInWhateverOrder(t *testing.T) {
	t.Parallel()
	emojis := []string{"👍", "", "❤️"} // a second apart
	permutations(len(emojis), func(order []int) {
		for _, together := range []bool{true, false} {
			t.Run(fmt.Sprint(order, together), func(t *testing.T) {
				t.Parallel()
				w := desktest.Shared(t)
				phone := w.Phone(1)
				w.In(w.Text(phone, "m1", "hello"))
				var ins []chat.Inbound
				for _, i := range order {
					in := react(w, phone, "m1", emojis[i])
					in.At = in.At.Add(time.Duration(i-10) * time.Second)
					ins = append(ins, in)
				}
				if together {
					w.Accept(w.Event(ins...))
					w.Drain()
				} else {
					w.In(ins...)
				}
				got := w.Thread(phone)[0].Reactions
				if len(got) != 1 || got[0].Emoji != "❤️" || got[0].Direction != chat.In {
					t.Errorf("shown: %+v; put aside: %q", got, w.Quarantine())
				}
				w.NothingWaits()
			})
		}
	})
}

func TestAReactionThatWasTakenAwayIsNotShown(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	_, _, m, external := sent(w, phone)
	w.In(react(w, phone, external, "👍"))
	if got := w.Message(m.ID).Reactions; len(got) != 1 {
		t.Fatalf("shown: %+v", got)
	}
	w.Store.Shift(time.Second)
	w.In(react(w, phone, external, ""))
	if got := w.Message(m.ID).Reactions; len(got) != 0 {
		t.Errorf("shown: %+v", got)
	}
}

func TestTheLatestEditIsShownInWhateverOrderTheyCome(t *testing.T) {
	t.Parallel()
	permutations(3, func(order []int) {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			phone := w.Phone(1)
			w.In(ago(w, phone, "m1", "version 0", time.Minute))
			for _, i := range order {
				in := edit(w, phone, "m1", fmt.Sprint("version ", i+1))
				in.At = in.At.Add(time.Duration(i-10) * time.Second)
				w.In(in, in) // and each twice
			}
			m := w.Thread(phone)[0]
			if m.Text != "version 3" || m.EditedAt.IsZero() || m.Content.Previous[0].Text != "version 0" {
				t.Errorf("%q, before %+v", m.Text, m.Content.Previous)
			}
			if p := w.Open(phone).Preview.Text; p != "version 3" {
				t.Errorf("the list shows %q", p)
			}
		})
	})
}

func TestADeletedMessageStaysAPlaceWithoutContentWhateverComesAfter(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	in := w.Text(phone, "m1", "a secret")
	in.Message.Content.Media = []chat.Media{{State: chat.MediaPending, Type: "image/png", Name: "secret.png"}}
	in.Message.Refs = []chat.MediaRef{{ProviderID: "1"}}
	w.In(in)
	w.In(edit(w, phone, "m1", "a bigger secret"), unsend(w, phone, "m1"), edit(w, phone, "m1", "again"), unsend(w, phone, "m1"), react(w, phone, "m1", "👍"))
	m := w.Thread(phone)[0]
	if m.Text != "" || m.DeletedAt.IsZero() || len(m.Content.Previous) != 0 || len(m.Content.Media) != 0 || len(m.Reactions) != 0 {
		t.Errorf("left: %+v", m)
	}
	row := w.Open(phone)
	if row.Preview.Text != "" || kindOf(w, row, chat.EventDeleted) != 1 {
		t.Errorf("the list shows %q", row.Preview.Text)
	}
	a := w.Agent("deniz", 5, chat.Online)
	var file chat.AttachmentID
	must(t, w.Store.Pool().QueryRow(t.Context(), `SELECT id FROM attachments WHERE conversation_id = $1`, row.ID).Scan(&file))
	_, err := w.Desk.MediaFor(t.Context(), a, file)
	desktest.Code(t, err, chat.CodeNotFound)
}

func TestNobodyEditsOrDeletesTheOthersMessages(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	_, row, m, external := sent(w, phone)
	seq := w.Row(row.ID).LastSeq
	w.In(edit(w, phone, external, "changed"), unsend(w, phone, external))
	if got := w.Message(m.ID); got.Text != "an answer" || !got.DeletedAt.IsZero() || w.Row(row.ID).LastSeq != seq {
		t.Errorf("it reads %q", got.Text)
	}
	ours := edit(w, phone, external, "changed in the app") // by us, in the provider's own app
	ours.Edit.Direction = chat.Out
	w.In(ours)
	if got := w.Message(m.ID); got.Text != "changed in the app" || got.Status != chat.StatusSent {
		t.Errorf("it reads %q and is %s", got.Text, got.Status)
	}
}

func TestACallWaitsForAnAnswerOnceAndOpensTheWindowWhereTheChannelSaysSo(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	call := func(phone, id, event string, opens bool) chat.Inbound {
		in := about(w, phone, chat.InboundCallKind)
		in.Profile.Name = "Elif"
		in.Call = &chat.InboundCall{ExternalID: id, Data: chat.CallData{Event: event, Direction: "in"}, OpensWindow: opens}
		return in
	}
	in := call(w.Phone(1), "c1", "connect", true)
	w.In(in, in, call(w.Phone(1), "c1", "terminate", true))
	row := w.Open(w.Phone(1))
	if row.Status != chat.Waiting || row.WindowOpenedAt.IsZero() || kindOf(w, row, chat.EventCall) != 2 {
		t.Errorf("%s, opened %v, %d events", row.Status, row.WindowOpenedAt, kindOf(w, row, chat.EventCall))
	}
	w.In(call(w.Phone(2), "c2", "permission", false))
	if n := w.Int(`SELECT count(*) FROM conversations WHERE account_id = $1 AND status <> 'closed'`, w.Account); n != 1 {
		t.Errorf("%d open conversations", n)
	}
	if n := w.Int(`SELECT count(*) FROM messages WHERE account_id = $1`, w.Account); n != 0 {
		t.Errorf("%d messages of calls", n)
	}
}

func TestAReferralWithoutAMessageIsNotedInTheThreadOfItsContact(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	in := about(w, w.Phone(1), chat.InboundReferralKind)
	in.Referral = &chat.Referral{Source: "ad", Headline: "Sofas"}
	w.In(in, w.Text(w.Phone(1), "m1", "hello"), in)
	if n := kindOf(w, w.Open(w.Phone(1)), chat.EventReferral); n != 1 || w.Count("received referral_unknown") != 1 {
		t.Errorf("%d events", n)
	}
}

func TestAllNewsAboutAnAccountInABatchIsKept(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	news := func(i chat.InboundAccount) chat.Inbound {
		return chat.Inbound{Kind: chat.InboundAccountKind, Account: w.Key, Issue: &i}
	}
	blocked := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	w.Accept(w.Event(
		news(chat.InboundAccount{Event: "banned", State: chat.AccountDisconnected}),
		news(chat.InboundAccount{Event: "throughput", PerSecond: 250}),
		news(chat.InboundAccount{Event: "restricted", TemplatesBlockedUntil: blocked}),
	))
	w.Drain()
	var state, reason string
	var rate int
	var until time.Time
	must(t, w.Store.Pool().QueryRow(t.Context(), `SELECT state, state_reason, per_second, templates_blocked_until FROM channel_accounts WHERE id = $1`, w.Account).Scan(&state, &reason, &rate, &until))
	if state != "disconnected" || reason != "banned" || rate != 250 || !until.Equal(blocked) {
		t.Errorf("%s (%s), %d/s, blocked until %v", state, reason, rate, until)
	}
	told := 0
	for _, n := range w.Told() {
		if n.Kind == chat.NoticeAccount && n.Account.State == chat.AccountDisconnected {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	w.Exec(`UPDATE channel_accounts SET state = 'disabled' WHERE id = $1`, w.Account)
	w.In(news(chat.InboundAccount{Event: "back", State: chat.AccountConnected}))
	if n := w.Int(`SELECT count(*) FROM channel_accounts WHERE id = $1 AND state = 'disabled'`, w.Account); n != 1 {
		t.Error("the provider enabled an account that an admin had disabled")
	}
}

func TestATemplatesChangeAtTheProviderIsAppliedAndTheListFetchedAgain(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	tpl := greeting()
	tpl.ID = "77"
	id := w.Template(tpl)
	change := chat.Inbound{Kind: chat.InboundTemplateKind, Account: w.Key, Template: &chat.InboundTemplate{
		ProviderID: "77", Field: "status", Event: "PAUSED",
		Value: json.RawMessage(`{"event":"PAUSED","message_template_id":77,"message_template_name":"` + tpl.Name + `","message_template_language":"` + tpl.Language + `"}`),
	}}
	w.In(change)
	row, err := w.Store.TemplateRow(t.Context(), id)
	must(t, err)
	var got templates.Template
	must(t, json.Unmarshal(row.Definition, &got))
	if got.Status != templates.StatusPaused {
		t.Errorf("it is %s", got.Status)
	}
	if !w.Rang(task.Templates, w.Account) {
		t.Error("the list is not fetched again")
	}
	junk := change
	junk.Template = &chat.InboundTemplate{Field: "status", Value: json.RawMessage(`"?"`)}
	unknown := change
	unknown.Template = &chat.InboundTemplate{Field: "status", Event: "APPROVED", Value: json.RawMessage(`{"event":"APPROVED","message_template_id":99,"message_template_name":"n","message_template_language":"tr"}`)}
	w.In(junk, unknown)
	if w.Count("received template_unreadable") != 1 || w.Count("received template_unknown") != 1 {
		t.Errorf("counted %v", w.Counted)
	}
}
