package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/bench/agent"
	"gatehouse/internal/fakemeta"
)

// program finds one of Postgres' own: the newest that is installed, as the product finds its server.
func program(t *testing.T, name string) string {
	t.Helper()
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); err == nil && len(found) > 0 {
		return slices.MaxFunc(found, func(a, b string) int { return len(a) - len(b) + strings.Compare(a, b) })
	}
	found, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// restore dumps the house's database and restores it as another one, and moves the house there, with an empty Redis.
func (h *house) restore(name string) (newURL string) {
	h.t.Helper()
	ctx := h.t.Context()
	old := h.servers.DatabaseURL
	u, err := url.Parse(old)
	if err != nil {
		h.t.Fatal(err)
	}
	u.Path = "/" + name
	run := func(program string, args ...string) {
		h.t.Helper()
		if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
			h.t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
		}
	}
	backup := filepath.Join(h.t.TempDir(), "backup")
	run(program(h.t, "pg_dump"), "--format=custom", "--no-owner", "--file="+backup, "--dbname="+old)
	if _, err := database(h.t, old).Exec(ctx, "CREATE DATABASE "+name); err != nil {
		h.t.Fatal(err)
	}
	run(program(h.t, "pg_restore"), "--no-owner", "--exit-on-error", "--dbname="+u.String(), backup)
	h.flush()
	for i, v := range h.env {
		if strings.HasPrefix(v, "DATABASE_URL=") {
			h.env[i] = "DATABASE_URL=" + u.String()
		}
	}
	return u.String()
}

// TestARestoredBackupGoesOnWhereItWas takes a backup of a desk in the middle of its work, with events that nobody has applied and
// an answer that nobody has sent, and restores it into another database, beside an empty Redis (RELIABILITY.md F45).
func TestARestoredBackupGoesOnWhereItWas(t *testing.T) {
	const before, after = 40, 60
	_, seed := choices(t)
	meta := shop(t, 0)
	h := newHouse(t, hostOf(meta))
	gateway, worker := h.serve("gateway", "--role=gateway"), h.serve("worker", "--role=worker")
	gateway.ready(1)
	worker.ready(1)
	h.setUp()
	sales := h.make("/departments", map[string]any{"name": "Sales"})
	h.connect(meta, sales)
	ada := h.hire("bora", 5, "", seed, sales)
	customers := func(n int, seed uint64) {
		t.Helper()
		<-write(t, meta, fakemeta.LoadConfig{Rate: 50, Duration: time.Duration(n) * time.Second / 50, Contacts: 10, Seed: seed})
		settle(t, meta)
	}
	conn := database(t, h.servers.DatabaseURL)
	customers(before, seed)
	h.quiesce(time.Minute, conn, time.Now())
	cursor := firstCursor(t, h.admin)

	// With the workers gone, customers write on, and one of them is answered.
	worker.kill()
	customers(after, seed+1)
	var rows struct{ Items []struct{ ID string } }
	if err := h.admin.Call(t.Context(), "GET", "/conversations?view=all&channel=whatsapp", nil, &rows); err != nil || len(rows.Items) == 0 {
		t.Fatalf("%d conversations: %v", len(rows.Items), err)
	}
	id := rows.Items[0].ID
	if err := ada.Call(t.Context(), "POST", "/conversations/"+id+"/take", map[string]any{}, nil); err != nil {
		t.Logf("it is somebody's already: %v", err)
	}
	var answer struct{ ID string }
	if err := ada.Call(t.Context(), "POST", "/conversations/"+id+"/messages", map[string]string{"text": "We are looking into it."}, &answer, "Idempotency-Key", "once"); err != nil {
		t.Fatal(err)
	}
	gateway.kill()
	due, err := h.due()
	if err != nil || due["inbound events"] == 0 || due["unsent messages"] != 1 {
		t.Fatalf("due at the time of the backup: %v, %v", due, err)
	}

	restored := h.restore("restored")
	if again, err := h.due(); err != nil || fmt.Sprint(again) != fmt.Sprint(due) {
		t.Errorf("due in the backup: %v, in what was restored: %v, %v", due, again, err)
	}
	gateway.start()
	worker.start()
	gateway.ready(2)
	worker.ready(2)
	conn = database(t, restored)
	h.quiesce(time.Minute, conn, time.Now())
	settle(t, meta)
	h.quiesce(time.Minute, conn, time.Now())

	ledger := meta.Ledger()
	var v tally
	v.judgeInbound(t, ledger, conn)
	if sent := slices.IndexFunc(ledger.Sends, func(s fakemeta.GraphSend) bool { return strings.HasPrefix(s.Opaque, answer.ID) }); sent < 0 || len(ledger.Sends) != 1 {
		t.Errorf("the answer is not among the %d messages that were sent, or not alone", len(ledger.Sends))
	}
	until(t, time.Minute, "every promise is kept", func() (bool, string) {
		broken := h.verify()
		return len(broken) == 0, fmt.Sprintf("%+v", broken)
	})
	v.judgeRecord(t, h)
	if v != (tally{}) {
		t.Error(v)
	}

	// A page that was open all the time is told to read everything again; one that opens its socket once more after that is not.
	since, frames := liveFrom(t, h.admin, cursor)
	if !slices.Contains(frames, "resync") {
		t.Errorf("a cursor of before the backup was answered %v", frames)
	}
	if _, frames := liveFrom(t, h.admin, since); slices.Contains(frames, "resync") {
		t.Errorf("a cursor of now was answered %v", frames)
	}
	// And the record of the restored desk takes what comes.
	customers(before, seed+2)
	h.quiesce(time.Minute, conn, time.Now())
	v.judgeInbound(t, meta.Ledger(), conn)
	if v != (tally{}) {
		t.Error(v)
	}
}

// firstCursor is the first place in the news that a fresh page is told.
func firstCursor(t *testing.T, a *agent.Agent) string {
	t.Helper()
	cursor, _ := liveFrom(t, a, "")
	return cursor
}

// liveFrom opens a socket where it was left, and tells what comes until it is answered a ping.
func liveFrom(t *testing.T, a *agent.Agent, from string) (cursor string, frames []string) {
	t.Helper()
	s, err := a.Live(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for {
		raw, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var f frame
		if err := json.Unmarshal(raw, &f); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, f.Type)
		if f.Cursor != "" {
			cursor = f.Cursor
		}
		if f.Type == "pong" {
			return cursor, frames
		}
	}
}
