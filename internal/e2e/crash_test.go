package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/bench"
	"gatehouse/internal/embedded"
	"gatehouse/internal/fakemeta"
)

var seed = flag.Uint64("seed", 0, "of the crash tests' choices; 0: another one each time")

// choices is the test's source of chance; what it prints brings a failed run back.
func choices(t *testing.T) (*rand.Rand, uint64) {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (repeat with -seed)", s)
	return rand.New(rand.NewPCG(s, 0)), s
}

// shop is a stand-in for Meta with two WhatsApp numbers and an Instagram account, and so many numbers more.
func shop(t *testing.T, more int) *fakemeta.Server {
	t.Helper()
	accounts := []fakemeta.Account{
		{Kind: fakemeta.WhatsApp, Name: "Mavi Ev", PhoneNumberID: "510000000000021", BusinessAccountID: "410000000000021", DisplayPhone: "908503040021"},
		{Kind: fakemeta.WhatsApp, Name: "Kırmızı Ev", PhoneNumberID: "510000000000022", BusinessAccountID: "410000000000022", DisplayPhone: "908503040022"},
		{Kind: fakemeta.Instagram, Name: "Mavi Ev", InstagramID: "17841400000000021", PageID: "105000000000021", Username: "maviev"},
	}
	for i := range more {
		n := strconv.Itoa(100 + i)
		accounts = append(accounts, fakemeta.Account{Kind: fakemeta.WhatsApp, Name: "Şube " + n, PhoneNumberID: "510000000000" + n, BusinessAccountID: "410000000000" + n, DisplayPhone: "908503040" + n})
	}
	meta, err := fakemeta.Start("127.0.0.1:0", fakemeta.Config{
		Accounts:  accounts,
		Retry:     []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second},
		Timeout:   5 * time.Second,
		OpenWorld: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := meta.Close(); err != nil {
			t.Errorf("fakemeta: %v", err)
		}
	})
	return meta
}

// connect makes a channel account of each of meta's accounts, the first two in one department, and subscribes meta to us.
func (h *house) connect(meta *fakemeta.Server, departments ...string) {
	h.t.Helper()
	for i, a := range meta.Accounts() {
		settings := map[string]string{
			"access_token": a.AccessToken, "app_secret": a.AppSecret, "verify_token": a.VerifyToken, "graph_base_url": meta.URL(),
		}
		if a.Kind == fakemeta.Instagram {
			settings["instagram_id"] = a.InstagramID
		} else {
			settings["phone_number_id"], settings["business_account_id"] = a.PhoneNumberID, a.BusinessAccountID
		}
		h.make("/channel-accounts", map[string]any{
			"kind": a.Kind, "name": fmt.Sprintf("%s %d", a.Name, i), "department_id": departments[i/2%len(departments)], "language": "en", "settings": settings,
		})
	}
	if err := meta.Subscribe(h.t.Context(), h.url+"/webhooks/meta"); err != nil {
		h.t.Fatal(err)
	}
}

func hostOf(meta *fakemeta.Server) string { return strings.TrimPrefix(meta.URL(), "http://") }

// write has customers write, beside the test.
func write(t *testing.T, meta *fakemeta.Server, cfg fakemeta.LoadConfig) <-chan fakemeta.LoadReport {
	t.Helper()
	done := make(chan fakemeta.LoadReport, 1)
	go func() {
		r, err := meta.Load(t.Context(), cfg)
		if err != nil {
			t.Errorf("fakemeta: %v", err)
		}
		done <- r
	}()
	return done
}

// taken waits until so many messages were answered 200.
func taken(t *testing.T, meta *fakemeta.Server, n int) {
	t.Helper()
	takenWithin(t, meta, n, time.Minute)
}

func takenWithin(t *testing.T, meta *fakemeta.Server, n int, patience time.Duration) {
	t.Helper()
	until(t, patience, fmt.Sprintf("%d messages are taken", n), func() (bool, string) {
		got := len(meta.Ledger().AckedIDs("message"))
		return got >= n, fmt.Sprint(got)
	})
}

