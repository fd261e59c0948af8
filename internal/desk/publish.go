package desk

import (
	"context"

	"gatehouse/internal/chat"
)

type adornStore interface {
	// Adorn fills in the files of messages and the reactions on them, as they stand.
	Adorn(ctx context.Context, messages []*chat.ThreadMessage) error
}

// tell publishes what a committed write changed. A message that was there before was read without its files and reactions:
// they are read now, so that readers see it whole. If they cannot be, readers are told to ask the record.
func (d *Desk) tell(ctx context.Context, l *ledger) {
	notices := l.notices()
	fresh := make(map[chat.MessageID]bool, len(l.added))
	for _, m := range l.added {
		fresh[m.ID] = true
	}
	for _, r := range l.write.Reactions {
		delete(fresh, r.MessageID)
	}
	var bare []*chat.ThreadMessage
	for _, n := range notices {
		for _, e := range n.Events {
			if e.Message != nil && !fresh[e.Message.ID] {
				bare = append(bare, e.Message)
			}
		}
	}
	if len(bare) > 0 {
		if err := d.store.Adorn(ctx, bare); err != nil {
			d.log.Warn("news could not be told whole", "error", err.Error())
			notices = []chat.Notice{{Kind: chat.NoticeLost}}
		}
	}
	d.live.Publish(ctx, notices)
}
