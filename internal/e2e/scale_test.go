package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"gatehouse/internal/embedded"
	"gatehouse/internal/embedded/embeddedtest"
	"gatehouse/internal/fakemeta"
	"gatehouse/internal/shard"
)

// growth is a way in which an installation grows beyond one of each, and what may happen to it then (docs/scaling.md).
type growth struct {
	name string
	what string
	load forecast // zero: big
	fast bool     // one of the quick choice
	// servers gives the house other servers than its own, before there is a schema.
	servers func(x *town)
	do      func(x *town)
}

// big is three gateways and four workers under a gentle load, so that what is measured is what happens to them.
var big = forecast{gateways: 3, workers: 4, messages: 1500, perSecond: 50, contacts: 200, duplicatePct: 10, reorderPct: 5}

// town is a storm over a house that has grown.
type town struct {
	*weather
	h      *house // also before there is a storm
	t      *testing.T
	shards []*toxiproxy.Proxy // several Redis, in the order of REDIS_URL
	keeper *sentinels
	record *pair
}

func TestScale(t *testing.T) {
	for _, g := range growths {
		if !chosen(g.name, g.fast) {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			if g.load == (forecast{}) {
				g.load = big
			}
			if *only == "" {
				g.load.gateways, g.load.workers, g.load.messages = 2, 2, 400
			}
			x := &town{weather: &weather{load: g.load}, t: t}
			x.storm = newStorm(t, g.load, func(hosts ...string) *house {
				x.h = emptyHouse(t, hosts...)
				if g.servers != nil {
					g.servers(x)
				}
				x.h.command(t.Context(), "", "migrate")
				return x.h
			})
			x.blow(g.name, g.load, func(*storm) { g.do(x) })
			x.printDelays(g.name)
		})
	}
}

var growths = []growth{
	{
		name: "shards", fast: true, what: "one of several Redis is away, and comes back with nothing",
		servers: func(x *town) { x.streets(3) },
		do: func(x *town) {
			gone := x.shards[x.busiest()]
			x.during(1, func(int) {
				gone.Stop()
				x.hurt()
				x.calm(5 * time.Second)
				for _, p := range append(x.gateways[:1:1], x.workers[0]) {
					x.saysItIsAway(p, gone.Listen)
				}
				if err := gone.Start(); err != nil {
					x.t.Fatal(err)
				}
			})
		},
	},
	{
		name: "sentinel", what: "the primary of a Redis under Sentinel is killed",
		servers: func(x *town) {
			x.keeper = newSentinels(x.t)
			x.h.env[1] = "REDIS_URL=" + x.keeper.url
		},
		do: func(x *town) {
			for _, p := range append(x.gateways[:1:1], x.workers[0]) {
				if r, status := x.ready(p); status != http.StatusOK || r.Status != "ready" {
					x.t.Errorf("%s is not ready: %d %+v", p.name, status, r)
				}
			}
			x.during(1, func(int) {
				took := x.keeper.killPrimary()
				begun := time.Now()
				until(x.t, time.Minute, "all have found the new primary", func() (bool, string) {
					for _, p := range append(slices.Clone(x.gateways), x.workers...) {
						if r, _ := x.ready(p); r.Status != "ready" {
							return false, fmt.Sprintf("%s: %+v", p.name, r)
						}
					}
					return true, ""
				})
				fmt.Printf("sentinel  another primary after %.1f s, recov_s=%.1f until all processes use it\n", took.Seconds(), time.Since(begun).Seconds())
			})
		},
	},
	{
		name: "standby", what: "the primary of Postgres is killed, and its synchronous standby promoted",
		servers: func(x *town) { x.mirrored() },
		do: func(x *town) {
			x.during(1, func(int) { x.failOver("standby", time.Second) })
		},
	},
	{
		name: "partition", what: "the primary is cut off from its synchronous standby, answers for a while, and is killed",
		servers: func(x *town) { x.mirrored() },
		do: func(x *town) {
			x.during(1, func(int) {
				x.record.wire.Stop()
				x.hurt()
				x.calm(10 * time.Second)
				x.failOver("partition", 0)
			})
		},
	},
	{name: "rolling", what: "all gateways and workers are replaced, one after the other", do: func(x *town) {
		all := append(slices.Clone(x.gateways), x.workers...)
		x.during(len(all), func(i int) { all[i].replace() })
		x.nobodyWasRefused()
	}},
	{name: "F36", what: "a new version with a new schema is rolled out", do: func(x *town) {
		next := nextVersion(x.t)
		all := append(slices.Clone(x.gateways), x.workers...)
		x.during(len(all)+1, func(i int) {
			if i == 0 {
				x.migrate(next)
				return
			}
			all[i-1].replace() // the others are of the version before, and work on
		})
		x.nobodyWasRefused()
	}},
}

