package fakemeta

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

func TestARefusalNamesItsReason(t *testing.T) {
	t.Parallel()
	tmpl := func(name, lang, components string) string {
		return `{"messaging_product":"whatsapp","to":"+905332041896","type":"template","template":{"name":"` + name + `","language":{"code":"` + lang + `"},"components":[` + components + `]}}`
	}
	named := `{"type":"body","parameters":[{"type":"text","parameter_name":"ad","text":"Elif"},{"type":"text","parameter_name":"siparis_no","text":"MV-1"},{"type":"text","parameter_name":"takip_no","text":"YK1"}]}`
	suffix := `{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"YK1"}]}`
	for name, c := range map[string]struct {
		body   string
		status int
		code   int
		detail string
	}{
		"not json":                    {`{`, 400, 100, ""},
		"no product":                  {`{"to":"+905332041896","type":"text","text":{"body":"x"}}`, 400, 100, ""},
		"no plus":                     {textTo("905332041896", "x"), 400, 131009, "leading +"},
		"no recipient":                {`{"messaging_product":"whatsapp","type":"text","text":{"body":"x"}}`, 400, 100, ""},
		"a bad BSUID":                 {`{"messaging_product":"whatsapp","recipient":"tr.1","type":"text","text":{"body":"x"}}`, 400, 131009, ""},
		"to oneself":                  {textTo("+908503040011", "x"), 400, 131021, ""},
		"empty text":                  {textTo("+905332041896", " "), 400, 100, ""},
		"a text of 4097":              {textTo("+905332041896", strings.Repeat("ş", 4097)), 400, 100, ""},
		"unknown type":                {`{"messaging_product":"whatsapp","to":"+905332041896","type":"hologram"}`, 400, 100, ""},
		"opaque data of 513":          {`{"messaging_product":"whatsapp","to":"+905332041896","type":"text","text":{"body":"x"},"biz_opaque_callback_data":"` + strings.Repeat("x", 513) + `"}`, 400, 100, ""},
		"unknown media":               {`{"messaging_product":"whatsapp","to":"+905332041896","type":"image","image":{"id":"1"}}`, 400, 100, ""},
		"media without id and link":   {`{"messaging_product":"whatsapp","to":"+905332041896","type":"image","image":{}}`, 400, 100, ""},
		"a caption on audio":          {`{"messaging_product":"whatsapp","to":"+905332041896","type":"audio","audio":{"link":"https://x/y","caption":"z"}}`, 400, 100, ""},
		"a location without numbers":  {`{"messaging_product":"whatsapp","to":"+905332041896","type":"location","location":{"name":"x"}}`, 400, 100, ""},
		"a reaction to nothing":       {`{"messaging_product":"whatsapp","to":"+905332041896","type":"reaction","reaction":{"message_id":"wamid.x","emoji":"👍"}}`, 400, 131009, ""},
		"four buttons":                {`{"messaging_product":"whatsapp","to":"+905332041896","type":"interactive","interactive":{"type":"button","body":{"text":"x"},"action":{"buttons":[{"type":"reply","reply":{"id":"1","title":"1"}},{"type":"reply","reply":{"id":"2","title":"2"}},{"type":"reply","reply":{"id":"3","title":"3"}},{"type":"reply","reply":{"id":"4","title":"4"}}]}}}`, 400, 131009, ""},
		"a button of 21 letters":      {`{"messaging_product":"whatsapp","to":"+905332041896","type":"interactive","interactive":{"type":"button","body":{"text":"x"},"action":{"buttons":[{"type":"reply","reply":{"id":"1","title":"123456789012345678901"}}]}}}`, 400, 100, ""},
		"a list of 11 rows":           {`{"messaging_product":"whatsapp","to":"+905332041896","type":"interactive","interactive":{"type":"list","body":{"text":"x"},"action":{"button":"b","sections":[{"rows":[` + strings.TrimSuffix(strings.Join(manyRows(11), ","), ",") + `]}]}}}`, 400, 131009, ""},
		"an unknown template":         {tmpl("yok", "tr", ""), 404, 132001, "template name (yok) does not exist in tr"},
		"another language":            {tmpl("stok_geldi", "en", ""), 404, 132001, ""},
		"a pending template":          {tmpl("memnuniyet_anketi", "tr", ""), 404, 132001, ""},
		"a rejected template":         {tmpl("acele_edin", "tr", ""), 404, 132001, ""},
		"a paused template":           {tmpl("yeni_katalog", "tr", ""), 400, 132015, ""},
		"too few parameters":          {tmpl("stok_geldi", "tr", `{"type":"body","parameters":[{"type":"text","text":"Selin"}]}`), 400, 132000, "body: number of localizable_params (1) does not match the expected number of params (2)"},
		"a parameter with a newline":  {tmpl("stok_geldi", "tr", `{"type":"body","parameters":[{"type":"text","text":"a\nb"},{"type":"text","text":"c"}]}`), 400, 132018, ""},
		"a parameter of another kind": {tmpl("stok_geldi", "tr", `{"type":"body","parameters":[{"type":"text","text":"a"},{"type":"image","image":{"id":"1"}}]}`), 400, 132012, ""},
		"too long when filled":        {tmpl("stok_geldi", "tr", `{"type":"body","parameters":[{"type":"text","text":"`+strings.Repeat("a", 1000)+`"},{"type":"text","text":"c"}]}`), 400, 132005, ""},
		"a name that is not there":    {tmpl("siparis_kargoda", "tr", strings.Replace(named, `"parameter_name":"ad"`, `"parameter_name":"isim"`, 1)+","+suffix), 400, 132012, "body: Parameter name is missing or empty"},
		"no button parameter":         {tmpl("siparis_kargoda", "tr", named), 400, 131008, "buttons: Button at index 0 of type URL requires a parameter"},
		"a button that is not there":  {tmpl("siparis_kargoda", "tr", named+","+strings.Replace(suffix, `"0"`, "4", 1)), 400, 131009, ""},
		"no header image":             {tmpl("hafta_sonu_indirim", "tr", `{"type":"body","parameters":[{"type":"text","text":"a"},{"type":"text","text":"20"}]}`), 400, 132012, "header: Format mismatch, expected IMAGE, received UNKNOWN"},
		"a card too few":              {tmpl("yeni_koleksiyon", "tr", `{"type":"body","parameters":[{"type":"text","text":"a"}]},{"type":"carousel","cards":[{"card_index":0,"components":[]}]}`), 400, 132000, ""},
		"a code without a copy":       {tmpl("dogrulama_kodu", "tr", `{"type":"body","parameters":[{"type":"text","text":"481930"}]}`), 400, 131008, ""},
		"a code of 16":                {tmpl("dogrulama_kodu", "tr", `{"type":"body","parameters":[{"type":"text","text":"1234567890123456"}]},{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"1234567890123456"}]}`), 400, 132012, ""},
		"a code to a BSUID":           {strings.Replace(tmpl("dogrulama_kodu", "tr", `{"type":"body","parameters":[{"type":"text","text":"481930"}]},{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"481930"}]}`), `"to":"+905332041896"`, `"recipient":"TR.30000000000000000001"`, 1), 400, 131062, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.Phone("905332041896", "").SendText("Merhaba")
			status, out := w.graph("POST", "/v26.0/"+number+"/messages", c.body)
			if status != c.status || errorCode(out) != c.code {
				t.Fatalf("got %d %s", status, indent(out))
			}
			if detail, _ := dig(out, "error", "error_data", "details").(string); !strings.Contains(detail, c.detail) {
				t.Errorf("details are %q, not %q", detail, c.detail)
			}
			if dig(out, "error", "fbtrace_id") == nil || dig(out, "error", "type") != "OAuthException" {
				t.Errorf("the body is not Graph's: %s", indent(out))
			}
			if sends := w.Ledger().Sends; len(sends) > 1 || len(sends) == 1 && (sends[0].Outcome != Refused || sends[0].Code != c.code) {
				t.Errorf("the ledger has %+v", sends)
			}
		})
	}
}

