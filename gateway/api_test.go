package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/templates"
)

func TestAnAgentTakesAConversationAndAnswersIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	a := h.agent(chat.RoleAgent)

	var list struct {
		Items []struct {
			ID      string `json:"id"`
			Contact struct {
				Name string `json:"name"`
			} `json:"contact"`
			Window struct {
				Phase string `json:"phase"`
			} `json:"window"`
		} `json:"items"`
	}
	a.get("/api/v1/conversations?view=queue").into(200, &list)
	if len(list.Items) != 1 || list.Items[0].Contact.Name != "Elif 01" || list.Items[0].Window.Phase != "open" {
		t.Fatalf("queue: %+v", list)
	}
	id := list.Items[0].ID
	a.post("/api/v1/conversations/"+id+"/take", nil).into(200, nil)

	send := a.request("POST", "/api/v1/conversations/"+id+"/messages", map[string]any{"text": "Hoş geldiniz"})
	send.Header.Set("Idempotency-Key", "0195a7f0-1111-7000-8000-000000000001")
	var m struct {
		ID, Status, Text, Source string
		Seq                      int64
	}
	a.do(send).into(201, &m)
	if m.Status != "pending" || m.Text != "Hoş geldiniz" || m.Source != "agent" || m.Seq == 0 {
		t.Fatalf("message: %+v", m)
	}
	var page struct {
		Items []struct{ ID, Text string } `json:"items"`
		Next  string                      `json:"next"`
	}
	a.get("/api/v1/conversations/"+id+"/messages").into(200, &page)
	if len(page.Items) != 2 || page.Items[0].Text != "Hoş geldiniz" || page.Items[1].Text != "Merhaba" || page.Next != "" {
		t.Fatalf("thread: %+v", page)
	}
	h.MustHold()
}

// talk is a conversation that an agent holds.
func (h *house) talk(phone string) (*caller, string) {
	h.t.Helper()
	h.In(h.Text(phone, "in-"+phone, "Merhaba"))
	a := h.agent(chat.RoleAgent)
	path := "/api/v1/conversations/" + h.Open(phone).ID.String()
	a.post(path+"/take", nil).into(200, nil)
	return a, path
}

// send posts a message with a key.
func (c *caller) send(path, key string, body any) answer {
	c.h.t.Helper()
	req := c.request("POST", path+"/messages", body)
	req.Header.Set("Idempotency-Key", key)
	return c.do(req)
}

func TestASendIsRefusedWithItsReason(t *testing.T) { // B42, B43
	t.Parallel()
	h := newHouse(t)
	a, path := h.talk("905551110001")
	key := func() string { return chat.NewID[chat.MessageID]().String() }
	for body, code := range map[string]chat.Code{
		`{}`: chat.CodeEmptyMessage, `{"text":"  "}`: chat.CodeEmptyMessage, `{"text":"` + strings.Repeat("x", 4097) + `"}`: chat.CodeTextTooLong,
		`{"text":"` + strings.Repeat("x", 65_000) + `"}`:  chat.CodeTextTooLong,
		`{"template":{"id":"` + key() + `","values":{}}}`: chat.CodeTemplateMissing, `{"template":{"values":{}}}`: chat.CodeTemplateMissing,
	} {
		a.send(path, key(), body).refused(422, code)
	}
	for _, body := range []string{`{"text":"x","location":{"latitude":1,"longitude":2}}`, `{"location":{"latitude":91,"longitude":0}}`, `{"text":"x","buttons":[{"id":"a","title":"A"},{"id":"a","title":"B"}]}`, `{"text":"x","buttons":[{"id":"a","title":"A","url":"javascript:alert(1)"}]}`} {
		a.send(path, key(), body).refused(400, chat.CodeInvalid)
	}
	for _, k := range []string{strings.Repeat("k", 256), "with a space in it", "ключ"} {
		a.send(path, k, `{"text":"x"}`).refused(400, chat.CodeInvalid)
	}
	h.Exec(`UPDATE conversations SET window_opened_at = now() - interval '25 hours'`)
	closed := a.send(path, key(), `{"text":"Merhaba"}`)
	closed.refused(422, chat.CodeWindowClosed)
	if !strings.Contains(string(closed.body), `"next":"send_template"`) {
		t.Errorf("no hint at the templates: %s", closed.body)
	}
	a.send(path, key(), `{"text":"bize özel","note":true}`).into(201, nil)
	h.agent(chat.RoleAgent).send(path, key(), `{"text":"x"}`).refused(409, chat.CodeNotController)
	if n := h.Int(`SELECT count(*) FROM messages WHERE direction = 'out'`); n != 0 {
		t.Errorf("%d messages would have gone out", n)
	}
}

