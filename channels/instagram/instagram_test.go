package instagram_test

import (
	"testing"

	"gatehouse/channels"
	"gatehouse/channels/channeltest"
	"gatehouse/channels/instagram"
	"gatehouse/internal/chat"
)

func suite() channeltest.Suite {
	return channeltest.Suite{
		Settings: map[string]string{
			"instagram_id": "17841400000000001", "graph_base_url": "https://graph.instagram.com", "graph_version": "v26.0",
		},
		Secrets: channels.Secrets{"access_token": "EAAFfixtureAccessToken", "app_secret": "fixture-app-secret-of-instagram", "verify_token": "fixture-verify-of-instagram"},
		BaseURL: "graph_base_url",
		Meta:    true,
		Example: chat.Outbound{To: to, Kind: chat.KindText, Text: "x"},
		Sends:   sends(),
	}
}

func TestTheDriverConforms(t *testing.T) {
	t.Parallel()
	channeltest.Run(t, instagram.Driver(), suite())
}
