package widget

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"github.com/google/uuid"

	"gatehouse/internal/chat"
)

func message(id, text string) string {
	return fmt.Sprintf(`{"type":"message","client_id":%q,"text":%q}`, id, text)
}

func TestAVisitorsMessageBecomesARawEventOfItsLane(t *testing.T) {
	t.Parallel()
	h := open(t)
	token, visitor := h.newVisitor()
	tab := h.enter(token, "")
	if f := tab.hear(); f.Type != typeWelcome || f.Chat.State != stateNone || len(f.Items) != 0 || f.Cursor != "" {
		t.Errorf("%+v", f)
	}
	id := uuid.NewString()
	tab.say(`{"type":"message","client_id":"` + id + `","text":"Merhaba","locale":"tr","page":{"url":"https://shop.example/kase?token=secret#x","title":"Kase"}}`)
	if f := tab.hear(); f.Type != typeAck || f.ClientID != id {
		t.Fatalf("%+v", f)
	}
	raw := h.accepted[0]
	if raw.AccountID != h.shop.ID || raw.Kind != chat.Webchat || raw.Key.Value != h.shop.ID.String() || chat.IsZero(raw.ID) {
		t.Errorf("%+v", raw)
	}
	got := h.events()[0]
	if got.ID != id || got.Text != "Merhaba" || got.Visitor != visitor || got.Account != h.shop.ID.String() || got.Locale != "tr" || !got.At.Equal(h.Now()) {
		t.Errorf("%+v", got)
	}
	if got.Page == nil || got.Page.URL != "https://shop.example/kase" || got.Page.Title != "Kase" {
		t.Errorf("page %+v", got.Page)
	}
}

