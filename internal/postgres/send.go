package postgres

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// ClaimSends takes an account's sending lane and claims what decide chooses among at most limit candidates: each gets a
// fence, and a lease after which it counts as lost. It returns chat.ErrLaneBusy when another sender holds the lane, and how
// long nothing may be sent because the account is paused, or because everybody who waits for something has to wait for it;
// decide gets no candidates then.
//
// It is one transaction of three round trips: take the lane and read the candidates; lock their conversations and read what
// sending needs; write and commit.
func (s *Store) ClaimSends(ctx context.Context, account_ chat.AccountID, limit int, lease time.Duration,
	decide func(chat.SendState) chat.SendClaim,
) (claimed []chat.Send, wait time.Duration, err error) {
	err = s.inPipelines(ctx, s.lane, "claim", func(tx db) error {
		claimed, wait = nil, 0
		st, messages, paused, err := s.openSendLane(ctx, tx, account_, limit)
		switch {
		case err != nil:
			return err
		case paused > 0:
			wait = paused
			decide(chat.SendState{})
			return nil
		case len(messages) == 0:
			decide(st)
			wait, err = s.nextPair(ctx, tx, account_)
			return err
		}
		if err := sendState(ctx, tx, messages, &st); err != nil {
			return err
		}
		c := decide(st)
		fences := map[chat.MessageID]gen.ClaimSendsRow{}
		var b pgx.Batch
		if len(c.Claimed) > 0 {
			b.Queue(gen.ClaimSends, lease.Seconds(), c.Claimed).Query(func(rows pgx.Rows) error {
				var r gen.ClaimSendsRow
				_, err := pgx.ForEachRow(rows, fields(&r), func() error { fences[r.ID] = r; return nil })
				return err
			})
		}
		queueWrite(&b, account_, &c.Refused)
		if !c.Rate.IsZero() {
			b.Queue(gen.KeepRate, c.Rate, account_)
		}
		if len(c.Pairs) > 0 {
			ids, ready := make([]chat.ConversationID, 0, len(c.Pairs)), make([]time.Time, 0, len(c.Pairs))
			for id, at := range c.Pairs {
				ids, ready = append(ids, id), append(ready, at)
			}
			b.Queue(gen.KeepPairs, ids, ready)
		}
		if err := commit(ctx, tx, &b); err != nil {
			return err
		}
		for _, send := range st.Candidates {
			if f, ok := fences[send.Message.ID]; ok {
				send.Message.Fence, send.Message.Attempt, send.Message.Status = f.Fence, int(f.Attempt), chat.StatusSending
				claimed = append(claimed, send)
			}
		}
		return nil
	})
	return claimed, wait, err
}

// openSendLane takes the lane and reads the candidates.
func (s *Store) openSendLane(ctx context.Context, tx db, id chat.AccountID, limit int) (st chat.SendState, messages []chat.Message, paused time.Duration, err error) {
	busy := true
	var b pgx.Batch
	begin(&b)
	b.Queue(gen.LockSendLane, id).Query(func(rows pgx.Rows) error {
		var l gen.LockSendLaneRow
		_, err := pgx.ForEachRow(rows, fields(&l), func() error {
			busy = false
			paused = max(0, at(l.PausedUntil).Sub(l.Now))
			st.Now, st.Pauses, st.Rate = s.desk(l.Now), int(l.Pauses), at(l.Tat)
			return nil
		})
		return err
	})
	queueAccount(&b, gen.AccountByID, id, &st.Account)
	b.Queue(gen.SendCandidates, id, s.Shifted().Seconds(), int32(limit)).Query(func(rows pgx.Rows) error {
		return eachMessage(rows, func(m chat.Message) { messages = append(messages, m) })
	})
	if err = runBatch(ctx, tx, &b); err == nil && busy {
		err = chat.ErrLaneBusy
	}
	return st, messages, paused, err
}

// nextPair ends a claim that found nothing to send: how long until the first of those who have to wait may get something. It rolls
// back, for nothing was written but the lock, and a commit would wait for the disk.
func (s *Store) nextPair(ctx context.Context, tx db, id chat.AccountID) (wait time.Duration, err error) {
	var b pgx.Batch
	b.Queue(gen.NextPair, s.Shifted().Seconds(), id).QueryRow(func(row pgx.Row) error {
		var seconds float64
		err := row.Scan(&seconds)
		wait = time.Duration(seconds * float64(time.Second))
		return err
	})
	b.Queue("ROLLBACK")
	return wait, runBatch(ctx, tx, &b)
}

