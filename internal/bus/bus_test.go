package bus

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/embedded"
	"gatehouse/internal/embedded/embeddedtest"
	"gatehouse/internal/logging"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ear notes what a subscriber hears.
type ear struct {
	mu    sync.Mutex
	heard []chat.Notice
}

func (e *ear) hear(n chat.Notice) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, n)
}

func (e *ear) all() []chat.Notice {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// whats are the names of the news, "lost" where something is missing.
func (e *ear) whats() (out []string) {
	for _, n := range e.all() {
		what := n.What
		if n.Kind == chat.NoticeLost {
			what = "lost"
		}
		out = append(out, what)
	}
	return out
}

func listener(t *testing.T, b *Bus) *ear {
	t.Helper()
	e := &ear{}
	t.Cleanup(b.Subscribe(e.hear))
	return e
}

func news(format string, args ...any) []chat.Notice {
	return []chat.Notice{{Kind: chat.NoticeSettings, What: fmt.Sprintf(format, args...)}}
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in 30 s: %s", what)
		}
	}
}

// said are the words that one end logged when Redis went and came.
type said struct {
	slog.Handler
	mu    sync.Mutex
	words []string
}

func (*said) Enabled(context.Context, slog.Level) bool { return true }

func (s *said) Handle(_ context.Context, r slog.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.words = append(s.words, r.Message)
	return nil
}

func (s *said) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.words)
}

// nobody is told what is away.
func nobody() *logging.Absences {
	return logging.NewAbsences(slog.New(slog.DiscardHandler), logging.AbsenceText{})
}

// house is a Redis with a bus at each end.
type house struct {
	*embedded.Servers
	rdb         *redis.Client
	here, there *Bus
	dials       atomic.Int64
	said        said
}

func build(t *testing.T, silence time.Duration) *house {
	t.Helper()
	h := &house{Servers: embeddedtest.Start(t, embedded.OnlyRedis)}
	h.rdb = h.client(t)
	h.here = open(h.ways(t), "test", "here", slog.New(slog.DiscardHandler), logging.NewAbsences(slog.New(&h.said), logging.AbsenceText{Gone: "away", Back: "back"}), silence)
	h.there = open(h.ways(t), "test", "there", slog.New(slog.DiscardHandler), nobody(), silence)
	t.Cleanup(h.here.Close)
	t.Cleanup(h.there.Close)
	h.subscribed(t, 2)
	return h
}

// ways are a bus's connections to Redis.
func (h *house) ways(t *testing.T) []Redis {
	t.Helper()
	rdb := h.client(t)
	return []Redis{{rdb.Options().Addr, rdb}}
}

func (h *house) client(t *testing.T) *redis.Client {
	t.Helper()
	opt, err := redis.ParseURL(h.RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	opt.DialTimeout, opt.ReadTimeout, opt.WriteTimeout = time.Second, time.Second, time.Second
	opt.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		h.dials.Add(1)
		d := net.Dialer{Timeout: time.Second}
		return d.DialContext(ctx, network, addr)
	}
	rdb := redis.NewClient(opt)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func (h *house) subscribed(t *testing.T, n int64) {
	t.Helper()
	eventually(t, "they listen", func() bool {
		got, err := h.rdb.PubSubNumSub(t.Context(), "test:live").Result()
		return err == nil && got["test:live"] == n
	})
}

func (h *house) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	_, pid := h.PIDs()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

func TestNewsReachesEveryProcessOnceAndInOrder(t *testing.T) {
	t.Parallel()
	h := build(t, time.Minute)
	near, far := listener(t, h.here), listener(t, h.there)
	var want []string
	for i := range 2000 {
		want = append(want, fmt.Sprint(i))
		h.here.Publish(t.Context(), news("%d", i))
	}
	eventually(t, "all of it is there", func() bool { return len(far.all()) >= 2000 && len(near.all()) >= 2000 })
	h.there.Publish(t.Context(), news("end")) // behind whatever might come twice
	eventually(t, "the answer is here", func() bool { return slices.Contains(near.whats(), "end") && slices.Contains(far.whats(), "end") })
	for name, e := range map[string]*ear{"here": near, "there": far} {
		if got := e.whats(); !slices.Equal(got, append(slices.Clone(want), "end")) {
			t.Errorf("%s heard %d pieces of news, not the 2001 in order", name, len(got))
		}
	}
}

func TestInstallationsOnOneRedisDoNotHearEachOther(t *testing.T) {
	t.Parallel()
	h := build(t, time.Minute)
	other := open(h.ways(t), "other", "else", slog.New(slog.DiscardHandler), nobody(), time.Minute)
	t.Cleanup(other.Close)
	far, foreign := listener(t, h.there), listener(t, other)
	other.Publish(t.Context(), news("theirs"))
	h.here.Publish(t.Context(), news("ours"))
	eventually(t, "ours is heard", func() bool { return slices.Contains(far.whats(), "ours") })
	if got := foreign.whats(); !slices.Equal(got, []string{"theirs"}) || slices.Contains(far.whats(), "theirs") {
		t.Errorf("they heard %v, we %v", got, far.whats())
	}
}

// Redis is stopped in the middle: nobody waits for it, the own process hears everything, and the others hear everything or that
// something is missing.
func TestARedisThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	h := build(t, time.Minute)
	near, far := listener(t, h.here), listener(t, h.there)
	eventually(t, "both hear", func() bool { return !h.here.Deaf() && !h.there.Deaf() })
	h.signal(t, syscall.SIGSTOP)
	for i := range 100 {
		h.here.Publish(t.Context(), news("%d", i))
	}
	eventually(t, "the own process hears it", func() bool { return len(near.all()) == 100 })
	eventually(t, "it is not handed over", func() bool { return h.here.Dropped() > 0 })
	eventually(t, "who could not hand it over knows that nothing comes", h.here.Deaf)
	h.signal(t, syscall.SIGCONT)
	eventually(t, "the other process knows that it missed something", func() bool { return slices.Contains(far.whats(), "lost") })
	h.here.Publish(t.Context(), news("after"))
	eventually(t, "news goes on", func() bool { return slices.Contains(far.whats(), "after") })
	if slices.Contains(near.whats(), "lost") {
		t.Error("the own process missed nothing, and was told so")
	}
}

