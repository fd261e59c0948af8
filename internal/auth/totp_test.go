package auth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"gatehouse/internal/chat"
)

// S34: a code is good within its half minute and one either side, once, and never after a later one.
func TestAOneTimeCodeIsGoodOnce(t *testing.T) {
	t.Parallel()
	factor, err := NewTOTP("Gatehouse", "deniz@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(factor.URL.Reveal(), "otpauth://totp/Gatehouse:deniz@example.com?") {
		t.Error("the URL is not for an authenticator app")
	}
	if strings.Contains(fmt.Sprint(factor), factor.Secret.Reveal()) {
		t.Error("the secret prints")
	}
	now := time.Date(2026, 11, 21, 10, 0, 15, 0, time.UTC)
	code := func(at time.Time) string {
		c, err := totp.GenerateCode(factor.Secret.Reveal(), at)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	step, err := VerifyTOTP(factor.Secret, code(now), now, 0)
	if err != nil || step != now.Unix()/30 {
		t.Fatalf("%d, %v", step, err)
	}
	for name, c := range map[string]struct {
		code string
		last int64
		ok   bool
	}{
		"used":             {code(now), step, false},
		"the one before":   {code(now.Add(-30 * time.Second)), step, false},
		"the one after":    {code(now.Add(30 * time.Second)), step, true},
		"phone runs late":  {code(now.Add(-30 * time.Second)), 0, true},
		"with a space":     {code(now)[:3] + " " + code(now)[3:], 0, true},
		"a minute late":    {code(now.Add(-60 * time.Second)), 0, false},
		"a minute early":   {code(now.Add(60 * time.Second)), 0, false},
		"empty":            {"", 0, false},
		"too long":         {code(now) + "0", 0, false},
		"not digits":       {"abcdef", 0, false},
		"full-width digit": {"１２３４５６", 0, false},
	} {
		_, err := VerifyTOTP(factor.Secret, c.code, now, c.last)
		if (err == nil) != c.ok || (err != nil && chat.CodeOf(err) != chat.CodeWrongCredentials) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := VerifyTOTP("not base32!", "123456", now, 0); err == nil || chat.CodeOf(err) == chat.CodeWrongCredentials {
		t.Errorf("a damaged secret: %v", err)
	}
	if _, err := NewTOTP("", ""); err == nil {
		t.Error("a factor without a name was made")
	}
}

func TestTheKnownCodeOfTheStandardIsAccepted(t *testing.T) {
	t.Parallel()
	// RFC 6238, appendix B: at 59 s the eight-digit SHA-1 code is 94287082; six digits are its last six.
	if step, err := VerifyTOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "287082", time.Unix(59, 0), 0); err != nil || step != 1 {
		t.Errorf("%d, %v", step, err)
	}
}

func TestRecoveryCodesAreFoundHoweverTyped(t *testing.T) {
	t.Parallel()
	plain, hashes := NewRecoveryCodes()
	if len(plain) != 10 || len(hashes) != 10 {
		t.Fatal(len(plain), len(hashes))
	}
	seen := map[string]bool{}
	for i, p := range plain {
		code := p.Reveal()
		if len(code) != 19 || seen[code] {
			t.Errorf("code %d has %d characters, or is double", i, len(code))
		}
		seen[code] = true
		for _, typed := range []string{code, strings.ToUpper(code), strings.ReplaceAll(code, "-", " "), strings.ReplaceAll(code, "-", "")} {
			if !EqualHash(HashRecoveryCode(typed), hashes[i]) {
				t.Errorf("%d is not found as typed", i)
			}
		}
		if EqualHash(HashRecoveryCode(code[1:]), hashes[i]) || EqualHash(hashes[i], hashes[(i+1)%10]) {
			t.Errorf("%d is found by another", i)
		}
	}
}
