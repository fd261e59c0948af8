package workers

import (
	"context"
	"sync"
	"time"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// senders keeps the accounts' senders open for a while, so that not every message opens its account's secrets again.
type senders struct {
	open func(context.Context, chat.AccountID) (opened, error)
	mu   sync.Mutex
	m    map[chat.AccountID]opened
}

// opened is an account with its sender; the sender is nil for a channel without a provider.
type opened struct {
	account channels.Account
	driver  channels.Driver
	sender  channels.Sender
	until   time.Time
}

// senderLife bounds how long a change of settings in another process goes unnoticed.
const senderLife = 15 * time.Second

func newSenders(open func(context.Context, chat.AccountID) (opened, error)) *senders {
	return &senders{open: open, m: map[chat.AccountID]opened{}}
}

func (s *senders) get(ctx context.Context, id chat.AccountID) (opened, error) {
	s.mu.Lock()
	o, ok := s.m[id]
	s.mu.Unlock()
	if ok && time.Now().Before(o.until) {
		return o, nil
	}
	o, err := s.open(ctx, id)
	if err != nil {
		return opened{}, err
	}
	o.until = time.Now().Add(senderLife)
	s.mu.Lock()
	s.m[id] = o
	s.mu.Unlock()
	return o, nil
}

func (s *senders) forget(id chat.AccountID) {
	s.mu.Lock()
	delete(s.m, id)
	s.mu.Unlock()
}

// open reads an account and opens its driver.
func (w *Workers) open(ctx context.Context, id chat.AccountID) (opened, error) {
	acc, secrets, err := w.Accounts.OpenAccount(ctx, id)
	if err != nil {
		return opened{}, err
	}
	d, ok := w.drivers[acc.Kind]
	if !ok {
		return opened{}, chat.Errorf(chat.CodeNotSupported, "no driver for channel kind %q", acc.Kind)
	}
	o := opened{account: channels.Account{Account: acc, Secrets: secrets}, driver: d}
	if d.Open != nil {
		if o.sender, err = d.Open(o.account, channels.Deps{HTTP: w.Client, Log: w.Log, Now: time.Now}); err != nil {
			return opened{}, err
		}
	}
	return o, nil
}
