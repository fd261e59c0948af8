package ops

import (
	"net/http"
	"net/http/pprof"
	"net/netip"
)

// profiles serves Go's profiles below /debug/pprof/ to callers on this machine, wherever else the listener is reached from:
// they cost CPU time, and say more than a dashboard needs to know.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !from.Addr().Unmap().IsLoopback() {
			http.NotFound(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
