package whatsapp_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/channels"
	"gatehouse/channels/whatsapp"
	"gatehouse/internal/chat"
	"gatehouse/internal/fakemeta"
)

// desk receives webhooks as the gateway does and keeps what the driver makes of them.
type desk struct {
	t       *testing.T
	driver  channels.Driver
	account channels.Account
	meta    *fakemeta.Server
	sender  channels.Sender

	mu  sync.Mutex
	got []chat.Inbound
}

// newDesk connects the driver to a Meta of its own, with a customer who has just written.
func newDesk(t *testing.T) (*desk, *fakemeta.Phone) {
	t.Helper()
	meta, err := fakemeta.Start("127.0.0.1:0", fakemeta.MaviEv())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := meta.Close(); err != nil {
			t.Error(err)
		}
	})
	a := meta.Accounts()[0]
	d := &desk{t: t, driver: whatsapp.Driver(), meta: meta, account: channels.Account{
		Account: chat.Account{Settings: map[string]string{"phone_number_id": a.PhoneNumberID, "business_account_id": a.BusinessAccountID, "graph_base_url": meta.URL()}},
		Secrets: channels.Secrets{"access_token": a.AccessToken, "app_secret": a.AppSecret, "verify_token": a.VerifyToken},
	}}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	if d.sender, err = d.driver.Open(d.account, channels.Deps{HTTP: &http.Client{Transport: transport}, Log: slog.New(slog.DiscardHandler), Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	if err := meta.Subscribe(t.Context(), server.URL); err != nil {
		t.Fatal(err)
	}
	ph := meta.Phone("905332041896", "Elif Yıldız")
	ph.SendText("Merhaba")
	d.heard(1, chat.InboundMessageKind)
	return d, ph
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		d.t.Error(err)
	}
	req := channels.Request{Method: r.Method, Header: r.Header, Query: r.URL.Query(), Body: body}
	if r.Method == http.MethodGet {
		if reply, ok := d.driver.Webhook.Challenge(req, d.account.Secrets); ok {
			_, _ = w.Write(reply)
			return
		}
		// MaviEv has an Instagram account too, whose handshake is not this driver's.
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
		return
	}
	if err := d.driver.Webhook.Verify(req, d.account.Secrets); err != nil {
		d.t.Errorf("the signature is not believed: %v", err)
	}
	if keys := d.driver.Webhook.Route(req); len(keys) != 1 || !slices.Contains(d.driver.Keys(d.account.Settings), keys[0]) {
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

// settle waits until Meta has told everything.
func (d *desk) settle() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	if err := d.meta.Settle(ctx); err != nil {
		d.t.Fatal(err)
	}
}

// heard waits until Meta has told everything, and returns the n things of that kind that it told since the last time.
func (d *desk) heard(n int, kind chat.InboundKind) []chat.Inbound {
	d.t.Helper()
	d.settle()
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

func elif() []chat.Address {
	return []chat.Address{{Kind: chat.WhatsApp, Type: chat.AddressPhone, Value: "905332041896"}}
}

func TestMetaTakesEveryKindOfMessage(t *testing.T) {
	t.Parallel()
	d, ph := newDesk(t)
	first := ph.Messages()[0].ID
	upload := func(name, kind, content string) []chat.OutboundMedia {
		id, err := d.sender.(channels.MediaUploader).UploadMedia(t.Context(), name, kind, int64(len(content)), strings.NewReader(content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return []chat.OutboundMedia{{ProviderID: id, Type: kind, Name: name}}
	}
	png := "\x89PNG\r\n\x1a\n picture"
	var wanted []string
	for _, out := range []chat.Outbound{
		{Kind: chat.KindText, Text: "Merhaba 📦", ReplyTo: first},
		{Kind: chat.KindImage, Text: "Kutu", Media: upload("kutu.png", "image/png", png)},
		{Kind: chat.KindVideo, Media: upload("a.mp4", "video/mp4", "video")},
		{Kind: chat.KindAudio, Media: upload("a.mp3", "audio/mpeg", "audio")},
		{Kind: chat.KindVoice, Media: upload("a.ogg", "audio/ogg", "OggS voice")},
		{Kind: chat.KindDocument, Text: "Fatura", Media: upload("fatura ğ.pdf", "application/pdf", "%PDF-1.7")},
		{Kind: chat.KindSticker, Media: upload("a.webp", "image/webp", "RIFF")},
		{Kind: chat.KindLocation, Location: &chat.Location{Latitude: 38.4, Longitude: 27.1, Name: "Mağaza"}},
		{Kind: chat.KindContacts, Contacts: json.RawMessage(`[{"name":{"formatted_name":"Ali","first_name":"Ali"},"phones":[{"phone":"+905551110002"}]}]`)},
		{Kind: chat.KindInteractive, Text: "Onay?", Header: "Sipariş", Footer: "Mavi Ev", Buttons: []chat.Button{{ID: "y", Title: "Evet"}, {ID: "n", Title: "Hayır"}}},
		{Kind: chat.KindInteractive, Text: "Seçin", List: &chat.List{Button: "Aç", Sections: []chat.ListSection{{Title: "Kargo", Rows: []chat.ListRow{{ID: "1", Title: "Hızlı", Description: "1 gün"}}}}}},
		{Kind: chat.KindInteractive, Text: "Bak", Buttons: []chat.Button{{Title: "Aç", URL: "https://example.com"}}},
		{Reaction: &chat.OutboundReaction{ExternalID: first, Emoji: "👍"}},
	} {
		out.MessageID, out.To = chat.NewID[chat.MessageID](), elif()
		got, err := d.sender.Send(t.Context(), out)
		if err != nil || got.ExternalID == "" {
			t.Fatalf("%s: %+v %v", out.Kind, got, err)
		}
		wanted = append(wanted, out.MessageID.String())
	}
	d.settle()
	ph.Open()
	var opaque []string
	for _, s := range d.meta.Ledger().Sends {
		if s.Outcome != fakemeta.Accepted || s.OutsideWindow {
			t.Errorf("%+v", s)
		}
		opaque = append(opaque, s.Opaque)
	}
	if !slices.Equal(opaque, wanted) {
		t.Errorf("Meta was told %v, want %v", opaque, wanted)
	}
	if got := ph.Messages(); got[0].BusinessReaction != "👍" || got[1].ReplyTo != first || got[6].Media.Filename != "fatura ğ.pdf" || !got[5].Media.Voice {
		t.Errorf("the phone shows %+v", got)
	}
	told := map[string]chat.MessageStatus{}
	for _, in := range d.heard(3*12+1, chat.InboundStatusKind) { // sent, delivered and read of each; a reaction is only sent
		to, changed := told[in.Status.Opaque].Merge(in.Status.Status)
		if told[in.Status.Opaque] == "" {
			to, changed = in.Status.Status, true
		}
		if !changed && to != told[in.Status.Opaque] {
			t.Errorf("%+v", in)
		}
		told[in.Status.Opaque] = to
	}
	for i, id := range wanted {
		if want := map[bool]chat.MessageStatus{true: chat.StatusRead, false: chat.StatusSent}[i < 12]; told[id] != want {
			t.Errorf("message %d is %s, want %s", i, told[id], want)
		}
	}
}

func TestWhatACustomerSendsIsHeard(t *testing.T) {
	t.Parallel()
	d, ph := newDesk(t)
	sent, err := d.sender.Send(t.Context(), chat.Outbound{To: elif(), Kind: chat.KindInteractive, Text: "?", Buttons: []chat.Button{{ID: "y", Title: "Evet"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ph.SendFile("image", fakemeta.File{Bytes: []byte("\x89PNG bytes"), MIME: "image/png", Caption: "Kırık"}); err != nil {
		t.Fatal(err)
	}
	photo := d.heard(1, chat.InboundMessageKind)[0]
	if m := photo.Message; m.Kind != chat.KindImage || m.Text != "Kırık" || m.Content.Media[0].Type != "image/png" {
		t.Errorf("%+v", m)
	}
	body, kind, size, err := d.sender.(channels.MediaFetcher).FetchMedia(t.Context(), photo.Message.Refs[0])
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	_ = body.Close()
	if err != nil || string(data) != "\x89PNG bytes" || kind != "image/png" || size != 10 {
		t.Errorf("%q %s %d %v", data, kind, size, err)
	}

	ph.SendLocation(fakemeta.Location{Latitude: 38.4, Longitude: 27.1})
	ph.SendContact("Ali", "905551110002")
	ph.SendUnsupported("poll_creation")
	ph.SendTooLarge()
	if _, err := ph.Press(sent.ExternalID, "y"); err != nil {
		t.Fatal(err)
	}
	got := d.heard(5, chat.InboundMessageKind)
	var kinds []string
	for _, in := range got {
		kinds = append(kinds, string(in.Message.Kind))
	}
	if strings.Join(kinds, " ") != "location contacts unsupported unsupported interactive" {
		t.Errorf("heard %v", kinds)
	}
	if m := got[4].Message; m.Content.Choice.ID != "y" || m.ReplyExternal != sent.ExternalID || m.Text != "Evet" {
		t.Errorf("%+v", m)
	}

	ph.React(sent.ExternalID, "❤️")
	if r := d.heard(1, chat.InboundReactionKind)[0].Reaction; r.ExternalID != sent.ExternalID || r.Emoji != "❤️" {
		t.Errorf("%+v", r)
	}
	ph.React(sent.ExternalID, "")
	if r := d.heard(1, chat.InboundReactionKind)[0].Reaction; r.Emoji != "" {
		t.Errorf("%+v", r)
	}
	ph.StopMarketing(true)
	if p := d.heard(1, chat.InboundPreferenceKind)[0].Preference; !p.OptedOut {
		t.Errorf("%+v", p)
	}
	if ph, ok := d.meta.FindPhone("+905557778899"); ok {
		ph.SendText("Numaram gizli")
		in := d.heard(1, chat.InboundMessageKind)[0]
		if len(in.From) != 1 || in.From[0].Type != chat.AddressBSUID || in.Profile.Username != "deniz.k" {
			t.Errorf("%+v", in)
		}
		if got, err := d.sender.Send(t.Context(), chat.Outbound{To: in.From, Kind: chat.KindText, Text: "Merhaba"}); err != nil || !slices.Equal(got.Addresses, in.From) {
			t.Errorf("%+v %v", got, err)
		}
	} else {
		t.Error("MaviEv has no deniz.k any more")
	}
}

func TestMetaKnowsTheOtherCalls(t *testing.T) {
	t.Parallel()
	d, ph := newDesk(t)
	last := ph.Messages()[0].ID
	if err := d.sender.(channels.Typer).Typing(t.Context(), elif(), last); err != nil {
		t.Error(err)
	}
	if err := d.sender.(channels.ReadMarker).MarkRead(t.Context(), elif(), last); err != nil {
		t.Error(err)
	}
	if got := ph.Messages()[0].Status; got != "read" {
		t.Errorf("the customer's message is %s", got)
	}
	if err := d.sender.(channels.Health).Check(t.Context()); err != nil {
		t.Error(err)
	}
	all, err := d.sender.(channels.TemplateLister).ListTemplates(t.Context())
	if err != nil || len(all) < 3 {
		t.Errorf("%d templates, %v", len(all), err)
	}
	if err := d.meta.SetTemplateStatus(all[0].Name, all[0].Language, "PAUSED", ""); err != nil {
		t.Fatal(err)
	}
	if news := d.heard(1, chat.InboundTemplateKind)[0].Template; news.Name != all[0].Name || news.Language != all[0].Language || news.Event != "PAUSED" {
		t.Errorf("%+v", news)
	}
}
