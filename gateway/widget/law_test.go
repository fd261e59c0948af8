package widget

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/internal/chat"
)

func TestAnOriginHasOneSpelling(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://Example.com": "https://example.com", "https://example.com/": "https://example.com", "HTTPS://example.com:443": "https://example.com",
		"http://example.com:80": "http://example.com", "https://example.com:8443": "https://example.com:8443", "http://localhost:3000": "http://localhost:3000",
		"https://[2001:DB8::1]:8443": "https://[2001:db8::1]:8443", "https://xn--mavi-5qa.example": "https://xn--mavi-5qa.example",
		"http://127.0.0.1:8080": "http://127.0.0.1:8080",
		"":                      "", "*": "", "null": "", "example.com": "", "https://*.example.com": "", "https://": "", "https:///x": "",
		"https://example.com/shop": "", "https://example.com?x": "", "https://example.com#": "", "https://a@example.com": "", "ftp://example.com": "",
		"https://example.com:": "", "https://example.com:0": "", "https://example.com:99999": "", "javascript:alert(1)": "", "https://exa mple.com": "",
		"https://example.com'": "", "https://mağaza.example": "", "//example.com": "",
	} {
		if got, ok := canonicalOrigin(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", in, got, ok, want)
		}
	}
}

func TestEveryColourIsReadable(t *testing.T) {
	t.Parallel()
	ink := map[string][2]string{ // of UI.md §3.1: what stands in the visitor's bubbles
		"light": {"#1C1B18", "#55514A"}, "dark": {"#EDEBE6", "#BAB6AD"},
	}
	enough := func(t *rapid.T, what, a, b string) {
		x, ok := parseRGB(a)
		y, ok2 := parseRGB(b)
		if r := contrast(x, y); !ok || !ok2 || r < readable {
			t.Fatalf("%s: %s on %s is %.2f", what, a, b, r)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		c := rgb{rapid.Uint8().Draw(t, "r"), rapid.Uint8().Draw(t, "g"), rapid.Uint8().Draw(t, "b")}
		p := paletteOf(c.String())
		if p.Brand != c.String() {
			t.Fatalf("%v became %s", c, p.Brand)
		}
		enough(t, "header", p.OnBrand, p.Brand)
		for theme, s := range map[string]shades{"light": p.Light, "dark": p.Dark} {
			surface := map[string]string{"light": "#FFFFFF", "dark": "#1A1A19"}[theme]
			enough(t, theme+" button", s.OnAccent, s.Accent)
			enough(t, theme+" link", s.AccentText, surface)
			enough(t, theme+" tick", s.AccentText, s.Out)
			enough(t, theme+" own text", ink[theme][0], s.Out)
			enough(t, theme+" own time", ink[theme][1], s.Out)
			enough(t, theme+" soft", s.AccentText, s.AccentSoft)
		}
		enough(t, "dark accent", p.Dark.Accent, "#1A1A19")
	})
	if got := paletteOf("red; x").Brand; got != "#3654D1" {
		t.Errorf("what is no colour is %s", got)
	}
}

func TestAMeterNeverAllowsMoreThanItsLimitInAnySpan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		m := newMeter(limit, time.Minute)
		now := time.Unix(0, 0)
		var allowed []time.Time
		for _, step := range rapid.SliceOf(rapid.IntRange(0, 40)).Draw(t, "seconds") {
			now = now.Add(time.Duration(step) * time.Second)
			within := 0
			for _, at := range allowed {
				if now.Sub(at) < time.Minute {
					within++
				}
			}
			wait := m.take("a", now)
			if (wait == 0) != (within < limit) || wait > time.Minute {
				t.Fatalf("%d within the minute, wait %v", within, wait)
			}
			if wait == 0 {
				allowed = append(allowed, now)
			}
		}
	})
}

func TestAMetersMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := newMeter(1, time.Minute)
	now := time.Unix(0, 0)
	for i := range 3 * maxKeys {
		m.take(fmt.Sprint(i), now)
	}
	if n := len(m.cur) + len(m.last); n > 2*maxKeys {
		t.Errorf("%d keys held", n)
	}
}

func TestAddressesOfOneSubscriberCountAsOne(t *testing.T) {
	t.Parallel()
	for ip, want := range map[string]string{
		"203.0.113.7": "203.0.113.7/32", "::ffff:203.0.113.7": "203.0.113.7/32", "2001:db8::1": "2001:db8::/64",
		"2001:db8::ffff:1": "2001:db8::/64", "fe80::1%eth0": "fe80::/64", "": "",
	} {
		a, _ := netip.ParseAddr(ip) // "" is the zero Addr
		if got := network(a); got != want {
			t.Errorf("%q: %q", ip, got)
		}
	}
}

