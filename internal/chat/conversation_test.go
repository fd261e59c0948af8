package chat_test

import (
	"errors"
	"testing"
	"time"

	"gatehouse/internal/chat"
)

var (
	noon  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	elif  = chat.NewID[chat.AgentID]()
	can   = chat.NewID[chat.AgentID]()
	sales = chat.NewID[chat.DepartmentID]()
	done  = chat.NewID[chat.EndReasonID]()
)

func code(err error) chat.Code {
	if err == nil {
		return ""
	}
	return chat.CodeOf(err)
}

func waiting() chat.Conversation {
	return chat.Conversation{DepartmentID: sales, Status: chat.Waiting, Controller: chat.ControllerQueue, WaitingSince: noon.Add(-time.Minute)}
}

func held(status chat.ConversationStatus) chat.Conversation {
	return chat.Conversation{DepartmentID: sales, Status: status, Controller: chat.ControllerAgent, AgentID: elif, AssignedAt: noon.Add(-time.Minute)}
}

func ended() chat.Conversation {
	return chat.Conversation{
		DepartmentID: sales, Status: chat.Closed, Controller: chat.ControllerNone, AgentID: elif, EndedAt: noon.Add(-time.Hour), EndedBy: elif,
		EndReasonID: done, EndNote: "done",
	}
}

func TestEachTransitionIsAllowedOnlyWhereItMakesSense(t *testing.T) {
	t.Parallel()
	states := map[string]chat.Conversation{"waiting": waiting(), "assigned": held(chat.Assigned), "pending": held(chat.Pending), "closed": ended()}
	verbs := map[string]func(chat.Conversation) (chat.Conversation, chat.Event, error){
		"assign to its holder": func(c chat.Conversation) (chat.Conversation, chat.Event, error) {
			return c.Assign(elif, noon, chat.AssignedData{How: chat.Taken})
		},
		"assign to another": func(c chat.Conversation) (chat.Conversation, chat.Event, error) {
			return c.Assign(can, noon, chat.AssignedData{How: chat.ByPerson})
		},
		"pend":            func(c chat.Conversation) (chat.Conversation, chat.Event, error) { return c.Pend(elif) },
		"unpend":          func(c chat.Conversation) (chat.Conversation, chat.Event, error) { return c.Unpend(elif) },
		"pend by another": func(c chat.Conversation) (chat.Conversation, chat.Event, error) { return c.Pend(can) },
		"end": func(c chat.Conversation) (chat.Conversation, chat.Event, error) {
			return c.End(elif, done, "note", noon)
		},
		"end without a reason": func(c chat.Conversation) (chat.Conversation, chat.Event, error) {
			return c.End(elif, chat.EndReasonID{}, "", noon)
		},
		"end by another": func(c chat.Conversation) (chat.Conversation, chat.Event, error) { return c.End(can, done, "", noon) },
		"reopen": func(c chat.Conversation) (chat.Conversation, chat.Event, error) {
			return c.Reopen(can, noon, chat.AssignedData{Load: 1})
		},
	}
	type outcome struct {
		status chat.ConversationStatus
		code   chat.Code
	}
	for verb, want := range map[string]map[string]outcome{
		"assign to its holder": {
			"waiting": {status: chat.Assigned}, "assigned": {code: chat.CodeAlreadyTaken}, "pending": {code: chat.CodeAlreadyTaken}, "closed": {code: chat.CodeConversationEnded},
		},
		"assign to another": {
			"waiting": {status: chat.Assigned}, "assigned": {status: chat.Assigned}, "pending": {status: chat.Assigned}, "closed": {code: chat.CodeConversationEnded},
		},
		"pend": {
			"waiting": {code: chat.CodeNotController}, "assigned": {status: chat.Pending}, "pending": {status: chat.Pending}, "closed": {code: chat.CodeConversationEnded},
		},
		"unpend": {
			"waiting": {code: chat.CodeNotController}, "assigned": {status: chat.Assigned}, "pending": {status: chat.Assigned}, "closed": {code: chat.CodeConversationEnded},
		},
		"pend by another": {
			"waiting": {code: chat.CodeNotController}, "assigned": {code: chat.CodeNotController}, "pending": {code: chat.CodeNotController}, "closed": {code: chat.CodeConversationEnded},
		},
		"end": {
			"waiting": {code: chat.CodeNotController}, "assigned": {status: chat.Closed}, "pending": {status: chat.Closed}, "closed": {code: chat.CodeConversationEnded},
		},
		"end without a reason": {
			"waiting": {code: chat.CodeNotController}, "assigned": {code: chat.CodeReasonRequired}, "pending": {code: chat.CodeReasonRequired}, "closed": {code: chat.CodeConversationEnded},
		},
		"end by another": {
			"waiting": {code: chat.CodeNotController}, "assigned": {code: chat.CodeNotController}, "pending": {code: chat.CodeNotController}, "closed": {code: chat.CodeConversationEnded},
		},
		"reopen": {
			"waiting": {code: chat.CodeAlreadyTaken}, "assigned": {code: chat.CodeAlreadyTaken}, "pending": {code: chat.CodeAlreadyTaken}, "closed": {status: chat.Assigned},
		},
	} {
		for state, want := range want {
			before := states[state]
			after, event, err := verbs[verb](before)
			switch {
			case code(err) != want.code:
				t.Errorf("%s a conversation that is %s: %v, want %q", verb, state, err, want.code)
			case err != nil && (after != before || event != chat.Event{}):
				t.Errorf("%s a conversation that is %s changed it although it was refused", verb, state)
			case err == nil && (after.Status != want.status || event.Kind == ""):
				t.Errorf("%s a conversation that is %s makes it %s", verb, state, after.Status)
			}
			mustFit(t, verb, after)
		}
	}
}

