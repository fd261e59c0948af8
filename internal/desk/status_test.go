package desk_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/postgres"
)

// permutations calls f with every order of n things.
func permutations(n int, f func([]int)) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	var swap func(int)
	swap = func(k int) {
		if k == n {
			f(slices.Clone(order))
			return
		}
		for i := k; i < n; i++ {
			order[k], order[i] = order[i], order[k]
			swap(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	swap(0)
}

func TestStatusesEndTheSameInWhateverOrderTheyCome(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 50, chat.Online)
	w.Use(desktest.Channel(func(l *chat.Limits) { l.PerSecond = 0 }), nil)
	type trial struct {
		statuses []chat.MessageStatus
		want     chat.MessageStatus
		sent     chat.MessageID
	}
	var trials []trial
	for _, set := range []struct {
		statuses []chat.MessageStatus
		want     chat.MessageStatus
	}{
		{[]chat.MessageStatus{chat.StatusSent, chat.StatusDelivered, chat.StatusRead, chat.StatusPlayed}, chat.StatusPlayed},
		{[]chat.MessageStatus{chat.StatusSent, chat.StatusFailed}, chat.StatusFailed},
		{[]chat.MessageStatus{chat.StatusSent, chat.StatusFailed, chat.StatusDelivered}, chat.StatusDelivered},
		{[]chat.MessageStatus{chat.StatusRead, chat.StatusRead, chat.StatusSent}, chat.StatusRead},
	} {
		permutations(len(set.statuses), func(order []int) {
			tr := trial{want: set.want}
			for _, i := range order {
				tr.statuses = append(tr.statuses, set.statuses[i])
			}
			trials = append(trials, tr)
		})
	}
	for i := range trials { // a thread each, so that all can be sent at once
		w.Accept(w.Event(w.Text(w.Phone(i), fmt.Sprint("in", i), "hello")))
	}
	w.Drain()
	for i := range trials {
		row, err := w.Desk.Take(t.Context(), a, w.Open(w.Phone(i)).ID)
		must(t, err)
		trials[i].sent = w.Say(a, row.ID, "an answer").ID
	}
	for len(w.Send(desktest.Sent)) > 0 {
	}
	for _, together := range []bool{true, false} {
		for i, tr := range trials {
			if (i%2 == 0) != together { // half of them in one payload, half one by one
				continue
			}
			var ins []chat.Inbound
			for _, s := range tr.statuses {
				ins = append(ins, w.Status("out."+tr.sent.String(), s))
			}
			if together {
				w.Accept(w.Event(ins...))
			} else {
				for _, in := range ins {
					w.Accept(w.Event(in))
				}
			}
		}
		w.Drain()
	}
	for _, tr := range trials {
		if got := w.Message(tr.sent).Status; got != tr.want {
			t.Errorf("%v ended %s, want %s", tr.statuses, got, tr.want)
		}
	}
}

// sent is a message of ours that the provider took, with its id there.
func sent(w *desktest.World, phone string) (chat.Principal, chat.ConversationRow, chat.ThreadMessage, string) {
	w.T.Helper()
	a := w.Agent("deniz"+phone, 5, chat.Online)
	row := w.Talk(a, phone)
	m := w.Say(a, row.ID, "an answer")
	if len(w.Send(desktest.Sent)) != 1 {
		w.T.Fatal("it was not sent")
	}
	return a, row, m, "out." + m.ID.String()
}

func TestAStatusThatIsToldAgainChangesNothing(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	_, row, m, external := sent(w, w.Phone(1))
	w.In(w.Status(external, chat.StatusRead))
	seq := w.Row(row.ID).LastSeq
	w.In(w.Status(external, chat.StatusRead), w.Status(external, chat.StatusDelivered), w.Status(external, chat.StatusSent))
	if got := w.Row(row.ID); got.LastSeq != seq || got.Preview.Status != chat.StatusRead {
		t.Errorf("%d events, the list shows %s", got.LastSeq-seq, got.Preview.Status)
	}
	if got := w.Message(m.ID); got.Status != chat.StatusRead {
		t.Errorf("it is %s", got.Status)
	}
}

func TestAnUpdateThatCameBeforeItsMessageWaitsAndIsAppliedWithIt(t *testing.T) {
	t.Parallel()
	for name, batch := range map[string]func(w *desktest.World, ins ...chat.Inbound){
		"one by one": func(w *desktest.World, ins ...chat.Inbound) {
			for _, in := range ins {
				w.In(in)
			}
		},
		"in one batch": func(w *desktest.World, ins ...chat.Inbound) {
			for _, in := range ins {
				w.Accept(w.Event(in))
			}
			w.Drain()
		},
		"in one payload": func(w *desktest.World, ins ...chat.Inbound) { w.Accept(w.Event(ins...)); w.Drain() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			phone := w.Phone(1)
			batch(w,
				edit(w, phone, "m1", "mended"), react(w, phone, "m1", "👍"), unsend(w, phone, "m2"),
				w.Text(phone, "m1", "with a mistke"), w.Text(phone, "m2", "a secret"),
			)
			got := w.Thread(phone)
			if len(got) != 2 || got[0].Text != "mended" || len(got[0].Reactions) != 1 || got[0].Reactions[0].Emoji != "👍" || got[1].DeletedAt.IsZero() || got[1].Text != "" {
				t.Errorf("got %+v", got)
			}
			if n := w.Int(`SELECT count(*) FROM parked_updates WHERE account_id = $1`, w.Account); n != 0 {
				t.Errorf("%d updates still wait", n)
			}
		})
	}
}

