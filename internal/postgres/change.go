package postgres

import (
	"bytes"
	"context"
	"errors"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// Change locks what a deed is about, in the one order, and writes what decide returns, in one transaction. What the principal
// may not see is CodeNotFound. A refusal of decide is returned as it is, and nothing is written.
func (s *Store) Change(ctx context.Context, n chat.ChangeNeeds, decide func(chat.ChangeState) (*chat.Write, error)) error {
	return s.inTx(ctx, s.pool, "change", func(tx pgx.Tx) error {
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
		return runBatch(ctx, tx, &b)
	})
}

func (s *Store) changeState(ctx context.Context, tx pgx.Tx, n chat.ChangeNeeds) (st chat.ChangeState, err error) {
	q := s.q.WithTx(tx)
	conv := n.Conversation
	if n.Oldest {
		if conv, err = s.oldestWaiting(ctx, tx, n.Principal); err != nil {
			return st, err
		}
	} else if n.Line {
		d, err := q.DepartmentOf(ctx, conv)
		if err != nil {
			return st, err
		}
		if _, err := q.LockLines(ctx, []uid{uid(d)}); err != nil {
			return st, err
		}
	}
	if !chat.IsZero(n.Agent) {
		if _, err := q.LockAgent(ctx, n.Agent); err != nil {
			return st, err
		}
	}
	rows, err := s.lockConversations(ctx, tx, "", []chat.ConversationID{conv})
	if err != nil {
		return st, err
	}
	if len(rows) == 0 || !n.Principal.Sees(rows[0].DepartmentID, rows[0].AgentID) {
		return st, chat.Errorf(chat.CodeNotFound, "no such conversation")
	}
	st.Row = rows[0]
	var b pgx.Batch
	s.queueDeed(&b, n, &st)
	if err := runBatch(ctx, tx, &b); err != nil {
		return st, err
	}
	st.Row.Kind = st.Account.Kind
	if !chat.IsZero(n.Agent) {
		found, err := tx.Query(ctx, gen.AgentWithLoad, []chat.AgentID{n.Agent})
		if err != nil {
			return st, err
		}
		loads, err := agentLoads(found, st.Now.Add(-s.Shifted()))
		if err != nil {
			return st, err
		}
		if len(loads) == 1 && loads[0].State == chat.AgentActive {
			st.Agent = &loads[0]
		}
	}
	if st.Repeat != nil {
		full, err := s.threadMessages(ctx, tx, []chat.Message{st.Repeat.Message})
		if err != nil {
			return st, err
		}
		st.Repeat = &full[0]
		_, err = tx.Exec(ctx, likeAWrite)
		return st, err
	}
	return st, s.changeExtras(ctx, tx, n, &st)
}

// queueDeed reads what every deed asks for, and every reply: the time after the locks, the account, what the same request made
// before, and the contact's last message.
func (s *Store) queueDeed(b *pgx.Batch, n chat.ChangeNeeds, st *chat.ChangeState) {
	b.Queue("SELECT clock_timestamp()").QueryRow(func(row pgx.Row) error {
		var now time.Time
		err := row.Scan(&now)
		st.Now = s.desk(now)
		return err
	})
	b.Queue(gen.AccountByID, st.Row.AccountID).QueryRow(func(row pgx.Row) (err error) {
		var r gen.AccountByIDRow
		if err := row.Scan(append(fields(&r.ChannelAccount), &r.Keys)...); err != nil {
			return err
		}
		st.Account, err = account(r.ChannelAccount, r.Keys)
		return err
	})
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
	b.Queue(gen.LastInboundExternal, st.Row.ID).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&st.LastExternal}, func() error { return nil })
		return err
	})
}

