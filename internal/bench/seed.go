package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/internal/chat"
)

// Seed says what history to write. It goes to accounts, departments and agents of its own, named "Bench history".
type Seed struct {
	Target
	Conversations int           // default 50,000
	Messages      int           // of each conversation; default 20
	Departments   int           // default 20
	Agents        int           // of each department, default 10
	Accounts      int           // default 4
	Span          time.Duration // how far it reaches back, default a year
	Writers       int           // connections that write, default 2
}

// Seeded is what was written, and how fast.
type Seeded struct {
	Head
	Conversations int64   `json:"conversations"`
	Messages      int64   `json:"messages"`
	Events        int64   `json:"events"`
	Seconds       float64 `json:"seconds"`
	MessagesPerS  float64 `json:"messages_per_s"`
}

// Table writes the report for people.
func (r Seeded) Table(w io.Writer) error {
	t := newTable(w)
	t.row("written", "%d conversations, %d messages, %d events in %.1f s: %.0f messages/s", r.Conversations, r.Messages, r.Events, r.Seconds, r.MessagesPerS)
	return t.end(r.Head)
}

// checked has the defaults filled in.
func (s Seed) checked() (Seed, error) {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&s.Conversations, 50_000)
	def(&s.Messages, 20)
	def(&s.Departments, 20)
	def(&s.Agents, 10)
	def(&s.Accounts, 4)
	def(&s.Writers, 2)
	if s.Span == 0 {
		s.Span = 365 * 24 * time.Hour
	}
	if s.Conversations < 0 || s.Messages < 1 || s.Messages > 500 || s.Departments < 1 || s.Agents < 1 || s.Accounts < 1 || s.Accounts > accountsMost || s.Writers < 1 || s.Span < 24*time.Hour {
		return s, fmt.Errorf("bench: a history has conversations of 1 to 500 messages, departments with agents, 1 to %d accounts, writers, and reaches back a day at least", accountsMost)
	}
	return s, nil
}

// The shape of a history: how much of it is still open, and what an agent holds of that.
const (
	historyName     = "Bench history"
	historyCapacity = 50
	newestPart      = 50   // of the newest conversations, one part of so many, those are open whose contact comes back: half of them wait
	chunk           = 1000 // conversations that one transaction writes
)

// Run writes the history. It refuses a record that has accounts of others: what it writes cannot be taken out again.
func (s Seed) Run(ctx context.Context) (Seeded, error) {
	var r Seeded
	s, err := s.checked()
	if err != nil {
		return r, err
	}
	if r.Head, err = s.head(ctx, fmt.Sprintf("COPY by %d writers; %d departments of %d agents, %d accounts, %s back; one conversation of %d open", s.Writers, s.Departments, s.Agents, s.Accounts, s.Span, 2*newestPart)); err != nil {
		return r, err
	}
	p, err := s.place(ctx)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	start := time.Now()
	if err := s.write(ctx, p, &r); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	s.say("tidying: VACUUM ANALYZE")
	err = s.clerk(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "VACUUM (ANALYZE) contacts, identities, conversations, assignments, messages, provider_ids, conversation_events")
		return err
	})
	r.Seconds = time.Since(start).Seconds()
	r.MessagesPerS = float64(r.Messages) / r.Seconds
	return r, err
}

// place is where a history goes.
type place struct {
	accounts    []chat.AccountID
	departments []chat.DepartmentID
	agents      [][]chat.AgentID // by department
	held        int              // open conversations that its agents hold already
	reason      chat.EndReasonID
	number      int64 // of the first contact
	now         time.Time
}

func (s Seed) place(ctx context.Context) (*place, error) {
	all, err := s.Desk.Accounts(ctx, operator)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if !strings.HasPrefix(a.Name, "Bench") {
			return nil, fmt.Errorf("this record has a channel account of others, %q: a history is for a record that is meant for it", a.Name)
		}
	}
	// The number of microseconds keeps the people of two seedings apart.
	p := &place{now: time.Now().UTC().Truncate(time.Microsecond), number: time.Now().UnixMicro() % 1e12}
	if p.reason, err = s.endReason(ctx); err != nil {
		return nil, err
	}
	for i := range s.Departments {
		d, err := s.department(ctx, fmt.Sprintf("%s %d", historyName, i+1))
		if err != nil {
			return nil, err
		}
		p.departments = append(p.departments, d)
	}
	for i := range s.Accounts {
		a, err := s.account(ctx, fmt.Sprintf("%s %d", historyName, i+1), p.departments[i%len(p.departments)], newNumber(2, i), rand.Text(), nowhere)
		if err != nil {
			return nil, err
		}
		p.accounts = append(p.accounts, a)
	}
	for i, d := range p.departments {
		there, err := s.historians(ctx, []chat.DepartmentID{d})
		if err != nil {
			return nil, err
		}
		var posts []post
		for k := len(there); k < s.Agents; k++ {
			posts = append(posts, post{fmt.Sprintf("%s %d agent %d", historyName, i+1, k+1), chat.RoleAgent, historyCapacity, []chat.DepartmentID{d}})
		}
		more, err := s.hire(ctx, posts)
		if err != nil {
			return nil, err
		}
		p.agents = append(p.agents, append(there, more...)[:s.Agents])
	}
	return p, s.Store.Pool().QueryRow(ctx, "SELECT count(*) FROM conversations WHERE status IN ('assigned', 'pending') AND department_id = ANY($1)", p.departments).Scan(&p.held)
}

