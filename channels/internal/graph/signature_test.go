package graph_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"gatehouse/channels/internal/graph"
)

const (
	secret = "test_app_secret"
	body   = `{"object":"whatsapp_business_account","entry":[]}`
	right  = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756" // fixtures/signatures.json
)

func TestASignatureIsBelievedOnlyAsMetaWritesIt(t *testing.T) {
	t.Parallel()
	digits := strings.TrimPrefix(right, "sha256=")
	for _, c := range []struct {
		name   string
		header []string
		want   error
	}{
		{"right", []string{right}, nil},
		{"right, in upper case", []string{"sha256=" + strings.ToUpper(digits)}, nil},
		{"missing", nil, graph.ErrUnsigned},
		{"empty", []string{""}, graph.ErrMalformed},
		{"twice the right one", []string{right, right}, graph.ErrMalformed},
		{"two in one line", []string{right + ", " + right}, graph.ErrMalformed},
		{"without prefix", []string{digits}, graph.ErrMalformed},
		{"sha1", []string{"sha1=" + digits[:40]}, graph.ErrMalformed},
		{"sha1 of the length of sha256", []string{"sha1__=" + digits}, graph.ErrMalformed},
		{"63 digits", []string{right[:len(right)-1]}, graph.ErrMalformed},
		{"65 digits", []string{right + "0"}, graph.ErrMalformed},
		{"not hexadecimal", []string{"sha256=" + strings.Repeat("z", 64)}, graph.ErrMalformed},
		{"with a blank", []string{" " + right}, graph.ErrMalformed},
		{"of a body with other blanks", []string{"sha256=56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a"}, graph.ErrForged},
		{"zeros", []string{"sha256=" + strings.Repeat("0", 64)}, graph.ErrForged},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := graph.Verify(c.header, []byte(body), []string{secret}); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestAnyAcceptedSecretMaySignAndNoOther(t *testing.T) {
	t.Parallel()
	for secrets, want := range map[string]error{
		secret:              nil,
		"old," + secret:     nil,
		secret + " \n next": nil,
		"other":             graph.ErrForged,
		"":                  graph.ErrForged,
		" , ":               graph.ErrForged,
	} {
		if err := graph.Verify([]string{right}, []byte(body), graph.Secrets(secrets)); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", secrets, err, want)
		}
	}
	mac := hmac.New(sha256.New, nil)
	mac.Write([]byte(body))
	if err := graph.Verify([]string{"sha256=" + hex.EncodeToString(mac.Sum(nil))}, []byte(body), []string{""}); !errors.Is(err, graph.ErrForged) {
		t.Errorf("an empty secret signs: %v", err)
	}
}

func TestTheHandshakeRepeatsTheChallengeToWhoKnowsTheToken(t *testing.T) {
	t.Parallel()
	ask := func(mode, token, challenge string) map[string][]string {
		return map[string][]string{"hub.mode": {mode}, "hub.verify_token": {token}, "hub.challenge": {challenge}}
	}
	long := strings.Repeat("9", 256)
	for _, c := range []struct {
		name, token string
		query       map[string][]string
		reply       string
		ok          bool
	}{
		{"right", "tok", ask("subscribe", "tok", "1158201444"), "1158201444", true},
		{"every character that may stand in a challenge", "tok", ask("subscribe", "tok", "aZ09._-"), "aZ09._-", true},
		{"256 characters", "tok", ask("subscribe", "tok", long), long, true},
		{"257 characters", "tok", ask("subscribe", "tok", long+"9"), "", true},
		{"markup", "tok", ask("subscribe", "tok", "<script>alert(1)</script>"), "", true},
		{"no challenge", "tok", ask("subscribe", "tok", ""), "", true},
		{"wrong token", "tok", ask("subscribe", "tok2", "1"), "", false},
		{"another mode", "tok", ask("unsubscribe", "tok", "1"), "", false},
		{"no query", "tok", nil, "", false},
		{"an account without a token", "", ask("subscribe", "", "1"), "", false},
		{"the token twice", "tok", map[string][]string{"hub.mode": {"subscribe"}, "hub.verify_token": {"tok", "x"}, "hub.challenge": {"1"}}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reply, ok := graph.Challenge(c.query, c.token)
			if string(reply) != c.reply || ok != c.ok {
				t.Fatalf("got %q %v, want %q %v", reply, ok, c.reply, c.ok)
			}
		})
	}
}

func FuzzVerifySignature(f *testing.F) {
	f.Add(right, []byte(body), secret)
	f.Add("sha256="+strings.Repeat("0", 64), []byte{}, "")
	f.Add("sha1=", []byte("x"), "a,b")
	f.Fuzz(func(t *testing.T, header string, body []byte, setting string) {
		secrets := graph.Secrets(setting)
		believed := graph.Verify([]string{header}, body, secrets) == nil
		fits := false
		for _, s := range secrets {
			mac := hmac.New(sha256.New, []byte(s))
			mac.Write(body)
			fits = fits || len(header) == 71 && header[:7] == "sha256=" && strings.ToLower(header[7:]) == hex.EncodeToString(mac.Sum(nil))
		}
		if believed != fits {
			t.Fatalf("believed %v, the HMAC fits: %v", believed, fits)
		}
	})
}
