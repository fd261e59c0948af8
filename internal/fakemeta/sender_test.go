package fakemeta

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTheSignatureFitsTheVectors(t *testing.T) {
	t.Parallel()
	var vectors struct {
		Secret  string `json:"app_secret"`
		Vectors []struct {
			File string `json:"file"`
			Body string `json:"body"`
			Want string `json:"x_hub_signature_256"`
		} `json:"vectors"`
	}
	data, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors.Vectors {
		body := []byte(v.Body)
		if v.File != "" {
			if body, err = os.ReadFile("testdata/" + v.File); err != nil {
				t.Fatal(err)
			}
		}
		if got := Sign(vectors.Secret, body); got != v.Want {
			t.Errorf("%s%s: %s", v.File, v.Body, got)
		}
	}
	if len(vectors.Vectors) < 8 {
		t.Errorf("only %d vectors", len(vectors.Vectors))
	}
}

func TestAWebhookIsRetriedUntilItIsTaken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.desk.status = func(n int) int {
		return []int{503, 500, 429, 404, 200}[min(n, 5)-1]
	}
	p := w.Phone("905332041896", "")
	id := p.SendText("Duyuyor musunuz?")
	w.settle()
	var got []int
	for _, a := range w.Ledger().Webhooks {
		got = append(got, a.Status)
		if a.Attempt != len(got) || a.IDs[0] != id || a.What[0] != "message" {
			t.Errorf("attempt %+v", a)
		}
	}
	if !slices.Equal(got, []int{503, 500, 429, 404, 200}) {
		t.Errorf("answers %v", got)
	}
	if !w.Ledger().AckedIDs("message")[id] {
		t.Error("the ledger does not know that it was taken")
	}
	if s := p.Messages()[0].Status; s != "delivered" {
		t.Errorf("the customer sees %q", s)
	}
}

func TestADeskThatIsAwayGetsEverythingLater(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.WebhookURL = "http://127.0.0.1:1/webhooks/meta" })
	p := w.Phone("905332041896", "")
	var ids []string
	for range 5 {
		ids = append(ids, p.SendText("Merhaba"))
	}
	if err := w.Subscribe(t.Context(), w.desk.URL); err != nil {
		t.Fatal(err)
	}
	w.settle()
	acked := w.Ledger().AckedIDs("message")
	for _, id := range ids {
		if !acked[id] {
			t.Errorf("%s is lost", id)
		}
	}
}

func TestTwoGatewaysTakeTurns(t *testing.T) {
	t.Parallel()
	w := setup(t)
	second := newDesk(t)
	second.status = func(int) int { return 503 } // this one is down: its share goes to the other
	if err := w.Subscribe(t.Context(), w.desk.URL, second.URL); err != nil {
		t.Fatal(err)
	}
	p := w.Phone("905332041896", "")
	for range 10 {
		p.SendText("Merhaba")
	}
	w.settle()
	second.mu.Lock()
	defer second.mu.Unlock()
	if n := len(w.desk.received()); n != 10 || second.n != 5 {
		t.Errorf("the first took %d, the second refused %d", n, second.n)
	}
}

