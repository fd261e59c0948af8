package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"gatehouse/channels/all"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/internal/config"
	"gatehouse/internal/desk"
	"gatehouse/internal/embedded"
	"gatehouse/internal/media"
	"gatehouse/internal/metrics"
	"gatehouse/internal/postgres"
	"gatehouse/internal/secret"
	"gatehouse/internal/task"
	"gatehouse/internal/vitals"
	"gatehouse/workers"
)

// Tools are what the operators' verbs work with: the record, and the desk over it without workers or live readers.
type Tools struct {
	Store *postgres.Store
	Desk  *desk.Desk // nil with AnySchema
	Log   *slog.Logger
	reach *reach
}

// Schema says whether a verb needs the schema to be this binary's.
type Schema bool

// The choices.
const (
	AnySchema  Schema = false
	ThisSchema Schema = true
)

// WithStore opens the record of the configured instance, or of the running instance of the data folder, for the time of f.
func WithStore(ctx context.Context, c config.Config, need Schema, f func(Tools) error) error {
	if c.DatabaseURL == "" {
		info, err := embedded.Find(c.Data)
		if err != nil {
			return fmt.Errorf("no DATABASE_URL, and no instance runs on the data folder %s: %w", c.Data, err)
		}
		c.DatabaseURL, c.RedisURL = info.DatabaseURL, info.RedisURL
		if c.SecretKey == "" {
			if c.SecretKey, err = ownKey(c.Data + "/secret.key"); err != nil {
				return err
			}
		}
	}
	store, err := postgres.Open(ctx, c.DatabaseURL, postgres.Options{Conns: 4, LaneConns: 1, DoorConns: 1})
	if err != nil {
		return misconfigured("%w", err)
	}
	defer store.Close()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	t := Tools{Store: store, Log: log, reach: newReach(c.AllowHosts, nil, all.Drivers())}
	if need == ThisSchema {
		if err := store.CheckSchema(ctx); err != nil {
			return fmt.Errorf("%w: %w", ErrConfig, err)
		}
		if t.Desk, err = toolDesk(ctx, c, store, log); err != nil {
			return err
		}
	}
	return f(t)
}

// toolDesk is a desk for one deed of an operator. What it wakes for, the sweeper of the running instance finds.
func toolDesk(ctx context.Context, c config.Config, store *postgres.Store, log *slog.Logger) (*desk.Desk, error) {
	current, previous, err := keys(c)
	if err != nil {
		return nil, err
	}
	box, err := secret.NewBox(current, previous...)
	if err != nil {
		return nil, misconfigured("%w", err)
	}
	passwords, err := auth.NewPasswords(1)
	if err != nil {
		return nil, err
	}
	d := desk.New(desk.Config{
		Store: store, Waker: silent{}, Publisher: silent{}, Kinds: kinds(all.Drivers()), Metrics: signs{metrics.New(), silent{}}, Log: log, Passwords: passwords, Box: box,
		Second: auth.SecondFactor{Issuer: "Gatehouse"}, Tokens: tokens(),
	})
	if err := d.CheckSealing(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return d, nil
}

// silent rings for nobody and tells nobody.
type silent struct{}

func (silent) Wake(context.Context, task.Wake)        {}
func (silent) Publish(context.Context, []chat.Notice) {}

func (silent) Signs(chat.AccountID, vitals.Sends, string) {}

// Operator is who an operator at the machine is to the desk: an administrator without a name.
var Operator = chat.Principal{Role: chat.RoleAdmin}

// AllScopes are the scopes of an API key that may do all that its role may.
func AllScopes() []string {
	var out []string
	for _, s := range auth.AllScopes() {
		out = append(out, string(s))
	}
	return out
}

// SyncTemplates reads an account's templates from the provider and stores them. It returns how many there are.
func (t Tools) SyncTemplates(ctx context.Context, id chat.AccountID) (int, error) {
	w := workers.New(workers.Config{
		Desk: t.Desk, Store: t.Store, Accounts: accounts{t.Desk, t.reach}, Drivers: all.Drivers(), Client: media.Client(media.ClientConfig{Allow: t.reach.may}),
		Metrics: metrics.New(), Log: t.Log,
	})
	if err := w.Handle(ctx, task.Wake{Kind: task.Templates, ID: id.String()}); err != nil {
		return 0, err
	}
	rows, err := t.Store.TemplateRows(ctx, id)
	return len(rows), err
}
