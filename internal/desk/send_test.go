package desk_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
	"gatehouse/templates"
)

// claim takes what may go now; settle says how it ended.
func claim(w *desktest.World) ([]chat.Send, time.Duration) {
	w.T.Helper()
	sends, wait, err := w.Desk.Claim(w.T.Context(), w.Account, 64)
	must(w.T, err)
	return sends, wait
}

func settle(w *desktest.World, s chat.Send, r chat.Receipt, err error) {
	w.T.Helper()
	must(w.T, failed(w.Desk.Settle(w.T.Context(), w.Account, []chat.Outcome{desk.OutcomeOf(s, r, err)})))
}

func claimedTexts(sends []chat.Send) (out []string) {
	for _, s := range sends {
		out = append(out, s.Message.Text)
	}
	return out
}

func TestMessagesOfAConversationGoOneAfterAnotherInTheirOrder(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	one, two := w.Talk(a, w.Phone(1)), w.Talk(a, w.Phone(2))
	for i := range 3 {
		w.Say(a, one.ID, fmt.Sprint("one ", i))
	}
	w.Say(a, two.ID, "two 0")
	first, _ := claim(w)
	equal(t, claimedTexts(first), []string{"one 0", "two 0"})
	if more, wait := claim(w); len(more) != 0 || wait != 0 {
		t.Fatalf("two in flight: %v, %v", claimedTexts(more), wait)
	}
	settle(w, first[0], chat.Receipt{ExternalID: "1"}, nil)
	second, _ := claim(w)
	equal(t, claimedTexts(second), []string{"one 1"})
	settle(w, second[0], chat.Receipt{}, context.DeadlineExceeded) // nobody knows; the next goes all the same
	third, _ := claim(w)
	equal(t, claimedTexts(third), []string{"one 2"})
	if m := third[0].Message; m.Attempt != 1 || m.Fence <= second[0].Message.Fence || m.Status != chat.StatusSending {
		t.Errorf("%+v", m)
	}
}

func TestARetriedMessageWaitsForTheOneInFlight(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	first := w.Say(a, row.ID, "first")
	w.Send(func(chat.Send) (chat.Receipt, error) {
		return chat.Receipt{}, &chat.SendError{Code: chat.CodeUndeliverable, Retry: chat.RetryNever}
	})
	w.Say(a, row.ID, "second")
	flying, _ := claim(w)
	_, err := w.Desk.Retry(t.Context(), a, row.ID, first.ID)
	must(t, err)
	if more, _ := claim(w); len(more) != 0 {
		t.Fatalf("%v beside %v", claimedTexts(more), claimedTexts(flying))
	}
	settle(w, flying[0], chat.Receipt{ExternalID: "2"}, nil)
	again, _ := claim(w)
	equal(t, claimedTexts(again), []string{"first"})
	if m := again[0].Message; m.Attempt != 2 || m.Error != nil {
		t.Errorf("attempt %d", m.Attempt)
	}
}

func TestRacingSendersClaimEachMessageOnce(t *testing.T) {
	t.Parallel()
	const people = 20
	w := desktest.Shared(t)
	a := w.Agent("deniz", 50, chat.Online)
	for i := range people {
		w.Say(a, w.Talk(a, w.Phone(i)).ID, fmt.Sprint(i))
	}
	var got [6][]chat.Send
	for _, err := range together(len(got), func(i int) error {
		for range 10 {
			sends, _, err := w.Desk.Claim(t.Context(), w.Account, 64)
			if err != nil {
				return err
			}
			got[i] = append(got[i], sends...)
		}
		return nil
	}) {
		must(t, err)
	}
	seen, fences := map[chat.MessageID]bool{}, map[int64]bool{}
	for _, sends := range got {
		for _, s := range sends {
			if seen[s.Message.ID] || fences[s.Message.Fence] {
				t.Fatalf("%q was claimed twice", s.Message.Text)
			}
			seen[s.Message.ID], fences[s.Message.Fence] = true, true
		}
	}
	if len(seen) != people {
		t.Errorf("%d of %d claimed", len(seen), people)
	}
}

func TestASenderThatFindsTheLaneHeldComesAgainSoon(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	w.Say(a, w.Talk(a, w.Phone(1)).ID, "an answer")
	tx, err := w.Store.Pool().Begin(t.Context())
	must(t, err)
	defer func() { _ = tx.Rollback(context.Background()) }()
	_, err = tx.Exec(t.Context(), `SELECT 1 FROM send_lanes WHERE account_id = $1 FOR NO KEY UPDATE`, w.Account)
	must(t, err)
	if sends, wait := claim(w); len(sends) != 0 || wait <= 0 || wait > 200*time.Millisecond {
		t.Errorf("claimed %v, to come again in %v: its wake is lost otherwise", claimedTexts(sends), wait)
	}
}

