package workers

import (
	"context"
	"errors"
	"time"

	"gatehouse/channels"
	"gatehouse/internal/chat"
	"gatehouse/internal/crash"
	"gatehouse/internal/desk"
	"gatehouse/internal/task"
)

// sendLimit is how long one message may take, uploads included. It is shorter than desk.SendLease.
const sendLimit = 60 * time.Second

// flyingMost is how many messages of an account are on their way at once, where its provider is slow.
const flyingMost = 256

// deliver sends what an account has to send: claim, hand over, settle, and again while there is something. The claims of one
// round go out at the same time; a conversation has at most one among them. One that takes long holds up no other: a wake that
// comes meanwhile has it look again.
func (w *Workers) deliver(ctx context.Context, id string) error {
	account, err := chat.ParseID[chat.AccountID](id)
	if err != nil {
		return err
	}
	rung := w.run.rung(key{task.Deliver, id})
	outcomes := make(chan chat.Outcome, flyingMost)
	flying := 0
	defer func() { // whatever happens, what was claimed is settled
		for ; flying > 0; flying-- {
			w.settle(ctx, account, []chat.Outcome{<-outcomes})
		}
	}()
	for ctx.Err() == nil && !w.run.stopping() {
		o, err := w.senders.get(ctx, account) // before anything is claimed, and anew, for settings change
		if err != nil {
			return err
		}
		crash.At(crash.BeforeClaim)
		sends, wait, err := w.Desk.Claim(ctx, account)
		if err != nil {
			return err
		}
		for _, s := range sends {
			flying++
			go func() { outcomes <- w.send(ctx, o, s) }()
		}
		switch {
		case flying > 0:
			for full := true; full; full = flying > flyingMost-claimMost {
				done := gather(outcomes, wait, rung)
				flying -= len(done)
				w.settle(ctx, account, done)
			}
		case wait == 0:
			return nil
		case wait > 2*time.Second:
			// Others may use the place meanwhile.
			w.later(task.Wake{Kind: task.Deliver, ID: id}, wait)
			return nil
		default:
			pause(ctx, wait)
		}
	}
	return ctx.Err()
}

// claimMost is how many messages one claim may bring.
const claimMost = 64

// gather takes the outcomes that are there: at least one, unless the account may send its next message sooner or somebody rings.
func gather(outcomes <-chan chat.Outcome, wait time.Duration, rung <-chan struct{}) (done []chat.Outcome) {
	var sooner <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		sooner = t.C
	}
	select {
	case o := <-outcomes:
		done = append(done, o)
	case <-sooner:
	case <-rung:
	}
	for len(done) < claimMost {
		select {
		case o := <-outcomes:
			done = append(done, o)
			continue
		default:
		}
		break
	}
	return done
}

// settle writes outcomes. If the record is away it keeps trying for as long as the claims hold: an outcome that is not
// written becomes "not confirmed".
func (w *Workers) settle(ctx context.Context, account chat.AccountID, done []chat.Outcome) {
	if len(done) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), desk.SendLease)
	defer cancel()
	for {
		err := w.Desk.Settle(ctx, account, done)
		if err == nil {
			return
		}
		if ctx.Err() != nil || chat.CodeOf(err) != chat.CodeUnavailable {
			w.Log.Error("outcomes could not be written; their messages count as not confirmed", "account", account.String(), "outcomes", len(done), "error", err.Error())
			return
		}
		pause(ctx, 500*time.Millisecond)
	}
}

