package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"gatehouse/internal/bench/agent"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
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
	secret   string
	numbers  []number
	accounts []chat.AccountID
	agents   []*agent.Agent
}

// makeWorld finds or makes it. The accounts keep nothing of use to anyone: they have a new secret with each run, and their
// Graph address leads nowhere.
func makeWorld(ctx context.Context, cfg Config) (*world, error) {
	w := &world{secret: rand.Text()}
	departments, err := cfg.Desk.Departments(ctx, operator)
	if err != nil {
		return nil, err
	}
	agents, err := cfg.Desk.Agents(ctx, operator)
	if err != nil {
		return nil, err
	}
	accounts, err := cfg.Desk.Accounts(ctx, operator)
	if err != nil {
		return nil, err
	}
	for i := range cfg.Accounts {
		name := fmt.Sprintf("Bench %d", i+1)
		d, err := department(ctx, cfg.Desk, departments, name)
		if err != nil {
			return nil, fmt.Errorf("department: %w", err)
		}
		n := number{
			phoneNumberID: fmt.Sprintf("10000000000%d", i), businessAccountID: fmt.Sprintf("20000000000%d", i), display: fmt.Sprintf("90850000000%d", i),
		}
		id, err := w.account(ctx, cfg.Desk, accounts, name, d, n)
		if err != nil {
			return nil, fmt.Errorf("account: %w", err)
		}
		w.numbers, w.accounts = append(w.numbers, n), append(w.accounts, id)
		a, err := person(ctx, cfg, agents, name, d)
		if err != nil {
			return nil, fmt.Errorf("agent: %w", err)
		}
		w.agents = append(w.agents, a)
	}
	return w, nil
}

func department(ctx context.Context, d *desk.Desk, all []chat.DepartmentCard, name string) (chat.DepartmentID, error) {
	for _, x := range all {
		if x.Name == name {
			return x.ID, nil
		}
	}
	x, err := d.CreateDepartment(ctx, operator, chat.Department{Name: name, Policy: "least_busy"})
	return x.ID, err
}

func (w *world) account(ctx context.Context, d *desk.Desk, all []chat.AccountView, name string, in chat.DepartmentID, n number) (chat.AccountID, error) {
	settings := map[string]string{
		"phone_number_id": n.phoneNumberID, "business_account_id": n.businessAccountID, "access_token": rand.Text(), "app_secret": w.secret,
		"verify_token": rand.Text(), "graph_base_url": "http://127.0.0.1:9",
	}
	for _, x := range all {
		if x.Kind == chat.WhatsApp && x.Name == name {
			_, err := d.UpdateAccount(ctx, operator, x.ID, chat.AccountPatch{Settings: settings})
			return x.ID, err
		}
	}
	x, err := d.CreateAccount(ctx, operator, chat.AccountForm{
		Kind: chat.WhatsApp, Name: name, Address: "+" + n.display, DepartmentID: in, Settings: settings,
	})
	return x.ID, err
}

// person finds or makes an agent, with a new password, and signs in as them.
func person(ctx context.Context, cfg Config, all []chat.AgentLoad, name string, in chat.DepartmentID) (*agent.Agent, error) {
	email, first := fmt.Sprintf("bench-%s@bench.invalid", name[len("Bench "):]), rand.Text()
	there := false
	for _, x := range all {
		if x.Email == email {
			there = true
			if err := cfg.Desk.SetAgentPassword(ctx, operator, x.ID, first); err != nil {
				return nil, err
			}
		}
	}
	if !there {
		if _, err := cfg.Desk.CreateAgent(ctx, operator, chat.AgentForm{
			Name: name, Email: email, Role: chat.RoleAgent, Capacity: capacity, Departments: []chat.DepartmentID{in},
		}, first); err != nil {
			return nil, err
		}
	}
	a, err := agent.SignIn(ctx, cfg.URL, email, first, rand.Text())
	if err == nil {
		err = a.SetPresence(ctx, string(chat.Online))
	}
	return a, err
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
