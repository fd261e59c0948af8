package main

import (
	"context"
	"fmt"

	"gatehouse/internal/app"
)

type serveCmd struct {
	Role string `help:"What this process does: all, gateway (HTTP and sockets) or worker." enum:"all,gateway,worker" default:"all" env:"GATEHOUSE_ROLE"`
	Demo bool   `help:"Seed a small shop's desk and play its customers' phones at /demo. Only with private servers."`
}

func (s serveCmd) Run(ctx context.Context, c *cli) error {
	c.Role = s.Role
	go keepSmall(ctx)
	return app.Serve(ctx, c.Config, version, s.Demo, func(r app.Ready) { fmt.Print(r) })
}
