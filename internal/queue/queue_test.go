package queue

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/embedded"
	"gatehouse/internal/embedded/embeddedtest"
	"gatehouse/internal/logging"
	"gatehouse/internal/task"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// nobody is told what is away.
func nobody() *logging.Absences { return logging.NewAbsences(quiet, logging.AbsenceText{}) }

// house is a Redis of the test's own with a client.
type house struct {
	*embedded.Servers
	at     []Redis
	rdb    redis.UniversalClient
	client *Client
	asks   *asynq.Inspector
}

func build(t *testing.T) *house {
	t.Helper()
	h := &house{Servers: embeddedtest.Start(t, embedded.OnlyRedis)}
	var err error
	if h.at, err = ParseRedis(h.RedisURL); err != nil {
		t.Fatal(err)
	}
	h.rdb, h.client = h.at[0].Open(5*time.Second), NewClient(h.at, "test", nobody())
	h.asks = asynq.NewInspectorFromRedisClient(h.rdb)
	t.Cleanup(func() {
		if err := errors.Join(h.client.Close(), h.rdb.Close()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *house) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	_, pid := h.PIDs()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

// desk notes what it was woken for, and then does what it was told to.
type desk struct {
	mu    sync.Mutex
	woken map[task.Wake]int
	do    func(context.Context, task.Wake) error
}

func (d *desk) handle(ctx context.Context, w task.Wake) error {
	d.mu.Lock()
	d.woken[w]++
	d.mu.Unlock()
	if d.do == nil {
		return nil
	}
	return d.do(ctx, w)
}

func (d *desk) times(w task.Wake) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.woken[w]
}

func (d *desk) all() []task.Wake {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.woken))
}

// serve starts a server; it is stopped when the test ends.
func (h *house) serve(t *testing.T, do func(context.Context, task.Wake) error) *desk {
	t.Helper()
	d := &desk{woken: map[task.Wake]int{}, do: do}
	s := NewServer(h.at, Config{Prefix: "test", Concurrency: 4, Log: quiet, Away: nobody()}, d.handle)
	s.Start(t.Context())
	t.Cleanup(s.Stop)
	return d
}

func wake(k task.Kind, id string) task.Wake { return task.Wake{Kind: k, ID: id} }

func (h *house) wake(t *testing.T, all ...task.Wake) {
	t.Helper()
	for _, w := range all {
		h.client.Wake(t.Context(), w)
	}
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(40 * time.Second); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in 40 s: %s", what)
		}
	}
}

func TestEveryKindReachesItsHandlerByItsQueue(t *testing.T) {
	t.Parallel()
	h := build(t)
	for _, k := range task.Kinds() {
		h.wake(t, wake(k, "id-"+string(k)))
	}
	eventually(t, "all are handed over", func() bool { n, _ := h.client.Counts(); return n == int64(len(task.Kinds())) })
	queues := map[task.Queue]int{}
	for _, k := range task.Kinds() {
		queues[k.Queue()]++
	}
	for q, want := range queues {
		i, err := h.asks.GetQueueInfo("test-" + string(q))
		if err != nil || i.Pending != want {
			t.Errorf("%s holds %+v, %v; want %d", q, i, err, want)
		}
	}
	d := h.serve(t, nil)
	eventually(t, "all are handled", func() bool { return len(d.all()) == len(task.Kinds()) })
	for _, k := range task.Kinds() {
		if d.times(wake(k, "id-"+string(k))) != 1 {
			t.Errorf("%s came %d times", k, d.times(wake(k, "id-"+string(k))))
		}
	}
}

func TestAWakeForLaterComesLater(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.wake(t, task.Wake{Kind: task.Deliver, ID: "later", NotBefore: time.Now().Add(time.Hour)})
	h.wake(t, task.Wake{Kind: task.Deliver, ID: "soon", NotBefore: time.Now().Add(2 * time.Second)})
	eventually(t, "both wait", func() bool {
		i, err := h.asks.GetQueueInfo("test-interactive")
		return err == nil && i.Scheduled == 2 && i.Pending == 0
	})
	d := h.serve(t, nil)
	eventually(t, "the sooner one is handled", func() bool { return d.times(wake(task.Deliver, "soon")) == 1 })
	if d.times(wake(task.Deliver, "later")) != 0 {
		t.Error("the later one came at once")
	}
}

