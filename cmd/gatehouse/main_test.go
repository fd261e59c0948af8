package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/config"

	"github.com/alecthomas/kong"
)

// The test binary is gatehouse itself when it is told so.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_AS_GATEHOUSE") == "1" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func gatehouse(t *testing.T, env []string, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append([]string{"TEST_AS_GATEHOUSE=1", "PATH=" + os.Getenv("PATH"), "GATEHOUSE_DATA=" + t.TempDir()}, env...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// RELIABILITY.md B75, B77: what is missing exits 78, what cannot be exits 2, each with a line that names it.
func TestABadConfigurationIsNamedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte("{\n  \"listen\": \"127.0.0.1:1\",\n  \"lissten\": 1\n}"), 0o600); err != nil {
		t.Fatal(err)
	}
	const db, rdb = "DATABASE_URL=postgres://u:hunter2@127.0.0.1:1/x", "REDIS_URL=redis://127.0.0.1:1"
	for name, c := range map[string]struct {
		env  []string
		args []string
		code int
		says string
	}{
		"a missing secret key":         {[]string{db, rdb}, []string{"serve"}, 78, "GATEHOUSE_SECRET_KEY"},
		"a short secret key":           {[]string{db, rdb, "GATEHOUSE_SECRET_KEY=abcd"}, []string{"serve"}, 78, "GATEHOUSE_SECRET_KEY"},
		"a secret key of zeros":        {[]string{db, rdb, "GATEHOUSE_SECRET_KEY=" + strings.Repeat("0", 64)}, []string{"serve"}, 78, "GATEHOUSE_SECRET_KEY"},
		"a missing Redis":              {[]string{db, "GATEHOUSE_SECRET_KEY=x"}, []string{"serve"}, 78, "REDIS_URL"},
		"a bad Redis of several":       {[]string{db, "REDIS_URL=redis://one,redis://u:hunter2@two/x", "GATEHOUSE_SECRET_KEY=x"}, []string{"config", "check"}, 2, "REDIS_URL: redis://two/x"},
		"a Sentinel without a name":    {[]string{db, "REDIS_URL=redis-sentinel://u:hunter2@a,b", "GATEHOUSE_SECRET_KEY=x"}, []string{"serve"}, 2, "master"},
		"an unknown variable":          {[]string{"GATEHOUSE_LISTENN=x"}, []string{"version"}, 2, "GATEHOUSE_LISTENN"},
		"an unknown flag":              {nil, []string{"serve", "--colour"}, 2, "--colour"},
		"an unknown verb":              {nil, []string{"swerve"}, 2, "swerve"},
		"an unknown key in the file":   {nil, []string{"--config", file, "config", "check"}, 2, "line 3: \"lissten\""},
		"a port beyond the last":       {[]string{"GATEHOUSE_LISTEN=127.0.0.1:70000"}, []string{"config", "check"}, 2, "70000"},
		"a negative number of workers": {[]string{"GATEHOUSE_PARALLEL=-1"}, []string{"config", "check"}, 2, "GATEHOUSE_PARALLEL"},
		"a time without a unit":        {[]string{"GATEHOUSE_STOP_GRACE=5"}, []string{"config", "check"}, 2, "stop-grace"},
		"a role without servers":       {nil, []string{"serve", "--role=worker"}, 2, "DATABASE_URL"},
		"a role that is none":          {nil, []string{"serve", "--role=scheduler"}, 2, "scheduler"},
		"an unreachable address":       {[]string{"GATEHOUSE_PUBLIC_URL=desk.example.com"}, []string{"config", "check"}, 2, "GATEHOUSE_PUBLIC_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, said := gatehouse(t, c.env, c.args...)
			if code != c.code || !strings.Contains(said, c.says) {
				t.Errorf("exit %d, want %d, saying %q; said:\n%s", code, c.code, c.says, said)
			}
			if strings.Contains(said, "hunter2") {
				t.Error("a password was printed")
			}
		})
	}
}

func TestAGoodConfigurationIsPrintedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	for name, servers := range map[string][]string{
		"one of each": {"DATABASE_URL=postgres://u:hunter2@127.0.0.1:1/x", "REDIS_URL=redis://:hunter2@127.0.0.1:2"},
		"several": {
			"DATABASE_URL=postgres://u:hunter2@127.0.0.1:1,127.0.0.1:3/x?target_session_attrs=read-write&sslpassword=hunter2",
			"REDIS_URL=redis://:hunter2@127.0.0.1:2/0, redis-sentinel://u:hunter2@127.0.0.1:4,127.0.0.1:5?master=m&sentinel_password=hunter2",
		},
		"libpq's other form": {"DATABASE_URL=host=127.0.0.1 password=hunter2 dbname=x", "REDIS_URL=redis://127.0.0.1:2"},
	} {
		env := append(servers, "GATEHOUSE_SECRET_KEY=6f2a91c07be4d8135a1cf0e79b24d86350fa7ce19d3b8246a05ef713c8942bd6")
		if code, said := gatehouse(t, env, "config", "check"); code != 0 {
			t.Fatalf("%s: exit %d: %s", name, code, said)
		}
		code, said := gatehouse(t, env, "config", "print")
		if code != 0 || strings.Contains(said, "hunter2") || strings.Contains(said, "6f2a91c0") || !strings.Contains(said, "127.0.0.1:8080") || !strings.Contains(said, "127.0.0.1:2") {
			t.Errorf("%s: exit %d: %s", name, code, said)
		}
	}
}

// The names that a configuration file may hold are kong's own names of the flags.
func TestTheFileKnowsEveryFlag(t *testing.T) {
	t.Parallel()
	var c cli
	k, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{"role": true}
	for _, f := range k.Model.Flags {
		if f.Name != "help" && f.Name != "config" {
			have[f.Name] = true
		}
	}
	for _, n := range config.Names() {
		if !have[n] {
			t.Errorf("%s is no flag", n)
		}
		delete(have, n)
	}
	for n := range have {
		t.Errorf("--%s cannot stand in a file", n)
	}
}

func TestAVerbWithoutAnInstanceSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, verb := range [][]string{{"due"}, {"verify"}, {"agent", "list"}, {"replay", "x"}} {
		if code, said := gatehouse(t, nil, verb...); code != 1 || !strings.Contains(said, "no instance runs") {
			t.Errorf("%v: exit %d: %s", verb, code, said)
		}
	}
}
