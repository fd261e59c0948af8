package web

import (
	"testing"
	"time"
)

func TestALineOfAKindIsLoggedOnceASecondAndTheRestCounted(t *testing.T) {
	t.Parallel()
	var s seldom
	now := time.Unix(1e9, 0)
	for i, want := range []bool{true, false, false} {
		if _, ok := s.pass("a", now); ok != want {
			t.Errorf("line %d: %t", i, ok)
		}
	}
	if left, ok := s.pass("b", now); !ok || left != 0 {
		t.Errorf("another kind: %t, %d left out", ok, left)
	}
	now = now.Add(time.Second)
	if left, ok := s.pass("a", now); !ok || left != 2 {
		t.Errorf("a second later: %t, %d left out", ok, left)
	}
	if left, ok := s.pass("a", now.Add(time.Second)); !ok || left != 0 {
		t.Errorf("two seconds later: %t, %d left out", ok, left)
	}
}
