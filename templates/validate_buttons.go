package templates

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// buttons checks the buttons of a message or card: each by itself, how many of each kind, and their order.
func (l *linter) buttons(f face) {
	place := f.prefix + "buttons"
	most := MaxButtons
	if f.card > 0 {
		most = MaxCardButtons
	}
	l.atMost(ButtonsTooMany, place, most, len(f.buttons))
	count := map[ButtonType]int{}
	for i, b := range f.buttons {
		at := f.prefix + "button." + strconv.Itoa(i)
		if b.Raw != nil {
			l.add(ButtonUnknown, at)
			continue
		}
		count[b.Type]++
		if !b.Type.allowedIn(l.t.Category) {
			l.add(NotAllowed, at)
		}
		l.button(b, at)
	}
	for i, b := range f.buttons { // in order of appearance, each kind once, at its first button over the limit
		if b.Raw == nil && count[b.Type] > b.Type.most() {
			l.atMost(ButtonsOfType, f.prefix+"button."+strconv.Itoa(i), b.Type.most(), count[b.Type])
			count[b.Type] = 0
		}
	}
	if alone := slices.IndexFunc(f.buttons, func(b Button) bool { return b.Type.alone() }); alone >= 0 && len(f.buttons) > 1 {
		l.add(ButtonAlone, f.prefix+"button."+strconv.Itoa(alone))
	}
	groups := 0
	for i, b := range f.buttons {
		if b.Type == QuickReply && (i == 0 || f.buttons[i-1].Type != QuickReply) {
			groups++
		}
	}
	split := groups > 1 || groups == 1 && f.buttons[0].Type != QuickReply && f.buttons[len(f.buttons)-1].Type != QuickReply
	if split {
		l.add(ButtonsSplit, place)
	}
}

// most is how many buttons of this kind one message may have.
func (t ButtonType) most() int {
	switch t {
	case QuickReply:
		return MaxButtons
	case URL:
		return 2
	}
	return 1
}

// alone reports kinds that tolerate no other button.
func (t ButtonType) alone() bool { return t == Catalog || t == MultiProduct || t == OTP }

// allowedIn reports whether a template of the category may have the button. An authentication template has its code button,
// as OTP when written and as URL when listed back.
func (t ButtonType) allowedIn(category Category) bool {
	switch category {
	case Authentication:
		return t == OTP || t == URL
	case Utility:
		return t != OTP && t != CopyCode && t != Catalog && t != MultiProduct && t != SingleProduct
	}
	return t != OTP
}

func (l *linter) button(b Button, at string) {
	switch b.Type {
	case OTP:
		l.otpButton(b, at)
		return
	case CopyCode:
		l.copyCodeButton(b, at)
		return // its label is WhatsApp's
	case RequestContactInfo:
		return // its label is WhatsApp's
	}
	l.fixedText(b.Text, at, MaxButtonText)
	switch b.Type {
	case URL:
		if l.t.Category != Authentication {
			l.urlButton(b, at)
		}
	case PhoneNumber:
		if !phoneFormat.MatchString(b.PhoneNumber) || chars(b.PhoneNumber) > MaxPhone {
			l.found = append(l.found, Problem{Code: ButtonPhone, Field: at, Limit: MaxPhone, Got: chars(b.PhoneNumber)})
		}
	case Flow:
		if b.FlowID == "" && b.FlowName == "" && b.FlowJSON == "" {
			l.add(ButtonFlow, at)
		}
	}
}

// urlButton checks an address and its one variable. The variable must come after the host, else whoever fills it in
// could choose the host.
func (l *linter) urlButton(b Button, at string) {
	fixedPart := b.URL
	variables := placeholder.FindAllString(b.URL, -1)
	if len(variables) > 0 {
		fixedPart = urlBase(b.URL)
	}
	host, rest, ok := origin(fixedPart)
	if !ok || strings.ContainsFunc(b.URL, unicode.IsSpace) {
		l.add(ButtonURL, at)
	}
	l.atMost(TextTooLong, at, MaxURL, chars(b.URL))
	if len(variables) == 0 {
		if strings.Contains(b.URL, "{{") {
			l.add(ButtonURLVar, at)
		}
		return
	}
	if len(variables) > 1 || !strings.HasSuffix(b.URL, "{{1}}") || host == "" || rest == "" {
		l.add(ButtonURLVar, at)
	}
	if first(b.Example) == "" {
		l.add(SampleMissing, at)
	}
}

func (l *linter) copyCodeButton(b Button, at string) {
	sample := first(b.Example)
	switch {
	case sample == "":
		l.add(SampleMissing, at)
	case !madeOf(sample, ""):
		l.add(ValueCoupon, at)
	}
	l.atMost(TextTooLong, at, MaxCoupon, chars(sample))
}

func (l *linter) otpButton(b Button, at string) {
	if b.Text != "" {
		l.fixedText(b.Text, at, MaxButtonText)
	}
	if b.AutofillText != "" {
		l.fixedText(b.AutofillText, at, MaxButtonText)
	}
	switch b.OTPType {
	case OTPCopyCode:
		return
	case OTPOneTap:
	case OTPZeroTap:
		if !b.ZeroTapTerms {
			l.add(ButtonOTPTerms, at)
		}
	default:
		l.add(ButtonOTP, at)
		return
	}
	complete := func(app SupportedApp) bool {
		return app.PackageName != "" && chars(app.PackageName) <= 224 && len(app.SignatureHash) == 11
	}
	if n := len(b.SupportedApps); n < 1 || n > MaxOTPApps || !every(b.SupportedApps, complete) {
		l.found = append(l.found, Problem{Code: ButtonOTPApps, Field: at, Limit: MaxOTPApps, Got: n})
	}
}

// carousel checks the cards against each other.
func (l *linter) carousel(top face) {
	if n := len(top.cards); n < MinCards || n > MaxCards {
		l.found = append(l.found, Problem{Code: CardsCount, Field: "cards", Limit: MaxCards, Got: n})
	}
	for i, card := range top.cards {
		place := "card." + strconv.Itoa(i)
		if card.header == nil || !slices.Contains([]HeaderFormat{FormatImage, FormatVideo, FormatProduct}, card.header.Format) {
			l.add(CardHeader, place+".header")
		}
		may := func(b Button) bool {
			return slices.Contains([]ButtonType{QuickReply, URL, PhoneNumber, SingleProduct}, b.Type)
		}
		if len(card.buttons) == 0 || !every(card.buttons, may) {
			l.found = append(l.found, Problem{Code: CardButtons, Field: place + ".buttons", Limit: MaxCardButtons, Got: len(card.buttons)})
		}
		if card.shape() != top.cards[0].shape() {
			l.add(CardsDiffer, place)
		}
	}
}

// shape is what all cards of a carousel have in common.
func (f face) shape() string {
	var shape strings.Builder
	if f.header != nil {
		shape.WriteString(string(f.header.Format))
	}
	if f.body != nil {
		shape.WriteString(" body")
	}
	for _, b := range f.buttons {
		shape.WriteString(" " + string(b.Type))
	}
	return shape.String()
}
