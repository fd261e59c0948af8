package api

import (
	"context"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

type departments interface {
	Departments(ctx context.Context, p chat.Principal) ([]chat.DepartmentCard, error)
	CreateDepartment(ctx context.Context, p chat.Principal, dep chat.Department) (chat.DepartmentCard, error)
	UpdateDepartment(ctx context.Context, p chat.Principal, id chat.DepartmentID, c chat.DepartmentPatch) (chat.DepartmentCard, error)
	DeleteDepartment(ctx context.Context, p chat.Principal, id chat.DepartmentID) error
}

// Department is a line in which people wait, with how it stands.
type Department struct {
	ID            chat.DepartmentID `json:"id"`
	Name          string            `json:"name"`
	Description   string            `json:"description"`
	Color         int               `json:"color"`
	Policy        string            `json:"policy"`
	Sticky        bool              `json:"sticky"`
	ReturnOnBreak bool              `json:"return_on_break"`
	ReturnAfterS  int64             `json:"return_after_s"`
	Total         int               `json:"total"`
	Online        int               `json:"online"`
	OnBreak       int               `json:"on_break"`
	Waiting       int               `json:"waiting"`
}

func newDepartment(d chat.DepartmentCard) Department {
	return Department{
		ID: d.ID, Name: d.Name, Description: d.Description, Color: d.Color, Policy: d.Policy, Sticky: d.Sticky,
		ReturnOnBreak: d.ReturnOnBreak, ReturnAfterS: int64(d.ReturnAfter / time.Second),
		Total: d.Total, Online: d.Online, OnBreak: d.OnBreak, Waiting: d.Waiting,
	}
}

// ListDepartments are all departments.
func (a *API) ListDepartments(c *web.Call, p web.Paging) (web.Page[Department], error) {
	return paged(c, p, a.departments)
}

func (a *API) departments(c *web.Call) ([]Department, error) {
	found, err := a.Desk.Departments(c, c.P())
	if err != nil {
		return nil, err
	}
	out := make([]Department, len(found))
	for i, d := range found {
		out[i] = newDepartment(d)
	}
	return out, nil
}

// DepartmentForm is a department to be made.
type DepartmentForm struct {
	Name          string `json:"name"`
	Description   string `json:"description,omitempty"`
	Color         int    `json:"color,omitempty"`
	Policy        string `json:"policy,omitempty"`
	Sticky        bool   `json:"sticky,omitempty"`
	ReturnOnBreak bool   `json:"return_on_break,omitempty"`
	ReturnAfterS  int64  `json:"return_after_s,omitempty"`
}

// CreateDepartment adds a department.
func (a *API) CreateDepartment(c *web.Call, in DepartmentForm) (Department, error) {
	after, err := seconds(in.ReturnAfterS)
	if err != nil {
		return Department{}, err
	}
	return shownDepartment(a.Desk.CreateDepartment(c, c.P(), chat.Department{
		Name: in.Name, Description: in.Description, Color: in.Color, Policy: in.Policy, Sticky: in.Sticky,
		ReturnOnBreak: in.ReturnOnBreak, ReturnAfter: after,
	}))
}

// seconds is a duration that a caller gave: none that would overflow.
func seconds(n int64) (time.Duration, error) {
	if n < 0 || n > 1<<31 {
		return 0, chat.Errorf(chat.CodeInvalid, "not so many seconds").With("field", "return_after_s")
	}
	return time.Duration(n) * time.Second, nil
}

type onDepartment struct {
	ID chat.DepartmentID `path:"id" json:"-"`
}

// DepartmentPatch is a change of a department; an absent field stays.
type DepartmentPatch struct {
	onDepartment
	Name          *string `json:"name,omitempty"`
	Description   *string `json:"description,omitempty"`
	Color         *int    `json:"color,omitempty"`
	Policy        *string `json:"policy,omitempty"`
	Sticky        *bool   `json:"sticky,omitempty"`
	ReturnOnBreak *bool   `json:"return_on_break,omitempty"`
	ReturnAfterS  *int64  `json:"return_after_s,omitempty"`
}

// PatchDepartment changes a department.
func (a *API) PatchDepartment(c *web.Call, in DepartmentPatch) (Department, error) {
	patch := chat.DepartmentPatch{
		Name: in.Name, Description: in.Description, Color: in.Color, Policy: in.Policy, Sticky: in.Sticky, ReturnOnBreak: in.ReturnOnBreak,
	}
	if in.ReturnAfterS != nil {
		after, err := seconds(*in.ReturnAfterS)
		if err != nil {
			return Department{}, err
		}
		patch.ReturnAfter = &after
	}
	return shownDepartment(a.Desk.UpdateDepartment(c, c.P(), in.ID, patch))
}

// DeleteDepartment removes a department that nothing depends on.
func (a *API) DeleteDepartment(c *web.Call, in onDepartment) error {
	return a.Desk.DeleteDepartment(c, c.P(), in.ID)
}

func shownDepartment(d chat.DepartmentCard, err error) (Department, error) {
	if err != nil {
		return Department{}, err
	}
	return newDepartment(d), nil
}
