package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gatehouse/internal/secret"
)

const (
	hexA = "6a1f0c93d27be84455aa01fe9c3d7b2860e1f9a4b3c2d1e0f98776655443322f"
	hexB = "b0c1d2e3f405162738495a6b7c8d9eafb1c2d3e4f5061728394a5b6c7d8e9f01"
)

func key(t testing.TB, s string) secret.Key {
	t.Helper()
	k, err := secret.ParseKey(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func box(t testing.TB, current secret.Key, previous ...secret.Key) *secret.Box {
	t.Helper()
	b, err := secret.NewBox(current, previous...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// S56: swapping ciphertexts between rows, tables or fields fails.
func TestASealedValueOpensOnlyInItsOwnPlace(t *testing.T) {
	t.Parallel()
	b := box(t, key(t, hexA))
	home := secret.Place("channel_accounts", "0192-a", "access_token")
	sealed := b.Seal([]byte("EAAG-canary"), home)
	if bytes.Contains(sealed, []byte("canary")) {
		t.Fatal("the sealed value holds the plain one")
	}
	if got, err := b.Open(sealed, home); err != nil || string(got) != "EAAG-canary" {
		t.Fatalf("Open at home = %q, %v", got, err)
	}
	for _, elsewhere := range []string{
		"",
		secret.Place("channel_accounts", "0192-b", "access_token"),
		secret.Place("channel_accounts", "0192-a", "app_secret"),
		secret.Place("webhooks", "0192-a", "access_token"),
		secret.Place("channel_accounts", "", "0192-aaccess_token"),
	} {
		if got, err := b.Open(sealed, elsewhere); !errors.Is(err, secret.ErrTampered) {
			t.Errorf("Open at %q = %q, %v; want ErrTampered", elsewhere, got, err)
		}
	}
}

func TestEverySingleChangedByteIsNoticed(t *testing.T) {
	t.Parallel()
	b := box(t, key(t, hexA))
	sealed := b.Seal([]byte("token"), "p")
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if got, err := b.Open(changed, "p"); err == nil {
			t.Errorf("byte %d changed: opened as %q", i, got)
		}
	}
	for n := range sealed {
		if got, err := b.Open(sealed[:n], "p"); err == nil {
			t.Errorf("cut to %d bytes: opened as %q", n, got)
		}
	}
}

func TestTwoSealsOfOneValueDiffer(t *testing.T) {
	t.Parallel()
	b := box(t, key(t, hexA))
	if bytes.Equal(b.Seal([]byte("x"), "p"), b.Seal([]byte("x"), "p")) {
		t.Fatal("a nonce was reused")
	}
}

func TestAnEmptyValueCanBeSealed(t *testing.T) {
	t.Parallel()
	b := box(t, key(t, hexA))
	if got, err := b.Open(b.Seal(nil, "p"), "p"); err != nil || len(got) != 0 {
		t.Fatalf("Open = %q, %v", got, err)
	}
}

func TestRotationOpensOldValuesAndCallsThemStale(t *testing.T) {
	t.Parallel()
	oldKey, newKey := key(t, hexA), key(t, hexB)
	before := box(t, oldKey).Seal([]byte("token"), "p")
	during := box(t, newKey, oldKey)
	if got, err := during.Open(before, "p"); err != nil || string(got) != "token" {
		t.Fatalf("Open of the old value = %q, %v", got, err)
	}
	if !during.Stale(before) {
		t.Error("the old value is not stale")
	}
	after := during.Seal([]byte("token"), "p")
	if during.Stale(after) {
		t.Error("the new value is stale")
	}
	if _, err := box(t, newKey).Open(after, "p"); err != nil {
		t.Errorf("the new key alone does not open the new value: %v", err)
	}
}

// B83: a dump restored under another key is refused by the key's name.
func TestAMissingKeyIsNamed(t *testing.T) {
	t.Parallel()
	oldKey, newKey := key(t, hexA), key(t, hexB)
	_, err := box(t, newKey).Open(box(t, oldKey).Seal([]byte("token"), "p"), "p")
	var unknown *secret.UnknownKeyError
	if !errors.As(err, &unknown) || unknown.KeyID != oldKey.ID() || !strings.Contains(err.Error(), oldKey.ID()) {
		t.Fatalf("Open = %v; want an error that names %s", err, oldKey.ID())
	}
}

func TestWhatWasNeverSealedIsMalformed(t *testing.T) {
	t.Parallel()
	b := box(t, key(t, hexA))
	for _, v := range []string{"", "plain token in the column", "\x02abcdefgh"} {
		if _, err := b.Open([]byte(v), "p"); !errors.Is(err, secret.ErrMalformed) {
			t.Errorf("Open(%q) = %v; want ErrMalformed", v, err)
		}
		if b.Stale([]byte(v)) {
			t.Errorf("Stale(%q)", v)
		}
	}
}

func TestABoxNeedsItsKeys(t *testing.T) {
	t.Parallel()
	if _, err := secret.NewBox(secret.Key{}); err == nil {
		t.Error("a Box without a key was made")
	}
	if _, err := secret.NewBox(key(t, hexA), secret.Key{}); err == nil {
		t.Error("a Box with an empty previous key was made")
	}
}

// B75: a missing, short or default master key is refused, and the refusal does not repeat it.
func TestAMasterKeyIsThirtyTwoRandomBytes(t *testing.T) {
	t.Parallel()
	for _, same := range []string{
		hexA,
		strings.ToUpper(hexA),
		" " + hexA + "\n",
		"ah8Mk9J76ERVqgH+nD17KGDh+aSzwtHg+Yd2ZVRDMi8=",
		"ah8Mk9J76ERVqgH+nD17KGDh+aSzwtHg+Yd2ZVRDMi8",
		"ah8Mk9J76ERVqgH-nD17KGDh-aSzwtHg-Yd2ZVRDMi8=",
		"ah8Mk9J76ERVqgH-nD17KGDh-aSzwtHg-Yd2ZVRDMi8",
	} {
		if k, err := secret.ParseKey(same); err != nil || k.ID() != key(t, hexA).ID() {
			t.Errorf("ParseKey(%q) = %v, %v", same, k, err)
		}
	}
	for name, bad := range map[string]string{
		"empty":            "",
		"short hex":        hexA[:62],
		"long hex":         hexA + "00",
		"short base64":     "c2hvcnQtY2FuYXJ5LWtleQ==",
		"passphrase":       "correct horse battery staple canary",
		"all zero":         strings.Repeat("0", 64),
		"repeated pattern": strings.Repeat("deadbeef", 8),
	} {
		_, err := secret.ParseKey(bad)
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if bad != "" && strings.Contains(err.Error(), bad[:8]) {
			t.Errorf("%s: the error repeats the key: %v", name, err)
		}
	}
}

func TestDerivedKeysDifferByPurposeAndByMaster(t *testing.T) {
	t.Parallel()
	a, b := key(t, hexA), key(t, hexB)
	cursors := a.Derive("cursor")
	if len(cursors) != secret.KeySize {
		t.Fatalf("derived %d bytes", len(cursors))
	}
	if !bytes.Equal(cursors, a.Derive("cursor")) {
		t.Error("deriving is not repeatable")
	}
	for _, other := range [][]byte{a.Derive("link"), b.Derive("cursor")} {
		if bytes.Equal(cursors, other) {
			t.Error("two derived keys are equal")
		}
	}
}

// S60: neither a token nor a key is printed by accident, whatever the verb or the encoder.
func TestASecretDoesNotPrint(t *testing.T) {
	t.Parallel()
	const canary = "canary-4711"
	type account struct {
		Name  string
		Token secret.Redact
		Key   secret.Key `json:"-"`
	}
	v := account{Name: "n", Token: canary, Key: key(t, hexA)}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%U", "%t"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, v, &v, v.Token, v.Key)
	}
	fmt.Fprint(&out, v.Token.String())
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	for _, h := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(h).Info("m", "token", v.Token, "account", v, "key", v.Key)
	}
	for _, leak := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), hexA[:8], strings.ToUpper(hexA[:8]), "[106 31"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("printed %q in:\n%s", leak, out.String())
		}
	}
	if !strings.Contains(out.String(), secret.Redacted) {
		t.Error("nothing was redacted: the test looks at the wrong thing")
	}
	if v.Token.Reveal() != canary || string(v.Token) != canary {
		t.Error("the value itself is gone")
	}
}

func ExampleBox() {
	master, _ := secret.ParseKey(hexA)
	box, _ := secret.NewBox(master)
	place := secret.Place("channel_accounts", "0192f3c8", "access_token")
	sealed := box.Seal([]byte("EAAG…"), place)
	plain, err := box.Open(sealed, place)
	fmt.Println(string(plain), err)
	// Output: EAAG… <nil>
}
