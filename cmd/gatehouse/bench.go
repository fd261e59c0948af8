package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"gatehouse/internal/app"
	"gatehouse/internal/bench"
)

type benchCmd struct {
	Ingest   benchIngest   `cmd:"" default:"withargs" help:"How much a running instance takes and how fast it passes it on, beside the least that any program must do. Writes thousands of conversations into departments named Bench."`
	Pipeline benchPipeline `cmd:"" help:"From a webhook to the agents' sockets: steadily, the most, and a burst."`
	Outbound benchOutbound `cmd:"" help:"From an agent's reply to the provider's door, which is one of ours on this machine."`
	Inbox    benchInbox    `cmd:"" help:"Views, threads, counts and names over a history (bench seed)."`
	Search   benchSearch   `cmd:"" help:"Contacts by name and address over a history (bench seed): the text of messages cannot be searched in this version."`
	Routing  benchRouting  `cmd:"" help:"Waiting to assigned, and assignments a second."`
	Sockets  benchSockets  `cmd:"" help:"Memory of a live socket, and how fast all hear of a message."`
	Recovery benchRecovery `cmd:"" help:"How long after a fault until all is done, on an installation of its own that is started for it."`
	Overload benchOverload `cmd:"" help:"More than an instance can take: what it still takes, and how large it gets."`
	Soak     benchSoak     `cmd:"" help:"One rate for a long time, to find what grows."`
	Seed     benchSeed     `cmd:"" help:"Write a history of conversations that are over into a record without customers."`
	Desk     benchDesk     `cmd:"" help:"Write one agent's full desk into a record without customers and sign that agent in, so that the inbox can be measured in a browser (scripts/speed.sh)."`
	All      benchAll      `cmd:"" help:"All of these, one after the other. Takes a record without customers."`
	Floor    benchFloor    `cmd:"" hidden:"" help:"The least that any program must do."`
}

// benchAt is which instance.
type benchAt struct {
	URL   string `help:"Public listener of the instance. Default: as configured."`
	Ops   string `help:"Ops listener of the instance, for its CPU time, memory and --pprof. Default: as configured."`
	Pprof string `help:"Write a profile of the instance here, taken while it works: of its CPU time, or, of sockets, of its memory." type:"path" placeholder:"FILE"`
	benchOut
}

// benchOut is how to tell.
type benchOut struct {
	JSON bool `help:"Print JSON."`
}

// benchCrowd is who writes, and to whom.
type benchCrowd struct {
	Contacts int `help:"How many people write." default:"1000"`
	Accounts int `help:"Numbers that they write to; each has a department and an agent." default:"4"`
}

// tabled is a report.
type tabled interface{ Table(io.Writer) error }

// run measures the instance and prints what was measured.
func (b benchAt) run(ctx context.Context, c *cli, measure func(bench.Target) (tabled, error)) error {
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		r, err := measure(b.target(c, t))
		if err != nil {
			return err
		}
		return b.print(r)
	})
}

func (b benchOut) print(r tabled) error {
	if b.JSON {
		return printJSON(r)
	}
	return r.Table(os.Stdout)
}

func (b benchAt) target(c *cli, t app.Tools) bench.Target {
	if b.URL == "" {
		b.URL = c.Public()
	}
	if b.Ops == "" {
		b.Ops = "http://" + c.OpsListen
	}
	return bench.Target{
		URL: strings.TrimRight(b.URL, "/"), Ops: strings.TrimRight(b.Ops, "/"), Profile: b.Pprof, Store: t.Store, Desk: t.Desk, Out: os.Stderr,
	}
}

type benchIngest struct {
	benchAt
	benchCrowd
	Rate        float64       `help:"Messages a second of the whole way's latency." default:"500"`
	Duration    time.Duration `help:"Of each measurement." default:"10s"`
	Rounds      int           `help:"How often floor and accept take turns." default:"3"`
	Connections int           `help:"Of the sender." default:"64"`
}

