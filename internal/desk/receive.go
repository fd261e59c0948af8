package desk

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
)

type laneStore interface {
	// DrainLane applies up to limit due events of an account in one transaction and tells how many they were. It returns
	// chat.ErrLaneBusy when another drainer holds the lane. On any other error nothing was applied.
	DrainLane(ctx context.Context, account chat.AccountID, limit int, lane chat.Lane) (int, error)
	// FailEvent notes a failed attempt; the event is due again after the delay.
	FailEvent(ctx context.Context, account chat.AccountID, event chat.InboundEventID, why string, again time.Duration) error
	// QuarantineEvent takes an event out of its lane. It stays visible and replayable.
	QuarantineEvent(ctx context.Context, account chat.AccountID, event chat.InboundEventID, why string) error
	// PendingLanes names accounts whose oldest due event is older than age.
	PendingLanes(ctx context.Context, age time.Duration) ([]chat.AccountID, error)
}

// batchSize is how many events one transaction takes: enough to share its cost, few enough that an agent who waits for the
// same rows does not notice (DATABASE.md: 64 keeps an agent's p99 under 8 ms).
const batchSize = 64

// attempts is how often an event that could not be written is tried before it is quarantined.
const attempts = 5

// Drain applies all due events of an account's lane, in order. It returns when the lane is empty or another drainer holds
// it. An event that cannot be applied is put aside without holding up the others.
func (d *Desk) Drain(ctx context.Context, account chat.AccountID) error {
	size := batchSize
	for ctx.Err() == nil {
		n, err := d.drainOnce(ctx, account, size)
		switch {
		case errors.Is(err, chat.ErrLaneBusy):
			return nil
		case err == nil && n == 0:
			return nil
		case err == nil:
			size = min(size*2, batchSize) // after a bisection, widen again
		case chat.CodeOf(err) == chat.CodeUnavailable:
			return err
		case size > 1:
			size /= 2 // the poison event is among them: find it by halves
		default:
			if err := d.setAside(ctx, account, err); err != nil {
				return err
			}
			size = batchSize
		}
	}
	return ctx.Err()
}

// drainOnce is one batch, with all that follows its commit.
func (d *Desk) drainOnce(ctx context.Context, account chat.AccountID, size int) (int, error) {
	var (
		b    batch
		poor []poison
	)
	n, err := d.store.DrainLane(ctx, account, size, chat.Lane{
		Read: func(acc chat.Account, now time.Time, events []chat.RawEvent) chat.LaneNeeds {
			b = batch{ledger: ledger{account: acc}, channel: d.kinds[acc.Kind], now: now}
			poor = b.parse(events)
			return b.needs()
		},
		Decide: func(st chat.LaneState) *chat.Write { return b.decide(st) },
	})
	if err != nil {
		return 0, laneError{err: err, first: b.firstEvent()}
	}
	for _, p := range poor {
		d.metrics.Quarantined(string(b.account.Kind))
		d.log.Warn("event quarantined", "account", account.String(), "event", p.event.String(), "error", p.why)
		if err := d.store.QuarantineEvent(ctx, account, p.event, p.why); err != nil {
			return n, err
		}
	}
	if n > 0 {
		d.settleBatch(ctx, &b)
	}
	return n, nil
}

// laneError carries the first event of a failed batch, which is the failed one once the batch is down to one.
type laneError struct {
	err   error
	first *chat.RawEvent
}

func (e laneError) Error() string { return e.err.Error() }
func (e laneError) Unwrap() error { return e.err }

// setAside deals with a single event that could not be applied: again later, and quarantined after a few tries.
func (d *Desk) setAside(ctx context.Context, account chat.AccountID, cause error) error {
	var le laneError
	if !errors.As(cause, &le) || le.first == nil {
		return cause // it failed before any event was read: not an event's fault
	}
	e := le.first
	if e.Attempts+1 >= attempts {
		d.metrics.Quarantined(string(e.Kind))
		d.log.Error("event quarantined", "account", account.String(), "event", e.ID.String(), "attempts", e.Attempts+1, "error", le.err.Error())
		return d.store.QuarantineEvent(ctx, account, e.ID, le.err.Error())
	}
	d.log.Warn("event failed", "account", account.String(), "event", e.ID.String(), "attempt", e.Attempts+1, "error", le.err.Error())
	return d.store.FailEvent(ctx, account, e.ID, le.err.Error(), time.Second<<e.Attempts)
}

// settleBatch publishes what a committed batch changed and rings for what it made due.
func (d *Desk) settleBatch(ctx context.Context, b *batch) {
	for _, e := range b.events {
		d.metrics.IngestLag(string(b.account.Kind), b.now.Sub(e.ReceivedAt))
	}
	for what, n := range b.counts {
		d.metrics.Received(string(b.account.Kind), what, n)
	}
	d.live.Publish(ctx, b.notices())
	routed := map[chat.DepartmentID]bool{}
	for _, e := range b.write.Events {
		if q, ok := e.Data.(chat.QueuedData); ok && !routed[q.Department] {
			routed[q.Department] = true
			d.wake.Wake(ctx, task.Wake{Kind: task.Route, ID: q.Department.String()})
		}
	}
	for i := range b.write.Messages {
		if len(b.write.Messages[i].Content.Media) > 0 {
			d.wake.Wake(ctx, task.Wake{Kind: task.Media, ID: b.account.ID.String()})
			break
		}
	}
	if b.channel.Limits.Profiles {
		for _, c := range b.write.Created {
			if b.convs[c.ID].ContactName == "" {
				d.wake.Wake(ctx, task.Wake{Kind: task.Profile, ID: c.ID.String()})
			}
		}
	}
	if b.syncTemplates {
		d.wake.Wake(ctx, task.Wake{Kind: task.Templates, ID: b.account.ID.String()})
	}
}

// poison is an event that cannot be read, now or ever: reading is pure.
type poison struct {
	event chat.InboundEventID
	why   string
}

// parse reads the batch's events. One that cannot be read, or that makes the parser panic, is poison and is left out.
func (b *batch) parse(events []chat.RawEvent) (poor []poison) {
	b.events = events
	for i := range events {
		e := &events[i]
		ins, err := readEvent(b.channel.Parse, *e)
		if err != nil {
			poor = append(poor, poison{e.ID, err.Error()})
			continue
		}
		for _, in := range ins {
			if in.Account == (chat.AccountKey{}) || slices.Contains(b.account.Keys, in.Account) {
				b.inbound = append(b.inbound, received{in, e.ReceivedAt})
			}
		}
		if why := unusable(ins); why != "" {
			poor = append(poor, poison{e.ID, why})
		}
	}
	return poor
}

func readEvent(parse func(chat.RawEvent) ([]chat.Inbound, error), e chat.RawEvent) (ins []chat.Inbound, err error) {
	defer func() {
		if r := recover(); r != nil {
			ins, err = nil, fmt.Errorf("the parser panicked: %v at %s", r, firstFrame(debug.Stack()))
		}
	}()
	return parse(e)
}

// unusable finds a message whose sender cannot be named. The rest of its event is applied; the event itself is kept in
// quarantine, so that the message is not lost without a trace (RELIABILITY.md B20).
func unusable(ins []chat.Inbound) string {
	for _, in := range ins {
		if in.Kind == chat.InboundMessageKind && len(in.From) == 0 {
			return "a message without a usable sender: " + in.Note
		}
	}
	return ""
}

func (b *batch) firstEvent() *chat.RawEvent {
	if len(b.events) == 0 {
		return nil
	}
	return &b.events[0]
}
