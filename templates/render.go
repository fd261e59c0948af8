package templates

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Message is one template with its values: what goes to the provider and what the customer sees.
type Message struct {
	Name     string `json:"name"`
	Language string `json:"language"`
	// Components is the "components" list of a Cloud API template send; nil when there is nothing to fill, and while
	// there are problems.
	Components json.RawMessage `json:"components,omitempty"`
	Preview    Preview         `json:"preview"`
}

// Render fills a template. The preview is always there, with missing values marked, so that it can follow the agent's
// typing; the message may be sent only when there are no problems. Substitution is a single pass: a value that contains
// {{2}} reaches the customer as {{2}}.
func Render(t Template, values Values) (Message, []Problem) {
	problems := Check(t, values)
	m := Message{Name: t.Name, Language: t.Language, Preview: preview(t, values)}
	if len(problems) == 0 {
		if c := components(t, values); len(c) > 0 {
			m.Components = encode(c)
		}
	}
	return m, problems
}

// Payload is the message's "template" object of POST /{phone number}/messages.
func (m Message) Payload() json.RawMessage {
	return encode(struct {
		Name     string `json:"name"`
		Language struct {
			Code string `json:"code"`
		} `json:"language"`
		Components json.RawMessage `json:"components,omitempty"`
	}{m.Name, struct {
		Code string `json:"code"`
	}{m.Language}, m.Components})
}

// sendComponent is a block of the send request: what must be filled in, not what the template says.
type sendComponent struct {
	Type       string      `json:"type"`
	SubType    string      `json:"sub_type,omitempty"`
	Index      string      `json:"index,omitempty"`
	Parameters []parameter `json:"parameters,omitempty"`
	Cards      []sendCard  `json:"cards,omitempty"`
}

type sendCard struct {
	Index      int             `json:"card_index"`
	Components []sendComponent `json:"components"`
}

type parameter struct {
	Type     string      `json:"type"`
	Name     string      `json:"parameter_name,omitempty"`
	Text     string      `json:"text,omitempty"`
	Image    *Media      `json:"image,omitempty"`
	Video    *Media      `json:"video,omitempty"`
	Document *Media      `json:"document,omitempty"`
	Location *Location   `json:"location,omitempty"`
	Product  *Product    `json:"product,omitempty"`
	Payload  string      `json:"payload,omitempty"`
	Coupon   string      `json:"coupon_code,omitempty"`
	Action   *action     `json:"action,omitempty"`
	Offer    *sendExpiry `json:"limited_time_offer,omitempty"`
}

type action struct {
	Token     string          `json:"flow_token,omitempty"`
	Data      json.RawMessage `json:"flow_action_data,omitempty"`
	Thumbnail string          `json:"thumbnail_product_retailer_id,omitempty"`
	Sections  []sendSection   `json:"sections,omitempty"`
}

type sendSection struct {
	Title string        `json:"title"`
	Items []sendProduct `json:"product_items"`
}

type sendProduct struct {
	ID string `json:"product_retailer_id"`
}

type sendExpiry struct {
	Milliseconds int64 `json:"expiration_time_ms"`
}

// components builds the request from values that Check has passed.
func components(t Template, values Values) []sendComponent {
	top := t.face()
	list := top.components(t, values)
	if len(top.cards) > 0 {
		var cards []sendCard
		for i, card := range top.cards {
			if inside := card.components(t, values); len(inside) > 0 {
				cards = append(cards, sendCard{Index: i, Components: inside})
			}
		}
		if len(cards) > 0 {
			list = append(list, sendComponent{Type: "carousel", Cards: cards})
		}
	}
	if top.offer != nil && top.offer.HasExpiration {
		ends := values["offer.expiration"].Expires.UnixMilli()
		list = append(list, sendComponent{
			Type:       "limited_time_offer",
			Parameters: []parameter{{Type: "limited_time_offer", Offer: &sendExpiry{ends}}},
		})
	}
	return list
}

