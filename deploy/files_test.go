package deploy_test

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var variable = regexp.MustCompile(`(?m)^#?([A-Z][A-Z0-9_]+)=(.*)$`)

// variables are the names that `gatehouse config example` prints.
func variables(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(tool(t, binary(t), "config", "example"), -1) {
		out[m[1]] = true
	}
	if len(out) < 20 {
		t.Fatalf("only %d variables", len(out))
	}
	return out
}

func TestTheExampleNamesEveryVariableAndNoOther(t *testing.T) {
	t.Parallel()
	known, named := variables(t), map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(read(t, "config.example"), -1) {
		if named[m[1]] {
			t.Errorf("config.example names %s twice", m[1])
		}
		named[m[1]] = true
		if !known[m[1]] {
			t.Errorf("config.example names %s, which means nothing", m[1])
		}
	}
	for v := range known {
		if !named[v] {
			t.Errorf("config.example does not name %s", v)
		}
	}
}

// What the example and the compose file set must pass the product's own check.
func TestTheSettingsOfTheExampleAndTheComposeFileAreGood(t *testing.T) {
	t.Parallel()
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	key := hex.EncodeToString(random)
	var example []string
	for _, m := range variable.FindAllStringSubmatch(read(t, "config.example"), -1) {
		if strings.HasPrefix(m[0], "#") {
			continue
		}
		value := m[2]
		if m[1] == "GATEHOUSE_SECRET_KEY" {
			value = key // the example has none, so that nobody runs with it
		}
		example = append(example, m[1]+"="+value)
	}
	compose := []string{}
	for k, v := range composeFile(t).Services["gateway"].Environment {
		v = strings.NewReplacer("${POSTGRES_PASSWORD:?set it in .env}", "secret", "${GATEHOUSE_SECRET_KEY:?set it in .env}", key,
			"${GATEHOUSE_PUBLIC_URL:?set it in .env}", "https://desk.example.com").Replace(v)
		compose = append(compose, k+"="+v)
	}
	for name, env := range map[string][]string{"config.example": example, "compose.yaml": compose} {
		cmd := exec.CommandContext(t.Context(), binary(t), "config", "check")
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
		if out, err := cmd.CombinedOutput(); err != nil || len(env) < 5 {
			t.Errorf("%s, %d settings: %v\n%s", name, len(env), err, out)
		}
	}
}

// composeService is every key of a service that we use: another one is a typing error, or belongs here.
type composeService struct {
	Image           string
	Build           struct{ Context, Dockerfile string }
	User            string
	ReadOnly        bool `yaml:"read_only"`
	Tmpfs           []string
	CapDrop         []string `yaml:"cap_drop"`
	SecurityOpt     []string `yaml:"security_opt"`
	StopGracePeriod string   `yaml:"stop_grace_period"`
	ShmSize         string   `yaml:"shm_size"`
	MemLimit        string   `yaml:"mem_limit"`
	Volumes, Ports  []string
	Profiles        []string
	Logging         struct {
		Driver  string
		Options map[string]string
	}
	Environment map[string]string
	Command     []string
	Restart     string
	Healthcheck struct {
		Test              []string
		Interval, Timeout string
		Retries           int
	}
	DependsOn map[string]struct{ Condition string } `yaml:"depends_on"`
}

type compose struct {
	Name     string
	Template composeService    `yaml:"x-gatehouse"`
	Settings map[string]string `yaml:"x-settings"`
	Services map[string]composeService
	Networks map[string]any
	Volumes  map[string]any
}

func composeFile(t *testing.T) (c compose) {
	t.Helper()
	parse(t, "compose.yaml", &c)
	return c
}

func TestTheComposeFileHoldsTogether(t *testing.T) {
	t.Parallel()
	c := composeFile(t)
	for name, s := range c.Services {
		if s.Image == "" || s.Restart == "" {
			t.Errorf("%s has no image, or does not say whether it starts again", name)
		}
		for other, d := range s.DependsOn {
			if _, ok := c.Services[other]; !ok {
				t.Errorf("%s waits for %s, which is not there", name, other)
			}
			if d.Condition == "service_healthy" && len(c.Services[other].Healthcheck.Test) == 0 {
				t.Errorf("%s waits for the health of %s, which nobody asks after", name, other)
			}
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, ok := c.Volumes[from]; ok {
				continue
			}
			if _, err := os.Stat(from); err != nil {
				t.Errorf("%s mounts %s, which is not there", name, from)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s is open to the world: %s", name, p)
			}
			if strings.HasSuffix(p, ":9090") {
				t.Errorf("%s publishes the operators' port", name)
			}
		}
	}
	for name, args := range map[string]string{"migrate": "migrate", "gateway": "serve --role=gateway", "worker": "serve --role=worker"} {
		s := c.Services[name]
		if strings.Join(s.Command, " ") != args || s.User != "65532:65532" || !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("%s: %q as %q, read-only: %t, dropped: %q", name, s.Command, s.User, s.ReadOnly, s.CapDrop)
		}
		tool(t, binary(t), append(strings.Fields(args), "--help")...) // the verb and its flags are there
	}
	redis := strings.Join(c.Services["redis"].Command, " ")
	for _, want := range []string{"--maxmemory-policy noeviction", "--appendonly yes"} {
		if !strings.Contains(redis, want) {
			t.Errorf("redis runs without %s: %s", want, redis)
		}
	}
	if _, err := os.Stat(filepath.Join(c.Services["gateway"].Build.Context, c.Services["gateway"].Build.Dockerfile)); err != nil {
		t.Error(err)
	}
}

