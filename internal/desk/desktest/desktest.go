// Package desktest is a small world for tests of the desk: a real Postgres, a department, a channel whose events are plain
// chat.Inbound values, and a phone book of what was published and rung for. Nothing in it is a mock of our own parts.
package desktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/postgres"
	"gatehouse/internal/postgres/postgrestest"
	"gatehouse/internal/task"
	"gatehouse/internal/vitals"
	"gatehouse/internal/window"
	"gatehouse/templates"

	"github.com/jackc/pgx/v5"
)

// Kind is the test's channel: WhatsApp's window and limits, and events that are JSON lists of chat.Inbound.
const Kind chat.ChannelKind = "toy"

// World is a desk with a department and an account.
type World struct {
	T          testing.TB
	Store      *postgres.Store
	Desk       *desk.Desk
	Door       *desk.Door
	Account    chat.AccountID
	Department chat.DepartmentID
	Reason     chat.EndReasonID
	Key        chat.AccountKey

	mark string // tells worlds in one database apart; empty for the first of one
	mu   sync.Mutex

	Notices []chat.Notice
	Wakes   []task.Wake
	Counted map[string]int
	said    []chat.ThreadEvent // in all news
}

var marks atomic.Int64

func nextMark() string { return fmt.Sprintf("%05d", marks.Add(1)) }

// New makes a world on a database of its own.
func New(t testing.TB) *World {
	t.Helper()
	return build(t, postgrestest.New(t), "")
}

// Shared makes a world in the database that the tests of the process share, with a department, an account, agents and phone
// numbers of its own. It takes milliseconds where New takes a database. What looks at whole tables, such as what is due
// anywhere, needs New.
func Shared(t testing.TB) *World {
	t.Helper()
	return build(t, postgrestest.Shared(t), nextMark())
}

// Wing makes another department with an account of its own beside this one: the same people may write to both.
func (w *World) Wing() *World {
	w.T.Helper()
	return build(w.T, w.Store, nextMark())
}

// Limits are what the toy channel carries.
var limits = chat.Limits{
	Templates: true, TextLimit: 4096, Caption: 1024, Location: true, Reactions: true, ReplyTo: true, Buttons: 3, List: true,
	PerSecond: 1000, Media: map[chat.MessageKind]chat.MediaLimit{chat.KindImage: {Types: []string{"image/png"}, Bytes: 1 << 20}},
}

// Channel is the toy channel; change alters its limits.
func Channel(change func(*chat.Limits)) desk.Channel {
	l := limits
	if change != nil {
		change(&l)
	}
	return desk.Channel{
		Label: "Toy", Parse: Parse, Limits: l,
		Window: window.Rule{Open: window.ServiceWindow, Templates: true, FreeEntry: window.FreeEntryWindow},
	}
}

// Use gives the world a desk whose toy channel is another, or whose store is wrapped; nil keeps the world's own.
func (w *World) Use(c desk.Channel, store desk.Store) {
	if store == nil {
		store = w.Store
	}
	w.Desk = desk.New(desk.Config{
		Store: store, Waker: w, Publisher: w, Metrics: w, Log: slog.New(slog.DiscardHandler), Kinds: map[chat.ChannelKind]desk.Channel{Kind: c},
	})
}

func build(t testing.TB, store *postgres.Store, mark string) *World {
	t.Helper()
	w := &World{
		T: t, Store: store, Account: chat.NewID[chat.AccountID](), Department: chat.NewID[chat.DepartmentID](),
		Reason: chat.NewID[chat.EndReasonID](), Counted: map[string]int{}, mark: mark,
		Key: chat.AccountKey{Kind: Kind, Type: "number", Value: "100" + mark},
	}
	w.Use(Channel(nil), nil)
	t.Cleanup(w.onlyTrueNews)
	w.Door = desk.NewDoor(w.Store, w, func(int, time.Duration, error) {})
	w.Exec(`INSERT INTO departments (id, name) VALUES ($1, 'Destek' || $2)`, w.Department, mark)
	w.Exec(`INSERT INTO department_lines (department_id) VALUES ($1)`, w.Department)
	w.Exec(`INSERT INTO channel_accounts (id, kind, name, department_id) VALUES ($1, $2, 'Mavi Ev', $3)`, w.Account, Kind, w.Department)
	w.Exec(`INSERT INTO account_keys (value, type, kind, account_id, main) VALUES ($1, $2, $3, $4, true)`, w.Key.Value, w.Key.Type, Kind, w.Account)
	w.Exec(`INSERT INTO lanes (account_id) VALUES ($1)`, w.Account)
	w.Exec(`INSERT INTO send_lanes (account_id) VALUES ($1)`, w.Account)
	w.Exec(`INSERT INTO end_reasons (id, label) VALUES ($1, 'Solved' || $2)`, w.Reason, mark)
	return w
}

