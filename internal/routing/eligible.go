package routing

import (
	"cmp"
	"slices"
)

// SkipReason is why an agent cannot get a conversation. The set is closed. Where several apply, the most lasting counts.
type SkipReason string

// The skip reasons, from the most lasting to the most passing.
const (
	SkipDisabled        SkipReason = "disabled"
	SkipOneself         SkipReason = "oneself"          // transfers only: it is the sender
	SkipOtherDepartment SkipReason = "other_department" // agents receive only from their departments
	SkipBehavior        SkipReason = "behavior"         // takes no work of this origin
	SkipExcluded        SkipReason = "excluded"         // named in Request.Exclude
	SkipOffline         SkipReason = "offline"
	SkipOnBreak         SkipReason = "on_break"
	SkipFull            SkipReason = "full" // load has reached capacity
)

// lastingFirst is the closed set in its order; nobody writes to it.
var lastingFirst = [...]SkipReason{
	SkipDisabled, SkipOneself, SkipOtherDepartment, SkipBehavior, SkipExcluded, SkipOffline, SkipOnBreak, SkipFull,
}

// SkipReasons returns the closed set, from the most lasting to the most passing.
func SkipReasons() []SkipReason { return slices.Clone(lastingFirst[:]) }

// Skip is an agent who could not get a conversation, and why.
type Skip struct {
	Agent  ID         `json:"agent"`
	Reason SkipReason `json:"reason"`
}

// CanReceive tells whether an agent may be given the request automatically, and if not, why. The committing transaction
// asks it again with the load that it counted under the agent's lock.
func CanReceive(a Agent, r Request) (why SkipReason, ok bool) {
	why = mayReceive(&a, &r)
	return why, why == ""
}

// Eligible splits a snapshot into those who may be given the request automatically and those who may not, each in the
// snapshot's order.
func Eligible(r Request, agents []Agent) ([]Agent, []Skip) {
	return split(agents, func(a *Agent) SkipReason { return mayReceive(a, &r) })
}

// Transfer is an agent's wish to hand over a conversation.
type Transfer struct {
	From       ID // the sender
	Department ID // to all of a department, of whom the first to accept gets it; zero = to a colleague picked by name
}

// CanReceiveTransfer tells whether an agent may be offered a transfer, and if not, why. It needs room, because the offer
// reserves a place. When an offer is accepted, ask again with that offer's own place left out of Load.
//
// A colleague picked by name must be willing to be picked (Behavior) but need not share a department with the sender; an
// offer to a department goes to all of its members alike.
func CanReceiveTransfer(a Agent, t Transfer) (why SkipReason, ok bool) {
	why = mayReceiveTransfer(&a, t)
	return why, why == ""
}

// Receivers splits a snapshot into those who may be offered the transfer and those who may not, each in the snapshot's
// order. A transfer that nobody may be offered is refused.
func Receivers(t Transfer, agents []Agent) ([]Agent, []Skip) {
	return split(agents, func(a *Agent) SkipReason { return mayReceiveTransfer(a, t) })
}

// CanTake tells whether an agent may take a conversation of a department by their own hand (pull, or "take it on me"),
// and if not, why. Neither capacity nor behavior limits a person's own choice.
func CanTake(a Agent, department ID) (why SkipReason, ok bool) {
	switch {
	case a.Disabled:
		why = SkipDisabled
	case !slices.Contains(a.Departments, department):
		why = SkipOtherDepartment
	default:
		why = away(&a)
	}
	return why, why == ""
}

func mayReceive(a *Agent, r *Request) SkipReason {
	switch {
	case a.Disabled:
		return SkipDisabled
	case !slices.Contains(a.Departments, r.Department):
		return SkipOtherDepartment
	case a.Behavior != Normal && a.Behavior != NormalAndAssigned:
		return SkipBehavior
	case slices.Contains(r.Exclude, a.ID):
		return SkipExcluded
	default:
		return awayOrFull(a)
	}
}

func mayReceiveTransfer(a *Agent, t Transfer) SkipReason {
	picked := t.Department.IsZero()
	switch {
	case a.Disabled:
		return SkipDisabled
	case a.ID == t.From:
		return SkipOneself
	case !picked && !slices.Contains(a.Departments, t.Department):
		return SkipOtherDepartment
	case picked && a.Behavior != AssignedOnly && a.Behavior != NormalAndAssigned:
		return SkipBehavior
	default:
		return awayOrFull(a)
	}
}

func awayOrFull(a *Agent) SkipReason {
	if why := away(a); why != "" {
		return why
	}
	if a.Load >= a.Capacity {
		return SkipFull
	}
	return ""
}

func away(a *Agent) SkipReason {
	switch a.Presence {
	case Online:
		return ""
	case OnBreak:
		return SkipOnBreak
	default:
		return SkipOffline
	}
}

func split(agents []Agent, why func(*Agent) SkipReason) (may []Agent, skipped []Skip) {
	for i := range agents {
		if reason := why(&agents[i]); reason != "" {
			skipped = append(skipped, Skip{Agent: agents[i].ID, Reason: reason})
		} else {
			may = append(may, agents[i])
		}
	}
	return may, skipped
}

// nearest orders the skipped for an explanation: the last agent, then the most passing reason, then by id.
type nearest struct{ last ID }

func (n nearest) compare(a, b Skip) int {
	if c := trueFirst(a.Agent == n.last, b.Agent == n.last); c != 0 {
		return c
	}
	if a.Reason != b.Reason {
		return cmp.Compare(slices.Index(lastingFirst[:], b.Reason), slices.Index(lastingFirst[:], a.Reason))
	}
	return compareIDs(a.Agent, b.Agent)
}

func trueFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}
