package desk

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/crash"
	"gatehouse/internal/task"
	"gatehouse/internal/vitals"
	"gatehouse/internal/window"
)

type sendStore interface {
	// ClaimSends takes an account's sending lane and claims what decide chooses. It returns chat.ErrLaneBusy when another
	// sender holds the lane, and how long nothing may be sent: the account is paused, or all contacts who wait for something
	// have to wait for it.
	ClaimSends(ctx context.Context, account chat.AccountID, limit int, lease time.Duration, decide func(chat.SendState) chat.SendClaim) (claimed []chat.Send, wait time.Duration, err error)
	// Settle writes the outcomes whose fences still hold, names the messages whose did not, and tells whether the account has more
	// to send.
	Settle(ctx context.Context, account chat.AccountID, outcomes []chat.Outcome, decide func(chat.LaneState) *chat.Write) (stale []chat.MessageID, due bool, err error)
	// DueSends names accounts with an unsent message that was due before age.
	DueSends(ctx context.Context, age time.Duration) ([]chat.AccountID, error)
	// LostSends finds claims whose lease ran out, as outcomes that say "unknown".
	LostSends(ctx context.Context) (map[chat.AccountID][]chat.Outcome, error)
}

// SendLease is how long a claimed message may be on its way before it counts as not confirmed. It is longer than a sender's
// own time limit, so that only a sender that died or was stopped loses its claim.
const SendLease = 90 * time.Second

// Claim takes the next messages of an account that may go out now, at most so many: of each conversation the oldest, if none of it is in
// flight; within the account's rate and each pair's; and with the window asked again, by the database's clock of this
// transaction. What may not leave any more fails with its reason. wait is how long until the account may send again, if its
// rate or the provider holds it back; zero if nothing is known to wait.
//
// Each claimed message must be handed over at most once and settled with the fence that it carries.
func (d *Desk) Claim(ctx context.Context, account chat.AccountID, most int) (sends []chat.Send, wait time.Duration, err error) {
	for {
		var (
			l       ledger
			refused bool
			paced   time.Duration
		)
		sends, wait, err = d.store.ClaimSends(ctx, account, most, SendLease, func(st chat.SendState) chat.SendClaim {
			l = newLedger(chat.LaneState{Account: st.Account, Now: st.Now})
			var c chat.SendClaim
			c, paced = d.choose(&l, st)
			c.Refused = *l.finish()
			refused = !c.Refused.Empty()
			return c
		})
		if errors.Is(err, chat.ErrLaneBusy) {
			return nil, laneBusy, nil // a claim takes milliseconds, and may have looked just before there was something to send
		}
		if err != nil {
			return nil, 0, err
		}
		d.tell(ctx, &l)
		if len(sends) > 0 || !refused {
			return sends, max(wait, paced), nil
		}
	}
}

// laneBusy is how long a sender waits for one that claims.
const laneBusy = 50 * time.Millisecond

// choose decides about each candidate: now, later, or not at all.
func (d *Desk) choose(l *ledger, st chat.SendState) (chat.SendClaim, time.Duration) {
	lim := d.kinds[st.Account.Kind].Limits
	perSecond := lim.PerSecond
	if st.Account.PerSecond > 0 {
		perSecond = st.Account.PerSecond
	}
	rate := limiter{tat: st.Rate, every: every(perSecond), burst: max(perSecond/4, 1)}
	burst := lim.PairEvery * time.Duration(max(lim.PairBurst-1, 0))
	claim := chat.SendClaim{Pairs: map[chat.ConversationID]time.Time{}}
	var wait time.Duration
	for i := range st.Candidates {
		s := &st.Candidates[i]
		if why := d.refusal(st, s); why != nil {
			d.refuse(l, s, why)
			continue
		}
		pair := limiter{tat: st.Pairs[s.Row.ID].Add(burst), every: lim.PairEvery, burst: max(lim.PairBurst, 1)}
		if w := pair.wait(st.Now); w > 0 {
			wait = sooner(wait, w)
			continue
		}
		if w := rate.wait(st.Now); w > 0 {
			wait = sooner(wait, w)
			break
		}
		if st.Pauses > 0 && len(claim.Claimed) == 1 {
			break // the provider took nothing a moment ago: one message finds out whether it does now
		}
		rate.take(st.Now)
		pair.take(st.Now)
		if lim.PairEvery > 0 {
			claim.Pairs[s.Row.ID] = pair.tat.Add(-burst)
		}
		claim.Claimed = append(claim.Claimed, s.Message.ID)
	}
	if perSecond > 0 && len(claim.Claimed) > 0 {
		claim.Rate = rate.tat
	}
	return claim, wait
}

