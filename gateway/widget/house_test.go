package widget

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/gofiber/fiber/v2"

	"gatehouse/channels"
	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

// house is the world around the door: a record in memory that keeps the promises of Deps, and a clock.
type house struct {
	t     *testing.T
	url   string // http://127.0.0.1:port
	srv   *Server
	log   *bytes.Buffer
	shop  chat.Account // allows https://shop.example and http://localhost:3000
	other chat.Account // allows https://other.example

	mu        sync.Mutex
	now       time.Time
	accounts  map[chat.AccountID]chat.Account
	tokens    map[string]tokenRow
	threads   map[string]*thread // by visitor
	agents    map[chat.AgentID]chat.Agent
	files     map[chat.AttachmentID]fileRow
	accepted  []chat.RawEvent
	published []chat.Notice
	readers   []func(chat.Notice)
	reads     int // of threads

	accept    func(context.Context, []chat.RawEvent) error // asked before the commit, if set
	accepting func()                                       // told after it, if set
	lost      bool                                         // notices do not arrive
}

type tokenRow struct {
	account chat.AccountID
	address chat.Address
}

type fileRow struct {
	visitor string
	media   chat.Media
	body    []byte
}

// thread is a visitor's conversations, the newest last, with all their events.
type thread struct {
	identity chat.Identity
	rows     []*chat.ConversationRow
	events   []chat.ThreadEvent
}

func driver() channels.Driver {
	return channels.Driver{
		Kind: chat.Webchat,
		Capabilities: channels.Capabilities{Limits: chat.Limits{
			TextLimit: 4000, Caption: 4000,
			Media: map[chat.MessageKind]chat.MediaLimit{
				chat.KindImage:    {Types: []string{"image/png", "image/jpeg"}, Bytes: 1 << 20},
				chat.KindDocument: {Types: []string{"application/pdf"}, Bytes: 1 << 20},
			},
		}},
		Settings: []channels.Setting{
			{Name: "color", Default: "#3654D1"},
			{Name: "theme", Default: "auto"},
			{Name: "language", Default: "auto"},
			{Name: "side", Default: "end"},
			{Name: "offset_x", Default: "20"},
			{Name: "offset_y", Default: "20"},
		},
	}
}

