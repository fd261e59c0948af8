package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// replaceAll stops and starts every process in good order: the next goes when the one before is back.
func (w *weather) replaceAll() {
	w.during(4, func(i int) { append(w.gateways, w.workers...)[i].replace() })
}

// starve leaves all processes little memory, and opens many connections to them.
func (w *weather) starve() {
	const most = 400 << 20 // resident; the limit of the heap is 128 MB
	for _, p := range append(w.gateways[:2:2], w.workers...) {
		p.restart("GOMEMLIMIT=128MiB")
	}
	letGo := w.connect(2000)
	w.after(w.load, 0.9)
	letGo()
	for _, p := range append(w.gateways[:2:2], w.workers...) {
		if rss := p.residentAtMost(w.t); rss > most {
			w.t.Errorf("%s held %d MB", p.name, rss>>20)
		}
	}
}

// closeDoors takes the gateways' file descriptors away for 10 s.
func (w *weather) closeDoors() {
	w.during(1, func(int) {
		limit := func(n string) {
			for _, g := range w.gateways {
				if out, err := exec.Command("prlimit", "--pid", strconv.Itoa(g.pid()), "--nofile="+n+":").CombinedOutput(); err != nil {
					w.t.Fatalf("%v: %s", err, out)
				}
			}
		}
		limit("64")
		letGo := w.connect(300)
		w.calm(10 * time.Second)
		letGo()
		limit("1024")
		for _, g := range w.gateways {
			if s := g.output(); strings.Count(s, "too many open files") > 1000 {
				w.t.Errorf("%s says so %d times", g.name, strings.Count(s, "too many open files"))
			}
		}
	})
}

// connect opens connections that say nothing, until letGo is called.
func (w *weather) connect(n int) (letGo func()) {
	var all []net.Conn
	for range n {
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(w.h.url, "http://"), 2*time.Second)
		if err != nil {
			break // no more are taken
		}
		all = append(all, c)
	}
	w.t.Logf("%d connections", len(all))
	return func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
}

// resident is how many bytes of memory the process holds.
func (p *process) resident(t *testing.T) int64 { t.Helper(); return p.memory(t, "VmRSS:") }

// residentAtMost is how many it has held at most.
func (p *process) residentAtMost(t *testing.T) int64 { t.Helper(); return p.memory(t, "VmHWM:") }

func (p *process) memory(t *testing.T, line string) (bytes int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	if err != nil {
		t.Fatal(err)
	}
	_, value, _ := strings.Cut(string(status), line)
	if _, err := fmt.Sscanf(value, "%d kB", &bytes); err != nil {
		t.Fatalf("%v: %s", err, status)
	}
	return bytes << 10
}

// gauge reads one of the process's metrics.
func (p *process) gauge(t *testing.T, name string) (value float64) {
	t.Helper()
	address, _ := strings.CutPrefix(p.env[0], "GATEHOUSE_OPS_LISTEN=")
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, at, found := strings.Cut(string(text), "\n"+name+" ")
	if _, err := fmt.Sscanf(at, "%g", &value); err != nil || !found {
		t.Fatalf("%s does not tell %s: %v", p.name, name, err)
	}
	return value
}
