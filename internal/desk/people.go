package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
)

type peopleStore interface {
	// Agents lists everybody; AgentsByID leaves out ids of nobody. Both with load and with presence as it is now.
	Agents(ctx context.Context) ([]chat.AgentLoad, error)
	AgentsByID(ctx context.Context, ids []chat.AgentID) ([]chat.AgentLoad, error)
	Me(ctx context.Context, id chat.AgentID) (chat.Me, error)
	SetPrefs(ctx context.Context, id chat.AgentID, prefs []byte) error
	// CreateAgent adds an active agent. CodeInUse: the e-mail address; CodeInvalid: a department.
	CreateAgent(ctx context.Context, by chat.Audit, a chat.Agent, p chat.Password) error
	// ChangeAgent locks an agent and writes what decide returns; a refusal of decide is returned as it is.
	ChangeAgent(ctx context.Context, n chat.HolderNeeds, decide func(chat.HolderState) (*chat.HolderWrite, error)) error
}

// Me reads the agent who asks.
func (d *Desk) Me(ctx context.Context, p chat.Principal) (chat.Me, error) {
	if err := person(p); err != nil {
		return chat.Me{}, err
	}
	return d.store.Me(ctx, p.AgentID)
}

// prefsLimit bounds what an agent may set for themselves, in bytes, and prefsDepth how deep it may be nested.
const (
	prefsLimit = 16 << 10
	prefsDepth = 16
)

// SetPrefs replaces what the agent has set for themselves: an object of any keys.
func (d *Desk) SetPrefs(ctx context.Context, p chat.Principal, prefs json.RawMessage) error {
	if err := person(p); err != nil {
		return err
	}
	var object map[string]any
	if len(prefs) > prefsLimit || json.Unmarshal(prefs, &object) != nil || object == nil || deeper(object, prefsDepth) {
		return invalid("prefs", "an object of at most %d bytes, nested %d times", prefsLimit, prefsDepth)
	}
	prefs, err := json.Marshal(object) // without what JSON allows and a database does not: half characters
	if err != nil || bytes.Contains(prefs, []byte(`\u0000`)) {
		return invalid("prefs", "not text")
	}
	return d.store.SetPrefs(ctx, p.AgentID, prefs)
}

// deeper tells whether a JSON value is nested more often than so many times.
func deeper(v any, times int) bool {
	inner := func(v any) bool { return deeper(v, times-1) }
	switch v := v.(type) {
	case map[string]any:
		return times == 0 || slices.ContainsFunc(slices.Collect(maps.Values(v)), inner)
	case []any:
		return times == 0 || slices.ContainsFunc(v, inner)
	}
	return false
}

// Agents lists everybody. E-mail addresses are for admins and managers; others see their own. Who has a second factor is told
// to those who manage agents.
func (d *Desk) Agents(ctx context.Context, p chat.Principal) ([]chat.AgentLoad, error) {
	agents, err := d.store.Agents(ctx)
	if err == nil && p.Need(chat.PermissionAgents) == nil {
		var holders []chat.AgentID
		if holders, err = d.store.TOTPHolders(ctx); err != nil {
			return nil, err
		}
		for i, a := range agents {
			has := slices.Contains(holders, a.ID)
			agents[i].SecondFactor = &has
		}
	}
	if p.Role != chat.RoleAdmin && p.Role != chat.RoleManager {
		for i := range agents {
			if agents[i].ID != p.AgentID {
				agents[i].Email = ""
			}
		}
	}
	return agents, err
}

// CreateAgent adds an agent with a first password, which they must change when they sign in.
func (d *Desk) CreateAgent(ctx context.Context, p chat.Principal, f chat.AgentForm, password string) (chat.AgentLoad, error) {
	if err := p.Need(chat.PermissionAgents); err != nil {
		return chat.AgentLoad{}, err
	}
	a := chat.Agent{ID: chat.NewID[chat.AgentID](), State: chat.AgentActive}
	if f.Behavior == "" {
		f.Behavior = chat.BehaviorNormal
	}
	if err := applyAgent(&a, chat.AgentPatch{
		Name: &f.Name, Email: &f.Email, Role: &f.Role, Behavior: &f.Behavior, Capacity: &f.Capacity, Languages: &f.Languages, Departments: &f.Departments,
	}); err != nil {
		return chat.AgentLoad{}, err
	}
	hash, err := d.passwords.Hash(ctx, password, a.Name, a.Email)
	if err != nil {
		return chat.AgentLoad{}, err
	}
	if err := d.store.CreateAgent(ctx, chat.Audited(p, "agent.created", a.ID, a.Name).With("role", a.Role).With("departments", sorted(a.Departments)), a, chat.Password{Hash: hash, MustChange: true}); err != nil {
		return chat.AgentLoad{}, err
	}
	d.settingsChanged(ctx, "agents")
	return d.agent(ctx, a.ID)
}

