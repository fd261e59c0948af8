package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/internal/bench/agent"
	"gatehouse/internal/chat"
)

// Inbox says what to ask of an instance that holds a history (Seed).
type Inbox struct {
	Target
	Rate     float64       // questions a second; default 50, Search: 5
	Duration time.Duration // of each question, default 5 s
	// Sizes are how many conversations the history shall have, growing: it is seeded up to each, and asked again. Empty: as it is.
	Sizes []int
	Seed  Seed // how to seed, if there are sizes
}

// InboxReport is what was measured, for each size of the history.
type InboxReport struct {
	Head
	Sizes []Answers `json:"sizes"`
}

// Answers are what was measured over one history.
type Answers struct {
	Conversations int64    `json:"conversations"`
	Messages      int64    `json:"messages"`
	Questions     []Answer `json:"questions"`
}

// Answer is how fast a question was answered.
type Answer struct {
	Question string  `json:"question"`
	Latency          // from when it was due to the end of its answer
	Failed   int64   `json:"failed"`
	Absent   string  `json:"absent,omitempty"` // why it was not asked
	Growth   float64 `json:"growth,omitempty"` // its p50 over that of the first size
}

// Failed counts the questions that were not answered.
func (r InboxReport) Failed() (n int64) {
	for _, s := range r.Sizes {
		for _, a := range s.Questions {
			n += a.Failed
		}
	}
	return n
}

// Table writes the report for people.
func (r InboxReport) Table(w io.Writer) error {
	t := newTable(w)
	for _, s := range r.Sizes {
		t.row("history", "%d conversations, %d messages", s.Conversations, s.Messages)
		for _, a := range s.Questions {
			switch {
			case a.Absent != "":
				t.row("  "+a.Question, "not asked: %s", a.Absent)
				continue
			case a.Growth > 0:
				t.row("  "+a.Question, "%s; %d failed; %.2f × the first size", a.Latency, a.Failed, a.Growth)
			default:
				t.row("  "+a.Question, "%s; %d failed", a.Latency, a.Failed)
			}
		}
	}
	return t.end(r.Head)
}

// question is something that callers ask in turns. Its path is below /api/v1.
type question struct {
	name string
	who  []*agent.Agent
	path func(n int64) string
	next bool    // ask for the page after that
	rate float64 // at most so many a second; 0: as many as of the others
}

// searchRate is how many searches a second the callers may make: one each.
const searchRate = callers

// Run asks everything that an agent's screen asks: views with their filters and second pages, threads, counts, names.
func (c Inbox) Run(ctx context.Context) (InboxReport, error) {
	return c.run(ctx, 50, func(s *screen) []question { return s.views() })
}

// run asks what a screen asks, at each size.
func (c Inbox) run(ctx context.Context, rate float64, questions func(*screen) []question) (InboxReport, error) {
	var r InboxReport
	if c.Rate == 0 {
		c.Rate = rate
	}
	if c.Duration == 0 {
		c.Duration = 5 * time.Second
	}
	if c.Rate < 0 || c.Duration < leastWhile || !slices.IsSorted(c.Sizes) {
		return r, errors.New("bench: a rate, a while, and sizes that grow are needed")
	}
	if c.Rate > 10*callers {
		return r, fmt.Errorf("bench: %d callers may ask %d times a second", callers, 10*callers)
	}
	var err error
	if r.Head, err = c.head(ctx, fmt.Sprintf("open loop, each question %.0f/s for %s through the API, by callers in turns", c.Rate, c.Duration)); err != nil {
		return r, err
	}
	sizes := c.Sizes
	if len(sizes) == 0 {
		sizes = []int{0}
	}
	for _, size := range sizes {
		if size > 0 {
			if err := c.seedTo(ctx, size); err != nil {
				return r, err
			}
		}
		a, err := c.ask(ctx, questions)
		if err != nil {
			return r, fmt.Errorf("bench: %w", err)
		}
		if len(r.Sizes) > 0 {
			for i := range a.Questions {
				if was := r.Sizes[0].Questions[i].P50; was > 0 {
					a.Questions[i].Growth = a.Questions[i].P50 / was
				}
			}
		}
		r.Sizes = append(r.Sizes, a)
	}
	return r, nil
}

