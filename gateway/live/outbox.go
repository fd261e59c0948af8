package live

import (
	"sync"

	"gatehouse/internal/chat"
)

// frame is an encoded frame on its way to one socket. About and seq are of a conversation's frame.
type frame struct {
	body  []byte
	about chat.ConversationID
	seq   int64
}

// outbox holds the frames that a socket's writer has not written yet. It never blocks who puts one in.
type outbox struct {
	mu      sync.Mutex
	frames  []frame
	waiting bool // the client has not been told yet what it missed: frames wait
	lost    bool // while waiting, more came than there is room for
	full    bool // the reader is too slow; for ever
	ready   chan struct{}
}

func newOutbox() *outbox { return &outbox{waiting: true, ready: make(chan struct{}, 1)} }

// put adds a frame. It returns false once the outbox has overflowed.
func (o *outbox) put(f frame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.full:
		return false
	case len(o.frames) < outboxSize:
		o.frames = append(o.frames, f)
	case o.waiting:
		o.lost, o.frames = true, nil
	default:
		o.full, o.frames = true, nil
	}
	o.ring()
	return !o.full
}

// take empties the outbox. spare is what it gave before, to be used again.
func (o *outbox) take(spare []frame) (frames []frame, full bool) {
	clear(spare)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting {
		return nil, o.full
	}
	frames, o.frames = o.frames, spare[:0]
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
	o.frames, o.waiting = kept, false
	o.ring()
	return o.lost
}

func (o *outbox) ring() {
	select {
	case o.ready <- struct{}{}:
	default:
	}
}
