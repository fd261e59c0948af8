package templates_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/templates"
)

// withPart is a template with as little as needs one value, to check that value alone.
func withPart(t testing.TB, part string) templates.Template {
	return parse(t, `{"name":"a","language":"tr","status":"APPROVED","category":"MARKETING","components":[`+part+`]}`)
}

func text(s string) templates.Value { return templates.Text(s) }

// checkCases: one broken rule a row. Key "" stands for no value at all.
var checkCases = []struct {
	name, part, key string
	value           templates.Value
	want            templates.Code
	limit, got      int
}{
	{"a missing value", body, "", text(""), templates.ValueMissing, 0, 0},
	{"an empty value", body, "body.1", text(""), templates.ValueEmpty, 0, 0},
	{"only spaces", body, "body.1", text(" \u00a0 "), templates.ValueEmpty, 0, 0},
	{"a newline", body, "body.1", text("a\nb"), templates.ValueLineBreak, 0, 0},
	{"a carriage return", body, "body.1", text("a\rb"), templates.ValueLineBreak, 0, 0},
	{"a line separator", body, "body.1", text("a\u2028b"), templates.ValueLineBreak, 0, 0},
	{"a tab", body, "body.1", text("a\tb"), templates.ValueLineBreak, 0, 0},
	{"four spaces", body, "body.1", text("a    b"), templates.ValueSpaces, 3, 4},
	{"four spaces of two kinds", body, "body.1", text("a \u00a0 \u00a0b"), templates.ValueSpaces, 3, 4},
	{"a control character", body, "body.1", text("a\x00b"), templates.ValueControl, 0, 0},
	{"broken UTF-8", body, "body.1", text("a\xffb"), templates.ValueEncoding, 0, 0},
	{"1,025 characters", `{"type":"BODY","text":"{{1}}"}`, "body.1", text(strings.Repeat("ş", 1025)), templates.ValueTooLong, 1024, 1025},
	{"1,024 characters and the text around them", body, "body.1", text(strings.Repeat("ş", 1024)), templates.ValueTooLong, 1018, 1024},
	{"61 characters of header", `{"type":"HEADER","format":"TEXT","text":"{{1}}"}`, "header.1", text(strings.Repeat("x", 61)), templates.ValueTooLong, 60, 61},
	{"a value used twice", `{"type":"BODY","text":"{{1}} and {{1}}"}`, "body.1", text(strings.Repeat("x", 600)), templates.ValueTooLong, 509, 600},
	{"a key that no variable has", `{"type":"BODY","text":"Hi"}`, "body.1", text("x"), templates.ValueUnknown, 0, 0},

	{"a scheme", link, "button.0.1", text("javascript:alert(1)"), templates.ValueURL, 0, 0},
	{"a login", link, "button.0.1", text("@evil.example"), templates.ValueURL, 0, 0},
	{"a host", link, "button.0.1", text("//evil.example"), templates.ValueURL, 0, 0},
	{"a space", link, "button.0.1", text("a b"), templates.ValueURL, 0, 0},
	{"a letter to encode", link, "button.0.1", text("sipariş"), templates.ValueURL, 0, 0},
	{"a backslash", link, "button.0.1", text(`\\evil`), templates.ValueURL, 0, 0},
	{"markup", link, "button.0.1", text(`"><script>`), templates.ValueURL, 0, 0},
	{"an encoded line break", link, "button.0.1", text("a%0d%0ab"), templates.ValueURL, 0, 0},
	{"an encoded delete", link, "button.0.1", text("a%7F"), templates.ValueURL, 0, 0},
	{"half an escape", link, "button.0.1", text("100%"), templates.ValueURL, 0, 0},
	{"a way up", link, "button.0.1", text("../admin"), templates.ValueURL, 0, 0},
	{"an encoded way up", link, "button.0.1", text("a/%2E%2e%2fadmin"), templates.ValueURL, 0, 0},
	{"a placeholder", link, "button.0.1", text("{{2}}"), templates.ValueURL, 0, 0},
	{"a longer host", `{"type":"BUTTONS","buttons":[{"type":"URL","url":"https://example.com{{1}}"}]}`, "button.0.1", text(".evil.example/"), templates.ValueURL, 0, 0},
	{"a port", `{"type":"BUTTONS","buttons":[{"type":"URL","url":"https://example.com{{1}}"}]}`, "button.0.1", text(":99/"), templates.ValueURL, 0, 0},
	{"a whole address", `{"type":"BUTTONS","buttons":[{"type":"URL","url":"{{1}}"}]}`, "button.0.1", text("https://evil.example/"), templates.ValueURL, 0, 0},
	{"a long suffix", link, "button.0.1", text(strings.Repeat("x", 1979)), templates.ValueTooLong, 1978, 1979},

	{"a long coupon", coupon, "button.0.code", text("ABCDEFGHIJKLMNOP"), templates.ValueTooLong, 15, 16},
	{"a coupon with a sign", coupon, "button.0.code", text("KIS-30"), templates.ValueCoupon, 0, 0},
	{"a long code", otp, "body.1", text("1234567890123456"), templates.ValueTooLong, 15, 16},
	{"a code with words", otp, "body.1", text("12 34"), templates.ValueOTP, 0, 0},
	{"a long payload", `{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY"}]}`, "button.0.payload", text(strings.Repeat("x", 257)), templates.ValueTooLong, 256, 257},

	{"no medium", image, "header.media", text("x"), templates.ValueMedia, 0, 0},
	{"two media", image, "header.media", templates.Value{Media: &templates.Media{ID: "1", Link: "https://a.example/b"}}, templates.ValueMedia, 0, 0},
	{"an http medium", image, "header.media", templates.Value{Media: &templates.Media{Link: "http://a.example/b"}}, templates.ValueMedia, 0, 0},
	{"a medium on no host", image, "header.media", templates.Value{Media: &templates.Media{Link: "https:///b"}}, templates.ValueMedia, 0, 0},
	{"a medium behind a login", image, "header.media", templates.Value{Media: &templates.Media{Link: "https://a@b.example/c"}}, templates.ValueMedia, 0, 0},
	{"a medium with spaces", image, "header.media", templates.Value{Media: &templates.Media{Link: "https://b.example/c d"}}, templates.ValueMedia, 0, 0},
	{"a file name with a path", `{"type":"HEADER","format":"DOCUMENT"}`, "header.media", templates.Value{Media: &templates.Media{ID: "1", Filename: "../a.pdf"}}, templates.ValueFilename, 240, 8},
	{"no location", place, "header.location", text("x"), templates.ValueLocation, 0, 0},
	{"a place off the map", place, "header.location", templates.Value{Location: &templates.Location{Latitude: 91, Name: "a", Address: "b"}}, templates.ValueLocation, 0, 0},
	{"a place that is no number", place, "header.location", templates.Value{Location: &templates.Location{Longitude: math.NaN(), Name: "a", Address: "b"}}, templates.ValueLocation, 0, 0},
	{"a place without address", place, "header.location", templates.Value{Location: &templates.Location{Name: "a"}}, templates.ValueLocation, 0, 0},
	{"an address of two lines", place, "header.location", templates.Value{Location: &templates.Location{Name: "a", Address: "b\nc"}}, templates.ValueLineBreak, 0, 0},
	{"half a product", `{"type":"HEADER","format":"PRODUCT"}`, "header.product", templates.Value{Product: &templates.Product{CatalogID: "1"}}, templates.ValueProduct, 0, 0},
	{"a thumbnail with spaces", `{"type":"BUTTONS","buttons":[{"type":"CATALOG"}]}`, "button.0.thumbnail", text("a b"), templates.ValueProduct, 0, 0},
	{"no products", products, "button.0.products", text("x"), templates.ValueProducts, 0, 0},
	{"an empty section", products, "button.0.products", templates.Value{Products: &templates.Products{Thumbnail: "a", Sections: []templates.Section{{Title: "t"}}}}, templates.ValueProducts, 0, 0},
	{"31 products", products, "button.0.products", templates.Value{Products: &templates.Products{Thumbnail: "a", Sections: []templates.Section{
		{Title: "t", RetailerIDs: strings.Split(strings.Repeat("x", 31), "")},
	}}}, templates.ValueProducts, 0, 0},
	{"flow data that is no object", flow, "button.0.flow", templates.Value{Flow: &templates.FlowData{Data: []byte(`[1]`)}}, templates.ValueFlow, 0, 0},
	{"flow data that is no JSON", flow, "button.0.flow", templates.Value{Flow: &templates.FlowData{Data: []byte(`{`)}}, templates.ValueFlow, 0, 0},
	{"no flow data", flow, "button.0.flow", text("token"), templates.ValueFlow, 0, 0},
	{"a flow token with spaces", flow, "button.0.flow", templates.Value{Flow: &templates.FlowData{Token: "a b"}}, templates.ValueFlow, 0, 0},
	{"no end of the offer", offer, "offer.expiration", text("tomorrow"), templates.ValueExpiration, 0, 0},
}