func TestAnUpdateThatComesWithARepetitionOfItsMessageFindsIt(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	m := w.Text(phone, "m1", "with a mistke")
	w.In(m)
	w.Accept(w.Event(m, edit(w, phone, "m1", "mended"), react(w, phone, "m1", "👍")))
	w.Drain()
	if got := w.Thread(phone); got[0].Text != "mended" || len(got[0].Reactions) != 1 {
		t.Errorf("got %+v", got[0])
	}
	if n := w.Int(`SELECT count(*) FROM parked_updates WHERE account_id = $1`, w.Account); n != 0 {
		t.Errorf("%d updates wait for a message that is there", n)
	}
}

func TestStatusesThatBeatTheProvidersAnswerAreAppliedWithIt(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	m := w.Say(a, row.ID, "an answer")
	w.Send(func(s chat.Send) (chat.Receipt, error) {
		w.In(w.Status("fast", chat.StatusDelivered), w.Status("fast", chat.StatusSent))
		return chat.Receipt{ExternalID: "fast"}, nil
	})
	if got := w.Message(m.ID); got.Status != chat.StatusDelivered || got.ExternalID != "fast" {
		t.Errorf("it is %s", got.Status)
	}
}

func TestAReadingThatBeatTheProvidersAnswerIsAppliedWithIt(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone := w.Phone(1)
	a, row, first, _ := sent(w, phone)
	m := w.Say(a, row.ID, "another")
	w.Send(func(s chat.Send) (chat.Receipt, error) {
		w.In(upTo(w, phone, "fast", time.Now()))
		return chat.Receipt{ExternalID: "fast"}, nil
	})
	if a, b := w.Message(first.ID).Status, w.Message(m.ID).Status; a != chat.StatusRead || b != chat.StatusRead {
		t.Errorf("they are %s and %s", a, b)
	}
}

// upTo is a reading of everything up to a message, or up to a moment.
func upTo(w *desktest.World, phone, external string, at time.Time) chat.Inbound {
	in := w.Status(external, chat.StatusRead)
	in.From, in.At, in.Status.UpTo = desktest.From(phone), at.UTC(), true
	return in
}

