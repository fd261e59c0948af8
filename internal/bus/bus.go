// Package bus carries live news between the parts of a process, and between processes through Redis pub/sub.
//
// It may lose news and says so: a subscriber that was too slow, or cut off from Redis, gets a NoticeLost and must ask the
// record what it missed. It never blocks a publisher. Within a process news travels without Redis, so that a desk on one
// machine is live while Redis is away.
package bus

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/chat"

	"github.com/redis/go-redis/v9"
)

// slack is how many notices may wait for a subscriber or for Redis before some are dropped.
const slack = 4096

// Bus is one process's end.
type Bus struct {
	node string
	log  *slog.Logger

	mu   sync.RWMutex
	subs map[*subscriber]struct{}

	rdb     redis.UniversalClient
	channel string
	out     chan []chat.Notice
	dropped atomic.Int64
	done    chan struct{}
	wg      sync.WaitGroup
}

type subscriber struct {
	in   chan chat.Notice
	lost atomic.Bool
}

// envelope is what goes through Redis. A process does not hear its own.
type envelope struct {
	Node    string        `json:"node"`
	Notices []chat.Notice `json:"notices"`
}

// New makes a bus. rdb may be nil: then the process is alone. prefix keeps installations on one Redis apart, node names this
// process.
func New(rdb redis.UniversalClient, prefix, node string, log *slog.Logger) *Bus {
	b := &Bus{
		node: node, log: log, subs: map[*subscriber]struct{}{}, rdb: rdb, channel: prefix + ":live",
		out: make(chan []chat.Notice, slack), done: make(chan struct{}),
	}
	if rdb != nil {
		b.wg.Add(2)
		go b.send()
		go b.receive()
	}
	return b
}

// Publish tells everybody. It never blocks.
func (b *Bus) Publish(_ context.Context, notices []chat.Notice) {
	if len(notices) == 0 {
		return
	}
	b.deliver(notices)
	if b.rdb == nil {
		return
	}
	select {
	case b.out <- notices:
	default:
		b.dropped.Add(int64(len(notices)))
	}
}

// Subscribe calls f with every notice, in order and one at a time, until cancel is called.
func (b *Bus) Subscribe(f func(chat.Notice)) (cancel func()) {
	s := &subscriber{in: make(chan chat.Notice, slack)}
	b.mu.Lock()
	b.subs[s] = struct{}{}
	b.mu.Unlock()
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case n := <-s.in:
				if s.lost.CompareAndSwap(true, false) {
					f(chat.Notice{Kind: chat.NoticeLost})
				}
				f(n)
			}
		}
	}()
	return sync.OnceFunc(func() {
		b.mu.Lock()
		delete(b.subs, s)
		b.mu.Unlock()
		close(stop)
	})
}

// Dropped is how many notices did not fit on their way to other processes.
func (b *Bus) Dropped() int64 { return b.dropped.Load() }

// Close stops the traffic with Redis.
func (b *Bus) Close() {
	close(b.done)
	b.wg.Wait()
}

func (b *Bus) deliver(notices []chat.Notice) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for s := range b.subs {
		for _, n := range notices {
			select {
			case s.in <- n:
			default:
				s.lost.Store(true)
			}
		}
	}
}

func (b *Bus) send() {
	defer b.wg.Done()
	for {
		select {
		case <-b.done:
			return
		case notices := <-b.out:
			for len(notices) < 256 { // what waits goes together
				select {
				case more := <-b.out:
					notices = append(notices, more...)
					continue
				default:
				}
				break
			}
			body, err := json.Marshal(envelope{b.node, notices})
			if err != nil {
				b.log.Error("a notice cannot be written", "error", err.Error())
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if err := b.rdb.Publish(ctx, b.channel, body).Err(); err != nil {
				b.dropped.Add(int64(len(notices)))
			}
			cancel()
		}
	}
}

// receive listens to the other processes. go-redis subscribes again by itself; what was said meanwhile is lost, so everybody
// is told.
func (b *Bus) receive() {
	defer b.wg.Done()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ps := b.rdb.Subscribe(ctx, b.channel)
	closed := make(chan struct{})
	defer func() { <-closed }()
	go func() {
		defer close(closed)
		<-b.done
		cancel()
		_ = ps.Close() // ends a read that waits for Redis to say something, which a context does not
	}()
	subscribed := false
	for ctx.Err() == nil {
		msg, err := ps.ReceiveTimeout(ctx, 30*time.Second)
		if err != nil {
			if ctx.Err() == nil {
				if perr := ps.Ping(ctx); perr != nil {
					wait(ctx, 200*time.Millisecond)
				}
			}
			continue
		}
		switch m := msg.(type) {
		case *redis.Subscription:
			if subscribed {
				b.deliver([]chat.Notice{{Kind: chat.NoticeLost}})
			}
			subscribed = true
		case *redis.Message:
			var e envelope
			if err := json.Unmarshal([]byte(m.Payload), &e); err != nil {
				b.log.Warn("a notice cannot be read", "error", err.Error())
			} else if e.Node != b.node {
				b.deliver(e.Notices)
			}
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
