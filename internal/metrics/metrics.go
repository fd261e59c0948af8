// Package metrics is every number that Gatehouse shows to Prometheus from within a process. Labels come from closed sets and
// never from people (RELIABILITY.md S61). What is a question to the record (waiting, due rows) is asked at the scrape by
// internal/app.
package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the instruments of one process, in a registry of their own.
type Metrics struct {
	Registry *prometheus.Registry
	counts   *prometheus.Registry // of our own counters and histograms alone: what Read reads

	accept      *prometheus.HistogramVec
	webhooks    *prometheus.CounterVec
	doorRows    prometheus.Histogram
	doorSeconds *prometheus.HistogramVec
	received    *prometheus.CounterVec
	ingestLag   *prometheus.HistogramVec
	windows     *prometheus.CounterVec
	deliveries  *prometheus.CounterVec
	sendLag     *prometheus.HistogramVec
	routed      *prometheus.CounterVec
	waited      prometheus.Histogram
	quarantined *prometheus.CounterVec
	reruns      *prometheus.CounterVec
	recovered   *prometheus.CounterVec
	media       *prometheus.CounterVec
	sockets     prometheus.Gauge
	live        *prometheus.CounterVec
	liveLag     prometheus.Histogram
	signIns     *prometheus.CounterVec
	requests    *prometheus.HistogramVec
}

// fast covers 1 ms to 10 s, slow 10 ms to 10 min.
var (
	fast = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	slow = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 600}
)

// New makes the instruments and registers them.
func New() *Metrics {
	reg, counts := prometheus.NewRegistry(), prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "gatehouse", Name: name, Help: help}, labels)
		reg.MustRegister(c)
		counts.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "gatehouse", Name: name, Help: help, Buckets: buckets}, labels)
		reg.MustRegister(h)
		counts.MustRegister(h)
		return h
	}
	m := &Metrics{
		Registry:    reg,
		counts:      counts,
		accept:      histogram("webhook_accept_seconds", "Time from a webhook's arrival to its answer, by outcome.", fast, "outcome"),
		webhooks:    counter("webhooks_total", "Webhooks by kind and what became of them: accepted, unrouted, unsigned, flooding, empty, unavailable.", "kind", "outcome"),
		doorSeconds: histogram("door_insert_seconds", "Time of one batched insert of raw events, by outcome.", fast, "outcome"),
		received:    counter("inbound_total", "Inbound happenings that were applied, by kind and what became of them: message, duplicate, status, parked …", "kind", "what"),
		ingestLag:   histogram("ingest_lag_seconds", "Time from receiving a raw event to having applied it.", slow, "kind"),
		windows:     counter("window_decisions_total", "Decisions of the service-window law by reason.", "kind", "reason"),
		deliveries:  counter("deliveries_total", "Attempts to send by outcome (sent, failed, unknown, pending, refused, stale) and reason.", "kind", "outcome", "reason"),
		sendLag:     histogram("send_lag_seconds", "Time from accepting a message to handing it to the provider.", slow, "kind"),
		routed:      counter("routed_total", "Conversations that the router dealt with, by outcome.", "outcome"),
		quarantined: counter("quarantined_total", "Inbound events that could not be applied and were put aside.", "kind"),
		reruns:      counter("transaction_reruns_total", "Transactions run again after losing a race, by what they were.", "what"),
		recovered:   counter("wakes_recovered_total", "Due rows that the sweeper found without a wake, by what they were.", "what"),
		media:       counter("media_total", "Files fetched from providers by outcome.", "kind", "outcome"),
		signIns:     counter("sign_ins_total", "Attempts to sign in by outcome.", "outcome"),
		requests:    histogram("http_request_seconds", "Time of API requests by route, method and status class.", fast, "route", "method", "status"),
	}
	m.doorRows = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "gatehouse", Name: "door_batch_rows", Help: "Raw events in one batched insert.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
	})
	m.waited = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "gatehouse", Name: "routed_wait_seconds", Help: "Time that a routed conversation had waited.", Buckets: slow,
	})
	m.sockets = prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "gatehouse", Name: "agent_sockets", Help: "Live WebSockets of agents."})
	m.live = counter("live_total", "What happened on agents' live streams: frames, closed sockets by reason, news that the bus lost (missed), resynced.", "what", "reason")
	m.liveLag = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "gatehouse", Name: "live_lag_seconds", Help: "Age of an event when it went to the agents' sockets.", Buckets: fast,
	})
	reg.MustRegister(m.doorRows, m.waited, m.sockets, m.liveLag)
	return m
}

