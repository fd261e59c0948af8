package fakemeta

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// waTemplate is the template object of a send (PROTOCOLS.md §3).
type waTemplate struct {
	Name     string `json:"name"`
	Language *struct {
		Code string `json:"code"`
	} `json:"language"`
	Components []sentComponent `json:"components"`
}

type sentComponent struct {
	Type       string          `json:"type"`
	SubType    string          `json:"sub_type"`
	Index      flexible        `json:"index"`
	Parameters []sentParameter `json:"parameters"`
	Cards      []struct {
		Index      flexible        `json:"card_index"`
		Components []sentComponent `json:"components"`
	} `json:"cards"`
}

type sentParameter struct {
	Type     string          `json:"type"`
	Name     string          `json:"parameter_name"`
	Text     string          `json:"text"`
	Payload  string          `json:"payload"`
	Coupon   string          `json:"coupon_code"`
	Image    *waRequestMedia `json:"image"`
	Video    *waRequestMedia `json:"video"`
	Document *waRequestMedia `json:"document"`
	Location *struct {
		Latitude  flexible `json:"latitude"`
		Longitude flexible `json:"longitude"`
		Name      string   `json:"name"`
		Address   string   `json:"address"`
	} `json:"location"`
	Currency *struct {
		Fallback string `json:"fallback_value"`
	} `json:"currency"`
	DateTime *struct {
		Fallback string `json:"fallback_value"`
	} `json:"date_time"`
	Offer *struct {
		ExpiresMS int64 `json:"expiration_time_ms"`
	} `json:"limited_time_offer"`
}

// flexible is a number that clients send as a number or as a string.
type flexible string

// UnmarshalJSON takes both.
func (f *flexible) UnmarshalJSON(b []byte) error {
	*f = flexible(strings.Trim(string(b), `"`))
	return nil
}

func (p *sentParameter) media() *waRequestMedia {
	return map[string]*waRequestMedia{"image": p.Image, "video": p.Video, "document": p.Document}[p.Type]
}

// value is the text that replaces a variable.
func (p *sentParameter) value() (string, bool) {
	switch {
	case p.Type == "text":
		return p.Text, p.Text != ""
	case p.Type == "currency" && p.Currency != nil:
		return p.Currency.Fallback, true
	case p.Type == "date_time" && p.DateTime != nil:
		return p.DateTime.Fallback, true
	}
	return "", false
}

// readTemplate checks a template send against the catalog and draws the message.
func (s *Server) readTemplate(a *account, in *waTemplate, m *Message) (category string, refused *graphError) {
	if in == nil || in.Name == "" {
		return "", badParam("The parameter template['name'] is required.")
	}
	if in.Language == nil || in.Language.Code == "" {
		return "", badParam("The parameter template['language']['code'] is required.")
	}
	t := s.catalog.find(a.BusinessAccountID, in.Name, in.Language.Code)
	switch {
	case t == nil || slices.Contains([]string{"PENDING", "REJECTED", "IN_APPEAL", "DELETED", "PENDING_DELETION"}, t.Status):
		return "", refuse(132001, fmt.Sprintf("template name (%s) does not exist in %s", in.Name, in.Language.Code))
	case t.Status == "PAUSED":
		return "", refuse(132015, "")
	case t.Status != "APPROVED":
		return "", refuse(132016, "")
	}
	m.Template = t.Name
	d := drawing{s: s, account: a, template: t}
	return t.Category, d.draw(t.parsed, in.Components, m)
}

// drawing fills one template, or one card of a carousel.
type drawing struct {
	s        *Server
	account  *account
	template *Template
}

func (d drawing) draw(parts []component, sent []sentComponent, m *Message) *graphError {
	for _, step := range []func([]component, []sentComponent, *Message) *graphError{d.header, d.body, d.buttons, d.carousel} {
		if refused := step(parts, sent, m); refused != nil {
			return refused
		}
	}
	if footer := part(parts, "FOOTER"); footer != nil {
		m.Footer = footer.Text
		if m.Footer == "" && footer.Expires > 0 {
			m.Footer = fmt.Sprintf("Expires in %d minutes.", footer.Expires)
		}
	}
	if offer := part(parts, "LIMITED_TIME_OFFER"); offer != nil {
		got := sentPart(sent, "limited_time_offer")
		if got == nil || len(got.Parameters) != 1 || got.Parameters[0].Offer == nil {
			return refuse(131008, "limited_time_offer: expiration_time_ms is required")
		}
	}
	return nil
}

