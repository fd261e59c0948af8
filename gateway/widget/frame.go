package widget

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/chat"
)

// The words of a visitor's socket. The first frame is hello; the answer is welcome. After it, in any order:
//
//	message {client_id, text?, file?, reply_to?,    → ack {client_id} once it is committed, or refused {client_id, code}
//	         page?, name?, locale?}
//	typing {on}                                     → nothing
//	read {at}                                       → nothing; at is the sent_at of the newest message that was seen
//	history {before}                                → history {items, more}
//	sync                                            → welcome: this tab learnt that there is more than it knows
//	ping                                            → pong
//
// What the server says by itself: welcome {chat, items, more, cursor}, news {chat, items, cursor}, typing {on}. Items are
// keyed by id: a later one with the same id replaces the earlier.
const (
	typeHello   = "hello"
	typeMessage = "message"
	typeTyping  = "typing"
	typeRead    = "read"
	typeHistory = "history"
	typeSync    = "sync"
	typePing    = "ping"

	typeWelcome = "welcome"
	typeNews    = "news"
	typeAck     = "ack"
	typeRefused = "refused"
	typePong    = "pong"
)

// visitorFrame is one frame of a visitor, read and found in order.
type visitorFrame struct {
	Type string `json:"type"`

	// hello
	Token string `json:"token"`
	After string `json:"after"` // the cursor that the tab has: nothing newer, nothing sent

	// message
	Name     string            `json:"name"`   // at most 100 characters
	Locale   string            `json:"locale"` // "tr", "en-GB"
	ClientID string            `json:"client_id"`
	Text     string            `json:"text"`
	File     chat.AttachmentID `json:"-"`
	FileText string            `json:"file"`
	ReplyTo  string            `json:"reply_to"`
	Page     *pageInfo         `json:"page"`

	On       bool      `json:"on"`
	At       time.Time `json:"at"`
	Before   chat.Event
	BeforeID string `json:"before"`
}

// pageInfo is where on the site a chat is begun.
type pageInfo struct {
	URL   string `json:"url"`
	Title string `json:"title"`
}

// The most characters of what a visitor may say about itself and the page.
const (
	nameLimit   = 100 // RELIABILITY.md B56
	localeLimit = 20
	titleLimit  = 200
	urlLimit    = 1000
)

// parseFrame reads a frame from a visitor. It is a pure function of the bytes. Only what makes the frame unreadable is an
// error; what a message must not be (empty, too long) is checked later, so that the answer can name the message.
func parseFrame(data []byte) (visitorFrame, error) {
	var f visitorFrame
	switch {
	case len(data) > frameLimit:
		return f, chat.Errorf(chat.CodeTooLarge, "frame of %d bytes", len(data))
	case !utf8.Valid(data):
		return f, chat.Errorf(chat.CodeInvalid, "frame is not UTF-8")
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return visitorFrame{}, chat.Errorf(chat.CodeInvalid, "frame is not the JSON of one")
	}
	f.Name = limit(line(f.Name), nameLimit)
	f.Locale = locale(f.Locale)
	f.Text = prose(f.Text)
	f.Page = f.Page.clean()
	f.At = f.At.UTC()
	switch f.Type {
	case typeHello:
		if f.Token == "" || len(f.Token) > 100 {
			return visitorFrame{}, chat.Errorf(chat.CodeInvalid, "hello without a token")
		}
	case typeMessage:
		if _, err := chat.ParseID[chat.MessageID](f.ClientID); err != nil || strings.ToLower(f.ClientID) != f.ClientID {
			return visitorFrame{}, chat.Errorf(chat.CodeInvalid, "client_id is not a UUID")
		}
		if f.FileText != "" {
			id, err := chat.ParseID[chat.AttachmentID](f.FileText)
			if err != nil {
				return visitorFrame{}, chat.Errorf(chat.CodeInvalid, "file is not a UUID")
			}
			f.File = id
		}
		if f.ReplyTo != "" {
			if _, err := chat.ParseID[chat.MessageID](f.ReplyTo); err != nil {
				return visitorFrame{}, chat.Errorf(chat.CodeInvalid, "reply_to is not a UUID")
			}
		}
	case typeRead:
		if f.At.IsZero() {
			return visitorFrame{}, chat.Errorf(chat.CodeInvalid, "read without at")
		}
	case typeHistory:
		before, ok := parseRef(f.BeforeID)
		if !ok {
			return visitorFrame{}, chat.Errorf(chat.CodeInvalid, "before is no event")
		}
		f.Before = before
	case typeTyping, typeSync, typePing:
	default:
		return visitorFrame{}, chat.Errorf(chat.CodeInvalid, "no such type of frame")
	}
	return f, nil
}

// ref and parseRef write and read the name of an event: "<conversation>:<seq>".
func ref(conversation chat.ConversationID, seq int64) string {
	return conversation.String() + ":" + strconv.FormatInt(seq, 10)
}

func parseRef(s string) (chat.Event, bool) {
	id, number, _ := strings.Cut(s, ":")
	conversation, err := chat.ParseID[chat.ConversationID](id)
	if err != nil {
		return chat.Event{}, false
	}
	seq, err := strconv.ParseInt(number, 10, 64)
	return chat.Event{ConversationID: conversation, Seq: seq}, err == nil && seq > 0
}

// prose is a text as a person writes it: lines end in \n, and of the control characters only tabs remain.
func prose(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// line is a text on one line.
func line(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
}

// limit shortens s to n characters.
func limit(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

// locale keeps what looks like a language tag.
func locale(s string) string {
	for _, r := range s {
		if r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
			return ""
		}
	}
	return limit(s, localeLimit)
}

// clean keeps scheme, host and path of a page. What follows is often secret: a link to reset a password, a session.
func (p *pageInfo) clean() *pageInfo {
	if p == nil || len(p.URL) > 8*urlLimit {
		return nil
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil
	}
	u.User, u.RawQuery, u.Fragment, u.RawFragment, u.ForceQuery = nil, "", "", "", false
	if address := u.String(); len(address) <= urlLimit {
		return &pageInfo{URL: address, Title: limit(line(p.Title), titleLimit)}
	}
	return nil
}
