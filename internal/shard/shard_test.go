package shard

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"
)

// keys are ids as accounts have them: UUIDv7s made one after the other differ little.
func keys(t *testing.T, n int) (all []string) {
	t.Helper()
	for range n {
		id, err := uuid.NewV7()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, id.String())
	}
	return all
}

func none(int) bool { return false }

func names(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("10.0.0.%d:6379", i+1))
	}
	return all
}

func TestEveryServerGetsItsShare(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 8; n++ {
		share := make([]int, n)
		for _, k := range keys(t, 10_000) {
			share[Of(k, names(n), none)]++
		}
		for i, got := range share {
			if want := 10_000 / n; got < want*8/10 || got > want*12/10 {
				t.Errorf("of %d servers, %d has %d of 10000", n, i, got)
			}
		}
	}
}

func TestTheOrderOfTheListDoesNotMatter(t *testing.T) {
	t.Parallel()
	sorted, mixed := names(6), names(6)
	for range 20 {
		rand.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		for _, k := range keys(t, 200) {
			if a, b := sorted[Of(k, sorted, none)], mixed[Of(k, mixed, none)]; a != b {
				t.Fatalf("%s belongs to %s, and in another order to %s", k, a, b)
			}
		}
	}
}

func TestAServerMoreTakesItsShareAndMovesNothingElse(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 7; n++ {
		before, after, moved := names(n), names(n+1), 0
		for _, k := range keys(t, 10_000) {
			a, b := before[Of(k, before, none)], after[Of(k, after, none)]
			if a != b && b != after[n] {
				t.Fatalf("%s moves from %s to %s, which was there before", k, a, b)
			}
			if a != b {
				moved++
			}
		}
		if want := 10_000 / (n + 1); moved < want*8/10 || moved > want*12/10 {
			t.Errorf("from %d servers to one more, %d of 10000 move, not about %d", n, moved, want)
		}
	}
}

func TestWhatIsAwayIsSpreadOverTheRestAsIfItWereNotNamed(t *testing.T) {
	t.Parallel()
	all := names(5)
	for gone := range all {
		rest := slices.Delete(slices.Clone(all), gone, gone+1)
		for _, k := range keys(t, 500) {
			if got, want := all[Of(k, all, func(i int) bool { return i == gone })], rest[Of(k, rest, none)]; got != want {
				t.Fatalf("%s goes to %s, not %s", k, got, want)
			}
		}
	}
}

func TestWhereAllAreAwayAThingBelongsWhereItWouldOtherwise(t *testing.T) {
	t.Parallel()
	for _, k := range keys(t, 500) {
		if a, b := Of(k, names(4), none), Of(k, names(4), func(int) bool { return true }); a != b {
			t.Fatalf("%s: %d and %d", k, a, b)
		}
	}
}