func manyRows(n int) []string {
	var out []string
	for i := range n {
		out = append(out, `{"id":"`+string(rune('a'+i))+`","title":"`+string(rune('a'+i))+`"}`)
	}
	return out
}

func TestEveryTemplateOfTheDemoCanBeSentOrIsRefusedByItsState(t *testing.T) {
	t.Parallel()
	w := setup(t)
	media := w.upload("image/jpeg", []byte("jpeg"))
	image := `{"type":"header","parameters":[{"type":"image","image":{"id":"` + media + `"}}]}`
	texts := func(values ...string) string {
		return `{"type":"body","parameters":[{"type":"text","text":"` + strings.Join(values, `"},{"type":"text","text":"`) + `"}]}`
	}
	card := func(i string) string {
		return `{"card_index":` + i + `,"components":[` + image + `,{"type":"button","sub_type":"url","index":1,"parameters":[{"type":"text","text":"ege"}]}]}`
	}
	for name, components := range map[string]string{
		"degisim_kaydi":      `{"type":"header","parameters":[{"type":"text","text":"MV-1"}]},` + texts("Elif", "12 Kasım"),
		"hafta_sonu_indirim": image + "," + texts("Zeynep", "20") + `,{"type":"button","sub_type":"copy_code","index":0,"parameters":[{"type":"coupon_code","coupon_code":"EGE20"}]}`,
		"yeni_koleksiyon":    texts("Aylin") + `,{"type":"carousel","cards":[` + card("0") + "," + card("1") + `]}`,
		"dogrulama_kodu":     texts("481930") + `,{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"481930"}]}`,
	} {
		body := `{"messaging_product":"whatsapp","to":"+905332041896","type":"template","template":{"name":"` + name + `","language":{"code":"tr"},"components":[` + components + `]}}`
		status, out := w.graph("POST", "/v26.0/"+number+"/messages", body)
		if status != 200 || dig(out, "messages", 0, "message_status") != "accepted" {
			t.Errorf("%s: %d %s", name, status, indent(out))
		}
	}
	for _, m := range w.Phone("905332041896", "").Messages() {
		if strings.Contains(m.Text, "{{") || m.Text == "" {
			t.Errorf("%s shows %q", m.Template, m.Text)
		}
		if m.Template == "yeni_koleksiyon" && (len(m.Cards) != 2 || m.Cards[0].Media == nil || m.Cards[1].Buttons[1].Value != "https://maviev.example/u/ege") {
			t.Errorf("the carousel is %s", indent(m))
		}
	}
}