func (f face) components(t Template, values Values) []sendComponent {
	var list []sendComponent
	if f.header != nil {
		if p := f.headerParameters(t, values); len(p) > 0 {
			list = append(list, sendComponent{Type: "header", Parameters: p})
		}
	}
	body := f.bodyText(t.Category)
	if p := textParameters(t, body, f.prefix+"body.", values); len(p) > 0 {
		list = append(list, sendComponent{Type: "body", Parameters: p})
	}
	otp := f.otp(t.Category)
	for i, b := range f.buttons {
		c := sendComponent{Type: "button", Index: strconv.Itoa(i)}
		if i == otp {
			c.SubType = "url"
			code := values[f.prefix+"body."+first(names(body))].Text
			c.Parameters = []parameter{{Type: "text", Text: code}}
		} else {
			c.SubType, c.Parameters = buttonParameters(b, f.button(i), values)
		}
		if c.SubType != "" {
			list = append(list, c)
		}
	}
	return list
}

func (f face) headerParameters(t Template, values Values) []parameter {
	media := values[f.prefix+"header.media"].Media
	if media != nil && f.header.Format != FormatDocument {
		media = &Media{ID: media.ID, Link: media.Link}
	}
	switch f.header.Format {
	case FormatText:
		return textParameters(t, f.header.Text, f.prefix+"header.", values)
	case FormatImage:
		return []parameter{{Type: "image", Image: media}}
	case FormatVideo:
		return []parameter{{Type: "video", Video: media}}
	case FormatDocument:
		return []parameter{{Type: "document", Document: media}}
	case FormatLocation:
		return []parameter{{Type: "location", Location: values[f.prefix+"header.location"].Location}}
	case FormatProduct:
		return []parameter{{Type: "product", Product: values[f.prefix+"header.product"].Product}}
	}
	return nil
}

func textParameters(t Template, text, prefix string, values Values) []parameter {
	var list []parameter
	for _, name := range parameters(text) {
		p := parameter{Type: "text", Text: values[prefix+name].Text}
		if t.named() {
			p.Name = name
		}
		list = append(list, p)
	}
	return list
}

// buttonParameters returns an empty sub_type where a button needs no block. A flow or catalog button needs one even
// without parameters (observed: Meta answers 131008 otherwise).
func buttonParameters(b Button, prefix string, values Values) (subType string, list []parameter) {
	switch b.Type {
	case URL:
		if len(names(b.URL)) > 0 {
			return "url", []parameter{{Type: "text", Text: values[prefix+"1"].Text}}
		}
	case QuickReply:
		if v, ok := values[prefix+"payload"]; ok {
			return "quick_reply", []parameter{{Type: "payload", Payload: v.Text}}
		}
	case CopyCode:
		return "copy_code", []parameter{{Type: "coupon_code", Coupon: values[prefix+"code"].Text}}
	case Flow:
		if v := values[prefix+"flow"].Flow; v != nil && (v.Token != "" || len(v.Data) > 0) {
			list = []parameter{{Type: "action", Action: &action{Token: v.Token, Data: v.Data}}}
		}
		return "flow", list
	case Catalog:
		if v, ok := values[prefix+"thumbnail"]; ok {
			list = []parameter{{Type: "action", Action: &action{Thumbnail: v.Text}}}
		}
		return "catalog", list
	case MultiProduct:
		p := values[prefix+"products"].Products
		act := &action{Thumbnail: p.Thumbnail}
		for _, s := range p.Sections {
			section := sendSection{Title: s.Title}
			for _, id := range s.RetailerIDs {
				section.Items = append(section.Items, sendProduct{id})
			}
			act.Sections = append(act.Sections, section)
		}
		return "mpm", []parameter{{Type: "action", Action: act}}
	}
	return "", nil
}

// named reports whether the template's placeholders are names.
func (t Template) named() bool {
	if t.ParameterFormat != "" {
		return t.ParameterFormat == Named
	}
	for _, f := range t.face().all() {
		for _, c := range []*Component{f.header, f.body} {
			if c == nil {
				continue
			}
			for _, name := range names(c.Text) {
				if _, ok := number(name); !ok {
					return true
				}
			}
		}
	}
	return false
}

// encode writes JSON as people read it: < and & stay what they are. Its values are strings, checked numbers and JSON that
// Check has read, so it cannot fail.
func encode(v any) json.RawMessage {
	var buffer bytes.Buffer
	enc := json.NewEncoder(&buffer)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("templates: " + err.Error())
	}
	return bytes.TrimSpace(buffer.Bytes())
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
