package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/templates"
)

func TestABodyHoldsWhatIsExpectedAndNothingElse(t *testing.T) { // B35, S14
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAdmin)
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for body, field := range map[string]string{
		`{"label":"x","role":"admin"}`: "role", `{"label":"x","id":"0195a7f0-1111-7000-8000-000000000001"}`: "id", `{"label":"x","agent_id":null}`: "agent_id",
		`{"label":1}`: "label", `{"label":{}}`: "label", `{"label":"x"}{"label":"y"}`: "", `{"label":"x"} x`: "", `[]`: "", `"x"`: "", ``: "", `{`: "", `nul`: "",
		"{\"label\":\"\xff\"}": "", `{"label":` + deep + `}`: "", `{"label":"x","__proto__":{}}`: "__proto__",
	} {
		a.post("/api/v1/end-reasons", body).refused(400, chat.CodeInvalid)
		var r struct {
			Error struct{ Details map[string]any }
		}
		must(t, json.Unmarshal(a.post("/api/v1/end-reasons", body).body, &r))
		if got, _ := r.Error.Details["field"].(string); got != field {
			t.Errorf("%.60q: field %q, want %q", body, got, field)
		}
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json2", "text/html, application/json"} {
		req := a.request("POST", "/api/v1/end-reasons", `{"label":"x"}`)
		req.Header.Set("Content-Type", kind)
		if got := a.do(req); got.status != 415 {
			t.Errorf("Content-Type %q: %d", kind, got.status)
		}
	}
	req := a.request("POST", "/api/v1/end-reasons", `{"label":"Bitti"}`)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	a.do(req).into(201, nil)
	if got := a.post("/api/v1/end-reasons", `{"label":"`+strings.Repeat("x", 1<<20)+`"}`); got.status != 413 {
		t.Errorf("a megabyte: %d", got.status)
	}
	// What takes no body gets none.
	a.post("/api/v1/conversations/pull", `{"agent_id":"x"}`).refused(400, chat.CodeInvalid)
}

func TestABadIdIsNobodys(t *testing.T) { // B37
	t.Parallel()
	h := newHouse(t)
	for _, line := range lines() {
		method, path, _ := strings.Cut(line, " ")
		if !strings.Contains(path, "{id}") && !strings.Contains(path, "{mid}") {
			continue
		}
		a := h.agent(chat.RoleAdmin) // each has a rate of their own
		for _, id := range []string{
			"-1", "0", "9223372036854775808", "1 or 1=1", "00000000-0000-0000-0000-000000000000", "{0195a7f0-1111-7000-8000-000000000001}",
			"urn:uuid:0195a7f0-1111-7000-8000-000000000001", "0195a7f0111170008000000000000001", "0195a7f0-1111-7000-8000-00000000000g", strings.Repeat("a", 2000),
		} {
			p := strings.NewReplacer("{id}", url.PathEscape(id), "{mid}", url.PathEscape(id)).Replace(path)
			var body any
			if method != "GET" && method != "DELETE" {
				body = "{}"
			}
			if got := a.ask(method, "/api/v1"+p, body); got.status != 404 {
				t.Errorf("%s with %.40q: %d %s", line, id, got.status, got.body)
			}
		}
	}
}