func TestAClosedWindowIsAFailedStatusOrAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	t.Run("later", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.Phone("905332041896", "").SendText("Merhaba")
		w.clock.advance(24*time.Hour - time.Second)
		inside := w.send(textTo("+905332041896", "son an"))
		w.settle()
		w.clock.advance(time.Second)
		outside := w.send(textTo("+905332041896", "geç"))
		w.settle()
		got := strings.Join(w.statuses(), " ")
		if !strings.Contains(got, inside+" delivered") || !strings.Contains(got, outside+" failed") {
			t.Errorf("statuses: %s", got)
		}
		last := w.desk.received()[len(w.desk.received())-1]
		if code := dig(last, "entry", 0, "changes", 0, "value", "statuses", 0, "errors", 0, "code"); code != 131047.0 {
			t.Errorf("code %v", code)
		}
		sends := w.Ledger().Sends
		if sends[0].OutsideWindow || !sends[1].OutsideWindow {
			t.Errorf("the ledger says %+v", sends)
		}
	})
	t.Run("at once", func(t *testing.T) {
		t.Parallel()
		w := setup(t, func(c *Config) { c.Refusals = RefuseAtOnce })
		if status, out := w.graph("POST", "/v26.0/"+number+"/messages", textTo("+905332041896", "x")); status != 400 || errorCode(out) != 131047 {
			t.Errorf("got %d %v", status, out)
		}
		if status, out := w.graph("POST", "/v26.0/"+number+"/messages", textTo("+905330000000", "x")); status != 400 || errorCode(out) != 131026 {
			t.Errorf("got %d %v", status, out)
		}
	})
}