func TestAMessageIsAcknowledgedOnlyAfterItIsCommitted(t *testing.T) {
	t.Parallel()
	h := open(t)
	committed, asked := make(chan error), make(chan struct{}, 1)
	h.accept = func(ctx context.Context, _ []chat.RawEvent) error {
		asked <- struct{}{}
		select {
		case err := <-committed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	token, _ := h.newVisitor()
	tab := h.enter(token, "")
	tab.until(typeWelcome)
	id := uuid.NewString()
	tab.say(message(id, "Merhaba"))
	<-asked
	tab.say(`{"type":"ping"}`) // is read after the message is dealt with
	committed <- errors.New("the disk is full")
	if f := tab.hear(); f.Type != typeRefused || f.ClientID != id || f.Code != chat.CodeUnavailable {
		t.Fatalf("after a failed commit: %+v", f)
	}
	if f := tab.hear(); f.Type != typePong {
		t.Fatalf("%+v", f)
	}
	tab.say(message(id, "Merhaba"))
	<-asked
	if n := len(h.events()); n != 0 {
		t.Fatalf("%d events before the commit", n)
	}
	committed <- nil
	if f := tab.hear(); f.Type != typeAck || f.ClientID != id {
		t.Fatalf("%+v", f)
	}
	if n := len(h.events()); n != 1 {
		t.Fatalf("%d events", n)
	}
}

func TestTheFirstMessageWithAnIDWins(t *testing.T) { // B58
	t.Parallel()
	h := open(t)
	token, _ := h.newVisitor()
	tab := h.enter(token, "")
	id := uuid.NewString()
	tab.say(message(id, "first"))
	tab.until(typeAck)
	h.ingest()
	tab.until(typeWelcome)
	tab.say(message(id, "other text"))
	f := tab.until(typeAck)
	if f.ClientID != id || f.Item == nil || f.Item.Text != "first" {
		t.Errorf("%+v", f)
	}
	if n := len(h.events()); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestAnAnswerArrivesLiveWithTheNameOfWhoGaveIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	deniz, ada := h.addAgent("Deniz"), h.addAgent("Ada")
	token, visitor := h.newVisitor()
	tab := h.enter(token, "")
	tab.until(typeWelcome)
	id := uuid.NewString()
	tab.say(message(id, "Merhaba"))
	tab.until(typeAck)
	h.ingest()
	f := tab.until(typeWelcome)
	if f.Chat.State != stateQueued || len(f.Items) != 1 || !f.Items[0].Mine || f.Items[0].ClientID != id {
		t.Fatalf("after ingest: %+v", f)
	}
	conv := f.Items[0].Conv
	h.assign(visitor, deniz)
	f = tab.hear()
	if f.Type != typeNews || f.Chat.State != stateAgent || *f.Chat.Agent != (face{"Deniz", true}) || len(f.Items) != 1 || f.Items[0].Mark != markJoined || f.Items[0].Name != "Deniz" {
		t.Fatalf("%+v", f)
	}
	h.broadcast(chat.Notice{Kind: chat.NoticeViewers, Agent: deniz, ConversationID: mustConv(t, conv), IdentityID: h.threads[visitor].identity.ID, Typing: true})
	if f = tab.hear(); f.Type != typeTyping || !f.On {
		t.Fatalf("%+v", f)
	}
	h.reply(visitor, "not for the visitor", chat.Note)
	sent := h.reply(visitor, "Evet, uygun.", chat.Out)
	f = tab.hear()
	if f.Type != typeNews || len(f.Items) != 1 || f.Items[0].Text != "Evet, uygun." || f.Items[0].Name != "Deniz" || f.Items[0].Mine || f.Items[0].ID != sent.ID.String() {
		t.Fatalf("%+v", f)
	}
	if f.Cursor != conv+":4" {
		t.Errorf("cursor %s", f.Cursor)
	}
	h.happen(h.shop.ID, visitor, func(row *chat.ConversationRow) chat.ThreadEvent {
		row.ReadSeq = 1
		return chat.ThreadEvent{Event: chat.Event{Kind: chat.EventRead, Actor: deniz}}
	})
	if f = tab.hear(); f.Type != typeNews || f.Chat.ReadSeq != 1 || len(f.Items) != 0 {
		t.Fatalf("%+v", f)
	}
	h.assign(visitor, ada)
	if f = tab.hear(); f.Chat.Agent.Name != "Ada" || f.Items[0].Mark != markTookOver || f.Items[0].Name != "Ada" {
		t.Fatalf("%+v", f)
	}
	h.broadcast(chat.Notice{Kind: chat.NoticeViewers, Agent: deniz, ConversationID: mustConv(t, conv), IdentityID: h.threads[visitor].identity.ID, Typing: true})
	h.finish(visitor)
	if f = tab.hear(); f.Type != typeNews || f.Chat.State != stateEnded || f.Chat.Agent != nil || f.Items[0].Mark != markEnded || f.Items[0].Name != "Ada" {
		t.Fatalf("after somebody else typed and Ada ended: %+v", f)
	}
	second := uuid.NewString()
	tab.say(message(second, "Bir şey daha"))
	tab.until(typeAck)
	h.ingest()
	f = tab.until(typeWelcome)
	if f.Chat.State != stateQueued || f.Chat.ID == conv || f.Items[len(f.Items)-1].ClientID != second {
		t.Fatalf("a new chat: %+v", f)
	}
}

func mustConv(t *testing.T, s string) chat.ConversationID {
	t.Helper()
	id, err := chat.ParseID[chat.ConversationID](s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// talk makes a visitor with a conversation that Deniz holds, and a tab that has been told of it.
func (h *house) talk() (token, visitor string, tab *tab) {
	h.t.Helper()
	token, visitor = h.newVisitor()
	tab = h.enter(token, "")
	tab.until(typeWelcome)
	tab.say(message(uuid.NewString(), "Merhaba"))
	tab.until(typeAck)
	h.ingest()
	tab.until(typeWelcome)
	h.assign(visitor, h.addAgent("Deniz"))
	tab.until(typeNews)
	return token, visitor, tab
}

func TestAVisitorHearsNothingOfOthers(t *testing.T) { // I20
	t.Parallel()
	h := open(t)
	_, elif, elifs := h.talk()
	_, burak, buraks := h.talk()
	for range 20 {
		h.reply(elif, "for Elif", chat.Out)
		h.reply(burak, "for Burak", chat.Out)
	}
	for name, tab := range map[string]*tab{"Elif": elifs, "Burak": buraks} {
		for range 20 {
			if f := tab.hear(); len(f.Items) != 1 || f.Items[0].Text != "for "+name {
				t.Fatalf("%s: %+v", name, f)
			}
		}
	}
	stolen := h.threads[elif].events[0].Message.ExternalID
	buraks.say(message(stolen, "an id of somebody else"))
	if f := buraks.until(typeAck); f.Item != nil {
		t.Errorf("another visitor's message was shown: %+v", f.Item)
	}
}

func TestAStrangerWhoKnowsTheIDOfAMessageLearnsNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	strangers, _ := h.newVisitor()
	stranger := h.enter(strangers, "")
	stranger.until(typeWelcome)
	id := uuid.NewString()
	stranger.say(message(id, "mine?"))
	stranger.until(typeAck)
	h.mu.Lock()
	h.accepted = nil // the other one's is applied first
	h.mu.Unlock()
	token, visitor := h.newVisitor()
	tab := h.enter(token, "")
	tab.until(typeWelcome)
	tab.say(message(id, "secret"))
	tab.until(typeAck)
	h.ingest()
	tab.until(typeWelcome)
	h.reply(visitor, "secret answer", chat.Out)
	tab.until(typeNews)
	stranger.say(`{"type":"ping"}`)
	if f := stranger.hear(); f.Type != typePong {
		t.Errorf("%+v", f)
	}
}

func TestALostNoticeIsMadeUpFromTheRecord(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, visitor, tab := h.talk()
	h.mu.Lock()
	h.lost = true
	h.mu.Unlock()
	h.reply(visitor, "lost", chat.Out)
	h.mu.Lock()
	h.lost = false
	h.mu.Unlock()
	h.reply(visitor, "arrives", chat.Out)
	f := tab.hear()
	if n := len(f.Items); f.Type != typeWelcome || n < 2 || f.Items[n-2].Text != "lost" || f.Items[n-1].Text != "arrives" {
		t.Errorf("%+v", f)
	}
	h.mu.Lock()
	h.lost = true
	h.mu.Unlock()
	h.reply(visitor, "lost and last", chat.Out)
	tab.say(`{"type":"ping"}`)
	if f := tab.until(typeWelcome); f.Items[len(f.Items)-1].Text != "lost and last" {
		t.Errorf("%+v", f)
	}
	h.reply(visitor, "lost by the bus", chat.Out)
	h.mu.Lock()
	h.lost = false
	h.mu.Unlock()
	h.broadcast(chat.Notice{Kind: chat.NoticeLost})
	if f := tab.until(typeWelcome); f.Items[len(f.Items)-1].Text != "lost by the bus" {
		t.Errorf("%+v", f)
	}
}

func TestNoticesTwiceOrLateAreToldOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, visitor, tab := h.talk()
	h.mu.Lock()
	row := *h.threads[visitor].rows[0]
	first := h.threads[visitor].events[0]
	h.mu.Unlock()
	old := row
	old.LastSeq, old.Status = 1, chat.Waiting
	h.broadcast(chat.Notice{Kind: chat.NoticeConversation, Conversation: &old, Events: []chat.ThreadEvent{first}})
	h.broadcast(chat.Notice{Kind: chat.NoticeConversation, Conversation: &row, Events: h.threads[visitor].events})
	h.reply(visitor, "new", chat.Out)
	if f := tab.hear(); len(f.Items) != 1 || f.Items[0].Text != "new" || f.Chat.State != stateAgent {
		t.Errorf("%+v", f)
	}
}

func TestAReconnectBringsWhatWasMissedAndNothingTwice(t *testing.T) {
	t.Parallel()
	h := open(t)
	token, visitor, tab := h.talk()
	tab.say(`{"type":"sync"}`)
	if err := tab.conn.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the socket is gone", func() bool { return h.srv.Sockets() == 0 })
	h.reply(visitor, "while away", chat.Out)
	f := h.enter(token, "").hear()
	if f.Type != typeWelcome || f.Items[len(f.Items)-1].Text != "while away" || f.Chat.State != stateAgent {
		t.Fatalf("%+v", f)
	}
	again := h.enter(token, f.Cursor).hear()
	if !again.Same || len(again.Items) != 0 || again.Cursor != f.Cursor || again.Chat.Agent.Name != "Deniz" {
		t.Errorf("%+v", again)
	}
}

func TestOlderMessagesComeByThePage(t *testing.T) {
	t.Parallel()
	h := open(t)
	token, visitor, _ := h.talk()
	for i := range 120 {
		h.reply(visitor, fmt.Sprint(i), chat.Out)
	}
	tab := h.enter(token, "")
	f := tab.hear()
	seen := map[string]bool{}
	pages := 0
	for {
		pages++
		for _, it := range f.Items {
			if seen[it.ID] {
				t.Fatalf("%s twice", it.ID)
			}
			seen[it.ID] = true
		}
		if !f.More {
			break
		}
		tab.say(`{"type":"history","before":"` + f.Items[0].Conv + ":" + fmt.Sprint(f.Items[0].Seq) + `"}`)
		f = tab.until(typeHistory)
	}
	if len(seen) != 122 || pages != 3 {
		t.Errorf("%d items on %d pages", len(seen), pages)
	}
}

func TestAllTabsOfAVisitorAreTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	token, visitor, one := h.talk()
	two := h.enter(token, "")
	two.until(typeWelcome)
	h.reply(visitor, "to both", chat.Out)
	for _, tab := range []*tab{one, two} {
		if f := tab.until(typeNews); f.Items[0].Text != "to both" {
			t.Errorf("%+v", f)
		}
	}
	for range socketsPerOne - 2 {
		h.enter(token, "").until(typeWelcome)
	}
	if code := h.enter(token, "").closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("one tab too many: %d", code)
	}
}

