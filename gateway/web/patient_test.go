package web_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"gatehouse/gateway/web"
)

// short is a listener of a machine that is short of something for a while, and is then closed.
type short struct {
	net.Listener
	of []error
}

func (s *short) Accept() (net.Conn, error) {
	err := s.of[0]
	s.of = s.of[1:]
	if err == nil {
		return &net.TCPConn{}, nil
	}
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", err)}
}

func TestAMachineThatIsShortOfDescriptorsIsWaitedFor(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	l := web.Patient(&short{of: []error{syscall.EMFILE, syscall.ENFILE, syscall.EMFILE, nil, net.ErrClosed}}, slog.New(slog.NewTextHandler(&said, nil)))
	if c, err := l.Accept(); c == nil || err != nil {
		t.Errorf("after the shortage: %v, %v", c, err)
	}
	if n := strings.Count(said.String(), "no connection can be taken"); n != 1 {
		t.Errorf("said %d times: %s", n, said.String())
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