func TestARepeatedSendAnswersTheSame(t *testing.T) { // B44, I23
	t.Parallel()
	h := newHouse(t)
	a, path := h.talk("905551110001")
	key := chat.NewID[chat.MessageID]().String()
	first := a.send(path, key, `{"text":"Hoş geldiniz"}`).into(201, nil)
	if second := a.send(path, key, `{"text":"Hoş geldiniz"}`).into(201, nil); string(second.body) != string(first.body) {
		t.Errorf("%s\n%s", first.body, second.body)
	}
	a.send(path, key, `{"text":"Başka"}`).refused(409, chat.CodeIdempotencyMismatch)
	if n := h.Int(`SELECT count(*) FROM messages WHERE direction = 'out'`); n != 1 {
		t.Errorf("%d messages", n)
	}
	// A key is its owner's: somebody else's request of the same key is another.
	bot := h.program(chat.RoleAdmin, auth.ScopeInboxWrite)
	var m struct{ ID, Source string }
	bot.send(path, key, `{"text":"Bot"}`).into(201, &m)
	if m.Source != "api" {
		t.Errorf("%+v", m)
	}
}

func TestWithoutAKeyEachSendIsAMessage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, path := h.talk("905551110001")
	program := h.program(chat.RoleAdmin, auth.ScopeInboxWrite)
	for range 2 {
		program.send(path, "", `{"text":"Merhaba"}`).into(201, nil)
	}
	if n := h.Int(`SELECT count(*) FROM messages WHERE direction = 'out'`); n != 2 {
		t.Errorf("%d messages", n)
	}
}

func TestATemplateIsChosenPreviewedAndSent(t *testing.T) { // B71, B73
	t.Parallel()
	h := newHouse(t)
	a, path := h.talk("905551110001")
	id := h.Template(templates.Template{
		Name: "order_update", Language: "tr", Category: templates.Utility, Status: templates.StatusApproved,
		Components: []templates.Component{
			{Type: templates.Header, Format: templates.FormatText, Text: "Sipariş"},
			{Type: templates.Body, Text: "Merhaba {{1}}, siparişiniz {{2}}.", Example: &templates.Example{BodyText: [][]string{{"Elif", "yolda"}}}},
			{Type: templates.Footer, Text: "Mavi Ev"},
			{Type: templates.Buttons, Buttons: []templates.Button{{Type: templates.URL, Text: "Takip", URL: "https://example.com/t/{{1}}", Example: []string{"https://example.com/t/42"}}}},
		},
	})
	var list struct {
		Items []struct {
			ID        string
			Usable    bool
			Variables []struct{ Key, Component, Kind string }
			Preview   struct {
				Header struct{ Kind string }
				Body   []struct{ Text, Variable string }
			}
		}
	}
	conversation := strings.TrimPrefix(path, "/api/v1/conversations/")
	a.get("/api/v1/templates?conversation="+conversation+"&limit=100").into(200, &list)
	if len(list.Items) != 1 || !list.Items[0].Usable || len(list.Items[0].Variables) != 3 || list.Items[0].Preview.Header.Kind != "TEXT" || list.Items[0].Preview.Body[1].Text != "Elif" {
		t.Fatalf("%+v", list)
	}
	var check struct {
		Preview  struct{ Buttons []struct{ URL string } }
		Problems []struct{ Variable, Code string }
	}
	a.post("/api/v1/templates/"+id.String()+"/preview", map[string]any{"values": map[string]string{"body.1": "Elif\nHanım", "body.2": "yolda", "button.0.1": "42"}}).into(200, &check)
	if len(check.Problems) != 1 || check.Problems[0].Variable != "body.1" || check.Preview.Buttons[0].URL != "https://example.com/t/42" {
		t.Errorf("%+v", check)
	}
	h.Exec(`UPDATE conversations SET window_opened_at = now() - interval '25 hours'`)
	a.send(path, chat.NewID[chat.MessageID]().String(), map[string]any{"template": map[string]any{"id": id, "values": map[string]string{"body.1": "Elif"}}}).refused(422, chat.CodeTemplateVariables)
	var m struct {
		Kind, Text string
		Template   struct{ Name string }
	}
	a.send(path, chat.NewID[chat.MessageID]().String(), map[string]any{"template": map[string]any{"id": id, "values": map[string]string{"body.1": "{{2}}", "body.2": "yolda", "button.0.1": "42"}}}).into(201, &m)
	byName := map[string]any{"template": map[string]any{"name": "order_update", "language": "de", "values": map[string]string{"body.1": "{{2}}", "body.2": "yolda", "button.0.1": "42"}}}
	var named struct{ Text string }
	if a.send(path, chat.NewID[chat.MessageID]().String(), byName).into(201, &named); named.Text != "Merhaba {{2}}, siparişiniz yolda." {
		t.Errorf("by its name: %q", named.Text)
	}
	for _, which := range []map[string]any{{"name": "no_such"}, {"name": "order_update", "id": id}, {"language": "tr"}} {
		a.send(path, chat.NewID[chat.MessageID]().String(), map[string]any{"template": which}).refused(422, chat.CodeTemplateMissing)
	}
	if a.get("/api/v1/templates").into(200, &list); len(list.Items) == 0 {
		t.Error("the templates of all accounts are none")
	}
	if m.Kind != "template" || m.Text != "Merhaba {{2}}, siparişiniz yolda." || m.Template.Name != "order_update" {
		t.Errorf("%+v", m)
	}
}

