package metrics

import (
	"math"
	"slices"
	"strings"
)

// Reading is what the counters and histograms of a process said at a moment: what a process hands to the record once in a while
// (internal/app), without a scrape and without asking the record or Redis.
type Reading map[string][]sample

type sample struct {
	labels map[string]string
	value  float64
	below  map[float64]uint64 // of a histogram: how many were at most so much
	count  uint64
}

// Where is a label with the values that it may have, or with how its value begins.
type Where struct {
	Label  string
	Values []string
	Begins string
}

func (w Where) holds(labels map[string]string) bool {
	if w.Begins != "" {
		return strings.HasPrefix(labels[w.Label], w.Begins)
	}
	return slices.Contains(w.Values, labels[w.Label])
}

// Read reads them. It returns an error when an instrument is broken.
func (m *Metrics) Read() (Reading, error) {
	families, err := m.counts.Gather()
	if err != nil {
		return nil, err
	}
	out := Reading{}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			s := sample{labels: map[string]string{}, value: metric.GetCounter().GetValue()}
			for _, l := range metric.GetLabel() {
				s.labels[l.GetName()] = l.GetValue()
			}
			if h := metric.GetHistogram(); h != nil {
				s.below, s.count = map[float64]uint64{}, h.GetSampleCount()
				for _, b := range h.GetBucket() {
					s.below[b.GetUpperBound()] = b.GetCumulativeCount()
				}
			}
			out[f.GetName()] = append(out[f.GetName()], s)
		}
	}
	return out, nil
}

// Sum adds up a counter's, or how often a histogram observed, where the labels are as asked.
func (r Reading) Sum(name string, where ...Where) (n int64) {
	for _, s := range r.of(name, where) {
		n += int64(math.Round(s.value)) + int64(s.count)
	}
	return n
}

// Classes are a histogram's observations in classes with these upper bounds, each apart; the last one, of which there is no bound,
// has what is beyond. What lies in a bucket that reaches over a bound counts as above it.
func (r Reading) Classes(name string, bounds []float64, where ...Where) []int64 {
	out := make([]int64, len(bounds)+1)
	for _, s := range r.of(name, where) {
		var seen uint64
		for i, b := range bounds {
			upTo := seen
			for le, n := range s.below {
				if le <= b {
					upTo = max(upTo, n)
				}
			}
			out[i] += int64(upTo - seen)
			seen = upTo
		}
		out[len(bounds)] += int64(s.count - seen)
	}
	return out
}

func (r Reading) of(name string, where []Where) (out []sample) {
	for _, s := range r[name] {
		if !slices.ContainsFunc(where, func(w Where) bool { return !w.holds(s.labels) }) {
			out = append(out, s)
		}
	}
	return out
}