// I9, I10: the window, the contact's wish and the account are asked again in the moment of sending.
func TestWhatMayNotLeaveAnyMoreFailsWithItsReasonAndTheNextGoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(*desktest.World)
		want      chat.Code
		next      bool // a template that waits behind it may go
	}{
		"the window closed":     {func(w *desktest.World) { w.Store.Shift(24*time.Hour - 30*time.Second) }, chat.CodeExpiredWindow, true},
		"the contact opted out": {func(w *desktest.World) { w.Store.Shift(time.Minute); w.In(w.Text(w.Phone(1), "stop", "//stop")) }, chat.CodeOptedOut, false},
		"the account was disabled": {func(w *desktest.World) {
			w.Exec(`UPDATE channel_accounts SET state = 'disabled' WHERE id = $1`, w.Account)
		}, chat.CodeAccountDisconnected, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			a := w.Agent("deniz", 5, chat.Online)
			row := w.Talk(a, w.Phone(1))
			m := w.Say(a, row.ID, "in time when it was written")
			tpl, err := w.Desk.Reply(t.Context(), a, row.ID, desk.Reply{
				Template: w.Template(greeting()), Values: templates.Values{"body.first_name": templates.Text("Elif")},
			}, nil)
			must(t, err)
			c.meanwhile(w)
			sends, _ := claim(w)
			if got := w.Message(m.ID); got.Status != chat.StatusFailed || got.Error == nil || got.Error.Code != c.want || got.Attempt != 0 {
				t.Errorf("it is %s: %+v", got.Status, got.Error)
			}
			if c.next && (len(sends) != 1 || sends[0].Message.ID != tpl.ID) {
				t.Errorf("claimed %v", claimedTexts(sends))
			}
			if !c.next && (len(sends) != 0 || w.Message(tpl.ID).Status != chat.StatusFailed) {
				t.Errorf("claimed %v", claimedTexts(sends))
			}
			told := 0
			for _, n := range w.Told() {
				for _, e := range n.Events {
					if e.MessageID == m.ID && e.Kind == chat.EventStatus && e.Message.Status == chat.StatusFailed {
						told++
					}
				}
			}
			if told != 1 {
				t.Errorf("told %d times", told)
			}
		})
	}
}

func TestATemplateThatTheProviderBlocksMeanwhileFails(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	m, err := w.Desk.Reply(t.Context(), a, row.ID, desk.Reply{Template: w.Template(greeting()), Values: templates.Values{"body.first_name": templates.Text("Elif")}}, nil)
	must(t, err)
	w.Exec(`UPDATE channel_accounts SET templates_blocked_until = now() + interval '1 hour' WHERE id = $1`, w.Account)
	if sends, _ := claim(w); len(sends) != 0 || w.Message(m.ID).Error.Code != chat.CodeTemplatePaused {
		t.Errorf("claimed %v", claimedTexts(sends))
	}
}

// F5, F25: only the claim that holds the fence writes how it ended.
func TestASenderThatWasAwayTooLongChangesNothing(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	m := w.Say(a, row.ID, "an answer")
	stopped, _ := claim(w)
	if due, err := w.Desk.Due(t.Context(), 0); err != nil || due.Lost != 0 {
		t.Fatalf("given up at once: %+v, %v", due, err)
	}
	if s := w.Int(`SELECT round(extract(epoch FROM due_at - now()))::int FROM messages WHERE id = $1`, m.ID); s < 85 || s > 90 {
		t.Errorf("the claim holds for %d s", s)
	}
	w.Exec(`UPDATE messages SET due_at = now() - interval '1 second' WHERE id = $1`, m.ID)
	due, err := w.Desk.Due(t.Context(), 0)
	must(t, err)
	if got := w.Message(m.ID); due.Lost != 1 || got.Status != chat.StatusUnknown || got.Error == nil || got.Error.Code != chat.CodeNotConfirmed {
		t.Fatalf("%d given up, it is %s", due.Lost, got.Status)
	}
	if more, _ := claim(w); len(more) != 0 {
		t.Fatal("it is sent again by itself")
	}
	seq := w.Row(row.ID).LastSeq
	settle(w, stopped[0], chat.Receipt{}, &chat.SendError{Code: chat.CodeUndeliverable, Retry: chat.RetryAccount, Effect: chat.EffectOptOut})
	got := w.Row(row.ID)
	if w.Message(m.ID).Status != chat.StatusUnknown || got.LastSeq != seq || !got.OptedOut.IsZero() || w.Count("delivered stale") != 1 {
		t.Errorf("a stale outcome made it %s", w.Message(m.ID).Status)
	}

	_, err = w.Desk.Retry(t.Context(), a, row.ID, m.ID)
	must(t, err)
	second, wait := claim(w)
	if len(second) != 1 || wait != 0 || second[0].Message.Fence == stopped[0].Message.Fence {
		t.Fatalf("claimed %v, wait %v", claimedTexts(second), wait)
	}
	settle(w, stopped[0], chat.Receipt{ExternalID: "the first"}, nil)
	if got := w.Message(m.ID); got.Status != chat.StatusSending || got.ExternalID != "" {
		t.Errorf("a stale outcome made it %s", got.Status)
	}
	settle(w, second[0], chat.Receipt{ExternalID: "the second"}, nil)
	if got := w.Message(m.ID); got.Status != chat.StatusSent || got.ExternalID != "the second" {
		t.Errorf("it is %s", got.Status)
	}
	w.MustHold()
}

