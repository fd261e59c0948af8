package templates_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"gatehouse/templates"
)

// page is the list of testdata: one template of every shape, as the Graph API writes it.
func page(t testing.TB) []templates.Template {
	t.Helper()
	data, err := os.ReadFile("testdata/list.json")
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := templates.ParseList(data)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// listed is one template of that list.
func listed(t testing.TB, name string) templates.Template {
	t.Helper()
	for _, one := range page(t) {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("testdata has no template %q", name)
	return templates.Template{}
}

// parse reads one template.
func parse(t testing.TB, data string) templates.Template {
	t.Helper()
	var one templates.Template
	if err := json.Unmarshal([]byte(data), &one); err != nil {
		t.Fatal(err)
	}
	return one
}

// sameJSON compares two documents by meaning.
func sameJSON(t testing.TB, got, want []byte) bool {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, got)
	}
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, want)
	}
	g1, _ := json.Marshal(g)
	w1, _ := json.Marshal(w)
	return string(g1) == string(w1)
}

func has(problems []templates.Problem, code templates.Code, field string) bool {
	return slices.ContainsFunc(problems, func(p templates.Problem) bool { return p.Code == code && p.Field == field })
}
