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
func (s *Store) ClaimSends(ctx context.Context, account_ chat.AccountID, limit int, lease time.Duration,
	decide func(chat.SendState) chat.SendClaim,
) (claimed []chat.Send, wait time.Duration, err error) {
	err = s.inTx(ctx, s.lane, "claim", func(tx pgx.Tx) error {
		claimed, wait = nil, 0
		q := gen.New(tx)
		lane, err := q.LockSendLane(ctx, account_)
		if err != nil {
			return err
		}
		if len(lane) == 0 {
			return chat.ErrLaneBusy
		}
		now := lane[0].Now
		if until := at(lane[0].PausedUntil); until.After(now) {
			wait = until.Sub(now)
			decide(chat.SendState{})
			return nil
		}
		st := chat.SendState{Now: s.desk(now), Pauses: int(lane[0].Pauses), Rate: at(lane[0].Tat), Pairs: map[chat.ConversationID]time.Time{}}
		if err := s.sendState(ctx, tx, account_, limit, now, &st); err != nil {
			return err
		}
		if len(st.Candidates) == 0 {
			decide(st)
			var seconds float64
			err := tx.QueryRow(ctx, gen.NextPair, st.Now, account_).Scan(&seconds)
			wait = time.Duration(seconds * float64(time.Second))
			return err
		}
		c := decide(st)
		got, err := q.ClaimSends(ctx, lease.Seconds(), column(c.Claimed, func(m *chat.MessageID) uid { return uid(*m) }))
		if err != nil {
			return err
		}
		fences := map[chat.MessageID]gen.ClaimSendsRow{}
		for _, g := range got {
			fences[g.ID] = g
		}
		for _, send := range st.Candidates {
			if f, ok := fences[send.Message.ID]; ok {
				send.Message.Fence, send.Message.Attempt, send.Message.Status = f.Fence, int(f.Attempt), chat.StatusSending
				claimed = append(claimed, send)
			}
		}
		var b pgx.Batch
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
		return runBatch(ctx, tx, &b)
	})
	return claimed, wait, err
}

