// Package routing is the routing law: who gets a waiting conversation, why, and why not the others?
//
// A waiting conversation is a [Request], what the record knows of the people who could answer is a snapshot of [Agent]s,
// and a department's setting is a [Rule]. [Choose] answers with a [Decision] that carries its whole explanation: it is
// stored with the assignment and shown under "Why?". [Drain] does it for a line, which [Rule.Next] orders.
//
// A decision is only as good as its snapshot. Whoever commits it locks the department and the agent, counts the load again
// and asks [CanReceive] once more; this package refuses to lock, to count and to look at a clock. Everything is
// deterministic: the same values give the same answer, in whatever order the snapshot lists the agents.
//
// Start reading at [Choose], then eligible.go (who may), policy.go (who first) and line.go (whose turn).
package routing

import "time"

// Request is a conversation that waits in a department's line.
type Request struct {
	Conversation ID
	Department   ID
	Language     string    // the contact's, BCP 47; empty = unknown
	Priority     int       // higher goes first
	WaitingSince time.Time // kept when a conversation returns to the line, so that it returns to its place
	ShutsAt      time.Time // end of the service window; zero = the channel has none
	LastAgent    ID        // who last answered this contact; zero = nobody
	Exclude      []ID      // who must not get it, such as an agent who just gave it back
}

// Presence is whether an agent is there, as derived for the moment of the snapshot.
type Presence string

// The presences. Any other value counts as Offline.
const (
	Online  Presence = "online"
	OnBreak Presence = "break"
	Offline Presence = "offline"
)

// Behavior is where an agent's work may come from.
type Behavior string

// The behaviors. Any other value allows neither.
const (
	Normal            Behavior = "normal"              // automatic yes, picked for a transfer no
	AssignedOnly      Behavior = "assigned_only"       // automatic no, picked for a transfer yes
	NormalAndAssigned Behavior = "normal_and_assigned" // both
)

// Agent is one person in a snapshot.
type Agent struct {
	ID          ID
	Presence    Presence
	Behavior    Behavior
	Departments []ID
	Languages   []string // BCP 47
	Capacity    int      // most conversations given automatically
	Load        int      // conversations held now, plus places reserved by offers

	LastAssignedAt time.Time // zero = never
	IdleSince      time.Time // when the last conversation ended, or when they came online; counts while Load is 0
	Disabled       bool
}

// Policy is how a department chooses among those who may.
type Policy string

// The policies.
const (
	RoundRobin  Policy = "round_robin"  // least recently assigned
	LeastBusy   Policy = "least_busy"   // lowest load in proportion to capacity, then longest idle
	LongestIdle Policy = "longest_idle" // holding nothing for the longest time, then least recently assigned
	Random      Policy = "random"       // evenly, by the seed
)

// Policies returns the closed set.
func Policies() []Policy { return []Policy{RoundRobin, LeastBusy, LongestIdle, Random} }

// Rule is a department's routing setting.
type Rule struct {
	Policy         Policy // the empty and any unknown policy act, and are reported, as RoundRobin
	Sticky         bool   // the contact's last agent first, if they may
	PreferLanguage bool   // those who speak the contact's language before the others; nobody waits for it
	ExpiringFirst  bool   // within a priority, a window that shuts within ExpiringSoon before the others
}

// Outcome is what came of a request.
type Outcome string

// The outcomes.
const (
	Assigned Outcome = "assigned"
	Waiting  Outcome = "waiting"
)

// Reason is why. The set is closed: it is the API's field, the metric's label and the key of the sentence under "Why?".
type Reason string

// The reasons: of an assignment the policy that chose, of waiting what is missing.
const (
	ReasonStickyLastAgent Reason = "sticky_last_agent"
	ReasonRoundRobin      Reason = Reason(RoundRobin)
	ReasonLeastBusy       Reason = Reason(LeastBusy)
	ReasonLongestIdle     Reason = Reason(LongestIdle)
	ReasonRandom          Reason = Reason(Random)

	ReasonEveryoneFull   Reason = "everyone_full"   // whoever is online has no room
	ReasonNobodyOnline   Reason = "nobody_online"   // whoever could get it is away or on a break
	ReasonNobodyEligible Reason = "nobody_eligible" // the department's agents take no automatic work, or not this
	ReasonNoAgents       Reason = "no_agents"       // the department has no active agent
)

