// Package app puts the parts together; nothing else constructs anything. Serve runs an instance until it is told to stop;
// WithStore opens what the operators' verbs need. Start with Serve.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/channels"
	"gatehouse/channels/all"
	"gatehouse/internal/auth"
	"gatehouse/internal/bus"
	"gatehouse/internal/chat"
	"gatehouse/internal/config"
	"gatehouse/internal/desk"
	"gatehouse/internal/embedded"
	"gatehouse/internal/logging"
	"gatehouse/internal/media"
	"gatehouse/internal/metrics"
	"gatehouse/internal/postgres"
	"gatehouse/internal/queue"
	"gatehouse/internal/secret"
	"gatehouse/internal/task"
	"gatehouse/internal/vitals"
	"gatehouse/workers"
)

// ErrConfig marks errors that only a change of the configuration mends. The process exits with 78.
var ErrConfig = errors.New("configuration")

func misconfigured(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
}

// App is a running instance.
type App struct {
	cfg     config.Config
	log     *slog.Logger
	metrics *metrics.Metrics
	key     secret.Key
	node    string
	version string
	pulse   *pulse

	servers *embedded.Servers
	store   *postgres.Store
	redis   []queue.Redis
	news    []bus.Redis // the same, with clients
	bus     *bus.Bus
	queue   *queue.Client
	desk    *desk.Desk
	door    *desk.Door
	workers *workers.Workers
	server  *queue.Server
	intake  media.Intake
	links   *auth.MediaLinks
	reach   *reach
	demo    *demo
	front   *front

	inMemoryRedis bool
	withDemo      bool
	closers       []func()
}

// ErrValue marks a setting whose value cannot be. The process exits with 2.
var ErrValue = errors.New("value")

// CheckConfig says what is wrong with a configuration: ErrValue for values that cannot be, ErrConfig for what is missing.
func CheckConfig(c config.Config) error {
	wrong := c.Check()
	if c.RedisURL != "" {
		if _, err := queue.ParseRedis(c.RedisURL); err != nil {
			wrong = append(wrong, "REDIS_URL: "+err.Error())
		}
	}
	for kind, lines := range map[error][]string{ErrValue: wrong, ErrConfig: c.Missing()} {
		if len(lines) > 0 {
			return fmt.Errorf("%w: %s", kind, strings.Join(lines, "\n"))
		}
	}
	if c.SecretKey != "" {
		if _, _, err := keys(c); err != nil {
			return err
		}
	}
	return nil
}

