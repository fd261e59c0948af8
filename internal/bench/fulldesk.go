package bench

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/internal/bench/agent"
	"gatehouse/internal/chat"
)

// FullDesk is one agent with as much before them as an inbox has to bear (UI.md §10.6): half of the conversations are theirs,
// one of which is long, and half wait in their line. They are full, so nothing is given to them while somebody looks.
type FullDesk struct {
	Target
	Conversations int // open ones, default 1,000
	Messages      int // of the long one, default 5,000; the others have a page and more
}

// Desked is where the agent is let in. The session is as good as their password for as long as it lasts.
type Desked struct {
	Head
	Session       string              `json:"session"` // the value of the inbox's cookie
	Agent         chat.AgentID        `json:"agent"`
	Long          chat.ConversationID `json:"long"`
	Conversations int                 `json:"conversations"`
	Thread        int                 `json:"thread"` // messages of the long one
	Messages      int                 `json:"messages"`
	Seconds       float64             `json:"seconds"`
}

// Table writes the report for people.
func (r Desked) Table(w io.Writer) error {
	t := newTable(w)
	t.row("written", "%d open conversations, %d messages in %.1f s", r.Conversations, r.Messages, r.Seconds)
	t.row("the long one", "%s", r.Long)
	t.row("cookie", "%s=%s, for %s", agent.SessionCookie, r.Session, sessionLife)
	return t.end(r.Head)
}

const (
	fullDeskName = "Bench desk"
	pageAndMore  = 60               // messages: what the inbox asks for at once is 50
	shortWait    = 3                // messages of somebody who waits
	betweenThem  = time.Minute      // last messages of two conversations: all windows are open
	longEvery    = 15 * time.Second // from one message of the long one to the next
)

// Run writes the desk and signs its agent in, who is online as soon as an inbox of theirs is open. Like Seed.Run it
// refuses a record with accounts of others.
func (f FullDesk) Run(ctx context.Context) (Desked, error) {
	var r Desked
	if f.Conversations == 0 {
		f.Conversations = 1000
	}
	if f.Messages == 0 {
		f.Messages = 5000
	}
	if f.Conversations < 2 || f.Conversations > 2*chat.MaxCapacity || f.Messages < 1 || f.Messages > 20_000 {
		return r, fmt.Errorf("bench: a desk has 2 to %d conversations, one of them of 1 to 20000 messages", 2*chat.MaxCapacity)
	}
	var err error
	if r.Head, err = f.head(ctx, "one agent: half of the conversations are theirs, half wait"); err != nil {
		return r, err
	}
	start := time.Now()
	// A history's place: one department, account and agent.
	s := Seed{Target: f.Target, Departments: 1, Agents: 1, Accounts: 1, Span: time.Duration(f.Messages)*longEvery + 48*time.Hour}
	p, err := s.place(ctx)
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	held := f.Conversations / 2
	name := fmt.Sprintf("%s %d", fullDeskName, p.now.UnixMicro())
	in, err := f.department(ctx, name)
	if err != nil {
		return r, fmt.Errorf("bench: department: %w", err)
	}
	ids, err := f.hire(ctx, []post{{name, chat.RoleAgent, held, []chat.DepartmentID{in}}})
	if err != nil {
		return r, fmt.Errorf("bench: agent: %w", err)
	}
	r.Agent = ids[0]
	if err := s.partitions(ctx, p.now); err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	h := newHistory(strconv.FormatInt(p.now.UnixMicro(), 36)+".desk.", p.reason)
	last := p.now.Add(-time.Minute)
	for i := range f.Conversations {
		x := thread{
			account: p.accounts[0], department: in, agent: r.Agent, status: chat.Assigned, every: time.Minute, messages: pageAndMore, load: i + 1, capacity: held,
		}
		switch {
		case i == 0:
			x.every, x.messages = longEvery, f.Messages
		case i >= held:
			x.status, x.agent, x.messages = chat.Waiting, chat.AgentID{}, shortWait
		}
		x.start = last.Add(-time.Duration(i)*betweenThem - time.Duration(x.messages-1)*x.every)
		x.guest = h.guest(p.number+int64(i), x.start)
		if id := h.thread(x); i == 0 {
			r.Long = id
		}
	}
	err = f.clerk(ctx, func(conn *pgx.Conn) error {
		if err := h.write(ctx, conn); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "ANALYZE contacts, identities, conversations, assignments, messages, conversation_events")
		return err
	})
	if err != nil {
		return r, fmt.Errorf("bench: %w", err)
	}
	r.Thread = f.Messages
	r.Conversations, r.Messages, r.Seconds = h.Threads, h.Written, time.Since(start).Seconds()
	tokens, err := f.sessions(ctx, ids)
	if err != nil {
		return r, fmt.Errorf("bench: session: %w", err)
	}
	r.Session = tokens[0]
	_, err = f.attend(ctx, ids)
	return r, err
}