func TestALateMessageDoesNotReopenTheWindow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	p.SendText("Dün yazmıştım", At(w.clock.now().Add(-26*time.Hour)))
	id := w.send(textTo("+905332041896", "x"))
	w.settle()
	if got := w.statuses(); len(got) != 1 || got[0] != id+" failed" {
		t.Errorf("statuses %v", got)
	}
}

func TestARequestWithoutTheRightTokenIs190(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, auth := range []string{"", "Bearer wrong", "token-1"} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL()+"/v26.0/"+number+"/messages", strings.NewReader(textTo("+905332041896", "x")))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", auth)
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var out map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 401 || errorCode(out) != 190 {
			t.Errorf("%q: %d %v", auth, resp.StatusCode, out)
		}
	}
	if status, out := w.graph("POST", "/v26.0/999/messages", textTo("+905332041896", "x")); status != 400 || errorCode(out) != 100 || dig(out, "error", "error_subcode") != 33.0 {
		t.Errorf("a foreign number: %d %v", status, out)
	}
}

func TestSendingToABSUIDAnswersWithIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905557778899", "")
	p.SendText("Fiyat nedir?")
	w.settle()
	id := p.Person().UserID
	status, out := w.graph("POST", "/v26.0/"+number+"/messages", `{"messaging_product":"whatsapp","recipient":"`+id+`","type":"text","text":{"body":"389 lira"}}`)
	if status != 200 || dig(out, "contacts", 0, "user_id") != id || dig(out, "contacts", 0, "wa_id") != nil {
		t.Fatalf("%d %s", status, indent(out))
	}
	w.settle()
	last := w.desk.received()[len(w.desk.received())-1]
	st := dig(last, "entry", 0, "changes", 0, "value", "statuses", 0)
	if dig(st, "recipient_user_id") != id || dig(st, "recipient_id") != nil {
		t.Errorf("a username user's number shows: %s", indent(st))
	}
}

func TestThePairAndTheNumberHaveLimits(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.Limits = Limits{PerSecond: 4, PairEvery: 6 * time.Second, PairBurst: 2} })
	w.Phone("905332041896", "").SendText("Merhaba")
	code := func() int {
		_, out := w.graph("POST", "/v26.0/"+number+"/messages", textTo("+905332041896", "x"))
		return errorCode(out)
	}
	if a, b, c := code(), code(), code(); a != 0 || b != 0 || c != 131056 {
		t.Errorf("the pair: %d %d %d", a, b, c)
	}
	w.clock.advance(6 * time.Second)
	if a := code(); a != 0 {
		t.Errorf("six seconds later: %d", a)
	}
	w.clock.advance(time.Minute)
	codes := map[int]int{}
	for range 6 {
		codes[code()]++
	}
	if codes[130429] != 2 {
		t.Errorf("the number: %v", codes)
	}
}

// upload sends a file and returns its media id.
func (w *stage) upload(mimeType string, data []byte) string {
	w.t.Helper()
	status, out := w.tryUpload(mimeType, data)
	if status != 200 {
		w.t.Fatalf("upload answered %d %v", status, out)
	}
	return out["id"].(string)
}

