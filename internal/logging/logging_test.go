package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/logging"
	"gatehouse/internal/secret"
)

type state string

// line logs one line and returns it, decoded, with its raw form.
func line(t *testing.T, log func(*slog.Logger)) (map[string]any, string) {
	t.Helper()
	var out bytes.Buffer
	l, err := logging.New(&out, "debug", "json")
	if err != nil {
		t.Fatal(err)
	}
	log(l)
	raw := out.String()
	if strings.Count(raw, "\n") != 1 || !strings.HasSuffix(raw, "\n") {
		t.Fatalf("not one line: %q", raw)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %q", err, raw)
	}
	return got, raw
}

// S60: canaries of every kind, by every road into a line; none comes out.
func TestNoCanaryReachesTheLog(t *testing.T) {
	t.Parallel()
	const canary = "canary4711"
	meta := "EAA" + canary + strings.Repeat("x", 40)
	message := struct{ Text string }{canary}
	group := func(name string) slog.Attr { return slog.Group(name, slog.String("x", canary)) }
	roads := map[string]func(*slog.Logger){
		"message by name":       func(l *slog.Logger) { l.Info("m", "text", canary) },
		"body as bytes":         func(l *slog.Logger) { l.Info("m", "stored", []byte(canary)) },
		"body as raw JSON":      func(l *slog.Logger) { l.Info("m", "event", json.RawMessage(`"`+canary+`"`)) },
		"struct":                func(l *slog.Logger) { l.Info("m", "message", message) },
		"pointer to struct":     func(l *slog.Logger) { l.Info("m", "message", &message) },
		"map":                   func(l *slog.Logger) { l.Info("m", "headers", map[string]string{"x": canary}) },
		"struct with String":    func(l *slog.Logger) { l.Info("m", "message", printer{canary}) },
		"slice of structs":      func(l *slog.Logger) { l.Info("m", "messages", []printer{{canary}}) },
		"array of strings":      func(l *slog.Logger) { l.Info("m", "pair", [1]string{canary}) },
		"header spelling":       func(l *slog.Logger) { l.Info("m", "Set-Cookie", canary, "X-Hub-Signature", canary) },
		"suffix":                func(l *slog.Logger) { l.Info("m", "access_token", canary, "app_secret", canary) },
		"number under a name":   func(l *slog.Logger) { l.Info("m", "phone", 905321234711, "otp", 4711) },
		"group by name":         func(l *slog.Logger) { l.Info("m", group("payload")) },
		"WithGroup by name":     func(l *slog.Logger) { l.WithGroup("body").Info("m", "x", canary) },
		"With by name":          func(l *slog.Logger) { l.With("password", canary).Info("m") },
		"name inside a group":   func(l *slog.Logger) { l.Info("m", slog.Group("g", slog.String("caption", canary))) },
		"LogValuer":             func(l *slog.Logger) { l.Info("m", "who", valuer{canary}) },
		"Redact":                func(l *slog.Logger) { l.Info("m", "x", secret.Redact(canary)) },
		"meta token in message": func(l *slog.Logger) { l.Info("sent with " + meta) },
		"bearer in error":       func(l *slog.Logger) { l.Info("m", logging.Err(errors.New("got Bearer "+canary))) },
		"query in error": func(l *slog.Logger) {
			l.Info("m", logging.Err(&url.Error{Op: "Get", URL: "https://graph.facebook.com/v26.0/1?access_token=" + canary, Err: errors.New("EOF")}))
		},
		"token in JSON":   func(l *slog.Logger) { l.Info("m", "reply", `{"access_token": "`+canary+`"}`) },
		"OAuth code":      func(l *slog.Logger) { l.Info("m", "path", "/callback?code="+canary+"&x=1") },
		"DSN":             func(l *slog.Logger) { l.Info("m", "url", "postgres://gate:"+canary+"@db/x") },
		"libpq DSN":       func(l *slog.Logger) { l.Info("m", "dsn", "host=db password="+canary) },
		"api key":         func(l *slog.Logger) { l.Info("m", "x", "used ghk_abc_"+canary) },
		"telegram token":  func(l *slog.Logger) { l.Info("m", "path", "/bot123456789:"+canary+"AAAAAAAAAAAAAAAA/send") },
		"JWT":             func(l *slog.Logger) { l.Info("m", "x", "eyJhbGciOiJIUzI1NiJ9."+canary+".sig") },
		"e-mail in error": func(l *slog.Logger) { l.Info("m", logging.Err(fmt.Errorf("no mailbox %s@example.com", canary))) },
		"whatsapp JID":    func(l *slog.Logger) { l.Info("m", "x", "905321234711@s.whatsapp.net left") },
		"phone in error":  func(l *slog.Logger) { l.Info("m", logging.Err(errors.New("bad number +90 532 123 4711"))) },
		"strings":         func(l *slog.Logger) { l.Info("m", "args", []string{"--token=" + canary}) },
		"wrapped error": func(l *slog.Logger) {
			l.Info("m", logging.Err(fmt.Errorf("open: %w", errors.New("secret="+canary))))
		},
	}
	for name, road := range roads {
		_, raw := line(t, road)
		for _, leak := range []string{canary, "1234711", "123 4711", "Y2FuYXJ5"} {
			if strings.Contains(raw, leak) {
				t.Errorf("%s: %s", name, raw)
			}
		}
	}
}

