package desk_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/task"
)

var none chat.BreakReasonID

func TestComingOnlineDrainsTheAgentsLines(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := o.hire("elif", chat.RoleAgent)
	o.forget()
	must(t, o.Desk.SetPresence(t.Context(), p, chat.Online, none))
	if !o.Rang(task.Route, o.Department) {
		t.Error("nobody rang for the line")
	}
	n := o.told(chat.NoticePresence)
	if len(n) != 1 || n[0].Presence.Agent != p.AgentID || n[0].Presence.Presence != chat.Online || n[0].Presence.Capacity != 15 {
		t.Errorf("told %+v", n)
	}
	o.forget()
	must(t, o.Desk.SweepPresence(t.Context()))
	if len(o.Notices) != 0 {
		t.Errorf("the sweep told it again: %+v", o.Notices)
	}
	refusedField(t, o.Desk.SetPresence(t.Context(), p, "lunch", none), chat.CodeInvalid, "presence")
	refusedField(t, o.Desk.SetPresence(t.Context(), p, chat.Online, chat.NewID[chat.BreakReasonID]()), chat.CodeInvalid, "reason")
}

func TestABreakNeedsAnEnabledReasonWhereThereAreAny(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := o.hire("elif", chat.RoleAgent)
	must(t, o.Desk.SetPresence(t.Context(), p, chat.OnBreak, none))
	lunch, err := o.Desk.CreateBreakReason(t.Context(), root, "Lunch")
	must(t, err)
	tea, err := o.Desk.CreateBreakReason(t.Context(), root, "Tea")
	must(t, err)
	off := true
	_, err = o.Desk.UpdateBreakReason(t.Context(), root, tea.ID, chat.ReasonPatch{Disabled: &off})
	must(t, err)
	desktest.Code(t, o.Desk.SetPresence(t.Context(), p, chat.OnBreak, none), chat.CodeReasonRequired)
	refusedField(t, o.Desk.SetPresence(t.Context(), p, chat.OnBreak, tea.ID), chat.CodeInvalid, "reason")
	o.forget()
	must(t, o.Desk.SetPresence(t.Context(), p, chat.OnBreak, lunch.ID))
	me, err := o.Desk.Me(t.Context(), p)
	must(t, err)
	if n := o.told(chat.NoticePresence); me.Presence != chat.OnBreak || me.BreakReasonID != lunch.ID || len(n) != 1 || n[0].Presence.Break != lunch.ID {
		t.Errorf("the agent is %+v, told %+v", me.Agent, n)
	}
}

func TestABreakKeepsTheWorkUnlessTheDepartmentTakesItBack(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		t.Run(fmt.Sprintf("return_on_break=%v", back), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			_, err := o.Desk.UpdateDepartment(t.Context(), root, o.Department, chat.DepartmentPatch{ReturnOnBreak: &back})
			must(t, err)
			p, _ := o.hire("elif", chat.RoleAgent)
			must(t, o.Desk.SetPresence(t.Context(), p, chat.Online, none))
			o.In(o.Text("905550000001", "m1", "hello"), o.Text("905550000002", "m2", "hello"))
			since := o.Open("905550000001").WaitingSince
			o.Route()
			_, err = o.Desk.Pend(t.Context(), p, o.Open("905550000002").ID)
			must(t, err)
			o.forget()
			must(t, o.Desk.SetPresence(t.Context(), p, chat.OnBreak, none))
			live, parked := o.Open("905550000001"), o.Open("905550000002")
			if parked.Status != chat.Pending || parked.AgentID != p.AgentID {
				t.Errorf("what waits for the contact is %s", parked.Status)
			}
			load := o.told(chat.NoticePresence)[0].Presence.Load
			if back && (live.Status != chat.Waiting || !live.WaitingSince.Equal(since) || load != 0 || !o.Rang(task.Route, o.Department)) {
				t.Errorf("the conversation is %s since %s, the load %d", live.Status, live.WaitingSince, load)
			}
			if !back && (live.Status != chat.Assigned || live.AgentID != p.AgentID || load != 1) {
				t.Errorf("the conversation is %s, the load %d", live.Status, load)
			}
			o.MustHold()
		})
	}
}

