package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"gatehouse/gateway/api"
	"gatehouse/internal/chat"
	"gatehouse/internal/postgres"
	"gatehouse/internal/vitals"
)

func TestOperatorsSeeHowTheHouseDoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := h.agent(chat.RoleAdmin)
	var v api.Vitals
	admin.get("/api/v1/ops/vitals").into(200, &v)
	if !v.Since.IsZero() || len(v.Signs) != 1 || v.Signs[0].ID != "NoWorker" || v.Now.QueueBehindS != nil {
		t.Errorf("before anybody told: %+v", v)
	}
	must(t, h.Store.KeepPulse(t.Context(), postgres.Pulse{
		Node: vitals.Node{ID: "n", Role: "all", Host: "desk-1", Version: "v1", Started: time.Now(), Redis: true},
		Work: vitals.Work{Accept: vitals.Histogram{1: 5}}, Accounts: map[chat.AccountID]postgres.AccountWork{h.Account: {Sends: vitals.Sends{Heard: 5, Sent: 3}}},
	}))
	_, err := h.Store.SampleVitals(t.Context(), &vitals.Queues{Pending: 4})
	must(t, err)
	for span, c := range map[string]struct{ points, step int }{"": {60, 60}, "?span=hour": {60, 60}, "?span=day": {144, 600}} {
		admin.get("/api/v1/ops/vitals"+span).into(200, &v)
		s := v.Series
		if len(s.Webhooks) != c.points || len(s.IngestP95) != c.points || len(s.Waiting) != c.points || len(v.Due[0].Counts) != c.points || s.StepS != c.step {
			t.Errorf("%q: %d points of %d s", span, len(s.Webhooks), s.StepS)
		}
		if s.Webhooks[c.points-1]+s.Webhooks[c.points-2] != 5 || s.Waiting[0] != nil || v.Since.IsZero() {
			t.Errorf("%q: %+v", span, s)
		}
		if end := s.From.Add(time.Duration(c.points*c.step) * time.Second); end.Before(v.At) || end.Sub(v.At) > time.Duration(c.step)*time.Second {
			t.Errorf("%q: from %s, now is %s", span, s.From, v.At)
		}
	}
	if len(v.Signs) != 0 || len(v.Nodes) != 1 || !v.Nodes[0].Alive || len(v.Due) != 8 || v.Now.QueuePending == nil || *v.Now.QueuePending != 4 {
		t.Errorf("%+v", v)
	}
	if len(v.Accounts) != 1 || v.Accounts[0].ID != h.Account || v.Accounts[0].Sent != 3 || v.Accounts[0].HeardAt.IsZero() {
		t.Errorf("%+v", v.Accounts)
	}
	admin.get("/api/v1/ops/vitals?span=week").refused(http.StatusBadRequest, chat.CodeInvalid)
}

func TestAPageThatIsLeftOpenKeepsNoSessionAlive(t *testing.T) { // S30
	t.Parallel()
	h := newHouse(t)
	admin := h.agent(chat.RoleAdmin)
	idle := func() bool {
		var idle bool
		must(t, h.Store.Pool().QueryRow(t.Context(), `SELECT used_at < now() - interval '30 minutes' FROM sessions WHERE agent_id = $1`, admin.principal.AgentID).Scan(&idle))
		return idle
	}
	h.Exec(`UPDATE sessions SET used_at = now() - interval '1 hour' WHERE agent_id = $1`, admin.principal.AgentID)
	admin.get("/api/v1/ops/vitals").into(200, nil)
	if !idle() {
		t.Error("the page that asks by itself counts as a use")
	}
	admin.get("/api/v1/me").into(200, nil)
	if idle() {
		t.Error("a use is none")
	}
}

func TestAnEventThatWasPutAsideIsReplayedFromThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := h.agent(chat.RoleAdmin)
	e := h.Event(h.Text(h.Phone(1), "m1", "panic"))
	h.Accept(e)
	h.Drain()
	var v api.Vitals
	if admin.get("/api/v1/ops/vitals").into(200, &v); len(v.Aside) != 1 || v.Aside[0].ID != e.ID.String() {
		t.Fatalf("%+v", v.Aside)
	}
	var done api.Replayed
	admin.post("/api/v1/ops/replay", map[string]any{"events": []string{e.ID.String()}}).into(200, &done)
	if done.Replayed != 1 {
		t.Errorf("%+v", done)
	}
	if admin.get("/api/v1/ops/vitals").into(200, &v); len(v.Aside) != 0 || v.Due[vitals.InboundEvents].Count != 1 {
		t.Errorf("%+v", v.Due)
	}
	admin.post("/api/v1/ops/replay", map[string]any{"events": []string{}}).refused(400, chat.CodeInvalid)
	admin.post("/api/v1/ops/replay", map[string]any{"events": []string{"one"}}).refused(400, chat.CodeInvalid)
}

func TestAnEventThatNothingWillMendIsDismissedFromThePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin := h.agent(chat.RoleAdmin)
	e := h.Event(h.Text(h.Phone(1), "m1", "panic"))
	h.Accept(e)
	h.Drain()
	dismiss := func(want int) {
		t.Helper()
		var done api.Dismissed
		admin.post("/api/v1/ops/dismiss", map[string]any{"events": []string{e.ID.String()}}).into(200, &done)
		if done.Dismissed != want {
			t.Errorf("%d were due, not %d", done.Dismissed, want)
		}
	}
	dismiss(1)
	var v api.Vitals
	if admin.get("/api/v1/ops/vitals").into(200, &v); len(v.Aside) != 0 || v.Due[vitals.QuarantinedEvents].Count != 0 {
		t.Errorf("%+v, %+v", v.Aside, v.Due)
	}
	dismiss(0)
	admin.post("/api/v1/ops/dismiss", map[string]any{"events": []string{}}).refused(400, chat.CodeInvalid)
}
