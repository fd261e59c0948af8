package secret

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

const keyIDSize = 4

// Key is a master key. It prints as its id, never as itself.
type Key struct {
	bytes [KeySize]byte
	id    [keyIDSize]byte
}

// ParseKey reads a master key of exactly 32 bytes, written as 64 hex digits or as base64 in any of its four spellings
// (`openssl rand -base64 32`). It refuses shorter and longer ones, and ones that are visibly not random: a default such
// as 000…0 is as good as no key. The error never repeats the key.
func ParseKey(s string) (Key, error) {
	raw, err := decode(strings.TrimSpace(s))
	if err != nil {
		return Key{}, err
	}
	if len(raw) != KeySize {
		return Key{}, fmt.Errorf("secret: master key has %d bytes, needs %d", len(raw), KeySize)
	}
	if distinct(raw) < 8 { // 32 random bytes have fewer than 8 different values about once in 10^36
		return Key{}, errors.New("secret: master key is a pattern, not random")
	}
	k := Key{bytes: [KeySize]byte(raw)}
	copy(k.id[:], k.Derive("key id"))
	return k, nil
}

// ID names the key without revealing it: 8 hex digits, derived one-way, so that it needs no setting of its own.
func (k Key) ID() string { return keyID(k.id[:]).String() }

// Derive returns a 32-byte key for one purpose, such as signing cursors. Different purposes give unrelated keys, and
// none of them leads back to the master key.
func (k Key) Derive(purpose string) []byte {
	derived, err := hkdf.Key(sha256.New, k.bytes[:], nil, "gatehouse "+purpose, KeySize)
	if err != nil {
		panic("secret: " + err.Error()) // only for lengths above 255 hashes
	}
	return derived
}

// Format prints the id whatever the verb, so that no verb prints the key.
func (k Key) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "key "+k.ID()) }

func (k Key) isZero() bool { return k.bytes == [KeySize]byte{} }

type keyID []byte

func (id keyID) String() string { return hex.EncodeToString(id) }

func decode(s string) ([]byte, error) {
	if len(s) == hex.EncodedLen(KeySize) {
		if raw, err := hex.DecodeString(s); err == nil {
			return raw, nil
		}
	}
	if s == "" {
		return nil, errors.New("secret: master key is missing")
	}
	unpadded := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	raw, err := base64.RawStdEncoding.DecodeString(unpadded)
	if err != nil {
		return nil, errors.New("secret: master key is neither hex nor base64")
	}
	return raw, nil
}

func distinct(raw []byte) int {
	seen := map[byte]bool{}
	for _, c := range raw {
		seen[c] = true
	}
	return len(seen)
}
