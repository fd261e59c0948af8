package auth

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
)

// S28, S35, S39: 256 random bits, stored as a hash, different each time, and each kind unknown to every other.
func TestATokenIsKnownOnlyForWhatItWasMadeFor(t *testing.T) {
	t.Parallel()
	a, b := chat.NewID[chat.AccountID](), chat.NewID[chat.AccountID]()
	kinds := map[string]struct {
		make func() (string, []byte)
		hash func(string) []byte
	}{
		"session":      {NewToken, HashToken},
		"setup link":   {func() (string, []byte) { return NewLink(LinkSetup) }, func(s string) []byte { return HashLink(LinkSetup, s) }},
		"invite link":  {func() (string, []byte) { return NewLink(LinkInvite) }, func(s string) []byte { return HashLink(LinkInvite, s) }},
		"reset link":   {func() (string, []byte) { return NewLink(LinkReset) }, func(s string) []byte { return HashLink(LinkReset, s) }},
		"visitor of a": {func() (string, []byte) { return NewVisitorToken(a) }, func(s string) []byte { return HashVisitorToken(a, s) }},
		"visitor of b": {func() (string, []byte) { return NewVisitorToken(b) }, func(s string) []byte { return HashVisitorToken(b, s) }},
	}
	for name, kind := range kinds {
		plain, hash := kind.make()
		if raw, err := base64.RawURLEncoding.DecodeString(plain); err != nil || len(raw) != 32 {
			t.Errorf("%s: %d bytes, %v", name, len(raw), err)
		}
		if again, _ := kind.make(); again == plain {
			t.Errorf("%s: two tokens are equal", name)
		}
		if len(hash) != 32 || bytes.Contains(hash, []byte(plain)) || !EqualHash(hash, kind.hash(plain)) {
			t.Errorf("%s: the hash does not find its token", name)
		}
		if EqualHash(hash, kind.hash(plain+" ")) || EqualHash(hash, kind.hash(strings.ToLower(plain))) {
			t.Errorf("%s: another token has the same hash", name)
		}
		for other, as := range kinds {
			if other != name && EqualHash(hash, as.hash(plain)) {
				t.Errorf("a token of %s is known as %s", name, other)
			}
		}
	}
}

func TestAResetLinkLivesShorterThanAnInvitation(t *testing.T) {
	t.Parallel()
	if LinkReset.Life() != time.Hour || LinkInvite.Life() != 24*time.Hour || LinkSetup.Life() != 24*time.Hour {
		t.Error(LinkReset.Life(), LinkInvite.Life(), LinkSetup.Life())
	}
}

// S37: recognisable by its prefix, found by its hash, refused by its form before any look-up.
func TestAnAPIKeyIsRecognisedByPrefixAndFoundByHash(t *testing.T) {
	t.Parallel()
	key := NewAPIKey()
	plain := key.Plain.Reveal()
	if !strings.HasPrefix(plain, "ghk_") || !strings.HasPrefix(plain, key.Prefix+"_") || len(key.Prefix) != 12 {
		t.Fatalf("prefix %q", key.Prefix)
	}
	hash, prefix, err := HashAPIKey(plain)
	if err != nil || !EqualHash(hash, key.Hash) || prefix != key.Prefix {
		t.Fatalf("HashAPIKey: %v", err)
	}
	if EqualHash(hash, HashToken(plain)) {
		t.Error("an API key is known as a session")
	}
	if other := NewAPIKey(); other.Plain == key.Plain || other.Prefix == key.Prefix {
		t.Error("two keys are alike")
	}
	for _, bad := range []string{"", "ghk_", plain[:len(plain)-1], plain + "x", "ghx_" + plain[4:], strings.Replace(plain, key.Prefix+"_", key.Prefix+"x", 1), strings.Repeat("x", len(plain))} {
		if _, _, err := HashAPIKey(bad); chat.CodeOf(err) != chat.CodeSessionOver {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestScopesAreAClosedSet(t *testing.T) {
	t.Parallel()
	got, err := ParseScopes([]string{"templates", "inbox:write", "templates"})
	if err != nil || !slices.Equal(got, Scopes{ScopeInboxWrite, ScopeTemplates}) {
		t.Fatalf("%v, %v", got, err)
	}
	for _, c := range []struct {
		have Scopes
		may  []Scope
	}{
		{nil, nil},
		{Scopes{ScopeInboxRead}, []Scope{ScopeInboxRead}},
		{got, []Scope{ScopeInboxRead, ScopeInboxWrite, ScopeTemplates}},
		{Scopes{ScopeAdmin}, AllScopes()},
	} {
		for _, need := range AllScopes() {
			if c.have.Allow(need) != slices.Contains(c.may, need) {
				t.Errorf("%v allows %s: %v", c.have, need, c.have.Allow(need))
			}
		}
	}
	for _, bad := range [][]string{nil, {}, {"inbox"}, {"inbox:read", "everything"}, {""}} {
		if _, err := ParseScopes(bad); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("ParseScopes(%q): %v", bad, err)
		}
	}
	for _, s := range AllScopes() {
		if _, err := ParseScopes([]string{string(s)}); err != nil {
			t.Error(err)
		}
	}
}
