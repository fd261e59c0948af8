// Package api is /api/v1: what agents' screens and programs ask of the desk, one file a resource. A handler reads its
// input, calls one verb, and shows what came of it in the shapes of types.ts; rules are the desk's, and who may call is in
// the route table of package gateway.
//
// It refuses nothing by itself beyond malformed input. Start with conversations.go and messages.go; me.go is how somebody
// gets in.
package api

import (
	"context"
	"net/netip"
	"time"

	"gatehouse/channels"
	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/media"
	"gatehouse/internal/window"
)

// Desk is what the API asks of the use-cases: the sum of the interfaces beside the handlers.
type Desk interface {
	conversations
	messages
	drafts
	contacts
	messageTemplates
	files
	signIns
	security
	audit
	ops
	people
	departments
	reasons
	cannedReplies
	apiKeys
	accounts

	// Versions are those of the lists that people change.
	Versions(ctx context.Context) (map[string]int64, error)
	// Now is the clock by which windows are decided.
	Now(ctx context.Context) (time.Time, error)
	WindowView(r chat.ConversationRow, now time.Time) window.View
}

var _ Desk = (*desk.Desk)(nil)

// Deps are what the API needs of the house.
type Deps struct {
	Desk    Desk
	Drivers []channels.Driver // in the order in which a form offers them

	Attempts *auth.SignInLimiter
	Links    *auth.MediaLinks
	Intake   media.Intake
	// CheckAccount asks the provider whether an account works, and notes the answer.
	CheckAccount func(ctx context.Context, id chat.AccountID) error
	Metrics      Metrics

	Now func() time.Time
	// PublicURL is where providers reach us, without a trailing slash.
	PublicURL string
	Demo      bool // /demo exists
}

// Metrics counts attempts to sign in: ok, refused, limited.
type Metrics interface {
	SignIn(outcome string)
}

// API is the handlers. Make it with New.
type API struct {
	Deps
}

// New makes the handlers.
func New(deps Deps) *API { return &API{deps} }

// Inputs that many routes share.
type (
	none           struct{}
	onConversation struct {
		ID chat.ConversationID `path:"id" json:"-"`
	}
	onMessage struct {
		ID  chat.ConversationID `path:"id" json:"-"`
		MID chat.MessageID      `path:"mid" json:"-"`
	}
)

// show shows one conversation as it stands now.
func (a *API) show(ctx context.Context, row chat.ConversationRow) (web.Conversation, error) {
	now, err := a.Desk.Now(ctx)
	if err != nil {
		return web.Conversation{}, err
	}
	return web.NewConversation(row, a.Desk.WindowView(row, now)), nil
}

// paged answers a page of a list that is read whole.
func paged[T any](c *web.Call, p web.Paging, whole func(*web.Call) ([]T, error)) (web.Page[T], error) {
	all, err := whole(c)
	if err != nil {
		return web.Page[T]{}, err
	}
	return web.PageOf(c, all, p)
}

// address is the caller's address as the record keeps it.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
