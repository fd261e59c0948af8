// Package hooks is the door for providers: it believes what is signed, stores it, and answers 200 only after the commit.
//
// It refuses what is not signed for the account that it addresses (401), and floods of that (429). A signed body is never
// answered 4xx: one that addresses nobody we know, or that nobody can read, is kept as unrouted and answered 200; when the
// database does not commit in time the answer is 503, so that the provider comes again. Nothing is parsed here beyond whose
// event it is: that is the worker's business, and a parser's mistake is then a replay, not a loss.
//
// Start with Receive. verdict.go decides whose a webhook is, purely; directory.go knows the accounts.
package hooks

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"gatehouse/channels"
	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

// MaxBody is the most bytes of a webhook: Meta's largest (PROTOCOLS.md §1.3).
const MaxBody = 3 << 20

const (
	acceptWithin = 3 * time.Second // then 503
	comeAgain    = 5               // seconds, of Retry-After
	// wrongPerMinute is how many webhooks of one address may be wrong before it is told to slow down.
	wrongPerMinute = 60
)

// Door stores raw events durably (desk.Door). Accept and Unrouted return nil only after the commit.
type Door interface {
	Accept(ctx context.Context, events ...chat.RawEvent) error
	Unrouted(ctx context.Context, e chat.RawEvent) error
	// Full tells that Accept would refuse now: nobody needs to look at what comes.
	Full() bool
}

// Outcome is what became of a webhook; the metric's label.
type Outcome string

// The outcomes.
const (
	Accepted    Outcome = "accepted"    // committed, 200
	Unrouted    Outcome = "unrouted"    // signed, but for nobody whom we know: kept, 200
	Unsigned    Outcome = "unsigned"    // 401
	Flooding    Outcome = "flooding"    // 429
	Empty       Outcome = "empty"       // 400
	Unavailable Outcome = "unavailable" // 503
)

// Metrics counts webhooks by kind (empty where it is not known) and outcome, with the time to the answer.
type Metrics interface {
	Webhook(kind chat.ChannelKind, outcome Outcome, took time.Duration)
}

// Deps are what the door needs.
type Deps struct {
	Drivers  []channels.Driver
	Accounts Accounts
	Door     Door
	Metrics  Metrics
	Log      *slog.Logger
	Now      func() time.Time
}

// Hooks is the door. Make it with New.
type Hooks struct {
	deps     Deps
	drivers  drivers
	accounts *directory
	wrong    *web.Buckets
}

// New makes the door.
func New(deps Deps) *Hooks {
	return &Hooks{
		deps: deps, drivers: newDrivers(deps.Drivers),
		accounts: &directory{source: deps.Accounts, now: deps.Now},
		wrong:    web.NewBuckets(wrongPerMinute, wrongPerMinute, deps.Now),
	}
}

// Challenge answers GET /webhooks/meta: the handshake by which Meta makes sure that the address is ours. Any account's
// token will do.
func (h *Hooks) Challenge(c *fiber.Ctx) error {
	known, err := h.accounts.get(web.Context(c))
	if err != nil {
		return err
	}
	return h.challenge(c, h.drivers.ofMeta(known.all))
}

// ChallengeAccount answers GET /webhooks/{kind}/{account}, by that account's token.
func (h *Hooks) ChallengeAccount(c *fiber.Ctx) error {
	a, _, err := h.named(c)
	if err != nil {
		return err
	}
	return h.challenge(c, []channels.Account{a})
}

func (h *Hooks) challenge(c *fiber.Ctx, accounts []channels.Account) error {
	r := request(c)
	for _, a := range accounts {
		reply, ok := h.drivers.byKind[a.Kind].Webhook.Challenge(r, a.Secrets)
		switch {
		case !ok:
			continue
		case len(reply) == 0:
			return chat.Errorf(chat.CodeInvalid, "this challenge is not repeated")
		}
		c.Set(fiber.HeaderContentType, "text/plain; charset=utf-8")
		return c.Send(reply)
	}
	return chat.Errorf(chat.CodeForbidden, "the verify token is not ours")
}

// named finds the account of an address with {kind} and {account}.
func (h *Hooks) named(c *fiber.Ctx) (channels.Account, directoryView, error) {
	id, err := chat.ParseID[chat.AccountID](c.Params("account"))
	if err != nil {
		return channels.Account{}, directoryView{}, err
	}
	for fresh := false; ; fresh = true {
		known, err := h.accounts.get(web.Context(c))
		if err != nil {
			return channels.Account{}, known, err
		}
		a, ok := known.byID[id]
		if ok && string(a.Kind) == c.Params("kind") && h.drivers.has(a.Kind) {
			return a, known, nil
		}
		if fresh || !h.accounts.outdate() {
			return a, known, chat.Errorf(chat.CodeNotFound, "no such webhook")
		}
	}
}

