package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"gatehouse/internal/chat"
	"gatehouse/internal/secret"
)

// totpStep is the time that a code stands for, and totpSkew how many steps a phone's clock may be off either way: what
// authenticator apps expect (RFC 6238 §4.1, §5.2).
const (
	totpStep = 30
	totpSkew = 1
)

// TOTP is the second factor of a person who is about to enroll.
type TOTP struct {
	Secret secret.Redact // base32, to be sealed and stored
	URL    secret.Redact // otpauth://…, to be shown once as a QR code
}

// NewTOTP makes a second factor. Issuer and account are what the authenticator app will show.
func NewTOTP(issuer, account string) (TOTP, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: account})
	if err != nil {
		return TOTP{}, fmt.Errorf("auth: totp: %w", err)
	}
	return TOTP{Secret: secret.Redact(key.Secret()), URL: secret.Redact(key.URL())}, nil
}

// VerifyTOTP checks a six-digit code and returns the time step that it belongs to. Last is the step that was accepted
// before, 0 at first: a code is good once, and so is any code before it. The caller stores the step by
// UPDATE … WHERE last_step < step, so that of two sign-ins with one code one fails. A wrong or used code is refused
// with chat.CodeWrongCredentials.
func VerifyTOTP(shared secret.Redact, code string, now time.Time, last int64) (step int64, err error) {
	code = strings.ReplaceAll(code, " ", "")
	current := now.Unix() / totpStep
	var found int64
	for s := current - totpSkew; s <= current+totpSkew; s++ {
		want, err := hotp.GenerateCode(shared.Reveal(), uint64(s))
		if err != nil {
			return 0, fmt.Errorf("auth: totp: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > last && found == 0 {
			found = s
		}
	}
	if found == 0 {
		return 0, chat.Errorf(chat.CodeWrongCredentials, "wrong code")
	}
	return found, nil
}

// recoveryCodes is how many codes a person gets for the day the phone is lost.
const recoveryCodes = 10

// NewRecoveryCodes returns ten one-time codes of 80 random bits, to be shown once, and their hashes, to be stored. Using
// one is removing its hash.
func NewRecoveryCodes() (plain []secret.Redact, hashes [][]byte) {
	for range recoveryCodes {
		c := strings.ToLower(rand.Text()[:16])
		code := c[:4] + "-" + c[4:8] + "-" + c[8:12] + "-" + c[12:]
		plain = append(plain, secret.Redact(code))
		hashes = append(hashes, HashRecoveryCode(code))
	}
	return plain, hashes
}

// HashRecoveryCode returns the hash under which a recovery code is stored, however it was typed.
func HashRecoveryCode(code string) []byte {
	code = strings.NewReplacer("-", "", " ", "").Replace(strings.ToLower(code))
	return bindHash("recovery code", "", code)
}

// SecondFactor is all of this file for a desk that keeps what it gives (desk.SecondFactor).
type SecondFactor struct {
	Issuer string // what an authenticator app shows beside the account
}

// New makes a secret and its address for an account.
func (f SecondFactor) New(account string) (shared, url string, err error) {
	t, err := NewTOTP(f.Issuer, account)
	return t.Secret.Reveal(), t.URL.Reveal(), err
}

// Verify is VerifyTOTP.
func (SecondFactor) Verify(shared, code string, now time.Time, last int64) (step int64, err error) {
	return VerifyTOTP(secret.Redact(shared), code, now, last)
}

// RecoveryCodes is NewRecoveryCodes, open.
func (SecondFactor) RecoveryCodes() (plain []string, hashes [][]byte) {
	codes, hashes := NewRecoveryCodes()
	for _, c := range codes {
		plain = append(plain, c.Reveal())
	}
	return plain, hashes
}

// RecoveryHash is HashRecoveryCode.
func (SecondFactor) RecoveryHash(code string) []byte { return HashRecoveryCode(code) }