const (
	body     = `{"type":"BODY","text":"Hello {{1}}"}`
	link     = `{"type":"BUTTONS","buttons":[{"type":"URL","url":"https://example.com/t/{{1}}"}]}`
	coupon   = `{"type":"BUTTONS","buttons":[{"type":"COPY_CODE"}]}`
	otp      = `{"type":"BODY","text":"{{1}} is your code"},{"type":"BUTTONS","buttons":[{"type":"OTP"}]}`
	image    = `{"type":"HEADER","format":"IMAGE"}`
	place    = `{"type":"HEADER","format":"LOCATION"}`
	products = `{"type":"BUTTONS","buttons":[{"type":"MPM"}]}`
	flow     = `{"type":"BUTTONS","buttons":[{"type":"FLOW"}]}`
	offer    = `{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Soon","has_expiration":true}}`
)

func TestEachBrokenValueIsNamedUnderItsField(t *testing.T) {
	t.Parallel()
	for _, c := range checkCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			values, field := templates.Values{}, c.key
			if c.key != "" {
				values[c.key] = c.value
			} else {
				field = "body.1"
			}
			one := withPart(t, c.part)
			got := templates.Check(one, values)
			want := templates.Problem{Code: c.want, Field: field, Limit: c.limit, Got: c.got}
			if len(got) != 1 || got[0] != want {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			m, problems := templates.Render(one, values)
			if len(problems) != 1 || m.Components != nil {
				t.Errorf("it would be sent: %s, %+v", m.Components, problems)
			}
		})
	}
}

func TestGoodValuesHaveNoProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		part, key string
		value     templates.Value
	}{
		{body, "body.1", text("three   spaces, 👍🏽 and أهلا")},
		{body, "body.1", text(strings.Repeat("ş", 1018))},
		{body, "body.1", text("{{2}} {{1}}")},
		{link, "button.0.1", text("7741")},
		{link, "button.0.1", text("tr/7741?from=wa&t=12:30&mail=a@b.example#top")},
		{link, "button.0.1", text("kahvalt%C4%B1-tak%C4%B1m%C4%B1")},
		{link, "button.0.1", text("a..b/.well-known")},
		{`{"type":"BUTTONS","buttons":[{"type":"URL","url":"https://example.com/?q={{1}}"}]}`, "button.0.1", text("a:b@c/..")},
		{`{"type":"BUTTONS","buttons":[{"type":"URL","url":"https://example.com{{1}}"}]}`, "button.0.1", text("/a")},
		{coupon, "button.0.code", text("KIS30")},
		{otp, "body.1", text("ABC-123")},
		{image, "header.media", templates.Value{Media: &templates.Media{ID: "1002"}}},
		{image, "header.media", templates.Value{Media: &templates.Media{Link: "https://example.com/a.jpg?x=1", Filename: "a.jpg"}}},
		{place, "header.location", templates.Value{Location: &templates.Location{Latitude: 41, Longitude: 29, Name: "Mağaza", Address: "Moda Cd. 1"}}},
		{products, "button.0.products", templates.Value{Products: &templates.Products{Thumbnail: "a", Sections: []templates.Section{{Title: "t", RetailerIDs: []string{"a"}}}}}},
		{flow, "button.0.flow", templates.Value{Flow: &templates.FlowData{Token: "t", Data: []byte(`{"a":1}`)}}},
		{offer, "offer.expiration", templates.Value{Expires: time.UnixMilli(1795336400000)}},
	} {
		if got := templates.Check(withPart(t, c.part), templates.Values{c.key: c.value}); len(got) > 0 {
			t.Errorf("%s %+v: %+v", c.key, c.value, got)
		}
	}
}