func TestABadFrameEndsTheSocketWithItsCode(t *testing.T) { // B60
	t.Parallel()
	h := open(t)
	for name, tc := range map[string]struct {
		kind int
		data string
		want int
	}{
		"too large":      {websocket.TextMessage, strings.Repeat("x", 1<<20), websocket.CloseMessageTooBig},
		"just too large": {websocket.TextMessage, strings.Repeat("x", frameLimit+1), websocket.CloseMessageTooBig},
		"not UTF-8":      {websocket.TextMessage, "{\"type\":\"message\",\"text\":\"\xff\xfe\"}", websocket.CloseInvalidFramePayloadData},
		"not JSON":       {websocket.TextMessage, "{", websocket.CloseInvalidFramePayloadData},
		"unknown":        {websocket.TextMessage, `{"type":"admin"}`, websocket.CloseInvalidFramePayloadData},
		"binary":         {websocket.BinaryMessage, `{"type":"ping"}`, websocket.CloseUnsupportedData},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, _ := h.newVisitor()
			tab := h.enter(token, "")
			tab.until(typeWelcome)
			if err := tab.conn.WriteMessage(tc.kind, []byte(tc.data)); err != nil {
				t.Fatal(err)
			}
			if code := tab.closed(); code != tc.want {
				t.Errorf("closed with %d, want %d", code, tc.want)
			}
		})
	}
}

