package postgres

import (
	"bytes"
	"context"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// Change locks what a deed is about, in the one order, and writes what decide returns, in one transaction. What the principal
// may not see is CodeNotFound. A refusal of decide is returned as it is, and nothing is written.
//
// It is two round trips: lock and read; write and commit. Taking the oldest of a line, a thread that is over, and a request that
// was made before need one or two more.
func (s *Store) Change(ctx context.Context, n chat.ChangeNeeds, decide func(chat.ChangeState) (*chat.Write, error)) error {
	return s.inPipelines(ctx, s.deed, "change", func(tx db) error {
		st, err := s.changeState(ctx, tx, n)
		if err != nil {
			return err
		}
		w, err := decide(st)
		if err != nil || w == nil {
			return err
		}
		var b pgx.Batch
		queueWrite(&b, st.Row.AccountID, w)
		queueAssigned(&b, w)
		if k := n.Idempotency; k != nil && len(w.Messages) > 0 {
			b.Queue(gen.ForgetIdempotencyKey, k.Key, k.Principal)
			b.Queue(gen.KeepIdempotencyKey, k.Key, k.Principal, k.BodyHash, w.Messages[0].ID)
		}
		if st.Repeat != nil {
			b.Queue(likeAWrite)
		}
		return commit(ctx, tx, &b)
	})
}

func (s *Store) changeState(ctx context.Context, tx db, n chat.ChangeNeeds) (st chat.ChangeState, err error) {
	var b pgx.Batch
	begin(&b)
	conv := n.Conversation
	switch {
	case n.Oldest:
		if conv, err = s.oldestWaiting(ctx, tx, &b, n.Principal); err != nil {
			return st, err
		}
		b = pgx.Batch{}
	case n.Line:
		b.Queue(gen.LockLineOf, conv)
	}
	if !chat.IsZero(n.Agent) {
		b.Queue(gen.LockAgent, n.Agent)
	}
	b.Queue(gen.LockConversations, []chat.ConversationID{conv}).Query(func(rows pgx.Rows) error {
		found, err := conversationRows(rows, "")
		if err != nil {
			return err
		}
		if len(found) == 0 || !n.Principal.Sees(found[0].DepartmentID, found[0].AgentID) {
			return chat.Errorf(chat.CodeNotFound, "no such conversation")
		}
		st.Row = found[0]
		return nil
	})
	s.queueDeed(&b, n, conv, &st)
	queueAsked(&b, n, conv, &st)
	if err := runBatch(ctx, tx, &b); err != nil {
		return st, err
	}
	st.Row.Kind = st.Account.Kind
	if st.Repeat != nil {
		full, err := s.threadMessages(ctx, tx, []chat.Message{st.Repeat.Message})
		if err != nil {
			return st, err
		}
		st.Repeat = &full[0]
		return st, nil
	}
	if st.Row.Status == chat.Closed {
		return st, overState(ctx, tx, &st)
	}
	return st, nil
}

// queueDeed reads what every deed asks for, and every reply: the time after the locks, the account, who does it, what the same
// request made before, and the contact's last message.
func (s *Store) queueDeed(b *pgx.Batch, n chat.ChangeNeeds, conv chat.ConversationID, st *chat.ChangeState) {
	s.queueNow(b, &st.Now)
	queueAccount(b, gen.AccountOfConversation, conv, &st.Account)
	if !chat.IsZero(n.Agent) {
		b.Queue(gen.AgentWithLoad, []chat.AgentID{n.Agent}).Query(func(rows pgx.Rows) error {
			loads, err := agentLoads(rows, st.Now.Add(-s.Shifted()))
			if err == nil && len(loads) == 1 && loads[0].State == chat.AgentActive {
				st.Agent = &loads[0]
			}
			return err
		})
	}
	if !chat.IsZero(n.Author) {
		b.Queue(gen.PresentAgent, n.Author).Query(func(rows pgx.Rows) error {
			a, err := presentAgent(rows, st.Now.Add(-s.Shifted()))
			if err == nil && a != nil && a.State == chat.AgentActive {
				st.Author = a
			}
			return err
		})
	}
	if k := n.Idempotency; k != nil {
		b.Queue(gen.IdempotentMessage, k.Key, k.Principal).Query(func(rows pgx.Rows) error {
			var r gen.IdempotentMessageRow
			_, err := pgx.ForEachRow(rows, append([]any{&r.BodyHash}, fields(&r.Message)...), func() error {
				m, err := message(r.Message)
				st.Repeat, st.Mismatch = &chat.ThreadMessage{Message: m}, !bytes.Equal(r.BodyHash, k.BodyHash)
				return err
			})
			return err
		})
	}
	b.Queue(gen.LastInboundExternal, conv).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&st.LastExternal}, func() error { return nil })
		return err
	})
}