// historians are the agents of departments of a history.
func (t Target) historians(ctx context.Context, departments []chat.DepartmentID) ([]chat.AgentID, error) {
	rows, err := t.Store.Pool().Query(ctx, `
		SELECT a.id FROM agents a JOIN agent_departments d ON d.agent_id = a.id
		WHERE d.department_id = ANY($1) AND a.state = 'active' AND a.email LIKE 'bench-history-%@bench.invalid' ORDER BY a.created_at, a.id`, departments)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[chat.AgentID])
}

// write shares the chunks among the writers, the oldest first.
func (s Seed) write(ctx context.Context, p *place, r *Seeded) error {
	if err := s.partitions(ctx, p.now); err != nil {
		return err
	}
	run := strconv.FormatInt(p.now.UnixMicro(), 36)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		next atomic.Int64
		mu   sync.Mutex
		wg   sync.WaitGroup
	)
	for range s.Writers {
		wg.Go(func() {
			cancelIf(cancel, s.clerk(ctx, func(conn *pgx.Conn) error {
				if err := hasten(ctx, conn); err != nil {
					return err
				}
				for ctx.Err() == nil {
					from := int(next.Add(1)-1) * chunk
					if from >= s.Conversations {
						return nil
					}
					h := newHistory(fmt.Sprintf("%s.%07d.", run, from), p.reason)
					s.fill(h, p, from, min(from+chunk, s.Conversations))
					if err := h.write(ctx, conn); err != nil {
						return err
					}
					mu.Lock()
					r.Conversations, r.Messages, r.Events = r.Conversations+int64(h.Threads), r.Messages+int64(h.Written), r.Events+int64(h.Events)
					if r.Conversations/50_000 > (r.Conversations-int64(h.Threads))/50_000 {
						s.say("%d conversations", r.Conversations)
					}
					mu.Unlock()
				}
				return ctx.Err()
			}))
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func cancelIf(cancel context.CancelCauseFunc, err error) {
	if err != nil {
		cancel(err)
	}
}

// hasten has a connection write what it is given without a wait for the disk and, where we may, without looking every row's
// parents up: a history names no others than its own.
func hasten(ctx context.Context, conn *pgx.Conn) error {
	var mighty string
	if err := conn.QueryRow(ctx, "SELECT current_setting('is_superuser')").Scan(&mighty); err != nil {
		return err
	}
	sql := "SET synchronous_commit = off"
	if mighty == "on" {
		sql += "; SET session_replication_role = replica"
	}
	_, err := conn.Exec(ctx, sql)
	return err
}

// partitions makes the months that the history reaches back, as ensure_partitions makes those to come.
func (s Seed) partitions(ctx context.Context, now time.Time) error {
	return s.clerk(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			SELECT format('CREATE TABLE IF NOT EXISTS %I PARTITION OF messages FOR VALUES FROM (%L) TO (%L)',
				'messages_' || to_char(m, 'YYYYMM'), m::date::text || ' 00:00:00+00', (m + interval '1 month')::date::text || ' 00:00:00+00')
			FROM generate_series(date_trunc('month', $1::timestamptz AT TIME ZONE 'UTC'), $2::timestamptz AT TIME ZONE 'UTC', interval '1 month') m`, now.Add(-s.Span-time.Hour), now)
		if err != nil {
			return err
		}
		months, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, sql := range months {
			if err == nil {
				_, err = conn.Exec(ctx, sql)
			}
		}
		return err
	})
}

// fill makes conversations from…to of the history. Each contact of a chunk is there twice, far apart, and at most the second
// conversation is open.
func (s Seed) fill(h *history, p *place, from, to int) {
	step := s.Span / time.Duration(s.Conversations)
	// Whoever comes twice is gone before they come back, and the newest conversation is over by now.
	every := min(time.Minute, s.Span/time.Duration(max(2, s.Conversations))/2*time.Duration((to-from+1)/2)/time.Duration(s.Messages))
	newest := p.now.Add(-every*time.Duration(s.Messages) - 2*time.Minute)
	people := (to - from + 1) / 2
	guests := make([]guest, 0, people)
	opened := s.Conversations - s.Conversations/newestPart
	room := s.Departments*s.Agents*historyCapacity - p.held
	for i := from; i < to; i++ {
		at := newest.Add(-time.Duration(s.Conversations-1-i) * step)
		if i-from < people {
			guests = append(guests, h.guest(p.number+int64(i), at))
		}
		d := i % s.Departments
		x := thread{
			guest: guests[(i-from)%people], account: p.accounts[i%s.Accounts], department: p.departments[d], agent: p.agents[d][i/s.Departments%s.Agents],
			status: chat.Closed, start: at, every: every, messages: s.Messages, load: 1, capacity: historyCapacity,
		}
		if open := i - opened; open >= 0 && (i-from >= people || to-from == 1) {
			switch held := open / 4; {
			case scatter(int64(i))%2 == 0:
				x.status, x.agent, x.messages = chat.Waiting, chat.AgentID{}, min(3, s.Messages)
			case held < room && held%10 == 0:
				x.status = chat.Pending
			case held < room:
				x.status = chat.Assigned
			}
		}
		h.thread(x)
	}
}

var errNoHistory = errors.New("there is no history: run `gatehouse bench seed` first")
