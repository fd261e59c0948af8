package gateway_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/gateway/api"
	"gatehouse/gateway/live"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
)

// Who may call, as docs/api.md says it. The table is written by hand, beside the one that it checks: a route that is not
// here fails the test (RELIABILITY.md S7, S11, S12).
type class struct {
	open       bool
	key        auth.Scope      // an API key with this scope may; "" = no key
	permission chat.Permission // "" = every role
	first      bool            // with the first password, too
}

var classes = map[string]class{
	"POST /session":            {open: true},
	"GET /setup/{token}":       {open: true},
	"POST /setup/{token}":      {open: true},
	"GET /media/{id}":          {open: true}, // by a signed link
	"GET /openapi.json":        {open: true},
	"DELETE /session":          {first: true},
	"GET /me":                  {first: true},
	"PUT /me/password":         {first: true},
	"PUT /me/prefs":            {},
	"GET /me/sessions":         {},
	"DELETE /me/sessions/{id}": {},
	"GET /me/totp":             {},
	"POST /me/totp":            {},
	"POST /me/totp/confirm":    {},
	"POST /me/totp/end":        {},
	"PUT /me/presence":         {},
	"GET /live":                {},
	"GET /counts":              {key: auth.ScopeInboxRead},
	"GET /conversations":       {key: auth.ScopeInboxRead},
	"GET /messages/{mid}":      {key: auth.ScopeInboxRead},
	"POST /uploads":            {key: auth.ScopeInboxWrite},
	"GET /media/{id}/link":     {key: auth.ScopeInboxRead},

	"POST /conversations/pull":                         {},
	"GET /conversations/{id}":                          {key: auth.ScopeInboxRead},
	"GET /conversations/{id}/messages":                 {key: auth.ScopeInboxRead},
	"POST /conversations/{id}/messages":                {key: auth.ScopeInboxWrite},
	"GET /conversations/{id}/events":                   {key: auth.ScopeInboxRead},
	"POST /conversations/{id}/read":                    {},
	"POST /conversations/{id}/unread":                  {},
	"POST /conversations/{id}/take":                    {},
	"POST /conversations/{id}/assign":                  {key: auth.ScopeInboxWrite, permission: chat.PermissionAssign},
	"POST /conversations/{id}/return":                  {},
	"POST /conversations/{id}/pend":                    {},
	"POST /conversations/{id}/unpend":                  {},
	"POST /conversations/{id}/end":                     {},
	"POST /conversations/{id}/reopen":                  {},
	"GET /conversations/{id}/draft":                    {},
	"PUT /conversations/{id}/draft":                    {},
	"DELETE /conversations/{id}/draft":                 {},
	"POST /conversations/{id}/messages/{mid}/reaction": {key: auth.ScopeInboxWrite},
	"POST /conversations/{id}/messages/{mid}/retry":    {key: auth.ScopeInboxWrite},

	"GET /contacts/{id}":           {key: auth.ScopeContacts},
	"PATCH /contacts/{id}":         {key: auth.ScopeContacts},
	"GET /templates":               {key: auth.ScopeTemplates},
	"POST /templates/{id}/preview": {key: auth.ScopeTemplates},

	"GET /desk":                                  {key: auth.ScopeInboxRead},
	"GET /channel-kinds":                         {key: auth.ScopeInboxRead},
	"GET /channel-accounts":                      {key: auth.ScopeInboxRead},
	"POST /channel-accounts":                     {key: auth.ScopeAccounts, permission: chat.PermissionAccounts},
	"PATCH /channel-accounts/{id}":               {key: auth.ScopeAccounts, permission: chat.PermissionAccounts},
	"POST /channel-accounts/{id}/disable":        {key: auth.ScopeAccounts, permission: chat.PermissionAccounts},
	"POST /channel-accounts/{id}/enable":         {key: auth.ScopeAccounts, permission: chat.PermissionAccounts},
	"POST /channel-accounts/{id}/check":          {key: auth.ScopeAccounts, permission: chat.PermissionAccounts},
	"POST /channel-accounts/{id}/sync-templates": {key: auth.ScopeAccounts, permission: chat.PermissionAccounts},

	"GET /agents":                 {key: auth.ScopeInboxRead},
	"POST /agents":                {key: auth.ScopeAgents, permission: chat.PermissionAgents},
	"PATCH /agents/{id}":          {key: auth.ScopeAgents, permission: chat.PermissionAgents},
	"POST /agents/{id}/disable":   {key: auth.ScopeAgents, permission: chat.PermissionAgents},
	"POST /agents/{id}/enable":    {key: auth.ScopeAgents, permission: chat.PermissionAgents},
	"POST /agents/{id}/end-totp":  {key: auth.ScopeAgents, permission: chat.PermissionAgents},
	"POST /agents/{id}/password":  {key: auth.ScopeAgents, permission: chat.PermissionAgents},
	"GET /departments":            {key: auth.ScopeInboxRead},
	"POST /departments":           {key: auth.ScopeAgents, permission: chat.PermissionDepartments},
	"PATCH /departments/{id}":     {key: auth.ScopeAgents, permission: chat.PermissionDepartments},
	"DELETE /departments/{id}":    {key: auth.ScopeAgents, permission: chat.PermissionDepartments},
	"GET /end-reasons":            {key: auth.ScopeInboxRead},
	"POST /end-reasons":           {key: auth.ScopeAgents, permission: chat.PermissionEndReasons},
	"PATCH /end-reasons/{id}":     {key: auth.ScopeAgents, permission: chat.PermissionEndReasons},
	"GET /break-reasons":          {key: auth.ScopeInboxRead},
	"POST /break-reasons":         {key: auth.ScopeAgents, permission: chat.PermissionDepartments},
	"PATCH /break-reasons/{id}":   {key: auth.ScopeAgents, permission: chat.PermissionDepartments},
	"GET /canned-replies":         {key: auth.ScopeTemplates},
	"POST /canned-replies":        {key: auth.ScopeTemplates},
	"PATCH /canned-replies/{id}":  {key: auth.ScopeTemplates},
	"DELETE /canned-replies/{id}": {key: auth.ScopeTemplates},
	"GET /api-keys":               {key: auth.ScopeAdmin, permission: chat.PermissionAPIKeys},
	"POST /api-keys":              {key: auth.ScopeAdmin, permission: chat.PermissionAPIKeys},
	"GET /audit":                  {key: auth.ScopeAdmin, permission: chat.PermissionSeeAll},
	"GET /ops/vitals":             {key: auth.ScopeAdmin, permission: chat.PermissionSeeAll},
	"POST /ops/replay":            {key: auth.ScopeAdmin, permission: chat.PermissionSeeAll},
	"POST /ops/dismiss":           {key: auth.ScopeAdmin, permission: chat.PermissionSeeAll},
	"DELETE /api-keys/{id}":       {key: auth.ScopeAdmin, permission: chat.PermissionAPIKeys},
}

