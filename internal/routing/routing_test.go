package routing_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/internal/routing"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// id makes the nth id; ids sort by n.
func id(n int) (made routing.ID) {
	binary.BigEndian.PutUint64(made[8:], uint64(n))
	return made
}

var (
	merve, burak, deniz = id(1), id(2), id(3)
	sales, support      = id(901), id(902)
	thread              = id(77)
)

// online is an agent of support with room for five.
func online(who routing.ID, change ...func(*routing.Agent)) routing.Agent {
	a := routing.Agent{
		ID: who, Presence: routing.Online, Behavior: routing.Normal,
		Departments: []routing.ID{support}, Capacity: 5,
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

func presence(p routing.Presence) func(*routing.Agent) {
	return func(a *routing.Agent) { a.Presence = p }
}

func behavior(b routing.Behavior) func(*routing.Agent) {
	return func(a *routing.Agent) { a.Behavior = b }
}

func load(n, of int) func(*routing.Agent) {
	return func(a *routing.Agent) { a.Load, a.Capacity = n, of }
}

func in(departments ...routing.ID) func(*routing.Agent) {
	return func(a *routing.Agent) { a.Departments = departments }
}

func speaking(languages ...string) func(*routing.Agent) {
	return func(a *routing.Agent) { a.Languages = languages }
}

func idle(minutes int) func(*routing.Agent) {
	return func(a *routing.Agent) { a.IdleSince = noon.Add(-time.Duration(minutes) * time.Minute) }
}

func assigned(minutesAgo int) func(*routing.Agent) {
	return func(a *routing.Agent) { a.LastAssignedAt = noon.Add(-time.Duration(minutesAgo) * time.Minute) }
}

func disabled(a *routing.Agent) { a.Disabled = true }

var inSupport = routing.Request{Conversation: thread, Department: support, WaitingSince: noon.Add(-time.Minute)}

func TestThePolicyChoosesAmongThoseWhoMay(t *testing.T) {
	t.Parallel()
	after := func(r routing.Request, last routing.ID) routing.Request { r.LastAgent = last; return r }
	speaks := func(r routing.Request, language string) routing.Request { r.Language = language; return r }
	for _, c := range []struct {
		name    string
		rule    routing.Rule
		request routing.Request
		agents  []routing.Agent
		want    routing.ID
		reason  routing.Reason
	}{
		{
			"round robin: the least recently assigned",
			routing.Rule{Policy: routing.RoundRobin},
			inSupport,
			[]routing.Agent{online(merve, assigned(1)), online(burak, assigned(9)), online(deniz, assigned(5))},
			burak, "round_robin",
		},
		{
			"round robin: never assigned comes before long ago",
			routing.Rule{Policy: routing.RoundRobin},
			inSupport,
			[]routing.Agent{online(merve, assigned(1e6)), online(burak)},
			burak, "round_robin",
		},
		{
			"round robin: by id at the same moment, whatever the load",
			routing.Rule{Policy: routing.RoundRobin},
			inSupport,
			[]routing.Agent{online(burak, assigned(3)), online(merve, assigned(3), load(4, 5))},
			merve, "round_robin",
		},
		{
			"no policy is round robin",
			routing.Rule{},
			inSupport,
			[]routing.Agent{online(merve, assigned(1)), online(burak, assigned(9), load(4, 5))},
			burak, "round_robin",
		},
		{
			"an unknown policy is round robin, and says so",
			routing.Rule{Policy: "astrology"},
			inSupport,
			[]routing.Agent{online(merve, assigned(1)), online(burak, assigned(9), load(4, 5))},
			burak, "round_robin",
		},
		{
			"least busy: in proportion to capacity, not by count",
			routing.Rule{Policy: routing.LeastBusy},
			inSupport,
			[]routing.Agent{online(merve, load(2, 4)), online(burak, load(4, 10))},
			burak, "least_busy",
		},
		{
			"least busy: equal proportions go to the longest idle",
			routing.Rule{Policy: routing.LeastBusy},
			inSupport,
			[]routing.Agent{online(merve, idle(3)), online(burak, idle(8), load(0, 40))},
			burak, "least_busy",
		},
		{
			"least busy: equal proportions of the busy go to the least recently assigned",
			routing.Rule{Policy: routing.LeastBusy},
			inSupport,
			[]routing.Agent{online(merve, load(1, 4), assigned(3)), online(burak, load(2, 8), assigned(4))},
			burak, "least_busy",
		},
		{
			"least busy: by id at last",
			routing.Rule{Policy: routing.LeastBusy},
			inSupport,
			[]routing.Agent{online(deniz), online(burak), online(merve)},
			merve, "least_busy",
		},
		{
			"longest idle: since the earliest",
			routing.Rule{Policy: routing.LongestIdle},
			inSupport,
			[]routing.Agent{online(merve, idle(3)), online(burak, idle(8)), online(deniz, idle(5))},
			burak, "longest_idle",
		},
		{
			"longest idle: idle comes before busy, however long ago they were given something",
			routing.Rule{Policy: routing.LongestIdle},
			inSupport,
			[]routing.Agent{online(merve, load(1, 5), idle(900), assigned(900)), online(burak, idle(1), assigned(1))},
			burak, "longest_idle",
		},
		{
			"longest idle: idle for as long, the least recently assigned",
			routing.Rule{Policy: routing.LongestIdle},
			inSupport,
			[]routing.Agent{online(merve, idle(3), assigned(4)), online(burak, idle(3), assigned(5))},
			burak, "longest_idle",
		},
		{
			"longest idle: among the busy, the least recently assigned; idle times are stale",
			routing.Rule{Policy: routing.LongestIdle},
			inSupport,
			[]routing.Agent{online(merve, load(1, 5), idle(900), assigned(2)), online(burak, load(3, 5), idle(5), assigned(7))},
			burak, "longest_idle",
		},
		{
			"sticky: the last agent, though the busiest",
			routing.Rule{Policy: routing.LeastBusy, Sticky: true},
			after(inSupport, burak),
			[]routing.Agent{online(merve), online(burak, load(4, 5))},
			burak, "sticky_last_agent",
		},
		{
			"sticky: falls back when the last agent is full",
			routing.Rule{Policy: routing.LeastBusy, Sticky: true},
			after(inSupport, burak),
			[]routing.Agent{online(merve), online(burak, load(5, 5))},
			merve, "least_busy",
		},
		{
			"sticky: falls back when the last agent is gone",
			routing.Rule{Policy: routing.RoundRobin, Sticky: true},
			after(inSupport, deniz),
			[]routing.Agent{online(merve)},
			merve, "round_robin",
		},
		{
			"sticky: nobody answered before",
			routing.Rule{Policy: routing.RoundRobin, Sticky: true},
			inSupport,
			[]routing.Agent{online(merve)},
			merve, "round_robin",
		},
		{
			"not sticky: the last agent is one of many",
			routing.Rule{Policy: routing.LeastBusy},
			after(inSupport, burak),
			[]routing.Agent{online(merve), online(burak, load(4, 5))},
			merve, "least_busy",
		},
		{
			"language: those who speak it first",
			routing.Rule{Policy: routing.LeastBusy, PreferLanguage: true},
			speaks(inSupport, "tr"),
			[]routing.Agent{online(merve, speaking("en")), online(burak, speaking("de", "TR_tr"), load(4, 5))},
			burak, "least_busy",
		},
		{
			"language: a region is no other language",
			routing.Rule{Policy: routing.LeastBusy, PreferLanguage: true},
			speaks(inSupport, "pt-BR"),
			[]routing.Agent{online(merve), online(burak, speaking("pt"), load(4, 5))},
			burak, "least_busy",
		},
		{
			"language: a longer tag is another language",
			routing.Rule{Policy: routing.LeastBusy, PreferLanguage: true},
			speaks(inSupport, "fi"),
			[]routing.Agent{online(merve), online(burak, speaking("fil"), load(4, 5))},
			merve, "least_busy",
		},
		{
			"language: nobody speaks it, so anybody",
			routing.Rule{Policy: routing.LeastBusy, PreferLanguage: true},
			speaks(inSupport, "ar"),
			[]routing.Agent{online(merve, speaking("en"), load(1, 5)), online(burak, speaking("tr"))},
			burak, "least_busy",
		},
		{
			"language: not preferred unless set",
			routing.Rule{Policy: routing.LeastBusy},
			speaks(inSupport, "tr"),
			[]routing.Agent{online(merve), online(burak, speaking("tr"), load(4, 5))},
			merve, "least_busy",
		},
		{
			"the last agent comes before the language",
			routing.Rule{Policy: routing.LeastBusy, Sticky: true, PreferLanguage: true},
			after(speaks(inSupport, "tr"), merve),
			[]routing.Agent{online(merve), online(burak, speaking("tr"))},
			merve, "sticky_last_agent",
		},
		{
			"the last agent who speaks the language was chosen as the last agent",
			routing.Rule{Sticky: true, PreferLanguage: true},
			after(speaks(inSupport, "tr"), burak),
			[]routing.Agent{online(merve), online(burak, speaking("tr"))},
			burak, "sticky_last_agent",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := routing.Choose(c.request, c.rule, c.agents, noon, 1)
			if d.Outcome != routing.Assigned || d.Agent != c.want || d.Reason != c.reason {
				t.Fatalf("%s to %s by %s, want %s by %s", d.Outcome, d.Agent, d.Reason, c.want, c.reason)
			}
			if d.Language != "" && d.Reason == routing.ReasonStickyLastAgent {
				t.Fatalf("chosen as the last agent, and for speaking %s", d.Language)
			}
			slices.Reverse(c.agents)
			if again := routing.Choose(c.request, c.rule, c.agents, noon, 1); again.Agent != d.Agent {
				t.Fatalf("the snapshot's order decided: %s, then %s", d.Agent, again.Agent)
			}
		})
	}
}

func TestWaitingNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	excluding := inSupport
	excluding.Exclude = []routing.ID{merve}
	for _, c := range []struct {
		name    string
		request routing.Request
		agents  []routing.Agent
		want    routing.Reason
	}{
		{"an empty snapshot", inSupport, nil, "no_agents"},
		{"agents of other departments only", inSupport, []routing.Agent{online(merve, in(sales))}, "no_agents"},
		{"disabled agents only", inSupport, []routing.Agent{online(merve, disabled)}, "no_agents"},
		{"agents who take no automatic work", inSupport, []routing.Agent{online(merve, behavior(routing.AssignedOnly))}, "nobody_eligible"},
		{"the only one is excluded", excluding, []routing.Agent{online(merve)}, "nobody_eligible"},
		{"all offline", inSupport, []routing.Agent{online(merve, presence(routing.Offline))}, "nobody_online"},
		{"all on a break", inSupport, []routing.Agent{online(merve, presence(routing.OnBreak)), online(burak, behavior(routing.AssignedOnly))}, "nobody_online"},
		{"one full, the rest away", inSupport, []routing.Agent{online(merve, load(5, 5)), online(burak, presence(routing.Offline))}, "everyone_full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := routing.Choose(c.request, routing.Rule{Policy: routing.LeastBusy}, c.agents, noon, 1)
			if d.Outcome != routing.Waiting || d.Reason != c.want || !d.Agent.IsZero() || len(d.Candidates) != 0 {
				t.Fatalf("%+v, want %s", d, c.want)
			}
		})
	}
}

