package window_test

import (
	"testing"
	"time"

	"gatehouse/internal/window"
)

func TestEffectiveBelievesTheEarlierOfTwoCredibleTimes(t *testing.T) {
	t.Parallel()
	received := wrote
	for _, c := range []struct {
		name     string
		provider time.Time
		want     time.Time
		flagged  bool
	}{
		{"the provider's, when it is earlier", received.Add(-3 * time.Second), received.Add(-3 * time.Second), false},
		{"the provider's, 26 hours late", received.Add(-26 * time.Hour), received.Add(-26 * time.Hour), false},
		{"either, when they are the same", received, received, false},
		{"ours, when the provider's clock is ahead", received.Add(2 * time.Minute), received, false},
		{"ours, at exactly Skew ahead", received.Add(window.Skew), received, false},
		{"ours, flagged, beyond Skew", received.Add(window.Skew + ns), received, true},
		{"ours, flagged, for the zero time", time.Time{}, received, true},
		{"ours, flagged, for unix 0", time.Unix(0, 0), received, true},
		{"ours, flagged, for unix -1", time.Unix(-1, 0), received, true},
		{"ours, flagged, a nanosecond before 2009", time.Date(2008, 12, 31, 23, 59, 59, 999999999, time.UTC), received, true},
		{"the provider's at the first moment of 2009", time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{"ours, flagged, for the year 2100", time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), received, true},
		{"ours, flagged, for milliseconds read as seconds", time.Unix(wrote.UnixMilli(), 0), received, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			trt := time.FixedZone("TRT", 3*3600)
			at, flagged := window.Effective(c.provider.In(trt), received.In(trt))
			if !at.Equal(c.want) || flagged != c.flagged || at.Location() != time.UTC {
				t.Fatalf("got %v %v, want %v %v", at, flagged, c.want, c.flagged)
			}
		})
	}
}

func TestAdvanceOpensNeitherTwiceNorBackwards(t *testing.T) {
	t.Parallel()
	now := wrote.Add(time.Hour)
	for _, c := range []struct {
		name               string
		old                time.Time
		provider, received time.Time
		want               time.Time
	}{
		{"the first message opens", time.Time{}, wrote, now, wrote},
		{"a newer one re-opens at once", wrote, now, now, now},
		{"one two hours older does not shrink it", now, now.Add(-2 * time.Hour), now.Add(time.Minute), now},
		{"the same one, delivered again a day later, changes nothing", wrote, wrote, wrote.Add(day), wrote},
		{"a body of three days ago opens nothing today", time.Time{}, wrote.Add(-3 * day), wrote, wrote.Add(-3 * day)},
		{"a time from the future counts as received now", wrote, now.Add(100 * day), now, now},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := window.Advance(window.State{OpenedAt: c.old}, c.provider, c.received)
			if !got.OpenedAt.Equal(c.want) {
				t.Fatalf("opened at %v, want %v", got.OpenedAt, c.want)
			}
		})
	}
}

func TestAMessage26HoursLateLeavesTheWindowClosed(t *testing.T) {
	t.Parallel()
	s := window.Advance(window.State{}, wrote.Add(-26*time.Hour), wrote)
	if d := whatsapp.Decide(wrote, window.Ask{State: s, Kind: window.Freeform}); d.Reason != window.ReasonWindowClosed {
		t.Fatalf("%+v", d)
	}
}

func TestStateTimesAreUTCAndNeverMoveBack(t *testing.T) {
	t.Parallel()
	local := wrote.In(time.FixedZone("TRT", 3*3600))
	s := window.State{}.Refuse(local).OptOut(local).Free(local)
	again := s.Refuse(local.Add(-day)).OptOut(local.Add(-day)).Free(local.Add(-day))
	want := window.State{ShutAt: wrote, OptedOut: wrote, FreeEntryUntil: wrote}
	if s != want || again != want {
		t.Fatalf("got %+v, then %+v, want %+v", s, again, want)
	}
	if zero := (window.State{}).Refuse(time.Time{}).OptOut(time.Time{}).Free(time.Time{}); zero != (window.State{}) {
		t.Fatalf("the zero time is no event: %+v", zero)
	}
}
