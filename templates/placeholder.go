package templates

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var placeholder = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]+)\s*\}\}`)

// piece is a stretch of a template's text: fixed text, or a placeholder (then name is set and text is how it is written).
type piece struct{ text, name string }

// pieces cuts a text at its placeholders, once and from left to right. Joining the texts gives the text again.
func pieces(text string) []piece {
	var all []piece
	from := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		if at[0] > from {
			all = append(all, piece{text: text[from:at[0]]})
		}
		all = append(all, piece{text: text[at[0]:at[1]], name: text[at[2]:at[3]]})
		from = at[1]
	}
	if from < len(text) {
		all = append(all, piece{text: text[from:]})
	}
	return all
}

// names returns the placeholders of a text, each once, in order of appearance.
func names(text string) []string {
	var all []string
	for _, p := range pieces(text) {
		if p.name != "" && !slices.Contains(all, p.name) {
			all = append(all, p.name)
		}
	}
	return all
}

// parameters returns the placeholders of a text, each once, in the order in which the API takes their values: by number
// where all are numbers, else by appearance.
func parameters(text string) []string {
	all := names(text)
	for _, name := range all {
		if _, ok := number(name); !ok {
			return all
		}
	}
	slices.SortFunc(all, func(a, b string) int {
		na, _ := number(a)
		nb, _ := number(b)
		return cmp.Compare(na, nb)
	})
	return all
}

// number reads the name of a positional placeholder: 1, 2, 3… without leading zeros.
func number(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && n > 0 && strconv.Itoa(n) == name
}

// fixed counts the characters of a text outside its placeholders.
func fixed(text string) int {
	n := 0
	for _, p := range pieces(text) {
		if p.name == "" {
			n += chars(p.text)
		}
	}
	return n
}

// chars counts characters as Meta does: see the package comment.
func chars(s string) int { return utf8.RuneCountInString(s) }

// sample returns the example that the author gave for a placeholder of a header or body.
func (c Component) sample(name string) string {
	if c.Example == nil {
		return ""
	}
	named, listed := c.Example.BodyTextNamed, []string(nil)
	if len(c.Example.BodyText) > 0 {
		listed = c.Example.BodyText[0]
	}
	if c.Type == Header {
		named, listed = c.Example.HeaderTextNamed, c.Example.HeaderText
	}
	for _, one := range named {
		if strings.Trim(one.Name, "{}") == name {
			return one.Example
		}
	}
	if n, ok := number(name); ok && n <= len(listed) {
		return listed[n-1]
	}
	return ""
}
