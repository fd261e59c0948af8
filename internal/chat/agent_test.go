package chat_test

import (
	"slices"
	"testing"
	"time"

	"gatehouse/internal/chat"
)

func TestAnAgentIsThereWhileASocketIsSeenAndTheAccountWorks(t *testing.T) {
	t.Parallel()
	there := chat.Agent{State: chat.AgentActive, Presence: chat.Online, SeenAt: noon}
	for name, c := range map[string]struct {
		change func(*chat.Agent)
		at     time.Time
		want   chat.Presence
	}{
		"just seen":         {func(*chat.Agent) {}, noon, chat.Online},
		"45 s later":        {func(*chat.Agent) {}, noon.Add(chat.OfflineAfter), chat.Online},
		"a moment more":     {func(*chat.Agent) {}, noon.Add(chat.OfflineAfter + 1), chat.Offline},
		"on a break":        {func(a *chat.Agent) { a.Presence = chat.OnBreak }, noon, chat.OnBreak},
		"away from a break": {func(a *chat.Agent) { a.Presence = chat.OnBreak }, noon.Add(time.Minute), chat.Offline},
		"never chose":       {func(a *chat.Agent) { a.Presence = "" }, noon, chat.Offline},
		"never seen":        {func(a *chat.Agent) { a.SeenAt = time.Time{} }, noon, chat.Offline},
		"disabled":          {func(a *chat.Agent) { a.State = chat.AgentDisabled }, noon, chat.Offline},
		"invited":           {func(a *chat.Agent) { a.State = chat.AgentInvited }, noon, chat.Offline},
	} {
		a := there
		c.change(&a)
		if got := a.PresenceAt(c.at); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestAPrincipalSeesItsOwnItsDepartmentsAndAnAdminAll(t *testing.T) {
	t.Parallel()
	support := chat.NewID[chat.DepartmentID]()
	agent := chat.Principal{AgentID: elif, Role: chat.RoleAgent, Departments: []chat.DepartmentID{sales}}
	manager := chat.Principal{AgentID: elif, Role: chat.RoleManager}
	admin := chat.Principal{AgentID: elif, Role: chat.RoleAdmin}
	key := chat.Principal{APIKeyID: chat.NewID[chat.APIKeyID](), Role: chat.RoleAgent}
	for name, c := range map[string]struct {
		p          chat.Principal
		department chat.DepartmentID
		holder     chat.AgentID
		want       bool
	}{
		"of one's department":         {agent, sales, can, true},
		"waiting in one's department": {agent, sales, chat.AgentID{}, true},
		"of another department":       {agent, support, can, false},
		"waiting elsewhere":           {agent, support, chat.AgentID{}, false},
		"one's own elsewhere":         {agent, support, elif, true},
		"a manager without any":       {manager, sales, can, false},
		"an admin":                    {admin, support, can, true},
		"a key and nobody's":          {key, sales, chat.AgentID{}, false},
	} {
		if got := c.p.Sees(c.department, c.holder); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestEachRoleMayWhatItsTableSays(t *testing.T) {
	t.Parallel()
	for role, want := range map[chat.Role][]chat.Permission{
		chat.RoleAdmin: {
			chat.PermissionAccounts, chat.PermissionAgents, chat.PermissionDepartments, chat.PermissionEndReasons, chat.PermissionCannedReplies,
			chat.PermissionTemplates, chat.PermissionAPIKeys, chat.PermissionAssign, chat.PermissionSeeAll,
		},
		chat.RoleManager: {chat.PermissionEndReasons, chat.PermissionCannedReplies, chat.PermissionTemplates, chat.PermissionAssign},
		chat.RoleAgent:   nil,
		"owner":          nil,
	} {
		if got := role.Permissions(); !slices.Equal(got, want) {
			t.Errorf("%s may %v", role, got)
		}
		for _, p := range chat.RoleAdmin.Permissions() {
			if err := (chat.Principal{Role: role}).Need(p); (err == nil) != slices.Contains(want, p) || err != nil && chat.CodeOf(err) != chat.CodeForbidden {
				t.Errorf("%s and %s: %v", role, p, err)
			}
		}
	}
	if chat.Role("owner").Valid() || !chat.RoleManager.Valid() || chat.Behavior("").Valid() || !chat.BehaviorNormal.Valid() {
		t.Error("what is valid is not")
	}
}

func TestAnAccountCanSendWhileItIsConnectedOrOnlyDegraded(t *testing.T) {
	t.Parallel()
	for state, want := range map[chat.AccountState]bool{
		chat.AccountConnected: true, chat.AccountDegraded: true, chat.AccountDisabled: false, chat.AccountDisconnected: false, "": false,
	} {
		if state.CanSend() != want {
			t.Errorf("%q: %v", state, state.CanSend())
		}
	}
}

func TestABusinessScopedIDIsToldFromANumber(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"TR.1234567890": true, "US.ENT.abc123": true, "905551112233": false, "TR.": false, "tr.123": false, "TR.12 3": false, "": false,
	} {
		if chat.IsBSUID(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestAWriteIsEmptyOnlyWithoutAnyChange(t *testing.T) {
	t.Parallel()
	if w := (&chat.Write{}); !w.Empty() {
		t.Error("nothing is something")
	}
	for name, w := range map[string]*chat.Write{
		"a contact": {Contacts: make([]chat.Contact, 1)}, "a wish": {Wishes: make([]chat.Wish, 1)}, "an identity": {Identities: make([]chat.Identity, 1)},
		"a moved one": {Moved: make([]chat.Identity, 1)}, "a conversation": {Created: make([]chat.Conversation, 1)}, "a changed one": {Changed: make([]chat.Conversation, 1)},
		"an event": {Events: make([]chat.Event, 1)}, "a message": {Messages: make([]chat.Message, 1)}, "an updated one": {Updated: make([]chat.Message, 1)},
		"a given id": {Given: make([]chat.Message, 1)}, "a reaction": {Reactions: make([]chat.ReactionWrite, 1)}, "a parked update": {Parked: make([]chat.Parked, 1)},
		"account news": {Account: &chat.AccountChange{}}, "a template": {Templates: make([]chat.TemplateChange, 1)}, "poison": {Quarantined: make([]chat.Quarantined, 1)},
		"a forgotten file": {Forgotten: make([]chat.MessageID, 1)},
	} {
		if w.Empty() {
			t.Errorf("%s is nothing", name)
		}
	}
}