// Phone is a phone number of this world.
func (w *World) Phone(n int) string { return fmt.Sprintf("90555%s%04d", w.mark, n) }

// Parse reads the toy channel's events. The text "panic" makes it panic.
func Parse(e chat.RawEvent) ([]chat.Inbound, error) {
	var out []chat.Inbound
	if err := json.Unmarshal(e.Body, &out); err != nil {
		return nil, err
	}
	for _, in := range out {
		if in.Message != nil && in.Message.Text == "panic" {
			panic("the toy parser was asked to")
		}
	}
	return out, nil
}

// Exec runs SQL or fails the test.
func (w *World) Exec(sql string, args ...any) {
	w.T.Helper()
	if _, err := w.Store.Pool().Exec(context.Background(), sql, args...); err != nil {
		w.T.Fatal(err)
	}
}

// Int reads a number.
func (w *World) Int(sql string, args ...any) int {
	w.T.Helper()
	var n int
	if err := w.Store.Pool().QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		w.T.Fatal(err)
	}
	return n
}

// Agent makes an active agent of the department, online unless told otherwise.
func (w *World) Agent(name string, capacity int, presence chat.Presence) chat.Principal {
	w.T.Helper()
	id := chat.NewID[chat.AgentID]()
	w.Exec(`INSERT INTO agents (id, name, email, role, capacity) VALUES ($1, $2, $2 || $4 || '@example.com', 'agent', $3)`, id, name, capacity, w.mark)
	w.Exec(`INSERT INTO agent_departments (agent_id, department_id) VALUES ($1, $2)`, id, w.Department)
	w.Exec(`INSERT INTO agent_presence (agent_id, presence, seen_at) VALUES ($1, $2, now() + interval '1 hour')`, id, presence)
	return chat.Principal{AgentID: id, Role: chat.RoleAgent, Departments: []chat.DepartmentID{w.Department}}
}

// Admin makes an administrator who is online.
func (w *World) Admin() chat.Principal {
	p := w.Agent("admin-"+chat.NewID[chat.AgentID]().String(), 15, chat.Online)
	w.Exec(`UPDATE agents SET role = 'admin', behavior = 'assigned_only' WHERE id = $1`, p.AgentID)
	p.Role = chat.RoleAdmin
	return p
}

// From is a contact's address.
func From(phone string) []chat.Address {
	return []chat.Address{{Kind: Kind, Type: chat.AddressPhone, Value: phone}}
}

// Text is a message of a contact.
func (w *World) Text(phone, external, text string) chat.Inbound {
	return chat.Inbound{
		Kind: chat.InboundMessageKind, Account: w.Key, From: From(phone), Profile: chat.Profile{Name: "Elif " + phone[len(phone)-2:]},
		At:      time.Now().UTC().Truncate(time.Second).Add(w.Store.Shifted()),
		Message: &chat.InboundMessage{ExternalID: external, Direction: chat.In, Source: chat.SourceContact, Kind: chat.KindText, Text: text, OpensWindow: true},
	}
}

// Status is a provider's word on a message of ours.
func (w *World) Status(external string, s chat.MessageStatus) chat.Inbound {
	return chat.Inbound{
		Kind: chat.InboundStatusKind, Account: w.Key, At: time.Now().UTC(), Status: &chat.InboundStatus{ExternalID: external, Status: s},
	}
}

// Event is a raw event that holds these happenings.
func (w *World) Event(ins ...chat.Inbound) chat.RawEvent {
	body, err := json.Marshal(ins)
	if err != nil {
		w.T.Fatal(err)
	}
	return w.Raw(string(body))
}

// Raw is a raw event with this body.
func (w *World) Raw(body string) chat.RawEvent {
	return chat.RawEvent{
		ID: chat.NewID[chat.InboundEventID](), AccountID: w.Account, Kind: Kind, Body: []byte(body),
	}
}

// Accept stores events.
func (w *World) Accept(events ...chat.RawEvent) {
	w.T.Helper()
	for len(events) > 0 {
		n := min(len(events), 100)
		if err := w.Store.InsertEvents(context.Background(), events[:n]); err != nil {
			w.T.Fatal(err)
		}
		events = events[n:]
	}
}

// In stores happenings, an event each, and drains the lane.
func (w *World) In(ins ...chat.Inbound) {
	w.T.Helper()
	for _, in := range ins {
		w.Accept(w.Event(in))
	}
	w.Drain()
}

// Drain drains the lane.
func (w *World) Drain() {
	w.T.Helper()
	if err := w.Desk.Drain(context.Background(), w.Account); err != nil && !errors.Is(err, chat.ErrLaneBusy) {
		w.T.Fatal(err)
	}
}

