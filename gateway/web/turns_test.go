package web

import (
	"slices"
	"sync"
	"testing"
)

func TestTurnsAreTakenOneAfterTheOtherAndAllBeforeTheEnd(t *testing.T) {
	t.Parallel()
	const callers, each = 8, 500
	var (
		turns Turns
		wg    sync.WaitGroup
		did   [callers][]int // written without a lock, for the race detector
	)
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				turns.Do(func() { did[c] = append(did[c], i) })
			}
		})
	}
	wg.Wait()
	turns.Close()
	for c, got := range did {
		if len(got) != each || !slices.IsSorted(got) {
			t.Errorf("caller %d: %d done, in order: %t", c, len(got), slices.IsSorted(got))
		}
	}
	turns.Do(func() { t.Error("done after the end") })
}

func TestTurnsThatWereNeverTakenEnd(t *testing.T) {
	t.Parallel()
	new(Turns).Close()
}

func TestATurnMayAskForAnother(t *testing.T) {
	t.Parallel()
	var turns Turns
	done := make(chan struct{})
	turns.Do(func() { turns.Do(func() { close(done) }) })
	<-done
	turns.Close()
}
