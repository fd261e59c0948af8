package templates_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/templates"
)

// draftOf is a template that an author could submit, in one line: envelope members first, then components.
func draftOf(t testing.TB, envelope, components string) templates.Template {
	return parse(t, `{"name":"a_1","language":"tr","category":"MARKETING",`+envelope+`"components":[`+components+`]}`)
}

const (
	good    = `{"type":"BODY","text":"Hello {{1}}, your parcel is here.","example":{"body_text":[["x"]]}}`
	plainly = `{"type":"BODY","text":"Hello there."}`
	product = `{"type":"HEADER","format":"IMAGE","example":{"header_handle":["h"]}}`
	quick   = `{"type":"QUICK_REPLY","text":"Yes"}`
	visit   = `{"type":"URL","text":"Go","url":"https://a.example/b"}`
	call    = `{"type":"PHONE_NUMBER","text":"Call","phone_number":"+902125550100"}`
	card    = `{"components":[` + product + `,{"type":"BODY","text":"Plates."},{"type":"BUTTONS","buttons":[` + visit + `]}]}`
)

func buttons(list ...string) string {
	return `{"type":"BUTTONS","buttons":[` + strings.Join(list, ",") + `]}`
}

func cards(list ...string) string {
	return `{"type":"CAROUSEL","cards":[` + strings.Join(list, ",") + `]}`
}

func named(text, examples string) string {
	return `{"type":"BODY","text":"` + text + `","example":{"body_text_named_params":[` + examples + `]}}`
}

func times(n int, s string) []string { return slices.Repeat([]string{s}, n) }

