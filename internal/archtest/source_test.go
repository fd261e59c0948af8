package archtest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// sources parses the Go files below a folder; tests and generated code are left out.
func sources(t *testing.T, dir string, f func(path string, file *ast.File, set *token.FileSet)) {
	t.Helper()
	set := token.NewFileSet()
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); name == "gen" || name == "node_modules" || name == "testdata" || strings.HasSuffix(name, "test") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		f(path, file, set)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func calls(file *ast.File, f func(pkg, name string, call *ast.CallExpr)) {
	ast.Inspect(file, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			if s, ok := c.Fun.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok {
					f(x.Name, s.Sel.Name, c)
				}
			}
		}
		return true
	})
}

func TestTheLawLooksAtNoClock(t *testing.T) {
	t.Parallel()
	for _, dir := range law {
		sources(t, dir, func(path string, file *ast.File, set *token.FileSet) {
			calls(file, func(pkg, name string, c *ast.CallExpr) {
				if pkg == "time" && (name == "Now" || name == "Since" || name == "Until") {
					t.Errorf("%s: time.%s: now is an argument", set.Position(c.Pos()), name)
				}
			})
		})
	}
}

// SQL is made of constants and $n places (RELIABILITY.md S16). Only the inbox list is put together, in one file, and the
// private server's administration speaks of names that it made itself.
func TestNoSQLIsPutTogetherOutsideTheList(t *testing.T) {
	t.Parallel()
	statement := regexp.MustCompile(`(?i)^\s*(select|insert|update|delete|with|create|alter|drop)\s`)
	for _, dir := range []string{"internal", "gateway", "workers", "channels", "cmd"} {
		sources(t, dir, func(path string, file *ast.File, set *token.FileSet) {
			if strings.HasSuffix(path, "internal/postgres/list.go") {
				return
			}
			calls(file, func(pkg, name string, c *ast.CallExpr) {
				if pkg != "fmt" || !strings.HasPrefix(name, "Sprint") || len(c.Args) == 0 {
					return
				}
				if lit, ok := c.Args[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil && statement.MatchString(s) && strings.Contains(s, "%") {
						t.Errorf("%s: SQL put together with fmt", set.Position(c.Pos()))
					}
				}
			})
		})
	}
}

// Nothing registers itself, and nothing sleeps its way to an answer.
func TestThereIsNoInitAndNoSleep(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"internal", "gateway", "workers", "channels", "cmd", "templates"} {
		sources(t, dir, func(path string, file *ast.File, set *token.FileSet) {
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s: init()", set.Position(f.Pos()))
				}
			}
			calls(file, func(pkg, name string, c *ast.CallExpr) {
				// The end of a process that is not our child can only be polled for.
				if pkg == "time" && name == "Sleep" && !strings.HasSuffix(path, "internal/embedded/process.go") {
					t.Errorf("%s: time.Sleep", set.Position(c.Pos()))
				}
			})
		})
	}
}

// Every code of chat.Code has its sentence in every language of the inbox (UI.md §6.8).
func TestEveryCodeHasItsSentences(t *testing.T) {
	t.Parallel()
	var codes []string
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, filepath.Join(root, "internal/chat/errors.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Names) != 1 || !strings.HasPrefix(v.Names[0].Name, "Code") || len(v.Values) != 1 {
			return true
		}
		if lit, ok := v.Values[0].(*ast.BasicLit); ok {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				codes = append(codes, s)
			}
		}
		return true
	})
	if len(codes) < 30 {
		t.Fatalf("only %d codes found", len(codes))
	}
	for _, language := range []string{"en", "tr"} {
		body, err := os.ReadFile(filepath.Join(root, "gateway/inbox/app/messages", language+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var words map[string]any
		if err := json.Unmarshal(body, &words); err != nil {
			t.Fatal(err)
		}
		for _, c := range codes {
			if s, ok := words["error."+c].(string); !ok || strings.TrimSpace(s) == "" {
				t.Errorf("%s has no sentence for %q", language, c)
			}
		}
	}
}
