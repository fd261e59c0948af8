package desk

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"gatehouse/internal/chat"
)

type auditStore interface {
	// Audit reads backwards, from the row before the given number.
	Audit(ctx context.Context, before int64, most int) ([]chat.AuditEntry, error)
	// NewestAudits tells the number of the newest row of each action, 0 where there is none. Numbers come in the order of the commits.
	NewestAudits(ctx context.Context, actions []string) (map[string]int64, error)
}

// Audit reads who changed what, the latest first, from before a row's number on. It is for those who see everything.
func (d *Desk) Audit(ctx context.Context, p chat.Principal, before int64, most int) ([]chat.AuditEntry, error) {
	if err := p.Need(chat.PermissionSeeAll); err != nil {
		return nil, err
	}
	return d.store.Audit(ctx, before, most)
}

// given names the fields of a patch that are to be changed. Their values may be anybody's words: a trace does without.
func given(patch any) []string {
	v := reflect.ValueOf(patch)
	names := []string{}
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			names = append(names, snake(v.Type().Field(i).Name))
		}
	}
	return names
}

// snake is the JSON name of a field: "DepartmentID" is department_id.
func snake(name string) string {
	var b strings.Builder
	before := ' '
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
		before = r
	}
	return b.String()
}

// rights tells what was changed of an agent: of what decides about their rights and work before and after, of the rest the
// name.
func rights(before, after chat.Agent) map[string]any {
	changed := map[string]any{}
	note := func(field string, from, to any) {
		if !reflect.DeepEqual(from, to) {
			changed[field] = []any{from, to}
		}
	}
	note("role", before.Role, after.Role)
	note("state", before.State, after.State)
	note("behavior", before.Behavior, after.Behavior)
	note("capacity", before.Capacity, after.Capacity)
	note("departments", sorted(before.Departments), sorted(after.Departments))
	for field, same := range map[string]bool{
		"name": before.Name == after.Name, "email": before.Email == after.Email, "languages": slices.Equal(before.Languages, after.Languages),
	} {
		if !same {
			changed[field] = true
		}
	}
	return changed
}

func sorted(ids []chat.DepartmentID) []string {
	out := []string{}
	for _, id := range ids {
		out = append(out, id.String())
	}
	slices.Sort(out)
	return out
}
