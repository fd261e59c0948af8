package e2e

import (
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/internal/fakemeta"
)

// storm is a house at work: customers write, agents answer, and something may happen to any part of it. What was promised to
// customers and agents is compared with the record at the end.
type storm struct {
	t    *testing.T
	rng  *rand.Rand
	seed uint64
	h    *house
	meta *fakemeta.Server
	team []*colleague

	sales string // the department of the first account

	gateways, workers []*process
	conn              *pgx.Conn // the oracles', once the storm is over
	hurtAt            time.Time // when something last happened

	bounds bounds
}

// forecast is how much goes on.
type forecast struct {
	gateways, workers int
	messages          int
	perSecond         float64
	contacts          int
	duplicatePct      float64
	reorderPct        float64
	capacity          int // of each agent; 0: 40
	agents            int // 0: 4
	numbers           int // that the shop has more than usual
}

// takes is how long the customers write.
func (f forecast) takes() time.Duration {
	return time.Duration(float64(f.messages) / f.perSecond * float64(time.Second))
}

// newStorm opens the house.
func newStorm(t *testing.T, f forecast, open func(hosts ...string) *house) *storm {
	t.Helper()
	s := &storm{t: t}
	s.rng, s.seed = choices(t)
	s.meta = shop(t, f.numbers)
	s.h = open(hostOf(s.meta))
	s.gateways = s.h.gateways(f.gateways)
	for i := range f.workers {
		s.workers = append(s.workers, s.h.serve(fmt.Sprintf("worker-%d", i+1), "--role=worker"))
	}
	for _, p := range append(s.gateways, s.workers...) {
		p.ready(1)
	}
	s.h.setUp()
	ends := s.h.make("/end-reasons", map[string]string{"label": "Said all"})
	sales := s.h.make("/departments", map[string]any{"name": "Sales", "policy": "least_busy", "sticky": true})
	s.sales = sales
	help := s.h.make("/departments", map[string]any{"name": "Help", "policy": "round_robin", "sticky": false})
	s.h.connect(s.meta, sales, help)
	room := cmp.Or(f.capacity, 40)
	s.team = []*colleague{
		s.h.hire("bora", room, ends, s.seed+1, sales), s.h.hire("ceren", room, ends, s.seed+2, sales),
		s.h.hire("derya", room*3/4, ends, s.seed+3, sales, help), s.h.hire("emre", room, ends, s.seed+4, help),
	}
	for i := len(s.team) + 1; i <= f.agents; i++ {
		s.team = append(s.team, s.h.hire(fmt.Sprintf("agent-%d", i), room, ends, s.seed+uint64(i), []string{sales, help}[i%2]))
	}
	staff(t, s.team...)
	return s
}

// blow has customers write while happen happens, waits until the house is calm again, judges, and prints one line.
func (s *storm) blow(name string, f forecast, happen func(s *storm)) {
	t := s.t
	t.Helper()
	loaded := write(t, s.meta, fakemeta.LoadConfig{
		Rate: f.perSecond, Duration: f.takes(), Contacts: f.contacts,
		DuplicatePct: f.duplicatePct, ReorderPct: f.reorderPct, LatePct: 1, Seed: s.seed,
	})
	happen(s)
	load := <-loaded
	ended := time.Now()
	for _, c := range s.team {
		c.leaving.Store(true)
	}
	settle(t, s.meta)
	until(t, 30*time.Second, "the agents have said what they had to say", func() (bool, string) {
		for _, c := range s.team {
			if !c.idle() {
				return false, c.name + " has not"
			}
		}
		return true, ""
	})
	s.conn = database(t, s.h.servers.DatabaseURL)
	s.h.quiesce(60*time.Second, s.conn, s.hurtAt)
	settle(t, s.meta) // the statuses of what was sent last
	s.h.quiesce(30*time.Second, s.conn, s.hurtAt)
	recovered := time.Since(ended)
	// Nothing changes any more, so who was right stays right. Reading all lists takes much of what an agent may ask for in a minute, which
	// those who are behind need to catch up.
	wrong := slices.Clone(s.team)
	untilEvery(t, 10*time.Second, 3*time.Minute, "every screen says what the record says", func() (bool, string) {
		var all []string
		wrong = slices.DeleteFunc(wrong, func(c *colleague) bool {
			differences := c.screen(t.Context())
			all = append(all, differences...)
			return len(differences) == 0
		})
		return len(all) == 0, fmt.Sprintf("%d differences: %s", len(all), strings.Join(all[:min(3, len(all))], "; "))
	})
	s.judge(name, f, load, recovered)
}

