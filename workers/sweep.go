package workers

import (
	"context"
	"sync"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
)

// Sweep finds what is due and not moving, every second, and does it, until ctx ends. It is the net beneath the wakes: with
// Redis gone it is the only one, and then it looks every quarter of a second. Beside it, what is due once in a while is done: that
// may take long, and who waits for the sweeper must not wait for it.
func (w *Workers) Sweep(ctx context.Context, redisAway func() bool) {
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { w.keepHouse(ctx) })
	for {
		period, age := time.Second, 1500*time.Millisecond
		if redisAway() {
			period, age = 250*time.Millisecond, 0
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(period):
			w.sweepOnce(ctx, age)
		}
	}
}

// sweepOnce looks once. An error is told once for each outage: the next look comes soon.
func (w *Workers) sweepOnce(ctx context.Context, age time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	due, err := w.Desk.Due(ctx, age)
	if err != nil {
		if ctx.Err() == nil {
			w.Log.Info("the sweeper cannot look", "error", err.Error())
		}
		return
	}
	ring := func(k task.Kind, id string) { w.run.start(task.Wake{Kind: k, ID: id}) }
	for _, a := range due.Lanes {
		ring(task.Ingest, a.String())
	}
	for _, d := range due.Lines {
		ring(task.Route, d.String())
	}
	for _, a := range due.Sends {
		ring(task.Deliver, a.String())
	}
	for _, a := range due.Media {
		ring(task.Media, a.String())
	}
	for what, n := range map[string]int{"lane": len(due.Lanes), "line": len(due.Lines), "send": len(due.Sends), "media": len(due.Media), "claim": due.Lost, "parked": due.Stranded} {
		if n > 0 {
			w.Metrics.Recovered(what, n)
		}
	}
	if err := w.Desk.SweepPresence(ctx); err != nil && ctx.Err() == nil {
		w.Log.Info("presence could not be swept", "error", err.Error())
	}
}

// keepHouse does what is due once in a while, now and every minute, until ctx ends.
func (w *Workers) keepHouse(ctx context.Context) {
	slow := time.NewTicker(time.Minute)
	defer slow.Stop()
	for {
		w.tidy(ctx)
		w.prune(ctx)
		select {
		case <-ctx.Done():
			return
		case <-slow.C:
		}
	}
}

// tidy makes partitions ahead of time and removes what was good for a day at most.
func (w *Workers) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if n, err := w.Store.EnsurePartitions(ctx); err != nil {
		w.Log.Error("partitions could not be made", "error", err.Error())
	} else if n > 0 {
		w.Log.Info("partitions made", "partitions", n)
	}
	blobs, parked, err := w.Store.Tidy(ctx)
	if err != nil {
		w.Log.Warn("could not tidy", "error", err.Error())
		return
	}
	for _, b := range blobs {
		if err := w.Media.Remove(ctx, b.String()); err != nil && chat.CodeOf(err) != chat.CodeNotFound {
			w.Log.Warn("a file could not be removed", "file", b.String(), "error", err.Error())
		}
	}
	if parked > 0 {
		w.Log.Warn("updates never found their message", "updates", parked)
		w.Metrics.Recovered("parked_dropped", int(parked))
	}
}

// prune has the record forget.
func (w *Workers) prune(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	pruned, givenUp, err := w.Store.Prune(ctx)
	for what, n := range pruned {
		w.Log.Info("pruned", "what", what, "count", n)
	}
	for what, n := range givenUp {
		w.Log.Warn("given up: nobody looked at them for 90 days", "what", what, "count", n)
	}
	if err != nil && ctx.Err() == nil {
		w.Log.Warn("could not prune", "error", err.Error())
	}
}
