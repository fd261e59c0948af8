package templates

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Limits for authors that are not lengths of a text (those stand beside Variable).
const (
	MaxButtons     = 10
	MaxCards       = 10
	MinCards       = 2
	MaxCardButtons = 2
	MaxCodeMinutes = 90
	MaxOTPApps     = 5
)

var (
	nameFormat     = regexp.MustCompile(`^[a-z0-9_]+$`)
	languageFormat = regexp.MustCompile(`^[a-z]{2,3}(_[A-Z][a-z]{3})?(_[A-Z]{2})?$`)
	variableFormat = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	phoneFormat    = regexp.MustCompile(`^\+[0-9][0-9 ()-]*$`)
)

// Validate tells what Meta would refuse in a template that someone is about to submit, before Meta does. Each rule has its
// own code; problems marked as Advice are what the review is known to dislike. It judges neither the status nor what only
// Meta can know (that a name is free, that a flow is published).
func Validate(t Template) []Problem {
	l := linter{t: t}
	l.identity()
	l.components(t.Components, "")
	top := t.face()
	l.combination(top)
	l.face(top)
	for _, card := range top.cards {
		l.face(card)
	}
	if _, ok := t.has(Carousel); ok {
		l.carousel(top)
	}
	return l.found
}

// linter collects problems.
type linter struct {
	t     Template
	found []Problem
}

func (l *linter) add(code Code, field string) {
	l.found = append(l.found, Problem{Code: code, Field: field})
}

func (l *linter) advise(code Code, field string) {
	l.found = append(l.found, Problem{Code: code, Field: field, Advice: true})
}

// atMost complains when got is over the limit.
func (l *linter) atMost(code Code, field string, limit, got int) {
	if got > limit {
		l.found = append(l.found, Problem{Code: code, Field: field, Limit: limit, Got: got})
	}
}

func (l *linter) identity() {
	if !nameFormat.MatchString(l.t.Name) {
		l.add(NameFormat, "name")
	}
	l.atMost(NameTooLong, "name", MaxName, chars(l.t.Name))
	if !languageFormat.MatchString(l.t.Language) {
		l.add(LanguageFormat, "language")
	}
	lowest, highest := 30, 0
	switch l.t.Category {
	case Marketing:
		lowest, highest = 43_200, 2_592_000
	case Utility:
		highest = 43_200
	case Authentication:
		highest = 900
	default:
		l.add(CategoryUnknown, "category")
	}
	thirtyDays := l.t.TTLSeconds == -1 && l.t.Category != Marketing
	if ttl := l.t.TTLSeconds; ttl != 0 && highest > 0 && !thirtyDays && (ttl < lowest || ttl > highest) {
		l.add(TTLRange, "message_send_ttl_seconds")
	}
	switch l.t.ParameterFormat {
	case Positional, Named, "":
	default:
		l.add(FormatUnknown, "parameter_format")
	}
}

// components checks that each component is known and stands once, where it may.
func (l *linter) components(components []Component, prefix string) {
	seen := map[ComponentType]bool{}
	for _, c := range components {
		switch place := prefix + field(c.Type); {
		case c.Raw != nil:
			l.add(ComponentUnknown, place)
		case seen[c.Type]:
			l.add(ComponentRepeated, place)
		case prefix != "" && c.Type != Header && c.Type != Body && c.Type != Buttons:
			l.add(NotAllowed, place)
		case c.Type == LimitedTimeOffer && c.Offer == nil:
			l.add(TextMissing, place)
		case c.Type == Carousel && prefix == "":
			for i, card := range c.Cards {
				l.components(card.Components, "card."+strconv.Itoa(i)+".")
			}
		}
		seen[c.Type] = true
	}
}

// combination checks what may stand beside what.
func (l *linter) combination(top face) {
	t := l.t
	refuse := func(of ...ComponentType) {
		for _, one := range of {
			if _, ok := t.has(one); ok {
				l.add(NotAllowed, field(one))
			}
		}
	}
	if t.Category != Marketing {
		refuse(Carousel, LimitedTimeOffer)
	}
	if _, ok := t.has(Carousel); ok {
		refuse(Header, Footer, Buttons, LimitedTimeOffer, CallPermissionRequest)
	}
	if _, ok := t.has(LimitedTimeOffer); ok {
		refuse(Footer)
		if top.header != nil && top.header.Format != FormatImage && top.header.Format != FormatVideo {
			l.add(NotAllowed, "header")
		}
	}
	if _, ok := t.has(CallPermissionRequest); ok {
		refuse(Buttons, LimitedTimeOffer)
	}
	if t.Category == Authentication {
		refuse(Header, CallPermissionRequest)
		if top.otp(t.Category) < 0 {
			l.add(ButtonOTPNeeded, "buttons")
		}
	}
}

func (l *linter) face(f face) {
	if f.header != nil {
		l.header(f)
	}
	switch {
	case f.body == nil && f.card == 0:
		l.add(TextMissing, f.prefix+"body")
	case f.body != nil && l.t.Category != Authentication: // its text is Meta's
		l.body(f)
	}
	if f.footer != nil {
		l.footer(*f.footer, f.prefix+"footer")
	}
	if f.offer != nil {
		l.fixedText(f.offer.Text, f.prefix+"offer", MaxOfferText)
	}
	if f.buttons != nil {
		l.buttons(f)
	} else if _, ok := l.t.has(Buttons); ok && f.card == 0 {
		l.add(TextMissing, "buttons")
	}
}

