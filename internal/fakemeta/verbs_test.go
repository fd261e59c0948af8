package fakemeta

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestEveryVerbOfAPhoneReachesTheDesk(t *testing.T) {
	t.Parallel()
	actions := map[string]Action{
		"text":        {Do: "text", Text: "Merhaba"},
		"file":        {Do: "file", Kind: "video", Bytes: []byte("mp4"), MIME: "video/mp4"},
		"sample":      {Do: "sample", Sample: "voice.ogg"},
		"invoice":     {Do: "sample", Sample: "fatura.pdf"},
		"location":    {Do: "location", Location: &Location{Latitude: 41, Longitude: 29}},
		"react":       {Do: "react", Message: "x", Emoji: "🎉"},
		"edit":        {Do: "edit", Message: "x", Text: "y"},
		"unsend":      {Do: "unsend", Message: "x"},
		"unsupported": {Do: "unsupported"},
		"app":         {Do: "app", Text: "telefondan"},
		"late":        {Do: "text", Text: "geç", At: time.Unix(1795000000, 0), ReplyTo: "x", Copies: 2, Alone: true},
	}
	only := map[Kind]map[string]Action{
		WhatsApp:  {"contact": {Do: "contact", Name: "Mehmet", Phone: "90 555 222 33 44"}, "share": {Do: "share_number"}},
		Instagram: {"postback": {Do: "postback", Text: "Kargo?", Payload: "ICE"}},
	}
	for _, kind := range []Kind{WhatsApp, Instagram} {
		w := setup(t, func(c *Config) { c.Accounts[0].Coexistence = true })
		p := w.Phone("905332041896", "")
		if kind == Instagram {
			p = w.InstagramUser("buraksahin", "")
		}
		posts := 0
		act := func(name string, a Action) {
			t.Helper()
			if _, err := p.Act(a); err != nil {
				t.Errorf("%s %s: %v", kind, name, err)
				return
			}
			w.settle()
			posts += max(1, a.Copies)
			if got := len(w.desk.received()); got != posts {
				t.Errorf("%s %s: %d webhooks, not %d", kind, name, got, posts)
				posts = got
			}
		}
		for name, a := range actions {
			act(name, a)
		}
		for name, a := range only[kind] {
			act(name, a)
		}
		for other, more := range only {
			for name, a := range more {
				if _, err := p.Act(a); other != kind && err == nil {
					t.Errorf("%s can %s", kind, name)
				}
			}
		}
		for _, quiet := range []Action{{Do: "open"}, {Do: "play", Message: "x"}} {
			if _, err := p.Act(quiet); err != nil {
				t.Errorf("%s %s: %v", kind, quiet.Do, err)
			}
		}
		for _, bad := range []Action{{Do: "fly"}, {Do: "sample", Sample: "none"}, {Do: "press", Message: "x", Button: "y"}} {
			if _, err := p.Act(bad); err == nil {
				t.Errorf("%s: %+v was done", kind, bad)
			}
		}
	}
}

func TestRareWhatsAppMessagesAreTold(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	p.SendRaw("order", map[string]any{"catalog_id": "1", "product_items": []any{}}, Forwarded())
	p.SendTooLarge()
	voice := w.send(`{"messaging_product":"whatsapp","to":"+905332041896","type":"audio","audio":{"id":"` + w.upload("audio/ogg", []byte("o")) + `","voice":true}}`)
	w.settle()
	p.Play(voice)
	w.settle()
	got := w.desk.received()
	order := dig(got[0], "entry", 0, "changes", 0, "value", "messages", 0)
	if dig(order, "order", "catalog_id") != "1" || dig(order, "context", "forwarded") != true {
		t.Errorf("the order: %s", indent(order))
	}
	if code := dig(got[1], "entry", 0, "changes", 0, "value", "messages", 0, "errors", 0, "code"); code != 131052.0 {
		t.Errorf("the large file has code %v", code)
	}
	if all := w.statuses(); all[len(all)-1] != voice+" played" || !p.Messages()[2].Media.Voice {
		t.Errorf("statuses %v", all)
	}
}

