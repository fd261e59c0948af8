package deploy_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is what we look at of Grafana's JSON.
type dashboard struct {
	UID, Title, Description string
	Tags                    []string
	Templating              struct{ List []struct{ Name, Type string } }
	Panels                  []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               struct{ UID string }
	Targets                  []struct{ Expr, LegendFormat string }
	FieldConfig              struct {
		Defaults struct {
			Unit       string
			Thresholds struct{ Steps []struct{ Color string } }
		}
	}
	Options struct{ Legend struct{ DisplayMode string } }
}

func dashboards(t *testing.T) (all []dashboard) {
	t.Helper()
	files, err := filepath.Glob("grafana/dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		var d dashboard
		if err := json.Unmarshal([]byte(read(t, f)), &d); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if want := "gatehouse-" + strings.TrimSuffix(filepath.Base(f), ".json"); d.UID != want {
			t.Errorf("%s: uid %q, want %q", f, d.UID, want)
		}
		all = append(all, d)
	}
	return all
}

var (
	byClause   = regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
	legendName = regexp.MustCompile(`\{\{(\w+)\}\}`)
)

// grouped are the labels that an expression keeps or matches by.
func grouped(expr string) (out []string) {
	for _, m := range byClause.FindAllStringSubmatch(expr, -1) {
		for l := range strings.SplitSeq(m[1], ",") {
			out = append(out, strings.TrimSpace(l))
		}
	}
	return out
}

func TestDashboardsAreCompleteAndReadable(t *testing.T) {
	t.Parallel()
	all := dashboards(t)
	if len(all) != 4 {
		t.Errorf("%d dashboards", len(all))
	}
	for _, d := range all {
		if d.Title == "" || d.Description == "" || !slices.Contains(d.Tags, "gatehouse") || len(d.Templating.List) < 2 {
			t.Errorf("%s has no title, description, tag or variables", d.UID)
		}
		ids, taken := map[int]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			if ids[p.ID] || p.Title == "" {
				t.Errorf("%s: panel %d %q: its id is taken, or it has no title", d.UID, p.ID, p.Title)
			}
			ids[p.ID] = true
			g := p.GridPos
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					if other, ok := taken[[2]int{x, y}]; ok || x > 23 {
						t.Fatalf("%s: %q lies upon %q, or out of the page", d.UID, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			if len(p.Description) < 12 || p.FieldConfig.Defaults.Unit == "" || len(p.FieldConfig.Defaults.Thresholds.Steps) == 0 || len(p.Targets) == 0 {
				t.Errorf("%s: %q lacks a description, a unit, thresholds or a query", d.UID, p.Title)
			}
			if p.Datasource.UID != "${datasource}" {
				t.Errorf("%s: %q is bound to the data source %q", d.UID, p.Title, p.Datasource.UID)
			}
			if p.Type == "timeseries" && p.Options.Legend.DisplayMode == "" {
				t.Errorf("%s: %q has no legend", d.UID, p.Title)
			}
			for _, q := range p.Targets {
				for _, m := range legendName.FindAllStringSubmatch(q.LegendFormat, -1) {
					if by := grouped(q.Expr); len(by) > 0 && !slices.Contains(by, m[1]) || len(by) == 0 && m[1] != "instance" {
						t.Errorf("%s: %q: the legend names %s, which the query does not keep", d.UID, p.Title, m[1])
					}
				}
				if !strings.Contains(q.Expr, `job="$job"`) {
					t.Errorf("%s: %q mixes installations: %s", d.UID, p.Title, q.Expr)
				}
			}
		}
	}
}
