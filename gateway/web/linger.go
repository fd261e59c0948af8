package web

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// lingerFor is how long the rest of a refused request is still read.
const lingerFor = 15 * time.Second

// Listener has its connections end well. Who is refused in the middle of a request is still sending it; closed at once, the connection
// would be reset, and a sender that does not listen before it has finished learns of the reset only. So our side ends first, and what
// still comes is thrown away for a while (RFC 9112 §9.6).
//
// And it knows the connections on which nobody has asked yet: fasthttp takes them for busy and would wait for them when it shuts down.
type Listener struct {
	net.Listener

	mu     sync.Mutex
	silent map[*conn]struct{} // nil once they were dismissed
}

// Listen makes one of a TCP listener.
func Listen(l net.Listener) *Listener { return &Listener{Listener: l, silent: map[*conn]struct{}{}} }

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, err
	}
	mine := &conn{TCPConn: tcp, from: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silent == nil {
		_ = tcp.Close() // it came with the end; its first read tells
	} else {
		l.silent[mine] = struct{}{}
	}
	return mine, err
}

// Dismiss closes the connections on which nobody has asked, those too that are still accepted.
func (l *Listener) Dismiss() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.silent {
		_ = c.TCPConn.Close() // whatever is wrong with it, it is closed
	}
	l.silent = nil
}

func (l *Listener) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.silent, c)
}

// conn is a connection that knows whether its sender has begun, and whether he is still busy.
type conn struct {
	*net.TCPConn
	from   *Listener
	spoken atomic.Bool
	unread atomic.Bool
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if n > 0 && !c.spoken.Swap(true) {
		c.from.forget(c)
	}
	return n, err
}

// linger says that a part of the request was not read.
func linger(c net.Conn) {
	if c, ok := c.(*conn); ok {
		c.unread.Store(true)
	}
}

// Close ends our side, and the other when it has finished or its time is over.
func (c *conn) Close() error {
	c.from.forget(c)
	if c.unread.Load() && c.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerFor)) == nil {
		_, _ = io.Copy(io.Discard, c.TCPConn) // however it ends, the connection does
	}
	return c.TCPConn.Close()
}
