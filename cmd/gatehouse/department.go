package main

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/internal/app"
	"gatehouse/internal/chat"
)

// department finds a department by its name or id. Without a name it is the first one; where there is none, one is made.
func department(ctx context.Context, t app.Tools, name string) (chat.DepartmentID, error) {
	if name == "" {
		return t.Desk.Furnish(ctx)
	}
	all, err := t.Desk.Departments(ctx, app.Operator)
	if err != nil {
		return chat.DepartmentID{}, err
	}
	for _, d := range all {
		if strings.EqualFold(d.Name, name) || d.ID.String() == name {
			return d.ID, nil
		}
	}
	return chat.DepartmentID{}, fmt.Errorf("there is no department %q", name)
}
