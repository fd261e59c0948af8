package desk_test

import (
	"testing"

	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
)

func TestTheFirstAdminFindsADeskThatWorks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Exec(`TRUNCATE departments, end_reasons, break_reasons CASCADE`)
	token, err := o.Desk.SetupLink(t.Context())
	must(t, err)
	_, admin, err := o.Desk.Setup(t.Context(), auth.HashLink(auth.LinkSetup, token), "Elif", "elif@example.com", goodSecret, "", "")
	must(t, err)
	departments, err := o.Desk.Departments(t.Context(), root)
	must(t, err)
	reasons, err := o.Desk.EndReasons(t.Context())
	must(t, err)
	breaks, err := o.Desk.BreakReasons(t.Context())
	must(t, err)
	if len(departments) != 1 || len(reasons) == 0 || len(breaks) == 0 {
		t.Fatalf("%d departments, %d end reasons, %d break reasons", len(departments), len(reasons), len(breaks))
	}
	equal(t, admin.Departments, []chat.DepartmentID{departments[0].ID})

	must(t, errorOf(o.Desk.CreateEndReason(t.Context(), root, "Ours")))
	must(t, errorOf(o.Desk.Furnish(t.Context())))
	again, err := o.Desk.EndReasons(t.Context())
	must(t, err)
	if len(again) != len(reasons)+1 {
		t.Error("a furnished desk was furnished again")
	}
}

func TestADeskIsFurnishedOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.Exec(`TRUNCATE departments, end_reasons, break_reasons CASCADE`)
	if errs := together(8, func(int) error { return errorOf(o.Desk.Furnish(t.Context())) }); count(errs, "") != 8 {
		t.Error(errs)
	}
	if n := o.Int(`SELECT count(*) FROM departments`); n != 1 {
		t.Errorf("%d departments", n)
	}
}

func errorOf[T any](_ T, err error) error { return err }