func TestAReadingUpToAMomentMovesWhatWasSentUntilThenToThatContact(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, row, one, _ := sent(w, w.Phone(1))
	_, _, theirs, _ := sent(w, w.Phone(2))
	between := clock(w)
	w.Store.Shift(time.Minute)
	two := w.Say(a, row.ID, "later")
	w.Send(desktest.Sent)
	w.In(upTo(w, w.Phone(1), "", between))
	if a, b, c := w.Message(one.ID).Status, w.Message(two.ID).Status, w.Message(theirs.ID).Status; a != chat.StatusRead || b != chat.StatusSent || c != chat.StatusSent {
		t.Errorf("they are %s, %s and, of somebody else, %s", a, b, c)
	}
	w.In(upTo(w, w.Phone(1), "out."+two.ID.String(), between))
	if got := w.Message(two.ID).Status; got != chat.StatusRead {
		t.Errorf("named, it is %s", got)
	}
	seq := w.Row(row.ID).LastSeq
	w.In(upTo(w, w.Phone(1), "", time.Now()), upTo(w, w.Phone(7), "", time.Now()))
	if got := w.Row(row.ID).LastSeq; got != seq {
		t.Errorf("told again it made %d events", got-seq)
	}
}

func TestAStatusWithOurOwnIDResolvesWhatWasNotConfirmed(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	m := w.Say(a, row.ID, "lost on the way?")
	claimed := w.Send(func(chat.Send) (chat.Receipt, error) { return chat.Receipt{}, context.DeadlineExceeded })
	if got := w.Message(m.ID); got.Status != chat.StatusUnknown || got.Error == nil || got.Error.Code != chat.CodeNotConfirmed {
		t.Fatalf("it is %s: %+v", got.Status, got.Error)
	}
	st := w.Status("theirs", chat.StatusSent)
	st.Status.Opaque = desk.Opaque(claimed[0].Message)
	w.In(st, w.Status("theirs", chat.StatusDelivered))
	if got := w.Message(m.ID); got.Status != chat.StatusDelivered || got.ExternalID != "theirs" || got.Error != nil {
		t.Errorf("it is %s, %q: %+v", got.Status, got.ExternalID, got.Error)
	}
	foreign := w.Status("other", chat.StatusRead)
	foreign.Status.Opaque = "not-an-id.1"
	w.In(foreign)
	if w.Message(m.ID).Status != chat.StatusDelivered || w.Count("received parked") != 1 {
		t.Error("a status with somebody else's mark found our message")
	}
}

func TestAFailureOfAnEarlierAttemptDoesNotFailTheNextOne(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, row, m, external := sent(w, w.Phone(1))
	failure := w.Status(external, chat.StatusFailed)
	failure.Status.Error = &chat.SendError{Code: chat.CodeUndeliverable, Provider: "131026"}
	w.In(failure)
	if got := w.Message(m.ID).Status; got != chat.StatusFailed {
		t.Fatalf("it is %s", got)
	}
	again := func(want chat.MessageStatus) {
		t.Helper()
		w.In(failure)
		if got := w.Message(m.ID); got.Status != want {
			t.Fatalf("the first attempt's failure, told again, made it %s, want %s", got.Status, want)
		}
	}
	_, err := w.Desk.Retry(t.Context(), a, row.ID, m.ID)
	must(t, err)
	again(chat.StatusPending)
	w.Send(func(s chat.Send) (chat.Receipt, error) {
		again(chat.StatusSending)
		return chat.Receipt{ExternalID: "second"}, nil
	})
	again(chat.StatusSent)
	w.In(w.Status("second", chat.StatusRead))
	again(chat.StatusRead)
}

func TestAnArrivalOfAnEarlierAttemptSparesTheNextOne(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	m := w.Say(a, row.ID, "lost on the way?")
	claimed := w.Send(func(chat.Send) (chat.Receipt, error) { return chat.Receipt{}, context.DeadlineExceeded })
	_, err := w.Desk.Retry(t.Context(), a, row.ID, m.ID)
	must(t, err)
	st := w.Status("theirs", chat.StatusDelivered)
	st.Status.Opaque = desk.Opaque(claimed[0].Message)
	w.In(st)
	if got := w.Message(m.ID).Status; got != chat.StatusDelivered {
		t.Fatalf("it is %s", got)
	}
	if s := w.Send(desktest.Sent); len(s) != 0 {
		t.Error("it was sent twice")
	}
}

