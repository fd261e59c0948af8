package postgres_test

import (
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres"
	"gatehouse/internal/vitals"
)

// told has a process tell of itself.
func (p pruning) told(b postgres.Pulse) {
	p.Helper()
	if err := p.KeepPulse(p.Context(), b); err != nil {
		p.Fatal(err)
	}
}

// minutes adds up what the record has: a test may begin in one minute and end in the next.
func (p pruning) minutes() (w vitals.Work, sampled []vitals.Gauges) {
	p.Helper()
	all, err := p.VitalMinutes(p.Context(), time.Hour)
	if err != nil {
		p.Fatal(err)
	}
	for _, m := range all {
		w = w.Plus(m.Work)
		if m.Gauges != nil {
			sampled = append(sampled, *m.Gauges)
		}
	}
	return w, sampled
}

func node(id string, sockets int) vitals.Node {
	return vitals.Node{ID: id, Role: "worker", Host: "host-" + id, Version: "v1", Started: time.Now().Add(-time.Hour), Redis: true, Postgres: 2 * time.Millisecond, Sockets: sockets}
}

func TestWhatTwoProcessesTellAddsUp(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	work := vitals.Work{Accept: vitals.Histogram{1: 3, 13: 1}, Counts: vitals.Counts{vitals.SocketsSlow: 2}}
	on := func(s vitals.Sends, reason string) map[chat.AccountID]postgres.AccountWork {
		return map[chat.AccountID]postgres.AccountWork{p.account: {Sends: s, Reason: reason}, chat.NewID[chat.AccountID](): {Sends: vitals.Sends{Sent: 100}}}
	}
	p.told(postgres.Pulse{Node: node("a", 2), Work: work, Accounts: on(vitals.Sends{Heard: 5, Sent: 2, Failed: 1}, "provider_refused")})
	p.told(postgres.Pulse{Node: node("b", 1), Work: work, Accounts: on(vitals.Sends{Unknown: 1, Throttled: 1, Again: 1}, "")})
	p.told(postgres.Pulse{Node: node("a", 3)}) // nothing new: it lives
	got, _ := p.minutes()
	if got.Accept != (vitals.Histogram{1: 6, 13: 2}) || got.Counts != (vitals.Counts{vitals.SocketsSlow: 4}) {
		t.Errorf("%+v", got)
	}
	signs, err := p.AccountSigns(t.Context())
	if err != nil || len(signs) != 1 {
		t.Fatal(signs, err)
	}
	if a := signs[0]; a.Hour() != (vitals.Sends{Heard: 5, Sent: 2, Failed: 1, Unknown: 1, Throttled: 1, Again: 1}) || a.Failed != "provider_refused" || time.Since(a.Heard) > 3*time.Minute || a.Sent.IsZero() {
		t.Errorf("%+v", a)
	}
	now, nodes, err := p.VitalNodes(t.Context())
	if err != nil || len(nodes) != 2 || !nodes[0].Alive(now) || nodes[0].Host != "host-a" || nodes[0].Sockets != 3 || nodes[0].Postgres != 2*time.Millisecond {
		t.Errorf("%+v, %v", nodes, err)
	}
	if d := now.Sub(nodes[0].Started); d < 59*time.Minute || d > 70*time.Minute {
		t.Errorf("it runs for %s", d)
	}
}