// settle waits until every webhook was taken.
func settle(t *testing.T, meta *fakemeta.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := meta.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestNothingIsLostWhileEverythingDies has customers write 5,000 messages, a tenth of them posted twice at once, and agents
// answer, while workers, the gateway, Redis and Postgres are killed and Redis is emptied. Afterwards everything is there
// once and in order, every agent's screen says what the record says, and no promise of the record is broken.
func TestNothingIsLostWhileEverythingDies(t *testing.T) {
	f := forecast{gateways: 1, workers: 2, messages: 5000, perSecond: 200, contacts: 300, duplicatePct: 10}
	newStorm(t, f, func(hosts ...string) *house { return newHouse(t, hosts...) }).blow("all", f, func(s *storm) {
		s.hurtAt = s.h.hurt(t, s.rng, s.meta, f.messages, s.gateways[0], s.workers)
	})
}

// hurt kills the parts of a house one after the other, in an order that rng decides, each when so many more messages were
// taken, and has them started again. It returns when the last was.
func (h *house) hurt(t *testing.T, rng *rand.Rand, meta *fakemeta.Server, messages int, gateway *process, workers []*process) (last time.Time) {
	t.Helper()
	kill := func(pid int) {
		if pid > 0 { // 0: it is down already
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone by itself
		}
	}
	type fault struct {
		name string
		do   func()
	}
	worker := fault{"a worker killed", func() { workers[rng.IntN(len(workers))].restart() }}
	flush := fault{"Redis emptied", h.flush}
	faults := []fault{
		worker, worker, worker, flush, flush, flush,
		{"the gateway killed", func() { gateway.restart() }},
		{"Redis killed", func() { _, redis := h.servers.PIDs(); kill(redis) }},
		{"Postgres killed", func() { postgres, _ := h.servers.PIDs(); kill(postgres) }},
		{"Postgres killed", func() { postgres, _ := h.servers.PIDs(); kill(postgres) }},
		{"all workers killed", func() {
			for _, w := range workers {
				w.kill()
			}
			for _, w := range workers {
				w.start()
			}
		}},
	}
	rng.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for i, f := range faults {
		threshold := messages * (i + 1) / (len(faults) + 2)
		taken(t, meta, threshold)
		f.do()
		last = time.Now()
		t.Logf("after %d messages: %s", threshold, f.name)
	}
	return last
}

// TestAKilledInstanceIsItselfAgainAfterItsNextStart kills an instance that runs its own Postgres and Redis, while customers
// write. The servers live on; the next start adopts them, and everything that was taken is there.
func TestAKilledInstanceIsItselfAgainAfterItsNextStart(t *testing.T) {
	const messages, perSecond = 600, 150
	_, seed := choices(t)
	meta := shop(t, 0)
	h, data := newOwnHouse(t, hostOf(meta))
	p := h.serve("gatehouse")
	p.ready(1)
	h.setUp()
	h.connect(meta, h.make("/departments", map[string]any{"name": "Sales"}))
	loaded := write(t, meta, fakemeta.LoadConfig{Rate: perSecond, Duration: messages * time.Second / perSecond, Contacts: 50, DuplicatePct: 10, Seed: seed})
	taken(t, meta, messages/4)
	p.kill()
	info, err := embedded.Find(data)
	if err != nil {
		t.Fatalf("the servers did not outlive the instance: %v", err)
	}
	conn := database(t, info.DatabaseURL)
	p.start()
	p.ready(2)
	again, err := embedded.Find(data)
	if err != nil || again != info {
		t.Errorf("the next start did not adopt them: %+v, was %+v: %v", again, info, err)
	}
	<-loaded
	settle(t, meta)
	h.quiesce(20*time.Second, conn, time.Now())
	var v tally
	v.judgeInbound(t, meta.Ledger(), conn)
	v.judgeRecord(t, h)
	if v != (tally{}) {
		t.Error(v)
	}
	if took, err := p.stop(30 * time.Second); err != nil {
		t.Errorf("it did not stop by itself within %s: %v", took, err)
	}
	if _, err := embedded.Find(data); err == nil {
		t.Error("the servers outlive an instance that was stopped")
	}
}

// TestStoppingUnderLoadLosesNothing stops the gateway and then the worker with SIGTERM while customers write: what was begun
// is finished, and nobody is told that something broke.
func TestStoppingUnderLoadLosesNothing(t *testing.T) {
	const messages, perSecond = 600, 150
	_, seed := choices(t)
	meta := shop(t, 0)
	h := newHouse(t, hostOf(meta))
	gateway, worker := h.serve("gateway", "--role=gateway"), h.serve("worker", "--role=worker")
	gateway.ready(1)
	worker.ready(1)
	h.setUp()
	h.connect(meta, h.make("/departments", map[string]any{"name": "Sales"}))
	loaded := write(t, meta, fakemeta.LoadConfig{Rate: perSecond, Duration: messages * time.Second / perSecond, Contacts: 50, DuplicatePct: 10, Seed: seed})
	for i, p := range []*process{gateway, worker} {
		taken(t, meta, messages*(i+1)/4)
		if took, err := p.stop(10 * time.Second); err != nil {
			t.Errorf("%s did not end well, after %s: %v", p.name, took, err)
		}
		p.start()
	}
	<-loaded
	settle(t, meta)
	conn := database(t, h.servers.DatabaseURL)
	h.quiesce(20*time.Second, conn, time.Now())
	l := meta.Ledger()
	var v tally
	v.judgeInbound(t, l, conn)
	v.judgeRecord(t, h)
	if v != (tally{}) {
		t.Error(v)
	}
	for _, a := range l.Webhooks {
		if a.Status >= 500 {
			t.Errorf("a webhook was answered %d", a.Status)
		}
	}
}

// TestTheBenchmarkMeasuresARunningInstance runs `gatehouse bench` for a moment: its figures mean nothing, but all of them are
// there and nothing went wrong.
func TestTheBenchmarkMeasuresARunningInstance(t *testing.T) {
	h := newHouse(t)
	p := h.serve("gatehouse")
	p.ready(1)
	ops := ""
	for _, e := range p.env {
		if at, ok := strings.CutPrefix(e, "GATEHOUSE_OPS_LISTEN="); ok {
			ops = "http://" + at
		}
	}
	profile := filepath.Join(t.TempDir(), "cpu.pprof")
	out := h.command(t.Context(), "", "bench", "ingest", "--json", "--url", h.url, "--ops", ops, "--pprof", profile,
		"--duration=1s", "--rounds=1", "--contacts=100", "--accounts=2", "--rate=100", "--connections=8")
	var r bench.Report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// On a busy machine a socket that asks for more than it reads is sent away, and what it misses counts as unseen.
	if e := r.Errors; e.Refused+e.NoAnswer > 0 || e.Unseen > 0 && e.SocketsLost == 0 {
		t.Errorf("errors: %+v", e)
	}
	if r.Ratio <= 0 || r.FloorPerS <= 0 || r.AcceptPerS <= 0 || r.ThroughPerS <= 0 || r.AcceptAtHalf.P50 <= 0 || r.WholeWay.Count != 100 || r.WholeWay.P50 <= 0 {
		t.Errorf("something was not measured: %+v", r)
	}
	if fi, err := os.Stat(profile); err != nil || fi.Size() == 0 {
		t.Errorf("there is no profile: %v", err)
	}
	if broken := h.verify(); len(broken) > 0 {
		t.Errorf("promises are broken: %+v", broken)
	}
}
