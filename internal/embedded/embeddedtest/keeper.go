package embeddedtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"gatehouse/internal/embedded"
)

const (
	keeperEnv = "GATEHOUSE_TEST_KEEPER" // set for the keeper: the folder to keep
	idleEnv   = "GATEHOUSE_TEST_IDLE"   // and for how long without a lease
	idle      = 30 * time.Second        // without a lease before the keeper ends; longer than a package takes to compile
	patience  = time.Minute             // for another process to start the server
)

// init turns a test binary that is run as the keeper into one. A test binary has no other door: its main function is
// written by `go test`, and a TestMain in every package that wants a database would be one more thing to forget.
func init() {
	dir := os.Getenv(keeperEnv)
	if dir == "" {
		return
	}
	patient, err := time.ParseDuration(os.Getenv(idleEnv))
	if err == nil {
		err = (&hall{dir: dir, idle: patient}).keep()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "embeddedtest keeper:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// hall is the folder in which the test processes of a user meet.
type hall struct {
	dir  string
	idle time.Duration
}

// The locks of a hall. Their files are never removed: two processes must not hold one lock in two files.
const (
	leases  = "leases"  // shared by every process that uses the server; the keeper ends only while it has it alone
	keeping = "keeping" // the keeper's
	calling = "calling" // whoever is looking for a keeper, or calling one

	keeperLog = "keeper.log"
)

func openHall() (*hall, error) {
	dir := filepath.Join(os.TempDir(), "gatehouse-test-"+strconv.Itoa(os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	// The temporary folder is everybody's: a folder that somebody else has put there is not ours to run a server in.
	fi, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); !ok || !fi.IsDir() || int(st.Uid) != os.Getuid() || fi.Mode().Perm() != 0o700 {
		return nil, fmt.Errorf("%s is not a folder of mode 0700 of our own", dir)
	}
	return &hall{dir: dir, idle: idle}, nil
}

func (h *hall) servers() string { return filepath.Join(h.dir, "servers") }

// lock is a lock on a file, held until it is freed or the process ends.
type lock struct{ file *os.File }

// free does not leave it to Close: a child that is being forked just now has the file open too, for a moment.
func (l *lock) free() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}

// lock takes one of the hall's locks; it returns nil if it must not wait and somebody else has it.
func (h *hall) lock(name string, how int) (*lock, error) {
	f, err := os.OpenFile(filepath.Join(h.dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return &lock{f}, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, f.Close()
	}
	return nil, errors.Join(err, f.Close())
}

// lease is the right to use the server while the lock is held.
type lease struct {
	*lock
	url string
}

// join takes a lease, having started a keeper if there was none.
func (h *hall) join() (*lease, error) {
	shared, err := h.lock(leases, syscall.LOCK_SH) // waits while a keeper is ending
	if err != nil {
		return nil, err
	}
	url, err := h.find()
	if err != nil {
		return nil, errors.Join(err, shared.free())
	}
	return &lease{shared, url}, nil
}

func (h *hall) find() (url string, err error) {
	mine, err := h.lock(calling, syscall.LOCK_EX)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, mine.free()) }()
	called, ended := false, func() bool { return true }
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if ended() {
			none, err := h.lock(keeping, syscall.LOCK_EX|syscall.LOCK_NB)
			if err != nil {
				return "", err
			}
			if none != nil && called {
				return "", errors.Join(h.failure(), none.free())
			}
			if none != nil {
				// Nobody keeps. What an earlier server has left may be torn, without fsync, and must not be found.
				if err := errors.Join(os.RemoveAll(h.servers()), none.free()); err != nil {
					return "", err
				}
				if ended, err = h.call(); err != nil {
					return "", err
				}
				called = true
			}
		}
		info, err := embedded.Find(h.servers())
		if err == nil {
			return info.DatabaseURL, nil
		}
		if !errors.Is(err, embedded.ErrNotRunning) {
			return "", err
		}
	}
	return "", fmt.Errorf("no server after %v; see %s", patience, h.dir)
}

// call starts a keeper; ended says whether it is gone. It must not hold our output open, because `go test` waits for
// that to be closed, and no goroutine of ours may wait for it, because some tests count them.
func (h *hall) call() (ended func() bool, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(filepath.Join(h.dir, keeperLog), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), keeperEnv+"="+h.dir, idleEnv+"="+h.idle.String())
	cmd.Dir = h.dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() bool {
		pid, err := syscall.Wait4(cmd.Process.Pid, nil, syscall.WNOHANG, nil)
		return pid != 0 || err != nil
	}, nil
}

func (h *hall) failure() error {
	said, err := os.ReadFile(filepath.Join(h.dir, keeperLog))
	if err != nil {
		return err
	}
	return fmt.Errorf("the keeper has ended: %s", said)
}

// keep runs the server until nobody wants it any more.
func (h *hall) keep() (err error) {
	alone, err := h.lock(keeping, syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil || alone == nil {
		return err
	}
	defer func() { err = errors.Join(err, alone.free()) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	s, err := embedded.Start(ctx, embedded.Config{Dir: h.servers(), Log: log, Parts: embedded.OnlyPostgres, Throwaway: true})
	if err != nil {
		return err
	}
	quiet, err := h.wait()
	if err != nil {
		return errors.Join(err, s.Stop())
	}
	// The leases last of all: who comes now waits for them, and then calls a new keeper.
	return errors.Join(s.Stop(), os.RemoveAll(h.servers()), quiet.free())
}

// wait returns, with the leases to itself, when nobody has held one for the time h.idle.
func (h *hall) wait() (*lock, error) {
	tick := time.NewTicker(max(h.idle/30, time.Millisecond))
	defer tick.Stop()
	for last := time.Now(); ; <-tick.C {
		quiet, err := h.lock(leases, syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			return nil, err
		}
		if quiet == nil {
			last = time.Now()
			continue
		}
		if time.Since(last) >= h.idle {
			return quiet, nil
		}
		if err := quiet.free(); err != nil {
			return nil, err
		}
	}
}
