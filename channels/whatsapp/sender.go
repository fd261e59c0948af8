package whatsapp

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	"gatehouse/channels"
	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
	"gatehouse/templates"
)

// sender is one number. It keeps nothing between calls.
type sender struct {
	graph    *graph.Client
	number   string // phone_number_id
	business string // business_account_id
	now      func() time.Time
}

// All that WhatsApp can do.
var (
	_ channels.MediaFetcher   = (*sender)(nil)
	_ channels.MediaUploader  = (*sender)(nil)
	_ channels.TemplateLister = (*sender)(nil)
	_ channels.Typer          = (*sender)(nil)
	_ channels.ReadMarker     = (*sender)(nil)
	_ channels.Health         = (*sender)(nil)
)

// Send hands one message over. WhatsApp has no idempotency key: after any error but a *chat.SendError only the status
// webhook, which repeats the message id, tells whether it went out.
func (s *sender) Send(ctx context.Context, out chat.Outbound) (chat.Receipt, error) {
	body, err := compose(out)
	if err != nil {
		return chat.Receipt{}, err
	}
	var answer struct {
		Contacts []struct {
			WaID   graph.Loose `json:"wa_id"`
			UserID graph.Loose `json:"user_id"`
		} `json:"contacts"`
		Messages []struct {
			ID     graph.Loose `json:"id"`
			Status string      `json:"message_status"`
		} `json:"messages"`
	}
	if err := s.graph.Post(ctx, &answer, body, s.number, "messages"); err != nil {
		return chat.Receipt{}, err
	}
	if len(answer.Messages) != 1 || answer.Messages[0].ID == "" {
		return chat.Receipt{}, errors.New("whatsapp: the answer names no message")
	}
	receipt := chat.Receipt{ExternalID: graph.ID(answer.Messages[0].ID), At: s.now()}
	switch answer.Messages[0].Status {
	case "held_for_quality_assessment", "paused":
		receipt.Held = true
	}
	for _, c := range answer.Contacts {
		receipt.Addresses = append(receipt.Addresses, addresses(bsuid(c.UserID), phone(c.WaID))...)
	}
	return receipt, nil
}

// mark is a read receipt, and on request the typing sign, which WhatsApp shows for up to 25 seconds.
type mark struct {
	Product string  `json:"messaging_product"`
	Status  string  `json:"status"`
	Message string  `json:"message_id"`
	Typing  *typing `json:"typing_indicator,omitempty"`
}

type typing struct {
	Type string `json:"type"`
}

// Typing shows that somebody is typing. It cannot be had without marking lastInbound as read.
func (s *sender) Typing(ctx context.Context, _ []chat.Address, lastInbound string) error {
	return s.mark(ctx, mark{Message: lastInbound, Typing: &typing{Type: "text"}})
}

// MarkRead marks lastInbound, and what came before it, as read.
func (s *sender) MarkRead(ctx context.Context, _ []chat.Address, lastInbound string) error {
	return s.mark(ctx, mark{Message: lastInbound})
}

func (s *sender) mark(ctx context.Context, m mark) error {
	if m.Message == "" {
		return chat.Errorf(chat.CodeInvalid, "whatsapp marks a message, and there is none")
	}
	m.Product, m.Status = "whatsapp", "read"
	return s.graph.Post(ctx, &struct{}{}, m, s.number, "messages")
}

// Check asks whether token and number work together, and whether the number is connected.
func (s *sender) Check(ctx context.Context) error {
	var number struct {
		ID     graph.Loose `json:"id"`
		Status graph.Loose `json:"status"`
	}
	if err := s.graph.Get(ctx, &number, url.Values{"fields": {"id,status"}}, s.number); err != nil {
		return err
	}
	switch number.Status {
	case "BANNED", "DELETED", "DISCONNECTED", "MIGRATED", "PENDING", "UNVERIFIED":
		return &chat.SendError{
			Code: chat.CodeAccountDisconnected, Retry: chat.RetryNever, Detail: "the number is " + string(number.Status), Effect: chat.EffectAccountBroken,
		}
	}
	return nil // CONNECTED, or limited in ways that each send tells
}

// templatePages bounds a list of templates, 100 to a page; an account has at most 6,000 (PROTOCOLS.md §4).
const templatePages = 100

// ListTemplates reads all templates of the business account. Beside an error it may return the templates that could be
// read: keep those, and do not take the absence of others for a deletion.
func (s *sender) ListTemplates(ctx context.Context) ([]templates.Template, error) {
	if s.business == "" {
		return nil, chat.Errorf(chat.CodeInvalid, "%s is missing", settingBusiness)
	}
	query := url.Values{"limit": {"100"}, "fields": {"id,name,language,status,category,sub_category,previous_category,correct_category," +
		"components,parameter_format,quality_score,rejected_reason,message_send_ttl_seconds,cta_url_link_tracking_opted_out"}}
	var all []templates.Template
	var unread []error
	for range templatePages {
		var page []byte
		if err := s.graph.Get(ctx, &page, query, s.business, "message_templates"); err != nil {
			return all, errors.Join(append(unread, err)...)
		}
		some, next, err := templates.ParseList(page)
		all = append(all, some...)
		if err != nil {
			unread = append(unread, err)
		}
		if next == "" || next == query.Get("after") {
			return all, errors.Join(unread...)
		}
		query.Set("after", next)
	}
	return all, errors.Join(append(unread, errors.New("whatsapp: more than "+strconv.Itoa(templatePages)+" pages of templates"))...)
}