func TestAFloodEndsTheSocket(t *testing.T) { // B60
	t.Parallel()
	h := open(t)
	for name, flood := range map[string]func(*websocket.Conn) error{
		"tiny frames": func(c *websocket.Conn) error {
			return c.WriteMessage(websocket.TextMessage, []byte(`{"type":"typing"}`))
		},
		"pings": func(c *websocket.Conn) error {
			return c.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, _ := h.newVisitor()
			tab := h.enter(token, "")
			tab.until(typeWelcome)
			for range 10_000 {
				if flood(tab.conn) != nil {
					break // refused already
				}
			}
			if code := tab.closed(); code != websocket.ClosePolicyViolation {
				t.Errorf("closed with %d", code)
			}
		})
	}
}

func TestHelloComesFirst(t *testing.T) {
	t.Parallel()
	h := open(t)
	tab, _, err := h.dial(h.shop, h.url)
	if err != nil {
		t.Fatal(err)
	}
	tab.say(message(uuid.NewString(), "x"))
	if code := tab.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d", code)
	}
	if n := len(h.events()); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestAVisitorMayWriteThirtyMessagesAMinuteWhateverTheTab(t *testing.T) { // S48
	t.Parallel()
	h := open(t)
	token, _ := h.newVisitor()
	tabs := []*tab{h.enter(token, ""), h.enter(token, "")}
	for _, tab := range tabs {
		tab.until(typeWelcome)
	}
	for i := range defaultMessagesPerMinute {
		tabs[i%2].say(message(uuid.NewString(), "x"))
		tabs[i%2].until(typeAck)
	}
	id := uuid.NewString()
	tabs[0].say(message(id, "x"))
	if f := tabs[0].until(typeRefused); f.ClientID != id || f.Code != chat.CodeRateLimited || f.RetryAfter != 60 {
		t.Errorf("%+v", f)
	}
	h.pass(time.Minute)
	tabs[1].say(message(id, "x"))
	tabs[1].until(typeAck)
	if n := len(h.events()); n != defaultMessagesPerMinute+1 {
		t.Errorf("%d events", n)
	}
}

