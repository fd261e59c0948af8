package desk_test

import (
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

// shown are the reactions on a message, as "side emoji".
func shown(w *desktest.World, id chat.MessageID) map[chat.Direction]string {
	out := map[chat.Direction]string{}
	for _, r := range w.Message(id).Reactions {
		out[r.Direction] = r.Emoji
	}
	return out
}

func TestAReactionIsShownAtOnceAndGoesOutLikeAMessage(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, phone := w.Agent("deniz", 5, chat.Online), w.Phone(1)
	row := w.Talk(a, phone)
	on := w.Thread(phone)[0]
	before := w.Row(row.ID)
	w.In(react(w, phone, on.ExternalID, "🎉"))
	m, err := w.Desk.React(t.Context(), a, row.ID, on.ID, "👍")
	must(t, err)
	if m.ID != on.ID || len(m.Reactions) != 2 {
		t.Errorf("answered with %+v", m)
	}
	equal(t, shown(w, on.ID), map[chat.Direction]string{chat.In: "🎉", chat.Out: "👍"})
	after := w.Row(row.ID)
	if len(w.Thread(phone)) != 1 || after.Preview != before.Preview || !after.LastMessageAt.Equal(before.LastMessageAt) {
		t.Error("it is shown as a message")
	}
	w.Send(func(s chat.Send) (chat.Receipt, error) {
		if r := s.Message.Content.Reaction; s.Message.Kind != chat.KindReaction || r.ExternalID != on.ExternalID || r.Emoji != "👍" {
			t.Errorf("handed over as %+v", s.Message)
		}
		return desktest.Sent(s)
	})
	equal(t, shown(w, on.ID), map[chat.Direction]string{chat.In: "🎉", chat.Out: "👍"})
	_, err = w.Desk.React(t.Context(), a, row.ID, on.ID, "")
	must(t, err)
	equal(t, shown(w, on.ID), map[chat.Direction]string{chat.In: "🎉"})
}

func TestAReactionThatDoesNotArriveGivesWayToTheOneBefore(t *testing.T) {
	t.Parallel()
	refused := func(chat.Send) (chat.Receipt, error) {
		return chat.Receipt{}, &chat.SendError{Code: chat.CodeProviderRefused, Retry: chat.RetryNever}
	}
	for name, lose := range map[string]func(*desktest.World){
		"refused by the provider": func(w *desktest.World) { w.Send(refused) },
		"too late":                func(w *desktest.World) { w.Store.Shift(25 * time.Hour); w.Send(desktest.Sent) },
		"failed afterwards": func(w *desktest.World) {
			s := w.Send(desktest.Sent)
			w.In(w.Status("out."+s[0].Message.ID.String(), chat.StatusFailed))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			a, phone := w.Agent("deniz", 5, chat.Online), w.Phone(1)
			row := w.Talk(a, phone)
			on := w.Thread(phone)[0].ID
			_, err := w.Desk.React(t.Context(), a, row.ID, on, "👍")
			must(t, err)
			w.Send(desktest.Sent)
			_, err = w.Desk.React(t.Context(), a, row.ID, on, "❤️")
			must(t, err)
			lose(w)
			equal(t, shown(w, on), map[chat.Direction]string{chat.Out: "👍"})
			if got := len(w.Thread(phone)); got != 1 {
				t.Errorf("%d messages", got)
			}
		})
	}
}

func TestAReactionThatFailsDoesNotTakeALaterOneWithIt(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, phone := w.Agent("deniz", 5, chat.Online), w.Phone(1)
	row := w.Talk(a, phone)
	on := w.Thread(phone)[0].ID
	for _, emoji := range []string{"👍", "❤️"} {
		_, err := w.Desk.React(t.Context(), a, row.ID, on, emoji)
		must(t, err)
	}
	w.Send(func(chat.Send) (chat.Receipt, error) {
		return chat.Receipt{}, &chat.SendError{Code: chat.CodeProviderRefused, Retry: chat.RetryNever}
	})
	equal(t, shown(w, on), map[chat.Direction]string{chat.Out: "❤️"})
	w.Send(desktest.Sent)
	equal(t, shown(w, on), map[chat.Direction]string{chat.Out: "❤️"})
}

func TestAReactionIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, b := w.Agent("deniz", 5, chat.Online), w.Agent("can", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	on := w.Thread(w.Phone(1))[0].ID
	unsent := w.Say(a, row.ID, "not sent yet").ID
	foreign := w.Talk(b, w.Phone(2)).ID
	do := func(p chat.Principal, in chat.ConversationID, m chat.MessageID, emoji string) error {
		_, err := w.Desk.React(t.Context(), p, in, m, emoji)
		return err
	}
	desktest.Code(t, do(a, row.ID, on, "much more than one emoji"), chat.CodeInvalid)
	desktest.Code(t, do(b, row.ID, on, "👍"), chat.CodeNotController)
	desktest.Code(t, do(a, row.ID, unsent, "👍"), chat.CodeNotFound)
	desktest.Code(t, do(b, foreign, on, "👍"), chat.CodeNotFound)
	desktest.Code(t, do(a, row.ID, chat.NewID[chat.MessageID](), "👍"), chat.CodeNotFound)
	w.Store.Shift(25 * time.Hour)
	desktest.Code(t, do(a, row.ID, on, "👍"), chat.CodeWindowClosed)
	w.Store.Shift(0)
	w.Use(desktest.Channel(func(l *chat.Limits) { l.Reactions = false }), nil)
	desktest.Code(t, do(a, row.ID, on, "👍"), chat.CodeNotSupported)
}
