package channeltest

import (
	"slices"
	"testing"

	"gatehouse/internal/chat"
)

// FuzzRoute holds a driver's two readers of whose a payload is against each other: the fast one may give up, but not differ. odd
// are payloads of its own that are not written as usual, or only nearly so.
func FuzzRoute(f *testing.F, fast func([]byte) ([]chat.AccountKey, bool), well func([]byte) []chat.AccountKey, odd ...string) {
	f.Helper()
	for _, body := range Payloads(f) {
		f.Add(body)
	}
	for _, body := range slices.Concat(odd, Hostile()) {
		if len(body) < 1<<16 {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if keys, ok := fast(body); ok && !slices.Equal(keys, well(body)) {
			t.Errorf("read fast %v, read well %v: %q", keys, well(body), body)
		}
	})
}

// ReadsFast asks that the fast reader does not give up on what the provider writes.
func ReadsFast(t *testing.T, fast func([]byte) ([]chat.AccountKey, bool)) {
	t.Helper()
	for name, body := range Payloads(t) {
		if _, ok := fast(body); !ok {
			t.Errorf("%s is not read fast", name)
		}
	}
}