func TestAStatusOfAMessageThatNobodyKnowsWaitsADayAndIsDropped(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	w.In(w.Status("unheard of", chat.StatusRead))
	if w.Count("received parked") != 1 {
		t.Fatal("it was not parked")
	}
	if _, dropped, err := w.Store.Tidy(t.Context()); err != nil || dropped != 0 {
		t.Fatalf("%d dropped at once: %v", dropped, err)
	}
	if h := w.Int(`SELECT round(extract(epoch FROM expires_at - now()) / 3600)::int FROM parked_updates`); h != 24 {
		t.Errorf("it waits for %d hours", h)
	}
	w.Exec(`UPDATE parked_updates SET expires_at = now() - interval '1 second'`)
	if _, dropped, err := w.Store.Tidy(t.Context()); err != nil || dropped != 1 {
		t.Errorf("%d dropped: %v", dropped, err)
	}
}

// meeting is a store in which the answer to a send is settled between a batch's read and its write.
type meeting struct {
	*postgres.Store
	between func()
}

func (s *meeting) DrainLane(ctx context.Context, account chat.AccountID, limit int, lane chat.Lane) (int, error) {
	decide := lane.Decide
	lane.Decide = func(st chat.LaneState) *chat.Write {
		if f := s.between; f != nil {
			s.between = nil
			f()
		}
		return decide(st)
	}
	return s.Store.DrainLane(ctx, account, limit, lane)
}

// The ids of what waits are made by workers, whose clocks may differ by minutes.
func TestWhatWaitedIsAppliedInTheOrderOfItsReceiptWhateverTheWorkersClocks(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	phone := w.Phone(1)
	m := w.Text(phone, "in.1", "helo")
	edit := func(text string) chat.Inbound {
		return chat.Inbound{
			Kind: chat.InboundEditKind, Account: w.Key, From: desktest.From(phone), At: m.At,
			Edit: &chat.InboundEdit{ExternalID: "in.1", Direction: chat.In, Text: text},
		}
	}
	w.In(edit("hallo"))
	w.In(edit("hello"))
	w.Exec(`UPDATE parked_updates SET id = 'ffffffff-ffff-7fff-bfff-ffffffffffff' WHERE inbound::text LIKE '%hallo%'`) // a worker ahead of time
	if n := w.Int(`SELECT count(*) FROM parked_updates`); n != 2 {
		t.Fatalf("%d edits wait", n)
	}
	w.In(m)
	if got := w.External("in.1"); got.Text != "hello" {
		t.Errorf("the message reads %q", got.Text)
	}
	w.MustHold()
}

func TestAStatusThatWasParkedWhileItsMessageGotItsIDIsFoundByTheSweeper(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	a := w.Agent("deniz", 5, chat.Online)
	row := w.Talk(a, w.Phone(1))
	m := w.Say(a, row.ID, "an answer")
	store := &meeting{Store: w.Store}
	w.Use(desktest.Channel(nil), store)
	claimed, _, err := w.Desk.Claim(t.Context(), w.Account, 64)
	must(t, err)
	store.between = func() {
		must(t, failed(w.Desk.Settle(t.Context(), w.Account, []chat.Outcome{desk.OutcomeOf(claimed[0], chat.Receipt{ExternalID: "theirs"}, nil)})))
	}
	w.In(w.Status("theirs", chat.StatusDelivered))
	due, err := w.Desk.Due(t.Context(), 0)
	must(t, err)
	if got := w.Message(m.ID).Status; got != chat.StatusDelivered {
		t.Errorf("it is %s; due: %+v", got, due)
	}
	if n := w.Int(`SELECT count(*) FROM parked_updates`); n != 0 {
		t.Errorf("%d still wait", n)
	}
}
