package hooks

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// reader is a source of accounts whose reading something may happen in.
type reader struct {
	all    []channels.Account
	err    error
	during func()
	reads  int
}

func (r *reader) WebhookAccounts(context.Context) ([]channels.Account, error) {
	r.reads++
	all, err := r.all, r.err
	if r.during != nil {
		r.during()
	}
	return all, err
}

func account() channels.Account {
	return channels.Account{Account: chat.Account{ID: chat.NewID[chat.AccountID]()}}
}

// knows tells whether the account is known now.
func knows(t *testing.T, d *directory, a channels.Account) bool {
	t.Helper()
	v, err := d.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, ok := v.byID[a.ID]
	return ok
}

func TestAChangeThatWasToldIsReadHoweverNewWhatIsKnown(t *testing.T) {
	t.Parallel()
	now, a, b := time.Unix(1e9, 0), account(), account()
	r := &reader{all: []channels.Account{a}}
	d := &directory{source: r, now: func() time.Time { return now }}
	if !knows(t, d, a) {
		t.Fatal("not read at first")
	}
	r.all = append(r.all, b)
	if d.outdate() || knows(t, d, b) {
		t.Error("a guess had what was just read read again")
	}
	d.changed()
	if !knows(t, d, b) {
		t.Error("a change made just after a reading is not known")
	}
	if reads := r.reads; !knows(t, d, b) || r.reads != reads {
		t.Error("read again without a reason")
	}
}

func TestAChangeDuringAReadingIsNotLost(t *testing.T) {
	t.Parallel()
	now, a := time.Unix(1e9, 0), account()
	r := &reader{}
	d := &directory{source: r, now: func() time.Time { return now }}
	r.during = func() { // after the reading took its picture
		r.during = nil
		r.all = []channels.Account{a}
		d.changed()
	}
	if knows(t, d, a) {
		t.Fatal("the scene is wrong: the account came before the picture")
	}
	if !knows(t, d, a) {
		t.Error("the picture from before the change counts as new")
	}
}

func TestAFailingSourceIsAskedOnceASecond(t *testing.T) {
	t.Parallel()
	now, a := time.Unix(1e9, 0), account()
	r := &reader{all: []channels.Account{a}}
	d := &directory{source: r, now: func() time.Time { return now }}
	knows(t, d, a)
	r.err = errors.New("away")
	d.changed()
	for range 5 {
		if !knows(t, d, a) {
			t.Error("what was known is forgotten")
		}
	}
	if r.reads != 2 {
		t.Errorf("%d readings in one second", r.reads)
	}
	r.err, r.all = nil, nil
	if now = now.Add(again); knows(t, d, a) {
		t.Error("not read again when the source was back")
	}
}