func sentPart(sent []sentComponent, kind string) *sentComponent {
	for i := range sent {
		if strings.EqualFold(sent[i].Type, kind) {
			return &sent[i]
		}
	}
	return nil
}

func (d drawing) header(parts []component, sent []sentComponent, m *Message) (refused *graphError) {
	header, got := part(parts, "HEADER"), sentPart(sent, "header")
	var parameters []sentParameter
	if got != nil {
		parameters = got.Parameters
	}
	switch {
	case header == nil:
		if len(parameters) > 0 {
			return refuse(132000, fmt.Sprintf("header: number of localizable_params (%d) does not match the expected number of params (0)", len(parameters)))
		}
	case header.Format == "TEXT" || header.Format == "":
		m.Header, refused = d.fill("header", header.Text, parameters)
	case header.Format == "LOCATION":
		if len(parameters) != 1 || parameters[0].Location == nil {
			return refuse(132012, "header: Format mismatch, expected LOCATION, received UNKNOWN")
		}
		l := parameters[0].Location
		lat, errLat := strconv.ParseFloat(string(l.Latitude), 64)
		long, errLong := strconv.ParseFloat(string(l.Longitude), 64)
		if errLat != nil || errLong != nil {
			return refuse(132012, "header: location needs a latitude and a longitude")
		}
		m.Location = &Location{lat, long, l.Name, l.Address}
	default: // IMAGE, VIDEO, DOCUMENT
		if len(parameters) != 1 || !strings.EqualFold(parameters[0].Type, header.Format) || parameters[0].media() == nil {
			received := "UNKNOWN"
			if len(parameters) == 1 {
				received = strings.ToUpper(parameters[0].Type)
			}
			return refuse(132012, fmt.Sprintf("header: Format mismatch, expected %s, received %s", header.Format, received))
		}
		m.Media, refused = d.s.checkMedia(d.account, parameters[0].Type, parameters[0].media())
	}
	return refused
}

func (d drawing) body(parts []component, sent []sentComponent, m *Message) *graphError {
	body, got := part(parts, "BODY"), sentPart(sent, "body")
	var parameters []sentParameter
	if got != nil {
		parameters = got.Parameters
	}
	if body == nil {
		return nil
	}
	text := body.Text
	if d.template.Category == "AUTHENTICATION" && len(variables(text)) == 0 {
		text = "*{{1}}* is your verification code."
		if body.Security {
			text += " For your security, do not share this code."
		}
	}
	filled, refused := d.fill("body", text, parameters)
	if refused != nil {
		return refused
	}
	if utf8.RuneCountInString(filled) > 1024 {
		return refuse(132005, fmt.Sprintf("body: translated text has %d characters, 1024 are allowed", utf8.RuneCountInString(filled)))
	}
	if d.template.Category == "AUTHENTICATION" && utf8.RuneCountInString(parameters[0].Text) > 15 {
		return refuse(132012, "body: the code has at most 15 characters")
	}
	m.Text = filled
	return nil
}

var foulSpace = regexp.MustCompile(`[\n\r\t]| {5,}`)

// fill replaces the variables of a text.
func (d drawing) fill(where, text string, parameters []sentParameter) (string, *graphError) {
	want := variables(text)
	if len(want) != len(parameters) {
		return "", refuse(132000, fmt.Sprintf("%s: number of localizable_params (%d) does not match the expected number of params (%d)", where, len(parameters), len(want)))
	}
	values := map[string]string{}
	for i := range parameters {
		value, ok := parameters[i].value()
		if !ok {
			return "", refuse(132012, where+": Format mismatch, expected TEXT, received "+strings.ToUpper(parameters[i].Type))
		}
		if foulSpace.MatchString(value) {
			return "", refuse(132018, where+": Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
		}
		name := want[i]
		if d.template.ParameterFormat == "NAMED" {
			if name = parameters[i].Name; !slices.Contains(want, name) {
				return "", refuse(132012, where+": Parameter name is missing or empty")
			}
		}
		values[name] = value
	}
	if len(values) != len(want) {
		return "", refuse(132000, where+": a parameter is given twice")
	}
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		return values[placeholder.FindStringSubmatch(p)[1]]
	}), nil
}