func TestMessagesOfOneChatArriveInOrder(t *testing.T) {
	t.Parallel()
	w := setup(t)
	people := []*Phone{w.Phone("905332041896", ""), w.Phone("905424417035", ""), w.InstagramUser("buraksahin", "")}
	want := map[string][]string{}
	for range 30 {
		for _, p := range people {
			key := p.Person().ID
			want[key] = append(want[key], p.SendText("x"))
		}
	}
	w.settle()
	got := map[string][]string{}
	for _, b := range w.desk.received() {
		if id, ok := dig(b, "entry", 0, "changes", 0, "value", "messages", 0, "id").(string); ok {
			key := "wa-" + dig(b, "entry", 0, "changes", 0, "value", "messages", 0, "from").(string)
			got[key] = append(got[key], id)
		} else {
			got["ig-buraksahin"] = append(got["ig-buraksahin"], dig(b, "entry", 0, "messaging", 0, "message", "mid").(string))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-sent +received:\n%s", diff)
	}
}

func TestHeldWebhooksCanBeBatchedReversedAndDoubled(t *testing.T) {
	t.Parallel()
	w := setup(t)
	a, b := w.Phone("905332041896", ""), w.Phone("905424417035", "")
	ids := func(v map[string]any) []string {
		var out []string
		for i := 0; dig(v, "entry", 0, "changes", 0, "value", "messages", i) != nil; i++ {
			out = append(out, dig(v, "entry", 0, "changes", 0, "value", "messages", i, "id").(string))
		}
		return out
	}
	held := w.Hold()
	first, second, third := a.SendText("1"), a.SendText("2"), b.SendText("3")
	held.Release(Release{Batch: true})
	w.settle()
	got := w.desk.received()
	if len(got) != 1 || !slices.Equal(ids(got[0]), []string{first, second, third}) {
		t.Fatalf("batch: %s", indent(got))
	}
	if dig(got[0], "entry", 0, "changes", 0, "value", "contacts", 1, "wa_id") != "905424417035" || dig(got[0], "entry", 0, "changes", 0, "value", "contacts", 2) != nil {
		t.Errorf("contacts: %s", indent(got[0]))
	}

	held = w.Hold()
	first, second = a.SendText("1"), a.SendText("2")
	held.Release(Release{Reverse: true})
	w.settle()
	got = w.desk.received()[1:]
	if len(got) != 2 || ids(got[0])[0] != second || ids(got[1])[0] != first {
		t.Errorf("reverse: %s", indent(got))
	}

	held = w.Hold()
	first = a.SendText("1")
	held.Release(Release{Copies: 20})
	w.settle()
	got = w.desk.received()[3:]
	if len(got) != 20 || ids(got[0])[0] != first || ids(got[19])[0] != first {
		t.Errorf("copies: %d posts", len(got))
	}

	id := a.SendText("hemen", Copies(3))
	w.settle()
	if n := len(w.desk.received()[23:]); n != 3 || !w.Ledger().AckedIDs("message")[id] {
		t.Errorf("copies by option: %d posts", n)
	}
}

func TestEscapedBodiesAreTheSameJSON(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.EscapeUnicode = true })
	w.Phone("905332041896", "").SendText("Ağrı Dağı'nda ☕ ve 👨‍👩‍👧 <b>a/b</b>")
	w.settle()
	raw := w.desk.bodies[0]
	if bytes.ContainsFunc(raw, func(r rune) bool { return r > 126 }) || !bytes.Contains(raw, []byte(`a\/b<\/b>`)) {
		t.Errorf("not escaped: %s", raw)
	}
	if got := dig(w.desk.received()[0], "entry", 0, "changes", 0, "value", "messages", 0, "text", "body"); got != "Ağrı Dağı'nda ☕ ve 👨‍👩‍👧 <b>a/b</b>" {
		t.Errorf("read back as %q", got)
	}
}

func FuzzEscapedJSONMeansTheSame(f *testing.F) {
	for _, seed := range []string{"", "a/b", "şğİ", "👩🏽‍🚀", "\u2028\x00\"\\", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, err := json.Marshal(map[string]string{"t": text})
		if err != nil {
			t.Fatal(err)
		}
		escaped := escapeASCII(plain)
		if !utf8.Valid(escaped) || bytes.ContainsFunc(escaped, func(r rune) bool { return r >= utf8.RuneSelf }) {
			t.Fatalf("not ASCII: %q", escaped)
		}
		var want, got map[string]string
		if err := json.Unmarshal(plain, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(escaped, &got); err != nil {
			t.Fatalf("%q: %v", escaped, err)
		}
		if want["t"] != got["t"] {
			t.Fatalf("%q became %q", want["t"], got["t"])
		}
	})
}

