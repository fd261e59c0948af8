package api

import (
	"context"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
)

type apiKeys interface {
	APIKeys(ctx context.Context, p chat.Principal) ([]chat.APIKey, error)
	CreateAPIKey(ctx context.Context, p chat.Principal, f chat.APIKeyForm) (k chat.APIKey, plain string, err error)
	RevokeAPIKey(ctx context.Context, p chat.Principal, id chat.APIKeyID) error
}

// APIKey lets a program in. Key is shown once, in the answer that makes it.
type APIKey struct {
	ID          chat.APIKeyID       `json:"id"`
	Name        string              `json:"name"`
	Role        chat.Role           `json:"role"`
	Scopes      []string            `json:"scopes"`
	Departments []chat.DepartmentID `json:"departments,omitempty"` // that it sees; an admin's sees all
	CreatedAt   time.Time           `json:"created_at"`
	UsedAt      time.Time           `json:"used_at,omitzero"`
	Key         string              `json:"key,omitempty"`
}

func newAPIKey(k chat.APIKey) APIKey {
	return APIKey{
		ID: k.ID, Name: k.Name, Role: k.Role, Scopes: append([]string{}, k.Scopes...), Departments: k.Departments, CreatedAt: k.CreatedAt, UsedAt: k.UsedAt,
	}
}

// ListAPIKeys are those that hold.
func (a *API) ListAPIKeys(c *web.Call, p web.Paging) (web.Page[APIKey], error) {
	found, err := a.Desk.APIKeys(c, c.P())
	if err != nil {
		return web.Page[APIKey]{}, err
	}
	out := make([]APIKey, len(found))
	for i, k := range found {
		out[i] = newAPIKey(k)
	}
	return web.PageOf(c, out, p)
}

// APIKeyForm is a key to be made. Without scopes it may do all that its role may; without departments one of role manager or
// agent sees those that there are now.
type APIKeyForm struct {
	Name        string              `json:"name"`
	Role        chat.Role           `json:"role"`
	Scopes      []string            `json:"scopes"`
	Departments []chat.DepartmentID `json:"departments,omitempty"`
}

// CreateAPIKey makes a key.
func (a *API) CreateAPIKey(c *web.Call, in APIKeyForm) (APIKey, error) {
	if len(in.Scopes) == 0 {
		in.Scopes = []string{string(auth.ScopeAdmin)}
	}
	parsed, err := auth.ParseScopes(in.Scopes)
	if err != nil {
		return APIKey{}, err
	}
	scopes := make([]string, len(parsed))
	for i, s := range parsed {
		scopes[i] = string(s)
	}
	k, plain, err := a.Desk.CreateAPIKey(c, c.P(), chat.APIKeyForm{Name: in.Name, Role: in.Role, Scopes: scopes, Departments: in.Departments})
	if err != nil {
		return APIKey{}, err
	}
	out := newAPIKey(k)
	out.Key = plain
	return out, nil
}

type onAPIKey struct {
	ID chat.APIKeyID `path:"id" json:"-"`
}

// DeleteAPIKey ends a key, at once.
func (a *API) DeleteAPIKey(c *web.Call, in onAPIKey) error {
	return a.Desk.RevokeAPIKey(c, c.P(), in.ID)
}
