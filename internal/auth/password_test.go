package auth

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"gatehouse/internal/chat"
)

func passwords(t *testing.T, parallel int) *Passwords {
	t.Helper()
	p, err := NewPasswords(parallel)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// S31: argon2id with at least 19 MiB and two passes, seen in the stored form.
func TestAPasswordIsStoredAsArgon2id(t *testing.T) {
	t.Parallel()
	p := passwords(t, 1)
	hash, err := p.Hash(t.Context(), "three green lamps")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("hash = %s", hash)
	}
	if ok, rehash, err := p.Verify(t.Context(), "three green lamps", hash); !ok || rehash || err != nil {
		t.Errorf("the right password: %v %v %v", ok, rehash, err)
	}
	for _, wrong := range []string{"", "three green lamp", "three green lamps ", strings.Repeat("three green lamps", 100)} {
		if ok, _, err := p.Verify(t.Context(), wrong, hash); ok || err != nil {
			t.Errorf("%.20q: %v %v", wrong, ok, err)
		}
	}
}

func TestOnePasswordTypedOnTwoKeyboardsIsOnePassword(t *testing.T) {
	t.Parallel()
	p := passwords(t, 1)
	hash, err := p.Hash(t.Context(), "gu\u0308zel yaz gecesi") // u and a combining diaeresis
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := p.Verify(t.Context(), "g\u00fczel yaz gecesi", hash); !ok || err != nil {
		t.Errorf("composed: %v %v", ok, err)
	}
}

// S33: for a person who does not exist the same work is done, and no password is right.
func TestNobodyCostsAsMuchAsSomebody(t *testing.T) {
	t.Parallel()
	p := passwords(t, 1)
	params, _, _, err := argon2id.DecodeHash(p.dummy)
	if err != nil {
		t.Fatal(err)
	}
	want := hashParams()
	if params.Memory != want.Memory || params.Iterations != want.Iterations || params.Parallelism != want.Parallelism || params.KeyLength != want.KeyLength {
		t.Errorf("the dummy was hashed with %+v, people with %+v", params, want)
	}
	for _, password := range []string{"", "anything at all", strings.Repeat("x", 10_000)} {
		if ok, _, err := p.Verify(t.Context(), password, ""); ok || err != nil {
			t.Errorf("%.20q for nobody: %v %v", password, ok, err)
		}
	}
	hash, err := p.Hash(t.Context(), "three green lamps")
	if err != nil {
		t.Fatal(err)
	}
	fastest := func(hash string) time.Duration {
		best := time.Hour
		for range 5 {
			start := time.Now()
			if _, _, err := p.Verify(t.Context(), "wrong password", hash); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	if somebody, nobody := fastest(hash), fastest(""); nobody < somebody/3 || somebody < nobody/3 {
		t.Errorf("somebody takes %v, nobody %v", somebody, nobody)
	}
}

func TestAWeakerHashIsToBeMadeAgain(t *testing.T) {
	t.Parallel()
	p := passwords(t, 1)
	weak, err := argon2id.CreateHash("three green lamps", &argon2id.Params{Memory: 8 * 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	if ok, rehash, err := p.Verify(t.Context(), "three green lamps", weak); !ok || !rehash || err != nil {
		t.Errorf("right: %v %v %v", ok, rehash, err)
	}
	if ok, rehash, err := p.Verify(t.Context(), "wrong password", weak); ok || rehash || err != nil {
		t.Errorf("wrong: %v %v %v", ok, rehash, err)
	}
	if _, _, err := p.Verify(t.Context(), "three green lamps", "$2a$10$notargon"); err == nil {
		t.Error("a damaged hash went unnoticed")
	}
}

// S31: a flood of sign-ins takes its slots and no more; who waits can give up, and who finds the queue full is told so.
func TestAFloodOfSignInsKeepsToItsSlots(t *testing.T) {
	t.Parallel()
	p := passwords(t, 2)
	release := make(chan struct{})
	running := make(chan struct{}, cap(p.waiting))
	var flood sync.WaitGroup
	for range cap(p.waiting) {
		flood.Go(func() {
			err := p.run(context.Background(), func() error {
				running <- struct{}{}
				if n := len(p.slots); n > 2 {
					t.Errorf("%d hashes at once", n)
				}
				<-release
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	<-running
	<-running
	for len(p.waiting) < cap(p.waiting) { // until the last of the flood stands in line
		runtime.Gosched()
	}
	if len(running) > 0 {
		t.Error("a third hash runs")
	}
	if _, _, err := p.Verify(t.Context(), "x", ""); chat.CodeOf(err) != chat.CodeUnavailable {
		t.Errorf("with a full line: %v", err)
	}
	close(release)
	flood.Wait()

	p.slots <- struct{}{}
	p.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.Verify(ctx, "x", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("after giving up: %v", err)
	}
	if len(p.waiting) != 0 {
		t.Error("who gave up still stands in line")
	}
}

func TestAPasswordPolicyNamesItsRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ password, rule string }{
		{"three green lamps", ""},
		{"Tr0ub4dor&3x", ""},
		{"üç yeşil lamba", ""},
		{strings.Repeat("abcdefgh", 16), ""},
		{"şifreleme", ""},
		{"1234567", "short"},
		{"şifreşi", "short"},
		{"", "short"},
		{strings.Repeat("abcdefgh", 16) + "x", "long"},
		{strings.Repeat("x", 1<<20), "long"},
		{"12345678", "common"},
		{"password", "common"},
		{"Password1!", "common"},
		{"P@ssw0rd2026!", "common"},
		{"GALATASARAY1905", "common"},
		{"Şifre2026", "common"},
		{"aaaaaaaa", "common"},
		{"abababab", "common"},
		{"gatehouse-1", "common"},
		{"DenizYilmaz88x", "personal"},
		{"i am yilmaz too", "personal"},
		{"the old acar road", "personal"},
		{"a day at work", ""},
		{"bad \xff bytes", "invalid"},
	} {
		err := CheckPassword(c.password, "Deniz Yilmaz", "d.acar@example.com")
		rule := ""
		if refused, ok := errors.AsType[*chat.Error](err); ok {
			rule, _ = refused.Details["rule"].(string)
		}
		if rule != c.rule || (err != nil && chat.CodeOf(err) != chat.CodeInvalid) {
			t.Errorf("%.30q: %v, want rule %q", c.password, err, c.rule)
		}
		if len(c.password) > 3 && err != nil && strings.Contains(err.Error(), c.password) {
			t.Errorf("the refusal repeats the password: %v", err)
		}
	}
	if _, err := passwords(t, 1).Hash(t.Context(), "12345678"); chat.CodeOf(err) != chat.CodeInvalid {
		t.Errorf("Hash took a common password: %v", err)
	}
}

func TestTheListOfCommonPasswordsIsClean(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSuffix(commonPasswords, "\n"), "\n")
	if len(lines) < 200 {
		t.Errorf("%d entries", len(lines))
	}
	seen := map[string]bool{}
	for _, l := range lines {
		if l == "" || seen[l] || l != strings.ToLower(strings.TrimSpace(l)) || l != normalize(l) {
			t.Errorf("entry %q is empty, double or not in the form that is looked up", l)
		}
		seen[l] = true
	}
}
