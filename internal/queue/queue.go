// Package queue carries wakes through Asynq on Redis: a task is a kind and an id, never content. Losing the whole of Redis
// costs seconds: what is due is in the record, and the sweeper finds it.
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

	"gatehouse/internal/task"

	"github.com/hibiken/asynq"
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
	asynq  *asynq.Client
	prefix string
	log    *slog.Logger

	mu      sync.Mutex
	waiting map[task.Wake]struct{}
	order   []task.Wake
	ring    chan struct{}
	done    chan struct{}
	wg      sync.WaitGroup

	enqueued, failed atomic.Int64
	open             atomic.Bool
}

// waitingMost bounds the wakes in memory: kinds × accounts is far below it; beyond it wakes are lost, which is allowed.
const waitingMost = 100_000

// NewClient makes a client and starts its sender. prefix keeps installations on one Redis apart.
func NewClient(at asynq.RedisConnOpt, prefix string, log *slog.Logger) *Client {
	c := &Client{
		asynq: asynq.NewClient(bounded(at, enqueueBudget)), prefix: prefix, log: log, waiting: map[task.Wake]struct{}{},
		ring: make(chan struct{}, 1), done: make(chan struct{}),
	}
	c.wg.Add(1)
	go c.send()
	return c
}

// bounded has every read and write of a connection end in time: a context's deadline does not end one, only the tries after it.
func bounded(at asynq.RedisConnOpt, limit time.Duration) asynq.RedisConnOpt {
	switch o := at.(type) {
	case asynq.RedisClientOpt:
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = limit, limit, limit
		return o
	case asynq.RedisFailoverClientOpt:
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = limit, limit, limit
		return o
	}
	return at
}

// Wake rings for a worker, soon.
func (c *Client) Wake(_ context.Context, w task.Wake) {
	c.wait(w)
	select {
	case c.ring <- struct{}{}:
	default:
	}
}

func (c *Client) wait(w task.Wake) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.waiting[w]; !there && len(c.order) < waitingMost {
		c.waiting[w] = struct{}{}
		c.order = append(c.order, w)
	}
}

// Counts are the wakes handed to Redis, and how often one could not be.
func (c *Client) Counts() (enqueued, failed int64) { return c.enqueued.Load(), c.failed.Load() }

// Broken tells whether Redis did not take the last wake.
func (c *Client) Broken() bool { return c.open.Load() }

// Close stops the sender. Wakes that wait are dropped.
func (c *Client) Close() error {
	close(c.done)
	c.wg.Wait()
	return c.asynq.Close()
}

func (c *Client) send() {
	defer c.wg.Done()
	for {
		select {
		case <-c.done:
			return
		case <-c.ring:
		}
		for {
			w, ok := c.next()
			if !ok {
				break
			}
			if err := c.enqueue(w); err != nil {
				c.failed.Add(1)
				c.wait(w) // Redis may have it all the same: a wake may come twice
				if c.open.CompareAndSwap(false, true) {
					c.log.Warn("redis does not take wakes; the sweeper does the work", "error", err.Error())
				}
				select {
				case <-c.done:
					return
				case <-time.After(breakFor):
				}
				continue
			}
			c.enqueued.Add(1)
			if c.open.CompareAndSwap(true, false) {
				c.log.Info("redis takes wakes again")
			}
		}
	}
}

func (c *Client) next() (task.Wake, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.order) == 0 {
		c.order = nil
		return task.Wake{}, false
	}
	w := c.order[0]
	c.order = c.order[1:]
	delete(c.waiting, w)
	return w, true
}

func (c *Client) enqueue(w task.Wake) error {
	ctx, cancel := context.WithTimeout(context.Background(), enqueueBudget)
	defer cancel()
	opts := []asynq.Option{asynq.Queue(QueueName(c.prefix, w.Kind.Queue())), asynq.MaxRetry(1), asynq.Timeout(10 * time.Minute)}
	if !w.NotBefore.IsZero() {
		opts = append(opts, asynq.ProcessAt(w.NotBefore))
	}
	_, err := c.asynq.EnqueueContext(ctx, asynq.NewTask(string(w.Kind), []byte(w.ID)), opts...)
	return err
}

// QueueName is the name of a queue in Redis.
func QueueName(prefix string, q task.Queue) string { return prefix + "-" + string(q) }

// Server runs the handler of each wake.
type Server struct {
	asynq  *asynq.Server
	handle asynq.HandlerFunc
}

// Config sizes a Server.
type Config struct {
	Prefix      string
	Concurrency int // wakes handled at once
	Log         *slog.Logger
}

// NewServer makes a server that hands each wake to handle. An error of handle has the wake tried once more; after that the
// sweeper takes over.
func NewServer(at asynq.RedisConnOpt, cfg Config, handle func(ctx context.Context, w task.Wake) error) *Server {
	s := &Server{}
	s.asynq = asynq.NewServer(bounded(at, workBudget), asynq.Config{
		Concurrency: cfg.Concurrency,
		Queues: map[string]int{
			QueueName(cfg.Prefix, task.Interactive): 6, QueueName(cfg.Prefix, task.Default): 3, QueueName(cfg.Prefix, task.Bulk): 1,
		},
		TaskCheckInterval:        15 * time.Millisecond, // the default of one second would cost half of one
		DelayedTaskCheckInterval: time.Second,
		ShutdownTimeout:          20 * time.Second,
		Logger:                   asynqLog{cfg.Log},
		LogLevel:                 asynq.WarnLevel,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return time.Second },
		IsFailure:                func(err error) bool { return !errors.Is(err, context.Canceled) },
	})
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

// Start begins to work.
func (s *Server) Start() error { return s.asynq.Start(s.handle) }

// Stop takes no more wakes and waits for those that run.
func (s *Server) Stop() {
	s.asynq.Stop()
	s.asynq.Shutdown()
}

type asynqLog struct{ log *slog.Logger }

func (l asynqLog) Debug(...any)      {}
func (l asynqLog) Info(...any)       {}
func (l asynqLog) Warn(args ...any)  { l.log.Warn("asynq", "said", sprint(args)) }
func (l asynqLog) Error(args ...any) { l.log.Warn("asynq", "said", sprint(args)) }
func (l asynqLog) Fatal(args ...any) { l.log.Error("asynq", "said", sprint(args)) }
