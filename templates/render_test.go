package templates_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/templates"
)

func TestTheRequestIsWhatTheCloudAPIWants(t *testing.T) {
	t.Parallel()
	media := func(id string) templates.Value { return templates.Value{Media: &templates.Media{ID: id}} }
	for _, c := range []struct {
		name     string
		template templates.Template
		values   templates.Values
		want     string // "" for no components at all
	}{
		{
			"named parameters, header, suffix and payload", listed(t, "siparis_onay"),
			templates.Values{
				"header.media": media("1002"), "body.ad": text("Ayşe"), "body.siparis_no": text("MV-1"), "button.0.1": text("7741"), "button.1.payload": text("STOP"),
			},
			`[{"type":"header","parameters":[{"type":"image","image":{"id":"1002"}}]},
			  {"type":"body","parameters":[{"type":"text","parameter_name":"ad","text":"Ayşe"},{"type":"text","parameter_name":"siparis_no","text":"MV-1"}]},
			  {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"7741"}]},
			  {"type":"button","sub_type":"quick_reply","index":"1","parameters":[{"type":"payload","payload":"STOP"}]}]`,
		},
		{
			"positional parameters go by number", parse(t, `{"name":"a","language":"tr","components":[{"type":"BODY","text":"{{2}}, {{10}} or {{1}}, {{2}}"}]}`),
			templates.Values{"body.1": text("one"), "body.2": text("two"), "body.10": text("ten")},
			`[{"type":"body","parameters":[{"type":"text","text":"one"},{"type":"text","text":"two"},{"type":"text","text":"ten"}]}]`,
		},
		{
			"a text header", parse(t, `{"name":"a","language":"tr","components":[{"type":"HEADER","format":"TEXT","text":"Hi {{1}}"},{"type":"BODY","text":"b"}]}`),
			templates.Values{"header.1": text("<A&B>")},
			`[{"type":"header","parameters":[{"type":"text","text":"<A&B>"}]}]`,
		},
		{
			"a document by link with its name", withPart(t, `{"type":"HEADER","format":"DOCUMENT"}`),
			templates.Values{"header.media": {Media: &templates.Media{Link: "https://example.com/a.pdf", Filename: "Fatura.pdf"}}},
			`[{"type":"header","parameters":[{"type":"document","document":{"link":"https://example.com/a.pdf","filename":"Fatura.pdf"}}]}]`,
		},
		{
			"a video without its name", withPart(t, `{"type":"HEADER","format":"VIDEO"}`),
			templates.Values{"header.media": {Media: &templates.Media{ID: "7", Filename: "a.mp4"}}},
			`[{"type":"header","parameters":[{"type":"video","video":{"id":"7"}}]}]`,
		},
		{
			"a location on the equator", withPart(t, place),
			templates.Values{"header.location": {Location: &templates.Location{Longitude: 29.02, Name: "Mağaza", Address: "Moda"}}},
			`[{"type":"header","parameters":[{"type":"location","location":{"latitude":0,"longitude":29.02,"name":"Mağaza","address":"Moda"}}]}]`,
		},
		{
			"a product", withPart(t, `{"type":"HEADER","format":"PRODUCT"}`),
			templates.Values{"header.product": {Product: &templates.Product{CatalogID: "9", RetailerID: "ege"}}},
			`[{"type":"header","parameters":[{"type":"product","product":{"catalog_id":"9","product_retailer_id":"ege"}}]}]`,
		},
		{
			"an offer with its code and end", listed(t, "kis_indirimi"),
			templates.Values{"header.media": media("8"), "body.1": text("KIS30"), "button.0.code": text("KIS30"), "offer.expiration": {Expires: time.UnixMilli(1795336400000)}},
			`[{"type":"header","parameters":[{"type":"video","video":{"id":"8"}}]},
			  {"type":"body","parameters":[{"type":"text","text":"KIS30"}]},
			  {"type":"button","sub_type":"copy_code","index":"0","parameters":[{"type":"coupon_code","coupon_code":"KIS30"}]},
			  {"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":1795336400000}}]}]`,
		},
		{
			"a carousel", listed(t, "vitrin"),
			templates.Values{
				"card.0.header.media": media("1"), "card.0.body.1": text("450"), "card.0.button.0.1": text("t1"),
				"card.1.header.media": media("2"), "card.1.body.1": text("300"), "card.1.button.0.1": text("t2"),
			},
			`[{"type":"carousel","cards":[
			  {"card_index":0,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]},
			    {"type":"body","parameters":[{"type":"text","text":"450"}]},
			    {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"t1"}]}]},
			  {"card_index":1,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"2"}}]},
			    {"type":"body","parameters":[{"type":"text","text":"300"}]},
			    {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"t2"}]}]}]}]`,
		},
		{
			"a one-time code stands in body and button", listed(t, "dogrulama"),
			templates.Values{"body.1": text("123456")},
			`[{"type":"body","parameters":[{"type":"text","text":"123456"}]},
			  {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"123456"}]}]`,
		},
		{
			"a one-time code before Meta has written the text", withPart(t, `{"type":"BODY"},{"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE"}]}`),
			templates.Values{"body.1": text("123456")},
			`[{"type":"body","parameters":[{"type":"text","text":"123456"}]},
			  {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"123456"}]}]`,
		},
		{
			"a flow with its data", listed(t, "randevu_formu"),
			templates.Values{"button.0.flow": {Flow: &templates.FlowData{Token: "t", Data: []byte(`{"ad": "Ayşe"}`)}}},
			`[{"type":"button","sub_type":"flow","index":"0","parameters":[{"type":"action","action":{"flow_token":"t","flow_action_data":{"ad":"Ayşe"}}}]}]`,
		},
		{"a flow without data still has its block", listed(t, "randevu_formu"), nil, `[{"type":"button","sub_type":"flow","index":"0"}]`},
		{
			"a catalog with a thumbnail", withPart(t, `{"type":"BUTTONS","buttons":[{"type":"CATALOG"}]}`),
			templates.Values{"button.0.thumbnail": text("ege")},
			`[{"type":"button","sub_type":"catalog","index":"0","parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"ege"}}]}]`,
		},
		{"a catalog without", withPart(t, `{"type":"BUTTONS","buttons":[{"type":"CATALOG"}]}`), nil, `[{"type":"button","sub_type":"catalog","index":"0"}]`},
		{
			"several products", withPart(t, products),
			templates.Values{"button.0.products": {Products: &templates.Products{
				Thumbnail: "a",
				Sections:  []templates.Section{{Title: "Tabak", RetailerIDs: []string{"a", "b"}}},
			}}},
			`[{"type":"button","sub_type":"mpm","index":"0","parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"a",
			  "sections":[{"title":"Tabak","product_items":[{"product_retailer_id":"a"},{"product_retailer_id":"b"}]}]}}]}]`,
		},
		{"nothing to fill", listed(t, "kampanya"), nil, ""},
		{"buttons that need nothing", withPart(t, `{"type":"BODY","text":"b"},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"a"},{"type":"URL","url":"https://a.example"},
			{"type":"PHONE_NUMBER"},{"type":"VOICE_CALL"},{"type":"REQUEST_CONTACT_INFO"},{"type":"SPM"}]},{"type":"CALL_PERMISSION_REQUEST"}`), nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, problems := templates.Render(c.template, c.values)
			if len(problems) > 0 {
				t.Fatalf("problems: %+v", problems)
			}
			if c.want == "" {
				if m.Components != nil {
					t.Errorf("got %s, want none", m.Components)
				}
				return
			}
			if !sameJSON(t, m.Components, []byte(c.want)) {
				t.Errorf("got  %s\nwant %s", m.Components, c.want)
			}
		})
	}
}

