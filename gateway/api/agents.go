package api

import (
	"context"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

type people interface {
	Agents(ctx context.Context, p chat.Principal) ([]chat.AgentLoad, error)
	CreateAgent(ctx context.Context, p chat.Principal, f chat.AgentForm, password string) (chat.AgentLoad, error)
	UpdateAgent(ctx context.Context, p chat.Principal, id chat.AgentID, c chat.AgentPatch) (chat.AgentLoad, error)
	DisableAgent(ctx context.Context, p chat.Principal, id chat.AgentID) (chat.AgentLoad, error)
	EnableAgent(ctx context.Context, p chat.Principal, id chat.AgentID) (chat.AgentLoad, error)
	SetAgentPassword(ctx context.Context, p chat.Principal, id chat.AgentID, password string) error
}

// Agent is a colleague. The e-mail address is for admins and managers; whether signing in asks for a second factor is in the list
// of those who manage agents.
type Agent struct {
	ID            chat.AgentID        `json:"id"`
	Name          string              `json:"name"`
	Email         string              `json:"email,omitempty"`
	SecondFactor  *bool               `json:"second_factor,omitempty"`
	Role          chat.Role           `json:"role"`
	State         chat.AgentState     `json:"state"`
	Behavior      chat.Behavior       `json:"behavior"`
	Capacity      int                 `json:"capacity"`
	Load          int                 `json:"load"`
	Languages     []string            `json:"languages"`
	Departments   []chat.DepartmentID `json:"departments"`
	Presence      chat.Presence       `json:"presence"`
	BreakReason   chat.BreakReasonID  `json:"break_reason,omitzero"`
	PresenceSince time.Time           `json:"presence_since,omitzero"`
	SeenAt        time.Time           `json:"seen_at,omitzero"`
}

func newAgent(l chat.AgentLoad) Agent {
	out := Agent{
		ID: l.ID, Name: l.Name, Email: l.Email, SecondFactor: l.SecondFactor, Role: l.Role, State: l.State, Behavior: l.Behavior, Capacity: l.Capacity, Load: l.Load,
		Languages: l.Languages, Departments: l.Departments, Presence: l.Presence, PresenceSince: l.PresenceSince, SeenAt: l.SeenAt,
	}
	if l.Presence == chat.OnBreak {
		out.BreakReason = l.BreakReasonID
	}
	if out.Languages == nil {
		out.Languages = []string{}
	}
	if out.Departments == nil {
		out.Departments = []chat.DepartmentID{}
	}
	return out
}

// ListAgents are all agents.
func (a *API) ListAgents(c *web.Call, p web.Paging) (web.Page[Agent], error) {
	return paged(c, p, a.agents)
}

func (a *API) agents(c *web.Call) ([]Agent, error) {
	found, err := a.Desk.Agents(c, c.P())
	if err != nil {
		return nil, err
	}
	out := make([]Agent, len(found))
	for i, l := range found {
		out[i] = newAgent(l)
	}
	return out, nil
}

// AgentForm is an agent to be made, with a first password that they must change.
type AgentForm struct {
	Name        string              `json:"name"`
	Email       string              `json:"email"`
	Role        chat.Role           `json:"role"`
	Password    string              `json:"password"`
	Departments []chat.DepartmentID `json:"departments"`
	Behavior    chat.Behavior       `json:"behavior,omitempty"`
	Capacity    *int                `json:"capacity,omitempty"`
	Languages   []string            `json:"languages,omitempty"`
}

// CreateAgent adds an agent.
func (a *API) CreateAgent(c *web.Call, in AgentForm) (Agent, error) {
	f := chat.AgentForm{
		Name: in.Name, Email: in.Email, Role: in.Role, Behavior: in.Behavior, Capacity: chat.DefaultCapacity, Languages: in.Languages,
		Departments: in.Departments,
	}
	if in.Capacity != nil {
		f.Capacity = *in.Capacity
	}
	return shownAgent(a.Desk.CreateAgent(c, c.P(), f, in.Password))
}

type onAgent struct {
	ID chat.AgentID `path:"id" json:"-"`
}

// AgentPatch is a change of an agent; an absent field stays.
type AgentPatch struct {
	onAgent
	Name        *string              `json:"name,omitempty"`
	Email       *string              `json:"email,omitempty"`
	Role        *chat.Role           `json:"role,omitempty"`
	Departments *[]chat.DepartmentID `json:"departments,omitempty"`
	Behavior    *chat.Behavior       `json:"behavior,omitempty"`
	Capacity    *int                 `json:"capacity,omitempty"`
	Languages   *[]string            `json:"languages,omitempty"`
}

// PatchAgent changes an agent.
func (a *API) PatchAgent(c *web.Call, in AgentPatch) (Agent, error) {
	return shownAgent(a.Desk.UpdateAgent(c, c.P(), in.ID, chat.AgentPatch{
		Name: in.Name, Email: in.Email, Role: in.Role, Behavior: in.Behavior, Capacity: in.Capacity, Languages: in.Languages,
		Departments: in.Departments,
	}))
}

// DisableAgent ends an agent's sessions and returns what they hold.
func (a *API) DisableAgent(c *web.Call, in onAgent) (Agent, error) {
	return shownAgent(a.Desk.DisableAgent(c, c.P(), in.ID))
}

// EnableAgent lets them in again.
func (a *API) EnableAgent(c *web.Call, in onAgent) (Agent, error) {
	return shownAgent(a.Desk.EnableAgent(c, c.P(), in.ID))
}

// FirstPassword is a password that an agent must change.
type FirstPassword struct {
	onAgent
	Password string `json:"password"`
}

// AgentPassword gives an agent a password that they must change.
func (a *API) AgentPassword(c *web.Call, in FirstPassword) error {
	return a.Desk.SetAgentPassword(c, c.P(), in.ID, in.Password)
}

func shownAgent(l chat.AgentLoad, err error) (Agent, error) {
	if err != nil {
		return Agent{}, err
	}
	return newAgent(l), nil
}