// Route routes the department.
func (w *World) Route() {
	w.T.Helper()
	if err := w.Desk.Route(context.Background(), w.Department); err != nil {
		w.T.Fatal(err)
	}
}

// Open is the open conversation of a contact.
func (w *World) Open(phone string) chat.ConversationRow {
	w.T.Helper()
	var id chat.ConversationID
	if err := w.Store.Pool().QueryRow(context.Background(), `SELECT c.id FROM conversations c JOIN identities i ON i.id = c.identity_id
		WHERE i.value = $1 AND c.account_id = $2 AND c.status <> 'closed'`, phone, w.Account).Scan(&id); err != nil {
		w.T.Fatalf("the open conversation of %s: %v", phone, err)
	}
	return w.Row(id)
}

// Row reads a conversation.
func (w *World) Row(id chat.ConversationID) chat.ConversationRow {
	w.T.Helper()
	rows, err := w.Store.ConversationRows(context.Background(), []chat.ConversationID{id})
	if err != nil || len(rows) != 1 {
		w.T.Fatalf("conversation %s: %d rows, %v", id, len(rows), err)
	}
	return rows[0]
}

// Thread reads a contact's messages in the open conversation, oldest first.
func (w *World) Thread(phone string) []chat.ThreadMessage {
	w.T.Helper()
	out, err := w.Store.ThreadPage(context.Background(), w.Open(phone).ID, 0, 0, 10_000)
	if err != nil {
		w.T.Fatal(err)
	}
	return out
}

// Message reads one message.
func (w *World) Message(id chat.MessageID) chat.ThreadMessage {
	w.T.Helper()
	m, err := w.Store.Message(context.Background(), id)
	if err != nil {
		w.T.Fatal(err)
	}
	return m
}

// External reads the message that a provider's id names.
func (w *World) External(external string) chat.ThreadMessage {
	w.T.Helper()
	var id chat.MessageID
	if err := w.Store.Pool().QueryRow(context.Background(), `SELECT message_id FROM provider_ids WHERE provider_id = $1 AND account_id = $2`,
		external, w.Account).Scan(&id); err != nil {
		w.T.Fatalf("the message %s: %v", external, err)
	}
	return w.Message(id)
}

// Talk has a contact write and the agent take the conversation.
func (w *World) Talk(p chat.Principal, phone string) chat.ConversationRow {
	w.T.Helper()
	w.In(w.Text(phone, "first."+phone, "hello"))
	row, err := w.Desk.Take(context.Background(), p, w.Open(phone).ID)
	if err != nil {
		w.T.Fatal(err)
	}
	return row
}

// Say has the holder answer.
func (w *World) Say(p chat.Principal, id chat.ConversationID, text string) chat.ThreadMessage {
	w.T.Helper()
	m, err := w.Desk.Reply(context.Background(), p, id, Text(text), nil)
	if err != nil {
		w.T.Fatal(err)
	}
	return m
}

// Quarantine lists the errors of the account's events that were put aside and not replayed.
func (w *World) Quarantine() []string {
	w.T.Helper()
	rows, err := w.Store.Pool().Query(context.Background(), `SELECT error FROM quarantined_events WHERE account_id = $1 AND over_at IS NULL ORDER BY event_id`, w.Account)
	if err != nil {
		w.T.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.T.Fatal(err)
	}
	return out
}

// Template stores an approved template of the account and returns its id.
func (w *World) Template(t templates.Template) chat.TemplateID {
	w.T.Helper()
	def, err := json.Marshal(t)
	if err != nil {
		w.T.Fatal(err)
	}
	id := chat.NewID[chat.TemplateID]()
	w.Exec(`INSERT INTO templates (id, account_id, provider_id, name, language, status, category, definition) VALUES ($1, $2, '', $3, $4, $5, $6, $7)`,
		id, w.Account, t.Name, t.Language, string(t.Status), string(t.Category), def)
	return id
}

// Send claims what is due, hands each to send, and settles the outcomes. It returns what was claimed.
func (w *World) Send(send func(chat.Send) (chat.Receipt, error)) []chat.Send {
	w.T.Helper()
	sends, _, err := w.Desk.Claim(context.Background(), w.Account, 64)
	if err != nil {
		w.T.Fatal(err)
	}
	for _, s := range sends {
		r, err := send(s)
		if _, err := w.Desk.Settle(context.Background(), w.Account, []chat.Outcome{desk.OutcomeOf(s, r, err)}); err != nil {
			w.T.Fatal(err)
		}
	}
	return sends
}

// Sent is a provider that takes everything.
func Sent(s chat.Send) (chat.Receipt, error) {
	return chat.Receipt{ExternalID: "out." + s.Message.ID.String()}, nil
}

