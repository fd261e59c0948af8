package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"gatehouse/internal/app"
	"gatehouse/internal/bench"
	"gatehouse/internal/embedded"
)

// recovery measures an installation of its own, with a Postgres and a Redis below a temporary folder that are gone with it.
func recovery(ctx context.Context, c *cli, rate float64, duration time.Duration) (r bench.RecoveryReport, err error) {
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // as root, Postgres runs as somebody else and must get there
		return r, err
	}
	servers, err := embedded.Start(ctx, embedded.Config{Dir: dir + "/data", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, servers.Stop()) }()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	own := c.Config
	own.DatabaseURL, own.RedisURL, own.SecretKey, own.OldKeys, own.Data = servers.DatabaseURL, servers.RedisURL, hex.EncodeToString(key), nil, dir
	if err := app.WithStore(ctx, own, app.AnySchema, func(t app.Tools) error {
		_, err := t.Store.Migrate(ctx)
		return err
	}); err != nil {
		return r, err
	}
	env := append(os.Environ(), "DATABASE_URL="+own.DatabaseURL, "REDIS_URL="+own.RedisURL, "GATEHOUSE_SECRET_KEY="+own.SecretKey, "GATEHOUSE_OLD_SECRET_KEYS=",
		"GATEHOUSE_DATA="+dir, "GATEHOUSE_PUBLIC_URL=", "GATEHOUSE_LOG_LEVEL=error")
	err = app.WithStore(ctx, own, app.ThisSchema, func(t app.Tools) (err error) {
		r, err = bench.Recovery{
			Target: bench.Target{Store: t.Store, Desk: t.Desk, Out: os.Stderr}, RedisURL: own.RedisURL, Rate: rate, Duration: duration,
			Serve: func(ctx context.Context, role string) (bench.Served, error) { return serveAs(ctx, role, env) },
			RestartPostgres: func() error {
				pid, _ := servers.PIDs()
				p, err := os.FindProcess(pid)
				if err != nil {
					return err
				}
				return p.Signal(os.Interrupt) // its fast shutdown; whoever keeps it starts it again
			},
		}.Run(ctx)
		return err
	})
	return r, err
}

// serveAs runs this program as a process of a role on ports of its own.
func serveAs(ctx context.Context, role string, env []string) (s bench.Served, err error) {
	self, err := os.Executable()
	if err != nil {
		return s, err
	}
	var at [2]string
	for i := range at {
		port, err := embedded.FreePort()
		if err != nil {
			return s, err
		}
		at[i] = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	// What stops us ends ctx and kills it, and so does Kill.
	cmd := exec.CommandContext(ctx, self, "serve", "--role="+role)
	cmd.Env = append(env, "GATEHOUSE_LISTEN="+at[0], "GATEHOUSE_OPS_LISTEN="+at[1])
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return s, err
	}
	s.URL = "http://" + at[0]
	s.Kill = func() error {
		err := cmd.Process.Kill()
		_ = cmd.Wait() // it was killed, and says so
		if errors.Is(err, os.ErrProcessDone) {
			return nil
		}
		return err
	}
	if err := ready(ctx, "http://"+at[1]+"/readyz"); err != nil {
		return s, errors.Join(fmt.Errorf("it does not become ready: %w", err), s.Kill())
	}
	return s, nil
}

// ready asks until a process can work.
func ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil); err != nil {
			return err
		} else if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close() // only the status counts
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
