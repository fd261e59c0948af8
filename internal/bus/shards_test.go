package bus

import (
	"fmt"
	"log/slog"
	"slices"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/embedded"
	"gatehouse/internal/embedded/embeddedtest"
)

// street is several Redis, with a bus at each end.
type street struct {
	all         []*house
	here, there *Bus
}

func pave(t *testing.T, n int) *street {
	t.Helper()
	s := &street{}
	var near, far []Redis
	for range n {
		h := &house{Servers: embeddedtest.Start(t, embedded.OnlyRedis)}
		h.rdb = h.client(t)
		s.all = append(s.all, h)
		near, far = append(near, h.ways(t)...), append(far, h.ways(t)...)
	}
	slices.Reverse(far) // the order of the list is nobody's business
	s.here = open(near, "test", "here", slog.New(slog.DiscardHandler), nobody(), time.Minute)
	s.there = open(far, "test", "there", slog.New(slog.DiscardHandler), nobody(), time.Minute)
	t.Cleanup(s.here.Close)
	t.Cleanup(s.there.Close)
	for _, h := range s.all {
		h.subscribed(t, 2)
	}
	return s
}

// about is news of an account's conversation.
func about(a chat.AccountID, format string, args ...any) []chat.Notice {
	row := &chat.ConversationRow{}
	row.AccountID = a
	return []chat.Notice{{Kind: chat.NoticeConversation, Conversation: row, What: fmt.Sprintf(format, args...)}}
}

func accounts(n int) (all []chat.AccountID) {
	for range n {
		all = append(all, chat.NewID[chat.AccountID]())
	}
	return all
}

func (e *ear) of(a chat.AccountID) (out []string) {
	for _, n := range e.all() {
		if n.Conversation != nil && n.Conversation.AccountID == a {
			out = append(out, n.What)
		}
	}
	return out
}

func TestNewsOfManyAccountsGoesThroughAllOfSeveralRedisAndKeepsEachAccountsOrder(t *testing.T) {
	t.Parallel()
	s := pave(t, 3)
	far, all := listener(t, s.there), accounts(30)
	var want []string
	for i := range 50 {
		want = append(want, fmt.Sprint(i))
		for _, a := range all {
			s.here.Publish(t.Context(), about(a, "%d", i))
		}
	}
	for _, a := range all {
		eventually(t, "all of an account's news is there, in order", func() bool { return slices.Equal(far.of(a), want) })
	}
	for i, h := range s.all {
		info, err := h.rdb.InfoMap(t.Context(), "commandstats").Result()
		if err != nil || info["Commandstats"]["cmdstat_publish"] == "" {
			t.Errorf("nothing went through Redis %d: %v", i, err)
		}
	}
}

// One of several is away: its accounts' news goes through another, whoever should have heard what was lost is told, and the other
// accounts notice nothing. When it is back, everything is as before.
func TestNewsGoesRoundARedisThatIsAway(t *testing.T) {
	t.Parallel()
	s := pave(t, 2)
	far, all := listener(t, s.there), accounts(20)
	s.all[0].signal(t, syscall.SIGSTOP)
	for i := 0; !slices.Contains(far.whats(), "lost"); i++ { // what was on its way when it stopped
		for _, a := range all {
			s.here.Publish(t.Context(), about(a, "%d", i))
		}
		eventually(t, "the accounts of the other Redis hear it", func() bool {
			for _, a := range all {
				if slices.Contains(far.of(a), fmt.Sprint(i)) {
					return true
				}
			}
			return false
		})
	}
	for _, a := range all {
		s.here.Publish(t.Context(), about(a, "round it"))
	}
	for _, a := range all {
		eventually(t, "every account's news comes", func() bool { return slices.Contains(far.of(a), "round it") })
	}
	s.all[0].signal(t, syscall.SIGCONT)
	eventually(t, "it is used again", func() bool { return !s.here.links[0].away.Load() })
	for _, a := range all {
		s.here.Publish(t.Context(), about(a, "after"))
	}
	for _, a := range all {
		eventually(t, "news goes on", func() bool { return slices.Contains(far.of(a), "after") })
	}
}

// Who looks at a conversation is told by the socket: what it says later must not come earlier, although it is about another one.
func TestWhatBelongsTogetherGoesOneWay(t *testing.T) {
	t.Parallel()
	conversation := chat.NewID[chat.ConversationID]
	for what, pair := range map[string][2]chat.Notice{
		"a socket's looking": {
			{Kind: chat.NoticeViewers, Node: "socket", ConversationID: conversation()}, {Kind: chat.NoticeViewers, Node: "socket", ConversationID: conversation()},
		},
		"an account's conversations and its state": {
			about(chat.AccountID{7}, "x")[0], {Kind: chat.NoticeAccount, Account: &chat.Account{ID: chat.AccountID{7}}},
		},
		"a contact's typing": {
			{Kind: chat.NoticeTyping, ConversationID: chat.ConversationID{3}, Typing: true}, {Kind: chat.NoticeTyping, ConversationID: chat.ConversationID{3}},
		},
		"an agent's presence": {
			{Kind: chat.NoticePresence, Presence: &chat.PresenceNotice{Agent: chat.AgentID{1}, Load: 1}}, {Kind: chat.NoticePresence, Presence: &chat.PresenceNotice{Agent: chat.AgentID{1}}},
		},
	} {
		if a, b := key(pair[0]), key(pair[1]); a != b || a == "" {
			t.Errorf("%s: %q and %q", what, a, b)
		}
	}
}