// lines are the routes as "METHOD path".
func lines() []string {
	var out []string
	for _, r := range gateway.Routes(&api.API{}, &live.Live{}) {
		out = append(out, r.Method+" "+r.Path)
	}
	return out
}

// try asks a route with ids of nobody and an empty body, and tells whether the caller was let in.
func (c *caller) try(line string) (letIn bool, status int) {
	c.h.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	for _, name := range []string{"{id}", "{mid}", "{token}"} {
		path = strings.ReplaceAll(path, name, chat.NewID[chat.MessageID]().String())
	}
	var body any
	if method != "GET" && method != "DELETE" {
		body = "{}"
	}
	a := c.ask(method, "/api/v1"+path, body)
	var r struct{ Error struct{ Code chat.Code } }
	if len(a.body) > 0 && a.status >= 400 {
		must(c.h.t, json.Unmarshal(a.body, &r))
	}
	return !slices.Contains([]chat.Code{chat.CodeSessionOver, chat.CodeForbidden, chat.CodePasswordChange}, r.Error.Code), a.status
}

func TestEveryRouteLetsInExactlyWhomItShould(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, line := range lines() {
		want, ok := classes[line]
		if !ok {
			t.Errorf("%s: nobody said who may call it", line)
			continue
		}
		if in, status := h.nobody().try(line); in != want.open && line != linked {
			t.Errorf("%s by nobody: %d", line, status)
		}
		if want.open {
			continue
		}
		for _, role := range []chat.Role{chat.RoleAgent, chat.RoleManager, chat.RoleAdmin} {
			may := want.permission == "" || slices.Contains(role.Permissions(), want.permission)
			if in, status := h.agent(role).try(line); in != may && !personal[line] {
				t.Errorf("%s by %s: %d", line, role, status)
			}
			for _, scope := range auth.AllScopes() {
				if role != chat.RoleAdmin && scope != want.key {
					continue // what a scope covers does not depend on the role
				}
				covers := want.key != "" && auth.Scopes{scope}.Allow(want.key)
				if in, status := h.program(role, scope).try(line); in != (may && covers) && !personal[line] {
					t.Errorf("%s by a key of role %s with %s: %d", line, role, scope, status)
				}
			}
		}
		newcomer := h.agent(chat.RoleAdmin)
		h.Exec(`UPDATE agents SET must_change = true WHERE id = $1`, newcomer.principal.AgentID)
		if in, status := newcomer.try(line); in != want.first {
			t.Errorf("%s with the first password: %d", line, status)
		}
	}
	for line := range classes {
		if !slices.Contains(lines(), line) {
			t.Errorf("%s is no route", line)
		}
	}
}

