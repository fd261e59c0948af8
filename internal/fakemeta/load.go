package fakemeta

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// LoadConfig describes customers who write at a fixed rate, whatever the desk does: an open loop, so that a stall of the
// desk shows as latency instead of as less load.
type LoadConfig struct {
	Rate     float64       `json:"rate"` // new messages a second
	Duration time.Duration `json:"-"`    // JSON: "duration", like "30s"
	Contacts int           `json:"contacts"`
	Accounts []string      `json:"accounts"` // ids; default all

	DuplicatePct float64 `json:"duplicate_pct"` // posted twice at the same time
	ReorderPct   float64 `json:"reorder_pct"`   // posted up to a second after later ones
	LatePct      float64 `json:"late_pct"`      // written 1 to 3 days ago
	Seed         uint64  `json:"seed"`          // the same seed makes the same choices

	MaxInFlight int  `json:"max_in_flight"` // default 4096; what comes above is not posted and counted as Overrun
	NoRetry     bool `json:"no_retry"`      // refused webhooks are given up: to measure goodput under overload
}

// LoadReport is what a load run saw. First attempts only; retries are in the ledger.
type LoadReport struct {
	Messages int64 `json:"messages"` // distinct ones that were posted
	Posts    int64 `json:"posts"`    // with duplicates
	Acked    int64 `json:"acked"`    // posts answered 2xx
	Refused  int64 `json:"refused"`  // posts answered otherwise
	NoAnswer int64 `json:"no_answer"`
	Overrun  int64 `json:"overrun"` // not posted: too many under way

	Elapsed time.Duration `json:"elapsed"` // nanoseconds, as the following: from the moment a post was due to its answer
	P50     time.Duration `json:"p50"`
	P95     time.Duration `json:"p95"`
	P99     time.Duration `json:"p99"`
	Max     time.Duration `json:"max"`
}

type load struct {
	s    *Server
	cfg  LoadConfig
	rng  *rand.Rand
	mu   sync.Mutex
	rep  LoadReport
	hist *hdrhistogram.Histogram
	wg   sync.WaitGroup
	room chan struct{}
}

// Load posts text messages of silent customers until Duration is over or ctx ends, waits for the first answers and
// reports. It fails on a configuration that cannot run.
func (s *Server) Load(ctx context.Context, cfg LoadConfig) (LoadReport, error) {
	if cfg.Rate <= 0 || cfg.Duration <= 0 || cfg.Contacts <= 0 {
		return LoadReport{}, errors.New("fakemeta: load needs a rate, a duration and contacts")
	}
	accounts, err := s.loadAccounts(cfg.Accounts)
	if err != nil {
		return LoadReport{}, err
	}
	l := &load{
		s: s, cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 1)), hist: hdrhistogram.New(1, time.Minute.Microseconds(), 3),
		room: make(chan struct{}, cmp.Or(cfg.MaxInFlight, 4096)),
	}
	people := map[Kind][]*person{}
	for _, a := range accounts {
		if people[a.Kind] == nil {
			people[a.Kind] = s.loadPeople(a.Kind, cfg.Contacts)
		}
	}
	start := time.Now()
	for i := 0; ; i++ {
		due := start.Add(time.Duration(float64(i) / cfg.Rate * float64(time.Second)))
		if due.Sub(start) >= cfg.Duration || !s.pause(ctx, time.Until(due)) {
			break
		}
		contact := l.rng.IntN(cfg.Contacts)
		a := accounts[contact%len(accounts)]
		l.write(ctx, a, people[a.Kind][contact], due, i)
	}
	l.wg.Wait()
	l.rep.Elapsed = time.Since(start)
	at := func(q float64) time.Duration { return time.Duration(l.hist.ValueAtQuantile(q)) * time.Microsecond }
	l.rep.P50, l.rep.P95, l.rep.P99, l.rep.Max = at(50), at(95), at(99), time.Duration(l.hist.Max())*time.Microsecond
	return l.rep, nil
}