func TestAMinuteIsSampledOnceWhoeverAsks(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	p.told(postgres.Pulse{Node: node("a", 4)})
	p.day(0) // an event that waits, since noon or until then
	taken := make(chan bool)
	for range 4 {
		go func() {
			yes, err := p.SampleVitals(t.Context(), &vitals.Queues{Pending: 3, Archived: 2, Behind: 1500 * time.Millisecond})
			if err != nil {
				t.Error(err)
			}
			taken <- yes
		}()
	}
	n := 0
	for range 4 {
		if <-taken {
			n++
		}
	}
	_, sampled := p.minutes()
	if n < 1 || n > 2 || len(sampled) != n { // two, if a minute began meanwhile
		t.Fatalf("taken %d times, kept %d", n, len(sampled))
	}
	g := sampled[0]
	if g.Sockets != 4 || g.Due[vitals.InboundEvents] != 1 || g.Due[vitals.UnroutedEvents] != 0 || g.Queues == nil || *g.Queues != (vitals.Queues{Pending: 3, Archived: 2, Behind: 1500 * time.Millisecond}) {
		t.Errorf("%+v", g)
	}
	p.exec(`DELETE FROM vital_minutes`)
	if yes, err := p.SampleVitals(t.Context(), nil); err != nil || !yes {
		t.Errorf("without Redis: %t, %v", yes, err)
	}
	if _, sampled := p.minutes(); len(sampled) != 1 || sampled[0].Queues != nil {
		t.Errorf("%+v", sampled)
	}
}

// Every kind of due row has its place in a sample.
func TestDueRowsAreKnownByTheirNames(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	due, err := p.DueNow(t.Context())
	if err != nil || len(due) != int(vitals.Dues) {
		t.Fatalf("%d kinds, %v", len(due), err)
	}
	for i, d := range due {
		if vitals.Due(i).String() != d.What {
			t.Errorf("%s is called %s", d.What, vitals.Due(i))
		}
	}
}

func TestAKilledProcessFallsSilentAndOneThatEndsIsGone(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	p.told(postgres.Pulse{Node: node("killed", 7)})
	p.told(postgres.Pulse{Node: node("ended", 5)})
	p.exec(`UPDATE nodes SET seen_at = now() - interval '2 minutes' WHERE node = 'killed'`)
	if err := p.Farewell(t.Context(), "ended"); err != nil {
		t.Fatal(err)
	}
	now, nodes, err := p.VitalNodes(t.Context())
	if err != nil || len(nodes) != 1 || nodes[0].ID != "killed" || nodes[0].Alive(now) {
		t.Errorf("%+v, %v", nodes, err)
	}
	if g, _, err := p.Gauges(t.Context()); err != nil || g.Sockets != 0 {
		t.Errorf("%d sockets, %v", g.Sockets, err)
	}
	signs := vitals.Judge(vitals.State{Now: now, Nodes: nodes})
	if len(signs) != 2 || signs[0].ID != "NoWorker" || signs[1].ID != "ProcessDown" {
		t.Errorf("%+v", signs)
	}
}

func TestVitalSignsAreForgottenAfterAWeek(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	p.exec(`INSERT INTO vital_minutes (minute) SELECT date_trunc('minute', now()) - make_interval(hours => h) FROM generate_series(0, 200) h`)
	p.exec(`INSERT INTO account_minutes (account_id, minute, sends) SELECT $1, minute, '{1}' FROM vital_minutes`, p.account)
	for id, ago := range map[string]string{"lately": "1 hour", "once": "8 days"} {
		p.told(postgres.Pulse{Node: node(id, 0)})
		p.exec(`UPDATE nodes SET seen_at = now() - $2::interval WHERE node = $1`, id, ago)
	}
	pruned, _ := p.prune()
	if pruned["minutes"] != 33 || pruned["accounts' minutes"] != 33 || pruned["processes"] != 1 {
		t.Errorf("pruned: %v", pruned)
	}
	if n := p.count(`SELECT count(*) FROM account_minutes`); n != 168 {
		t.Errorf("%d are left", n)
	}
}

func TestACountMayBeAddedToListsThatAreShorter(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	for sql, want := range map[string]string{
		`SELECT add_counts('{1,2}', '{10,20,30}')::text`: "{11,22,30}",
		`SELECT add_counts('{1,2}', '{}')::text`:         "{1,2}",
		`SELECT add_counts('{}', '{}')::text`:            "{}",
	} {
		var got string
		if err := p.Pool().QueryRow(t.Context(), sql).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %s, %v", sql, got, err)
		}
	}
}
