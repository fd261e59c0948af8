package embedded

import "testing"

// Two who look for a port at once, and listen later, must not find the same one.
func TestNoPortIsGivenTwice(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 500 { // by chance alone some ten of them would be
		p, err := FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if seen[p] {
			t.Errorf("port %d is given twice", p)
		}
		seen[p] = true
	}
}
