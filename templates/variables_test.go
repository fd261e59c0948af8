package templates_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/templates"
)

// form is the list of keys and kinds in order, with a question mark on optional ones.
func form(t templates.Template) string {
	var all []string
	for _, v := range templates.Variables(t) {
		one := v.Key + ":" + string(v.Kind)
		if v.Optional {
			one += "?"
		}
		all = append(all, one)
	}
	return strings.Join(all, " ")
}

func TestVariablesComeInTheOrderTheCustomerSeesThem(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"siparis_onay":         "header.media:image body.ad:text body.siparis_no:text button.0.1:url button.1.payload:payload?",
		"appointment_reminder": "header.1:text body.1:text body.2:text",
		"kis_indirimi":         "header.media:video offer.expiration:expiration body.1:text button.0.code:coupon",
		"vitrin":               "card.0.header.media:image card.0.body.1:text card.0.button.0.1:url card.1.header.media:image card.1.body.1:text card.1.button.0.1:url",
		"dogrulama":            "body.1:otp",
		"randevu_formu":        "button.0.flow:flow?",
		"hologram":             "",
		"order_details":        "",
	} {
		if got := form(listed(t, name)); got != want {
			t.Errorf("%s\n got %s\nwant %s", name, got, want)
		}
	}
}

func TestEveryKindOfPartAsksForItsValue(t *testing.T) {
	t.Parallel()
	for components, want := range map[string]string{
		`{"type":"HEADER","format":"DOCUMENT"}`:                                                       "header.media:document",
		`{"type":"HEADER","format":"LOCATION"}`:                                                       "header.location:location",
		`{"type":"HEADER","format":"PRODUCT"},{"type":"BUTTONS","buttons":[{"type":"SPM"}]}`:          "header.product:product",
		`{"type":"HEADER","format":"GIF"}`:                                                            "",
		`{"type":"BODY","text":"{{2}} {{1}} {{2}}"}`:                                                  "body.2:text body.1:text",
		`{"type":"BUTTONS","buttons":[{"type":"CATALOG"}]}`:                                           "button.0.thumbnail:thumbnail?",
		`{"type":"BUTTONS","buttons":[{"type":"MPM"}]}`:                                               "button.0.products:products",
		`{"type":"BUTTONS","buttons":[{"type":"PHONE_NUMBER"},{"type":"VOICE_CALL"}]}`:                "",
		`{"type":"BUTTONS","buttons":[{"type":"URL","url":"https://a.example/b"}]}`:                   "",
		`{"type":"BUTTONS","buttons":[{"type":"REQUEST_CONTACT_INFO"}]}`:                              "",
		`{"type":"BODY"},{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE"}]}`:        "body.1:otp",
		`{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Soon"}}`:                          "",
		`{"type":"CALL_PERMISSION_REQUEST"}`:                                                          "",
		`{"type":"BODY","text":"Code {{1}} for {{2}}"},{"type":"BUTTONS","buttons":[{"type":"OTP"}]}`: "body.1:otp body.2:text",
	} {
		got := form(parse(t, `{"name":"a","language":"tr","components":[`+components+`]}`))
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", components, got, want)
		}
	}
}

func TestAVariableSaysAllThatItsFieldNeeds(t *testing.T) {
	t.Parallel()
	got := templates.Variables(listed(t, "siparis_onay"))
	want := []templates.Variable{
		{Key: "header.media", Kind: templates.KindImage, Component: templates.Header, Label: "IMAGE", Example: "https://scontent.example.net/v/t61/box.jpg"},
		{Key: "body.ad", Kind: templates.KindText, Component: templates.Body, Label: "Ad", Example: "Ayşe", Max: 1024},
		{Key: "body.siparis_no", Kind: templates.KindText, Component: templates.Body, Label: "Siparis no", Example: "MV-1", Max: 1024},
		{Key: "button.0.1", Kind: templates.KindURL, Component: templates.Buttons, Button: 1, Label: "Takip et", Example: "7741", Max: 1978},
		{Key: "button.1.payload", Kind: templates.KindPayload, Component: templates.Buttons, Button: 2, Label: "Reklam istemiyorum", Max: 256, Optional: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	card := templates.Variables(listed(t, "vitrin"))[4]
	if diff := cmp.Diff(templates.Variable{
		Key: "card.1.body.1", Kind: templates.KindText, Component: templates.Body, Card: 2,
		Label: "{{1}}", Example: "300", Max: 160,
	}, card); diff != "" {
		t.Error(diff)
	}
}
