package whatsapp

import (
	"cmp"
	"encoding/json"
	"strings"

	"gatehouse/internal/chat"
)

// outgoing is the body of POST /{number}/messages (PROTOCOLS.md §3).
type outgoing struct {
	Product     string          `json:"messaging_product"`
	Group       string          `json:"recipient_type"`
	To          string          `json:"to,omitempty"`
	Recipient   string          `json:"recipient,omitempty"`
	Context     *outContext     `json:"context,omitempty"`
	Opaque      string          `json:"biz_opaque_callback_data,omitempty"`
	Type        string          `json:"type"`
	Text        *outText        `json:"text,omitempty"`
	Image       *outFile        `json:"image,omitempty"`
	Video       *outFile        `json:"video,omitempty"`
	Audio       *outFile        `json:"audio,omitempty"`
	Document    *outFile        `json:"document,omitempty"`
	Sticker     *outFile        `json:"sticker,omitempty"`
	Location    *outLocation    `json:"location,omitempty"`
	Contacts    json.RawMessage `json:"contacts,omitempty"`
	Reaction    *outReaction    `json:"reaction,omitempty"`
	Interactive *outInteractive `json:"interactive,omitempty"`
	Template    *outTemplate    `json:"template,omitempty"`
}

type outContext struct {
	Message string `json:"message_id"`
}

type outText struct {
	Body    string `json:"body"`
	Preview bool   `json:"preview_url,omitempty"`
}

type outFile struct {
	ID      string `json:"id,omitempty"`
	Link    string `json:"link,omitempty"`
	Caption string `json:"caption,omitempty"`
	Name    string `json:"filename,omitempty"`
	Voice   bool   `json:"voice,omitempty"`
}

type outLocation struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
}

type outReaction struct {
	Message string `json:"message_id"`
	Emoji   string `json:"emoji"` // empty takes it away
}

type outInteractive struct {
	Type   string     `json:"type"`
	Header *outHeader `json:"header,omitempty"`
	Body   *outWords  `json:"body,omitempty"`
	Footer *outWords  `json:"footer,omitempty"`
	Action outAction  `json:"action"`
}

type outHeader struct {
	Type     string   `json:"type"`
	Text     string   `json:"text,omitempty"`
	Image    *outFile `json:"image,omitempty"`
	Video    *outFile `json:"video,omitempty"`
	Document *outFile `json:"document,omitempty"`
}

type outWords struct {
	Text string `json:"text"`
}

type outAction struct {
	Name       string       `json:"name,omitempty"`
	Parameters *outLink     `json:"parameters,omitempty"`
	Buttons    []outButton  `json:"buttons,omitempty"`
	Button     string       `json:"button,omitempty"`
	Sections   []outSection `json:"sections,omitempty"`
}

type outLink struct {
	Text string `json:"display_text"`
	URL  string `json:"url"`
}

type outButton struct {
	Type  string   `json:"type"`
	Reply outReply `json:"reply"`
}

type outReply struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

type outSection struct {
	Title string   `json:"title,omitempty"`
	Rows  []outRow `json:"rows"`
}

type outRow struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}

type outTemplate struct {
	Name       string          `json:"name"`
	Language   outLanguage     `json:"language"`
	Components json.RawMessage `json:"components,omitempty"`
}

type outLanguage struct {
	Code string `json:"code"`
}

// compose writes a message as the API wants it. It refuses, with a *chat.SendError, what WhatsApp cannot carry rather than
// leave a part of the message out.
func compose(out chat.Outbound) (*outgoing, error) {
	m := &outgoing{Product: "whatsapp", Group: "individual"}
	if !chat.IsZero(out.MessageID) {
		m.Opaque = cmp.Or(out.Opaque, out.MessageID.String())
	}
	m.address(out.To)
	if m.To == "" && m.Recipient == "" {
		return nil, refuse(chat.CodeUndeliverable, "the contact has no WhatsApp address")
	}
	if out.ReplyTo != "" && out.Reaction == nil {
		m.Context = &outContext{Message: out.ReplyTo}
	}
	switch {
	case out.Reaction != nil:
		m.Type, m.Reaction = "reaction", &outReaction{Message: out.Reaction.ExternalID, Emoji: out.Reaction.Emoji}
	case out.Template != nil:
		t := out.Template
		m.Type, m.Template = "template", &outTemplate{Name: t.Name, Language: outLanguage{Code: t.Language}, Components: t.Components}
	case out.List != nil || len(out.Buttons) > 0:
		return m, m.interactive(out)
	case out.Kind == chat.KindText:
		m.Type = "text"
		m.Text = &outText{Body: out.Text, Preview: strings.Contains(out.Text, "https://") || strings.Contains(out.Text, "http://")}
	case out.Kind.HasMedia():
		return m, m.media(out)
	case out.Kind == chat.KindLocation && out.Location != nil:
		l := out.Location
		m.Type, m.Location = "location", &outLocation{Latitude: l.Latitude, Longitude: l.Longitude, Name: l.Name, Address: l.Address}
	case out.Kind == chat.KindContacts && len(out.Contacts) > 0:
		m.Type, m.Contacts = "contacts", out.Contacts
	default:
		return nil, refuse(chat.CodeNotSupported, "whatsapp carries no "+string(out.Kind))
	}
	return m, nil
}

