package fakemeta

import (
	"encoding/json"
	"unicode/utf8"
)

// waInteractive is the interactive object of a send (PROTOCOLS.md §3).
type waInteractive struct {
	Type   string         `json:"type"`
	Header *waHeader      `json:"header"`
	Body   *Text          `json:"body"`
	Footer *Text          `json:"footer"`
	Action *waInterAction `json:"action"`
}

type waHeader struct {
	Type     string          `json:"type"`
	Text     string          `json:"text"`
	Image    *waRequestMedia `json:"image"`
	Video    *waRequestMedia `json:"video"`
	Document *waRequestMedia `json:"document"`
}

func (h *waHeader) media() *waRequestMedia {
	if h == nil {
		return nil
	}
	return map[string]*waRequestMedia{"image": h.Image, "video": h.Video, "document": h.Document}[h.Type]
}

type waInterAction struct {
	Button  string `json:"button"`
	Name    string `json:"name"`
	Buttons []struct {
		Type  string `json:"type"`
		Reply *struct {
			ID    string `json:"id"`
			Title string `json:"title"`
		} `json:"reply"`
	} `json:"buttons"`
	Sections   []ListSection   `json:"sections"`
	Parameters json.RawMessage `json:"parameters"`
	Cards      []waInteractive `json:"cards"`
}

// readInteractive checks an interactive message and draws it.
func (s *Server) readInteractive(a *account, in *waInteractive, m *Message) *graphError {
	if in == nil || in.Type == "" {
		return badParam("The parameter interactive is required.")
	}
	if refused := s.readFrame(a, in, m); refused != nil {
		return refused
	}
	if in.Action == nil {
		return badParam("The parameter interactive['action'] is required.")
	}
	switch in.Type {
	case "button":
		return readReplyButtons(in.Action, m)
	case "list":
		return readList(in.Action, m)
	case "cta_url":
		var p struct {
			Text string `json:"display_text"`
			URL  string `json:"url"`
		}
		if err := json.Unmarshal(in.Action.Parameters, &p); err != nil || p.Text == "" || p.URL == "" {
			return badParam("The parameter interactive['action']['parameters'] must have display_text and url.")
		}
		m.Buttons = []Button{{Kind: "url", Title: p.Text, Value: p.URL}}
		return tooLong("interactive['action']['parameters']['display_text']", p.Text, 20)
	case "flow":
		var p struct {
			CTA   string `json:"flow_cta"`
			ID    string `json:"flow_id"`
			Name  string `json:"flow_name"`
			Token string `json:"flow_token"`
		}
		if err := json.Unmarshal(in.Action.Parameters, &p); err != nil || p.CTA == "" || p.ID == "" && p.Name == "" {
			return badParam("The parameter interactive['action']['parameters'] must have flow_cta and flow_id.")
		}
		m.Buttons = []Button{{Kind: "flow", ID: "flow", Title: p.CTA, Value: p.Token}}
		return tooLong("interactive['action']['parameters']['flow_cta']", p.CTA, 30)
	case "location_request_message":
		m.Buttons = []Button{{Kind: "location", ID: "location"}}
	case "request_contact_info":
		m.Buttons = []Button{{Kind: "contact", ID: "contact"}}
	case "product", "product_list", "catalog_message", "call_permission_request", "address_message", "carousel":
		// accepted and shown as their body: catalogs, calls and addresses are not played
	default:
		return refuse(131009, "Param interactive['type'] is not a known type.")
	}
	return nil
}

// readFrame checks header, body and footer.
func (s *Server) readFrame(a *account, in *waInteractive, m *Message) *graphError {
	if in.Body == nil || in.Body.Text == "" {
		if in.Type != "product" && in.Type != "catalog_message" {
			return badParam("The parameter interactive['body']['text'] is required.")
		}
		in.Body = &Text{}
	}
	most := 1024
	if in.Type == "list" {
		most = 4096
	}
	if refused := tooLong("interactive['body']['text']", in.Body.Text, most); refused != nil {
		return refused
	}
	m.Text = in.Body.Text
	if in.Footer != nil {
		m.Footer = in.Footer.Text
		if refused := tooLong("interactive['footer']['text']", m.Footer, 60); refused != nil {
			return refused
		}
	}
	switch {
	case in.Header == nil:
	case in.Header.Type == "text":
		m.Header = in.Header.Text
		return tooLong("interactive['header']['text']", m.Header, 60)
	case in.Type == "list":
		return badParam("Param interactive['header']['type'] must be one of {TEXT} for a list.")
	case in.Header.media() == nil:
		return badParam("Param interactive['header']['type'] must be one of {DOCUMENT, IMAGE, TEXT, VIDEO} with its object.")
	default:
		var refused *graphError
		m.Media, refused = s.checkMedia(a, in.Header.Type, in.Header.media())
		return refused
	}
	return nil
}

func readReplyButtons(action *waInterAction, m *Message) *graphError {
	if n := len(action.Buttons); n < 1 || n > 3 {
		return refuse(131009, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
	}
	seen, titles := map[string]bool{}, map[string]bool{}
	for _, b := range action.Buttons {
		if b.Type != "reply" || b.Reply == nil || b.Reply.ID == "" || b.Reply.Title == "" {
			return badParam("Param interactive['action']['buttons'] must have a reply with id and title.")
		}
		if refused := tooLong("interactive['action']['buttons']['reply']['title']", b.Reply.Title, 20); refused != nil {
			return refused
		}
		if refused := tooLong("interactive['action']['buttons']['reply']['id']", b.Reply.ID, 256); refused != nil {
			return refused
		}
		if seen[b.Reply.ID] || titles[b.Reply.Title] {
			return refuse(131009, "Button ids and titles must be unique.")
		}
		seen[b.Reply.ID], titles[b.Reply.Title] = true, true
		m.Buttons = append(m.Buttons, Button{Kind: "reply", ID: b.Reply.ID, Title: b.Reply.Title})
	}
	return nil
}

func readList(action *waInterAction, m *Message) *graphError {
	if action.Button == "" {
		return badParam("The parameter interactive['action']['button'] is required.")
	}
	if refused := tooLong("interactive['action']['button']", action.Button, 20); refused != nil {
		return refused
	}
	rows, seen := 0, map[string]bool{}
	for i, section := range action.Sections {
		if len(action.Sections) > 1 && section.Title == "" {
			return badParam("The parameter interactive['action']['sections'][%d]['title'] is required.", i)
		}
		if refused := tooLong("interactive['action']['sections']['title']", section.Title, 24); refused != nil {
			return refused
		}
		for _, r := range section.Rows {
			rows++
			if r.ID == "" || r.Title == "" || seen[r.ID] {
				return refuse(131009, "List rows need a title and a unique id.")
			}
			seen[r.ID] = true
			for _, limit := range []struct {
				field, text string
				most        int
			}{{"id", r.ID, 200}, {"title", r.Title, 24}, {"description", r.Description, 72}} {
				if refused := tooLong("interactive['action']['sections']['rows']['"+limit.field+"']", limit.text, limit.most); refused != nil {
					return refused
				}
			}
		}
	}
	if rows < 1 || rows > 10 {
		return refuse(131009, "Total row count exceeds the limit: between 1 and 10 rows are allowed.")
	}
	m.List = &List{Button: action.Button, Sections: action.Sections}
	return nil
}

func tooLong(param, text string, most int) *graphError {
	if utf8.RuneCountInString(text) <= most {
		return nil
	}
	return badParam("Param %s must be at most %d characters long.", param, most)
}
