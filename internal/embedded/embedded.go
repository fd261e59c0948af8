// Package embedded runs a private Postgres and a private Redis as child processes, from the machine's own binaries, so
// that one command is a whole installation. Both listen on 127.0.0.1 only, want a random password, and keep everything
// below one data folder:
//
//	embedded.lock      held for as long as a gatehouse lives on this folder
//	embedded.json      the URLs, passwords included (mode 0600); they stay the same from start to start
//	postgres/          the cluster and its log; as root owned by the user postgres
//	redis/             configuration, append-only file and log; as root owned by the user redis
//
// The servers outlive a gatehouse that is killed, and the next Start adopts them if they are well and replaces them if
// not. A server that ends by itself is started again on the same port.
//
// It refuses a folder that another gatehouse is using, Postgres before version 15, Debian's wrapper scripts, and any
// weakening of durability outside Config.Throwaway. It never signals a process that it has not recognised by pid, name
// and working folder.
//
// Start reading at Start. Tests that only need a database or a Redis take them from package embeddedtest.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

var (
	// ErrInUse is returned by Start when another living gatehouse holds the data folder.
	ErrInUse = errors.New("data folder is in use by another gatehouse")
	// ErrNotRunning is returned by Find when no servers run on the data folder.
	ErrNotRunning = errors.New("no embedded servers are running on this data folder")
)

// Parts says which servers to run; the zero value means both.
type Parts uint8

// The servers that Config.Parts can be narrowed to.
const (
	Both Parts = iota
	OnlyPostgres
	OnlyRedis
)

// Config says where and how the servers run.
type Config struct {
	Dir   string       // data folder, made if missing (mode 0700)
	Log   *slog.Logger // starts, adoptions, restarts; never a password. Nil means slog.Default
	Parts Parts        // always the same for one folder

	// Throwaway is for tests alone: Postgres without fsync and with room for hundreds of connections, Redis without an
	// append-only file, and both end with the process that started them, however it ends (on Linux).
	Throwaway bool
}

// Info says how to reach the servers. A URL is empty if that server is not among Config.Parts.
type Info struct {
	DatabaseURL string `json:"database_url,omitempty"`
	RedisURL    string `json:"redis_url,omitempty"`
	// InMemoryRedis is set if no redis-server is installed and miniredis, inside the gatehouse process, stands in. It
	// knows no CONFIG command, and what it holds ends with the process; nothing but wakes may depend on it.
	InMemoryRedis bool `json:"in_memory_redis,omitempty"`
}

// Servers are running servers. They run until Stop.
type Servers struct {
	Info
	lock     *os.File
	postgres *keeper
	redis    *keeper
	stop     func() error
}

// Start brings both servers up and returns once they answer: it adopts what a killed gatehouse left running, starts
// what is missing, and creates the cluster and the database "gatehouse" the first time. ctx bounds the starting only.
// It returns ErrInUse if a living gatehouse holds cfg.Dir; any other error has the last lines of the server's log.
func Start(ctx context.Context, cfg Config) (*Servers, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	cfg.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	lock, err := acquire(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	s := &Servers{lock: lock}
	s.stop = sync.OnceValue(s.stopAll)
	if err := s.start(ctx, cfg); err != nil {
		return nil, fmt.Errorf("embedded: %w", errors.Join(err, s.Stop()))
	}
	return s, nil
}

func (s *Servers) start(ctx context.Context, cfg Config) error {
	known, err := load(cfg.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	pgAt, redisAt, err := addresses(known)
	if err != nil {
		return err
	}

	if known.DatabaseURL != "" && cfg.Parts == OnlyRedis || known.RedisURL != "" && cfg.Parts == OnlyPostgres {
		return errors.New("the folder was started with other Parts before")
	}

	var pg *postgres
	if cfg.Parts != OnlyRedis {
		if pg, err = openPostgres(ctx, cfg, pgAt); err != nil {
			return err
		}
		if known.DatabaseURL == "" && pg.initialized() {
			return fmt.Errorf("%s is missing: it holds the password of the cluster in %s", filepath.Join(cfg.Dir, stateFile), pg.dir)
		}
		s.postgres = keep(pg, cfg.Log)
	}
	var rd redis
	if cfg.Parts != OnlyPostgres {
		if rd, err = openRedis(cfg, redisAt); err != nil {
			return err
		}
		s.redis = keep(rd, cfg.Log)
	}
	describe := func() Info {
		var info Info
		if pg != nil {
			info.DatabaseURL = pg.at.databaseURL()
		}
		if rd != nil {
			info.RedisURL, info.InMemoryRedis = rd.address().redisURL(), rd.inMemory()
		}
		return info
	}

	// The passwords must be on disk before a cluster that wants them.
	if err := describe().save(cfg.Dir); err != nil {
		return err
	}
	var wg sync.WaitGroup
	var pgErr, redisErr error
	wg.Go(func() { pgErr = s.postgres.start(ctx) })
	wg.Go(func() { redisErr = s.redis.start(ctx) })
	wg.Wait()
	if err := errors.Join(pgErr, redisErr); err != nil {
		return err
	}
	s.Info = describe() // a port that was taken meanwhile has been replaced
	return s.save(cfg.Dir)
}

// Stop ends both servers in good order and frees the data folder. Postgres gets 20 s for its closing checkpoint and is
// then told to leave it to recovery at the next start, which loses nothing. Further calls return the first one's error.
func (s *Servers) Stop() error { return s.stop() }

func (s *Servers) stopAll() error {
	var wg sync.WaitGroup
	var pgErr, redisErr error
	wg.Go(func() { pgErr = s.postgres.stop() })
	wg.Go(func() { redisErr = s.redis.stop() })
	wg.Wait()
	return errors.Join(pgErr, redisErr, release(s.lock))
}

// PIDs returns the process ids of Postgres and Redis, for tests that hurt them: 0 while a server is down, not among
// Config.Parts, or inside this process.
func (s *Servers) PIDs() (postgres, redis int) { return s.postgres.pid(), s.redis.pid() }