func TestARefusalIsTriedAgainAsItsClassSays(t *testing.T) {
	t.Parallel()
	const much = 100 * time.Second
	for name, c := range map[string]struct {
		err          *chat.SendError
		status       chat.MessageStatus
		again        time.Duration // at least, and at most a quarter more
		pair, number bool          // nobody else of the contact, of the account
	}{
		"never":                  {&chat.SendError{Code: chat.CodeUndeliverable, Retry: chat.RetryNever}, chat.StatusFailed, 0, false, false},
		"this message":           {&chat.SendError{Code: chat.CodeUnavailable, Retry: chat.RetryMessage}, chat.StatusPending, time.Second, false, false},
		"as long as it asks for": {&chat.SendError{Code: chat.CodeUnavailable, Retry: chat.RetryMessage, After: 100}, chat.StatusPending, much, false, false},
		"the pair":               {&chat.SendError{Code: chat.CodeThrottledPair, Retry: chat.RetryPair, After: 100}, chat.StatusPending, much, true, false},
		"the account":            {&chat.SendError{Code: chat.CodeThrottledNumber, Retry: chat.RetryAccount, After: 100}, chat.StatusPending, 0, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			a := w.Agent("deniz", 5, chat.Online)
			row, other := w.Talk(a, w.Phone(1)), w.Talk(a, w.Phone(2))
			m := w.Say(a, row.ID, "refused")
			w.Send(func(chat.Send) (chat.Receipt, error) { return chat.Receipt{}, c.err })
			got := w.Message(m.ID)
			if got.Status != c.status || got.Error == nil || got.Error.Code != c.err.Code {
				t.Fatalf("it is %s: %+v", got.Status, got.Error)
			}
			if c.again > 0 {
				if d := got.DueAt.Sub(clock(w)); d > c.again+c.again/4+time.Second || d < c.again-5*time.Second {
					t.Errorf("tried again in %v, want %v", d, c.again)
				}
			}
			w.Say(a, other.ID, "to somebody else")
			sends, wait := claim(w)
			if len(sends) > 0 == c.number || c.number && (wait < 90*time.Second || wait > 130*time.Second) {
				t.Errorf("claimed %v, wait %v", claimedTexts(sends), wait)
			}
			for _, s := range sends {
				settle(w, s, chat.Receipt{ExternalID: "x"}, nil)
			}
			w.Exec(`UPDATE messages SET due_at = now() - interval '1 second' WHERE id = $1`, m.ID)
			if sends, _ = claim(w); len(sends) > 0 == (c.pair || c.number || c.status == chat.StatusFailed) {
				t.Errorf("when it is due, claimed %v", claimedTexts(sends))
			}
		})
	}
}

func TestARefusedMessageIsTriedEightTimes(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	m := w.Say(a, w.Talk(a, w.Phone(1)).ID, "refused")
	for i := range 8 {
		if len(w.Send(func(chat.Send) (chat.Receipt, error) {
			return chat.Receipt{}, &chat.SendError{Code: chat.CodeUnavailable, Retry: chat.RetryMessage}
		})) != 1 {
			t.Fatalf("not claimed for the %d. time", i+1)
		}
		w.Exec(`UPDATE messages SET due_at = now() - interval '1 second' WHERE id = $1 AND status = 'pending'`, m.ID)
	}
	if got := w.Message(m.ID); got.Status != chat.StatusFailed || got.Attempt != 8 {
		t.Errorf("it is %s after %d attempts", got.Status, got.Attempt)
	}
}

