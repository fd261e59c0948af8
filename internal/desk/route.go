package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
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
	// snapshotFor is how long what a router read of a line's agents is good for. Whoever is given something is looked at again, locked,
	// and that somebody must wait is never said by an old snapshot: what may be missed is for a second that an agent has come who would
	// have been given it before others.
	snapshotFor = time.Second
	// keptFrom is how many agents a line must have for a snapshot to be kept from one Route to the next. To read fewer takes less than
	// the rest of a decision.
	keptFrom = 250
)

// Route gives the waiting conversations of a department to agents, oldest first, until nobody waits or nobody has room.
// The loads are recounted under the agents' locks, so an automatic assignment never goes above a capacity
// (RELIABILITY.md I13), and every assignment keeps its explanation.
func (d *Desk) Route(ctx context.Context, department chat.DepartmentID) error {
	limit := routeBatch
	known := d.snapshots.take(department)
	for ctx.Err() == nil {
		r := round{known: known}
		needs := chat.RouteNeeds{Department: department, Limit: limit, Known: known.readAt, Good: snapshotFor}
		if err := errors.Join(d.store.RouteLine(ctx, needs, r.plan, r.give), r.err); err != nil {
			return err
		}
		d.given(ctx, &r.ledger)
		known = snapshot{}
		switch {
		case r.overtaken:
		case r.left == 0 && !r.more:
			if r.room {
				d.snapshots.keep(department, r.after)
			}
			return nil
		case r.left == 0 && r.room:
			known = r.after
		case r.old: // nobody is left waiting before the agents were looked at again
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

// snapshot is what a router knows of a line's agents.
type snapshot struct {
	agents []routing.Agent
	readAt time.Time // zero = never
}

// snapshots are of the lines with many agents.
type snapshots struct {
	mu   sync.Mutex
	kept map[chat.DepartmentID]snapshot
}

// take hands out what is kept of a line, to one router.
func (s *snapshots) take(line chat.DepartmentID) snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.kept[line]
	delete(s.kept, line)
	return known
}

func (s *snapshots) keep(line chat.DepartmentID, known snapshot) {
	if len(known.agents) < keptFrom {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[line] = known
}

// round is one transaction of a router: a plan, and what came of it under the locks.
type round struct {
	known snapshot // of an earlier round, or none
	old   bool     // the plan was made by it
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
	if r.old = len(st.Agents) == 0 && !before.readAt.IsZero(); !r.old {
		before = snapshot{readAt: st.Now}
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
