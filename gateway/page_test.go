package gateway_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"testing"
)

func TestTheInboxIsServedCompressedToWhoTakesThat(t *testing.T) {
	t.Parallel()
	p := newPorch(t)
	fetch := func(accept string) (http.Header, []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/inbox/mine", nil)
		must(t, err)
		req.Header.Set("Accept-Encoding", accept)
		resp, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
		must(t, err)
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%d, Vary %q", resp.StatusCode, resp.Header.Get("Vary"))
		}
		return resp.Header, body
	}
	plain, page := fetch("identity")
	packed, small := fetch("br, gzip")
	if plain.Get("Content-Encoding") != "" || packed.Get("Content-Encoding") != "gzip" || len(small) >= len(page) {
		t.Fatalf("%q of %d bytes, %q of %d", plain.Get("Content-Encoding"), len(page), packed.Get("Content-Encoding"), len(small))
	}
	for name := range plain {
		if name != "Content-Length" && name != "Date" && name != "X-Request-Id" && packed.Get(name) != plain.Get(name) {
			t.Errorf("%s: %q, compressed %q", name, plain.Get(name), packed.Get(name))
		}
	}
	r, err := gzip.NewReader(bytes.NewReader(small))
	must(t, err)
	if got, err := io.ReadAll(r); err != nil || string(got) != string(page) {
		t.Errorf("it unpacks to something else: %v", err)
	}
}