func (b benchIngest) Run(ctx context.Context, c *cli) error {
	return b.run(ctx, c, func(t bench.Target) (tabled, error) {
		return bench.Ingest{
			Target: t, Rate: b.Rate, Duration: b.Duration, Rounds: b.Rounds, Contacts: b.Contacts, Accounts: b.Accounts, Connections: b.Connections, Floor: floorOn(t),
		}.Run(ctx)
	})
}

type benchPipeline struct {
	benchAt
	benchCrowd
	Rate        float64       `help:"Messages a second." default:"500"`
	Duration    time.Duration `help:"Of each part." default:"10s"`
	Burst       float64       `help:"How many times the rate a burst is." default:"3"`
	Connections int           `help:"Of the sender." default:"64"`
}

func (b benchPipeline) Run(ctx context.Context, c *cli) error {
	return b.run(ctx, c, func(t bench.Target) (tabled, error) {
		return bench.Pipeline{
			Target: t, Rate: b.Rate, Duration: b.Duration, Burst: b.Burst, Contacts: b.Contacts, Accounts: b.Accounts, Connections: b.Connections,
		}.Run(ctx)
	})
}

type benchOverload struct {
	benchAt
	benchCrowd
	Times       float64       `help:"How many times the most is posted." default:"2"`
	Duration    time.Duration `help:"Of finding the most, and of the overload." default:"10s"`
	Connections int           `help:"Of the overload's sender." default:"6000"`
}

func (b benchOverload) Run(ctx context.Context, c *cli) error {
	return b.run(ctx, c, func(t bench.Target) (tabled, error) {
		return bench.Overload{
			Target: t, Times: b.Times, Duration: b.Duration, Contacts: b.Contacts, Accounts: b.Accounts, Connections: b.Connections,
		}.Run(ctx)
	})
}

type benchSoak struct {
	benchAt
	benchCrowd
	Rate     float64       `help:"Messages a second." default:"200"`
	Duration time.Duration `help:"How long." default:"1h"`
}

func (b benchSoak) Run(ctx context.Context, c *cli) error {
	return b.run(ctx, c, func(t bench.Target) (tabled, error) {
		return bench.Soak{Target: t, Rate: b.Rate, Duration: b.Duration, Contacts: b.Contacts, Accounts: b.Accounts}.Run(ctx)
	})
}

type benchOutbound struct {
	benchAt
	Rate     float64       `help:"Replies a second." default:"500"`
	Duration time.Duration `help:"Of each measurement." default:"10s"`
	Accounts int           `help:"Numbers that they go out from, at most 80 a second each." default:"20"`
	Beside   bool          `help:"Measure an agent's replies beside a full drain, too." default:"true" negatable:""`
}

func (b benchOutbound) Run(ctx context.Context, c *cli) error {
	return b.run(ctx, c, func(t bench.Target) (tabled, error) {
		return bench.Outbound{Target: t, Rate: b.Rate, Duration: b.Duration, Accounts: b.Accounts, Beside: b.Beside}.Run(ctx)
	})
}

type benchInbox struct {
	benchAt
	Rate     float64       `help:"Questions a second." default:"50"`
	Duration time.Duration `help:"Of each question." default:"5s"`
	Sizes    []int         `help:"Conversations that the history shall have, growing: it is seeded up to each and asked again, and the answers are compared." placeholder:"N,N"`
	Messages int           `help:"Of each conversation, where it is seeded." default:"20"`
}

func (b benchInbox) Run(ctx context.Context, c *cli) error {
	return b.run(ctx, c, func(t bench.Target) (tabled, error) {
		return bench.Inbox{Target: t, Rate: b.Rate, Duration: b.Duration, Sizes: b.Sizes, Seed: bench.Seed{Messages: b.Messages}}.Run(ctx)
	})
}

type benchSearch struct {
	benchAt
	Rate     float64       `help:"Searches a second, at most 10: the product allows a person one." default:"5"`
	Duration time.Duration `help:"Of each question." default:"5s"`
}

