package routing_test

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"gatehouse/internal/routing"
)

// A conversation waits for support. Merve has proportionally the least to do, so she gets it; the decision says why, and
// why not the others.
func ExampleChoose() {
	merve, burak, deniz, support := routing.ID{15: 1}, routing.ID{15: 2}, routing.ID{15: 3}, routing.ID{15: 9}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	agents := []routing.Agent{
		{ID: merve, Presence: routing.Online, Behavior: routing.Normal, Departments: []routing.ID{support}, Capacity: 15, Load: 4},
		{ID: burak, Presence: routing.Online, Behavior: routing.Normal, Departments: []routing.ID{support}, Capacity: 5, Load: 2},
		{ID: deniz, Presence: routing.OnBreak, Behavior: routing.Normal, Departments: []routing.ID{support}, Capacity: 15},
	}
	request := routing.Request{Conversation: routing.ID{15: 77}, Department: support, WaitingSince: now.Add(-time.Minute), LastAgent: deniz}

	decision := routing.Choose(request, routing.Rule{Policy: routing.LeastBusy, Sticky: true}, agents, now, 1)

	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", " ")
	if err := out.Encode(decision); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {
	//  "outcome": "assigned",
	//  "agent": "00000000-0000-0000-0000-000000000001",
	//  "reason": "least_busy",
	//  "candidates": [
	//   "00000000-0000-0000-0000-000000000001",
	//   "00000000-0000-0000-0000-000000000002"
	//  ],
	//  "candidate_count": 2,
	//  "skipped": [
	//   {
	//    "agent": "00000000-0000-0000-0000-000000000003",
	//    "reason": "on_break"
	//   }
	//  ],
	//  "skipped_counts": {
	//   "on_break": 1
	//  },
	//  "decided_at": "2026-11-21T12:00:00Z"
	// }
}

// Inside the committing transaction, under the agent's lock and with the load counted again.
func ExampleCanReceive() {
	support := routing.ID{15: 9}
	agent := routing.Agent{
		ID: routing.ID{15: 1}, Presence: routing.Online, Behavior: routing.Normal,
		Departments: []routing.ID{support}, Capacity: 2,
	}
	for agent.Load = range 3 {
		why, ok := routing.CanReceive(agent, routing.Request{Department: support})
		fmt.Printf("%d: %v %q\n", agent.Load, ok, why)
	}
	// Output:
	// 0: true ""
	// 1: true ""
	// 2: false "full"
}

// The transfer dialog: whom a colleague may pick, and why not the others.
func ExampleReceivers() {
	burak := routing.ID{15: 2}
	agents := []routing.Agent{
		{ID: routing.ID{15: 1}, Presence: routing.Online, Behavior: routing.NormalAndAssigned, Capacity: 15},
		{ID: burak, Presence: routing.Online, Behavior: routing.NormalAndAssigned, Capacity: 15},
		{ID: routing.ID{15: 3}, Presence: routing.Online, Behavior: routing.Normal, Capacity: 15},
		{ID: routing.ID{15: 4}, Presence: routing.Online, Behavior: routing.AssignedOnly, Capacity: 15, Load: 15},
	}
	receivers, skipped := routing.Receivers(routing.Transfer{From: burak}, agents)
	for _, a := range receivers {
		fmt.Println(a.ID, "may be offered it")
	}
	for _, s := range skipped {
		fmt.Println(s.Agent, s.Reason)
	}
	// Output:
	// 00000000-0000-0000-0000-000000000001 may be offered it
	// 00000000-0000-0000-0000-000000000002 oneself
	// 00000000-0000-0000-0000-000000000003 behavior
	// 00000000-0000-0000-0000-000000000004 full
}

// A line in the order in which it is served: priority, then a window about to shut, then first come.
func ExampleRule_Sort() {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	line := []routing.Request{
		{Conversation: routing.ID{15: 1}, WaitingSince: now.Add(-9 * time.Minute)},
		{Conversation: routing.ID{15: 2}, WaitingSince: now.Add(-5 * time.Minute), ShutsAt: now.Add(time.Hour)},
		{Conversation: routing.ID{15: 3}, WaitingSince: now.Add(-1 * time.Minute), Priority: 1},
	}
	routing.Rule{ExpiringFirst: true}.Sort(line, now)
	for _, r := range line {
		fmt.Println(r.Conversation)
	}
	// Output:
	// 00000000-0000-0000-0000-000000000003
	// 00000000-0000-0000-0000-000000000002
	// 00000000-0000-0000-0000-000000000001
}

// What would happen if Burak came online now? A dry run changes nothing.
func ExampleDrain() {
	support := routing.ID{15: 9}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	waiting := []routing.Request{
		{Conversation: routing.ID{15: 71}, Department: support, WaitingSince: now.Add(-2 * time.Minute)},
		{Conversation: routing.ID{15: 70}, Department: support, WaitingSince: now.Add(-5 * time.Minute)},
	}
	burak := routing.Agent{
		ID: routing.ID{15: 2}, Presence: routing.Online, Behavior: routing.Normal,
		Departments: []routing.ID{support}, Capacity: 15, Load: 14,
	}
	given, after := routing.Drain(routing.Rule{Policy: routing.RoundRobin}, waiting, []routing.Agent{burak}, now, 1)
	for _, g := range given {
		fmt.Println(g.Request.Conversation, g.Decision.Reason)
	}
	fmt.Println(after[0].Load, burak.Load)
	// Output:
	// 00000000-0000-0000-0000-000000000046 round_robin
	// 15 14
}