// linked is the route that wants a signature instead of a caller.
const linked = "GET /media/{id}"

// personal routes are decided further by whose the thing is: package desk's tests.
var personal = map[string]bool{"POST /canned-replies": true, "PATCH /canned-replies/{id}": true, "DELETE /canned-replies/{id}": true}

func TestOpenRoutesAreFew(t *testing.T) { // S11
	t.Parallel()
	open := slices.Sorted(maps.Keys(maps.Collect(func(yield func(string, class) bool) {
		for l, c := range classes {
			if c.open && !yield(l, c) {
				return
			}
		}
	})))
	want := []string{"GET /media/{id}", "GET /openapi.json", "GET /setup/{token}", "POST /session", "POST /setup/{token}"}
	if !slices.Equal(open, want) {
		t.Errorf("open: %v", open)
	}
}

func TestTheDescriptionListsEveryRoute(t *testing.T) {
	t.Parallel()
	h := newPorch(t)
	var d struct {
		OpenAPI    string                                `json:"openapi"`
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Schemas map[string]any `json:"schemas"`
		} `json:"components"`
	}
	a := h.nobody().get("/api/v1/openapi.json").into(200, &d)
	if a.header.Get("Content-Type") != "application/json" || d.OpenAPI != "3.1.0" {
		t.Error(a.header.Get("Content-Type"), d.OpenAPI)
	}
	var listed []string
	for path, ops := range d.Paths {
		for method := range ops {
			listed = append(listed, strings.ToUpper(method)+" "+path)
		}
	}
	want := lines()
	slices.Sort(want)
	slices.Sort(listed)
	if !slices.Equal(want, listed) {
		t.Errorf("described: %v\nrouted: %v", listed, want)
	}
	for name, s := range d.Components.Schemas {
		if s == nil {
			t.Errorf("%s is not described", name)
		}
	}
	// Every reference leads somewhere.
	for _, ref := range strings.Split(string(a.body), `"$ref":"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(ref, `"`)
		if _, ok := d.Components.Schemas[name]; !ok {
			t.Errorf("no schema %q", name)
		}
	}
}

func TestAnUnknownMethodIsNotAllowed(t *testing.T) { // B33
	t.Parallel()
	h := newPorch(t)
	for path, allow := range map[string]string{
		"/api/v1/session": "POST, DELETE", "/api/v1/me": "GET, HEAD", "/api/v1/conversations/pull": "POST",
		"/api/v1/departments/" + chat.NewID[chat.DepartmentID]().String(): "PATCH, DELETE", "/": "GET, HEAD",
	} {
		for _, method := range []string{"PUT", "TRACE", "OPTIONS"} {
			if a := h.nobody().ask(method, path, nil); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q", method, path, a.status, a.header.Get("Allow"))
			}
		}
	}
	for _, method := range []string{"PROPFIND", "FOO", "get"} {
		a := h.nobody().ask(method, "/api/v1/me", nil)
		a.refused(http.StatusMethodNotAllowed, chat.CodeInvalid)
		if a.header.Get("Allow") == "" || !a.closed {
			t.Errorf("%s: %v", method, a.header)
		}
	}
	h.nobody().get("/api/v1/nothing").refused(404, chat.CodeNotFound)
	h.nobody().get("/api/v2/me").refused(404, chat.CodeNotFound)
	h.nobody().get("/metrics.txt").refused(404, chat.CodeNotFound) // S50: what operators see is not here
}
