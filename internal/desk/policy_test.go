package desk_test

import (
	"encoding/json"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/routing"
	"gatehouse/internal/task"
	"gatehouse/internal/window"
)

// Each policy gives a line of six to three agents who have room for two or four, and writes down why.
func TestEachPolicySharesALineOutAndWritesDownWhy(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]struct {
		reason routing.Reason
		shares []int // of the agents, in the order in which they were made; nil: any
	}{
		"least_busy":   {routing.ReasonLeastBusy, []int{2, 2, 2}},
		"round_robin":  {routing.ReasonRoundRobin, []int{2, 2, 2}},
		"longest_idle": {routing.ReasonLongestIdle, []int{2, 2, 2}},
		"random":       {routing.ReasonRandom, nil},
	} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			w.Exec(`UPDATE departments SET sticky = false, policy = $2 WHERE id = $1`, w.Department, policy)
			agents := []chat.Principal{w.Agent("a", 2, chat.Online), w.Agent("b", 4, chat.Online), w.Agent("c", 4, chat.Online)}
			phones := line(w, 0, 6)
			w.Route()
			shares := make([]int, len(agents))
			for _, p := range phones {
				row := w.Open(p)
				for i, a := range agents {
					if row.AgentID == a.AgentID {
						shares[i]++
					}
				}
				var d routing.Decision
				var load, capacity int
				var raw []byte
				must(t, w.Store.Pool().QueryRow(t.Context(), `SELECT data->'decision', (data->>'load')::int, (data->>'capacity')::int FROM conversation_events
					WHERE conversation_id = $1 AND kind = 'assigned'`, row.ID).Scan(&raw, &load, &capacity))
				must(t, json.Unmarshal(raw, &d))
				if d.Agent != routing.ID(row.AgentID) || d.Reason != want.reason && d.CandidateCount > 1 || d.CandidateCount+len(d.Skipped) != len(agents) || load < 1 || load > capacity {
					t.Errorf("given to %s as one of %d: %+v", row.AgentID, capacity, d)
				}
			}
			if want.shares != nil {
				equal(t, shares, want.shares)
			}
			if shares[0]+shares[1]+shares[2] != 6 || shares[0] > 2 {
				t.Errorf("shared out as %v", shares)
			}
		})
	}
}

// Whatever frees an agent's place has the line looked at, and whoever waits gets it.
func TestEveryFreedPlaceIsGivenToTheNext(t *testing.T) {
	t.Parallel()
	for name, free := range map[string]func(*desktest.World, chat.Principal, chat.ConversationID){
		"ended": func(w *desktest.World, a chat.Principal, id chat.ConversationID) {
			_, err := w.Desk.End(w.T.Context(), a, id, w.Reason, "")
			must(w.T, err)
		},
		"ended by the contact": func(w *desktest.World, _ chat.Principal, _ chat.ConversationID) {
			w.In(w.Text(w.Phone(1), "bye"+w.Phone(1), "//end"))
		},
		"pending": func(w *desktest.World, a chat.Principal, id chat.ConversationID) {
			_, err := w.Desk.Pend(w.T.Context(), a, id)
			must(w.T, err)
		},
		"returned": func(w *desktest.World, a chat.Principal, id chat.ConversationID) {
			_, err := w.Desk.Return(w.T.Context(), a, id)
			must(w.T, err)
		},
		"given to another": func(w *desktest.World, _ chat.Principal, id chat.ConversationID) {
			boss, b := w.Agent("boss", 0, chat.Online), w.Agent("can", 1, chat.Online)
			w.Exec(`UPDATE agents SET behavior = 'assigned_only' WHERE id = $1`, b.AgentID)
			boss.Role = chat.RoleManager
			_, err := w.Desk.Assign(w.T.Context(), boss, id, b.AgentID)
			must(w.T, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			a := w.Agent("deniz", 1, chat.Online)
			held := w.Talk(a, w.Phone(1))
			w.In(w.Text(w.Phone(2), "next"+w.Phone(2), "hello"))
			w.Route()
			if got := w.Open(w.Phone(2)).Status; got != chat.Waiting {
				t.Fatalf("the next is %s beside a full agent", got)
			}
			w.Wakes = nil
			free(w, a, held.ID)
			if !w.Rang(task.Route, w.Department) {
				t.Error("nobody looks at the line")
			}
			w.Route()
			if got := w.Open(w.Phone(2)); got.AgentID != a.AgentID {
				t.Errorf("the next is %s", got.Status)
			}
		})
	}
}

// On Instagram and Messenger a person may answer for a week after the window, with a tag; a program may not.
func TestAfterTheWindowAPersonMayAnswerForAWeekWithTheTag(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	c := desktest.Channel(nil)
	c.Window = window.Rule{Open: window.ServiceWindow, HumanAgent: window.HumanAgentWindow}
	w.Use(c, nil)
	a, phone := w.Agent("deniz", 5, chat.Online), w.Phone(1)
	row := w.Talk(a, phone)
	key := chat.Principal{APIKeyID: chat.NewID[chat.APIKeyID](), Role: chat.RoleAdmin}
	tags := func() (out []string) {
		for _, s := range w.Send(desktest.Sent) {
			out = append(out, s.Tag)
		}
		return out
	}
	w.Say(a, row.ID, "within the window")
	equal(t, tags(), []string{""})

	w.Store.Shift(25 * time.Hour)
	w.Say(a, row.ID, "a day later")
	_, err := w.Desk.Reply(t.Context(), key, row.ID, desktest.Text("a program, a day later"), nil)
	desktest.Code(t, err, chat.CodePersonOnly)
	equal(t, tags(), []string{window.TagHumanAgent})

	// What was written in the last moment of the week does not leave after it.
	w.Store.Shift(window.HumanAgentWindow - 2*time.Minute)
	late := w.Say(a, row.ID, "in the last moment")
	w.Store.Shift(window.HumanAgentWindow)
	equal(t, tags(), nil)
	if m := w.Message(late.ID); m.Status != chat.StatusFailed || m.Error.Code != chat.CodeExpiredWindow {
		t.Errorf("it is %s, %+v", m.Status, m.Error)
	}
	_, err = w.Desk.Reply(t.Context(), a, row.ID, desktest.Text("too late"), nil)
	desktest.Code(t, err, chat.CodeWindowClosed)
	w.In(w.Text(phone, "m2", "me again"))
	w.Say(a, row.ID, "within the new window")
	equal(t, tags(), []string{""})
}
