package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"gatehouse/internal/app"
	"gatehouse/internal/chat"
)

type agentCmd struct {
	Add      agentAdd      `cmd:"" help:"Add an agent. The first password is read from standard input and must be changed at the first sign-in."`
	Password agentPassword `cmd:"" help:"Give an agent a new first password, read from standard input."`
	List     agentList     `cmd:"" help:"List agents."`
}

type agentAdd struct {
	Name        string   `required:"" help:"Name."`
	Email       string   `required:"" help:"E-mail address, to sign in with."`
	Role        string   `help:"admin, manager or agent." enum:"admin,manager,agent" default:"agent"`
	Departments []string `name:"department" help:"Departments, by name. Default: the first one; made if there is none. An admin needs none."`
	Capacity    int      `help:"Most conversations given automatically." default:"15"`
}

func (a agentAdd) Run(ctx context.Context, c *cli) error {
	password, err := readSecret("First password")
	if err != nil {
		return err
	}
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		in, err := a.in(ctx, t)
		if err != nil {
			return err
		}
		got, err := t.Desk.CreateAgent(ctx, app.Operator, chat.AgentForm{
			Name: a.Name, Email: a.Email, Role: chat.Role(a.Role), Capacity: a.Capacity, Departments: in,
		}, password)
		if err != nil {
			return err
		}
		fmt.Println(got.ID)
		return nil
	})
}

// in are the agent's departments. Who is in none is given nothing.
func (a agentAdd) in(ctx context.Context, t app.Tools) (in []chat.DepartmentID, err error) {
	names := a.Departments
	if len(names) == 0 && chat.Role(a.Role) != chat.RoleAdmin {
		names = []string{""}
	}
	for _, name := range names {
		d, err := department(ctx, t, name)
		if err != nil {
			return nil, err
		}
		in = append(in, d)
	}
	return in, nil
}

type agentPassword struct {
	Email string `arg:"" help:"The agent's e-mail address."`
}

func (a agentPassword) Run(ctx context.Context, c *cli) error {
	password, err := readSecret("New first password")
	if err != nil {
		return err
	}
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		all, err := t.Desk.Agents(ctx, app.Operator)
		if err != nil {
			return err
		}
		for _, g := range all {
			if strings.EqualFold(g.Email, a.Email) {
				return t.Desk.SetAgentPassword(ctx, app.Operator, g.ID, password)
			}
		}
		return fmt.Errorf("there is no agent %s", a.Email)
	})
}

type agentList struct{}

func (agentList) Run(ctx context.Context, c *cli) error {
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		all, err := t.Desk.Agents(ctx, app.Operator)
		if err != nil {
			return err
		}
		tw := table("ID", "NAME", "E-MAIL", "ROLE", "STATE", "PRESENCE", "LOAD")
		for _, g := range all {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%d of %d\n", g.ID, g.Name, g.Email, g.Role, g.State, g.Presence, g.Load, g.Capacity)
		}
		return tw.Flush()
	})
}

type apiKeyCmd struct {
	Add    apiKeyAdd    `cmd:"" help:"Make a key and print it, once."`
	Revoke apiKeyRevoke `cmd:"" help:"End a key, by its id or its prefix."`
	List   apiKeyList   `cmd:"" help:"List keys."`
}

type apiKeyAdd struct {
	Name   string   `required:"" help:"What it is for."`
	Role   string   `help:"admin, manager or agent." enum:"admin,manager,agent" default:"admin"`
	Scopes []string `name:"scope" help:"Scopes; none: all that the role allows."`
}

func (a apiKeyAdd) Run(ctx context.Context, c *cli) error {
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		scopes := a.Scopes
		if len(scopes) == 0 {
			scopes = app.AllScopes()
		}
		_, plain, err := t.Desk.CreateAPIKey(ctx, app.Operator, chat.APIKeyForm{Name: a.Name, Role: chat.Role(a.Role), Scopes: scopes})
		if err != nil {
			return err
		}
		fmt.Println(plain)
		return nil
	})
}

type apiKeyRevoke struct {
	Key string `arg:"" help:"Id or prefix."`
}

func (a apiKeyRevoke) Run(ctx context.Context, c *cli) error {
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		all, err := t.Desk.APIKeys(ctx, app.Operator)
		if err != nil {
			return err
		}
		for _, k := range all {
			if k.ID.String() == a.Key || k.Prefix == a.Key {
				return t.Desk.RevokeAPIKey(ctx, app.Operator, k.ID)
			}
		}
		return fmt.Errorf("there is no key %s", a.Key)
	})
}

type apiKeyList struct{}

func (apiKeyList) Run(ctx context.Context, c *cli) error {
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		all, err := t.Desk.APIKeys(ctx, app.Operator)
		if err != nil {
			return err
		}
		tw := table("ID", "PREFIX", "NAME", "ROLE")
		for _, k := range all {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", k.ID, k.Prefix, k.Name, k.Role)
		}
		return tw.Flush()
	})
}

// readSecret reads a line from standard input, so that a password is never an argument that others can see.
func readSecret(what string) (string, error) {
	if s, err := os.Stdin.Stat(); err == nil && s.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprint(os.Stderr, what+": ")
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.Join(errors.New("no password on standard input"), err)
	}
	return line, nil
}
