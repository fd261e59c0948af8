package whatsapp

import (
	"bytes"
	"encoding/json"
	"strings"

	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
)

// The shapes of PROTOCOLS.md §1.4–1.8. Changes, messages and statuses are read each by itself: one that has an unexpected
// shape does not take its neighbours along. Of a scalar given twice the last counts; route reads the same way, so that
// both agree.

type envelope struct {
	Object string  `json:"object"`
	Entry  []entry `json:"entry"`
}

type entry struct {
	ID      graph.Loose `json:"id"` // the business account
	Time    graph.Loose `json:"time"`
	Changes []change    `json:"changes"`
}

type change struct {
	Field string `json:"field"`
	Value value  `json:"value"`

	raw json.RawMessage // the value of a field that is about the account or a template; the whole of a bad change
	bad bool            // part of it has an unexpected shape
}

// UnmarshalJSON never fails: what could not be read is marked bad.
func (c *change) UnmarshalJSON(data []byte) error {
	type plain change
	*c = change{}
	c.bad = json.Unmarshal(data, (*plain)(c)) != nil
	switch {
	case !conversational(c.Field):
		var whole struct {
			Value json.RawMessage `json:"value"`
		}
		c.bad = json.Unmarshal(data, &whole) != nil
		c.raw = whole.Value
	case c.bad:
		c.raw = bytes.Clone(data)
	}
	return nil
}

// conversational tells the fields whose values are of one number and carry metadata, and mostly messages, from those that
// are about the account.
func conversational(field string) bool {
	switch field {
	case "messages", "smb_message_echoes", "smb_app_state_sync", "history", "user_preferences", "calls", "standby":
		return true
	}
	return strings.HasPrefix(field, "group_")
}

type value struct {
	Metadata    metadata      `json:"metadata"`
	Contacts    []contact     `json:"contacts"`
	Messages    []message     `json:"messages"`
	Statuses    []status      `json:"statuses"`
	Errors      []graph.Error `json:"errors"`
	Echoes      []message     `json:"message_echoes"`
	Sync        []stateSync   `json:"state_sync"`
	History     []history     `json:"history"`
	Preferences []preference  `json:"user_preferences"`
	Calls       []call        `json:"calls"`
}

type metadata struct {
	Display graph.Loose `json:"display_phone_number"`
	Number  graph.Loose `json:"phone_number_id"`
}

type contact struct {
	Profile struct {
		Name     graph.Loose `json:"name"`
		Username graph.Loose `json:"username"`
	} `json:"profile"`
	WaID   graph.Loose `json:"wa_id"`
	UserID graph.Loose `json:"user_id"`
}

// message is one of messages[], message_echoes[] or of a history thread.
type message struct {
	From       graph.Loose `json:"from"`
	FromUserID graph.Loose `json:"from_user_id"`
	To         graph.Loose `json:"to"`
	ToUserID   graph.Loose `json:"to_user_id"`
	GroupID    graph.Loose `json:"group_id"`
	ID         graph.Loose `json:"id"`
	Timestamp  graph.Loose `json:"timestamp"`
	Type       graph.Loose `json:"type"`

	Context  *quote        `json:"context"`
	Referral *referral     `json:"referral"`
	Errors   []graph.Error `json:"errors"`
	Origin   graph.Loose   `json:"origin"`
	Archived *archived     `json:"history_context"`

	Text        *text           `json:"text"`
	Image       *file           `json:"image"`
	Video       *file           `json:"video"`
	Audio       *file           `json:"audio"`
	Document    *file           `json:"document"`
	Sticker     *file           `json:"sticker"`
	Location    *location       `json:"location"`
	Contacts    json.RawMessage `json:"contacts"`
	Reaction    *reaction       `json:"reaction"`
	Interactive *interactive    `json:"interactive"`
	Button      *button         `json:"button"`
	Order       *order          `json:"order"`
	System      *system         `json:"system"`
	Edit        *edit           `json:"edit"`
	Revoke      *revoke         `json:"revoke"`
	Unsupported *unsupported    `json:"unsupported"`

	derived string // what identifies it if it has no id
	bad     bool
}

// UnmarshalJSON never fails.
func (m *message) UnmarshalJSON(data []byte) error {
	type plain message
	*m = message{}
	m.bad = json.Unmarshal(data, (*plain)(m)) != nil
	if m.ID == "" {
		var b bytes.Buffer
		if err := json.Compact(&b, data); err != nil {
			return err // cannot be: data has been read before
		}
		m.derived = b.String()
	}
	return nil
}

type quote struct {
	ID         graph.Loose `json:"id"`
	Forwarded  graph.Flag  `json:"forwarded"`
	Frequently graph.Flag  `json:"frequently_forwarded"`
	Product    *struct {
		Catalog graph.Loose `json:"catalog_id"`
		SKU     graph.Loose `json:"product_retailer_id"`
	} `json:"referred_product"`
}

type referral struct {
	URL      string      `json:"source_url"`
	ID       graph.Loose `json:"source_id"`
	Type     string      `json:"source_type"`
	Headline string      `json:"headline"`
	Body     string      `json:"body"`
	Click    string      `json:"ctwa_clid"`
}

type archived struct {
	Status graph.Loose `json:"status"`
}

type text struct {
	Body string `json:"body"`
}

