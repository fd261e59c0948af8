package deploy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"go.yaml.in/yaml/v3"
)

// render does what `helm template` does for a chart as simple as ours: there is no helm here. It knows exactly the functions
// that the chart uses, so a new one fails the test until it stands here.
func render(t *testing.T, values map[string]any) (docs []map[string]any, err error) {
	t.Helper()
	const dir = "helm/gatehouse"
	set := template.New("chart").Option("missingkey=error")
	set.Funcs(template.FuncMap{
		"include": func(name string, data any) (string, error) {
			var b bytes.Buffer
			err := set.ExecuteTemplate(&b, name, data)
			return strings.Trim(b.String(), "\n"), err
		},
		"nindent": func(n int, s string) string {
			return "\n" + strings.Repeat(" ", n) + strings.ReplaceAll(s, "\n", "\n"+strings.Repeat(" ", n))
		},
		"toJson": func(v any) (string, error) { b, err := json.Marshal(v); return string(b), err },
		"quote":  func(v any) string { return fmt.Sprintf("%q", fmt.Sprint(v)) },
		"default": func(other, v any) any {
			if v == nil || v == "" {
				return other
			}
			return v
		},
		"list": func(v ...any) []any { return v },
		"fail": func(why string) (string, error) { return "", errors.New(why) },
	})
	var chart struct {
		Name, AppVersion string
	}
	if err := yaml.Unmarshal([]byte(read(t, dir+"/Chart.yaml")), &struct {
		Name       *string
		AppVersion *string `yaml:"appVersion"`
	}{&chart.Name, &chart.AppVersion}); err != nil {
		t.Fatal(err)
	}
	all := map[string]any{}
	parse(t, dir+"/values.yaml", &all)
	merge(all, values)
	data := map[string]any{
		"Values": all, "Release": map[string]any{"Name": "gatehouse", "Namespace": "desk"},
		"Chart": map[string]any{"Name": chart.Name, "AppVersion": chart.AppVersion},
	}
	files, err := filepath.Glob(dir + "/templates/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, err := set.New(f).Parse(read(t, f)); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		var b bytes.Buffer
		if err := set.ExecuteTemplate(&b, f, data); err != nil {
			return nil, err
		}
		if filepath.Ext(f) != ".yaml" {
			continue
		}
		d := yaml.NewDecoder(&b)
		for {
			var doc map[string]any
			if err := d.Decode(&doc); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s is no YAML when rendered: %v\n%s", f, err, b.String())
			}
			if doc != nil {
				docs = append(docs, doc)
			}
		}
	}
	return docs, nil
}

func merge(into, from map[string]any) {
	for k, v := range from {
		if m, ok := v.(map[string]any); ok {
			if old, ok := into[k].(map[string]any); ok {
				merge(old, m)
				continue
			}
		}
		into[k] = v
	}
}

// at walks down a document; a missing part is nil.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

var withS3 = map[string]any{"settings": map[string]any{"GATEHOUSE_S3_ENDPOINT": "s3.example.com", "GATEHOUSE_S3_BUCKET": "gatehouse"}}

func kinds(docs []map[string]any) (out []string) {
	for _, d := range docs {
		name, _ := at(d, "metadata", "name").(string)
		out = append(out, fmt.Sprintf("%v/%s", d["kind"], name))
	}
	slices.Sort(out)
	return out
}

