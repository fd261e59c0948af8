package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"gatehouse/internal/app"
	"gatehouse/internal/chat"
	"gatehouse/internal/config"
)

type migrateCmd struct{}

func (migrateCmd) Run(ctx context.Context, c *cli) error {
	return app.WithStore(ctx, c.Config, app.AnySchema, func(t app.Tools) error {
		n, err := t.Store.Migrate(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("%d migrations applied\n", n)
		return nil
	})
}

type dueCmd struct {
	JSON bool `help:"Print JSON."`
}

func (d dueCmd) Run(ctx context.Context, c *cli) error {
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		rows, err := t.Store.DueNow(ctx)
		if err != nil {
			return err
		}
		if d.JSON {
			type row struct {
				What    string  `json:"what"`
				Count   int     `json:"count"`
				OldestS float64 `json:"oldest_s"`
			}
			out := make([]row, 0, len(rows))
			for _, r := range rows {
				out = append(out, row{r.What, r.Count, r.Oldest.Seconds()})
			}
			return printJSON(out)
		}
		tw := table("DUE", "COUNT", "OLDEST")
		for _, r := range rows {
			oldest := "-"
			if r.Count > 0 {
				oldest = r.Oldest.Round(time.Second).String()
			}
			fmt.Fprintf(tw, "%s\t%d\t%s\n", r.What, r.Count, oldest)
		}
		return tw.Flush()
	})
}

type replayCmd struct {
	Event string    `arg:"" optional:"" help:"Id of an inbound event."`
	Since time.Time `help:"All events received since this time (RFC 3339)."`
}

func (r replayCmd) Run(ctx context.Context, c *cli) error {
	if (r.Event == "") == r.Since.IsZero() {
		return usageError{"replay: give an event's id, or --since"}
	}
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		n, accounts, err := t.Store.Replay(ctx, r.Event, r.Since)
		if err != nil {
			return err
		}
		fmt.Printf("%d events are back in the lanes of %d accounts; a running worker applies them within seconds\n", n, len(accounts))
		if n == 0 && r.Event != "" {
			return fmt.Errorf("no event %s", r.Event)
		}
		return nil
	})
}

type dismissCmd struct {
	Events []string `arg:"" help:"Ids of inbound events."`
}

func (d dismissCmd) Run(ctx context.Context, c *cli) error {
	var events []chat.InboundEventID
	for _, s := range d.Events {
		id, err := chat.ParseID[chat.InboundEventID](s)
		if err != nil {
			return usageError{"dismiss: " + err.Error()}
		}
		events = append(events, id)
	}
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		n, err := t.Store.DismissEvents(ctx, chat.Audited(chat.Principal{}, "event.dismissed", events[0], "").With("events", len(events)), events)
		if err != nil {
			return err
		}
		fmt.Printf("%d of %d were put aside, and are due no more\n", n, len(events))
		if n == 0 {
			return errors.New("nothing to dismiss")
		}
		return nil
	})
}

type verifyCmd struct {
	JSON bool `help:"Print JSON."`
}

func (v verifyCmd) Run(ctx context.Context, c *cli) error {
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		all, err := t.Store.Verify(ctx)
		if err != nil {
			return err
		}
		broken := 0
		type row struct {
			ID       string   `json:"id"`
			Claim    string   `json:"claim"`
			Breaches int      `json:"breaches"`
			Samples  []string `json:"samples,omitempty"`
			Absent   string   `json:"absent,omitempty"`
		}
		var out []row
		tw := table("", "HOLDS", "BREACHES", "CLAIM")
		for _, b := range all {
			out = append(out, row{b.ID, b.Claim, b.Count, b.Samples, b.Absent})
			holds := "yes"
			switch {
			case b.Absent != "":
				holds = "-"
			case b.Count > 0:
				holds = "NO"
				broken++
			}
			claim := b.Claim
			if b.Absent != "" {
				claim += " (" + b.Absent + ")"
			}
			if len(b.Samples) > 0 {
				claim += ": " + strings.Join(b.Samples, ", ")
			}
			fmt.Fprintf(tw, "%s\t%s\t%d\t%s\n", b.ID, holds, b.Count, claim)
		}
		if v.JSON {
			err = printJSON(out)
		} else {
			err = tw.Flush()
		}
		if err == nil && broken > 0 {
			return errSilent
		}
		return err
	})
}

type configCmd struct {
	Check   configCheck   `cmd:"" help:"Say what is wrong with the configuration."`
	Print   configPrint   `cmd:"" help:"Print the configuration in force, without secrets."`
	Example configExample `cmd:"" help:"Print every variable with its meaning and default."`
}

type configCheck struct{}

func (configCheck) Run(c *cli) error {
	if err := app.CheckConfig(c.Config); err != nil {
		return err
	}
	fmt.Println("the configuration is good")
	return nil
}

type configPrint struct{}

func (configPrint) Run(c *cli) error { return printJSON(c.Redacted()) }

type configExample struct{}

func (configExample) Run() error {
	for _, v := range config.Variables() {
		fmt.Printf("# %s\n#%s=%s\n\n", v.Help, v.Name, v.Default)
	}
	return nil
}

func table(heads ...string) *tabwriter.Writer {
	tw := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(heads, "\t"))
	return tw
}

func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
