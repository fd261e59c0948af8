package api

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
)

type signIns interface {
	SignIn(ctx context.Context, email, password, code, ip, userAgent string) (token string, agent chat.Agent, err error)
	SignOut(ctx context.Context, tokenHash []byte) error
	ChangePassword(ctx context.Context, p chat.Principal, tokenHash []byte, current, next string) error
	SetupOpen(ctx context.Context, linkHash []byte) error
	Setup(ctx context.Context, linkHash []byte, name, email, password, ip, userAgent string) (token string, agent chat.Agent, err error)
	Me(ctx context.Context, p chat.Principal) (chat.Me, error)
	SetPrefs(ctx context.Context, p chat.Principal, prefs json.RawMessage) error
	SetPresence(ctx context.Context, p chat.Principal, presence chat.Presence, reason chat.BreakReasonID) error
}

// Me is the agent who asks.
type Me struct {
	ID                 chat.AgentID        `json:"id"`
	Name               string              `json:"name"`
	Email              string              `json:"email"`
	Role               chat.Role           `json:"role"`
	Permissions        []chat.Permission   `json:"permissions"`
	Departments        []chat.DepartmentID `json:"departments"`
	Presence           chat.Presence       `json:"presence"`
	BreakReason        chat.BreakReasonID  `json:"break_reason,omitzero"`
	PresenceSince      time.Time           `json:"presence_since"`
	Behavior           chat.Behavior       `json:"behavior"`
	Capacity           int                 `json:"capacity"`
	Load               int                 `json:"load"`
	MustChangePassword bool                `json:"must_change_password"`
	Prefs              json.RawMessage     `json:"prefs"`
	CSRF               string              `json:"csrf"`
	ServerTime         time.Time           `json:"server_time"`
	Demo               bool                `json:"demo"`
}

// Me shows the caller themselves.
func (a *API) Me(c *web.Call, _ none) (Me, error) { return a.me(c) }

func (a *API) me(c *web.Call) (Me, error) {
	m, err := a.Desk.Me(c, c.P())
	if err != nil {
		return Me{}, err
	}
	now, err := a.Desk.Now(c)
	if err != nil {
		return Me{}, err
	}
	out := Me{
		ID: m.ID, Name: m.Name, Email: m.Email, Role: m.Role, Permissions: m.Role.Permissions(), Departments: m.Departments,
		Presence: m.Presence, PresenceSince: m.PresenceSince, Behavior: m.Behavior, Capacity: m.Capacity, Load: m.Load,
		MustChangePassword: m.MustChange, Prefs: m.Prefs, CSRF: c.CSRF(), ServerTime: now, Demo: a.Demo,
	}
	if m.Presence == chat.OnBreak {
		out.BreakReason = m.BreakReasonID
	}
	if out.Permissions == nil {
		out.Permissions = []chat.Permission{}
	}
	if out.Departments == nil {
		out.Departments = []chat.DepartmentID{}
	}
	if len(out.Prefs) == 0 {
		out.Prefs = json.RawMessage("{}")
	}
	return out, nil
}

// Credentials are what a person types to get in. TOTP is for accounts with a second factor: six digits, or a recovery code.
type Credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	TOTP     string `json:"totp,omitempty"`
}

// SignIn starts a session with a new token, whatever the browser brought (RELIABILITY.md S28).
func (a *API) SignIn(c *web.Call, in Credentials) (Me, error) {
	if err := c.SameOrigin(); err != nil {
		return Me{}, err
	}
	if err := a.Attempts.Attempt(in.Email, c.Client()); err != nil {
		a.Metrics.SignIn("limited")
		return Me{}, err
	}
	token, agent, err := a.Desk.SignIn(c, in.Email, in.Password, in.TOTP, address(c.Client()), agentOf(c))
	a.tried(in.Email, c, err)
	if err != nil {
		a.Metrics.SignIn("refused")
		return Me{}, err
	}
	a.Metrics.SignIn("ok")
	return a.enter(c, token, agent)
}

// tried forgets the attempts of somebody who knew the password, or whom we could not ask for it.
func (a *API) tried(account string, c *web.Call, err error) {
	if chat.CodeOf(err) != chat.CodeWrongCredentials {
		a.Attempts.Succeeded(account, c.Client())
	}
}

// enter gives the browser its new session and answers as that agent.
func (a *API) enter(c *web.Call, token string, agent chat.Agent) (Me, error) {
	c.SignIn(token)
	c.Who.Principal = chat.Session{Agent: agent}.Principal()
	return a.me(c)
}

// agentOf is the browser's name for itself, shortened: it is shown in the list of one's sessions.
func agentOf(c *web.Call) string {
	name := []rune(c.Header("User-Agent"))
	return string(name[:min(len(name), 200)])
}

// SignOut ends the session. Its agent is offline at once.
func (a *API) SignOut(c *web.Call, _ none) error {
	if err := a.Desk.SignOut(c, auth.HashToken(c.Who.Session)); err != nil {
		return err
	}
	c.SignIn("")
	return nil
}

type onLink struct {
	Token string `path:"token" json:"-"`
}

// SetupOpen tells whether a link would make the first admin now. Its 256 bits are not to be guessed: nobody is slowed.
func (a *API) SetupOpen(c *web.Call, in onLink) error {
	return a.Desk.SetupOpen(c, auth.HashLink(auth.LinkSetup, in.Token))
}

// FirstAdmin is who sets the desk up.
type FirstAdmin struct {
	onLink
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

// Setup makes the first admin by the one-time link, and signs them in.
func (a *API) Setup(c *web.Call, in FirstAdmin) (Me, error) {
	if err := c.SameOrigin(); err != nil {
		return Me{}, err
	}
	token, agent, err := a.Desk.Setup(c, auth.HashLink(auth.LinkSetup, in.Token), in.Name, in.Email, in.Password, address(c.Client()), agentOf(c))
	if err != nil {
		return Me{}, err
	}
	return a.enter(c, token, agent)
}

// NewPassword is the caller's own change.
type NewPassword struct {
	Current string `json:"current"`
	New     string `json:"new"`
}

// ChangePassword changes the caller's password and ends their other sessions.
func (a *API) ChangePassword(c *web.Call, in NewPassword) (Me, error) {
	if err := a.proven(c, func() error {
		return a.Desk.ChangePassword(c, c.P(), auth.HashToken(c.Who.Session), in.Current, in.New)
	}); err != nil {
		return Me{}, err
	}
	return a.me(c)
}

// Prefs are what an agent has set for themselves: an object of any keys.
type Prefs struct {
	raw json.RawMessage
}

// UnmarshalJSON takes any object.
func (p *Prefs) UnmarshalJSON(raw []byte) error {
	p.raw = append(json.RawMessage(nil), raw...)
	return nil
}

// MarshalJSON gives it back.
func (p Prefs) MarshalJSON() ([]byte, error) { return p.raw, nil }

// SetPrefs replaces them whole.
func (a *API) SetPrefs(c *web.Call, in Prefs) (Prefs, error) {
	return in, a.Desk.SetPrefs(c, c.P(), in.raw)
}

// NewPresence is an agent's word about being there.
type NewPresence struct {
	Presence chat.Presence      `json:"presence"`
	Reason   chat.BreakReasonID `json:"reason,omitzero"`
}

// SetPresence changes the caller's presence.
func (a *API) SetPresence(c *web.Call, in NewPresence) (Me, error) {
	if err := a.Desk.SetPresence(c, c.P(), in.Presence, in.Reason); err != nil {
		return Me{}, err
	}
	return a.me(c)
}
