package workers

import (
	"context"
	"errors"
	"sync"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
)

// busyPause is how long a lane that another process drains is left alone: it looks again by itself before it lets go, and
// asking at every wake would cost the database more than the work.
const busyPause = 20 * time.Millisecond

// runner runs each piece of work at most once at a time. Asking for work that runs has it run once more when it is done:
// whatever became due while it ran is seen.
//
// Work that waits for others (providers, file servers) has places of its own: however many of them hang, what needs only the record
// goes on.
type runner struct {
	handle func(context.Context, task.Wake) error
	places map[task.Kind]chan struct{}
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	running map[key]*state
	stopped bool
	wg      sync.WaitGroup
}

type key struct {
	kind task.Kind
	id   string
}

type state struct {
	again bool
	ring  chan struct{}
}

// newRunner makes a runner of so many pieces of work at once that need only the record, as many that need others, and so many
// accounts that are sent for.
func newRunner(parallel, senders int, handle func(context.Context, task.Wake) error) *runner {
	ctx, cancel := context.WithCancel(context.Background())
	r := &runner{handle: handle, places: map[task.Kind]chan struct{}{}, ctx: ctx, cancel: cancel, running: map[key]*state{}}
	own, others := make(chan struct{}, parallel), make(chan struct{}, parallel)
	for _, k := range task.Kinds() {
		r.places[k] = others
		if !waitsForOthers(k) {
			r.places[k] = own
		}
	}
	r.places[task.Deliver] = make(chan struct{}, senders)
	return r
}

// waitsForOthers tells of work that may take as long as others let it.
func waitsForOthers(k task.Kind) bool { return k != task.Ingest && k != task.Route }

// begin tells whether the caller is to do the work; if not, whoever does it will look again.
func (r *runner) begin(k key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return false
	}
	if s := r.running[k]; s != nil {
		s.again = true
		select {
		case s.ring <- struct{}{}:
		default:
		}
		return false
	}
	r.running[k] = &state{ring: make(chan struct{}, 1)}
	r.wg.Add(1)
	return true
}

// rung tells work that runs, and may wait for something, that somebody asked for it again. It is nil where nobody can.
func (r *runner) rung(k key) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.running[k]; s != nil {
		return s.ring
	}
	return nil
}

// end tells whether somebody asked again meanwhile; if not, the work is over.
func (r *runner) end(k key) (again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.running[k]; s.again && !r.stopped {
		s.again = false
		return true
	}
	delete(r.running, k)
	r.wg.Done()
	return false
}

// do does the work and returns when it is done, or at once when it is being done already.
func (r *runner) do(ctx context.Context, w task.Wake) error {
	k := key{w.Kind, w.ID}
	if !r.begin(k) {
		return nil
	}
	return r.loop(ctx, w, k)
}

// start does it in the background. dispose has told of an error; the sweeper tries again.
func (r *runner) start(w task.Wake) {
	k := key{w.Kind, w.ID}
	if r.begin(k) {
		go func() { _ = r.loop(r.ctx, w, k) }()
	}
}

func (r *runner) loop(ctx context.Context, w task.Wake, k key) (err error) {
	for {
		if err = r.once(ctx, w); errors.Is(err, chat.ErrLaneBusy) {
			err = nil
			pause(ctx, busyPause)
		}
		if !r.end(k) {
			return err
		}
	}
}

func (r *runner) once(ctx context.Context, w task.Wake) error {
	if places := r.places[w.Kind]; places != nil {
		wait, cancel := ctx, func() {}
		if w.Kind == task.Typing {
			wait, cancel = context.WithTimeout(ctx, typingStale)
		}
		defer cancel()
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-wait.Done():
			return ctx.Err()
		}
	}
	return r.handle(ctx, w)
}

// typingStale is how long it is of use to tell that somebody writes.
const typingStale = 5 * time.Second

// stopping tells work that goes on while there is something to do that it should come to an end.
func (r *runner) stopping() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// stop takes no more work, lets what runs finish, and cancels it when ctx ends.
func (r *runner) stop(ctx context.Context) {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { r.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		r.cancel()
		<-done
	}
	r.cancel()
}
