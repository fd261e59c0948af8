package vitals

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

var noon = time.Date(2026, 11, 12, 12, 0, 30, 0, time.UTC)

// well is a house in which nothing is wrong: a gateway and a worker, an agent with a socket, an account, and six hours of samples
// with a webhook a second.
func well() State {
	s := State{
		Now:    noon,
		Gauges: Gauges{Online: 2, Capacity: 20, Load: 5, Sockets: 2, Queues: &Queues{}},
		Nodes: []Node{
			{Role: "gateway", Host: "g1", Started: noon.Add(-time.Hour), Seen: noon.Add(-5 * time.Second), Redis: true},
			{Role: "worker", Host: "w1", Started: noon.Add(-time.Hour), Seen: noon.Add(-5 * time.Second), Redis: true},
		},
		Accounts: []Account{{ID: "a1", Kind: "whatsapp", Name: "Shop", State: "connected"}},
	}
	for i := range 361 {
		m := Minute{At: noon.Truncate(time.Minute).Add(time.Duration(i-360) * time.Minute)}
		g := s.Gauges
		m.Accept[1], m.Ingest[2], m.Counts[Requests], m.Counts[Routed], m.Gauges = 60, 60, 100, 1, &g
		s.Minutes = append(s.Minutes, m)
		if i > 300 {
			s.Accounts[0].Recent = append(s.Accounts[0].Recent, AccountMinute{At: m.At, Sends: Sends{Heard: 60, Sent: 20}})
		}
	}
	return s
}

// lately changes the minutes that began within d.
func lately(s *State, d time.Duration, change func(*Minute)) {
	for i := range s.Minutes {
		if s.Minutes[i].At.After(s.Now.Add(-d)) {
			change(&s.Minutes[i])
		}
	}
}

// always changes how things stand now and stood in each sample of d.
func always(s *State, d time.Duration, change func(*Gauges)) {
	change(&s.Gauges)
	lately(s, d, func(m *Minute) { change(m.Gauges) })
}

func sendsLately(s *State, d time.Duration, add Sends) {
	for i := range s.Accounts[0].Recent {
		if s.Accounts[0].Recent[i].At.After(s.Now.Add(-d)) {
			s.Accounts[0].Recent[i].Sends = s.Accounts[0].Recent[i].Plus(add)
		}
	}
}

const sec = time.Second

