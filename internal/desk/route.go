package desk

import (
	"context"
	"slices"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/crash"
	"gatehouse/internal/routing"
)

type routeStore interface {
	// RouteLine locks a department's line, its agents and the conversations at its head, and writes what decide returns. When it
	// is run again after a race, so is decide, also if nobody waits any more.
	RouteLine(ctx context.Context, department chat.DepartmentID, limit int, decide func(chat.RouteState) *chat.Write) error
	// LinesWithRoom names departments in which somebody waits while an agent has room.
	LinesWithRoom(ctx context.Context) ([]chat.DepartmentID, error)
}

// routeBatch is how many conversations one routing transaction gives away. It looks at more, at most routeMost, when nobody may
// have those at the head of the line: an agent is not given back what they returned.
const (
	routeBatch = 64
	routeMost  = 16 * routeBatch
)

// Route gives the waiting conversations of a department to agents, oldest first, until nobody waits or nobody has room.
// The loads are recounted under the agents' locks, so an automatic assignment never goes above a capacity
// (RELIABILITY.md I13), and every assignment keeps its explanation.
func (d *Desk) Route(ctx context.Context, department chat.DepartmentID) error {
	limit := routeBatch
	for ctx.Err() == nil {
		var (
			l     ledger
			given int
			more  bool
		)
		err := d.store.RouteLine(ctx, department, limit, func(st chat.RouteState) *chat.Write {
			l = newLedger(chat.LaneState{Now: st.Now})
			given, more = route(&l, d.kinds, st)
			return l.finish()
		})
		if err != nil {
			return err
		}
		if given > 0 {
			crash.At(crash.AfterAssignCommit)
		}
		d.tell(ctx, &l)
		for _, e := range l.write.Events {
			if a, ok := e.Data.(chat.AssignedData); ok {
				d.metrics.Routed("assigned", time.Duration(a.WaitedMS)*time.Millisecond)
			}
		}
		switch {
		case !more:
			return nil
		case given > 0:
			limit = routeBatch
		case limit < routeMost:
			limit *= 4
		default:
			return nil
		}
	}
	return ctx.Err()
}

// route plans the assignments of a locked line and notes them in the ledger. more tells that the line goes on and that
// somebody still has room.
func route(l *ledger, kinds map[chat.ChannelKind]Channel, st chat.RouteState) (given int, more bool) {
	rows := make(map[routing.ID]chat.ConversationRow, len(st.Waiting))
	requests := make([]routing.Request, 0, len(st.Waiting))
	for _, w := range st.Waiting {
		rows[routing.ID(w.ID)] = w.ConversationRow
		r := routing.Request{
			Conversation: routing.ID(w.ID), Department: routing.ID(w.DepartmentID), Priority: w.Priority, WaitingSince: w.WaitingSince,
			ShutsAt: kinds[w.Kind].Window.View(st.Now, windowState(w.ConversationRow)).ShutsAt, LastAgent: routing.ID(w.LastAgent),
		}
		if !chat.IsZero(w.ReturnedBy) {
			r.Exclude = []routing.ID{routing.ID(w.ReturnedBy)}
		}
		requests = append(requests, r)
	}
	load := make(map[routing.ID]*chat.AgentLoad, len(st.Agents))
	agents := make([]routing.Agent, 0, len(st.Agents))
	for i := range st.Agents {
		a := &st.Agents[i]
		load[routing.ID(a.ID)] = a
		agents = append(agents, routingAgent(*a))
	}
	rule := routing.Rule{Policy: routing.Policy(st.Department.Policy), Sticky: st.Department.Sticky}
	plan, after := routing.Drain(rule, requests, agents, st.Now, uint64(st.Now.UnixNano()))
	for _, g := range plan {
		a := load[g.Decision.Agent]
		a.Load++
		row, event, err := rows[g.Request.Conversation].Assign(a.ID, st.Now, chat.AssignedData{
			How: chat.Automatic, Load: a.Load, Capacity: a.Capacity, Decision: g.Decision, Seen: st.Seen,
		})
		if err != nil {
			continue // it is waiting, since the line holds it; nothing else can refuse
		}
		c := &conv{ConversationRow: rows[g.Request.Conversation]}
		c.Conversation = row
		event.At = st.Now
		l.log(c, event)
	}
	anybody := routing.Request{Department: routing.ID(st.Department.ID)}
	room := slices.ContainsFunc(after, func(a routing.Agent) bool { _, ok := routing.CanReceive(a, anybody); return ok })
	return len(plan), room && st.More
}

func routingAgent(a chat.AgentLoad) routing.Agent {
	out := routing.Agent{
		ID: routing.ID(a.ID), Presence: routing.Presence(a.Presence), Behavior: routing.Behavior(a.Behavior), Languages: a.Languages,
		Capacity: a.Capacity, Load: a.Load, LastAssignedAt: a.LastAssignedAt, IdleSince: a.PresenceSince, Disabled: a.State != chat.AgentActive,
	}
	for _, t := range []time.Time{a.LastAssignedAt, a.FreedAt} {
		if t.After(out.IdleSince) {
			out.IdleSince = t
		}
	}
	for _, d := range a.Departments {
		out.Departments = append(out.Departments, routing.ID(d))
	}
	return out
}