// mustFit checks what the schema checks too, and that the controller fits the status.
func mustFit(t *testing.T, after string, c chat.Conversation) {
	t.Helper()
	if (c.Status == chat.Waiting) != !c.WaitingSince.IsZero() || c.Status.Held() && chat.IsZero(c.AgentID) || (c.Status == chat.Closed) != !c.EndedAt.IsZero() {
		t.Errorf("after %q: %+v", after, c)
	}
	want := map[chat.ConversationStatus]chat.Controller{
		chat.Waiting: chat.ControllerQueue, chat.Assigned: chat.ControllerAgent, chat.Pending: chat.ControllerAgent, chat.Closed: chat.ControllerNone,
	}[c.Status]
	if c.Controller != want {
		t.Errorf("after %q it is %s and controlled by %s", after, c.Status, c.Controller)
	}
}

func TestAnAssignmentTellsFromWhomToWhomAndAfterWhichWait(t *testing.T) {
	t.Parallel()
	c, e, err := waiting().Assign(elif, noon, chat.AssignedData{How: chat.Automatic, Load: 3, Capacity: 5})
	if err != nil {
		t.Fatal(err)
	}
	got, ok := e.Data.(chat.AssignedData)
	want := chat.AssignedData{To: elif, How: chat.Automatic, WaitedMS: 60_000, Department: sales, WaitingSince: noon.Add(-time.Minute), Load: 3, Capacity: 5}
	if !ok || got != want || e.Kind != chat.EventAssigned {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c.ReturnedBy = can
	c, e, err = c.Assign(can, noon, chat.AssignedData{How: chat.ByPerson})
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Data.(chat.AssignedData); got.From != elif || got.To != can || got.WaitedMS != 0 || !chat.IsZero(c.ReturnedBy) {
		t.Errorf("got %+v", got)
	}
}

func TestAReturnedConversationRemembersWhoGaveItBackAndOthersDoNot(t *testing.T) {
	t.Parallel()
	for why, by := range map[string]chat.AgentID{"returned": elif, "break": {}, "agent_offline": {}, "removed": {}} {
		c, e := held(chat.Assigned).Enqueue(noon, why)
		if c.ReturnedBy != by || !c.WaitingSince.Equal(noon) || !chat.IsZero(c.AgentID) || !c.AssignedAt.IsZero() {
			t.Errorf("%s: %+v", why, c)
		}
		if d := e.Data.(chat.QueuedData); d.From != elif || d.Why != why || d.Department != sales {
			t.Errorf("%s: %+v", why, d)
		}
		mustFit(t, why, c)
	}
}

func TestAReopenedConversationForgetsItsEnd(t *testing.T) {
	t.Parallel()
	c, e, err := ended().Reopen(can, noon, chat.AssignedData{Load: 2, Capacity: 2})
	if err != nil {
		t.Fatal(err)
	}
	if c.AgentID != can || !chat.IsZero(c.EndedBy) || !chat.IsZero(c.EndReasonID) || c.EndNote != "" {
		t.Errorf("%+v", c)
	}
	if d := e.Data.(chat.AssignedData); d.How != chat.TakenUp || d.To != can || d.Load != 2 || e.Actor != can {
		t.Errorf("%+v", d)
	}
}

func TestAContactsMessageBringsAPendingConversationBackAndLeavesTheOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []chat.Conversation{waiting(), held(chat.Assigned), ended()} {
		if c.Hear() != c {
			t.Errorf("%s was changed", c.Status)
		}
	}
	if got := held(chat.Pending).Hear(); got != held(chat.Assigned) {
		t.Errorf("it is %s", got.Status)
	}
}

