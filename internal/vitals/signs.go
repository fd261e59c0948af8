package vitals

import (
	"cmp"
	"regexp"
	"slices"
	"time"
)

// Severity is how much a sign presses.
type Severity string

// The severities, as those of the alerts.
const (
	Critical Severity = "critical" // customers or agents feel it now
	Warning  Severity = "warning"  // it will not mend itself, or is about to press
)

// Sign is something that is wrong, with the facts that its sentence needs. ID is an alert's name in deploy/prometheus/rules.yml
// without "Gatehouse"; NoWorker is ours alone, for the alerts know no roles.
type Sign struct {
	ID       string
	Severity Severity
	Count    int64   // how many
	Seconds  float64 // how long, or how old
	Part     float64 // 0 to 1: how much of all
	Name     string  // of the process, department or account
	Account  string  // its id
	Kind     string  // its channel
	Reason   string  // in the provider's or our own words
}

// State is all that is judged.
type State struct {
	Now      time.Time
	Gauges             // as they are now
	Lines    []Line    // that somebody waits in
	Minutes  []Minute  // in order, those of the last six hours at least
	Nodes    []Node    // that were heard within the last day
	Accounts []Account // all
}

// Line is a department's.
type Line struct {
	Department string
	Longest    time.Duration
}

// Node is a process, as it last told.
type Node struct {
	ID, Role, Host, Version string
	Started, Seen           time.Time
	Redis                   bool          // Redis answered it
	Postgres                time.Duration // how long Postgres took to answer it
	Sockets                 int           // of agents
}

// silentAfter is when a process counts as gone: four of its beats.
const silentAfter = time.Minute

// Alive tells whether a process was heard of a moment ago.
func (n Node) Alive(now time.Time) bool { return now.Sub(n.Seen) < silentAfter }

// works tells whether it handles wakes.
func (n Node) works() bool { return n.Role != "gateway" }

// Account is a channel account's health.
type Account struct {
	ID, Kind, Name, State, Reason string
	Recent                        []AccountMinute // of the last hour, in order

	Heard, Sent time.Time // the minute of the last event applied and of the last message taken by the provider; zero: not within a week
	Pending     int       // raw events that wait
	Unsent      int       // messages that wait or are on their way
	Failed      string    // the code of the last hour's last failure
	Paused      time.Time // until then the provider limits us; zero: it does not
	Synced      time.Time // templates
}

// Hour adds up the last hour.
func (a Account) Hour() (s Sends) {
	for _, m := range a.Recent {
		s = s.Plus(m.Sends)
	}
	return s
}

// Event is a raw event that somebody has to look at.
type Event struct {
	ID, Account, Kind string // Account, or Kind and Key where it is of none of ours
	Key               string // by which the provider addressed it
	Received, Since   time.Time
	Attempts          int
	Why               string // in the words of the error
}

