package instagram

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"gatehouse/channels"
	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
)

// sender is one professional account. It keeps nothing between calls.
type sender struct {
	graph   *graph.Client
	files   *http.Client // for addresses that webhooks give; without our token
	account string
	node    string // that sends: the account, or the Page behind it
	now     func() time.Time
}

// All that Instagram can do.
var (
	_ channels.MediaFetcher = (*sender)(nil)
	_ channels.Typer        = (*sender)(nil)
	_ channels.ReadMarker   = (*sender)(nil)
	_ channels.Health       = (*sender)(nil)

	_ channels.ProfileFetcher = (*sender)(nil)
)

// outgoing is the body of POST /{node}/messages (PROTOCOLS.md §6).
type outgoing struct {
	Recipient party       `json:"recipient"`
	Type      string      `json:"messaging_type,omitempty"`
	Tag       string      `json:"tag,omitempty"`
	Message   *outMessage `json:"message,omitempty"`
	ReplyTo   *outReply   `json:"reply_to,omitempty"`
	Action    string      `json:"sender_action,omitempty"`
	Payload   *outTarget  `json:"payload,omitempty"`
}

type outMessage struct {
	Text         string          `json:"text,omitempty"`
	Attachment   *outAttachment  `json:"attachment,omitempty"`
	Attachments  []outAttachment `json:"attachments,omitempty"`
	QuickReplies []outQuickReply `json:"quick_replies,omitempty"`
}

type outAttachment struct {
	Type    string  `json:"type"`
	Payload outFile `json:"payload"`
}

type outFile struct {
	URL string `json:"url,omitempty"`
	ID  string `json:"attachment_id,omitempty"`
}

type outQuickReply struct {
	Type    string `json:"content_type"`
	Title   string `json:"title"`
	Payload string `json:"payload"`
}

type outReply struct {
	ID string `json:"mid"`
}

type outTarget struct {
	Message  string `json:"message_id"`
	Reaction string `json:"reaction,omitempty"`
}

// Send hands one message over. Instagram has no idempotency key and repeats no id of ours: after any error but a
// *chat.SendError only the echo tells whether it went out.
func (s *sender) Send(ctx context.Context, out chat.Outbound) (chat.Receipt, error) {
	body, err := s.compose(out)
	if err != nil {
		return chat.Receipt{}, err
	}
	var answer struct {
		ID graph.Loose `json:"message_id"`
	}
	if err := s.graph.Post(ctx, &answer, body, s.node, "messages"); err != nil {
		return chat.Receipt{}, err
	}
	if answer.ID == "" && body.Message != nil {
		return chat.Receipt{}, errors.New("instagram: the answer names no message")
	}
	return chat.Receipt{ExternalID: graph.ID(answer.ID), At: s.now()}, nil
}

// compose writes a message as the API wants it. It refuses, with a *chat.SendError, what Instagram cannot carry rather
// than leave a part of the message out.
func (s *sender) compose(out chat.Outbound) (*outgoing, error) {
	to, err := s.recipient(out.To)
	if err != nil {
		return nil, err
	}
	body := &outgoing{Recipient: to}
	if r := out.Reaction; r != nil {
		body.Action, body.Payload = "react", &outTarget{Message: r.ExternalID, Reaction: reactionName(r.Emoji)}
		if r.Emoji == "" {
			body.Action = "unreact"
		}
		return body, nil
	}
	body.Type = "RESPONSE"
	if out.Tag != "" {
		body.Type, body.Tag = "MESSAGE_TAG", out.Tag
	}
	if out.ReplyTo != "" {
		body.ReplyTo = &outReply{ID: out.ReplyTo}
	}
	body.Message = &outMessage{}
	switch {
	case out.Template != nil, out.List != nil, out.Header != "", out.Footer != "", out.Location != nil, len(out.Contacts) > 0:
		return nil, refuse(chat.CodeNotSupported, "instagram carries no "+string(out.Kind))
	case out.Kind.HasMedia() && (out.Text != "" || len(out.Buttons) > 0):
		return nil, refuse(chat.CodeNotSupported, "instagram carries no caption")
	case out.Kind.HasMedia():
		return body, body.Message.media(out)
	case out.Kind != chat.KindText && out.Kind != chat.KindInteractive:
		return nil, refuse(chat.CodeNotSupported, "instagram carries no "+string(out.Kind))
	}
	body.Message.Text = out.Text
	for _, b := range out.Buttons {
		if b.URL != "" {
			return nil, refuse(chat.CodeNotSupported, "instagram carries no link buttons")
		}
		body.Message.QuickReplies = append(body.Message.QuickReplies, outQuickReply{Type: "text", Title: b.Title, Payload: b.ID})
	}
	return body, nil
}

