package templates

import (
	"encoding/json"
	"strings"
	"time"
)

// Variable is one value that a message needs: one field of the form in front of the agent.
type Variable struct {
	// Key is stable for one text of the template: body.1, body.first_name, header.1, header.media, header.location,
	// header.product, offer.expiration, button.0.1 (end of the address), button.0.payload, button.0.code, button.0.flow,
	// button.0.thumbnail, button.0.products, and each of them in a carousel as card.0.body.1. Buttons and cards count
	// from 0, as in the API.
	Key  string `json:"key"`
	Kind Kind   `json:"kind"`
	// Component is where the value appears: Header, Body, Buttons or LimitedTimeOffer.
	Component ComponentType `json:"component"`
	// Card and Button are places counted from 1, as a person counts; 0 means not in a card or button.
	Card   int `json:"card,omitempty"`
	Button int `json:"button,omitempty"`
	// Label is what the template itself offers as a label, in its own language where it has one: "First name" of
	// {{first_name}}, "{{1}}", the text of a button, or the header's format.
	Label    string `json:"label"`
	Example  string `json:"example,omitempty"`
	Max      int    `json:"max,omitempty"` // characters; 0 for kinds that are not text
	Optional bool   `json:"optional,omitempty"`
}

// Kind says what a value is and which member of Value holds it.
type Kind string

// The kinds. Those without a remark are in Value.Text.
const (
	KindText       Kind = "text"
	KindOTP        Kind = "otp"        // one-time code: shown in the body and carried by the button
	KindURL        Kind = "url"        // the end of a button's address
	KindPayload    Kind = "payload"    // what a quick reply sends back to us; without it, the button's text
	KindCoupon     Kind = "coupon"     // what the copy-code button copies
	KindThumbnail  Kind = "thumbnail"  // retailer id of the product on a catalog message
	KindImage      Kind = "image"      // Value.Media
	KindVideo      Kind = "video"      // Value.Media
	KindDocument   Kind = "document"   // Value.Media
	KindLocation   Kind = "location"   // Value.Location
	KindProduct    Kind = "product"    // Value.Product
	KindProducts   Kind = "products"   // Value.Products
	KindFlow       Kind = "flow"       // Value.Flow
	KindExpiration Kind = "expiration" // Value.Expires
)

// Limits in characters. Values and template texts share them, so that no message can outgrow what a template may say.
const (
	MaxName       = 512
	MaxHeader     = 60
	MaxBody       = 1024
	MaxCardBody   = 160
	MaxOfferBody  = 600
	MaxOfferText  = 16
	MaxFooter     = 60
	MaxButtonText = 25
	MaxURL        = 2000
	MaxPhone      = 20
	MaxCoupon     = 15
	MaxOTP        = 15
	MaxPayload    = 256
	MaxFilename   = 240
	MaxRetailerID = 100
)

// Values are the values of one message by the keys of its variables.
type Values map[string]Value