func TestALostSocketIsToldOnceAndABeatBringsTheAgentBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := o.hire("elif", chat.RoleAgent)
	must(t, o.Desk.SetPresence(t.Context(), p, chat.Online, none))
	o.forget()
	seen := func(ago time.Duration) {
		o.Exec(`UPDATE agent_presence SET seen_at = now() - $2::interval WHERE agent_id = $1`, p.AgentID, ago)
	}
	seen(40 * time.Second)
	must(t, o.Desk.SweepPresence(t.Context()))
	if n := o.told(chat.NoticePresence); len(n) != 0 {
		t.Fatalf("told %+v before 45 s", n)
	}
	seen(46 * time.Second)
	for _, err := range together(4, func(int) error { return o.Desk.SweepPresence(t.Context()) }) {
		must(t, err)
	}
	n := o.told(chat.NoticePresence)
	if len(n) != 1 || n[0].Presence.Presence != chat.Offline {
		t.Fatalf("told %+v, want offline, once", n)
	}
	if ago := time.Since(n[0].Presence.Since); ago < 40*time.Second || ago > time.Minute {
		t.Errorf("offline since %s ago, want since the last beat", ago)
	}
	o.forget()
	must(t, o.Desk.Beat(t.Context(), []chat.AgentID{p.AgentID}))
	if n := o.told(chat.NoticePresence); len(n) != 1 || n[0].Presence.Presence != chat.Online || !o.Rang(task.Route, o.Department) {
		t.Errorf("told %+v, want online", n)
	}
	o.forget()
	must(t, o.Desk.Beat(t.Context(), []chat.AgentID{p.AgentID, chat.NewID[chat.AgentID]()}))
	must(t, o.Desk.Beat(t.Context(), nil))
	if len(o.Notices) != 0 {
		t.Errorf("an ordinary beat told %+v", o.Notices)
	}
}

func TestWorkReturnsFromWhoeverIsAwayTooLong(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	p, _ := o.hire("elif", chat.RoleAgent)
	must(t, o.Desk.SetPresence(t.Context(), p, chat.Online, none))
	o.In(o.Text("905550000001", "m1", "hello"))
	since := o.Open("905550000001").WaitingSince
	o.Route()
	away := func(ago time.Duration) chat.ConversationRow {
		t.Helper()
		o.Exec(`UPDATE agent_presence SET settled = 'online', seen_at = now() - $2::interval WHERE agent_id = $1`, p.AgentID, ago)
		must(t, o.Desk.SweepPresence(t.Context()))
		return o.Open("905550000001")
	}
	if c := away(24 * time.Hour); c.Status != chat.Assigned {
		t.Fatalf("the conversation is %s although the department waits for ever", c.Status)
	}
	after := 20 * time.Minute
	_, err := o.Desk.UpdateDepartment(t.Context(), root, o.Department, chat.DepartmentPatch{ReturnAfter: &after})
	must(t, err)
	if c := away(19 * time.Minute); c.Status != chat.Assigned {
		t.Fatalf("the conversation is %s too early", c.Status)
	}
	o.forget()
	if c := away(20 * time.Minute); c.Status != chat.Waiting || !c.WaitingSince.Equal(since) {
		t.Fatalf("the conversation is %s since %s, want waiting since %s", c.Status, c.WaitingSince, since)
	}
	if n := o.Int(`SELECT count(*) FROM conversation_events WHERE kind = 'queued' AND data->>'why' = 'agent_offline'`); n != 1 || !o.Rang(task.Route, o.Department) {
		t.Errorf("%d events say why, rang %v", n, o.Wakes)
	}
	o.MustHold()
}

// A break waits for a router that has just chosen the agent, and then sees what it gave.
func TestABreakTakesBackWhatARouterWasJustGiving(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	_, err := o.Desk.UpdateDepartment(t.Context(), root, o.Department, chat.DepartmentPatch{ReturnOnBreak: new(true)})
	must(t, err)
	p, _ := o.hire("elif", chat.RoleAgent)
	must(t, o.Desk.SetPresence(t.Context(), p, chat.Online, none))
	o.In(o.Text("905550000001", "m1", "hello"))
	c := o.Open("905550000001")

	router, err := o.World.Store.Pool().Begin(t.Context())
	must(t, err)
	defer func() { _ = router.Rollback(context.Background()) }() // committed below
	for _, sql := range []string{
		`SELECT department_id FROM department_lines FOR NO KEY UPDATE`,
		`SELECT id FROM agents FOR NO KEY UPDATE`,
	} {
		_, err = router.Exec(t.Context(), sql)
		must(t, err)
	}
	done := make(chan error, 1)
	go func() { done <- o.Desk.SetPresence(t.Context(), p, chat.OnBreak, none) }()
	waitFor(o.World, "the break to wait for the router", `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
	_, err = router.Exec(t.Context(), `UPDATE conversations SET status = 'assigned', controller = 'agent', agent_id = $1, assigned_at = now(), waiting_since = NULL WHERE id = $2`, p.AgentID, c.ID)
	must(t, err)
	_, err = router.Exec(t.Context(), `INSERT INTO assignments (id, conversation_id, agent_id, how, department_id, waiting_since, started_at, load_after, capacity)
		VALUES (gen_random_uuid(), $1, $2, 'automatic', $3, $4, now(), 1, 15)`, c.ID, p.AgentID, c.DepartmentID, c.WaitingSince)
	must(t, err)
	must(t, router.Commit(t.Context()))
	must(t, <-done)
	if now := o.Open("905550000001"); now.Status != chat.Waiting || !now.WaitingSince.Equal(c.WaitingSince) {
		t.Errorf("the conversation is %s since %s, want waiting since %s", now.Status, now.WaitingSince, c.WaitingSince)
	}
}
