package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"gatehouse/internal/bench/agent"
	"gatehouse/internal/chat"
)

// hook is where Meta's webhooks go.
const hook = "/webhooks/meta"

// capacity is how many conversations an agent of the benchmark is given.
const capacity = chat.MaxCapacity

// operator is who makes the world.
var operator = chat.Principal{Role: chat.RoleAdmin}

// world is what the benchmark plays with: accounts, each with a department and an agent of its own, so that every message
// is somebody's news and nobody gets everything.
type world struct {
	secret      string
	departments []chat.DepartmentID
	numbers     []number
	accounts    []chat.AccountID
	people      []chat.AgentID
	agents      []*agent.Agent
}

// accountsMost bounds a world: its numbers have two digits of their own.
const accountsMost = 99

// makeWorld finds or makes n accounts of a name, each with a department and an agent who is online as soon as their socket is
// open. The accounts keep nothing of use to anyone: they have a new secret with each run, and their Graph address leads nowhere.
func (t Target) makeWorld(ctx context.Context, name string, n int) (*world, error) {
	w := &world{secret: rand.Text()}
	for i := range n {
		name := fmt.Sprintf("%s %d", name, i+1)
		d, err := t.department(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("department: %w", err)
		}
		x := newNumber(1, i)
		id, err := t.account(ctx, name, d, x, w.secret, nowhere)
		if err != nil {
			return nil, fmt.Errorf("account: %w", err)
		}
		w.departments, w.numbers, w.accounts = append(w.departments, d), append(w.numbers, x), append(w.accounts, id)
		a, err := t.person(ctx, name, d)
		if err != nil {
			return nil, fmt.Errorf("agent: %w", err)
		}
		w.people = append(w.people, a)
	}
	var err error
	if w.agents, err = t.enter(ctx, w.people); err != nil {
		return nil, fmt.Errorf("agents: %w", err)
	}
	for _, a := range w.agents {
		if err := a.SetPresence(ctx, string(chat.Online)); err != nil {
			return nil, fmt.Errorf("presence: %w", err)
		}
	}
	return w, nil
}

// nowhere is a Graph address at which nobody listens.
const nowhere = "http://127.0.0.1:9"

// newNumber is the i-th of a kind of ours: 1 for a world's, others for those that stand beside it.
func newNumber(kind, i int) number {
	return number{
		phoneNumberID: fmt.Sprintf("%d0000000000%02d", kind, i), businessAccountID: fmt.Sprintf("%d1000000000%02d", kind, i), display: fmt.Sprintf("9085%d00000%02d", kind, i),
	}
}

// department finds or makes one.
func (t Target) department(ctx context.Context, name string) (chat.DepartmentID, error) {
	all, err := t.Desk.Departments(ctx, operator)
	if err != nil {
		return chat.DepartmentID{}, err
	}
	for _, x := range all {
		if x.Name == name {
			return x.ID, nil
		}
	}
	x, err := t.Desk.CreateDepartment(ctx, operator, chat.Department{Name: name, Policy: "least_busy"})
	return x.ID, err
}

// account finds or makes a WhatsApp account whose webhooks are signed with secret and whose messages go to graph.
func (t Target) account(ctx context.Context, name string, in chat.DepartmentID, n number, secret, graph string) (chat.AccountID, error) {
	settings := map[string]string{
		"phone_number_id": n.phoneNumberID, "business_account_id": n.businessAccountID, "access_token": rand.Text(), "app_secret": secret,
		"verify_token": rand.Text(), "graph_base_url": graph,
	}
	all, err := t.Desk.Accounts(ctx, operator)
	if err != nil {
		return chat.AccountID{}, err
	}
	for _, x := range all {
		if x.Kind == chat.WhatsApp && x.Name == name {
			_, err := t.Desk.UpdateAccount(ctx, operator, x.ID, chat.AccountPatch{Settings: settings})
			return x.ID, err
		}
	}
	x, err := t.Desk.CreateAccount(ctx, operator, chat.AccountForm{
		Kind: chat.WhatsApp, Name: name, Address: "+" + n.display, DepartmentID: in, Settings: settings,
	})
	return x.ID, err
}

// person finds or makes the agent of a department of a world.
func (t Target) person(ctx context.Context, name string, in chat.DepartmentID) (chat.AgentID, error) {
	email := mailOf(name)
	all, err := t.Desk.Agents(ctx, operator)
	if err != nil {
		return chat.AgentID{}, err
	}
	for _, x := range all {
		if x.Email == email {
			return x.ID, nil
		}
	}
	ids, err := t.hire(ctx, []post{{name: name, role: chat.RoleAgent, capacity: capacity, departments: []chat.DepartmentID{in}}})
	if err != nil {
		return chat.AgentID{}, err
	}
	return ids[0], nil
}

func (w *world) payload(run string, contacts int) *payload {
	if run == "" {
		run = rand.Text()
	}
	return &payload{secret: w.secret, numbers: w.numbers, contacts: int64(contacts), run: run}
}

// settle has the agents be there for a moment, and waits until nobody waits in their lines.
func (w *world) settle(ctx context.Context) error {
	here := newWatch(w)
	if err := here.listen(ctx); err != nil {
		return err
	}
	defer here.stop()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, a := range w.agents {
		if err := poll(ctx, 100*time.Millisecond, func() (bool, error) {
			var counts struct{ Queue int }
			err := a.Call(ctx, "GET", "/counts", nil, &counts)
			return counts.Queue == 0, err
		}); err != nil {
			return fmt.Errorf("conversations wait for an agent who has room: %w", err)
		}
	}
	return nil
}
