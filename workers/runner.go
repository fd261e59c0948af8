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
type runner struct {
	handle func(context.Context, task.Wake) error
	slots  chan struct{}
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

func newRunner(parallel int, handle func(context.Context, task.Wake) error) *runner {
	ctx, cancel := context.WithCancel(context.Background())
	return &runner{handle: handle, slots: make(chan struct{}, parallel), ctx: ctx, cancel: cancel, running: map[key]*state{}}
}

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

func (r *runner) do(ctx context.Context, w task.Wake) error {
	k := key{w.Kind, w.ID}
	if !r.begin(k) {
		return nil
	}
	var err error
	for {
		select {
		case r.slots <- struct{}{}:
			err = r.handle(ctx, w)
			<-r.slots
			if errors.Is(err, chat.ErrLaneBusy) {
				err = nil
				pause(ctx, busyPause)
			}
		case <-ctx.Done():
			err = ctx.Err()
		}
		if !r.end(k) {
			return err
		}
	}
}

func (r *runner) start(w task.Wake) {
	k := key{w.Kind, w.ID}
	if !r.begin(k) {
		return
	}
	go func() {
		for {
			select {
			case r.slots <- struct{}{}:
				err := r.handle(r.ctx, w) // dispose has told of others; the sweeper tries again
				<-r.slots
				if errors.Is(err, chat.ErrLaneBusy) {
					pause(r.ctx, busyPause)
				}
			case <-r.ctx.Done():
			}
			if !r.end(k) {
				return
			}
		}
	}()
}

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
