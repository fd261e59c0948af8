package ops_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/gateway/ops"
)

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body)
}

func serve(postgres, redis error) http.Handler {
	ask := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	return ops.New(ops.Deps{
		Checks:  []ops.Check{{Name: "postgres", Needed: true, Ask: ask(postgres)}, {Name: "redis", Ask: ask(redis)}},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "gatehouse_up 1\n") }),
		Queues:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "queues "+r.URL.Path) }),
	})
}

func TestReadinessTellsNeededPartsFromTheOthers(t *testing.T) {
	t.Parallel()
	away := errors.New("connection refused")
	for _, tc := range []struct {
		name            string
		postgres, redis error
		status          int
		says            string
	}{
		{"all there", nil, nil, 200, `"status":"ready"`},
		{"redis away", nil, away, 200, `"status":"degraded"`},
		{"postgres away", away, nil, 503, `"status":"not_ready"`},
		{"both away", away, away, 503, `"status":"not_ready"`},
	} {
		status, body := get(t, serve(tc.postgres, tc.redis), "/readyz")
		if status != tc.status || !strings.Contains(body, tc.says) {
			t.Errorf("%s: %d %s", tc.name, status, body)
		}
	}
}

func TestAReadinessProbeShowsWhatIsWrong(t *testing.T) {
	t.Parallel()
	if _, body := get(t, serve(nil, errors.New("connection refused")), "/readyz"); !strings.Contains(body, `"redis":"connection refused"`) || !strings.Contains(body, `"postgres":"ok"`) {
		t.Error(body)
	}
}

func TestTheProcessLivesWhateverElseIsAway(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	if status, body := get(t, serve(away, away), "/healthz"); status != 200 || !strings.Contains(body, `"ok"`) {
		t.Error(status, body)
	}
}

func TestMetricsAndQueuesAreHere(t *testing.T) {
	t.Parallel()
	h := serve(nil, nil)
	for path, want := range map[string]string{"/metrics": "gatehouse_up 1\n", "/queues": "queues /queues", "/queues/api/x": "queues /queues/api/x"} {
		if status, body := get(t, h, path); status != 200 || body != want {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
}
