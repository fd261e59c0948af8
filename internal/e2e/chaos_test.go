package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"gatehouse/internal/embedded"
	"gatehouse/internal/embedded/embeddedtest"
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
	name   string
	what   string
	load   forecast                // zero: full, or gentle in the quick choice
	fast   bool                    // one of the quick choice
	build  func(*testing.T) string // the binary; nil: the product as it is
	small  int                     // megabytes of the file system below Postgres; 0: as large as the machine's
	leaves map[string]int          // what may still be due afterwards
	bounds bounds                  // how well it must go beside
	do     func(w *weather)        //
	after  func(w *weather)        // looks at what is left, once all is calm; may be nil
}

// gentle is profile L3 of RELIABILITY.md §2, for the quick choice, which runs beside other tests. full has the rate of L1 for a quarter of its
// two minutes, so that all faults fit into an hour, and fewer people: after a resync each of these screens reads every thread again, and an agent
// may ask 600 times a minute.
var (
	gentle = forecast{gateways: 2, workers: 2, messages: 600, perSecond: 50, contacts: 200, duplicatePct: 10, reorderPct: 5}
	full   = forecast{gateways: 2, workers: 2, messages: 9000, perSecond: 300, contacts: 600, duplicatePct: 10, reorderPct: 5, agents: 12}
)

// weather is a storm with a hand on the network.
type weather struct {
	*storm
	load            forecast
	postgres, redis *toxiproxy.Proxy
	disk            string // below Postgres, if it is small
}

func TestChaos(t *testing.T) {
	for _, f := range faults {
		if !chosen(f.name, f.fast) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			switch {
			case *only == "":
				f.load.messages = min(f.load.messages, gentle.messages)
				f.load = cmp.Or(f.load, gentle)
			default:
				f.load = cmp.Or(f.load, full)
			}
			w := &weather{load: f.load}
			w.storm = newStorm(t, f.load, func(hosts ...string) *house {
				h := f.house(t, w, hosts)
				w.postgres, w.redis = between(h, 0, "DATABASE_URL"), between(h, 1, "REDIS_URL")
				return h
			})
			w.h.leaves = f.leaves
			if *only != "" { // the quick choice runs beside other tests, whose load is not what is judged
				w.bounds = f.bounds
			}
			w.blow(f.name, f.load, func(*storm) { f.do(w) })
			if f.after != nil {
				f.after(w)
			}
		})
	}
}

// house is where the fault happens.
func (f fault) house(t *testing.T, w *weather, hosts []string) *house {
	t.Helper()
	s := embeddedtest.Start
	if f.small > 0 {
		w.disk = smallDisk(t, f.small)
		s = func(t testing.TB, parts embedded.Parts) *embedded.Servers {
			return embeddedtest.StartIn(t, w.disk, parts)
		}
	}
	h := houseOn(t, s(t, embedded.Both), hosts...)
	if f.build != nil {
		h.bin = f.build(t)
	}
	h.command(t.Context(), "", "migrate")
	return h
}

// smallDisk is a folder with so many megabytes. It needs root.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=0755", megabytes), "gatehouse-test", dir).CombinedOutput(); err != nil {
		t.Fatalf("a small file system could not be mounted: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return dir
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
