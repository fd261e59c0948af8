// Package whatsapp is the driver of the WhatsApp Cloud API, coexistence with the WhatsApp Business app included.
//
// Reading webhooks is pure: payload.go has their shapes, parse.go walks them, message.go, status.go, history.go and
// account.go say what each means. Sending starts at sender.go; compose.go writes a message as the API wants it.
//
// It refuses to invent: an unknown message becomes a visible placeholder, an unknown event an ignored Inbound with a
// Note, and a message whose sender cannot be named keeps an empty From for the receiver to put aside. Group conversations
// are not served. Start reading at Driver.
package whatsapp

import (
	"time"

	"gatehouse/channels"
	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
	"gatehouse/internal/window"
)

// The settings of an account.
const (
	settingNumber   = "phone_number_id"
	settingBusiness = "business_account_id"
	settingToken    = "access_token"
	settingSecret   = "app_secret"
	settingVerify   = "verify_token"
	settingBase     = "graph_base_url"
	settingVersion  = "graph_version"
)

// object is what WhatsApp's payloads call themselves.
const object = "whatsapp_business_account"

// Driver is the WhatsApp Cloud API.
func Driver() channels.Driver {
	d := channels.Driver{
		Kind:         chat.WhatsApp,
		Label:        "WhatsApp",
		Capabilities: capabilities(),
		Settings: []channels.Setting{
			{Name: settingNumber, Label: "Phone number ID", Required: true, Help: "WhatsApp Manager → API setup. Not the number itself."},
			{Name: settingBusiness, Label: "Business account ID", Required: true, Help: "The WhatsApp Business Account (messaging account) that owns the number and its templates."},
			{Name: settingToken, Label: "Access token", Required: true, Secret: true, Help: "Of a system user with whatsapp_business_messaging and whatsapp_business_management."},
			{Name: settingSecret, Label: "App secret", Required: true, Secret: true, Help: "Signs the webhooks. Two, separated by a blank, are accepted while one replaces the other."},
			{Name: settingVerify, Label: "Verify token", Required: true, Secret: true, Help: "The same text as in the app's webhook settings."},
			{Name: settingBase, Label: "Graph address", Default: "https://graph.facebook.com", Endpoint: true},
			{Name: settingVersion, Label: "Graph version", Default: "v26.0"},
		},
		Webhook: &channels.Webhook{
			Object: object,
			Verify: func(r channels.Request, s channels.Secrets) error {
				return graph.Verify(r.Header[graph.SignatureHeader], r.Body, graph.Secrets(s[settingSecret]))
			},
			Challenge: func(r channels.Request, s channels.Secrets) ([]byte, bool) {
				return graph.Challenge(r.Query, s[settingVerify])
			},
			Route: func(r channels.Request) []chat.AccountKey { return route(r.Body) },
			Parse: func(e chat.RawEvent) ([]chat.Inbound, error) { return parse(e.Body) },
		},
		Keys: func(settings map[string]string) []chat.AccountKey {
			var keys []chat.AccountKey
			for _, name := range []string{settingNumber, settingBusiness} {
				if v := settings[name]; v != "" {
					keys = append(keys, key(name, v))
				}
			}
			return keys
		},
	}
	d.Open = func(a channels.Account, deps channels.Deps) (channels.Sender, error) { return open(d, a, deps) }
	return d
}

func key(name, value string) chat.AccountKey {
	return chat.AccountKey{Kind: chat.WhatsApp, Type: name, Value: value}
}

// File types that WhatsApp carries, and the largest sizes (media page, 2026).
const (
	kib = 1 << 10
	mib = 1 << 20
)

func capabilities() channels.Capabilities {
	audio := []string{"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}
	return channels.Capabilities{
		Window: window.Rule{Open: window.ServiceWindow, Templates: true, FreeEntry: window.FreeEntryWindow},
		Limits: chat.Limits{
			Templates: true,
			TextLimit: 4096,
			Caption:   1024,
			Media: map[chat.MessageKind]chat.MediaLimit{
				chat.KindImage:    {Types: []string{"image/jpeg", "image/png"}, Bytes: 5 * mib},
				chat.KindVideo:    {Types: []string{"video/mp4", "video/3gpp"}, Bytes: 16 * mib},
				chat.KindAudio:    {Types: audio, Bytes: 16 * mib},
				chat.KindVoice:    {Types: []string{"audio/ogg"}, Bytes: 16 * mib},
				chat.KindDocument: {Bytes: 100 * mib},
				chat.KindSticker:  {Types: []string{"image/webp"}, Bytes: 500 * kib},
			},
			Location:  true,
			Reactions: true,
			ReplyTo:   true,
			Buttons:   3,
			List:      true,
			Typing:    true,
			ReadMarks: true,
			Delivered: true,
			Read:      true,
			// Throughput and messaging limits pages, 2026-05-21. A coexistence number has 20 a second.
			PerSecond: 80,
			PairEvery: 6 * time.Second,
			PairBurst: 45,
		},
	}
}

// open makes the sender of one account. It fails with chat.CodeInvalid when a setting is missing or malformed.
func open(d channels.Driver, a channels.Account, deps channels.Deps) (channels.Sender, error) {
	g, err := graph.New(deps.HTTP, a.Setting(d, settingBase), a.Setting(d, settingVersion), a.Setting(d, settingToken))
	if err != nil {
		return nil, err
	}
	s := &sender{graph: g, number: a.Setting(d, settingNumber), business: a.Setting(d, settingBusiness), now: deps.Now}
	if s.number == "" {
		return nil, chat.Errorf(chat.CodeInvalid, "%s is missing", settingNumber)
	}
	return s, nil
}