// Nothing here can build an image, so the Dockerfile is held to what it must not lose.
func TestTheImageIsSmallAndNotRoot(t *testing.T) {
	t.Parallel()
	file := read(t, "Dockerfile")
	stages := regexp.MustCompile(`(?m)^FROM `).Split(file, -1)
	last := stages[len(stages)-1]
	if !strings.HasPrefix(last, "gcr.io/distroless/static-debian12:nonroot\n") || !strings.Contains(last, "\nUSER 65532:65532\n") || strings.Contains(last, "\nRUN ") {
		t.Errorf("the last stage is\n%s", last)
	}
	var mod struct{ Go string }
	if err := json.Unmarshal([]byte(tool(t, "go", "mod", "edit", "-json", "../go.mod")), &mod); err != nil {
		t.Fatal(err)
	}
	if minor := strings.Join(strings.Split(mod.Go, ".")[:2], "."); !strings.Contains(file, "golang:"+minor+"-") {
		t.Errorf("the image is not built with Go %s", minor)
	}
	if !strings.Contains(file, "CGO_ENABLED=0") {
		t.Error("the binary is not static")
	}
}

func TestSystemdAcceptsTheUnits(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("systemd/*")
	if err != nil || len(files) < 5 {
		t.Fatalf("%q, %v", files, err)
	}
	dir := t.TempDir()
	var names []string
	for _, f := range files {
		unit := strings.ReplaceAll(read(t, f), "/usr/local/bin/gatehouse", binary(t)) // it must be there
		if strings.HasSuffix(f, ".service") {
			exec := regexp.MustCompile(`(?m)^ExecStart=\S+ (.+)$`).FindStringSubmatch(unit)
			if exec == nil {
				t.Fatalf("%s starts nothing", f)
			}
			tool(t, binary(t), append(strings.Fields(exec[1]), "--help")...)
		}
		name := filepath.Base(f)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(unit), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Join(dir, strings.Replace(name, "@.", "@01.", 1)))
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Logf("systemd-analyze is not on this machine: the units were not verified (%v)", err)
		return
	}
	if out := tool(t, "systemd-analyze", append([]string{"verify", "--man=no"}, names...)...); strings.TrimSpace(out) != "" {
		t.Errorf("systemd says\n%s", out)
	}
}

// No nginx or Caddy is installed for this; README.md says how they were tried by hand. The sizes and roads that the product
// needs are held to here.
func TestTheProxiesLetThroughWhatTheProductNeeds(t *testing.T) {
	t.Parallel()
	for file, wants := range map[string][]string{
		"nginx.conf": {
			"location /webhooks/ {\n        client_max_body_size 3m;", "location /api/v1/uploads {\n        client_max_body_size 101m;",
			"location = /api/v1/live {", "location /widget/ {\n        client_max_body_size 17m;", "X-Forwarded-For $remote_addr;",
			"X-Forwarded-Proto $scheme;", "proxy_set_header Upgrade $http_upgrade;", "ssl_protocols TLSv1.2 TLSv1.3;",
		},
		"Caddyfile": {"request_body @webhooks {\n\t\tmax_size 3MiB", "request_body @uploads {\n\t\tmax_size 101MiB", "request_body @widget {\n\t\tmax_size 17MiB", "reverse_proxy 127.0.0.1:8080"},
	} {
		text := read(t, file)
		for _, w := range wants {
			if !strings.Contains(text, w) {
				t.Errorf("%s has lost %q", file, w)
			}
		}
		if o, c := strings.Count(text, "{"), strings.Count(text, "}"); o != c {
			t.Errorf("%s: %d braces open, %d close", file, o, c)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]*)(#[^)\s]+)?\)`)

// Every link of the operators' pages leads somewhere.
func TestLinksOfTheOperatorsPagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"README.md", "../docs/scaling.md"} {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			to := page
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(page), m[1])
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s leads to %s, which is not there", page, m[1])
			} else if m[2] != "" && !anchors(t, to)[m[2][1:]] {
				t.Errorf("%s leads to %s, which has no such part", page, m[0])
			}
		}
	}
	if n := len(link.FindAllString(fmt.Sprint(read(t, "README.md")), -1)); n < 5 {
		t.Errorf("only %d links", n)
	}
}
