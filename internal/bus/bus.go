// Package bus carries live news between the parts of a process, and between processes through Redis pub/sub.
//
// It may lose news and says so: a subscriber that was too slow, or cut off from Redis, gets a NoticeLost and must ask the
// record what it missed. It never blocks a publisher. Within a process news travels without Redis, so that a desk on one
// machine is live while Redis is away. There may be several Redis, each on its own: everybody listens to all, and news goes through
// the one that its account belongs to (package shard), or, while that is away, through another.
package bus

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/logging"
	"gatehouse/internal/shard"

	"github.com/redis/go-redis/v9"
)

// slack is how many notices may wait for a subscriber or for Redis before some are dropped.
const slack = 4096

// Bus is one process's end.
type Bus struct {
	node string
	log  *slog.Logger
	away *logging.Absences // of Redis

	mu   sync.RWMutex
	subs map[*subscriber]struct{}

	links   []*link
	names   []string // of the links
	channel string
	silence time.Duration // of Redis, until it is asked whether it is there; as long again, until it has answered
	dropped atomic.Int64
	stop    context.CancelFunc
	wg      sync.WaitGroup
}

// Redis is a server that carries news, by the name that decides what belongs to it.
type Redis struct {
	Name   string
	Client redis.UniversalClient
}

// link is the way through one Redis.
type link struct {
	Redis
	out  chan []chat.Notice
	owed atomic.Bool // other processes do not know yet that they missed something
	away atomic.Bool // it did not take the last news
	open atomic.Bool // it has confirmed that it tells us what others say
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

// New makes a bus. Without a Redis the process is alone. prefix keeps installations on one Redis apart, node names this
// process, and away is told which Redis are.
func New(at []Redis, prefix, node string, log *slog.Logger, away *logging.Absences) *Bus {
	return open(at, prefix, node, log, away, time.Second)
}

func open(at []Redis, prefix, node string, log *slog.Logger, away *logging.Absences, silence time.Duration) *Bus {
	ctx, stop := context.WithCancel(context.Background())
	b := &Bus{node: node, log: log, away: away, subs: map[*subscriber]struct{}{}, channel: prefix + ":live", silence: silence, stop: stop}
	for _, r := range at {
		b.names = append(b.names, r.Name)
		b.links = append(b.links, &link{Redis: r, out: make(chan []chat.Notice, slack)})
	}
	for _, l := range b.links { // now that all are there
		b.wg.Go(func() { b.send(ctx, l) })
		b.wg.Go(func() { b.receive(ctx, l) })
	}
	return b
}

// Publish tells everybody. It never blocks.
func (b *Bus) Publish(_ context.Context, notices []chat.Notice) {
	b.deliver(notices)
	b.forward(notices)
}

// forward hands news to the links that it belongs to, what belongs together in its order.
func (b *Bus) forward(notices []chat.Notice) {
	if len(b.links) == 0 {
		return
	}
	parts := make([][]chat.Notice, len(b.links))
	for _, n := range notices {
		i := b.belongs(key(n))
		parts[i] = append(parts[i], n)
	}
	for i, part := range parts {
		if len(part) == 0 {
			continue
		}
		select {
		case b.links[i].out <- part:
		default:
			b.dropped.Add(int64(len(part)))
			b.links[i].owed.Store(true)
		}
	}
}

func (b *Bus) belongs(key string) int {
	return shard.Of(key, b.names, func(i int) bool { return b.links[i].away.Load() })
}

// key is what decides through which Redis news goes: its account, or what else it is about.
func key(n chat.Notice) string {
	switch {
	case n.Conversation != nil:
		return n.Conversation.AccountID.String()
	case n.Account != nil:
		return n.Account.ID.String()
	case n.Presence != nil:
		return n.Presence.Agent.String()
	case n.Kind == chat.NoticeViewers:
		return n.Node // who looks at this, and then at that
	case n.Kind == chat.NoticeTyping:
		return n.ConversationID.String()
	case n.Kind == chat.NoticeSession:
		return n.Agent.String()
	}
	return n.What
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

// Deaf tells whether news of other processes may not come through now: a Redis is away.
func (b *Bus) Deaf() bool {
	return slices.ContainsFunc(b.links, func(l *link) bool { return l.away.Load() || !l.open.Load() })
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

// send hands news to a Redis, in the order of its publishing. When some of it was lost, those who should have had it are told so,
// with the next news or as soon as a Redis takes it.
func (b *Bus) send(ctx context.Context, l *link) {
	for {
		var again <-chan time.Time
		if l.owed.Load() {
			again = time.After(time.Second)
		}
		var notices []chat.Notice
		select {
		case <-ctx.Done():
			return
		case <-again:
		case first := <-l.out:
			notices = append(notices, first...)
			for len(notices) < 256 { // what waits goes together
				select {
				case more := <-l.out:
					notices = append(notices, more...)
					continue
				default:
				}
				break
			}
		}
		if l.owed.Swap(false) {
			notices = append([]chat.Notice{{Kind: chat.NoticeLost}}, notices...)
		}
		if len(notices) == 0 {
			continue // somebody else's debt, which is paid already
		}
		if err := b.publish(l, notices); err != nil {
			b.dropped.Add(int64(len(notices)))
			l.owed.Store(true) // and so it is asked again, every second
			b.away.Gone(l.Name, "news out", err)
			if !l.away.Swap(true) {
				b.redirect(l)
			}
			continue
		}
		l.away.Store(false)
		b.away.Here(l.Name, "news out")
	}
}

// redirect has another Redis, where there is one, tell what a link that broke could not: that something is lost, and what still waits.
func (b *Bus) redirect(l *link) {
	other := b.links[b.belongs(l.Name)]
	if other.away.Load() {
		return
	}
	other.owed.Store(true)
	for {
		select {
		case waits := <-l.out:
			b.forward(waits)
			continue
		default:
		}
		break
	}
	select {
	case other.out <- nil: // it looks at what it owes
	default:
	}
}

func (b *Bus) publish(l *link, notices []chat.Notice) error {
	body, err := json.Marshal(envelope{b.node, notices})
	if err != nil {
		b.log.Error("a notice cannot be written", "error", err.Error())
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return l.Client.Publish(ctx, b.channel, body).Err()
}

// receive listens to the other processes. What was said between two subscriptions is lost, so everybody is told.
func (b *Bus) receive(ctx context.Context, l *link) {
	b.listen(ctx, l, false)
	for wait(ctx, 200*time.Millisecond); ctx.Err() == nil; wait(ctx, 200*time.Millisecond) {
		b.listen(ctx, l, true)
	}
}

// listen subscribes and hears until the connection is of no use any more: it ended, or Redis does not even answer. That a connection
// ended is no word yet against Redis: that there is no other one is. again is set when there was a connection before, whether or
// not Redis came to confirm it.
func (b *Bus) listen(ctx context.Context, l *link, again bool) {
	ps := l.Client.Subscribe(ctx, b.channel)
	closing := sync.OnceFunc(func() { _ = ps.Close() })
	defer closing()
	defer l.open.Store(false)
	defer context.AfterFunc(ctx, closing)() // ends a read that waits for Redis to say something, which a context does not
	for asked := false; ctx.Err() == nil; {
		msg, err := ps.ReceiveTimeout(ctx, b.silence)
		if err != nil {
			var network net.Error
			silent := errors.As(err, &network) && network.Timeout()
			if silent && !asked && ps.Ping(ctx) == nil {
				asked = true
				continue
			}
			if ctx.Err() == nil && (silent || !l.open.Load()) {
				b.away.Gone(l.Name, "news in", err)
			}
			return
		}
		asked = false
		switch m := msg.(type) {
		case *redis.Subscription:
			l.open.Store(true)
			b.away.Here(l.Name, "news in")
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