// send hands one claimed message to the provider. It never sends twice.
func (w *Workers) send(ctx context.Context, o opened, s chat.Send) chat.Outcome {
	// The claim is made: whoever stops us must wait for the answer, or the message counts as not confirmed. It counts as that at
	// once when the process has no more patience.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendLimit)
	defer cancel()
	defer context.AfterFunc(w.run.ctx, cancel)()
	w.Metrics.SendLag(string(s.Row.Kind), time.Since(s.Message.CreatedAt))
	if o.sender == nil {
		return desk.OutcomeOf(s, chat.Receipt{ExternalID: s.Message.ID.String()}, nil)
	}
	out, err := w.outbound(ctx, o, s)
	if err != nil {
		return desk.OutcomeOf(s, chat.Receipt{}, err)
	}
	crash.At(crash.AfterClaim)
	var r chat.Receipt
	err = w.guard("a driver", func() (err error) { r, err = o.sender.Send(crash.OnWrite(ctx), out); return err })
	crash.At(crash.AfterAnswer)
	if err != nil {
		if _, ok := errors.AsType[*chat.SendError](err); !ok {
			w.Log.Warn("a send was not confirmed", "account", s.Message.AccountID.String(), "message", s.Message.ID.String(), "error", err.Error())
		}
	}
	return desk.OutcomeOf(s, r, err)
}

// outbound resolves everything that the driver needs. An error of it is a *chat.SendError: nothing was sent.
func (w *Workers) outbound(ctx context.Context, o opened, s chat.Send) (chat.Outbound, error) {
	m := s.Message
	out := chat.Outbound{
		MessageID: m.ID, Opaque: desk.Opaque(m), To: s.To, Kind: m.Kind, Text: m.Text, Tag: s.Tag, ReplyTo: s.ReplyTo, Location: m.Content.Location,
		Contacts: m.Content.Contacts, Header: m.Content.Header, Footer: m.Content.Footer, Buttons: m.Content.Buttons, List: m.Content.List,
	}
	if t := m.Content.Template; t != nil {
		out.Template = &chat.OutboundTemplate{Name: t.Name, Language: t.Language, Components: t.Components}
	}
	if r := m.Content.Reaction; r != nil {
		out.Kind, out.Reaction = chat.KindReaction, r
	}
	for _, f := range s.Media {
		file, err := w.outboundMedia(ctx, o, f)
		if err != nil {
			return out, err
		}
		out.Media = append(out.Media, file)
	}
	return out, nil
}

// providerMediaLife is how long a file that we uploaded to the provider is used again; Meta keeps it 30 days.
const providerMediaLife = 29 * 24 * time.Hour

func (w *Workers) outboundMedia(ctx context.Context, o opened, f chat.SendMedia) (chat.OutboundMedia, error) {
	out := chat.OutboundMedia{ProviderID: f.ProviderID, Type: f.Type, Name: f.Name, Voice: f.Voice}
	if out.ProviderID != "" {
		return out, nil
	}
	fail := func(err error) error {
		return &chat.SendError{Code: chat.CodeUnavailable, Retry: chat.RetryMessage, Detail: "the file could not be handed over: " + err.Error()}
	}
	up, ok := o.sender.(channels.MediaUploader)
	if !ok {
		link, err := w.MediaURL(f.ID)
		if err != nil {
			return out, fail(err)
		}
		out.URL = link
		return out, nil
	}
	body, info, err := w.Media.Store.Open(ctx, f.ID.String())
	if err != nil {
		return out, fail(err)
	}
	defer body.Close()
	err = w.guard("a driver", func() (err error) {
		out.ProviderID, err = up.UploadMedia(ctx, f.Name, f.Type, info.Size, body)
		return err
	})
	var refused *chat.SendError
	switch {
	case errors.As(err, &refused):
		return out, refused
	case err != nil: // an upload is not a message: it may be tried again
		return out, fail(err)
	}
	if err := w.Store.KeepProviderMedia(ctx, f.ID, out.ProviderID, time.Now().Add(providerMediaLife)); err != nil {
		w.Log.Warn("an upload's id could not be kept", "file", f.ID.String(), "error", err.Error())
	}
	return out, nil
}

// later rings again after a while, in this process. If it dies before, the sweeper rings.
func (w *Workers) later(k task.Wake, after time.Duration) {
	time.AfterFunc(after, func() { w.run.start(k) })
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
