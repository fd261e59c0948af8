// Package postgres is the store: the record of everything, in Postgres 15 or newer.
//
// SQL lies in queries/*.sql and is generated into gen/; each aggregate has a file here. The store knows rows, locks and
// transactions, and no rules: a verb that must decide something hands the locked rows to a function of the desk and
// writes what it returns (chat.Write, write.go). Locks are taken in one order: lane, department line, agent,
// conversations by id, the rest. Start with lane.go, the way in, and change.go, the way of an agent's deed.
package postgres

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the schema's steps, for those who make databases of their own (postgrestest).
func Migrations() fs.FS { return migrations }

// Store is the record.
type Store struct {
	pool *pgxpool.Pool // what agents and the API read, and settings
	deed *pgxpool.Pool // what they do, and routing
	lane *pgxpool.Pool // drainers and senders, never starved by agents
	door *pgxpool.Pool // webhooks: a pool of its own, so that nothing else can stand in the way (RELIABILITY.md F19)
	q    *gen.Queries

	keepEvents   time.Duration
	visitorsSeen uid // how far Prune has looked; its own, under its lock

	shift  atomic.Int64      // nanoseconds by which the desk's clock is ahead of the database's; a test's or the demo's
	Rerun  func(what string) // told when a transaction is run again after a race; never nil
	closed atomic.Bool
}

// Options are the sizes of the store's pools; zero values are sensible for two cores.
type Options struct {
	Conns     int32 // for agents and the API, half of them for reading, default 16
	LaneConns int32 // for drainers and senders, default 8
	DoorConns int32 // for webhooks, default 4

	KeepEvents time.Duration // how long raw events are kept, at least 3 days; default KeepEvents
}

// Open connects. It does not wait for the database: the first statements do.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	mk := func(name string, n int32, params ...map[string]string) (*pgxpool.Pool, error) {
		cfg, err := pgxpool.ParseConfig(url)
		if err != nil {
			return nil, fmt.Errorf("DATABASE_URL: %w", redact(err))
		}
		cfg.MaxConns = n
		cfg.MinConns = 1
		cfg.MaxConnLifetime = time.Hour
		cfg.MaxConnIdleTime = 10 * time.Minute
		cfg.PingTimeout = 2 * time.Second // of a connection that was idle, before it is used
		cfg.ConnConfig.ConnectTimeout = 3 * time.Second
		survive(cfg.ConnConfig)
		cfg.ConnConfig.RuntimeParams["application_name"] = "gatehouse-" + name
		cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
		cfg.ConnConfig.RuntimeParams["jit"] = "off"
		for _, p := range params {
			maps.Copy(cfg.ConnConfig.RuntimeParams, p)
		}
		return pgxpool.NewWithConfig(ctx, cfg)
	}
	def := func(n, d int32) int32 {
		if n > 0 {
			return n
		}
		return d
	}
	s := &Store{Rerun: func(string) {}, keepEvents: KeepEvents}
	if o.KeepEvents > 0 {
		s.keepEvents = max(o.KeepEvents, 3*24*time.Hour) // partitions are made from yesterday on, and providers' clocks differ
	}
	conns := def(o.Conns, 16)
	people := map[string]string{"statement_timeout": "5000", "idle_in_transaction_session_timeout": "15000"}
	generic := map[string]string{"plan_cache_mode": "force_generic_plan"}
	// A deed and a lane have an index for every statement. A plan is kept for as long as its connection: one that was made while a
	// table was empty, or a queue, must not read all of it when it is full.
	byIndex := map[string]string{"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
	var errs [4]error
	s.pool, errs[0] = mk("desk", (conns+1)/2, people)
	s.deed, errs[1] = mk("deed", max(conns/2, 1), people, generic, byIndex)
	s.lane, errs[2] = mk("lane", def(o.LaneConns, 8), generic, byIndex, map[string]string{"statement_timeout": "30000"})
	s.door, errs[3] = mk("door", def(o.DoorConns, 4), generic, map[string]string{"statement_timeout": "3000"})
	if err := cmp.Or(errs[:]...); err != nil { // all the same
		s.Close()
		return nil, err
	}
	s.q = gen.New(s.pool)
	return s, nil
}

