package whatsapp

import (
	"slices"
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

// FuzzRoute holds the two readers of whose a payload is against each other: the fast one may give up, but not differ.
func FuzzRoute(f *testing.F) {
	for _, body := range channeltest.Payloads(f) {
		f.Add(body)
	}
	for _, body := range slices.Concat(odd, channeltest.Hostile()) {
		if len(body) < 1<<16 {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if plain, ok := routePlain(body); ok && !slices.Equal(plain, routeAny(body)) {
			t.Errorf("read fast %v, read well %v: %q", plain, routeAny(body), body)
		}
	})
}

func TestWhatTheProviderWritesIsReadFast(t *testing.T) {
	t.Parallel()
	for name, body := range channeltest.Payloads(t) {
		if _, ok := routePlain(body); !ok {
			t.Errorf("%s is not", name)
		}
	}
}