// The contract with the driver is files: what we write is what it reads.
func TestTheEventsAreThoseThatTheDriverReads(t *testing.T) {
	t.Parallel()
	account, err := chat.ParseID[chat.AccountID]("019a9e4c-7d00-7000-8000-0000000000a1")
	if err != nil {
		t.Fatal(err)
	}
	file, err := chat.ParseID[chat.AttachmentID]("019a9e4c-7d00-7000-8000-0000000000c3")
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]rawEvent{
		"message": {
			Type: typeMessage, Locale: "tr", At: time.Date(2026, 11, 21, 14, 3, 5, 123456000, time.UTC), ID: "5f0c6a1e-3b1f-4d6c-9f0e-2a4f6c8e0b11",
			Text: "Ege serisi kaseler bulaşık makinesine uygun mu?", Page: &pageInfo{"https://www.maviev.example/kase", "Kase · Mavi Ev"},
		},
		"message-picture-reply": {
			Type: typeMessage, Name: "Elif Yıldız", Locale: "tr", At: time.Date(2026, 11, 21, 14, 5, 0, 0, time.UTC),
			ID: "0b9d4c1a-1f7e-4a8b-8c55-6f1d2e3c4b5a", Text: "Lacivert, 15 cm olan", ReplyTo: "019a9e4c-7d00-7000-8000-0000000000d4",
			Media: &chat.Media{ID: file, State: chat.MediaReady, Type: "image/png", Name: "kase.png", Size: 20481, Width: 640, Height: 480, Thumb: true},
		},
		"read": {Type: typeRead, At: time.Date(2026, 11, 21, 14, 6, 0, 500_000_000, time.UTC)},
	} {
		raw, err := envelope(account, addressOf(account, "019a9e4c-7d00-7000-8000-0000000000b2"), e)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile("../../channels/webchat/testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimSpace(string(want)), string(raw.Body)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAVisitorSeesOfAnEventOnlyWhatIsItsBusiness(t *testing.T) {
	t.Parallel()
	conv, agent, other := chat.NewID[chat.ConversationID](), chat.NewID[chat.AgentID](), chat.NewID[chat.AgentID]()
	mark := func(kind chat.EventKind, data any) chat.ThreadEvent {
		return chat.ThreadEvent{Event: chat.Event{ConversationID: conv, Seq: 7, Kind: kind, Actor: agent, Data: data}}
	}
	said := func(m chat.Message) chat.ThreadEvent {
		return chat.ThreadEvent{Event: chat.Event{Kind: chat.EventMessage}, Message: &chat.ThreadMessage{Message: m}}
	}
	status := func(s chat.MessageStatus) chat.ThreadEvent {
		return chat.ThreadEvent{Event: chat.Event{Kind: chat.EventStatus}, Message: &chat.ThreadMessage{Message: chat.Message{Direction: chat.Out, Status: s}}}
	}
	viaJSON := map[string]any{"to": agent.String(), "from": other.String(), "how": "assigned"}
	for name, tc := range map[string]struct {
		event chat.ThreadEvent
		mark  string
		agent chat.AgentID
		shown bool
	}{
		"assigned":               {mark(chat.EventAssigned, chat.AssignedData{To: agent}), markJoined, agent, true},
		"given to somebody else": {mark(chat.EventAssigned, &chat.AssignedData{From: other, To: agent}), markTookOver, agent, true},
		"by way of JSON":         {mark(chat.EventAssigned, viaJSON), markTookOver, agent, true},
		"assigned to whom":       {mark(chat.EventAssigned, nil), markJoined, chat.AgentID{}, false},
		"reopened":               {mark(chat.EventReopened, nil), markJoined, agent, true},
		"returned to the line":   {mark(chat.EventQueued, chat.QueuedData{From: other, Why: "returned"}), markWaiting, chat.AgentID{}, true},
		"new in the line":        {mark(chat.EventQueued, chat.QueuedData{Why: "new"}), markWaiting, chat.AgentID{}, false},
		"ended":                  {mark(chat.EventEnded, chat.EndedData{Note: "rude"}), markEnded, agent, true},
		"pended":                 {mark(chat.EventPended, nil), "", chat.AgentID{}, false},
		"read":                   {mark(chat.EventRead, nil), "", chat.AgentID{}, false},
		"of the visitor":         {said(chat.Message{Direction: chat.In, Status: chat.StatusReceived}), "", chat.AgentID{}, true},
		"sent":                   {said(chat.Message{Direction: chat.Out, Status: chat.StatusSent, AgentID: agent}), "", agent, true},
		"read by the visitor":    {said(chat.Message{Direction: chat.Out, Status: chat.StatusRead}), "", chat.AgentID{}, true},
		"became sent":            {status(chat.StatusSent), "", chat.AgentID{}, true},
		"became read":            {status(chat.StatusRead), "", chat.AgentID{}, false},
		"a reaction":             {chat.ThreadEvent{Event: chat.Event{Kind: chat.EventReaction}, Message: &chat.ThreadMessage{Message: chat.Message{Direction: chat.Out, Status: chat.StatusSent}}}, "", chat.AgentID{}, false},
		"a note":                 {said(chat.Message{Direction: chat.Note, Status: chat.StatusReceived, Text: "x"}), "", chat.AgentID{}, false},
		"not sent yet":           {said(chat.Message{Direction: chat.Out, Status: chat.StatusPending}), "", chat.AgentID{}, false},
		"failed":                 {said(chat.Message{Direction: chat.Out, Status: chat.StatusFailed}), "", chat.AgentID{}, false},
	} {
		it, who, ok := itemOf(tc.event)
		if ok != tc.shown || ok && (it.Mark != tc.mark || who != tc.agent) {
			t.Errorf("%s: %+v %v %v", name, it, who, ok)
		}
		text, err := json.Marshal(it)
		if err != nil {
			t.Fatal(err)
		}
		if ok && (strings.Contains(string(text), agent.String()) || strings.Contains(string(text), "rude")) {
			t.Errorf("%s tells too much: %s", name, text)
		}
	}
}

func TestADeletedMessageKeepsNoContent(t *testing.T) {
	t.Parallel()
	m := chat.Message{Direction: chat.Out, Status: chat.StatusSent, Text: "secret", DeletedAt: time.Now(), Content: chat.Content{Media: []chat.Media{{Name: "secret.pdf"}}}}
	it, _, ok := messageItem(chat.ThreadMessage{Message: m})
	if !ok || !it.Deleted || it.Text != "" || it.Media != nil {
		t.Errorf("%+v", it)
	}
}

func TestAPageIsKeptWithoutWhatMayBeSecret(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://shop.example/a/b?reset=secret#x": "https://shop.example/a/b", "http://user:pass@localhost:3000/": "http://localhost:3000/",
		"javascript:alert(1)": "", "data:text/html,x": "", "/relative": "", "": "", "https://shop.example/" + strings.Repeat("a", urlLimit): "",
		"https://shop.example/" + strings.Repeat("ş", urlLimit): "",
	} {
		got := (&pageInfo{URL: in, Title: "x\n y"}).clean()
		if (got == nil) != (want == "") || got != nil && (got.URL != want || got.Title != "x y") {
			t.Errorf("%.60q: %+v", in, got)
		}
	}
	s := &session{site: &site{origins: []string{"https://shop.example"}}}
	for page, want := range map[string]bool{
		"https://shop.example/a": true, "https://shop.example": true, "https://shop.example.evil/a": false, "http://shop.example/a": false, "https://shop.example:1/a": false,
	} {
		if got := s.ours(page); got != want {
			t.Errorf("%s: %v", page, got)
		}
	}
}

