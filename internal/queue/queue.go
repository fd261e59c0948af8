// Package queue carries wakes through Asynq on Redis: a task is a kind and an id, never content. Losing the whole of Redis
// costs seconds: what is due is in the record, and the sweeper finds it.
//
// There may be several Redis, each on its own: what a wake is about decides through which it goes (package shard), workers listen
// to all, and one that is away is stood in for by the others.
//
// Wake never blocks: wakes wait in memory, each at most once, for a sender that hands them to Redis; a Redis that hangs or is
// away makes them join, not queue up, and they ring when it is back. No task has a TaskID (an active or half-lost one would swallow later wakes), and none is
// kept after it is done.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/logging"
	"gatehouse/internal/shard"
	"gatehouse/internal/task"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// enqueueBudget is how long handing a wake to Redis may take, and breakFor how long nothing is tried after it took longer. Nobody
// waits for either: the budget is wide enough that a busy machine does not look like a broken Redis.
const (
	enqueueBudget = 250 * time.Millisecond
	breakFor      = time.Second
	workBudget    = 400 * time.Millisecond // of one of the four tries of everything else that Redis is asked
)

// Client hands wakes to Redis.
type Client struct {
	names   []string
	senders []*sender
	prefix  string
	away    *logging.Absences
	done    chan struct{}
	wg      sync.WaitGroup

	enqueued, failed atomic.Int64
}

// waitingMost bounds the wakes in memory: kinds × accounts is far below it; beyond it wakes are lost, which is allowed.
const waitingMost = 100_000

// NewClient makes a client and starts a sender for each Redis. prefix keeps installations on one Redis apart; away is told which
// Redis are.
func NewClient(at []Redis, prefix string, away *logging.Absences) *Client {
	c := &Client{prefix: prefix, away: away, done: make(chan struct{})}
	for _, r := range at {
		c.names = append(c.names, r.Name)
		c.senders = append(c.senders, &sender{
			client: c, name: r.Name, asynq: asynq.NewClient(At{r, enqueueBudget}), waiting: map[task.Wake]struct{}{}, ring: make(chan struct{}, 1),
		})
	}
	for _, s := range c.senders { // now that all are there
		c.wg.Go(s.send)
	}
	return c
}

// Wake rings for a worker, soon. What a wake is about decides through which Redis; if that is away, then through another: workers
// listen to all.
func (c *Client) Wake(_ context.Context, w task.Wake) {
	c.senders[shard.Of(w.ID, c.names, func(i int) bool { return c.senders[i].open.Load() })].add(w)
}

// Counts are the wakes handed to Redis, and how often one could not be.
func (c *Client) Counts() (enqueued, failed int64) { return c.enqueued.Load(), c.failed.Load() }

// Broken tells whether a Redis did not take the last wake that it was given: others may have been lost with it.
func (c *Client) Broken() bool {
	return slices.ContainsFunc(c.senders, func(s *sender) bool { return s.open.Load() })
}

// Close stops the senders. Wakes that wait are dropped.
func (c *Client) Close() error {
	close(c.done)
	c.wg.Wait()
	var errs []error
	for _, s := range c.senders {
		errs = append(errs, s.asynq.Close())
	}
	return errors.Join(errs...)
}

// sender hands wakes to one Redis.
type sender struct {
	client *Client
	name   string
	asynq  *asynq.Client
	ring   chan struct{}
	open   atomic.Bool // the breaker: it did not take the last wake

	mu      sync.Mutex
	waiting map[task.Wake]struct{}
	order   []task.Wake
}

func (s *sender) add(w task.Wake) {
	s.wait(w)
	select {
	case s.ring <- struct{}{}:
	default:
	}
}

func (s *sender) wait(w task.Wake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.waiting[w]; !there && len(s.order) < waitingMost {
		s.waiting[w] = struct{}{}
		s.order = append(s.order, w)
	}
}

func (s *sender) send() {
	c := s.client
	for {
		select {
		case <-c.done:
			return
		case <-s.ring:
		}
		for {
			w, ok := s.next()
			if !ok {
				break
			}
			if err := s.enqueue(w); err != nil {
				c.failed.Add(1)
				c.away.Gone(s.name, "wakes out", err)
				if s.open.CompareAndSwap(false, true) {
					c.Wake(context.Background(), w) // Redis may have it all the same: a wake may come twice
				}
				s.handOver()
				s.wait(w) // to ask again with
				select {
				case <-c.done:
					return
				case <-time.After(breakFor):
				}
				continue
			}
			c.enqueued.Add(1)
			s.open.Store(false)
			c.away.Here(s.name, "wakes out")
		}
	}
}

// handOver gives what waits to whom it belongs now.
func (s *sender) handOver() {
	s.mu.Lock()
	all := s.order
	s.order, s.waiting = nil, map[task.Wake]struct{}{}
	s.mu.Unlock()
	for _, w := range all {
		s.client.Wake(context.Background(), w)
	}
}

