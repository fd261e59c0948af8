package desk_test

import (
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

// awaited is a file of a contact's message that a worker has begun to fetch.
func awaited(w *desktest.World, external string) chat.MediaJob {
	w.T.Helper()
	in := w.Text(w.Phone(1), external, "")
	in.Message.Kind = chat.KindImage
	in.Message.Content.Media = []chat.Media{{State: chat.MediaPending, Type: "image/png", Name: "a.png"}}
	w.In(in)
	jobs, err := w.Desk.ClaimMedia(w.T.Context(), w.Account, 1)
	if err != nil || len(jobs) != 1 {
		w.T.Fatalf("%d files, error %v", len(jobs), err)
	}
	return jobs[0]
}

func TestWhatBecameOfAFileIsToldOnce(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	job := awaited(w, "m1")
	told := func() int { return w.Int(`SELECT count(*) FROM conversation_events WHERE kind = 'media'`) }
	for range 2 {
		must(t, w.Desk.FinishMedia(t.Context(), job, chat.Media{ID: job.ID, State: chat.MediaReady, Type: "image/png", Name: "a.png", Size: 3}, nil))
		if got := w.External("m1").Content.Media[0]; got.State != chat.MediaReady || got.Size != 3 || told() != 1 {
			t.Errorf("told %d times of %+v", told(), got)
		}
	}
	w.MustHold()
}

func TestAFileIsNotFinishedWhereItsConversationIsGone(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	job := awaited(w, "m1")
	job.ConversationID = chat.NewID[chat.ConversationID]()
	err := w.Desk.FinishMedia(t.Context(), job, chat.Media{ID: job.ID, State: chat.MediaReady}, nil)
	if chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("error %v", err)
	}
	if got := w.External("m1").Content.Media[0].State; got != chat.MediaPending {
		t.Errorf("the file is %s", got)
	}
}