func TestTheVisitorsClockIsIgnored(t *testing.T) { // B59
	t.Parallel()
	h := open(t)
	_, _, tab := h.talk()
	tab.say(`{"type":"read","at":"2099-01-01T00:00:00Z"}`)
	tab.say(`{"type":"read","at":"1999-01-01T00:00:00Z"}`) // older than what was read: nothing
	tab.say(`{"type":"ping"}`)
	tab.until(typePong)
	events := h.events()
	if last := events[len(events)-1]; len(events) != 2 || last.Type != typeRead || !last.At.Equal(h.Now()) {
		t.Errorf("%+v", events)
	}
}

func TestAReadMarkIsAnEventUpToATimeThatWeGave(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, visitor, tab := h.talk()
	h.reply(visitor, "read me", chat.Out)
	it := tab.until(typeNews).Items[0]
	h.pass(time.Minute)
	tab.say(`{"type":"read","at":"` + it.SentAt.Format(time.RFC3339Nano) + `"}`)
	eventually(t, "a read event", func() bool { return len(h.events()) == 2 })
	if e := h.events()[1]; e.Type != typeRead || !e.At.Equal(it.SentAt.Add(time.Microsecond)) || e.Visitor != visitor {
		t.Errorf("%+v", e)
	}
}

func TestTextsAndNamesAreLiteralAndBounded(t *testing.T) { // B55, B56
	t.Parallel()
	h := open(t)
	token, _ := h.newVisitor()
	tab := h.enter(token, "")
	tab.until(typeWelcome)
	for text, code := range map[string]chat.Code{
		"":                        chat.CodeEmptyMessage,
		"   \n":                   chat.CodeEmptyMessage,
		strings.Repeat("ğ", 4001): chat.CodeTextTooLong,
	} {
		id := uuid.NewString()
		tab.say(message(id, text))
		if f := tab.until(typeRefused); f.ClientID != id || f.Code != code {
			t.Errorf("%.10q: %+v", text, f)
		}
	}
	tab.say(`{"type":"message","client_id":"` + uuid.NewString() + `","text":"<img src=x onerror=alert(1)>\u0000\r\nçok\u0007 iyi",
		"locale":"tr;DROP","name":"{{7*7}} ${jndi:ldap://x}\u0000\n ` + strings.Repeat("ş", 5000) + `"}`)
	tab.until(typeAck)
	e := h.events()[0]
	if e.Text != "<img src=x onerror=alert(1)>\nçok iyi" {
		t.Errorf("%q", e.Text)
	}
	if want := "{{7*7}} ${jndi:ldap://x} " + strings.Repeat("ş", 75); e.Name != want || e.Locale != "" {
		t.Errorf("%q %q", e.Name, e.Locale)
	}
}

func TestAPictureIsSentOnlyByWhoUploadedIt(t *testing.T) { // B68
	t.Parallel()
	h := open(t)
	_, visitor, tab := h.talk()
	_, stranger := h.newVisitor()
	send := func(file chat.AttachmentID) string {
		id := uuid.NewString()
		tab.say(`{"type":"message","client_id":"` + id + `","text":"","file":"` + file.String() + `"}`)
		return id
	}
	if id := send(h.put(stranger)); true {
		if f := tab.until(typeRefused); f.ClientID != id || f.Code != chat.CodeNotFound {
			t.Errorf("%+v", f)
		}
	}
	own := h.put(visitor)
	send(own)
	tab.until(typeAck)
	events := h.events()
	if m := events[len(events)-1].Media; m == nil || m.ID != own || m.Type != "image/png" {
		t.Errorf("%+v", m)
	}
	h.ingest()
	if f := tab.until(typeNews); len(f.Items[0].Media) != 1 || f.Items[0].Media[0].ID != own.String() {
		t.Errorf("%+v", f)
	}
}