func TestTheChartRendersWhatItPromises(t *testing.T) {
	t.Parallel()
	docs, err := render(t, withS3)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Deployment/gatehouse-gateway", "Deployment/gatehouse-worker", "Ingress/gatehouse", "Job/gatehouse-migrate", "NetworkPolicy/gatehouse",
		"PodDisruptionBudget/gatehouse-gateway", "PodDisruptionBudget/gatehouse-worker", "Service/gatehouse-gateway", "Service/gatehouse-ops",
	}
	if got := kinds(docs); !slices.Equal(got, want) {
		t.Errorf("by default: %q\nwant %q", got, want)
	}
	on := map[string]any{"enabled": true}
	more := map[string]any{
		"media": map[string]any{"existingClaim": "files"}, "imagePullSecrets": []any{map[string]any{"name": "registry"}},
		"nodeSelector": map[string]any{"disk": "ssd"}, "tolerations": []any{map[string]any{"key": "desk"}},
		"gateway": map[string]any{"autoscaling": on}, "worker": map[string]any{"autoscaling": on},
		"serviceMonitor": map[string]any{"enabled": true, "labels": map[string]any{"release": "prometheus"}},
	}
	docs, err = render(t, more)
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, "HorizontalPodAutoscaler/gatehouse-gateway", "HorizontalPodAutoscaler/gatehouse-worker", "ServiceMonitor/gatehouse")
	slices.Sort(want)
	if got := kinds(docs); !slices.Equal(got, want) {
		t.Errorf("with everything: %q\nwant %q", got, want)
	}
	off := map[string]any{"enabled": false}
	bare := map[string]any{"ingress": off, "networkPolicy": off, "podDisruptionBudget": off}
	merge(bare, withS3)
	if docs, err = render(t, bare); err != nil || len(docs) != 5 {
		t.Errorf("with nothing optional: %q, %v", kinds(docs), err)
	}
}

func TestTheChartRefusesToLoseFiles(t *testing.T) {
	t.Parallel()
	if _, err := render(t, nil); err == nil || !strings.Contains(err.Error(), "GATEHOUSE_S3_ENDPOINT") {
		t.Errorf("without a place for files it renders: %v", err)
	}
}

func TestTheChartsPodsAreHardenedAndProbed(t *testing.T) {
	t.Parallel()
	docs, err := render(t, withS3)
	if err != nil {
		t.Fatal(err)
	}
	known, pods := variables(t), 0
	for _, d := range docs {
		pod := at(d, "spec", "template", "spec")
		if pod == nil {
			continue
		}
		pods++
		name, c := at(d, "metadata", "name").(string), at(pod, "containers", 0)
		for what, got := range map[string]any{
			"runs as root":               at(pod, "securityContext", "runAsNonRoot") != true,
			"writes to its root":         at(c, "securityContext", "readOnlyRootFilesystem") != true,
			"may gain rights":            at(c, "securityContext", "allowPrivilegeEscalation") != false,
			"has capabilities":           at(c, "securityContext", "capabilities", "drop", 0) != "ALL",
			"has no memory limit":        at(c, "resources", "limits", "memory") == nil,
			"gets a service's variables": at(pod, "enableServiceLinks") != false,
			"holds an account's token":   at(pod, "automountServiceAccountToken") != false,
		} {
			if got == true {
				t.Errorf("%s %s", name, what)
			}
		}
		env, _ := at(c, "env").([]any)
		seen := map[string]bool{}
		for _, e := range env {
			n, _ := at(e, "name").(string)
			if seen[n] || !known[n] && n != "GOMEMLIMIT" {
				t.Errorf("%s: the variable %s is there twice or means nothing", name, n)
			}
			seen[n] = true
		}
		if d["kind"] != "Deployment" {
			continue
		}
		for probe, path := range map[string]string{"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"} {
			if got := at(c, probe, "httpGet", "path"); got != path || at(c, probe, "httpGet", "port") != "ops" {
				t.Errorf("%s: %s asks %v", name, probe, got)
			}
		}
		selector, labels := at(d, "spec", "selector", "matchLabels"), at(d, "spec", "template", "metadata", "labels")
		if s, _ := selector.(map[string]any); len(s) < 3 || !maps.Equal(s, labels.(map[string]any)) {
			t.Errorf("%s selects %v, its pods have %v", name, selector, labels)
		}
	}
	if pods != 3 {
		t.Errorf("%d pods", pods)
	}
}
