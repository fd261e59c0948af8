//go:build browser

package widget

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/chat"
)

// TestInABrowser plays app/dev/browser.mjs in a real Chromium on this door and its house: what a visitor does, what an
// agent answers (by the verbs of stage), the states of UI.md §8 as pictures, axe on each. It needs node, `npm ci` in app,
// and Chromium (CHROMIUM, else /usr/bin/chromium). Pictures go to SHOTS, else app/shots.
func TestInABrowser(t *testing.T) {
	h := open(t, func(c *Config) { c.VisitorsPerMinute = 1000 })
	st := &stage{house: h, agents: map[string]chat.AgentID{}, work: make(chan struct{}, 1)}
	h.accept, h.accepting = st.commit, st.wake
	shop := httptest.NewServer(shopPage(h))
	defer shop.Close()
	evil := httptest.NewServer(shopPage(h))
	defer evil.Close()
	st.set(map[string]string{"allowed_origins": shop.URL, "color": "#1F4E5F", "title": "Mavi Ev"})
	control := httptest.NewServer(st)
	defer control.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	play := exec.CommandContext(ctx, "node", "dev/browser.mjs")
	play.Dir, play.WaitDelay = "app", 5*time.Second
	play.Env = append(os.Environ(), "SHOP="+shop.URL, "EVIL="+evil.URL, "CONTROL="+control.URL, "DESK="+h.url)
	var out bytes.Buffer
	play.Stdout, play.Stderr = &out, &out
	err := play.Run()
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for line := range strings.Lines(h.log.String()) {
		if !strings.Contains(line, "the disk is full") { // the script shuts the door once
			t.Error(line)
		}
	}
}

// shopPage is a site that shows the shop's chat, under a content security policy as strict as a site's can be.
func shopPage(h *house) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name != "site.css" {
			name = "site.html"
		}
		page, err := os.ReadFile("app/dev/" + name)
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		if name == "site.css" {
			w.Header().Set("Content-Type", "text/css")
		} else {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src "+h.url+"; connect-src "+h.url+"; frame-src "+h.url)
		}
		lang := r.URL.Query().Get("lang")
		if lang == "" {
			lang = "en"
		}
		_, _ = w.Write([]byte(strings.NewReplacer("{{desk}}", h.url, "{{account}}", h.shop.ID.String(), "{{lang}}", lang).Replace(string(page))))
	})
}

// stage lets the script do what agents and operators do.
type stage struct {
	house  *house
	work   chan struct{} // held: no worker applies messages
	shut   bool          // under the house's lock: commits fail
	agents map[string]chat.AgentID
}

func (st *stage) commit(context.Context, []chat.RawEvent) error {
	st.house.mu.Lock()
	defer st.house.mu.Unlock()
	if st.shut {
		return errors.New("the disk is full")
	}
	return nil
}

// wake is the worker behind the door.
func (st *stage) wake() {
	go func() {
		st.work <- struct{}{}
		st.house.ingest()
		<-st.work
	}()
}

func (st *stage) set(settings map[string]string) {
	h := st.house
	h.mu.Lock()
	a := h.accounts[h.shop.ID]
	changed := map[string]string{}
	for k, v := range a.Settings {
		changed[k] = v
	}
	for k, v := range settings {
		changed[k] = v
	}
	a.Settings = changed
	h.accounts[a.ID] = a
	h.mu.Unlock()
	h.broadcast(chat.Notice{Kind: chat.NoticeAccount, Account: &a})
}

func (st *stage) agent(name string) chat.AgentID {
	if id, ok := st.agents[name]; ok {
		return id
	}
	st.agents[name] = st.house.addAgent(name)
	return st.agents[name]
}

// newest is the visitor whose conversation began last.
func (st *stage) newest() (visitor string, th *thread) {
	h := st.house
	h.mu.Lock()
	defer h.mu.Unlock()
	for v, t := range h.threads {
		if th == nil || t.rows[len(t.rows)-1].ID.String() > th.rows[len(th.rows)-1].ID.String() {
			visitor, th = v, t
		}
	}
	return visitor, th
}

