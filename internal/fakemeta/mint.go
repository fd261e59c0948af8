package fakemeta

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"sync/atomic"
)

// mint makes the ids of this world. An id carries the world's prefix, so that the server knows its own message ids
// without remembering each: a load test of hours costs no memory for them.
type mint struct {
	prefix [6]byte
	n      atomic.Uint64
}

const (
	wamidHead = "wamid."
	igMidHead = "aWdfZAG1faXRlbTpN" // Instagram mids are long, opaque and start alike
)

func newMint() *mint {
	m := &mint{}
	_, _ = rand.Read(m.prefix[:]) // never fails (crypto/rand, Go 1.24)
	return m
}

// message returns a fresh wamid or mid.
func (m *mint) message(k Kind) string {
	raw := make([]byte, 0, 18)
	raw = append(raw, "HBgM"...)
	raw = append(raw, m.prefix[:]...)
	raw = binary.BigEndian.AppendUint64(raw, m.n.Add(1))
	if k == Instagram {
		return igMidHead + base64.RawURLEncoding.EncodeToString(raw)
	}
	return wamidHead + base64.StdEncoding.EncodeToString(raw)
}

// issued says whether a message id was made here.
func (m *mint) issued(id string) bool {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(id, wamidHead))
	if rest, ok := strings.CutPrefix(id, igMidHead); ok {
		raw, err = base64.RawURLEncoding.DecodeString(rest)
	}
	return err == nil && len(raw) == 18 && bytes.Equal(raw[4:10], m.prefix[:]) && binary.BigEndian.Uint64(raw[10:]) <= m.n.Load()
}

// number returns a fresh numeric id (media, templates, uploads) of 16 digits.
func (m *mint) number() string {
	base := uint64(binary.BigEndian.Uint32(m.prefix[:4])%800_000 + 100_000)
	return strconv.FormatUint(base*10_000_000_000+m.n.Add(1), 10)
}
