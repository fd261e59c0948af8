package api

import (
	"bytes"
	"context"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
)

type security interface {
	OwnSessions(ctx context.Context, p chat.Principal) ([]chat.OwnSession, error)
	EndOwnSession(ctx context.Context, p chat.Principal, id chat.SessionID) error
	TOTP(ctx context.Context, p chat.Principal) (chat.TOTP, error)
	BeginTOTP(ctx context.Context, p chat.Principal, password string) (shared, url string, err error)
	ConfirmTOTP(ctx context.Context, p chat.Principal, code string) (recovery []string, err error)
	EndTOTP(ctx context.Context, p chat.Principal, password string) error
	EndAgentTOTP(ctx context.Context, p chat.Principal, id chat.AgentID) error
}

// OwnSession is one of the caller's sessions.
type OwnSession struct {
	ID        chat.SessionID `json:"id"`
	CreatedAt time.Time      `json:"created_at"`
	UsedAt    time.Time      `json:"used_at"`
	ExpiresAt time.Time      `json:"expires_at"`
	UserAgent string         `json:"user_agent"`
	IP        string         `json:"ip"`
	Current   bool           `json:"current"` // it asks
}

// ListSessions are where the caller is signed in, the one used last first.
func (a *API) ListSessions(c *web.Call, p web.Paging) (web.Page[OwnSession], error) {
	found, err := a.Desk.OwnSessions(c, c.P())
	if err != nil {
		return web.Page[OwnSession]{}, err
	}
	own := auth.HashToken(c.Who.Session)
	out := make([]OwnSession, len(found))
	for i, s := range found {
		out[i] = OwnSession{
			ID: s.ID, CreatedAt: s.CreatedAt, UsedAt: s.UsedAt, ExpiresAt: s.ExpiresAt, UserAgent: s.UserAgent, IP: s.IP,
			Current: bytes.Equal(own, s.TokenHash),
		}
	}
	return web.PageOf(c, out, p)
}

type onSession struct {
	ID chat.SessionID `path:"id" json:"-"`
}

// DeleteSession ends one of them.
func (a *API) DeleteSession(c *web.Call, in onSession) error {
	return a.Desk.EndOwnSession(c, c.P(), in.ID)
}

// TOTP is whether the caller has a second factor.
type TOTP struct {
	Enabled       bool `json:"enabled"`
	RecoveryCodes int  `json:"recovery_codes"` // that are left
}

// TOTP shows it.
func (a *API) TOTP(c *web.Call, _ none) (TOTP, error) {
	t, err := a.Desk.TOTP(c, c.P())
	return TOTP{Enabled: t.Confirmed, RecoveryCodes: t.Recovery}, err
}

// Proof is the caller's password once more.
type Proof struct {
	Password string `json:"password"`
}

// NewTOTP is a second factor that was begun, shown once. URL is what a QR code holds.
type NewTOTP struct {
	Secret string `json:"secret"`
	URL    string `json:"url"`
}

// BeginTOTP makes a second factor for the caller. It is asked for once ConfirmTOTP has seen a code of it.
func (a *API) BeginTOTP(c *web.Call, in Proof) (out NewTOTP, err error) {
	err = a.proven(c, func() (err error) {
		out.Secret, out.URL, err = a.Desk.BeginTOTP(c, c.P(), in.Password)
		return err
	})
	return out, err
}

// Code is of a second factor.
type Code struct {
	Code string `json:"code"`
}

// RecoveryCodes are for the day the phone is lost, each good once. They are shown this once.
type RecoveryCodes struct {
	Codes []string `json:"recovery_codes"`
}

// ConfirmTOTP puts the second factor to use.
func (a *API) ConfirmTOTP(c *web.Call, in Code) (RecoveryCodes, error) {
	codes, err := a.Desk.ConfirmTOTP(c, c.P(), in.Code)
	return RecoveryCodes{codes}, err
}

// EndTOTP removes the caller's second factor.
func (a *API) EndTOTP(c *web.Call, in Proof) error {
	return a.proven(c, func() error { return a.Desk.EndTOTP(c, c.P(), in.Password) })
}

// EndAgentTOTP removes an agent's second factor, and ends their sessions.
func (a *API) EndAgentTOTP(c *web.Call, in onAgent) error {
	return a.Desk.EndAgentTOTP(c, c.P(), in.ID)
}

// proven does what needs the caller's password, which is not to be guessed from a session either.
func (a *API) proven(c *web.Call, do func() error) error {
	account := c.P().AgentID.String()
	if err := a.Attempts.Attempt(account, c.Client()); err != nil {
		return err
	}
	err := do()
	a.tried(account, c, err)
	return err
}
