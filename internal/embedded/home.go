package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// home is the folder of one server, and who the server is on this machine. Postgres refuses to run as root, and Redis
// has no need to: as root, each runs as the owner of its folder, and a new folder is given to the user that the
// server's package has made.
//
// That user often cannot walk to the folder (a checkout below /root, mode 0700). We do not open those parents to
// everybody: the server is handed its folder as an open file, 3, and reaches it through /proc/self/fd.
type home struct {
	dir   string
	as    *syscall.Credential // nil: as ourselves
	owner struct{ uid, gid int }
	log   serverLog
}

// openHome makes the folder if it is missing. Users are the accounts to try for a new folder, in order.
func openHome(dir, logName string, users ...string) (*home, error) {
	h := &home{dir: dir, log: serverLog{path: filepath.Join(dir, logName)}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		h.owner.uid, h.owner.gid = os.Geteuid(), os.Getegid()
		return h, nil
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, fmt.Errorf("%s: its owner cannot be told on this system", dir)
	}
	uid, gid := st.Uid, st.Gid
	if uid == 0 {
		if uid, gid, err = firstUser(users); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, err
		}
	}
	h.owner.uid, h.owner.gid = int(uid), int(gid)
	h.as = &syscall.Credential{Uid: uid, Gid: gid, Groups: []uint32{gid}}
	return h, nil
}

func firstUser(names []string) (uid, gid uint32, err error) {
	for _, name := range names {
		u, err := user.Lookup(name)
		if errors.As(err, new(user.UnknownUserError)) {
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		id, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return 0, 0, err
		}
		group, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return 0, 0, err
		}
		return uint32(id), uint32(group), nil
	}
	return 0, 0, fmt.Errorf("running as root, and none of the users %q exists to run a server as", names)
}

// path is a place in the folder as the server sees it.
func (h *home) path(elem ...string) string {
	if h.as != nil {
		return filepath.Join(append([]string{"/proc/self/fd/3"}, elem...)...)
	}
	return h.ours(elem...)
}

// ours is the same place as we see it.
func (h *home) ours(elem ...string) string {
	return filepath.Join(append([]string{h.dir}, elem...)...)
}

// write makes a file that the server can read and nobody else.
func (h *home) write(name, text string) error {
	path := h.ours(name)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Chown(h.owner.uid, h.owner.gid), f.Close())
}

// run starts bin as the server's user, in a session of its own, its output in the server's log. If onOurDeath is not 0,
// it gets that signal when we end.
func (h *home) run(bin string, stdin io.Reader, onOurDeath syscall.Signal, args ...string) (*process, error) {
	out, err := h.log.open()
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := &exec.Cmd{
		Path: bin, // as found: Debian's redis-server is a symlink to a program that asks for its own name
		Args: append([]string{bin}, args...),
		Env:  []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"}, // a user's PGOPTIONS or PGDATA are not ours
		Dir:  "/", Stdin: stdin, Stdout: out, Stderr: out,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Credential: h.as},
	}
	if onOurDeath != 0 {
		dieWithUs(cmd.SysProcAttr, onOurDeath)
	}
	if h.as != nil {
		folder, err := os.Open(h.dir)
		if err != nil {
			return nil, err
		}
		defer folder.Close()
		cmd.ExtraFiles = []*os.File{folder}
	}
	return spawn(cmd)
}
