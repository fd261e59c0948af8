// Package webchat is the driver of the chat on a company's own site. There is no provider: visitors speak to our own
// door (gateway/widget), which writes each of their messages as one raw event, and they read what agents answer from the
// record. So the driver has facts, settings and a parser, and no sender; what is stored is sent.
//
// It refuses every webhook: nobody outside may post its events (Webhook.Verify). Events come only from gateway/widget,
// whose words are in event.go; the files in testdata are the contract between the two.
//
// Start with Driver, then event.go.
package webchat

import (
	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// KeyType is the type of the key under which a web chat account is addressed: by its own id.
const KeyType = "account"

// AccountIDSetting is the reserved name under which the desk adds an account's own id to the settings that it asks Keys
// with. It is not a setting that anybody fills in.
const AccountIDSetting = chat.AccountIDSetting

// The limits of a visitor's message.
const (
	textLimit = 4000     // characters
	fileLimit = 16 << 20 // bytes
)

// Driver is web chat.
func Driver() channels.Driver {
	return channels.Driver{
		Kind:  chat.Webchat,
		Label: "Web chat",
		Capabilities: channels.Capabilities{
			// No service window: the zero Rule.
			Limits: chat.Limits{
				TextLimit: textLimit,
				Caption:   textLimit,
				Media: map[chat.MessageKind]chat.MediaLimit{
					chat.KindImage: {Types: []string{"image/jpeg", "image/png", "image/webp", "image/gif"}, Bytes: fileLimit},
					chat.KindVideo: {Types: []string{"video/mp4", "video/webm", "video/quicktime"}, Bytes: fileLimit},
					chat.KindAudio: {Types: []string{"audio/*"}, Bytes: fileLimit},
					chat.KindVoice: {Types: []string{"audio/*"}, Bytes: fileLimit},
					chat.KindDocument: {Types: []string{
						"application/pdf", "text/plain", "text/csv", "application/zip",
						"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
						"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
						"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
						"application/vnd.openxmlformats-officedocument.presentationml.presentation",
						"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet",
						"application/vnd.oasis.opendocument.presentation",
					}, Bytes: fileLimit},
				},
				ReplyTo:    true,
				Typing:     true,
				ReadMarks:  true,
				Read:       true,
				Idempotent: true,
				Direct:     true,
			},
		},
		Settings: settings(),
		Webhook:  webhook(),
		Keys: func(settings map[string]string) []chat.AccountKey {
			if settings[AccountIDSetting] == "" {
				return nil
			}
			return []chat.AccountKey{{Kind: chat.Webchat, Type: KeyType, Value: settings[AccountIDSetting]}}
		},
	}
}

// settings are what an account needs. Only the origins are required: without one the chat appears nowhere. How the
// values are read is gateway/widget's (site.go): what it cannot read has its default.
func settings() []channels.Setting {
	return []channels.Setting{
		{
			Name: "allowed_origins", Label: "Allowed origins", Required: true,
			Help: "The sites that may show the chat, as scheme, host and port, separated by commas: https://www.example.com, https://shop.example.com:8443. There are no wildcards.",
		},
		{Name: "title", Label: "Name", Help: "What visitors see at the top until an agent joins. Empty: the account's name."},
		{Name: "subtitle", Label: "Line under the name", Help: "For example your usual reply time. Say only what is true."},
		{Name: "greeting", Label: "Greeting", Help: "The first lines in an empty chat."},
		{Name: "teaser", Label: "Teaser", Help: "A short line beside the button, once per visit. Empty: none."},
		{Name: "color", Label: "Brand colour", Default: "#3654D1", Help: "As #RRGGBB. Text on it is chosen by contrast."},
		{Name: "theme", Label: "Theme", Default: "auto", Help: "auto, light or dark."},
		{Name: "language", Label: "Language", Default: "auto", Help: "auto, en or tr. Auto: the page's language, else the browser's."},
		{Name: "side", Label: "Side", Default: "end", Help: "end or start: the lower corner in which the button lies."},
		{Name: "offset_x", Label: "Distance from the side", Default: "20", Help: "In pixels."},
		{Name: "offset_y", Label: "Distance from the bottom", Default: "20", Help: "In pixels."},
	}
}