// refusal asks once more whether a message may leave: the window, the account, the contact's wish.
func (d *Desk) refusal(st chat.SendState, s *chat.Send) *chat.MessageError {
	if !st.Account.State.CanSend() {
		return &chat.MessageError{Code: chat.CodeAccountDisconnected, Detail: st.Account.StateReason}
	}
	dec := d.ask(st.Account.Kind, s.Row, st.Now, &s.Message)
	if !dec.Allowed() {
		code := chat.Code(dec.Reason)
		if dec.Reason == window.ReasonWindowClosed {
			code = chat.CodeExpiredWindow // it was open when the agent wrote
		}
		return &chat.MessageError{Code: code}
	}
	s.Tag = dec.Tag
	if s.Message.Kind == chat.KindTemplate && st.Account.TemplatesBlockedUntil.After(st.Now) {
		return &chat.MessageError{Code: chat.CodeTemplatePaused}
	}
	return nil
}

// refuse fails a message that never left.
func (d *Desk) refuse(l *ledger, s *chat.Send, why *chat.MessageError) {
	c := l.convs[s.Row.ID]
	if c == nil {
		c = &conv{ConversationRow: s.Row}
		l.convs[c.ID] = c
	}
	m := l.remember(s.Message)
	m.Status, m.Error, m.DueAt = chat.StatusFailed, why, time.Time{}
	l.update(c, m, chat.Event{Kind: chat.EventStatus, At: l.state.Now, MessageID: m.ID})
	d.metrics.Delivered(string(s.Row.Kind), "refused", string(why.Code))
	d.metrics.Signs(s.Row.AccountID, vitals.Sends{Failed: 1}, string(why.Code))
}

// Opaque is what the provider echoes in a message's statuses: our id and the attempt.
func Opaque(m chat.Message) string { return m.ID.String() + "." + strconv.Itoa(m.Attempt) }

// maxAttempts is how often a message that was surely not sent is tried.
const maxAttempts = 8

// OutcomeOf turns what a sender returned into an outcome. A refusal that the driver understands was surely not sent; every
// other error means that nobody knows.
func OutcomeOf(s chat.Send, r chat.Receipt, err error) chat.Outcome {
	o := chat.Outcome{MessageID: s.Message.ID, Conversation: s.Message.ConversationID, Fence: s.Message.Fence}
	var refused *chat.SendError
	switch {
	case err == nil:
		o.Status, o.ExternalID = chat.StatusSent, r.ExternalID
	case errors.As(err, &refused):
		o.Error = &chat.MessageError{Code: refused.Code, Provider: refused.Provider, Detail: refused.Detail}
		o.Effect = refused.Effect
		o.Status = chat.StatusFailed
		asked := time.Duration(refused.After) * time.Second
		switch {
		case refused.Retry == chat.RetryAccount: // not this message's fault: it goes as soon as the account may send again
			o.Status, o.AccountRefused, o.AccountPause = chat.StatusPending, true, asked
		case refused.Retry != chat.RetryNever && s.Message.Attempt < maxAttempts:
			o.Status = chat.StatusPending
			o.Again = backoff(s.Message.Attempt, asked)
			if refused.Retry == chat.RetryPair {
				o.PairPause = o.Again
			}
		}
	default:
		o.Status = chat.StatusUnknown
		o.Error = &chat.MessageError{Code: chat.CodeNotConfirmed}
	}
	return o
}

// backoff is 1, 4, 16… seconds, at most five minutes, at least what the provider asked for, with up to a quarter added so that
// not everything comes back at once.
func backoff(attempt int, asked time.Duration) time.Duration {
	b := min(time.Second<<(2*min(max(attempt-1, 0), 5)), 5*time.Minute)
	b = max(b, asked)
	return b + rand.N(b/4+1)
}

// Settle writes how claimed messages of an account ended. An outcome whose fence is old is dropped: its claim was given up
// meanwhile. Statuses that came before the provider's answer are applied at once. due tells whether the account has more to send,
// now or when its rate and its pairs allow it.
func (d *Desk) Settle(ctx context.Context, account chat.AccountID, outcomes []chat.Outcome) (due bool, err error) {
	var (
		b    batch
		kind chat.ChannelKind
	)
	stale, due, err := d.store.Settle(ctx, account, outcomes, func(st chat.LaneState) *chat.Write {
		kind = st.Account.Kind
		b = batch{channel: d.kinds[kind], now: st.Now, counts: map[string]int{}}
		b.ledger = newLedger(st)
		for _, o := range outcomes {
			b.outcome(o)
		}
		for _, p := range st.Parked {
			b.counts["unparked_"+b.apply(received{p.Inbound, p.ReceivedAt, true})]++
		}
		return b.finish()
	})
	if err != nil {
		return true, err
	}
	crash.At(crash.AfterSettle)
	if len(stale) > 0 {
		d.log.Warn("stale claims settled nothing", "account", account.String(), "outcomes", len(stale))
	}
	for _, o := range outcomes {
		if slices.Contains(stale, o.MessageID) {
			d.metrics.Delivered(string(kind), "stale", "")
			continue
		}
		code := ""
		if o.Error != nil {
			code = string(o.Error.Code)
		}
		d.metrics.Delivered(string(kind), string(o.Status), code)
		d.metrics.Signs(account, signsOf(o), code)
	}
	for what, n := range b.counts {
		d.metrics.Received(string(kind), what, n)
	}
	d.tell(ctx, &b.ledger)
	if b.syncTemplates {
		d.ring(ctx, task.Templates, account)
	}
	return due, nil
}

