package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/metrics"
	"gatehouse/internal/postgres"
	"gatehouse/internal/postgres/postgrestest"
	"gatehouse/internal/vitals"
)

func beating(s *postgres.Store, id string, worker bool) *pulse {
	return &pulse{
		store: s, metrics: metrics.New(), redis: func(context.Context) error { return nil }, log: slog.New(slog.DiscardHandler), worker: worker,
		queues: func() (*vitals.Queues, error) { return &vitals.Queues{Pending: 1}, nil },
		node:   vitals.Node{ID: id, Role: "all", Host: id, Started: time.Now()}, accounts: map[chat.AccountID]postgres.AccountWork{},
	}
}

func told(t *testing.T, s *postgres.Store) (w vitals.Work, samples int) {
	t.Helper()
	all, err := s.VitalMinutes(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		w = w.Plus(m.Work)
		if m.Gauges != nil {
			samples++
		}
	}
	return w, samples
}

func TestAProcessTellsOnceWhatItCounted(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	gateway, worker := beating(s, "g", false), beating(s, "w", true)
	gateway.metrics.Webhook("whatsapp", "accepted", 7*time.Millisecond)
	gateway.metrics.Webhook("whatsapp", "unsigned", time.Millisecond)
	gateway.metrics.Request("GET", "/api/v1/me", 500, time.Millisecond)
	gateway.metrics.Request("GET", "/widget/v1/x", 500, time.Millisecond)
	worker.metrics.IngestLag("whatsapp", 300*time.Millisecond)
	worker.metrics.Recovered("lane", 2)
	worker.metrics.Recovered("claim", 1)
	worker.metrics.Media("whatsapp", "ready")
	worker.metrics.Media("whatsapp", "expired")
	gateway.beat(t.Context())
	if _, samples := told(t, s); samples != 0 {
		t.Error("a gateway does not sample")
	}
	worker.beat(t.Context())
	gateway.beat(t.Context()) // nothing new
	got, samples := told(t, s)
	want := vitals.Work{Accept: vitals.Histogram{1: 1}, Ingest: vitals.Histogram{6: 1}, Counts: vitals.Counts{
		vitals.Unsigned: 1, vitals.Requests: 1, vitals.RequestsFailed: 1, vitals.Recovered: 2, vitals.ClaimsLost: 1, vitals.FilesFetched: 1, vitals.FilesFailed: 1,
	}}
	if got != want || samples != 1 {
		t.Errorf("%d samples\n got %+v\nwant %+v", samples, got, want)
	}
}

func TestWhatWasNotKeptIsToldWithTheNextBeat(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	if _, err := s.Pool().Exec(t.Context(), `ALTER TABLE vital_minutes RENAME TO away`); err != nil {
		t.Fatal(err)
	}
	p := beating(s, "w", false)
	account := chat.NewID[chat.AccountID]()
	p.metrics.Webhook("whatsapp", "unavailable", time.Second)
	p.Signs(account, vitals.Sends{Sent: 2, Failed: 1}, "provider_refused")
	p.beat(t.Context())
	p.Signs(account, vitals.Sends{Sent: 1}, "")
	if w := p.accounts[account]; w.Sends != (vitals.Sends{Sent: 3, Failed: 1}) || w.Reason != "provider_refused" {
		t.Errorf("%+v", w)
	}
	if _, err := s.Pool().Exec(t.Context(), `ALTER TABLE away RENAME TO vital_minutes`); err != nil {
		t.Fatal(err)
	}
	p.beat(t.Context())
	if got, _ := told(t, s); got.Counts != (vitals.Counts{vitals.Unavailable: 1}) || got.Sent != (vitals.Sends{Sent: 3, Failed: 1}) {
		t.Errorf("%+v", got)
	}
	if len(p.accounts) != 0 {
		t.Errorf("told, and kept: %+v", p.accounts)
	}
}

func TestAProcessThatEndsSaysFarewellAndWhatItHadNotTold(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	p := beating(s, "w", true)
	p.redis = func(context.Context) error { return errors.New("away") }
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.run(ctx) }()
	for {
		_, nodes, err := s.VitalNodes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(nodes) == 1 {
			if nodes[0].Redis {
				t.Error("Redis did not answer")
			}
			break
		}
	}
	p.metrics.Quarantined("whatsapp")
	p.metrics.Recovered("line", 1)
	end()
	<-ended
	if _, nodes, err := s.VitalNodes(t.Context()); err != nil || len(nodes) != 0 {
		t.Errorf("%+v, %v", nodes, err)
	}
	if got, _ := told(t, s); got.Counts[vitals.Recovered] != 1 {
		t.Errorf("%+v", got)
	}
}