func TestTheWholeTemplateObjectOfARequest(t *testing.T) {
	t.Parallel()
	m, _ := templates.Render(listed(t, "kampanya"), nil)
	if want := `{"name":"kampanya","language":{"code":"tr"}}`; string(m.Payload()) != want {
		t.Errorf("got %s, want %s", m.Payload(), want)
	}
	m, _ = templates.Render(withPart(t, body), templates.Values{"body.1": text("a & <b>")})
	want := `{"name":"a","language":{"code":"tr"},"components":[{"type":"body","parameters":[{"type":"text","text":"a & <b>"}]}]}`
	if string(m.Payload()) != want {
		t.Errorf("got %s, want %s", m.Payload(), want)
	}
}

func TestAPlaceholderInsideAValueStaysLiteral(t *testing.T) {
	t.Parallel()
	one := withPart(t, `{"type":"BODY","text":"Hi {{1}} and {{2}}."}`)
	m, problems := templates.Render(one, templates.Values{"body.1": text("{{2}}"), "body.2": text("{{1}}")})
	if len(problems) > 0 {
		t.Fatalf("%+v", problems)
	}
	want := []templates.Span{{Text: "Hi "}, {Text: "{{2}}", Variable: "body.1"}, {Text: " and "}, {Text: "{{1}}", Variable: "body.2"}, {Text: "."}}
	if diff := cmp.Diff(want, m.Preview.Body); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(string(m.Components), `"text":"{{2}}"},{"type":"text","text":"{{1}}"`) {
		t.Errorf("got %s", m.Components)
	}
}

