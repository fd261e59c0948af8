package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// program is what Postgres and Redis have in common.
type program interface {
	name() string
	// adopt returns the running server of an earlier life if it is well, and ends it if it is not. Nil is none.
	adopt(context.Context) (*process, error)
	// launch starts the server and waits until it serves. If it may move, it takes another port when its own is
	// taken.
	launch(ctx context.Context, mayMove bool) (*process, error)
	// farewell is how the server is asked to end.
	farewell() []step
}

const (
	firstTries = 5                      // in one Start: a killed Postgres may need a moment to let go of its memory
	pause      = 100 * time.Millisecond // before the second one; doubled each time
	longest    = 10 * time.Second       // between the launches of a server that keeps ending
)

// keeper keeps one program running until it is told to stop. A nil keeper keeps nothing.
type keeper struct {
	program
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{} // closed when watch has returned

	mu   sync.Mutex
	proc *process
}

func keep(p program, log *slog.Logger) *keeper {
	return &keeper{program: p, log: log.With("server", p.name())}
}

func (k *keeper) start(ctx context.Context) error {
	if k == nil {
		return nil
	}
	began := time.Now()
	slow := time.AfterFunc(2*time.Second, func() { k.log.Info("embedded: still starting") })
	defer slow.Stop()
	p, adopted, err := k.persist(ctx)
	if err != nil {
		return err
	}
	k.log.Info("embedded: the server is up", "adopted", adopted, "pid", p.pid, "took", time.Since(began).Round(time.Millisecond))
	k.hold(p)
	watching, cancel := context.WithCancel(context.Background())
	k.cancel, k.done = cancel, make(chan struct{})
	go k.watch(watching)
	return nil
}

func (k *keeper) persist(ctx context.Context) (p *process, adopted bool, err error) {
	for try, wait := 1, pause; ; try, wait = try+1, wait*2 {
		if p, err = k.adopt(ctx); p != nil {
			return p, true, nil
		}
		if err == nil {
			p, err = k.launch(ctx, true)
		}
		if err == nil || try == firstTries {
			return p, false, err
		}
		select {
		case <-ctx.Done():
			return nil, false, fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(wait):
		}
	}
}

// watch launches the server anew whenever it ends, at its old address, and ever less eagerly if it keeps ending.
func (k *keeper) watch(ctx context.Context) {
	defer close(k.done)
	wait, began := pause, time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.held().gone:
		}
		if time.Since(began) > longest {
			wait = pause
		}
		k.log.Error("embedded: the server has ended by itself, starting it again", "in", wait)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait, began = min(wait*2, longest), time.Now()
		p, err := k.launch(ctx, false)
		if err != nil {
			k.log.Error("embedded: the server does not start", "error", err)
			continue
		}
		k.hold(p)
		k.log.Info("embedded: started again", "pid", p.pid)
	}
}

func (k *keeper) stop() error {
	if k == nil || k.cancel == nil {
		return nil
	}
	k.cancel()
	<-k.done
	p := k.held()
	if p.ended() {
		return nil
	}
	if err := p.end(k.farewell()...); err != nil {
		return fmt.Errorf("%s: %w", k.name(), err)
	}
	k.log.Info("embedded: stopped")
	return nil
}

func (k *keeper) hold(p *process) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.proc = p
}

func (k *keeper) held() *process {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.proc
}

func (k *keeper) pid() int {
	if k == nil {
		return 0
	}
	p := k.held()
	if p == nil || p.ended() {
		return 0
	}
	return p.pid
}