func TestADecisionMarshalsToItsExplanation(t *testing.T) {
	t.Parallel()
	r := inSupport
	r.LastAgent, r.Language = merve, "tr"
	istanbul := time.FixedZone("TRT", 3*3600)
	agents := []routing.Agent{
		online(id(8), in(sales)), online(id(7), disabled), online(id(6), presence(routing.Offline)), online(id(5), presence(routing.OnBreak)),
		online(id(4), load(5, 5)), online(deniz, load(1, 5)), online(burak, speaking("tr"), load(3, 5)), online(merve, in(sales)),
	}
	for _, c := range []struct {
		name   string
		rule   routing.Rule
		agents []routing.Agent
		want   string
	}{
		{"assigned", routing.Rule{Policy: routing.LeastBusy, Sticky: true, PreferLanguage: true}, agents, `{` +
			`"outcome":"assigned","agent":"00000000-0000-0000-0000-000000000002","reason":"least_busy","language":"tr",` +
			`"candidates":["00000000-0000-0000-0000-000000000002","00000000-0000-0000-0000-000000000003"],"candidate_count":2,` +
			`"skipped":[{"agent":"00000000-0000-0000-0000-000000000001","reason":"other_department"},` +
			`{"agent":"00000000-0000-0000-0000-000000000004","reason":"full"},` +
			`{"agent":"00000000-0000-0000-0000-000000000005","reason":"on_break"},` +
			`{"agent":"00000000-0000-0000-0000-000000000006","reason":"offline"},` +
			`{"agent":"00000000-0000-0000-0000-000000000007","reason":"disabled"}],` +
			`"skipped_counts":{"disabled":1,"full":1,"offline":1,"on_break":1,"other_department":2},` +
			`"decided_at":"2026-11-21T12:00:00Z"}`},
		{"waiting", routing.Rule{}, nil, `{"outcome":"waiting","reason":"no_agents","candidate_count":0,"decided_at":"2026-11-21T12:00:00Z"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := routing.Choose(r, c.rule, c.agents, noon.In(istanbul), 1)
			got, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			var back routing.Decision
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatal(err)
			}
			if again, err := json.Marshal(back); err != nil || string(again) != c.want {
				t.Errorf("read back as %s (%v)", again, err)
			}
		})
	}
}

func TestTheExplanationNamesAtMostMaxListedAndCountsAll(t *testing.T) {
	t.Parallel()
	var agents []routing.Agent
	for n := range 100 {
		agents = append(agents, online(id(n+1), load(n%4, 5), idle(n)), online(id(n+1001), load(5, 5)))
	}
	r := inSupport
	r.LastAgent = id(1100)
	d := routing.Choose(r, routing.Rule{Policy: routing.LeastBusy, Sticky: true}, agents, noon, 1)
	if d.CandidateCount != 100 || d.SkippedCounts[routing.SkipFull] != 100 {
		t.Fatalf("counted %d and %d", d.CandidateCount, d.SkippedCounts[routing.SkipFull])
	}
	var best []routing.ID // load 0, longest idle first
	for n := 96; n >= 0; n -= 4 {
		best = append(best, id(n+1))
	}
	if !slices.Equal(d.Candidates, best) {
		t.Errorf("candidates %v", d.Candidates)
	}
	if len(d.Skipped) != routing.MaxListed || d.Skipped[0].Agent != r.LastAgent || d.Skipped[1].Agent != id(1001) {
		t.Errorf("skipped %v", d.Skipped)
	}
}

func TestRandomIsFairAndFollowsTheSeed(t *testing.T) {
	t.Parallel()
	agents := []routing.Agent{online(merve), online(burak), online(deniz), online(id(4))}
	rule := routing.Rule{Policy: routing.Random}
	bySeed, byConversation := map[routing.ID]int{}, map[routing.ID]int{}
	for n := range 4000 {
		d := routing.Choose(inSupport, rule, agents, noon, uint64(n))
		if again := routing.Choose(inSupport, rule, agents, noon.Add(time.Hour), uint64(n)); again.Agent != d.Agent || d.Reason != "random" {
			t.Fatalf("seed %d gave %s, then %s", n, d.Agent, again.Agent)
		}
		bySeed[d.Agent]++
		r := inSupport
		r.Conversation = id(n)
		byConversation[routing.Choose(r, rule, agents, noon, 1).Agent]++
	}
	for _, a := range agents { // 1 000 each; the standard deviation is 27
		if n, m := bySeed[a.ID], byConversation[a.ID]; min(n, m) < 860 || max(n, m) > 1140 {
			t.Errorf("%s got %d over the seeds and %d over the conversations, of 4000 among 4", a.ID, n, m)
		}
	}
}

func TestADecisionDoesNotDependOnTheOrderOfTheSnapshot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		agents := crowd(rapid.IntRange(0, 80).Draw(t, "agents"))
		rule := routing.Rule{
			Policy: rapid.SampledFrom(routing.Policies()).Draw(t, "policy"),
			Sticky: rapid.Bool().Draw(t, "sticky"), PreferLanguage: rapid.Bool().Draw(t, "language"),
		}
		r := inSupport
		r.LastAgent, r.Language = id(rapid.IntRange(0, 80).Draw(t, "last agent")), "tr"
		seed := rapid.Uint64().Draw(t, "seed")
		a := routing.Choose(r, rule, agents, noon, seed)
		b := routing.Choose(r, rule, rapid.Permutation(agents).Draw(t, "shuffled"), noon, seed)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Fatalf("%+v\n%+v", a, b)
		}
		if a.Outcome == routing.Assigned && a.Candidates[0] != a.Agent {
			t.Fatalf("the chosen is not the first candidate: %+v", a)
		}
	})
}

func TestTheClosedSetsAreClosed(t *testing.T) {
	t.Parallel()
	for _, p := range routing.Policies() {
		if !p.Valid() || !slices.Contains(routing.Reasons(), routing.Reason(p)) {
			t.Errorf("%s is no reason", p)
		}
	}
	if routing.Policy("").Valid() || routing.Policy("astrology").Valid() {
		t.Error("any policy is valid")
	}
	reasons := routing.SkipReasons()
	reasons[0] = "changed"
	if routing.SkipReasons()[0] != routing.SkipDisabled {
		t.Error("a caller can change the set")
	}
}