// streets gives the house n Redis instead of one, each behind a proxy.
func (x *town) streets(n int) {
	x.t.Helper()
	var urls []string
	for range n {
		s := embeddedtest.Start(x.t, embedded.OnlyRedis)
		p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), s.RedisURL, freePort(x.t), s.RedisURL[strings.LastIndexByte(s.RedisURL, '@')+1:])
		if err := p.Start(); err != nil {
			x.t.Fatal(err)
		}
		x.t.Cleanup(p.Stop)
		x.shards = append(x.shards, p)
		urls = append(urls, s.RedisURL[:strings.LastIndexByte(s.RedisURL, '@')+1]+p.Listen)
	}
	x.h.env[1] = "REDIS_URL=" + strings.Join(urls, ",")
}

// busiest is the Redis of the first account.
func (x *town) busiest() int {
	x.t.Helper()
	var account string
	if err := database(x.t, x.h.servers.DatabaseURL).QueryRow(x.t.Context(), "SELECT id::text FROM channel_accounts ORDER BY created_at LIMIT 1").Scan(&account); err != nil {
		x.t.Fatal(err)
	}
	var names []string
	for _, p := range x.shards {
		names = append(names, p.Listen)
	}
	return shard.Of(account, names, func(int) bool { return false })
}

// mirrored gives the house a Postgres with a synchronous standby.
func (x *town) mirrored() {
	x.t.Helper()
	x.record = newPair(x.t)
	x.h.servers.DatabaseURL = x.record.url
	x.h.env[0] = "DATABASE_URL=" + x.record.url
}

// failOver kills the primary, has the standby promoted, and tells how long it took until messages were taken again.
func (x *town) failOver(name string, after time.Duration) {
	x.t.Helper()
	begun := time.Now()
	x.record.failOver(after)
	before := len(x.meta.Ledger().AckedIDs("message"))
	until(x.t, time.Minute, "messages are taken again", func() (bool, string) {
		n := len(x.meta.Ledger().AckedIDs("message"))
		return n > before, fmt.Sprint(n)
	})
	fmt.Printf("%-9s recov_s=%.1f from the death of the primary, promotion after %.0f s included, until messages are taken\n", name, time.Since(begun).Seconds(), after.Seconds())
}

// saysItIsAway asks a process's readiness: it works on, and names what is away.
func (x *town) saysItIsAway(p *process, server string) {
	x.t.Helper()
	ready, status := x.ready(p)
	if status != http.StatusOK || ready.Status != "degraded" || ready.Checks["redis "+server] == "ok" || ready.Checks["redis "+server] == "" {
		x.t.Errorf("%s says of a Redis that is away: %d %+v", p.name, status, ready)
	}
}

type readiness struct {
	Status string
	Checks map[string]string
}

func (x *town) ready(p *process) (r readiness, status int) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+strings.TrimPrefix(p.env[0], "GATEHOUSE_OPS_LISTEN=")+"/readyz", nil)
	if err != nil {
		x.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Errorf("%s does not say whether it is ready: %v", p.name, err)
		return r, 0
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		x.t.Error(err)
	}
	return r, resp.StatusCode
}

// nextVersion is the product with one more migration, on tables that everybody uses.
func nextVersion(t *testing.T) (bin string) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return overlaid(t, map[string]string{filepath.Join(here, "../postgres/migrations/09999_next.sql"): `-- +goose Up
ALTER TABLE conversations ADD COLUMN next integer NOT NULL DEFAULT 7;
ALTER TABLE messages ADD COLUMN next text;
CREATE INDEX conversations_next ON conversations (next, id);
CREATE TABLE next (id uuid PRIMARY KEY, conversation_id uuid NOT NULL REFERENCES conversations);
`})
}

