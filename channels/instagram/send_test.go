package instagram_test

import (
	"fmt"

	"gatehouse/channels/channeltest"
	"gatehouse/internal/chat"
)

const messages = "/v26.0/17841400000000001/messages"

var to = []chat.Address{
	{Kind: chat.Instagram, Scope: "17841400000000009", Type: chat.AddressIGSID, Value: "9"}, // as another account knows them
	{Kind: chat.Instagram, Scope: "17841400000000001", Type: chat.AddressIGSID, Value: "1000000000000101"},
}

// sent is a case in which a message becomes a request with the given content.
func sent(name string, out chat.Outbound, content string) channeltest.Send {
	out.To = to
	return channeltest.Send{
		Name: name, Out: out, Receipt: chat.Receipt{ExternalID: "mid.1"},
		Requests: []channeltest.Request{{Path: messages, JSON: `{"recipient":{"id":"1000000000000101"},` + content + `}`}},
		Replies:  []channeltest.Reply{{Body: `{"recipient_id":"1000000000000101","message_id":"mid.1"}`}},
	}
}

// acted is a case whose answer names no message.
func acted(name string, out chat.Outbound, content string) channeltest.Send {
	s := sent(name, out, content)
	s.Receipt.ExternalID, s.Replies[0].Body = "", `{"recipient_id":"1000000000000101"}`
	return s
}

// never is a case that is refused before anything is sent.
func never(name string, out chat.Outbound, code chat.Code, detail string) channeltest.Send {
	if out.To == nil {
		out.To = to
	}
	return channeltest.Send{Name: name, Out: out, Refused: &chat.SendError{Code: code, Retry: chat.RetryNever, Detail: detail}}
}

// refused is a text that the provider refuses.
func refused(name string, status, code, subcode int, want chat.SendError) channeltest.Send {
	s := sent(name, chat.Outbound{Kind: chat.KindText, Text: "x"}, `"messaging_type":"RESPONSE","message":{"text":"x"}`)
	s.Replies = []channeltest.Reply{{Status: status, Body: fmt.Sprintf(`{"error":{"message":"No.","type":"IGApiException","code":%d,"error_subcode":%d,"error_data":"","fbtrace_id":"A"}}`, code, subcode)}}
	want.Detail, want.Provider = "No.", fmt.Sprint(code)
	if subcode != 0 {
		want.Provider += fmt.Sprint("/", subcode)
	}
	s.Refused = &want
	return s
}

func link(urls ...string) (all []chat.OutboundMedia) {
	for _, u := range urls {
		all = append(all, chat.OutboundMedia{URL: u})
	}
	return all
}

