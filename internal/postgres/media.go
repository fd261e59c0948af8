package postgres

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TemplateRows reads the templates of an account, of all of them for the zero one, that the provider still lists.
func (s *Store) TemplateRows(ctx context.Context, account chat.AccountID) ([]chat.TemplateRow, error) {
	rows, err := s.q.TemplateRows(ctx, uid(account))
	if err != nil {
		return nil, wrap(err)
	}
	return column(rows, func(r *gen.TemplateRowsRow) chat.TemplateRow { return templateRow(r.Template) }), nil
}

// TemplateRow reads one template; CodeNotFound if there is none.
func (s *Store) TemplateRow(ctx context.Context, id chat.TemplateID) (chat.TemplateRow, error) {
	r, err := s.q.TemplateByID(ctx, id)
	return templateRow(r.Template), wrap(err)
}

// SyncTemplates makes an account's templates what the provider lists now.
func (s *Store) SyncTemplates(ctx context.Context, account chat.AccountID, listed []chat.TemplateListed) error {
	return s.inTx(ctx, s.pool, "templates", func(tx pgx.Tx) error {
		q := s.q.WithTx(tx)
		type row = chat.TemplateListed
		names, languages := column(listed, func(t *row) string { return t.Name }), column(listed, func(t *row) string { return t.Language })
		if err := q.UpsertTemplates(ctx, gen.UpsertTemplatesParams{
			Ids: column(listed, func(*row) uid { return uid(chat.NewID[chat.TemplateID]()) }), AccountID: uid(account),
			ProviderIds: column(listed, func(t *row) string { return t.ProviderID }), Names: names, Languages: languages,
			Statuses: column(listed, func(t *row) string { return t.Status }), Categories: column(listed, func(t *row) string { return t.Category }),
			Definitions: column(listed, func(t *row) json.RawMessage { return t.Definition }),
		}); err != nil {
			return err
		}
		if err := q.DropTemplates(ctx, account, names, languages); err != nil {
			return err
		}
		return q.SyncedTemplates(ctx, account)
	})
}

// ClaimMedia takes up to limit files of an account that are due to be fetched, for the time of the lease.
func (s *Store) ClaimMedia(ctx context.Context, account chat.AccountID, limit int, lease time.Duration) ([]chat.MediaJob, error) {
	rows, err := s.q.ClaimMedia(ctx, gen.ClaimMediaParams{AccountID: &account, LeaseS: lease.Seconds(), ShiftS: s.Shifted().Seconds(), Most: int32(limit)})
	if err != nil {
		return nil, wrap(err)
	}
	var out []chat.MediaJob
	for _, r := range rows {
		j := chat.MediaJob{ID: r.ID, MessageID: id(r.MessageID), ConversationID: id(r.ConversationID), Type: r.Type, Name: r.Name, Attempt: int(r.Attempts), Voice: r.Voice}
		if err := json.Unmarshal(r.Ref, &j.Ref); err != nil {
			return nil, err
		}
		out = append(out, j)
	}
	return out, nil
}

// DueMedia names accounts with a file that was due to be fetched before age.
func (s *Store) DueMedia(ctx context.Context, age time.Duration) ([]chat.AccountID, error) {
	rows, err := s.q.DueMedia(ctx, s.Shifted().Seconds(), age.Seconds())
	if err != nil {
		return nil, wrap(err)
	}
	return column(rows, func(a **chat.AccountID) chat.AccountID { return id(*a) }), nil
}

// RetryMedia puts a file back to be fetched later.
func (s *Store) RetryMedia(ctx context.Context, file chat.AttachmentID, why chat.Code, again time.Duration) error {
	return wrap(s.q.RetryMedia(ctx, again.Seconds(), string(why), file))
}

// FinishMedia writes what became of a file and tells the conversation, in one transaction: decide gets the locked
// conversation and the message as it will stand. first is false when somebody else was faster: then what was decided, in a run
// that lost its race, is of no effect.
//
// It is three round trips: lock, write the file and read; the message's files and reactions; write and commit.
func (s *Store) FinishMedia(ctx context.Context, job chat.MediaJob, m chat.Media, decide func(chat.ConversationRow, chat.Account, chat.ThreadMessage, time.Time) *chat.Write) (first bool, err error) {
	err = s.inPipelines(ctx, s.pool, "media", func(tx db) error {
		first = false
		f, err := s.finishMedia(ctx, tx, job, m)
		if err != nil || !f.first {
			return err
		}
		var b pgx.Batch
		if len(f.messages) > 0 {
			full, err := s.threadMessages(ctx, tx, f.messages)
			if err != nil {
				return err
			}
			first = true
			queueWrite(&b, f.row.AccountID, decide(f.row, f.account, full[0], f.now))
		}
		return commit(ctx, tx, &b)
	})
	return first, err
}

