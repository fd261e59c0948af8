package deploy_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// rules are a file of Prometheus' rules.
type rules struct {
	Groups []struct {
		Name  string
		Rules []rule
	}
}

type rule struct {
	Record, Alert, Expr string
	For                 time.Duration
	Labels, Annotations map[string]string
}

func loadRules(t *testing.T) (all []rule) {
	t.Helper()
	var r rules
	parse(t, "prometheus/rules.yml", &r)
	for _, g := range r.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

func TestPromtoolAcceptsTheRulesAndTheirTestsPass(t *testing.T) {
	t.Parallel()
	tool(t, "promtool", "check", "config", "prometheus/prometheus.yml") // with the rules that it names
	if out := tool(t, "promtool", "test", "rules", "prometheus/rules_test.yml"); !strings.Contains(out, "SUCCESS") {
		t.Error(out)
	}
}

func TestEachAlertSaysWhatItMeansAndWhatToDo(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, r := range loadRules(t) {
		if r.Alert == "" {
			continue
		}
		if names[r.Alert] {
			t.Errorf("%s is there twice", r.Alert)
		}
		names[r.Alert] = true
		if !strings.HasPrefix(r.Alert, "Gatehouse") {
			t.Errorf("%s: another product's alert may have this name", r.Alert)
		}
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		for _, a := range []string{"summary", "meaning", "action"} {
			if len(r.Annotations[a]) < 20 {
				t.Errorf("%s has no %s worth reading: %q", r.Alert, a, r.Annotations[a])
			}
		}
		page, anchor, ok := strings.Cut(r.Annotations["runbook"], "#")
		if !ok || !anchors(t, filepath.Join("..", page))[anchor] {
			t.Errorf("%s: the runbook %q is not there", r.Alert, r.Annotations["runbook"])
		}
	}
	if len(names) < 30 {
		t.Errorf("only %d alerts", len(names))
	}
}

// Each alert has a promtool test in which it fires for the installation in trouble, and in which one that is well is by.
func TestEachAlertIsSeenToFireAndNotToFire(t *testing.T) {
	t.Parallel()
	var file struct {
		RuleFiles          []string      `yaml:"rule_files"`
		EvaluationInterval time.Duration `yaml:"evaluation_interval"`
		Tests              []struct {
			Name        string
			Interval    time.Duration
			InputSeries []struct{ Series, Values string } `yaml:"input_series"`
			PromqlExpr  []struct {
				Expr       string
				EvalTime   string `yaml:"eval_time"`
				ExpSamples []struct {
					Labels string
					Value  float64
				} `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	parse(t, "prometheus/rules_test.yml", &file)
	fires, before := map[string]bool{}, map[string]bool{}
	for _, c := range file.Tests {
		calm := slices.ContainsFunc(c.InputSeries, func(s struct{ Series, Values string }) bool {
			return strings.Contains(s.Series, `job="gatehouse-calm"`)
		})
		for _, e := range c.PromqlExpr {
			if len(e.ExpSamples) == 0 {
				before[c.Name] = true
			}
			for _, s := range e.ExpSamples {
				if calm && strings.Contains(s.Labels, `"`+c.Name+`"`) {
					fires[c.Name] = true
				}
				if strings.Contains(s.Labels, "gatehouse-calm") {
					t.Errorf("%s: the calm installation is not calm", c.Name)
				}
			}
		}
	}
	for _, r := range loadRules(t) {
		if r.Alert != "" && (!fires[r.Alert] || !before[r.Alert]) {
			t.Errorf("%s: fires in a test beside a calm installation: %t; is quiet before: %t", r.Alert, fires[r.Alert], before[r.Alert])
		}
	}
}