func (d *Desk) agent(ctx context.Context, id chat.AgentID) (chat.AgentLoad, error) {
	agents, err := d.store.AgentsByID(ctx, []chat.AgentID{id})
	if err == nil && len(agents) == 0 {
		err = chat.Errorf(chat.CodeNotFound, "no such agent")
	}
	if err != nil {
		return chat.AgentLoad{}, err
	}
	return agents[0], nil
}

// applyAgent checks the fields of a patch and puts them into an agent.
func applyAgent(a *chat.Agent, c chat.AgentPatch) (err error) {
	if c.Name != nil {
		if a.Name, err = line("name", *c.Name, 1, 100); err != nil {
			return err
		}
	}
	if c.Email != nil {
		if a.Email, err = mailAddress("email", *c.Email); err != nil {
			return err
		}
	}
	if c.Role != nil {
		if a.Role = *c.Role; !a.Role.Valid() {
			return invalid("role", "no such role")
		}
	}
	if c.Behavior != nil {
		if a.Behavior = *c.Behavior; !a.Behavior.Valid() {
			return invalid("behavior", "no such behavior")
		}
	}
	if c.Capacity != nil {
		if err := within("capacity", *c.Capacity, 0, chat.MaxCapacity); err != nil {
			return err
		}
		a.Capacity = *c.Capacity
	}
	if c.Languages != nil {
		if a.Languages, err = languages(*c.Languages); err != nil {
			return err
		}
	}
	if c.Departments != nil {
		a.Departments = slices.Compact(slices.SortedFunc(slices.Values(*c.Departments), func(x, y chat.DepartmentID) int { return bytes.Compare(x[:], y[:]) }))
	}
	return nil
}

