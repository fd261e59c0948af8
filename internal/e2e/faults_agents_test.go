package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"gatehouse/internal/auth"
	"gatehouse/internal/bench/agent"
	"gatehouse/internal/chat"
	"gatehouse/internal/fakemeta"
)

// breakSockets breaks one agent's connection after the other.
func (w *weather) breakSockets() {
	w.during(60, func(int) {
		c := w.team[w.rng.IntN(len(w.team))]
		c.mu.Lock()
		if c.stream != nil {
			c.stream.Close()
		}
		c.mu.Unlock()
	})
}

// comeAndGo has all agents take breaks all the time.
func (w *weather) comeAndGo() {
	ctx, stop := context.WithCancel(w.t.Context())
	var wg sync.WaitGroup
	for _, c := range w.team {
		wg.Go(func() {
			for i := 0; wait(ctx, 150*time.Millisecond); i++ {
				_ = c.SetPresence(ctx, []string{"online", "break", "online"}[i%3]) // refusals are part of it
			}
			_ = c.SetPresence(w.t.Context(), "online")
		})
	}
	w.after(w.load, 0.9)
	stop()
	wg.Wait()
}

// edge has 400 people whose windows shut within the next minute and a half, or shut a moment ago, and agents who answer at any moment of
// that time. The margin is a minute: until then all goes through, and nothing from then on.
func (w *weather) edge() {
	const people, margin, doubt = 400, time.Minute, 3 * time.Second
	start := time.Now()
	for i := range people {
		left := time.Duration(w.rng.Int64N(int64(180*time.Second))) - 30*time.Second
		w.meta.Phone(fmt.Sprintf("90533555%04d", i), fmt.Sprintf("Edge %d", i)).SendText("edge", fakemeta.At(start.Add(left-24*time.Hour)))
	}
	conn := database(w.t, w.h.servers.DatabaseURL)
	type window struct {
		id, agent string
		shuts     time.Time
	}
	var all []window
	untilEvery(w.t, time.Second, time.Minute, "all have written and have an agent", func() (bool, string) {
		rows, err := conn.Query(w.t.Context(), `SELECT c.id::text, c.agent_id::text, c.window_opened_at + interval '24 hours' FROM conversations c JOIN messages m ON m.conversation_id = c.id WHERE m.text = 'edge' AND c.agent_id IS NOT NULL`)
		if err != nil {
			w.t.Fatal(err)
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (x window, err error) { return x, row.Scan(&x.id, &x.agent, &x.shuts) })
		if err != nil {
			w.t.Fatal(err)
		}
		return len(all) == people, fmt.Sprint(len(all))
	})
	var taken, refused atomic.Int64
	var wg sync.WaitGroup
	for _, x := range all {
		c := w.team[slices.IndexFunc(w.team, func(c *colleague) bool { return c.ID == x.agent })]
		at := time.Duration(w.rng.Int64N(int64(75 * time.Second)))
		wg.Go(func() {
			if !wait(w.t.Context(), at) {
				return
			}
			before := time.Now()
			err := c.say(w.t.Context(), x.id, uuid.NewString())
			var no *agent.Refusal
			switch {
			case err == nil && before.After(x.shuts.Add(doubt-margin)):
				w.t.Errorf("taken %s before the window shuts", x.shuts.Sub(before))
			case errors.As(err, &no) && no.Code == "window_closed" && time.Now().Before(x.shuts.Add(-doubt-margin)):
				w.t.Errorf("refused %s before the window shuts", x.shuts.Sub(before))
			case err != nil && (no == nil || no.Code != "window_closed" && no.Code != "not_controller"): // the latter: they have ended it meanwhile
				w.t.Errorf("an answer: %v", err)
			case err == nil:
				taken.Add(1)
			case no.Code == "window_closed":
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	w.t.Logf("%d answers were taken, %d refused", taken.Load(), refused.Load())
	if min(taken.Load(), refused.Load()) < people/10 {
		w.t.Errorf("of %d answers %d were taken and %d refused: that is not the edge", people, taken.Load(), refused.Load())
	}
}

// crowd opens the sockets of 5,000 visitors, who come back as browsers do, and kills one of the gateways below them.
func (w *weather) crowd() {
	const screens, patience = 5000, 30 * time.Second
	idle := w.gateways[1].gauge(w.t, "go_goroutines")
	account := w.h.make("/channel-accounts", map[string]any{
		"kind": "webchat", "name": "Our site", "department_id": w.sales, "settings": map[string]string{"allowed_origins": w.h.url},
	})
	id, err := chat.ParseID[chat.AccountID](account)
	if err != nil {
		w.t.Fatal(err)
	}
	conn := database(w.t, w.h.servers.DatabaseURL)
	ctx, leave := context.WithCancel(w.t.Context())
	var open atomic.Int64
	var wg sync.WaitGroup
	for range screens {
		token, hash := auth.NewVisitorToken(id)
		if _, err := conn.Exec(ctx, "INSERT INTO visitors (id, account_id, token_hash) VALUES ($1, $2, $3)", uuid.New(), account, hash); err != nil {
			w.t.Fatal(err)
		}
		first, again := time.Duration(w.rng.Int64N(int64(15*time.Second))), time.Duration(w.rng.Int64N(int64(10*time.Second)))
		wg.Go(func() {
			for pause := first; wait(ctx, pause); pause = again {
				s, err := agent.Dial(ctx, http.DefaultClient, w.h.url, "ws"+strings.TrimPrefix(w.h.url, "http")+"/widget/v1/"+account+"/live", []byte(`{"type":"hello","token":"`+token+`"}`))
				if err != nil {
					continue
				}
				if _, err = s.Next(ctx); err == nil { // the welcome
					open.Add(1)
					for err == nil {
						_, err = s.Next(ctx)
					}
					open.Add(-1)
				}
				s.Close()
			}
		})
	}
	allThere := func() (bool, string) { n := open.Load(); return n >= screens, fmt.Sprint(n) }
	untilEvery(w.t, 100*time.Millisecond, 2*time.Minute, "all screens are open", allThere)
	w.gateways[0].kill()
	w.hurt()
	gone := time.Now()
	w.calm(time.Second)
	w.gateways[0].start()
	untilEvery(w.t, 100*time.Millisecond, 2*time.Minute, "all screens are open again", allThere)
	took := time.Since(gone)
	w.t.Logf("all screens were open again after %s", took)
	if w.bounds != (bounds{}) && took > patience {
		w.t.Errorf("that is more than %s", patience)
	}
	leave()
	wg.Wait()
	untilEvery(w.t, 200*time.Millisecond, time.Minute, "the gateway has let go of them", func() (bool, string) {
		n := w.gateways[1].gauge(w.t, "go_goroutines")
		return n < idle+50, fmt.Sprintf("%.0f goroutines, %.0f before", n, idle)
	})
}

// sleepers opens 500 sockets that are never read, of agents who see all that happens and are given nothing. A gateway lets one
// agent have twenty, and one address sign in twenty times a minute.
func (w *weather) sleepers() {
	const agents, each, most = 13, 38, 100 << 20
	var all []*agent.Stream
	var hired []*colleague
	for i := range agents {
		c := w.h.hire(fmt.Sprintf("sleeper%d", i), 1, "", w.seed, w.sales)
		if err := c.SetPresence(w.t.Context(), "break"); err != nil {
			w.t.Fatal(err)
		}
		hired = append(hired, c)
	}
	held := func() int64 { return w.gateways[0].resident(w.t) + w.gateways[1].resident(w.t) }
	before := held()
	for _, c := range hired {
		for open := 0; open < each; {
			s, err := c.Live(w.t.Context(), "")
			var full *agent.Refusal
			if errors.As(err, &full) && full.Status == http.StatusTooManyRequests {
				continue // this gateway; the balancer's next is the other one
			}
			if err != nil {
				w.t.Fatal(err)
			}
			all, open = append(all, s), open+1
		}
	}
	w.after(w.load, 0.9)
	grown := held() - before
	untilEvery(w.t, 200*time.Millisecond, 90*time.Second, "they are sent away", func() (bool, string) {
		n := w.sockets()
		grown = max(grown, held()-before)
		return n <= float64(len(w.team)), fmt.Sprintf("%.0f sockets", n)
	})
	if grown > most {
		w.t.Errorf("the gateways hold %d MB more", grown>>20)
	}
	for _, s := range all {
		s.Close()
	}
}

// sockets are those of agents, by the gateways' own word.
func (w *weather) sockets() (n float64) {
	for _, g := range w.gateways {
		n += g.gauge(w.t, "gatehouse_agent_sockets")
	}
	return n
}
