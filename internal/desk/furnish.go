package desk

import (
	"context"

	"gatehouse/internal/chat"
)

// first is what an empty desk starts with, so that the first conversation can be answered and ended before anybody has
// read a manual. All of it can be renamed and taken away.
var first = struct {
	department  chat.Department
	endReasons  []string
	breakReason string
}{
	department:  chat.Department{Name: "Support", Policy: "least_busy", Sticky: true},
	endReasons:  []string{"Solved", "No answer from the customer", "Sent by mistake"},
	breakReason: "Break",
}

// Furnish gives a desk without departments one, and reasons; it returns the first department. Two who do it at once do
// it once: the second gets CodeInUse from the store's rule of one name, and finds what the first has made.
func (d *Desk) Furnish(ctx context.Context) (chat.DepartmentID, error) {
	root := chat.Principal{Role: chat.RoleAdmin}
	for again := false; ; again = true {
		there, err := d.Departments(ctx, root)
		if err != nil {
			return chat.DepartmentID{}, err
		}
		if len(there) > 0 {
			return there[0].ID, nil
		}
		made, err := d.CreateDepartment(ctx, root, first.department)
		if chat.CodeOf(err) == chat.CodeInUse && !again {
			continue
		}
		if err != nil {
			return chat.DepartmentID{}, err
		}
		for _, label := range first.endReasons {
			if _, err := d.CreateEndReason(ctx, root, label); err != nil && chat.CodeOf(err) != chat.CodeInUse {
				return chat.DepartmentID{}, err
			}
		}
		if _, err := d.CreateBreakReason(ctx, root, first.breakReason); err != nil && chat.CodeOf(err) != chat.CodeInUse {
			return chat.DepartmentID{}, err
		}
		return made.ID, nil
	}
}
