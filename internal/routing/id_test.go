package routing_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/internal/routing"
)

func TestAnIDIsWrittenAsAUUIDAndReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := routing.ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got routing.ID
		if err := json.Unmarshal(text, &got); err != nil || got != want || len(text) != 38 {
			t.Fatalf("%v became %s, then %v (%v)", want, text, got, err)
		}
	})
	type otherID [16]byte
	if got := routing.ID(otherID{0x01, 0x93, 15: 0xff}).String(); got != "01930000-0000-0000-0000-0000000000ff" {
		t.Errorf("got %s", got)
	}
}

func TestOnlyTheCanonicalTextIsAnID(t *testing.T) {
	t.Parallel()
	const good = "01930000-0000-7000-8000-0000000000ff"
	for _, text := range []string{
		"", "-", good[1:], good + "0", good + "00", strings.ToUpper(good), "{" + good + "}", strings.ReplaceAll(good, "-", ""),
		"0193000-00000-7000-8000-0000000000ff", "0193000g-0000-7000-8000-0000000000ff", strings.Repeat("-", 36), good + "-",
	} {
		got := routing.ID{1}
		if err := got.UnmarshalText([]byte(text)); err == nil || got != (routing.ID{1}) {
			t.Errorf("%q was read as %s (%v)", text, got, err)
		}
	}
}