func TestARowShowsTheBestNameAndAddressOfItsContact(t *testing.T) {
	t.Parallel()
	of := func(a chat.AddressType, value, profile, user string) chat.Identity {
		return chat.Identity{Address: chat.Address{Type: a, Value: value}, ProfileName: profile, Username: user}
	}
	for _, c := range []struct {
		edited        string
		who           chat.Identity
		name, address string
	}{
		{"", of(chat.AddressPhone, "905551112233", "Elif", ""), "Elif", "+905551112233"},
		{"Elif Hanım", of(chat.AddressPhone, "905551112233", "Elif", "elif"), "Elif Hanım", "+905551112233"},
		{"", of(chat.AddressIGSID, "1784", "", "elif.su"), "", "@elif.su"},
		{"", of(chat.AddressIGSID, "1784", "", ""), "", "1784"},
		{"", of(chat.AddressVisitor, "0199-…", "", ""), "", ""},
	} {
		r := chat.NewConversationRow(chat.Conversation{}, chat.WhatsApp, c.edited, c.who, noon)
		if r.ContactName != c.name || r.ContactAddress != c.address || !r.OptedOut.Equal(noon) || r.Kind != chat.WhatsApp {
			t.Errorf("%+v is shown as %q %q", c.who, r.ContactName, r.ContactAddress)
		}
	}
}

func TestAnErrorKeepsItsCodeItsFactsAndItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("the disk is full")
	err := chat.Errorf(chat.CodeUnavailable, "not stored: %w", cause).With("limit", 3).With("over", 1)
	if !errors.Is(err, cause) || err.Error() != "unavailable: not stored: the disk is full" || err.Details["limit"] != 3 || err.Details["over"] != 1 {
		t.Errorf("%v %v", err, err.Details)
	}
	for _, c := range []struct {
		err  error
		want chat.Code
	}{
		{err, chat.CodeUnavailable},
		{errors.Join(errors.New("first"), err), chat.CodeUnavailable},
		{&chat.SendError{Code: chat.CodeUndeliverable, Provider: "131026"}, chat.CodeUndeliverable},
		{errors.New("who knows"), chat.CodeInternal},
	} {
		if got := chat.CodeOf(c.err); got != c.want {
			t.Errorf("%v is %s", c.err, got)
		}
	}
	if s := (&chat.SendError{Code: chat.CodeUndeliverable, Provider: "131026", Detail: "no such user"}).Error(); s != "undeliverable (provider 131026): no such user" {
		t.Error(s)
	}
}
