package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"

	"gatehouse/internal/chat"
)

// tokenBytes is the size of every random token: 256 bits, 43 characters (ASVS 5.0.0, 7.2.3).
const tokenBytes = 32

// NewToken returns a session token and the hash under which it is stored. The plain token exists only in the cookie.
func NewToken() (plain string, hash []byte) {
	plain = randomToken()
	return plain, HashToken(plain)
}

// HashToken returns the hash under which a session token is stored. A token is random, so that a plain SHA-256 is as
// good as a slow hash; looking it up by hash leaks no timing about the token.
func HashToken(plain string) []byte { return bindHash("session", "", plain) }

// EqualHash compares two hashes in constant time.
func EqualHash(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// LinkPurpose is what a one-time link lets its holder do. A link made for one purpose is unknown to another.
type LinkPurpose string

// The purposes.
const (
	LinkSetup  LinkPurpose = "setup"  // make the first admin
	LinkInvite LinkPurpose = "invite" // become an agent
	LinkReset  LinkPurpose = "reset"  // choose a new password
)

// Life is how long a link of this purpose holds.
func (p LinkPurpose) Life() time.Duration {
	if p == LinkReset {
		return time.Hour
	}
	return 24 * time.Hour
}

// NewLink returns a one-time link's token and the hash under which it is stored. Whom it is for is a column beside the
// hash, never a part of the link; using it is one UPDATE … WHERE used_at IS NULL AND expires_at > now().
func NewLink(p LinkPurpose) (plain string, hash []byte) {
	plain = randomToken()
	return plain, HashLink(p, plain)
}

// HashLink returns the hash under which a link's token is stored.
func HashLink(p LinkPurpose, plain string) []byte { return bindHash("link", string(p), plain) }

// NewVisitorToken returns a web chat visitor's token and the hash under which it is stored. It holds for one account
// only: with another account's widget it is unknown.
func NewVisitorToken(account chat.AccountID) (plain string, hash []byte) {
	plain = randomToken()
	return plain, HashVisitorToken(account, plain)
}

// HashVisitorToken returns the hash under which a visitor's token for this account is stored.
func HashVisitorToken(account chat.AccountID, plain string) []byte {
	return bindHash("visitor", account.String(), plain)
}

func randomToken() string {
	var raw [tokenBytes]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// bindHash hashes a token together with what it is for, so that one kind of token is never found as another.
func bindHash(kind, bound, plain string) []byte {
	h := sha256.New()
	for _, part := range []string{kind, bound, plain} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}
