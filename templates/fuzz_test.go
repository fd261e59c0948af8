package templates_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/templates"
)

// FuzzRenderTemplate feeds any template and any values through every function. It must not panic, must say the same
// twice, and whatever it lets pass must be a valid request without line breaks in its texts and with nothing missing.
func FuzzRenderTemplate(f *testing.F) {
	data, err := os.ReadFile("testdata/list.json")
	if err != nil {
		f.Fatal(err)
	}
	var list struct{ Data []json.RawMessage }
	if err := json.Unmarshal(data, &list); err != nil {
		f.Fatal(err)
	}
	for _, one := range list.Data {
		f.Add([]byte(one), []byte(`{"body.1":"{{2}}","header.media":{"media":{"id":"7"}},"button.0.1":"../x"}`))
	}
	f.Fuzz(func(t *testing.T, template, given []byte) {
		var one templates.Template
		if json.Unmarshal(template, &one) != nil {
			return
		}
		var values templates.Values
		if json.Unmarshal(given, &values) != nil {
			values = nil
		}
		for _, p := range append(templates.Validate(one), templates.Check(one, values)...) {
			if p.Message() == string(p.Code) || p.Field == "" {
				t.Fatalf("a problem without sentence or field: %+v", p)
			}
		}
		templates.Usable(one)
		templates.Pick([]templates.Template{one}, one.Name, "tr")

		// As many values as the template asks for, all of them clean, so that the fuzzer also reaches the request.
		for _, v := range templates.Variables(one) {
			if _, ok := values[v.Key]; ok || v.Max == 0 || v.Optional {
				continue
			}
			if values == nil {
				values = templates.Values{}
			}
			values[v.Key] = templates.Text("7")
		}
		m, problems := templates.Render(one, values)
		again, _ := templates.Render(one, values)
		if diff := cmp.Diff(m, again); diff != "" {
			t.Fatalf("two renderings differ: %s", diff)
		}
		if len(problems) > 0 {
			if m.Components != nil {
				t.Fatal("there are problems and a request")
			}
			return
		}
		if !json.Valid(m.Payload()) {
			t.Fatalf("not JSON: %s", m.Payload())
		}
		for _, text := range texts(t, m.Components) {
			if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "\n\r\t") {
				t.Fatalf("a parameter is %q", text)
			}
		}
		for _, s := range m.Preview.Body {
			if s.Missing {
				t.Fatalf("no problem, but %s is missing", s.Variable)
			}
		}
	})
}

// texts collects the text parameters of a request.
func texts(t *testing.T, components json.RawMessage) []string {
	t.Helper()
	if components == nil {
		return nil
	}
	var document any
	if err := json.Unmarshal(components, &document); err != nil {
		t.Fatal(err)
	}
	var all []string
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case []any:
			for _, one := range node {
				walk(one)
			}
		case map[string]any:
			if node["type"] == "text" {
				text, _ := node["text"].(string)
				all = append(all, text)
			}
			for _, one := range node {
				walk(one)
			}
		}
	}
	walk(document)
	return all
}