func TestTypingIsNewsAndLeavesNoRow(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, visitor, tab := h.talk()
	tab.say(`{"type":"typing","on":true}`)
	tab.say(`{"type":"typing","on":true}`)
	tab.say(`{"type":"typing","on":false}`)
	tab.say(`{"type":"typing","on":false}`)
	tab.say(`{"type":"typing","on":true}`) // too soon
	tab.say(`{"type":"ping"}`)
	tab.until(typePong)
	if len(h.published) != 2 || !h.published[0].Typing || h.published[1].Typing {
		t.Fatalf("%+v", h.published)
	}
	n, th := h.published[0], h.threads[visitor]
	if n.Kind != chat.NoticeTyping || n.ConversationID != th.rows[0].ID || n.IdentityID != th.identity.ID {
		t.Errorf("%+v", n)
	}
	if len(h.events()) != 1 {
		t.Errorf("typing made a row")
	}
}

func TestSocketsEndWhenTheAccountIsSwitchedOffOrTheDoorShuts(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, _, tab := h.talk()
	off := h.shop
	off.State = chat.AccountDisabled
	h.broadcast(chat.Notice{Kind: chat.NoticeAccount, Account: &off})
	if code := tab.closed(); code != closeGone {
		t.Errorf("closed with %d", code)
	}
	_, _, tab = h.talk()
	if err := h.srv.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if code := tab.closed(); code != websocket.CloseGoingAway {
		t.Errorf("closed with %d", code)
	}
	if n := h.srv.Sockets(); n != 0 {
		t.Errorf("%d sockets after Close", n)
	}
}

func TestAnAgentsAbsenceIsTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, visitor, tab := h.talk()
	h.mu.Lock()
	id := h.threads[visitor].rows[0].AgentID
	agent := h.agents[id]
	agent.Presence = chat.OnBreak
	h.agents[id] = agent
	h.mu.Unlock()
	h.broadcast(chat.Notice{Kind: chat.NoticePresence, Presence: &chat.PresenceNotice{Agent: id, Presence: chat.OnBreak}})
	if f := tab.until(typeNews); f.Chat.Agent == nil || f.Chat.Agent.Online {
		t.Errorf("%+v", f.Chat)
	}
}

func TestSilenceEndsASocket(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.srv.pace.hello = 20 * time.Millisecond
	tab, _, err := h.dial(h.shop, h.url)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := tab.conn.ReadMessage(); err == nil {
		t.Error("a socket without hello was kept")
	}
	h = open(t)
	h.srv.pace.silent = 3 * time.Second
	h.srv.pace.ping = 500 * time.Millisecond
	_, _, tab = h.talk()
	for range 10 { // pongs are answered while we read
		tab.say(`{"type":"ping"}`)
		tab.until(typePong)
	}
	eventually(t, "who answers no ping is gone", func() bool { return h.srv.Sockets() == 0 })
}

func TestWhoDoesNotReadIsDisconnected(t *testing.T) { // F35
	t.Parallel()
	h := open(t)
	h.srv.pace.write = 50 * time.Millisecond
	_, visitor, _ := h.talk()
	text := strings.Repeat("x", 4000)
	deadline := time.Now().Add(time.Minute)
	for h.srv.Sockets() > 0 {
		if time.Now().After(deadline) {
			t.Fatal("a slow reader is still there")
		}
		h.reply(visitor, text, chat.Out)
	}
}

func TestAChangedAccountIsKnownAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	title := func() string {
		_, _, body := h.call("GET", h.path(h.shop, "config"), nil, "Origin", "https://shop.example")
		return body
	}
	title()
	h.mu.Lock()
	h.shop.Settings["title"] = "Yeni Ad"
	h.mu.Unlock()
	if strings.Contains(title(), "Yeni Ad") {
		t.Error("every page view asks the record")
	}
	h.broadcast(chat.Notice{Kind: chat.NoticeSettings, What: "accounts"})
	if got := title(); !strings.Contains(got, "Yeni Ad") {
		t.Error(got)
	}
}

func TestMessageTextNeverReachesTheLog(t *testing.T) { // S60
	t.Parallel()
	h := open(t)
	h.accept = func(context.Context, []chat.RawEvent) error { return errors.New("the disk is full") }
	token, _ := h.newVisitor()
	tab := h.enter(token, "")
	tab.until(typeWelcome)
	tab.say(message(uuid.NewString(), "my card is 4111 1111"))
	tab.until(typeRefused)
	h.mu.Lock()
	defer h.mu.Unlock()
	if log := h.log.String(); !strings.Contains(log, "the disk is full") || strings.Contains(log, "4111") || strings.Contains(log, token) {
		t.Error(log)
	}
}
