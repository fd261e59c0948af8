package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/crash"
	"gatehouse/internal/routing"
)

type routeStore interface {
	// RouteLine locks a department's line and shows its head and its agents to plan, locks whom plan picks, counts their loads again
	// and writes what give returns. When it is run again after a race, so are both, also if nobody waits any more.
	RouteLine(ctx context.Context, n chat.RouteNeeds, plan func(chat.RouteState) []chat.Pick, give func(chat.PickState) *chat.Write) error
	// LinesWithRoom names departments in which somebody waits while an agent has room.
	LinesWithRoom(ctx context.Context) ([]chat.DepartmentID, error)
}

const (
	// routeBatch is how many conversations one routing transaction gives away. It looks at more, at most routeMost, when nobody may
	// have those at the head of the line: an agent is not given back what they returned.
	routeBatch = 64
	routeMost  = 16 * routeBatch
	// snapshotFor is how long a router goes on with what it read of a line's agents. A line may have ten thousand of them, and
	// whoever is given something is looked at again, locked; only that somebody must wait is never said by an old snapshot.
	snapshotFor = time.Second
)

// Route gives the waiting conversations of a department to agents, oldest first, until nobody waits or nobody has room.
// The loads are recounted under the agents' locks, so an automatic assignment never goes above a capacity
// (RELIABILITY.md I13), and every assignment keeps its explanation.
func (d *Desk) Route(ctx context.Context, department chat.DepartmentID) error {
	limit := routeBatch
	var known snapshot
	for ctx.Err() == nil {
		r := round{known: known}
		err := d.store.RouteLine(ctx, chat.RouteNeeds{Department: department, Limit: limit, Agents: known.agents == nil}, r.plan, r.give)
		if err = errors.Join(err, r.err); err != nil {
			return err
		}
		d.given(ctx, &r.ledger)
		old := known.agents != nil
		known = snapshot{}
		switch {
		case r.overtaken:
		case r.left == 0 && !r.more:
			return nil
		case r.left == 0 && r.room:
			known = r.after.until(r.state.Now)
		case old: // nobody is left waiting before the agents were looked at again
		case !r.room || !r.more:
			return nil
		case len(r.picked) > 0:
			limit = routeBatch
		case limit < routeMost:
			limit *= 4
		default:
			return nil
		}
	}
	return ctx.Err()
}

// given tells of assignments that are committed.
func (d *Desk) given(ctx context.Context, l *ledger) {
	if len(l.write.Events) > 0 {
		crash.At(crash.AfterAssignCommit)
	}
	d.tell(ctx, l)
	for _, e := range l.write.Events {
		if a, ok := e.Data.(chat.AssignedData); ok {
			d.metrics.Routed("assigned", time.Duration(a.WaitedMS)*time.Millisecond)
		}
	}
}

// snapshot is what a router knows of a line's agents; agents is nil when it knows nothing.
type snapshot struct {
	agents []routing.Agent
	readAt time.Time
}

// until is nothing when the snapshot is too old.
func (s snapshot) until(now time.Time) snapshot {
	if now.Sub(s.readAt) > snapshotFor {
		return snapshot{}
	}
	return s
}

// round is one transaction of a router: a plan, and what came of it under the locks.
type round struct {
	known snapshot // of an earlier round, or none
	seen  string
	ledger

	picked    []routing.Assignment
	after     snapshot // as the plan leaves the agents
	room      bool     // one of them could be given more
	left      int      // conversations that the plan has nobody for
	more      bool     // the line is longer than what was looked at
	overtaken bool     // somebody picked had changed when they were locked: the round ended before them
	err       error
}

// plan gives away what can be given of the head of a line.
func (r *round) plan(st chat.RouteState) []chat.Pick {
	*r = round{known: r.known, seen: st.Seen, more: st.More, ledger: newLedger(chat.LaneState{Now: st.Now})}
	before := r.known
	if before.agents == nil {
		before.readAt = st.Now
		departments := []routing.ID{routing.ID(st.Department.ID)}
		for _, a := range st.Agents {
			before.agents = append(before.agents, routingAgent(a, departments))
		}
	}
	requests := make([]routing.Request, 0, len(st.Waiting))
	for _, w := range st.Waiting {
		q := routing.Request{
			Conversation: routing.ID(w.ID), Department: routing.ID(st.Department.ID), Priority: w.Priority, WaitingSince: w.WaitingSince,
			LastAgent: routing.ID(w.LastAgent),
		}
		if !chat.IsZero(w.ReturnedBy) {
			q.Exclude = []routing.ID{routing.ID(w.ReturnedBy)}
		}
		requests = append(requests, q)
	}
	rule := routing.Rule{Policy: routing.Policy(st.Department.Policy), Sticky: st.Department.Sticky}
	r.after.readAt = before.readAt
	r.picked, r.after.agents = routing.Drain(rule, requests, before.agents, st.Now, uint64(st.Now.UnixNano()))
	r.left = len(requests) - len(r.picked)
	anybody := routing.Request{Department: routing.ID(st.Department.ID)}
	r.room = slices.ContainsFunc(r.after.agents, func(a routing.Agent) bool { _, ok := routing.CanReceive(a, anybody); return ok })
	picks := make([]chat.Pick, len(r.picked))
	for i, p := range r.picked {
		picks[i] = chat.Pick{Conversation: chat.ConversationID(p.Request.Conversation), Agent: chat.AgentID(p.Decision.Agent)}
	}
	return picks
}

// give makes the plan true as far as it still can be, in the line's order: when somebody may not be given any more, nobody behind
// them is either.
func (r *round) give(st chat.PickState) *chat.Write {
	r.state.Now = st.Now
	for _, p := range r.picked {
		row, waits := st.Rows[chat.ConversationID(p.Request.Conversation)]
		a := st.Agents[chat.AgentID(p.Decision.Agent)]
		if !waits || a == nil {
			r.overtaken = true
			break
		}
		if _, ok := routing.CanReceive(routingAgent(*a, []routing.ID{p.Request.Department}), p.Request); !ok {
			r.overtaken = true
			break
		}
		a.Load++
		c := &conv{ConversationRow: row}
		var event chat.Event
		var err error
		c.Conversation, event, err = row.Assign(a.ID, st.Now, chat.AssignedData{
			How: chat.Automatic, Load: a.Load, Capacity: a.Capacity, Decision: p.Decision, Seen: r.seen,
		})
		if err != nil {
			r.err = fmt.Errorf("desk: assigning conversation %s: %w", row.ID, err)
			return nil
		}
		event.At = st.Now
		r.log(c, event)
	}
	return r.finish()
}

func routingAgent(a chat.LineAgent, departments []routing.ID) routing.Agent {
	return routing.Agent{
		ID: routing.ID(a.ID), Presence: routing.Presence(a.Presence), Behavior: routing.Behavior(a.Behavior), Departments: departments,
		Capacity: a.Capacity, Load: a.Load, LastAssignedAt: a.LastAssignedAt, IdleSince: a.IdleSince,
	}
}