type printer struct{ text string }

func (p printer) String() string { return p.text }

type valuer struct{ text string }

func (v valuer) LogValue() slog.Value { return slog.GroupValue(slog.String("text", v.text)) }

func TestWhatAnOperatorNeedsIsKept(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0192f3c8-7a11-7c3e-9b1d-0a2b3c4d5e6f")
	got, _ := line(t, func(l *slog.Logger) {
		l.Error("send failed: token expired, code: 190",
			logging.KeyAccount, id,
			logging.KeyMessage, id.String(),
			logging.KeyReason, state("window_closed"),
			"count", 3,
			"share", 0.5,
			"ok", true,
			"took", 48_123_456*time.Nanosecond,
			"at", time.Date(2026, 11, 21, 1, 2, 3, 0, time.UTC),
			"ip", netip.MustParseAddr("192.0.2.7"),
			"external_id", "wamid.HBgMOTA1MzIxMjM0NTY3FQIAERgSQw==",
			"content_type", "image/png",
			"states", []string{"a", "b"},
			"messages", []printer{{}, {}},
			slog.Group("http", slog.Int("status", 503)),
			logging.Err(errors.New("dial tcp 192.0.2.1:443: connection refused")),
			"nothing", nil,
		)
	})
	want := map[string]any{
		"level": "ERROR", "msg": "send failed: token expired, code: 190",
		"account_id": id.String(), "message_id": id.String(), "reason": "window_closed",
		"count": 3.0, "share": 0.5, "ok": true, "took": "48.12ms", "at": "2026-11-21T01:02:03Z", "ip": "192.0.2.7",
		"external_id": "wamid.HBgMOTA1MzIxMjM0NTY3FQIAERgSQw==", "content_type": "image/png",
		"states": "a, b", "messages": "[2 × logging_test.printer]",
		"error": "dial tcp 192.0.2.1:443: connection refused", "nothing": "",
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %v, want %v", k, got[k], v)
		}
	}
	if http, _ := got["http"].(map[string]any); http["status"] != 503.0 {
		t.Errorf("http = %v", got["http"])
	}
	if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got["time"])); err != nil {
		t.Error(err)
	}
}

func TestAPhoneShowsItsLastFourDigits(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"+90 532 123 45 67": "…4567",
		"905321234567":      "…4567",
		"5321":              "…",
		"":                  "…",
	} {
		got, _ := line(t, func(l *slog.Logger) { l.Info("m", logging.Phone(number)) })
		if got["phone"] != want {
			t.Errorf("Phone(%q) logs %v, want %q", number, got["phone"], want)
		}
	}
}

