package routing_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/internal/routing"
)

func waits(n int, minutes, priority int, change ...func(*routing.Request)) routing.Request {
	r := routing.Request{
		Conversation: id(n), Department: support, Priority: priority, WaitingSince: noon.Add(-time.Duration(minutes) * time.Minute),
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func shuts(in time.Duration) func(*routing.Request) {
	return func(r *routing.Request) { r.ShutsAt = noon.Add(in) }
}

func excluding(who ...routing.ID) func(*routing.Request) {
	return func(r *routing.Request) { r.Exclude = who }
}

func TestWhoseTurnItIs(t *testing.T) {
	t.Parallel()
	expiring := routing.Rule{ExpiringFirst: true}
	for _, c := range []struct {
		name    string
		rule    routing.Rule
		waiting []routing.Request
		want    []int
	}{
		{"first come, first served", routing.Rule{}, []routing.Request{waits(1, 3, 0), waits(2, 9, 0), waits(3, 5, 0)}, []int{2, 3, 1}},
		{"a higher priority goes first", routing.Rule{}, []routing.Request{waits(1, 9, 0), waits(2, 1, 5), waits(3, 99, -1)}, []int{2, 1, 3}},
		{"by conversation at the same moment", routing.Rule{}, []routing.Request{waits(2, 3, 0), waits(1, 3, 0)}, []int{1, 2}},
		{"a window's end means nothing unless set", routing.Rule{}, []routing.Request{waits(1, 3, 0, shuts(time.Minute)), waits(2, 9, 0)}, []int{2, 1}},
		{"a window that shuts within two hours goes first", expiring, []routing.Request{waits(1, 3, 0, shuts(2*time.Hour)), waits(2, 9, 0)}, []int{1, 2}},
		{"not one that shuts a nanosecond later", expiring, []routing.Request{waits(1, 3, 0, shuts(2*time.Hour+1)), waits(2, 9, 0)}, []int{2, 1}},
		{"not one that has shut", expiring, []routing.Request{waits(1, 3, 0, shuts(0)), waits(2, 9, 0)}, []int{2, 1}},
		{"among the expiring, first come", expiring, []routing.Request{waits(1, 3, 0, shuts(time.Minute)), waits(2, 9, 0, shuts(time.Hour))}, []int{2, 1}},
		{"priority outweighs the window", expiring, []routing.Request{waits(1, 3, 0, shuts(time.Minute)), waits(2, 1, 1)}, []int{2, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			next, ok := c.rule.Next(c.waiting, noon)
			if !ok || next.Conversation != id(c.want[0]) {
				t.Errorf("next is %s", next.Conversation)
			}
			c.rule.Sort(c.waiting, noon)
			for i, r := range c.waiting {
				if r.Conversation != id(c.want[i]) {
					t.Errorf("place %d: %s, want %d", i, r.Conversation, c.want[i])
				}
			}
		})
	}
}

func TestNobodyIsNextInAnEmptyLine(t *testing.T) {
	t.Parallel()
	if next, ok := (routing.Rule{}).Next(nil, noon); ok {
		t.Fatalf("next is %s", next.Conversation)
	}
}

func TestTheOrderOfALineIsStrict(t *testing.T) {
	t.Parallel()
	any := rapid.Custom(func(t *rapid.T) routing.Request {
		return waits(rapid.IntRange(1, 3).Draw(t, "id"), rapid.IntRange(0, 2).Draw(t, "minutes"), rapid.IntRange(0, 1).Draw(t, "priority"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := any.Draw(t, "a"), any.Draw(t, "b"), any.Draw(t, "c")
		same := a.Conversation == b.Conversation && a.WaitingSince.Equal(b.WaitingSince) && a.Priority == b.Priority
		if (routing.Less(a, b) || routing.Less(b, a)) == same {
			t.Fatal("two requests are neither the same nor in order")
		}
		if routing.Less(a, b) && (routing.Less(b, a) || routing.Less(b, c) && !routing.Less(a, c)) {
			t.Fatal("the order goes in a circle")
		}
	})
}

func TestDrainGivesAwayAllThatCanBeGiven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		waiting []routing.Request
		agents  []routing.Agent
		want    map[int]routing.ID
	}{
		{
			"in turn, until nobody has room",
			[]routing.Request{waits(1, 1, 0), waits(2, 3, 0), waits(3, 2, 0), waits(4, 4, 0)},
			[]routing.Agent{online(merve, load(0, 2)), online(burak, load(4, 5))},
			map[int]routing.ID{4: merve, 2: burak, 3: merve},
		},
		{
			"one whom nobody may get does not hold up the rest",
			[]routing.Request{waits(1, 9, 0, excluding(merve)), waits(2, 3, 0), waits(3, 1, 0, excluding(merve))},
			[]routing.Agent{online(merve)},
			map[int]routing.ID{2: merve},
		},
		{
			"a department without room does not hold up another",
			[]routing.Request{waits(1, 9, 0), waits(2, 3, 0, func(r *routing.Request) { r.Department = sales })},
			[]routing.Agent{online(merve, load(5, 5)), online(burak, in(sales))},
			map[int]routing.ID{2: burak},
		},
		{"nobody is there", []routing.Request{waits(1, 9, 0)}, nil, map[int]routing.ID{}},
		{"nobody waits", nil, []routing.Agent{online(merve)}, map[int]routing.ID{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			waiting, agents := slices.Clone(c.waiting), slices.Clone(c.agents)
			given, after := routing.Drain(routing.Rule{Policy: routing.RoundRobin}, c.waiting, c.agents, noon, 1)
			got := map[routing.ID]routing.ID{}
			for _, g := range given {
				got[g.Request.Conversation] = g.Decision.Agent
			}
			for n, who := range c.want {
				if got[id(n)] != who {
					t.Errorf("%d went to %s, want %s", n, got[id(n)], who)
				}
			}
			if len(given) != len(c.want) {
				t.Errorf("%d given, want %d", len(given), len(c.want))
			}
			for i, a := range after {
				held := agents[i].Load
				for _, who := range got {
					if who == a.ID {
						held++
					}
				}
				if a.Load != held || a.Load > a.Capacity {
					t.Errorf("%s holds %d of %d, want %d", a.ID, a.Load, a.Capacity, held)
				}
				if c.agents[i].Load != agents[i].Load {
					t.Error("the caller's snapshot was changed")
				}
			}
			for i := range waiting {
				if c.waiting[i].Conversation != waiting[i].Conversation {
					t.Error("the caller's line was changed")
				}
			}
		})
	}
}
