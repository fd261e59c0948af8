package workers

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"gatehouse/channels"
	"gatehouse/internal/chat"
	"gatehouse/internal/desk"
	"gatehouse/internal/media"
)

// mediaParallel is how many files of an account are fetched at once: slow ones must not hold up the others.
const mediaParallel = 8

// media fetches an account's files at once: their links live for minutes.
func (w *Workers) media(ctx context.Context, id string) error {
	account, err := chat.ParseID[chat.AccountID](id)
	if err != nil {
		return err
	}
	o, err := w.senders.get(ctx, account)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		jobs, err := w.Desk.ClaimMedia(ctx, account, mediaParallel)
		if err != nil || len(jobs) == 0 {
			return err
		}
		var wg sync.WaitGroup
		for _, j := range jobs {
			wg.Go(func() { w.fetch(ctx, o, j) })
		}
		wg.Wait()
	}
	return ctx.Err()
}

func (w *Workers) fetch(ctx context.Context, o opened, j chat.MediaJob) {
	ctx, cancel := context.WithTimeout(ctx, desk.MediaLease-5*time.Second)
	defer cancel()
	var file media.File
	err := w.guard("a driver", func() (err error) { file, err = w.take(ctx, o, j); return err })
	outcome := "ready"
	if err != nil {
		outcome = string(chat.CodeOf(err))
		w.Log.Info("a file could not be fetched", "file", j.ID.String(), "attempt", j.Attempt, "error", err.Error())
	}
	w.Metrics.Media(string(o.account.Kind), outcome)
	m := chat.Media{
		ID: j.ID, State: chat.MediaReady, Type: file.ContentType, Name: j.Name, Size: file.Size, Width: file.Width, Height: file.Height,
		DurationMS: file.Duration.Milliseconds(), Animated: file.Animated, Voice: j.Voice, Thumb: file.Thumb,
	}
	if err := w.Desk.FinishMedia(context.WithoutCancel(ctx), j, m, err); err != nil {
		w.Log.Error("a fetched file could not be noted", "file", j.ID.String(), "error", err.Error())
	}
}

func (w *Workers) take(ctx context.Context, o opened, j chat.MediaJob) (media.File, error) {
	f, ok := o.sender.(channels.MediaFetcher)
	if !ok {
		return media.File{}, chat.Errorf(chat.CodeNotSupported, "the channel hands out no files")
	}
	body, declared, size, err := f.FetchMedia(ctx, j.Ref)
	if err != nil {
		return media.File{}, err
	}
	defer closeBody(body)
	file, err := w.Media.Receive(ctx, j.ID.String(), media.Source{Body: body, Size: size, Type: declared, Name: j.Name})
	if err == nil && !file.Matches(j.Ref.SHA256) {
		err = errors.Join(chat.Errorf(chat.CodeUnavailable, "the file is not what was announced"), w.Media.Remove(ctx, j.ID.String()))
	}
	return file, err
}

// closeBody ends a download; an error of closing says nothing about what was read.
func closeBody(b io.Closer) { _ = b.Close() }