// An account that its provider holds back asks again after 1, 4, 16, 60, 60… seconds, with one message, and no message is
// given up for it.
func TestAThrottledAccountAsksEverMoreSeldomWithOneMessage(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	a := w.Agent("deniz", 5, chat.Online)
	var ids []chat.MessageID
	for i := range 3 {
		ids = append(ids, w.Say(a, w.Talk(a, w.Phone(i)).ID, "to "+w.Phone(i)).ID)
	}
	throttled := func(chat.Send) (chat.Receipt, error) {
		return chat.Receipt{}, &chat.SendError{Code: chat.CodeThrottledNumber, Retry: chat.RetryAccount}
	}
	over := func() {
		w.Exec(`UPDATE send_lanes SET paused_until = now() - interval '1 second' WHERE account_id = $1`, w.Account)
	}
	for i, want := range []int{1, 4, 16, 60, 60, 60, 60, 60, 60, 60} {
		most := 1
		if i == 0 {
			most = len(ids)
		}
		if n := len(w.Send(throttled)); n != most {
			t.Fatalf("%d messages were tried after %d pauses, not %d", n, i, most)
		}
		if _, wait := claim(w); wait < time.Duration(want)*time.Second*9/10 || wait > time.Duration(want)*time.Second*5/4 {
			t.Errorf("pause %d is %v, not %d s", i+1, wait, want)
		}
		over()
	}
	if n := len(w.Send(desktest.Sent)); n != 1 {
		t.Errorf("%d messages found out that it may send again", n)
	}
	if n := len(w.Send(desktest.Sent)); n != 2 {
		t.Errorf("then %d went out", n)
	}
	for _, id := range ids {
		if got := w.Message(id); got.Status != chat.StatusSent {
			t.Errorf("one is %s", got.Status)
		}
	}
	w.MustHold()
}

func TestAShortPauseDoesNotEndALongerOne(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	for i := range 3 {
		w.Say(a, w.Talk(a, w.Phone(i)).ID, "to "+w.Phone(i))
	}
	sends, _ := claim(w)
	throttle := func(i int, r chat.Retry, after int64) {
		settle(w, sends[i], chat.Receipt{}, &chat.SendError{Code: chat.CodeThrottledNumber, Retry: r, After: after})
	}
	throttle(0, chat.RetryAccount, 200)
	throttle(1, chat.RetryAccount, 1)
	settle(w, sends[2], chat.Receipt{ExternalID: "x"}, nil)
	if _, wait := claim(w); wait < 190*time.Second {
		t.Errorf("paused for %v", wait)
	}
}

func TestARefusalTeachesWhatItTeaches(t *testing.T) {
	t.Parallel()
	for effect, check := range map[chat.SendEffect]func(*testing.T, *desktest.World, chat.ConversationRow){
		chat.EffectShutWindow: func(t *testing.T, w *desktest.World, row chat.ConversationRow) {
			if row.WindowShutAt.IsZero() || phase(w, row) != "closed" || kindOf(w, row, chat.EventWindow) != 1 {
				t.Errorf("the window is %s", phase(w, row))
			}
		},
		chat.EffectOptOut: func(t *testing.T, w *desktest.World, row chat.ConversationRow) {
			if phase(w, row) != "opted_out" || kindOf(w, row, chat.EventOptOut) != 1 {
				t.Errorf("the window is %s", phase(w, row))
			}
		},
		chat.EffectAccountBroken: func(t *testing.T, w *desktest.World, _ chat.ConversationRow) {
			if n := w.Int(`SELECT count(*) FROM channel_accounts WHERE id = $1 AND state = 'disconnected' AND state_reason = 'provider_refused'`, w.Account); n != 1 {
				t.Error("the account still seems to work")
			}
		},
		chat.EffectTemplatePaused: func(t *testing.T, w *desktest.World, _ chat.ConversationRow) {
			if !w.Rang(task.Templates, w.Account) {
				t.Error("the templates are not fetched again")
			}
		},
	} {
		t.Run(string(effect), func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			a := w.Agent("deniz", 5, chat.Online)
			row := w.Talk(a, w.Phone(1))
			w.Say(a, row.ID, "refused")
			w.Store.Shift(time.Second)
			w.Send(func(chat.Send) (chat.Receipt, error) {
				return chat.Receipt{}, &chat.SendError{Code: chat.CodeProviderRefused, Retry: chat.RetryNever, Effect: effect}
			})
			check(t, w, w.Row(row.ID))
		})
	}
}

