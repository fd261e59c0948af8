package chat_test

import (
	"testing"
	"time"

	"gatehouse/internal/chat"
)

func TestSendingIsOverUnlessItWaitsOrIsOnItsWay(t *testing.T) {
	t.Parallel()
	for _, s := range append([]chat.MessageStatus{chat.StatusPending, chat.StatusSending, chat.StatusUnknown}, told...) {
		if want := s != chat.StatusPending && s != chat.StatusSending; s.Final() != want {
			t.Errorf("%s: %v", s, s.Final())
		}
	}
}

func TestAMessageStandsWhereTheProviderSaysUnlessThatIsAheadOfUs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ provider, want time.Time }{
		{time.Time{}, now}, {now.Add(-time.Hour), now.Add(-time.Hour)}, {now.Add(time.Second), now},
	} {
		if got := (chat.Message{ProviderAt: c.provider, CreatedAt: now}).SortAt(); !got.Equal(c.want) {
			t.Errorf("by %v it stands at %v", c.provider, got)
		}
	}
}

func TestKindsWithFilesAreThoseThatMayCarryOne(t *testing.T) {
	t.Parallel()
	for kind, files := range map[chat.MessageKind]bool{
		chat.KindText: false, chat.KindLocation: false, chat.KindReaction: false, chat.KindTemplate: false, chat.KindImage: true, chat.KindVoice: true,
		chat.KindDocument: true, chat.KindShare: true, chat.KindStoryMention: true,
	} {
		if kind.HasFiles() != files {
			t.Errorf("%s: %v", kind, kind.HasFiles())
		}
		if kind.HasMedia() && !files {
			t.Errorf("%s is made of a file and has none", kind)
		}
	}
}
