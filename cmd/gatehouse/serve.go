package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"gatehouse/internal/app"
)

type serveCmd struct {
	Role string `help:"What this process does: all, gateway (HTTP and sockets) or worker." enum:"all,gateway,worker" default:"all" env:"GATEHOUSE_ROLE"`
	Demo bool   `help:"Seed a small shop's desk and play its customers' phones at /demo. Only with private servers."`
}

// memoryLimit is from how many bytes on Go collects garbage more often, unless GOMEMLIMIT says otherwise. Next to the program itself it
// keeps a process under an overload below the 400 MB of RELIABILITY.md §5, half of which would be garbage; 10,000 sockets need half of it.
const memoryLimit = 352 << 20

func (s serveCmd) Run(ctx context.Context, c *cli) error {
	c.Role = s.Role
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	return app.Serve(ctx, c.Config, version, s.Demo, func(r app.Ready) { fmt.Print(r) })
}
