package fakemeta

import (
	"cmp"
	"embed"
	"fmt"
	"path"
	"time"
)

// Action is what a customer does with the phone, as data: for the control API and for the phones in the browser.
type Action struct {
	Do string `json:"do"` // text, file, sample, location, contact, share_number, react, press, edit, unsend, open, play, unsupported, postback, app

	Text     string    `json:"text,omitempty"`     // text, edit, app; caption of a file
	Message  string    `json:"message,omitempty"`  // the message that react, press, edit, unsend and play are about
	Button   string    `json:"button,omitempty"`   // press: id of the button or row
	Emoji    string    `json:"emoji,omitempty"`    // react; empty takes back
	Kind     string    `json:"kind,omitempty"`     // file: image, video, audio, document, sticker, file; unsupported: what
	Sample   string    `json:"sample,omitempty"`   // sample: a name of Samples
	Bytes    []byte    `json:"bytes,omitempty"`    // file, in base64
	MIME     string    `json:"mime,omitempty"`     // file
	Filename string    `json:"filename,omitempty"` // file
	Voice    bool      `json:"voice,omitempty"`    // file: recorded in the chat
	Location *Location `json:"location,omitempty"`
	Name     string    `json:"name,omitempty"`    // contact
	Phone    string    `json:"phone,omitempty"`   // contact
	Payload  string    `json:"payload,omitempty"` // postback

	ReplyTo string    `json:"reply_to,omitempty"`
	At      time.Time `json:"at,omitzero"` // provider timestamp; default now
	Copies  int       `json:"copies,omitempty"`
	Alone   bool      `json:"alone,omitempty"`
}

func (a Action) options() []Option {
	var out []Option
	if a.ReplyTo != "" {
		out = append(out, ReplyTo(a.ReplyTo))
	}
	if !a.At.IsZero() {
		out = append(out, At(a.At))
	}
	if a.Alone {
		out = append(out, Alone())
	}
	if a.Copies > 1 {
		out = append(out, Copies(a.Copies))
	}
	return out
}

// Act does it. The id is that of the message written, if one was. It fails on an unknown verb, and like the method that
// it stands for.
func (ph *Phone) Act(a Action) (id string, err error) {
	opts := a.options()
	if other := map[string]Kind{"contact": Instagram, "share_number": Instagram, "postback": WhatsApp}[a.Do]; other == ph.a.Kind {
		return "", fmt.Errorf("fakemeta: there is no %q on %s", a.Do, other)
	}
	switch a.Do {
	case "text":
		return ph.SendText(a.Text, opts...), nil
	case "file":
		return ph.SendFile(a.Kind, File{Bytes: a.Bytes, MIME: a.MIME, Filename: a.Filename, Caption: a.Text, Voice: a.Voice}, opts...)
	case "sample":
		kind, f, err := Sample(a.Sample)
		if err != nil {
			return "", err
		}
		f.Caption = a.Text
		if ph.a.Kind == Instagram && kind == "document" {
			kind = "file"
		}
		return ph.SendFile(kind, f, opts...)
	case "location":
		l := Location{Latitude: 38.4189, Longitude: 27.1287, Name: "Alsancak", Address: "Konak/İzmir"}
		if a.Location != nil {
			l = *a.Location
		}
		return ph.SendLocation(l, opts...), nil
	case "contact":
		return ph.SendContact(a.Name, a.Phone, opts...), nil
	case "share_number":
		return ph.ShareNumber(opts...), nil
	case "react":
		return ph.React(a.Message, a.Emoji, opts...), nil
	case "press":
		return ph.Press(a.Message, a.Button, opts...)
	case "edit":
		return ph.Edit(a.Message, a.Text, opts...), nil
	case "unsend":
		return ph.Unsend(a.Message, opts...), nil
	case "open":
		ph.Open()
		return "", nil
	case "play":
		ph.Play(a.Message)
		return "", nil
	case "unsupported":
		return ph.SendUnsupported(cmp.Or(a.Kind, "poll_creation"), opts...), nil
	case "postback":
		return ph.TapIceBreaker(a.Text, a.Payload, opts...), nil
	case "app":
		return ph.ReceiveFromApp(a.Text, opts...), nil
	}
	return "", fmt.Errorf("fakemeta: a phone cannot %q", a.Do)
}

// samples are what a phone has at hand: photos of the demo shop's crockery, a voice message, an invoice.
//
//go:embed samples
var samples embed.FS

// Sample returns a file that every phone has at hand, and what it is sent as. See Samples for the names.
func Sample(name string) (kind string, f File, err error) {
	data, err := samples.ReadFile(path.Join("samples", path.Base(name)))
	if err != nil {
		return "", File{}, fmt.Errorf("fakemeta: no sample %q", name)
	}
	switch path.Ext(name) {
	case ".ogg":
		return "audio", File{Bytes: data, MIME: "audio/ogg; codecs=opus", Voice: true}, nil
	case ".pdf":
		return "document", File{Bytes: data, MIME: "application/pdf", Filename: path.Base(name)}, nil
	}
	return "image", File{Bytes: data, MIME: "image/jpeg"}, nil
}

// Samples lists the names that Sample knows.
func Samples() []string {
	entries, err := samples.ReadDir("samples")
	if err != nil {
		panic(err) // embedded
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}