func TestThePreviewIsWhatTheCustomerSees(t *testing.T) {
	t.Parallel()
	media := &templates.Media{ID: "1002"}
	m, _ := templates.Render(listed(t, "siparis_onay"), templates.Values{
		"header.media": {Media: media}, "body.ad": text("Ayşe"), "body.siparis_no": text("MV-1"), "button.0.1": text("7741"),
	})
	want := templates.Preview{
		Header: &templates.PreviewHeader{Format: templates.FormatImage, Media: media},
		Body: []templates.Span{
			{Text: "Merhaba "},
			{Text: "Ayşe", Variable: "body.ad"},
			{Text: ", "},
			{Text: "MV-1", Variable: "body.siparis_no"},
			{Text: " numaralı siparişiniz yola çıktı."},
		},
		Footer: "Mavi Ev",
		Buttons: []templates.PreviewButton{
			{Type: templates.URL, Text: "Takip et", Target: []templates.Span{{Text: "https://example.com/t/"}, {Text: "7741", Variable: "button.0.1"}}},
			{Type: templates.QuickReply, Text: "Reklam istemiyorum"},
		},
	}
	if diff := cmp.Diff(want, m.Preview); diff != "" {
		t.Error(diff)
	}
	if got, want := m.Preview.PlainText(), "Merhaba Ayşe, MV-1 numaralı siparişiniz yola çıktı.\nMavi Ev"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestThePreviewFollowsTheTypingBeforeAllIsThere(t *testing.T) {
	t.Parallel()
	m, problems := templates.Render(listed(t, "appointment_reminder"), templates.Values{"body.2": text("2 pm")})
	if !has(problems, templates.ValueMissing, "header.1") || !has(problems, templates.ValueMissing, "body.1") || m.Components != nil {
		t.Errorf("got %+v, %s", problems, m.Components)
	}
	want := templates.Preview{
		Header: &templates.PreviewHeader{Format: templates.FormatText, Text: []templates.Span{{Text: "Hello "}, {Text: "{{1}}", Variable: "header.1", Missing: true}}},
		Body: []templates.Span{
			{Text: "See you on "},
			{Text: "{{1}}", Variable: "body.1", Missing: true},
			{Text: " at "},
			{Text: "2 pm", Variable: "body.2"},
			{Text: " in our shop."},
		},
	}
	if diff := cmp.Diff(want, m.Preview); diff != "" {
		t.Error(diff)
	}
}

func TestThePreviewOfOffersCodesCardsAndCalls(t *testing.T) {
	t.Parallel()
	ends := time.UnixMilli(1795336400000)
	m, _ := templates.Render(listed(t, "kis_indirimi"), templates.Values{"button.0.code": text("KIS30"), "offer.expiration": {Expires: ends}})
	if got := m.Preview.Offer; got == nil || got.Text != "Son saatler" || !got.Expires.Equal(ends) {
		t.Errorf("got offer %+v", got)
	}
	if diff := cmp.Diff([]templates.Span{{Text: "KIS30", Variable: "button.0.code"}}, m.Preview.Buttons[0].Target); diff != "" {
		t.Error(diff)
	}
	m, _ = templates.Render(listed(t, "vitrin"), templates.Values{"card.1.body.1": text("300")})
	if got := m.Preview.PlainText(); got != "Haftanın ürünleri burada.\nEge tabak {{1}} lira bu hafta.\nEge kase 300 lira bu hafta." {
		t.Errorf("got %q", got)
	}
	m, _ = templates.Render(listed(t, "dogrulama"), templates.Values{"body.1": text("123456")})
	if diff := cmp.Diff([]templates.PreviewButton{{Type: templates.OTP, Text: "Kodu kopyala", Target: []templates.Span{{Text: "123456", Variable: "body.1"}}}}, m.Preview.Buttons); diff != "" {
		t.Error(diff)
	}
	m, _ = templates.Render(withPart(t, `{"type":"BODY","add_security_recommendation":true},{"type":"FOOTER","code_expiration_minutes":10},
		{"type":"BUTTONS","buttons":[{"type":"OTP"}]}`), templates.Values{"body.1": text("42")})
	if got := m.Preview.PlainText(); got != "*42* is your verification code. For your security, do not share this code.\nThis code expires in 10 minutes." {
		t.Errorf("got %q", got)
	}
	m, _ = templates.Render(withPart(t, `{"type":"BODY","text":"May we call?"},{"type":"CALL_PERMISSION_REQUEST"}`), nil)
	if len(m.Preview.Buttons) != 1 || m.Preview.Buttons[0].Type != "CALL_PERMISSION_REQUEST" {
		t.Errorf("got %+v", m.Preview.Buttons)
	}
}

func TestAValueMayBeABareStringInJSON(t *testing.T) {
	t.Parallel()
	var got templates.Values
	data := `{"body.1":"Ayşe","header.media":{"media":{"id":"7"}},"offer.expiration":{"expires":"2026-11-22T10:00:00Z"}}`
	if err := json.Unmarshal([]byte(data), &got); err != nil {
		t.Fatal(err)
	}
	want := templates.Values{
		"body.1": text("Ayşe"), "header.media": {Media: &templates.Media{ID: "7"}},
		"offer.expiration": {Expires: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	again, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var twice templates.Values
	if err := json.Unmarshal(again, &twice); err != nil || !cmp.Equal(got, twice) {
		t.Errorf("%v, wrote %s", err, again)
	}
}

// Render against a simpler law: the body is the text with each placeholder replaced where it stands, the parameters are
// the values in the order of their numbers, and nothing inside a value is ever read again.
func TestRenderingIsASinglePass(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"{{1}}", "{{2}}", "{{3}}", "a", " ", "{", "}", "{{", "ş"}), 1, 12).Draw(r, "text")
		value := rapid.StringMatching(`[a{}123]{1,9}`)
		values := map[string]string{"{{1}}": value.Draw(r, "1"), "{{2}}": value.Draw(r, "2"), "{{3}}": value.Draw(r, "3")}
		source := strings.Join(parts, "")
		one := templates.Template{
			Name: "a", Language: "tr", ParameterFormat: templates.Positional,
			Components: []templates.Component{{Type: templates.Body, Text: source}},
		}
		given := templates.Values{}
		for _, v := range templates.Variables(one) {
			value, known := values["{{"+strings.TrimPrefix(v.Key, "body.")+"}}"]
			if !known {
				r.Skip("the pieces make another placeholder, such as {{a}}")
			}
			given[v.Key] = text(value)
		}
		m, problems := templates.Render(one, given)
		if len(problems) > 0 {
			r.Fatalf("%+v", problems)
		}
		want := strings.NewReplacer("{{1}}", values["{{1}}"], "{{2}}", values["{{2}}"], "{{3}}", values["{{3}}"]).Replace(source)
		if m.Preview.PlainText() != want {
			r.Fatalf("%q: got %q, want %q", source, m.Preview.PlainText(), want)
		}
		var sent []struct {
			Parameters []struct{ Text string }
		}
		if m.Components != nil {
			if err := json.Unmarshal(m.Components, &sent); err != nil {
				r.Fatal(err)
			}
		}
		n := 0
		for _, number := range []string{"{{1}}", "{{2}}", "{{3}}"} {
			if strings.Contains(source, number) {
				if sent[0].Parameters[n].Text != values[number] {
					r.Fatalf("%q: parameter %d is %q", source, n, sent[0].Parameters[n].Text)
				}
				n++
			}
		}
	})
}