// sendState reads the candidates with their conversations, addresses and files.
func (s *Store) sendState(ctx context.Context, tx pgx.Tx, id chat.AccountID, limit int, now time.Time, st *chat.SendState) error {
	q := gen.New(tx)
	acc, err := q.AccountByID(ctx, id)
	if err != nil {
		return err
	}
	if st.Account, err = account(acc.ChannelAccount, acc.Keys); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, gen.SendCandidates, id, st.Now, int32(limit))
	if err != nil {
		return err
	}
	var messages []chat.Message
	if err := eachMessage(rows, func(m chat.Message) { messages = append(messages, m) }); err != nil || len(messages) == 0 {
		return err
	}
	convs, err := s.sendConversations(ctx, tx, st, messages)
	if err != nil {
		return err
	}
	to, err := threadAddresses(ctx, tx, convs)
	if err != nil {
		return err
	}
	media, err := sendMedia(ctx, tx, messages, now)
	if err != nil {
		return err
	}
	quoted, err := externalIDs(ctx, tx, messages)
	if err != nil {
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

func (s *Store) sendConversations(ctx context.Context, tx pgx.Tx, st *chat.SendState, messages []chat.Message) (map[chat.ConversationID]chat.ConversationRow, error) {
	ids := column(messages, func(m *chat.Message) chat.ConversationID { return m.ConversationID })
	rows, err := s.lockConversations(ctx, tx, st.Account.Kind, ids)
	if err != nil {
		return nil, err
	}
	convs := map[chat.ConversationID]chat.ConversationRow{}
	for _, r := range rows {
		convs[r.ID] = r
	}
	pairs, err := tx.Query(ctx, "SELECT id, pair_ready_at FROM conversations WHERE id = any($1) AND pair_ready_at IS NOT NULL", ids)
	if err != nil {
		return nil, err
	}
	var id chat.ConversationID
	var ready time.Time
	_, err = pgx.ForEachRow(pairs, []any{&id, &ready}, func() error { st.Pairs[id] = ready; return nil })
	return convs, err
}

func threadAddresses(ctx context.Context, tx db, convs map[chat.ConversationID]chat.ConversationRow) (map[chat.IdentityID][]chat.Address, error) {
	threads := make([]chat.IdentityID, 0, len(convs))
	for _, c := range convs {
		threads = append(threads, c.IdentityID)
	}
	rows, err := tx.Query(ctx, gen.ThreadAddresses, threads)
	if err != nil {
		return nil, err
	}
	out := map[chat.IdentityID][]chat.Address{}
	var thread chat.IdentityID
	var a chat.Address
	_, err = pgx.ForEachRow(rows, []any{&thread, &a.Kind, &a.Scope, &a.Type, &a.Value}, func() error {
		out[thread] = append(out[thread], a)
		return nil
	})
	return out, err
}

func sendMedia(ctx context.Context, tx db, messages []chat.Message, now time.Time) (map[chat.MessageID][]chat.SendMedia, error) {
	rows, err := tx.Query(ctx, gen.AttachmentsOf, column(messages, func(m *chat.Message) chat.MessageID { return m.ID }))
	if err != nil {
		return nil, err
	}
	out := map[chat.MessageID][]chat.SendMedia{}
	err = eachAttachment(rows, func(message chat.MessageID, m chat.Media, providerID string, until time.Time) {
		if !until.After(now) {
			providerID = ""
		}
		out[message] = append(out[message], chat.SendMedia{Media: m, ProviderID: providerID})
	})
	return out, err
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

func externalIDs(ctx context.Context, tx db, messages []chat.Message) (map[chat.MessageID]string, error) {
	var quoted []chat.MessageID
	for _, m := range messages {
		if !chat.IsZero(m.ReplyTo) && m.ReplyExternal == "" {
			quoted = append(quoted, m.ReplyTo)
		}
	}
	out := map[chat.MessageID]string{}
	if len(quoted) == 0 {
		return out, nil
	}
	rows, err := tx.Query(ctx, gen.ExternalIDs, quoted)
	if err != nil {
		return nil, err
	}
	var id chat.MessageID
	var external string
	_, err = pgx.ForEachRow(rows, []any{&id, &external}, func() error { out[id] = external; return nil })
	return out, err
}

// Settle writes the outcomes of claimed messages. decide gets those whose claim still holds, with everything that a batch of
// statuses needs, and what waited for their provider ids; it returns what to write. Other outcomes are dropped: stale ones,
// whose claim was given up meanwhile, and those of messages that the provider has told of before it answered. When all are
// dropped, decide gets none.
func (s *Store) Settle(ctx context.Context, acc chat.AccountID, outcomes []chat.Outcome, decide func(chat.LaneState) *chat.Write) (stale []chat.MessageID, err error) {
	err = s.inTx(ctx, s.lane, "settle", func(tx pgx.Tx) error {
		q := gen.New(tx)
		a, err := q.AccountByID(ctx, acc)
		if err != nil {
			return err
		}
		st := chat.LaneState{New: map[string]bool{}, Targets: map[string]chat.Message{}, ByID: map[chat.MessageID]chat.Message{}}
		if st.Account, err = account(a.ChannelAccount, a.Keys); err != nil {
			return err
		}
		if st.Conversations, err = s.lockConversations(ctx, tx, st.Account.Kind, column(outcomes, func(o *chat.Outcome) chat.ConversationID { return o.Conversation })); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, gen.LockClaimed, column(outcomes, func(o *chat.Outcome) chat.MessageID { return o.MessageID }),
			column(outcomes, func(o *chat.Outcome) int64 { return o.Fence }))
		if err != nil {
			return err
		}
		told := map[chat.MessageID]bool{}
		if err := eachMessage(rows, func(m chat.Message) {
			if m.Status == chat.StatusSending {
				st.ByID[m.ID] = m
			}
			told[m.ID] = m.Status != chat.StatusUnknown && m.Status != chat.StatusPending
		}); err != nil {
			return err
		}
		stale = nil
		for _, o := range outcomes {
			if !told[o.MessageID] {
				stale = append(stale, o.MessageID)
			}
		}
		if len(st.ByID) == 0 {
			decide(st)
			return nil
		}
		var now time.Time
		if err := tx.QueryRow(ctx, "SELECT now()").Scan(&now); err != nil {
			return err
		}
		st.Now = s.desk(now)
		var external []string
		for _, o := range outcomes {
			if m, ok := st.ByID[o.MessageID]; ok && m.Fence == o.Fence && o.ExternalID != "" {
				external = append(external, o.ExternalID)
			}
		}
		if len(external) > 0 {
			if err := settleParked(ctx, tx, acc, external, &st); err != nil {
				return err
			}
		}
		var b pgx.Batch
		queueWrite(&b, acc, decide(st))
		queuePauses(&b, acc, outcomes)
		return runBatch(ctx, tx, &b)
	})
	return stale, err
}

// settleParked reads what waited for the provider's ids, and what a "read up to" among it may move.
func settleParked(ctx context.Context, tx db, acc chat.AccountID, external []string, st *chat.LaneState) error {
	rows, err := tx.Query(ctx, gen.TakeParked, external, acc)
	if err != nil {
		return err
	}
	if st.Parked, err = parkedUpdates(rows); err != nil {
		return err
	}
	if !slices.ContainsFunc(st.Parked, func(p chat.Parked) bool { return p.Inbound.Status != nil && p.Inbound.Status.UpTo }) {
		return nil
	}
	if rows, err = tx.Query(ctx, gen.UnreadOutbound, column(st.Conversations, func(c *chat.ConversationRow) chat.ConversationID { return c.ID })); err != nil {
		return err
	}
	return eachMessage(rows, func(m chat.Message) { st.Outbound = append(st.Outbound, m) })
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