// Redis does not answer: nobody who wakes waits for it, what is woken for twice waits once, and it rings when Redis is back.
func TestAWakeNeverWaitsForARedisThatHangs(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.serve(t, nil)
	h.wake(t, wake(task.Ingest, "before"))
	eventually(t, "it works", func() bool { return d.times(wake(task.Ingest, "before")) == 1 })
	h.signal(t, syscall.SIGSTOP)
	woken := make(chan struct{})
	go func() {
		defer close(woken)
		for range 10_000 {
			h.wake(t, wake(task.Ingest, "a"), wake(task.Ingest, "b"), wake(task.Route, "a"))
		}
	}()
	select {
	case <-woken:
	case <-time.After(30 * time.Second):
		t.Fatal("waking waits for Redis")
	}
	eventually(t, "it is known that Redis is away", h.client.Broken)
	if n := h.client.waits(); n > 3 {
		t.Errorf("%d wakes wait, of 3 kinds", n)
	}
	h.signal(t, syscall.SIGCONT)
	eventually(t, "all ring when it is back", func() bool { return len(d.all()) == 4 })
	eventually(t, "it is known that Redis is back", func() bool { return !h.client.Broken() })
	for _, w := range d.all() {
		if n := d.times(w); n > 40 {
			t.Errorf("%v came %d times", w, n)
		}
	}
}

func (c *Client) waits() (n int) {
	for _, s := range c.senders {
		s.mu.Lock()
		n += len(s.order)
		s.mu.Unlock()
	}
	return n
}

func TestWakesAndServersOutliveRedis(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.serve(t, nil)
	h.wake(t, wake(task.Ingest, "before"))
	eventually(t, "it works", func() bool { return d.times(wake(task.Ingest, "before")) == 1 })
	h.signal(t, syscall.SIGKILL) // it is started again where it was, and has forgotten everything
	h.wake(t, wake(task.Ingest, "while it was away"))
	eventually(t, "what was rung for meanwhile is handled", func() bool { return d.times(wake(task.Ingest, "while it was away")) > 0 })
	h.wake(t, wake(task.Ingest, "after"))
	eventually(t, "it goes on", func() bool { return d.times(wake(task.Ingest, "after")) > 0 })
}

// What Redis forgot it forgot: the sweeper's business. Everything after it works as before.
func TestRedisMayForgetEverything(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.wake(t, wake(task.Ingest, "forgotten"))
	eventually(t, "it is handed over", func() bool { n, _ := h.client.Counts(); return n == 1 })
	if err := h.rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	entered, proceed := make(chan struct{}), make(chan struct{})
	d := h.serve(t, func(_ context.Context, w task.Wake) error {
		if w.ID == "runs" {
			close(entered)
			<-proceed
		}
		return nil
	})
	h.wake(t, wake(task.Ingest, "runs"))
	<-entered
	if err := h.rdb.FlushAll(t.Context()).Err(); err != nil { // in the middle of the work
		t.Fatal(err)
	}
	close(proceed)
	h.wake(t, wake(task.Ingest, "after"))
	eventually(t, "it goes on", func() bool { return d.times(wake(task.Ingest, "after")) == 1 })
	if d.times(wake(task.Ingest, "forgotten")) != 0 || d.times(wake(task.Ingest, "runs")) != 1 {
		t.Errorf("handled %v", d.woken)
	}
}

func TestWorkThatFailsIsTriedOnceMoreAndPutAside(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.serve(t, func(_ context.Context, w task.Wake) error {
		switch w.ID {
		case "fails":
			return errors.New("as it was told")
		case "panics":
			panic("as it was told")
		}
		return nil
	})
	h.wake(t, wake(task.Ingest, "fails"), wake(task.Ingest, "panics"), wake(task.Ingest, "works"))
	eventually(t, "both are put aside", func() bool {
		i, err := h.asks.GetQueueInfo("test-interactive")
		return err == nil && i.Archived == 2 && i.Pending+i.Active+i.Retry == 0
	})
	for id, want := range map[string]int{"fails": 2, "panics": 2, "works": 1} {
		if got := d.times(wake(task.Ingest, id)); got != want {
			t.Errorf("%s came %d times, not %d", id, got, want)
		}
	}
	h.wake(t, wake(task.Ingest, "fails"))
	eventually(t, "what was put aside does not swallow a later wake", func() bool { return d.times(wake(task.Ingest, "fails")) > 2 })
}