// validateCases: one broken rule a row.
var validateCases = []struct {
	name, envelope, components string
	want                       templates.Problem
}{
	{"an empty name", `"name":"",`, good, problem(templates.NameFormat, "name")},
	{"a name with capitals", `"name":"Siparis",`, good, problem(templates.NameFormat, "name")},
	{"a name with a dash", `"name":"siparis-onay",`, good, problem(templates.NameFormat, "name")},
	{"a long name", `"name":"` + strings.Repeat("a", 513) + `",`, good, sized(templates.NameTooLong, "name", 512, 513)},
	{"no language", `"language":"",`, good, problem(templates.LanguageFormat, "language")},
	{"a language in words", `"language":"turkish",`, good, problem(templates.LanguageFormat, "language")},
	{"a new category", `"category":"GOSSIP",`, good, problem(templates.CategoryUnknown, "category")},
	{"a new parameter format", `"parameter_format":"ROMAN",`, good, problem(templates.FormatUnknown, "parameter_format")},
	{"a short life for marketing", `"message_send_ttl_seconds":600,`, good, problem(templates.TTLRange, "message_send_ttl_seconds")},
	{"a long life for utility", `"category":"UTILITY","message_send_ttl_seconds":43201,`, good, problem(templates.TTLRange, "message_send_ttl_seconds")},
	{"the default life for marketing", `"message_send_ttl_seconds":-1,`, good, problem(templates.TTLRange, "message_send_ttl_seconds")},

	{"an unknown component", ``, good + `,{"type":"HOLOGRAM"}`, problem(templates.ComponentUnknown, "component")},
	{"an unreadable component", ``, good + `,{"type":"FOOTER","text":7}`, problem(templates.ComponentUnknown, "footer")},
	{"two bodies", ``, good + `,` + good, problem(templates.ComponentRepeated, "body")},
	{"no body", ``, product, problem(templates.TextMissing, "body")},
	{"a blank body", ``, `{"type":"BODY","text":" \n "}`, problem(templates.TextMissing, "body")},
	{"a long body", ``, `{"type":"BODY","text":"` + strings.Repeat("ş", 1025) + `"}`, sized(templates.TextTooLong, "body", 1024, 1025)},

	{"a header without text", ``, `{"type":"HEADER","format":"TEXT"},` + good, problem(templates.TextMissing, "header")},
	{"a long header", ``, `{"type":"HEADER","format":"TEXT","text":"` + strings.Repeat("x", 61) + `"},` + good, sized(templates.TextTooLong, "header", 60, 61)},
	{"two header variables", ``, `{"type":"HEADER","format":"TEXT","text":"{{1}} x {{2}}","example":{"header_text":["a","b"]}},` + good, sized(templates.VariablesTooMany, "header", 1, 2)},
	{"a header variable without example", ``, `{"type":"HEADER","format":"TEXT","text":"Hi {{1}}"},` + good, problem(templates.SampleMissing, "header.1")},
	{"a header of two lines", ``, `{"type":"HEADER","format":"TEXT","text":"a\nb"},` + good, problem(templates.TextLineBreak, "header")},
	{"a bold header", ``, `{"type":"HEADER","format":"TEXT","text":"*Sale*"},` + good, advice(templates.TextPlain, "header")},
	{"a header with an emoji", ``, `{"type":"HEADER","format":"TEXT","text":"Sale 🎉"},` + good, advice(templates.TextPlain, "header")},
	{"a picture without example", ``, `{"type":"HEADER","format":"IMAGE"},` + good, problem(templates.SampleMissing, "header")},
	{"a new header format", ``, `{"type":"HEADER","format":"SCENT"},` + good, problem(templates.HeaderFormatUnknown, "header")},
	{"a moving picture that does not sell", `"category":"UTILITY",`, `{"type":"HEADER","format":"GIF","example":{"header_handle":["h"]}},` + good, problem(templates.NotAllowed, "header")},
	{"a product that does not sell", `"category":"UTILITY",`, `{"type":"HEADER","format":"PRODUCT"},` + good, problem(templates.NotAllowed, "header")},

	{"spaces in a variable", ``, `{"type":"BODY","text":"Hello {{ 1 }}, your parcel is here.","example":{"body_text":[["x"]]}}`, problem(templates.VariableFormat, "body")},
	{"a variable that is not closed", ``, `{"type":"BODY","text":"Hello {{1, your parcel is here."}`, problem(templates.VariableFormat, "body")},
	{"a variable that is not ASCII", ``, `{"type":"BODY","text":"Hello {{ürün}}, your parcel is here."}`, problem(templates.VariableFormat, "body")},
	{"a named variable with capitals", ``, named("Hello {{First}}, your parcel is here.", `{"param_name":"First","example":"x"}`), problem(templates.VariableName, "body.First")},
	{"a name among numbers", `"parameter_format":"POSITIONAL",`, named("Hello {{ad}}, your parcel is here.", `{"param_name":"ad","example":"x"}`), problem(templates.VariableMixed, "body.ad")},
	{"a number among names", `"parameter_format":"NAMED",`, good, problem(templates.VariableMixed, "body.1")},
	{"numbers with a gap", ``, `{"type":"BODY","text":"Hello {{1}}, your nice parcel {{3}} is here now.","example":{"body_text":[["x","y","z"]]}}`, problem(templates.VariableNumbering, "body")},
	{"numbers from two", ``, `{"type":"BODY","text":"Hello {{2}}, your parcel is here.","example":{"body_text":[["x","y"]]}}`, problem(templates.VariableNumbering, "body")},
	{"a variable at the start", ``, `{"type":"BODY","text":"{{1}}, your parcel is here.","example":{"body_text":[["x"]]}}`, problem(templates.VariableAtEdge, "body.1")},
	{"a variable at the end", ``, `{"type":"BODY","text":"Your parcel is here, {{1}} ","example":{"body_text":[["x"]]}}`, problem(templates.VariableAtEdge, "body.1")},
	{"variables side by side", ``, `{"type":"BODY","text":"Hello {{1}}{{2}}, your nice parcel is here.","example":{"body_text":[["x","y"]]}}`, problem(templates.VariablesAdjacent, "body.2")},
	{"variables with only a space between", ``, `{"type":"BODY","text":"Hello {{1}} {{2}}, your nice parcel is here.","example":{"body_text":[["x","y"]]}}`, problem(templates.VariablesAdjacent, "body.2")},
	{
		"few words around a variable", ``, `{"type":"BODY","text":"Hello {{1}} there!","example":{"body_text":[["x"]]}}`,
		templates.Problem{Code: templates.VariableRatio, Field: "body", Limit: 3, Got: 2, Advice: true},
	},
	{"no example", ``, `{"type":"BODY","text":"Hello {{1}}, your parcel is here."}`, problem(templates.SampleMissing, "body.1")},
	{"a blank example", ``, `{"type":"BODY","text":"Hello {{1}}, your parcel is here.","example":{"body_text":[[" "]]}}`, problem(templates.SampleMissing, "body.1")},
	{"too few examples", ``, `{"type":"BODY","text":"Hello {{1}}, your nice parcel {{2}} is here.","example":{"body_text":[["x"]]}}`, problem(templates.SampleMissing, "body.2")},
	{"no example of a name", ``, named("Hello {{ad}}, your parcel is here.", ``), problem(templates.SampleMissing, "body.ad")},

	{"a footer without text", ``, good + `,{"type":"FOOTER"}`, problem(templates.TextMissing, "footer")},
	{"a long footer", ``, good + `,{"type":"FOOTER","text":"` + strings.Repeat("x", 61) + `"}`, sized(templates.TextTooLong, "footer", 60, 61)},
	{"a footer with a variable", ``, good + `,{"type":"FOOTER","text":"Your {{1}}"}`, problem(templates.TextVariable, "footer")},

	{"an empty list of buttons", ``, good + `,{"type":"BUTTONS"}`, problem(templates.TextMissing, "buttons")},
	{"an unknown button", ``, good + `,` + buttons(`{"type":"ORDER_DETAILS"}`), problem(templates.ButtonUnknown, "button.0")},
	{"a button without label", ``, good + `,` + buttons(`{"type":"QUICK_REPLY"}`), problem(templates.TextMissing, "button.0")},
	{"a long label", ``, good + `,` + buttons(`{"type":"QUICK_REPLY","text":"`+strings.Repeat("x", 26)+`"}`), sized(templates.TextTooLong, "button.0", 25, 26)},
	{"three addresses", ``, good + `,` + buttons(visit, visit, visit), sized(templates.ButtonsOfType, "button.0", 2, 3)},
	{"two phone numbers", ``, good + `,` + buttons(call, call), sized(templates.ButtonsOfType, "button.0", 1, 2)},
	{"quick replies apart", ``, good + `,` + buttons(quick, visit, quick), problem(templates.ButtonsSplit, "buttons")},
	{"quick replies in the middle", ``, good + `,` + buttons(visit, quick, call), problem(templates.ButtonsSplit, "buttons")},
	{"a catalog beside a reply", ``, good + `,` + buttons(`{"type":"CATALOG","text":"See"}`, quick), problem(templates.ButtonAlone, "button.0")},
	{"a coupon that does not sell", `"category":"UTILITY",`, good + `,` + buttons(`{"type":"COPY_CODE","example":"A1"}`), problem(templates.NotAllowed, "button.0")},
	{"a code button that sells", ``, good + `,` + buttons(`{"type":"OTP","otp_type":"COPY_CODE"}`), problem(templates.NotAllowed, "button.0")},
	{"no scheme", ``, good + `,` + buttons(`{"type":"URL","text":"Go","url":"a.example"}`), problem(templates.ButtonURL, "button.0")},
	{"a script", ``, good + `,` + buttons(`{"type":"URL","text":"Go","url":"javascript:alert(1)"}`), problem(templates.ButtonURL, "button.0")},
	{"a login in an address", ``, good + `,` + buttons(`{"type":"URL","text":"Go","url":"https://a@b.example/"}`), problem(templates.ButtonURL, "button.0")},
	{"a space in an address", ``, good + `,` + buttons(`{"type":"URL","text":"Go","url":"https://a.example/b c"}`), problem(templates.ButtonURL, "button.0")},
	{"a long address", ``, good + `,` + buttons(`{"type":"URL","text":"Go","url":"https://a.example/`+strings.Repeat("x", 1983)+`"}`), sized(templates.TextTooLong, "button.0", 2000, 2001)},
	{"a variable inside an address", ``, good + `,` + buttons(`{"type":"URL","text":"Go","url":"https://a.example/{{1}}/b","example":["x"]}`), problem(templates.ButtonURLVar, "button.0")},
	{"a variable right after the host", ``, good + `,` + buttons(`{"type":"URL","text":"Go","url":"https://a.example{{1}}","example":["x"]}`), problem(templates.ButtonURLVar, "button.0")},
	{"two variables in an address", ``, good + `,` + buttons(`{"type":"URL","text":"Go","url":"https://a.example/{{1}}/{{1}}","example":["x"]}`), problem(templates.ButtonURLVar, "button.0")},
	{"a broken variable in an address", ``, good + `,` + buttons(`{"type":"URL","text":"Go","url":"https://a.example/{{1"}`), problem(templates.ButtonURLVar, "button.0")},
	{"an address variable without example", ``, good + `,` + buttons(`{"type":"URL","text":"Go","url":"https://a.example/{{1}}"}`), problem(templates.SampleMissing, "button.0")},
	{"a phone number without plus", ``, good + `,` + buttons(`{"type":"PHONE_NUMBER","text":"Call","phone_number":"02125550100"}`), sized(templates.ButtonPhone, "button.0", 20, 11)},
	{"a coupon without example", ``, good + `,` + buttons(`{"type":"COPY_CODE"}`), problem(templates.SampleMissing, "button.0")},
	{"a coupon with a dash", ``, good + `,` + buttons(`{"type":"COPY_CODE","example":"KIS-30"}`), problem(templates.ValueCoupon, "button.0")},
	{"a long coupon", ``, good + `,` + buttons(`{"type":"COPY_CODE","example":"ABCDEFGHIJKLMNOP"}`), sized(templates.TextTooLong, "button.0", 15, 16)},
	{"a flow button without flow", ``, good + `,` + buttons(`{"type":"FLOW","text":"Start"}`), problem(templates.ButtonFlow, "button.0")},

	{"an authentication without button", `"category":"AUTHENTICATION",`, `{"type":"BODY"}`, problem(templates.ButtonOTPNeeded, "buttons")},
	{"an authentication with a reply", `"category":"AUTHENTICATION",`, `{"type":"BODY"},` + buttons(`{"type":"URL","text":"Copy","url":"https://a.example/{{1}}"}`, quick), problem(templates.NotAllowed, "button.1")},
	{"an authentication with a header", `"category":"AUTHENTICATION",`, product + `,{"type":"BODY"},` + buttons(`{"type":"OTP","otp_type":"COPY_CODE"}`), problem(templates.NotAllowed, "header")},
	{"a code that never expires", `"category":"AUTHENTICATION",`, `{"type":"BODY"},{"type":"FOOTER"},` + buttons(`{"type":"OTP","otp_type":"COPY_CODE"}`), sized(templates.CodeMinutesRange, "footer", 90, 0)},
	{"a code that lives too long", `"category":"AUTHENTICATION",`, `{"type":"BODY"},{"type":"FOOTER","code_expiration_minutes":91},` + buttons(`{"type":"OTP","otp_type":"COPY_CODE"}`), sized(templates.CodeMinutesRange, "footer", 90, 91)},
	{"a code passed on in a new way", `"category":"AUTHENTICATION",`, `{"type":"BODY"},` + buttons(`{"type":"OTP","otp_type":"TELEPATHY"}`), problem(templates.ButtonOTP, "button.0")},
	{"one tap without an app", `"category":"AUTHENTICATION",`, `{"type":"BODY"},` + buttons(`{"type":"OTP","otp_type":"ONE_TAP"}`), sized(templates.ButtonOTPApps, "button.0", 5, 0)},
	{"one tap with a short hash", `"category":"AUTHENTICATION",`, `{"type":"BODY"},` + buttons(`{"type":"OTP","otp_type":"ONE_TAP","supported_apps":[{"package_name":"a.b","signature_hash":"x"}]}`), sized(templates.ButtonOTPApps, "button.0", 5, 1)},
	{"zero tap without terms", `"category":"AUTHENTICATION",`, `{"type":"BODY"},` + buttons(`{"type":"OTP","otp_type":"ZERO_TAP","supported_apps":[{"package_name":"a.b","signature_hash":"12345678901"}]}`), problem(templates.ButtonOTPTerms, "button.0")},

	{"one card", ``, plainly + `,` + cards(card), sized(templates.CardsCount, "cards", 10, 1)},
	{"eleven cards", ``, plainly + `,` + cards(times(11, card)...), sized(templates.CardsCount, "cards", 10, 11)},
	{"cards that do not sell", `"category":"UTILITY",`, plainly + `,` + cards(card, card), problem(templates.NotAllowed, "cards")},
	{"cards under a header", ``, product + `,` + plainly + `,` + cards(card, card), problem(templates.NotAllowed, "header")},
	{"a card with a footer", ``, plainly + `,` + cards(card, strings.Replace(card, `{"type":"BODY"`, `{"type":"FOOTER","text":"x"},{"type":"BODY"`, 1)), problem(templates.NotAllowed, "card.1.footer")},
	{"a card with a long text", ``, plainly + `,` + cards(card, strings.Replace(card, "Plates.", strings.Repeat("x", 161), 1)), sized(templates.TextTooLong, "card.1.body", 160, 161)},
	{"cards without text beside cards with", ``, plainly + `,` + cards(card, strings.Replace(card, `{"type":"BODY","text":"Plates."},`, ``, 1)), problem(templates.CardsDiffer, "card.1")},
	{"cards with documents", ``, plainly + `,` + cards(times(2, strings.Replace(card, "IMAGE", "DOCUMENT", 1))...), problem(templates.CardHeader, "card.0.header")},
	{"cards without buttons", ``, plainly + `,` + cards(times(2, strings.Replace(card, `,`+buttons(visit), ``, 1))...), sized(templates.CardButtons, "card.0.buttons", 2, 0)},
	{"cards with a call button", ``, plainly + `,` + cards(times(2, strings.Replace(card, visit, `{"type":"VOICE_CALL","text":"Call"}`, 1))...), sized(templates.CardButtons, "card.0.buttons", 2, 1)},
	{"cards with three buttons", ``, plainly + `,` + cards(times(2, strings.Replace(card, visit, strings.Join(times(3, quick), ","), 1))...), sized(templates.ButtonsTooMany, "card.0.buttons", 2, 3)},

	{"an offer without text", ``, good + `,{"type":"LIMITED_TIME_OFFER"}`, problem(templates.TextMissing, "offer")},
	{"an offer with a long text", ``, good + `,{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"12345678901234567"}}`, sized(templates.TextTooLong, "offer", 16, 17)},
	{"an offer that does not sell", `"category":"UTILITY",`, good + `,` + `{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Soon"}}`, problem(templates.NotAllowed, "offer")},
	{"an offer with a footer", ``, good + `,{"type":"FOOTER","text":"x"},{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Soon"}}`, problem(templates.NotAllowed, "footer")},
	{"an offer with a text header", ``, `{"type":"HEADER","format":"TEXT","text":"x"},` + good + `,{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Soon"}}`, problem(templates.NotAllowed, "header")},
	{"an offer with a long body", ``, `{"type":"BODY","text":"` + strings.Repeat("x", 601) + `"},{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Soon"}}`, sized(templates.TextTooLong, "body", 600, 601)},
	{"a call permission with buttons", ``, good + `,{"type":"CALL_PERMISSION_REQUEST"},` + buttons(quick), problem(templates.NotAllowed, "buttons")},
	{"eleven buttons", ``, good + `,` + buttons(append(times(9, quick), visit, call)...), sized(templates.ButtonsTooMany, "buttons", 10, 11)},
}