type file struct {
	ID       graph.Loose `json:"id"`
	Type     string      `json:"mime_type"`
	SHA256   string      `json:"sha256"`
	URL      string      `json:"url"`
	Caption  string      `json:"caption"`
	Name     string      `json:"filename"`
	Voice    graph.Flag  `json:"voice"`
	Animated graph.Flag  `json:"animated"`
}

type location struct {
	Latitude  *float64 `json:"latitude"`
	Longitude *float64 `json:"longitude"`
	Name      string   `json:"name"`
	Address   string   `json:"address"`
	URL       string   `json:"url"`
}

type reaction struct {
	ID    graph.Loose `json:"message_id"`
	Emoji string      `json:"emoji"` // absent or empty: taken away
}

type interactive struct {
	Type   string `json:"type"`
	Button *pick  `json:"button_reply"`
	List   *pick  `json:"list_reply"`
	Flow   *struct {
		Body string `json:"body"`
		JSON string `json:"response_json"`
	} `json:"nfm_reply"`
	Call *struct {
		Response  string      `json:"response"`
		Until     graph.Loose `json:"expiration_timestamp"`
		Permanent graph.Flag  `json:"is_permanent"`
	} `json:"call_permission_reply"`
}

type pick struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

type button struct {
	Payload string `json:"payload"`
	Text    string `json:"text"`
}

type order struct {
	Catalog graph.Loose `json:"catalog_id"`
	Text    string      `json:"text"`
	Items   []struct {
		SKU      graph.Loose `json:"product_retailer_id"`
		Quantity graph.Loose `json:"quantity"`
		Price    graph.Loose `json:"item_price"`
		Currency string      `json:"currency"`
	} `json:"product_items"`
}

type system struct {
	Type           string      `json:"type"`
	WaID           graph.Loose `json:"wa_id"`
	UserID         graph.Loose `json:"user_id"`
	PreviousUserID graph.Loose `json:"previous_user_id"`
}

type edit struct {
	ID      graph.Loose `json:"original_message_id"`
	Message struct {
		Text     *text `json:"text"`
		Image    *file `json:"image"`
		Video    *file `json:"video"`
		Document *file `json:"document"`
	} `json:"message"`
}

type revoke struct {
	ID graph.Loose `json:"original_message_id"`
}

type unsupported struct {
	Type graph.Loose `json:"type"`
}

type status struct {
	ID         graph.Loose   `json:"id"`
	Status     graph.Loose   `json:"status"`
	Timestamp  graph.Loose   `json:"timestamp"`
	Recipient  graph.Loose   `json:"recipient_id"`
	UserID     graph.Loose   `json:"recipient_user_id"`
	Kind       graph.Loose   `json:"recipient_type"`
	Opaque     graph.Loose   `json:"biz_opaque_callback_data"`
	Errors     []graph.Error `json:"errors"`
	Pricing    *pricing      `json:"pricing"`
	Discussion *struct {
		Expires graph.Loose `json:"expiration_timestamp"`
		Origin  struct {
			Type string `json:"type"`
		} `json:"origin"`
	} `json:"conversation"`

	bad bool
}

// UnmarshalJSON never fails.
func (s *status) UnmarshalJSON(data []byte) error {
	type plain status
	*s = status{}
	s.bad = json.Unmarshal(data, (*plain)(s)) != nil
	return nil
}

type pricing struct {
	Billable graph.Flag `json:"billable"`
	Model    string     `json:"pricing_model"`
	Type     string     `json:"type"`
	Category string     `json:"category"`
}

type stateSync struct {
	Type    string      `json:"type"`
	Action  graph.Loose `json:"action"`
	Contact struct {
		Name  string      `json:"full_name"`
		First string      `json:"first_name"`
		Phone graph.Loose `json:"phone_number"`
	} `json:"contact"`
	Metadata struct {
		Timestamp graph.Loose `json:"timestamp"`
	} `json:"metadata"`
}

type history struct {
	Errors  []graph.Error `json:"errors"`
	Threads []struct {
		ID      graph.Loose `json:"id"` // the contact's phone number
		Context struct {
			UserID graph.Loose `json:"user_id"`
		} `json:"context"`
		Messages []message `json:"messages"`
	} `json:"threads"`
}

type preference struct {
	WaID      graph.Loose `json:"wa_id"`
	UserID    graph.Loose `json:"user_id"`
	Category  string      `json:"category"`
	Value     string      `json:"value"`
	Timestamp graph.Loose `json:"timestamp"`
}

type call struct {
	ID         graph.Loose `json:"id"`
	From       graph.Loose `json:"from"`
	FromUserID graph.Loose `json:"from_user_id"`
	To         graph.Loose `json:"to"`
	ToUserID   graph.Loose `json:"to_user_id"`
	Event      graph.Loose `json:"event"`
	Direction  graph.Loose `json:"direction"`
	Timestamp  graph.Loose `json:"timestamp"`
	Status     graph.Loose `json:"status"`
	Duration   graph.Loose `json:"duration"` // seconds
}

// phone reads digits in E.164 with or without "+"; "" if it is no phone number.
func phone(s graph.Loose) string {
	digits := strings.TrimPrefix(string(s), "+")
	if len(digits) < 6 || len(digits) > 15 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits
}

// bsuid reads a business-scoped user id; "" if it is none.
func bsuid(s graph.Loose) string {
	if chat.IsBSUID(string(s)) {
		return string(s)
	}
	return ""
}
