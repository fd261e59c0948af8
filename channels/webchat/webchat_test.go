package webchat

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/channels"
	"gatehouse/channels/channeltest"
	"gatehouse/internal/chat"
)

var home = chat.AccountKey{Kind: chat.Webchat, Type: KeyType, Value: "019a9e4c-7d00-7000-8000-0000000000a1"}

func TestWebchatIsAChannelLikeTheOthers(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, Driver(), channeltest.Suite{
		Settings: map[string]string{AccountIDSetting: home.Value, "allowed_origins": "https://www.maviev.example"},
	})
}

func TestEveryEventGivesWhatItMust(t *testing.T) {
	t.Parallel()
	const by = "by=visitor:019a9e4c-7d00-7000-8000-0000000000b2@019a9e4c-7d00-7000-8000-0000000000a1"
	channeltest.Outcomes(t, Driver(), home, map[string][]string{
		"message": {`in text 5f0c6a1e-3b1f-4d6c-9f0e-2a4f6c8e0b11 text="Ege serisi kaseler bulaşık makinesine uygun mu?" ` +
			`referral=page/ url=https://www.maviev.example/kase headline="Kase · Mavi Ev" opens ` + by + ` at=1795269785.123`},
		"message-picture-reply": {`in image 0b9d4c1a-1f7e-4a8b-8c55-6f1d2e3c4b5a text="Lacivert, 15 cm olan" ` +
			`file=image/png/kase.png/ready reply=019a9e4c-7d00-7000-8000-0000000000d4 opens ` + by + ` name="Elif Yıldız" at=1795269900`},
		"message-html": {`in text 11111111-2222-4333-8444-555555555555 text="<img src=x onerror=alert(1)> javascript:alert(1)" ` +
			`opens ` + by + ` name="{{7*7}} ${jndi:ldap://x}" at=1795270020`},
		"message-empty":   {"ignored " + by + " at=1795270020 note=empty_message"},
		"read":            {"status read  and_earlier " + by + " at=1795269960.500"},
		"unknown-type":    {"ignored " + by + " at=1795270020 note=unknown_type"},
		"unknown-version": {"ignored " + by + " at=1795270020 note=unknown_version"},
	})
}

func TestNobodyOutsideCanPostAnEvent(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("testdata/message.json")
	if err != nil {
		t.Fatal(err)
	}
	hook := Driver().Webhook
	request := channels.Request{Method: "POST", Body: body, Header: map[string][]string{"X-Hub-Signature-256": {"sha256=00"}}}
	for _, secrets := range []channels.Secrets{nil, {}, {"app_secret": "x"}} {
		if err := hook.Verify(request, secrets); err == nil {
			t.Errorf("accepted with secrets %v", secrets)
		}
		if _, ok := hook.Challenge(request, secrets); ok {
			t.Error("answered a subscription handshake")
		}
	}
}

func TestWhatIsNoEventIsAnError(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"", "null", "[]", "{", `{"v":1}`, `{"v":1,"account":"a"}`, `{"v":1,"visitor":"` + home.Value + `"}`,
		`{"v":1,"account":"` + home.Value + `"}`, `{"at":"yesterday"}`, `{"v":1,"account":"` + strings.ToUpper(home.Value) + `","visitor":"` + home.Value + `"}`,
	} {
		if got, err := Driver().Webhook.Parse(chat.RawEvent{Body: []byte(body)}); err == nil {
			t.Errorf("%s read as %+v", body, got)
		}
		if keys := Driver().Webhook.Route(channels.Request{Body: []byte(body)}); len(keys) != 0 {
			t.Errorf("%s routed to %v", body, keys)
		}
	}
}

func TestANameIsCutAfterAHundredCharacters(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(event{V: 1, Type: typeRead, Account: home.Value, Visitor: home.Value, Name: strings.Repeat("ğ", 5000)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Driver().Webhook.Parse(chat.RawEvent{Body: body})
	if err != nil {
		t.Fatal(err)
	}
	if name := got[0].Profile.Name; name != strings.Repeat("ğ", 100) {
		t.Errorf("%d bytes of name kept", len(name))
	}
}

func TestAnAccountIsAddressedByItsOwnID(t *testing.T) {
	t.Parallel()
	want := []chat.AccountKey{{Kind: chat.Webchat, Type: KeyType, Value: "019a9e4c-7d00-7000-8000-0000000000a1"}}
	if diff := cmp.Diff(want, Driver().Keys(map[string]string{AccountIDSetting: want[0].Value})); diff != "" {
		t.Error(diff)
	}
	if keys := Driver().Keys(map[string]string{"title": "x"}); keys != nil {
		t.Errorf("an account without an id is addressed as %v", keys)
	}
}

func TestEveryFileBecomesAMessageThatTheChannelCarries(t *testing.T) {
	t.Parallel()
	limits := Driver().Capabilities.Limits
	for mediaType, kind := range map[string]chat.MessageKind{
		"image/png": chat.KindImage, "image/gif": chat.KindImage, "video/mp4": chat.KindVideo, "audio/webm": chat.KindAudio,
		"application/pdf": chat.KindDocument, "text/plain": chat.KindDocument,
	} {
		if got := kindOf(chat.Media{Type: mediaType}); got != kind {
			t.Errorf("%s is a %s, want %s", mediaType, got, kind)
		}
		if err := limits.CheckMedia(kind, mediaType, fileLimit); err != nil {
			t.Errorf("%s: %v", mediaType, err)
		}
		if err := limits.CheckMedia(kind, mediaType, fileLimit+1); chat.CodeOf(err) != chat.CodeMediaTooLarge {
			t.Errorf("%s over the limit: %v", mediaType, err)
		}
	}
	if got := kindOf(chat.Media{Type: "audio/ogg", Voice: true}); got != chat.KindVoice {
		t.Errorf("a voice note is a %s", got)
	}
	for _, active := range []string{"image/svg+xml", "text/html", "application/x-msdownload"} {
		if err := limits.CheckMedia(kindOf(chat.Media{Type: active}), active, 1); chat.CodeOf(err) != chat.CodeMediaType {
			t.Errorf("%s: %v", active, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, body := range channeltest.Payloads(f) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, in := range channeltest.Check(t, Driver(), body) {
			if len(in.From) != 1 || in.From[0].Scope != in.Account.Value {
				t.Fatalf("%+v", in)
			}
			if m := in.Message; m != nil && (m.Direction != chat.In || m.Text == "" && len(m.Content.Media) == 0) {
				t.Fatalf("%+v", m)
			}
		}
	})
}
