package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// smallest is from how many bytes on Go collects garbage more often. Next to the program itself it keeps a process under an overload
// below the 400 MB of RELIABILITY.md §5, half of which would be garbage.
const smallest = 352 << 20

// keepSmall sets Go's memory limit while the process lives, unless GOMEMLIMIT does. It is no limit for what is in use: a process with many
// sockets gets as much room for garbage as Go gives by itself, for one that collects without end is worse than one that is large.
func keepSmall(ctx context.Context) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	used := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	look := time.NewTicker(5 * time.Second)
	defer look.Stop()
	for {
		metrics.Read(used)
		debug.SetMemoryLimit(roomFor(used[0].Value.Uint64(), used[1].Value.Uint64()))
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// roomFor is the memory limit of a process with so many bytes in live objects and in stacks: twice the live ones, as Go's pacer has it.
func roomFor(live, stacks uint64) int64 {
	return int64(max(smallest, 2*live+stacks+smallest/8))
}
