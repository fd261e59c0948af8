package desk

import (
	"context"
	"errors"
	"sync"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/crash"
	"gatehouse/internal/task"
)

type doorStore interface {
	// InsertEvents commits raw events and marks them pending. It returns only after COMMIT.
	InsertEvents(ctx context.Context, events []chat.RawEvent) error
	// InsertEventsAgain is InsertEvents for events of which nobody knows whether they are stored.
	InsertEventsAgain(ctx context.Context, events []chat.RawEvent) error
	// InsertUnrouted keeps a signed event of an account that we do not know.
	InsertUnrouted(ctx context.Context, e chat.RawEvent) error
}

// Door is the way in for raw provider events. It joins concurrent callers into one multi-row insert: a caller that finds
// the door idle goes through at once, those that come meanwhile go together next. Nothing waits for company.
type Door struct {
	store   doorStore
	wake    Waker
	observe func(rows int, took time.Duration, err error)

	mu      sync.Mutex
	waiting []*entry
	bytes   int // of the bodies that wait
	busy    bool
}

type entry struct {
	ctx    context.Context // the caller's: who has given up is not waited with
	events []chat.RawEvent
	bytes  int
	done   chan error
}

// Limits of the door: rows of one insert, and callers and bytes that may wait for one. Beyond that it refuses at once, since a
// provider that is told to come again later loses nothing, and memory without a bound loses everything.
const (
	doorRows    = 256
	doorWaiting = 2048
	doorBytes   = 32 << 20
)

// Times of the door: how long an insert may take, and the pauses between its tries while the database is away. A restart of
// the database within that time is nobody's refusal.
const (
	insertWithin = 3 * time.Second
	firstPause   = 10 * time.Millisecond
	longestPause = 200 * time.Millisecond
)

// errDoorFull tells that more callers wait than the door lets wait.
var errDoorFull = chat.Errorf(chat.CodeUnavailable, "too many events wait for the database")

// NewDoor makes a door. observe is told of every insert.
func NewDoor(store doorStore, wake Waker, observe func(rows int, took time.Duration, err error)) *Door {
	return &Door{store: store, wake: wake, observe: observe}
}

// Accept returns nil once the events are committed. Any error means that they may or may not be stored: the provider is
// to send them again, and what is there twice is recognised when it is applied.
func (d *Door) Accept(ctx context.Context, events ...chat.RawEvent) error {
	if len(events) == 0 {
		return nil
	}
	e := &entry{ctx: ctx, events: events, done: make(chan error, 1)}
	for _, event := range events {
		e.bytes += len(event.Body)
	}
	d.mu.Lock()
	if len(d.waiting) >= doorWaiting || d.bytes > 0 && d.bytes+e.bytes > doorBytes {
		d.mu.Unlock()
		return errDoorFull
	}
	d.waiting = append(d.waiting, e)
	d.bytes += e.bytes
	lead := !d.busy
	d.busy = true
	d.mu.Unlock()
	if lead {
		go d.flush()
	}
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
		return chat.Errorf(chat.CodeUnavailable, "not committed in time: %w", ctx.Err())
	}
}

// Full tells that Accept would refuse now. Who asks before doing anything for an event refuses cheaply.
func (d *Door) Full() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.waiting) >= doorWaiting || d.bytes >= doorBytes
}

// flush writes until nobody waits.
func (d *Door) flush() {
	for group, rows := d.next(); len(group) > 0; group, rows = d.next() {
		d.write(group, rows)
	}
}

// next takes those who go through together. Who has given up is left out: the provider was told to come again.
func (d *Door) next() (group []*entry, rows int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for ; n < len(d.waiting); n++ {
		e := d.waiting[n]
		if e.ctx.Err() == nil {
			if len(group) > 0 && rows+len(e.events) > doorRows {
				break
			}
			group, rows = append(group, e), rows+len(e.events)
		}
		d.bytes -= e.bytes
	}
	d.waiting = append([]*entry(nil), d.waiting[n:]...)
	d.busy = len(group) > 0
	return group, rows
}

func (d *Door) write(group []*entry, rows int) {
	// The callers' contexts end on their own; the insert has a deadline of its own, so that one impatient caller does not
	// fail its neighbours.
	ctx, cancel := context.WithTimeout(context.Background(), insertWithin)
	defer cancel()
	events := make([]chat.RawEvent, 0, rows)
	for _, e := range group {
		events = append(events, e.events...)
	}
	crash.At(crash.BeforeInsert)
	err := d.insert(ctx, events)
	if err == nil {
		crash.At(crash.AfterInsert)
		d.ring(ctx, events)
		crash.At(crash.AfterDoorbell)
	} else if len(group) > 1 && chat.CodeOf(err) != chat.CodeUnavailable {
		// One of them is poison: each goes alone, so that it fails alone.
		for _, e := range group {
			err := d.insert(ctx, e.events)
			if err == nil {
				d.ring(ctx, e.events)
			}
			e.done <- err
		}
		return
	}
	for _, e := range group {
		e.done <- err
	}
}

// insert stores events, again and again while the database is away. What broke off may have been committed all the same.
func (d *Door) insert(ctx context.Context, events []chat.RawEvent) error {
	try := d.store.InsertEvents
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		start := time.Now()
		err := try(ctx, events)
		d.observe(len(events), time.Since(start), err)
		if chat.CodeOf(err) != chat.CodeUnavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		try = d.store.InsertEventsAgain
	}
}

// ring wakes each account once.
func (d *Door) ring(ctx context.Context, events []chat.RawEvent) {
	var rung [8]chat.AccountID
	n := 0
next:
	for _, e := range events {
		for _, a := range rung[:n] {
			if a == e.AccountID {
				continue next
			}
		}
		if n < len(rung) {
			rung[n] = e.AccountID
			n++
		}
		d.wake.Wake(ctx, task.Wake{Kind: task.Ingest, ID: e.AccountID.String()})
	}
}

// Unrouted keeps a signed event of an account that we do not know.
func (d *Door) Unrouted(ctx context.Context, e chat.RawEvent) error {
	err := d.store.InsertUnrouted(ctx, e)
	if errors.Is(err, context.DeadlineExceeded) {
		return chat.Errorf(chat.CodeUnavailable, "not committed in time: %w", err)
	}
	return err
}
