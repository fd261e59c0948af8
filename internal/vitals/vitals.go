// Package vitals is the law of vital signs: what the processes count and the record is asked for, minute by minute; how
// minutes add up to a chart; and what of it needs somebody. An operator without Prometheus reads the result on /ops.
//
// It refuses nothing and knows no clock: a State is a value, and Judge (signs.go) says what is wrong with it, by the thresholds
// of deploy/prometheus/rules.yml, which a test holds it to. Start with Minute.
package vitals

import (
	"slices"
	"time"
)

// Counter is something that every process counts. The record keeps counts in this order: a new one goes to the end.
type Counter int

// The counters, by the metrics that they are read from.
const (
	Unavailable    Counter = iota // webhooks answered 503
	Unsigned                      // webhooks whose signature is wrong, and floods of them
	Routed                        // conversations that the router dealt with
	Recovered                     // due lanes, lines, sends and files that the sweeper found without a wake
	ClaimsLost                    // messages whose sender was gone
	FilesFetched                  // from providers
	FilesFailed                   // could not be fetched
	Requests                      // of the API
	RequestsFailed                // of them, answered 5xx
	SignInsRefused                // wrong, or too many
	NewsMissed                    // live news that the bus lost
	SocketsSlow                   // agents' sockets that were closed as slow or silent
	counters
)

// Counts are what was counted, by Counter.
type Counts [counters]int64

// Bounds are the upper ends of a Histogram's classes, in seconds; one class more is for what took longer.
var Bounds = [...]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// Histogram counts by how long something took: each class apart, not what is below it.
type Histogram [len(Bounds) + 1]int64

// Total is how many there were.
func (h Histogram) Total() (n int64) {
	for _, c := range h {
		n += c
	}
	return n
}

// Within is how many took at most so long; seconds is one of Bounds.
func (h Histogram) Within(seconds float64) (n int64) {
	for i, b := range Bounds {
		if b <= seconds {
			n += h[i]
		}
	}
	return n
}

// Quantile is the time within which the part q of all ended, in seconds, by even spread within a class; 0 for none.
func (h Histogram) Quantile(q float64) float64 {
	rank, seen, low := q*float64(h.Total()), 0.0, 0.0
	for i, b := range Bounds {
		n := float64(h[i])
		if n > 0 && seen+n >= rank {
			return low + (b-low)*(rank-seen)/n
		}
		seen, low = seen+n, b
	}
	if h.Total() == 0 {
		return 0
	}
	return Bounds[len(Bounds)-1]
}

// Due is a kind of row that still needs work. The record keeps them in this order: a new one goes to the end.
type Due int

// What may be due.
const (
	InboundEvents Due = iota
	QuarantinedEvents
	WaitingConversations
	UnsentMessages
	MessagesInFlight
	FilesToFetch
	ParkedUpdates
	UnroutedEvents
	Dues
)

// String is the name in `gatehouse due`, the metric's label and the API.
func (d Due) String() string {
	return [...]string{
		"inbound events", "quarantined events", "waiting conversations", "unsent messages", "messages in flight", "files to fetch", "parked updates", "unrouted events",
	}[d]
}

// Work is what all processes together did in some time.
type Work struct {
	Accept Histogram // webhooks that were taken, from arrival to answer
	Ingest Histogram // raw events, from arrival to applied
	Send   Histogram // messages, from accepted to handed to the provider
	Counts Counts
	Sent   Sends // of all accounts
}

// Sends are attempts to send, by what became of them, and what was heard meanwhile.
type Sends struct {
	Heard     int64 // raw events that were applied
	Sent      int64
	Failed    int64 // the provider or our own law said no
	Unknown   int64 // no answer
	Throttled int64 // to be tried again, for the provider limits us
	Again     int64 // to be tried again for another reason
}

// Attempts is how many there were.
func (s Sends) Attempts() int64 { return s.Sent + s.Failed + s.Unknown + s.Throttled + s.Again }

