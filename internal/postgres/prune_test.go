package postgres_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres"
	"gatehouse/internal/postgres/postgrestest"

	"github.com/jackc/pgx/v5"
)

// pruning is a record with one account, some of whose days are past.
type pruning struct {
	*testing.T
	*postgres.Store
	account chat.AccountID
}

func prunable(t *testing.T) pruning {
	p := pruning{t, postgrestest.New(t), chat.NewID[chat.AccountID]()}
	department := chat.NewID[chat.DepartmentID]()
	p.exec(`INSERT INTO departments (id, name) VALUES ($1, 'Sales')`, department)
	p.exec(`INSERT INTO channel_accounts (id, kind, name, department_id) VALUES ($1, 'whatsapp', 'Shop', $2)`, p.account, department)
	p.exec(`INSERT INTO lanes VALUES ($1)`, p.account)
	return p
}

func (p pruning) exec(sql string, args ...any) {
	p.Helper()
	if _, err := p.Pool().Exec(p.Context(), sql, args...); err != nil {
		p.Fatalf("%v\n%s", err, sql)
	}
}

func (p pruning) count(sql string, args ...any) (n int) {
	p.Helper()
	if err := p.Pool().QueryRow(p.Context(), sql, args...).Scan(&n); err != nil {
		p.Fatalf("%v\n%s", err, sql)
	}
	return n
}

// day makes the partition of so many days ago and stores an event in the middle of it, pending.
func (p pruning) day(ago int) (table string, e chat.RawEvent) {
	p.Helper()
	at := time.Now().UTC().AddDate(0, 0, -ago).Truncate(24 * time.Hour).Add(12 * time.Hour)
	p.exec(`SELECT ensure_events_of($1::date)`, at)
	e = chat.RawEvent{ID: chat.NewID[chat.InboundEventID](), AccountID: p.account, ReceivedAt: at, Body: []byte("{}")}
	if err := p.InsertEvents(p.Context(), []chat.RawEvent{e}); err != nil {
		p.Fatal(err)
	}
	p.exec(`UPDATE inbound_events SET received_at = $2 WHERE id = $1`, e.ID, at)
	p.exec(`UPDATE inbound_pending SET received_at = $2 WHERE event_id = $1`, e.ID, at)
	return "inbound_events_" + at.Format("20060102"), e
}

// done takes an event out of its lane, as one that was applied.
func (p pruning) done(e chat.RawEvent) {
	p.Helper()
	p.exec(`DELETE FROM inbound_pending WHERE event_id = $1`, e.ID)
}