// queueAsked reads what only some deeds ask for.
func queueAsked(b *pgx.Batch, n chat.ChangeNeeds, conv chat.ConversationID, st *chat.ChangeState) {
	if len(n.Messages) > 0 {
		st.Messages = map[chat.MessageID]chat.Message{}
		b.Queue(gen.MessagesOfConversation, n.Messages, conv).Query(func(rows pgx.Rows) error {
			return eachMessage(rows, func(m chat.Message) { st.Messages[m.ID] = m })
		})
	}
	if n.Reactions {
		b.Queue(gen.ReactionsOf, n.Messages).Query(func(rows pgx.Rows) error {
			var r gen.ReactionsOfRow
			_, err := pgx.ForEachRow(rows, fields(&r), func() error {
				if chat.Direction(r.Direction) == chat.Out {
					st.OwnReaction = r.Emoji
				} else {
					st.TheirReactions = append(st.TheirReactions, chat.Reaction{MessageID: r.MessageID, Direction: chat.In, Emoji: r.Emoji})
				}
				return nil
			})
			return err
		})
	}
	if len(n.Attachments) > 0 {
		queueUploads(b, n.Attachments, st)
	}
	if !chat.IsZero(n.Template) {
		b.Queue(gen.TemplateByID, n.Template).Query(func(rows pgx.Rows) error {
			var g gen.Template
			_, err := pgx.ForEachRow(rows, fields(&g), func() error {
				row := templateRow(g)
				st.Template = &row
				return nil
			})
			return err
		})
	}
	if !chat.IsZero(n.EndReason) {
		b.Queue(gen.EndReasonByID, n.EndReason).Query(func(rows pgx.Rows) error {
			var g gen.EndReason
			_, err := pgx.ForEachRow(rows, fields(&g), func() error {
				st.EndReason = &chat.EndReason{ID: g.ID, Label: g.Label, Position: int(g.Position), Disabled: g.Disabled}
				return nil
			})
			return err
		})
	}
	if n.Line {
		b.Queue(gen.PlaceInLine, conv).Query(func(rows pgx.Rows) error {
			var since *time.Time
			_, err := pgx.ForEachRow(rows, []any{&since}, func() error {
				if st.Row.Status.Held() {
					st.WaitedSince = at(since)
				}
				return nil
			})
			return err
		})
	}
	if n.UnreadAfter != nil {
		b.Queue(gen.CountUnread, conv, *n.UnreadAfter).QueryRow(func(row pgx.Row) error { return row.Scan(&st.Unread) })
	}
}

// overState reads what a deed on a conversation that is over looks at: the thread's others.
func overState(ctx context.Context, tx db, st *chat.ChangeState) error {
	var b pgx.Batch
	b.Queue(gen.OtherOpen, st.Row.IdentityID, st.Row.AccountID, st.Row.ID).QueryRow(func(row pgx.Row) error { return row.Scan(&st.OtherOpen) })
	b.Queue(gen.ThreadWindow, st.Row.IdentityID, st.Row.AccountID).QueryRow(func(row pgx.Row) error {
		var opened, shut, free *time.Time
		err := row.Scan(&opened, &shut, &free)
		st.Row.WindowOpenedAt, st.Row.WindowShutAt, st.Row.FreeEntryUntil = at(opened), at(shut), at(free)
		return err
	})
	return runBatch(ctx, tx, &b)
}

func queueUploads(b *pgx.Batch, ids []chat.AttachmentID, st *chat.ChangeState) {
	b.Queue(gen.UploadsByID, ids).Query(func(rows pgx.Rows) error {
		byID := map[chat.AttachmentID]chat.Upload{}
		var r gen.UploadsByIDRow
		if _, err := pgx.ForEachRow(rows, fields(&r), func() error {
			byID[r.ID] = chat.Upload{
				Media: chat.Media{
					ID: r.ID, State: chat.MediaState(r.State), Type: r.Type, Name: r.Name, Size: r.Size, Width: int(r.Width), Height: int(r.Height),
					DurationMS: r.DurationMs, Voice: r.Voice, Animated: r.Animated, Thumb: r.Thumb,
				},
				UploadedBy: r.UploadedBy, MessageID: chat.MessageID(r.MessageID),
			}
			return nil
		}); err != nil {
			return err
		}
		for _, a := range ids {
			if u, ok := byID[a]; ok {
				st.Attachments = append(st.Attachments, u)
			}
		}
		return nil
	})
}

// oldestWaiting finds the head of the lines that the principal may see, and locks those lines. b holds what comes before.
func (s *Store) oldestWaiting(ctx context.Context, tx db, b *pgx.Batch, p chat.Principal) (id chat.ConversationID, err error) {
	lines := p.Departments
	if p.SeesAll() {
		lines = nil
		b.Queue(gen.AllLines).Query(func(rows pgx.Rows) (err error) {
			lines, err = pgx.CollectRows(rows, pgx.RowTo[chat.DepartmentID])
			return err
		})
		if err := runBatch(ctx, tx, b); err != nil {
			return id, err
		}
		*b = pgx.Batch{}
	}
	b.Queue(gen.LockLines, notNull(lines))
	b.Queue(gen.OldestWaiting, notNull(lines)).Query(func(rows pgx.Rows) error {
		var department chat.DepartmentID
		_, err := pgx.ForEachRow(rows, []any{&id, &department}, func() error { return nil })
		return err
	})
	if err := runBatch(ctx, tx, b); err != nil {
		return id, err
	}
	if chat.IsZero(id) {
		return id, chat.Errorf(chat.CodeNothingWaiting, "nobody waits")
	}
	return id, nil
}