// Close ends all connections.
func (s *Store) Close() {
	if s.closed.CompareAndSwap(false, true) {
		for _, p := range []*pgxpool.Pool{s.door, s.lane, s.deed, s.pool} {
			if p != nil {
				p.Close()
			}
		}
	}
}

// Ping tells whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.pool.Ping(ctx) }

// Pool gives the connections for agents and the API to those who watch them.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Shift puts the desk's clock ahead of the database's by d. Messages, waiting and the service window follow the desk's
// clock; sessions, presence and leases stay with the database's. Only tests and the demo call it.
func (s *Store) Shift(d time.Duration) { s.shift.Store(int64(d)) }

// Shifted is how far the desk's clock is ahead.
func (s *Store) Shifted() time.Duration { return time.Duration(s.shift.Load()) }

// Now is the desk's clock: the database's, plus the shift.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	if err := s.pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		return time.Time{}, wrap(err)
	}
	return s.desk(now), nil
}

func (s *Store) desk(db time.Time) time.Time { return db.Add(s.Shifted()).UTC() }

// ErrSchemaOld and ErrSchemaNew tell that the database's schema is not this binary's.
var (
	ErrSchemaOld = errors.New("the database's schema is older than this binary: run `gatehouse migrate`")
	ErrSchemaNew = errors.New("the database's schema is newer than this binary: run the newer binary")
)

func provider(pool *pgxpool.Pool) (*goose.Provider, func(), error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, nil, err
	}
	db := stdlib.OpenDBFromPool(pool)
	p, err := goose.NewProvider(goose.DialectPostgres, db, sub, goose.WithSessionLocker(locker))
	if err != nil {
		_ = db.Close()
		return nil, nil, fmt.Errorf("migrations: %w", err)
	}
	return p, func() { _ = db.Close() }, nil
}

const (
	// migrateLock is how long a migration waits for a lock: who comes after it for the same table waits for it all that time.
	migrateLock = 2 * time.Second
	// migrateFor is how long it is tried again and again; between two tries, those who waited go first.
	migrateFor = 2 * time.Minute
)

// Migrate brings the schema up to this binary's, beside processes of the version before it that are at work. Two at once are fine:
// the second waits and finds nothing to do. A migration may take its time; a lock that it does not get soon, it asks for again.
func (s *Store) Migrate(ctx context.Context) (applied int, err error) {
	cfg := s.pool.Config()
	cfg.MinConns = 0
	maps.Copy(cfg.ConnConfig.RuntimeParams, map[string]string{
		"application_name": "gatehouse-migrate", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0",
		"lock_timeout": strconv.FormatInt(migrateLock.Milliseconds(), 10),
	})
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	for until := time.Now().Add(migrateFor); ; {
		n, err := migrate(ctx, pool)
		applied += n
		if err == nil || !raced(err) || time.Now().After(until) {
			return applied, err
		}
		select {
		case <-ctx.Done():
			return applied, err
		case <-time.After(time.Second):
		}
	}
}

func migrate(ctx context.Context, pool *pgxpool.Pool) (applied int, err error) {
	p, done, err := provider(pool)
	if err != nil {
		return 0, err
	}
	defer done()
	res, err := p.Up(ctx)
	if part, ok := errors.AsType[*goose.PartialError](err); ok {
		return len(part.Applied), fmt.Errorf("migrate: %w", err)
	}
	if err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	return len(res), nil
}

// CheckSchema returns ErrSchemaOld or ErrSchemaNew when the database's schema is not this binary's.
func (s *Store) CheckSchema(ctx context.Context) error {
	p, done, err := provider(s.pool)
	if err != nil {
		return err
	}
	defer done()
	have, want, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("schema version: %w", err)
	case have < want:
		return ErrSchemaOld
	case have > want:
		return ErrSchemaNew
	}
	return nil
}

