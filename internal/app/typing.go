package app

import (
	"context"
	"strings"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/task"
)

// typingEvery is how often a contact is shown that an agent writes: the providers' sign lasts 20 seconds and more.
const typingEvery = 15 * time.Second

// showTyping has a worker show contacts that an agent whose socket is here is writing to them. Its callback is the bus's and runs one
// at a time.
func (a *App) showTyping(wake func(context.Context, task.Wake)) (cancel func()) {
	shown := map[chat.ConversationID]time.Time{}
	return a.bus.Subscribe(func(n chat.Notice) {
		if n.Kind != chat.NoticeViewers || !n.Typing || !strings.HasPrefix(n.Node, a.node+"/") || time.Since(shown[n.ConversationID]) < typingEvery {
			return
		}
		for id, at := range shown { // whoever stopped long ago
			if time.Since(at) > typingEvery {
				delete(shown, id)
			}
		}
		shown[n.ConversationID] = time.Now()
		wake(context.Background(), task.Wake{Kind: task.Typing, ID: n.ConversationID.String()})
	})
}
