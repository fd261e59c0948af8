package routing

import (
	"bytes"
	"encoding/hex"
	"errors"
)

// ID names an agent, a conversation or a department: the sixteen bytes of a UUID. Any other type of that shape converts,
// as in routing.ID(agentID). The zero value means "none". In JSON it is the UUID's canonical text.
type ID [16]byte

// IsZero tells whether id is "none".
func (id ID) IsZero() bool { return id == ID{} }

// String returns the canonical text: 36 characters, lower case.
func (id ID) String() string {
	text, _ := id.AppendText(nil) // never fails
	return string(text)
}

// AppendText implements encoding.TextAppender.
func (id ID) AppendText(b []byte) ([]byte, error) {
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b, nil
}

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(make([]byte, 0, 36)) }

// UnmarshalText implements encoding.TextUnmarshaler. It refuses every spelling but the one that MarshalText writes.
func (id *ID) UnmarshalText(text []byte) error {
	var read ID
	digits := bytes.ReplaceAll(text, []byte("-"), nil)
	if len(digits) != hex.EncodedLen(len(read)) {
		return errInvalidID
	}
	if _, err := hex.Decode(read[:], digits); err != nil || read.String() != string(text) {
		return errInvalidID
	}
	*id = read
	return nil
}

var errInvalidID = errors.New("routing: not the canonical text of a UUID")

func compareIDs(a, b ID) int { return bytes.Compare(a[:], b[:]) }
