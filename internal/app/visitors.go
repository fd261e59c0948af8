package app

import (
	"context"
	"errors"
	"io"

	"gatehouse/internal/chat"
	"gatehouse/internal/media"
)

// visitors is what the widget's door needs of the house, over the desk, the record and the media store.
type visitors struct{ a *App }

// WebchatAccount finds a web chat account with its plain settings.
func (v visitors) WebchatAccount(ctx context.Context, id chat.AccountID) (chat.Account, error) {
	o, err := v.a.desk.OpenAccount(ctx, id)
	if err != nil {
		return chat.Account{}, err
	}
	if o.Kind != chat.Webchat || o.State == chat.AccountDisabled {
		return chat.Account{}, chat.Errorf(chat.CodeNotFound, "no such web chat account")
	}
	return o.Account, nil
}

// Agent finds who answers.
func (v visitors) Agent(ctx context.Context, id chat.AgentID) (chat.Agent, error) {
	all, err := v.a.desk.Agents(ctx, Operator)
	if err != nil {
		return chat.Agent{}, err
	}
	for _, g := range all {
		if g.ID == id {
			return g.Agent, nil
		}
	}
	return chat.Agent{}, chat.Errorf(chat.CodeNotFound, "no such agent")
}

// owner is the visitor as the owner of uploads.
func owner(visitor chat.Address) ([16]byte, error) {
	id, err := chat.ParseID[chat.ContactID](visitor.Value)
	return [16]byte(id), err
}

// SaveUpload judges a visitor's file by its bytes and stores it, ready and part of no message.
func (v visitors) SaveUpload(ctx context.Context, _ chat.AccountID, visitor chat.Address, name, declaredType string, body io.Reader) (chat.Media, error) {
	by, err := owner(visitor)
	if err != nil {
		return chat.Media{}, err
	}
	id := chat.NewID[chat.AttachmentID]()
	f, err := v.a.intake.Receive(ctx, id.String(), media.Source{Body: body, Size: -1, Type: declaredType, Name: name})
	if err != nil {
		return chat.Media{}, err
	}
	m := chat.Media{
		ID: id, State: chat.MediaReady, Type: f.ContentType, Name: f.Name, Size: f.Size, Width: f.Width, Height: f.Height,
		DurationMS: f.Duration.Milliseconds(), Animated: f.Animated, Thumb: f.Thumb,
	}
	kind := chat.KindDocument
	if f.Kind != "" {
		kind = f.Kind
	}
	c, err := v.a.desk.Kind(chat.Webchat)
	if err == nil {
		err = c.Limits.CheckMedia(kind, m.Type, m.Size)
	}
	if err == nil {
		err = v.a.store.KeepUpload(ctx, chat.Upload{Media: m, UploadedBy: by})
	}
	if err != nil {
		if rerr := v.a.intake.Remove(context.WithoutCancel(ctx), id.String()); rerr != nil {
			v.a.log.Warn("a refused upload could not be removed", "file", id.String(), "error", rerr.Error())
		}
		return chat.Media{}, err
	}
	return m, nil
}

// Upload finds a file that this visitor uploaded and that is part of no message yet.
func (v visitors) Upload(ctx context.Context, _ chat.AccountID, visitor chat.Address, id chat.AttachmentID) (chat.Media, error) {
	by, err := owner(visitor)
	if err != nil {
		return chat.Media{}, err
	}
	u, _, err := v.a.store.Attachment(ctx, id)
	if err != nil {
		return chat.Media{}, err
	}
	if u.UploadedBy != by || !chat.IsZero(u.MessageID) {
		return chat.Media{}, chat.Errorf(chat.CodeNotFound, "no such upload")
	}
	return u.Media, nil
}

// OpenMedia opens a file of the visitor's own thread, or an own upload.
func (v visitors) OpenMedia(ctx context.Context, account chat.AccountID, visitor chat.Address, id chat.AttachmentID, thumb bool) (io.ReadCloser, chat.Media, error) {
	u, conversation, err := v.a.store.Attachment(ctx, id)
	if err != nil {
		return nil, chat.Media{}, err
	}
	if chat.IsZero(conversation) {
		if _, err := v.Upload(ctx, account, visitor, id); err != nil {
			return nil, chat.Media{}, err
		}
	} else if err := v.a.store.VisitorSees(ctx, account, visitor, conversation, u.MessageID); err != nil {
		return nil, chat.Media{}, err
	}
	if u.State != chat.MediaReady || (thumb && !u.Thumb) {
		return nil, chat.Media{}, chat.Errorf(chat.CodeNotFound, "the file is not there")
	}
	name, m := id.String(), u.Media
	if thumb {
		name = media.ThumbID(name)
	}
	body, info, err := v.a.intake.Store.Open(ctx, name)
	if err != nil {
		return nil, chat.Media{}, err
	}
	m.Size = info.Size
	if thumb {
		head := make([]byte, 512)
		n, err := io.ReadFull(body, head)
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			_, err = body.Seek(0, io.SeekStart)
		}
		if err != nil {
			return nil, chat.Media{}, errors.Join(err, body.Close())
		}
		m.Type = media.Sniff(head[:n], "", "").ContentType
	}
	return body, m, nil
}
