package desk_test

import (
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

func TestANameThatWasAskedForIsNewerThanNewsWithoutIt(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	phone := w.Phone(1)
	in := w.Text(phone, "in.1", "Hello")
	in.Profile.Name = ""
	w.In(in)
	before := w.Open(phone)
	if err := w.Desk.NoteProfile(t.Context(), before.ID, chat.Profile{Name: "James Okafor", Username: "jamesokafor"}); err != nil {
		t.Fatal(err)
	}
	told := w.Told()
	n := told[len(told)-1]
	if n.Conversation == nil || n.Conversation.LastSeq != before.LastSeq+1 || n.Conversation.ContactName != "James Okafor" {
		t.Errorf("told %+v, want the name with number %d", n.Conversation, before.LastSeq+1)
	}
	if err := w.Desk.NoteProfile(t.Context(), before.ID, chat.Profile{}); err != nil {
		t.Fatal(err)
	}
	if got := w.Row(before.ID).LastSeq; got != before.LastSeq+1 {
		t.Errorf("nothing was told, and number %d was given", got)
	}
	w.MustHold()
}
