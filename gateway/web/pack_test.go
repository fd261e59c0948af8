package web

import "testing"

func TestWhoTakesGzip(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"gzip": true, "gzip, deflate, br, zstd": true, "deflate,GZIP;q=0.5": true, "br ; q=1, gzip ; q=1.0": true,
		"": false, "identity": false, "x-gzip": false, "gzip;q=0": false, "gzip; q=0.000, br": false, "gzip;q=much": false, "br": false,
	} {
		if got := takesGzip(accept); got != want {
			t.Errorf("%q: %t", accept, got)
		}
	}
}
