// Package secret keeps provider tokens unreadable at rest and unprintable in memory.
//
// A token is sealed with AES-256-GCM under a master key that lives outside the database. The ciphertext names the key
// that sealed it and is bound to its place (table, row, field), so a stolen dump is useless, a ciphertext copied into
// another row does not open, and a dump restored under another master key is refused by name instead of read as garbage.
// Several keys may be held at once: the first seals, all of them open, which is what rotation needs.
//
// It refuses short and patterned master keys. It is not for passwords (internal/auth hashes those) and it does not
// know where keys come from: internal/config reads them.
//
// Start with Box; Redact is the type that a token has while it is in use.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"slices"
)

// A sealed value is version (1 byte) · key id (4) · nonce (12) · ciphertext and tag. Version and key id are
// authenticated together with the place.
const (
	version    = 1
	headerSize = 1 + keyIDSize
)

// ErrTampered says that a sealed value did not open although its key is here: it was changed, or it was sealed for
// another place.
var ErrTampered = errors.New("secret: sealed value was changed or belongs to another place")

// ErrMalformed says that a value was never sealed by this package.
var ErrMalformed = errors.New("secret: not a sealed value")

// UnknownKeyError says that a value was sealed with a master key that the Box does not hold, as after a restore
// into an installation with another key.
type UnknownKeyError struct {
	KeyID string // the id of the missing key, as Key.ID prints it
}

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("secret: sealed with master key %s, which is not configured here", e.KeyID)
}

// Box seals with its current key and opens with any key that it holds. It is safe for concurrent use.
type Box struct {
	current Key
	keys    map[string]cipher.AEAD
}

// NewBox returns a Box that seals with current and also opens what any of previous sealed.
func NewBox(current Key, previous ...Key) (*Box, error) {
	b := &Box{current: current, keys: make(map[string]cipher.AEAD, 1+len(previous))}
	for _, k := range append([]Key{current}, previous...) {
		if k.isZero() {
			return nil, errors.New("secret: a master key is missing")
		}
		block, err := aes.NewCipher(k.bytes[:])
		if err != nil {
			return nil, fmt.Errorf("secret: %w", err)
		}
		// A random 96-bit nonce allows 2^32 seals per key; tokens are sealed when an account is saved.
		if b.keys[k.ID()], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("secret: %w", err)
		}
	}
	return b, nil
}

// Place names the one field that a sealed value belongs to, for use as additional data. The parts are joined by NUL,
// which neither a Postgres identifier nor a Postgres text value can hold.
func Place(table, rowID, field string) string {
	return table + "\x00" + rowID + "\x00" + field
}

// Seal encrypts plain under the current key, bound to aad (see Place). Two seals of the same value differ.
func (b *Box) Seal(plain []byte, aad string) []byte {
	header := append([]byte{version}, b.current.id[:]...)
	return b.keys[b.current.ID()].Seal(header, nil, plain, bind(header, aad)) //nolint:gosec // G407: this AEAD makes its own random nonce
}

// Open returns what Seal was given. Errors: ErrMalformed, *UnknownKeyError, ErrTampered.
func (b *Box) Open(sealed []byte, aad string) ([]byte, error) {
	id, err := KeyID(sealed)
	if err != nil {
		return nil, err
	}
	aead, ok := b.keys[id]
	if !ok {
		return nil, &UnknownKeyError{KeyID: id}
	}
	plain, err := aead.Open(nil, nil, sealed[headerSize:], bind(sealed[:headerSize], aad))
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

// Stale reports whether a sealed value should be sealed again because an older key sealed it.
func (b *Box) Stale(sealed []byte) bool {
	id, err := KeyID(sealed)
	return err == nil && id != b.current.ID()
}

// KeyID returns the id of the master key that sealed a value, without opening it. The error is ErrMalformed.
func KeyID(sealed []byte) (string, error) {
	if len(sealed) < headerSize || sealed[0] != version {
		return "", ErrMalformed
	}
	return keyID(sealed[1:headerSize]).String(), nil
}

func bind(header []byte, aad string) []byte {
	return append(slices.Clone(header), aad...)
}