func FuzzParseWidgetFrame(f *testing.F) {
	for _, seed := range []string{
		`{"type":"hello","token":"x","after":"","name":"Elif","locale":"tr"}`, `{"type":"message","client_id":"5f0c6a1e-3b1f-4d6c-9f0e-2a4f6c8e0b11","text":"a\u0000b\r\nc"}`,
		`{"type":"message","client_id":"5f0c6a1e-3b1f-4d6c-9f0e-2a4f6c8e0b11","file":"019a9e4c-7d00-7000-8000-0000000000c3","reply_to":"019a9e4c-7d00-7000-8000-0000000000d4","page":{"url":"https://a.example/?x","title":"t"}}`,
		`{"type":"read","at":"2026-11-21T14:00:00.5Z"}`, `{"type":"history","before":"019a9e4c-7d00-7000-8000-0000000000d4:12"}`,
		`{"type":"typing","on":true}`, `{"type":"sync"}`, `{"type":"ping"}`, `{"type":"admin"}`, `[]`, `null`, "\xff", `{"type":"message","text":"\ud800"}`,
		`{"type":"read","at":"9999-12-31T23:59:59+14:00"}`, `{"Type":"ping","type":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseFrame(data)
		again, err2 := parseFrame(data)
		if diff := cmp.Diff(got, again); diff != "" || (err == nil) != (err2 == nil) {
			t.Fatalf("not the same twice: %s", diff)
		}
		if err != nil {
			if diff := cmp.Diff(got, visitorFrame{}); diff != "" && len(data) <= frameLimit && utf8.Valid(data) {
				t.Fatalf("a refused frame left something behind: %s", diff)
			}
			return
		}
		switch got.Type {
		case typeHello, typeMessage, typeTyping, typeRead, typeHistory, typeSync, typePing:
		default:
			t.Fatalf("type %q", got.Type)
		}
		for _, s := range []string{got.Text, got.Name, got.Locale} {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				t.Fatalf("%q", s)
			}
		}
		if utf8.RuneCountInString(got.Name) > nameLimit || len(got.Locale) > localeLimit {
			t.Fatalf("%q %q", got.Name, got.Locale)
		}
		if got.Page != nil && (len(got.Page.URL) > urlLimit || strings.ContainsAny(got.Page.URL, "?#")) {
			t.Fatalf("%q", got.Page.URL)
		}
		if got.Type == typeMessage {
			if _, err := chat.ParseID[chat.MessageID](got.ClientID); err != nil {
				t.Fatalf("client id %q", got.ClientID)
			}
			raw, err := envelope(chat.AccountID{1}, addressOf(chat.AccountID{1}, "v"), rawEvent{ID: got.ClientID, Text: got.Text, Page: got.Page})
			if err != nil || !json.Valid(raw.Body) {
				t.Fatal(err)
			}
		}
	})
}
