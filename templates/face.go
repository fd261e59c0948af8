package templates

import "strconv"

// face is what the customer sees at once: the message itself, or one card of its carousel.
type face struct {
	prefix  string // of keys: "" or "card.0."
	card    int    // 1 for the first card; 0 for the message itself
	header  *Component
	body    *Component
	footer  *Component
	offer   *Offer
	buttons []Button
	cards   []face
}

// face sorts a template's components. Of a repeated component the first counts; UnsupportedPart names the repetition.
func (t Template) face() face { return newFace(t.Components, "", 0) }

func newFace(components []Component, prefix string, card int) face {
	f := face{prefix: prefix, card: card}
	for i := range components {
		c := &components[i]
		switch {
		case c.Raw != nil:
		case c.Type == Header && f.header == nil:
			f.header = c
		case c.Type == Body && f.body == nil:
			f.body = c
		case c.Type == Footer && f.footer == nil:
			f.footer = c
		case c.Type == Buttons && f.buttons == nil:
			f.buttons = c.Buttons
		case c.Type == LimitedTimeOffer && f.offer == nil:
			f.offer = c.Offer
		case c.Type == Carousel && f.cards == nil && card == 0:
			for n, one := range c.Cards {
				f.cards = append(f.cards, newFace(one.Components, "card."+strconv.Itoa(n)+".", n+1))
			}
		}
	}
	return f
}

// all returns the face and its cards.
func (f face) all() []face { return append([]face{f}, f.cards...) }

// button returns the key prefix of a button: "button.0.".
func (f face) button(i int) string { return f.prefix + "button." + strconv.Itoa(i) + "." }

// otp returns the index of the button that carries a one-time code, or -1. Meta lists it back as a URL button.
func (f face) otp(category Category) int {
	for i, b := range f.buttons {
		if b.Type == OTP || category == Authentication && b.Type == URL && len(names(b.URL)) > 0 {
			return i
		}
	}
	return -1
}

// bodyText returns the body's text. An authentication template that is not yet created has none: Meta writes it, and
// this is its English wording.
func (f face) bodyText(category Category) string {
	if f.body == nil {
		return ""
	}
	if f.body.Text != "" || f.otp(category) < 0 {
		return f.body.Text
	}
	text := "*{{1}}* is your verification code."
	if f.body.SecurityAdvice {
		text += " For your security, do not share this code."
	}
	return text
}

// bodyMax is the longest body that the customer may see, values included.
func (f face) bodyMax() int {
	switch {
	case f.card > 0:
		return MaxCardBody
	case f.offer != nil:
		return MaxOfferBody
	}
	return MaxBody
}