// Value is one value; its variable's Kind says which member counts. In JSON a bare string is a Value with that Text.
type Value struct {
	Text     string    `json:"text,omitempty"`
	Media    *Media    `json:"media,omitempty"`
	Location *Location `json:"location,omitempty"`
	Product  *Product  `json:"product,omitempty"`
	Products *Products `json:"products,omitempty"`
	Flow     *FlowData `json:"flow,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
}

// Text is the usual value.
func Text(s string) Value { return Value{Text: s} }

// UnmarshalJSON reads an object or a bare string.
func (v *Value) UnmarshalJSON(data []byte) error {
	type plain Value
	if data[0] == '"' {
		*v = Value{}
		return json.Unmarshal(data, &v.Text)
	}
	return json.Unmarshal(data, (*plain)(v))
}

// Media is a file of the header: one uploaded to the provider before (ID), or one that the provider fetches (Link).
type Media struct {
	ID       string `json:"id,omitempty"`
	Link     string `json:"link,omitempty"`
	Filename string `json:"filename,omitempty"` // sent with documents only
}

// Location is a pin in the header.
type Location struct {
	Latitude  float64 `json:"latitude"`  // degrees
	Longitude float64 `json:"longitude"` // degrees
	Name      string  `json:"name"`
	Address   string  `json:"address"`
}

// Product is one product of a catalog.
type Product struct {
	CatalogID  string `json:"catalog_id"`
	RetailerID string `json:"product_retailer_id"`
}

// Products are the choice behind a multi-product button.
type Products struct {
	Thumbnail string    `json:"thumbnail"` // retailer id
	Sections  []Section `json:"sections"`
}

// Section is a titled part of Products.
type Section struct {
	Title       string   `json:"title"`
	RetailerIDs []string `json:"retailer_ids"`
}

// FlowData is what a flow button hands to its flow.
type FlowData struct {
	Token string          `json:"token,omitempty"` // given back with the answer
	Data  json.RawMessage `json:"data,omitempty"`  // an object for the first screen
}

// Variables returns what a message of this template needs, in the order in which the customer sees it. Parts that
// UnsupportedPart names are left out.
func Variables(t Template) []Variable {
	var all []Variable
	for _, f := range t.face().all() {
		all = append(all, f.variables(t.Category)...)
	}
	return all
}

func (f face) variables(category Category) []Variable {
	var all []Variable
	add := func(v Variable) {
		v.Card = f.card
		all = append(all, v)
	}
	if f.header != nil {
		f.headerVariables(add)
	}
	if f.offer != nil && f.offer.HasExpiration {
		add(Variable{Key: f.prefix + "offer.expiration", Kind: KindExpiration, Component: LimitedTimeOffer, Label: f.offer.Text})
	}
	otp := f.otp(category)
	for i, name := range names(f.bodyText(category)) {
		v := Variable{
			Key: f.prefix + "body." + name, Kind: KindText, Component: Body, Label: label(name),
			Example: f.body.sample(name), Max: f.bodyMax(),
		}
		if i == 0 && otp >= 0 {
			v.Kind, v.Max = KindOTP, MaxOTP
		}
		add(v)
	}
	for i, b := range f.buttons {
		if v, ok := f.buttonVariable(i, b, otp); ok {
			add(v)
		}
	}
	return all
}

func (f face) headerVariables(add func(Variable)) {
	v := Variable{Key: f.prefix + "header.media", Component: Header, Label: string(f.header.Format)}
	if f.header.Example != nil && len(f.header.Example.HeaderHandle) > 0 {
		v.Example = f.header.Example.HeaderHandle[0]
	}
	switch f.header.Format {
	case FormatText:
		for _, name := range names(f.header.Text) {
			add(Variable{
				Key: f.prefix + "header." + name, Kind: KindText, Component: Header, Label: label(name),
				Example: f.header.sample(name), Max: MaxHeader,
			})
		}
		return
	case FormatImage:
		v.Kind = KindImage
	case FormatVideo:
		v.Kind = KindVideo
	case FormatDocument:
		v.Kind = KindDocument
	case FormatLocation:
		v.Key, v.Kind = f.prefix+"header.location", KindLocation
	case FormatProduct:
		v.Key, v.Kind = f.prefix+"header.product", KindProduct
	default:
		return
	}
	add(v)
}

func (f face) buttonVariable(i int, b Button, otp int) (Variable, bool) {
	v := Variable{Key: f.button(i), Component: Buttons, Button: i + 1, Label: b.Text}
	if len(b.Example) > 0 {
		v.Example = b.Example[0]
	}
	switch {
	case b.Raw != nil || i == otp:
		return v, false
	case b.Type == URL && len(names(b.URL)) > 0:
		base := urlBase(b.URL)
		v.Key, v.Kind, v.Max = v.Key+"1", KindURL, MaxURL-chars(base)
		v.Example = strings.TrimPrefix(v.Example, base)
	case b.Type == QuickReply:
		v.Key, v.Kind, v.Max, v.Optional = v.Key+"payload", KindPayload, MaxPayload, true
	case b.Type == CopyCode:
		v.Key, v.Kind, v.Max = v.Key+"code", KindCoupon, MaxCoupon
	case b.Type == Flow:
		v.Key, v.Kind, v.Optional = v.Key+"flow", KindFlow, true
	case b.Type == Catalog:
		v.Key, v.Kind, v.Max, v.Optional = v.Key+"thumbnail", KindThumbnail, MaxRetailerID, true
	case b.Type == MultiProduct:
		v.Key, v.Kind = v.Key+"products", KindProducts
	default:
		return v, false
	}
	return v, true
}

// label makes words of a placeholder's name: "First name" of first_name, "{{1}}" of 1.
func label(name string) string {
	words := strings.TrimSpace(strings.ReplaceAll(name, "_", " "))
	if _, ok := number(name); ok || words == "" {
		return "{{" + name + "}}"
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

// urlBase is a button's address before its placeholder.
func urlBase(url string) string { return url[:placeholder.FindStringIndex(url)[0]] }
