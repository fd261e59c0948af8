package auth

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
)

var (
	keyA = bytes.Repeat([]byte("a"), 32)
	keyB = bytes.Repeat([]byte("b"), 32)
)

type place struct {
	At time.Time `json:"at"`
	ID string    `json:"id"`
}

func cursors(t testing.TB, key []byte) *Cursors {
	t.Helper()
	c, err := NewCursors(key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACursorReturnsItsPlace(t *testing.T) {
	t.Parallel()
	c := cursors(t, keyA)
	want := place{time.Date(2026, 11, 21, 1, 2, 3, 4, time.UTC), "0192f3c8"}
	cursor, err := c.Encode("agent:1 mine newest", want)
	if err != nil {
		t.Fatal(err)
	}
	if url.QueryEscape(cursor) != cursor {
		t.Errorf("%q needs escaping", cursor)
	}
	var got place
	if err := c.Decode("agent:1 mine newest", cursor, &got); err != nil || got != want {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := c.Encode("v", make(chan int)); err == nil {
		t.Error("a place that cannot be written was encoded")
	}
}

// B38: tampered with, another agent's, another list's, another installation's: refused.
func TestACursorHoldsForItsOwnViewOnly(t *testing.T) {
	t.Parallel()
	c := cursors(t, keyA)
	cursor, err := c.Encode("agent:1 mine", place{ID: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var got place
	for _, view := range []string{"", "agent:2 mine", "agent:1 all", "agent:1 mine "} {
		if err := c.Decode(view, cursor, &got); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("view %q: %v", view, err)
		}
	}
	if err := cursors(t, keyB).Decode("agent:1 mine", cursor, &got); chat.CodeOf(err) != chat.CodeInvalid {
		t.Errorf("another key: %v", err)
	}
	for i := range cursor {
		for _, c2 := range []byte{'A', 'B', '_', '\n', '=', 0} {
			changed := cursor[:i] + string(c2) + cursor[i+1:]
			if changed != cursor && c.Decode("agent:1 mine", changed, &got) == nil {
				t.Errorf("byte %d as %q was accepted", i, c2)
			}
		}
	}
	for _, changed := range []string{"", cursor[:len(cursor)-1], cursor + "A", cursor + "\n", cursor + "=", " " + cursor, strings.Repeat("A", 5000)} {
		if err := c.Decode("agent:1 mine", changed, &got); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%.40q: %v", changed, err)
		}
	}
	var number int
	if err := c.Decode("agent:1 mine", cursor, &number); chat.CodeOf(err) != chat.CodeInvalid {
		t.Errorf("another shape: %v", err)
	}
	if _, err := NewCursors(keyA[:31]); err == nil {
		t.Error("a short key was taken")
	}
}

// FuzzCursorDecode: what decodes is what was encoded, to the letter; everything else is refused without a panic.
func FuzzCursorDecode(f *testing.F) {
	c := cursors(f, keyA)
	genuine, err := c.Encode("view", place{ID: "0192f3c8"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{genuine, genuine[1:], genuine + "=", "", "AAAA", "====", "e30", "null", strings.Repeat("A", 2000)} {
		f.Add("view", seed)
	}
	f.Add("other view", genuine)
	f.Fuzz(func(t *testing.T, view, cursor string) {
		var got place
		err := c.Decode(view, cursor, &got)
		if (err == nil) != (view == "view" && cursor == genuine) {
			t.Fatalf("Decode(%q, %q) = %v", view, cursor, err)
		}
		if err != nil && chat.CodeOf(err) != chat.CodeInvalid {
			t.Fatalf("refused with %v", err)
		}
	})
}

func mediaLinks(t *testing.T, key []byte) *MediaLinks {
	t.Helper()
	m, err := NewMediaLinks(key)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// S44: a link holds for at most five minutes, for one file, one principal, one way of showing it.
func TestAMediaLinkHoldsFiveMinutesForOneFile(t *testing.T) {
	t.Parallel()
	m := mediaLinks(t, keyA)
	now := time.Date(2026, 11, 21, 10, 0, 42, 0, time.UTC)
	query := m.Sign("blob-1", "agent:7", true, now)
	grant, err := m.Verify("blob-1", query, now)
	if err != nil || grant.Blob != "blob-1" || grant.Principal != "agent:7" || !grant.Inline {
		t.Fatalf("%+v, %v", grant, err)
	}
	if life := grant.Expires.Sub(now); life > MediaLinkLife || life < 4*time.Minute {
		t.Errorf("holds for %v", life)
	}
	if _, err := m.Verify("blob-1", query, grant.Expires.Add(-time.Second)); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	if _, err := m.Verify("blob-1", query, grant.Expires); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("at its end: %v", err)
	}
	if _, err := m.Verify("blob-2", query, now); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("another file: %v", err)
	}
	if _, err := mediaLinks(t, keyB).Verify("blob-1", query, now); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("another key: %v", err)
	}
	for field, value := range map[string]string{"p": "agent:8", "d": "attachment", "e": "99999999999", "s": "AAAA"} {
		for _, v := range []string{value, "", query.Get(field) + "\n"} {
			changed := url.Values{}
			for k := range query {
				changed.Set(k, query.Get(k))
			}
			changed.Set(field, v)
			if _, err := m.Verify("blob-1", changed, now); chat.CodeOf(err) != chat.CodeForbidden {
				t.Errorf("%s = %q: %v", field, v, err)
			}
		}
	}
	if _, err := m.Verify("blob-1", nil, now); chat.CodeOf(err) != chat.CodeForbidden {
		t.Errorf("without a query: %v", err)
	}
	if _, err := NewMediaLinks(nil); err == nil {
		t.Error("an empty key was taken")
	}
}

func TestMediaLinksOfOneMinuteAreEqual(t *testing.T) {
	t.Parallel()
	m := mediaLinks(t, keyA)
	minute := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	first := m.Sign("b", "agent:7", false, minute).Encode()
	if last := m.Sign("b", "agent:7", false, minute.Add(59*time.Second)).Encode(); first != last {
		t.Errorf("%s and %s", first, last)
	}
	if next := m.Sign("b", "agent:7", false, minute.Add(time.Minute)).Encode(); first == next {
		t.Error("the link never changes")
	}
	if grant, err := m.Verify("b", m.Sign("b", "agent:7", false, minute), minute); err != nil || grant.Inline {
		t.Errorf("%+v, %v", grant, err)
	}
}