// Reasons returns the closed set, for metrics and for the test that every reason has a sentence in every language.
func Reasons() []Reason {
	return []Reason{
		ReasonStickyLastAgent, ReasonRoundRobin, ReasonLeastBusy, ReasonLongestIdle, ReasonRandom,
		ReasonEveryoneFull, ReasonNobodyOnline, ReasonNobodyEligible, ReasonNoAgents,
	}
}

// MaxListed is how many candidates, and how many of the skipped, a Decision names. The counts are always whole.
const MaxListed = 25

// Decision is what came of a request and why, in the form in which it is stored and shown.
type Decision struct {
	Outcome Outcome `json:"outcome"`
	Agent   ID      `json:"agent,omitzero"` // only when assigned
	Reason  Reason  `json:"reason"`
	// Language is the contact's language, when the agent was preferred because they speak it.
	Language string `json:"language,omitempty"`
	// Candidates are those who could have got it, the chosen first, then in the order of the rule.
	Candidates     []ID `json:"candidates,omitempty"`
	CandidateCount int  `json:"candidate_count"`
	// Skipped are those who could not: the contact's last agent first, then those nearest to being able, then by id. Agents
	// of other departments are counted, but not named unless they are the last agent.
	Skipped       []Skip             `json:"skipped,omitempty"`
	SkippedCounts map[SkipReason]int `json:"skipped_counts,omitempty"`
	DecidedAt     time.Time          `json:"decided_at"` // UTC
}

// Choose decides who of the snapshot gets the request at now, or why it waits. The seed matters to Random only.
func Choose(r Request, rule Rule, agents []Agent, now time.Time, seed uint64) Decision {
	d, _ := choose(r, rule, agents, now, seed)
	return d
}

// choose returns whom it chose as well, nil for nobody.
func choose(r Request, rule Rule, agents []Agent, now time.Time, seed uint64) (Decision, *Agent) {
	first := newRanking(rule, &r, seed)
	candidates := shortlist[*Agent]{limit: MaxListed, compare: first.compare}
	skipped := shortlist[Skip]{limit: MaxListed, compare: nearest{r.LastAgent}.compare}
	d := Decision{Outcome: Waiting, DecidedAt: now.UTC()}
	for i := range agents {
		a := &agents[i]
		why := mayReceive(a, &r)
		if why == "" {
			d.CandidateCount++
			candidates.add(a)
			continue
		}
		if d.SkippedCounts == nil {
			d.SkippedCounts = make(map[SkipReason]int)
		}
		d.SkippedCounts[why]++
		if why != SkipOtherDepartment || a.ID == r.LastAgent {
			skipped.add(Skip{Agent: a.ID, Reason: why})
		}
	}
	d.Skipped = skipped.items
	for _, a := range candidates.items {
		d.Candidates = append(d.Candidates, a.ID)
	}
	if d.CandidateCount == 0 {
		d.Reason = whyWaiting(d.SkippedCounts)
		return d, nil
	}
	chosen := candidates.items[0]
	d.Outcome, d.Agent, d.Reason = Assigned, chosen.ID, first.reason(chosen)
	if d.Reason != ReasonStickyLastAgent && first.speaks(chosen) {
		d.Language = r.Language
	}
	return d, chosen
}

// whyWaiting names what the request is nearest to getting: room, then presence, then permission.
func whyWaiting(skipped map[SkipReason]int) Reason {
	switch {
	case skipped[SkipFull] > 0:
		return ReasonEveryoneFull
	case skipped[SkipOffline]+skipped[SkipOnBreak] > 0:
		return ReasonNobodyOnline
	case skipped[SkipBehavior]+skipped[SkipExcluded] > 0:
		return ReasonNobodyEligible
	default:
		return ReasonNoAgents
	}
}
