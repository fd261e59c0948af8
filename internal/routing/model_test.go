package routing_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/internal/routing"
)

// The model: a small desk to which anything may happen, and which after each drain is held to RELIABILITY.md I13 (never
// above capacity), I14 (one assignee), I15 (nobody waits for whom there is room) and I16 (nobody is overtaken). It knows
// the law only from FEATURES.md §4; what it asserts is stated here a second time, not asked of the package.

const (
	people = 5
	lines  = 2
	verbs  = 14
)

type person struct {
	presence   routing.Presence
	behavior   routing.Behavior
	in         [lines]bool
	capacity   int
	disabled   bool
	lastGiven  time.Time
	idleSince  time.Time
	refuseFrom map[int]bool // conversations that must not come back to this person
}

// talk is one conversation. holder is -1 while it waits; offered is the colleague for whom a place is reserved, or -1.
type talk struct {
	line, priority int
	since, shuts   time.Time
	last, holder   int
	offered        int
	offeredToLine  int
}

type op struct{ verb, who, arg uint8 }

type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

type desk struct {
	tester
	rules  [lines]routing.Rule
	people [people]*person
	talks  map[int]*talk
	born   int
	clock  time.Time
	given  int // automatic assignments, to see that the model is not idle
	taken  int // accepted offers
}

func newDesk(t tester, rules [lines]routing.Rule) *desk {
	d := &desk{tester: t, rules: rules, talks: map[int]*talk{}, clock: noon}
	for i := range d.people {
		d.people[i] = &person{
			presence: routing.Online, behavior: routing.NormalAndAssigned, in: [lines]bool{i%2 == 0, true}, capacity: 2 + i,
			refuseFrom: map[int]bool{},
		}
	}
	return d
}

func (d *desk) play(ops []op) {
	d.Helper()
	for _, o := range ops {
		d.clock = d.clock.Add(time.Second)
		d.do(o)
	}
	d.drain(1)
}

func (d *desk) do(o op) {
	d.Helper()
	who := int(o.who) % people
	p := d.people[who]
	switch o.verb % verbs {
	case 0:
		d.born++
		d.talks[d.born] = &talk{
			line: int(o.arg) % lines, priority: int(o.arg) / 2 % 3, since: d.clock,
			shuts: d.clock.Add(time.Duration(o.arg) * time.Minute), last: who, holder: -1, offered: -1, offeredToLine: -1,
		}
	case 2:
		p.presence = []routing.Presence{routing.Online, routing.Online, routing.Online, routing.OnBreak, routing.Offline}[o.arg%5]
		p.idleSince = d.clock
	case 3:
		p.capacity = int(o.arg) % 7
	case 4:
		p.behavior = []routing.Behavior{routing.Normal, routing.AssignedOnly, routing.NormalAndAssigned}[o.arg%3]
	case 5:
		p.in = [lines]bool{o.arg&1 != 0, o.arg&2 != 0}
	case 6:
		p.disabled = o.arg%8 == 0
	case 1, 7:
		d.end(who)
	case 8:
		d.giveBack(who)
	case 9:
		d.pull(who, int(o.arg)%lines)
	case 10:
		d.offer(who, int(o.arg))
	case 11:
		d.answer(who, o.arg%2 == 0)
	case 12:
		d.clock = d.clock.Add(time.Duration(o.arg) * time.Minute)
		fallthrough
	case 13:
		d.drain(uint64(o.arg))
	}
}

// oldest is the first conversation, by birth, for which is holds; 0 if there is none.
func (d *desk) oldest(is func(n int, c *talk) bool) int {
	for _, n := range slices.Sorted(maps.Keys(d.talks)) {
		if is(n, d.talks[n]) {
			return n
		}
	}
	return 0
}

func (d *desk) end(who int) {
	if n := d.oldest(func(_ int, c *talk) bool { return c.holder == who }); n != 0 {
		delete(d.talks, n)
		d.people[who].idleSince = d.clock
	}
}

// giveBack returns a conversation to its old place in the line, not to come to the same person again.
func (d *desk) giveBack(who int) {
	if n := d.oldest(func(_ int, c *talk) bool { return c.holder == who }); n != 0 {
		c := d.talks[n]
		c.holder, c.offered, c.offeredToLine = -1, -1, -1
		d.people[who].refuseFrom[n] = true
	}
}

// pull takes the head of a line by hand; capacity does not limit it.
func (d *desk) pull(who, line int) {
	d.Helper()
	next, ok := d.rules[line].Next(d.waiting(line), d.clock)
	if !ok {
		return
	}
	p := d.people[who]
	if _, can := routing.CanTake(d.agent(who), lineID(line)); can != (p.presence == routing.Online && p.in[line] && !p.disabled) {
		d.Fatalf("person %d may take by hand: %v, but is %+v", who, can, p)
	} else if can {
		n := number(next.Conversation)
		if other := d.oldest(func(m int, c *talk) bool { return d.before(m, n) && c.line == line && c.holder < 0 }); other != 0 {
			d.Fatalf("pulled %d, but %d is before it", n, other)
		}
		d.talks[n].holder, p.lastGiven = who, d.clock
	}
}

