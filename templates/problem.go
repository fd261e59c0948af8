package templates

import (
	"strconv"
	"strings"
)

// Problem is one thing to put right, in a template that someone writes (Validate) or in the values of one message
// (Check). It carries no value of a customer, so it may be logged.
type Problem struct {
	Code Code `json:"code"`
	// Field is where to show it: the Key of a Variable ("body.1"), a part of the template ("header", "button.2",
	// "card.0.body"), or a property ("name").
	Field string `json:"field"`
	Limit int    `json:"limit,omitempty"`
	Got   int    `json:"got,omitempty"`
	// Advice marks what Meta's review is known to dislike but does not forbid in print: show it, let the author submit.
	Advice bool `json:"advice,omitempty"`
}

// Code names a rule. The set is closed: Codes lists it.
type Code string

// Rules for values, in the order in which Check applies them.
const (
	Unsupported     Code = "template_unsupported"
	ValueUnknown    Code = "value_unknown"
	ValueMissing    Code = "value_missing"
	ValueEmpty      Code = "value_empty"
	ValueEncoding   Code = "value_encoding"
	ValueLineBreak  Code = "value_line_break"
	ValueSpaces     Code = "value_spaces"
	ValueControl    Code = "value_control"
	ValueTooLong    Code = "value_too_long"
	ValueURL        Code = "value_url"
	ValueCoupon     Code = "value_coupon"
	ValueOTP        Code = "value_otp"
	ValueMedia      Code = "value_media"
	ValueFilename   Code = "value_filename"
	ValueLocation   Code = "value_location"
	ValueProduct    Code = "value_product"
	ValueProducts   Code = "value_products"
	ValueFlow       Code = "value_flow"
	ValueExpiration Code = "value_expiration"
)

// Rules for authors, from the template as a whole down to a button.
const (
	NameFormat        Code = "name_format"
	NameTooLong       Code = "name_too_long"
	LanguageFormat    Code = "language_format"
	CategoryUnknown   Code = "category_unknown"
	FormatUnknown     Code = "parameter_format_unknown"
	TTLRange          Code = "ttl_range"
	ComponentUnknown  Code = "component_unknown"
	ComponentRepeated Code = "component_repeated"
	NotAllowed        Code = "not_allowed"

	TextMissing   Code = "text_missing"
	TextTooLong   Code = "text_too_long"
	TextLineBreak Code = "text_line_break"
	TextPlain     Code = "text_plain"
	TextVariable  Code = "text_variable"

	VariableFormat    Code = "variable_format"
	VariableName      Code = "variable_name"
	VariableMixed     Code = "variable_mixed"
	VariableNumbering Code = "variable_numbering"
	VariableAtEdge    Code = "variable_at_edge"
	VariablesAdjacent Code = "variables_adjacent"
	VariablesTooMany  Code = "variables_too_many"
	VariableRatio     Code = "variable_ratio"
	SampleMissing     Code = "sample_missing"

	HeaderFormatUnknown Code = "header_format_unknown"
	CodeMinutesRange    Code = "code_minutes_range"

	ButtonUnknown   Code = "button_unknown"
	ButtonsTooMany  Code = "buttons_too_many"
	ButtonsOfType   Code = "buttons_of_type"
	ButtonAlone     Code = "button_alone"
	ButtonsSplit    Code = "buttons_split"
	ButtonURL       Code = "button_url"
	ButtonURLVar    Code = "button_url_variable"
	ButtonPhone     Code = "button_phone"
	ButtonFlow      Code = "button_flow"
	ButtonOTP       Code = "button_otp"
	ButtonOTPApps   Code = "button_otp_apps"
	ButtonOTPTerms  Code = "button_otp_terms"
	ButtonOTPNeeded Code = "button_otp_needed"

	CardsCount  Code = "cards_count"
	CardHeader  Code = "card_header"
	CardButtons Code = "card_buttons"
	CardsDiffer Code = "cards_differ"
)

