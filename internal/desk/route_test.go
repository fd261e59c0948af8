package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/postgres"
	"gatehouse/internal/routing"
)

// line has n contacts wait, in order, and returns their phones.
func line(w *desktest.World, from, n int) []string {
	w.T.Helper()
	var phones []string
	var events []chat.RawEvent
	for i := range n {
		phones = append(phones, w.Phone(from+i))
		events = append(events, w.Event(w.Text(phones[i], fmt.Sprint("line", from+i), "hello")))
	}
	w.Accept(events...)
	w.Drain()
	return phones
}

// I13, I14, F32: whatever the races, no automatic assignment goes above a capacity, and nobody is given to two.
func TestRacingRoutersNeverGoAboveACapacityWhileAgentsComeAndGo(t *testing.T) {
	t.Parallel()
	const people, agents, rounds = 120, 6, 25
	w := desktest.New(t)
	var team []chat.Principal
	for i := range agents {
		team = append(team, w.Agent(fmt.Sprint("agent", i), 1+i, chat.Online))
	}
	line(w, 0, people)
	errs := together(agents+4, func(i int) error {
		dice := rand.New(rand.NewPCG(7, uint64(i)))
		for range rounds {
			var err error
			switch {
			case i < 4:
				err = w.Desk.Route(t.Context(), w.Department)
			case dice.IntN(3) == 0:
				_, err = w.Store.Pool().Exec(t.Context(), `UPDATE agents SET capacity = $2 WHERE id = $1`, team[i-4].AgentID, dice.IntN(8))
			case dice.IntN(2) == 0:
				_, err = w.Store.Pool().Exec(t.Context(), `UPDATE agent_presence SET presence = $2 WHERE agent_id = $1`, team[i-4].AgentID, []chat.Presence{chat.Online, chat.OnBreak, chat.Offline}[dice.IntN(3)])
			default:
				_, err = w.Desk.Pull(t.Context(), team[i-4])
				if code := chat.CodeOf(err); code == chat.CodeNotOnline || code == chat.CodeNothingWaiting {
					err = nil
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, err := range errs {
		must(t, err)
	}
	for i := range agents { // everybody is back, with room
		w.Exec(`UPDATE agents SET capacity = $2 WHERE id = $1`, team[i].AgentID, 12)
		w.Exec(`UPDATE agent_presence SET presence = 'online' WHERE agent_id = $1`, team[i].AgentID)
	}
	w.Route()
	if held, room := w.Int(`SELECT count(*) FROM conversations WHERE status = 'assigned'`), w.Int(`SELECT coalesce(sum(greatest(12 - n, 0)), 0)::int FROM (
		SELECT count(c.id) AS n FROM agents a LEFT JOIN conversations c ON c.agent_id = a.id AND c.status = 'assigned' GROUP BY a.id) x`); room > 0 && held < people {
		t.Errorf("%d of %d wait beside %d free places", people-held, people, room)
	}
	w.MustHold()
}

func TestALineIsServedInItsOrder(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phones := line(w, 0, 6)
	w.Exec(`UPDATE conversations SET priority = 5 WHERE id = $1`, w.Open(phones[4]).ID)
	var order []string
	a := w.Agent("deniz", 1, chat.Online)
	for range phones {
		w.Route()
		for _, p := range phones {
			if row := w.Row(theirs(w, p)); row.AgentID == a.AgentID && row.Status == chat.Assigned {
				order = append(order, p)
				_, err := w.Desk.End(t.Context(), a, row.ID, w.Reason, "")
				must(t, err)
			}
		}
	}
	equal(t, order, []string{phones[4], phones[0], phones[1], phones[2], phones[3], phones[5]})
	if n := w.Int(`SELECT count(*) FROM assignments WHERE agent_id = $1 AND load_after <= capacity AND how = 'automatic' AND waiting_since IS NOT NULL`, a.AgentID); n != 6 {
		t.Errorf("%d assignments on record", n)
	}
}

// theirs is a contact's only conversation, open or ended.
func theirs(w *desktest.World, phone string) (id chat.ConversationID) {
	w.T.Helper()
	must(w.T, w.Store.Pool().QueryRow(w.T.Context(), `SELECT c.id FROM conversations c JOIN identities i ON i.id = c.identity_id WHERE i.value = $1 AND c.account_id = $2`,
		phone, w.Account).Scan(&id))
	return id
}

func TestALongLineIsServedToItsEnd(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, b := w.Agent("deniz", 100, chat.Online), w.Agent("can", 100, chat.Online)
	line(w, 0, 150)
	w.Route()
	one, two := w.Int(`SELECT count(*) FROM conversations WHERE agent_id = $1`, a.AgentID), w.Int(`SELECT count(*) FROM conversations WHERE agent_id = $1`, b.AgentID)
	if one+two != 150 || one < 70 || two < 70 {
		t.Errorf("shared out as %d and %d", one, two)
	}
}

func TestThoseWhomOneAgentReturnedDoNotHoldUpTheLine(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := w.Agent("deniz", 3, chat.Online)
	phones := line(w, 0, 71)
	w.Exec(`UPDATE conversations SET returned_by = $1 WHERE account_id = $2 AND id <> $3`, a.AgentID, w.Account, w.Open(phones[70]).ID)
	w.Route()
	if got := w.Open(phones[70]); got.AgentID != a.AgentID {
		t.Errorf("the 71st is %s although the agent may get nobody before", got.Status)
	}
}

func TestTheLastAgentGetsTheContactAgainAndTheDecisionSaysWhy(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a, b := w.Agent("deniz", 5, chat.Online), w.Agent("can", 5, chat.Online)
	away := w.Agent("away", 5, chat.OnBreak)
	phone := w.Phone(1)
	row := w.Talk(a, phone)
	w.Talk(a, w.Phone(2)) // deniz is the busier one
	_, err := w.Desk.End(t.Context(), a, row.ID, w.Reason, "")
	must(t, err)
	w.In(w.Text(phone, "m2", "me again"), w.Text(w.Phone(3), "m3", "somebody new"))
	w.Route()
	again, fresh := w.Open(phone), w.Open(w.Phone(3))
	if again.AgentID != a.AgentID || fresh.AgentID != b.AgentID {
		t.Fatalf("given to %s and %s", again.AgentID, fresh.AgentID)
	}
	explained := func(id chat.ConversationID) (d routing.Decision) {
		t.Helper()
		var raw []byte
		must(t, w.Store.Pool().QueryRow(t.Context(), `SELECT data->'decision' FROM conversation_events WHERE conversation_id = $1 AND kind = 'assigned'`, id).Scan(&raw))
		must(t, json.Unmarshal(raw, &d))
		return d
	}
	if d := explained(again.ID); d.Reason != routing.ReasonStickyLastAgent || d.Agent != routing.ID(a.AgentID) || d.CandidateCount != 2 {
		t.Errorf("%+v", d)
	}
	d := explained(fresh.ID)
	if d.Reason != routing.ReasonLeastBusy || d.Candidates[0] != routing.ID(b.AgentID) || len(d.Skipped) != 1 || d.Skipped[0].Agent != routing.ID(away.AgentID) || d.Skipped[0].Reason != routing.SkipOnBreak {
		t.Errorf("%+v", d)
	}
	w.Exec(`UPDATE departments SET sticky = false, policy = 'round_robin' WHERE id = $1`, w.Department)
	w.In(w.Text(phone, "end", "//end"))
	w.In(w.Text(phone, "m4", "once more"))
	w.Route()
	if got := explained(w.Open(phone).ID); got.Reason != routing.ReasonRoundRobin {
		t.Errorf("%+v", got)
	}
}

func TestNobodyIsGivenToWhoMayNotHaveThem(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]string{
		"offline":                 `UPDATE agent_presence SET presence = 'offline' WHERE agent_id = $1`,
		"on a break":              `UPDATE agent_presence SET presence = 'break' WHERE agent_id = $1`,
		"not seen for 46 seconds": `UPDATE agent_presence SET seen_at = now() - interval '46 seconds' WHERE agent_id = $1`,
		"never seen":              `UPDATE agent_presence SET seen_at = NULL WHERE agent_id = $1`,
		"without presence":        `DELETE FROM agent_presence WHERE agent_id = $1`,
		"disabled":                `UPDATE agents SET state = 'disabled' WHERE id = $1`,
		"for transfers only":      `UPDATE agents SET behavior = 'assigned_only' WHERE id = $1`,
		"of another department":   `DELETE FROM agent_departments WHERE agent_id = $1`,
		"without any capacity":    `UPDATE agents SET capacity = 0 WHERE id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			a := w.Agent("deniz", 5, chat.Online)
			w.Exec(spoil, a.AgentID)
			line(w, 0, 1)
			w.Route()
			if got := w.Open(w.Phone(0)).Status; got != chat.Waiting {
				t.Errorf("it is %s", got)
			}
		})
	}
}

func TestTheSweeperFindsLinesThatSomebodyCouldServe(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	due := func() bool {
		t.Helper()
		d, err := w.Desk.Due(t.Context(), 0)
		must(t, err)
		return has(d.Lines, w.Department)
	}
	line(w, 0, 2)
	if due() {
		t.Error("a line that nobody can serve is due")
	}
	a := w.Agent("deniz", 1, chat.Online)
	if !due() {
		t.Error("a line that somebody could serve is not due")
	}
	w.Route()
	if due() {
		t.Error("a line beside a full agent is due")
	}
	row := w.Row(theirs(w, w.Phone(0)))
	_, err := w.Desk.Return(t.Context(), a, row.ID)
	must(t, err)
	w.Route()
	_, err = w.Desk.End(t.Context(), a, theirs(w, w.Phone(1)), w.Reason, "")
	must(t, err)
	if due() {
		t.Error("a line is due for the one who gave it back")
	}
	w.Store.Shift(time.Hour)
	w.MustHold()
}

// meanwhile does something between a router's plan and its locks.
type meanwhile struct {
	*postgres.Store
	do   func(round int)
	read []bool // of each round: whether it read the line's agents
}

func (m *meanwhile) RouteLine(ctx context.Context, n chat.RouteNeeds, plan func(chat.RouteState) []chat.Pick, give func(chat.PickState) *chat.Write) error {
	m.read = append(m.read, n.Known.IsZero())
	if !n.Known.IsZero() { // it is good, however slow the machine is
		n.Known = n.Known.Add(time.Hour)
	}
	return m.Store.RouteLine(ctx, n, func(st chat.RouteState) []chat.Pick {
		picks := plan(st)
		m.do(len(m.read))
		return picks
	}, give)
}

func TestWhoCannotTakeMoreSinceThePlanIsGivenNothingAndNobodyIsOvertaken(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]string{
		"goes on a break":      `UPDATE agent_presence SET presence = 'break' WHERE agent_id = $1`,
		"goes away":            `UPDATE agent_presence SET seen_at = now() - interval '46 seconds' WHERE agent_id = $1`,
		"is disabled":          `UPDATE agents SET state = 'disabled' WHERE id = $1`,
		"leaves the team":      `DELETE FROM agent_departments WHERE agent_id = $1`,
		"is for transfers now": `UPDATE agents SET behavior = 'assigned_only' WHERE id = $1`,
		"has less room":        `UPDATE agents SET capacity = 1 WHERE id = $1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := desktest.New(t)
			a, b := w.Agent("deniz", 3, chat.Online), w.Agent("can", 4, chat.Online)
			phones := line(w, 0, 7)
			w.Use(desktest.Channel(nil), &meanwhile{Store: w.Store, do: func(round int) {
				if round == 1 {
					w.Exec(spoil, a.AgentID)
				}
			}})
			w.Route()
			var got []chat.AgentID
			for _, p := range phones {
				got = append(got, w.Open(p).AgentID)
			}
			most := 0
			if name == "has less room" {
				most = 1
			}
			held := func(agent chat.AgentID) (n int) {
				for _, g := range got {
					if g == agent {
						n++
					}
				}
				return n
			}
			if held(a.AgentID) != most || held(b.AgentID) != 4 {
				t.Errorf("%d and %d were given", held(a.AgentID), held(b.AgentID))
			}
			if slices.Contains(got[:4+most], chat.AgentID{}) {
				t.Error("somebody was overtaken")
			}
			w.MustHold()
		})
	}
}

func TestSomebodyTakenFromTheLineSinceThePlanIsNotGivenAgain(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	w.Agent("deniz", 5, chat.Online)
	phones := line(w, 0, 3)
	w.Use(desktest.Channel(nil), &meanwhile{Store: w.Store, do: func(round int) {
		if round == 1 {
			w.Exec(`UPDATE conversations SET status = 'closed', ended_at = now(), waiting_since = NULL WHERE id = $1`, w.Open(phones[1]).ID)
		}
	}})
	w.Route()
	if n := w.Int(`SELECT count(*) FROM conversations WHERE status = 'assigned'`); n != 2 {
		t.Errorf("%d were given", n)
	}
	w.MustHold()
}

func TestNobodyIsLeftWaitingByWhatWasReadOfTheAgentsEarlier(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	a, b := w.Agent("deniz", 100, chat.Online), w.Agent("can", 100, chat.OnBreak)
	line(w, 0, 150)
	m := &meanwhile{Store: w.Store}
	m.do = func(round int) {
		if round == 2 {
			w.Exec(`UPDATE agent_presence SET presence = 'online' WHERE agent_id = $1`, b.AgentID)
		}
	}
	w.Use(desktest.Channel(nil), m)
	w.Route()
	if !slices.Equal(m.read, []bool{true, false, true}) {
		t.Errorf("the agents were read in rounds %v", m.read)
	}
	one, two := w.Int(`SELECT count(*) FROM conversations WHERE agent_id = $1`, a.AgentID), w.Int(`SELECT count(*) FROM conversations WHERE agent_id = $1`, b.AgentID)
	if one != 100 || two != 50 {
		t.Errorf("shared out as %d and %d", one, two)
	}
	w.MustHold()
}

func TestALineOfManyAgentsIsNotReadForEachArrival(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	a := w.Agent("deniz", 2, chat.Online)
	b := w.Agent("can", 9, chat.OnBreak)
	w.Exec(`INSERT INTO agents (id, name, email, role) SELECT gen_random_uuid(), 'n' || i, 'n' || i || '@example.com', 'agent' FROM generate_series(1, 250) i`)
	w.Exec(`INSERT INTO agent_departments SELECT id, $1 FROM agents WHERE name LIKE 'n%'`, w.Department)
	m := &meanwhile{Store: w.Store, do: func(int) {}}
	w.Use(desktest.Channel(nil), m)
	arrive := func(n int, to chat.Principal, rounds ...bool) {
		t.Helper()
		m.read = nil
		line(w, n, 1)
		w.Route()
		if got := w.Open(w.Phone(n)); got.AgentID != to.AgentID || !slices.Equal(m.read, rounds) {
			t.Errorf("the %dth is %s and with %s, after reading %v", n, got.Status, got.AgentID, m.read)
		}
	}
	arrive(1, a, true)
	arrive(2, a, false)
	arrive(3, chat.Principal{}, true)                                                                                           // deniz is full, which the router knew, and so it kept nothing
	w.Exec(`UPDATE agent_presence SET presence = 'online', seen_at = now() + interval '1 hour' WHERE agent_id = $1`, b.AgentID) // can comes, and nobody rings
	arrive(4, b, true)
	if w.Open(w.Phone(3)).AgentID != b.AgentID {
		t.Error("who had waited was overtaken")
	}
	arrive(5, b, false)
	w.Exec(`UPDATE agent_presence SET presence = 'break' WHERE agent_id = $1`, b.AgentID)
	arrive(6, chat.Principal{}, false, true)
	w.MustHold()
}
