package app

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/metrics"
	"gatehouse/internal/postgres"
	"gatehouse/internal/vitals"
)

// beatEvery is how often a process tells of itself. One that was killed is missed after four.
const beatEvery = 15 * time.Second

// pulse has a process tell the record of itself, a few times a minute: that it lives, and what it counted since. A worker also
// asks how things stand, once a minute, if no other has. It stands in nobody's way: what is counted is counted in memory.
type pulse struct {
	store   *postgres.Store
	metrics *metrics.Metrics
	redis   func(context.Context) error
	queues  func() (*vitals.Queues, error)
	sockets atomic.Int64 // of agents
	node    vitals.Node
	worker  bool
	log     *slog.Logger

	mu       sync.Mutex
	accounts map[chat.AccountID]postgres.AccountWork // since the last beat

	before vitals.Work // what was told; the beating goroutine's own
	silent bool        // the last beat was not kept
}

func newPulse(a *App, queues func() (*vitals.Queues, error)) *pulse {
	host, err := os.Hostname()
	if err != nil {
		host = a.node
	}
	return &pulse{
		store: a.store, metrics: a.metrics, redis: a.pingRedis, queues: queues, log: a.log,
		node: vitals.Node{ID: a.node, Role: a.cfg.Role, Host: host, Version: a.version, Started: time.Now()}, worker: a.cfg.Worker(),
		accounts: map[chat.AccountID]postgres.AccountWork{},
	}
}

// Signs adds to what is told of an account.
func (p *pulse) Signs(account chat.AccountID, s vitals.Sends, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.accounts[account]
	w.Sends = w.Plus(s)
	if reason != "" {
		w.Reason = reason
	}
	p.accounts[account] = w
}

// run beats until ctx ends, and says farewell.
func (p *pulse) run(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		p.beat(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			p.beat(last)
			if err := p.store.Farewell(last, p.node.ID); err != nil {
				p.log.Info("no farewell was kept", "error", err.Error())
			}
			return
		}
	}
}

// beat tells once. What is not kept is told with the next.
func (p *pulse) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	read, err := p.metrics.Read()
	if err != nil {
		p.log.Warn("the counters cannot be read", "error", err.Error())
		return
	}
	work := workOf(read)
	node := p.node
	node.Sockets, node.Redis = int(p.sockets.Load()), p.asks(ctx, p.redis) == nil
	began := time.Now()
	if err := p.asks(ctx, p.store.Ping); err != nil {
		p.missed(err)
		return
	}
	node.Postgres = time.Since(began)
	accounts := p.take()
	if err := p.store.KeepPulse(ctx, postgres.Pulse{Node: node, Work: work.Since(p.before), Accounts: accounts}); err != nil {
		p.putBack(accounts)
		p.missed(err)
		return
	}
	p.before, p.silent = work, false
	if p.worker {
		p.sample(ctx, node.Redis)
	}
}

// sample asks how things stand, if nobody else has in this minute.
func (p *pulse) sample(ctx context.Context, redis bool) {
	var queues *vitals.Queues
	if redis {
		q, err := p.queues()
		if err != nil {
			p.log.Info("the queues do not tell how they are", "error", err.Error())
		} else {
			queues = q
		}
	}
	if _, err := p.store.SampleVitals(ctx, queues); err != nil {
		p.log.Info("the vital signs were not sampled", "error", err.Error())
	}
}

// asks bounds a question: who does not answer in two seconds does not answer.
func (p *pulse) asks(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return ask(ctx)
}

// missed tells it once for each outage.
func (p *pulse) missed(err error) {
	if !p.silent {
		p.log.Info("a beat was not kept", "error", err.Error())
	}
	p.silent = true
}

func (p *pulse) take() map[chat.AccountID]postgres.AccountWork {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.accounts
	p.accounts = map[chat.AccountID]postgres.AccountWork{}
	return taken
}

func (p *pulse) putBack(taken map[chat.AccountID]postgres.AccountWork) {
	for account, w := range taken {
		p.mu.Lock()
		newer := p.accounts[account].Reason
		p.mu.Unlock()
		if newer != "" {
			w.Reason = newer
		}
		p.Signs(account, w.Sends, w.Reason)
	}
}

// workOf reads the vital counters, by the names and labels that the alerts ask for (deploy/prometheus/rules.yml).
func workOf(r metrics.Reading) (w vitals.Work) {
	is := func(label string, values ...string) metrics.Where { return metrics.Where{Label: label, Values: values} }
	api := metrics.Where{Label: "route", Begins: "/api/"}
	copy(w.Accept[:], r.Classes("gatehouse_webhook_accept_seconds", vitals.Bounds[:], is("outcome", "accepted", "unrouted")))
	copy(w.Ingest[:], r.Classes("gatehouse_ingest_lag_seconds", vitals.Bounds[:]))
	copy(w.Send[:], r.Classes("gatehouse_send_lag_seconds", vitals.Bounds[:]))
	w.Counts = vitals.Counts{
		vitals.Unavailable:    r.Sum("gatehouse_webhooks_total", is("outcome", "unavailable")),
		vitals.Unsigned:       r.Sum("gatehouse_webhooks_total", is("outcome", "unsigned", "flooding")),
		vitals.Routed:         r.Sum("gatehouse_routed_total"),
		vitals.Recovered:      r.Sum("gatehouse_wakes_recovered_total", is("what", "lane", "line", "send", "media")),
		vitals.ClaimsLost:     r.Sum("gatehouse_wakes_recovered_total", is("what", "claim")),
		vitals.FilesFetched:   r.Sum("gatehouse_media_total", is("outcome", "ready")),
		vitals.FilesFailed:    r.Sum("gatehouse_media_total") - r.Sum("gatehouse_media_total", is("outcome", "ready")),
		vitals.Requests:       r.Sum("gatehouse_http_request_seconds", api),
		vitals.RequestsFailed: r.Sum("gatehouse_http_request_seconds", api, is("status", "5xx")),
		vitals.SignInsRefused: r.Sum("gatehouse_sign_ins_total", is("outcome", "refused", "limited")),
		vitals.NewsMissed:     r.Sum("gatehouse_live_total", is("what", "missed")),
		vitals.SocketsSlow:    r.Sum("gatehouse_live_total", is("what", "closed"), is("reason", "slow", "silent")),
	}
	return w
}