// cases are, for each sign, a state just beyond its threshold and one just at it. want is the sign's facts.
var cases = []struct {
	id       string
	bad, not func(*State)
	want     Sign
}{
	{"NoWorker", func(s *State) {
		s.Nodes = append(s.Nodes[:1:1], Node{Role: "worker", Started: noon.Add(-3 * time.Hour), Seen: noon.Add(-2 * time.Hour)})
	}, func(s *State) { s.Nodes[1].Role = "all" }, Sign{}},
	{
		"ProcessDown", func(s *State) {
			s.Nodes = append(s.Nodes, Node{Role: "worker", Host: "w2", Started: noon.Add(-3 * time.Hour), Seen: noon.Add(-90 * sec), Redis: true})
		},
		func(s *State) { // it was replaced
			s.Nodes = append(s.Nodes, Node{Role: "worker", Host: "w2", Started: noon.Add(-3 * time.Hour), Seen: noon.Add(-90 * sec)}, Node{Role: "worker", Started: noon.Add(-80 * sec), Seen: noon, Redis: true})
		},
		Sign{Name: "w2", Kind: "worker", Seconds: 90},
	},
	{"RedisDown", func(s *State) { s.Nodes[0].Redis = false }, func(s *State) { s.Nodes[0].Redis, s.Nodes[0].Seen = false, noon.Add(-2*time.Hour) }, Sign{Count: 1}},
	{
		"WebhooksTurnedAway", func(s *State) { lately(s, time.Minute, func(m *Minute) { m.Counts[Unavailable] = 3 }) },
		func(s *State) { s.Minutes[355].Counts[Unavailable] = 3 },
		Sign{Count: 3},
	},
	{
		"WebhooksBurnFast", func(s *State) { lately(s, time.Hour, func(m *Minute) { m.Accept[6] = 1 }) },
		func(s *State) { lately(s, 5*time.Minute, func(m *Minute) { m.Accept[6] = 1 }) },
		Sign{Count: 5, Part: 5.0 / 305},
	},
	{
		"WebhooksBurnSlow", func(s *State) { lately(s, 6*time.Hour, func(m *Minute) { m.Accept[1], m.Accept[6] = 120, 1 }) },
		func(s *State) { lately(s, 30*time.Minute, func(m *Minute) { m.Accept[1], m.Accept[6] = 120, 1 }) },
		Sign{Count: 30, Part: 30.0 / (30 * 121)},
	},
	{
		"WebhooksUnsigned", func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[Unsigned] = 4 }) },
		func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[Unsigned] = 3 }) },
		Sign{Count: 40, Part: 4.0 / 64},
	},
	{
		"WebhooksUnrouted", func(s *State) { s.Due[UnroutedEvents] = 2 },
		func(s *State) { always(s, 15*time.Minute, func(g *Gauges) { g.Due[UnroutedEvents] = 2 }) },
		Sign{Count: 2},
	},
	{
		"ApiErrors", func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[RequestsFailed] = 3 }) },
		func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[RequestsFailed] = 2 }) },
		Sign{Count: 15, Part: .03},
	},
	{
		"SignInsRefused", func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[SignInsRefused] = 31 }) },
		func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[SignInsRefused] = 30 }) },
		Sign{Count: 310},
	},
	{
		"InboundStuck", func(s *State) { s.Due[InboundEvents], s.Oldest[InboundEvents] = 7, 61*sec },
		func(s *State) { s.Due[InboundEvents], s.Oldest[InboundEvents] = 7, 60*sec },
		Sign{Count: 7, Seconds: 61},
	},
	{
		"IngestSlow", func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Ingest = Histogram{8: 10} }) },
		func(s *State) { lately(s, 5*time.Minute, func(m *Minute) { m.Ingest = Histogram{8: 10} }) },
		Sign{Seconds: 1 + 1.5*.95},
	},
	{
		"UnsentStuck", func(s *State) {
			s.Due[MessagesInFlight], s.Due[UnsentMessages], s.Oldest[UnsentMessages] = 1, 1, 301*sec
		},
		func(s *State) { s.Due[UnsentMessages], s.Oldest[UnsentMessages] = 1, 300*sec },
		Sign{Count: 2, Seconds: 301},
	},
	{
		"SendSlow", func(s *State) { lately(s, 15*time.Minute, func(m *Minute) { m.Send[12] = 10 }) },
		func(s *State) { lately(s, 15*time.Minute, func(m *Minute) { m.Send[11] = 10 }) },
		Sign{Seconds: 30 + 30*.95},
	},
	{"MediaStuck", func(s *State) { s.Due[FilesToFetch], s.Oldest[FilesToFetch] = 1, 901*sec }, func(s *State) { s.Oldest[FilesToFetch] = 900 * sec }, Sign{Count: 1, Seconds: 901}},
	{
		"QuarantineGrows", func(s *State) { s.Due[QuarantinedEvents] = 11 },
		func(s *State) { always(s, 15*time.Minute, func(g *Gauges) { g.Due[QuarantinedEvents] = 11 }) },
		Sign{Count: 11},
	},
	{"Quarantined", func(s *State) { s.Due[QuarantinedEvents] = 1 }, func(*State) {}, Sign{Count: 1}},
	{
		"WakesLost", func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[Recovered] = 7 }) },
		func(s *State) { // without Redis, that is how it works
			lately(s, 10*time.Minute, func(m *Minute) { m.Counts[Recovered] = 7 })
			s.Nodes[1].Redis = false
		},
		Sign{Count: 70},
	},
	{"QueueBehind", func(s *State) { s.Queues = &Queues{Behind: 6 * sec} }, func(s *State) { s.Queues = nil }, Sign{Seconds: 6}},
	{"OldSnapshot", func(s *State) { s.Snapshot = 601 * sec }, func(s *State) { s.Snapshot = 600 * sec }, Sign{Seconds: 601}},
	{
		"NobodyOnline", func(s *State) {
			always(s, 10*time.Minute, func(g *Gauges) { g.Waiting, g.Longest, g.Online, g.Sockets = 3, 620*sec, 0, 0 })
		},
		func(s *State) { always(s, 5*time.Minute, func(g *Gauges) { g.Waiting, g.Online, g.Sockets = 3, 0, 0 }) },
		Sign{Count: 3, Seconds: 620},
	},
	{
		"LongWait", func(s *State) { s.Lines = []Line{{"Sales", 60 * sec}, {"Returns", 901 * sec}} },
		func(s *State) { s.Lines = []Line{{"Sales", 60 * sec}, {"Returns", 900 * sec}} },
		Sign{Name: "Returns", Seconds: 901},
	},
	{
		"RoutingIdle", func(s *State) {
			always(s, 16*time.Minute, func(g *Gauges) { g.Waiting, g.Longest = 1, 301*sec })
			lately(s, 16*time.Minute, func(m *Minute) { m.Counts[Routed] = 0 })
		},
		func(s *State) { always(s, 16*time.Minute, func(g *Gauges) { g.Waiting, g.Longest = 1, 301*sec }) },
		Sign{Seconds: 301},
	},
	{
		"AgentsWithoutSockets", func(s *State) { always(s, 3*time.Minute, func(g *Gauges) { g.Sockets = 0 }) },
		func(s *State) { s.Sockets = 0 },
		Sign{Count: 2},
	},
	{
		"NewsLost", func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[NewsMissed] = 4 }) },
		func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[NewsMissed] = 3 }) },
		Sign{Count: 40},
	},
	{
		"SocketsSlow", func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[SocketsSlow] = 13 }) },
		func(s *State) { lately(s, 10*time.Minute, func(m *Minute) { m.Counts[SocketsSlow] = 12 }) },
		Sign{Count: 130},
	},
	{
		"AccountDisconnected", func(s *State) { s.Accounts[0].State, s.Accounts[0].Reason = "disconnected", "token" },
		func(s *State) { s.Accounts[0].State = "disabled" },
		Sign{Account: "a1", Name: "Shop", Kind: "whatsapp", Reason: "token"},
	},
	{
		"AccountDegraded", func(s *State) { s.Accounts[0].State, s.Accounts[0].Reason = "degraded", "quality" },
		func(*State) {},
		Sign{Account: "a1", Name: "Shop", Kind: "whatsapp", Reason: "quality"},
	},
	{
		"DeliveriesFail", func(s *State) { sendsLately(s, 5*time.Minute, Sends{Failed: 3}) },
		func(s *State) { sendsLately(s, 5*time.Minute, Sends{Failed: 2}) },
		Sign{Account: "a1", Name: "Shop", Kind: "whatsapp", Count: 15, Part: 3.0 / 23},
	},
	{
		"DeliveriesUnknown", func(s *State) { sendsLately(s, time.Minute, Sends{Unknown: 1}) },
		func(s *State) { sendsLately(s, time.Minute, Sends{Unknown: 1}); s.Accounts[0].State = "disabled" },
		Sign{Account: "a1", Name: "Shop", Kind: "whatsapp", Count: 1},
	},
	{
		"Throttled", func(s *State) { sendsLately(s, 15*time.Minute, Sends{Throttled: 7}) },
		func(s *State) { sendsLately(s, 15*time.Minute, Sends{Throttled: 6}) },
		Sign{Account: "a1", Name: "Shop", Kind: "whatsapp", Count: 105},
	},
	{
		"ClaimsGivenUp", func(s *State) { lately(s, time.Minute, func(m *Minute) { m.Counts[ClaimsLost] = 1 }) },
		func(s *State) { s.Minutes[345].Counts[ClaimsLost] = 1 },
		Sign{Count: 1},
	},
	{
		"MediaFails", func(s *State) {
			lately(s, 15*time.Minute, func(m *Minute) { m.Counts[FilesFailed], m.Counts[FilesFetched] = 1, 3 })
		},
		func(s *State) {
			lately(s, 15*time.Minute, func(m *Minute) { m.Counts[FilesFailed], m.Counts[FilesFetched] = 1, 4 })
		},
		Sign{Count: 15, Part: .25},
	},
}

