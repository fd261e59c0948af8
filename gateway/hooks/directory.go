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

// How old the accounts may be: without a word of a change, and when something suggests one.
const (
	fresh   = 30 * time.Second
	atLeast = time.Second
)

// directory remembers the accounts. While the database is away it serves what it has: the webhook then fails at its
// commit, with a 503.
type directory struct {
	source Accounts
	now    func() time.Time

	loading sync.Mutex // held by the one who reads
	mu      sync.Mutex
	view    directoryView
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
	all, err := d.source.WebhookAccounts(ctx)
	if err != nil {
		if v.readAt.IsZero() {
			return v, err
		}
		v.until = d.now().Add(atLeast)
		d.set(v)
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
	d.set(v)
	return v, nil
}

// outdate makes the next get read again, unless it was just done; it tells whether it will.
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

func (d *directory) set(v directoryView) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.view = v
}