func (d drawing) buttons(parts []component, sent []sentComponent, m *Message) *graphError {
	group := part(parts, "BUTTONS")
	var have []templateButton
	if group != nil {
		have = group.Buttons
	}
	given := map[int]*sentComponent{}
	for i := range sent {
		if !strings.EqualFold(sent[i].Type, "button") {
			continue
		}
		at, err := strconv.Atoi(string(sent[i].Index))
		if err != nil || at < 0 || at >= len(have) {
			return refuse(131009, fmt.Sprintf("buttons: there is no button at index %s", sent[i].Index))
		}
		given[at] = &sent[i]
	}
	for i, b := range have {
		got := given[i]
		var p sentParameter
		if got != nil && len(got.Parameters) == 1 {
			p = got.Parameters[0]
		}
		out := Button{ID: "b" + strconv.Itoa(len(m.Cards)) + "-" + strconv.Itoa(i), Title: b.Text}
		missing := false
		switch b.Type {
		case "QUICK_REPLY":
			out.Kind, out.Value = "quick_reply", b.Text
			if p.Payload != "" {
				out.Value = p.Payload
			}
		case "URL":
			out.Kind, out.Value = "url", b.URL
			if len(variables(b.URL)) > 0 {
				missing = p.Text == ""
				out.Value = placeholder.ReplaceAllLiteralString(b.URL, p.Text)
			}
		case "OTP":
			out.Kind, out.Value, missing = "copy", p.Text, p.Text == ""
			if out.Title == "" {
				out.Title = "Copy code"
			}
		case "COPY_CODE":
			out.Kind, out.Value, missing = "copy", p.Coupon, p.Coupon == ""
		case "PHONE_NUMBER":
			out.Kind, out.Value = "phone", b.Number
		case "FLOW":
			out.Kind = "flow"
		case "REQUEST_CONTACT_INFO":
			out.Kind = "contact"
		default:
			out.Kind = "url" // catalogs and calls are not played: shown, leads nowhere
		}
		if missing {
			return refuse(131008, fmt.Sprintf("buttons: Button at index %d of type %s requires a parameter", i, b.Type))
		}
		m.Buttons = append(m.Buttons, out)
	}
	return nil
}

func (d drawing) carousel(parts []component, sent []sentComponent, m *Message) *graphError {
	carousel := part(parts, "CAROUSEL")
	if carousel == nil {
		return nil
	}
	got := sentPart(sent, "carousel")
	if got == nil || len(got.Cards) != len(carousel.Cards) {
		n := 0
		if got != nil {
			n = len(got.Cards)
		}
		return refuse(132000, fmt.Sprintf("carousel: number of cards (%d) does not match the expected number of cards (%d)", n, len(carousel.Cards)))
	}
	for i, card := range carousel.Cards {
		var one Message
		if refused := d.draw(card.Components, got.Cards[i].Components, &one); refused != nil {
			return refused
		}
		for j := range one.Buttons {
			one.Buttons[j].ID = "c" + strconv.Itoa(i) + "-" + one.Buttons[j].ID
		}
		m.Cards = append(m.Cards, Card{Text: one.Text, Media: one.Media, Buttons: one.Buttons})
	}
	return nil
}

// needsPhone says whether a send to a BSUID is impossible: a code to copy needs the phone it was asked from.
func (s *Server) needsPhone(a *account, req *waRequest) bool {
	if req.Template == nil || req.Template.Language == nil {
		return false
	}
	t := s.catalog.find(a.BusinessAccountID, req.Template.Name, req.Template.Language.Code)
	if t == nil || t.Category != "AUTHENTICATION" {
		return false
	}
	buttons := part(t.parsed, "BUTTONS")
	return buttons != nil && slices.ContainsFunc(buttons.Buttons, func(b templateButton) bool { return b.Type == "OTP" })
}
