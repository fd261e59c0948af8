// Package workers does what wakes ask for: decode the id, call the desk, count the outcome, say what becomes of the wake.
// There are no rules here. A wake is handled at most once at a time in a process; one that comes while its work runs has it
// run once more, so that none is lost.
//
// Start with table: kind → handler and time limit. sweep.go is the net beneath: it finds what is due and not moving, and does
// it, with or without Redis.
package workers

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"gatehouse/channels"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/media"
	"gatehouse/internal/task"
)

// Accounts opens channel accounts with their secrets.
type Accounts interface {
	OpenAccount(ctx context.Context, id chat.AccountID) (chat.Account, map[string]string, error)
}

// Store is what workers need of the record beyond the desk.
type Store interface {
	KeepProviderMedia(ctx context.Context, file chat.AttachmentID, providerID string, until time.Time) error
	EnsurePartitions(ctx context.Context) (int, error)
	Tidy(ctx context.Context) (blobs []chat.AttachmentID, parked int64, err error)
	// Prune forgets what is old enough, counted by what it is; givenUp is what nobody ever looked at.
	Prune(ctx context.Context) (pruned, givenUp map[string]int64, err error)
}

// Metrics counts what only workers see.
type Metrics interface {
	Media(kind, outcome string)
	SendLag(kind string, lag time.Duration)
	Recovered(what string, n int)
}

// Config is what workers are made of.
type Config struct {
	Desk     *desk.Desk
	Store    Store
	Accounts Accounts
	Drivers  []channels.Driver
	Media    media.Intake
	Client   *http.Client // for the providers' hosts and files
	// MediaURL makes a link from which a provider may fetch a file for a few minutes.
	MediaURL func(chat.AttachmentID) (string, error)
	Metrics  Metrics
	Log      *slog.Logger
	Parallel int // pieces of work at once that need only the record, and as many that wait for others; default 16
	Senders  int // accounts that are sent for at once, default 256
}

// Workers handles wakes and sweeps.
type Workers struct {
	Config
	run      *runner
	drivers  map[chat.ChannelKind]channels.Driver
	senders  *senders
	patience time.Duration // with a provider that does not answer: silence
}

// New makes the workers of a process.
func New(c Config) *Workers {
	if c.Parallel == 0 {
		c.Parallel = 16
	}
	if c.Senders == 0 {
		c.Senders = 256
	}
	w := &Workers{Config: c, drivers: map[chat.ChannelKind]channels.Driver{}, patience: silence}
	for _, d := range c.Drivers {
		w.drivers[d.Kind] = d
	}
	w.senders = newSenders(w.open)
	w.run = newRunner(c.Parallel, c.Senders, w.handle)
	return w
}

// table is what each wake asks for, and how long it may take.
func (w *Workers) table(k task.Kind) (do func(context.Context, string) error, limit time.Duration) {
	switch k {
	case task.Ingest:
		return w.ingest, 5 * time.Minute
	case task.Route:
		return w.route, time.Minute
	case task.Deliver:
		return w.deliver, 10 * time.Minute
	case task.Media:
		return w.media, 10 * time.Minute
	case task.Templates:
		return w.templates, 2 * time.Minute
	case task.Profile:
		return w.profile, 20 * time.Second
	case task.ReadMark:
		return w.readMark, 20 * time.Second
	case task.Typing:
		return w.typing, 10 * time.Second
	}
	return nil, 0
}

// Handle does what a wake of the queue asks for and returns when it is done, or at once when it is being done already. Work that
// waits for others is only begun: the queue's few hands must not wait with it, and what does not come about is a row that the
// sweeper finds.
func (w *Workers) Handle(ctx context.Context, k task.Wake) error {
	if waitsForOthers(k.Kind) {
		w.run.start(k)
		return nil
	}
	return w.run.do(ctx, k)
}

// Wake does it in the background: the way of a wake within a process.
func (w *Workers) Wake(_ context.Context, k task.Wake) { w.run.start(k) }

// Stop takes no more work and waits for what runs, until ctx ends.
func (w *Workers) Stop(ctx context.Context) { w.run.stop(ctx) }

// Forget drops an account's open sender, after its settings changed.
func (w *Workers) Forget(id chat.AccountID) { w.senders.forget(id) }

func (w *Workers) handle(ctx context.Context, k task.Wake) error {
	do, limit := w.table(k.Kind)
	if do == nil {
		w.Log.Warn("a wake of an unknown kind", "kind", string(k.Kind))
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return w.dispose(k, w.guard("the work", func() error { return do(ctx, k.ID) }))
}

// guard makes an error of a panic: one account's driver, or one row, must not end the process, again and again. Only the place of
// the panic is told: its words may be a contact's.
func (w *Workers) guard(what string, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.Log.Error("a panic", "of", what, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = fmt.Errorf("%s panicked", what)
		}
	}()
	return do()
}

func (w *Workers) ingest(ctx context.Context, id string) error {
	account, err := chat.ParseID[chat.AccountID](id)
	if err != nil {
		return err
	}
	return w.Desk.Drain(ctx, account)
}

func (w *Workers) route(ctx context.Context, id string) error {
	department, err := chat.ParseID[chat.DepartmentID](id)
	if err != nil {
		return err
	}
	return w.Desk.Route(ctx, department)
}