func TestWhatIsOutOfScopeIsNotThere(t *testing.T) { // B36, S7, S8, I20
	t.Parallel()
	h := newHouse(t)
	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	row := h.Open("905551110001")
	message := h.Thread("905551110001")[0].ID
	file := h.keep(row.ID, message)
	owner := h.agent(chat.RoleAgent)
	owner.post("/api/v1/conversations/"+row.ID.String()+"/take", nil).into(200, nil)
	owner.ask("PUT", "/api/v1/conversations/"+row.ID.String()+"/draft", map[string]any{"tab": "reply", "text": "gizli"}).into(204, nil)

	other := chat.NewID[chat.DepartmentID]()
	h.Exec(`INSERT INTO departments (id, name) VALUES ($1, 'Other')`, other)
	strangers := map[string]*caller{"agent": h.agent(chat.RoleAgent), "manager": h.agent(chat.RoleManager)}
	for _, s := range strangers {
		h.Exec(`UPDATE agent_departments SET department_id = $2 WHERE agent_id = $1`, s.principal.AgentID, other)
	}
	strangers["key"] = h.program(chat.RoleAgent, auth.ScopeAdmin)
	ids := map[string]string{
		"/conversations/": row.ID.String(), "/messages/": message.String(), "/contacts/": row.ContactID.String(), "/media/": file.String(),
	}
	bodies := map[string]string{
		"/messages": `{"text":"x"}`, "/assign": `{"agent_id":"` + owner.principal.AgentID.String() + `"}`, "/end": `{"reason_id":"` + h.Reason.String() + `"}`,
		"/draft": `{"tab":"note","text":"x"}`, "/reaction": `{"emoji":"x"}`, "/read": `{"seq":1}`, "/unread": `{"seq":1}`,
	}
	asked := 0
	for _, line := range lines() {
		method, path, _ := strings.Cut(line, " ")
		for prefix, id := range ids {
			if !strings.HasPrefix(path, prefix+"{") || line == linked {
				continue
			}
			var body any
			if method != "GET" && method != "DELETE" {
				body = "{}"
				for suffix, b := range bodies {
					if strings.HasSuffix(path, suffix) {
						body = b
					}
				}
			}
			fill := func(first string) string {
				p := strings.Replace(path, "{id}", first, 1)
				if prefix == "/messages/" {
					return "/api/v1" + strings.Replace(p, "{mid}", first, 1)
				}
				return "/api/v1" + strings.Replace(p, "{mid}", message.String(), 1)
			}
			for name, s := range strangers {
				ask := func(id string) answer {
					req := s.request(method, fill(id), body)
					req.Header.Set("Idempotency-Key", chat.NewID[chat.MessageID]().String())
					return s.do(req)
				}
				there, absent := ask(id), ask(chat.NewID[chat.ConversationID]().String())
				if there.status != absent.status || there.status != 404 && there.status != 403 && there.status != 204 {
					t.Errorf("%s by the %s: %d, and %d for what does not exist: %s", line, name, there.status, absent.status, there.body)
				}
				if strings.Contains(string(there.body), "Merhaba") || strings.Contains(string(there.body), "905551110001") {
					t.Errorf("%s by the %s leaks: %s", line, name, there.body)
				}
				asked++
			}
		}
	}
	if asked < 60 {
		t.Errorf("only %d asked", asked)
	}
	// A message of another conversation is not in this one (S8).
	h.In(h.Text("905551110002", "in-2", "Selam"))
	second := h.Open("905551110002").ID.String()
	owner.post("/api/v1/conversations/"+second+"/take", nil).into(200, nil)
	owner.post("/api/v1/conversations/"+second+"/messages/"+message.String()+"/reaction", map[string]string{"emoji": "👍"}).refused(404, chat.CodeNotFound)
	owner.get("/api/v1/conversations/"+second+"/messages?around="+message.String()).refused(404, chat.CodeNotFound)
	// Lists and counts show nothing of it either.
	for name, s := range strangers {
		for _, view := range []string{"mine", "queue", "pending", "expiring", "history", "all"} {
			if a := s.get("/api/v1/conversations?view="+view+"&q=Elif").into(200, nil); !strings.Contains(string(a.body), `"items":[]`) {
				t.Errorf("%s of the %s: %s", view, name, a.body)
			}
		}
		if a := s.get("/api/v1/counts").into(200, nil); strings.Contains(string(a.body), `"all":1`) || strings.Contains(string(a.body), h.Department.String()) {
			t.Errorf("counts of the %s: %s", name, a.body)
		}
	}
	h.MustHold()
}

