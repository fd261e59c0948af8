package graph

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Notes are the words for what was odd about an Inbound, or why it is ignored. The set is closed: they are metric labels.
const (
	NoteBadSender     = "bad_sender"     // nobody whom we could name: the receiver puts the event aside
	NoteMalformed     = "malformed"      // a known part has an unknown shape
	NoteBadTimestamp  = "bad_timestamp"  // absent or absurd: the time of receipt counts
	NoteDerivedID     = "derived_id"     // the provider gave no id
	NoteUnknownField  = "unknown_field"  // a webhook field that we do not use
	NoteUnknownEvent  = "unknown_event"  // an event within a known field that we do not use
	NoteUnknownStatus = "unknown_status" // a status that is not in the protocol
	NoteOwnMessage    = "own_message"    // the account wrote to itself
	NoteGroup         = "group"          // group conversations are not served
	NoteStandby       = "standby"        // another app holds the conversation
	NoteThreadControl = "thread_control" // the conversation went to another app, or came from it
	NoteComment       = "comment"        // public comments are not messages
	NoteTest          = "test"           // the dashboard's "Test" button
)

// Clean makes a payload safe to store: NUL characters and unpaired surrogates, which no text column takes, become U+FFFD,
// and so do bytes that are not UTF-8. A body without any is returned as it is; the given one is never changed.
func Clean(body []byte) []byte {
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
	}
	const escape = len(`\u0000`)
	clean := body
	for i := bytes.IndexByte(body, '\\'); i >= 0 && i+1 < len(body); {
		next := i + 2
		if unit, ok := escaped(body[i:]); ok {
			next = i + escape
			low, paired := escaped(body[next:])
			switch {
			case unit >= 0xD800 && unit < 0xDC00 && paired && low >= 0xDC00 && low < 0xE000:
				next += escape
			case unit == 0, unit >= 0xD800 && unit < 0xE000:
				if &clean[0] == &body[0] {
					clean = bytes.Clone(body)
				}
				copy(clean[i:], `\ufffd`)
			}
		}
		found := bytes.IndexByte(body[next:], '\\')
		if found < 0 {
			break
		}
		i = next + found
	}
	return clean
}

// escaped reads the \uXXXX at the start of s.
func escaped(s []byte) (unit uint64, ok bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	return unit, err == nil
}

// Loose is a scalar that Meta writes sometimes as a string and sometimes as a number. Whatever else stands there reads as
// "", so that no single field can make a payload unreadable.
type Loose string

// UnmarshalJSON never fails.
func (l *Loose) UnmarshalJSON(data []byte) error {
	*l = ""
	switch c := data[0]; {
	case c == '"' && bytes.IndexByte(data, '\\') < 0:
		*l = Loose(data[1 : len(data)-1])
	case c == '"':
		return json.Unmarshal(data, (*string)(l))
	case c == '-' || c >= '0' && c <= '9':
		*l = Loose(data)
	}
	return nil
}

// Flag is a boolean; anything but true reads as false.
type Flag bool

// UnmarshalJSON never fails.
func (f *Flag) UnmarshalJSON(data []byte) error {
	*f = string(data) == "true" || string(data) == `"true"`
	return nil
}

// earliest and latest bound what we believe as a time of a message: from 2009, when the first of these channels began,
// to before 2100.
const earliest, latest = 1230768000, 4102444800

// Time reads a unix time in seconds, or in milliseconds where it has the size for it. ok is false, and the time zero,
// when there is none or an absurd one.
func (l Loose) Time() (t time.Time, ok bool) {
	n, err := strconv.ParseInt(string(l), 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	t = time.Unix(n, 0)
	if n >= 1e12 {
		t = time.UnixMilli(n)
	}
	if t.Unix() < earliest || t.Unix() >= latest {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// Int reads a whole number; anything else is 0.
func (l Loose) Int() int {
	n, err := strconv.Atoi(string(l))
	if err != nil {
		return 0
	}
	return n
}

// idLimit is the most bytes of a provider's id that we keep as it is (RELIABILITY.md B18).
const idLimit = 255

// ID is a provider's message id as we store and compare it: itself, or a hash of an overlong one. "" stays "".
func ID(given Loose) string {
	if len(given) > idLimit {
		return DerivedID(string(given))
	}
	return string(given)
}

// DerivedID is the id of something that came without one: a hash of what identifies it, so that a second delivery of the
// same gets the same (RELIABILITY.md B17).
func DerivedID(parts ...string) string {
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(strconv.AppendInt(nil, int64(len(p)), 10))
		sum.Write([]byte{':'})
		sum.Write([]byte(p))
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// Keep returns JSON of a provider that we store without understanding it, compacted; nil if it is not JSON or nested so
// deeply that a reader might fail over it.
func Keep(raw []byte) json.RawMessage {
	const deepest = 64
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return nil
	}
	depth, quoted := 0, false
	for i := 0; i < b.Len(); i++ {
		switch c := b.Bytes()[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > deepest {
				return nil
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return b.Bytes()
}

// Link returns a web address of a provider if it is one that a browser may be sent to, else "".
func Link(url string) string {
	if strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
		return url
	}
	return ""
}
