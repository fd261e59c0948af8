// Package instagram is the driver of Instagram messaging, over Instagram Login (graph.instagram.com) or, with another
// graph_base_url, Facebook Login.
//
// Reading webhooks is pure: payload.go has their shapes, parse.go says what each means. Sending starts at sender.go.
//
// It refuses to keep what Instagram forbids to keep: the media of a story that mentions the account stay where they are
// (chat.MediaRemote). It refuses to send a caption, which Instagram has not, and takes files by public address only.
// Comments, other apps' conversations and the dashboard's samples are ignored with a Note. Start reading at Driver.
package instagram

import (
	"strings"

	"gatehouse/channels"
	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
	"gatehouse/internal/window"
)

// The settings of an account.
const (
	settingAccount = "instagram_id"
	settingToken   = "access_token"
	settingSecret  = "app_secret"
	settingVerify  = "verify_token"
	settingBase    = "graph_base_url"
	settingVersion = "graph_version"
)

// object is what Instagram's payloads call themselves.
const object = "instagram"

// Driver is Instagram messaging.
func Driver() channels.Driver {
	d := channels.Driver{
		Kind:         chat.Instagram,
		Label:        "Instagram",
		Capabilities: capabilities(),
		Settings: []channels.Setting{
			{Name: settingAccount, Label: "Instagram account ID", Required: true, Help: "Of the professional account, as in the webhooks: 17841…"},
			{Name: settingToken, Label: "Access token", Required: true, Secret: true, Help: "With instagram_business_basic and instagram_business_manage_messages."},
			{Name: settingSecret, Label: "App secret", Required: true, Secret: true, Help: "The Instagram app secret signs the webhooks of Instagram Login. Two, separated by a blank, are accepted."},
			{Name: settingVerify, Label: "Verify token", Required: true, Secret: true, Help: "The same text as in the app's webhook settings."},
			{Name: settingBase, Label: "Graph address", Default: "https://graph.instagram.com", Endpoint: true, Help: "https://graph.facebook.com for Facebook Login."},
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
			if v := settings[settingAccount]; v != "" {
				return []chat.AccountKey{key(v)}
			}
			return nil
		},
	}
	d.Open = func(a channels.Account, deps channels.Deps) (channels.Sender, error) { return open(d, a, deps) }
	return d
}

func key(account string) chat.AccountKey {
	return chat.AccountKey{Kind: chat.Instagram, Type: settingAccount, Value: account}
}

const mib = 1 << 20

// capabilities are those of the send API page of 2026; the text limit is in bytes.
func capabilities() channels.Capabilities {
	audio := chat.MediaLimit{Types: []string{"audio/aac", "audio/mp4", "audio/x-m4a", "audio/wav", "audio/x-wav", "audio/mpeg"}, Bytes: 25 * mib}
	return channels.Capabilities{
		Window: window.Rule{Open: window.ServiceWindow, HumanAgent: window.HumanAgentWindow},
		Limits: chat.Limits{
			TextLimit: 1000,
			TextBytes: true,
			Media: map[chat.MessageKind]chat.MediaLimit{
				chat.KindImage:    {Types: []string{"image/jpeg", "image/png", "image/gif"}, Bytes: 8 * mib},
				chat.KindVideo:    {Types: []string{"video/mp4", "video/ogg", "video/x-msvideo", "video/quicktime", "video/webm"}, Bytes: 25 * mib},
				chat.KindAudio:    audio,
				chat.KindVoice:    audio,
				chat.KindDocument: {Types: []string{"application/pdf"}, Bytes: 25 * mib},
			},
			Reactions: true,
			ReplyTo:   true,
			Buttons:   13, // quick replies
			Typing:    true,
			ReadMarks: true,
			Read:      true,
			Profiles:  true,
			PerSecond: 300, // rate limiting page, 2026-03-23; 10 of audio and video, where 613 makes us wait
		},
	}
}

// open makes the sender of one account. It fails with chat.CodeInvalid when a setting is missing or malformed.
func open(d channels.Driver, a channels.Account, deps channels.Deps) (channels.Sender, error) {
	g, err := graph.New(deps.HTTP, a.Setting(d, settingBase), a.Setting(d, settingVersion), a.Setting(d, settingToken))
	if err != nil {
		return nil, err
	}
	s := &sender{graph: g, files: deps.HTTP, account: a.Setting(d, settingAccount), now: deps.Now}
	if s.account == "" {
		return nil, chat.Errorf(chat.CodeInvalid, "%s is missing", settingAccount)
	}
	s.node = s.account
	if strings.HasPrefix(a.Setting(d, settingBase), "https://graph.facebook.com") {
		s.node = "me" // the Page behind the account, whose token it is
	}
	return s, nil
}
