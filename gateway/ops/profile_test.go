package ops_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/gateway/ops"
)

func TestProfilesAreForThisMachineOnly(t *testing.T) {
	t.Parallel()
	h := ops.New(ops.Deps{Metrics: http.NotFoundHandler()})
	for from, want := range map[string]int{
		"127.0.0.1:4000": http.StatusOK, "[::1]:4000": http.StatusOK, "[::ffff:127.0.0.1]:4000": http.StatusOK,
		"10.0.0.7:4000": http.StatusNotFound, "[2001:db8::1]:4000": http.StatusNotFound, "": http.StatusNotFound,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/pprof/goroutine", nil)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("from %q: %d, want %d", from, w.Code, want)
		}
	}
}
