// Command gatehouse is the whole product: server, workers, inbox and the operators' tools. It holds no logic: each verb reads
// its flags, opens what it needs through internal/app and prints what came of it.
//
// Exit codes: 0 done, 1 failed, 2 called wrongly, 78 configured wrongly (sysexits EX_CONFIG).
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"gatehouse/internal/app"
	"gatehouse/internal/config"

	"github.com/alecthomas/kong"
)

// version is set when a release is linked.
var version = "dev"

type cli struct {
	config.Config `group:"Settings:"`
	File          kong.ConfigFlag `group:"Settings:" name:"config" help:"File with settings, as JSON: the flags' names without dashes." type:"path"`

	Serve    serveCmd    `cmd:"" help:"Run Gatehouse."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database's schema up to this version."`
	Agent    agentCmd    `cmd:"" help:"Agents: add, password, list."`
	APIKey   apiKeyCmd   `cmd:"" name:"apikey" help:"API keys: add, revoke."`
	Channel  channelCmd  `cmd:"" help:"Channel accounts: add, list, disable."`
	Template templateCmd `cmd:"" help:"Message templates: sync, lint, preview."`
	Due      dueCmd      `cmd:"" help:"Show what still needs work, with the age of the oldest."`
	Replay   replayCmd   `cmd:"" help:"Put inbound events back into their lanes."`
	Dismiss  dismissCmd  `cmd:"" help:"Let inbound events that were put aside, and that nothing will mend, be due no more."`
	Verify   verifyCmd   `cmd:"" help:"Ask the database about every invariant; fails on a breach."`
	Bench    benchCmd    `cmd:"" help:"Measure a running instance."`
	Conf     configCmd   `cmd:"" name:"config" help:"Configuration: check, print, example."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

const description = `A self-hosted omnichannel customer-messaging desk.

Settings are flags of every verb, environment variables, or keys of a file: "gatehouse config example" lists them.`

// help shows the settings where they matter: every verb takes them, and they would hide its own flags.
func help(o kong.HelpOptions, k *kong.Context) error {
	if verb := k.Selected(); verb == nil || verb.Name != "serve" {
		for _, f := range k.Model.Flags {
			f.Hidden = f.Hidden || f.Group != nil
		}
	}
	return kong.DefaultHelpPrinter(o, k)
}

func main() {
	os.Exit(run(os.Args[1:]))
}

// run is main with an exit code, so that deferred work is done.
func run(args []string) int {
	var c cli
	parser, err := kong.New(&c, kong.Name("gatehouse"), kong.Description(description), kong.Help(help),
		kong.Configuration(settings), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse:", err)
		return 1
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gatehouse:", err)
		return 2
	}
	if unknown := config.UnknownVariables(os.Environ(), "GATEHOUSE_ROLE"); len(unknown) > 0 {
		fmt.Fprintln(os.Stderr, "gatehouse: unknown environment variable", strings.Join(unknown, ", "), "(see `gatehouse config example`)")
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.BindTo(ctx, (*context.Context)(nil))
	err = k.Run(&c)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "gatehouse:", err)
		return 2
	case errors.Is(err, app.ErrValue):
		fmt.Fprintln(os.Stderr, "gatehouse:", strings.TrimPrefix(err.Error(), app.ErrValue.Error()+": "))
		return 2
	case errors.Is(err, app.ErrConfig):
		fmt.Fprintln(os.Stderr, "gatehouse:", strings.TrimPrefix(err.Error(), app.ErrConfig.Error()+": "))
		return 78
	case errors.Is(err, errSilent):
		return 1
	}
	fmt.Fprintln(os.Stderr, "gatehouse:", err)
	return 1
}

// settings reads the configuration file. A key that is no setting is an error, with its line: it is most often misspelt.
func settings(r io.Reader) (kong.Resolver, error) {
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(body, &values); err != nil {
		return nil, fmt.Errorf("the configuration file is not JSON: %w", err)
	}
	known := map[string]bool{}
	for _, name := range config.Names() {
		known[name] = true
	}
	for key := range values {
		if !known[key] {
			line := 1 + bytes.Count(body[:max(bytes.Index(body, []byte(`"`+key+`"`)), 0)], []byte("\n"))
			return nil, fmt.Errorf("the configuration file, line %d: %q is no setting", line, key)
		}
	}
	return kong.JSON(bytes.NewReader(body))
}

// usageError is a call that kong cannot know to be wrong.
type usageError struct{ why string }

func (e usageError) Error() string { return e.why }

// errSilent fails without another word: the verb has said what is wrong.
var errSilent = errors.New("failed")

type versionCmd struct{}

func (versionCmd) Run() error {
	revision := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				revision = " (" + s.Value[:12] + ")"
			}
		}
	}
	fmt.Println("gatehouse", version+revision)
	return nil
}
