package webchat

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// event is what gateway/widget writes of a visitor's deed. Times are our own server's: a visitor's clock is never asked
// (RELIABILITY.md B59). A visitor types without an event: that is not worth a row.
type event struct {
	V       int       `json:"v"` // 1
	Type    string    `json:"type"`
	Account string    `json:"account"` // the account's id
	Visitor string    `json:"visitor"` // the visitor's id
	Name    string    `json:"name"`    // as the visitor, or the site, gave it; nobody has proved it
	Locale  string    `json:"locale"`
	At      time.Time `json:"at"` // message: when it reached us. read: everything up to then was seen

	// Of a message:
	ID      string      `json:"id"` // made by the browser, the same for every attempt: the first one counts (B58)
	Text    string      `json:"text"`
	Media   *chat.Media `json:"media"`    // a file that this visitor uploaded
	ReplyTo string      `json:"reply_to"` // an agent's message by our id, the visitor's own by the id above
	Page    *page       `json:"page"`     // where a chat was begun
}

type page struct {
	URL   string `json:"url"`
	Title string `json:"title"`
}

// The types of event.
const (
	typeMessage = "message"
	typeRead    = "read"
)

// nameLimit is the most characters of a visitor's name (RELIABILITY.md B56).
const nameLimit = 100

func webhook() *channels.Webhook {
	return &channels.Webhook{
		Verify: func(channels.Request, channels.Secrets) error {
			return errors.New("webchat: events come from our own widget, never from outside")
		},
		Challenge: func(channels.Request, channels.Secrets) ([]byte, bool) { return nil, false },
		Route: func(r channels.Request) []chat.AccountKey {
			e, err := read(r.Body)
			if err != nil {
				return nil
			}
			return []chat.AccountKey{e.key()}
		},
		Parse: func(raw chat.RawEvent) ([]chat.Inbound, error) {
			e, err := read(raw.Body)
			if err != nil {
				return nil, err
			}
			return []chat.Inbound{e.inbound()}, nil
		},
	}
}

// read takes an event apart. An error means that it cannot be one of ours at all.
func read(body []byte) (event, error) {
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return event{}, fmt.Errorf("webchat: not an event: %w", err)
	}
	for what, id := range map[string]string{"account": e.Account, "visitor": e.Visitor} {
		if !isUUID(id) {
			return event{}, fmt.Errorf("webchat: the event's %s is no id", what)
		}
	}
	e.At = e.At.UTC()
	return e, nil
}

func (e *event) key() chat.AccountKey {
	return chat.AccountKey{Kind: chat.Webchat, Type: KeyType, Value: e.Account}
}

// inbound says what happened. What a later version may write in addition is ignored with a note.
func (e *event) inbound() chat.Inbound {
	in := chat.Inbound{
		Account: e.key(),
		From:    []chat.Address{{Kind: chat.Webchat, Scope: e.Account, Type: chat.AddressVisitor, Value: e.Visitor}},
		Profile: chat.Profile{Name: cut(strings.TrimSpace(text(e.Name)), nameLimit), Language: text(e.Locale)},
		At:      e.At,
	}
	switch {
	case e.V != 1:
		in.Kind, in.Note = chat.InboundIgnoredKind, "unknown_version"
	case e.Type == typeRead:
		in.Kind = chat.InboundStatusKind
		in.Status = &chat.InboundStatus{UpTo: true, Status: chat.StatusRead}
	case e.Type != typeMessage:
		in.Kind, in.Note = chat.InboundIgnoredKind, "unknown_type"
	case !isUUID(e.ID) || text(e.Text) == "" && e.Media == nil:
		in.Kind, in.Note = chat.InboundIgnoredKind, "empty_message"
	default:
		in.Kind = chat.InboundMessageKind
		in.Message = e.message()
	}
	return in
}

func (e *event) message() *chat.InboundMessage {
	m := &chat.InboundMessage{
		ExternalID:    e.ID,
		Direction:     chat.In,
		Source:        chat.SourceContact,
		Kind:          chat.KindText,
		Text:          text(e.Text),
		ReplyExternal: text(e.ReplyTo),
		OpensWindow:   true,
	}
	if f := e.Media; f != nil {
		m.Kind = kindOf(*f)
		m.Content.Media = []chat.Media{{
			ID: f.ID, State: chat.MediaReady, Type: text(f.Type), Name: chat.CleanFilename(f.Name), Size: f.Size,
			Width: f.Width, Height: f.Height, DurationMS: f.DurationMS, Animated: f.Animated, Voice: f.Voice, Thumb: f.Thumb,
		}}
		m.Refs = []chat.MediaRef{{}} // ours already: nothing to fetch
	}
	if e.Page != nil && e.Page.URL != "" {
		m.Content.Referral = &chat.Referral{Source: "page", URL: text(e.Page.URL), Headline: text(e.Page.Title)}
	}
	return m
}

// kindOf tells what a message with this file is.
func kindOf(m chat.Media) chat.MessageKind {
	switch family, _, _ := strings.Cut(m.Type, "/"); {
	case m.Voice:
		return chat.KindVoice
	case family == "image":
		return chat.KindImage
	case family == "video":
		return chat.KindVideo
	case family == "audio":
		return chat.KindAudio
	}
	return chat.KindDocument
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n])
}

// text leaves out what no text column takes.
func text(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// isUUID tells whether an id is one, in its one spelling.
func isUUID(s string) bool {
	_, err := chat.ParseID[chat.MessageID](s)
	return err == nil && s == strings.ToLower(s)
}