func TestNothingIsWrongInAHouseThatIsWell(t *testing.T) {
	t.Parallel()
	if got := Judge(well()); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	night := well() // nobody wrote, nobody works, nobody sampled yet
	night.Minutes, night.Accounts, night.Gauges, night.Nodes = nil, nil, Gauges{}, night.Nodes[1:]
	if got := Judge(night); len(got) != 0 {
		t.Errorf("at night: %+v", got)
	}
}

func TestASignBeginsBeyondItsThreshold(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range cases {
		seen[c.id] = true
		bad, not := well(), well()
		c.bad(&bad)
		c.not(&not)
		if has := slices.ContainsFunc(Judge(not), func(s Sign) bool { return s.ID == c.id }); has {
			t.Errorf("%s: too early", c.id)
		}
		all := Judge(bad)
		i := slices.IndexFunc(all, func(s Sign) bool { return s.ID == c.id })
		if i < 0 {
			t.Errorf("%s: not seen among %+v", c.id, all)
			continue
		}
		got := all[i]
		c.want.ID, c.want.Severity = c.id, got.Severity
		if math.Abs(got.Part-c.want.Part) < 1e-9 && math.Abs(got.Seconds-c.want.Seconds) < 1e-9 {
			got.Part, got.Seconds = c.want.Part, c.want.Seconds
		}
		if got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", c.id, got, c.want)
		}
		if others := len(all) - 1; others > 0 && c.id != "QuarantineGrows" && c.id != "WebhooksTurnedAway" && c.id != "WebhooksBurnFast" {
			t.Errorf("%s: and %d others: %+v", c.id, others, all)
		}
	}
	for _, r := range rules {
		if !seen[r.id] {
			t.Errorf("%s has no case", r.id)
		}
	}
}