// sendState reads the candidates' conversations, locked, with their addresses, pair limits and files.
func sendState(ctx context.Context, tx db, messages []chat.Message, st *chat.SendState) error {
	var (
		ids    = column(messages, func(m *chat.Message) chat.ConversationID { return m.ConversationID })
		convs  = map[chat.ConversationID]chat.ConversationRow{}
		to     = map[chat.IdentityID][]chat.Address{}
		media  = map[chat.MessageID][]chat.SendMedia{}
		quoted = map[chat.MessageID]string{}
		b      pgx.Batch
	)
	st.Pairs = map[chat.ConversationID]time.Time{}
	b.Queue(gen.LockConversations, ids).Query(func(rows pgx.Rows) error {
		return eachConversation(rows, st.Account.Kind, func(g *gen.Conversation, c chat.ConversationRow) {
			convs[c.ID] = c
			if g.PairReadyAt != nil {
				st.Pairs[c.ID] = *g.PairReadyAt
			}
		})
	})
	queueAddresses(&b, ids, to)
	queueMedia(&b, messages, st.Now, media)
	queueQuoted(&b, messages, quoted)
	if err := runBatch(ctx, tx, &b); err != nil {
		return err
	}
	for _, m := range messages {
		c, ok := convs[m.ConversationID]
		if !ok {
			continue
		}
		send := chat.Send{Message: m, Row: c, To: to[c.IdentityID], ReplyTo: m.ReplyExternal, Media: media[m.ID]}
		if send.ReplyTo == "" {
			send.ReplyTo = quoted[m.ReplyTo]
		}
		st.Candidates = append(st.Candidates, send)
	}
	return nil
}

func queueAddresses(b *pgx.Batch, conversations []chat.ConversationID, to map[chat.IdentityID][]chat.Address) {
	b.Queue(gen.ThreadAddresses, conversations).Query(func(rows pgx.Rows) error {
		var thread chat.IdentityID
		var a chat.Address
		_, err := pgx.ForEachRow(rows, []any{&thread, &a.Kind, &a.Scope, &a.Type, &a.Value}, func() error {
			to[thread] = append(to[thread], a)
			return nil
		})
		return err
	})
}

func queueMedia(b *pgx.Batch, messages []chat.Message, now time.Time, media map[chat.MessageID][]chat.SendMedia) {
	var filed []chat.MessageID
	for _, m := range messages {
		if m.Kind.HasFiles() {
			filed = append(filed, m.ID)
		}
	}
	if len(filed) == 0 {
		return
	}
	b.Queue(gen.AttachmentsOf, filed).Query(func(rows pgx.Rows) error {
		return eachAttachment(rows, func(message chat.MessageID, m chat.Media, providerID string, until time.Time) {
			if !until.After(now) {
				providerID = ""
			}
			media[message] = append(media[message], chat.SendMedia{Media: m, ProviderID: providerID})
		})
	})
}

// eachAttachment reads the columns of AttachmentsOf.
func eachAttachment(rows pgx.Rows, f func(message chat.MessageID, m chat.Media, providerID string, until time.Time)) error {
	defer rows.Close()
	for rows.Next() {
		var (
			m          chat.Media
			message    *chat.MessageID
			fault      chat.Code
			providerID string
			until      *time.Time
			ref        json.RawMessage
		)
		if err := rows.Scan(&m.ID, &message, &m.State, &m.Type, &m.Name, &m.Size, &m.Width, &m.Height, &m.DurationMS, &m.Voice, &m.Animated,
			&m.Thumb, &fault, &providerID, &until, &ref); err != nil {
			return err
		}
		m.Error = fault
		if len(ref) > 0 {
			if err := json.Unmarshal(ref, &m.Ref); err != nil {
				return err
			}
		}
		f(id(message), m, providerID, at(until))
	}
	return rows.Err()
}

// queueQuoted reads what the provider calls the messages that these quote.
func queueQuoted(b *pgx.Batch, messages []chat.Message, external map[chat.MessageID]string) {
	var quoted []chat.MessageID
	for _, m := range messages {
		if !chat.IsZero(m.ReplyTo) && m.ReplyExternal == "" {
			quoted = append(quoted, m.ReplyTo)
		}
	}
	if len(quoted) == 0 {
		return
	}
	b.Queue(gen.ExternalIDs, quoted).Query(func(rows pgx.Rows) error {
		var id chat.MessageID
		var name string
		_, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error { external[id] = name; return nil })
		return err
	})
}

// Settle writes the outcomes of claimed messages. decide gets those whose claim still holds, with everything that a batch of
// statuses needs, and what waited for their provider ids; it returns what to write. Other outcomes are dropped: stale ones,
// whose claim was given up meanwhile, and those of messages that the provider has told of before it answered. When all are
// dropped, decide gets none. due tells whether the account has more to send, be it held back or not.
//
// It is one transaction of two round trips: lock and read; write and commit.
func (s *Store) Settle(ctx context.Context, acc chat.AccountID, outcomes []chat.Outcome, decide func(chat.LaneState) *chat.Write) (stale []chat.MessageID, due bool, err error) {
	err = s.inPipelines(ctx, s.lane, "settle", func(tx db) error {
		st, told, err := s.settleState(ctx, tx, acc, outcomes)
		if err != nil {
			return err
		}
		stale, due = nil, true // nobody looked
		for _, o := range outcomes {
			if !told[o.MessageID] {
				stale = append(stale, o.MessageID)
			}
		}
		if len(st.ByID) == 0 {
			decide(st)
			return nil
		}
		var b pgx.Batch
		queueWrite(&b, acc, decide(st))
		queuePauses(&b, acc, outcomes)
		b.Queue(gen.SendDue, acc, s.Shifted().Seconds()).QueryRow(func(row pgx.Row) error { return row.Scan(&due) })
		return commit(ctx, tx, &b)
	})
	return stale, due, err
}

