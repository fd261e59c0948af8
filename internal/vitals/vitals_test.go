package vitals_test

import (
	"math"
	"testing"
	"time"

	"gatehouse/internal/vitals"
)

func TestAQuantileIsSpreadEvenlyWithinItsClass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		h    vitals.Histogram
		want float64
	}{
		{vitals.Histogram{}, 0},
		{vitals.Histogram{0: 100}, .005 * .95},
		{vitals.Histogram{0: 90, 6: 10}, .25 + .25*.5},
		{vitals.Histogram{13: 1}, 60}, // longer than the longest class says
	} {
		if got := c.h.Quantile(.95); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v: %v, want %v", c.h, got, c.want)
		}
	}
	if h := (vitals.Histogram{0: 1, 5: 2, 6: 4, 13: 8}); h.Within(.25) != 3 || h.Total() != 15 {
		t.Errorf("%d of %d", h.Within(.25), h.Total())
	}
}

func TestMinutesAddUpToPointsAndTheWorstOfAGaugeStands(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 12, 12, 34, 56, 0, time.UTC)
	at := func(m int) time.Time { return time.Date(2026, 11, 12, 12, m, 0, 0, time.UTC) }
	work := func(n int64) vitals.Work {
		return vitals.Work{Accept: vitals.Histogram{1: n}, Sent: vitals.Sends{Sent: n}}
	}
	from, points := vitals.Points([]vitals.Minute{
		{At: at(9), Work: work(100)}, // before the first
		{At: at(10), Work: work(1)},
		{At: at(21), Work: work(2), Gauges: &vitals.Gauges{Waiting: 3, Longest: time.Minute}},
		{At: at(29), Work: work(3), Gauges: &vitals.Gauges{Waiting: 1, Longest: time.Hour, Queues: &vitals.Queues{Archived: 2}}},
		{At: at(34), Work: work(4)},
	}, now, 10*time.Minute, 3)
	if !from.Equal(at(10)) || len(points) != 3 {
		t.Fatalf("from %s, %d points", from, len(points))
	}
	for i, want := range []int64{1, 5, 4} {
		if points[i].Accept.Total() != want || points[i].Sent.Sent != want {
			t.Errorf("point %d: %+v", i, points[i])
		}
	}
	if p := points[1]; !p.Sampled || p.Waiting != 3 || p.Longest != time.Hour || p.Queues.Archived != 2 || points[0].Sampled || points[2].Sampled {
		t.Errorf("%+v", points)
	}
}

func TestWhatAProcessCountedSinceIsWhatItTellsOf(t *testing.T) {
	t.Parallel()
	a := vitals.Work{Accept: vitals.Histogram{2: 5}, Counts: vitals.Counts{vitals.Routed: 7}}
	b := a
	b.Accept[2], b.Counts[vitals.Unsigned] = 9, 1
	if got := b.Since(a); got != (vitals.Work{Accept: vitals.Histogram{2: 4}, Counts: vitals.Counts{vitals.Unsigned: 1}}) {
		t.Errorf("%+v", got)
	}
	if got := b.Since(b); got != (vitals.Work{}) {
		t.Errorf("nothing happened: %+v", got)
	}
}
