package web

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// lingerFor is how long the rest of a refused request is still read.
const lingerFor = 15 * time.Second

// Lingering has a listener's connections end so that their last answer arrives. Who is refused in the middle of a request
// is still sending it; closed at once, the connection would be reset, and a sender that does not listen before it has
// finished learns of the reset only. So our side ends first, and what still comes is thrown away for a while (RFC 9112 §9.6).
func Lingering(l net.Listener) net.Listener { return lingering{l} }

type lingering struct{ net.Listener }

func (l lingering) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &lingerer{TCPConn: tcp}, err
	}
	return c, err
}

// lingerer is a connection that knows whether its sender is still busy.
type lingerer struct {
	*net.TCPConn
	unread atomic.Bool
}

// linger says that a part of the request was not read.
func linger(c net.Conn) {
	if l, ok := c.(*lingerer); ok {
		l.unread.Store(true)
	}
}

// Close ends our side, and the other when it has finished or its time is over.
func (l *lingerer) Close() error {
	if l.unread.Load() && l.CloseWrite() == nil && l.SetReadDeadline(time.Now().Add(lingerFor)) == nil {
		_, _ = io.Copy(io.Discard, l.TCPConn) // however it ends, the connection does
	}
	return l.TCPConn.Close()
}