func languages(tags []string) ([]string, error) {
	var out []string
	if len(tags) > 32 {
		return nil, invalid("languages", "at most 32")
	}
	for _, t := range tags {
		t, err := language("languages", t)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out, nil
}

// language checks a language tag: "tr", "en_US", "pt-BR".
func language(field, tag string) (string, error) {
	letter := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' }
	other := func(r rune) bool { return !letter(r) && r != '-' && r != '_' }
	if len(tag) < 2 || len(tag) > 35 || strings.ContainsFunc(tag, other) || !letter(rune(tag[0])) {
		return "", invalid(field, "not a language")
	}
	return tag, nil
}

// UpdateAgent changes the fields of an agent that are given. The last active admin stays one: CodeInUse.
func (d *Desk) UpdateAgent(ctx context.Context, p chat.Principal, id chat.AgentID, c chat.AgentPatch) (chat.AgentLoad, error) {
	return d.editAgent(ctx, p, "agent.updated", chat.HolderNeeds{Agent: id, Admins: true}, func(st chat.HolderState, _ *ledger, w *chat.HolderWrite) error {
		return applyAgent(w.Agent, c)
	})
}

// DisableAgent ends an agent's sessions and returns what they hold to its lines, at its old places. The last active admin
// cannot be disabled: CodeInUse.
func (d *Desk) DisableAgent(ctx context.Context, p chat.Principal, id chat.AgentID) (chat.AgentLoad, error) {
	return d.editAgent(ctx, p, "agent.disabled", chat.HolderNeeds{Agent: id, Admins: true, Held: true}, func(st chat.HolderState, l *ledger, w *chat.HolderWrite) error {
		w.Agent.State = chat.AgentDisabled
		w.Presence = &chat.PresenceChange{Presence: chat.Offline}
		w.EndSessions = true
		for _, h := range st.Held {
			giveBack(l, h, "removed", p.AgentID)
		}
		return nil
	})
}

// EnableAgent lets a disabled agent in again.
func (d *Desk) EnableAgent(ctx context.Context, p chat.Principal, id chat.AgentID) (chat.AgentLoad, error) {
	return d.editAgent(ctx, p, "agent.enabled", chat.HolderNeeds{Agent: id}, func(_ chat.HolderState, _ *ledger, w *chat.HolderWrite) error {
		w.Agent.State = chat.AgentActive
		return nil
	})
}

// SetAgentPassword gives an agent a password that they must change, and ends their sessions.
func (d *Desk) SetAgentPassword(ctx context.Context, p chat.Principal, id chat.AgentID, password string) error {
	if err := p.Need(chat.PermissionAgents); err != nil {
		return err
	}
	a, err := d.agent(ctx, id)
	if err != nil {
		return err
	}
	hash, err := d.passwords.Hash(ctx, password, a.Name, a.Email)
	if err != nil {
		return err
	}
	return d.changeAgent(ctx, chat.HolderNeeds{Agent: id}, func(_ chat.HolderState, _ *ledger, w *chat.HolderWrite) error {
		w.Password = &chat.Password{Hash: hash, MustChange: true}
		trace := chat.Audited(p, "agent.password_set", id, a.Name)
		w.Audit = &trace
		w.EndSessions = true
		return nil
	})
}

// editAgent is an admin's change of an agent's row. edit finds the row as it is in w.Agent.
func (d *Desk) editAgent(ctx context.Context, p chat.Principal, action string, n chat.HolderNeeds, edit func(st chat.HolderState, l *ledger, w *chat.HolderWrite) error) (chat.AgentLoad, error) {
	if err := p.Need(chat.PermissionAgents); err != nil {
		return chat.AgentLoad{}, err
	}
	err := d.changeAgent(ctx, n, func(st chat.HolderState, l *ledger, w *chat.HolderWrite) error {
		a := st.Agent.Agent
		w.Agent = &a
		if err := edit(st, l, w); err != nil {
			return err
		}
		admin := func(x chat.Agent) bool { return x.Role == chat.RoleAdmin && x.State == chat.AgentActive }
		if admin(st.Agent.Agent) && !admin(a) && st.OtherAdmins == 0 {
			return chat.Errorf(chat.CodeInUse, "the last active admin").With("rule", "last_admin")
		}
		trace := chat.Audited(p, action, a.ID, a.Name).With("changed", rights(st.Agent.Agent, a))
		w.Audit = &trace
		return nil
	})
	if err != nil {
		return chat.AgentLoad{}, err
	}
	return d.agent(ctx, n.Agent)
}

// changeAgent runs one change of an agent and tells who must know. decide notes in the ledger what becomes of the
// conversations.
func (d *Desk) changeAgent(ctx context.Context, n chat.HolderNeeds, decide func(st chat.HolderState, l *ledger, w *chat.HolderWrite) error) error {
	var (
		st chat.HolderState
		l  ledger
		w  *chat.HolderWrite
	)
	if err := d.store.ChangeAgent(ctx, n, func(s chat.HolderState) (*chat.HolderWrite, error) {
		st, l, w = s, newLedger(chat.LaneState{Now: s.Now}), &chat.HolderWrite{}
		if err := decide(s, &l, w); err != nil {
			return nil, err
		}
		w.Write = *l.finish()
		return w, nil
	}); err != nil {
		return err
	}
	d.agentChanged(ctx, st, &l, w)
	return nil
}

// giveBack returns a held conversation to its line, at its old place.
func giveBack(l *ledger, h chat.HeldRow, why string, by chat.AgentID) {
	c := &conv{ConversationRow: h.ConversationRow}
	changed, event := c.Enqueue(h.WaitedSince, why)
	c.Conversation = changed
	event.At, event.Actor = l.state.Now, by
	l.log(c, event)
}

// agentChanged publishes a committed change of an agent and rings for the lines that it filled or gave room to.
func (d *Desk) agentChanged(ctx context.Context, before chat.HolderState, l *ledger, w *chat.HolderWrite) {
	notices := l.notices()
	lines := map[chat.DepartmentID]bool{}
	after := before.Agent
	for _, e := range w.Write.Events {
		if q, ok := e.Data.(chat.QueuedData); ok {
			lines[q.Department] = true
		}
	}
	for _, h := range before.Held {
		if h.Status == chat.Assigned && slices.ContainsFunc(w.Write.Changed, func(c chat.Conversation) bool { return c.ID == h.ID }) {
			after.Load--
		}
	}
	if w.Agent != nil {
		presence := after.Presence
		after.Agent = *w.Agent
		after.Presence = presence
		notices = append(notices, chat.Notice{Kind: chat.NoticeSettings, What: "agents"})
	}
	if c := w.Presence; c != nil {
		if after.Presence != c.Presence || after.BreakReasonID != c.Reason {
			after.PresenceSince = before.Clock
		}
		after.Presence, after.BreakReasonID = c.Presence, c.Reason
	}
	if w.Agent != nil || w.Presence != nil || after.Load != before.Agent.Load {
		notices = append(notices, presenceNotice(after))
	}
	if w.EndSessions || rightsDiffer(before.Agent.Agent, after.Agent) {
		notices = append(notices, chat.Notice{Kind: chat.NoticeSession, Agent: after.ID})
	}
	d.live.Publish(ctx, notices)
	if after.Presence == chat.Online && (w.Agent != nil || w.Presence != nil) {
		for _, x := range after.Departments {
			lines[x] = true
		}
	}
	for x := range lines {
		d.ring(ctx, task.Route, x)
	}
}

func rightsDiffer(a, b chat.Agent) bool {
	return a.Role != b.Role || a.State != b.State || len(a.Departments) != len(b.Departments) ||
		slices.ContainsFunc(a.Departments, func(x chat.DepartmentID) bool { return !slices.Contains(b.Departments, x) })
}

func presenceNotice(a chat.AgentLoad) chat.Notice {
	n := chat.PresenceNotice{Agent: a.ID, Presence: a.Presence, Since: a.PresenceSince, Load: a.Load, Capacity: a.Capacity}
	if a.Presence == chat.OnBreak {
		n.Break = a.BreakReasonID
	}
	return chat.Notice{Kind: chat.NoticePresence, Presence: &n}
}

// settingsChanged tells live readers to fetch a list again.
func (d *Desk) settingsChanged(ctx context.Context, what string) {
	d.live.Publish(ctx, []chat.Notice{{Kind: chat.NoticeSettings, What: what}})
}
