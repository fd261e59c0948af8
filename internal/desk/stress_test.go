package desk_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/desk/desktest"

	"github.com/jackc/pgx/v5"
)

// Everything at once on a few conversations: drainers of two accounts, routers, senders, and agents who do everything that
// agents can. Locks are taken in one order, so nobody deadlocks, and whatever happens the promises hold.
func TestEverythingAtOnceTakesItsLocksInOneOrder(t *testing.T) {
	t.Parallel()
	const people, rounds = 12, 30
	w := desktest.New(t)
	second := w.Wing()
	url := w.Store.Pool().Config().ConnString()
	var team []chat.Principal
	for i := range 4 {
		a := w.Agent(fmt.Sprint("agent", i), 4, chat.Online)
		w.Exec(`INSERT INTO agent_departments (agent_id, department_id) VALUES ($1, $2)`, a.AgentID, second.Department)
		a.Departments = append(a.Departments, second.Department)
		team = append(team, a)
	}
	var all sync.WaitGroup
	work := func(f func(dice *rand.Rand) error) {
		seed := rand.Uint64()
		all.Go(func() {
			dice := rand.New(rand.NewPCG(seed, 1))
			for range rounds {
				if err := f(dice); err != nil && chat.CodeOf(err) == chat.CodeInternal {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
			}
		})
	}
	ctx := t.Context()
	for _, here := range []*desktest.World{w, second} {
		tell := func(dice *rand.Rand) error {
			var ins []chat.Inbound
			for range 1 + dice.IntN(5) {
				phone, id := w.Phone(dice.IntN(people)), chat.NewID[chat.MessageID]().String()
				in := here.Text(phone, id, "hello")
				switch dice.IntN(12) {
				case 0:
					in.Message.Text = "//end"
				case 1:
					in = react(here, phone, "out."+id, "👍")
				case 2:
					in = upTo(here, phone, "", clock(w))
				}
				ins = append(ins, in)
			}
			if err := here.Store.InsertEvents(ctx, []chat.RawEvent{here.Event(ins...)}); err != nil {
				return err
			}
			if err := here.Desk.Drain(ctx, here.Account); !errors.Is(err, chat.ErrLaneBusy) {
				return err
			}
			return nil
		}
		work(tell)
		work(tell)
		work(func(*rand.Rand) error { return here.Desk.Route(ctx, here.Department) })
		work(func(*rand.Rand) error {
			sends, _, err := here.Desk.Claim(ctx, here.Account, 64)
			if err != nil {
				return err
			}
			var outcomes []chat.Outcome
			for _, s := range sends {
				outcomes = append(outcomes, desk.OutcomeOf(s, chat.Receipt{ExternalID: "out." + s.Message.ID.String()}, nil))
			}
			_, err = here.Desk.Settle(ctx, here.Account, outcomes)
			return err
		})
	}
	for _, a := range team {
		work(func(dice *rand.Rand) error { return anything(ctx, w, a, dice) })
	}
	all.Wait()
	w.Exec(`UPDATE inbound_pending SET due_at = NULL`) // an event that lost every race waits a second for its next try
	for _, here := range []*desktest.World{w, second} {
		here.Drain()
		here.Route()
	}
	w.MustHold()
	w.Store.Close() // the server counts deadlocks when a connection ends
	conn, err := pgx.Connect(ctx, url)
	must(t, err)
	defer conn.Close(context.Background())
	var deadlocks int
	must(t, conn.QueryRow(ctx, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&deadlocks))
	if deadlocks > 0 {
		t.Errorf("%d deadlocks", deadlocks)
	}
}

// anything is one deed of an agent, on a conversation of theirs or any other. Refusals are no errors here.
func anything(ctx context.Context, w *desktest.World, a chat.Principal, dice *rand.Rand) error {
	rows, err := w.Store.ListConversations(ctx, chat.ListQuery{Principal: a, View: chat.ViewAll, Limit: 40}, time.Time{}, time.Time{})
	if err != nil || len(rows) == 0 {
		return err
	}
	row := rows[dice.IntN(len(rows))]
	for _, r := range rows { // mostly what one holds
		if r.AgentID == a.AgentID && r.Status != chat.Closed && dice.IntN(3) > 0 {
			row = r
			break
		}
	}
	switch dice.IntN(9) {
	case 0:
		_, err = w.Desk.Pull(ctx, a)
	case 1:
		_, err = w.Desk.Take(ctx, a, row.ID)
	case 2:
		_, err = w.Desk.Return(ctx, a, row.ID)
	case 3:
		_, err = w.Desk.Pend(ctx, a, row.ID)
	case 4:
		_, err = w.Desk.Unpend(ctx, a, row.ID)
	case 5:
		_, err = w.Desk.End(ctx, a, row.ID, w.Reason, "")
	case 6:
		_, err = w.Desk.Reopen(ctx, a, row.ID)
	case 7:
		_, err = w.Desk.MarkRead(ctx, a, row.ID, row.LastSeq)
	default:
		_, err = w.Desk.Reply(ctx, a, row.ID, desktest.Text("an answer"), nil)
	}
	return err
}