func TestAThreadIsReadInPagesBothWaysAndAround(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i := range 9 {
		h.In(h.Text("905551110001", fmt.Sprintf("in-%d", i), fmt.Sprintf("%d", i)))
	}
	a := h.agent(chat.RoleAgent)
	path := "/api/v1/conversations/" + h.Open("905551110001").ID.String()
	type page struct {
		Items []struct {
			ID, Text string
			Seq      int64
		}
		Next string
	}
	texts := func(query string) (string, page) {
		var p page
		a.get(path+"/messages?"+query).into(200, &p)
		var out []string
		for _, m := range p.Items {
			out = append(out, m.Text)
		}
		return strings.Join(out, ""), p
	}
	newest, p := texts("limit=4")
	older, q := texts("limit=4&cursor=" + p.Next)
	rest, r := texts("limit=4&cursor=" + q.Next)
	if newest != "8765" || older != "4321" || rest != "0" || r.Next != "" {
		t.Errorf("%s %s %s %q", newest, older, rest, r.Next)
	}
	if got, _ := texts(fmt.Sprintf("before=%d&limit=2", p.Items[3].Seq)); got != "43" {
		t.Errorf("before: %s", got)
	}
	if got, after := texts(fmt.Sprintf("after=%d&limit=2", r.Items[0].Seq)); got != "12" || after.Next == "" {
		t.Errorf("after: %s", got)
	} else if more, _ := texts(fmt.Sprintf("after=%d&limit=2&cursor=%s", r.Items[0].Seq, after.Next)); more != "34" {
		t.Errorf("after, the second page: %s", more)
	}
	if got, around := texts("around=" + q.Items[0].ID + "&limit=4"); !strings.Contains(got, "4") || len(got) != 4 || around.Next == "" {
		t.Errorf("around: %s", got)
	}
	a.get(path+"/messages?before=-1").refused(400, chat.CodeInvalid)
	a.get(path+"/messages?before=5&after=1").refused(400, chat.CodeInvalid)

	var events struct {
		Items []struct {
			Seq  int64
			Kind string
		}
		Next string
	}
	a.get(path+"/events?since=3&limit=2").into(200, &events)
	if len(events.Items) != 2 || events.Items[0].Seq != 4 || events.Next == "" {
		t.Errorf("%+v", events)
	}
	var detail struct {
		LastSeq int64 `json:"last_seq"`
		Events  []struct{ Kind string }
		History []any
		Contact struct {
			DisplayName string `json:"display_name"`
		} `json:"contact_detail"`
	}
	a.get(path).into(200, &detail)
	if detail.LastSeq < 10 || detail.Contact.DisplayName != "Elif 01" || detail.History == nil || !slices.ContainsFunc(detail.Events, func(e struct{ Kind string }) bool { return e.Kind == "queued" }) {
		t.Errorf("%+v", detail)
	}
}

func TestALongTextIsCutInListsAndWholeAlone(t *testing.T) { // B15
	t.Parallel()
	h := newHouse(t)
	text := strings.Repeat("ş", 100_000)
	h.In(h.Text("905551110001", "in-1", text))
	a := h.agent(chat.RoleAgent)
	var page struct {
		Items []struct {
			ID, Text  string
			Truncated bool
		}
	}
	a.get("/api/v1/conversations/"+h.Open("905551110001").ID.String()+"/messages").into(200, &page)
	if m := page.Items[0]; !m.Truncated || len(m.Text) > 64<<10 || !strings.HasPrefix(text, m.Text) {
		t.Errorf("%d bytes, truncated %v", len(m.Text), m.Truncated)
	}
	var whole struct {
		Text      string
		Truncated bool
	}
	a.get("/api/v1/messages/"+page.Items[0].ID).into(200, &whole)
	if whole.Text != text || whole.Truncated {
		t.Errorf("%d bytes", len(whole.Text))
	}
}

func TestAConversationGoesThroughItsLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, path := h.talk("905551110001")
	b := h.agent(chat.RoleAgent)
	manager := h.agent(chat.RoleManager)
	status := func(x answer) string {
		var c struct {
			Status  string
			AgentID string `json:"agent_id"`
			Unread  int
		}
		x.into(200, &c)
		return c.Status
	}
	b.post(path+"/take", nil).refused(409, chat.CodeAlreadyTaken)
	if s := status(a.post(path+"/read", map[string]int{"seq": 2})); s != "assigned" {
		t.Error(s)
	}
	a.post(path+"/read", map[string]int{"seq": 99}).refused(400, chat.CodeInvalid)
	b.post(path+"/read", map[string]int{"seq": 1}).refused(409, chat.CodeNotController)
	if s := status(a.post(path+"/pend", nil)); s != "pending" {
		t.Error(s)
	}
	if s := status(a.post(path+"/unpend", nil)); s != "assigned" {
		t.Error(s)
	}
	a.post(path+"/assign", map[string]any{"agent_id": b.principal.AgentID}).refused(403, chat.CodeForbidden)
	manager.post(path+"/assign", map[string]any{"agent_id": chat.NewID[chat.AgentID]()}).refused(404, chat.CodeNotFound) // B46
	manager.post(path+"/assign", map[string]any{"agent_id": b.principal.AgentID}).into(200, nil)
	if s := status(b.post(path+"/return", nil)); s != "waiting" {
		t.Error(s)
	}
	if s := status(a.post("/api/v1/conversations/pull", nil)); s != "assigned" {
		t.Error(s)
	}
	a.post("/api/v1/conversations/pull", nil).refused(409, chat.CodeNothingWaiting)
	a.post(path+"/end", map[string]any{"reason_id": chat.NewID[chat.EndReasonID]()}).refused(422, chat.CodeReasonRequired)
	if s := status(a.post(path+"/end", map[string]any{"reason_id": h.Reason, "note": "tamam"})); s != "closed" {
		t.Error(s)
	}
	a.post(path+"/pend", nil).refused(409, chat.CodeConversationEnded)
	if s := status(a.post(path+"/reopen", nil)); s != "assigned" {
		t.Error(s)
	}
	h.MustHold()
}

func TestDraftsAreTheirWriters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, path := h.talk("905551110001")
	b := h.agent(chat.RoleAgent)
	a.ask("PUT", path+"/draft", map[string]any{"tab": "reply", "text": "Yarım kal"}).into(204, nil)
	var drafts struct {
		Items []struct{ Tab, Text string }
	}
	a.get(path+"/draft").into(200, &drafts)
	if len(drafts.Items) != 1 || drafts.Items[0].Text != "Yarım kal" {
		t.Errorf("%+v", drafts)
	}
	b.get(path+"/draft").into(200, &drafts)
	if len(drafts.Items) != 0 {
		t.Errorf("somebody else's: %+v", drafts)
	}
	var detail struct{ Draft string }
	a.get(path).into(200, &detail)
	if detail.Draft != "Yarım kal" {
		t.Errorf("%+v", detail)
	}
	a.ask("PUT", path+"/draft", map[string]any{"tab": "other", "text": "x"}).refused(400, chat.CodeInvalid)
	a.ask("DELETE", path+"/draft?tab=reply", nil).into(204, nil)
	a.get(path+"/draft").into(200, &drafts)
	if len(drafts.Items) != 0 {
		t.Errorf("%+v", drafts)
	}
}