// Outdate has the accounts read again at the next webhook: one of them was changed.
func (h *Hooks) Outdate() { h.accounts.changed() }

// Receive takes POST /webhooks/meta: WhatsApp, Instagram and Messenger, told apart by the payload.
func (h *Hooks) Receive(c *fiber.Ctx) error { return h.receive(c, nil) }

// ReceiveAccount takes POST /webhooks/{kind}/{account}: the payload must be signed for that account, whoever else it is
// about.
func (h *Hooks) ReceiveAccount(c *fiber.Ctx) error {
	a, _, err := h.named(c)
	if err != nil {
		return err
	}
	return h.receive(c, &a.ID)
}

func (h *Hooks) receive(c *fiber.Ctx, owner *chat.AccountID) error {
	start := h.deps.Now()
	if h.deps.Door.Full() {
		h.deps.Metrics.Webhook("", Unavailable, 0)
		return unavailable(errFull)
	}
	r := request(c)
	ctx, cancel := context.WithTimeout(web.Context(c), acceptWithin)
	defer cancel()
	v, err := h.judge(ctx, r, owner)
	outcome := Unavailable
	if err == nil {
		outcome, err = h.keep(ctx, c, r, v)
	} else {
		err = unavailable(err)
	}
	h.deps.Metrics.Webhook(v.kind, outcome, h.deps.Now().Sub(start))
	return err
}

// judge decides whose a webhook is. Where it is nobody's, or signed for nobody, that may be news of the last second: the
// accounts are read again, if that was not just done.
func (h *Hooks) judge(ctx context.Context, r channels.Request, owner *chat.AccountID) (verdict, error) {
	for fresh := false; ; fresh = true {
		known, err := h.accounts.get(ctx)
		if err != nil {
			return verdict{}, err
		}
		v := h.drivers.judge(r, known, owner)
		if v.signed && len(v.to) > 0 || fresh || !h.accounts.outdate() {
			return v, nil
		}
	}
}

// keep stores what is signed, and answers.
func (h *Hooks) keep(ctx context.Context, c *fiber.Ctx, r channels.Request, v verdict) (Outcome, error) {
	switch {
	case !v.signed:
		if err := h.wrong.Take(web.Subscriber(web.Client(c))); err != nil {
			return Flooding, err
		}
		return Unsigned, fiber.ErrUnauthorized
	case len(r.Body) == 0:
		return Empty, chat.Errorf(chat.CodeInvalid, "the body is empty")
	case len(v.to) == 0:
		if err := h.deps.Door.Unrouted(ctx, h.event(r, v.kind, addressee{key: v.unknown})); err != nil {
			return Unavailable, unavailable(err)
		}
		h.deps.Log.WarnContext(ctx, "a signed webhook addresses no account", slog.String("kind", string(v.kind)), slog.String("key_type", v.unknown.Type))
		return Unrouted, c.SendStatus(http.StatusOK)
	}
	events := make([]chat.RawEvent, len(v.to))
	for i, to := range v.to {
		events[i] = h.event(r, v.kind, to)
	}
	if err := h.deps.Door.Accept(ctx, events...); err != nil {
		return Unavailable, unavailable(err)
	}
	return Accepted, c.SendStatus(http.StatusOK)
}

func (h *Hooks) event(r channels.Request, kind chat.ChannelKind, to addressee) chat.RawEvent {
	return chat.RawEvent{
		ID: chat.NewID[chat.InboundEventID](), AccountID: to.account, Key: to.key, Kind: kind, Body: r.Body,
	}
}

var errFull = errors.New("too many events wait for the database")

// unavailable is every failure of ours: a signed webhook is never answered 4xx, nor with an error that stops the provider
// from coming again (RELIABILITY.md S48).
func unavailable(err error) error {
	return chat.Errorf(chat.CodeUnavailable, "not committed: %w", err).With("retry_after", comeAgain)
}

// request copies a call out of Fiber's buffers (S55).
func request(c *fiber.Ctx) channels.Request {
	r := channels.Request{
		Method: c.Method(), Header: map[string][]string{}, Query: map[string][]string{}, Body: bytes.Clone(c.Request().Body()),
	}
	for k, v := range c.Request().Header.All() {
		name := http.CanonicalHeaderKey(string(k))
		r.Header[name] = append(r.Header[name], string(v))
	}
	for k, v := range c.Request().URI().QueryArgs().All() {
		name := string(k)
		r.Query[name] = append(r.Query[name], string(v))
	}
	return r
}
