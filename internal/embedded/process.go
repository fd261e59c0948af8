package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// poll is how often we look whether a server has become ready, or an adopted one has ended.
const poll = 5 * time.Millisecond

// process is a server process: our child, or the child of a gatehouse that was killed.
type process struct {
	pid    int // 0: not a process, but miniredis inside this one
	signal func(os.Signal) error
	gone   chan struct{} // closed when it has ended
	err    error         // once it is gone: how our child has ended
}

// spawn starts a child in a session of its own, so that a Ctrl-C meant for gatehouse does not reach it: gatehouse stops
// it when nobody needs it any more.
func spawn(cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{pid: cmd.Process.Pid, signal: cmd.Process.Signal, gone: make(chan struct{})}
	go func() {
		defer close(p.gone)
		p.err = cmd.Wait()
	}()
	return p, nil
}

// attach takes hold of a running process that is not our child, or returns nil if alive says that it is not the one we
// mean. The handle is taken first (a pidfd on Linux), so that a signal can never hit a later owner of the pid.
func attach(pid int, alive func() bool) *process {
	handle, err := os.FindProcess(pid)
	if err != nil || !alive() {
		return nil
	}
	p := &process{pid: pid, signal: handle.Signal, gone: make(chan struct{})}
	go func() {
		defer close(p.gone)
		for alive() {
			time.Sleep(10 * poll)
		}
	}()
	return p
}

func (p *process) ended() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// step is one way of asking a process to end, and how long it may take over it.
type step struct {
	signal syscall.Signal
	grace  time.Duration
}

// end asks the process to end, step by step, and waits until it has.
func (p *process) end(steps ...step) error {
	for _, s := range steps {
		if err := p.signal(s.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("signal %v to pid %d: %w", s.signal, p.pid, err)
		}
		select {
		case <-p.gone:
			return nil
		case <-time.After(s.grace):
		}
	}
	return fmt.Errorf("pid %d does not end", p.pid)
}

// until waits for ready to say yes, or for the process to end, or for ctx.
func (p *process) until(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if ready() {
				return nil
			}
		case <-p.gone:
			return errors.New("ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w", ctx.Err())
		}
	}
}

// recognise reports whether pid is a living process that was started as name and works in dir. A pid from a file proves
// nothing: after a reboot, or in the next container, it belongs to somebody else.
func recognise(pid int, name, dir string) bool {
	return strings.Contains(commandLine(pid), name) && worksIn(pid, dir)
}

// serverLog is the file that a server writes to. It is a file, not a pipe to us: the server may outlive us.
type serverLog struct {
	path string
	from int64 // where the present launch begins
}

const maxLog = 8 << 20 // bytes; beyond it a launch begins a new file and keeps one old

func (l *serverLog) open() (*os.File, error) {
	if fi, err := os.Stat(l.path); err == nil && fi.Size() > maxLog {
		if err := os.Rename(l.path, l.path+".old"); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if l.from, err = f.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// tail returns the end of what the server wrote since its launch, at most 2 KB.
func (l *serverLog) tail() string {
	f, err := os.Open(l.path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	from := l.from
	if fi, err := f.Stat(); err == nil {
		from = max(from, fi.Size()-2048)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, from, 2048))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// explain adds what the server itself says about its failure.
func (l *serverLog) explain(err error) error {
	return fmt.Errorf("%s: %w:\n%s", strings.TrimSuffix(filepath.Base(l.path), ".log"), err, l.tail())
}
