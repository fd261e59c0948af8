package workers

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/channels"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
	"gatehouse/internal/media"
	"gatehouse/internal/task"
	"gatehouse/templates"
)

// house is a desk with workers whose provider does what the test says.
type house struct {
	*desktest.World
	*provider
	workers *Workers
	agent   chat.Principal
	files   files
}

// files counts what became of files; all else is the world's to count.
type files struct {
	*desktest.World
	mu       sync.Mutex
	outcomes map[string]int
}

func (f *files) Media(_, outcome string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outcomes[outcome]++
}

func build(t *testing.T, w *desktest.World, also ...any) *house {
	t.Helper()
	h := &house{World: w, provider: &provider{answer: accept}, agent: w.Agent("deniz", 500, chat.Online), files: files{World: w, outcomes: map[string]int{}}}
	var sender channels.Sender = h.provider
	for _, a := range also {
		switch a := a.(type) {
		case *fetcher:
			sender = struct {
				*provider
				*fetcher
			}{h.provider, a}
		case *uploader:
			sender = struct {
				*provider
				*uploader
			}{h.provider, a}
		case *courteous:
			sender = struct {
				*provider
				*courteous
			}{h.provider, a}
		case error:
			sender = nil
		}
	}
	open := func(channels.Account, channels.Deps) (channels.Sender, error) { return sender, nil }
	if sender == nil {
		open = nil
	}
	store, err := media.OpenFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h.workers = New(Config{
		Desk: w.Desk, Store: w.Store, Accounts: accounts{w}, Drivers: []channels.Driver{{Kind: desktest.Kind, Open: open}},
		Media:    media.Intake{Store: store, Previews: media.NewPreviewer(1), Limits: media.DefaultLimits()},
		MediaURL: func(id chat.AttachmentID) (string, error) { return "https://desk.example/files/" + id.String(), nil },
		Metrics:  &h.files, Log: slog.New(slog.DiscardHandler), Parallel: 8,
	})
	t.Cleanup(func() { h.stop(10 * time.Second) })
	return h
}

func (h *house) stop(patience time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	h.workers.Stop(ctx)
}

// accounts opens the world's account.
type accounts struct{ *desktest.World }

func (a accounts) OpenAccount(_ context.Context, id chat.AccountID) (chat.Account, map[string]string, error) {
	if id != a.Account {
		return chat.Account{}, nil, chat.Errorf(chat.CodeNotFound, "no such account")
	}
	return chat.Account{ID: id, Kind: desktest.Kind}, nil, nil
}

// provider notes what it is given and answers as the test says.
type provider struct {
	mu     sync.Mutex
	got    []chat.Outbound
	answer func(context.Context, chat.Outbound) (chat.Receipt, error)
}

func accept(_ context.Context, o chat.Outbound) (chat.Receipt, error) {
	return chat.Receipt{ExternalID: "out." + o.MessageID.String()}, nil
}

func (p *provider) Send(ctx context.Context, o chat.Outbound) (chat.Receipt, error) {
	p.mu.Lock()
	p.got = append(p.got, o)
	p.mu.Unlock()
	return p.answer(ctx, o)
}

// texts are those of what it was given, in order.
func (p *provider) texts() (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.got {
		out = append(out, o.Text)
	}
	return out
}

type fetcher struct {
	fetch func(chat.MediaRef) (io.ReadCloser, string, int64, error)
}

func (f *fetcher) FetchMedia(_ context.Context, r chat.MediaRef) (io.ReadCloser, string, int64, error) {
	return f.fetch(r)
}

type uploader struct {
	mu     sync.Mutex
	times  int
	upload func(body string) (string, error)
}

func (u *uploader) UploadMedia(_ context.Context, _, _ string, _ int64, body io.Reader) (string, error) {
	b, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	u.mu.Lock()
	u.times++
	u.mu.Unlock()
	return u.upload(string(b))
}

// courteous is a provider with everything beyond sending.
type courteous struct {
	mu     sync.Mutex
	done   []string
	fail   error
	name   string
	listed []templates.Template
}

func (c *courteous) note(what string, to []chat.Address, last string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = append(c.done, strings.Join([]string{what, to[0].Value, last}, " "))
	return c.fail
}

func (c *courteous) Typing(_ context.Context, to []chat.Address, last string) error {
	return c.note("typing", to, last)
}

func (c *courteous) MarkRead(_ context.Context, to []chat.Address, last string) error {
	return c.note("read", to, last)
}

func (c *courteous) FetchProfile(_ context.Context, of []chat.Address) (chat.Profile, error) {
	if c.name == "panic" {
		panic("as it was told")
	}
	return chat.Profile{Name: c.name}, c.note("profile", of, "")
}

func (c *courteous) ListTemplates(context.Context) ([]templates.Template, error) {
	return c.listed, c.fail
}

// deliver does what a wake for the account's messages asks for.
func (h *house) deliver() {
	h.T.Helper()
	if err := h.workers.run.do(context.Background(), h.wake()); err != nil {
		h.T.Error(err)
	}
}

func (h *house) wake() task.Wake { return task.Wake{Kind: task.Deliver, ID: h.Account.String()} }

// talk is a conversation with the n-th contact that the agent holds.
func (h *house) talk(n int) chat.ConversationID {
	h.T.Helper()
	return h.Talk(h.agent, h.Phone(n)).ID
}

func (h *house) status(m chat.MessageID) chat.MessageStatus {
	h.T.Helper()
	return h.Message(m).Status
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in 30 s: %s", what)
		}
	}
}

var errNobodyKnows = errors.New("the connection ended while the answer was awaited")