func TestAKeyThatNoFieldCouldHaveIsNotRepeated(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "Ayşe Yılmaz", "a\nb", strings.Repeat("x", 600)} {
		got := templates.Check(withPart(t, `{"type":"BODY","text":"Hi"}`), templates.Values{key: text("x")})
		if len(got) != 1 || !has(got, templates.ValueUnknown, "values") {
			t.Errorf("%q: %+v", key, got)
		}
	}
}

func TestAMissingOptionalValueIsNoProblem(t *testing.T) {
	t.Parallel()
	for _, part := range []string{flow, `{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY"}]}`, `{"type":"BUTTONS","buttons":[{"type":"CATALOG"}]}`} {
		if got := templates.Check(withPart(t, part), nil); len(got) > 0 {
			t.Errorf("%s: %+v", part, got)
		}
	}
}

func TestWhenABodyOutgrowsItsLimitTheLongestValueHearsHowMuchRoomItHas(t *testing.T) {
	t.Parallel()
	one := withPart(t, `{"type":"BODY","text":"{{1}}, {{2}}."}`) // 3 characters of its own
	got := templates.Check(one, templates.Values{"body.1": text(strings.Repeat("x", 100)), "body.2": text(strings.Repeat("y", 1000))})
	want := templates.Problem{Code: templates.ValueTooLong, Field: "body.2", Limit: 921, Got: 1000}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestABodyThatMetaApprovedOverLengthIsLeftToMeta(t *testing.T) {
	t.Parallel()
	one := withPart(t, `{"type":"BODY","text":"`+strings.Repeat("x", 1200)+` {{1}} end"}`)
	if got := templates.Check(one, templates.Values{"body.1": text("short")}); len(got) > 0 {
		t.Errorf("got %+v", got)
	}
}

func TestATemplateWithAnUnknownPartIsNotRendered(t *testing.T) {
	t.Parallel()
	m, problems := templates.Render(listed(t, "hologram"), nil)
	if !has(problems, templates.Unsupported, "component") || m.Components != nil {
		t.Errorf("got %+v, %s", problems, m.Components)
	}
	_, problems = templates.Render(listed(t, "order_details"), nil)
	if !has(problems, templates.Unsupported, "button.0") {
		t.Errorf("got %+v", problems)
	}
}

// The law of the suffix, said another way: whatever passes, the address keeps the template's origin and path.
func TestASuffixThatPassesNeverLeavesItsPlace(t *testing.T) {
	t.Parallel()
	one := withPart(t, link)
	rapid.Check(t, func(r *rapid.T) {
		piece := rapid.SampledFrom([]string{"/", "//", "..", ".", "@", ":", "?", "#", "%2e", "%2F", "%0a", "%", "\\", "evil.example", "a", " ", "javascript", "&x=1", "ş", "\x00", "{{1}}"})
		suffix := strings.Join(rapid.SliceOfN(piece, 1, 8).Draw(r, "pieces"), "")
		if len(templates.Check(one, templates.Values{"button.0.1": text(suffix)})) > 0 {
			return
		}
		path, _, _ := strings.Cut(suffix, "?")
		path, _, _ = strings.Cut(path, "#")
		decoded := strings.NewReplacer("%2e", ".", "%2F", "/").Replace(path)
		if strings.HasPrefix(suffix, "//") || strings.ContainsAny(path, "@:") || strings.ContainsAny(suffix, " \\\x00{}ş") ||
			strings.Contains("/"+decoded+"/", "/../") || strings.Contains(suffix, "%0a") {
			r.Fatalf("%q passed", suffix)
		}
	})
}

func TestATextThatPassesIsOneLineOfAtMostItsLength(t *testing.T) {
	t.Parallel()
	one := withPart(t, body)
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.StringOfN(rapid.RuneFrom([]rune("ab ş\n\t\u00a0\u2029👍{}12\x07")), 0, 1100, -1).Draw(r, "value")
		problems := templates.Check(one, templates.Values{"body.1": text(value)})
		bad := strings.TrimSpace(value) == "" || strings.ContainsAny(value, "\n\t\u2029\x07") ||
			strings.Contains(strings.ReplaceAll(value, "\u00a0", " "), "    ") || len([]rune(value))+len("Hello ") > 1024
		if bad != (len(problems) > 0) {
			r.Fatalf("%q: %+v", value, problems)
		}
	})
}
