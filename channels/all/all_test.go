package all_test

import (
	"testing"

	"gatehouse/channels/all"
	"gatehouse/internal/chat"
)

func TestNoTwoDriversShareAKindOrAPayload(t *testing.T) {
	t.Parallel()
	kinds, objects := map[chat.ChannelKind]bool{}, map[string]bool{}
	for _, d := range all.Drivers() {
		if d.Kind == "" || kinds[d.Kind] {
			t.Errorf("kind %q", d.Kind)
		}
		kinds[d.Kind] = true
		if d.Webhook == nil || d.Webhook.Object == "" {
			continue
		}
		if objects[d.Webhook.Object] {
			t.Errorf("two drivers read %q", d.Webhook.Object)
		}
		objects[d.Webhook.Object] = true
	}
	if !objects["whatsapp_business_account"] || !objects["instagram"] {
		t.Errorf("payloads %v", objects)
	}
}
