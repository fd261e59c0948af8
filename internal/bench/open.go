package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// offered is an open loop of anything: calls are due at a rate for a while, however long they take. At most so many are under
// way; one that finds all busy is late, and that counts.
type offered struct {
	rate     float64 // calls a second
	duration time.Duration
	most     int
	do       func(ctx context.Context, n int64, due time.Time) error // call n
}

// run makes the calls and returns what it saw and the first error of them. A call that fails is refused.
func (o offered) run(ctx context.Context) (sample, error) {
	var (
		next  atomic.Int64
		mu    sync.Mutex
		total = sample{hist: newHistogram()}
		first error
		wg    sync.WaitGroup
		start = time.Now()
	)
	for range o.most {
		wg.Go(func() {
			s := sample{hist: newHistogram()}
			var failed error
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				after := time.Duration(float64(n) / o.rate * float64(time.Second))
				if after >= o.duration {
					break
				}
				due := start.Add(after)
				pause(ctx, time.Until(due))
				s.Posted++
				if err := o.do(ctx, n, due); err != nil {
					s.Refused++
					failed = err
					continue
				}
				s.Acked++
				record(s.hist, time.Since(due))
			}
			mu.Lock()
			defer mu.Unlock()
			total.Posted, total.Acked, total.Refused = total.Posted+s.Posted, total.Acked+s.Acked, total.Refused+s.Refused
			total.hist.Merge(s.hist)
			if first == nil {
				first = failed
			}
		})
	}
	wg.Wait()
	total.Elapsed = time.Since(start)
	if first == nil {
		first = ctx.Err()
	}
	return total, first
}
