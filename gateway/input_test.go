package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
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
	for _, path := range []string{"/counts?x=1", "/me?x=1", "/agents?q=x", "/templates?account=" + h.Account.String() + "&conversation=" + h.Account.String()} {
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
	clock := &settable{at: time.Now()}
	h := newHouse(t, func(_ *gateway.Config, d *gateway.Deps) { d.Now = clock.now })
	a := h.agent(chat.RoleAdmin)
	limited := 0
	for range 20 {
		if got := a.get("/api/v1/conversations?q=x"); got.status == 429 {
			got.refused(429, chat.CodeRateLimited)
			limited++
		}
	}
	if limited != 5 { // a quarter of a minute's sixty at once
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