func (s *sender) next() (task.Wake, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.order) == 0 {
		s.order = nil
		return task.Wake{}, false
	}
	w := s.order[0]
	s.order = s.order[1:]
	delete(s.waiting, w)
	return w, true
}

func (s *sender) enqueue(w task.Wake) error {
	ctx, cancel := context.WithTimeout(context.Background(), enqueueBudget)
	defer cancel()
	opts := []asynq.Option{asynq.Queue(QueueName(s.client.prefix, w.Kind.Queue())), asynq.MaxRetry(1), asynq.Timeout(10 * time.Minute)}
	if !w.NotBefore.IsZero() {
		opts = append(opts, asynq.ProcessAt(w.NotBefore))
	}
	_, err := s.asynq.EnqueueContext(ctx, asynq.NewTask(string(w.Kind), []byte(w.ID)), opts...)
	return err
}

// QueueName is the name of a queue in Redis.
func QueueName(prefix string, q task.Queue) string { return prefix + "-" + string(q) }

// Server runs the handler of each wake, from whichever Redis it comes.
type Server struct {
	parts  []*part
	handle asynq.HandlerFunc
	log    *slog.Logger
	gone   *logging.Absences
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

// part is the server of one Redis.
type part struct {
	name  string
	redis redis.UniversalClient
	asynq *asynq.Server
	away  atomic.Bool // it did not answer the last time, or has not answered yet
}

// Config sizes a Server.
type Config struct {
	Prefix      string
	Concurrency int // wakes taken at once from each Redis; the handler bounds what runs
	Log         *slog.Logger
	Away        *logging.Absences // is told which Redis are
}

// NewServer makes a server that hands each wake to handle. An error of handle has the wake tried once more; after that the
// sweeper takes over.
func NewServer(at []Redis, cfg Config, handle func(ctx context.Context, w task.Wake) error) *Server {
	s := &Server{log: cfg.Log, gone: cfg.Away}
	for _, r := range at {
		p := &part{name: r.Name, redis: r.Open(workBudget)}
		p.asynq = asynq.NewServerFromRedisClient(p.redis, asynq.Config{
			Concurrency: cfg.Concurrency,
			Queues: map[string]int{
				QueueName(cfg.Prefix, task.Interactive): 6, QueueName(cfg.Prefix, task.Default): 3, QueueName(cfg.Prefix, task.Bulk): 1,
			},
			TaskCheckInterval:        15 * time.Millisecond, // the default of one second would cost half of one
			DelayedTaskCheckInterval: time.Second,
			ShutdownTimeout:          20 * time.Second,
			Logger:                   newAsynqLog(cfg.Log.With("redis", r.Name)),
			LogLevel:                 asynq.WarnLevel,
			RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return time.Second },
			IsFailure:                func(err error) bool { return !errors.Is(err, context.Canceled) },
			HealthCheckFunc:          func(err error) { s.heard(p, err) },
			HealthCheckInterval:      time.Second,
		})
		p.away.Store(true)
		s.parts = append(s.parts, p)
	}
	kinds := task.Kinds()
	s.handle = func(ctx context.Context, t *asynq.Task) error { // not asynq's mux: it goes by how a kind begins
		k := task.Kind(t.Type())
		if !slices.Contains(kinds, k) {
			return fmt.Errorf("a wake of an unknown kind: %w", asynq.SkipRetry)
		}
		return handle(ctx, task.Wake{Kind: k, ID: string(t.Payload())})
	}
	return s
}

// Start begins to take wakes from each Redis as soon as it answers; until then the sweeper does the work.
func (s *Server) Start(ctx context.Context) {
	ctx, s.stop = context.WithCancel(ctx)
	for _, p := range s.parts {
		s.wg.Go(func() {
			for {
				err := p.redis.Ping(ctx).Err()
				if ctx.Err() != nil {
					return
				}
				if s.heard(p, err); err == nil {
					break
				}
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Second):
				}
			}
			if err := p.asynq.Start(s.handle); err != nil {
				s.log.Error("the queue did not start", "redis", p.name, "error", err.Error())
			}
		})
	}
}

// heard is told what came of asking a Redis.
func (s *Server) heard(p *part, err error) {
	if p.away.Store(err != nil); err != nil {
		s.gone.Gone(p.name, "wakes in", err)
		return
	}
	s.gone.Here(p.name, "wakes in")
}

// Away tells whether a Redis did not answer a second ago: what was to come from it may be lost.
func (s *Server) Away() bool {
	return slices.ContainsFunc(s.parts, func(p *part) bool { return p.away.Load() })
}

// Stop takes no more wakes and waits for those that run. A server that was never started can be stopped.
func (s *Server) Stop() {
	if s.stop != nil {
		s.stop()
		s.wg.Wait()
	}
	var stopping sync.WaitGroup
	for _, p := range s.parts {
		stopping.Go(func() {
			p.asynq.Stop()
			p.asynq.Shutdown()
			_ = p.redis.Close() // closed or not, nothing is asked of it any more
		})
	}
	stopping.Wait()
}
