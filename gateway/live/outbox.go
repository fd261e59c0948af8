package live

import (
	"sync"
	"time"

	"gatehouse/internal/chat"
)

// frame is an encoded frame on its way to one socket. About and seq are of a conversation's frame.
type frame struct {
	body  []byte
	about chat.ConversationID
	seq   int64
}

// outbox holds the frames that are not written to a socket yet. It never blocks who puts one in. It overflows when too much waits, or waits
// for too long.
type outbox struct {
	mu      sync.Mutex
	frames  []frame
	since   time.Time // when the first of them came
	waiting bool      // the client has not been told yet what it missed: frames wait
	lost    bool      // while waiting, more came than there is room for
	full    bool      // the reader is too slow; for ever
	rung    bool      // take was asked for
	ring    func()    // asks for it, without blocking
	now     func() time.Time
}

func newOutbox(ring func(), now func() time.Time) *outbox {
	return &outbox{waiting: true, ring: ring, now: now}
}

// put adds a frame. It returns false once the outbox has overflowed.
func (o *outbox) put(f frame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.full:
		return false
	case o.room():
		if len(o.frames) == 0 {
			o.since = o.now()
		}
		o.frames = append(o.frames, f)
	case o.waiting:
		o.lost, o.frames = true, nil
	default:
		o.full, o.frames = true, nil
	}
	o.call()
	return !o.full
}

func (o *outbox) room() bool {
	n := len(o.frames)
	return n < outboxSize || n < outboxMost && (o.waiting || o.now().Sub(o.since) < outboxBurst)
}

// take empties the outbox.
func (o *outbox) take() (frames []frame, full bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rung = false
	if o.waiting {
		return nil, o.full
	}
	frames, o.frames = o.frames, nil
	return frames, o.full
}

// open lets the frames out that waited: those that are not older than what was replayed meanwhile. It tells whether some
// were lost.
func (o *outbox) open(replayed map[chat.ConversationID]int64) (lost bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.frames[:0]
	for _, f := range o.frames {
		if seq, ok := replayed[f.about]; !ok || f.seq > seq {
			kept = append(kept, f)
		}
	}
	o.frames, o.waiting, o.since = kept, false, o.now()
	o.call()
	return o.lost
}

func (o *outbox) call() {
	if !o.rung && !o.waiting {
		o.rung = true
		o.ring()
	}
}
