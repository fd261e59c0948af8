package routing_test

import (
	"slices"
	"testing"

	"gatehouse/internal/routing"
)

func TestWhoMayBeGivenWorkAutomatically(t *testing.T) {
	t.Parallel()
	excluding := inSupport
	excluding.Exclude = []routing.ID{burak, merve}
	for _, c := range []struct {
		name    string
		request routing.Request
		agent   routing.Agent
		want    routing.SkipReason
	}{
		{"online, of the department, with room", inSupport, online(merve), ""},
		{"one place left", inSupport, online(merve, load(4, 5)), ""},
		{"no place left", inSupport, online(merve, load(5, 5)), "full"},
		{"over capacity after pulling", inSupport, online(merve, load(7, 5)), "full"},
		{"a capacity of nothing", inSupport, online(merve, load(0, 0)), "full"},
		{"on a break", inSupport, online(merve, presence(routing.OnBreak)), "on_break"},
		{"offline", inSupport, online(merve, presence(routing.Offline)), "offline"},
		{"an unknown presence", inSupport, online(merve, presence("lunch")), "offline"},
		{"assigned only", inSupport, online(merve, behavior(routing.AssignedOnly)), "behavior"},
		{"normal and assigned", inSupport, online(merve, behavior(routing.NormalAndAssigned)), ""},
		{"an unknown behavior", inSupport, online(merve, behavior("")), "behavior"},
		{"of another department", inSupport, online(merve, in(sales)), "other_department"},
		{"of several departments", inSupport, online(merve, in(sales, support)), ""},
		{"of none", inSupport, online(merve, in()), "other_department"},
		{"disabled", inSupport, online(merve, disabled), "disabled"},
		{"excluded", excluding, online(merve), "excluded"},
		{"others excluded", excluding, online(deniz), ""},
		{"the most lasting reason counts: disabled", excluding, online(merve, disabled, in(sales), behavior(""), presence(routing.Offline), load(5, 5)), "disabled"},
		{"then the department", excluding, online(merve, in(sales), behavior(""), presence(routing.Offline), load(5, 5)), "other_department"},
		{"then the behavior", excluding, online(merve, behavior(""), presence(routing.Offline), load(5, 5)), "behavior"},
		{"then the exclusion", excluding, online(merve, presence(routing.Offline), load(5, 5)), "excluded"},
		{"then the presence", inSupport, online(merve, presence(routing.OnBreak), load(5, 5)), "on_break"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			why, ok := routing.CanReceive(c.agent, c.request)
			if why != c.want || ok != (c.want == "") {
				t.Fatalf("%q %v, want %q", why, ok, c.want)
			}
		})
	}
}

func TestWhoMayBeOfferedATransfer(t *testing.T) {
	t.Parallel()
	picked := routing.Transfer{From: burak}
	toSupport := routing.Transfer{From: burak, Department: support}
	for _, c := range []struct {
		name     string
		transfer routing.Transfer
		agent    routing.Agent
		want     routing.SkipReason
	}{
		{"picked: normal cannot be picked", picked, online(merve), "behavior"},
		{"picked: assigned only can", picked, online(merve, behavior(routing.AssignedOnly)), ""},
		{"picked: normal and assigned can", picked, online(merve, behavior(routing.NormalAndAssigned)), ""},
		{"picked: of any department", picked, online(merve, behavior(routing.AssignedOnly), in(sales)), ""},
		{"picked: not oneself", picked, online(burak, behavior(routing.AssignedOnly)), "oneself"},
		{"picked: not on a break", picked, online(merve, behavior(routing.AssignedOnly), presence(routing.OnBreak)), "on_break"},
		{"picked: not offline", picked, online(merve, behavior(routing.AssignedOnly), presence(routing.Offline)), "offline"},
		{"picked: not without room", picked, online(merve, behavior(routing.AssignedOnly), load(5, 5)), "full"},
		{"picked: not disabled", picked, online(merve, behavior(routing.AssignedOnly), disabled), "disabled"},
		{"to a department: its members, normal ones too", toSupport, online(merve), ""},
		{"to a department: assigned only too", toSupport, online(merve, behavior(routing.AssignedOnly)), ""},
		{"to a department: nobody else's", toSupport, online(merve, in(sales)), "other_department"},
		{"to a department: not oneself", toSupport, online(burak), "oneself"},
		{"to a department: not without room", toSupport, online(merve, load(5, 5)), "full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			why, ok := routing.CanReceiveTransfer(c.agent, c.transfer)
			if why != c.want || ok != (c.want == "") {
				t.Fatalf("%q %v, want %q", why, ok, c.want)
			}
		})
	}
}

func TestWhoMayTakeByHand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		agent routing.Agent
		want  routing.SkipReason
	}{
		{"online", online(merve), ""},
		{"beyond capacity", online(merve, load(9, 5)), ""},
		{"whatever the behavior", online(merve, behavior(routing.AssignedOnly)), ""},
		{"not on a break", online(merve, presence(routing.OnBreak)), "on_break"},
		{"not offline", online(merve, presence(routing.Offline)), "offline"},
		{"not from another department", online(merve, in(sales)), "other_department"},
		{"not disabled", online(merve, disabled), "disabled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			why, ok := routing.CanTake(c.agent, support)
			if why != c.want || ok != (c.want == "") {
				t.Fatalf("%q %v, want %q", why, ok, c.want)
			}
		})
	}
}

func TestASnapshotIsSplitInItsOwnOrder(t *testing.T) {
	t.Parallel()
	agents := []routing.Agent{
		online(deniz), online(burak, load(5, 5)), online(merve, behavior(routing.NormalAndAssigned)), online(id(4), in(sales)),
	}
	names := func(agents []routing.Agent) (ids []routing.ID) {
		for _, a := range agents {
			ids = append(ids, a.ID)
		}
		return ids
	}
	may, skipped := routing.Eligible(inSupport, agents)
	if !slices.Equal(names(may), []routing.ID{deniz, merve}) ||
		!slices.Equal(skipped, []routing.Skip{{burak, routing.SkipFull}, {id(4), routing.SkipOtherDepartment}}) {
		t.Errorf("eligible %v, skipped %v", names(may), skipped)
	}
	may, skipped = routing.Receivers(routing.Transfer{From: deniz}, agents)
	if !slices.Equal(names(may), []routing.ID{merve}) ||
		!slices.Equal(skipped, []routing.Skip{{deniz, routing.SkipOneself}, {burak, routing.SkipBehavior}, {id(4), routing.SkipBehavior}}) {
		t.Errorf("receivers %v, skipped %v", names(may), skipped)
	}
}
