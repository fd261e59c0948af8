package gateway_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/templates"
)

func TestAnAssignmentIsRefusedWithItsReason(t *testing.T) { // B46
	t.Parallel()
	h := newHouse(t)
	holder, path := h.talk("905551110001")
	manager := h.agent(chat.RoleManager)
	assign := func(c *caller, to chat.AgentID) answer {
		return c.post(path+"/assign", map[string]any{"agent_id": to})
	}
	away, onBreak, full, gone, elsewhere := h.agent(chat.RoleAgent), h.agent(chat.RoleAgent), h.agent(chat.RoleAgent), h.agent(chat.RoleAgent), h.agent(chat.RoleAgent)
	h.Exec(`UPDATE agent_presence SET presence = 'offline' WHERE agent_id = $1`, away.principal.AgentID)
	h.Exec(`UPDATE agent_presence SET presence = 'break' WHERE agent_id = $1`, onBreak.principal.AgentID)
	h.Exec(`UPDATE agents SET capacity = 0 WHERE id = $1`, full.principal.AgentID)
	h.Exec(`UPDATE agents SET state = 'disabled' WHERE id = $1`, gone.principal.AgentID)
	h.Exec(`DELETE FROM agent_departments WHERE agent_id = $1`, elsewhere.principal.AgentID)
	assign(manager, away.principal.AgentID).refused(409, chat.CodeReceiverUnavailable)
	assign(manager, onBreak.principal.AgentID).refused(409, chat.CodeReceiverUnavailable)
	assign(manager, full.principal.AgentID).refused(409, chat.CodeFull)
	assign(manager, gone.principal.AgentID).refused(404, chat.CodeNotFound)
	assign(manager, elsewhere.principal.AgentID).refused(404, chat.CodeNotFound)
	assign(manager, chat.NewID[chat.AgentID]()).refused(404, chat.CodeNotFound)
	assign(manager, holder.principal.AgentID).refused(409, chat.CodeAlreadyTaken)
	h.Exec(`UPDATE agents SET capacity = 0 WHERE id = $1`, manager.principal.AgentID)
	assign(manager, manager.principal.AgentID).into(200, nil) // one's own may exceed it (I13)
	h.MustHold()
}

func TestTwoChangesOfOneThingAtOnceAreBothKept(t *testing.T) { // B49
	t.Parallel()
	h := newHouse(t)
	admin := h.agent(chat.RoleAdmin)
	agent := "/api/v1/agents/" + h.agent(chat.RoleAgent).principal.AgentID.String()
	department := "/api/v1/departments/" + h.Department.String()
	var all sync.WaitGroup
	for path, fields := range map[string][]string{
		agent:      {`{"name":"Deniz"}`, `{"capacity":7}`, `{"languages":["tr"]}`, `{"behavior":"normal"}`},
		department: {`{"name":"Satış"}`, `{"color":3}`, `{"sticky":false}`, `{"return_after_s":300}`},
	} {
		for _, f := range fields {
			all.Go(func() {
				if got := admin.ask("PATCH", path, f); got.status != 200 {
					t.Errorf("%s: %d %s", f, got.status, got.body)
				}
			})
		}
	}
	all.Wait()
	if n := h.Int(`SELECT count(*) FROM agents WHERE name = 'Deniz' AND capacity = 7 AND languages = '{tr}' AND behavior = 'normal'`); n != 1 {
		t.Error("a change of the agent is lost")
	}
	if n := h.Int(`SELECT count(*) FROM departments WHERE name = 'Satış' AND color = 3 AND NOT sticky AND return_after_s = 300`); n != 1 {
		t.Error("a change of the department is lost")
	}
}

// receipt is a template that the account may send.
func (h *house) receipt(status templates.Status) chat.TemplateID {
	return h.Template(templates.Template{
		Name: "fis_" + strings.ToLower(string(status)), Language: "tr", Category: templates.Utility, Status: status,
		Components: []templates.Component{
			{Type: templates.Body, Text: "Merhaba {{1}}.", Example: &templates.Example{BodyText: [][]string{{"Elif"}}}},
			{Type: templates.Buttons, Buttons: []templates.Button{{Type: templates.URL, Text: "Takip", URL: "https://example.com/t/{{1}}", Example: []string{"https://example.com/t/42"}}}},
		},
	})
}

