package desk_test

import (
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

// Readers replace a message by what an event shows of it: an edit or a reaction must not lose its picture.
func TestNewsOfAMessageThatWasThereShowsItWhole(t *testing.T) {
	t.Parallel()
	w := desktest.New(t)
	picture := w.Text("905550000001", "m1", "a caption")
	picture.Message.Kind = chat.KindImage
	picture.Message.Content.Media = []chat.Media{{State: chat.MediaPending, Type: "image/png"}}
	picture.Message.Refs = []chat.MediaRef{{ProviderID: "file1"}}
	about := func(in chat.Inbound) chat.Inbound {
		in.Account, in.From = w.Key, desktest.From("905550000001")
		return in
	}
	w.In(picture,
		about(chat.Inbound{Kind: chat.InboundReactionKind, Reaction: &chat.InboundReaction{ExternalID: "m1", Emoji: "👍", Direction: chat.In}}))
	w.In(about(chat.Inbound{Kind: chat.InboundEditKind, Edit: &chat.InboundEdit{ExternalID: "m1", Direction: chat.In, Text: "another caption"}}))

	var edited *chat.ThreadMessage
	for _, n := range w.Notices {
		for _, e := range n.Events {
			if e.Kind == chat.EventEdited {
				edited = e.Message
			}
		}
	}
	switch {
	case edited == nil:
		t.Fatal("nobody was told of the edit")
	case edited.Text != "another caption":
		t.Errorf("the text is %q", edited.Text)
	case len(edited.Content.Media) != 1 || edited.Content.Media[0].Type != "image/png":
		t.Errorf("the picture is gone: %+v", edited.Content.Media)
	case len(edited.Reactions) != 1 || edited.Reactions[0].Emoji != "👍":
		t.Errorf("the reaction is gone: %+v", edited.Reactions)
	}
}
