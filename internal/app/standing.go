package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gatehouse/internal/postgres"

	"github.com/prometheus/client_golang/prometheus"
)

// standing asks the record, at a scrape and at most every five seconds, for the numbers that only it knows: who waits and how
// long, who is there and how busy, what is due.
type standing struct {
	store *postgres.Store
	log   *slog.Logger

	mu    sync.Mutex
	last  postgres.Vitals
	asked time.Time

	waiting, longest, open, agents, load, capacity, due, oldest, accounts, up, snapshot *prometheus.Desc
}

func newStanding(store *postgres.Store, log *slog.Logger) *standing {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("gatehouse_"+name, help, labels, nil)
	}
	return &standing{
		store: store, log: log,
		waiting:  d("waiting", "Conversations that wait in a department's line.", "department"),
		longest:  d("longest_wait_seconds", "How long the first in a department's line has waited.", "department"),
		open:     d("open_conversations", "Conversations that are not closed, by status.", "status"),
		agents:   d("agents", "Active agents by presence.", "presence"),
		load:     d("load", "Conversations held by agents who are online."),
		capacity: d("capacity", "Conversations that agents who are online may be given."),
		due:      d("due", "Rows that still need work, by what they are.", "what"),
		oldest:   d("due_oldest_seconds", "Age of the oldest row that still needs work, by what it is.", "what"),
		accounts: d("accounts", "Channel accounts by kind and state.", "kind", "state"),
		up:       d("postgres_up", "Whether Postgres answered the last question."),
		snapshot: d("postgres_oldest_snapshot_seconds", "Age of the oldest snapshot held in Postgres: it slows the lanes down."),
	}
}

// Describe implements prometheus.Collector.
func (v *standing) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(v, ch) }

// Collect implements prometheus.Collector.
func (v *standing) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	now, err := v.ask()
	if err != nil {
		v.log.Info("the record does not tell its vitals", "error", err.Error())
		gauge(v.up, 0)
		return
	}
	gauge(v.up, 1)
	for _, l := range now.Lines {
		gauge(v.waiting, float64(l.Waiting), l.Department)
		gauge(v.longest, l.Longest.Seconds(), l.Department)
	}
	for status, n := range now.Open {
		gauge(v.open, float64(n), status)
	}
	for presence, n := range now.Agents {
		gauge(v.agents, float64(n), presence)
	}
	gauge(v.load, float64(now.Load))
	gauge(v.capacity, float64(now.Capacity))
	for _, d := range now.Due {
		gauge(v.due, float64(d.Count), d.What)
		gauge(v.oldest, d.Oldest.Seconds(), d.What)
	}
	for _, a := range now.Accounts {
		gauge(v.accounts, float64(a.Count), a.Kind, a.State)
	}
	gauge(v.snapshot, now.OldestSnapshot.Seconds())
}

func (v *standing) ask() (postgres.Vitals, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if time.Since(v.asked) < 5*time.Second {
		return v.last, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	now, err := v.store.Vitals(ctx)
	if err == nil {
		v.last, v.asked = now, time.Now()
	}
	return now, err
}
