package whatsapp_test

import (
	"testing"

	"gatehouse/channels"
	"gatehouse/channels/channeltest"
	"gatehouse/channels/whatsapp"
	"gatehouse/internal/chat"
)

func suite() channeltest.Suite {
	return channeltest.Suite{
		Settings: map[string]string{
			"phone_number_id": "510000000000002", "business_account_id": "410000000000001", "graph_base_url": "https://graph.facebook.com", "graph_version": "v26.0",
		},
		Secrets: channels.Secrets{"access_token": "EAAFfixtureAccessToken", "app_secret": "fixture-app-secret-of-whatsapp", "verify_token": "fixture-verify-of-whatsapp"},
		BaseURL: "graph_base_url",
		Meta:    true,
		Example: chat.Outbound{MessageID: messageID, To: byPhone, Kind: chat.KindText, Text: "x"},
		Sends:   sends(),
	}
}

func TestTheDriverConforms(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, whatsapp.Driver(), suite())
}