// MustHold checks every invariant that the record can be asked about, and that nothing waits to be applied.
func (w *World) MustHold() {
	w.T.Helper()
	all, err := w.Store.Verify(context.Background())
	if err != nil {
		w.T.Fatal(err)
	}
	for _, b := range all {
		if b.Count > 0 {
			w.T.Errorf("%s: %s: %d breaches, such as %v", b.ID, b.Claim, b.Count, b.Samples)
		}
	}
	if n := w.Int(`SELECT count(*) FROM inbound_pending`); n != 0 {
		w.T.Errorf("%d events wait", n)
	}
}

// NothingWaits checks that the account's lane is empty.
func (w *World) NothingWaits() {
	w.T.Helper()
	if n := w.Int(`SELECT count(*) FROM inbound_pending WHERE account_id = $1`, w.Account); n != 0 {
		w.T.Errorf("%d events wait", n)
	}
}

// Code asserts a refusal.
func Code(t testing.TB, err error, want chat.Code) {
	t.Helper()
	var e *chat.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Fatalf("got %v, want %s", err, want)
	}
}

// Wake notes a ring.
func (w *World) Wake(_ context.Context, k task.Wake) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Wakes = append(w.Wakes, k)
}

// Rang tells whether a worker was woken for this.
func (w *World) Rang(k task.Kind, id fmt.Stringer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.Wakes {
		if r.Kind == k && r.ID == id.String() {
			return true
		}
	}
	return false
}

// Publish notes news.
func (w *World) Publish(_ context.Context, n []chat.Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Notices = append(w.Notices, n...)
	for _, x := range n {
		w.said = append(w.said, x.Events...)
	}
}

// onlyTrueNews checks that every event of the news is in the record as it was told: what a transaction decided that was
// rolled back is no news.
func (w *World) onlyTrueNews() {
	w.T.Helper()
	type place struct {
		conversation chat.ConversationID
		seq          int64
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.said) == 0 {
		return
	}
	var ids []chat.ConversationID
	for _, e := range w.said {
		ids = append(ids, e.ConversationID)
	}
	conn, err := pgx.ConnectConfig(context.Background(), w.Store.Pool().Config().ConnConfig) // the test may have closed the store
	if err != nil {
		w.T.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(context.Background(), `SELECT conversation_id, seq, concat_ws(' ', kind, message_id) FROM conversation_events
		WHERE conversation_id = any($1)`, ids)
	if err != nil {
		w.T.Fatal(err)
	}
	record := map[place]string{}
	var at place
	var says string
	if _, err := pgx.ForEachRow(rows, []any{&at.conversation, &at.seq, &says}, func() error { record[at] = says; return nil }); err != nil {
		w.T.Fatal(err)
	}
	for _, e := range w.said {
		says := string(e.Kind)
		if !chat.IsZero(e.MessageID) {
			says += " " + e.MessageID.String()
		}
		if have := record[place{e.ConversationID, e.Seq}]; have != says {
			w.T.Errorf("event %d of conversation %s was told as %q, and is %q", e.Seq, e.ConversationID, says, have)
		}
	}
}

// Count is how often something was counted.
func (w *World) Count(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Counted[what]
}

// Told takes the news since it was last asked.
func (w *World) Told() []chat.Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.Notices
	w.Notices = nil
	return n
}

func (w *World) count(k string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Counted[k] += n
}

// Received implements desk.Metrics, as the methods below: counts by name.
func (w *World) Received(_, what string, n int) { w.count("received "+what, n) }

// IngestLag is not counted.
func (w *World) IngestLag(string, time.Duration) {}

// Window counts decisions by reason.
func (w *World) Window(_, reason string) { w.count("window "+reason, 1) }

// Delivered counts outcomes.
func (w *World) Delivered(_, outcome, _ string) { w.count("delivered "+outcome, 1) }

// SendLag is not counted.
func (w *World) SendLag(string, time.Duration) {}

// Routed counts assignments.
func (w *World) Routed(outcome string, _ time.Duration) { w.count("routed "+outcome, 1) }

// Quarantined counts events put aside.
func (w *World) Quarantined(string) { w.count("quarantined", 1) }

// Recovered counts what the sweeper found.
func (w *World) Recovered(what string, n int) { w.count("recovered "+what, n) }

// Signs counts what accounts' signs say, and the reasons of failures.
func (w *World) Signs(_ chat.AccountID, s vitals.Sends, reason string) {
	for what, n := range map[string]int64{"heard": s.Heard, "sent": s.Sent, "failed": s.Failed, "unknown": s.Unknown, "throttled": s.Throttled, "again": s.Again} {
		if n > 0 {
			w.count("account "+what, int(n))
		}
	}
	if reason != "" {
		w.count("account "+reason, 1)
	}
}

// Text is an agent's answer.
func Text(s string) desk.Reply { return desk.Reply{Text: s} }