func TestStatusesFollowASend(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	p.SendText("Merhaba")
	expect := func(what string, want ...string) {
		t.Helper()
		w.settle()
		if got := w.statuses(); !slices.Equal(got[len(got)-len(want):], want) {
			t.Errorf("%s: %v, not %v", what, got, want)
		}
	}
	id := w.send(textTo("+905332041896", "Buyurun"))
	expect("at first", id+" sent", id+" delivered")
	p.Open()
	expect("when opened", id+" delivered", id+" read")

	p.Change(func(p *Person) { p.Offline = true })
	id = w.send(textTo("+905332041896", "Orada mısınız?"))
	expect("offline", id+" sent")
	p.Change(func(p *Person) { p.Offline = false })
	expect("back online", id+" sent", id+" delivered")

	p.Change(func(p *Person) { p.NoReceipts = true })
	p.Open()
	expect("without receipts", id+" sent", id+" delivered")

	p.Change(func(p *Person) { p.NoReceipts, p.ReadImmediately = false, true })
	id = w.send(textTo("+905332041896", "Bakıyorum"))
	expect("with the chat open", id+" sent", id+" delivered", id+" read")

	id = w.send(`{"messaging_product":"whatsapp","to":"+905332041896","type":"reaction","reaction":{"message_id":"` + p.Messages()[0].ID + `","emoji":"👍"}}`)
	expect("a reaction", id+" sent")
	if p.Messages()[0].BusinessReaction != "👍" {
		t.Error("the reaction is not on the phone")
	}
	last := w.desk.received()[1]
	if dig(last, "entry", 0, "changes", 0, "value", "statuses", 0, "biz_opaque_callback_data") != "gw:1" {
		t.Errorf("no opaque data: %s", indent(last))
	}
}

func TestACustomerWhoMovedHasANewIdentity(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	old := p.Person()
	p.SendText("Merhaba")
	p.ChangeNumber("+905339998877")
	now := p.Person()
	if now.UserID == old.UserID || now.Phone != "905339998877" {
		t.Errorf("still %+v", now)
	}
	w.settle()
	last := w.desk.received()[1]
	system := dig(last, "entry", 0, "changes", 0, "value", "messages", 0, "system")
	if dig(system, "previous_user_id") != old.UserID || dig(system, "user_id") != now.UserID || dig(last, "entry", 0, "changes", 0, "value", "contacts") != nil {
		t.Errorf("told %s", indent(last))
	}
	w.send(textTo("+905339998877", "Yeni numaranız hayırlı olsun"))
	w.settle()
	if m := p.Messages(); m[len(m)-1].Status != "delivered" {
		t.Errorf("the new number gets %q", m[len(m)-1].Status)
	}
}

func TestAPhoneShowsWhatTheProtocolSays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	own := p.SendText("Merhaba")
	w.send(`{"messaging_product":"whatsapp","to":"+905332041896","context":{"message_id":"` + own + `"},"type":"interactive","interactive":{"type":"list","header":{"type":"text","text":"Kargo"},"body":{"text":"Hangisi?"},"footer":{"text":"Mavi Ev"},"action":{"button":"Seç","sections":[{"title":"Hızlı","rows":[{"id":"a","title":"Yarın"}]},{"title":"Yavaş","rows":[{"id":"b","title":"Haftaya","description":"ücretsiz"}]}]}}}`)
	m := p.Messages()[1]
	if m.Header != "Kargo" || m.Footer != "Mavi Ev" || m.ReplyTo != own || m.List.Sections[1].Rows[0].Description != "ücretsiz" {
		t.Errorf("the list: %s", indent(m))
	}
	if _, err := p.Press(m.ID, "c"); err == nil {
		t.Error("a row that is not there was pressed")
	}
	id, err := p.Press(m.ID, "b")
	if err != nil {
		t.Fatal(err)
	}
	got := p.Messages()
	if got[2].ID != id || got[2].Text != "Haftaya" || got[1].Answered != "b" {
		t.Errorf("after the press: %s", indent(got))
	}
	p.Edit(own, "xxx")
	p.Unsend(id)
	got = p.Messages()
	if got[0].Text != "xxx" || got[0].Edits != 1 || !got[2].Deleted {
		t.Errorf("after edit and unsend: %s", indent(got))
	}
}

func TestWindowEndsTwentyFourHoursAfterTheLastMessage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	if !p.WindowClosesAt().IsZero() {
		t.Error("open before the first message")
	}
	p.SendText("1")
	w.clock.advance(time.Hour)
	p.SendText("2")
	p.SendText("eski", At(w.clock.now().Add(-3*time.Hour)))
	p.React("wamid.x", "👍", At(w.clock.now().Add(time.Hour)))
	if want := w.clock.now().Add(24 * time.Hour); !p.WindowClosesAt().Equal(want) {
		t.Errorf("closes at %s, not %s", p.WindowClosesAt(), want)
	}
}