func TestAdminsSetTheDeskUpAndOthersSeeNoSecrets(t *testing.T) { // S13, B51
	t.Parallel()
	h := newHouse(t)
	admin, agent := h.agent(chat.RoleAdmin), h.agent(chat.RoleAgent)
	var dep struct {
		ID           string
		ReturnAfterS int `json:"return_after_s"`
	}
	admin.post("/api/v1/departments", map[string]any{"name": "Satış", "return_after_s": 300}).into(201, &dep)
	if dep.ReturnAfterS != 300 {
		t.Errorf("%+v", dep)
	}
	admin.ask("PATCH", "/api/v1/departments/"+dep.ID, map[string]any{"sticky": true}).into(200, nil)
	admin.ask("DELETE", "/api/v1/departments/"+dep.ID, nil).into(204, nil)
	admin.ask("DELETE", "/api/v1/departments/"+h.Department.String(), nil).refused(409, chat.CodeInUse)

	var kinds struct {
		Items []struct {
			Kind   string
			Window struct {
				OpenS int `json:"open_s"`
			}
			Limits struct {
				Media map[string]struct{ Types []string }
			}
		}
	}
	a := agent.get("/api/v1/channel-kinds?limit=100").into(200, &kinds)
	if len(kinds.Items) != 1 || kinds.Items[0].Window.OpenS != 86400 || strings.Contains(string(a.body), "null") {
		t.Errorf("%s", a.body)
	}
	if mine := string(admin.get("/api/v1/channel-accounts").into(200, nil).body); !strings.Contains(mine, `"webhook_url":"https://desk.example.com/webhooks/meta"`) {
		t.Errorf("%s", mine)
	}
	if theirs := string(agent.get("/api/v1/channel-accounts").into(200, nil).body); strings.Contains(theirs, "webhook_url") || !strings.Contains(theirs, `"settings":{}`) || !strings.Contains(theirs, `"secrets_set":[]`) {
		t.Errorf("%s", theirs)
	}
	if theirs := string(agent.get("/api/v1/agents").into(200, nil).body); strings.Count(theirs, `"email"`) != 1 || strings.Contains(theirs, "password") {
		t.Errorf("%s", theirs)
	}
	admin.post("/api/v1/channel-accounts/"+h.Account.String()+"/check", nil).into(200, nil)
	admin.post("/api/v1/channel-accounts/"+chat.NewID[chat.AccountID]().String()+"/check", nil).refused(404, chat.CodeNotFound)
	admin.post("/api/v1/channel-accounts/"+h.Account.String()+"/sync-templates", nil).into(202, nil)
	admin.post("/api/v1/channel-accounts/"+h.Account.String()+"/disable", nil).into(200, nil)

	var canned struct {
		ID       string
		Personal bool
	}
	agent.post("/api/v1/canned-replies", map[string]any{"shortcut": "/merhaba", "title": "", "text": "Hoş geldiniz", "personal": true}).into(201, &canned)
	if !canned.Personal {
		t.Errorf("%+v", canned)
	}
	agent.ask("PATCH", "/api/v1/canned-replies/"+canned.ID, map[string]any{"text": "Selam", "personal": true}).into(200, nil)
	agent.ask("PATCH", "/api/v1/canned-replies/"+canned.ID, map[string]any{"personal": false}).refused(400, chat.CodeInvalid)
	agent.post("/api/v1/canned-replies", map[string]any{"shortcut": "x", "title": "", "text": "x", "personal": false}).refused(403, chat.CodeForbidden)

	agent.ask("PUT", "/api/v1/me/prefs", map[string]any{"theme": "dark", "unknown": map[string]int{"kept": 1}}).into(200, nil)
	var m struct{ Prefs map[string]any }
	agent.get("/api/v1/me").into(200, &m)
	if m.Prefs["theme"] != "dark" || m.Prefs["unknown"] == nil {
		t.Errorf("%+v", m)
	}
	agent.ask("PUT", "/api/v1/me/prefs", `[1]`).refused(400, chat.CodeInvalid)
	agent.ask("PUT", "/api/v1/me/presence", map[string]any{"presence": "away"}).refused(400, chat.CodeInvalid)
	agent.ask("PUT", "/api/v1/me/presence", map[string]any{"presence": "offline"}).into(200, nil)

	var contact struct{ Name, Language string }
	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	path := "/api/v1/contacts/" + h.Open("905551110001").ContactID.String()
	agent.ask("PATCH", path, map[string]any{"name": "Elif Hanım"}).into(200, &contact)
	if contact.Name != "Elif Hanım" || contact.Language != "" {
		t.Errorf("%+v", contact)
	}
	for body, field := range map[string]string{`{"name":"a\u0007b"}`: "name", `{"name":"` + strings.Repeat("ş", 101) + `"}`: "name", `{"language":"<b>"}`: "language"} { // B56
		if got := agent.ask("PATCH", path, body); got.status != 400 || !strings.Contains(string(got.body), `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
	}
	agent.ask("PATCH", path, `{"name":"  Elif  ","language":"tr"}`).into(200, &contact)
	if contact.Name != "Elif" || contact.Language != "tr" {
		t.Errorf("%+v", contact)
	}
}
