package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"gatehouse/channels/all"
	"gatehouse/gateway"
	"gatehouse/gateway/ops"
	"gatehouse/gateway/widget"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/internal/postgres"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// front is the two listeners: the public one, on a gateway, and the operators', always.
type front struct {
	a       *App
	gateway *gateway.Gateway // nil on a worker
	widget  *widget.Server
	ops     *http.Server
	failed  chan error // a listener ended by itself
}

func (a *App) buildFront() error {
	f := &front{a: a, failed: make(chan error, 2)}
	a.front = f
	f.ops = &http.Server{
		Handler: ops.New(ops.Deps{
			Checks: append([]ops.Check{
				{Name: "postgres", Needed: true, Ask: a.store.Ping},
				{Name: "schema", Needed: true, Ask: atLeast(a.store.CheckSchema)},
			}, a.redisChecks()...),
			Metrics: promhttp.HandlerFor(a.metrics.Registry, promhttp.HandlerOpts{}),
			Queues:  a.queuesPage(),
			Version: a.version,
		}),
		ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute,
	}
	if !a.cfg.Gateway() {
		return nil
	}
	return f.open()
}

// open makes the public listener's application.
func (f *front) open() error {
	a := f.a
	cursors, err := auth.NewCursors(a.key.Derive("cursor"))
	if err != nil {
		return err
	}
	proxies := make([]netip.Prefix, 0, len(a.cfg.TrustedProxies))
	for _, p := range a.cfg.TrustedProxies {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			return misconfigured("GATEHOUSE_TRUSTED_PROXIES: %w", err)
		}
		proxies = append(proxies, prefix)
	}
	drivers := all.Drivers()
	v := visitors{a}
	wcfg := widget.Config{Origin: a.cfg.PublicURL}
	for _, d := range drivers {
		if d.Kind == chat.Webchat {
			wcfg.Driver = d
		}
	}
	if f.widget, err = widget.New(wcfg, widget.Deps{
		Accounts: v, Visitors: a.store, Threads: a.store, Agents: v, Files: v,
		Accept:    func(ctx context.Context, events []chat.RawEvent) error { return a.door.Accept(ctx, events...) },
		Subscribe: a.bus.Subscribe,
		Publish:   func(ctx context.Context, n chat.Notice) { a.bus.Publish(ctx, []chat.Notice{n}) },
		Log:       a.log, Now: a.now,
	}); err != nil {
		return err
	}
	a.metrics.VisitorSockets(f.widget.Sockets)
	d := doors{a}
	deps := gateway.Deps{
		Drivers: drivers, Desk: a.desk, Door: a.door, Accounts: d, Principals: d, Sessions: d, Bus: a.bus,
		Attempts: auth.NewSignInLimiter(time.Now), Links: a.links, Cursors: cursors, CSRFKey: a.key.Derive("csrf"), Intake: a.intake,
		CheckAccount: a.checkAccount, Widget: f.widget, Metrics: counters{a}, Observe: a.metrics.Request, Log: a.log, Now: a.now,
	}
	if a.withDemo {
		deps.Demo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.demo.phones().ServeHTTP(w, r) })
	}
	f.gateway = gateway.New(gateway.Config{
		Origin: a.cfg.PublicURL, PublicURL: a.cfg.Public(), TrustedProxies: proxies, Node: a.node, Parting: time.Second,
	}, deps)
	return nil
}

// listen opens the listeners and answers.
func (f *front) listen() error {
	serve := func(what, address string, serve func(net.Listener) error) error {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("%s listener: %w", what, err)
		}
		go func() {
			if err := serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
				f.failed <- fmt.Errorf("%s listener: %w", what, err)
			}
		}()
		return nil
	}
	if f.gateway != nil {
		if err := serve("public", f.a.cfg.Listen, f.gateway.Serve); err != nil {
			return err
		}
	}
	return serve("ops", f.a.cfg.OpsListen, f.ops.Serve)
}

// stop closes the doors: no new requests, those under way finish, sockets are sent to another node.
func (f *front) stop(ctx context.Context) {
	if f.gateway != nil {
		err := errors.Join(f.widget.Close(ctx), f.gateway.Stop(ctx))
		if err != nil {
			f.a.log.Warn("the doors did not close in time", "error", err.Error())
		}
	}
	if err := f.ops.Shutdown(ctx); err != nil {
		f.a.log.Warn("the operators' listener did not close in time", "error", err.Error())
	}
}

// atLeast is the check of the schema for a process that runs already: a newer one is that of the next version, which is being
// rolled out and keeps what this one needs (expand, then contract).
func atLeast(check func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := check(ctx); !errors.Is(err, postgres.ErrSchemaNew) {
			return err
		}
		return nil
	}
}
