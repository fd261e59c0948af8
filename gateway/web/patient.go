package web

import (
	"errors"
	"log/slog"
	"net"
	"syscall"
	"time"
)

// Patient has a listener wait while the machine is short of something that a connection needs, file descriptors above all,
// instead of failing: fasthttp takes any other error of Accept for the listener's end, and the process would end with it.
func Patient(l net.Listener, log *slog.Logger) net.Listener { return patient{l, log} }

type patient struct {
	net.Listener
	log *slog.Logger
}

// The pauses between two looks while there is a shortage.
const (
	firstShortage   = 5 * time.Millisecond
	longestShortage = time.Second
)

func (p patient) Accept() (net.Conn, error) {
	for pause := firstShortage; ; pause = min(2*pause, longestShortage) {
		c, err := p.Listener.Accept()
		if err == nil || !shortage(err) {
			return c, err
		}
		if pause == firstShortage {
			p.log.Warn("no connection can be taken now", slog.Any("error", err))
		}
		<-time.After(pause)
	}
}

// shortage tells of an error that is over when something else is let go (accept(2)).
func shortage(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