func sends() []channeltest.Send {
	return []channeltest.Send{
		sent("a text", chat.Outbound{Kind: chat.KindText, Text: "Merhaba <b> 📦"}, `"messaging_type":"RESPONSE","message":{"text":"Merhaba <b> 📦"}`),
		sent("a person's late answer", chat.Outbound{Kind: chat.KindText, Text: "x", Tag: "HUMAN_AGENT"}, `"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT","message":{"text":"x"}`),
		sent("an answer quotes", chat.Outbound{Kind: chat.KindText, Text: "x", ReplyTo: "mid.0"}, `"messaging_type":"RESPONSE","message":{"text":"x"},"reply_to":{"mid":"mid.0"}`),
		sent("quick replies", chat.Outbound{Kind: chat.KindInteractive, Text: "?", Buttons: []chat.Button{{ID: "y", Title: "Evet"}, {ID: "n", Title: "Hayır"}}},
			`"messaging_type":"RESPONSE","message":{"text":"?","quick_replies":[{"content_type":"text","title":"Evet","payload":"y"},{"content_type":"text","title":"Hayır","payload":"n"}]}`),
		sent("an image", chat.Outbound{Kind: chat.KindImage, Media: link("https://example.com/a.jpg")}, `"messaging_type":"RESPONSE","message":{"attachment":{"type":"image","payload":{"url":"https://example.com/a.jpg"}}}`),
		sent("two images", chat.Outbound{Kind: chat.KindImage, Media: link("https://example.com/a.jpg", "https://example.com/b.jpg")},
			`"messaging_type":"RESPONSE","message":{"attachments":[{"type":"image","payload":{"url":"https://example.com/a.jpg"}},{"type":"image","payload":{"url":"https://example.com/b.jpg"}}]}`),
		sent("a video", chat.Outbound{Kind: chat.KindVideo, Media: link("https://example.com/a.mp4")}, `"messaging_type":"RESPONSE","message":{"attachment":{"type":"video","payload":{"url":"https://example.com/a.mp4"}}}`),
		sent("an audio file", chat.Outbound{Kind: chat.KindAudio, Media: link("https://example.com/a.m4a")}, `"messaging_type":"RESPONSE","message":{"attachment":{"type":"audio","payload":{"url":"https://example.com/a.m4a"}}}`),
		sent("a voice note", chat.Outbound{Kind: chat.KindVoice, Media: link("https://example.com/a.m4a")}, `"messaging_type":"RESPONSE","message":{"attachment":{"type":"audio","payload":{"url":"https://example.com/a.m4a"}}}`),
		sent("a document", chat.Outbound{Kind: chat.KindDocument, Media: link("https://example.com/a.pdf")}, `"messaging_type":"RESPONSE","message":{"attachment":{"type":"file","payload":{"url":"https://example.com/a.pdf"}}}`),
		sent("an attachment by its id", chat.Outbound{Kind: chat.KindImage, Media: []chat.OutboundMedia{{ProviderID: "77", URL: "https://example.com/a.jpg"}}}, `"messaging_type":"RESPONSE","message":{"attachment":{"type":"image","payload":{"attachment_id":"77"}}}`),
		acted("the heart has a name", chat.Outbound{Reaction: &chat.OutboundReaction{ExternalID: "mid.0", Emoji: "❤️"}}, `"sender_action":"react","payload":{"message_id":"mid.0","reaction":"love"}`),
		acted("another reaction", chat.Outbound{Reaction: &chat.OutboundReaction{ExternalID: "mid.0", Emoji: "🎉"}}, `"sender_action":"react","payload":{"message_id":"mid.0","reaction":"🎉"}`),
		acted("a reaction is taken away", chat.Outbound{Reaction: &chat.OutboundReaction{ExternalID: "mid.0"}}, `"sender_action":"unreact","payload":{"message_id":"mid.0"}`),

		never("nobody to send to", chat.Outbound{To: to[:1], Kind: chat.KindText, Text: "x"}, chat.CodeUndeliverable, "the contact has no address on this Instagram account"),
		never("a caption", chat.Outbound{Kind: chat.KindImage, Text: "x", Media: link("https://example.com/a.jpg")}, chat.CodeNotSupported, "instagram carries no caption"),
		never("two videos", chat.Outbound{Kind: chat.KindVideo, Media: link("https://example.com/a.mp4", "https://example.com/b.mp4")}, chat.CodeNotSupported, "instagram carries one file a message, or several images"),
		never("no file", chat.Outbound{Kind: chat.KindImage}, chat.CodeNotSupported, "instagram carries one file a message, or several images"),
		never("a sticker", chat.Outbound{Kind: chat.KindSticker, Media: link("https://example.com/a.webp")}, chat.CodeNotSupported, "instagram carries one file a message, or several images"),
		never("a file without an address", chat.Outbound{Kind: chat.KindImage, Media: make([]chat.OutboundMedia, 1)}, chat.CodeInvalid, "the file has no public address"),
		never("a template", chat.Outbound{Kind: chat.KindTemplate, Template: &chat.OutboundTemplate{Name: "a"}}, chat.CodeNotSupported, "instagram carries no template"),
		never("a location", chat.Outbound{Kind: chat.KindLocation, Location: &chat.Location{}}, chat.CodeNotSupported, "instagram carries no location"),
		never("a list", chat.Outbound{Kind: chat.KindInteractive, List: &chat.List{}}, chat.CodeNotSupported, "instagram carries no interactive"),
		never("a link button", chat.Outbound{Kind: chat.KindInteractive, Text: "x", Buttons: []chat.Button{{Title: "a", URL: "https://example.com"}}}, chat.CodeNotSupported, "instagram carries no link buttons"),
		never("a kind that does not exist there", chat.Outbound{Kind: chat.KindOrder}, chat.CodeNotSupported, "instagram carries no order"),

		refused("the window is closed", 400, 10, 2534022, chat.SendError{Code: chat.CodeWindowClosed, Retry: chat.RetryNever, Effect: chat.EffectShutWindow}),
		refused("no permission", 403, 10, 0, chat.SendError{Code: chat.CodeAccountDisconnected, Retry: chat.RetryNever, Effect: chat.EffectAccountBroken}),
		refused("the token expired", 401, 190, 0, chat.SendError{Code: chat.CodeAccountDisconnected, Retry: chat.RetryNever, Effect: chat.EffectAccountBroken}),
		refused("too many calls", 400, 613, 0, chat.SendError{Code: chat.CodeThrottledNumber, Retry: chat.RetryAccount, After: 60}),
		refused("the person is not available", 400, 551, 1545041, chat.SendError{Code: chat.CodeUndeliverable, Retry: chat.RetryNever}),
	}
}