func problem(code templates.Code, field string) templates.Problem {
	return templates.Problem{Code: code, Field: field}
}

func advice(code templates.Code, field string) templates.Problem {
	return templates.Problem{Code: code, Field: field, Advice: true}
}

func sized(code templates.Code, field string, limit, got int) templates.Problem {
	return templates.Problem{Code: code, Field: field, Limit: limit, Got: got}
}

func TestEachBrokenRuleIsNamedWhereItIsBroken(t *testing.T) {
	t.Parallel()
	for _, c := range validateCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := templates.Validate(draftOf(t, c.envelope, c.components))
			if !slices.Contains(got, c.want) {
				t.Fatalf("got %+v, want %+v", got, c.want)
			}
			for _, p := range got {
				if p.Code != c.want.Code {
					t.Errorf("also %+v", p)
				}
			}
		})
	}
}

func TestAGoodTemplateHasNoProblems(t *testing.T) {
	t.Parallel()
	for envelope, components := range map[string]string{
		``:                            good,
		`"category":"UTILITY",`:       `{"type":"HEADER","format":"LOCATION"},` + good + `,{"type":"FOOTER","text":"Mavi Ev"},` + buttons(quick, quick, visit, call),
		`"language":"pt-br",`:         good + `,` + buttons(visit, `{"type":"URL","text":"More","url":"https://a.example/?q={{1}}","example":["x"]}`, call, quick, quick),
		`"language":"en_US",`:         good + `,` + buttons(times(10, quick)...),
		`"language":"fil",`:           plainly + `,` + cards(times(10, card)...),
		`"language":"en_GB",`:         product + `,{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Last hours","has_expiration":true}},` + plainly + `,` + buttons(`{"type":"COPY_CODE","example":"KIS30"}`, visit),
		`"language":"de",`:            plainly + `,` + buttons(`{"type":"FLOW","text":"Start","flow_name":"f"}`, `{"type":"REQUEST_CONTACT_INFO"}`, `{"type":"VOICE_CALL","text":"Call"}`),
		`"language":"fr",`:            plainly + `,{"type":"CALL_PERMISSION_REQUEST"}`,
		`"language":"es",`:            `{"type":"HEADER","format":"PRODUCT"},` + plainly + `,` + buttons(`{"type":"SPM","text":"View"}`),
		`"language":"it",`:            plainly + `,` + buttons(`{"type":"MPM","text":"View items"}`),
		`"parameter_format":"NAMED",`: named(`Hello {{ad_2}}, your parcel is here.\n\nSee you`, `{"param_name":"{{ad_2}}","example":"x"}`),
		`"category":"AUTHENTICATION","message_send_ttl_seconds":-1,`: `{"type":"BODY"},` + buttons(`{"type":"OTP","otp_type":"ZERO_TAP","zero_tap_terms_accepted":true,
			"text":"Copy","autofill_text":"Fill","supported_apps":[{"package_name":"a.b","signature_hash":"12345678901"}]}`),
	} {
		if got := templates.Validate(draftOf(t, envelope, components)); len(got) > 0 {
			t.Errorf("%s %s: %+v", envelope, components, got)
		}
	}
}