func TestWhatRedisNeverTookIsOwnedUpToWithoutFurtherNews(t *testing.T) {
	t.Parallel()
	h := build(t, time.Minute)
	far := listener(t, h.there)
	h.signal(t, syscall.SIGSTOP)
	for range slack + 300 { // more than may wait
		h.here.Publish(t.Context(), news("more"))
	}
	if h.here.Dropped() == 0 {
		t.Fatal("nothing was too much")
	}
	h.signal(t, syscall.SIGCONT)
	eventually(t, "the other process knows that it missed something", func() bool { return slices.Contains(far.whats(), "lost") })
}

func TestASubscriptionComesBackWithRedisAndSaysThatSomethingIsMissing(t *testing.T) {
	t.Parallel()
	h := build(t, time.Minute)
	near, far := listener(t, h.here), listener(t, h.there)
	h.signal(t, syscall.SIGKILL) // it is started again where it was
	eventually(t, "both know", func() bool { return slices.Contains(near.whats(), "lost") && slices.Contains(far.whats(), "lost") })
	h.subscribed(t, 2)
	h.here.Publish(t.Context(), news("after"))
	eventually(t, "news goes on", func() bool { return slices.Contains(far.whats(), "after") })
}

// However many ways there are through a Redis, and however often each is tried, it is said once that it is away, and once that it is back.
func TestThatARedisIsAwayIsSaidOnce(t *testing.T) {
	t.Parallel()
	h := build(t, 2*time.Second)
	eventually(t, "it hears", func() bool { return !h.here.Deaf() })
	if got := h.said.all(); len(got) > 0 {
		t.Fatalf("said %v of a Redis that answers", got)
	}
	h.signal(t, syscall.SIGSTOP)
	before := h.dials.Load()
	h.here.Publish(t.Context(), news("meanwhile"))
	eventually(t, "both ways are tried again", func() bool { return h.here.Dropped() > 2 && h.dials.Load() > before+3 })
	if got := h.said.all(); !slices.Equal(got, []string{"away"}) {
		t.Errorf("said %v of a Redis that hangs", got)
	}
	h.signal(t, syscall.SIGCONT)
	eventually(t, "it is said that it is back", func() bool { return len(h.said.all()) > 1 })
	if got := h.said.all(); !slices.Equal(got, []string{"away", "back"}) || h.here.Deaf() {
		t.Errorf("said %v; deaf: %t", got, h.here.Deaf())
	}
}

// Redis closes a connection, as it does to a subscriber that is too slow: there is another one, and nothing to say.
func TestAConnectionThatEndsIsNoAbsence(t *testing.T) {
	t.Parallel()
	h := build(t, time.Minute)
	near := listener(t, h.here)
	eventually(t, "it hears", func() bool { return !h.here.Deaf() })
	if err := h.rdb.ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it hears again", func() bool { return slices.Contains(near.whats(), "lost") && !h.here.Deaf() })
	if got := h.said.all(); len(got) > 0 {
		t.Errorf("said %v", got)
	}
}