func (l *linter) header(f face) {
	h, place := *f.header, f.prefix+"header"
	switch h.Format {
	case FormatText:
		l.fixedFormat(h.Text, place)
		l.atMost(TextTooLong, place, MaxHeader, chars(h.Text))
		l.atMost(VariablesTooMany, place, 1, len(names(h.Text)))
		l.variables(h, place+".")
	case FormatImage, FormatVideo, FormatDocument, FormatGIF:
		if h.Example == nil || first(h.Example.HeaderHandle) == "" {
			l.add(SampleMissing, place)
		}
		if h.Format == FormatGIF && l.t.Category != Marketing {
			l.add(NotAllowed, place)
		}
	case FormatLocation:
	case FormatProduct:
		if l.t.Category != Marketing {
			l.add(NotAllowed, place)
		}
	default:
		l.add(HeaderFormatUnknown, place)
	}
}

func (l *linter) body(f face) {
	place := f.prefix + "body"
	text := f.body.Text
	if strings.TrimSpace(text) == "" {
		l.add(TextMissing, place)
		return
	}
	l.atMost(TextTooLong, place, f.bodyMax(), chars(text))
	l.variables(*f.body, place+".")

	words, count := 0, 0
	parts := pieces(strings.TrimSpace(text))
	for i, p := range parts {
		if p.name == "" {
			words += len(slices.DeleteFunc(strings.Fields(p.text), wordless))
			if strings.TrimSpace(p.text) == "" && i > 0 { // between two variables: the text is trimmed
				l.add(VariablesAdjacent, f.prefix+"body."+parts[i+1].name)
			}
			continue
		}
		count++
		if i == 0 || i == len(parts)-1 {
			l.add(VariableAtEdge, f.prefix+"body."+p.name)
		}
		if i > 0 && parts[i-1].name != "" {
			l.add(VariablesAdjacent, f.prefix+"body."+p.name)
		}
	}
	// Observed by several partners: 2 words and one more per variable, or error 2388293.
	if need := 2*count + 1; count > 0 && words < need {
		l.found = append(l.found, Problem{Code: VariableRatio, Field: place, Limit: need, Got: words, Advice: true})
	}
}

func wordless(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// variables checks how the placeholders of a header or body are written, and that each has a sample.
func (l *linter) variables(c Component, prefix string) {
	place := strings.TrimSuffix(prefix, ".")
	found := names(c.Text)
	for _, p := range pieces(c.Text) {
		if p.name == "" && (strings.Contains(p.text, "{{") || strings.Contains(p.text, "}}")) ||
			p.name != "" && p.text != "{{"+p.name+"}}" {
			l.add(VariableFormat, place)
			break
		}
	}
	highest := 0
	for _, name := range found {
		n, numbered := number(name)
		highest = max(highest, n)
		switch {
		case l.t.named() == numbered:
			l.add(VariableMixed, prefix+name)
		case !numbered && !variableFormat.MatchString(name):
			l.add(VariableName, prefix+name)
		}
		if strings.TrimSpace(c.sample(name)) == "" {
			l.add(SampleMissing, prefix+name)
		}
	}
	if !l.t.named() && highest > 0 && highest != len(found) {
		l.add(VariableNumbering, place)
	}
}

func (l *linter) footer(c Component, place string) {
	if l.t.Category == Authentication {
		if c.Text == "" && (c.CodeMinutes < 1 || c.CodeMinutes > MaxCodeMinutes) {
			l.found = append(l.found, Problem{Code: CodeMinutesRange, Field: place, Limit: MaxCodeMinutes, Got: c.CodeMinutes})
		}
		return
	}
	l.fixedText(c.Text, place, MaxFooter)
}

// fixedText checks a short text without variables.
func (l *linter) fixedText(text, place string, limit int) {
	l.fixedFormat(text, place)
	l.atMost(TextTooLong, place, limit, chars(text))
	if len(names(text)) > 0 || strings.Contains(text, "{{") {
		l.add(TextVariable, place)
	}
}

// fixedFormat checks a text of one plain line.
func (l *linter) fixedFormat(text, place string) {
	if strings.TrimSpace(text) == "" {
		l.add(TextMissing, place)
	}
	if strings.ContainsFunc(text, lineBreak) {
		l.add(TextLineBreak, place)
	}
	for _, p := range pieces(text) {
		if p.name == "" && strings.ContainsFunc(p.text, fancy) {
			l.advise(TextPlain, place)
			break
		}
	}
}

// fancy reports WhatsApp's formatting signs and the blocks of emoji.
func fancy(r rune) bool {
	return strings.ContainsRune("*_~`\u20e3\ufe0f", r) || r >= 0x1F000 && r <= 0x1FAFF || r >= 0x2600 && r <= 0x27BF
}

// has returns the first readable component of a type.
func (t Template) has(of ComponentType) (Component, bool) {
	i := slices.IndexFunc(t.Components, func(c Component) bool { return c.Type == of && c.Raw == nil })
	if i < 0 {
		return Component{}, false
	}
	return t.Components[i], true
}
