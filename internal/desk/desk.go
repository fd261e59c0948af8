// Package desk holds the use-cases of Gatehouse: what happens when a provider calls, when an agent acts, when a timer is
// due. One verb a file, in the order of a message's life: accept, receive, route, reply, deliver; then what agents and
// admins do.
//
// The desk decides and the store writes: a verb hands the store a pure function, gets the locked rows, and returns a
// chat.Write. The desk knows no Postgres, no Asynq, no Fiber and no channel: what it needs of them are the small interfaces
// beside each verb. News is published only after its transaction committed, and may be lost; wakes may be lost too, for
// what is due is always a row that the sweeper finds.
package desk

import (
	"context"
	"log/slog"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/secret"
	"gatehouse/internal/task"
	"gatehouse/internal/vitals"
	"gatehouse/internal/window"
)

// Channel is what the desk knows of a channel kind: facts of its driver.
type Channel struct {
	Label  string
	Window window.Rule
	Limits chat.Limits
	Parse  func(chat.RawEvent) ([]chat.Inbound, error)

	Settings []chat.Setting // what an account needs
	// Keys are the names under which payloads address an account with these settings, its own first; chat.AccountIDSetting is
	// among the settings.
	Keys func(settings map[string]string) []chat.AccountKey
}

// Waker rings for a worker. It never blocks for long and may fail silently: a lost wake costs a moment, never a message.
type Waker interface {
	Wake(ctx context.Context, w task.Wake)
}

// Publisher tells live readers what has just committed.
type Publisher interface {
	Publish(ctx context.Context, notices []chat.Notice)
}

// Metrics counts what the desk decides. Every label comes from a closed set.
type Metrics interface {
	Received(kind, what string, n int)           // inbound happenings by what became of them
	IngestLag(kind string, lag time.Duration)    // received to committed
	Window(kind, reason string)                  // decisions of the window law
	Delivered(kind, outcome, code string)        // attempts by outcome
	SendLag(kind string, lag time.Duration)      // accepted to handed over
	Routed(outcome string, waited time.Duration) // assignments by the router
	Quarantined(kind string)                     // events put aside
	Recovered(what string, n int)                // due rows that the sweeper found without a wake

	// Signs tells what was heard of an account and sent on it; reason is the code of a failure.
	Signs(account chat.AccountID, s vitals.Sends, reason string)
}

// Desk is the use-cases over one store.
type Desk struct {
	store   Store
	wake    Waker
	live    Publisher
	kinds   map[chat.ChannelKind]Channel
	metrics Metrics
	log     *slog.Logger

	passwords Passwords
	second    SecondFactor
	tokens    Tokens
	box       *secret.Box

	snapshots snapshots // of routers
}

// Config is what a Desk is made of; all fields are needed.
type Config struct {
	Store     Store
	Waker     Waker
	Publisher Publisher
	Kinds     map[chat.ChannelKind]Channel
	Metrics   Metrics
	Log       *slog.Logger

	Passwords Passwords
	Second    SecondFactor
	Tokens    Tokens
	Box       *secret.Box // seals what the record must not show
}

// Store is the record, as the verbs need it: the sum of the interfaces beside them.
type Store interface {
	doorStore
	laneStore
	routeStore
	changeStore
	sendStore
	mediaStore
	readStore
	adornStore
	peopleStore
	presenceStore
	signInStore
	totpStore
	auditStore
	accountStore
	settingsStore
	sealedStore
	vitalsStore
}

// New makes a desk.
func New(c Config) *Desk {
	return &Desk{
		store: c.Store, wake: c.Waker, live: c.Publisher, kinds: c.Kinds, metrics: c.Metrics, log: c.Log,
		passwords: c.Passwords, second: c.Second, tokens: c.Tokens, box: c.Box,
		snapshots: snapshots{kept: map[chat.DepartmentID]snapshot{}},
	}
}

// Kind gives the facts of a channel kind.
func (d *Desk) Kind(k chat.ChannelKind) (Channel, error) {
	c, ok := d.kinds[k]
	if !ok {
		return Channel{}, chat.Errorf(chat.CodeNotSupported, "no driver for channel kind %q", k)
	}
	return c, nil
}

// windowState is what the window law asks of a conversation.
func windowState(r chat.ConversationRow) window.State {
	return window.State{OpenedAt: r.WindowOpenedAt, ShutAt: r.WindowShutAt, FreeEntryUntil: r.FreeEntryUntil, OptedOut: r.OptedOut}
}

// WindowView is a conversation's service window as an agent sees it.
func (d *Desk) WindowView(r chat.ConversationRow, now time.Time) window.View {
	return d.kinds[r.Kind].Window.View(now, windowState(r))
}