// Discreet is a text of a machine as it may be shown: of long numbers the last four digits, and not all of a long text.
func Discreet(text string) string {
	text = numbers.ReplaceAllStringFunc(text, func(n string) string { return "…" + n[len(n)-4:] })
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// most characters of a machine's words are shown.
const most = 200

var numbers = regexp.MustCompile(`[0-9]{6,}`)

// AccountMinute is what was sent on an account and heard of it in a minute.
type AccountMinute struct {
	At time.Time
	Sends
}

func (a Account) last(now time.Time, d time.Duration) (s Sends) {
	for _, m := range a.Recent {
		if m.At.After(now.Add(-d)) {
			s = s.Plus(m.Sends)
		}
	}
	return s
}

// rule is what an alert asks. over are the numbers that it compares with, within the times over which it looks, and held how
// long it must have been so, where the page waits as the alert does: elsewhere it says what is so now, for its reader is awake.
type rule struct {
	id       string
	severity Severity
	over     []float64
	within   []time.Duration
	held     time.Duration
	judge    func(r rule, s State) []Sign
}

const minute = time.Minute

var rules = []rule{
	{id: "NoWorker", severity: Critical, judge: func(_ rule, s State) []Sign {
		return one(!slices.ContainsFunc(s.Nodes, func(n Node) bool { return n.works() && n.Alive(s.Now) }), Sign{})
	}},
	{id: "ProcessDown", severity: Warning, judge: processesDown},
	{id: "RedisDown", severity: Warning, judge: func(_ rule, s State) []Sign {
		n := s.withoutRedis()
		return one(n > 0, Sign{Count: n})
	}},
	{id: "WebhooksTurnedAway", severity: Critical, within: times(5), judge: func(r rule, s State) []Sign {
		n := s.last(r, 0).Counts[Unavailable]
		return one(n > 0, Sign{Count: n})
	}},
	{id: "WebhooksBurnFast", severity: Critical, over: []float64{14.4 * .001, 14.4 * .001, .05}, within: times(5, 60), judge: burns},
	{id: "WebhooksBurnSlow", severity: Warning, over: []float64{6 * .001, 6 * .001, .05}, within: times(30, 360), judge: burns},
	{id: "WebhooksUnsigned", severity: Warning, over: []float64{.05, .05}, within: times(10), judge: func(r rule, s State) []Sign {
		w := s.last(r, 0)
		n := w.Counts[Unsigned]
		part := share(n, n+w.Counts[Unavailable]+w.Accept.Total())
		return one(part > r.over[0] && r.rate(n, 0) > r.over[1], Sign{Count: n, Part: part})
	}},
	{id: "WebhooksUnrouted", severity: Warning, within: times(15), judge: func(r rule, s State) []Sign {
		return one(s.grown(UnroutedEvents, r.within[0]) > 0, Sign{Count: int64(s.Due[UnroutedEvents])})
	}},
	{id: "ApiErrors", severity: Critical, over: []float64{.02}, within: times(5), held: 5 * minute, judge: func(r rule, s State) []Sign {
		failed := func(w Work) float64 { return share(w.Counts[RequestsFailed], w.Counts[Requests]) }
		w, yes := s.kept(r, failed)
		return one(yes, Sign{Count: w.Counts[RequestsFailed], Part: failed(w)})
	}},
	{id: "SignInsRefused", severity: Warning, over: []float64{.5}, within: times(10), judge: func(r rule, s State) []Sign {
		n := s.last(r, 0).Counts[SignInsRefused]
		return one(r.rate(n, 0) > r.over[0], Sign{Count: n})
	}},
	{id: "InboundStuck", severity: Critical, over: []float64{60}, judge: old(InboundEvents)},
	{id: "IngestSlow", severity: Warning, over: []float64{1}, within: times(5), held: 5 * minute, judge: slow(func(w Work) Histogram { return w.Ingest })},
	{id: "UnsentStuck", severity: Critical, over: []float64{300}, judge: old(UnsentMessages, MessagesInFlight)},
	{id: "SendSlow", severity: Warning, over: []float64{30}, within: times(5), held: 10 * minute, judge: slow(func(w Work) Histogram { return w.Send })},
	{id: "MediaStuck", severity: Warning, over: []float64{900}, judge: old(FilesToFetch)},
	{id: "QuarantineGrows", severity: Critical, over: []float64{10}, within: times(15), judge: func(r rule, s State) []Sign {
		n := s.grown(QuarantinedEvents, r.within[0])
		return one(float64(n) > r.over[0], Sign{Count: int64(n)})
	}},
	{id: "Quarantined", severity: Warning, judge: func(_ rule, s State) []Sign {
		return one(s.Due[QuarantinedEvents] > 0, Sign{Count: int64(s.Due[QuarantinedEvents])})
	}},
	{id: "WakesLost", severity: Warning, over: []float64{.1}, within: times(10), judge: func(r rule, s State) []Sign {
		n := s.last(r, 0).Counts[Recovered]
		return one(r.rate(n, 0) > r.over[0] && s.withoutRedis() == 0, Sign{Count: n})
	}},
	{id: "QueueBehind", severity: Warning, over: []float64{5}, judge: func(r rule, s State) []Sign {
		return one(s.Queues != nil && s.Queues.Behind.Seconds() > r.over[0], Sign{Seconds: s.behind()})
	}},
	{id: "OldSnapshot", severity: Warning, over: []float64{600}, judge: func(r rule, s State) []Sign {
		return one(s.Snapshot.Seconds() > r.over[0], Sign{Seconds: s.Snapshot.Seconds()})
	}},
	{id: "NobodyOnline", severity: Warning, held: 10 * minute, judge: func(r rule, s State) []Sign {
		return one(s.held(r, func(g Gauges) bool { return g.Waiting > 0 && g.Online == 0 }), Sign{Count: int64(s.Waiting), Seconds: s.Longest.Seconds()})
	}},
	{id: "LongWait", severity: Warning, over: []float64{900}, judge: func(r rule, s State) (out []Sign) {
		for _, l := range s.Lines {
			out = append(out, one(l.Longest.Seconds() > r.over[0], Sign{Name: l.Department, Seconds: l.Longest.Seconds()})...)
		}
		return out
	}},
	{id: "RoutingIdle", severity: Warning, over: []float64{300}, within: times(5), held: 10 * minute, judge: func(r rule, s State) []Sign {
		idle := s.held(r, func(g Gauges) bool { return g.Longest.Seconds() > r.over[0] && g.Capacity > g.Load })
		return one(idle && last(s.Minutes, s.Now, r.within[0]+r.held).Counts[Routed] == 0, Sign{Seconds: s.Longest.Seconds()})
	}},
	{id: "AgentsWithoutSockets", severity: Critical, held: 3 * minute, judge: func(r rule, s State) []Sign {
		return one(s.held(r, func(g Gauges) bool { return g.Online > 0 && g.Sockets == 0 }), Sign{Count: int64(s.Online)})
	}},
	{id: "NewsLost", severity: Warning, over: []float64{.05}, within: times(10), judge: func(r rule, s State) []Sign {
		n := s.last(r, 0).Counts[NewsMissed]
		return one(r.rate(n, 0) > r.over[0], Sign{Count: n})
	}},
	{id: "SocketsSlow", severity: Warning, over: []float64{.2}, within: times(10), judge: func(r rule, s State) []Sign {
		n := s.last(r, 0).Counts[SocketsSlow]
		return one(r.rate(n, 0) > r.over[0], Sign{Count: n})
	}},
	{id: "AccountDisconnected", severity: Critical, judge: accounts(func(_ rule, _ State, a Account) (Sign, bool) {
		return Sign{Reason: a.Reason}, a.State == "disconnected"
	})},
	{id: "AccountDegraded", severity: Warning, judge: accounts(func(_ rule, _ State, a Account) (Sign, bool) {
		return Sign{Reason: a.Reason}, a.State == "degraded"
	})},
	{id: "DeliveriesFail", severity: Warning, over: []float64{.1, .02}, within: times(5), judge: accounts(func(r rule, s State, a Account) (Sign, bool) {
		m := a.last(s.Now, r.within[0])
		part := share(m.Failed, m.Attempts())
		return Sign{Count: m.Failed, Part: part}, part > r.over[0] && r.rate(m.Failed, 0) > r.over[1]
	})},
	{id: "DeliveriesUnknown", severity: Warning, within: times(15), judge: accounts(func(r rule, s State, a Account) (Sign, bool) {
		n := a.last(s.Now, r.within[0]).Unknown
		return Sign{Count: n}, n > 0
	})},
	{id: "Throttled", severity: Warning, over: []float64{.1}, within: times(15), judge: accounts(func(r rule, s State, a Account) (Sign, bool) {
		n := a.last(s.Now, r.within[0]).Throttled
		return Sign{Count: n}, r.rate(n, 0) > r.over[0]
	})},
	{id: "ClaimsGivenUp", severity: Warning, within: times(15), judge: func(r rule, s State) []Sign {
		n := s.last(r, 0).Counts[ClaimsLost]
		return one(n > 0, Sign{Count: n})
	}},
	{id: "MediaFails", severity: Warning, over: []float64{.2, .01}, within: times(15), judge: func(r rule, s State) []Sign {
		c := s.last(r, 0).Counts
		part := share(c[FilesFailed], c[FilesFailed]+c[FilesFetched])
		return one(part > r.over[0] && r.rate(c[FilesFailed], 0) > r.over[1], Sign{Count: c[FilesFailed], Part: part})
	}},
}

// Judge tells what is wrong, the worst first, in the order of the rules. Nothing: all is well.
func Judge(s State) []Sign {
	var out []Sign
	for _, r := range rules {
		for _, sign := range r.judge(r, s) {
			sign.ID, sign.Severity = r.id, r.severity
			out = append(out, sign)
		}
	}
	slices.SortStableFunc(out, func(a, b Sign) int { return cmp.Compare(a.Severity, b.Severity) }) // "critical" comes first
	return out
}

// IDs are the names of all signs, and PostgresDown, which the page says by itself when its question is answered 503.
func IDs() []string {
	ids := []string{"PostgresDown"}
	for _, r := range rules {
		ids = append(ids, r.id)
	}
	return ids
}

// Threshold is the number that a sign compares with first: seconds, a share, or so many a second. It panics for a sign that does
// not exist.
func Threshold(id string) float64 {
	return rules[slices.IndexFunc(rules, func(r rule) bool { return r.id == id })].over[0]
}

// processesDown are those who fell silent within the last hour without a farewell, unless another of their role has begun since:
// then they were replaced.
func processesDown(_ rule, s State) (out []Sign) {
	for _, n := range s.Nodes {
		replaced := slices.ContainsFunc(s.Nodes, func(o Node) bool { return o.Role == n.Role && o.Started.After(n.Seen) && o.Alive(s.Now) })
		silent := s.Now.Sub(n.Seen)
		out = append(out, one(silent >= silentAfter && silent < time.Hour && !replaced, Sign{Name: n.Host, Kind: n.Role, Seconds: silent.Seconds()})...)
	}
	return out
}

// burns asks whether too many webhooks were slow or refused, a short while ago and for long.
func burns(r rule, s State) []Sign {
	bad := func(i int) (n int64, part float64) {
		w := s.last(r, i)
		all := w.Accept.Total() + w.Counts[Unavailable]
		n = all - w.Accept.Within(.25)
		return n, share(n, all)
	}
	n, short := bad(0)
	_, long := bad(1)
	w := last(s.Minutes, s.Now, 5*minute)
	rate := float64(w.Accept.Total()+w.Counts[Unavailable]) / (5 * 60)
	return one(short > r.over[0] && long > r.over[1] && rate > r.over[2], Sign{Count: n, Part: short})
}

// slow asks whether 1 in 20 took longer, for a while: one event that was replayed, or one answer that waited, is none.
func slow(of func(Work) Histogram) func(rule, State) []Sign {
	return func(r rule, s State) []Sign {
		p95 := func(w Work) float64 { return of(w).Quantile(.95) }
		w, yes := s.kept(r, p95)
		return one(yes, Sign{Seconds: p95(w)})
	}
}

// old asks after the oldest of some kinds of due rows.
func old(kinds ...Due) func(rule, State) []Sign {
	return func(r rule, s State) []Sign {
		var oldest time.Duration
		n := 0
		for _, d := range kinds {
			oldest, n = max(oldest, s.Oldest[d]), n+s.Due[d]
		}
		return one(oldest.Seconds() > r.over[0], Sign{Count: int64(n), Seconds: oldest.Seconds()})
	}
}

// accounts asks of each account.
func accounts(wrong func(rule, State, Account) (Sign, bool)) func(rule, State) []Sign {
	return func(r rule, s State) (out []Sign) {
		for _, a := range s.Accounts {
			if a.State == "disabled" {
				continue
			}
			sign, yes := wrong(r, s, a)
			sign.Account, sign.Name, sign.Kind = a.ID, a.Name, a.Kind
			out = append(out, one(yes, sign)...)
		}
		return out
	}
}

func one(yes bool, s Sign) []Sign {
	if !yes {
		return nil
	}
	return []Sign{s}
}

func times(minutes ...int) (out []time.Duration) {
	for _, m := range minutes {
		out = append(out, time.Duration(m)*time.Minute)
	}
	return out
}

// rate is n in a second.
func (r rule) rate(n int64, i int) float64 { return float64(n) / r.within[i].Seconds() }

func (s State) last(r rule, i int) Work { return last(s.Minutes, s.Now, r.within[i]) }

// held asks whether something is so now and was so in each sample of a rule's time.
func (s State) held(r rule, so func(Gauges) bool) bool {
	if !so(s.Gauges) {
		return false
	}
	n := 0
	for _, m := range s.Minutes {
		if m.Gauges == nil || !m.At.After(s.Now.Add(-r.held)) {
			continue
		}
		if !so(*m.Gauges) {
			return false
		}
		n++
	}
	return n >= int(r.held/minute)-1 // the newest may not be taken yet
}

// kept asks whether a value of a rule's time is above its number now and was at each minute for as long as it must hold; w is
// what was done in that time until now.
func (s State) kept(r rule, value func(Work) float64) (w Work, yes bool) {
	for d := time.Duration(0); d <= r.held; d += minute {
		before := s.Now.Add(-d)
		end := len(s.Minutes)
		for end > 0 && s.Minutes[end-1].At.After(before) {
			end--
		}
		at := last(s.Minutes[:end], before, r.within[0])
		if value(at) <= r.over[0] {
			return Work{}, false
		}
		if d == 0 {
			w = at
		}
	}
	return w, true
}

// grown is by how much a kind of due rows is more now than it was, by the oldest sample within d.
func (s State) grown(k Due, d time.Duration) int {
	for _, m := range s.Minutes {
		if m.Gauges != nil && m.At.After(s.Now.Add(-d)) {
			return s.Due[k] - m.Gauges.Due[k]
		}
	}
	return 0
}

func (s State) behind() float64 {
	if s.Queues == nil {
		return 0
	}
	return s.Queues.Behind.Seconds()
}

// withoutRedis is how many processes get no answer from it.
func (s State) withoutRedis() (n int64) {
	for _, p := range s.Nodes {
		if p.Alive(s.Now) && !p.Redis {
			n++
		}
	}
	return n
}

func share(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}