// signsOf is an outcome as its account's signs count it.
func signsOf(o chat.Outcome) vitals.Sends {
	switch {
	case o.Status == chat.StatusSent:
		return vitals.Sends{Sent: 1}
	case o.Status == chat.StatusFailed:
		return vitals.Sends{Failed: 1}
	case o.Status == chat.StatusUnknown:
		return vitals.Sends{Unknown: 1}
	case o.AccountRefused || o.PairPause > 0:
		return vitals.Sends{Throttled: 1}
	}
	return vitals.Sends{Again: 1}
}

// outcome applies one outcome to the message whose claim it settles.
func (b *batch) outcome(o chat.Outcome) {
	m := b.byID[o.MessageID]
	if m == nil || m.Fence != o.Fence {
		return
	}
	c := b.convs[m.ConversationID]
	m.Error, m.DueAt = o.Error, time.Time{}
	if o.ExternalID != "" {
		m.ExternalID = o.ExternalID
		b.byExternal[o.ExternalID] = m
		b.write.Given = append(b.write.Given, *m)
	}
	switch o.Status {
	case chat.StatusPending:
		m.Status, m.DueAt = chat.StatusPending, b.now.Add(o.Again)
	default:
		m.Status = o.Status
	}
	b.update(c, m, chat.Event{Kind: chat.EventStatus, At: b.now, MessageID: m.ID})
	switch o.Effect {
	case chat.EffectShutWindow:
		if b.now.After(c.WindowShutAt) {
			c.WindowShutAt = b.now
			b.log(c, chat.Event{Kind: chat.EventWindow, At: b.now})
		}
	case chat.EffectOptOut:
		if b.wish(c.ContactID, true, b.now) {
			b.log(c, chat.Event{Kind: chat.EventOptOut, At: b.now})
		}
	case chat.EffectAccountBroken:
		b.news(chat.AccountChange{State: chat.AccountDisconnected, Reason: string(o.Error.Code)})
	case chat.EffectTemplatePaused:
		b.syncTemplates = true
	case chat.EffectRefreshMedia:
		b.write.Forgotten = append(b.write.Forgotten, m.ID)
	}
}

// Retry sends a failed message again, or one that was not confirmed: a new attempt of the same message, after all that was
// written since.
func (d *Desk) Retry(ctx context.Context, p chat.Principal, id chat.ConversationID, mid chat.MessageID) (chat.ThreadMessage, error) {
	var out chat.ThreadMessage
	n := chat.ChangeNeeds{Principal: p, Conversation: id, Author: p.AgentID, Messages: []chat.MessageID{mid}}
	row, err := d.deed(ctx, n, func(st chat.ChangeState, l *ledger, c *conv) error {
		m, ok := st.Messages[mid]
		switch {
		case !ok || m.Direction != chat.Out:
			return chat.Errorf(chat.CodeNotFound, "no such message")
		case m.Status != chat.StatusFailed && m.Status != chat.StatusUnknown:
			return chat.Errorf(chat.CodeChangedMeanwhile, "the message is %s", m.Status)
		}
		if err := d.maySend(p, st); err != nil {
			return err
		}
		if err := d.window(st.Row.Kind, st.Row, st.Now, &m); err != nil {
			return err
		}
		m.Status, m.Error, m.DueAt, m.ExternalID = chat.StatusPending, nil, st.Now, ""
		l.update(c, l.remember(m), chat.Event{Kind: chat.EventStatus, At: st.Now, MessageID: m.ID, Actor: p.AgentID})
		out = chat.ThreadMessage{Message: m}
		return nil
	})
	if err == nil {
		d.ring(ctx, task.Deliver, row.AccountID)
	}
	return out, err
}

// limiter is a GCRA: tat is the theoretical arrival time of the next message; burst how many may come at once.
type limiter struct {
	tat   time.Time
	every time.Duration
	burst int
}

func every(perSecond int) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	return time.Second / time.Duration(perSecond)
}

func (l *limiter) wait(now time.Time) time.Duration {
	if l.every == 0 {
		return 0
	}
	return l.tat.Add(-l.every * time.Duration(l.burst-1)).Sub(now)
}

func (l *limiter) take(now time.Time) {
	if now.After(l.tat) {
		l.tat = now
	}
	l.tat = l.tat.Add(l.every)
}

func sooner(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}
