package whatsapp

import (
	"testing"

	"gatehouse/channels/channeltest"
)

// odd are payloads that are not written as usual, or only nearly so.
var odd = []string{
	`{"object":"whatsapp_business_account","Object":"x","entry":[{"id":"1","changes":[{}]}]}`,
	`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"metadata":{"phone_number_id":"5"},"metadata":{}}}]}]}`,
	`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":null},{"value":{"metadata":{"phone_number_id":-1.5e3}}}]}]}`,
	`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"value":{"a":"}\\\"],","metadata":{"x":[{"phone_number_id":"6"}, "]"],"phone_number_id" : "5" }}}]}], "z":0}`,
	`{"object":"whatsapp_business_account","entry":[{"changes":[{"value":{"metadata":{"phone_number_id":"5"}}}],"id":"1"}]}x`,
	`{"entry":[{"id":"1","changes":[{}]}],"object":"whatsapp\u005fbusiness_account"}`,
	`{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{},{},{},{},{},{},{},{},{"value":{"metadata":{"phone_number_id":"9"}}}]}]}`,
}

func FuzzRoute(f *testing.F) { channeltest.FuzzRoute(f, routePlain, routeAny, odd...) }

func TestWhatTheProviderWritesIsReadFast(t *testing.T) {
	t.Parallel()
	channeltest.ReadsFast(t, routePlain)
}