// A machine that vanished closes no connection. Redis that does not say anything is asked, and left if it does not answer.
func TestAConnectionOnWhichNobodyAnswersIsLeft(t *testing.T) {
	t.Parallel()
	h := build(t, time.Second)
	near, far := listener(t, h.here), listener(t, h.there)
	before := h.dials.Load()
	h.signal(t, syscall.SIGSTOP)
	eventually(t, "both turn to a new connection", func() bool { return h.dials.Load() >= before+2 })
	eventually(t, "both know that nothing comes", func() bool { return h.here.Deaf() && h.there.Deaf() })
	h.signal(t, syscall.SIGCONT)
	eventually(t, "both know", func() bool { return slices.Contains(near.whats(), "lost") && slices.Contains(far.whats(), "lost") })
	eventually(t, "both hear again", func() bool { return !h.here.Deaf() && !h.there.Deaf() })
	h.subscribed(t, 2)
	h.here.Publish(t.Context(), news("after"))
	eventually(t, "news goes on", func() bool { return slices.Contains(far.whats(), "after") })
}

func TestAQuietConnectionIsKept(t *testing.T) {
	t.Parallel()
	h := build(t, time.Second)
	far := listener(t, h.there)
	eventually(t, "Redis was asked twice by each", func() bool {
		info, err := h.rdb.Info(t.Context(), "commandstats").Result()
		var calls int
		for line := range strings.Lines(info) {
			if _, err := fmt.Sscanf(line, "cmdstat_ping:calls=%d,", &calls); err == nil {
				break
			}
		}
		return err == nil && calls >= 4
	})
	h.here.Publish(t.Context(), news("still"))
	eventually(t, "it listens", func() bool { return len(far.all()) > 0 })
	if got := far.whats(); !slices.Equal(got, []string{"still"}) {
		t.Errorf("heard %v", got)
	}
}

func TestASlowSubscriberIsToldThatItMissedSomethingAndHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	b := New(nil, "test", "alone", slog.New(slog.DiscardHandler), nil)
	defer b.Close()
	quick := listener(t, b)
	slow, entered, proceed := &ear{}, make(chan struct{}), make(chan struct{})
	first := sync.OnceFunc(func() { close(entered); <-proceed })
	cancel := b.Subscribe(func(n chat.Notice) { first(); slow.hear(n) })
	defer cancel()
	b.Publish(t.Context(), news("first"))
	<-entered
	const many = slack + 100
	for i := range many {
		b.Publish(t.Context(), news("%d", i))
		if i%1000 == 0 { // the quick one is quick, but not on a machine that is busy with others
			eventually(t, "the quick one keeps up", func() bool { return len(quick.all()) == i+2 })
		}
	}
	eventually(t, "the quick one hears all", func() bool { return len(quick.all()) == many+1 })
	close(proceed)
	eventually(t, "the slow one hears what waited", func() bool { return len(slow.all()) == slack+2 })
	if got := slow.whats(); got[0] != "first" || got[1] != "lost" || slices.Contains(quick.whats(), "lost") {
		t.Errorf("the slow one heard %v first", got[:2])
	}
}

func TestNobodyHearsAnythingAfterLeaving(t *testing.T) {
	t.Parallel()
	b := New(nil, "test", "alone", slog.New(slog.DiscardHandler), nil)
	defer b.Close()
	stays, left := listener(t, b), &ear{}
	cancel := b.Subscribe(left.hear)
	cancel()
	cancel() // twice is once
	b.Publish(t.Context(), news("after"))
	b.Publish(t.Context(), nil)
	eventually(t, "who stayed hears it", func() bool { return len(stays.all()) == 1 })
	if len(left.all()) != 0 {
		t.Error("heard after leaving")
	}
}

func TestWhatNobodyCanReadCountsAsMissed(t *testing.T) {
	t.Parallel()
	h := build(t, time.Minute)
	far := listener(t, h.there)
	if err := h.rdb.Publish(t.Context(), "test:live", "from a newer version").Err(); err != nil {
		t.Fatal(err)
	}
	h.here.Publish(t.Context(), news("after"))
	eventually(t, "news goes on", func() bool { return len(far.all()) == 2 })
	if got := far.whats(); !slices.Equal(got, []string{"lost", "after"}) {
		t.Errorf("heard %v", got)
	}
}

func TestClosingWaitsForNothingThatRedisDoes(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"quiet": syscall.SIGCONT, "hanging": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := build(t, time.Hour)
			h.signal(t, sig)
			closed := make(chan struct{})
			go func() { h.here.Close(); close(closed) }()
			select {
			case <-closed:
			case <-time.After(20 * time.Second):
				t.Fatal("the bus waits for a message that never comes")
			}
			h.signal(t, syscall.SIGCONT)
		})
	}
}