// CheckDurable refuses a database that may forget what it has committed (RELIABILITY.md B76).
func (s *Store) CheckDurable(ctx context.Context) error {
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var v string
		if err := s.pool.QueryRow(ctx, "SELECT current_setting($1)", setting).Scan(&v); err != nil {
			return wrap(err)
		}
		if v == "off" {
			return fmt.Errorf("postgres runs with %s=off: it may forget acknowledged messages", setting)
		}
	}
	return nil
}

// EnsurePartitions makes the partitions of the next days and months. Those who write conversations wait while it waits for a lock
// to make a month of messages: so it does not wait long, and the next call finds days and months to spare.
func (s *Store) EnsurePartitions(ctx context.Context) (int, error) {
	var n int
	now, err := s.Now(ctx)
	if err != nil {
		return 0, err
	}
	err = s.inTx(ctx, s.pool, "partitions", func(tx pgx.Tx) error {
		// One node at a time: of two that make the same table, one would fail.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtext('gatehouse partitions'))"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '500ms'"); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "SELECT ensure_partitions($1) + CASE WHEN $1 > now() + interval '1 day' THEN ensure_partitions(now()) ELSE 0 END", now).Scan(&n)
	})
	return n, wrap(err)
}

// inTx runs f in a transaction of the pool and runs it again when it lost a race: a serialization failure, a deadlock, or
// a unique index that somebody else filled first.
//
// What a caller decides inside f, it decides in every run, also when there is nothing left to decide, or else it is told so: its
// news is of what the last run decided, and what an earlier one did was rolled back.
func (s *Store) inTx(ctx context.Context, pool *pgxpool.Pool, what string, f func(tx pgx.Tx) error) error {
	return s.again(ctx, what, func() error { return pgx.BeginFunc(ctx, pool, f) })
}

// again runs a transaction, and runs it again when it lost a race.
func (s *Store) again(ctx context.Context, what string, transaction func() error) error {
	for try := 0; ; try++ {
		err := transaction()
		if err == nil {
			return nil
		}
		if try >= 8 || !raced(err) || ctx.Err() != nil {
			return wrap(err)
		}
		s.Rerun(what)
	}
}

// db is a connection inside a transaction, however it was begun.
type db interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func raced(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40P01" || pg.Code == "40001" || pg.Code == "23505" || pg.Code == "55P03") // the last: a lock that EnsurePartitions does not wait for any longer
}

// wrap gives the errors of a database that is away, or that does not know a row, a code of ours.
func wrap(err error) error {
	var (
		own *chat.Error
		pg  *pgconn.PgError
		con *pgconn.ConnectError
	)
	switch {
	case err == nil || errors.As(err, &own):
		return err
	case errors.Is(err, pgx.ErrNoRows):
		return chat.Errorf(chat.CodeNotFound, "no such row")
	case errors.As(err, &pg):
		switch {
		case pg.Code == "23503":
			return chat.Errorf(chat.CodeInUse, "%s is referred to: %w", pg.TableName, err)
		case pg.Code == "22021", pg.Code == "22P05": // NUL, or half a character
			return &chat.Error{Code: chat.CodeInvalid, Message: "a text that cannot be stored", Cause: err}
		case strings.HasPrefix(pg.Code, "57P0"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "08"), pg.Code == "57014", pg.Code == "55P03", pg.Code == readOnly:
			return chat.Errorf(chat.CodeUnavailable, "postgres: %w", err)
		}
		return err
	case errors.As(err, &con), errors.Is(err, context.DeadlineExceeded), pgconn.SafeToRetry(err), pgconn.Timeout(err), lost(err):
		return chat.Errorf(chat.CodeUnavailable, "postgres is away: %w", redact(err))
	}
	return err
}

// lost tells of a connection that ended in the middle of something.
func lost(err error) bool {
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}

// redact drops connection strings, which hold the password, from an error.
func redact(err error) error {
	if _, ok := errors.AsType[*pgconn.ParseConfigError](err); ok {
		return errors.New("not a valid Postgres connection string")
	}
	return err
}