func (s *storm) judge(name string, f forecast, load fakemeta.LoadReport, recovered time.Duration) {
	t := s.t
	t.Helper()
	ledger := s.meta.Ledger()
	var v tally
	v.judgeInbound(t, ledger, s.conn)
	v.judgeOutbound(t, ledger, s.conn, s.team...)
	v.judgeScreens(t, ledger, s.conn, s.team...)
	judgeThreads(t, s.conn, s.team...)
	v.judgeRecord(t, s.h)
	how := measure(ledger, recovered, s.team...)
	replies, sockets, gaps, resyncs := 0, int32(0), int32(0), int32(0)
	for _, c := range s.team {
		replies, sockets, gaps, resyncs = replies+len(c.accepted), sockets+c.sockets.Load(), gaps+c.gaps.Load(), resyncs+c.resyncs.Load()
	}
	fmt.Printf("%-6s %s %s (%d messages, %d posts of which %d at first refused and %d not answered; %d replies, %d sent; %d sockets, %d gaps filled, %d resyncs; seed %d)\n",
		name, v, how, load.Messages, len(ledger.Webhooks), load.Refused, load.NoAnswer, replies, len(ledger.Sends), sockets, gaps, resyncs, s.seed)
	if v != (tally{}) {
		t.Error(v)
	}
	for _, b := range s.bounds.broken(how) {
		t.Error(b)
	}
	if n := len(ledger.AckedIDs("message")); n < f.messages*8/10 || replies == 0 || len(ledger.Sends) < replies/2 {
		t.Errorf("too little happened to say anything: %d messages, %d replies, %d sends", n, replies, len(ledger.Sends))
	}
}

// after waits until part of the messages were taken.
func (s *storm) after(f forecast, part float64) {
	s.t.Helper()
	takenWithin(s.t, s.meta, int(float64(f.messages)*part), time.Minute+f.takes())
}

// hurt notes that something happens now.
func (s *storm) hurt() { s.hurtAt = time.Now() }

// calm lets time pass in which nothing new happens.
func (s *storm) calm(d time.Duration) { wait(s.t.Context(), d) }

// gateways starts n gateways. One listens where everybody expects it; several do so behind a balancer.
func (h *house) gateways(n int) (all []*process) {
	h.t.Helper()
	if n == 1 {
		return []*process{h.serve("gateway", "--role=gateway")}
	}
	var backends []string
	for i := range n {
		backends = append(backends, freePort(h.t))
		all = append(all, h.serve(fmt.Sprintf("gateway-%d", i+1), "--role=gateway", "--listen="+backends[i], "--public-url="+h.url))
	}
	balance(h.t, strings.TrimPrefix(h.url, "http://"), backends...)
	return all
}

// balance takes connections at an address and passes each on to the next backend that answers.
func balance(t *testing.T, at string, backends ...string) {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	hold := func(c net.Conn) { mu.Lock(); conns[c] = true; mu.Unlock() }
	drop := func(c net.Conn) { mu.Lock(); delete(conns, c); mu.Unlock(); _ = c.Close() }
	var next atomic.Uint64
	pass := func(client net.Conn) {
		hold(client)
		defer drop(client)
		first := next.Add(1)
		for i := range uint64(len(backends)) { // each of them, however many others choose meanwhile
			backend, err := net.DialTimeout("tcp", backends[(first+i)%uint64(len(backends))], time.Second)
			if err != nil {
				continue
			}
			hold(backend)
			defer drop(backend)
			done := make(chan struct{}, 2)
			for _, way := range [][2]net.Conn{{client, backend}, {backend, client}} {
				go func() { // not io.Copy of the connections themselves: splice takes four more file descriptors
					_, _ = io.CopyBuffer(struct{ io.Writer }{way[0]}, struct{ io.Reader }{way[1]}, make([]byte, 4096)) // either end may break
					done <- struct{}{}
				}()
			}
			<-done
			return
		}
	}
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			open.Go(func() { pass(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		open.Wait()
	})
}
