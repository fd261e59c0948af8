package whatsapp_test

import (
	"encoding/json"
	"fmt"

	"gatehouse/channels/channeltest"
	"gatehouse/internal/chat"
)

var (
	messageID = mustID("0198a000-0000-7000-8000-00000000004d")
	byPhone   = []chat.Address{{Kind: chat.WhatsApp, Type: chat.AddressBSUID, Value: "TR.30000000000000000001"}, {Kind: chat.WhatsApp, Type: chat.AddressPhone, Value: "905551110001"}}
	byUser    = []chat.Address{{Kind: chat.WhatsApp, Type: chat.AddressBSUID, Value: "TR.30000000000000000002"}}
)

func mustID(s string) chat.MessageID {
	id, err := chat.ParseID[chat.MessageID](s)
	if err != nil {
		panic(err)
	}
	return id
}

const messages = "/v26.0/510000000000002/messages"

// taken is the answer to a message that was taken.
var taken = []channeltest.Reply{{Body: `{"messaging_product":"whatsapp","contacts":[{"input":"+905551110001","wa_id":"905551110001"}],"messages":[{"id":"wamid.1","message_status":"accepted"}]}`}}

var receipt = chat.Receipt{ExternalID: "wamid.1", Addresses: byPhone[1:]}

// body is a request to a phone number with the given content.
func body(content string) []channeltest.Request {
	return []channeltest.Request{{Path: messages, JSON: `{"messaging_product":"whatsapp","recipient_type":"individual","to":"+905551110001",` +
		`"biz_opaque_callback_data":"0198a000-0000-7000-8000-00000000004d",` + content + `}`}}
}

// sent is a case in which a message becomes the given content.
func sent(name string, out chat.Outbound, content string) channeltest.Send {
	out.MessageID, out.To = messageID, byPhone
	return channeltest.Send{Name: name, Out: out, Requests: body(content), Replies: taken, Receipt: receipt}
}

// never is a case that is refused before anything is sent.
func never(name string, out chat.Outbound, code chat.Code, detail string) channeltest.Send {
	if out.To == nil {
		out.To = byPhone
	}
	return channeltest.Send{Name: name, Out: out, Refused: &chat.SendError{Code: code, Retry: chat.RetryNever, Detail: detail}}
}

// refused is a text that the provider refuses with the given status and error code.
func refused(name string, status, code int, want chat.SendError) channeltest.Send {
	s := sent(name, chat.Outbound{Kind: chat.KindText, Text: "x"}, `"type":"text","text":{"body":"x"}`)
	s.Replies = []channeltest.Reply{{Status: status, Body: fmt.Sprintf(`{"error":{"message":"(#%d) no","type":"OAuthException","code":%d,"error_data":{"messaging_product":"whatsapp","details":"No."},"fbtrace_id":"A"}}`, code, code)}}
	want.Provider, want.Detail = fmt.Sprint(code), "No."
	s.Refused = &want
	return s
}

func file(id string) []chat.OutboundMedia { return []chat.OutboundMedia{{ProviderID: id}} }

