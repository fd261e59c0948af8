package graph_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gatehouse/channels/internal/graph"
)

func TestCleanReplacesWhatNoTextColumnTakes(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`{"a":"plain"}`:                     `{"a":"plain"}`,
		`{"a":"x\u0000y"}`:                  `{"a":"x\ufffdy"}`,
		`{"a":"\\u0000"}`:                   `{"a":"\\u0000"}`,
		`{"a":"\\\u0000"}`:                  `{"a":"\\\ufffd"}`,
		`{"a":"\uD83D\uDCE6 \ud83d\udce6"}`: `{"a":"\uD83D\uDCE6 \ud83d\udce6"}`,
		`{"a":"\ud800"}`:                    `{"a":"\ufffd"}`,
		`{"a":"\udc00\ud800"}`:              `{"a":"\ufffd\ufffd"}`,
		`{"a":"\ud800\u0041"}`:              `{"a":"\ufffd\u0041"}`,
		`{"a":"\ud800\ud83d\udce6"}`:        `{"a":"\ufffd\ud83d\udce6"}`,
		"{\"a\":\"\xff\xfe!\"}":             "{\"a\":\"\uFFFD!\"}",
		`\u`:                                `\u`,
		`\`:                                 `\`,
		`"\u00`:                             `"\u00`,
		``:                                  ``,
	} {
		body := []byte(given)
		if got := string(graph.Clean(body)); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
		if string(body) != given {
			t.Errorf("%s was changed in place", given)
		}
	}
}

func TestALooseScalarReadsWhateverStandsThere(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]graph.Loose{
		`"510"`: "510", `510`: "510", `-1`: "-1", `1e999`: "1e999", `"a\"\u0062"`: `a"b`, `null`: "", `true`: "", `{"a":1}`: "", `[1]`: "",
	} {
		got := struct{ V graph.Loose }{V: "before"}
		if err := json.Unmarshal([]byte(`{"V":`+given+`}`), &got); err != nil || got.V != want {
			t.Errorf("%s: got %q, %v", given, got.V, err)
		}
	}
}

func TestATimeIsReadInSecondsOrMillisecondsAndAbsurdOnesAreNone(t *testing.T) {
	t.Parallel()
	moment := time.Date(2026, 11, 21, 8, 33, 20, 0, time.UTC)
	for given, want := range map[graph.Loose]time.Time{
		"1795250000": moment, "1795250000000": moment, "1795250000123": moment.Add(123 * time.Millisecond),
		"1230768000": time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC),
		"":           {}, "abc": {}, "-1": {}, "0": {}, "1230767999": {}, "4102444800": {}, "1795250000000000": {}, "99999999999999999999": {}, "1795250000.5": {},
	} {
		got, ok := given.Time()
		if !got.Equal(want) || ok == want.IsZero() {
			t.Errorf("%q: got %v %v, want %v", given, got, ok, want)
		}
	}
}

func TestAnOverlongIDIsHashedAlikeEverywhere(t *testing.T) {
	t.Parallel()
	long := graph.Loose(strings.Repeat("w", 10_000))
	if graph.ID("wamid.1") != "wamid.1" || graph.ID("") != "" || graph.ID(long[:255]) != string(long[:255]) {
		t.Error("a short id was changed")
	}
	if id := graph.ID(long); id != graph.ID(long) || id == graph.ID(long+"x") || len(id) > 255 {
		t.Errorf("got %q", id)
	}
	if graph.DerivedID("a", "bc") == graph.DerivedID("ab", "c") {
		t.Error("parts run into each other")
	}
}

func TestKeepRefusesWhatIsNotJSONOrTooDeep(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for given, want := range map[string]string{
		` { "a" : [1, "x[[{\"[" ] } `: `{"a":[1,"x[[{\"["]}`,
		deep(64):                      deep(64),
		deep(65):                      "",
		deep(9_000):                   "",
		`{not json`:                   "",
		``:                            "",
	} {
		if got := string(graph.Keep([]byte(given))); got != want {
			t.Errorf("%.40s: got %.40s", given, got)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{`{"a":"\u0000\ud800\udc00"}`, "\xff\\u", `"\ud83d\ud83d\udce6"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		clean := graph.Clean(body)
		if !utf8.Valid(clean) {
			t.Fatal("not UTF-8")
		}
		if string(graph.Clean(clean)) != string(clean) {
			t.Fatal("not idempotent")
		}
		var before, after any
		if json.Unmarshal(body, &before) != nil {
			return
		}
		if err := json.Unmarshal(clean, &after); err != nil {
			t.Fatalf("broke the JSON: %v", err)
		}
		if text, err := json.Marshal(after); err != nil || strings.Contains(string(text), `\u0000`) && !strings.Contains(string(text), `\\u0000`) {
			t.Fatalf("left a NUL: %s %v", text, err)
		}
	})
}

func TestAFlagIsTrueOnlyWhenItSaysSo(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]graph.Flag{`true`: true, `"true"`: true, `false`: false, `null`: false, `1`: false, `{}`: false} {
		got := struct{ V graph.Flag }{V: !want}
		if err := json.Unmarshal([]byte(`{"V":`+given+`}`), &got); err != nil || got.V != want {
			t.Errorf("%s: got %v, %v", given, got.V, err)
		}
	}
}
