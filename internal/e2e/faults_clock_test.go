package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// wrongClocks is the product with a clock that CLOCK_SKEW puts ahead, by whole seconds: another time.Now is laid over the standard
// library's. So every clock of a process is wrong, its libraries' too, and no line of the product knows of it. Durations go by the
// monotonic clock, as they do on a machine whose clock is set.
func wrongClocks(t *testing.T) (bin string) {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	original, err := os.ReadFile(filepath.Join(dir, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if !strings.Contains(string(original), now) {
		t.Fatal("this Go has another time.Now than the one that is changed here")
	}
	return overlaid(t, map[string]string{
		filepath.Join(dir, "time.go"): strings.Replace(string(original), now, now+"\tsec += ahead\n", 1),
		filepath.Join(dir, "ahead.go"): `package time

import "syscall"

var ahead = func() int64 {
	skew, there := syscall.Getenv("CLOCK_SKEW")
	d, err := ParseDuration(skew)
	if there && err != nil {
		panic(err)
	}
	return int64(d / Second)
}()
`,
	})
}

// skewClocks starts everything anew with a clock that is wrong.
func (w *weather) skewClocks() {
	w.gateways[0].replace("CLOCK_SKEW=2m")
	w.gateways[1].replace("CLOCK_SKEW=-2m")
	w.workers[1].replace("CLOCK_SKEW=-10m")
	for i, skew := range []string{"10m", "25h"} {
		w.after(w.load, float64(i+1)/4)
		w.workers[0].replace("CLOCK_SKEW=" + skew)
	}
	w.after(w.load, 0.75)
	w.gateways[0].replace("CLOCK_SKEW=25h")
}

// timesAreRight asks that receipt went by Postgres' clock, and that no worker took the claim of another, living one for abandoned.
func (w *weather) timesAreRight() {
	var misdated, givenUp int
	if err := w.conn.QueryRow(w.t.Context(), `SELECT (SELECT count(*) FROM inbound_events WHERE received_at > now() OR received_at < now() - interval '5 minutes'),
		(SELECT count(*) FROM messages WHERE status = 'unknown')`).Scan(&misdated, &givenUp); err != nil {
		w.t.Fatal(err)
	}
	if misdated > 0 || givenUp > 0 {
		w.t.Errorf("%d events are said to be of another time; %d claims of a living worker were given up", misdated, givenUp)
	}
}
