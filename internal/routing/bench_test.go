package routing_test

import (
	"encoding/json"
	"testing"
	"time"

	"gatehouse/internal/routing"
)

// crowd is a department of n agents in every state, some 40 % of whom may be given work.
func crowd(n int) []routing.Agent {
	agents := make([]routing.Agent, n)
	for i := range agents {
		agents[i] = routing.Agent{
			ID: id(i + 1), Presence: routing.Online, Behavior: routing.Normal,
			Departments: []routing.ID{sales, support}, Languages: []string{"tr-TR", "en"},
			Capacity: 15, Load: i % 15, LastAssignedAt: noon.Add(-time.Duration(i*7919%n) * time.Second),
		}
		switch i % 10 {
		case 0, 1:
			agents[i].Presence = routing.Offline
		case 2:
			agents[i].Presence = routing.OnBreak
		case 3:
			agents[i].Load = agents[i].Capacity
		case 4:
			agents[i].Behavior = routing.AssignedOnly
		case 5:
			agents[i].Departments = []routing.ID{sales}
		}
	}
	return agents
}

func BenchmarkChooseAmong10000Agents(b *testing.B) {
	agents := crowd(10_000)
	r := routing.Request{Conversation: id(1), Department: support, Language: "tr", LastAgent: id(1)}
	for _, p := range routing.Policies() {
		b.Run(string(p), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				routing.Choose(r, routing.Rule{Policy: p, Sticky: true, PreferLanguage: true}, agents, noon, 1)
			}
		})
	}
}

func BenchmarkDrain1000Of100000WaitingAmong1000Agents(b *testing.B) {
	agents := crowd(1000)
	for i := range agents {
		agents[i].Load = max(agents[i].Load, 13)
	}
	waiting := make([]routing.Request, 100_000)
	for i := range waiting {
		waiting[i] = routing.Request{Conversation: id(i + 1), Department: support, WaitingSince: noon.Add(time.Duration(i*7919%100_000) * time.Second)}
	}
	b.ReportAllocs()
	for b.Loop() {
		routing.Drain(routing.Rule{Policy: routing.LeastBusy}, waiting, agents, noon, 1)
	}
}

func TestChoosingAmong10000AgentsAllocatesLittleAndExplainsBriefly(t *testing.T) {
	agents := crowd(10_000)
	r := routing.Request{Conversation: id(1), Department: support}
	rule := routing.Rule{Policy: routing.LeastBusy, Sticky: true}
	var d routing.Decision
	if allocs := testing.AllocsPerRun(10, func() { d = routing.Choose(r, rule, agents, noon, 1) }); allocs > 40 {
		t.Errorf("%v allocations", allocs)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 4096 {
		t.Errorf("the explanation takes %d bytes", len(text))
	}
	total := d.CandidateCount
	for _, n := range d.SkippedCounts {
		total += n
	}
	if total != len(agents) || len(d.Candidates) != routing.MaxListed || len(d.Skipped) != routing.MaxListed {
		t.Errorf("%d agents explained, %d candidates and %d skipped named", total, len(d.Candidates), len(d.Skipped))
	}
}