func (b benchSearch) Run(ctx context.Context, c *cli) error {
	return b.run(ctx, c, func(t bench.Target) (tabled, error) {
		return bench.Search{Target: t, Rate: b.Rate, Duration: b.Duration}.Run(ctx)
	})
}

type benchRouting struct {
	benchAt
	Departments int           `help:"Lines." default:"20"`
	Agents      int           `help:"Of all lines." default:"1000"`
	Waiting     int           `help:"Conversations in all lines when the agents come." default:"20000"`
	Rate        float64       `help:"New conversations a second after that." default:"100"`
	Duration    time.Duration `help:"Of that." default:"10s"`
}

func (b benchRouting) Run(ctx context.Context, c *cli) error {
	return b.run(ctx, c, func(t bench.Target) (tabled, error) {
		return bench.Routing{Target: t, Departments: b.Departments, Agents: b.Agents, Waiting: b.Waiting, Rate: b.Rate, Duration: b.Duration}.Run(ctx)
	})
}

type benchSockets struct {
	benchAt
	Agents   int           `help:"Agents of one department, a socket each." default:"1000"`
	Visitors int           `help:"Visitors of a web chat, a socket each; 0 for none." default:"1000"`
	Rate     float64       `help:"Messages a second that all agents see." default:"5"`
	Duration time.Duration `help:"Of that." default:"10s"`
}

func (b benchSockets) Run(ctx context.Context, c *cli) error {
	if b.Visitors == 0 {
		b.Visitors = bench.Nobody
	}
	return b.run(ctx, c, func(t bench.Target) (tabled, error) {
		return bench.Sockets{Target: t, Agents: b.Agents, Visitors: b.Visitors, Rate: b.Rate, Duration: b.Duration}.Run(ctx)
	})
}

type benchSeed struct {
	benchOut
	Conversations int           `help:"How many." default:"50000"`
	Messages      int           `help:"Of each conversation." default:"20"`
	Departments   int           `help:"How many." default:"20"`
	Agents        int           `help:"Of each department." default:"10"`
	Accounts      int           `help:"Numbers that people wrote to." default:"4"`
	Span          time.Duration `help:"How far the history reaches back." default:"8760h"`
	Writers       int           `help:"Connections that write." default:"2"`
}

func (b benchSeed) Run(ctx context.Context, c *cli) error {
	return benchAt{benchOut: b.benchOut}.run(ctx, c, func(t bench.Target) (tabled, error) { return b.seed(t).Run(ctx) })
}

func (b benchSeed) seed(t bench.Target) bench.Seed {
	return bench.Seed{
		Target: t, Conversations: b.Conversations, Messages: b.Messages, Departments: b.Departments, Agents: b.Agents, Accounts: b.Accounts, Span: b.Span, Writers: b.Writers,
	}
}

type benchDesk struct {
	benchOut
	Conversations int `help:"Open ones: half are the agent's, half wait." default:"1000"`
	Messages      int `help:"Of the long one." default:"5000"`
}

func (b benchDesk) Run(ctx context.Context, c *cli) error {
	return benchAt{benchOut: b.benchOut}.run(ctx, c, func(t bench.Target) (tabled, error) {
		return bench.FullDesk{Target: t, Conversations: b.Conversations, Messages: b.Messages}.Run(ctx)
	})
}

type benchRecovery struct {
	benchOut
	Rate     float64       `help:"Webhooks a second." default:"200"`
	Duration time.Duration `help:"Of the load around each fault." default:"10s"`
}

func (b benchRecovery) Run(ctx context.Context, c *cli) error {
	r, err := recovery(ctx, c, b.Rate, b.Duration)
	if err != nil {
		return err
	}
	return b.print(r)
}

