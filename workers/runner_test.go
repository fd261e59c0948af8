package workers

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Work that is asked for while it runs is run once more, and never twice at a time.
func TestAskingForWorkThatRunsHasItRunOnceMore(t *testing.T) {
	t.Parallel()
	var running, runs, most atomic.Int32
	entered, proceed := make(chan struct{}, 10), make(chan struct{})
	r := newRunner(4, 3, func(context.Context, task.Wake) error {
		most.Store(max(most.Load(), running.Add(1)))
		runs.Add(1)
		entered <- struct{}{}
		<-proceed
		running.Add(-1)
		return nil
	})
	w := task.Wake{Kind: task.Ingest, ID: "a"}
	r.start(w)
	<-entered
	for range 5 { // all of them while the first runs
		r.start(w)
		if err := r.do(context.Background(), w); err != nil {
			t.Error(err)
		}
	}
	proceed <- struct{}{}
	<-entered
	proceed <- struct{}{}
	r.stop(context.Background())
	if runs.Load() != 2 || most.Load() != 1 {
		t.Errorf("%d runs, %d at a time; want 2 and 1", runs.Load(), most.Load())
	}
}

func TestWorkOfDifferentKindsRunsBesideEachOtherUpToTheLimit(t *testing.T) {
	t.Parallel()
	entered, proceed := make(chan string, 10), make(chan struct{})
	r := newRunner(2, 3, func(_ context.Context, w task.Wake) error {
		entered <- w.ID
		<-proceed
		return nil
	})
	for _, id := range []string{"a", "b", "c"} {
		r.start(task.Wake{Kind: task.Route, ID: id})
	}
	first, second := <-entered, <-entered
	if first == second {
		t.Error("the same work twice")
	}
	select {
	case id := <-entered:
		t.Errorf("%s ran beyond the limit", id)
	default:
	}
	close(proceed)
	<-entered
	r.stop(context.Background())
}

// However many providers hang, what needs only the record goes on, and so do the other accounts' messages.
func TestWorkThatWaitsForOthersHoldsUpNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		var ran sync.Map
		r := newRunner(2, 3, func(_ context.Context, w task.Wake) error {
			ran.Store(w, true)
			if waitsForOthers(w.Kind) {
				<-hangs
			}
			return nil
		})
		for _, k := range task.Kinds() {
			if waitsForOthers(k) {
				for _, id := range []string{"a", "b", "c"} {
					r.start(task.Wake{Kind: k, ID: id})
					synctest.Wait() // files have all the places
				}
			}
		}
		for _, w := range []task.Wake{{Kind: task.Deliver, ID: "c"}, {Kind: task.Ingest, ID: "a"}, {Kind: task.Route, ID: "a"}} {
			r.start(w)
			synctest.Wait()
			if _, ok := ran.Load(w); !ok {
				t.Errorf("%s waits with those who wait for others", w.Kind)
			}
		}
		pause(t.Context(), 2*typingStale)
		close(hangs)
		synctest.Wait()
		r.stop(t.Context())
		for _, k := range []task.Kind{task.Media, task.Profile, task.ReadMark, task.Templates} {
			if _, ok := ran.Load(task.Wake{Kind: k, ID: "c"}); !ok {
				t.Errorf("%s was not done in the end", k)
			}
		}
		if _, ok := ran.Load(task.Wake{Kind: task.Typing, ID: "c"}); ok {
			t.Error("somebody is told that an agent writes, long after")
		}
	})
}

// Stopping lets work finish; work that does not is cancelled when the patience ends.
func TestStoppingWaitsAndThenCancels(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	var cancelled atomic.Bool
	r := newRunner(1, 3, func(ctx context.Context, _ task.Wake) error {
		close(entered)
		<-ctx.Done()
		cancelled.Store(true)
		return ctx.Err()
	})
	r.start(task.Wake{Kind: task.Media, ID: "a"})
	<-entered
	patience, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	r.stop(patience)
	if !cancelled.Load() {
		t.Error("the work was left running")
	}
	var after sync.WaitGroup
	after.Go(func() { r.start(task.Wake{Kind: task.Media, ID: "b"}) })
	after.Wait() // takes no more work, and does not hang
}

// A lane that another process drains is asked for now and then, not at every wake.
func TestABusyLaneIsLeftAloneForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		r := newRunner(1, 3, func(context.Context, task.Wake) error {
			runs.Add(1)
			return chat.ErrLaneBusy
		})
		began := time.Now()
		for range 1000 {
			r.start(task.Wake{Kind: task.Ingest, ID: "a"})
			synctest.Wait()
		}
		if runs.Load() != 1 {
			t.Errorf("asked %d times at once", runs.Load())
		}
		pause(t.Context(), 10*busyPause)
		if runs.Load() != 2 {
			t.Errorf("asked %d times by then; want the one time more that the wakes asked for", runs.Load())
		}
		if err := r.do(t.Context(), task.Wake{Kind: task.Ingest, ID: "a"}); err != nil {
			t.Errorf("a busy lane is an error: %v", err)
		}
		r.stop(t.Context())
		if time.Since(began) > time.Second {
			t.Error("the pauses are longer than they say")
		}
	})
}
