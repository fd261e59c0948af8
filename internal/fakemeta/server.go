package fakemeta

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Server is one Meta. It is an http.Handler: the Graph API under /{version}/…, media bytes under /media/…, the control
// API under /control/… and the customers' phones under /demo/.
type Server struct {
	cfg     Config
	log     *slog.Logger
	mux     *http.ServeMux
	boot    string // names this run, for the phones page
	mint    *mint
	world   *world
	media   *mediaStore
	catalog *catalog
	limits  *limiter
	faults  faultList
	ledger  ledger
	sender  *sender
	links   *http.Client // fetches media that the business sends by link

	sequences atomic.Int64 // status sequences under way
	dirty     atomic.Bool  // a delivery is not on disk as it is; changes of the world show in world.rev

	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	wgMu   sync.RWMutex  // a goroutine is not added while Close begins to wait
	skew   time.Duration // how far the demo moved the clock; guarded by world.mu
	http   *http.Server  // only after Start
}

// New builds a server and restores its world from Config.DataDir. It opens no port: use it as a handler, or use Start.
// Close it when done. It fails on accounts that cannot work and on a data folder that cannot be read.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		cfg: cfg, log: cfg.Log, mux: http.NewServeMux(), boot: rand.Text(), mint: newMint(), world: newWorld(cfg), media: newMediaStore(cfg.DataDir),
		limits: newLimiter(cfg.Limits), links: &http.Client{Timeout: 10 * time.Second}, ctx: ctx, cancel: cancel,
	}
	s.catalog = newCatalog(cfg, s.mint)
	s.sender = newSender(s)
	for _, f := range cfg.Faults {
		s.faults.add(f)
	}
	if err := s.restore(); err != nil {
		cancel()
		return nil, err
	}
	for _, p := range cfg.People {
		if _, known := s.FindPhone(p.address()); known {
			continue // from an earlier run, perhaps renamed
		}
		if _, err := s.AddPerson(p); err != nil {
			cancel()
			return nil, err
		}
	}
	s.mux.HandleFunc("/", s.serveGraph)
	s.mux.HandleFunc("GET /media/{id}", s.serveMediaBytes)
	guard := http.NewCrossOriginProtection()
	s.mux.Handle("/control/", guard.Handler(s.controlHandler()))
	s.mux.Handle("/demo", s.Demo())
	s.mux.Handle("/demo/", s.Demo())
	s.goTracked(s.sender.run)
	if cfg.DataDir != "" {
		s.goTracked(s.keepSaving)
	}
	return s, nil
}

// Start is New on a port of its own; addr is like "127.0.0.1:0". Config.BaseURL becomes its URL unless it is set.
func Start(addr string, cfg Config) (*Server, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("fakemeta: %w", err)
	}
	if cfg.BaseURL == "" {
		cfg.BaseURL = "http://" + ln.Addr().String()
	}
	s, err := New(cfg)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	s.goTracked(func() {
		if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("fakemeta: serving ended", "error", err)
		}
	})
	return s, nil
}

// URL is Config.BaseURL: the graph_base_url of the accounts.
func (s *Server) URL() string { return s.cfg.BaseURL }

// Accounts returns the accounts with every default and random secret filled in, for the desk's settings.
func (s *Server) Accounts() []Account { return append([]Account(nil), s.cfg.Accounts...) }

// Close stops sending, ends hanging requests, saves the world if it has a folder, and returns when all is still.
func (s *Server) Close() error {
	s.wgMu.Lock()
	s.cancel()
	s.wgMu.Unlock()
	var err error
	if s.http != nil {
		err = s.http.Close()
	}
	s.wg.Wait()
	s.sender.client.CloseIdleConnections()
	s.links.CloseIdleConnections()
	return errors.Join(err, s.save())
}

// ServeHTTP serves everything on one port.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) now() time.Time { return s.cfg.Clock() }

// goTracked runs f in a goroutine that Close waits for. After Close it does nothing and returns false.
func (s *Server) goTracked(f func()) bool {
	s.wgMu.RLock()
	defer s.wgMu.RUnlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.wg.Go(f)
	return true
}

// pause waits in wall-clock time; false means that the server or the caller is gone.
func (s *Server) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return s.ctx.Err() == nil && ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
	case <-ctx.Done():
	}
	return false
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone: there is nobody to tell
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only called with plain values
	}
	return string(b)
}

// atoi reads a count; junk and negatives are zero.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return max(0, n)
}