// seedTo adds to the history until it has so many conversations.
func (c Inbox) seedTo(ctx context.Context, size int) error {
	have, _, err := c.held(ctx)
	if err != nil || int64(size) <= have {
		return err
	}
	s := c.Seed
	s.Target, s.Conversations = c.Target, size-int(have)
	_, err = s.Run(ctx)
	return err
}

// held tells how large the record is.
func (t Target) held(ctx context.Context) (conversations, messages int64, err error) {
	err = t.clerk(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT (SELECT count(*) FROM conversations), (SELECT count(*) FROM messages)").Scan(&conversations, &messages)
	})
	return conversations, messages, err
}

func (c Inbox) ask(ctx context.Context, questions func(*screen) []question) (a Answers, err error) {
	if a.Conversations, a.Messages, err = c.held(ctx); err != nil {
		return a, err
	}
	s := &screen{}
	defer func() { err = errors.Join(err, c.dismiss(ctx, s.hired), c.leave(ctx, s.holders)) }()
	if err := c.sit(ctx, s); err != nil {
		return a, err
	}
	profiled := c.cpuProfile(ctx, c.Duration*time.Duration(len(questions(s))))
	for _, q := range questions(s) {
		x, err := c.answer(ctx, q)
		if err != nil {
			return a, fmt.Errorf("%s: %w", q.name, err)
		}
		a.Questions = append(a.Questions, x)
		if x.Absent == "" {
			c.say("%s: %s", x.Question, x.Latency)
		}
	}
	return a, <-profiled
}

// answer measures a question.
func (c Inbox) answer(ctx context.Context, q question) (Answer, error) {
	a := Answer{Question: q.name}
	path := func(n int64) string { return q.path(n) }
	who := q.who
	if q.next {
		cursors := map[*agent.Agent]string{}
		who = nil
		for _, caller := range q.who {
			var page struct{ Next string }
			if err := caller.Call(ctx, "GET", q.path(0), nil, &page); err != nil {
				return a, err
			}
			if page.Next != "" {
				cursors[caller], who = page.Next, append(who, caller)
			}
		}
		if len(who) == 0 {
			a.Absent = "nobody has a second page"
			return a, nil
		}
		path = func(n int64) string { return q.path(n) + "&cursor=" + url.QueryEscape(cursors[who[n%int64(len(who))]]) }
	}
	rate := c.Rate
	if q.rate > 0 {
		rate = min(rate, q.rate)
	}
	s, err := offered{rate: rate, duration: c.Duration, most: 16, do: func(ctx context.Context, n int64, _ time.Time) error {
		return who[n%int64(len(who))].Call(ctx, "GET", path(n), nil, nil)
	}}.run(ctx)
	a.Latency, a.Failed = latencies(rate, s.hist), s.Refused
	if s.Acked == 0 {
		return a, err // nothing was measured
	}
	return a, ctx.Err()
}

// screen is who asks, and what they know to ask for.
type screen struct {
	admins, agents, wide []*agent.Agent // who see everything, one department each, five each
	hired                []chat.AgentID // of them those who are here for this only
	departments          []chat.DepartmentID
	accounts             []chat.AccountID
	holders              []chat.AgentID
	threads              []chat.ConversationID
}

// callers of each kind: one may ask ten times a second, and search once.
const callers = 10

