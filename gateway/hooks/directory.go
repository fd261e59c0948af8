package hooks

import (
	"context"
	"sync"
	"time"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// Accounts reads every channel account, with its keys and its secrets opened. A disabled one still receives.
type Accounts interface {
	WebhookAccounts(ctx context.Context) ([]channels.Account, error)
}

// How old the accounts may be: without a word of a change, and when something suggests one. The latter is less than it takes
// to make an account by a command, which tells nobody, and often enough read for a flood of wrong webhooks.
const (
	fresh   = 30 * time.Second
	atLeast = 100 * time.Millisecond
	again   = time.Second // after a reading that failed
)

// directory remembers the accounts. While the database is away it serves what it has: the webhook then fails at its
// commit, with a 503.
type directory struct {
	source Accounts
	now    func() time.Time

	loading sync.Mutex // held by the one who reads
	mu      sync.Mutex
	view    directoryView
	changes int // told so far
}

type directoryView struct {
	all    []channels.Account
	byID   map[chat.AccountID]channels.Account
	byKey  map[chat.AccountKey][]channels.Account
	readAt time.Time
	until  time.Time
}

// get returns the accounts, read again if they are too old. It fails only if they were never read.
func (d *directory) get(ctx context.Context) (directoryView, error) {
	if v := d.current(); d.now().Before(v.until) {
		return v, nil
	}
	if !d.loading.TryLock() {
		if v := d.current(); !v.until.IsZero() {
			return v, nil // a moment too old, and somebody else is reading
		}
		d.loading.Lock()
	}
	defer d.loading.Unlock()
	v := d.current()
	if d.now().Before(v.until) {
		return v, nil // somebody else just read them
	}
	changes := d.told()
	all, err := d.source.WebhookAccounts(ctx)
	if err != nil {
		if v.readAt.IsZero() {
			return v, err
		}
		v.until = d.now().Add(again)
		d.set(v, changes)
		return v, nil
	}
	v = directoryView{
		all: all, byID: map[chat.AccountID]channels.Account{}, byKey: map[chat.AccountKey][]channels.Account{},
		readAt: d.now(), until: d.now().Add(fresh),
	}
	for _, a := range all {
		v.byID[a.ID] = a
		for _, k := range a.Keys {
			v.byKey[k] = append(v.byKey[k], a)
		}
	}
	d.set(v, changes)
	return v, nil
}

// changed makes the next get read again: an account was made or changed, so what was read before may be wrong however new
// it is.
func (d *directory) changed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes++
	d.view.until = time.Time{}
}

func (d *directory) told() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changes
}

// outdate makes the next get read again on a guess, a webhook that fits no account: not if that was just done. It tells
// whether it will.
func (d *directory) outdate() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now().Sub(d.view.readAt) < atLeast {
		return false
	}
	d.view.until = time.Time{}
	return true
}

func (d *directory) current() directoryView {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.view
}

// set keeps what was read after so many changes. A change told of meanwhile makes it outdated at once.
func (d *directory) set(v directoryView, changes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changes != changes {
		v.until = time.Time{}
	}
	d.view = v
}
