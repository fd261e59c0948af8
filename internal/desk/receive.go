package desk

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/crash"
	"gatehouse/internal/task"
	"gatehouse/internal/vitals"
)

type laneStore interface {
	// DrainLane applies up to limit due events of an account in one transaction and tells how many they were. It returns
	// chat.ErrLaneBusy when another drainer holds the lane. On any other error nothing was applied.
	DrainLane(ctx context.Context, account chat.AccountID, limit int, lane chat.Lane) (int, error)
	// FailEvent notes a failed attempt; the event is due again after the delay.
	FailEvent(ctx context.Context, e chat.RawEvent, why string, again time.Duration) error
	// QuarantineEvent takes an event out of its lane. It stays visible and replayable.
	QuarantineEvent(ctx context.Context, e chat.RawEvent, why string) error
	// LaneDue tells whether an account's lane has an event that is due.
	LaneDue(ctx context.Context, account chat.AccountID) (bool, error)
	// Stranded names provider ids that updates wait for and that messages have: both came at once.
	Stranded(ctx context.Context) (map[chat.AccountID][]string, error)
	// Unpark takes the updates that wait for these provider ids and writes what decide returns.
	Unpark(ctx context.Context, account chat.AccountID, ids []string, decide func(chat.LaneState) *chat.Write) error
	// PendingLanes names accounts whose oldest due event is older than age.
	PendingLanes(ctx context.Context, age time.Duration) ([]chat.AccountID, error)
}

// batchSize is how many events one transaction takes: enough to share its cost, few enough that an agent who waits for the
// same rows does not notice (DATABASE.md: 64 keeps an agent's p99 under 8 ms).
const batchSize = 64

// attempts is how often an event that could not be written is tried before it is quarantined.
const attempts = 5