func (w *stage) tryUpload(mimeType string, data []byte) (int, map[string]any) {
	w.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="a.bin"`}, "Content-Type": {mimeType}})
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = part.Write(data)
	_ = form.WriteField("messaging_product", "whatsapp")
	_ = form.WriteField("type", mimeType)
	_ = form.Close()
	req, err := http.NewRequestWithContext(w.t.Context(), "POST", w.URL()+"/v26.0/"+number+"/media", &b)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer token-1")
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, out
}

func (w *stage) get(link, token string) (int, []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", link, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, data
}

func TestMediaGoUpAndComeDownWithATokenForFiveMinutes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.upload("image/jpeg", []byte("jpeg bytes"))
	_, info := w.graph("GET", "/v26.0/"+id, "")
	if info["mime_type"] != "image/jpeg" || info["file_size"] != 10.0 || info["messaging_product"] != "whatsapp" {
		t.Errorf("media info: %s", indent(info))
	}
	link := info["url"].(string)
	if status, data := w.get(link, "token-1"); status != 200 || string(data) != "jpeg bytes" {
		t.Errorf("download: %d %q", status, data)
	}
	if status, _ := w.get(link, ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	w.clock.advance(5*time.Minute + 2*time.Second)
	if status, _ := w.get(link, "token-1"); status != 404 {
		t.Errorf("after five minutes: %d", status)
	}
	if status, out := w.graph("DELETE", "/v26.0/"+id, ""); status != 200 || out["success"] != true {
		t.Errorf("delete: %d %v", status, out)
	}
	if status, _ := w.graph("GET", "/v26.0/"+id, ""); status != 400 {
		t.Errorf("after delete: %d", status)
	}
	if status, out := w.tryUpload("image/bmp", []byte("x")); status != 400 || errorCode(out) != 100 {
		t.Errorf("a bitmap: %d %v", status, out)
	}
	if status, out := w.tryUpload("image/jpeg", make([]byte, 5<<20+1)); status != 400 || errorCode(out) != 131053 {
		t.Errorf("a large photo: %d %v", status, out)
	}
}

func TestALinkIsFetchedOrTheSendFails(t *testing.T) {
	t.Parallel()
	w := setup(t)
	files := newFileServer(t)
	p := w.Phone("905332041896", "")
	p.SendText("Merhaba")
	good := w.send(`{"messaging_product":"whatsapp","to":"+905332041896","type":"image","image":{"link":"` + files.URL + `/plate.jpg","caption":"Bu mu?"}}`)
	w.settle()
	bad := w.send(`{"messaging_product":"whatsapp","to":"+905332041896","type":"image","image":{"link":"` + files.URL + `/missing.jpg"}}`)
	w.settle()
	messages := p.Messages()
	if m := messages[1]; m.ID != good || m.Media.ID == "" || m.Media.MIME != "image/jpeg" || m.Status != "delivered" {
		t.Errorf("the good one: %s", indent(m))
	}
	if m := messages[2]; m.ID != bad || m.Status != "failed" || m.ErrorCode != 131053 {
		t.Errorf("the bad one: %s", indent(m))
	}
}

func TestTemplatesAreListedPageByPage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var names []string
	next := "/v26.0/" + waba + "/message_templates?fields=name,language,status,category,components,quality_score&limit=4"
	pages := 0
	for next != "" {
		status, out := w.graph("GET", next, "")
		if status != 200 {
			t.Fatal(out)
		}
		pages++
		for i := 0; dig(out, "data", i) != nil; i++ {
			names = append(names, dig(out, "data", i, "name").(string)+"/"+dig(out, "data", i, "language").(string))
			if dig(out, "data", i, "quality_score", "score") == nil || dig(out, "data", i, "components", 0, "type") == nil || dig(out, "data", i, "id") == nil {
				t.Errorf("a field is missing: %s", indent(dig(out, "data", i)))
			}
		}
		if pages == 1 { // a change between two pages neither hides nor repeats
			if status, out := w.graph("DELETE", "/v26.0/"+waba+"/message_templates?name=siparis_kargoda", ""); status != 200 {
				t.Fatal(out)
			}
		}
		link, _ := dig(out, "paging", "next").(string)
		next = strings.TrimPrefix(link, w.URL())
	}
	if pages != 3 || len(names) != 11 {
		t.Errorf("%d pages with %v", pages, names)
	}
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			t.Errorf("%s twice", n)
		}
		seen[n] = true
	}
	_, out := w.graph("GET", "/v26.0/"+waba+"/message_templates?status=PAUSED", "")
	if dig(out, "data", 0, "name") != "yeni_katalog" || dig(out, "data", 1) != nil {
		t.Errorf("the paused: %s", indent(out))
	}
}

func TestATemplateIsCreatedReviewedAndTold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := `{"name":"iade_onay","language":"tr","category":"UTILITY","components":[{"type":"BODY","text":"Merhaba {{1}}, iadeniz onaylandı.","example":{"body_text":[["Elif"]]}}]}`
	status, out := w.graph("POST", "/v26.0/"+waba+"/message_templates", body)
	if status != 200 || out["status"] != "PENDING" {
		t.Fatalf("%d %v", status, out)
	}
	w.settle()
	last := w.desk.received()[0]
	if dig(last, "entry", 0, "changes", 0, "field") != "message_template_status_update" || dig(last, "entry", 0, "changes", 0, "value", "event") != "APPROVED" {
		t.Errorf("told %s", indent(last))
	}
	if status, out := w.graph("POST", "/v26.0/"+waba+"/message_templates", body); status != 400 || dig(out, "error", "error_subcode") != 2388024.0 {
		t.Errorf("a second time: %d %v", status, out)
	}
	w.graph("DELETE", "/v26.0/"+waba+"/message_templates?name=iade_onay", "")
	if status, out := w.graph("POST", "/v26.0/"+waba+"/message_templates", body); status != 400 || dig(out, "error", "error_subcode") != 2388023.0 {
		t.Errorf("after the deletion: %d %v", status, out)
	}
	for name, components := range map[string]string{
		"starts_with_variable": `[{"type":"BODY","text":"{{1}} merhaba","example":{}}]`,
		"no_example":           `[{"type":"BODY","text":"Merhaba {{1}}."}]`,
		"a_gap":                `[{"type":"BODY","text":"Merhaba {{2}}.","example":{}}]`,
		"no_body":              `[{"type":"FOOTER","text":"x"}]`,
		"Bad Name":             `[{"type":"BODY","text":"x"}]`,
	} {
		if status, out := w.graph("POST", "/v26.0/"+waba+"/message_templates", `{"name":"`+name+`","language":"tr","category":"UTILITY","components":`+components+`}`); status != 400 || errorCode(out) != 100 {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
}

func TestAReadMarkTurnsTheCustomersTicks(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	p.SendText("Bir")
	id := p.SendText("İki")
	p.SendText("Üç")
	w.settle()
	status, out := w.graph("POST", "/v26.0/"+number+"/messages", `{"messaging_product":"whatsapp","status":"read","message_id":"`+id+`","typing_indicator":{"type":"text"}}`)
	if status != 200 || out["success"] != true {
		t.Fatal(out)
	}
	var got []string
	for _, m := range p.Messages() {
		got = append(got, m.Status)
	}
	if strings.Join(got, " ") != "read read delivered" {
		t.Errorf("ticks: %v", got)
	}
	if typing := w.changesSince(0).Threads[0].TypingMS; typing < 20_000 || typing > 25_000 {
		t.Errorf("typing for %d ms", typing)
	}
	if status, out := w.graph("POST", "/v26.0/"+number+"/messages", `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.foreign"}`); status != 400 || errorCode(out) != 131009 {
		t.Errorf("a foreign id: %d %v", status, out)
	}
}

