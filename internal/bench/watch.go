package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"gatehouse/internal/bench/agent"
)

// inFlight is how many messages may be between the sender and the sockets while the most that gets through is measured.
const inFlight = 1024

// watch sees the messages of a run arrive at the agents' sockets.
type watch struct {
	world *world
	run   string
	mark  []byte

	cancel context.CancelFunc
	wg     sync.WaitGroup

	first   atomic.Int64
	due     atomic.Pointer[[]atomic.Int64] // by number: when it was due, in Unix nanoseconds; -1 once it is here
	arrived atomic.Int64
	lost    atomic.Int64          // sockets that ended
	refused atomic.Pointer[error] // why one was not opened, the last time
	room    chan struct{}

	mu    sync.Mutex
	taken *hdrhistogram.Histogram
}

func newWatch(w *world) *watch {
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	out := &watch{
		world: w, run: run, mark: []byte(`"external_id":"` + idPrefix + run), room: make(chan struct{}, inFlight), taken: newHistogram(),
	}
	out.begin(0, 0)
	return out
}

// begin forgets what was and expects messages from number first on, at most n.
func (w *watch) begin(first, n int64) {
	due := make([]atomic.Int64, n)
	w.mu.Lock()
	w.taken = newHistogram()
	w.mu.Unlock()
	w.arrived.Store(0)
	w.first.Store(first)
	w.due.Store(&due)
}

// expect notes when a message was due.
func (w *watch) expect(n int64, due time.Time) {
	d := *w.due.Load()
	if i := n - w.first.Load(); i >= 0 && i < int64(len(d)) {
		d[i].Store(due.UnixNano())
	}
}

// admit waits for room under way. A message that never arrives gives its room back after a while.
func (w *watch) admit(ctx context.Context) bool {
	select {
	case w.room <- struct{}{}:
		return true
	default:
	}
	t := time.NewTimer(2 * time.Second)
	defer t.Stop()
	select {
	case w.room <- struct{}{}:
	case <-t.C:
	case <-ctx.Done():
		return false
	}
	return true
}

func (w *watch) hist() *hdrhistogram.Histogram {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := newHistogram()
	h.Merge(w.taken)
	return h
}

// rest waits a while for what is still under way, and tells how many of n were not seen.
func (w *watch) rest(ctx context.Context, n int64, atMost time.Duration) (missing int64) {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	_ = poll(ctx, 10*time.Millisecond, func() (bool, error) { return w.arrived.Load() >= n, nil }) // or else some are missing
	return max(0, n-w.arrived.Load())
}

// listen opens every agent's socket and returns when all have been told what they missed.
func (w *watch) listen(ctx context.Context) error {
	ctx, w.cancel = context.WithCancel(ctx)
	welcome := make(chan struct{}, len(w.world.agents))
	for _, a := range w.world.agents {
		w.wg.Go(func() { w.follow(ctx, a, sync.OnceFunc(func() { welcome <- struct{}{} })) })
	}
	for range w.world.agents {
		select {
		case <-welcome:
		case <-time.After(time.Minute):
			w.stop()
			return fmt.Errorf("the live socket of an agent does not open: %s", w.why())
		case <-ctx.Done():
			w.stop()
			return ctx.Err()
		}
	}
	return nil
}

func (w *watch) why() string {
	if err := w.refused.Load(); err != nil {
		return (*err).Error()
	}
	return "it says no welcome"
}

func (w *watch) stop() {
	w.cancel()
	w.wg.Wait()
}

// follow reads an agent's socket, and opens another one when it ends.
func (w *watch) follow(ctx context.Context, a *agent.Agent, welcomed func()) {
	cursor := ""
	for ctx.Err() == nil {
		s, err := a.Live(ctx, cursor)
		if err != nil {
			w.refused.Store(&err)
			pause(ctx, 200*time.Millisecond)
			continue
		}
		for {
			f, err := s.Next(ctx)
			if err != nil {
				break
			}
			if bytes.HasPrefix(f, []byte(`{"type":"conversation"`)) {
				w.frame(f, time.Now())
				continue
			}
			var c struct{ Type, Cursor string }
			if json.Unmarshal(f, &c) != nil || c.Cursor == "" {
				continue
			}
			cursor = c.Cursor
			switch c.Type {
			case "welcome", "resync":
				// What it missed comes now, and news waits meanwhile: the answer to this comes after both. When more news came than can
				// wait, the answer is lost with it, and resync says so: asked again.
				if s.Ping(ctx) != nil {
					continue // the next read tells
				}
			case "pong":
				welcomed()
			}
		}
		s.Close()
		if ctx.Err() == nil {
			w.lost.Add(1)
		}
	}
}

// frame finds our messages in a frame, without reading the rest: the machine is busy enough.
func (w *watch) frame(f []byte, at time.Time) {
	due, first := *w.due.Load(), w.first.Load()
	for {
		i := bytes.Index(f, w.mark)
		if i < 0 || len(f) < i+len(w.mark)+idDigits {
			return
		}
		f = f[i+len(w.mark):]
		n, err := strconv.ParseInt(string(f[:idDigits]), 10, 64)
		if n -= first; err != nil || n < 0 || n >= int64(len(due)) {
			continue
		}
		was := due[n].Swap(-1)
		if was <= 0 {
			continue // seen before
		}
		w.mu.Lock()
		record(w.taken, at.Sub(time.Unix(0, was)))
		w.mu.Unlock()
		w.arrived.Add(1)
		select {
		case <-w.room:
		default:
		}
	}
}