// address prefers the phone number, with the "+" without which Meta may take it for a domestic one. If both were given,
// Meta would use the number too.
func (m *outgoing) address(to []chat.Address) {
	for _, a := range to {
		switch {
		case a.Type == chat.AddressPhone && m.To == "":
			m.To = "+" + strings.TrimPrefix(a.Value, "+")
		case a.Type == chat.AddressBSUID && m.Recipient == "":
			m.Recipient = a.Value
		}
	}
	if m.To != "" {
		m.Recipient = ""
	}
}

func (m *outgoing) media(out chat.Outbound) error {
	f, err := oneFile(out.Media)
	if err != nil {
		return err
	}
	f.Caption = out.Text
	switch out.Kind {
	case chat.KindImage:
		m.Type, m.Image = "image", f
	case chat.KindVideo:
		m.Type, m.Video = "video", f
	case chat.KindDocument:
		f.Name = out.Media[0].Name
		m.Type, m.Document = "document", f
	case chat.KindAudio, chat.KindVoice:
		f.Voice = out.Kind == chat.KindVoice || out.Media[0].Voice
		m.Type, m.Audio = "audio", f
	case chat.KindSticker:
		m.Type, m.Sticker = "sticker", f
	}
	if (m.Audio != nil || m.Sticker != nil) && f.Caption != "" {
		return refuse(chat.CodeNotSupported, "whatsapp carries no caption with "+string(out.Kind))
	}
	return nil
}

func oneFile(files []chat.OutboundMedia) (*outFile, error) {
	switch {
	case len(files) != 1:
		return nil, refuse(chat.CodeNotSupported, "whatsapp carries one file a message")
	case files[0].ProviderID != "":
		return &outFile{ID: files[0].ProviderID}, nil
	case files[0].URL != "":
		return &outFile{Link: files[0].URL}, nil
	}
	return nil, refuse(chat.CodeInvalid, "the file was not uploaded")
}

// interactive writes a list, up to three reply buttons, or one button that is a link.
func (m *outgoing) interactive(out chat.Outbound) error {
	i := &outInteractive{}
	m.Type, m.Interactive = "interactive", i
	if out.Text != "" {
		i.Body = &outWords{Text: out.Text}
	}
	if out.Footer != "" {
		i.Footer = &outWords{Text: out.Footer}
	}
	if out.Header != "" {
		i.Header = &outHeader{Type: "text", Text: out.Header}
	}
	if len(out.Media) > 0 {
		if err := i.mediaHeader(out); err != nil {
			return err
		}
	}
	links := 0
	for _, b := range out.Buttons {
		if b.URL != "" {
			links++
		}
		i.Action.Buttons = append(i.Action.Buttons, outButton{Type: "reply", Reply: outReply{ID: b.ID, Title: b.Title}})
	}
	switch {
	case out.List != nil && len(out.Buttons) == 0:
		i.Type, i.Action.Button = "list", out.List.Button
		for _, s := range out.List.Sections {
			section := outSection{Title: s.Title}
			for _, row := range s.Rows {
				section.Rows = append(section.Rows, outRow(row))
			}
			i.Action.Sections = append(i.Action.Sections, section)
		}
	case out.List == nil && links == 0:
		i.Type = "button"
	case out.List == nil && links == 1 && len(out.Buttons) == 1:
		i.Type = "cta_url"
		i.Action = outAction{Name: "cta_url", Parameters: &outLink{Text: out.Buttons[0].Title, URL: out.Buttons[0].URL}}
	default:
		return refuse(chat.CodeNotSupported, "whatsapp carries a list, or reply buttons, or one link")
	}
	return nil
}

func (i *outInteractive) mediaHeader(out chat.Outbound) error {
	f, err := oneFile(out.Media)
	if err != nil {
		return err
	}
	family, _, _ := strings.Cut(out.Media[0].Type, "/")
	switch {
	case i.Header != nil || out.List != nil || family == "audio":
		return refuse(chat.CodeNotSupported, "whatsapp cannot carry this header")
	case family == "image":
		i.Header = &outHeader{Type: "image", Image: f}
	case family == "video":
		i.Header = &outHeader{Type: "video", Video: f}
	default:
		f.Name = out.Media[0].Name
		i.Header = &outHeader{Type: "document", Document: f}
	}
	return nil
}

// refuse says that nothing was sent, and why it never will be.
func refuse(code chat.Code, detail string) *chat.SendError {
	return &chat.SendError{Code: code, Retry: chat.RetryNever, Detail: detail}
}