func TestInstagramKeepsItsRules(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.InstagramUser("buraksahin", "")
	igsid := p.Person().IGSID
	post := func(body string) (int, int) {
		status, out := w.graph("POST", "/v26.0/me/messages", strings.ReplaceAll(body, "IGSID", igsid))
		sub, _ := dig(out, "error", "error_subcode").(float64)
		if status == 200 {
			return 0, 0
		}
		return errorCode(out), int(sub)
	}
	text := `{"recipient":{"id":"IGSID"},"message":{"text":"Merhaba"}}`
	human := `{"recipient":{"id":"IGSID"},"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT","message":{"text":"Merhaba"}}`
	expect := func(what, body string, code, subcode int) {
		t.Helper()
		if c, s := post(body); c != code || s != subcode {
			t.Errorf("%s: %d/%d, not %d/%d", what, c, s, code, subcode)
		}
	}
	expect("before they wrote", text, 10, 2534022)
	if status, out := w.graph("GET", "/v26.0/"+igsid+"?fields=name,username,profile_pic", ""); status != 403 || errorCode(out) != 230 {
		t.Errorf("the profile before they wrote: %d %v", status, out)
	}
	p.SendText("Stokta var mı?")
	expect("inside", text, 0, 0)
	expect("1000 bytes", `{"recipient":{"id":"IGSID"},"message":{"text":"`+strings.Repeat("ş", 500)+`"}}`, 0, 0)
	expect("1001 bytes", `{"recipient":{"id":"IGSID"},"message":{"text":"`+strings.Repeat("ş", 500)+`x"}}`, 100, 2534038)
	expect("a dead tag", `{"recipient":{"id":"IGSID"},"messaging_type":"MESSAGE_TAG","tag":"ACCOUNT_UPDATE","message":{"text":"x"}}`, 100, 0)
	expect("nobody", `{"recipient":{"id":"1"},"message":{"text":"x"}}`, 100, 2534014)
	expect("typing", `{"recipient":{"id":"IGSID"},"sender_action":"typing_on"}`, 0, 0)
	expect("a reply", `{"recipient":{"id":"IGSID"},"message":{"text":"Evet"},"reply_to":{"mid":"aWd"}}`, 0, 0)
	if m := p.Messages(); m[len(m)-1].ReplyTo != "aWd" {
		t.Errorf("the phone does not see what is quoted: %s", indent(m[len(m)-1]))
	}
	expect("a broken link", `{"recipient":{"id":"IGSID"},"message":{"attachment":{"type":"image","payload":{"url":"http://127.0.0.1:1/x"}}}}`, 100, 2018047)
	w.clock.advance(25 * time.Hour)
	expect("after 24 h", text, 10, 2534022)
	expect("after 24 h, by a person", human, 0, 0)
	w.clock.advance(6 * 24 * time.Hour)
	expect("after 7 days, by a person", human, 10, 2534022)
	_, profile := w.graph("GET", "/v26.0/"+igsid+"?fields=name,username,profile_pic", "")
	if profile["username"] != "buraksahin" || profile["name"] != "Burak Şahin" || profile["is_verified_user"] != nil {
		t.Errorf("the profile: %v", profile)
	}
	if status, data := w.get(profile["profile_pic"].(string), ""); status != 200 || !bytes.HasPrefix(data, []byte("\x89PNG")) {
		t.Errorf("the picture: %d", status)
	}
	outside := 0
	for _, g := range w.Ledger().Sends {
		if g.OutsideWindow && g.Outcome == Accepted {
			outside++
		}
	}
	if outside != 0 {
		t.Errorf("%d accepted sends were outside", outside)
	}
}