// migrate brings the schema up to a binary's while everybody works, and somebody holds on to a table that it needs: it must not
// keep the others from it for long.
func (x *town) migrate(bin string) {
	x.t.Helper()
	tx, err := database(x.t, x.h.servers.DatabaseURL).Begin(x.t.Context())
	if err == nil {
		_, err = tx.Exec(x.t.Context(), "SELECT count(*) FROM messages")
	}
	if err != nil {
		x.t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() {
		cmd := exec.CommandContext(x.t.Context(), bin, "migrate")
		cmd.Env = x.h.environ()
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		migrated <- err
	}()
	x.calm(6 * time.Second)
	if err := tx.Rollback(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		x.t.Fatalf("migrate: %v", err)
	}
	x.h.bin = bin // whatever starts from now on
	if r, status := x.ready(x.gateways[0]); status != http.StatusOK || r.Checks["schema"] != "ok" {
		x.t.Errorf("a process of the version before is not ready: %d %+v", status, r)
	}
}

// nobodyWasRefused asks that every webhook was taken the first time.
func (x *town) nobodyWasRefused() {
	x.t.Helper()
	for _, a := range x.meta.Ledger().Webhooks {
		if !a.Acked() {
			x.t.Errorf("a webhook was answered %d %s", a.Status, a.Error)
		}
	}
}

// printDelays tells how long the customers' messages took from our 200 to the record.
func (x *town) printDelays(name string) {
	x.t.Helper()
	taken := map[string]time.Time{}
	for _, a := range x.meta.Ledger().Webhooks {
		for i, id := range a.IDs {
			if at := a.At.Add(a.Took); a.Acked() && a.What[i] == "message" && (taken[id].IsZero() || at.Before(taken[id])) {
				taken[id] = at
			}
		}
	}
	rows, err := x.conn.Query(x.t.Context(), "SELECT external_id, written_at FROM messages JOIN conversation_events e ON e.message_id = messages.id WHERE direction = 'in' AND e.kind = 'message'")
	if err != nil {
		x.t.Fatal(err)
	}
	var delays []time.Duration
	for rows.Next() {
		var id string
		var at time.Time
		if err := rows.Scan(&id, &at); err != nil {
			x.t.Fatal(err)
		}
		delays = append(delays, at.Sub(taken[id]))
	}
	if err := rows.Err(); err != nil || len(delays) == 0 {
		x.t.Fatalf("no delays: %v", err)
	}
	slices.SortFunc(delays, cmp.Compare)
	at := func(part float64) float64 { return delays[int(part*float64(len(delays)-1))].Seconds() }
	fmt.Printf("%-9s from our 200 to the record: p50 %.3f s, p99 %.3f s, longest %.3f s\n", name, at(0.5), at(0.99), at(1))
}

// TestWorkersShareWhatWaitsForAProvider measures, and does not judge, how much faster two workers are than one where a provider takes
// 200 ms for each message: 20 accounts, one conversation each, so that every account waits for its provider nearly all the time.
func TestWorkersShareWhatWaitsForAProvider(t *testing.T) {
	if !chosen("workers", false) {
		return
	}
	const accounts, replies, places = 20, 10, "GATEHOUSE_SENDERS=10"
	var cfg fakemeta.Config
	for i := range accounts {
		n := strconv.Itoa(i + 100)
		cfg.Accounts = append(cfg.Accounts, fakemeta.Account{Kind: fakemeta.Instagram, Name: "Shop " + n, InstagramID: "17841400000000" + n, PageID: "105000000000" + n, Username: "shop" + n})
	}
	cfg.Timeout, cfg.OpenWorld = 5*time.Second, true
	meta, err := fakemeta.Start("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = meta.Close() })
	h := newHouse(t, hostOf(meta))
	h.serve("gateway", "--role=gateway").ready(1)
	workers := []*process{h.serve("worker-1", "--role=worker"), h.serve("worker-2", "--role=worker")}
	for _, p := range workers {
		p.ready(1)
	}
	h.setUp()
	ends := h.make("/end-reasons", map[string]string{"label": "Said all"})
	line := h.make("/departments", map[string]any{"name": "Sales", "policy": "least_busy"})
	h.connect(meta, line)
	var team []*colleague
	for i, name := range []string{"bora", "ceren", "derya", "emre"} {
		c := h.hire(name, accounts/4, ends, uint64(i), line)
		c.leaving.Store(true) // nobody answers by themselves
		team = append(team, c)
	}
	staff(t, team...)
	<-write(t, meta, fakemeta.LoadConfig{Rate: 20, Duration: 10 * time.Second, Contacts: accounts, Seed: 1})
	settle(t, meta)
	conn := database(t, h.servers.DatabaseURL)
	meta.AddFault(fakemeta.Fault{Hang: 200 * time.Millisecond})

	round := func(n int) (perSecond float64) {
		for _, p := range workers {
			p.kill()
		}
		before := len(meta.Ledger().Sends)
		wrote := 0
		for range replies {
			for _, c := range team {
				rows, err := c.list(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range rows {
					if r.AgentID == c.ID && c.reply(t.Context(), r.ID, uuid.NewString()) {
						wrote++
					}
				}
			}
		}
		for _, p := range workers[:n] {
			p.start(places)
		}
		until(t, 3*time.Minute, "everything is sent", func() (bool, string) {
			sent := len(meta.Ledger().Sends) - before
			return sent >= wrote, fmt.Sprintf("%d of %d", sent, wrote)
		})
		sends := meta.Ledger().Sends[before:]
		h.quiesce(time.Minute, conn, time.Now())
		return float64(len(sends)) / sends[len(sends)-1].At.Sub(sends[0].At).Seconds()
	}
	one := round(1)
	two := round(2)
	fmt.Printf("workers   one sends %.1f/s, two send %.1f/s: ratio %.2f\n", one, two, two/one)
	if broken := h.verify(); len(broken) > 0 {
		t.Errorf("%+v", broken)
	}
}
