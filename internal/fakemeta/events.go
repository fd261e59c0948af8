package fakemeta

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// update is one thing that Meta has to tell: a message, a status, a change of a template. Several of one account may
// travel in one POST.
type update struct {
	account *account
	what    string // for the ledger: message, status, reaction, echo, …
	id      string // provider id
	field   string // WhatsApp: changes[].field
	value   *waValue
	plain   map[string]any // WhatsApp: value of an account-level field, which carries no metadata
	item    *igItem        // Instagram: one of entry[].messaging[]
}

// The shapes of PROTOCOLS.md §1.4–1.8.
type waValue struct {
	Product     string           `json:"messaging_product"`
	Metadata    waMetadata       `json:"metadata"`
	Contacts    []waContact      `json:"contacts,omitempty"`
	Messages    []waMessage      `json:"messages,omitempty"`
	Statuses    []waStatus       `json:"statuses,omitempty"`
	Echoes      []waMessage      `json:"message_echoes,omitempty"`
	Preferences []map[string]any `json:"user_preferences,omitempty"`
	Errors      []webhookError   `json:"errors,omitempty"`
}

type waMetadata struct {
	DisplayPhone  string `json:"display_phone_number"`
	PhoneNumberID string `json:"phone_number_id"`
}

type waContact struct {
	Profile waProfile `json:"profile"`
	WaID    string    `json:"wa_id,omitempty"`
	UserID  string    `json:"user_id,omitempty"`
}

type waProfile struct {
	Name     string `json:"name"`
	Username string `json:"username,omitempty"`
}

// waMessage is messages[]: the common keys, and content under a key named like the type.
type waMessage struct {
	From       string
	FromUserID string
	To         string // echoes only
	ToUserID   string // echoes only
	ID         string
	At         time.Time
	Type       string
	Content    any
	Context    *waReference
	Referral   *Referral
	Errors     []webhookError
}

type waReference struct {
	From                string `json:"from,omitempty"`
	ID                  string `json:"id,omitempty"`
	Forwarded           bool   `json:"forwarded,omitempty"`
	FrequentlyForwarded bool   `json:"frequently_forwarded,omitempty"`
}