// finished is a file's conversation, locked, and its message, none if it is gone.
type finished struct {
	first    bool // the file was still awaited
	row      chat.ConversationRow
	account  chat.Account
	messages []chat.Message
	now      time.Time // after the lock
}

// finishMedia begins the transaction.
func (s *Store) finishMedia(ctx context.Context, tx db, job chat.MediaJob, m chat.Media) (f finished, err error) {
	var b pgx.Batch
	begin(&b)
	b.Queue(gen.LockConversations, []chat.ConversationID{job.ConversationID}).Query(func(rows pgx.Rows) error {
		found, err := conversationRows(rows, "")
		if err == nil && len(found) == 0 {
			err = chat.Errorf(chat.CodeNotFound, "the file's conversation is gone")
		}
		if err == nil {
			f.row = found[0]
		}
		return err
	})
	b.Queue(gen.FinishMedia, m.State, m.Type, m.Size, int32(m.Width), int32(m.Height), m.DurationMS, m.Animated, m.Thumb, m.Error, job.ID).
		Exec(func(done pgconn.CommandTag) error { f.first = done.RowsAffected() > 0; return nil })
	s.queueNow(&b, &f.now)
	queueAccount(&b, gen.AccountOfConversation, job.ConversationID, &f.account)
	b.Queue(gen.MessageByID, job.MessageID).Query(func(rows pgx.Rows) error {
		return eachMessage(rows, func(m chat.Message) { f.messages = append(f.messages, m) })
	})
	err = runBatch(ctx, tx, &b)
	f.row.Kind = f.account.Kind
	return f, err
}

// KeepUpload notes a file in the media store that waits for its message.
func (s *Store) KeepUpload(ctx context.Context, u chat.Upload) error {
	by := u.UploadedBy
	return wrap(s.q.KeepUpload(ctx, gen.KeepUploadParams{
		ID: u.ID, Type: u.Type, Name: u.Name, Size: u.Size, Width: int32(u.Width), Height: int32(u.Height), DurationMs: u.DurationMS,
		Voice: u.Voice, Animated: u.Animated, Thumb: u.Thumb, UploadedBy: &by,
	}))
}

// Attachment reads a file with the conversation that it is in; none while it waits for its message.
func (s *Store) Attachment(ctx context.Context, file chat.AttachmentID) (chat.Upload, chat.ConversationID, error) {
	r, err := s.q.AttachmentByID(ctx, file)
	if err != nil {
		return chat.Upload{}, chat.ConversationID{}, wrap(err)
	}
	u := chat.Upload{
		Media: chat.Media{
			ID: r.ID, State: chat.MediaState(r.State), Type: r.Type, Name: r.Name, Size: r.Size, Width: int(r.Width), Height: int(r.Height),
			DurationMS: r.DurationMs, Voice: r.Voice, Animated: r.Animated, Thumb: r.Thumb, Error: chat.Code(r.Error),
		},
		MessageID: id(r.MessageID),
	}
	if r.UploadedBy != nil {
		u.UploadedBy = *r.UploadedBy
	}
	return u, id(r.ConversationID), nil
}

// Tidy removes what is good for a day at most, and names the blobs that go with it. Prune removes what is kept for longer.
func (s *Store) Tidy(ctx context.Context) (blobs []chat.AttachmentID, parked int64, err error) {
	if blobs, err = s.q.OrphanUploads(ctx); err != nil {
		return nil, 0, wrap(err)
	}
	if parked, err = inBatches(func(most int32) (int64, error) { return s.q.ExpireParked(ctx, most) }); err != nil {
		return blobs, parked, wrap(err)
	}
	_, err = inBatches(func(most int32) (int64, error) { return s.q.ForgetIdempotencyKeys(ctx, most) })
	return blobs, parked, wrap(err)
}

// Reach tells how the contact of a conversation is reached and which of their messages is the newest.
func (s *Store) Reach(ctx context.Context, conversation chat.ConversationID) (account chat.AccountID, to []chat.Address, lastInbound string, err error) {
	rows, err := s.ConversationRows(ctx, []chat.ConversationID{conversation})
	if err != nil {
		return account, nil, "", err
	}
	if len(rows) == 0 {
		return account, nil, "", chat.Errorf(chat.CodeNotFound, "no such conversation")
	}
	addresses, b := map[chat.IdentityID][]chat.Address{}, pgx.Batch{}
	queueAddresses(&b, []chat.ConversationID{conversation}, addresses)
	b.Queue(gen.LastInboundExternal, conversation).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&lastInbound}, func() error { return nil })
		return err
	})
	err = runBatch(ctx, s.pool, &b)
	return rows[0].AccountID, addresses[rows[0].IdentityID], lastInbound, wrap(err)
}

// NoteProfile keeps the name that the provider told of a conversation's contact, under all addresses of the thread.
func (s *Store) NoteProfile(ctx context.Context, conversation chat.ConversationID, p chat.Profile) error {
	return wrap(s.q.NoteProfile(ctx, p.Name, p.Username, conversation))
}
