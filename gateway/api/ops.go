package api

import (
	"context"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/vitals"
)

type ops interface {
	Vitals(ctx context.Context, p chat.Principal, within time.Duration) (desk.Vitals, error)
	ReplayEvents(ctx context.Context, p chat.Principal, events []chat.InboundEventID) (int, error)
	DismissEvents(ctx context.Context, p chat.Principal, events []chat.InboundEventID) (int, error)
}

// Vitals is how the whole house does. All seconds are numbers with a fraction.
type Vitals struct {
	At       time.Time       `json:"at"`             // the record's clock
	Since    time.Time       `json:"since,omitzero"` // of the first sample within the span
	Signs    []VitalSign     `json:"signs"`          // what needs somebody, the worst first; none: all is well
	Now      VitalGauges     `json:"now"`
	Due      []DueRows       `json:"due"`
	Nodes    []Node          `json:"nodes"`
	Accounts []AccountSigns  `json:"accounts"`
	Aside    []TroubledEvent `json:"aside"`    // could not be applied, the latest first; at most 50
	Unrouted []TroubledEvent `json:"unrouted"` // of accounts that are not here
	Series   VitalSeries     `json:"series"`
	Limits   VitalLimits     `json:"limits"`
}

// VitalSign is something that is wrong: an alert's name without "Gatehouse", and the facts for its sentence.
type VitalSign struct {
	ID        string          `json:"id"`
	Severity  vitals.Severity `json:"severity"`
	Count     int64           `json:"count"`
	Seconds   float64         `json:"seconds"`
	Part      float64         `json:"part"` // 0 to 1
	Name      string          `json:"name"` // of the process, department or account
	Kind      string          `json:"kind"` // the account's channel, the process's role
	Reason    string          `json:"reason"`
	AccountID string          `json:"account_id,omitempty"`
}

// VitalGauges are how things stand now.
type VitalGauges struct {
	Waiting       int      `json:"waiting"`
	LongestS      float64  `json:"longest_s"`
	AgentsOnline  int      `json:"agents_online"`
	Load          int      `json:"load"`
	Capacity      int      `json:"capacity"`
	SnapshotS     float64  `json:"snapshot_s"`
	QueuePending  *int     `json:"queue_pending,omitempty"` // absent: Redis did not answer
	QueueArchived *int     `json:"queue_archived,omitempty"`
	QueueBehindS  *float64 `json:"queue_behind_s,omitempty"`
}

// DueRows are the rows of a kind that still need work.
type DueRows struct {
	What    string  `json:"what"`
	Count   int     `json:"count"`
	OldestS float64 `json:"oldest_s"`
	Counts  []*int  `json:"counts"` // beside the series' times
}

