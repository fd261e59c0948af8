package fakemeta

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shape keeps the structure of a webhook and the words that have a meaning; ids, texts and times become their type.
func shape(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			out[k] = shape(k, x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = shape(key, x)
		}
		return out
	case string:
		switch key {
		case "object", "field", "type", "status", "messaging_product", "action", "reaction", "event", "category", "value", "pricing_model", "emoji", "origin":
			return v
		}
		return "string"
	case float64:
		if key == "code" {
			return v
		}
		return "number"
	}
	return v
}

// theFixture is what PROTOCOLS.md's fixtures say that Meta posts.
func theFixture(t *testing.T, name string) any {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWhatsAppWebhooksHaveTheShapeOfTheFixtures(t *testing.T) {
	t.Parallel()
	jpeg := File{Bytes: []byte("jpeg"), MIME: "image/jpeg", Caption: "Ürün kırık geldi"}
	for name, play := range map[string]func(*stage, *Phone){
		"text":               func(_ *stage, p *Phone) { p.SendText("Merhaba, siparişim nerede? 📦") },
		"text_reply_context": func(_ *stage, p *Phone) { p.SendText("Evet, bunu istiyorum", ReplyTo("wamid.x")) },
		"text_ctwa_referral": func(_ *stage, p *Phone) {
			p.SendText("Bilgi?", FromAd(Referral{"https://fb.me/x", "1", "ad", "%30", "Kış", "image", "https://x/y.jpg", "AR", &Text{"Merhaba!"}}))
		},
		"image_caption": func(_ *stage, p *Phone) { mustSend(p.SendFile("image", jpeg)) },
		"audio_voice": func(_ *stage, p *Phone) {
			mustSend(p.SendFile("audio", File{Bytes: []byte("o"), MIME: "audio/ogg; codecs=opus", Voice: true}))
		},
		"document": func(_ *stage, p *Phone) {
			mustSend(p.SendFile("document", File{Bytes: []byte("p"), MIME: "application/pdf", Filename: "fatura.pdf", Caption: "Faturam"}))
		},
		"sticker_static": func(_ *stage, p *Phone) {
			mustSend(p.SendFile("sticker", File{Bytes: []byte("w"), MIME: "image/webp"}))
		},
		"location_pin": func(_ *stage, p *Phone) { p.SendLocation(Location{Latitude: 41.037, Longitude: 28.985}) },
		"reaction_add": func(_ *stage, p *Phone) { p.React("wamid.x", "❤️") },
		"reaction_remove": func(_ *stage, p *Phone) {
			p.React("wamid.x", "")
		},
		"interactive_button_reply": func(w *stage, p *Phone) {
			id := w.afterHello(p, `{"messaging_product":"whatsapp","to":"+905332041896","type":"interactive","interactive":{"type":"button","body":{"text":"Onaylıyor musunuz?"},"action":{"buttons":[{"type":"reply","reply":{"id":"order:123:yes","title":"Evet"}}]}}}`)
			mustSend(p.Press(id, "order:123:yes"))
		},
		"interactive_list_reply": func(w *stage, p *Phone) {
			id := w.afterHello(p, `{"messaging_product":"whatsapp","to":"+905332041896","type":"interactive","interactive":{"type":"list","body":{"text":"Kargo?"},"action":{"button":"Seç","sections":[{"rows":[{"id":"ship:express","title":"Hızlı kargo","description":"1-2 gün"}]}]}}}`)
			mustSend(p.Press(id, "ship:express"))
		},
		"button_template_quick_reply": func(w *stage, p *Phone) {
			id := w.afterHello(p, `{"messaging_product":"whatsapp","to":"+905332041896","type":"template","template":{"name":"stok_geldi","language":{"code":"tr"},"components":[{"type":"body","parameters":[{"type":"text","text":"Selin"},{"type":"text","text":"kase"}]}]}}`)
			mustSend(p.Press(id, "b0-1"))
		},
		"interactive_nfm_reply":      func(_ *stage, p *Phone) { p.SubmitFlow("wamid.x", map[string]any{"puan": 5}) },
		"unsupported_poll":           func(_ *stage, p *Phone) { p.SendUnsupported("poll_creation") },
		"edit_text":                  func(_ *stage, p *Phone) { p.Edit("wamid.x", "Merhaba") },
		"revoke":                     func(_ *stage, p *Phone) { p.Unsend("wamid.x") },
		"system_user_changed_number": func(_ *stage, p *Phone) { p.ChangeNumber("905551119999") },
		"user_preferences_stop":      func(_ *stage, p *Phone) { p.StopMarketing(true) },
		"smb_message_echo_text":      func(_ *stage, p *Phone) { p.ReceiveFromApp("Telefondan cevap") },
		"status_sent":                func(w *stage, p *Phone) { w.status(p, "sent") },
		"status_played": func(_ *stage, p *Phone) {
			p.s.tellStatus(&sending{account: p.a, person: p.p, id: "wamid.x"}, "played", 0)
		},
		"status_failed_131047": func(_ *stage, p *Phone) {
			p.s.tellStatus(&sending{account: p.a, person: p.p, id: "wamid.x"}, "failed", 131047)
		},
		"status_delivered_pricing_free": func(w *stage, p *Phone) {
			w.status(p, "delivered")
		},
		"status_delivered_pricing_service_paid": func(_ *stage, p *Phone) {
			p.s.cfg.FreeService = 0
			p.s.tellStatus(&sending{account: p.a, person: p.p, id: "wamid.x", kind: "text", opaque: "gw:msg:77"}, "delivered", 0)
		},
		"template_status_rejected": func(w *stage, _ *Phone) {
			mustDo(w.SetTemplateStatus("acele_edin", "tr", "REJECTED", "INVALID_FORMAT"))
		},
		"template_status_paused": func(w *stage, _ *Phone) { mustDo(w.SetTemplateStatus("stok_geldi", "tr", "PAUSED", "")) },
		"template_quality":       func(w *stage, _ *Phone) { mustDo(w.SetTemplateQuality("stok_geldi", "tr", "YELLOW")) },
		"template_category":      func(w *stage, _ *Phone) { mustDo(w.SetTemplateCategory("stok_geldi", "tr", "MARKETING")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, func(c *Config) { c.Accounts[0].Coexistence = true })
			play(w, w.Phone("905332041896", "Elif Yıldız"))
			w.expectShape("whatsapp/" + name)
		})
	}
	t.Run("contacts_phone_shared", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		p := w.Phone("905557778899", "Deniz K.")
		p.ShareNumber()
		w.expectShape("whatsapp/contacts_phone_shared")
		if p.Person().HidePhone {
			t.Error("the number is still hidden")
		}
	})
	t.Run("username_only_no_phone", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.Phone("905557778899", "Deniz K.").SendText("Fiyat nedir?")
		w.expectShape("whatsapp/username_only_no_phone")
	})
}

