package desk

import (
	"context"
	"errors"
	"slices"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
)

type presenceStore interface {
	// Beat notes a live socket of these agents, in one statement that no routing holds up. unsettled: somebody is back.
	Beat(ctx context.Context, agents []chat.AgentID) (unsettled bool, err error)
	// SettlePresence names agents whose presence is not what others were last told; each goes to one caller.
	SettlePresence(ctx context.Context) ([]chat.AgentID, error)
	// AwayTooLong names agents who are offline for longer than a department of what they hold allows.
	AwayTooLong(ctx context.Context) ([]chat.AgentID, error)
	// EndOverSessions ends sessions whose time is over and tells whose they were.
	EndOverSessions(ctx context.Context) ([]chat.AgentID, error)
}

// SetPresence is an agent's own word about being there. A break needs a reason of the list, if the list has any. Coming
// online drains the agent's lines; a break returns what the agent holds where the department says so.
func (d *Desk) SetPresence(ctx context.Context, p chat.Principal, presence chat.Presence, reason chat.BreakReasonID) error {
	if err := person(p); err != nil {
		return err
	}
	if err := among("presence", presence, chat.Online, chat.OnBreak, chat.Offline); err != nil {
		return err
	}
	if presence != chat.OnBreak && !chat.IsZero(reason) {
		return invalid("reason", "only a break has a reason")
	}
	return d.changeAgent(ctx, chat.HolderNeeds{Agent: p.AgentID, Held: presence == chat.OnBreak}, func(st chat.HolderState, l *ledger, w *chat.HolderWrite) error {
		if st.Agent.State != chat.AgentActive {
			return chat.Errorf(chat.CodeForbidden, "the agent is not active")
		}
		if presence == chat.OnBreak {
			if err := checkBreak(reason, st.BreakReasons); err != nil {
				return err
			}
		}
		for _, h := range st.Held {
			if h.Status == chat.Assigned && st.Departments[h.DepartmentID].ReturnOnBreak {
				giveBack(l, h, "break", p.AgentID)
			}
		}
		w.Presence = &chat.PresenceChange{Presence: presence, Reason: reason}
		return nil
	})
}

func checkBreak(reason chat.BreakReasonID, list []chat.BreakReason) error {
	list = slices.DeleteFunc(slices.Clone(list), func(r chat.BreakReason) bool { return r.Disabled })
	switch {
	case chat.IsZero(reason) && len(list) > 0:
		return chat.Errorf(chat.CodeReasonRequired, "a break needs a reason").With("field", "reason")
	case !chat.IsZero(reason) && !slices.ContainsFunc(list, func(r chat.BreakReason) bool { return r.ID == reason }):
		return invalid("reason", "no such reason")
	}
	return nil
}

// Beat notes that these agents have a live socket now. Call it for all agents of a node together, every 15 s or so, and for
// one when its socket opens.
func (d *Desk) Beat(ctx context.Context, agents []chat.AgentID) error {
	if len(agents) == 0 {
		return nil
	}
	unsettled, err := d.store.Beat(ctx, agents)
	if err != nil || !unsettled {
		return err
	}
	return d.settlePresence(ctx)
}

// SweepPresence does what nobody's deed does: it ends sessions whose time is over, tells whose presence time has changed,
// routes to those who are back, and returns the conversations of those who are away for too long. Any number of processes
// may sweep; each change is made once.
func (d *Desk) SweepPresence(ctx context.Context) error {
	over, err := d.store.EndOverSessions(ctx)
	if err != nil {
		return err
	}
	for _, a := range over {
		d.live.Publish(ctx, []chat.Notice{{Kind: chat.NoticeSession, Agent: a}})
	}
	if err := d.settlePresence(ctx); err != nil {
		return err
	}
	away, err := d.store.AwayTooLong(ctx)
	for _, a := range away {
		err = errors.Join(err, d.relieve(ctx, a))
	}
	return err
}

// settlePresence publishes presences that time has changed.
func (d *Desk) settlePresence(ctx context.Context) error {
	ids, err := d.store.SettlePresence(ctx)
	if err != nil || len(ids) == 0 {
		return err
	}
	agents, err := d.store.AgentsByID(ctx, ids)
	if err != nil {
		return err
	}
	notices := make([]chat.Notice, 0, len(agents))
	lines := map[chat.DepartmentID]bool{}
	for _, a := range agents {
		notices = append(notices, presenceNotice(a))
		if a.Presence == chat.Online {
			for _, x := range a.Departments {
				lines[x] = true
			}
		}
	}
	d.live.Publish(ctx, notices)
	for x := range lines {
		d.ring(ctx, task.Route, x)
	}
	return nil
}

// relieve returns to their lines the conversations of an agent who is offline for longer than their departments allow. What
// is pending stays until the contact writes.
func (d *Desk) relieve(ctx context.Context, agent chat.AgentID) error {
	return d.changeAgent(ctx, chat.HolderNeeds{Agent: agent, Held: true}, func(st chat.HolderState, l *ledger, _ *chat.HolderWrite) error {
		if st.Agent.Presence != chat.Offline {
			return nil
		}
		away := st.Clock.Sub(st.Agent.PresenceSince)
		for _, h := range st.Held {
			if after := st.Departments[h.DepartmentID].ReturnAfter; h.Status == chat.Assigned && after > 0 && away >= after {
				giveBack(l, h, "agent_offline", chat.AgentID{})
			}
		}
		return nil
	})
}
