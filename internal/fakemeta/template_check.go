package fakemeta

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// component is one part of a template.
type component struct {
	Type    string           `json:"type"`
	Format  string           `json:"format"`
	Text    string           `json:"text"`
	Buttons []templateButton `json:"buttons"`
	Cards   []templateCard   `json:"cards"`
	Example json.RawMessage  `json:"example"`
	Offer   *struct {
		Text string `json:"text"`
	} `json:"limited_time_offer"`
	Security bool `json:"add_security_recommendation"`
	Expires  int  `json:"code_expiration_minutes"`
}

type templateButton struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	URL    string `json:"url"`
	Number string `json:"phone_number"`
	OTP    string `json:"otp_type"`
}

type templateCard struct {
	Components []component `json:"components"`
}

// parseComponents reads what the catalog holds; junk reads as nothing, and checkTemplate refuses nothing.
func parseComponents(raw json.RawMessage) []component {
	var out []component
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil
	}
	for i := range out {
		out[i].normalise()
	}
	return out
}

func (c *component) normalise() {
	c.Type, c.Format = strings.ToUpper(c.Type), strings.ToUpper(c.Format)
	for i := range c.Buttons {
		c.Buttons[i].Type = strings.ToUpper(c.Buttons[i].Type)
	}
	for i := range c.Cards {
		for j := range c.Cards[i].Components {
			c.Cards[i].Components[j].normalise()
		}
	}
}

func part(components []component, kind string) *component {
	for i := range components {
		if components[i].Type == kind {
			return &components[i]
		}
	}
	return nil
}

var (
	templateName = regexp.MustCompile(`^[a-z0-9_]{1,512}$`)
	placeholder  = regexp.MustCompile(`\{\{\s*([A-Za-z0-9_]+)\s*\}\}`)
)

// variables are the names in a text, in order, each once.
func variables(text string) []string {
	var out []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

// checkTemplate is what the platform refuses at creation (PROTOCOLS.md §4, limits).
func checkTemplate(t *Template) *graphError {
	parts := parseComponents(t.Components)
	body := part(parts, "BODY")
	switch {
	case !templateName.MatchString(t.Name):
		return templateError(2388040, "Invalid Name", "The name can only have lowercase letters, numbers and underscores, and at most 512 characters.")
	case t.Language == "":
		return badParam("The parameter language is required.")
	case !slices.Contains([]string{"MARKETING", "UTILITY", "AUTHENTICATION"}, t.Category):
		return badParam("Param category must be one of {AUTHENTICATION, MARKETING, UTILITY} - got \"%s\".", t.Category)
	case body == nil:
		return templateError(2388043, "Body Is Required", "A template needs a component of type BODY.")
	}
	for i := range parts {
		if refused := checkPart(t, &parts[i]); refused != nil {
			return refused
		}
	}
	return nil
}

func checkPart(t *Template, c *component) *graphError {
	n := utf8.RuneCountInString(c.Text)
	vars := variables(c.Text)
	text := strings.TrimSpace(c.Text)
	switch c.Type {
	case "HEADER":
		if c.Format == "TEXT" && (n < 1 || n > 60 || len(vars) > 1) {
			return templateError(2388047, "Header Format Is Incorrect", "A text header has 1 to 60 characters and at most one variable.")
		}
	case "BODY":
		if t.Category == "AUTHENTICATION" {
			return nil // its text is Meta's
		}
		if n < 1 || n > 1024 {
			return templateError(2388040, "Character Limit Exceeded", "The body has 1 to 1024 characters.")
		}
		if at := placeholder.FindAllStringIndex(text, -1); len(at) > 0 && (at[0][0] == 0 || at[len(at)-1][1] == len(text)) {
			return templateError(2388299, "Variables Can't Be at the Start or End", "The template begins or ends with a variable.")
		}
		if len(vars) > 0 && len(c.Example) == 0 {
			return templateError(2388043, "Message Template Is Missing Expected Field(s)", "component of type BODY is missing expected field(s) (example)")
		}
		for i, v := range vars {
			if t.ParameterFormat != "NAMED" && v != strconv.Itoa(i+1) {
				return templateError(2388293, "Parameter Format Is Incorrect", "Positional variables are numbered {{1}}, {{2}}, … without gaps.")
			}
		}
	case "FOOTER":
		if n > 60 || len(vars) > 0 {
			return templateError(2388072, "Footer Format Is Incorrect", "The footer has at most 60 characters and no variables.")
		}
	case "BUTTONS":
		return checkButtons(c.Buttons)
	case "CAROUSEL":
		if len(c.Cards) < 2 || len(c.Cards) > 10 {
			return templateError(2388040, "Invalid Number of Cards", "A carousel has 2 to 10 cards.")
		}
	}
	return nil
}

func checkButtons(buttons []templateButton) *graphError {
	if len(buttons) < 1 || len(buttons) > 10 {
		return templateError(2388040, "Invalid Number of Buttons", "A template has 1 to 10 buttons.")
	}
	blocks, was := 0, false
	for _, b := range buttons {
		if utf8.RuneCountInString(b.Text) > 25 {
			return templateError(2388040, "Character Limit Exceeded", "A button label has at most 25 characters.")
		}
		is := b.Type == "QUICK_REPLY"
		if is && !was {
			blocks++
		}
		was = is
	}
	if blocks > 1 {
		return templateError(2388060, "Button Format Is Incorrect", "Quick replies must stand together.")
	}
	return nil
}
