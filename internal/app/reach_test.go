package app

import (
	"testing"

	"gatehouse/channels"
	"gatehouse/channels/all"
	"gatehouse/internal/chat"
)

func TestAStandInBesideUsMayBeReachedAndNothingElse(t *testing.T) { // B69, S40
	t.Parallel()
	for _, c := range []struct {
		kind         chat.ChannelKind
		setting, url string
		ask          string
		want         bool
	}{
		{chat.WhatsApp, "graph_base_url", "http://127.0.0.1:18299", "127.0.0.1:18299", true},
		{chat.WhatsApp, "graph_base_url", "http://localhost:18299/x", "localhost:18299", true},
		{chat.Instagram, "graph_base_url", "http://[::1]:18299", "[::1]:18299", true},
		{chat.WhatsApp, "graph_base_url", "http://127.0.0.1:18299", "127.0.0.1:6379", false},
		{chat.WhatsApp, "graph_base_url", "http://127.0.0.1:9090", "127.0.0.1:9090", false}, // ourselves
		{chat.WhatsApp, "graph_base_url", "http://169.254.169.254", "169.254.169.254:80", false},
		{chat.WhatsApp, "graph_base_url", "http://10.0.0.7:8080", "10.0.0.7:8080", false},
		{chat.WhatsApp, "graph_base_url", "http://localhost.example:80", "localhost.example:80", false},
		{chat.WhatsApp, "verify_token", "http://127.0.0.1:18299", "127.0.0.1:18299", false},
		{chat.Webchat, "allowed_origins", "http://127.0.0.1:18299", "127.0.0.1:18299", false},
		{chat.WhatsApp, "graph_base_url", "127.0.0.1:18299", "127.0.0.1:18299", false}, // no URL
	} {
		r := newReach([]string{"10.0.0.9:443"}, []string{"127.0.0.1:9090"}, all.Drivers())
		if r.may(c.ask) {
			t.Errorf("%s may be reached before anybody named it", c.ask)
		}
		r.learn(channels.Account{Account: chat.Account{Kind: c.kind, Settings: map[string]string{c.setting: c.url}}})
		if got := r.may(c.ask); got != c.want {
			t.Errorf("%s with %s=%s: %v", c.ask, c.setting, c.url, got)
		}
		if !r.may("10.0.0.9:443") {
			t.Error("what the operator allows is refused")
		}
	}
}
