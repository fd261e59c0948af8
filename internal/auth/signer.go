package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
)

// macSize is how many bytes of a signature travel: 128 bits.
const macSize = 16

// signer makes the signatures of cursors and links: HMAC-SHA256 over length-prefixed parts under a key of its own.
type signer struct{ key []byte }

func newSigner(key []byte) (signer, error) {
	if len(key) < sha256.Size {
		return signer{}, errors.New("auth: a signing key needs 32 bytes")
	}
	return signer{key: append([]byte(nil), key...)}, nil
}

func (s signer) sign(parts ...string) []byte {
	mac := hmac.New(sha256.New, s.key)
	for _, part := range parts {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)[:macSize]
}

func (s signer) valid(mac []byte, parts ...string) bool {
	return hmac.Equal(mac, s.sign(parts...))
}

// armor writes bytes for a URL; unarmor reads them back and admits one spelling of each value, so that a signed text
// cannot be varied.
func armor(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func unarmor(s string) ([]byte, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	return raw, err == nil && armor(raw) == s
}