func TestInstagramWebhooksHaveTheShapeOfTheFixtures(t *testing.T) {
	t.Parallel()
	for name, play := range map[string]func(*stage, *Phone){
		"text":  func(_ *stage, p *Phone) { p.SendText("Bu ürün stokta var mı?") },
		"image": func(_ *stage, p *Phone) { mustSend(p.SendFile("image", File{Bytes: []byte("j"), MIME: "image/jpeg"})) },
		"like_heart": func(_ *stage, p *Phone) {
			p.SendShare("like_heart", "")
		},
		"story_mention":       func(_ *stage, p *Phone) { p.SendShare("story_mention", "https://x/y") },
		"inline_reply":        func(_ *stage, p *Phone) { p.SendText("Evet bu", ReplyTo("aWd")) },
		"story_reply":         func(_ *stage, p *Phone) { p.ReplyToStory("179", "https://x/y", "Çok güzel!") },
		"reaction_react":      func(_ *stage, p *Phone) { p.React("aWd", "❤️") },
		"reaction_unreact":    func(_ *stage, p *Phone) { p.React("aWd", "") },
		"postback_icebreaker": func(_ *stage, p *Phone) { p.TapIceBreaker("Kargo ücreti nedir?", "ICE_SHIP") },
		"unsend":              func(_ *stage, p *Phone) { p.Unsend("aWd") },
		"message_edit":        func(_ *stage, p *Phone) { p.Edit("aWd", "mavi") },
		"unsupported":         func(_ *stage, p *Phone) { p.SendUnsupported("") },
		"quick_reply": func(w *stage, p *Phone) {
			p.SendText("Merhaba")
			status, out := w.graph("POST", "/v26.0/me/messages", `{"recipient":{"id":"`+p.Person().IGSID+`"},"message":{"text":"Konu?","quick_replies":[{"content_type":"text","title":"Kargo","payload":"SHIP"}]}}`)
			if status != 200 {
				w.t.Fatal(out)
			}
			w.settle() // the echo first: its place among the webhooks is not promised
			mustSend(p.Press(out["message_id"].(string), "q0"))
		},
		"echo_of_api_send": func(w *stage, p *Phone) { w.reply(p, "Bizim mesaj") },
		"seen":             func(w *stage, p *Phone) { w.reply(p, "Bizim mesaj"); p.Open() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			play(w, w.InstagramUser("buraksahin", "Burak Şahin"))
			w.expectShape("instagram/" + name)
		})
	}
}