// open starts a door on a port of its own.
func open(t *testing.T, change ...func(*Config)) *house {
	t.Helper()
	h := &house{
		t: t, log: &bytes.Buffer{}, now: time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC),
		accounts: map[chat.AccountID]chat.Account{}, tokens: map[string]tokenRow{}, threads: map[string]*thread{},
		agents: map[chat.AgentID]chat.Agent{}, files: map[chat.AttachmentID]fileRow{},
	}
	h.shop = h.addAccount("Mavi Ev", "https://shop.example, http://localhost:3000")
	h.other = h.addAccount("Other", "https://other.example")
	cfg := Config{Driver: driver()}
	for _, c := range change {
		c(&cfg)
	}
	log := slog.New(slog.NewTextHandler(lockedWriter{&h.mu, h.log}, nil))
	srv, err := New(cfg, Deps{
		Accounts: h, Visitors: h, Threads: h, Agents: h, Files: h,
		Accept: h.Accept, Subscribe: h.Subscribe, Publish: h.Publish,
		Log: log, Now: h.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.srv = srv
	app := fiber.New(fiber.Config{
		DisableStartupMessage: true, StreamRequestBody: true, BodyLimit: 64 << 10,
		ReadTimeout: 15 * time.Second, IdleTimeout: 15 * time.Second, // as in the gateway: fasthttp's Shutdown may miss an idle connection
	})
	app.Server().KeepHijackedConns = true // as in the gateway: web.Sockets closes them
	shared := web.New(web.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}, web.Deps{Log: log, Now: h.Now})
	app.Use(shared.Door(web.Classes{{Prefix: "/widget/v1/", Suffix: "/uploads", Bytes: 2 << 20, Stream: true}, {Bytes: 64 << 10}}), shared.Headers(web.AppCSP))
	srv.Mount(app)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.url = "http://" + ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- app.Listener(web.Listen(ln)) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("sockets outlived Close: %v", err)
		}
		if err := app.ShutdownWithContext(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return h
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func (h *house) addAccount(name, origins string) chat.Account {
	a := chat.Account{
		ID: chat.NewID[chat.AccountID](), Kind: chat.Webchat, Name: name, State: chat.AccountConnected, Language: "tr",
		Settings: map[string]string{"allowed_origins": origins, "color": "#1F4E5F"},
	}
	h.accounts[a.ID] = a
	return a
}

func (h *house) addAgent(name string) chat.AgentID {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := chat.NewID[chat.AgentID]()
	h.agents[id] = chat.Agent{ID: id, Name: name, State: chat.AgentActive, Presence: chat.Online, SeenAt: h.now}
	return id
}

func (h *house) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// What Deps asks for.

func (h *house) WebchatAccount(_ context.Context, id chat.AccountID) (chat.Account, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a, ok := h.accounts[id]; ok {
		return a, nil
	}
	return chat.Account{}, chat.Errorf(chat.CodeNotFound, "no such account")
}

func (h *house) CreateVisitor(_ context.Context, account chat.AccountID, address chat.Address, hash []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tokens[string(hash)] = tokenRow{account, address}
	return nil
}

func (h *house) Visitor(_ context.Context, account chat.AccountID, hash []byte) (chat.Identity, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	row, ok := h.tokens[string(hash)]
	if !ok || row.account != account {
		return chat.Identity{}, chat.Errorf(chat.CodeSessionOver, "no such token")
	}
	if th := h.threads[row.address.Value]; th != nil {
		return th.identity, nil
	}
	return chat.Identity{Address: row.address}, nil
}

func (h *house) VisitorThread(_ context.Context, account chat.AccountID, visitor chat.Address, before chat.Event, limit int) (*chat.ConversationRow, []chat.ThreadEvent, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reads++
	th := h.threads[visitor.Value]
	if th == nil || len(th.rows) == 0 || th.rows[0].AccountID != account {
		return nil, nil, nil
	}
	var events []chat.ThreadEvent
	for _, e := range th.events {
		if e.ConversationID == before.ConversationID && e.Seq == before.Seq {
			break
		}
		if e.Message != nil && (e.Kind != chat.EventMessage || e.Message.Direction == chat.Note) {
			continue
		}
		events = append(events, e)
	}
	row := *th.rows[len(th.rows)-1]
	return &row, slices.Clone(events[max(0, len(events)-limit):]), nil
}

func (h *house) VisitorMessage(_ context.Context, _ chat.AccountID, visitor chat.Address, externalID string) (chat.ThreadMessage, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if th := h.threads[visitor.Value]; th != nil {
		for _, e := range th.events {
			if e.Message != nil && e.Message.ExternalID == externalID && e.Message.Direction == chat.In {
				return *e.Message, nil
			}
		}
	}
	return chat.ThreadMessage{}, chat.Errorf(chat.CodeNotFound, "no such message")
}

func (h *house) Agent(_ context.Context, id chat.AgentID) (chat.Agent, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a, ok := h.agents[id]; ok {
		return a, nil
	}
	return chat.Agent{}, chat.Errorf(chat.CodeNotFound, "no such agent")
}

func (h *house) SaveUpload(_ context.Context, _ chat.AccountID, visitor chat.Address, name, _ string, body io.Reader) (chat.Media, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return chat.Media{}, err
	}
	m := chat.Media{ID: chat.NewID[chat.AttachmentID](), State: chat.MediaReady, Name: name, Size: int64(len(data)), Type: http.DetectContentType(data)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[m.ID] = fileRow{visitor.Value, m, data}
	return m, nil
}

func (h *house) Upload(_ context.Context, _ chat.AccountID, visitor chat.Address, id chat.AttachmentID) (chat.Media, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f, ok := h.files[id]; ok && f.visitor == visitor.Value {
		return f.media, nil
	}
	return chat.Media{}, chat.Errorf(chat.CodeNotFound, "no such file")
}

func (h *house) OpenMedia(ctx context.Context, account chat.AccountID, visitor chat.Address, id chat.AttachmentID, _ bool) (io.ReadCloser, chat.Media, error) {
	m, err := h.Upload(ctx, account, visitor, id)
	if err != nil {
		return nil, m, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return io.NopCloser(bytes.NewReader(h.files[id].body)), m, nil
}

func (h *house) Accept(ctx context.Context, events []chat.RawEvent) error {
	h.mu.Lock()
	before, after := h.accept, h.accepting
	h.mu.Unlock()
	if before != nil {
		if err := before(ctx, events); err != nil {
			return err
		}
	}
	h.mu.Lock()
	h.accepted = append(h.accepted, events...)
	h.mu.Unlock()
	if after != nil {
		after()
	}
	return nil
}

func (h *house) Subscribe(read func(chat.Notice)) func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readers = append(h.readers, read)
	return func() {}
}

func (h *house) Publish(_ context.Context, n chat.Notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.published = append(h.published, n)
}

// What happens in the house.

func (h *house) broadcast(n chat.Notice) {
	h.mu.Lock()
	readers, lost := slices.Clone(h.readers), h.lost
	h.mu.Unlock()
	for _, read := range readers {
		if !lost {
			read(n)
		}
	}
}

// events returns what the door accepted, read as the driver would.
func (h *house) events() []rawEvent {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []rawEvent
	for _, raw := range h.accepted {
		var e rawEvent
		if err := json.Unmarshal(raw.Body, &e); err != nil {
			h.t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// ingest applies the accepted messages as a worker would: the first with an id counts.
func (h *house) ingest() {
	for _, e := range h.events() {
		if e.Type != typeMessage {
			continue
		}
		account, err := chat.ParseID[chat.AccountID](e.Account)
		if err != nil {
			h.t.Fatal(err)
		}
		if _, err := h.VisitorMessage(context.Background(), account, addressOf(account, e.Visitor), e.ID); err == nil {
			continue
		}
		h.happen(account, e.Visitor, func(row *chat.ConversationRow) chat.ThreadEvent {
			m := chat.ThreadMessage{Message: chat.Message{
				ID: chat.NewID[chat.MessageID](), Direction: chat.In, Kind: chat.KindText, Text: e.Text,
				Status: chat.StatusReceived, ExternalID: e.ID,
			}}
			if e.Media != nil {
				m.Kind, m.Content.Media = chat.KindImage, []chat.Media{*e.Media}
			}
			return chat.ThreadEvent{Event: chat.Event{Kind: chat.EventMessage}, Message: &m}
		})
	}
}

// happen adds an event to the visitor's open conversation, or begins one, and tells everybody.
func (h *house) happen(account chat.AccountID, visitor string, make func(*chat.ConversationRow) chat.ThreadEvent) chat.ThreadEvent {
	e, row := h.record(account, visitor, make)
	h.broadcast(chat.Notice{Kind: chat.NoticeConversation, Conversation: &row, Events: []chat.ThreadEvent{e}})
	return e
}

func (h *house) record(account chat.AccountID, visitor string, make func(*chat.ConversationRow) chat.ThreadEvent) (chat.ThreadEvent, chat.ConversationRow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	th := h.threads[visitor]
	if th == nil {
		id := chat.NewID[chat.IdentityID]()
		th = &thread{identity: chat.Identity{ID: id, Thread: id, Address: addressOf(account, visitor)}}
		h.threads[visitor] = th
	}
	if n := len(th.rows); n == 0 || !th.rows[n-1].Status.Open() {
		th.rows = append(th.rows, &chat.ConversationRow{Kind: chat.Webchat, Conversation: chat.Conversation{
			ID: chat.NewID[chat.ConversationID](), AccountID: account, IdentityID: th.identity.ID, Status: chat.Waiting,
		}})
	}
	row := th.rows[len(th.rows)-1]
	e := make(row)
	row.LastSeq++
	e.ConversationID, e.Seq, e.At = row.ID, row.LastSeq, h.now
	if m := e.Message; m != nil {
		e.MessageID, m.ConversationID, m.AccountID = m.ID, row.ID, account
		if e.Kind == chat.EventMessage {
			m.Seq, m.CreatedAt = row.LastSeq, h.now
		}
	}
	th.events = append(th.events, e)
	return e, *row
}

func (h *house) assign(visitor string, agent chat.AgentID) {
	h.happen(h.shop.ID, visitor, func(row *chat.ConversationRow) chat.ThreadEvent {
		c, e, err := row.Assign(agent, h.now, chat.AssignedData{How: chat.Automatic})
		if err != nil {
			h.t.Fatal(err)
		}
		row.Conversation = c
		return chat.ThreadEvent{Event: e}
	})
}

func (h *house) reply(visitor, text string, direction chat.Direction) chat.ThreadMessage {
	return *h.happen(h.shop.ID, visitor, func(row *chat.ConversationRow) chat.ThreadEvent {
		m := chat.ThreadMessage{Message: chat.Message{
			ID: chat.NewID[chat.MessageID](), Direction: direction, Kind: chat.KindText, Text: text,
			Status: chat.StatusSent, AgentID: row.AgentID,
		}}
		return chat.ThreadEvent{Event: chat.Event{Kind: chat.EventMessage, Actor: row.AgentID}, Message: &m}
	}).Message
}

func (h *house) finish(visitor string) {
	h.happen(h.shop.ID, visitor, func(row *chat.ConversationRow) chat.ThreadEvent {
		c, e, err := row.End(row.AgentID, chat.NewID[chat.EndReasonID](), "a note for colleagues", h.now)
		if err != nil {
			h.t.Fatal(err)
		}
		row.Conversation = c
		return chat.ThreadEvent{Event: e}
	})
}

// The visitor's side.

// call makes an HTTP request with the frame's origin unless the header says otherwise, and returns status, headers, body.
func (h *house) call(method, path string, body io.Reader, header ...string) (int, http.Header, string) {
	h.t.Helper()
	r, err := http.NewRequest(method, h.url+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Origin", h.url)
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

func (h *house) path(a chat.Account, rest string) string {
	return "/widget/v1/" + a.ID.String() + "/" + rest
}

// newVisitor gets a token of the shop.
func (h *house) newVisitor() (token, id string) {
	h.t.Helper()
	status, _, body := h.call("POST", h.path(h.shop, "visitors"), nil)
	var got struct{ Token, Visitor string }
	if err := json.Unmarshal([]byte(body), &got); status != 201 || err != nil || got.Token == "" || got.Visitor == "" {
		h.t.Fatalf("%d %s", status, body)
	}
	return got.Token, got.Visitor
}

// tab is a visitor's socket.
type tab struct {
	t    *testing.T
	conn *websocket.Conn
}

func (h *house) dial(a chat.Account, origin string) (*tab, *http.Response, error) {
	d := websocket.Dialer{HandshakeTimeout: 30 * time.Second}
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	conn, res, err := d.Dial("ws"+h.url[len("http"):]+h.path(a, "live"), header)
	if err != nil {
		return nil, res, err
	}
	h.t.Cleanup(func() { _ = conn.Close() }) // it may be closed already
	return &tab{h.t, conn}, res, nil
}

// enter opens a tab and says hello.
func (h *house) enter(token, after string) *tab {
	h.t.Helper()
	tab, _, err := h.dial(h.shop, h.url)
	if err != nil {
		h.t.Fatal(err)
	}
	tab.say(`{"type":"hello","token":"` + token + `","after":"` + after + `","locale":"tr"}`)
	return tab
}

func (tab *tab) say(frame string) {
	tab.t.Helper()
	if err := tab.conn.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		tab.t.Fatal(err)
	}
}

// frame is any frame of the server.
type frame struct {
	Type       string
	Cursor     string
	Chat       *chatView
	Items      []item
	More, Same bool
	ClientID   string `json:"client_id"`
	Code       chat.Code
	RetryAfter int64 `json:"retry_after"`
	Item       *item
	On         bool
}

// hear reads the next frame.
func (tab *tab) hear() frame {
	tab.t.Helper()
	if err := tab.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		tab.t.Fatal(err)
	}
	_, data, err := tab.conn.ReadMessage()
	if err != nil {
		tab.t.Fatalf("no frame: %v", err)
	}
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		tab.t.Fatal(err)
	}
	return f
}

// until reads frames up to one of a type.
func (tab *tab) until(kind string) frame {
	tab.t.Helper()
	for {
		if f := tab.hear(); f.Type == kind {
			return f
		}
	}
}

// closed reads up to the end and returns the close code.
func (tab *tab) closed() int {
	tab.t.Helper()
	if err := tab.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		tab.t.Fatal(err)
	}
	for {
		_, _, err := tab.conn.ReadMessage()
		closed := &websocket.CloseError{}
		if errors.As(err, &closed) {
			return closed.Code
		}
		if err != nil {
			tab.t.Fatalf("no close code: %v", err)
		}
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("not within 30 s: %s", what)
		case <-tick.C:
		}
	}
}