// Drain applies all due events of an account's lane, in order, until it is empty. chat.ErrLaneBusy says that another drainer
// holds it. An event that cannot be applied is put aside without holding up the others.
func (d *Desk) Drain(ctx context.Context, account chat.AccountID) error {
	size := batchSize
	for ctx.Err() == nil {
		n, err := d.drainOnce(ctx, account, size, nil)
		switch {
		case errors.Is(err, chat.ErrLaneBusy):
			return chat.ErrLaneBusy
		case err == nil && n < size:
			// The lane is free again. Whoever came meanwhile and found it held went away and counts on this look.
			if due, err := d.store.LaneDue(ctx, account); err != nil || !due {
				return err
			}
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

// drainOnce is one batch, with all that follows its commit; of one event, part may be all that is applied.
func (d *Desk) drainOnce(ctx context.Context, account chat.AccountID, size int, part *part) (int, error) {
	var b batch
	n, err := d.drain(ctx, account, size, chat.Lane{
		Read: func(acc chat.Account, now time.Time, events []chat.RawEvent) chat.LaneNeeds {
			b = batch{ledger: ledger{account: acc}, channel: d.kinds[acc.Kind], now: now}
			b.parse(events)
			if part != nil {
				b.inbound, b.poor = part.of(&b), nil
			}
			return b.needs()
		},
		Decide: func(st chat.LaneState) *chat.Write { return b.decide(st) },
		Keep:   part != nil,
	})
	if err != nil {
		return 0, laneError{err: err, first: b.firstEvent(), happenings: len(b.inbound)}
	}
	if n == 0 {
		return 0, nil // if something was decided, it was rolled back, and another drainer was faster
	}
	for _, p := range b.poor {
		d.metrics.Quarantined(string(b.account.Kind))
		d.log.Warn("event quarantined", "account", account.String(), "event", p.Event.String(), "error", p.Why)
	}
	crash.At(crash.AfterLaneCommit)
	d.settleBatch(ctx, &b)
	return n, nil
}

// drain is the store's, but a panic of ours becomes an error: one event must not end the process, again and again.
func (d *Desk) drain(ctx context.Context, account chat.AccountID, size int, lane chat.Lane) (n int, err error) {
	defer func() {
		if r := recover(); r != nil {
			n, err = 0, panicked("applying", r)
		}
	}()
	return d.store.DrainLane(ctx, account, size, lane)
}

func panicked(what string, r any) error {
	return fmt.Errorf("%s panicked: %v at %s", what, r, firstFrame(debug.Stack()))
}

// laneError carries the first event of a failed batch, which is the failed one once the batch is down to one.
type laneError struct {
	err        error
	first      *chat.RawEvent
	happenings int
}

// Error tells the cause too, where a refusal keeps it from its callers: this is read by who looks after the quarantine.
func (e laneError) Error() string {
	own, ok := errors.AsType[*chat.Error](e.err)
	if !ok || own.Cause == nil || strings.Contains(own.Message, own.Cause.Error()) {
		return e.err.Error()
	}
	return own.Error() + ": " + own.Cause.Error()
}

func (e laneError) Unwrap() error { return e.err }

// setAside deals with a single event that could not be applied: again later, and quarantined after a few tries.
func (d *Desk) setAside(ctx context.Context, account chat.AccountID, cause error) error {
	var le laneError
	if !errors.As(cause, &le) || le.first == nil {
		return cause // it failed before any event was read: not an event's fault
	}
	e := le.first
	if e.Attempts+1 >= attempts {
		if le.happenings > 1 {
			if err := d.salvage(ctx, account, part{e.ID, 0, le.happenings}); err != nil {
				return err
			}
		}
		d.metrics.Quarantined(string(e.Kind))
		d.log.Error("event quarantined", "account", account.String(), "event", e.ID.String(), "attempts", e.Attempts+1, "error", le.Error())
		return d.store.QuarantineEvent(ctx, *e, le.Error())
	}
	d.log.Warn("event failed", "account", account.String(), "event", e.ID.String(), "attempt", e.Attempts+1, "error", le.Error())
	return d.store.FailEvent(ctx, *e, le.Error(), time.Second<<e.Attempts)
}

// unpark applies updates that were parked in the moment in which their message got its provider id.
func (d *Desk) unpark(ctx context.Context, account chat.AccountID, ids []string) error {
	var b batch
	err := d.store.Unpark(ctx, account, ids, func(st chat.LaneState) *chat.Write {
		b = batch{channel: d.kinds[st.Account.Kind], now: st.Now}
		return b.decide(st)
	})
	if err == nil {
		d.settleBatch(ctx, &b)
	}
	return err
}

// part is some of the happenings that an event holds.
type part struct {
	event    chat.InboundEventID
	from, to int
}

func (p part) of(b *batch) []received {
	if b.events[0].ID != p.event {
		return nil // another drainer was faster
	}
	return b.inbound[p.from:p.to]
}

// salvage applies, by halves, what can be applied of an event that cannot be applied whole (RELIABILITY.md B24). What is
// applied twice is recognised, so it may be stopped anywhere.
func (d *Desk) salvage(ctx context.Context, account chat.AccountID, p part) error {
	_, err := d.drainOnce(ctx, account, 1, &p)
	switch {
	case err == nil:
		return nil
	case chat.CodeOf(err) == chat.CodeUnavailable, errors.Is(err, chat.ErrLaneBusy), ctx.Err() != nil:
		return chat.Errorf(chat.CodeUnavailable, "an event was not applied: %w", err)
	case p.to-p.from == 1:
		return nil // the poison itself
	}
	half := p.from + (p.to-p.from)/2
	if err := d.salvage(ctx, account, part{p.event, p.from, half}); err != nil {
		return err
	}
	return d.salvage(ctx, account, part{p.event, half, p.to})
}

// settleBatch publishes what a committed batch changed and rings for what it made due.
func (d *Desk) settleBatch(ctx context.Context, b *batch) {
	for _, e := range b.events {
		d.metrics.IngestLag(string(b.account.Kind), b.now.Sub(e.ReceivedAt))
	}
	d.metrics.Signs(b.account.ID, vitals.Sends{Heard: int64(len(b.events))}, "")
	for what, n := range b.counts {
		d.metrics.Received(string(b.account.Kind), what, n)
	}
	d.tell(ctx, &b.ledger)
	routed := map[chat.DepartmentID]bool{}
	for _, e := range b.write.Events { // somebody waits, or a place is free
		if line := b.convs[e.ConversationID].DepartmentID; (e.Kind == chat.EventQueued || e.Kind == chat.EventEnded) && !routed[line] {
			routed[line] = true
			d.ring(ctx, task.Route, line)
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

// parse reads the batch's events. One that cannot be read, or that makes the parser panic, is put aside at once: reading is
// pure, and would fail again.
func (b *batch) parse(events []chat.RawEvent) {
	b.events = events
	for i := range events {
		e := &events[i]
		ins, err := readEvent(b.channel.Parse, *e)
		if err != nil {
			b.poor = append(b.poor, chat.Quarantined{Event: e.ID, Place: e.Place, Why: err.Error()})
			continue
		}
		for _, in := range ins {
			if in.Account == (chat.AccountKey{}) || slices.Contains(b.account.Keys, in.Account) {
				b.inbound = append(b.inbound, received{Inbound: in, at: e.ReceivedAt})
			}
		}
		if why := unusable(ins); why != "" {
			b.poor = append(b.poor, chat.Quarantined{Event: e.ID, Place: e.Place, Why: why})
		}
	}
}

func readEvent(parse func(chat.RawEvent) ([]chat.Inbound, error), e chat.RawEvent) (ins []chat.Inbound, err error) {
	defer func() {
		if r := recover(); r != nil {
			ins, err = nil, panicked("the parser", r)
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