func TestATemplateListedByMetaCanBeEdited(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"siparis_onay", "appointment_reminder", "vitrin", "dogrulama", "randevu_formu", "kampanya"} {
		for _, p := range templates.Validate(listed(t, name)) {
			if !p.Advice {
				t.Errorf("%s: %+v", name, p)
			}
		}
	}
}

func TestStarterTemplatesAreValidInBothLanguages(t *testing.T) {
	t.Parallel()
	languages := map[string][]string{}
	form := map[string]string{}
	for _, one := range templates.Starter() {
		if got := templates.Validate(one); len(got) > 0 {
			t.Errorf("%s/%s: %+v", one.Name, one.Language, got)
		}
		languages[one.Name] = append(languages[one.Name], one.Language)
		values := templates.Values{}
		keys := ""
		for _, v := range templates.Variables(one) {
			keys += v.Key + " "
			if !v.Optional {
				values[v.Key] = text(v.Example)
			}
			if v.Kind == templates.KindOTP {
				values[v.Key] = text("123456")
			}
		}
		if _, problems := templates.Render(one, values); len(problems) > 0 {
			t.Errorf("%s/%s with its own examples: %+v", one.Name, one.Language, problems)
		}
		if other, ok := form[one.Name]; ok && other != keys {
			t.Errorf("%s asks for %q in one language and %q in the other", one.Name, other, keys)
		}
		form[one.Name] = keys
	}
	if len(languages) < 6 {
		t.Errorf("only %d starter templates", len(languages))
	}
	for name, both := range languages {
		slices.Sort(both)
		if !slices.Equal(both, []string{"en", "tr"}) {
			t.Errorf("%s is in %v", name, both)
		}
	}
}

func TestStarterTemplatesAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	first := templates.Starter()
	first[0].Components[0].Text = "changed"
	first[0].Components[1].Buttons[0].Text = "changed"
	again := templates.Starter()[0]
	if again.Components[0].Text == "changed" || again.Components[1].Buttons[0].Text == "changed" {
		t.Error("a change reached the catalog")
	}
}

func TestEveryCodeHasACaseAndASentence(t *testing.T) {
	t.Parallel()
	tested := map[templates.Code]bool{templates.Unsupported: true} // TestATemplateWithAnUnknownPartIsNotRendered
	for _, c := range validateCases {
		tested[c.want.Code] = true
	}
	for _, c := range checkCases {
		tested[c.want] = true
	}
	seen := map[string]templates.Code{}
	for _, code := range templates.Codes() {
		if !tested[code] {
			t.Errorf("%s has no case", code)
		}
		delete(tested, code)
		sentence := templates.Problem{Code: code, Limit: 11, Got: 22}.Message()
		if sentence == string(code) || !strings.HasSuffix(sentence, ".") || strings.Contains(sentence, "{limit}") || strings.Contains(sentence, "{got}") {
			t.Errorf("%s says %q", code, sentence)
		}
		if other, twice := seen[string(code)]; twice {
			t.Errorf("%s is listed twice (%s)", code, other)
		}
		seen[string(code)] = code
	}
	for code := range tested {
		t.Errorf("%s is not in the closed set", code)
	}
}
