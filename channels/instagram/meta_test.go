package instagram_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/channels"
	"gatehouse/channels/instagram"
	"gatehouse/internal/chat"
	"gatehouse/internal/fakemeta"
)

// desk receives webhooks as the gateway does and keeps what the driver makes of them. It also hands out a picture at
// /picture.png, since Instagram fetches files by address.
type desk struct {
	t       *testing.T
	driver  channels.Driver
	account channels.Account
	meta    *fakemeta.Server
	sender  channels.Sender
	url     string

	mu  sync.Mutex
	got []chat.Inbound
}

// newDesk connects the driver to a Meta of its own, with a customer who has just written.
func newDesk(t *testing.T) (*desk, *fakemeta.Phone) {
	t.Helper()
	cfg := fakemeta.MaviEv()
	cfg.Accounts = cfg.Accounts[1:]
	cfg.People = slices.DeleteFunc(cfg.People, func(p fakemeta.Person) bool { return p.Kind != fakemeta.Instagram })
	cfg.Templates = nil
	meta, err := fakemeta.Start("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := meta.Close(); err != nil {
			t.Error(err)
		}
	})
	a := meta.Accounts()[0]
	d := &desk{t: t, driver: instagram.Driver(), meta: meta, account: channels.Account{
		Account: chat.Account{Settings: map[string]string{"instagram_id": a.InstagramID, "graph_base_url": meta.URL()}},
		Secrets: channels.Secrets{"access_token": a.AccessToken, "app_secret": "another " + a.AppSecret, "verify_token": a.VerifyToken},
	}}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	if d.sender, err = d.driver.Open(d.account, channels.Deps{HTTP: &http.Client{Transport: transport}, Log: slog.New(slog.DiscardHandler), Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.url = server.URL
	if err := meta.Subscribe(t.Context(), server.URL); err != nil {
		t.Fatal(err)
	}
	ph := meta.InstagramUser("buraksahin", "Burak Şahin")
	ph.SendText("Merhaba")
	d.heard(1, chat.InboundMessageKind)
	return d, ph
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/picture.png" {
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, "\x89PNG\r\n\x1a\n picture")
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		d.t.Error(err)
	}
	req := channels.Request{Method: r.Method, Header: r.Header, Query: r.URL.Query(), Body: body}
	if r.Method == http.MethodGet {
		reply, ok := d.driver.Webhook.Challenge(req, d.account.Secrets)
		if !ok {
			d.t.Error("the handshake is refused")
		}
		_, _ = w.Write(reply)
		return
	}
	if err := d.driver.Webhook.Verify(req, d.account.Secrets); err != nil {
		d.t.Errorf("the signature is not believed: %v", err)
	}
	if keys := d.driver.Webhook.Route(req); !slices.Equal(keys, d.driver.Keys(d.account.Settings)) {
		d.t.Errorf("routed to %v", keys)
	}
	all, err := d.driver.Webhook.Parse(chat.RawEvent{Body: body})
	if err != nil {
		d.t.Errorf("not read: %v", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.got = append(d.got, all...)
}

// heard waits until Meta has told everything, and returns the n things of that kind that it told since the last time.
func (d *desk) heard(n int, kind chat.InboundKind) []chat.Inbound {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	if err := d.meta.Settle(ctx); err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var of []chat.Inbound
	for _, in := range d.got {
		if in.Kind == kind {
			of = append(of, in)
		}
	}
	if len(of) != n {
		d.t.Fatalf("heard %d of %s among %d, want %d", len(of), kind, len(d.got), n)
	}
	d.got = nil
	return of
}

func (d *desk) address(ph *fakemeta.Phone) []chat.Address {
	return []chat.Address{{Kind: chat.Instagram, Scope: d.account.Settings["instagram_id"], Type: chat.AddressIGSID, Value: ph.Person().IGSID}}
}

func TestMetaTakesEveryKindOfMessageAndEchoesIt(t *testing.T) {
	t.Parallel()
	d, ph := newDesk(t)
	first := ph.Messages()[0].ID
	picture := chat.OutboundMedia{URL: d.url + "/picture.png"}
	var ids []string
	for _, out := range []chat.Outbound{
		{Kind: chat.KindText, Text: "Merhaba 📦"},
		{Kind: chat.KindText, Text: "geç", Tag: "HUMAN_AGENT"},
		{Kind: chat.KindInteractive, Text: "Onay?", Buttons: []chat.Button{{ID: "y", Title: "Evet"}}},
		{Kind: chat.KindImage, Media: []chat.OutboundMedia{picture}},
		{Kind: chat.KindImage, Media: []chat.OutboundMedia{picture, picture}},
		{Kind: chat.KindDocument, Media: []chat.OutboundMedia{picture}},
	} {
		out.To = d.address(ph)
		got, err := d.sender.Send(t.Context(), out)
		if err != nil {
			t.Fatalf("%s: %v", out.Kind, err)
		}
		ids = append(ids, got.ExternalID)
	}
	var echoes []string
	for _, in := range d.heard(len(ids), chat.InboundMessageKind) {
		if in.Message.Direction != chat.Out || !in.Message.Silent || !slices.Equal(in.From, d.address(ph)) {
			t.Errorf("%+v", in)
		}
		echoes = append(echoes, in.Message.ExternalID)
	}
	slices.Sort(ids)
	slices.Sort(echoes)
	if !slices.Equal(ids, echoes) {
		t.Errorf("sent %v, echoed %v", ids, echoes)
	}
	got, err := d.sender.Send(t.Context(), chat.Outbound{To: d.address(ph), Reaction: &chat.OutboundReaction{ExternalID: first, Emoji: "❤️"}})
	if err != nil || got.ExternalID != "" || ph.Messages()[0].BusinessReaction != "❤️" {
		t.Errorf("%+v %v, the phone shows %+v", got, err, ph.Messages()[0])
	}
	ph.Open()
	if s := d.heard(1, chat.InboundStatusKind)[0].Status; s.Status != chat.StatusRead || !s.UpTo || !slices.Contains(ids, s.ExternalID) {
		t.Errorf("%+v", s)
	}
}

func TestWhatACustomerSendsIsHeard(t *testing.T) {
	t.Parallel()
	d, ph := newDesk(t)
	if _, err := ph.SendFile("image", fakemeta.File{Bytes: []byte("\x89PNG bytes"), MIME: "image/png"}); err != nil {
		t.Fatal(err)
	}
	photo := d.heard(1, chat.InboundMessageKind)[0].Message
	body, kind, size, err := d.sender.(channels.MediaFetcher).FetchMedia(t.Context(), photo.Refs[0])
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	_ = body.Close()
	if err != nil || photo.Kind != chat.KindImage || string(data) != "\x89PNG bytes" || kind != "image/png" || size != 10 {
		t.Errorf("%q %s %d %v", data, kind, size, err)
	}
	ph.TapIceBreaker("Kargo ücreti nedir?", "ICE_SHIP")
	ph.ReplyToStory("1790", "https://example.com/story", "Çok güzel!")
	got := d.heard(2, chat.InboundMessageKind)
	if m := got[0].Message; m.Text != "Kargo ücreti nedir?" || m.Content.Choice.ID != "ICE_SHIP" {
		t.Errorf("%+v", m)
	}
	if m := got[1].Message; m.Text != "Çok güzel!" || m.Content.Story.ID != "1790" {
		t.Errorf("%+v", m)
	}
	sent, err := d.sender.Send(t.Context(), chat.Outbound{To: d.address(ph), Kind: chat.KindText, Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	d.heard(1, chat.InboundMessageKind)
	ph.React(sent.ExternalID, "❤️")
	if r := d.heard(1, chat.InboundReactionKind)[0].Reaction; r.ExternalID != sent.ExternalID || r.Emoji != "❤️" {
		t.Errorf("%+v", r)
	}
	ph.Unsend(photo.ExternalID)
	if g := d.heard(1, chat.InboundDeleteKind)[0].Delete; g.ExternalID != photo.ExternalID {
		t.Errorf("%+v", g)
	}
	ph.ReceiveFromApp("Uygulamadan")
	if m := d.heard(1, chat.InboundMessageKind)[0].Message; m.Direction != chat.Out || m.Source != chat.SourcePhoneApp {
		t.Errorf("%+v", m)
	}
}

func TestMetaKnowsTheOtherCalls(t *testing.T) {
	t.Parallel()
	d, ph := newDesk(t)
	if err := d.sender.(channels.Typer).Typing(t.Context(), d.address(ph), ""); err != nil {
		t.Error(err)
	}
	if err := d.sender.(channels.ReadMarker).MarkRead(t.Context(), d.address(ph), ""); err != nil {
		t.Error(err)
	}
	if got := ph.Messages()[0].Status; got != "read" {
		t.Errorf("the customer's message is %s", got)
	}
	if err := d.sender.(channels.Health).Check(t.Context()); err != nil {
		t.Error(err)
	}
}