func TestAnInstagramPictureIsFetchedAndEchoed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	files := newFileServer(t)
	p := w.InstagramUser("buraksahin", "")
	p.SendText("Fotoğraf var mı?")
	w.settle()
	status, out := w.graph("POST", "/v26.0/"+igID+"/messages", `{"recipient":{"id":"`+p.Person().IGSID+`"},"message":{"attachment":{"type":"image","payload":{"url":"`+files.URL+`/bowl.jpg"}}}}`)
	if status != 200 {
		t.Fatal(out)
	}
	w.settle()
	last := w.desk.received()[len(w.desk.received())-1]
	echo := dig(last, "entry", 0, "messaging", 0, "message")
	if dig(echo, "mid") != out["message_id"] || dig(echo, "is_echo") != true {
		t.Fatalf("no echo: %s", indent(last))
	}
	link := dig(echo, "attachments", 0, "payload", "url").(string)
	if status, data := w.get(link, ""); status != 200 || len(data) < 1000 {
		t.Errorf("the echoed picture: %d, %d bytes", status, len(data))
	}
}

func TestAccountsAndBusinessesDescribeThemselves(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, phone := w.graph("GET", "/v26.0/"+number+"?fields=display_phone_number,verified_name", "")
	if phone["display_phone_number"] != "+908503040011" || phone["verified_name"] != "Mavi Ev" || phone["quality_rating"] != nil {
		t.Errorf("the number: %v", phone)
	}
	_, business := w.graph("GET", "/v26.0/"+waba, "")
	if business["id"] != waba || business["account_review_status"] != "APPROVED" {
		t.Errorf("the business: %v", business)
	}
	_, me := w.graph("GET", "/v26.0/me?fields=user_id,username", "")
	if me["user_id"] != igID || me["username"] != "maviev" {
		t.Errorf("me: %v", me)
	}
	_, numbers := w.graph("GET", "/v26.0/"+waba+"/phone_numbers", "")
	if dig(numbers, "data", 0, "id") != number {
		t.Errorf("the numbers: %v", numbers)
	}
	if _, out := w.graph("DELETE", "/v26.0/"+waba+"/subscribed_apps", ""); out["success"] != true {
		t.Errorf("unsubscribing: %v", out)
	}
	w.Phone("905332041896", "").SendText("Kimse duyuyor mu?")
	if _, out := w.graph("GET", "/v26.0/"+waba+"/subscribed_apps", ""); dig(out, "data", 0) != nil {
		t.Errorf("still subscribed: %v", out)
	}
	if _, out := w.graph("POST", "/v26.0/"+waba+"/subscribed_apps", `{"override_callback_uri":"`+w.desk.URL+`","verify_token":"verify-me"}`); out["success"] != true {
		t.Errorf("subscribing again: %v", out)
	}
	w.settle()
	if n := len(w.desk.received()); n != 1 {
		t.Errorf("%d webhooks after subscribing again", n)
	}
	if status, out := w.graph("POST", "/v26.0/"+waba+"/subscribed_apps", `{"override_callback_uri":"`+w.desk.URL+`","verify_token":"wrong"}`); status != 400 || errorCode(out) != 100 {
		t.Errorf("with a wrong token: %d %v", status, out)
	}
}

func TestABlockedCustomerIsNotHeardAndNotReached(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	p.SendText("Merhaba")
	w.settle()
	if _, out := w.graph("POST", "/v26.0/"+number+"/block_users", `{"messaging_product":"whatsapp","block_users":[{"user":"+905332041896"}]}`); dig(out, "block_users", "added_users", 0, "wa_id") != "905332041896" {
		t.Fatal(out)
	}
	p.SendText("Orada mısınız?")
	id := w.send(textTo("+905332041896", "x"))
	w.settle()
	if n := len(w.desk.received()); n != 2 {
		t.Errorf("%d webhooks instead of a message and a status", n)
	}
	if got := w.statuses(); got[0] != id+" failed" {
		t.Errorf("statuses %v", got)
	}
}

func TestSubscribeAsksForTheChallenge(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.WebhookURL = "" })
	w.Phone("905332041896", "").SendText("Daha kimse yok")
	if err := w.Subscribe(t.Context(), w.desk.URL); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if n := len(w.desk.received()); n != 1 {
		t.Errorf("%d webhooks", n)
	}
	other := setup(t, func(c *Config) { c.VerifyToken = "another" })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := other.Subscribe(ctx, other.desk.URL); err == nil {
		t.Error("a refused challenge passed")
	}
}