// changeExtras reads what only some deeds ask for.
func (s *Store) changeExtras(ctx context.Context, tx pgx.Tx, n chat.ChangeNeeds, st *chat.ChangeState) error {
	q := s.q.WithTx(tx)
	if len(n.Messages) > 0 {
		st.Messages = map[chat.MessageID]chat.Message{}
		rows, err := tx.Query(ctx, gen.MessagesOfConversation, n.Messages, st.Row.ID)
		if err != nil {
			return err
		}
		if err := eachMessage(rows, func(m chat.Message) { st.Messages[m.ID] = m }); err != nil {
			return err
		}
	}
	if n.Reactions {
		rows, err := q.ReactionsOf(ctx, column(n.Messages, func(m *chat.MessageID) uid { return uid(*m) }))
		if err != nil {
			return err
		}
		for _, r := range rows {
			if chat.Direction(r.Direction) == chat.Out {
				st.OwnReaction = r.Emoji
			} else {
				st.TheirReactions = append(st.TheirReactions, chat.Reaction{MessageID: r.MessageID, Direction: chat.In, Emoji: r.Emoji})
			}
		}
	}
	if len(n.Attachments) > 0 {
		if err := s.uploads(ctx, tx, n.Attachments, st); err != nil {
			return err
		}
	}
	if !chat.IsZero(n.Template) {
		t, err := q.TemplateByID(ctx, n.Template)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err == nil {
			row := templateRow(t.Template)
			st.Template = &row
		}
	}
	if !chat.IsZero(n.EndReason) {
		r, err := q.EndReasonByID(ctx, n.EndReason)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err == nil {
			st.EndReason = &chat.EndReason{ID: r.EndReason.ID, Label: r.EndReason.Label, Position: int(r.EndReason.Position), Disabled: r.EndReason.Disabled}
		}
	}
	if n.Line && st.Row.Status.Held() {
		var since *time.Time
		err := tx.QueryRow(ctx, gen.PlaceInLine, st.Row.ID).Scan(&since)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		st.WaitedSince = at(since)
	}
	if st.Row.Status == chat.Closed {
		var err error
		if st.OtherOpen, err = q.OtherOpen(ctx, st.Row.IdentityID, st.Row.AccountID, st.Row.ID); err != nil {
			return err
		}
		var opened, shut, free *time.Time
		if err := tx.QueryRow(ctx, gen.ThreadWindow, st.Row.IdentityID, st.Row.AccountID).Scan(&opened, &shut, &free); err != nil {
			return err
		}
		st.Row.WindowOpenedAt, st.Row.WindowShutAt, st.Row.FreeEntryUntil = at(opened), at(shut), at(free)
	}
	if n.UnreadAfter != nil {
		if err := tx.QueryRow(ctx, gen.CountUnread, st.Row.ID, *n.UnreadAfter).Scan(&st.Unread); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) uploads(ctx context.Context, tx pgx.Tx, ids []chat.AttachmentID, st *chat.ChangeState) error {
	rows, err := s.q.WithTx(tx).UploadsByID(ctx, column(ids, func(a *chat.AttachmentID) uid { return uid(*a) }))
	if err != nil {
		return err
	}
	byID := map[chat.AttachmentID]chat.Upload{}
	for _, r := range rows {
		byID[r.ID] = chat.Upload{
			Media: chat.Media{
				ID: r.ID, State: chat.MediaState(r.State), Type: r.Type, Name: r.Name, Size: r.Size, Width: int(r.Width), Height: int(r.Height),
				DurationMS: r.DurationMs, Voice: r.Voice, Animated: r.Animated, Thumb: r.Thumb,
			},
			UploadedBy: r.UploadedBy, MessageID: chat.MessageID(r.MessageID),
		}
	}
	for _, a := range ids {
		if u, ok := byID[a]; ok {
			st.Attachments = append(st.Attachments, u)
		}
	}
	return nil
}

// oldestWaiting finds the head of the lines that the principal may see, and locks those lines.
func (s *Store) oldestWaiting(ctx context.Context, tx pgx.Tx, p chat.Principal) (chat.ConversationID, error) {
	q := s.q.WithTx(tx)
	lines := column(p.Departments, func(d *chat.DepartmentID) uid { return uid(*d) })
	if p.SeesAll() {
		all, err := q.AllLines(ctx)
		if err != nil {
			return chat.ConversationID{}, err
		}
		lines = column(all, func(d *chat.DepartmentID) uid { return uid(*d) })
	}
	if _, err := q.LockLines(ctx, lines); err != nil {
		return chat.ConversationID{}, err
	}
	rows, err := q.OldestWaiting(ctx, lines)
	if err != nil {
		return chat.ConversationID{}, err
	}
	if len(rows) == 0 {
		return chat.ConversationID{}, chat.Errorf(chat.CodeNothingWaiting, "nobody waits")
	}
	return rows[0].ID, nil
}