type benchAll struct {
	benchAt
	Duration      time.Duration `help:"Of each measurement." default:"10s"`
	Conversations int           `help:"Of the history that is seeded for inbox and search." default:"50000"`
	Messages      int           `help:"Of each of its conversations." default:"20"`
	Agents        int           `help:"Of routing and sockets." default:"1000"`
	Waiting       int           `help:"Conversations in the lines, of routing." default:"20000"`
	Rate          float64       `help:"Messages and replies a second, where a latency is measured." default:"500"`
	Rounds        int           `help:"How often floor and accept take turns." default:"3"`
	Question      time.Duration `help:"Of each question of inbox and search." default:"5s"`
	Soak          time.Duration `help:"Of the soak." default:"1m"`
	Connections   int           `help:"Of the overload's sender." default:"6000"`
}

func (b benchAll) Run(ctx context.Context, c *cli) error {
	return b.run(ctx, c, func(t bench.Target) (tabled, error) {
		profile := t.Profile
		t.Profile = "" // one file: of ingest
		var a bench.All
		ingest := bench.Ingest{Target: t, Duration: b.Duration, Rate: b.Rate, Rounds: b.Rounds, Floor: floorOn(t)}
		for _, step := range []struct {
			name string
			run  func() error
		}{
			{"ingest", func() (err error) {
				first := ingest
				first.Profile = profile
				a.Ingest, err = first.Run(ctx)
				return err
			}},
			{"pipeline", func() (err error) {
				a.Pipeline, err = bench.Pipeline{Target: t, Duration: b.Duration, Rate: b.Rate}.Run(ctx)
				return err
			}},
			{"overload", func() (err error) {
				a.Overload, err = bench.Overload{Target: t, Duration: b.Duration, Connections: b.Connections}.Run(ctx)
				return err
			}},
			{"soak", func() (err error) {
				a.Soak, err = bench.Soak{Target: t, Duration: b.Soak}.Run(ctx)
				return err
			}},
			{"outbound", func() (err error) {
				a.Outbound, err = bench.Outbound{Target: t, Duration: b.Duration, Rate: b.Rate, Beside: true}.Run(ctx)
				return err
			}},
			{"routing", func() (err error) {
				a.Routing, err = bench.Routing{Target: t, Duration: b.Duration, Agents: b.Agents, Waiting: b.Waiting}.Run(ctx)
				return err
			}},
			{"sockets", func() (err error) {
				a.Sockets, err = bench.Sockets{Target: t, Duration: b.Duration, Agents: b.Agents, Visitors: b.Agents}.Run(ctx)
				return err
			}},
			{"seed", func() (err error) {
				a.Seed, err = bench.Seed{Target: t, Conversations: b.Conversations, Messages: b.Messages}.Run(ctx)
				return err
			}},
			{"inbox", func() (err error) {
				a.Inbox, err = bench.Inbox{Target: t, Duration: b.Question}.Run(ctx)
				return err
			}},
			{"search", func() (err error) {
				a.Search, err = bench.Search{Target: t, Duration: b.Question}.Run(ctx)
				return err
			}},
			{"ingest over that history", func() (err error) {
				a.Full, err = ingest.Run(ctx)
				return err
			}},
			{"recovery", func() (err error) {
				a.Recovery, err = recovery(ctx, c, 0, b.Duration)
				return err
			}},
		} {
			fmt.Fprintln(os.Stderr, step.name)
			if err := step.run(); err != nil {
				return nil, fmt.Errorf("%s: %w", step.name, err)
			}
		}
		a.Ratio = a.Ingest.Ratio
		if a.Ingest.AcceptPerS > 0 {
			a.FullPart = a.Full.AcceptPerS / a.Ingest.AcceptPerS
		}
		return a, nil
	})
}

// floorOn starts the floor program on the record of the instance.
func floorOn(t bench.Target) func(context.Context, string) (bench.FloorProcess, error) {
	return func(ctx context.Context, secret string) (bench.FloorProcess, error) {
		return startFloor(ctx, t.Store.Pool().Config().ConnString(), secret)
	}
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
