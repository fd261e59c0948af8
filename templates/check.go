package templates

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSpaces is the longest run of spaces in a value. Meta's error 132018 speaks of "more than 4"; the strict reading
// costs nobody anything.
const maxSpaces = 3

// Check tells what is wrong with the values of one message, before Meta would. Each problem names the variable to show
// it under, except Unsupported, which names the part. No problems means that Render gives a message. Whether the template
// may be sent at all is Usable's question.
func Check(t Template, values Values) []Problem {
	var found []Problem
	if part := UnsupportedPart(t); part != "" {
		found = append(found, Problem{Code: Unsupported, Field: part})
	}
	variables := Variables(t)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !slices.ContainsFunc(variables, func(v Variable) bool { return v.Key == key }) {
			if !madeOf(key, "._") || key == "" || len(key) > MaxName {
				key = "values" // whatever was sent there, it is not the name of a field
			}
			found = append(found, Problem{Code: ValueUnknown, Field: key})
		}
	}
	for _, v := range variables {
		value, given := values[v.Key]
		if !given {
			if !v.Optional {
				found = append(found, Problem{Code: ValueMissing, Field: v.Key})
			}
			continue
		}
		if p, bad := checkValue(t, v, value); bad {
			p.Field = v.Key
			found = append(found, p)
		}
	}
	for _, f := range t.face().all() {
		if f.header != nil && f.header.Format == FormatText {
			found = checkTogether(found, f.header.Text, f.prefix+"header.", MaxHeader, values)
		}
		found = checkTogether(found, f.bodyText(t.Category), f.prefix+"body.", f.bodyMax(), values)
	}
	return found
}

// checkValue applies the rules of the variable's kind and returns the first that is broken.
func checkValue(t Template, v Variable, value Value) (Problem, bool) {
	switch v.Kind {
	case KindImage, KindVideo, KindDocument:
		return checkMedia(value.Media)
	case KindLocation:
		return checkLocation(value.Location)
	case KindProduct:
		p := value.Product
		return Problem{Code: ValueProduct}, p == nil || !plainID(p.CatalogID) || !plainID(p.RetailerID)
	case KindProducts:
		return Problem{Code: ValueProducts}, !validProducts(value.Products)
	case KindFlow:
		return Problem{Code: ValueFlow}, !validFlow(value.Flow)
	case KindExpiration:
		return Problem{Code: ValueExpiration}, value.Expires.UnixMilli() <= 0
	}
	if p, bad := checkText(value.Text, v.Max); bad {
		return p, true
	}
	switch v.Kind {
	case KindOTP:
		return Problem{Code: ValueOTP}, !madeOf(value.Text, "-")
	case KindCoupon:
		return Problem{Code: ValueCoupon}, !madeOf(value.Text, "")
	case KindThumbnail:
		return Problem{Code: ValueProduct}, !plainID(value.Text)
	case KindURL:
		return Problem{Code: ValueURL}, !cleanSuffix(urlBase(t.buttonOf(v).URL), value.Text)
	}
	return Problem{}, false
}

// checkText is what Meta wants of every text value (errors 132005, 132012, 132018).
func checkText(s string, limit int) (Problem, bool) {
	switch n := chars(s); {
	case !utf8.ValidString(s):
		return Problem{Code: ValueEncoding}, true
	case strings.TrimSpace(s) == "":
		return Problem{Code: ValueEmpty}, true
	case strings.ContainsFunc(s, lineBreak):
		return Problem{Code: ValueLineBreak}, true
	case strings.ContainsFunc(s, unicode.IsControl):
		return Problem{Code: ValueControl}, true
	case longestSpace(s) > maxSpaces:
		return Problem{Code: ValueSpaces, Limit: maxSpaces, Got: longestSpace(s)}, true
	case n > limit:
		return Problem{Code: ValueTooLong, Limit: limit, Got: n}, true
	}
	return Problem{}, false
}