// sentences is the closed set of codes with the English sentence of each. {limit} and {got} are the problem's numbers.
var sentences = []struct {
	code Code
	text string
}{
	{Unsupported, "Gatehouse cannot send this part of the template yet."},
	{ValueUnknown, "The template has no such field."},
	{ValueMissing, "Fill this in."},
	{ValueEmpty, "This cannot be empty or only spaces."},
	{ValueEncoding, "This is not readable text."},
	{ValueLineBreak, "No line breaks or tabs here."},
	{ValueSpaces, "At most {limit} spaces in a row."},
	{ValueControl, "This contains a control character."},
	{ValueTooLong, "{limit} characters at most. This has {got}."},
	{ValueURL, "Only the end of a web address: letters, digits and signs like / ? = & - _, the rest percent-encoded."},
	{ValueCoupon, "Letters A to Z and digits only."},
	{ValueOTP, "Letters A to Z, digits and hyphens only."},
	{ValueMedia, "Give either a file or an https link."},
	{ValueFilename, "A file name has no slashes or control characters and at most {limit} characters."},
	{ValueLocation, "Latitude is from -90 to 90, longitude from -180 to 180, with a name and an address."},
	{ValueProduct, "Choose a catalog and a product."},
	{ValueProducts, "Choose 1 to 30 products in at most 10 titled sections, and one as thumbnail."},
	{ValueFlow, "The data of a flow is a JSON object."},
	{ValueExpiration, "Give the time at which the offer ends."},

	{NameFormat, "A name has lower-case letters a to z, digits and underscores only."},
	{NameTooLong, "{limit} characters at most. This has {got}."},
	{LanguageFormat, "A language is written like tr or en_US."},
	{CategoryUnknown, "Choose marketing, utility or authentication."},
	{FormatUnknown, "Variables are either numbered or named."},
	{TTLRange, "The time to live is outside what Meta allows for this category."},
	{ComponentUnknown, "Gatehouse does not know this component."},
	{ComponentRepeated, "A template has this component once."},
	{NotAllowed, "This is not allowed in a template of this kind."},

	{TextMissing, "Write a text here."},
	{TextTooLong, "{limit} characters at most. This has {got}."},
	{TextLineBreak, "No line breaks or tabs here."},
	{TextPlain, "Meta may refuse emoji and formatting signs here."},
	{TextVariable, "No variables here."},

	{VariableFormat, "A variable is written like {{1}} or {{first_name}}, without spaces inside."},
	{VariableName, "A variable's name has lower-case letters a to z, digits and underscores and starts with a letter."},
	{VariableMixed, "This template does not write its variables this way: use either numbers or names."},
	{VariableNumbering, "Variables are numbered 1, 2, 3 without gaps."},
	{VariableAtEdge, "A text cannot start or end with a variable."},
	{VariablesAdjacent, "Write words between two variables."},
	{VariablesTooMany, "{limit} variable at most. This has {got}."},
	{VariableRatio, "Meta may refuse this: {limit} words are needed around so many variables. This has {got}."},
	{SampleMissing, "Give an example: Meta's review needs one."},

	{HeaderFormatUnknown, "Gatehouse does not know this kind of header."},
	{CodeMinutesRange, "A code expires after 1 to {limit} minutes."},

	{ButtonUnknown, "Gatehouse does not know this button."},
	{ButtonsTooMany, "{limit} buttons at most. This has {got}."},
	{ButtonsOfType, "{limit} buttons of this kind at most. This has {got}."},
	{ButtonAlone, "This button stands alone."},
	{ButtonsSplit, "Keep quick replies together, before or after the other buttons."},
	{ButtonURL, "A web address starts with https:// and has a host and no spaces."},
	{ButtonURLVar, "A web address has one variable, {{1}}, at its very end and after the host's slash."},
	{ButtonPhone, "A phone number has a plus sign and digits, {limit} characters at most."},
	{ButtonFlow, "Choose a flow."},
	{ButtonOTP, "Choose how the code is passed on: copy, one tap or zero tap."},
	{ButtonOTPApps, "One tap and zero tap need 1 to {limit} apps, each with package name and 11-character signature hash."},
	{ButtonOTPTerms, "Zero tap needs its terms accepted."},
	{ButtonOTPNeeded, "An authentication template has one code button."},

	{CardsCount, "2 to {limit} cards. This has {got}."},
	{CardHeader, "Each card starts with an image, a video or a product."},
	{CardButtons, "Each card has 1 to {limit} buttons: quick reply, web address, phone number or product."},
	{CardsDiffer, "All cards have the same parts and the same buttons in the same order."},
}

// Codes returns every code that Validate and Check can give, for whoever must have a sentence or a label for each.
func Codes() []Code {
	all := make([]Code, len(sentences))
	for i, s := range sentences {
		all[i] = s.code
	}
	return all
}

// Message returns the problem as one English sentence.
func (p Problem) Message() string {
	for _, s := range sentences {
		if s.code == p.Code {
			return strings.NewReplacer("{limit}", strconv.Itoa(p.Limit), "{got}", strconv.Itoa(p.Got)).Replace(s.text)
		}
	}
	return string(p.Code)
}