func (st *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := st.house
	var in struct {
		Agent, Text, ReplyTo string
		On                   bool
		Settings             map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	visitor, th := st.newest()
	switch verb := strings.TrimPrefix(r.URL.Path, "/"); verb {
	case "settings":
		st.set(in.Settings)
	case "assign":
		h.assign(visitor, st.agent(in.Agent))
	case "reply", "note":
		direction := map[string]chat.Direction{"reply": chat.Out, "note": chat.Note}[verb]
		h.reply(visitor, in.Text, direction)
	case "quote": // an answer to the visitor's newest message
		h.mu.Lock()
		var to chat.MessageID
		for _, e := range th.events {
			if e.Message != nil && e.Message.Direction == chat.In {
				to = e.Message.ID
			}
		}
		h.mu.Unlock()
		h.happen(h.shop.ID, visitor, func(row *chat.ConversationRow) chat.ThreadEvent {
			m := chat.ThreadMessage{Message: chat.Message{
				ID: chat.NewID[chat.MessageID](), Direction: chat.Out, Kind: chat.KindText, Text: in.Text, Status: chat.StatusSent,
				AgentID: row.AgentID, ReplyTo: to,
			}}
			return chat.ThreadEvent{Event: chat.Event{Kind: chat.EventMessage}, Message: &m}
		})
	case "picture":
		data, err := base64.StdEncoding.DecodeString(in.Text)
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		file, err := h.SaveUpload(r.Context(), h.shop.ID, addressOf(h.shop.ID, visitor), "kase.png", "", bytes.NewReader(data))
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		h.happen(h.shop.ID, visitor, func(row *chat.ConversationRow) chat.ThreadEvent {
			m := chat.ThreadMessage{Message: chat.Message{
				ID: chat.NewID[chat.MessageID](), Direction: chat.Out, Kind: chat.KindImage, Text: "https://shop.example/kase", Status: chat.StatusSent,
				AgentID: row.AgentID, Content: chat.Content{Media: []chat.Media{file}},
			}}
			return chat.ThreadEvent{Event: chat.Event{Kind: chat.EventMessage}, Message: &m}
		})
	case "read":
		h.happen(h.shop.ID, visitor, func(row *chat.ConversationRow) chat.ThreadEvent {
			row.ReadSeq = row.LastSeq
			return chat.ThreadEvent{Event: chat.Event{Kind: chat.EventRead}}
		})
	case "typing":
		h.broadcast(chat.Notice{Kind: chat.NoticeViewers, Agent: st.agent(in.Agent), ConversationID: th.rows[len(th.rows)-1].ID, IdentityID: th.identity.ID, Typing: in.On})
	case "finish":
		h.finish(visitor)
	case "clock":
		h.mu.Lock()
		h.now = time.Now()
		h.mu.Unlock()
	case "workers": // on: messages are applied; off: they wait
		if in.On {
			<-st.work
		} else {
			st.work <- struct{}{}
		}
	case "disable": // on: back again
		h.mu.Lock()
		a := h.accounts[h.shop.ID]
		if a.State = chat.AccountDisabled; in.On {
			a.State = chat.AccountConnected
		}
		h.accounts[a.ID] = a
		h.mu.Unlock()
		h.broadcast(chat.Notice{Kind: chat.NoticeAccount, Account: &a})
	case "cut": // as a node that dies: all sockets end
		h.srv.hub.each(func(s *session) { go func(c net.Conn) { _ = c.Close() }(s.conn.UnderlyingConn()) })
	case "door": // off: the door's commits fail
		h.mu.Lock()
		st.shut = !in.On
		h.mu.Unlock()
	case "events":
		_ = json.NewEncoder(w).Encode(map[string]any{"events": h.events(), "typing": len(h.published)})
	default:
		http.NotFound(w, r)
	}
}