func TestAnEmailIsHashedAndStillComparable(t *testing.T) {
	t.Parallel()
	log := func(address string) any {
		got, raw := line(t, func(l *slog.Logger) { l.Info("m", logging.Email(address)) })
		if strings.Contains(strings.ToLower(raw), "deniz") || strings.Contains(raw, "example") {
			t.Errorf("address in %s", raw)
		}
		return got["email"]
	}
	if log("deniz@example.com") != log(" Deniz@Example.com ") {
		t.Error("one address has two hashes")
	}
	if log("deniz@example.com") == log("deniz@example.org") {
		t.Error("two addresses have one hash")
	}
}

// S60: a newline in a value cannot forge a second line, in either format.
func TestANewlineStaysInsideItsLine(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		l, err := logging.New(&out, "info", format)
		if err != nil {
			t.Fatal(err)
		}
		l.Info("m\nlevel=ERROR", "x\ny", "a\r\n{\"level\":\"ERROR\"}")
		if strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "\r") {
			t.Errorf("%s: %q", format, out.String())
		}
	}
}

func TestTheRequestIDOfTheContextIsOnEveryLine(t *testing.T) {
	t.Parallel()
	id := logging.NewRequestID()
	ctx := logging.WithRequestID(context.Background(), id)
	for name, log := range map[string]func(*slog.Logger){
		"plain": func(l *slog.Logger) { l.InfoContext(ctx, "m") },
		"With":  func(l *slog.Logger) { l.With("a", 1).InfoContext(ctx, "m", "b", 2) },
	} {
		if got, _ := line(t, log); got[logging.KeyRequestID] != id {
			t.Errorf("%s: %v", name, got)
		}
	}
	grouped, _ := line(t, func(l *slog.Logger) { l.WithGroup("g").InfoContext(ctx, "m") })
	if g, _ := grouped["g"].(map[string]any); g[logging.KeyRequestID] != id {
		t.Errorf("grouped: %v", grouped)
	}
	if got, _ := line(t, func(l *slog.Logger) { l.Info("m") }); got[logging.KeyRequestID] != nil {
		t.Errorf("without: %v", got)
	}
	if logging.RequestID(context.Background()) != "" {
		t.Error("a bare context has an id")
	}
}

func TestARequestIDFromOutsideIsTakenOnlyWhenHarmless(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"0192f3c8-7a11-7c3e-9b1d-0a2b3c4d5e6f", "abc.DEF_12", strings.Repeat("x", 64)} {
		if got := logging.AcceptRequestID(good); got != good {
			t.Errorf("%q became %q", good, got)
		}
	}
	for _, bad := range []string{"", "short", strings.Repeat("x", 65), "with space", "line\nbreak", `quote"quote`, "türkçe-id"} {
		got := logging.AcceptRequestID(bad)
		if got == bad || len(got) < 20 {
			t.Errorf("%q became %q", bad, got)
		}
	}
	if one, other := logging.NewRequestID(), logging.NewRequestID(); one == other {
		t.Error("two ids are equal")
	}
}

func TestLevelAndFormatAreAClosedSet(t *testing.T) {
	t.Parallel()
	for _, bad := range [][2]string{{"verbose", "json"}, {"", "json"}, {"info", "xml"}, {"info", ""}} {
		if _, err := logging.New(&bytes.Buffer{}, bad[0], bad[1]); err == nil {
			t.Errorf("New(%q, %q) was accepted", bad[0], bad[1])
		}
	}
	var out bytes.Buffer
	l, err := logging.New(&out, "WARN", "Text")
	if err != nil {
		t.Fatal(err)
	}
	l.Info("quiet")
	l.Warn("loud")
	if strings.Contains(out.String(), "quiet") || !strings.Contains(out.String(), "loud") {
		t.Errorf("level warn wrote %q", out.String())
	}
}

func BenchmarkLine(b *testing.B) {
	var out bytes.Buffer
	l, err := logging.New(&out, "info", "json")
	if err != nil {
		b.Fatal(err)
	}
	id := uuid.New().String()
	for b.Loop() {
		out.Reset()
		l.Info("webhook stored", logging.KeyAccount, id, logging.KeyEvent, id, "count", 3, "channel", "whatsapp")
	}
}
