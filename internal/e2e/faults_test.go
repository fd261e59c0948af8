package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"gatehouse/internal/auth"
	"gatehouse/internal/bench/agent"
	"gatehouse/internal/chat"
	"gatehouse/internal/fakemeta"
)

var faults = []fault{
	{name: "F0", what: "nothing happens", bounds: bounds{refused: never, accept: 250 * time.Millisecond, seen: 250 * time.Millisecond, recovered: 2 * time.Second}, do: func(*weather) {}},
	{name: "F1", bounds: bounds{refused: 0.02}, what: "a gateway is killed, again and again", do: func(w *weather) {
		w.during(5, func(i int) { w.gateways[i%2].restart() })
	}},
	{name: "F2", bounds: bounds{recovered: 5 * time.Second}, what: "all gateways are killed at once, for 3 s", do: func(w *weather) {
		w.during(1, func(int) {
			for _, g := range w.gateways {
				g.kill()
			}
			w.calm(3 * time.Second)
			for _, g := range w.gateways {
				g.start()
			}
		})
	}},
	{name: "F3", bounds: bounds{refused: never, recovered: 5 * time.Second}, what: "a worker is killed, five times", do: func(w *weather) {
		w.during(5, func(i int) { w.workers[i%2].restart() })
	}},
	{name: "F4", bounds: bounds{refused: never, recovered: 45 * time.Second}, what: "all workers are dead for 10 s", do: func(w *weather) {
		w.during(1, func(int) {
			for _, p := range w.workers {
				p.kill()
			}
			w.calm(10 * time.Second)
			for _, p := range w.workers {
				p.start()
			}
		})
	}},
	{name: "F5", bounds: bounds{refused: never}, what: "a worker sleeps for 12 s, and goes on as if nothing were", do: func(w *weather) {
		w.during(2, func(i int) { w.freeze(12*time.Second, w.workers[i%2].pid()) })
	}},
	{name: "F6", bounds: bounds{refused: never, seen: 3 * time.Second}, what: "Redis is killed, and back after 3 s", do: func(w *weather) {
		w.during(1, func(int) {
			_, pid := w.h.servers.PIDs()
			signal(pid, syscall.SIGKILL)
			w.cut(w.redis, 3*time.Second)
		})
	}},
	{name: "F7", bounds: bounds{refused: never, seen: 3 * time.Second}, what: "Redis is away for most of the time", do: func(w *weather) {
		w.during(1, func(int) { w.cut(w.redis, 20*time.Second) })
	}},
	{name: "F8", bounds: bounds{refused: never, recovered: 5 * time.Second}, what: "Redis is emptied, ten times", do: func(w *weather) {
		w.during(10, func(int) { w.h.flush() })
	}},
	{name: "F9", bounds: bounds{refused: never}, what: "Redis has no memory left, for 15 s", do: func(w *weather) {
		rdb := w.cache()
		limit := func(bytes string) {
			if err := rdb.ConfigSet(w.t.Context(), "maxmemory", bytes).Err(); err != nil {
				w.t.Fatal(err)
			}
		}
		w.during(1, func(int) {
			limit("1")
			w.calm(15 * time.Second)
			limit("0")
		})
	}},
	{name: "F10", bounds: bounds{refused: never, recovered: 5 * time.Second}, what: "Redis loses keys: leases, tasks, whole queues", do: func(w *weather) {
		rdb := w.cache()
		w.during(10, func(int) {
			keys, err := rdb.Keys(w.t.Context(), "*").Result()
			if err != nil {
				w.t.Fatal(err)
			}
			for _, k := range keys {
				switch w.rng.IntN(3) {
				case 0:
					rdb.Del(w.t.Context(), k)
				case 1:
					rdb.Rename(w.t.Context(), k, k+".lost")
				}
			}
		})
	}},
	{name: "F11", bounds: bounds{refused: never, accept: 250 * time.Millisecond}, what: "Redis hangs for 15 s", do: func(w *weather) {
		w.during(1, func(int) {
			_, pid := w.h.servers.PIDs()
			w.freeze(15*time.Second, pid)
		})
	}},
	{name: "F12", bounds: bounds{refused: never, recovered: 10 * time.Second}, fast: true, what: "Redis becomes a replica that takes no writes, for 10 s, and loses what it had", do: func(w *weather) {
		rdb := w.cache()
		w.during(1, func(int) {
			if err := rdb.ReplicaOf(w.t.Context(), "127.0.0.1", "1").Err(); err != nil {
				w.t.Fatal(err)
			}
			w.calm(10 * time.Second)
			if err := rdb.ReplicaOf(w.t.Context(), "NO", "ONE").Err(); err != nil {
				w.t.Fatal(err)
			}
			w.h.flush()
		})
	}},
	{name: "F13", bounds: bounds{recovered: 10 * time.Second}, what: "Postgres is killed, three times", do: func(w *weather) {
		w.during(3, func(int) {
			pid, _ := w.h.servers.PIDs()
			signal(pid, syscall.SIGKILL)
		})
	}},
	{name: "F14", what: "Postgres is away for 20 s", do: func(w *weather) {
		const most = 50 << 20 // more than before
		before := w.gateways[0].resident(w.t)
		w.during(1, func(int) { w.cut(w.postgres, 20*time.Second) })
		if grown := w.gateways[0].resident(w.t) - before; grown > most {
			w.t.Errorf("a gateway holds %d MB more", grown>>20)
		}
	}},
	{name: "F15", bounds: bounds{refused: never}, what: "Postgres restarts fast, in under two seconds", do: func(w *weather) {
		const promised, absorbed = 2 * time.Second, 3 * time.Second // the row's; the door's wait (internal/desk/accept.go)
		w.during(2, func(int) {
			away := w.restartPostgres()
			if away > promised {
				w.t.Errorf("Postgres was away for %s, longer than the fault says", away.Round(time.Millisecond))
			}
			if away > absorbed { // no wait could absorb that: the refusals are not what failed
				w.bounds.refused = 0
			}
		})
	}},
	{name: "F16", bounds: bounds{refused: never}, fast: true, what: "a backend of Postgres is ended every 200 ms", do: func(w *weather) {
		conn := database(w.t, w.h.servers.DatabaseURL)
		w.during(50, func(int) {
			if _, err := conn.Exec(w.t.Context(), `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
				WHERE application_name LIKE 'gatehouse-%' ORDER BY random() LIMIT 1) AS x`); err != nil {
				w.t.Fatal(err)
			}
		})
	}},
	{name: "F17", fast: true, what: "connections to Postgres break in the middle of answers", do: func(w *weather) {
		w.during(8, func(int) {
			w.poison(w.postgres, "reset_peer", "downstream", map[string]any{"timeout": w.rng.IntN(40)}, 250*time.Millisecond)
		})
	}},
	{name: "F19", bounds: bounds{refused: never, accept: 250 * time.Millisecond}, what: "somebody locks the conversations for 15 s", do: func(w *weather) {
		w.during(1, func(int) {
			tx, err := database(w.t, w.h.servers.DatabaseURL).Begin(w.t.Context())
			if err == nil {
				_, err = tx.Exec(w.t.Context(), "LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE")
			}
			if err != nil {
				w.t.Fatal(err)
			}
			w.calm(15 * time.Second)
			if err := tx.Rollback(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
		})
	}},
	{name: "F20", bounds: bounds{refused: never, recovered: 10 * time.Second}, what: "one hot contact writes 500 messages", load: forecast{gateways: 2, workers: 2, messages: 500, perSecond: 100, contacts: 1, duplicatePct: 10}, do: func(*weather) {}},
	{name: "F21", what: "a transaction stays open all the time, so that nothing can be vacuumed", do: func(w *weather) {
		tx, err := database(w.t, w.h.servers.DatabaseURL).BeginTx(w.t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
		if err == nil {
			_, err = tx.Exec(w.t.Context(), "SELECT count(*) FROM conversations")
		}
		if err != nil {
			w.t.Fatal(err)
		}
		w.after(w.load, 0.95)
		if err := tx.Rollback(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}},
	{name: "F22", bounds: bounds{refused: never}, fast: true, what: "the provider takes a message and hangs", do: func(w *weather) {
		w.meta.AddFault(fakemeta.Fault{Skip: 5, Times: 20, Hang: 3 * time.Second, Reset: true})
	}},
	{name: "F23", bounds: bounds{refused: never, seen: 3 * time.Second}, what: "the provider throttles for a while", do: func(w *weather) {
		w.meta.AddFault(fakemeta.Fault{Skip: 5, Times: 20, Code: 131056})
		w.during(1, func(int) {
			id := w.meta.AddFault(fakemeta.Fault{Code: 130429, Status: 429, RetryAfter: 1})
			w.calm(10 * time.Second)
			w.meta.RemoveFault(id)
		})
	}},
	{name: "F24", what: "the provider answers 503 for 10 s", do: func(w *weather) {
		w.during(1, func(int) {
			id := w.meta.AddFault(fakemeta.Fault{Status: 503, Code: 131000})
			w.calm(10 * time.Second)
			w.meta.RemoveFault(id)
		})
	}},
	{name: "F26", bounds: bounds{refused: never}, fast: true, what: "every webhook comes twice at once, to two gateways", load: forecast{gateways: 2, workers: 2, messages: 1500, perSecond: 100, contacts: 200, duplicatePct: 100}, do: func(*weather) {}},
	{name: "F28", what: "webhooks out of order, statuses first and several times", load: forecast{gateways: 2, workers: 2, messages: 1500, perSecond: 100, contacts: 200, reorderPct: 60}, do: func(w *weather) {
		w.meta.AddFault(fakemeta.Fault{StatusesFirst: true, StatusCopies: 3, Statuses: []string{"read", "delivered", "sent"}})
	}},
	{name: "F31", fast: true, what: "the agents' connections break all the time", do: func(w *weather) {
		w.during(60, func(int) {
			c := w.team[w.rng.IntN(len(w.team))]
			c.mu.Lock()
			if c.stream != nil {
				c.stream.Close()
			}
			c.mu.Unlock()
		})
	}},
	{name: "F32", what: "agents come, go and change their capacity all the time", do: func(w *weather) {
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
	}},
	{name: "F42", bounds: bounds{refused: never}, what: "everything is stopped and started in good order", do: func(w *weather) {
		w.during(4, func(i int) {
			p := append(w.gateways, w.workers...)[i]
			if took, err := p.stop(30 * time.Second); err != nil {
				w.t.Errorf("%s did not end well, after %s: %v", p.name, took, err)
			}
			p.start()
		})
	}},
	{name: "F43", what: "little memory and many connections", load: forecast{gateways: 2, workers: 2, messages: 6000, perSecond: 400, contacts: 300, duplicatePct: 10}, do: func(w *weather) {
		const most = 400 << 20 // resident; the limit of the heap is 128 MB
		for _, p := range append(w.gateways[:2:2], w.workers...) {
			p.restart("GOMEMLIMIT=128MiB")
		}
		letGo := w.connect(2000)
		w.after(w.load, 0.9)
		letGo()
		for _, p := range append(w.gateways[:2:2], w.workers...) {
			if rss := p.resident(w.t); rss > most {
				w.t.Errorf("%s holds %d MB", p.name, rss>>20)
			}
		}
	}},
	{name: "F44", what: "a gateway has no file descriptors left, for 10 s", do: func(w *weather) {
		w.during(1, func(int) {
			limit := func(n string) {
				for _, g := range w.gateways {
					if out, err := exec.Command("prlimit", "--pid", strconv.Itoa(g.pid()), "--nofile="+n+":").CombinedOutput(); err != nil {
						w.t.Fatalf("%v: %s", err, out)
					}
				}
			}
			limit("64")
			letGo := w.connect(300)
			w.calm(10 * time.Second)
			letGo()
			limit("1024")
			for _, g := range w.gateways {
				if s := g.output(); strings.Count(s, "too many open files") > 1000 {
					w.t.Errorf("%s says so %d times", g.name, strings.Count(s, "too many open files"))
				}
			}
		})
	}},
	{name: "F18", what: "the disk below Postgres is full, for 10 s", small: 400, bounds: bounds{recovered: 15 * time.Second}, do: func(w *weather) {
		w.during(1, func(int) {
			ballast := filepath.Join(w.disk, "ballast")
			fill(w.t, ballast)
			w.calm(10 * time.Second)
			if err := os.Remove(ballast); err != nil {
				w.t.Fatal(err)
			}
		})
	}},
	{name: "F27", what: "albums: 200 new contacts, each with ten pictures at once, to two gateways", bounds: bounds{refused: never}, do: func(w *weather) {
		for i := range 200 {
			album(w, i)
			w.calm(50 * time.Millisecond)
		}
	}, after: func(w *weather) {
		var contacts, open, messages int
		if err := w.conn.QueryRow(w.t.Context(), `SELECT count(DISTINCT c.contact_id), count(DISTINCT c.id), count(*) FROM messages m
			JOIN conversations c ON c.id = m.conversation_id WHERE m.kind = 'image' AND c.status <> 'closed'`).Scan(&contacts, &open, &messages); err != nil {
			w.t.Fatal(err)
		}
		if contacts != 200 || open != 200 || messages != 2000 {
			w.t.Errorf("%d contacts, %d open conversations, %d pictures", contacts, open, messages)
		}
	}},
	// What it shows: receipt, windows and the leases of sends and files go by Postgres' clock, and so do all orders but ties. Ids (UUIDv7), links
	// to files (good for five minutes), limits of sign-in and asynq's leases of wakes go by each process's own: asynq takes wakes away from
	// workers that are at it, and nothing comes of it. What it cannot show is a clock that is set while a process runs.
	{name: "F29", what: "clocks are wrong: workers' by 10 minutes and a day, gateways' by two minutes and a day", build: wrongClocks, do: func(w *weather) {
		w.gateways[0].replace("CLOCK_SKEW=2m")
		w.gateways[1].replace("CLOCK_SKEW=-2m")
		w.workers[1].replace("CLOCK_SKEW=-10m")
		for i, skew := range []string{"10m", "25h"} {
			w.after(w.load, float64(i+1)/4)
			w.workers[0].replace("CLOCK_SKEW=" + skew)
		}
		w.after(w.load, 0.75)
		w.gateways[0].replace("CLOCK_SKEW=25h")
	}, after: func(w *weather) {
		var misdated, givenUp int
		if err := w.conn.QueryRow(w.t.Context(), `SELECT (SELECT count(*) FROM inbound_events WHERE received_at > now() OR received_at < now() - interval '5 minutes'),
			(SELECT count(*) FROM messages WHERE status = 'unknown')`).Scan(&misdated, &givenUp); err != nil {
			w.t.Fatal(err)
		}
		if misdated > 0 || givenUp > 0 {
			w.t.Errorf("%d events are said to be of another time; %d claims of a living worker were given up", misdated, givenUp)
		}
	}},
	{name: "F30", what: "windows shut while agents answer", load: forecast{gateways: 2, workers: 2, messages: 1500, perSecond: 30, contacts: 200, capacity: 500}, do: edge},
	{name: "F34", what: "a gateway with 5,000 sockets is killed", load: forecast{gateways: 2, workers: 2, messages: 3000, perSecond: 30, contacts: 200}, bounds: bounds{recovered: 10 * time.Second}, do: crowd},
	{name: "F35", what: "500 sockets are never read", load: forecast{gateways: 2, workers: 2, messages: 3000, perSecond: 60, contacts: 200}, do: sleepers, bounds: bounds{refused: never, seen: time.Second}},
	{name: "F38", what: "poison among the webhooks", leaves: map[string]int{"quarantined events": 50}, bounds: bounds{refused: never, seen: time.Second}, do: func(w *weather) {
		w.during(50, func(i int) { nobodys(w, i) })
	}, after: func(w *weather) {
		if due, err := w.h.due(); err != nil || due["quarantined events"] != 50 {
			w.t.Errorf("%v, %v", due, err)
		}
	}},
	{name: "F39", what: "files that are endless, gone, or elsewhere", bounds: bounds{refused: never, seen: time.Second}, do: func(w *weather) {
		for _, f := range []fakemeta.Fault{{Bytes: 10 << 30}, {Status: 404, Code: 100}, {Redirect: "http://127.0.0.1:1/"}, {Redirect: "http://169.254.169.254/latest"}} {
			f.Op, f.Times = fakemeta.OpDownload, 100
			w.meta.AddFault(f)
		}
		for i := range 20 {
			album(w, i)
			w.calm(50 * time.Millisecond)
		}
	}},
}

// connect opens connections that say nothing, until letGo is called.
func (w *weather) connect(n int) (letGo func()) {
	var all []net.Conn
	for range n {
		c, err := net.DialTimeout("tcp", strings.TrimPrefix(w.h.url, "http://"), 2*time.Second)
		if err != nil {
			break // no more are taken
		}
		all = append(all, c)
	}
	w.t.Logf("%d connections", len(all))
	return func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
}

// resident is how many bytes of memory the process has held at most.
func (p *process) resident(t *testing.T) (bytes int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	if err != nil {
		t.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscanf(peak, "%d kB", &bytes); err != nil {
		t.Fatalf("%v: %s", err, status)
	}
	return bytes << 10
}

// fill writes a file until there is no room for another byte.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // there is no room: that is the point
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}

// album is ten pictures of somebody who never wrote before, each in a webhook of its own, all at once.
func album(w *weather, i int) {
	w.t.Helper()
	phone := w.meta.Phone(fmt.Sprintf("90533444%04d", i), fmt.Sprintf("Album %d", i))
	for n := range 10 {
		if _, err := phone.SendFile("image", fakemeta.File{Bytes: pixel, MIME: "image/png", Caption: strconv.Itoa(n)}, fakemeta.Alone()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// pixel is the smallest picture.
var pixel = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x03\x00\x08\xfc\x02\xfe\xa7\x9a\xa0\xa0\x00\x00\x00\x00IEND\xaeB`\x82")

// nobodys posts a signed message without a sender: it can neither be shown nor be thrown away.
func nobodys(w *weather, i int) {
	w.t.Helper()
	a := w.meta.Accounts()[0]
	body := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{"messaging_product":"whatsapp",
		"metadata":{"phone_number_id":%q},"messages":[{"id":"poison%d","timestamp":"1795250000","type":"text","text":{"body":"?"}}]}}]}]}`, a.BusinessAccountID, a.PhoneNumberID, i)
	mac := hmac.New(sha256.New, []byte(a.AppSecret))
	mac.Write([]byte(body))
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.h.url+"/webhooks/meta", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("a signed webhook is answered %d", resp.StatusCode)
	}
}

// edge has 400 people whose windows shut within the next minute and a half, or shut a moment ago, and agents who answer at any moment of
// that time. The margin is a minute: until then all goes through, and nothing from then on.
func edge(w *weather) {
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
func crowd(w *weather) {
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
func sleepers(w *weather) {
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
	before := w.gateways[0].resident(w.t) + w.gateways[1].resident(w.t)
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
	untilEvery(w.t, 200*time.Millisecond, 90*time.Second, "they are sent away", func() (bool, string) {
		n := w.sockets()
		return n <= float64(len(w.team)), fmt.Sprintf("%.0f sockets", n)
	})
	if grown := w.gateways[0].resident(w.t) + w.gateways[1].resident(w.t) - before; grown > most {
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

// gauge reads one of the process's metrics.
func (p *process) gauge(t *testing.T, name string) (value float64) {
	t.Helper()
	address, _ := strings.CutPrefix(p.env[0], "GATEHOUSE_OPS_LISTEN=")
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, at, found := strings.Cut(string(text), "\n"+name+" ")
	if _, err := fmt.Sscanf(at, "%g", &value); err != nil || !found {
		t.Fatalf("%s does not tell %s: %v", p.name, name, err)
	}
	return value
}
