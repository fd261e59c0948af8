package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"gatehouse/internal/fakemeta"
)

var only = flag.String("faults", "", "comma-separated names of the faults to inject, or all; empty: a quick choice")

// chosen tells whether a fault is to be injected.
func chosen(name string, quick bool) bool {
	switch *only {
	case "":
		return quick
	case "all":
		return true
	}
	return slices.Contains(strings.Split(*only, ","), name)
}

// fault is a row of RELIABILITY.md §2. Each has a house of its own: two gateways behind a balancer, two workers, Postgres and
// Redis behind toxiproxy.
type fault struct {
	name string
	what string
	load forecast // zero: usual
	fast bool     // one of the quick choice
	do   func(s *weather)
}

// usual is profile L3: gentle, so that what is measured is the fault.
var usual = forecast{gateways: 2, workers: 2, messages: 1500, perSecond: 50, contacts: 200, duplicatePct: 10, reorderPct: 5}

// weather is a storm with a hand on the network.
type weather struct {
	*storm
	load            forecast
	postgres, redis *toxiproxy.Proxy
}

func TestChaos(t *testing.T) {
	for _, f := range faults {
		if !chosen(f.name, f.fast) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			if f.load == (forecast{}) {
				f.load = usual
			}
			if *only == "" {
				f.load.messages = min(f.load.messages, 600)
			}
			w := &weather{load: f.load}
			w.storm = newStorm(t, f.load, func(hosts ...string) *house {
				h := newHouse(t, hosts...)
				w.postgres, w.redis = between(h, 0, "DATABASE_URL"), between(h, 1, "REDIS_URL")
				return h
			})
			w.blow(f.name, f.load, func(*storm) { f.do(w) })
		})
	}
}

// between puts a proxy between the house and one of its servers.
func between(h *house, i int, name string) *toxiproxy.Proxy {
	h.t.Helper()
	raw, ok := strings.CutPrefix(h.env[i], name+"=")
	if !ok {
		h.t.Fatalf("the house's setting %d is not %s", i, name)
	}
	u, err := url.Parse(raw)
	if err != nil {
		h.t.Fatal(err)
	}
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), name, freePort(h.t), u.Host)
	if err := p.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(p.Stop)
	u.Host = p.Listen
	h.env[i] = name + "=" + u.String()
	return p
}

// poison puts a toxic on a connection, for some time.
func (w *weather) poison(p *toxiproxy.Proxy, kind, stream string, attributes map[string]any, d time.Duration) {
	w.t.Helper()
	raw, err := json.Marshal(map[string]any{"name": kind, "type": kind, "stream": stream, "attributes": attributes})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := p.Toxics.AddToxicJson(strings.NewReader(string(raw))); err != nil {
		w.t.Fatal(err)
	}
	w.hurt()
	w.calm(d)
	if err := p.Toxics.RemoveToxic(context.Background(), kind); err != nil {
		w.t.Fatal(err)
	}
	w.hurt()
}

// cut takes a server away from the house, for some time.
func (w *weather) cut(p *toxiproxy.Proxy, d time.Duration) {
	w.t.Helper()
	p.Stop()
	w.hurt()
	w.calm(d)
	if err := p.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.hurt()
}

func signal(pid int, s syscall.Signal) {
	if pid > 0 { // 0: it is down already
		_ = syscall.Kill(pid, s) // it may be gone by itself
	}
}

// freeze stops processes and lets them go on.
func (w *weather) freeze(d time.Duration, pids ...int) {
	for _, pid := range pids {
		signal(pid, syscall.SIGSTOP)
	}
	w.hurt()
	w.calm(d)
	for _, pid := range pids {
		signal(pid, syscall.SIGCONT)
	}
	w.hurt()
}

func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// during does something again and again while the load runs: at each of n moments of it.
func (w *weather) during(n int, do func(i int)) {
	for i := range n {
		w.after(w.load, float64(i+1)/float64(n+2))
		do(i)
		w.hurt()
	}
}

