package templates

import (
	"fmt"
	"strings"
	"time"
)

// Preview is the message as the customer sees it, or one card of it. WhatsApp's own formatting (*bold*, _italic_) is left
// in the texts for whoever draws them.
type Preview struct {
	Header  *PreviewHeader  `json:"header,omitempty"`
	Offer   *PreviewOffer   `json:"offer,omitempty"`
	Body    []Span          `json:"body,omitempty"`
	Footer  string          `json:"footer,omitempty"`
	Buttons []PreviewButton `json:"buttons,omitempty"`
	Cards   []Preview       `json:"cards,omitempty"`
}

// Span is a stretch of shown text. Variable is the key of the value that fills it, or "" for the template's own text.
// Where the value is still missing, Text is the placeholder and Missing is set.
type Span struct {
	Text     string `json:"text"`
	Variable string `json:"variable,omitempty"`
	Missing  bool   `json:"missing,omitempty"`
}

// PreviewHeader is a header: text, or the medium, pin or product once it is chosen.
type PreviewHeader struct {
	Format   HeaderFormat `json:"format"`
	Text     []Span       `json:"text,omitempty"`
	Media    *Media       `json:"media,omitempty"`
	Location *Location    `json:"location,omitempty"`
	Product  *Product     `json:"product,omitempty"`
}

// PreviewOffer is the text and the end of a limited-time offer.
type PreviewOffer struct {
	Text    string    `json:"text"`
	Expires time.Time `json:"expires,omitzero"`
}

// PreviewButton is a button with what it opens, dials or copies.
type PreviewButton struct {
	Type   ButtonType `json:"type"`
	Text   string     `json:"text"`
	Target []Span     `json:"target,omitempty"`
}

// PlainText is the message as one text, for lists and search: header, body, footer, and the cards' bodies, a line each.
func (p Preview) PlainText() string {
	var lines []string
	if p.Header != nil {
		lines = append(lines, plain(p.Header.Text))
	}
	if p.Offer != nil {
		lines = append(lines, p.Offer.Text)
	}
	lines = append(lines, plain(p.Body), p.Footer)
	for _, card := range p.Cards {
		lines = append(lines, card.PlainText())
	}
	var said []string
	for _, line := range lines {
		if line != "" {
			said = append(said, line)
		}
	}
	return strings.Join(said, "\n")
}

func plain(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

func preview(t Template, values Values) Preview {
	top := t.face()
	p := top.preview(t.Category, values)
	for _, card := range top.cards {
		p.Cards = append(p.Cards, card.preview(t.Category, values))
	}
	for _, c := range t.Components {
		if c.Type == CallPermissionRequest && c.Raw == nil {
			p.Buttons = append(p.Buttons, PreviewButton{Type: ButtonType(CallPermissionRequest)})
		}
	}
	return p
}

func (f face) preview(category Category, values Values) Preview {
	body := f.bodyText(category)
	p := Preview{Body: spans(body, f.prefix+"body.", values)}
	if f.header != nil {
		p.Header = &PreviewHeader{
			Format:   f.header.Format,
			Media:    values[f.prefix+"header.media"].Media,
			Location: values[f.prefix+"header.location"].Location,
			Product:  values[f.prefix+"header.product"].Product,
		}
		if f.header.Format == FormatText {
			p.Header.Text = spans(f.header.Text, f.prefix+"header.", values)
		}
	}
	if f.offer != nil {
		p.Offer = &PreviewOffer{Text: f.offer.Text, Expires: values[f.prefix+"offer.expiration"].Expires}
	}
	if f.footer != nil {
		p.Footer = f.footer.Text
		if p.Footer == "" && f.footer.CodeMinutes > 0 {
			p.Footer = fmt.Sprintf("This code expires in %d minutes.", f.footer.CodeMinutes)
		}
	}
	otp := f.otp(category)
	for i, b := range f.buttons {
		key := f.button(i)
		shown := PreviewButton{Type: b.Type, Text: b.Text}
		switch {
		case i == otp:
			shown.Type = OTP
			shown.Target = []Span{span("{{1}}", f.prefix+"body."+first(names(body)), values)}
		case b.Type == URL:
			for _, p := range pieces(b.URL) {
				s := Span{Text: p.text}
				if p.name != "" {
					s = span(p.text, key+"1", values)
				}
				shown.Target = append(shown.Target, s)
			}
		case b.Type == PhoneNumber:
			shown.Target = []Span{{Text: b.PhoneNumber}}
		case b.Type == CopyCode:
			shown.Target = []Span{span("{{1}}", key+"code", values)}
		}
		p.Buttons = append(p.Buttons, shown)
	}
	return p
}

// spans substitutes the values of a text in one pass.
func spans(text, prefix string, values Values) []Span {
	var all []Span
	for _, p := range pieces(text) {
		if p.name == "" {
			all = append(all, Span{Text: p.text})
			continue
		}
		all = append(all, span(p.text, prefix+p.name, values))
	}
	return all
}

func span(placeholder, key string, values Values) Span {
	if text := values[key].Text; text != "" {
		return Span{Text: text, Variable: key}
	}
	return Span{Text: placeholder, Variable: key, Missing: true}
}
