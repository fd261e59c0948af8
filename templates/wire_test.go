package templates_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/templates"
)

func TestAPageOfTheListIsReadWithItsCursor(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/list.json")
	if err != nil {
		t.Fatal(err)
	}
	all, next, err := templates.ParseList(data)
	if err != nil {
		t.Fatal(err)
	}
	if next != "QVFIUjA" || len(all) != 9 {
		t.Errorf("got %d templates and next %q", len(all), next)
	}
}

func TestTheLastPageHasNoNext(t *testing.T) {
	t.Parallel()
	_, next, err := templates.ParseList([]byte(`{"data":[],"paging":{"cursors":{"before":"a","after":"b"}}}`))
	if next != "" || err != nil {
		t.Errorf("got %q, %v", next, err)
	}
}

func TestANextPageWithoutACursorIsAnErrorAndNotTheEnd(t *testing.T) {
	t.Parallel()
	all, next, err := templates.ParseList([]byte(`{"data":[{"name":"a","language":"tr"}],"paging":{"next":"https://x"}}`))
	if len(all) != 1 || next != "" || err == nil {
		t.Errorf("got %d templates, %q, %v", len(all), next, err)
	}
}

func TestAnUnreadableEntryIsNamedAndTheOthersAreKept(t *testing.T) {
	t.Parallel()
	all, _, err := templates.ParseList([]byte(`{"data":[{"name":"a","language":"tr"}, 7, {"language":"tr"}, {"name":"b","language":"en-GB"}]}`))
	if len(all) != 2 || all[1].Language != "en_GB" {
		t.Errorf("got %+v", all)
	}
	if err == nil || !strings.Contains(err.Error(), "entry 1") || !strings.Contains(err.Error(), "entry 2 has no name") {
		t.Errorf("the error does not name the entries: %v", err)
	}
}

func TestSomethingThatIsNoListIsRefused(t *testing.T) {
	t.Parallel()
	for _, data := range []string{``, `[]`, `{"data":{}}`, `{"data":`} {
		if _, _, err := templates.ParseList([]byte(data)); err == nil {
			t.Errorf("%q was read", data)
		}
	}
}

func TestATemplateIsReadInEveryShapeTheAPIUses(t *testing.T) {
	t.Parallel()
	got := listed(t, "appointment_reminder")
	want := templates.Template{
		ID: "600000000000005", Name: "appointment_reminder", Language: "en_US",
		Category: templates.Utility, Status: templates.StatusPaused, Quality: templates.QualityRed,
		Components: []templates.Component{
			{Type: templates.Header, Format: templates.FormatText, Text: "Hello {{1}}", Example: &templates.Example{HeaderText: []string{"James"}}},
			{Type: templates.Body, Text: "See you on {{1}} at {{2}} in our shop.", Example: &templates.Example{BodyText: [][]string{{"Monday", "2 pm"}}}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := listed(t, "siparis_onay"); got.RejectedReason != "" || got.Quality != templates.QualityGreen || got.TTLSeconds != 600 {
		t.Errorf("got %+v", got)
	}
	if got := listed(t, "kampanya"); got.RejectedReason != "INVALID_FORMAT" {
		t.Errorf("got reason %q", got.RejectedReason)
	}
	flow := listed(t, "randevu_formu").Components[1].Buttons[0]
	if flow.FlowID != "1234567890" {
		t.Errorf("got flow %q", flow.FlowID)
	}
}

func TestWhatIsNotUnderstoodIsWrittenBackUnchanged(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`{"type":"HOLOGRAM","depth":3,"layers":[1,2]}`,
		`{"type":"BODY","text":"Hello there.","colour":{"a":1}}`,
		`{"type":"BODY","text":["a list where a string belongs"]}`,
		`{"type":"BUTTONS","buttons":[{"type":"ORDER_DETAILS","text":"Pay","x":1},{"type":"URL","text":"Go","url":"https://example.com/a?b=1&c=<d>","app_deep_link":{"meta_app_id":1}}]}`,
		`{"type":"BUTTONS","buttons":[{"type":"COPY_CODE","example":"KIS30"}]}`,
		`{"type":"CAROUSEL","cards":[{"components":[{"type":"HOLOGRAM"}]}]}`,
	} {
		var c templates.Component
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if !sameJSON(t, again, []byte(data)) {
			t.Errorf("read  %s\nwrote %s", data, again)
		}
	}
}

func TestEveryListedTemplateSurvivesWritingAndReading(t *testing.T) {
	t.Parallel()
	for _, one := range append(page(t), templates.Starter()...) {
		data, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(one, parse(t, string(data))); diff != "" {
			t.Errorf("%s: %s", one.Name, diff)
		}
	}
}

func TestLowerCaseNamesOfTheCreateRequestAreUnderstood(t *testing.T) {
	t.Parallel()
	got := parse(t, `{"name":"a","language":"tr","category":"authentication","parameter_format":"named","components":[
		{"type":"header","format":"location"},{"type":"buttons","buttons":[{"type":"otp","otp_type":"one_tap"}]}]}`)
	if got.Category != templates.Authentication || got.ParameterFormat != templates.Named ||
		got.Components[0].Type != templates.Header || got.Components[0].Format != templates.FormatLocation ||
		got.Components[1].Buttons[0].Type != templates.OTP || got.Components[1].Buttons[0].OTPType != templates.OTPOneTap {
		t.Errorf("got %+v", got)
	}
}

func TestAQualityThatIsNotKnownIsUnknown(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]templates.Quality{
		`{"score":"green"}`: templates.QualityGreen, `"YELLOW"`: templates.QualityYellow,
		`{"score":"ULTRAVIOLET"}`: templates.QualityUnknown, `{}`: "", `null`: "",
	} {
		var q templates.Quality
		if err := json.Unmarshal([]byte(data), &q); err != nil || q != want {
			t.Errorf("%s: got %q, %v", data, q, err)
		}
	}
}

func TestLanguagesAreWrittenAsTheAPIWritesThem(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"tr": "tr", "TR": "tr", "en-US": "en_US", "en_us": "en_US", "tr-tr": "tr_TR", "zh-hant-tw": "zh_Hant_TW", "": "", "-": "", "fil": "fil",
	} {
		if got := templates.NormalizeLanguage(given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

func TestASubmissionCarriesWhatTheAuthorDecidesAndNothingElse(t *testing.T) {
	t.Parallel()
	one := listed(t, "kampanya")
	one.ParameterFormat, one.TTLSeconds, one.StatusDetail = templates.Positional, 43200, "internal"
	got, err := one.Submission()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"kampanya","language":"tr","category":"MARKETING","parameter_format":"POSITIONAL","message_send_ttl_seconds":43200,
		"components":[{"type":"BODY","text":"Her şey yarı fiyatına."}]}`
	if !sameJSON(t, got, []byte(want)) {
		t.Errorf("got %s", got)
	}
	one.Components[0].Raw = json.RawMessage(`{`)
	if got, err := one.Submission(); err == nil {
		t.Errorf("it was written as %s", got)
	}
}