func TestEveryInteractiveMessageCanBeAnswered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905557778899", "")
	p.SendText("Merhaba")
	for kind, c := range map[string]struct{ action, button string }{
		"location_request_message": {`{"name":"send_location"}`, "location"},
		"request_contact_info":     {`{"name":"request_contact_info"}`, "contact"},
		"flow":                     {`{"name":"flow","parameters":{"flow_id":"1","flow_cta":"Aç","flow_token":"t"}}`, "flow"},
	} {
		id := w.send(`{"messaging_product":"whatsapp","to":"+905557778899","type":"interactive","interactive":{"type":"` + kind + `","body":{"text":"?"},"action":` + c.action + `}}`)
		if _, err := p.Press(id, c.button); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	w.send(`{"messaging_product":"whatsapp","to":"+905557778899","type":"interactive","interactive":{"type":"cta_url","header":{"type":"image","image":{"id":"` + w.upload("image/png", []byte("p")) + `"}},"body":{"text":"?"},"action":{"name":"cta_url","parameters":{"display_text":"Aç","url":"https://maviev.example"}}}}`)
	all := p.Messages()
	if last := all[len(all)-1]; last.Buttons[0].Kind != "url" || last.Media == nil {
		t.Errorf("the link: %s", indent(last))
	}
	for name, body := range map[string]string{
		"no body":       `{"type":"button","action":{"buttons":[]}}`,
		"no action":     `{"type":"button","body":{"text":"x"}}`,
		"unknown":       `{"type":"hologram","body":{"text":"x"},"action":{}}`,
		"twice the id":  `{"type":"button","body":{"text":"x"},"action":{"buttons":[{"type":"reply","reply":{"id":"1","title":"a"}},{"type":"reply","reply":{"id":"1","title":"b"}}]}}`,
		"a list's file": `{"type":"list","header":{"type":"image","image":{"id":"1"}},"body":{"text":"x"},"action":{"button":"b","sections":[{"rows":[{"id":"1","title":"a"}]}]}}`,
		"no title":      `{"type":"list","body":{"text":"x"},"action":{"button":"b","sections":[{"rows":[{"id":"1","title":"a"}]},{"rows":[{"id":"2","title":"b"}]}]}}`,
		"long footer":   `{"type":"button","body":{"text":"x"},"footer":{"text":"` + strings.Repeat("x", 61) + `"},"action":{"buttons":[{"type":"reply","reply":{"id":"1","title":"a"}}]}}`,
		"a bare flow":   `{"type":"flow","body":{"text":"x"},"action":{"parameters":{}}}`,
		"a bare link":   `{"type":"cta_url","body":{"text":"x"},"action":{"parameters":{}}}`,
	} {
		if status, out := w.graph("POST", "/v26.0/"+number+"/messages", `{"messaging_product":"whatsapp","to":"+905557778899","type":"interactive","interactive":`+body+`}`); status != 400 || errorCode(out) == 0 {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
}

func TestInstagramSendsCardsHeartsAndReactions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.InstagramUser("buraksahin", "")
	own := p.SendText("Merhaba")
	igsid := p.Person().IGSID
	post := func(rest string) (int, map[string]any) {
		return w.graph("POST", "/v26.0/me/messages", `{"recipient":{"id":"`+igsid+`"},`+rest+`}`)
	}
	for _, rest := range []string{
		`"message":{"attachment":{"type":"like_heart"}}`,
		`"message":{"attachment":{"type":"template","payload":{"template_type":"generic","elements":[{"title":"Kase","subtitle":"389 TL","buttons":[{"type":"postback","title":"Ayırt","payload":"HOLD"},{"type":"web_url","title":"Gör","url":"https://maviev.example"}]}]}}}`,
		`"message":{"attachment":{"type":"template","payload":{"template_type":"button","text":"Hangisi?","buttons":[{"type":"postback","title":"Mavi","payload":"BLUE"}]}}}`,
		`"sender_action":"react","payload":{"message_id":"` + own + `","reaction":"love"}`,
		`"sender_action":"typing_off"`,
		`"sender_action":"mark_seen"`,
	} {
		if status, out := post(rest); status != 200 {
			t.Errorf("%s: %d %v", rest, status, out)
		}
	}
	for _, rest := range []string{
		`"sender_action":"dance"`, `"sender_action":"react","payload":{"message_id":"foreign"}`, `"message":{}`, `"messaging_type":"SPAM","message":{"text":"x"}`,
		`"message":{"attachment":{"type":"image"}}`, `"message":{"attachment":{"type":"hologram"}}`, `"message":{"attachment":{"type":"template","payload":{"template_type":"x"}}}`,
		`"message":{"text":"x","quick_replies":[{"content_type":"user_phone_number"}]}`,
	} {
		if status, out := post(rest); status != 400 || errorCode(out) != 100 {
			t.Errorf("%s: %d %v", rest, status, out)
		}
	}
	all := p.Messages()
	if all[0].BusinessReaction != "❤️" || all[0].Status != "read" || all[1].Type != "like_heart" {
		t.Errorf("the phone: %s", indent(all))
	}
	w.settle() // the echoes
	for id, button := range map[string]string{all[2].ID: "e0-0", all[3].ID: "t-0"} {
		if _, err := p.Press(id, button); err != nil {
			t.Error(err)
		}
	}
	w.settle()
	last := w.desk.received()[len(w.desk.received())-1]
	if payload := dig(last, "entry", 0, "messaging", 0, "postback", "payload"); payload != "BLUE" && payload != "HOLD" {
		t.Errorf("the postback: %s", indent(last))
	}
}

func TestTheRestOfGraphAnswers(t *testing.T) {
	t.Parallel()
	w := setup(t)
	mac := hmac.New(sha256.New, []byte("test_app_secret"))
	mac.Write([]byte("token-1"))
	if status, _ := w.graph("GET", "/v26.0/"+number+"?appsecret_proof="+hex.EncodeToString(mac.Sum(nil)), ""); status != 200 {
		t.Errorf("a right proof: %d", status)
	}
	if status, out := w.graph("GET", "/v26.0/"+number+"?appsecret_proof=00", ""); status != 400 || errorCode(out) != 100 {
		t.Errorf("a wrong proof: %d %v", status, out)
	}
	if _, out := w.graph("GET", "/refresh_access_token?grant_type=ig_refresh_token", ""); out["token_type"] != "bearer" {
		t.Errorf("refresh: %v", out)
	}
	if status, out := w.graph("POST", "/v26.0/"+number+"/register", `{}`); status != 200 || out["success"] != true {
		t.Errorf("register: %v", out)
	}
	if _, out := w.graph("POST", "/v26.0/"+number, `{"webhook_configuration":{"override_callback_uri":"`+w.desk.URL+`","verify_token":"verify-me"}}`); out["success"] != true {
		t.Errorf("the number's callback: %v", out)
	}
	if status, _ := w.graph("POST", "/v26.0/"+number, `{}`); status != 400 {
		t.Errorf("no callback: %d", status)
	}
	_, session := w.graph("POST", "/v26.0/900000000000001/uploads?file_length=3", "")
	id, _ := session["id"].(string)
	if _, out := w.graph("POST", "/v26.0/"+id, "abc"); !strings.HasPrefix(out["h"].(string), "4::") {
		t.Errorf("the handle: %v", out)
	}
	tmpl := w.catalog.find(waba, "stok_geldi", "tr")
	if _, out := w.graph("GET", "/v26.0/"+tmpl.ID, ""); out["name"] != "stok_geldi" {
		t.Errorf("one template: %v", out)
	}
	if _, out := w.graph("POST", "/v26.0/"+tmpl.ID, `{"category":"marketing"}`); out["success"] != true {
		t.Errorf("the edit: %v", out)
	}
	w.settle()
	if got := w.catalog.find(waba, "stok_geldi", "tr"); got.Category != "MARKETING" || got.Status != "APPROVED" {
		t.Errorf("after the edit and its review: %+v", got)
	}
	for _, path := range []string{"/v26.0/", "/v26.0/a/b/c", "/v26.0/" + number + "/dance"} {
		if status, out := w.graph("GET", path, ""); status != 400 || errorCode(out) == 0 {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL()+"/v26.0/"+number+"/messages?access_token=token-1",
		strings.NewReader(`messaging_product=whatsapp&to=%2B905332041896&type=text&text=%7B%22body%22%3A%22form%22%7D`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("a form: %d", resp.StatusCode)
	}
	fault := w.AddFault(Fault{Op: OpAny, Status: 503})
	if status, _ := w.graph("GET", "/v26.0/"+waba+"/message_templates", ""); status != 503 {
		t.Errorf("with a fault on everything: %d", status)
	}
	w.RemoveFault(fault)
	if status, _ := w.graph("GET", "/v26.0/"+waba+"/message_templates", ""); status != 200 {
		t.Errorf("without it: %d", status)
	}
}

func TestACustomerTalksToTwoNumbers(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) {
		c.Accounts = append(c.Accounts, Account{Kind: WhatsApp, Name: "Mavi Ev Toptan", PhoneNumberID: "510000000000012", BusinessAccountID: waba, DisplayPhone: "908503040012"})
		c.Limits = RealLimits()
	})
	first := w.Phone("905332041896", "")
	second := first.With("510000000000012")
	second.SendText("Toptan fiyat?")
	w.settle()
	if got := dig(w.desk.received()[0], "entry", 0, "changes", 0, "value", "metadata", "phone_number_id"); got != "510000000000012" {
		t.Errorf("told as %v", got)
	}
	if !first.WindowClosesAt().IsZero() || second.WindowClosesAt().IsZero() || len(first.Messages()) != 0 || len(second.Messages()) != 1 {
		t.Error("the two chats are one")
	}
}