// offer hands a conversation over to a colleague (reserving a place) or to a line (reserving none).
func (d *desk) offer(from, arg int) {
	n := d.oldest(func(_ int, c *talk) bool { return c.holder == from && c.offered < 0 && c.offeredToLine < 0 })
	if n == 0 {
		return
	}
	if arg >= 128 {
		d.talks[n].offeredToLine = arg % lines
		return
	}
	to := arg % people
	if _, ok := routing.CanReceiveTransfer(d.agent(to), routing.Transfer{From: id(from + 1)}); ok {
		d.talks[n].offered = to
	}
}

// answer accepts or rejects the oldest offer; who answers one that was made to a line. A rejected or overdue offer stays
// with its sender.
func (d *desk) answer(who int, yes bool) {
	d.Helper()
	n := d.oldest(func(_ int, c *talk) bool { return c.offered >= 0 || c.offeredToLine >= 0 })
	if n == 0 {
		return
	}
	if to := d.talks[n].offered; to >= 0 {
		who = to
	}
	c, p := d.talks[n], d.people[who]
	transfer := routing.Transfer{From: id(c.holder + 1)}
	if c.offeredToLine >= 0 {
		transfer.Department = lineID(c.offeredToLine)
	}
	c.offered, c.offeredToLine = -1, -1 // the reserved place is its own: it is left out of the load
	if _, ok := routing.CanReceiveTransfer(d.agent(who), transfer); !yes || !ok {
		return
	}
	if d.load(who) >= p.capacity || p.presence != routing.Online || p.disabled {
		d.Fatalf("I13: an offer was accepted by person %d at %d of %d: %+v", who, d.load(who), p.capacity, p)
	}
	c.holder, p.lastGiven = who, d.clock
	d.taken++
}

// drain drains every line and holds the desk to its invariants.
func (d *desk) drain(seed uint64) {
	d.Helper()
	for line := range lines {
		agents := make([]routing.Agent, people)
		for i := range agents {
			agents[i] = d.agent(i)
		}
		given, after := routing.Drain(d.rules[line], d.waiting(line), agents, d.clock, seed)
		for _, g := range given {
			d.give(number(g.Request.Conversation), number(g.Decision.Agent)-1, line)
		}
		for i, a := range after {
			if a.Load != d.load(i) {
				d.Fatalf("Drain says that person %d holds %d, the desk says %d", i, a.Load, d.load(i))
			}
		}
	}
	for n, c := range d.talks {
		for who := range people {
			if c.holder < 0 && d.mayGet(who, n) {
				d.Fatalf("I15: %d waits although person %d has room", n, who)
			}
		}
		if c.holder < 0 {
			d.explain(n)
		}
	}
}

// give commits one assignment, as the real transaction would: under the load of this moment.
func (d *desk) give(n, who, line int) {
	d.Helper()
	c, p := d.talks[n], d.people[who]
	switch {
	case c == nil || c.holder >= 0:
		d.Fatalf("I14: %d was given away although it does not wait", n)
	case c.line != line:
		d.Fatalf("%d was given away from line %d", n, line)
	case d.load(who) >= p.capacity:
		d.Fatalf("I13: person %d got %d at %d of %d", who, n, d.load(who), p.capacity)
	case !d.mayGet(who, n):
		d.Fatalf("person %d got %d: %+v", who, n, p)
	}
	for m, other := range d.talks {
		if other.holder < 0 && other.line == line && d.before(m, n) && d.mayGet(who, m) {
			d.Fatalf("I16: %d overtook %d to person %d", n, m, who)
		}
	}
	c.holder, c.last, p.lastGiven = who, who, d.clock
	d.given++
}

// explain checks that "Why is this waiting?" has a true answer.
func (d *desk) explain(n int) {
	d.Helper()
	agents := make([]routing.Agent, people)
	absent, full := 0, 0
	for i := range agents {
		agents[i] = d.agent(i)
		p := d.people[i]
		if fits := !p.disabled && p.in[d.talks[n].line] && p.behavior != routing.AssignedOnly && !p.refuseFrom[n]; fits {
			if p.presence != routing.Online {
				absent++
			} else {
				full++
			}
		}
	}
	decision := routing.Choose(d.request(n), d.rules[d.talks[n].line], agents, d.clock, 1)
	want := decision.Reason // nobody_eligible or no_agents, checked by the tables
	switch {
	case full > 0:
		want = routing.ReasonEveryoneFull
	case absent > 0:
		want = routing.ReasonNobodyOnline
	}
	total := decision.CandidateCount
	for _, k := range decision.SkippedCounts {
		total += k
	}
	if decision.Outcome != routing.Waiting || decision.Reason != want || total != people {
		d.Fatalf("%d waits because %+v, want %s", n, decision, want)
	}
}