// checkTogether compares a text with its values filled in against its limit and, when it outgrows it, tells the longest
// value how much room there is. A text that Meta approved although it is longer by itself is left to Meta.
func checkTogether(found []Problem, text, prefix string, limit int, values Values) []Problem {
	if chars(text) == 0 || fixed(text) > limit {
		return found
	}
	total, longest := fixed(text), ""
	uses := map[string]int{}
	for _, p := range pieces(text) {
		if p.name == "" {
			continue
		}
		n := chars(values[prefix+p.name].Text)
		total += n
		uses[p.name]++
		if longest == "" || n > chars(values[prefix+longest].Text) {
			longest = p.name
		}
	}
	if total <= limit || slices.ContainsFunc(found, func(p Problem) bool { return p.Field == prefix+longest }) {
		return found
	}
	length, times := chars(values[prefix+longest].Text), uses[longest]
	room := max(0, limit-(total-times*length)) / times
	return append(found, Problem{Code: ValueTooLong, Field: prefix + longest, Limit: room, Got: length})
}

func checkMedia(m *Media) (Problem, bool) {
	switch {
	case m == nil || (m.ID == "") == (m.Link == ""):
		return Problem{Code: ValueMedia}, true
	case m.Link != "" && !cleanLink(m.Link), m.ID != "" && !plainID(m.ID):
		return Problem{Code: ValueMedia}, true
	case !validFilename(m.Filename):
		return Problem{Code: ValueFilename, Limit: MaxFilename, Got: chars(m.Filename)}, true
	}
	return Problem{}, false
}

func checkLocation(l *Location) (Problem, bool) {
	ok := l != nil && math.Abs(l.Latitude) <= 90 && math.Abs(l.Longitude) <= 180 // false for NaN
	if !ok {
		return Problem{Code: ValueLocation}, true
	}
	for _, s := range []string{l.Name, l.Address} {
		if p, bad := checkText(s, MaxBody); bad {
			if p.Code == ValueEmpty {
				p.Code = ValueLocation
			}
			return p, true
		}
	}
	return Problem{}, false
}

// validProducts: 1 to 30 products in at most 10 sections of up to 24 characters of title.
func validProducts(p *Products) bool {
	if p == nil || !plainID(p.Thumbnail) || len(p.Sections) == 0 || len(p.Sections) > 10 {
		return false
	}
	n := 0
	for _, s := range p.Sections {
		if _, bad := checkText(s.Title, 24); bad || len(s.RetailerIDs) == 0 || !every(s.RetailerIDs, plainID) {
			return false
		}
		n += len(s.RetailerIDs)
	}
	return n <= 30
}

func validFlow(f *FlowData) bool {
	if f == nil || f.Token != "" && !plainID(f.Token) {
		return false
	}
	var object map[string]json.RawMessage
	return len(f.Data) == 0 || json.Unmarshal(f.Data, &object) == nil && object != nil
}

func validFilename(s string) bool {
	return utf8.ValidString(s) && chars(s) <= MaxFilename && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '/' || r == '\\' || unicode.IsControl(r)
	})
}

// plainID accepts what a provider may use as an identifier: some text without spaces and control characters.
func plainID(s string) bool {
	return s != "" && utf8.ValidString(s) && chars(s) <= MaxPayload &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

// madeOf reports whether a text has only ASCII letters, digits and the characters of more.
func madeOf(s, more string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)) && !strings.ContainsRune(more, r)
	})
}

// lineBreak reports tabs and everything that Unicode calls the end of a line.
func lineBreak(r rune) bool { return strings.ContainsRune("\t\n\v\f\r\u0085\u2028\u2029", r) }

func longestSpace(s string) (longest int) {
	run := 0
	for _, r := range s {
		if !unicode.IsSpace(r) {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

func every[T any](list []T, ok func(T) bool) bool {
	return !slices.ContainsFunc(list, func(one T) bool { return !ok(one) })
}

// buttonOf returns the button that a variable belongs to.
func (t Template) buttonOf(v Variable) Button {
	return t.face().all()[v.Card].buttons[v.Button-1]
}