// keep makes a file of a message.
func (h *house) keep(conversation chat.ConversationID, message chat.MessageID) chat.AttachmentID {
	h.t.Helper()
	id := chat.NewID[chat.AttachmentID]()
	must(h.t, h.deps.Intake.Store.Put(context.Background(), id.String(), strings.NewReader("%PDF-1.4 invoice"), 16, "application/pdf"))
	must(h.t, h.Store.KeepUpload(context.Background(), chat.Upload{Media: chat.Media{ID: id, State: chat.MediaReady, Type: "application/pdf", Name: "fatura.pdf", Size: 16}}))
	h.Exec(`UPDATE attachments SET message_id = $2, conversation_id = $3, account_id = $4 WHERE id = $1`, id, message, conversation, h.Account)
	return id
}

func TestPagesFollowEachOtherAndCursorsAreTheirOwners(t *testing.T) { // B38
	t.Parallel()
	h := newHouse(t)
	for i := range 5 {
		h.In(h.Text(fmt.Sprintf("90555111000%d", i), fmt.Sprintf("in-%d", i), "Merhaba"))
	}
	a, b := h.agent(chat.RoleAgent), h.agent(chat.RoleAgent)
	type page struct {
		Items []struct{ ID string }
		Next  string
	}
	for _, filter := range []string{"view=queue", "view=all", "view=queue&sort=newest", "view=expiring"} {
		seen := map[string]bool{}
		next, pages := "", 0
		for {
			var p page
			a.get("/api/v1/conversations?"+filter+"&limit=2&cursor="+next).into(200, &p)
			for _, c := range p.Items {
				if seen[c.ID] {
					t.Errorf("%s: %s twice", filter, c.ID)
				}
				seen[c.ID] = true
			}
			if pages++; p.Next == "" {
				break
			}
			next = p.Next
		}
		if want := map[bool]int{true: 0, false: 5}[filter == "view=expiring"]; len(seen) != want {
			t.Errorf("%s: %d in %d pages", filter, len(seen), pages)
		}
	}
	var first page
	a.get("/api/v1/conversations?view=queue&limit=2").into(200, &first)
	for name, ask := range map[string]answer{
		"tampered":         a.get("/api/v1/conversations?view=queue&limit=2&cursor=A" + first.Next[1:]),
		"another agent's":  b.get("/api/v1/conversations?view=queue&limit=2&cursor=" + first.Next),
		"another view's":   a.get("/api/v1/conversations?view=all&limit=2&cursor=" + first.Next),
		"another filter's": a.get("/api/v1/conversations?view=queue&q=x&limit=2&cursor=" + first.Next),
		"another list's":   a.get("/api/v1/agents?cursor=" + first.Next),
		"garbage":          a.get("/api/v1/conversations?view=queue&cursor=" + strings.Repeat("A", 2000)),
		"limit 0":          a.get("/api/v1/conversations?limit=0"), "limit -1": a.get("/api/v1/conversations?limit=-1"),
		"limit 1e9": a.get("/api/v1/conversations?limit=1e9"), "limit 1.5": a.get("/api/v1/conversations?limit=1.5"),
		"limit x": a.get("/api/v1/agents?limit=x"),
	} {
		if ask.status != 400 {
			t.Errorf("%s: %d %s", name, ask.status, ask.body)
		}
	}
	a.get("/api/v1/conversations?view=queue&limit=1000000000").into(200, nil) // the largest page
	var agents page
	a.get("/api/v1/agents?limit=1").into(200, &agents)
	if len(agents.Items) != 1 || agents.Next == "" {
		t.Errorf("%+v", agents)
	}
	var second page
	a.get("/api/v1/agents?limit=1&cursor="+agents.Next).into(200, &second)
	if len(second.Items) != 1 || second.Items[0].ID == agents.Items[0].ID || second.Next != "" {
		t.Errorf("the second page: %+v", second)
	}
}