func TestTheWorstComesFirst(t *testing.T) {
	t.Parallel()
	s := well()
	s.Snapshot, s.Due[InboundEvents], s.Oldest[InboundEvents] = time.Hour, 1, time.Hour
	s.Nodes[0].Redis, s.Accounts[0].State = false, "disconnected"
	var got []string
	for _, sign := range Judge(s) {
		got = append(got, sign.ID)
	}
	if want := []string{"InboundStuck", "AccountDisconnected", "RedisDown", "OldSnapshot"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// elsewhere are the alerts that cannot be signs of the page, with the reason.
var elsewhere = map[string]string{
	"Down":            "the page itself does not open",
	"Unseen":          "Prometheus talks of itself",
	"PostgresDown":    "the page says so when its question is answered 503",
	"MemoryNearLimit": "of the process, not of the house: its own limit ends it, and then it is missed",
	"FilesNearLimit":  "the same",
	"WindowsMissed":   "of how people work: the reports' business",
}

// The page and the alerts say the same: each alert is a sign with the same severity and the same numbers, or says why not.
func TestTheSignsAreThoseOfTheAlerts(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../deploy/prometheus/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				For         time.Duration
				Labels      struct{ Severity Severity }
			}
		}
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	left := map[string]rule{}
	for _, r := range rules {
		left[r.id] = r
	}
	delete(left, "NoWorker") // the alerts know no roles
	for _, g := range file.Groups {
		for _, a := range g.Rules {
			id := strings.TrimPrefix(a.Alert, "Gatehouse")
			r, is := left[id]
			switch {
			case a.Alert == "" || elsewhere[id] != "":
				continue
			case !is:
				t.Errorf("%s is no sign of the page, and nobody says why", a.Alert)
				continue
			}
			delete(left, id)
			if r.severity != a.Labels.Severity {
				t.Errorf("%s: %s here, %s there", id, r.severity, a.Labels.Severity)
			}
			if over := compared(t, a.Expr); fmt.Sprintf("%.6g", over) != fmt.Sprintf("%.6g", r.over) {
				t.Errorf("%s: compared with %v here, %v there", id, r.over, over)
			}
			if within := ranges(t, a.Expr); fmt.Sprint(within) != fmt.Sprint(r.within) {
				t.Errorf("%s: over %v here, %v there", id, r.within, within)
			}
			if r.held != 0 && r.held != a.For {
				t.Errorf("%s: held for %s here, %s there", id, r.held, a.For)
			}
		}
	}
	for id := range left {
		t.Errorf("%s is no alert", id)
	}
}

// compared are the numbers that an expression compares with, but 0.
func compared(t *testing.T, expr string) (out []float64) {
	number := func(s string) float64 {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, m := range regexp.MustCompile(`[<>=]=?\s+([\d.]+)(?: \* ([\d.]+))?`).FindAllStringSubmatch(expr, -1) {
		n := number(m[1])
		if m[2] != "" {
			n *= number(m[2])
		}
		if n != 0 {
			out = append(out, n)
		}
	}
	return out
}

// ranges are the times over which an expression looks, each once. What counts webhooks only to know that there are some is left out.
func ranges(t *testing.T, expr string) (out []time.Duration) {
	expr = strings.ReplaceAll(expr, "gatehouse:webhooks:rate5m", "")
	for _, m := range regexp.MustCompile(`\[(\w+)\]|:(?:ratio|rate|p95_)(\w+)`).FindAllStringSubmatch(expr, -1) {
		d, err := time.ParseDuration(m[1] + m[2])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

func TestAMachinesWordsAreShownDiscreetly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"wa_id 905332041896 is no 12345": "wa_id …1896 is no 12345",
		strings.Repeat("ğ", 300):         strings.Repeat("ğ", 199) + "…",
		"":                               "",
	} {
		if got := Discreet(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
