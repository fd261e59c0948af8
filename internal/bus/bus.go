// Package bus carries live news between the parts of a process, and between processes through Redis pub/sub.
//
// It may lose news and says so: a subscriber that was too slow, or cut off from Redis, gets a NoticeLost and must ask the
// record what it missed. It never blocks a publisher. Within a process news travels without Redis, so that a desk on one
// machine is live while Redis is away.
package bus

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
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
	silence time.Duration // of Redis, until it is asked whether it is there
	out     chan []chat.Notice
	dropped atomic.Int64
	owed    atomic.Bool // other processes do not know yet that they missed something
	stop    context.CancelFunc
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
	return open(rdb, prefix, node, log, 30*time.Second)
}

func open(rdb redis.UniversalClient, prefix, node string, log *slog.Logger, silence time.Duration) *Bus {
	ctx, stop := context.WithCancel(context.Background())
	b := &Bus{
		node: node, log: log, subs: map[*subscriber]struct{}{}, rdb: rdb, channel: prefix + ":live", silence: silence,
		out: make(chan []chat.Notice, slack), stop: stop,
	}
	if rdb != nil {
		b.wg.Add(2)
		go b.send(ctx)
		go b.receive(ctx)
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
		b.owed.Store(true)
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
	b.stop()
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

// send hands news to Redis, in the order of its publishing. When some of it was lost, those who should have had it are told so,
// with the next news or as soon as Redis takes it.
func (b *Bus) send(ctx context.Context) {
	defer b.wg.Done()
	for {
		var again <-chan time.Time
		if b.owed.Load() {
			again = time.After(time.Second)
		}
		var notices []chat.Notice
		select {
		case <-ctx.Done():
			return
		case <-again:
		case first := <-b.out:
			notices = append(notices, first...)
			for len(notices) < 256 { // what waits goes together
				select {
				case more := <-b.out:
					notices = append(notices, more...)
					continue
				default:
				}
				break
			}
		}
		if b.owed.Swap(false) {
			notices = append([]chat.Notice{{Kind: chat.NoticeLost}}, notices...)
		}
		if err := b.publish(notices); err != nil {
			b.dropped.Add(int64(len(notices)))
			b.owed.Store(true)
		}
	}
}

func (b *Bus) publish(notices []chat.Notice) error {
	body, err := json.Marshal(envelope{b.node, notices})
	if err != nil {
		b.log.Error("a notice cannot be written", "error", err.Error())
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return b.rdb.Publish(ctx, b.channel, body).Err()
}

// receive listens to the other processes. What was said between two subscriptions is lost, so everybody is told.
func (b *Bus) receive(ctx context.Context) {
	defer b.wg.Done()
	b.listen(ctx, false)
	for wait(ctx, 200*time.Millisecond); ctx.Err() == nil; wait(ctx, 200*time.Millisecond) {
		b.listen(ctx, true)
	}
}

// listen subscribes and hears until the connection is of no use any more: it ended, or Redis does not even answer. again is set
// when there was a connection before, whether or not Redis came to confirm it.
func (b *Bus) listen(ctx context.Context, again bool) {
	ps := b.rdb.Subscribe(ctx, b.channel)
	closing := sync.OnceFunc(func() { _ = ps.Close() })
	defer closing()
	defer context.AfterFunc(ctx, closing)() // ends a read that waits for Redis to say something, which a context does not
	for asked := false; ctx.Err() == nil; {
		msg, err := ps.ReceiveTimeout(ctx, b.silence)
		if err != nil {
			var network net.Error
			if asked || !errors.As(err, &network) || !network.Timeout() || ps.Ping(ctx) != nil {
				return
			}
			asked = true
			continue
		}
		asked = false
		switch m := msg.(type) {
		case *redis.Subscription:
			if again {
				b.deliver([]chat.Notice{{Kind: chat.NoticeLost}})
			}
			again = true
		case *redis.Message:
			var e envelope
			if err := json.Unmarshal([]byte(m.Payload), &e); err != nil {
				b.log.Warn("a notice cannot be read", "error", err.Error())
				b.deliver([]chat.Notice{{Kind: chat.NoticeLost}})
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