func (w *weather) cache() *redis.Client {
	opt, err := redis.ParseURL(w.h.servers.RedisURL)
	if err != nil {
		w.t.Fatal(err)
	}
	rdb := redis.NewClient(opt)
	w.t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

var faults = []fault{
	{name: "F1", what: "a gateway is killed, again and again", do: func(w *weather) {
		w.during(5, func(i int) { w.gateways[i%2].restart() })
	}},
	{name: "F2", what: "all gateways are killed at once, for 3 s", do: func(w *weather) {
		w.during(1, func(int) {
			for _, g := range w.gateways {
				g.kill()
			}
			w.calm(3 * time.Second)
			for _, g := range w.gateways {
				g.start()
			}
		})
	}},
	{name: "F3", what: "a worker is killed, five times", do: func(w *weather) {
		w.during(5, func(i int) { w.workers[i%2].restart() })
	}},
	{name: "F4", what: "all workers are dead for 10 s", do: func(w *weather) {
		w.during(1, func(int) {
			for _, p := range w.workers {
				p.kill()
			}
			w.calm(10 * time.Second)
			for _, p := range w.workers {
				p.start()
			}
		})
	}},
	{name: "F5", what: "a worker sleeps for 12 s, and goes on as if nothing were", do: func(w *weather) {
		w.during(2, func(i int) { w.freeze(12*time.Second, w.workers[i%2].pid()) })
	}},
	{name: "F6", what: "Redis is killed, and back after 3 s", do: func(w *weather) {
		w.during(1, func(int) {
			_, pid := w.h.servers.PIDs()
			signal(pid, syscall.SIGKILL)
			w.cut(w.redis, 3*time.Second)
		})
	}},
	{name: "F7", what: "Redis is away for most of the time", do: func(w *weather) {
		w.during(1, func(int) { w.cut(w.redis, 20*time.Second) })
	}},
	{name: "F8", what: "Redis is emptied, ten times", do: func(w *weather) {
		w.during(10, func(int) { w.h.flush() })
	}},
	{name: "F9", what: "Redis has no memory left, for 15 s", do: func(w *weather) {
		rdb := w.cache()
		limit := func(bytes string) {
			if err := rdb.ConfigSet(w.t.Context(), "maxmemory", bytes).Err(); err != nil {
				w.t.Fatal(err)
			}
		}
		w.during(1, func(int) {
			limit("1")
			w.calm(15 * time.Second)
			limit("0")
		})
	}},
	{name: "F10", what: "Redis loses keys: leases, tasks, whole queues", do: func(w *weather) {
		rdb := w.cache()
		w.during(10, func(int) {
			keys, err := rdb.Keys(w.t.Context(), "*").Result()
			if err != nil {
				w.t.Fatal(err)
			}
			for _, k := range keys {
				switch w.rng.IntN(3) {
				case 0:
					rdb.Del(w.t.Context(), k)
				case 1:
					rdb.Rename(w.t.Context(), k, k+".lost")
				}
			}
		})
	}},
	{name: "F11", what: "Redis hangs for 15 s", do: func(w *weather) {
		w.during(1, func(int) {
			_, pid := w.h.servers.PIDs()
			w.freeze(15*time.Second, pid)
		})
	}},
	{name: "F12", fast: true, what: "Redis becomes a replica that takes no writes, for 10 s, and loses what it had", do: func(w *weather) {
		rdb := w.cache()
		w.during(1, func(int) {
			if err := rdb.ReplicaOf(w.t.Context(), "127.0.0.1", "1").Err(); err != nil {
				w.t.Fatal(err)
			}
			w.calm(10 * time.Second)
			if err := rdb.ReplicaOf(w.t.Context(), "NO", "ONE").Err(); err != nil {
				w.t.Fatal(err)
			}
			w.h.flush()
		})
	}},
	{name: "F13", what: "Postgres is killed, three times", do: func(w *weather) {
		w.during(3, func(int) {
			pid, _ := w.h.servers.PIDs()
			signal(pid, syscall.SIGKILL)
		})
	}},
	{name: "F14", what: "Postgres is away for 20 s", do: func(w *weather) {
		w.during(1, func(int) { w.cut(w.postgres, 20*time.Second) })
	}},
	{name: "F15", what: "Postgres restarts fast, under two seconds", do: func(w *weather) {
		w.during(2, func(int) {
			pid, _ := w.h.servers.PIDs()
			signal(pid, syscall.SIGINT) // its fast shutdown; embedded starts it again
		})
	}},
	{name: "F16", fast: true, what: "a backend of Postgres is ended every 200 ms", do: func(w *weather) {
		conn := database(w.t, w.h.servers.DatabaseURL)
		w.during(50, func(int) {
			if _, err := conn.Exec(w.t.Context(), `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
				WHERE application_name LIKE 'gatehouse-%' ORDER BY random() LIMIT 1) AS x`); err != nil {
				w.t.Fatal(err)
			}
		})
	}},
	{name: "F17", fast: true, what: "connections to Postgres break in the middle of answers", do: func(w *weather) {
		w.during(8, func(int) {
			w.poison(w.postgres, "reset_peer", "downstream", map[string]any{"timeout": w.rng.IntN(40)}, 250*time.Millisecond)
		})
	}},
	{name: "F19", what: "somebody locks the conversations for 15 s", do: func(w *weather) {
		w.during(1, func(int) {
			tx, err := database(w.t, w.h.servers.DatabaseURL).Begin(w.t.Context())
			if err == nil {
				_, err = tx.Exec(w.t.Context(), "LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE")
			}
			if err != nil {
				w.t.Fatal(err)
			}
			w.calm(15 * time.Second)
			if err := tx.Rollback(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
		})
	}},
	{name: "F20", what: "one hot contact writes 500 messages", load: forecast{gateways: 2, workers: 2, messages: 500, perSecond: 100, contacts: 1, duplicatePct: 10}, do: func(*weather) {}},
	{name: "F21", what: "a transaction stays open all the time, so that nothing can be vacuumed", do: func(w *weather) {
		tx, err := database(w.t, w.h.servers.DatabaseURL).BeginTx(w.t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
		if err == nil {
			_, err = tx.Exec(w.t.Context(), "SELECT count(*) FROM conversations")
		}
		if err != nil {
			w.t.Fatal(err)
		}
		w.after(w.load, 0.95)
		if err := tx.Rollback(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}},
	{name: "F22", fast: true, what: "the provider takes a message and hangs", do: func(w *weather) {
		w.meta.AddFault(fakemeta.Fault{Skip: 5, Times: 20, Hang: 3 * time.Second, Reset: true})
	}},
	{name: "F23", what: "the provider throttles for a while", do: func(w *weather) {
		w.meta.AddFault(fakemeta.Fault{Skip: 5, Times: 20, Code: 131056})
		w.during(1, func(int) {
			id := w.meta.AddFault(fakemeta.Fault{Code: 130429, Status: 429, RetryAfter: 1})
			w.calm(10 * time.Second)
			w.meta.RemoveFault(id)
		})
	}},
	{name: "F24", what: "the provider answers 503 for 10 s", do: func(w *weather) {
		w.during(1, func(int) {
			id := w.meta.AddFault(fakemeta.Fault{Status: 503, Code: 131000})
			w.calm(10 * time.Second)
			w.meta.RemoveFault(id)
		})
	}},
	{name: "F26", fast: true, what: "every webhook comes twice at once, to two gateways", load: forecast{gateways: 2, workers: 2, messages: 1500, perSecond: 100, contacts: 200, duplicatePct: 100}, do: func(*weather) {}},
	{name: "F28", what: "webhooks out of order, statuses first and several times", load: forecast{gateways: 2, workers: 2, messages: 1500, perSecond: 100, contacts: 200, reorderPct: 60}, do: func(w *weather) {
		w.meta.AddFault(fakemeta.Fault{StatusesFirst: true, StatusCopies: 3, Statuses: []string{"read", "delivered", "sent"}})
	}},
	{name: "F31", fast: true, what: "the agents' connections break all the time", do: func(w *weather) {
		w.during(60, func(int) {
			c := w.team[w.rng.IntN(len(w.team))]
			c.mu.Lock()
			if c.stream != nil {
				c.stream.Close()
			}
			c.mu.Unlock()
		})
	}},
	{name: "F32", what: "agents come, go and change their capacity all the time", do: func(w *weather) {
		ctx, stop := context.WithCancel(w.t.Context())
		var wg sync.WaitGroup
		for _, c := range w.team {
			wg.Go(func() {
				for i := 0; wait(ctx, 150*time.Millisecond); i++ {
					_ = c.SetPresence(ctx, []string{"online", "break", "online"}[i%3]) // refusals are part of it
				}
				_ = c.SetPresence(w.t.Context(), "online")
			})
		}
		w.after(w.load, 0.9)
		stop()
		wg.Wait()
	}},
	{name: "F42", what: "everything is stopped and started in good order", do: func(w *weather) {
		w.during(4, func(i int) {
			p := append(w.gateways, w.workers...)[i]
			if took, err := p.stop(30 * time.Second); err != nil {
				w.t.Errorf("%s did not end well, after %s: %v", p.name, took, err)
			}
			p.start()
		})
	}},
	{name: "F43", what: "little memory and many connections", load: forecast{gateways: 2, workers: 2, messages: 6000, perSecond: 400, contacts: 300, duplicatePct: 10}, do: func(w *weather) {
		const most = 400 << 20 // resident; the limit of the heap is 128 MB
		for _, p := range append(w.gateways[:2:2], w.workers...) {
			p.restart("GOMEMLIMIT=128MiB")
		}
		letGo := w.connect(2000)
		w.after(w.load, 0.9)
		letGo()
		for _, p := range append(w.gateways[:2:2], w.workers...) {
			if rss := p.resident(w.t); rss > most {
				w.t.Errorf("%s holds %d MB", p.name, rss>>20)
			}
		}
	}},
	{name: "F44", what: "a gateway has no file descriptors left, for 10 s", do: func(w *weather) {
		w.during(1, func(int) {
			limit := func(n string) {
				for _, g := range w.gateways {
					if out, err := exec.Command("prlimit", "--pid", strconv.Itoa(g.pid()), "--nofile="+n+":").CombinedOutput(); err != nil {
						w.t.Fatalf("%v: %s", err, out)
					}
				}
			}
			limit("64")
			letGo := w.connect(300)
			w.calm(10 * time.Second)
			letGo()
			limit("1024")
			for _, g := range w.gateways {
				if s := g.output(); strings.Count(s, "too many open files") > 1000 {
					w.t.Errorf("%s says so %d times", g.name, strings.Count(s, "too many open files"))
				}
			}
		})
	}},
}

// connect opens connections that say nothing, until letGo is called.
func (w *weather) connect(n int) (letGo func()) {
	var all []net.Conn
	for range n {
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(w.h.url, "http://"), 2*time.Second)
		if err != nil {
			break // no more are taken
		}
		all = append(all, c)
	}
	w.t.Logf("%d connections", len(all))
	return func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
}

// resident is how many bytes of memory the process has held at most.
func (p *process) resident(t *testing.T) (bytes int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	if err != nil {
		t.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscanf(peak, "%d kB", &bytes); err != nil {
		t.Fatalf("%v: %s", err, status)
	}
	return bytes << 10
}

// F37: a migration is killed in the middle, again and again; the next one goes through, and the product works.
func TestAKilledMigrationIsDoneByTheNext(t *testing.T) {
	rng, _ := choices(t)
	h := emptyHouse(t)
	killed := 0
	for range 40 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20+rng.IntN(500))*time.Millisecond)
		if _, err := h.tryCommand(ctx, "", "migrate"); err != nil {
			killed++
		}
		cancel()
	}
	t.Logf("killed %d of 40 times", killed)
	h.command(t.Context(), "", "migrate")
	if broken := h.verify(); len(broken) > 0 {
		t.Errorf("%+v", broken)
	}
}

// TestFaultsAreNamedOnce keeps the list in order.
func TestFaultsAreNamedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range faults {
		if seen[f.name] || f.what == "" {
			t.Errorf("%s", f.name)
		}
		seen[f.name] = true
	}
	fmt.Fprintf(os.Stdout, "%d faults\n", len(faults))
}
