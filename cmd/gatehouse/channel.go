package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"gatehouse/internal/app"
	"gatehouse/internal/chat"
	"gatehouse/templates"
)

type channelCmd struct {
	Add     channelAdd     `cmd:"" help:"Connect an account: gatehouse channel add whatsapp --name N --set phone_number_id=… --set …"`
	List    channelList    `cmd:"" help:"List accounts."`
	Disable channelDisable `cmd:"" help:"Switch an account off."`
}

type channelAdd struct {
	Kind       string            `arg:"" help:"Channel kind: whatsapp, instagram, webchat…"`
	Name       string            `required:"" help:"Name of the account."`
	Set        map[string]string `help:"Settings, secrets included, as key=value."`
	Department string            `help:"Department in whose line its conversations wait. Default: the first one; made if there is none."`
	Address    string            `help:"What people call it: a number, a handle, a site."`
	Language   string            `help:"Default language of its templates." default:"en"`
}

func (a channelAdd) Run(ctx context.Context, c *cli) error {
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		department, err := department(ctx, t, a.Department)
		if err != nil {
			return err
		}
		v, err := t.Desk.CreateAccount(ctx, app.Operator, chat.AccountForm{
			Kind: chat.ChannelKind(a.Kind), Name: a.Name, Address: a.Address, DepartmentID: department, Language: a.Language, Settings: a.Set,
		})
		if err != nil {
			return err
		}
		fmt.Println(v.ID)
		return nil
	})
}

type channelList struct{}

func (channelList) Run(ctx context.Context, c *cli) error {
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		all, err := t.Desk.Accounts(ctx, app.Operator)
		if err != nil {
			return err
		}
		tw := table("ID", "KIND", "NAME", "ADDRESS", "STATE")
		for _, a := range all {
			state := string(a.State)
			if a.StateReason != "" {
				state += " (" + a.StateReason + ")"
			}
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", a.ID, a.Kind, a.Name, a.Address, state)
		}
		return tw.Flush()
	})
}

type channelDisable struct {
	Account string `arg:"" help:"Id of the account."`
}

func (a channelDisable) Run(ctx context.Context, c *cli) error {
	id, err := chat.ParseID[chat.AccountID](a.Account)
	if err != nil {
		return usageError{"channel disable: not an account's id: " + a.Account}
	}
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		_, err := t.Desk.DisableAccount(ctx, app.Operator, id)
		return err
	})
}

type templateCmd struct {
	Sync    templateSync    `cmd:"" help:"Have a running worker read an account's templates again."`
	Lint    templateLint    `cmd:"" help:"Check a template definition (JSON) against Meta's limits."`
	Preview templatePreview `cmd:"" help:"Print a template definition (JSON) filled in with values."`
}

type templateSync struct {
	Account string `arg:"" help:"Id of the account."`
}

func (a templateSync) Run(ctx context.Context, c *cli) error {
	id, err := chat.ParseID[chat.AccountID](a.Account)
	if err != nil {
		return usageError{"template sync: not an account's id: " + a.Account}
	}
	return app.WithStore(ctx, c.Config, app.ThisSchema, func(t app.Tools) error {
		n, err := t.SyncTemplates(ctx, id)
		if err != nil {
			return err
		}
		fmt.Printf("%d templates\n", n)
		return nil
	})
}

type templateLint struct {
	File string `arg:"" type:"existingfile" help:"Template as JSON."`
}

func (a templateLint) Run() error {
	t, err := readTemplate(a.File)
	if err != nil {
		return err
	}
	problems := templates.Validate(t)
	for _, p := range problems {
		fmt.Printf("%s: %s: %s\n", p.Field, p.Code, p.Message())
	}
	if len(problems) > 0 {
		return errSilent
	}
	fmt.Println("the template keeps Meta's limits")
	return nil
}

type templatePreview struct {
	File   string            `arg:"" type:"existingfile" help:"Template as JSON."`
	Values map[string]string `name:"set" help:"Values by variable, such as body.1=Elif."`
}

func (a templatePreview) Run() error {
	t, err := readTemplate(a.File)
	if err != nil {
		return err
	}
	values := templates.Values{}
	for k, v := range a.Values {
		values[k] = templates.Text(v)
	}
	m, problems := templates.Render(t, values)
	fmt.Println(m.Preview.PlainText())
	for _, p := range problems {
		fmt.Fprintf(os.Stderr, "%s: %s\n", p.Field, p.Message())
	}
	if len(problems) > 0 {
		return errSilent
	}
	return nil
}

func readTemplate(file string) (templates.Template, error) {
	var t templates.Template
	b, err := os.ReadFile(file)
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("%s: %w", file, err)
	}
	return t, nil
}