// Plus is both together.
func (s Sends) Plus(o Sends) Sends {
	s.Heard, s.Sent, s.Failed = s.Heard+o.Heard, s.Sent+o.Sent, s.Failed+o.Failed
	s.Unknown, s.Throttled, s.Again = s.Unknown+o.Unknown, s.Throttled+o.Throttled, s.Again+o.Again
	return s
}

// Plus is both together.
func (w Work) Plus(o Work) Work {
	for i := range w.Accept {
		w.Accept[i], w.Ingest[i], w.Send[i] = w.Accept[i]+o.Accept[i], w.Ingest[i]+o.Ingest[i], w.Send[i]+o.Send[i]
	}
	for i := range w.Counts {
		w.Counts[i] += o.Counts[i]
	}
	w.Sent = w.Sent.Plus(o.Sent)
	return w
}

// Since is what w counts beyond before, an earlier reading of the same process; of accounts it says nothing.
func (w Work) Since(before Work) Work {
	for i := range w.Accept {
		w.Accept[i], w.Ingest[i], w.Send[i] = w.Accept[i]-before.Accept[i], w.Ingest[i]-before.Ingest[i], w.Send[i]-before.Send[i]
	}
	for i := range w.Counts {
		w.Counts[i] -= before.Counts[i]
	}
	w.Sent = Sends{}
	return w
}

// Gauges are how things stand at a moment, as the record and Redis tell.
type Gauges struct {
	Waiting  int           // people in a line
	Longest  time.Duration // the longest wait among them
	Online   int           // agents
	Load     int           // conversations held by agents who are online
	Capacity int           // conversations that they may be given
	Sockets  int           // of agents, on all gateways
	Snapshot time.Duration // age of the oldest snapshot held in Postgres
	Due      [Dues]int
	Oldest   [Dues]time.Duration
	Queues   *Queues // nil: Redis did not answer
}

// Queues are Asynq's, together.
type Queues struct {
	Pending, Archived int           // wakes; the archived ones were tried and given up, and the sweeper does their work
	Behind            time.Duration // age of the oldest wake that waits in the queues of agents' and customers' work
}

// Minute is one minute of all processes. A minute in which nothing was counted and nobody sampled is absent.
type Minute struct {
	At time.Time // its beginning
	Work
	Gauges *Gauges // nil: nobody sampled it
}

// Point is some minutes together, for a chart: work added up, of gauges the worst.
type Point struct {
	Work
	Sampled bool // some of its minutes was sampled; without, there are no gauges to be shown
	Gauges
}

// Points folds minutes, in order, into n points of step each, the last of which has the minute of now. A point without a minute
// is empty.
func Points(minutes []Minute, now time.Time, step time.Duration, n int) (from time.Time, points []Point) {
	from = now.UTC().Truncate(step).Add(-time.Duration(n-1) * step)
	points = make([]Point, n)
	for _, m := range minutes {
		i := int(m.At.Sub(from) / step)
		if m.At.Before(from) || i >= n {
			continue
		}
		p := &points[i]
		p.Work = p.Plus(m.Work)
		if m.Gauges != nil {
			p.worst(*m.Gauges)
		}
	}
	return from, points
}

func (p *Point) worst(g Gauges) {
	p.Waiting, p.Longest, p.Snapshot = max(p.Waiting, g.Waiting), max(p.Longest, g.Longest), max(p.Snapshot, g.Snapshot)
	for d := range p.Due {
		p.Due[d], p.Oldest[d] = max(p.Due[d], g.Due[d]), max(p.Oldest[d], g.Oldest[d])
	}
	if q := g.Queues; q != nil {
		if p.Queues == nil {
			p.Queues = &Queues{}
		}
		p.Queues.Pending, p.Queues.Archived, p.Queues.Behind = max(p.Queues.Pending, q.Pending), max(p.Queues.Archived, q.Archived), max(p.Queues.Behind, q.Behind)
	}
	p.Sampled = true
}

// last adds up the minutes that began within d before now.
func last(minutes []Minute, now time.Time, d time.Duration) (w Work) {
	for _, m := range slices.Backward(minutes) {
		if !m.At.After(now.Add(-d)) {
			break
		}
		w = w.Plus(m.Work)
	}
	return w
}
