package gateway_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
)

// deskRoutes are the lists of GET /desk with the routes that give them alone.
var deskRoutes = map[string]string{
	"departments": "/departments", "agents": "/agents", "accounts": "/channel-accounts", "kinds": "/channel-kinds",
	"end_reasons": "/end-reasons", "break_reasons": "/break-reasons", "canned_replies": "/canned-replies",
}

func (c *caller) desk(query string) map[string]json.RawMessage {
	c.h.t.Helper()
	var lists map[string]json.RawMessage
	c.get("/api/v1/desk"+query).into(200, &lists)
	if lists["versions"] == nil {
		c.h.t.Errorf("no versions: %s", slices.Collect(maps.Keys(lists)))
	}
	delete(lists, "versions")
	return lists
}

// alone is a list as its own route gives it, all pages of it.
func (c *caller) alone(route string) string {
	c.h.t.Helper()
	items := []json.RawMessage{}
	for cursor, more := "", true; more; {
		var page struct {
			Items []json.RawMessage
			Next  string
		}
		c.get("/api/v1"+route+"?limit=2&cursor="+cursor).into(200, &page)
		items = append(items, page.Items...)
		cursor, more = page.Next, page.Next != ""
	}
	raw, err := json.Marshal(items)
	must(c.h.t, err)
	return string(raw)
}

func TestTheDeskIsToldAtOnceAsItsListsTellIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	admin, manager, agent := h.agent(chat.RoleAdmin), h.agent(chat.RoleManager), h.agent(chat.RoleAgent)
	for _, name := range []string{"Bir", "İki", "Üç"} { // more than a page
		admin.post("/api/v1/departments", map[string]any{"name": name}).into(201, nil)
		admin.post("/api/v1/break-reasons", map[string]any{"label": name}).into(201, nil)
		admin.post("/api/v1/canned-replies", map[string]any{"shortcut": name, "text": name}).into(201, nil)
	}
	agent.post("/api/v1/canned-replies", map[string]any{"shortcut": "benim", "text": "Yalnız benim", "personal": true}).into(201, nil)
	callers := map[string]*caller{
		"an admin": admin, "a manager": manager, "an agent": agent,
		"a key for all": h.program(chat.RoleAdmin, auth.ScopeAdmin), "a manager's key": h.program(chat.RoleManager, auth.ScopeInboxWrite, auth.ScopeTemplates),
	}
	for who, c := range callers {
		lists := c.desk("")
		for name, route := range deskRoutes {
			if want := c.alone(route); string(lists[name]) != want {
				t.Errorf("%s, %s: %s\nits own route: %s", who, name, lists[name], want)
			}
		}
		if len(lists) != len(deskRoutes) {
			t.Errorf("%s: %d lists", who, len(lists))
		}
	}
	if theirs := string(manager.desk("")["canned_replies"]); strings.Contains(theirs, "Yalnız") || string(admin.desk("")["accounts"]) == string(agent.desk("")["accounts"]) {
		t.Error("everybody is told the same:", theirs)
	}
}

func TestAPartOfTheDeskIsToldByName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	agent := h.agent(chat.RoleAgent)
	named := func(lists map[string]json.RawMessage) []string { return slices.Sorted(maps.Keys(lists)) }
	some := agent.desk("?only=canned_replies,agents,agents")
	if !slices.Equal(named(some), []string{"agents", "canned_replies"}) || string(some["canned_replies"]) != "[]" {
		t.Errorf("%s", some)
	}
	for _, only := range []string{"none", "agents,", ",", "agents,%20kinds", "Agents", "templates"} {
		a := agent.get("/api/v1/desk?only=" + only)
		a.refused(400, chat.CodeInvalid)
		if !strings.Contains(string(a.body), `"field":"only"`) {
			t.Errorf("%s: %s", only, a.body)
		}
	}
	// Canned replies want another scope than the rest.
	reader := h.program(chat.RoleAgent, auth.ScopeInboxRead)
	if got := named(reader.desk("")); len(got) != len(deskRoutes)-1 || slices.Contains(got, "canned_replies") {
		t.Errorf("%v", got)
	}
	reader.get("/api/v1/canned-replies").refused(403, chat.CodeForbidden)
	reader.get("/api/v1/desk?only=agents,canned_replies").refused(403, chat.CodeForbidden)
	h.program(chat.RoleAgent, auth.ScopeTemplates).get("/api/v1/desk?only=canned_replies").refused(403, chat.CodeForbidden)
}