// MarshalJSON puts the content under its type.
func (m waMessage) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	sep := byte('{')
	put := func(key string, v any) error {
		b.WriteByte(sep)
		sep = ','
		b.WriteString(strconv.Quote(key) + ":")
		err := enc.Encode(v)
		b.Truncate(b.Len() - 1) // the encoder's newline
		return err
	}
	for _, f := range []struct{ key, value string }{
		{"from", m.From},
		{"from_user_id", m.FromUserID},
		{"to", m.To},
		{"to_user_id", m.ToUserID},
		{"id", m.ID},
		{"timestamp", unix(m.At)},
		{"type", m.Type},
	} {
		if f.value == "" {
			continue
		}
		if err := put(f.key, f.value); err != nil {
			return nil, err
		}
	}
	for _, f := range []struct {
		key   string
		value any
		ok    bool
	}{
		{m.Type, m.Content, m.Content != nil},
		{"context", m.Context, m.Context != nil},
		{"referral", m.Referral, m.Referral != nil},
		{"errors", m.Errors, len(m.Errors) > 0},
	} {
		if !f.ok {
			continue
		}
		if err := put(f.key, f.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

type waStatus struct {
	ID              string          `json:"id"`
	Status          string          `json:"status"`
	Timestamp       string          `json:"timestamp"`
	RecipientID     string          `json:"recipient_id,omitempty"`
	RecipientUserID string          `json:"recipient_user_id,omitempty"`
	Conversation    *waConversation `json:"conversation,omitempty"`
	Pricing         *waPricing      `json:"pricing,omitempty"`
	Opaque          string          `json:"biz_opaque_callback_data,omitempty"`
	Errors          []webhookError  `json:"errors,omitempty"`
}

type waConversation struct {
	ID      string            `json:"id"`
	Expires string            `json:"expiration_timestamp"`
	Origin  map[string]string `json:"origin"`
}

type waPricing struct {
	Billable bool   `json:"billable"`
	Model    string `json:"pricing_model"`
	Type     string `json:"type"`
	Category string `json:"category"`
}

// Referral is the ad that brought a WhatsApp customer.
type Referral struct {
	SourceURL  string `json:"source_url"`
	SourceID   string `json:"source_id"`
	SourceType string `json:"source_type"` // ad, post
	Headline   string `json:"headline,omitempty"`
	Body       string `json:"body,omitempty"`
	MediaType  string `json:"media_type,omitempty"`
	ImageURL   string `json:"image_url,omitempty"`
	ClickID    string `json:"ctwa_clid,omitempty"`
	Welcome    *Text  `json:"welcome_message,omitempty"`
}

// Text is an object with a text, as Meta wraps many.
type Text struct {
	Text string `json:"text"`
}

// The shapes of PROTOCOLS.md §6.
type igItem struct {
	Sender    igParty        `json:"sender"`
	Recipient igParty        `json:"recipient"`
	Timestamp int64          `json:"timestamp"` // ms
	Message   *igMessage     `json:"message,omitempty"`
	Edit      map[string]any `json:"message_edit,omitempty"`
	Reaction  map[string]any `json:"reaction,omitempty"`
	Read      map[string]any `json:"read,omitempty"`
	Postback  map[string]any `json:"postback,omitempty"`
}

type igParty struct {
	ID string `json:"id"`
}

type igMessage struct {
	Mid           string            `json:"mid"`
	Text          string            `json:"text,omitempty"`
	Attachments   []igAttachment    `json:"attachments,omitempty"`
	QuickReply    map[string]string `json:"quick_reply,omitempty"`
	ReplyTo       map[string]any    `json:"reply_to,omitempty"`
	IsEcho        bool              `json:"is_echo,omitempty"`
	IsDeleted     bool              `json:"is_deleted,omitempty"`
	IsUnsupported bool              `json:"is_unsupported,omitempty"`
}

type igAttachment struct {
	Type    string         `json:"type"`
	Payload map[string]any `json:"payload,omitempty"` // like_heart has none
}

func (a *account) metadata() waMetadata { return waMetadata{a.DisplayPhone, a.PhoneNumberID} }

// contact is contacts[] for a person; a username user shows no number.
func (p *person) contact() waContact {
	c := waContact{Profile: waProfile{Name: p.Name, Username: p.Username}, UserID: p.UserID}
	if !p.HidePhone {
		c.WaID = p.Phone
	}
	return c
}

// visiblePhone is the number that webhooks may show.
func (p *person) visiblePhone() string {
	if p.HidePhone {
		return ""
	}
	return p.Phone
}

// encode puts updates of one webhook into one body. Values of one number and field are merged, as Meta batches them.
func encode(updates []update, now time.Time, escapeUnicode bool) ([]byte, error) {
	type entry struct {
		ID        string    `json:"id"`
		Time      int64     `json:"time,omitempty"`
		Changes   []any     `json:"changes,omitempty"`
		Messaging []*igItem `json:"messaging,omitempty"`
	}
	type change struct {
		Value any    `json:"value"`
		Field string `json:"field"`
	}
	object := "whatsapp_business_account"
	var entries []*entry
	byID := map[string]*entry{}
	merged := map[string]*waValue{}
	for _, u := range updates {
		id := u.account.BusinessAccountID
		if u.account.Kind == Instagram {
			object, id = "instagram", u.account.InstagramID
		}
		e := byID[id]
		if e == nil {
			e = &entry{ID: id}
			byID[id] = e
			entries = append(entries, e)
		}
		switch {
		case u.item != nil:
			e.Time = now.UnixMilli()
			e.Messaging = append(e.Messaging, u.item)
		case u.plain != nil:
			e.Time = now.Unix()
			e.Changes = append(e.Changes, change{u.plain, u.field})
		default:
			key := u.account.PhoneNumberID + "|" + u.field
			if v := merged[key]; v != nil {
				v.merge(u.value)
				continue
			}
			v := *u.value
			merged[key] = &v
			e.Changes = append(e.Changes, change{&v, u.field})
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct {
		Object string   `json:"object"`
		Entry  []*entry `json:"entry"`
	}{object, entries}); err != nil {
		return nil, err
	}
	body := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if escapeUnicode {
		body = escapeASCII(body)
	}
	return body, nil
}

func (v *waValue) merge(o *waValue) {
	for _, c := range o.Contacts {
		known := false
		for _, k := range v.Contacts {
			known = known || k.UserID == c.UserID && k.WaID == c.WaID
		}
		if !known {
			v.Contacts = append(slices.Clip(v.Contacts), c)
		}
	}
	v.Messages = append(slices.Clip(v.Messages), o.Messages...)
	v.Statuses = append(slices.Clip(v.Statuses), o.Statuses...)
	v.Echoes = append(slices.Clip(v.Echoes), o.Echoes...)
	v.Preferences = append(slices.Clip(v.Preferences), o.Preferences...)
	v.Errors = append(slices.Clip(v.Errors), o.Errors...)
}

// escapeASCII rewrites a JSON text so that it has no byte above 0x7F and no bare slash. Both occur only in strings.
func escapeASCII(body []byte) []byte {
	out := make([]byte, 0, len(body)+len(body)/4)
	for len(body) > 0 {
		r, n := utf8.DecodeRune(body)
		switch {
		case r == '/':
			out = append(out, `\/`...)
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		default:
			units := utf16.AppendRune(nil, r)
			for _, u := range units {
				const hex = "0123456789abcdef"
				out = append(out, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
			}
		}
		body = body[n:]
	}
	return out
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
