package instagram

import (
	"slices"
	"testing"

	"gatehouse/channels/channeltest"
)

// odd are payloads that are not written as usual, or only nearly so.
var odd = []string{
	`{"object":"instagram","Object":"x","entry":[{"id":"1"}]}`,
	`{"object":"instagram","entry":[{"id":"1","id":null}]}`,
	`{"object":"instagram","entry":[{"id":-1.5e3},{"x":"}\\\"],","y":[{"id":"6"}, "]"],"id" : "5" }], "z":0}`,
	`{"object":"instagram","entry":[{"id":"1"}]}x`,
	`{"entry":[{"id":"1"}],"object":"inst\u0061gram"}`,
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
