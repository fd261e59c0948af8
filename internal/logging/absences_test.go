package logging

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// Three parts of a process miss one Redis, one of them another too: each is named once when it goes and once when the last of
// those who missed it has it back.
func TestAnAbsenceIsSaidOnceAndSoIsItsEnd(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := New(&out, "debug", "text")
	if err != nil {
		t.Fatal(err)
	}
	a, now := NewAbsences(log, AbsenceText{Key: "redis", Gone: "redis is away", Back: "redis is back"}), time.Unix(1_000_000_000, 0)
	a.now = func() time.Time { return now }
	said := func() string {
		defer out.Reset()
		var all []byte
		for line := range bytes.Lines(out.Bytes()) {
			_, rest, _ := bytes.Cut(line, []byte(" ")) // the time
			all = append(all, rest...)
		}
		return string(all)
	}

	a.Here("one", "news")
	if got := said(); got != "" {
		t.Errorf("what was never away: %s", got)
	}
	for range 3 {
		a.Gone("one", "news", errors.New("i/o timeout"))
		a.Gone("one", "wakes", errors.New("EOF"))
	}
	a.Gone("two", "news", errors.New("refused"))
	if got, want := said(), `level=WARN msg="redis is away" redis=one error="i/o timeout"
level=WARN msg="redis is away" redis=two error=refused
`; got != want {
		t.Errorf("said\n%swant\n%s", got, want)
	}
	now = now.Add(4*time.Second + 70*time.Millisecond)
	a.Here("one", "news")
	a.Here("one", "who never missed it")
	if got := said(); got != "" {
		t.Errorf("while somebody misses it: %s", got)
	}
	a.Here("one", "wakes")
	a.Here("one", "wakes")
	if got, want := said(), `level=INFO msg="redis is back" redis=one away=4.1s
`; got != want {
		t.Errorf("said\n%swant\n%s", got, want)
	}
	a.Gone("one", "wakes", errors.New("EOF"))
	if got, want := said(), `level=WARN msg="redis is away" redis=one error=EOF
`; got != want {
		t.Errorf("the next time said\n%swant\n%s", got, want)
	}
}
