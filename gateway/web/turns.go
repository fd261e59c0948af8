package web

import "sync"

// Turns does one thing after the other, in a goroutine that is there only while there is something to do. A socket writes in turns, so
// that one to which nothing is said costs no stack for it. The zero Turns is ready. It is safe for concurrent use.
type Turns struct {
	mu      sync.Mutex
	waiting []func()
	busy    bool
	closed  bool
	rest    chan struct{} // closed when nothing is left; made by Close
}

// Do has f done after everything before it. It does not wait. After Close it does nothing.
func (t *Turns) Do(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.waiting = append(t.waiting, f)
	if !t.busy {
		t.busy = true
		go t.work()
	}
}

func (t *Turns) work() {
	for f := t.next(); f != nil; f = t.next() {
		f()
	}
}

// next is what is to be done now, nil if the goroutine may go.
func (t *Turns) next() (f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.waiting, t.busy = nil, false
		if t.closed {
			close(t.rest)
		}
		return nil
	}
	f, t.waiting[0] = t.waiting[0], nil
	t.waiting = t.waiting[1:]
	return f
}

// Close lets nothing more in, and returns when all that was asked for is done. It is called once, and not by what is done.
func (t *Turns) Close() {
	t.mu.Lock()
	t.closed = true
	busy := t.busy
	if busy {
		t.rest = make(chan struct{})
	}
	t.mu.Unlock()
	if busy {
		<-t.rest
	}
}