// mayGet is FEATURES.md §4 in one sentence.
func (d *desk) mayGet(who, n int) bool {
	p := d.people[who]
	return !p.disabled && p.presence == routing.Online && p.behavior != routing.AssignedOnly &&
		p.in[d.talks[n].line] && !p.refuseFrom[n] && d.load(who) < p.capacity
}

// before is the order of a line: priority, then (setting) window expiring soon, then first come.
func (d *desk) before(m, n int) bool {
	a, b := d.talks[m], d.talks[n]
	soon := func(c *talk) bool {
		left := c.shuts.Sub(d.clock)
		return d.rules[c.line].ExpiringFirst && left > 0 && left <= 2*time.Hour
	}
	switch {
	case a.priority != b.priority:
		return a.priority > b.priority
	case soon(a) != soon(b):
		return soon(a)
	default:
		return a.since.Before(b.since)
	}
}

func (d *desk) load(who int) (n int) {
	for _, c := range d.talks {
		if c.holder == who || c.offered == who {
			n++
		}
	}
	return n
}

func lineID(line int) routing.ID { return id(900 + line) }

func number(of routing.ID) int { return int(of[14])<<8 | int(of[15]) }

func (d *desk) agent(who int) routing.Agent {
	p := d.people[who]
	a := routing.Agent{
		ID: id(who + 1), Presence: p.presence, Behavior: p.behavior, Capacity: p.capacity, Load: d.load(who),
		LastAssignedAt: p.lastGiven, IdleSince: p.idleSince, Disabled: p.disabled,
	}
	for line, in := range p.in {
		if in {
			a.Departments = append(a.Departments, lineID(line))
		}
	}
	return a
}

func (d *desk) request(n int) routing.Request {
	c := d.talks[n]
	r := routing.Request{
		Conversation: id(n), Department: lineID(c.line), Priority: c.priority,
		WaitingSince: c.since, ShutsAt: c.shuts, LastAgent: id(c.last + 1),
	}
	for who, p := range d.people {
		if p.refuseFrom[n] {
			r.Exclude = append(r.Exclude, id(who+1))
		}
	}
	return r
}

func (d *desk) waiting(line int) (waiting []routing.Request) {
	for n, c := range d.talks {
		if c.holder < 0 && c.line == line {
			waiting = append(waiting, d.request(n))
		}
	}
	return waiting
}

func ruleOf(b uint8) routing.Rule {
	return routing.Rule{
		Policy: routing.Policies()[b%4], Sticky: b&4 != 0, ExpiringFirst: b&8 != 0, PreferLanguage: b&16 != 0,
	}
}

func TestWhateverHappensTheLawKeepsItsInvariants(t *testing.T) {
	t.Parallel()
	given, taken := 0, 0
	anyByte := rapid.Custom(func(t *rapid.T) (b uint8) { // evenly: rapid.Byte prefers small numbers
		for range 8 {
			b <<= 1
			if rapid.Bool().Draw(t, "bit") {
				b |= 1
			}
		}
		return b
	})
	anOp := rapid.Custom(func(t *rapid.T) op {
		return op{anyByte.Draw(t, "verb"), anyByte.Draw(t, "who"), anyByte.Draw(t, "arg")}
	})
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk(t, [lines]routing.Rule{ruleOf(anyByte.Draw(t, "rule 0")), ruleOf(anyByte.Draw(t, "rule 1"))})
		d.play(rapid.SliceOfN(anOp, 400, 800).Draw(t, "ops"))
		given, taken = given+d.given, taken+d.taken
	})
	if given < 1000 || taken < 20 {
		t.Errorf("the model was idle: %d given, %d transfers accepted", given, taken)
	}
}

// FuzzAssignModel plays the same model from bytes: two for the rules, then three for each operation.
func FuzzAssignModel(f *testing.F) {
	f.Add([]byte{0, 1, 2, 0, 0, 0, 0, 0, 13, 0, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) < 2 || len(script) > 600 {
			return // no rules; or so long that it only takes time
		}
		d := newDesk(t, [lines]routing.Rule{ruleOf(script[0]), ruleOf(script[1])})
		var ops []op
		for o := range slices.Chunk(script[2:], 3) {
			if len(o) == 3 {
				ops = append(ops, op{o[0], o[1], o[2]})
			}
		}
		d.play(ops)
	})
}
