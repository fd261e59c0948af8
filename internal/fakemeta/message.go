package fakemeta

import "time"

// Message is one message as the customer's phone shows it.
type Message struct {
	ID           string    `json:"id"` // wamid or mid
	Rev          int64     `json:"rev"`
	At           time.Time `json:"at"`
	FromBusiness bool      `json:"from_business"`
	FromApp      bool      `json:"from_app,omitempty"` // the business wrote it in its own phone app
	Type         string    `json:"type"`               // as in the protocol: text, image, interactive, template, …

	Text     string    `json:"text,omitempty"` // body or caption
	Header   string    `json:"header,omitempty"`
	Footer   string    `json:"footer,omitempty"`
	Media    *Media    `json:"media,omitempty"`
	Location *Location `json:"location,omitempty"`
	Contacts []string  `json:"contacts,omitempty"` // shared contact cards: name and number
	Buttons  []Button  `json:"buttons,omitempty"`
	List     *List     `json:"list,omitempty"`
	Cards    []Card    `json:"cards,omitempty"` // carousel

	ReplyTo  string `json:"reply_to,omitempty"`
	Template string `json:"template,omitempty"` // its name
	Category string `json:"category,omitempty"` // the template's, for the price
	Opaque   string `json:"opaque,omitempty"`   // biz_opaque_callback_data, for the statuses

	CustomerReaction string `json:"customer_reaction,omitempty"`
	BusinessReaction string `json:"business_reaction,omitempty"`

	// Of the business: accepted, sent, delivered, read, played, failed.
	// Of the customer: pending (the desk has not answered 2xx), delivered, read.
	Status    string `json:"status"`
	ErrorCode int    `json:"error_code,omitempty"`
	Edits     int    `json:"edits,omitempty"` // how often the text was changed
	Deleted   bool   `json:"deleted,omitempty"`
	Answered  string `json:"answered,omitempty"` // id of the button or row that the customer chose

	thread *thread
}

// Media points at stored bytes.
type Media struct {
	ID       string `json:"id"`
	MIME     string `json:"mime"`
	Filename string `json:"filename,omitempty"`
	Voice    bool   `json:"voice,omitempty"`
	Size     int    `json:"size"`

	link string // where the business says it is; fetched after the send was accepted
}

// Location is a pin, with a name and an address if it is a place.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
}

// Button is something under a message that the customer can press.
type Button struct {
	Kind  string `json:"kind"` // reply, quick_reply (template), postback, url, phone, copy, flow, location, contact
	ID    string `json:"id,omitempty"`
	Title string `json:"title"`
	Value string `json:"value,omitempty"` // url, number or code
}

// List is an interactive list message's menu.
type List struct {
	Button   string        `json:"button"`
	Sections []ListSection `json:"sections"`
}

// ListSection is a titled group of rows.
type ListSection struct {
	Title string    `json:"title,omitempty"`
	Rows  []ListRow `json:"rows"`
}

// ListRow is one choice.
type ListRow struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

// Card is one card of a carousel.
type Card struct {
	Title   string   `json:"title,omitempty"`
	Text    string   `json:"text,omitempty"`
	Media   *Media   `json:"media,omitempty"`
	Buttons []Button `json:"buttons,omitempty"`
}

// linked are the media that are still to be fetched.
func (m *Message) linked() []*Media {
	var out []*Media
	if m.Media != nil && m.Media.link != "" {
		out = append(out, m.Media)
	}
	for _, c := range m.Cards {
		if c.Media != nil && c.Media.link != "" {
			out = append(out, c.Media)
		}
	}
	return out
}

// button finds a pressable thing by its id, in the message itself or on one of its cards.
func (m *Message) button(id string) (Button, bool) {
	for _, b := range m.Buttons {
		if b.ID == id {
			return b, true
		}
	}
	for _, c := range m.Cards {
		for _, b := range c.Buttons {
			if b.ID == id {
				return b, true
			}
		}
	}
	return Button{}, false
}

// row finds a list row by its id.
func (m *Message) row(id string) (ListRow, bool) {
	if m.List == nil {
		return ListRow{}, false
	}
	for _, s := range m.List.Sections {
		for _, r := range s.Rows {
			if r.ID == id {
				return r, true
			}
		}
	}
	return ListRow{}, false
}