// Node is a process.
type Node struct {
	ID        string    `json:"id"`
	Role      string    `json:"role"`
	Host      string    `json:"host"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	SeenAt    time.Time `json:"seen_at"`
	Alive     bool      `json:"alive"`
	Redis     bool      `json:"redis"`
	PostgresS float64   `json:"postgres_s"`
	Sockets   int       `json:"sockets"`
}

// AccountSigns is a channel account's health. What was heard and sent last is known by the minute, for a week.
type AccountSigns struct {
	ID          chat.AccountID `json:"id"`
	HeardAt     time.Time      `json:"heard_at,omitzero"`
	SentAt      time.Time      `json:"sent_at,omitzero"`
	Pending     int            `json:"pending"` // raw events that wait
	Unsent      int            `json:"unsent"`
	Heard       int64          `json:"heard"` // in the last hour, as what follows
	Sent        int64          `json:"sent"`
	Failed      int64          `json:"failed"`
	Unknown     int64          `json:"unknown"`
	Reason      string         `json:"reason"` // the code of the last failure
	PausedUntil time.Time      `json:"paused_until,omitzero"`
	SyncedAt    time.Time      `json:"synced_at,omitzero"` // templates
}

// TroubledEvent is a raw event that somebody has to look at.
type TroubledEvent struct {
	ID         string    `json:"id"`
	AccountID  string    `json:"account_id,omitempty"`
	Kind       string    `json:"kind"` // with the key, where the account is not here
	Key        string    `json:"key"`
	ReceivedAt time.Time `json:"received_at"`
	Since      time.Time `json:"since"`
	Attempts   int       `json:"attempts"`
	Why        string    `json:"why"`
}

// VitalSeries are lists of equal length, one element a step. null: nobody sampled it, or there was nothing to measure.
type VitalSeries struct {
	From      time.Time  `json:"from"`
	StepS     int        `json:"step_s"`
	Webhooks  []int64    `json:"webhooks"`
	Refused   []int64    `json:"refused"`
	AcceptP95 []*float64 `json:"accept_p95"`
	IngestP95 []*float64 `json:"ingest_p95"`
	OldestS   []*float64 `json:"oldest_s"` // of the raw events
	Waiting   []*int     `json:"waiting"`
	Sent      []int64    `json:"sent"`
	Failed    []int64    `json:"failed"`
	Unknown   []int64    `json:"unknown"`
	Recovered []int64    `json:"recovered"`
	BehindS   []*float64 `json:"behind_s"`
}

// VitalLimits are what signs begin at, for the lines in the charts.
type VitalLimits struct {
	IngestS float64 `json:"ingest_s"`
	BehindS float64 `json:"behind_s"`
}

type vitalsOf struct {
	Span string `query:"span" enum:"hour,day" default:"hour" json:"-"`
}

// Vitals tells how the house does, with the last hour by the minute or the last day by ten.
func (a *API) Vitals(c *web.Call, in vitalsOf) (Vitals, error) {
	span, step := time.Hour, time.Minute
	if in.Span == "day" {
		span, step = 24*time.Hour, 10*time.Minute
	}
	v, err := a.Desk.Vitals(c, c.P(), span)
	if err != nil {
		return Vitals{}, err
	}
	from, points := vitals.Points(v.Minutes, v.Now, step, int(span/step))
	out := Vitals{
		At: v.Now, Signs: []VitalSign{}, Now: gauges(v.Gauges), Due: []DueRows{}, Nodes: []Node{}, Accounts: []AccountSigns{},
		Aside: troubled(v.Aside), Unrouted: troubled(v.Unrouted), Series: series(from, step, points),
		Limits: VitalLimits{
			IngestS: vitals.Threshold("IngestSlow"), BehindS: vitals.Threshold("QueueBehind"),
		},
	}
	for i, p := range points {
		if p.Sampled {
			out.Since = from.Add(time.Duration(i) * step)
			break
		}
	}
	for _, s := range v.Signs {
		out.Signs = append(out.Signs, VitalSign{
			ID: s.ID, Severity: s.Severity, Count: s.Count, Seconds: s.Seconds, Part: s.Part, Name: s.Name, Kind: s.Kind, Reason: s.Reason, AccountID: s.Account,
		})
	}
	for d := range vitals.Dues {
		row := DueRows{What: d.String(), Count: v.Gauges.Due[d], OldestS: v.Oldest[d].Seconds()}
		for _, p := range points {
			row.Counts = append(row.Counts, sampled(p, p.Due[d]))
		}
		out.Due = append(out.Due, row)
	}
	for _, n := range v.Nodes {
		out.Nodes = append(out.Nodes, Node{
			ID: n.ID, Role: n.Role, Host: n.Host, Version: n.Version, StartedAt: n.Started, SeenAt: n.Seen, Alive: n.Alive(v.Now), Redis: n.Redis,
			PostgresS: n.Postgres.Seconds(), Sockets: n.Sockets,
		})
	}
	for _, acc := range v.Accounts {
		id, err := chat.ParseID[chat.AccountID](acc.ID)
		if err != nil {
			return Vitals{}, err
		}
		h := acc.Hour()
		out.Accounts = append(out.Accounts, AccountSigns{
			ID: id, HeardAt: acc.Heard, SentAt: acc.Sent, Pending: acc.Pending, Unsent: acc.Unsent, Heard: h.Heard, Sent: h.Sent, Failed: h.Failed,
			Unknown: h.Unknown, Reason: acc.Failed, PausedUntil: acc.Paused, SyncedAt: acc.Synced,
		})
	}
	return out, nil
}

func gauges(g vitals.Gauges) VitalGauges {
	out := VitalGauges{
		Waiting: g.Waiting, LongestS: g.Longest.Seconds(), AgentsOnline: g.Online, Load: g.Load, Capacity: g.Capacity, SnapshotS: g.Snapshot.Seconds(),
	}
	if q := g.Queues; q != nil {
		behind := q.Behind.Seconds()
		out.QueuePending, out.QueueArchived, out.QueueBehindS = &q.Pending, &q.Archived, &behind
	}
	return out
}

func series(from time.Time, step time.Duration, points []vitals.Point) VitalSeries {
	s := VitalSeries{From: from, StepS: int(step.Seconds())}
	for _, p := range points {
		s.Webhooks, s.Refused = append(s.Webhooks, p.Accept.Total()), append(s.Refused, p.Counts[vitals.Unavailable])
		s.AcceptP95, s.IngestP95 = append(s.AcceptP95, p95(p.Accept)), append(s.IngestP95, p95(p.Ingest))
		s.OldestS = append(s.OldestS, sampled(p, p.Oldest[vitals.InboundEvents].Seconds()))
		s.Waiting = append(s.Waiting, sampled(p, p.Waiting))
		s.Sent, s.Failed, s.Unknown = append(s.Sent, p.Work.Sent.Sent), append(s.Failed, p.Work.Sent.Failed), append(s.Unknown, p.Work.Sent.Unknown)
		s.Recovered = append(s.Recovered, p.Counts[vitals.Recovered])
		var behind *float64
		if q := p.Queues; q != nil {
			b := q.Behind.Seconds()
			behind = &b
		}
		s.BehindS = append(s.BehindS, behind)
	}
	return s
}

// sampled is a gauge's value, if somebody asked.
func sampled[T any](p vitals.Point, v T) *T {
	if !p.Sampled {
		return nil
	}
	return &v
}

// p95 is the time within which 95 of 100 ended, if there was one.
func p95(h vitals.Histogram) *float64 {
	if h.Total() == 0 {
		return nil
	}
	q := h.Quantile(.95)
	return &q
}

func troubled(events []vitals.Event) []TroubledEvent {
	out := []TroubledEvent{}
	for _, e := range events {
		out = append(out, TroubledEvent{
			ID: e.ID, AccountID: e.Account, Kind: e.Kind, Key: e.Key, ReceivedAt: e.Received, Since: e.Since, Attempts: e.Attempts, Why: e.Why,
		})
	}
	return out
}

type named struct {
	Events []chat.InboundEventID `json:"events"`
}

// Replayed is how many events are back in their lanes.
type Replayed struct {
	Replayed int `json:"replayed"`
}

// Replay puts raw events into their lanes again.
func (a *API) Replay(c *web.Call, in named) (Replayed, error) {
	n, err := a.Desk.ReplayEvents(c, c.P(), in.Events)
	return Replayed{n}, err
}

// Dismissed is how many events are due no more.
type Dismissed struct {
	Dismissed int `json:"dismissed"`
}

// Dismiss has it that nothing will mend some events that were put aside.
func (a *API) Dismiss(c *web.Call, in named) (Dismissed, error) {
	n, err := a.Desk.DismissEvents(c, c.P(), in.Events)
	return Dismissed{n}, err
}