// Serve runs an instance until ctx ends, then stops it within the configured grace. withDemo seeds a desk and plays the
// providers. version is what it calls itself. ready is told the demo's login (empty without one) when the instance answers.
func Serve(ctx context.Context, c config.Config, version string, withDemo bool, ready func(Ready)) error {
	if err := CheckConfig(c); err != nil {
		return err
	}
	log, err := logging.New(os.Stderr, c.LogLevel, c.LogFormat)
	if err != nil {
		return misconfigured("%w", err)
	}
	queue.LogRedis(log)
	a := &App{cfg: c, log: log, metrics: metrics.New(), node: logging.NewRequestID(), version: version, withDemo: withDemo}
	a.reach = newReach(c.AllowHosts, []string{c.Listen, c.OpsListen}, all.Drivers())
	defer a.close()
	if err := a.open(ctx); err != nil {
		return err
	}
	if withDemo {
		if a.demo, err = a.startDemo(ctx); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	if err := a.start(ctx); err != nil {
		return err
	}
	r := Ready{URL: c.Public(), Ops: "http://" + c.OpsListen}
	if a.demo != nil {
		r.Demo = a.demo.login
		r.Demo.Phones = c.Public() + "/demo/"
	} else if c.Gateway() {
		if r.SetupURL, err = a.setupURL(ctx); err != nil {
			return err
		}
	}
	if a.demo != nil {
		if err := a.demo.subscribe(ctx, c.Public()+"/webhooks/meta"); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	ready(r)
	log.Info("ready", "role", c.Role, "listen", c.Listen, "ops", c.OpsListen, "node", a.node)
	err = a.wait(ctx)
	a.stop()
	return err
}

// Ready is what an operator is told when an instance answers.
type Ready struct {
	URL, Ops string
	SetupURL string // one-time link for the first admin; empty if there is one
	Demo     Login
}

// open opens everything that has no life of its own yet.
func (a *App) open(ctx context.Context) error {
	if err := os.MkdirAll(a.cfg.Data, 0o700); err != nil {
		return misconfigured("data folder: %w", err)
	}
	if a.cfg.Embedded() {
		if err := a.startServers(ctx); err != nil {
			return err
		}
	}
	current, previous, err := keys(a.cfg)
	if err != nil {
		return err
	}
	a.key = current
	box, err := secret.NewBox(current, previous...)
	if err != nil {
		return misconfigured("%w", err)
	}
	if err := a.openStore(ctx); err != nil {
		return err
	}
	if err := a.openRedis(ctx); err != nil {
		return err
	}
	return a.build(ctx, box)
}

func (a *App) startServers(ctx context.Context) error {
	s, err := embedded.Start(ctx, embedded.Config{Dir: a.cfg.Data, Log: a.log})
	if err != nil {
		return err
	}
	a.servers = s
	a.closers = append(a.closers, func() {
		if err := s.Stop(); err != nil {
			a.log.Error("private servers did not stop cleanly", "error", err.Error())
		}
	})
	a.cfg.DatabaseURL, a.cfg.RedisURL, a.inMemoryRedis = s.DatabaseURL, s.RedisURL, s.InMemoryRedis
	if a.cfg.SecretKey == "" {
		if a.cfg.SecretKey, err = ownKey(filepath.Join(a.cfg.Data, "secret.key")); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) openStore(ctx context.Context) error {
	var err error
	if a.store, err = postgres.Open(ctx, a.cfg.DatabaseURL, postgres.Options{Conns: int32(a.cfg.DatabaseConns), KeepEvents: a.cfg.KeepEvents}); err != nil {
		return misconfigured("%w", err)
	}
	a.store.Rerun = a.metrics.Rerun
	a.closers = append(a.closers, a.store.Close)
	if a.servers != nil {
		if _, err := a.store.Migrate(ctx); err != nil {
			return err
		}
	} else {
		if err := a.waitFor(ctx, a.store.Ping); err != nil {
			return fmt.Errorf("postgres does not answer: %w", err)
		}
		if err := a.store.CheckSchema(ctx); err != nil {
			return fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	if err := a.store.CheckDurable(ctx); err != nil && !a.cfg.AcceptLoss {
		return misconfigured("%w (override with --i-accept-data-loss)", err)
	}
	_, err = a.store.EnsurePartitions(ctx)
	return err
}

// waitFor gives a server that starts beside us half a minute.
func (a *App) waitFor(ctx context.Context, ping func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := ping(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		a.log.Info("waiting for a server", "error", err.Error())
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// build makes the parts that need no running server any more.
func (a *App) build(ctx context.Context, box *secret.Box) error {
	passwords, err := auth.NewPasswords(2)
	if err != nil {
		return err
	}
	if a.links, err = auth.NewMediaLinks(a.key.Derive("media link")); err != nil {
		return err
	}
	files, err := a.files()
	if err != nil {
		return err
	}
	a.intake = media.Intake{Store: files, Previews: media.NewPreviewer(0), Limits: media.DefaultLimits()}

	away := logging.NewAbsences(a.log, redisAway)
	a.bus = bus.New(a.news, a.cfg.Prefix, a.node, a.log, away)
	a.queue = queue.NewClient(a.redis, a.cfg.Prefix, away)
	a.closers = append(a.closers, a.bus.Close, func() { _ = a.queue.Close() })
	waker := &waker{queue: a.queue}
	collector := queue.NewCollector(a.redis, a.cfg.Prefix)
	a.closers = append(a.closers, func() { _ = collector.Close() })
	a.pulse = newPulse(a, collector.Vitals)
	a.desk = desk.New(desk.Config{
		Store: a.store, Waker: waker, Publisher: a.bus, Kinds: kinds(all.Drivers()), Metrics: signs{a.metrics, a.pulse}, Log: a.log,
		Passwords: passwords, Box: box, Second: auth.SecondFactor{Issuer: "Gatehouse"}, Tokens: tokens(),
	})
	if err := a.desk.CheckSealing(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if len(a.cfg.OldKeys) > 0 {
		n, err := a.desk.Reseal(ctx)
		if err != nil {
			return err
		}
		a.log.Info("what earlier keys sealed is sealed anew", "accounts", n)
	}
	a.door = desk.NewDoor(a.store, waker, a.metrics.Door)
	a.workers = workers.New(workers.Config{
		Desk: a.desk, Store: a.store, Accounts: accounts{a.desk, a.reach}, Drivers: all.Drivers(), Media: a.intake, Client: a.client(),
		MediaURL: a.mediaURL, Metrics: a.metrics, Log: a.log, Parallel: a.cfg.Parallel, Senders: a.cfg.Senders,
	})
	if a.cfg.Worker() {
		waker.local = a.workers
		a.server = queue.NewServer(a.redis, queue.Config{Prefix: a.cfg.Prefix, Concurrency: a.cfg.Parallel, Log: a.log, Away: away}, a.workers.Handle)
		cancel := a.bus.Subscribe(func(n chat.Notice) {
			if n.Kind == chat.NoticeAccount && n.Account != nil {
				a.workers.Forget(n.Account.ID)
			}
		})
		a.closers = append(a.closers, cancel)
	}
	if a.cfg.Gateway() {
		a.closers = append(a.closers, a.showTyping(waker.Wake))
	}
	a.metrics.Registry.MustRegister(newStanding(a.store, a.log), collector)
	return a.buildFront()
}

// start sets everything going that runs by itself.
func (a *App) start(ctx context.Context) error {
	beating, quiet := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() { defer close(ended); a.pulse.run(beating) }()
	a.closers = append(a.closers, func() { quiet(); <-ended })
	if a.cfg.Worker() {
		a.server.Start(ctx)
		away := func() bool { return a.queue.Broken() || a.server.Away() }
		sweeping, cancel := context.WithCancel(context.WithoutCancel(ctx))
		swept := make(chan struct{})
		go func() { defer close(swept); a.workers.Sweep(sweeping, away) }()
		a.closers = append(a.closers, func() { cancel(); <-swept })
	}
	return a.front.listen()
}

func (a *App) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.front.failed:
		return err
	}
}

// stop lets what runs finish: first the doors close, then the workers hand in what they hold.
func (a *App) stop() {
	a.log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), a.cfg.StopGrace)
	defer cancel()
	a.front.stop(ctx)
	if a.server != nil {
		a.server.Stop()
	}
	a.workers.Stop(ctx)
}

func (a *App) close() {
	for _, v := range slices.Backward(a.closers) {
		v()
	}
}

// signs is the metrics, and for what they do not count, accounts, the pulse.
type signs struct {
	*metrics.Metrics
	pulse interface {
		Signs(account chat.AccountID, s vitals.Sends, reason string)
	}
}

// Signs tells what was heard of an account and sent on it.
func (s signs) Signs(account chat.AccountID, did vitals.Sends, reason string) {
	s.pulse.Signs(account, did, reason)
}

// waker rings in this process where there are workers, and through Redis where there are none: through both, each wake would
// be answered twice, the second time for nothing. One that this process does not live to answer is found by the sweepers, like
// one that Redis loses.
type waker struct {
	queue *queue.Client
	local *workers.Workers
}

func (w *waker) Wake(ctx context.Context, k task.Wake) {
	if w.local != nil && k.NotBefore.IsZero() {
		w.local.Wake(ctx, k)
		return
	}
	w.queue.Wake(ctx, k)
}

// kinds are the drivers as the desk knows them.
func kinds(drivers []channels.Driver) map[chat.ChannelKind]desk.Channel {
	out := map[chat.ChannelKind]desk.Channel{}
	for _, d := range drivers {
		c := desk.Channel{Label: d.Label, Window: d.Capabilities.Window, Limits: d.Capabilities.Limits, Settings: d.Settings, Keys: d.Keys}
		if d.Webhook != nil {
			c.Parse = d.Webhook.Parse
		}
		out[d.Kind] = c
	}
	return out
}

// accounts opens accounts for workers.
type accounts struct {
	desk  *desk.Desk
	reach *reach
}

func (a accounts) OpenAccount(ctx context.Context, id chat.AccountID) (chat.Account, map[string]string, error) {
	o, err := a.desk.OpenAccount(ctx, id)
	if err == nil {
		a.reach.learn(channels.Account{Account: o.Account, Secrets: channels.Secrets(o.Secrets)})
	}
	return o.Account, o.Secrets, err
}

// client is the one HTTP client for addresses from outside; private ones are refused unless they are allowed by name.
func (a *App) client() *http.Client {
	return media.Client(media.ClientConfig{Allow: a.reach.may})
}

// now is the desk's clock, as well as this machine knows it: the doors stamp what arrives with it.
func (a *App) now() time.Time { return time.Now().Add(a.store.Shifted()) }

// tokens are the ways by which people and programs get in.
func tokens() desk.Tokens {
	return desk.Tokens{
		Session:   auth.NewToken,
		SetupLink: func() (string, []byte) { return auth.NewLink(auth.LinkSetup) },
		APIKey: func() (plain, prefix string, hash []byte) {
			k := auth.NewAPIKey()
			return k.Plain.Reveal(), k.Prefix, k.Hash
		},
	}
}