// media writes one file, or several images.
func (m *outMessage) media(out chat.Outbound) error {
	kind, ok := map[chat.MessageKind]string{
		chat.KindImage: "image", chat.KindVideo: "video", chat.KindAudio: "audio", chat.KindVoice: "audio", chat.KindDocument: "file",
	}[out.Kind]
	if !ok || len(out.Media) == 0 || len(out.Media) > 1 && kind != "image" {
		return refuse(chat.CodeNotSupported, "instagram carries one file a message, or several images")
	}
	for _, f := range out.Media {
		a := outAttachment{Type: kind, Payload: outFile{ID: f.ProviderID}}
		if f.ProviderID == "" {
			a.Payload.URL = f.URL
		}
		if f.ProviderID == "" && f.URL == "" {
			return refuse(chat.CodeInvalid, "the file has no public address")
		}
		m.Attachments = append(m.Attachments, a)
	}
	if len(m.Attachments) == 1 {
		m.Attachment, m.Attachments = &m.Attachments[0], nil
	}
	return nil
}

// reactionName is how the API calls a reaction: the heart has a name, others are sent as they are.
func reactionName(emoji string) string {
	if emoji == "❤️" || emoji == "❤" {
		return "love"
	}
	return emoji
}

func (s *sender) recipient(to []chat.Address) (party, error) {
	for _, a := range to {
		if a.Type == chat.AddressIGSID && a.Scope == s.account {
			return party{ID: graph.Loose(a.Value)}, nil
		}
	}
	return party{}, refuse(chat.CodeUndeliverable, "the contact has no address on this Instagram account")
}

// Typing shows that somebody is typing.
func (s *sender) Typing(ctx context.Context, to []chat.Address, _ string) error {
	return s.act(ctx, to, "typing_on")
}

// MarkRead marks the whole conversation as seen.
func (s *sender) MarkRead(ctx context.Context, to []chat.Address, _ string) error {
	return s.act(ctx, to, "mark_seen")
}

func (s *sender) act(ctx context.Context, to []chat.Address, action string) error {
	who, err := s.recipient(to)
	if err != nil {
		return err
	}
	return s.graph.Post(ctx, &struct{}{}, outgoing{Recipient: who, Action: action}, s.node, "messages")
}

// Check asks whether the token works and belongs to the account.
func (s *sender) Check(ctx context.Context) error {
	var account struct {
		ID graph.Loose `json:"id"`
	}
	return s.graph.Get(ctx, &account, url.Values{"fields": {"id"}}, s.account)
}

// FetchMedia opens a file by the address that the webhook gave. Such addresses are signed and expire; they get no token of
// ours, and where they may point is decided by the client that Open was given.
func (s *sender) FetchMedia(ctx context.Context, ref chat.MediaRef) (io.ReadCloser, string, int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ref.URL, nil)
	if err != nil || ref.URL == "" {
		return nil, "", 0, chat.Errorf(chat.CodeInvalid, "the file has no readable address")
	}
	req.Header.Set("User-Agent", "gatehouse/1")
	resp, err := s.files.Do(req)
	var where *url.Error
	switch {
	case errors.As(err, &where):
		return nil, "", 0, fmt.Errorf("instagram: no file: %w", where.Err) // without the signed address
	case err != nil:
		return nil, "", 0, fmt.Errorf("instagram: no file: %w", err)
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone || resp.StatusCode == http.StatusForbidden:
		_ = resp.Body.Close() // read only
		return nil, "", 0, chat.Errorf(chat.CodeNotFound, "the file's address has expired")
	case resp.StatusCode != http.StatusOK:
		_ = resp.Body.Close() // read only
		return nil, "", 0, fmt.Errorf("instagram: no file: HTTP %d", resp.StatusCode)
	}
	return resp.Body, resp.Header.Get("Content-Type"), resp.ContentLength, nil
}

// refuse says that nothing was sent, and why it never will be.
func refuse(code chat.Code, detail string) *chat.SendError {
	return &chat.SendError{Code: code, Retry: chat.RetryNever, Detail: detail}
}
