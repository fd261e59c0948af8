package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Cost is CPU time, in milliseconds for each message. On a machine that others use too it is the steadier figure. A part that
// cannot be asked (not on this machine, not on Linux) is 0.
type Cost struct {
	Program  float64 `json:"program_ms"` // the instance, or the floor
	Postgres float64 `json:"postgres_ms"`
	Sender   float64 `json:"sender_ms"` // this process
}

func (c Cost) String() string {
	return fmt.Sprintf("%.3f CPU-ms a message (Postgres %.3f, sender %.3f)", c.Program, c.Postgres, c.Sender)
}

// usage is CPU time so far, in seconds.
type usage struct{ program, postgres, sender float64 }

// meter measures what messages cost. program tells the CPU seconds of whatever takes them.
func (t Target) meter(ctx context.Context, program func(context.Context) float64) (stop func(messages int64) Cost) {
	read := func() (usage, map[int]float64) {
		var self syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self) // of ourselves: it cannot fail
		u := usage{program: program(ctx), sender: float64(self.Utime.Nano()+self.Stime.Nano()) / 1e9}
		return u, t.postgresCPU(ctx)
	}
	before, had := read()
	return func(messages int64) Cost {
		after, has := read()
		if messages == 0 {
			return Cost{}
		}
		for pid, s := range has {
			after.postgres += s - had[pid]
		}
		each := func(from, to float64) float64 { return max(0, to-from) * 1000 / float64(messages) }
		return Cost{each(before.program, after.program), each(before.postgres, after.postgres), each(before.sender, after.sender)}
	}
}

// instanceCPU asks the ops listener.
func (t Target) instanceCPU(ctx context.Context) float64 {
	return t.metric(ctx, "process_cpu_seconds_total")
}

// metric is a number of the ops listener, added up over its labels; 0 if there is none.
func (t Target) metric(ctx context.Context, name string) float64 {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.Ops+"/metrics", nil)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0 // without an ops listener there is no figure
	}
	defer func() { _ = resp.Body.Close() }() // read only
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0
	}
	sum := 0.0 // 0 if it is not there
	for line := range bytes.Lines(body) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok && (rest[0] == ' ' || rest[0] == '{') {
			v, _ := strconv.ParseFloat(string(bytes.TrimSpace(rest[bytes.LastIndexByte(rest, ' ')+1:])), 64)
			sum += v
		}
	}
	return sum
}

// postgresCPU is the CPU time of each server process of our Postgres, if it runs on this machine.
func (t Target) postgresCPU(ctx context.Context) map[int]float64 {
	out := map[int]float64{}
	rows, err := t.Store.Pool().Query(ctx, "SELECT pid FROM pg_stat_activity WHERE pid IS NOT NULL")
	if err != nil {
		return out
	}
	defer rows.Close()
	for rows.Next() {
		var pid int
		if rows.Scan(&pid) != nil {
			return out
		}
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && strings.HasPrefix(string(name), "postgres") {
			out[pid] = processCPU(pid)
		}
	}
	return out
}

// ticks is Linux's USER_HZ: the unit of times in /proc, the same on every architecture that Go runs on.
const ticks = 100

// processCPU is the CPU time of a process of this machine in seconds; 0 if it cannot be told.
func processCPU(pid int) float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name, in brackets, may hold anything; utime and stime are the 12th and 13th field after it.
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64) // the kernel writes numbers
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / ticks
}
