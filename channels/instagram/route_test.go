package instagram

import (
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

func FuzzRoute(f *testing.F) { channeltest.FuzzRoute(f, routePlain, routeAny, odd...) }

func TestWhatTheProviderWritesIsReadFast(t *testing.T) {
	t.Parallel()
	channeltest.ReadsFast(t, routePlain)
}