func sends() []channeltest.Send {
	all := []channeltest.Send{
		sent("a text", chat.Outbound{Kind: chat.KindText, Text: "Merhaba \"Ayşe\" <b> 📦"}, `"type":"text","text":{"body":"Merhaba \"Ayşe\" <b> 📦"}`),
		sent("a text with a link is previewed", chat.Outbound{Kind: chat.KindText, Text: "https://example.com/1"}, `"type":"text","text":{"body":"https://example.com/1","preview_url":true}`),
		sent("an answer quotes", chat.Outbound{Kind: chat.KindText, Text: "x", ReplyTo: "wamid.0"}, `"context":{"message_id":"wamid.0"},"type":"text","text":{"body":"x"}`),
		{
			Name: "to a user without a phone number", Out: chat.Outbound{To: byUser, Kind: chat.KindText, Text: "x"},
			Requests: []channeltest.Request{{Path: messages, JSON: `{"messaging_product":"whatsapp","recipient_type":"individual","recipient":"TR.30000000000000000002","type":"text","text":{"body":"x"}}`}},
			Replies:  []channeltest.Reply{{Body: `{"contacts":[{"input":"TR.30000000000000000002","user_id":"TR.30000000000000000002","wa_id":"junk"}],"messages":[{"id":"wamid.2"}]}`}},
			Receipt:  chat.Receipt{ExternalID: "wamid.2", Addresses: byUser},
		},
		sent("an uploaded image with a caption", chat.Outbound{Kind: chat.KindImage, Text: "Kutu", Media: file("900")}, `"type":"image","image":{"id":"900","caption":"Kutu"}`),
		sent("an image by link", chat.Outbound{Kind: chat.KindImage, Media: []chat.OutboundMedia{{URL: "https://example.com/a.jpg"}}}, `"type":"image","image":{"link":"https://example.com/a.jpg"}`),
		sent("a video", chat.Outbound{Kind: chat.KindVideo, Text: "v", Media: file("901")}, `"type":"video","video":{"id":"901","caption":"v"}`),
		sent("an audio file", chat.Outbound{Kind: chat.KindAudio, Media: file("902")}, `"type":"audio","audio":{"id":"902"}`),
		sent("a voice note", chat.Outbound{Kind: chat.KindVoice, Media: file("903")}, `"type":"audio","audio":{"id":"903","voice":true}`),
		sent("a document keeps its name", chat.Outbound{Kind: chat.KindDocument, Text: "Fatura", Media: []chat.OutboundMedia{{ProviderID: "904", Name: "fatura ğ.pdf"}}}, `"type":"document","document":{"id":"904","caption":"Fatura","filename":"fatura ğ.pdf"}`),
		sent("a sticker", chat.Outbound{Kind: chat.KindSticker, Media: file("905")}, `"type":"sticker","sticker":{"id":"905"}`),
		sent("a location", chat.Outbound{Kind: chat.KindLocation, Location: &chat.Location{Latitude: 41.5, Name: "Taksim", Address: "Beyoğlu"}}, `"type":"location","location":{"latitude":41.5,"longitude":0,"name":"Taksim","address":"Beyoğlu"}`),
		sent("contact cards", chat.Outbound{Kind: chat.KindContacts, Contacts: json.RawMessage(`[{"name":{"formatted_name":"A"}}]`)}, `"type":"contacts","contacts":[{"name":{"formatted_name":"A"}}]`),
		sent("a reaction quotes nothing", chat.Outbound{ReplyTo: "wamid.0", Reaction: &chat.OutboundReaction{ExternalID: "wamid.0", Emoji: "👍"}}, `"type":"reaction","reaction":{"message_id":"wamid.0","emoji":"👍"}`),
		sent("a reaction is taken away", chat.Outbound{Reaction: &chat.OutboundReaction{ExternalID: "wamid.0"}}, `"type":"reaction","reaction":{"message_id":"wamid.0","emoji":""}`),
		sent("reply buttons with header and footer",
			chat.Outbound{Kind: chat.KindInteractive, Text: "Onay?", Header: "Sipariş", Footer: "Mağaza", Buttons: []chat.Button{{ID: "y", Title: "Evet"}, {ID: "n", Title: "Hayır"}}},
			`"type":"interactive","interactive":{"type":"button","header":{"type":"text","text":"Sipariş"},"body":{"text":"Onay?"},"footer":{"text":"Mağaza"},
			"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Evet"}},{"type":"reply","reply":{"id":"n","title":"Hayır"}}]}}`),
		sent("buttons under an image",
			chat.Outbound{Kind: chat.KindInteractive, Text: "?", Media: []chat.OutboundMedia{{ProviderID: "906", Type: "image/png"}}, Buttons: []chat.Button{{ID: "y", Title: "Evet"}}},
			`"type":"interactive","interactive":{"type":"button","header":{"type":"image","image":{"id":"906"}},"body":{"text":"?"},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Evet"}}]}}`),
		sent("buttons under a document",
			chat.Outbound{Kind: chat.KindInteractive, Text: "?", Media: []chat.OutboundMedia{{ProviderID: "907", Type: "application/pdf", Name: "a.pdf"}}, Buttons: []chat.Button{{ID: "y", Title: "Evet"}}},
			`"type":"interactive","interactive":{"type":"button","header":{"type":"document","document":{"id":"907","filename":"a.pdf"}},"body":{"text":"?"},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Evet"}}]}}`),
		sent("a list",
			chat.Outbound{Kind: chat.KindInteractive, Text: "Seçin", List: &chat.List{Button: "Aç", Sections: []chat.ListSection{{Title: "Kargo", Rows: []chat.ListRow{{ID: "1", Title: "Hızlı", Description: "1 gün"}, {ID: "2", Title: "Ucuz"}}}}}},
			`"type":"interactive","interactive":{"type":"list","body":{"text":"Seçin"},"action":{"button":"Aç","sections":[{"title":"Kargo","rows":[{"id":"1","title":"Hızlı","description":"1 gün"},{"id":"2","title":"Ucuz"}]}]}}`),
		sent("a link button",
			chat.Outbound{Kind: chat.KindInteractive, Text: "Bak", Buttons: []chat.Button{{Title: "Aç", URL: "https://example.com"}}},
			`"type":"interactive","interactive":{"type":"cta_url","body":{"text":"Bak"},"action":{"name":"cta_url","parameters":{"display_text":"Aç","url":"https://example.com"}}}`),
		sent("a template",
			chat.Outbound{Kind: chat.KindTemplate, Template: &chat.OutboundTemplate{Name: "siparis_onay", Language: "tr", Components: json.RawMessage(`[{"type":"body","parameters":[{"type":"text","text":"Ayşe"}]}]`)}},
			`"type":"template","template":{"name":"siparis_onay","language":{"code":"tr"},"components":[{"type":"body","parameters":[{"type":"text","text":"Ayşe"}]}]}`),
		sent("a template without variables", chat.Outbound{Kind: chat.KindTemplate, Template: &chat.OutboundTemplate{Name: "merhaba", Language: "en_US"}}, `"type":"template","template":{"name":"merhaba","language":{"code":"en_US"}}`),

		never("nobody to send to", chat.Outbound{To: []chat.Address{}, Kind: chat.KindText, Text: "x"}, chat.CodeUndeliverable, "the contact has no WhatsApp address"),
		never("a caption where none can be", chat.Outbound{Kind: chat.KindAudio, Text: "x", Media: file("1")}, chat.CodeNotSupported, "whatsapp carries no caption with audio"),
		never("two files", chat.Outbound{Kind: chat.KindImage, Media: append(file("1"), file("2")...)}, chat.CodeNotSupported, "whatsapp carries one file a message"),
		never("no file", chat.Outbound{Kind: chat.KindImage}, chat.CodeNotSupported, "whatsapp carries one file a message"),
		never("a file that was not uploaded", chat.Outbound{Kind: chat.KindImage, Media: make([]chat.OutboundMedia, 1)}, chat.CodeInvalid, "the file was not uploaded"),
		never("a kind that does not exist there", chat.Outbound{Kind: chat.KindOrder}, chat.CodeNotSupported, "whatsapp carries no order"),
		never("a location without a place", chat.Outbound{Kind: chat.KindLocation}, chat.CodeNotSupported, "whatsapp carries no location"),
		never("buttons and links mixed", chat.Outbound{Kind: chat.KindInteractive, Buttons: []chat.Button{{ID: "1", Title: "a"}, {Title: "b", URL: "https://example.com"}}}, chat.CodeNotSupported, "whatsapp carries a list, or reply buttons, or one link"),
		never("a list with buttons", chat.Outbound{Kind: chat.KindInteractive, List: &chat.List{}, Buttons: []chat.Button{{ID: "1", Title: "a"}}}, chat.CodeNotSupported, "whatsapp carries a list, or reply buttons, or one link"),
		never("two headers", chat.Outbound{Kind: chat.KindInteractive, Header: "h", Media: []chat.OutboundMedia{{ProviderID: "1", Type: "image/png"}}, Buttons: []chat.Button{{ID: "1", Title: "a"}}}, chat.CodeNotSupported, "whatsapp cannot carry this header"),
		never("contacts that are not JSON", chat.Outbound{Kind: chat.KindContacts, Contacts: json.RawMessage(`[`)}, chat.CodeInvalid, "the message cannot be written as JSON"),

		refused("the window is closed", 400, 131047, chat.SendError{Code: chat.CodeWindowClosed, Retry: chat.RetryNever, Effect: chat.EffectShutWindow}),
		refused("the pair limit", 429, 131056, chat.SendError{Code: chat.CodeThrottledPair, Retry: chat.RetryPair}),
		refused("throughput", 429, 130429, chat.SendError{Code: chat.CodeThrottledNumber, Retry: chat.RetryAccount}),
		refused("the app's limit", 400, 4, chat.SendError{Code: chat.CodeThrottledNumber, Retry: chat.RetryAccount, After: 120}),
		refused("the token expired", 401, 190, chat.SendError{Code: chat.CodeAccountDisconnected, Retry: chat.RetryNever, Effect: chat.EffectAccountBroken}),
		refused("the template is paused", 400, 132015, chat.SendError{Code: chat.CodeTemplatePaused, Retry: chat.RetryNever, Effect: chat.EffectTemplatePaused}),
		refused("the contact stopped marketing", 400, 131050, chat.SendError{Code: chat.CodeOptedOut, Retry: chat.RetryNever, Effect: chat.EffectOptOut}),
		refused("a vague error with 4xx", 400, 131000, chat.SendError{Code: chat.CodeUnavailable, Retry: chat.RetryMessage}),
		refused("maintenance with 5xx", 500, 131057, chat.SendError{Code: chat.CodeUnavailable, Retry: chat.RetryAccount, After: 60}),
	}
	held := sent("held for a quality check", chat.Outbound{Kind: chat.KindTemplate, Template: &chat.OutboundTemplate{Name: "k", Language: "tr"}}, `"type":"template","template":{"name":"k","language":{"code":"tr"}}`)
	held.Replies = []channeltest.Reply{{Body: `{"messages":[{"id":"wamid.3","message_status":"held_for_quality_assessment"}]}`}}
	held.Receipt = chat.Receipt{ExternalID: "wamid.3", Held: true}

	vague := refused("a vague error with 5xx leaves it open", 500, 131000, chat.SendError{})
	vague.Refused, vague.Unknown = nil, true
	return append(all, held, vague)
}
