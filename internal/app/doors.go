package app

import (
	"context"
	"errors"
	"strconv"
	"time"

	"gatehouse/channels"
	"gatehouse/gateway/hooks"
	"gatehouse/gateway/live"
	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
)

// doors is what the gateway's doors ask of the house where the desk's own shape does not fit.
type doors struct{ a *App }

// WebhookAccounts opens every channel account.
func (d doors) WebhookAccounts(ctx context.Context) ([]channels.Account, error) {
	all, err := d.a.desk.OpenAccounts(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]channels.Account, 0, len(all))
	for _, o := range all {
		out = append(out, channels.Account{Account: o.Account, Secrets: channels.Secrets(o.Secrets)})
	}
	return out, nil
}

// Session finds who a session's token belongs to.
func (d doors) Session(ctx context.Context, token string) (web.Who, error) {
	s, err := d.a.desk.Session(ctx, auth.HashToken(token))
	if err != nil {
		return web.Who{}, err
	}
	return web.Who{Principal: s.Principal(), Permissions: permissions(s.Agent.Role), Session: token, FirstPassword: s.Agent.MustChange}, nil
}

// CheckSession is Session for those who only look: a socket that stays open must not keep a session alive by itself.
func (d doors) CheckSession(ctx context.Context, token string) (web.Who, error) {
	s, err := d.a.desk.PeekSession(ctx, auth.HashToken(token))
	if err != nil {
		return web.Who{}, err
	}
	return web.Who{Principal: s.Principal(), Permissions: permissions(s.Agent.Role), Session: token, FirstPassword: s.Agent.MustChange}, nil
}

// APIKey finds whose a key is.
func (d doors) APIKey(ctx context.Context, key string) (web.Who, error) {
	hash, _, err := auth.HashAPIKey(key)
	if err != nil {
		return web.Who{}, err
	}
	k, err := d.a.desk.APIKey(ctx, hash)
	if err != nil {
		return web.Who{}, err
	}
	return web.Who{Principal: k.Principal(), Permissions: permissions(k.Role)}, nil
}

func permissions(r chat.Role) []string {
	var out []string
	for _, p := range r.Permissions() {
		out = append(out, string(p))
	}
	return out
}

// checkAccount asks the provider whether an account works and notes the answer.
func (a *App) checkAccount(ctx context.Context, id chat.AccountID) error {
	err := a.workers.Check(ctx, id)
	var refused *chat.SendError
	switch {
	case err == nil:
		return a.desk.NoteAccount(ctx, id, chat.AccountConnected, "")
	case errors.As(err, &refused):
		return errors.Join(a.desk.NoteAccount(ctx, id, chat.AccountDisconnected, refused.Detail),
			chat.Errorf(chat.CodeAccountDisconnected, "the provider refuses: %s", refused.Detail))
	}
	return chat.Errorf(chat.CodeUnavailable, "the provider does not answer: %w", err)
}

// counters hands the doors' counts to the metrics.
type counters struct{ a *App }

// Webhook counts an answered webhook.
func (c counters) Webhook(kind chat.ChannelKind, o hooks.Outcome, took time.Duration) {
	c.a.metrics.Webhook(string(kind), string(o), took)
}

// Sockets notes how many agents' sockets are open.
func (c counters) Sockets(n int) {
	c.a.metrics.Sockets(n)
	c.a.pulse.sockets.Store(int64(n))
}

// Closed counts a socket's end.
func (c counters) Closed(r live.Reason) { c.a.metrics.Live("closed", string(r), 1) }

// Missed counts news that the bus lost and the record told.
func (c counters) Missed(n int) { c.a.metrics.Live("missed", "", n) }

// Resynced counts sockets that were told to read everything again.
func (c counters) Resynced(n int) { c.a.metrics.Live("resynced", "", n) }

// Frames counts frames for sockets.
func (c counters) Frames(n int) { c.a.metrics.Live("frames", "", n) }

// Lag observes how old an event was when it went to the sockets.
func (c counters) Lag(heard time.Duration) { c.a.metrics.LiveLag(heard) }

// SweepFailed counts looks into the record that failed.
func (c counters) SweepFailed(overload bool) {
	c.a.metrics.Live("sweep_failed", "overload="+strconv.FormatBool(overload), 1)
}

// SignIn counts an attempt to sign in.
func (c counters) SignIn(outcome string) { c.a.metrics.SignIn(outcome) }