func (s *Server) loadAccounts(ids []string) ([]*account, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if len(ids) == 0 {
		return append([]*account(nil), s.world.accounts...), nil
	}
	var out []*account
	for _, id := range ids {
		a := s.world.account(id)
		if a == nil {
			return nil, fmt.Errorf("fakemeta: no account %q", id)
		}
		out = append(out, a)
	}
	return out, nil
}

// loadPeople makes silent customers: known to the Graph side, but without phones and history.
func (s *Server) loadPeople(k Kind, n int) []*person {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	out := make([]*person, n)
	for i := range out {
		p := Person{Kind: k, Name: "Load " + strconv.Itoa(i)}
		if k == WhatsApp {
			p.Phone = fmt.Sprintf("90599%07d", i)
			p.UserID = deriveBSUID(p.Phone)
			p.ID = "wa-" + p.Phone
		} else {
			p.Username = fmt.Sprintf("load.%07d", i)
			p.IGSID = digitsOf("igsid|"+p.Username, 16)
			p.ID = "ig-" + p.Username
		}
		if out[i] = s.world.index[p.ID]; out[i] == nil {
			out[i] = &person{Person: p, silent: true}
			s.world.indexLocked(out[i])
		}
	}
	return out
}

// write makes one message and posts it, in time or not.
func (l *load) write(ctx context.Context, a *account, p *person, due time.Time, i int) {
	at := l.s.now()
	if l.rng.Float64()*100 < l.cfg.LatePct {
		at = at.Add(-24*time.Hour - time.Duration(l.rng.Float64()*48*float64(time.Hour)))
	}
	var delay time.Duration
	if l.rng.Float64()*100 < l.cfg.ReorderPct {
		delay = time.Duration(100+l.rng.IntN(900)) * time.Millisecond
	}
	copies := 1
	if l.rng.Float64()*100 < l.cfg.DuplicatePct {
		copies = 2
	}
	text := fmt.Sprintf("Yük mesajı %d: siparişim nerede? 📦", i)
	w := l.s.world
	w.mu.Lock()
	w.threadLocked(a, p).wroteLocked(at)
	contact := p.contact()
	w.mu.Unlock()
	u := update{account: a, what: "message", id: l.s.mint.message(a.Kind)}
	if a.Kind == Instagram {
		u.item = &igItem{Sender: igParty{p.IGSID}, Recipient: igParty{a.InstagramID}, Timestamp: at.UnixMilli(), Message: &igMessage{Mid: u.id, Text: text}}
	} else {
		u.field = "messages"
		u.value = &waValue{Product: "whatsapp", Metadata: a.metadata(), Contacts: []waContact{contact}, Messages: []waMessage{{
			From: p.Phone, FromUserID: p.UserID, ID: u.id, At: at, Type: "text", Content: map[string]string{"body": text},
		}}}
	}
	posted := int64(0)
	for range copies {
		select {
		case l.room <- struct{}{}:
		default:
			l.count(func(r *LoadReport) { r.Overrun++ })
			continue
		}
		posted = 1
		l.wg.Go(func() {
			l.post(ctx, u, due, delay)
			<-l.room
		})
	}
	l.count(func(r *LoadReport) { r.Messages += posted })
}

func (l *load) post(ctx context.Context, u update, due time.Time, delay time.Duration) {
	if delay > 0 {
		l.s.pause(ctx, delay) // if the run ends meanwhile, it is posted now
		due = due.Add(delay)
	}
	p, err := l.s.sender.pack([]update{u})
	if err != nil {
		l.s.log.Error("fakemeta: an update does not encode", "error", err)
		return
	}
	p.once = l.cfg.NoRetry
	a := l.s.sender.attempt(p)
	l.count(func(r *LoadReport) {
		r.Posts++
		switch {
		case a.Acked():
			r.Acked++
		case a.Status == 0:
			r.NoAnswer++
		default:
			r.Refused++
		}
		_ = l.hist.RecordValue(min(max(1, time.Since(due).Microseconds()), time.Minute.Microseconds())) // in range: cannot fail
	})
}

func (l *load) count(f func(*LoadReport)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.rep)
}