// settleState locks the outcomes' conversations and reads their messages and what waited for those. told are the messages whose
// outcomes are known: their claims hold, or the provider told of them before.
func (s *Store) settleState(ctx context.Context, tx db, acc chat.AccountID, outcomes []chat.Outcome) (st chat.LaneState, told map[chat.MessageID]bool, err error) {
	st = chat.LaneState{New: map[string]bool{}, Targets: map[string]chat.Message{}, ByID: map[chat.MessageID]chat.Message{}}
	told = map[chat.MessageID]bool{}
	ids, fences := column(outcomes, func(o *chat.Outcome) chat.MessageID { return o.MessageID }), column(outcomes, func(o *chat.Outcome) int64 { return o.Fence })
	var b pgx.Batch
	begin(&b)
	queueAccount(&b, gen.AccountByID, acc, &st.Account)
	queueConversationRows(&b, "", &st.Conversations, gen.LockConversations, column(outcomes, func(o *chat.Outcome) chat.ConversationID { return o.Conversation }))
	b.Queue(gen.LockClaimed, ids, fences).Query(func(rows pgx.Rows) error {
		return eachMessage(rows, func(m chat.Message) {
			if m.Status == chat.StatusSending {
				st.ByID[m.ID] = m
			}
			told[m.ID] = m.Status != chat.StatusUnknown && m.Status != chat.StatusPending
		})
	})
	b.Queue("SELECT now()").QueryRow(func(row pgx.Row) error {
		var now time.Time
		err := row.Scan(&now)
		st.Now = s.desk(now)
		return err
	})
	if slices.ContainsFunc(outcomes, func(o chat.Outcome) bool { return o.ExternalID != "" }) {
		b.Queue(gen.TakeParkedOf, acc, ids, fences, column(outcomes, func(o *chat.Outcome) string { return o.ExternalID })).Query(func(rows pgx.Rows) (err error) {
			st.Parked, err = parkedUpdates(rows)
			return err
		})
	}
	if err := runBatch(ctx, tx, &b); err != nil {
		return st, nil, err
	}
	for i := range st.Conversations {
		st.Conversations[i].Kind = st.Account.Kind
	}
	if !slices.ContainsFunc(st.Parked, func(p chat.Parked) bool { return p.Inbound.Status != nil && p.Inbound.Status.UpTo }) {
		return st, told, nil
	}
	rows, err := tx.Query(ctx, gen.UnreadOutbound, column(st.Conversations, func(c *chat.ConversationRow) chat.ConversationID { return c.ID }))
	if err != nil {
		return st, nil, err
	}
	return st, told, eachMessage(rows, func(m chat.Message) { st.Outbound = append(st.Outbound, m) })
}

func queuePauses(b *pgx.Batch, acc chat.AccountID, outcomes []chat.Outcome) {
	var pause time.Duration
	refused, sent := false, false
	for _, o := range outcomes {
		if o.PairPause > 0 {
			b.Queue(gen.BlockPair, o.PairPause.Seconds(), o.Conversation)
		}
		refused, pause = refused || o.AccountRefused, max(pause, o.AccountPause)
		sent = sent || o.Status == chat.StatusSent
	}
	switch {
	case refused:
		b.Queue(gen.PauseLane, pause.Seconds(), acc)
	case sent:
		b.Queue(gen.ResumeLane, acc)
	}
}

// DueSends names accounts with an unsent message that was due before age.
func (s *Store) DueSends(ctx context.Context, age time.Duration) ([]chat.AccountID, error) {
	ids, err := s.q.DueSends(ctx, s.Shifted().Seconds(), age.Seconds())
	return ids, wrap(err)
}

// LostSends finds claims whose lease ran out, as outcomes that say "unknown", by account.
func (s *Store) LostSends(ctx context.Context) (map[chat.AccountID][]chat.Outcome, error) {
	rows, err := s.q.LostSends(ctx)
	if err != nil {
		return nil, wrap(err)
	}
	out := map[chat.AccountID][]chat.Outcome{}
	for _, r := range rows {
		out[r.AccountID] = append(out[r.AccountID], chat.Outcome{
			MessageID: r.ID, Conversation: r.ConversationID, Fence: r.Fence, Status: chat.StatusUnknown,
			Error: &chat.MessageError{Code: chat.CodeNotConfirmed},
		})
	}
	return out, nil
}

// KeepProviderMedia remembers the provider's id of an uploaded file and until when it holds.
func (s *Store) KeepProviderMedia(ctx context.Context, file chat.AttachmentID, providerID string, until time.Time) error {
	return wrap(s.q.KeepProviderMedia(ctx, providerID, &until, file))
}
