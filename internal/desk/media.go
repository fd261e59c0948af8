package desk

import (
	"context"
	"time"

	"gatehouse/internal/chat"
)

type mediaStore interface {
	ClaimMedia(ctx context.Context, account chat.AccountID, limit int, lease time.Duration) ([]chat.MediaJob, error)
	RetryMedia(ctx context.Context, file chat.AttachmentID, why chat.Code, again time.Duration) error
	FinishMedia(ctx context.Context, job chat.MediaJob, m chat.Media, decide func(chat.ConversationRow, chat.Account, chat.ThreadMessage, time.Time) *chat.Write) (first bool, err error)
	DueMedia(ctx context.Context, age time.Duration) ([]chat.AccountID, error)
	KeepUpload(ctx context.Context, u chat.Upload) error
	Attachment(ctx context.Context, file chat.AttachmentID) (chat.Upload, chat.ConversationID, error)
	SyncTemplates(ctx context.Context, account chat.AccountID, listed []chat.TemplateListed) error
	NoteProfile(ctx context.Context, id chat.ConversationID, p chat.Profile) error
	Reach(ctx context.Context, id chat.ConversationID) (account chat.AccountID, to []chat.Address, lastInbound string, err error)
}

// MediaLease is how long fetching one file may take before another worker tries it.
const MediaLease = 75 * time.Second

// mediaAttempts is how often a file is tried. A provider's link lives for five minutes, its media id for days.
const mediaAttempts = 5

// ClaimMedia takes files of an account that are due to be fetched.
func (d *Desk) ClaimMedia(ctx context.Context, account chat.AccountID, limit int) ([]chat.MediaJob, error) {
	return d.store.ClaimMedia(ctx, account, limit, MediaLease)
}

// FinishMedia notes what became of a fetched file: ready, to be tried again, or failed with its reason; and tells the thread.
func (d *Desk) FinishMedia(ctx context.Context, job chat.MediaJob, m chat.Media, cause error) error {
	if cause != nil {
		code := chat.CodeOf(cause)
		if job.Attempt < mediaAttempts && (code == chat.CodeUnavailable || code == chat.CodeInternal || code == chat.CodeThrottledNumber) {
			return d.store.RetryMedia(ctx, job.ID, code, backoff(job.Attempt, 0))
		}
		m = chat.Media{ID: job.ID, State: chat.MediaFailed, Type: job.Type, Name: job.Name, Error: code}
	}
	var l ledger
	first, err := d.store.FinishMedia(ctx, job, m, func(row chat.ConversationRow, acc chat.Account, msg chat.ThreadMessage, now time.Time) *chat.Write {
		l = newLedger(chat.LaneState{Account: acc, Now: now})
		c := &conv{ConversationRow: row}
		l.convs[c.ID] = c
		l.remember(msg.Message)
		l.log(c, chat.Event{Kind: chat.EventMedia, At: now, MessageID: msg.ID})
		return l.finish()
	})
	if err == nil && first {
		d.tell(ctx, &l)
	}
	return err
}

// KeepUpload notes a file that the principal uploaded and has not sent yet.
func (d *Desk) KeepUpload(ctx context.Context, p chat.Principal, u chat.Upload) error {
	u.UploadedBy = [16]byte(p.AgentID)
	if chat.IsZero(p.AgentID) {
		u.UploadedBy = [16]byte(p.APIKeyID)
	}
	return d.store.KeepUpload(ctx, u)
}

// MediaFor reads a file that the principal may see: one of a conversation in scope, or an upload of its own.
func (d *Desk) MediaFor(ctx context.Context, p chat.Principal, file chat.AttachmentID) (chat.Media, error) {
	u, conversation, err := d.store.Attachment(ctx, file)
	if err != nil {
		return chat.Media{}, err
	}
	if chat.IsZero(conversation) {
		if u.UploadedBy != [16]byte(p.AgentID) && (chat.IsZero(p.APIKeyID) || u.UploadedBy != [16]byte(p.APIKeyID)) {
			return chat.Media{}, chat.Errorf(chat.CodeNotFound, "no such file")
		}
		return u.Media, nil
	}
	if _, err := d.store.Conversation(ctx, p, conversation); err != nil {
		return chat.Media{}, err
	}
	return u.Media, nil
}

// SyncTemplates makes an account's templates what the provider lists now.
func (d *Desk) SyncTemplates(ctx context.Context, account chat.AccountID, listed []chat.TemplateListed) error {
	if err := d.store.SyncTemplates(ctx, account, listed); err != nil {
		return err
	}
	d.live.Publish(ctx, []chat.Notice{{Kind: chat.NoticeSettings, What: "templates"}})
	return nil
}

// NoteProfile takes the name that the provider told of a conversation's contact. It is an event with a number, so that
// nobody takes news that was already on its way, without the name, for newer.
func (d *Desk) NoteProfile(ctx context.Context, id chat.ConversationID, p chat.Profile) error {
	if p.Name == "" && p.Username == "" {
		return nil
	}
	if err := d.store.NoteProfile(ctx, id, p); err != nil {
		return err
	}
	anybody := chat.Principal{Role: chat.RoleAdmin}
	_, err := d.deed(ctx, chat.ChangeNeeds{Principal: anybody, Conversation: id}, func(st chat.ChangeState, l *ledger, c *conv) error {
		l.log(c, chat.Event{Kind: chat.EventIdentity, At: st.Now, Data: map[string]string{"type": "name"}})
		return nil
	})
	return err
}

// Reach tells how the contact of a conversation is reached and which of their messages is the newest.
func (d *Desk) Reach(ctx context.Context, id chat.ConversationID) (chat.AccountID, []chat.Address, string, error) {
	return d.store.Reach(ctx, id)
}

// Due is what is due and not moving.
type Due struct {
	Lanes []chat.AccountID
	Lines []chat.DepartmentID
	Sends []chat.AccountID
	Media []chat.AccountID
	Lost  int // claims whose senders are gone: given up as not confirmed

	Stranded int // provider ids whose updates were parked while their message came: applied
}

// Due finds what should have been done age ago and was not. It gives up the claims of senders that are gone, and applies
// updates that were parked although their message is there.
func (d *Desk) Due(ctx context.Context, age time.Duration) (due Due, err error) {
	if due.Lanes, err = d.store.PendingLanes(ctx, age); err != nil {
		return due, err
	}
	if due.Lines, err = d.store.LinesWithRoom(ctx); err != nil {
		return due, err
	}
	if due.Sends, err = d.store.DueSends(ctx, age); err != nil {
		return due, err
	}
	if due.Media, err = d.store.DueMedia(ctx, age); err != nil {
		return due, err
	}
	stranded, err := d.store.Stranded(ctx)
	if err != nil {
		return due, err
	}
	for account, ids := range stranded {
		due.Stranded += len(ids)
		if err := d.unpark(ctx, account, ids); err != nil {
			return due, err
		}
	}
	lost, err := d.store.LostSends(ctx)
	if err != nil {
		return due, err
	}
	for account, outcomes := range lost {
		due.Lost += len(outcomes)
		if _, err := d.Settle(ctx, account, outcomes); err != nil {
			return due, err
		}
	}
	return due, nil
}