func TestAFileWhoseIDTheProviderForgotIsUploadedAgain(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	file := upload(w, a, "image/png", 10)
	m, err := w.Desk.Reply(t.Context(), a, row.ID, desk.Reply{Attachments: []chat.AttachmentID{file}}, nil)
	must(t, err)
	must(t, w.Store.KeepProviderMedia(t.Context(), file, "their id", time.Now().Add(time.Hour)))
	first, _ := claim(w)
	if first[0].Media[0].ProviderID != "their id" {
		t.Fatalf("handed over as %+v", first[0].Media)
	}
	settle(w, first[0], chat.Receipt{}, &chat.SendError{Code: chat.CodeProviderRefused, Retry: chat.RetryMessage, Effect: chat.EffectRefreshMedia})
	w.Exec(`UPDATE messages SET due_at = now() - interval '1 second' WHERE id = $1`, m.ID)
	second, _ := claim(w)
	if len(second) != 1 || second[0].Media[0].ProviderID != "" {
		t.Errorf("handed over as %+v", second)
	}
	must(t, w.Store.KeepProviderMedia(t.Context(), file, "another", time.Now().Add(-time.Hour))) // or it is too old
	settle(w, second[0], chat.Receipt{}, &chat.SendError{Code: chat.CodeUnavailable, Retry: chat.RetryMessage})
	w.Exec(`UPDATE messages SET due_at = now() - interval '1 second' WHERE id = $1`, m.ID)
	if third, _ := claim(w); third[0].Media[0].ProviderID != "" {
		t.Errorf("handed over as %+v", third[0].Media)
	}
}

func TestAMessageIsRetriedOnlyWhenItFailedOrIsNotConfirmedAndItsWriterMaySend(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, b := w.Agent("deniz", 5, chat.Online), w.Agent("can", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	theirs := w.Thread(w.Phone(1))[0].ID
	m := w.Say(a, row.ID, "an answer")
	retry := func(p chat.Principal, mid chat.MessageID) error {
		_, err := w.Desk.Retry(t.Context(), p, row.ID, mid)
		return err
	}
	desktest.Code(t, retry(a, m.ID), chat.CodeChangedMeanwhile)
	desktest.Code(t, retry(a, theirs), chat.CodeNotFound)
	desktest.Code(t, retry(a, chat.NewID[chat.MessageID]()), chat.CodeNotFound)
	w.Send(func(chat.Send) (chat.Receipt, error) { return chat.Receipt{}, context.DeadlineExceeded })
	desktest.Code(t, retry(b, m.ID), chat.CodeNotController)
	w.Store.Shift(25 * time.Hour)
	desktest.Code(t, retry(a, m.ID), chat.CodeWindowClosed)
	w.Store.Shift(0)
	w.Wakes = nil
	must(t, retry(a, m.ID))
	if !w.Rang(task.Deliver, w.Account) {
		t.Error("nobody sends it")
	}
	desktest.Code(t, retry(a, m.ID), chat.CodeChangedMeanwhile)
}

func TestTheSweeperFindsWhatIsDueToBeSent(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	a := w.Agent("deniz", 5, chat.Online)
	w.Say(a, w.Talk(a, w.Phone(1)).ID, "an answer")
	due := func(age time.Duration) bool {
		d, err := w.Desk.Due(t.Context(), age)
		must(t, err)
		return has(d.Sends, w.Account)
	}
	if due(time.Minute) || !due(0) {
		t.Error("a message of now is due after a minute, or not at all")
	}
	w.Send(desktest.Sent)
	if due(0) {
		t.Error("a sent message is due")
	}
}

func TestAStatusThatComesBeforeTheAnswerLeavesNothingStale(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	m := w.Say(a, w.Talk(a, w.Phone(1)).ID, "hi")
	claimed, _ := claim(w)
	if len(claimed) != 1 {
		t.Fatal("not claimed")
	}
	early := w.Status("out-1", chat.StatusDelivered)
	early.Status.Opaque = desk.Opaque(claimed[0].Message)
	w.In(early)
	settle(w, claimed[0], chat.Receipt{ExternalID: "out-1"}, nil)
	if got := w.Message(m.ID); got.Status != chat.StatusDelivered || got.ExternalID != "out-1" {
		t.Errorf("it is %s as %q", got.Status, got.ExternalID)
	}
	if stale, sent := w.Count("delivered stale"), w.Count("delivered sent"); stale != 0 || sent != 1 {
		t.Errorf("counted %d stale and %d sent", stale, sent)
	}
}