// A kind that this version does not know, even one that begins like one it knows, is put aside at once, and looped over never.
func TestAWakeOfAnUnknownKindIsPutAside(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.serve(t, nil)
	raw := asynq.NewClient(At{h.at[0], time.Second})
	defer func() { _ = raw.Close() }()
	for _, kind := range []string{"nonsense", "ingest_everything"} {
		if _, err := raw.Enqueue(asynq.NewTask(kind, []byte("id")), asynq.Queue("test-interactive"), asynq.MaxRetry(25)); err != nil {
			t.Fatal(err)
		}
	}
	h.wake(t, wake(task.Ingest, "works"))
	eventually(t, "they are put aside, and the other is handled", func() bool {
		i, err := h.asks.GetQueueInfo("test-interactive")
		return err == nil && i.Archived == 2 && i.Pending+i.Active+i.Retry == 0 && len(d.all()) > 0
	})
	if got := d.all(); !slices.Equal(got, []task.Wake{wake(task.Ingest, "works")}) {
		t.Errorf("handled %v", got)
	}
}

func TestInstallationsOnOneRedisDoNotWakeEachOther(t *testing.T) {
	t.Parallel()
	h := build(t)
	other := NewClient(h.at, "other", nobody())
	defer func() { _ = other.Close() }()
	d := h.serve(t, nil)
	other.Wake(t.Context(), wake(task.Ingest, "theirs"))
	eventually(t, "it is handed over", func() bool { n, _ := other.Counts(); return n == 1 })
	h.wake(t, wake(task.Ingest, "ours"))
	eventually(t, "ours is handled", func() bool { return d.times(wake(task.Ingest, "ours")) == 1 })
	if d.times(wake(task.Ingest, "theirs")) != 0 {
		t.Error("theirs came to us")
	}
}

func TestStoppingLetsWorkFinish(t *testing.T) {
	t.Parallel()
	h := build(t)
	entered, proceed, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var finished bool
	s := NewServer(h.at, Config{Prefix: "test", Concurrency: 4, Log: quiet, Away: nobody()}, func(context.Context, task.Wake) error {
		close(entered)
		<-proceed
		finished = true
		return nil
	})
	s.Start(t.Context())
	h.wake(t, wake(task.Ingest, "a"))
	<-entered
	go func() { s.Stop(); close(stopped) }()
	eventually(t, "no more is taken", func() bool {
		h.wake(t, wake(task.Ingest, "b"))
		i, err := h.asks.GetQueueInfo("test-interactive")
		return err == nil && i.Pending > 0
	})
	select {
	case <-stopped:
		t.Error("stopped in the middle of the work")
	default:
	}
	close(proceed)
	<-stopped
	if !finished {
		t.Error("the work was not finished")
	}
}

func TestStoppingDoesNotWaitForARedisThatHangs(t *testing.T) {
	t.Parallel()
	h := build(t)
	s := NewServer(h.at, Config{Prefix: "test", Concurrency: 4, Log: quiet, Away: nobody()}, func(context.Context, task.Wake) error { return nil })
	s.Start(t.Context())
	client := NewClient(h.at, "test", nobody())
	h.signal(t, syscall.SIGSTOP)
	client.Wake(t.Context(), wake(task.Ingest, "a"))
	stopped := make(chan error)
	go func() {
		s.Stop()
		stopped <- client.Close()
	}()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second): // a process has that long to end (RELIABILITY.md I24)
		t.Error("it waits for Redis")
	}
	h.signal(t, syscall.SIGCONT)
}

func TestTheQueuesAreShownAndSoIsARedisThatIsAway(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.wake(t, wake(task.Ingest, "a"), wake(task.Ingest, "b"), wake(task.Templates, "c"))
	eventually(t, "they are handed over", func() bool { n, _ := h.client.Counts(); return n == 3 })
	c := NewCollector(h.at, "test")
	defer func() { _ = c.Close() }()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(c)
	got, at := scrape(t, reg), h.at[0].Name
	if got["gatehouse_redis_up "+at] != 1 || got["gatehouse_queue_tasks interactive "+at+" pending"] != 2 || got["gatehouse_queue_tasks bulk "+at+" pending"] != 1 {
		t.Errorf("shows %v", got)
	}
	if held := got["gatehouse_redis_memory_bytes "+at]; held < 100_000 { // an empty one holds more
		t.Errorf("Redis holds %v bytes", held)
	}
	if _, ok := got["gatehouse_queue_tasks default "+at+" pending"]; ok {
		t.Error("shows a queue that nothing was ever in")
	}
	h.signal(t, syscall.SIGSTOP)
	if got := scrape(t, reg); got["gatehouse_redis_up "+at] != 0 {
		t.Errorf("shows %v", got)
	}
	h.signal(t, syscall.SIGCONT)
}

// scrape reads the values by name and labels.
func scrape(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			for _, l := range m.Label {
				name += " " + l.GetValue()
			}
			out[name] = m.GetGauge().GetValue()
		}
	}
	return out
}
