package main

import "testing"

func TestASmallProcessStaysSmallAndALargeOneIsNotChoked(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, tc := range []struct{ live, stacks, want uint64 }{
		{0, 0, 352 * mb},
		{100 * mb, 50 * mb, 352 * mb},
		{500 * mb, 200 * mb, 1244 * mb},
	} {
		if got := roomFor(tc.live, tc.stacks); got != int64(tc.want) {
			t.Errorf("%d live and %d of stacks: %d", tc.live/mb, tc.stacks/mb, got/mb)
		}
	}
}
