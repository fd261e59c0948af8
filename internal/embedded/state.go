package embedded

import (
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

const (
	lockFile  = "embedded.lock"
	stateFile = "embedded.json"
	role      = "gatehouse" // the superuser and the database of the cluster
	loopback  = "127.0.0.1"
)

// acquire takes the folder for this process. The kernel lets go of the lock when the process ends, however it ends.
func acquire(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder, _ := os.ReadFile(path) // only to say it more kindly
		return nil, errors.Join(fmt.Errorf("%w: %s (pid %s)", ErrInUse, filepath.Dir(path), strings.TrimSpace(string(holder))), f.Close())
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// release lets go of the folder. Closing alone would not do at once: a child that is being forked just now has the file
// open too, until it becomes another program.
func release(lock *os.File) error {
	return errors.Join(syscall.Flock(int(lock.Fd()), syscall.LOCK_UN), lock.Close())
}

// address is where a server listens on the loopback interface, and the password it wants.
type address struct {
	port     int
	password string
}

func (a address) String() string { return net.JoinHostPort(loopback, strconv.Itoa(a.port)) }

func (a address) databaseURL() string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, a.password), Host: a.String(), Path: "/" + role, RawQuery: "sslmode=disable"}
	return u.String()
}

func (a address) redisURL() string {
	u := url.URL{Scheme: "redis", User: url.UserPassword("", a.password), Host: a.String(), Path: "/0"}
	return u.String()
}

// addresses reads ports and passwords back from the URLs of an earlier start, and makes up what is not known yet.
func addresses(known Info) (pg, redis address, err error) {
	for _, a := range []struct {
		url  string
		into *address
	}{{known.DatabaseURL, &pg}, {known.RedisURL, &redis}} {
		if a.url == "" {
			a.into.password = crand.Text()
			if a.into.port, err = FreePort(); err != nil {
				return pg, redis, err
			}
			continue
		}
		u, err := url.Parse(a.url)
		if err != nil {
			return pg, redis, fmt.Errorf("%s: a URL in it cannot be read", stateFile) // the URL itself holds a password
		}
		a.into.password, _ = u.User.Password()
		if a.into.port, err = strconv.Atoi(u.Port()); err != nil {
			return pg, redis, fmt.Errorf("%s: bad port %q", stateFile, u.Port())
		}
	}
	return pg, redis, nil
}

// FreePort finds a port of the loopback interface on which nobody listens. It lies below those that the kernel gives to
// outgoing connections (32768 and up on Linux, ip(7)): nobody gets it by accident before its server listens, or while that
// is started again. No port is given twice: who got it first may not listen yet.
func FreePort() (int, error) {
	const from, to, tries = 20_000, 32_000, 1000
	err := errors.New("all were given away")
	for range tries {
		at := address{port: from + rand.IntN(to-from)}
		if _, before := given.LoadOrStore(at.port, true); before {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp4", at.String()); err == nil {
			return at.port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port: %w", err)
}

var given sync.Map // ports

// vacant returns the address itself, or one with another port if somebody else listens on this one by now.
func (a address) vacant() (address, error) {
	l, err := net.Listen("tcp4", a.String())
	if err == nil {
		return a, l.Close()
	}
	a.port, err = FreePort()
	return a, err
}

// load reads the state file; its error is os.ErrNotExist before the first start.
func load(dir string) (Info, error) {
	var info Info
	raw, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(raw, &info); err != nil {
		return info, fmt.Errorf("%s: %w", filepath.Join(dir, stateFile), err)
	}
	return info, nil
}

// save replaces the state file as a whole: a reader sees the old one or the new one.
func (i Info) save(dir string) error {
	raw, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, stateFile)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return replace(path+".new", path)
}

// replace renames, and returns when the new name would survive a power cut.
func replace(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Find returns how to reach the servers that run on dir now, whether the gatehouse that started them still lives or
// not, for the CLI verbs that join a running instance. It returns ErrNotRunning if one of them does not run.
func Find(dir string) (Info, error) {
	info, err := load(dir)
	if errors.Is(err, os.ErrNotExist) {
		return Info{}, ErrNotRunning
	}
	if err != nil {
		return Info{}, fmt.Errorf("embedded: %w", err)
	}
	pgAt, redisAt, err := addresses(info)
	if err != nil {
		return Info{}, fmt.Errorf("embedded: %w", err)
	}
	if info.DatabaseURL != "" {
		file, ok := readPostmaster(filepath.Join(dir, postgresDir, clusterDir))
		if !ok || !file.ready || !file.alive() {
			return Info{}, ErrNotRunning
		}
		// A server whose port was taken listens on another a moment before our file says so.
		pgAt.port = file.port
		info.DatabaseURL = pgAt.databaseURL()
	}
	if info.RedisURL != "" && pingRedis(redisAt) != nil {
		return Info{}, ErrNotRunning
	}
	return info, nil
}
