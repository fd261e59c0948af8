package desk_test

import (
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

// paced is a world whose channel takes so many messages a second, and one to a contact each so often after a burst.
func paced(t *testing.T, perSecond int, pairEvery time.Duration, pairBurst int) (*desktest.World, chat.Principal) {
	t.Helper()
	w := desktest.Shared(t)
	w.Use(desktest.Channel(func(l *chat.Limits) { l.PerSecond, l.PairEvery, l.PairBurst = perSecond, pairEvery, pairBurst }), nil)
	return w, w.Agent("deniz", 500, chat.Online)
}

func TestAnAccountSendsNoFasterThanItsRate(t *testing.T) {
	t.Parallel()
	w, a := paced(t, 8, 0, 0) // two at once, then one every 125 ms
	for i := range 5 {
		w.Say(a, w.Talk(a, w.Phone(i)).ID, "hi")
	}
	sends, wait := claim(w)
	if len(sends) != 2 || wait <= 0 || wait > 125*time.Millisecond {
		t.Fatalf("%d at once, the next in %v", len(sends), wait)
	}
	w.Store.Shift(250 * time.Millisecond) // from now on by hand: the clock of the test's statements runs on
	if sends, _ = claim(w); len(sends) < 1 || len(sends) > 2 {
		t.Errorf("%d after a quarter of a second", len(sends))
	}
	w.Exec(`UPDATE channel_accounts SET per_second = 400 WHERE id = $1`, w.Account) // the provider told another rate
	w.Store.Shift(260 * time.Millisecond)
	if sends, _ = claim(w); len(sends) == 0 {
		t.Error("none at the rate that the provider told")
	}
}

func TestAContactGetsABurstAndThenOneMessageAtATimeAndOthersDoNotWait(t *testing.T) {
	t.Parallel()
	w, a := paced(t, 0, 6*time.Second, 2)
	one, two := w.Talk(a, w.Phone(1)), w.Talk(a, w.Phone(2))
	for range 4 {
		w.Say(a, one.ID, "one")
	}
	for range 2 {
		if s := w.Send(desktest.Sent); len(s) != 1 {
			t.Fatalf("%d of the burst", len(s))
		}
	}
	sends, wait := claim(w)
	if len(sends) != 0 || wait < 3*time.Second || wait > 6*time.Second {
		t.Fatalf("%d after the burst, the next in %v", len(sends), wait)
	}
	w.Say(a, two.ID, "two")
	if s := w.Send(desktest.Sent); len(s) != 1 || s[0].Message.Text != "two" {
		t.Fatalf("sent %v", claimedTexts(s))
	}
	w.Store.Shift(6 * time.Second)
	if s := w.Send(desktest.Sent); len(s) != 1 || s[0].Message.Text != "one" {
		t.Errorf("sent %v", claimedTexts(s))
	}
}

func TestManyContactsWhoMustWaitDoNotHideOneWhoNeedNot(t *testing.T) {
	t.Parallel()
	w, a := paced(t, 0, time.Minute, 1)
	for i := range 70 {
		row := w.Talk(a, w.Phone(i))
		w.Say(a, row.ID, "first")
		w.Say(a, row.ID, "second")
	}
	for sent := 0; sent < 70; {
		n := len(w.Send(desktest.Sent))
		if n == 0 {
			t.Fatalf("%d of 70 sent", sent)
		}
		sent += n
	}
	w.Say(a, w.Talk(a, w.Phone(99)).ID, "to somebody new")
	sends, _ := claim(w)
	equal(t, claimedTexts(sends), []string{"to somebody new"})
}