func (p pruning) prune() (pruned, givenUp map[string]int64) {
	p.Helper()
	pruned, givenUp, err := p.Prune(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	return pruned, givenUp
}

// days are the tables of raw events older than yesterday's.
func (p pruning) days() []string {
	p.Helper()
	rows, err := p.Pool().Query(p.Context(), `SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relname ~ '^inbound_events_' AND c.relname < 'inbound_events_' || to_char((now() AT TIME ZONE 'UTC')::date - 1, 'YYYYMMDD') ORDER BY 1`)
	if err != nil {
		p.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		p.Fatal(err)
	}
	return out
}

func TestADayOfRawEventsGoesAfterTwoWeeksUnlessALaneStillNeedsIt(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	_, applied := p.day(20)
	waits, pending := p.day(18)
	_, alsoApplied := p.day(16)
	recent, recently := p.day(13)
	for _, e := range []chat.RawEvent{applied, alsoApplied, recently} {
		p.done(e)
	}
	if pruned, _ := p.prune(); pruned["days of events"] != 2 {
		t.Errorf("pruned: %v", pruned)
	}
	if got := p.days(); !slices.Equal(got, []string{waits, recent}) {
		t.Errorf("left: %v", got)
	}
	if due, err := p.LaneDue(t.Context(), p.account); err != nil || !due {
		t.Errorf("the old event is due: %v, %v", due, err)
	}
	p.done(pending)
	p.prune()
	if got := p.days(); !slices.Equal(got, []string{recent}) {
		t.Errorf("left after the lane was drained: %v", got)
	}
}

func TestHowLongRawEventsAreKeptIsASetting(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	for _, c := range []struct {
		keep time.Duration
		left int
	}{{30 * 24 * time.Hour, 1}, {5 * 24 * time.Hour, 0}} {
		s, err := postgres.Open(t.Context(), url, postgres.Options{Conns: 2, LaneConns: 1, DoorConns: 1, KeepEvents: c.keep})
		if err != nil {
			t.Fatal(err)
		}
		p := pruning{t, s, chat.NewID[chat.AccountID]()}
		_, e := p.day(10)
		p.done(e)
		p.prune()
		if got := p.days(); len(got) != c.left {
			t.Errorf("kept for %s: %v", c.keep, got)
		}
		s.Close()
	}
}

func TestNobodyWaitsWhileADayIsDropped(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	_, e := p.day(20)
	p.done(e)

	// Somebody is in the middle of an insert, and of a read of all days.
	busy, err := p.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Rollback(context.Background()) }()
	if _, err := busy.Exec(t.Context(), `INSERT INTO inbound_events (id, account_id, received_at, body) VALUES (gen_random_uuid(), $1, now(), '')`, p.account); err != nil {
		t.Fatal(err)
	}
	if _, err := busy.Exec(t.Context(), `SELECT count(*) FROM inbound_events`); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, _, err := p.Prune(context.WithoutCancel(t.Context()))
		ended <- err
	}()
	until(t, "it waits for them", func() bool {
		return p.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'gatehouse-prune' AND wait_event_type = 'Lock'`) == 1
	})
	// Meanwhile events come in and are read by their lane, also with plans that were made before, each within less time than it waits.
	for range 20 {
		_, due := p.day(0)
		if ok, err := p.LaneDue(t.Context(), p.account); err != nil || !ok {
			t.Fatalf("due: %v, %v", ok, err)
		}
		p.done(due)
	}
	if err := busy.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Logf("it did not come to its end: %v", err) // the next one does
	}
	until(t, "the day is gone", func() bool { p.prune(); return len(p.days()) == 0 })
}

func TestNobodyWaitsWhileDaysAreMade(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	busy, err := p.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Rollback(context.Background()) }()
	if _, err := busy.Exec(t.Context(), `INSERT INTO inbound_events (id, account_id, received_at, body) VALUES (gen_random_uuid(), $1, now(), '')`, p.account); err != nil {
		t.Fatal(err)
	}
	p.Shift(20 * 24 * time.Hour)
	if n, err := p.EnsurePartitions(t.Context()); err != nil || n < 10 {
		t.Errorf("%d partitions beside an insert: %v", n, err)
	}
	if err := busy.Commit(t.Context()); err != nil {
		t.Errorf("the insert: %v", err)
	}
}

func TestADropThatWasInterruptedIsBroughtToItsEnd(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	leaving, e := p.day(20)
	p.done(e)
	busy, err := p.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Rollback(context.Background()) }()
	if _, err := busy.Exec(t.Context(), `SELECT count(*) FROM inbound_events`); err != nil {
		t.Fatal(err)
	}
	conn, err := p.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), `SET lock_timeout = '50ms'`); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `ALTER TABLE inbound_events DETACH PARTITION `+leaving+` CONCURRENTLY`); err == nil {
		t.Fatal("it did not wait for who reads")
	}
	if n := p.count(`SELECT count(*) FROM pg_inherits WHERE inhdetachpending`); n != 1 {
		t.Fatalf("%d are leaving", n)
	}
	if err := busy.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the day is gone", func() bool { p.prune(); return len(p.days()) == 0 })
}

func TestADayThatALaneTurnsOutToNeedComesBack(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	day, e := p.day(20)
	p.exec(`ALTER TABLE inbound_events DETACH PARTITION ` + day) // whoever did this has died before looking again
	if due, err := p.LaneDue(t.Context(), p.account); err != nil || due {
		t.Fatalf("due without its day: %v, %v", due, err)
	}
	p.prune()
	if due, err := p.LaneDue(t.Context(), p.account); err != nil || !due {
		t.Errorf("due with its day: %v, %v", due, err)
	}
	p.done(e)
	p.prune()
	if got := p.days(); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func TestAProviderIDIsKnownForThirtyDaysAndAsLongAsAnEventMayBringItAgain(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	known := func(id string) bool {
		return p.count(`SELECT count(*) FROM provider_ids WHERE provider_id = $1 AND account_id = $2`, id, p.account) == 1
	}
	for id, days := range map[string]int{"today": 0, "29 days": 29, "30 days": 30, "33 days": 33, "50 days": 50, "70 days": 70} {
		p.exec(`INSERT INTO provider_ids (provider_id, account_id, message_id, created_at) VALUES ($1, $2, gen_random_uuid(), now() - make_interval(days => $3))`, id, p.account, days)
	}
	_, held := p.day(60)
	if pruned, _ := p.prune(); pruned["provider ids"] != 1 || !known("50 days") || known("70 days") {
		t.Errorf("with an event of 60 days ago: pruned %v", pruned)
	}
	p.exec(`INSERT INTO quarantined_events (event_id, account_id, received_at, attempts, error, body) VALUES (gen_random_uuid(), $1, now() - interval '40 days', 1, '', '')`, p.account)
	p.done(held)
	if pruned, _ := p.prune(); pruned["provider ids"] != 1 || known("50 days") || !known("33 days") {
		t.Errorf("with one of 40 days ago in quarantine: pruned %v", pruned)
	}
	p.exec(`DELETE FROM quarantined_events`)
	if pruned, _ := p.prune(); pruned["provider ids"] != 1 || known("33 days") || !known("30 days") || !known("29 days") || !known("today") {
		t.Errorf("with none: pruned %v", pruned)
	}
}

func TestPruningGoesOnUntilNothingOldIsLeft(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	p.exec(`INSERT INTO provider_ids (provider_id, account_id, message_id, created_at) SELECT 'p' || i, $1, gen_random_uuid(), now() - interval '40 days' + make_interval(secs => i) FROM generate_series(1, 3500) i`, p.account)
	p.exec(`INSERT INTO idempotency_keys (key, principal, body_hash, message_id, created_at) SELECT 'k' || i, $1, '', gen_random_uuid(), now() - interval '25 hours' FROM generate_series(1, 2500) i`, p.account)
	p.exec(`INSERT INTO parked_updates (id, provider_id, account_id, inbound, received_at, expires_at) SELECT gen_random_uuid(), 'p', $1, '{}', now(), now() - interval '1 hour' FROM generate_series(1, 2500) i`, p.account)
	if pruned, _ := p.prune(); pruned["provider ids"] != 3500 {
		t.Errorf("pruned: %v", pruned)
	}
	if _, parked, err := p.Tidy(t.Context()); err != nil || parked != 2500 {
		t.Errorf("%d parked updates: %v", parked, err)
	}
	if n := p.count(`SELECT count(*) FROM idempotency_keys`); n != 0 {
		t.Errorf("%d keys of yesterday are left", n)
	}
}

func TestOnlyOneNodePrunesAtATime(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	_, e := p.day(20)
	p.done(e)
	other, err := p.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback(context.Background()) }()
	if _, err := other.Exec(t.Context(), `SELECT pg_advisory_xact_lock(hashtext('gatehouse prune'))`); err != nil {
		t.Fatal(err)
	}
	if pruned, _ := p.prune(); len(pruned) != 0 || len(p.days()) != 1 {
		t.Errorf("pruned beside another: %v", pruned)
	}
	if err := other.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pruned, _ := p.prune(); pruned["days of events"] != 1 {
		t.Errorf("pruned: %v", pruned)
	}
}

func TestWhatNobodyCouldApplyIsGivenUpAfterAQuarterOfAYear(t *testing.T) {
	t.Parallel()
	p := prunable(t)
	for _, days := range []int{10, 20, 89, 91} {
		p.exec(`INSERT INTO unrouted_events (id, kind, key_type, key_value, received_at, body) VALUES (gen_random_uuid(), 'whatsapp', 'number', '1', now() - make_interval(days => $1), '')`, days)
		for _, replayed := range []bool{false, true} {
			p.exec(`INSERT INTO quarantined_events (event_id, account_id, received_at, attempts, error, body, quarantined_at, over_at)
				SELECT gen_random_uuid(), $1, t, 1, '', '', t, CASE WHEN $3 THEN t END FROM (SELECT now() - make_interval(days => $2) AS t) x`, p.account, days, replayed)
		}
	}
	pruned, givenUp := p.prune()
	if givenUp["quarantined events"] != 1 || givenUp["unrouted events"] != 1 || pruned["replayed events"] != 3 {
		t.Errorf("given up: %v, pruned: %v", givenUp, pruned)
	}
	if n, m := p.count(`SELECT count(*) FROM quarantined_events`), p.count(`SELECT count(*) FROM unrouted_events`); n != 4 || m != 3 {
		t.Errorf("%d in quarantine, %d unrouted", n, m)
	}
}

func TestVisitorsWhoAreGoneAndDraftsThatNobodySendsAreForgotten(t *testing.T) {
	t.Parallel()
	p := pruning{T: t, Store: postgrestest.New(t)}
	furnish(t, p.Store)
	for name, days := range map[string]int{"new": 1, "silent": 31, "wrote": 31, "long gone": 366} {
		p.exec(`INSERT INTO visitors (id, account_id, token_hash, seen_at) VALUES (md5($1)::uuid, u(3), $1::bytea, now() - make_interval(days => $2))`, name, days)
		if name == "wrote" || name == "long gone" {
			p.exec(`INSERT INTO identities (id, contact_id, thread_id, kind, scope, type, value) SELECT gen_random_uuid(), u(4), u(6), 'webchat', u(3)::text, 'visitor', md5($1)::uuid::text`, name)
		}
	}
	p.exec(`UPDATE conversations SET status = 'closed', ended_at = now() WHERE id = u(8)`)
	p.exec(`INSERT INTO drafts (agent_id, conversation_id, tab, body, updated_at) VALUES
		(u(2), u(8), 'reply', '{}', now() - interval '31 days'), (u(2), u(8), 'note', '{}', now()), (u(2), u(9), 'reply', '{}', now() - interval '31 days')`)
	if pruned, _ := p.prune(); pruned["visitors"] != 2 || pruned["drafts"] != 1 {
		t.Errorf("pruned: %v", pruned)
	}
	if n := p.count(`SELECT count(*) FROM visitors WHERE id IN (md5('new')::uuid, md5('wrote')::uuid)`); n != 2 {
		t.Errorf("%d of the two visitors are left who may come back", n)
	}
}

// until polls a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in a minute: %s", what)
		}
	}
}
