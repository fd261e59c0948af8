package main

import (
	"context"
	"fmt"

	"gatehouse/internal/app"
)

type serveCmd struct {
	Demo bool `help:"Seed a small shop's desk and play its customers' phones at /demo. Only with private servers."`
}

func (s serveCmd) Run(ctx context.Context, c *cli) error {
	return app.Serve(ctx, c.Config, s.Demo, func(r app.Ready) { fmt.Print(r) })
}