// Webhook counts an answered webhook.
func (m *Metrics) Webhook(kind, outcome string, took time.Duration) {
	m.webhooks.WithLabelValues(kind, outcome).Inc()
	m.accept.WithLabelValues(outcome).Observe(took.Seconds())
}

// Door counts one batched insert.
func (m *Metrics) Door(rows int, took time.Duration, err error) {
	m.doorRows.Observe(float64(rows))
	m.doorSeconds.WithLabelValues(outcome(err)).Observe(took.Seconds())
}

// Received counts inbound happenings by what became of them.
func (m *Metrics) Received(kind, what string, n int) {
	m.received.WithLabelValues(kind, what).Add(float64(n))
}

// IngestLag observes how long an event was on its way through the lane.
func (m *Metrics) IngestLag(kind string, lag time.Duration) {
	m.ingestLag.WithLabelValues(kind).Observe(lag.Seconds())
}

// Window counts a decision of the window law.
func (m *Metrics) Window(kind, reason string) { m.windows.WithLabelValues(kind, reason).Inc() }

// Delivered counts an attempt to send.
func (m *Metrics) Delivered(kind, outcome, code string) {
	m.deliveries.WithLabelValues(kind, outcome, code).Inc()
}

// SendLag observes how long a message waited for its sender.
func (m *Metrics) SendLag(kind string, lag time.Duration) {
	m.sendLag.WithLabelValues(kind).Observe(lag.Seconds())
}

// Routed counts a conversation that the router dealt with.
func (m *Metrics) Routed(outcome string, waited time.Duration) {
	m.routed.WithLabelValues(outcome).Inc()
	m.waited.Observe(waited.Seconds())
}

// Quarantined counts an event that was put aside.
func (m *Metrics) Quarantined(kind string) { m.quarantined.WithLabelValues(kind).Inc() }

// Rerun counts a transaction that lost a race.
func (m *Metrics) Rerun(what string) { m.reruns.WithLabelValues(what).Inc() }

// Recovered counts due rows that nobody had been woken for.
func (m *Metrics) Recovered(what string, n int) { m.recovered.WithLabelValues(what).Add(float64(n)) }

// Media counts a fetched file.
func (m *Metrics) Media(kind, outcome string) { m.media.WithLabelValues(kind, outcome).Inc() }

// Sockets notes how many agents' sockets are open.
func (m *Metrics) Sockets(n int) { m.sockets.Set(float64(n)) }

// VisitorSockets has the visitors' sockets counted at each scrape.
func (m *Metrics) VisitorSockets(count func() int) {
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "gatehouse", Name: "visitor_sockets", Help: "Live WebSockets of web chat visitors.",
	}, func() float64 { return float64(count()) }))
}

// Live counts what happened on agents' streams.
func (m *Metrics) Live(what, reason string, n int) {
	m.live.WithLabelValues(what, reason).Add(float64(n))
}

// LiveLag observes how old an event was when it went to the sockets.
func (m *Metrics) LiveLag(age time.Duration) { m.liveLag.Observe(age.Seconds()) }

// SignIn counts an attempt to sign in.
func (m *Metrics) SignIn(outcome string) { m.signIns.WithLabelValues(outcome).Inc() }

// Request observes an answered request; route is the pattern, never the path.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}

func outcome(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}
