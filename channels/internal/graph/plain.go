package graph

import (
	"bytes"
	"encoding/json"
	"slices"

	"gatehouse/internal/chat"
)

// Plain reads a payload that is written as Meta writes all of them: names in lower-case letters, once each, and values of the
// expected shape, without escapes where it looks at them. It exists for speed: finding whose a webhook is by encoding/json was
// a fifth of what taking it costs (docs/performance.md).
//
// It never guesses. Every method tells whether what it met was plain; where it was not, the caller asks encoding/json, which
// is what the worker reads with. What both read, they read alike (FuzzRoute in the drivers).
type Plain struct {
	rest []byte // of valid JSON, so that nothing below needs to fear its end
	keys []chat.AccountKey
}

// ReadPlain begins with a payload.
func ReadPlain(body []byte) Plain { return Plain{rest: body} }

// Owners tells whose a payload of the product is. Its entries are in "entry": read is called at each, must read it, and names
// whose it is (Own). plain is false where something is not written as usual, or is no JSON: then keys mean nothing.
func (p *Plain) Owners(product string, read func() bool) (keys []chat.AccountKey, plain bool) {
	if !json.Valid(p.rest) {
		return nil, false
	}
	var object string
	plain = p.Object(func(name int) bool {
		if name == 0 {
			return p.Scalar(&object)
		}
		return p.Array(read)
	}, "object", "entry")
	if object != product {
		return nil, plain
	}
	return p.keys, plain
}

// Own says whose the entry is that is being read.
func (p *Plain) Own(k chat.AccountKey) { p.keys = With(p.keys, k) }

// With adds a key that names somebody, once.
func With(keys []chat.AccountKey, k chat.AccountKey) []chat.AccountKey {
	if k.Value == "" || slices.Contains(keys, k) {
		return keys
	}
	return append(keys, k)
}

// Object reads the object that is next. At the value of each member that is named, read is called with the name's place, and
// must read it; other members are passed over.
func (p *Plain) Object(read func(name int) bool, names ...string) bool {
	if !p.take('{') {
		return false
	}
	seen := 0
	for !p.take('}') {
		p.take(',')
		name, ok := p.text()
		if !ok || !lower(name) {
			return false
		}
		p.take(':')
		i := 0
		for i < len(names) && string(name) != names[i] {
			i++
		}
		switch {
		case i == len(names):
			p.pass()
		case seen&(1<<i) != 0 || !read(i):
			return false
		default:
			seen |= 1 << i
		}
	}
	return true
}

// Array reads the array that is next: read is called at each element and must read it.
func (p *Plain) Array(read func() bool) bool {
	if !p.take('[') {
		return false
	}
	for !p.take(']') {
		p.take(',')
		if !read() {
			return false
		}
	}
	return true
}

// Scalar reads the string or number that is next into v, as Loose does.
func (p *Plain) Scalar(v *string) bool {
	p.space()
	if c := p.rest[0]; c == '-' || c >= '0' && c <= '9' {
		n := bytes.IndexAny(p.rest, ",]} \t\r\n")
		if n < 0 {
			return false
		}
		*v, p.rest = string(p.rest[:n]), p.rest[n:]
		return true
	}
	text, ok := p.text()
	*v = string(text)
	return ok
}

// text reads a string of ASCII without escapes.
func (p *Plain) text() ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	n := bytes.IndexByte(p.rest, '"')
	text := p.rest[:n]
	p.rest = p.rest[n+1:]
	for _, c := range text {
		if c == '\\' || c >= 0x80 {
			return nil, false
		}
	}
	return text, true
}

// pass leaves out the value that is next.
func (p *Plain) pass() {
	for depth := 0; ; {
		n := bytes.IndexAny(p.rest, `"{}[],`)
		switch p.rest[n] {
		case '"':
			p.passString(n + 1)
			if depth == 0 {
				return
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // a number's or a word's end, and its parent's
				p.rest = p.rest[n:]
				return
			}
			depth--
			if depth == 0 {
				p.rest = p.rest[n+1:]
				return
			}
		case ',':
			if depth == 0 {
				p.rest = p.rest[n:]
				return
			}
		}
		p.rest = p.rest[n+1:]
	}
}

// passString leaves out a string whose text begins at i.
func (p *Plain) passString(i int) {
	for {
		i += bytes.IndexByte(p.rest[i:], '"') + 1
		escapes := 0
		for p.rest[i-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 { // the quote's own
			p.rest = p.rest[i:]
			return
		}
	}
}

func (p *Plain) take(c byte) bool {
	p.space()
	if p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *Plain) space() {
	for p.rest[0] <= ' ' {
		p.rest = p.rest[1:]
	}
}

// lower tells whether no other spelling of a name is met here: encoding/json takes "Entry" for "entry".
func lower(name []byte) bool {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return true
}