// sit finds the agents of the history, and makes admins and agents of five departments for the time of the questions.
func (c Inbox) sit(ctx context.Context, s *screen) error {
	all, err := c.Desk.Departments(ctx, operator)
	if err != nil {
		return err
	}
	for _, d := range all {
		if strings.HasPrefix(d.Name, historyName) {
			s.departments = append(s.departments, d.ID)
		}
	}
	accounts, err := c.Desk.Accounts(ctx, operator)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if strings.HasPrefix(a.Name, historyName) {
			s.accounts = append(s.accounts, a.ID)
		}
	}
	if s.holders, err = c.historians(ctx, s.departments); err != nil {
		return err
	}
	if err := c.clerk(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "SELECT id FROM conversations WHERE department_id = ANY($1) ORDER BY random() LIMIT 5000", s.departments)
		if err != nil {
			return err
		}
		s.threads, err = pgx.CollectRows(rows, pgx.RowTo[chat.ConversationID])
		return err
	}); err != nil {
		return err
	}
	if len(s.threads) == 0 || len(s.holders) == 0 {
		return errNoHistory
	}
	if err := s.hire(ctx, c.Target); err != nil {
		return err
	}
	for to, ids := range map[*[]*agent.Agent][]chat.AgentID{
		&s.admins: s.hired[:callers], &s.wide: s.hired[callers:], &s.agents: s.holders[:min(callers, len(s.holders))],
	} {
		if *to, err = c.enter(ctx, ids); err != nil {
			return err
		}
	}
	return nil
}

func (s *screen) hire(ctx context.Context, t Target) (err error) {
	var posts []post
	stamp := time.Now().UnixMicro()
	for i := range 2 * callers {
		p := post{name: fmt.Sprintf("Bench visitor %d %d", stamp, i), role: chat.RoleAdmin, capacity: 1}
		if i >= callers {
			p.role, p.departments = chat.RoleAgent, s.departments[:min(5, len(s.departments))]
		}
		posts = append(posts, p)
	}
	s.hired, err = t.hire(ctx, posts)
	return err
}

func same(path string) func(int64) string { return func(int64) string { return path } }

// views are the questions of a screen, the least of all first: who am I, which is a request, a session and nothing else.
func (s *screen) views() []question {
	out := []question{{name: "floor: who am I", who: s.admins, path: same("/me")}}
	for _, who := range []struct {
		name string
		them []*agent.Agent
	}{{"an agent", s.agents}, {"an agent of five departments", s.wide}, {"an admin", s.admins}} {
		for _, view := range []chat.View{chat.ViewMine, chat.ViewQueue, chat.ViewPending, chat.ViewExpiring, chat.ViewHistory, chat.ViewAll} {
			path := same("/conversations?limit=50&view=" + string(view))
			out = append(out, question{name: fmt.Sprintf("%s, %s", view, who.name), who: who.them, path: path})
			if view == chat.ViewQueue || view == chat.ViewHistory || view == chat.ViewAll {
				out = append(out, question{name: fmt.Sprintf("%s, %s, next page", view, who.name), who: who.them, path: path, next: true})
			}
		}
		out = append(out, question{name: "counts, " + who.name, who: who.them, path: same("/counts")})
	}
	of := func(ids func(n int64) string, key string) func(int64) string {
		return func(n int64) string { return "/conversations?limit=50&view=all&" + key + "=" + ids(n) }
	}
	return append(out,
		question{name: "all of a department", who: s.admins, path: of(func(n int64) string { return s.departments[n%int64(len(s.departments))].String() }, "department")},
		question{name: "all of an account", who: s.admins, path: of(func(n int64) string { return s.accounts[n%int64(len(s.accounts))].String() }, "account")},
		question{name: "all of an agent", who: s.admins, path: of(func(n int64) string { return s.holders[n%int64(len(s.holders))].String() }, "agent")},
		question{name: "all of a channel", who: s.admins, path: same("/conversations?limit=50&view=all&channel=whatsapp")},
		question{name: "a conversation", who: s.admins, path: func(n int64) string { return "/conversations/" + s.thread(n) }},
		question{name: "the newest page of its thread", who: s.admins, path: func(n int64) string { return "/conversations/" + s.thread(n) + "/messages?limit=50" }},
		question{name: "contacts by a common name, all, an admin", who: s.admins, path: same("/conversations?limit=50&view=all&q=Y%C4%B1lmaz"), rate: searchRate / 2},
		question{name: "an earlier page of its thread", who: s.admins, path: func(n int64) string { return "/conversations/" + s.thread(n) + "/messages?limit=50&before=20" }},
	)
}

// thread is one of the history, another one each time.
func (s *screen) thread(n int64) string { return s.threads[scatter(n)%int64(len(s.threads))].String() }