// expectShape compares the last webhook with a fixture.
func (w *stage) expectShape(name string) {
	w.t.Helper()
	w.settle()
	got := w.desk.received()
	if len(got) == 0 {
		w.t.Fatal("nothing was posted")
	}
	want := shape("", theFixture(w.t, name))
	if diff := cmp.Diff(want, shape("", got[len(got)-1])); diff != "" {
		w.t.Errorf("the webhook differs from %s (-fixture +ours):\n%s", name, diff)
	}
}

// afterHello opens the window, sends, and waits until the desk knows everything.
func (w *stage) afterHello(p *Phone, body string) string {
	w.t.Helper()
	p.SendText("Merhaba")
	id := w.send(body)
	w.settle()
	return id
}

// status sends a text whose last told status is the given one.
func (w *stage) status(p *Phone, last string) {
	w.t.Helper()
	p.SendText("Merhaba")
	w.settle()
	statuses := map[string][]string{"sent": {"sent"}, "delivered": {"delivered"}}[last]
	w.AddFault(Fault{Statuses: statuses})
	w.send(`{"messaging_product":"whatsapp","to":"+905332041896","type":"text","text":{"body":"Bakıyorum"}}`)
}

// reply answers an Instagram customer who wrote.
func (w *stage) reply(p *Phone, text string) string {
	w.t.Helper()
	p.SendText("Merhaba")
	status, out := w.graph("POST", "/v26.0/"+igID+"/messages", `{"recipient":{"id":"`+p.Person().IGSID+`"},"messaging_type":"RESPONSE","message":{"text":"`+text+`"}}`)
	if status != 200 {
		w.t.Fatal(out)
	}
	w.settle()
	return out["message_id"].(string)
}

func mustSend(_ string, err error) { mustDo(err) }

func mustDo(err error) {
	if err != nil {
		panic(err)
	}
}

func TestAFreeEntryPointIsPricedAsSuch(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	p.SendText("Reklamı gördüm", FromAd(Referral{SourceURL: "https://fb.me/x", SourceID: "1", SourceType: "ad"}))
	w.settle()
	w.send(textTo("+905332041896", "Buyurun"))
	w.settle()
	last := w.desk.received()[len(w.desk.received())-1]
	status := dig(last, "entry", 0, "changes", 0, "value", "statuses", 0)
	if dig(status, "pricing", "type") != "free_entry_point" || dig(status, "conversation", "origin", "type") != "referral_conversion" {
		t.Errorf("got %s", indent(status))
	}
	w.clock.advance(73 * time.Hour)
	p.SendText("Bir şey daha")
	w.send(textTo("+905332041896", "Buyurun"))
	w.settle()
	last = w.desk.received()[len(w.desk.received())-1]
	if got := dig(last, "entry", 0, "changes", 0, "value", "statuses", 0, "pricing", "type"); got != "free_customer_service" {
		t.Errorf("after 73 h the price is %v", got)
	}
}
