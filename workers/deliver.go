package workers

import (
	"context"
	"errors"
	"slices"
	"time"

	"gatehouse/channels"
	"gatehouse/internal/chat"
	"gatehouse/internal/crash"
	"gatehouse/internal/desk"
	"gatehouse/internal/task"
)

// sendLimit is how long one message may take, uploads included. It is shorter than desk.SendLease.
const sendLimit = 60 * time.Second

// deliver sends what an account has to send: claim, hand over, settle, and again while there is something. The claims of one
// round go out at the same time; a conversation has at most one among them. One that takes long holds up no other: a wake that
// comes meanwhile has it look again.
func (w *Workers) deliver(ctx context.Context, id string) error {
	account, err := chat.ParseID[chat.AccountID](id)
	if err != nil {
		return err
	}
	f := flight{patience: w.patience, rung: w.run.rung(key{task.Deliver, id}), outcomes: make(chan chat.Outcome, flyingMost)}
	defer func() { // whatever happens, what was claimed is settled
		for ; f.flying > 0; f.flying-- {
			w.settle(ctx, account, []chat.Outcome{<-f.outcomes})
		}
	}()
	for ctx.Err() == nil && !w.run.stopping() {
		o, err := w.senders.get(ctx, account) // before anything is claimed, and anew, for settings change
		if err != nil {
			return err
		}
		crash.At(crash.BeforeClaim)
		sends, wait, err := w.Desk.Claim(ctx, account, f.room())
		if err != nil {
			return err
		}
		f.took(len(sends))
		for _, s := range sends {
			go func() { f.outcomes <- w.send(ctx, o, s) }()
		}
		switch {
		case f.flying > 0:
			if due := w.land(ctx, account, &f, wait); !due {
				return ctx.Err()
			}
		case wait == 0:
			return nil
		case wait > 2*time.Second:
			w.later(task.Wake{Kind: task.Deliver, ID: id}, wait)
			return nil
		default:
			pause(ctx, wait)
		}
	}
	return ctx.Err()
}

// flight is what an account has on its way. It has so many places, and a claim is told how many are free: nothing is claimed that
// would have to wait for one.
type flight struct {
	patience time.Duration // with the provider
	flying   int
	owing    time.Time // since when the provider has not answered; zero: it owes no answer
	outcomes chan chat.Outcome
	rung     <-chan struct{} // somebody asks to look again
}

const (
	flyingMost = 256 // places
	silentMost = 16  // where the provider is silent
	claimMost  = 64  // how many messages one claim may bring

	// silence is how long a provider may owe an answer. Of one that owes it for longer little is asked: what is on its way then is
	// likely to end as not confirmed.
	silence = 10 * time.Second
)

// room is how many messages may be claimed now. A claim is three round trips: while the provider answers, it is not made for less
// than a quarter of the places.
func (f *flight) room() int {
	switch {
	case !f.owing.IsZero() && time.Since(f.owing) > f.patience:
		return max(0, silentMost-f.flying)
	case flyingMost-f.flying < claimMost:
		return 0
	}
	return claimMost
}

func (f *flight) took(n int) {
	f.flying += n
	if f.flying > 0 && f.owing.IsZero() {
		f.owing = time.Now()
	}
}

// landed counts what came back. Nothing that was not confirmed is an answer: where all that the provider was asked ended so, it is
// as silent as it was.
func (f *flight) landed(done []chat.Outcome) {
	f.flying -= len(done)
	switch {
	case !slices.ContainsFunc(done, func(o chat.Outcome) bool { return o.Status != chat.StatusUnknown }):
	case f.flying == 0:
		f.owing = time.Time{}
	default:
		f.owing = time.Now()
	}
}

// land settles what comes back until there may be something to claim, and room for it. It is false when all is settled and nothing
// more is due: whoever writes something rings.
func (w *Workers) land(ctx context.Context, account chat.AccountID, f *flight, wait time.Duration) (due bool) {
	for {
		done, asked := f.gather(wait)
		if asked {
			due, wait = true, 0 // asked once
		}
		if len(done) > 0 {
			f.landed(done)
			due = w.settle(ctx, account, done) || due
		}
		switch {
		case f.room() == 0:
		case due:
			return true
		case f.flying == 0:
			return false
		}
	}
}

// gather takes the outcomes that are there: at least one, unless the account may send its next message sooner or somebody rings,
// which both ask for a claim.
func (f *flight) gather(wait time.Duration) (done []chat.Outcome, asked bool) {
	var sooner <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		sooner = t.C
	}
	select {
	case o := <-f.outcomes:
		done = append(done, o)
	case <-sooner:
		asked = true
	case <-f.rung:
		asked = true
	}
	for len(done) < claimMost {
		select {
		case o := <-f.outcomes:
			done = append(done, o)
			continue
		default:
		}
		break
	}
	return done, asked
}

// settle writes outcomes. If the record is away it keeps trying for as long as the claims hold: an outcome that is not
// written becomes "not confirmed". due tells whether there may be more to send.
func (w *Workers) settle(ctx context.Context, account chat.AccountID, done []chat.Outcome) (due bool) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), desk.SendLease)
	defer cancel()
	for {
		due, err := w.Desk.Settle(ctx, account, done)
		if err == nil {
			return due
		}
		if ctx.Err() != nil || chat.CodeOf(err) != chat.CodeUnavailable {
			w.Log.Error("outcomes could not be written; their messages count as not confirmed", "account", account.String(), "outcomes", len(done), "error", err.Error())
			return true
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
