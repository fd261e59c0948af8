package chat_test

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/internal/chat"
)

func TestAnIDHasOneSpelling(t *testing.T) {
	t.Parallel()
	id := chat.NewID[chat.MessageID]()
	text := id.String()
	got, err := chat.ParseID[chat.MessageID](text)
	if err != nil || got != id {
		t.Fatalf("%v: %v", got, err)
	}
	for _, s := range []string{
		"", "0", "-1", "1 or 1=1", "9223372036854775808", "00000000-0000-0000-0000-000000000000", "{" + text + "}", "urn:uuid:" + text,
		strings.ReplaceAll(text, "-", ""), text + "0", text[1:], "zz" + text[2:],
	} {
		if _, err := chat.ParseID[chat.MessageID](s); chat.CodeOf(err) != chat.CodeNotFound {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestIDsSortByTheTimeAtWhichTheyWereMade(t *testing.T) {
	t.Parallel()
	last := ""
	for range 1000 {
		id := chat.NewID[chat.ConversationID]().String()
		if id <= last {
			t.Fatalf("%s after %s", id, last)
		}
		last = id
	}
}

func TestEveryIDGoesThroughJSONAndNoneIsEmptyText(t *testing.T) {
	t.Parallel()
	type all struct {
		Account      chat.AccountID
		Agent        chat.AgentID
		APIKey       chat.APIKeyID
		Attachment   chat.AttachmentID
		CannedReply  chat.CannedReplyID
		Contact      chat.ContactID
		Conversation chat.ConversationID
		Department   chat.DepartmentID
		EndReason    chat.EndReasonID
		BreakReason  chat.BreakReasonID
		Identity     chat.IdentityID
		InboundEvent chat.InboundEventID
		Message      chat.MessageID
		Template     chat.TemplateID
	}
	var none all
	b, err := json.Marshal(none)
	if err != nil || strings.Count(string(b), `:""`) != 14 {
		t.Fatalf("%s: %v", b, err)
	}
	want := all{
		chat.NewID[chat.AccountID](), chat.NewID[chat.AgentID](), chat.NewID[chat.APIKeyID](), chat.NewID[chat.AttachmentID](), chat.NewID[chat.CannedReplyID](),
		chat.NewID[chat.ContactID](), chat.NewID[chat.ConversationID](), chat.NewID[chat.DepartmentID](), chat.NewID[chat.EndReasonID](), chat.NewID[chat.BreakReasonID](),
		chat.NewID[chat.IdentityID](), chat.NewID[chat.InboundEventID](), chat.NewID[chat.MessageID](), chat.NewID[chat.TemplateID](),
	}
	for _, v := range []all{none, want} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		got := want
		if err := json.Unmarshal(b, &got); err != nil || got != v {
			t.Errorf("%+v became %+v: %v", v, got, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"Message":"nonsense"}`), &none); err == nil {
		t.Error("nonsense is an id")
	}
}
