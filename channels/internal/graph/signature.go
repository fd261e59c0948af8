package graph

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"
)

// SignatureHeader carries the HMAC-SHA256 of a webhook's raw body under the app secret.
const SignatureHeader = "X-Hub-Signature-256"

// Why a webhook is not believed.
var (
	ErrUnsigned  = errors.New("graph: no signature")
	ErrMalformed = errors.New("graph: malformed signature")
	ErrForged    = errors.New("graph: the signature fits none of the account's secrets")
)

const signaturePrefix = "sha256="

// Verify checks the values of SignatureHeader against the raw body. Exactly one value is accepted, as "sha256=" and 64
// hexadecimal digits of either case; any of the secrets may have made it, so that a secret can be rotated. Without a
// secret nothing is believed. The comparison takes the same time wherever the first difference is.
func Verify(header []string, body []byte, secrets []string) error {
	if len(header) == 0 {
		return ErrUnsigned
	}
	digits, ok := strings.CutPrefix(header[0], signaturePrefix)
	if len(header) > 1 || !ok || len(digits) != hex.EncodedLen(sha256.Size) {
		return ErrMalformed
	}
	given, err := hex.DecodeString(digits)
	if err != nil {
		return ErrMalformed
	}
	fits := 0
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		fits |= subtle.ConstantTimeCompare(mac.Sum(nil), given)
	}
	if fits == 0 {
		return ErrForged
	}
	return nil
}

// Secrets splits the app_secret setting: several secrets are accepted while one replaces another, or where Meta's two
// Instagram products sign with different ones. They are separated by blanks or commas.
func Secrets(setting string) []string {
	return strings.FieldsFunc(setting, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// Challenge answers the subscription handshake: with hub.challenge if hub.mode is "subscribe" and hub.verify_token is
// the account's. ok is false otherwise. The reply is empty when the caller knows the token but asks us to repeat something
// other than 1 to 256 of [0-9A-Za-z._-]: Meta sends digits, and nobody gets to put markup on our host.
func Challenge(query map[string][]string, token string) (reply []byte, ok bool) {
	one := func(name string) string {
		if v := query[name]; len(v) == 1 {
			return v[0]
		}
		return ""
	}
	// Hashes have one length, so the comparison does not tell the token's.
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(one("hub.verify_token")))
	if token == "" || one("hub.mode") != "subscribe" || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
		return nil, false
	}
	challenge := one("hub.challenge")
	odd := strings.ContainsFunc(challenge, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '.' && r != '_' && r != '-'
	})
	if odd || len(challenge) > 256 {
		return nil, true
	}
	return []byte(challenge), true
}
