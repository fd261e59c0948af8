package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"gatehouse/internal/app"
	"gatehouse/internal/bench"
)

type benchCmd struct {
	Ingest benchIngest `cmd:"" default:"withargs" help:"How much a running instance takes and how fast it passes it on, beside the least that any program must do. Writes thousands of conversations into departments named Bench."`
	Floor  benchFloor  `cmd:"" hidden:"" help:"The least that any program must do."`
}

type benchIngest struct {
	URL         string        `help:"Public listener of the instance. Default: as configured."`
	Ops         string        `help:"Ops listener of the instance, for its CPU time and --pprof. Default: as configured."`
	Rate        float64       `help:"Messages a second of the whole way's latency." default:"500"`
	Duration    time.Duration `help:"Of each measurement." default:"10s"`
	Rounds      int           `help:"How often floor and accept take turns." default:"3"`
	Contacts    int           `help:"How many people write." default:"1000"`
	Accounts    int           `help:"Numbers that they write to; each has a department and an agent with a live socket." default:"4"`
	Connections int           `help:"Of the sender." default:"64"`
	Pprof       string        `help:"Write a CPU profile of the instance here, taken while it is full." type:"path" placeholder:"FILE"`
	JSON        bool          `help:"Print JSON."`
}

func (b benchIngest) Run(ctx context.Context, c *cli) error {
	if b.URL == "" {
		b.URL = c.Public()
	}
	if b.Ops == "" {
		b.Ops = "http://" + c.OpsListen
	}
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		r, err := bench.Run(ctx, bench.Config{
			URL: strings.TrimRight(b.URL, "/"), Ops: strings.TrimRight(b.Ops, "/"), Rate: b.Rate, Duration: b.Duration, Rounds: b.Rounds,
			Contacts: b.Contacts, Accounts: b.Accounts, Connections: b.Connections, Profile: b.Pprof,
			Store: t.Store, Desk: t.Desk, Out: os.Stderr,
			Floor: func(ctx context.Context, secret string) (bench.FloorProcess, error) {
				return startFloor(ctx, t.Store.Pool().Config().ConnString(), secret)
			},
		})
		if err != nil {
			return err
		}
		if b.JSON {
			return printJSON(r)
		}
		return r.Table(os.Stdout)
	})
}

// startFloor runs the floor program as a process of its own, as the instance is one.
func startFloor(ctx context.Context, databaseURL, secret string) (p bench.FloorProcess, err error) {
	self, err := os.Executable()
	if err != nil {
		return p, err
	}
	cmd := exec.CommandContext(ctx, self, "bench", "floor")
	cmd.Env = append(os.Environ(), "DATABASE_URL="+databaseURL)
	cmd.Stdin, cmd.Stderr = strings.NewReader(secret+"\n"), os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return p, err
	}
	if err := cmd.Start(); err != nil {
		return p, err
	}
	p.PID = cmd.Process.Pid
	p.Stop = func() error {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		return cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return p, errors.Join(errors.New("the floor program says nothing"), p.Stop())
	}
	p.URL = strings.TrimSpace(line)
	return p, nil
}

type benchFloor struct{}

// Run reads the secret that signs from standard input and prints the URL.
func (benchFloor) Run(ctx context.Context, c *cli) error {
	secret, err := readSecret("Secret")
	if err != nil {
		return err
	}
	return bench.Floor(ctx, c.DatabaseURL, secret, func(url string) { fmt.Println(url) })
}