func TestATemplateThatTheProviderWouldRefuseIsNotSent(t *testing.T) { // B71, B72, B73, B74
	t.Parallel()
	h := newHouse(t)
	a, path := h.talk("905551110001")
	send := func(id chat.TemplateID, values map[string]string) answer {
		return a.send(path, chat.NewID[chat.MessageID]().String(), map[string]any{"template": map[string]any{"id": id, "values": values}})
	}
	good := func() map[string]string { return map[string]string{"body.1": "Elif", "button.0.1": "42"} }
	id := h.receipt(templates.StatusApproved)
	for name, change := range map[string]func(map[string]string){
		"B71 none":                 func(v map[string]string) { clear(v) },
		"B71 one too few":          func(v map[string]string) { delete(v, "body.1") },
		"B71 one too many":         func(v map[string]string) { v["body.2"] = "x" },
		"B71 a newline":            func(v map[string]string) { v["body.1"] = "a\nb" },
		"B71 a tab":                func(v map[string]string) { v["body.1"] = "a\tb" },
		"B71 four spaces":          func(v map[string]string) { v["body.1"] = "a    b" },
		"B71 empty":                func(v map[string]string) { v["body.1"] = "" },
		"B71 1,025 characters":     func(v map[string]string) { v["body.1"] = strings.Repeat("ş", 1025) },
		"B74 a scheme":             func(v map[string]string) { v["button.0.1"] = "javascript:alert(1)" },
		"B74 a login":              func(v map[string]string) { v["button.0.1"] = "@evil.example" },
		"B74 a way up":             func(v map[string]string) { v["button.0.1"] = "../../admin" },
		"B73 a variable in an URL": func(v map[string]string) { v["button.0.1"] = "{{2}}" },
	} {
		t.Run(name, func(t *testing.T) {
			values := good()
			change(values)
			got := send(id, values)
			got.refused(422, chat.CodeTemplateVariables)
			if !strings.Contains(string(got.body), `"problems"`) {
				t.Errorf("the field is not named: %s", got.body)
			}
		})
	}
	for status, code := range map[templates.Status]chat.Code{
		templates.StatusPaused: chat.CodeTemplatePaused, templates.StatusRejected: chat.CodeTemplatePaused, templates.StatusPending: chat.CodeTemplatePaused,
		templates.StatusDisabled: chat.CodeTemplatePaused,
	} {
		send(h.receipt(status), good()).refused(422, code)
	}
	h.Exec(`DELETE FROM templates WHERE id = $1`, id) // upstream, and synced
	send(id, good()).refused(422, chat.CodeTemplateMissing)
	other := h.Wing() // of another account
	send(other.Template(templates.Template{
		Name: "other", Language: "tr", Category: templates.Utility, Status: templates.StatusApproved,
		Components: []templates.Component{{Type: templates.Body, Text: "Merhaba."}},
	}), nil).refused(422, chat.CodeTemplateMissing)
	if n := h.Int(`SELECT count(*) FROM messages WHERE direction = 'out'`); n != 0 {
		t.Errorf("%d messages would have gone out", n)
	}
}

// claiming is a picture whose header claims a size that the rest does not have.
func claiming(width, height uint32) []byte {
	png := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"), width)
	png = binary.BigEndian.AppendUint32(png, height)
	return append(png, "\x08\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00IDAT\x00\x00\x00\x00"...)
}

func TestAPictureOfTooManyPixelsIsRefusedUnseen(t *testing.T) { // B63
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	for _, size := range [][2]uint32{{65_500, 65_500}, {1<<31 - 1, 1<<31 - 1}, {40_000_001, 1}} {
		a.upload("x.png", "image/png", claiming(size[0], size[1])).refused(422, chat.CodeMediaTooLarge)
	}
	if n := h.Int(`SELECT count(*) FROM attachments`); n != 0 {
		t.Errorf("%d in the record", n)
	}
}

func TestAnArchiveIsKeptShutAndSaved(t *testing.T) { // B64
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	for _, name := range []string{"42.zip", "x.docx", "x.jar"} {
		var f file
		a.upload(name, "application/zip", []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00"+strings.Repeat("\x00", 64))).into(201, &f)
		got := h.nobody().get(f.URL).into(200, nil)
		if d := got.header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment; ") || len(got.body) != 74 {
			t.Errorf("%s: %s, %d bytes", name, d, len(got.body))
		}
	}
}

func TestALengthThatLiesIsRefused(t *testing.T) { // B66
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleManager)
	part := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.pdf\"\r\n\r\n%PDF-1.4\r\n--x--\r\n"
	for _, path := range []string{"/api/v1/uploads", "/api/v1/end-reasons"} {
		kind := map[bool]string{true: "multipart/form-data; boundary=x", false: "application/json"}[path == "/api/v1/uploads"]
		head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nCookie: gatehouse=%s\r\nX-CSRF-Token: %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
			path, strings.TrimPrefix(h.url, "http://"), h.url, a.token, a.csrf, kind, len(part)-20)
		if got := wire(t, h.url, head+part); !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, `"code":"invalid"`) {
			t.Errorf("%s, shorter than the body: %.300s", path, got)
		}
	}
	if n := h.Int(`SELECT count(*) FROM attachments`); n != 0 {
		t.Errorf("%d in the record", n)
	}
}