func TestFiltersComeFromAList(t *testing.T) { // B39
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAdmin)
	for _, query := range []string{
		"view=id;drop", "view=password_hash", "view=MINE", "sort=password_hash", "sort=id;drop", "order=asc", "view=mine&view=all", "account=1", "department=x",
		"agent=00000000-0000-0000-0000-000000000000", "tag=x", "q=%00", "q=%ff", "channel=" + url.QueryEscape("' OR 1=1") + "&x=", "sort_by=x",
	} {
		a.get("/api/v1/conversations?"+query).refused(400, chat.CodeInvalid)
	}
	a.get("/api/v1/conversations?channel="+url.QueryEscape("' OR 1=1 --")).into(200, nil) // a kind that there is not
	for _, path := range []string{"/counts?x=1", "/me?x=1", "/agents?q=x", "/templates", "/templates?account=" + h.Account.String() + "&conversation=" + h.Account.String()} {
		a.get("/api/v1"+path).refused(400, chat.CodeInvalid)
	}
}

func TestSearchTakesAnything(t *testing.T) { // B40, S16
	t.Parallel()
	h := newHouse(t)
	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	a := h.agent(chat.RoleAdmin)
	for q, found := range map[string]bool{
		"Elif": true, "elif 01": true, "%": false, "_": false, "(((((": false, "'": false, `\`: false, "the": false, `" OR 1=1 --`: false, "E_if": false, "$1": false, "  ": false,
	} {
		body := string(a.get("/api/v1/conversations?view=all&q="+url.QueryEscape(q)).into(200, nil).body)
		if strings.Contains(body, "Elif 01") != found {
			t.Errorf("%q: %s", q, body)
		}
	}
	if body := string(a.get("/api/v1/conversations?view=all&q="+strings.Repeat("x", 6_000)).into(200, nil).body); body != `{"items":[]}` {
		t.Errorf("a long text: %s", body)
	}
}

func TestSearchingHasARateOfItsOwn(t *testing.T) { // S48
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAdmin)
	limited := 0
	for range 20 {
		if got := a.get("/api/v1/conversations?q=x"); got.status == 429 {
			got.refused(429, chat.CodeRateLimited)
			limited++
		}
	}
	if limited < 3 || limited > 5 { // a quarter of a minute's sixty at once, and what a slow test earns meanwhile
		t.Errorf("%d of 20 were slowed", limited)
	}
	a.get("/api/v1/conversations").into(200, nil)
}

func TestNumbersHaveTheirBounds(t *testing.T) { // B47
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAdmin)
	path := "/api/v1/agents/" + h.agent(chat.RoleAgent).principal.AgentID.String()
	for _, capacity := range []string{"-1", "501", "1000000000", "1.5", `"5"`, "1e3", "true"} {
		a.ask("PATCH", path, `{"capacity":`+capacity+`}`).refused(400, chat.CodeInvalid)
	}
	for _, capacity := range []string{"0", "500"} {
		a.ask("PATCH", path, `{"capacity":`+capacity+`}`).into(200, nil)
	}
	var agent struct{ Capacity int }
	a.ask("PATCH", path, `{"capacity":null}`).into(200, &agent) // null and absent mean the same
	if agent.Capacity != 500 {
		t.Errorf("%+v", agent)
	}
	for _, seconds := range []string{"-1", "9223372036854775807", "1.5"} {
		a.post("/api/v1/departments", `{"name":"x","return_after_s":`+seconds+`}`).refused(400, chat.CodeInvalid)
	}
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
	for _, k := range []string{"", "short", strings.Repeat("k", 129), "with a space in it"} {
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
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../internal/chat/errors.go")
	must(t, err)
	found := regexp.MustCompile(`Code\s+= "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(found) < 40 {
		t.Fatalf("%d codes found", len(found))
	}
	for _, m := range found {
		if status := web.Status(chat.Code(m[1])); status == http.StatusInternalServerError && m[1] != string(chat.CodeInternal) {
			t.Errorf("%s has no status", m[1])
		}
	}
}
