package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// floor is a row of the plan: packages that stand on one floor, and the modules of others that only they may use.
type floor struct {
	level    int
	packages []string // below gatehouse/; a trailing /* stands for the packages directly below
	modules  []string
}

// floors are the plan. A package imports only floors below its own. Modules that are small and everywhere harmless (uuid,
// golang.org/x) may be used on any floor but by the law.
var floors = []floor{
	{6, []string{"cmd/gatehouse"}, []string{"github.com/alecthomas/kong"}},
	{5, []string{"internal/app"}, []string{
		"github.com/hibiken/asynqmon", "github.com/prometheus/client_golang",
	}},
	{4, []string{"gateway", "channels/all"}, []string{"github.com/gofiber/fiber/v2", "github.com/valyala/fasthttp"}},
	{3, []string{"gateway/api", "gateway/hooks", "gateway/live", "gateway/ops", "gateway/widget", "gateway/inbox"}, []string{
		"github.com/gofiber/fiber/v2", "github.com/fasthttp/websocket",
	}},
	{3, []string{"workers", "channels/whatsapp", "channels/instagram", "channels/webchat"}, nil},
	{3, []string{"channels/channeltest"}, []string{"github.com/google/go-cmp"}},
	// The bench is a program of its own: it drives an instance from outside and needs a floor to compare with.
	{3, []string{"internal/bench"}, []string{"github.com/jackc/pgx/v5", "github.com/valyala/fasthttp", "github.com/HdrHistogram/hdrhistogram-go"}},
	{2, []string{"internal/bench/agent"}, []string{"github.com/coder/websocket"}},
	{2, []string{"internal/desk", "channels", "channels/internal/graph"}, nil},
	{2, []string{"internal/postgres"}, []string{"github.com/jackc/pgx/v5", "github.com/pressly/goose/v3"}},
	{2, []string{"internal/queue"}, []string{"github.com/hibiken/asynq", "github.com/redis/go-redis/v9", "github.com/prometheus/client_golang"}},
	{2, []string{"internal/bus"}, []string{"github.com/redis/go-redis/v9"}},
	{2, []string{"internal/media"}, []string{"github.com/gabriel-vasile/mimetype", "github.com/minio/minio-go/v7"}},
	{2, []string{"internal/auth"}, []string{"github.com/alexedwards/argon2id", "github.com/pquerna/otp"}},
	{2, []string{"internal/embedded"}, []string{"github.com/alicebob/miniredis/v2"}},
	{2, []string{"internal/fakemeta"}, []string{"github.com/HdrHistogram/hdrhistogram-go"}},
	{2, []string{"gateway/web"}, []string{"github.com/gofiber/fiber/v2", "github.com/valyala/fasthttp", "github.com/fasthttp/websocket"}},
	// The generated half of the store: nobody else sees it.
	{1, []string{"internal/postgres/gen"}, []string{"github.com/jackc/pgx/v5"}},
	{1, []string{"internal/chat", "internal/window", "internal/routing", "internal/shard", "internal/vitals", "templates"}, nil},
	{1, []string{"internal/task", "internal/config", "internal/logging", "internal/secret", "internal/crash"}, nil},
	{1, []string{"internal/metrics"}, []string{"github.com/prometheus/client_golang"}},
}

// law are the packages that are functions of values: the standard library without the world, and nothing of ours.
var law = []string{"internal/chat", "internal/window", "internal/routing", "internal/shard", "internal/vitals", "templates"}

// worldly is what the law may not import.
var worldly = []string{"net", "net/http", "os", "database/sql", "context", "io/fs", "os/exec", "log/slog"}

// exceptions are edges that the plan does not show, each with its reason.
var exceptions = map[string]string{
	"internal/postgres/gen -> internal/chat": "the generated rows have the vocabulary's id types",
}

// harness are packages for tests only; they may lean on whatever they test.
var harness = []string{"internal/desk/desktest", "internal/postgres/postgrestest", "internal/embedded/embeddedtest", "internal/e2e", "internal/archtest", "gateway/deskhttptest", "deploy"}

type pkg struct {
	ImportPath string
	Imports    []string
}

const module = "gatehouse"

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module+"/")
		all = append(all, p)
	}
}

func floorOf(name string) *floor {
	for i := range floors {
		if slices.Contains(floors[i].packages, name) {
			return &floors[i]
		}
	}
	return nil
}

func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range packages(t) {
		seen[p.ImportPath] = true
		if slices.Contains(harness, p.ImportPath) {
			continue
		}
		own := floorOf(p.ImportPath)
		if own == nil {
			t.Errorf("%s stands on no floor: give it a row in the table", p.ImportPath)
			continue
		}
		for _, i := range p.Imports {
			switch name, ours := strings.CutPrefix(i, module+"/"); {
			case ours && slices.Contains(harness, name):
				t.Errorf("%s -> %s: only tests may use a harness", p.ImportPath, name)
			case ours:
				other := floorOf(name)
				if other == nil || exceptions[p.ImportPath+" -> "+name] != "" || p.ImportPath == "internal/postgres" && name == "internal/postgres/gen" {
					continue
				}
				if other.level >= own.level {
					t.Errorf("%s (floor %d) -> %s (floor %d): imports go down", p.ImportPath, own.level, name, other.level)
				}
				if name == "internal/postgres/gen" {
					t.Errorf("%s -> %s: the generated code is the store's own", p.ImportPath, name)
				}
			case strings.Contains(strings.Split(i, "/")[0], "."):
				foreign(t, p.ImportPath, own, i)
			}
		}
	}
	for _, f := range floors {
		for _, name := range f.packages {
			if !seen[name] {
				t.Errorf("the table names %s, which is not there", name)
			}
		}
	}
}

func foreign(t *testing.T, name string, own *floor, i string) {
	t.Helper()
	if i == "github.com/google/uuid" && name != "internal/window" && name != "internal/routing" && name != "templates" {
		return
	}
	if strings.HasPrefix(i, "golang.org/x/") && !slices.Contains(law, name) {
		return
	}
	for _, m := range own.modules {
		if i == m || strings.HasPrefix(i, m+"/") {
			return
		}
	}
	t.Errorf("%s -> %s: this module is not in its row", name, i)
}

func TestTheLawKnowsNoWorld(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if !slices.Contains(law, p.ImportPath) {
			continue
		}
		for _, i := range p.Imports {
			if slices.Contains(worldly, i) || strings.HasPrefix(i, module+"/") {
				t.Errorf("%s -> %s: the law is functions of values", p.ImportPath, i)
			}
		}
	}
}
