package webchat

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestEveryEventReadsAsItsGoldenFileSays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 7 {
		t.Fatalf("%d events in testdata, %v", len(files), err)
	}
	hook := Driver().Webhook
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, err := hook.Parse(chat.RawEvent{Kind: chat.Webchat, Body: body})
			if err != nil {
				t.Fatal(err)
			}
			again, err := hook.Parse(chat.RawEvent{Kind: chat.Webchat, Body: body})
			if diff := cmp.Diff(got, again); diff != "" || err != nil {
				t.Errorf("equal bytes read differently (%v): %s", err, diff)
			}
			if keys := hook.Route(channels.Request{Body: body}); len(keys) != 1 || keys[0] != got[0].Account {
				t.Errorf("routed to %v, parsed for %v", keys, got[0].Account)
			}
			text, err := json.MarshalIndent(got, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, append(text, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(text)+"\n"); diff != "" {
				t.Error(diff)
			}
		})
	}
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
	for _, body := range []string{"", "null", "[]", "{", `{"v":1}`, `{"v":1,"account":"a"}`, `{"v":1,"visitor":"v"}`, `{"at":"yesterday"}`} {
		if got, err := Driver().Webhook.Parse(chat.RawEvent{Body: []byte(body)}); err == nil {
			t.Errorf("%s read as %+v", body, got)
		}
		if keys := Driver().Webhook.Route(channels.Request{Body: []byte(body)}); len(keys) != 0 && body != `{"v":1,"account":"a"}` {
			t.Errorf("%s routed to %v", body, keys)
		}
	}
}

func TestANameIsCutAfterAHundredCharacters(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(event{V: 1, Type: typeRead, Account: "a", Visitor: "v", Name: strings.Repeat("ğ", 5000)})
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
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Driver().Webhook.Parse(chat.RawEvent{Body: body})
		if err != nil {
			return
		}
		if len(got) != 1 || len(got[0].From) != 1 || got[0].From[0].Scope != got[0].Account.Value {
			t.Fatalf("%+v", got)
		}
		if m := got[0].Message; m != nil && (m.ExternalID == "" || m.Direction != chat.In || m.Text == "" && len(m.Content.Media) == 0) {
			t.Fatalf("%+v", m)
		}
	})
}
