package postgres

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/crash"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// DrainLane takes up to limit pending events of an account, in order, and applies them in one transaction of three round
// trips: lock the lane and read the events; read what needs says (ids, identities, conversations, locked); write what
// decide returns and commit. read is called with the events and may be called again when the batch lost a race.
//
// It returns how many events were applied, and chat.LaneBusy when another drainer holds the lane.
// A batch that fails is not applied at all: the caller bisects it.
func (s *Store) DrainLane(ctx context.Context, account chat.AccountID, limit int, lane chat.Lane) (applied int, err error) {
	err = s.inPipelines(ctx, s.lane, "lane", func(tx db) error {
		applied = 0
		acc, now, events, err := s.openLane(ctx, tx, account, limit)
		if err != nil || len(events) == 0 {
			return err
		}
		crash.At(crash.AfterLaneLock)
		needs := lane.Read(acc, now, events)
		state, err := s.laneState(ctx, tx, acc, now, needs)
		if err != nil {
			return err
		}
		w := lane.Decide(state)
		crash.At(crash.BeforeLaneCommit)
		var b pgx.Batch
		queueWrite(&b, account, w)
		if !lane.Keep {
			b.Queue(gen.DeletePending, account, column(events, func(e *chat.RawEvent) int64 { return e.Place }))
		}
		if err := commit(ctx, tx, &b); err != nil {
			return err
		}
		applied = len(events)
		return nil
	})
	return applied, err
}

func (s *Store) openLane(ctx context.Context, tx db, id chat.AccountID, limit int) (acc chat.Account, now time.Time, events []chat.RawEvent, err error) {
	var b pgx.Batch
	begin(&b)
	busy := true
	b.Queue(gen.LockLane, id).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			busy = false
			var lane string
			if err := rows.Scan(&now, &lane); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	queueAccount(&b, gen.AccountByID, id, &acc)
	b.Queue(gen.PendingEvents, id, int32(limit)).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var e chat.RawEvent
			var attempts int
			if err := rows.Scan(&e.Place, &e.ID, &e.ReceivedAt, &attempts, &e.Body); err != nil {
				return err
			}
			e.AccountID, e.ReceivedAt, e.Attempts = id, e.ReceivedAt.UTC(), attempts
			events = append(events, e)
		}
		return rows.Err()
	})
	if err = tx.SendBatch(ctx, &b).Close(); err != nil {
		return acc, now, nil, err
	}
	if busy {
		return acc, now, nil, chat.ErrLaneBusy
	}
	for i := range events {
		events[i].Kind = acc.Kind
	}
	return acc, s.desk(now), events, nil
}

// laneState reads the set, in one round trip; others only when a known contact has no open conversation, or was addressed by
// another address than the one that its conversations hang on.
func (s *Store) laneState(ctx context.Context, tx db, acc chat.Account, now time.Time, n chat.LaneNeeds) (chat.LaneState, error) {
	st := chat.LaneState{Account: acc, Now: now, New: map[string]bool{}, Targets: map[string]chat.Message{}, ByID: map[chat.MessageID]chat.Message{}}
	var b pgx.Batch
	if len(n.Values) > 0 {
		b.Queue(gen.IdentitiesByValue, n.Values, n.Kind).Query(func(rows pgx.Rows) error { return knownIdentities(rows, &st) })
	}
	collect := func(rows pgx.Rows) (err error) {
		st.Conversations, err = conversationRows(rows, acc.Kind)
		return err
	}
	switch {
	case len(n.Targets)+len(n.Opaque) > 0:
		b.Queue(gen.LockConversationsOfBatch, n.Values, n.Kind, acc.ID, n.Targets, n.Opaque).Query(collect)
	case len(n.Values) > 0:
		b.Queue(gen.LockOpenConversations, acc.ID, n.Values, n.Kind).Query(collect)
	}
	if !n.Echoes {
		queueClaims(&b, acc, n, &st)
	}
	if len(n.Targets) > 0 {
		b.Queue(gen.MessagesByProviderID, n.Targets, acc.ID).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var name string
				var g gen.Message
				if err := rows.Scan(append([]any{&name}, fields(&g)...)...); err != nil {
					return err
				}
				m, err := message(g)
				if err != nil {
					return err
				}
				st.Targets[name] = m
			}
			return rows.Err()
		})
	}
	if len(n.Opaque) > 0 {
		b.Queue(gen.MessagesByID, n.Opaque, acc.ID).Query(func(rows pgx.Rows) error {
			return eachMessage(rows, func(m chat.Message) { st.ByID[m.ID] = m })
		})
	}
	if n.Templates {
		b.Queue(gen.TemplatesOfAccount, acc.ID).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var g gen.Template
				if err := rows.Scan(fields(&g)...); err != nil {
					return err
				}
				st.Templates = append(st.Templates, templateRow(g))
			}
			return rows.Err()
		})
	}
	if b.Len() == 0 {
		return st, nil
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return st, err
	}
	if err := s.laneHistory(ctx, tx, acc, n, &st); err != nil || !n.Echoes {
		return st, err
	}
	// Who settles a message has locked its conversation before it gives it the id that its echo claims.
	var claims pgx.Batch
	queueClaims(&claims, acc, n, &st)
	return st, tx.SendBatch(ctx, &claims).Close()
}

// queueClaims takes the batch's ids, tells which are new, and reads what waited for them.
func queueClaims(b *pgx.Batch, acc chat.Account, n chat.LaneNeeds, st *chat.LaneState) {
	if len(n.Claims) == 0 {
		return
	}
	ids, names := make([]chat.MessageID, 0, len(n.Claims)), make([]string, 0, len(n.Claims))
	for name, id := range n.Claims {
		names, ids = append(names, name), append(ids, id)
	}
	b.Queue(gen.ClaimProviderIDs, acc.ID, names, ids).Query(func(rows pgx.Rows) error {
		var name string
		_, err := pgx.ForEachRow(rows, []any{&name}, func() error { st.New[name] = true; return nil })
		return err
	})
	b.Queue(gen.TakeParked, names, acc.ID).Query(func(rows pgx.Rows) (err error) {
		st.Parked, err = parkedUpdates(rows)
		return err
	})
}

// parkedUpdates reads the columns of TakeParked.
func parkedUpdates(rows pgx.Rows) (out []chat.Parked, err error) {
	var p chat.Parked
	_, err = pgx.ForEachRow(rows, []any{&p.ExternalID, &p.Inbound, &p.ReceivedAt}, func() error {
		out = append(out, p)
		p = chat.Parked{}
		return nil
	})
	return out, err
}

// knownIdentities reads the columns of IdentitiesByValue.
func knownIdentities(rows pgx.Rows, st *chat.LaneState) error {
	defer rows.Close()
	for rows.Next() {
		var k chat.KnownIdentity
		var opted, wished *time.Time
		if err := rows.Scan(&k.ID, &k.ContactID, &k.Thread, &k.Address.Kind, &k.Address.Scope, &k.Address.Type, &k.Address.Value,
			&k.ProfileName, &k.Username, &k.ContactName, &opted, &wished); err != nil {
			return err
		}
		k.OptedOut, k.WishedAt = at(opted), at(wished)
		st.Identities = append(st.Identities, k)
	}
	return rows.Err()
}

// laneThreads adds the identities that conversations hang on, where the batch addressed their people otherwise.
func (s *Store) laneThreads(ctx context.Context, tx db, st *chat.LaneState) error {
	missing := map[chat.IdentityID]bool{}
	for _, k := range st.Identities {
		missing[k.Thread] = true
	}
	for _, k := range st.Identities {
		delete(missing, k.ID)
	}
	if len(missing) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, gen.IdentitiesByID, slices.Collect(maps.Keys(missing)))
	if err != nil {
		return err
	}
	return knownIdentities(rows, st)
}

// laneHistory adds the newest conversation of each known thread without an open one, and what a "read up to" or an echo may move.
func (s *Store) laneHistory(ctx context.Context, tx db, acc chat.Account, n chat.LaneNeeds, st *chat.LaneState) error {
	if err := s.laneThreads(ctx, tx, st); err != nil {
		return err
	}
	open := map[chat.IdentityID]bool{}
	for _, c := range st.Conversations {
		if c.Status.Open() {
			open[c.IdentityID] = true
		}
	}
	missing := map[chat.IdentityID]bool{}
	for _, k := range st.Identities {
		if !open[k.Thread] {
			missing[k.Thread] = true
		}
	}
	if len(missing) > 0 {
		rows, err := tx.Query(ctx, gen.LastConversations, acc.ID, slices.Collect(maps.Keys(missing)))
		if err != nil {
			return err
		}
		last, err := pgx.CollectRows(rows, pgx.RowTo[chat.ConversationID])
		if err != nil {
			return err
		}
		locked, err := s.lockConversations(ctx, tx, acc.Kind, last)
		if err != nil {
			return err
		}
		st.Conversations = append(st.Conversations, locked...)
	}
	if n.Echoes {
		if err := s.laneUnconfirmed(ctx, tx, acc, st); err != nil {
			return err
		}
	}
	if (n.UpTo || n.Echoes) && len(st.Conversations) > 0 {
		query := gen.UnconfirmedOutbound
		if n.UpTo {
			query = gen.UnreadOutbound // with those
		}
		rows, err := tx.Query(ctx, query, column(st.Conversations, func(c *chat.ConversationRow) chat.ConversationID { return c.ID }))
		if err != nil {
			return err
		}
		return eachMessage(rows, func(m chat.Message) { st.Outbound = append(st.Outbound, m) })
	}
	return nil
}

// laneUnconfirmed adds ended conversations in which a message of ours is that an echo may be of.
func (s *Store) laneUnconfirmed(ctx context.Context, tx db, acc chat.Account, st *chat.LaneState) error {
	rows, err := tx.Query(ctx, gen.UnconfirmedConversations, acc.ID, column(st.Identities, func(k *chat.KnownIdentity) chat.IdentityID { return k.Thread }),
		column(st.Conversations, func(c *chat.ConversationRow) chat.ConversationID { return c.ID }))
	if err != nil {
		return err
	}
	ended, err := pgx.CollectRows(rows, pgx.RowTo[chat.ConversationID])
	if err != nil {
		return err
	}
	locked, err := s.lockConversations(ctx, tx, acc.Kind, ended)
	st.Conversations = append(st.Conversations, locked...)
	return err
}

func (s *Store) lockConversations(ctx context.Context, tx db, kind chat.ChannelKind, ids []chat.ConversationID) ([]chat.ConversationRow, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, gen.LockConversations, ids)
	if err != nil {
		return nil, err
	}
	return conversationRows(rows, kind)
}

func eachMessage(rows pgx.Rows, f func(chat.Message)) error {
	defer rows.Close()
	for rows.Next() {
		var g gen.Message
		if err := rows.Scan(fields(&g)...); err != nil {
			return err
		}
		m, err := message(g)
		if err != nil {
			return err
		}
		f(m)
	}
	return rows.Err()
}

// Stranded names, by account, provider ids that updates wait for and that messages have. Both came at the same moment: the
// batch that parked the update had not seen the id, and whoever wrote the id had not seen the update.
func (s *Store) Stranded(ctx context.Context) (map[chat.AccountID][]string, error) {
	rows, err := s.q.Stranded(ctx, s.Shifted().Seconds())
	out := map[chat.AccountID][]string{}
	for _, r := range rows {
		out[r.AccountID] = append(out[r.AccountID], r.ProviderID)
	}
	return out, wrap(err)
}

// Unpark takes the updates that wait for these provider ids of messages that are there, and writes what decide returns.
//
// It is four round trips: take them; lock and read their messages; those that a "read up to" among them may move; write and commit.
func (s *Store) Unpark(ctx context.Context, id chat.AccountID, ids []string, decide func(chat.LaneState) *chat.Write) error {
	return s.inPipelines(ctx, s.lane, "unpark", func(tx db) error {
		var (
			b      pgx.Batch
			acc    chat.Account
			parked []chat.Parked
			now    time.Time
		)
		begin(&b)
		queueAccount(&b, gen.AccountByID, id, &acc)
		b.Queue(gen.TakeParked, ids, id).Query(func(rows pgx.Rows) (err error) {
			parked, err = parkedUpdates(rows)
			return err
		})
		s.queueNow(&b, &now)
		if err := runBatch(ctx, tx, &b); err != nil {
			return err
		}
		st, err := s.laneState(ctx, tx, acc, now, chat.LaneNeeds{Kind: acc.Kind, Targets: ids, UpTo: true})
		if err != nil {
			return err
		}
		st.Parked = parked
		b = pgx.Batch{}
		queueWrite(&b, id, decide(st))
		return commit(ctx, tx, &b)
	})
}

// FailEvent notes a failed attempt of an event and when to try it again.
func (s *Store) FailEvent(ctx context.Context, e chat.RawEvent, why string, again time.Duration) error {
	return wrap(s.q.FailPending(ctx, gen.FailPendingParams{AccountID: e.AccountID, Place: e.Place, Error: clip(why), DelayS: again.Seconds()}))
}

// QuarantineEvent takes an event out of its lane. It stays visible with its error, and `gatehouse replay` puts it back.
func (s *Store) QuarantineEvent(ctx context.Context, e chat.RawEvent, why string) error {
	return wrap(s.q.Quarantine(ctx, clip(why), e.AccountID, e.Place))
}

// clip bounds an error text; what Postgres or a parser says of a poison event may be as long as the event. NUL, which a
// text column cannot hold, is dropped.
func clip(why string) string {
	const most = 500
	why = strings.ToValidUTF8(strings.ReplaceAll(why, "\x00", ""), "")
	if len(why) > most {
		why = strings.ToValidUTF8(why[:most], "")
	}
	return why
}

// LaneDue tells whether an account's lane has an event that is due.
func (s *Store) LaneDue(ctx context.Context, account chat.AccountID) (bool, error) {
	due, err := gen.New(s.lane).LaneDue(ctx, account)
	return due, wrap(err)
}

// PendingLanes names the accounts whose oldest due event is older than age, for the sweeper.
func (s *Store) PendingLanes(ctx context.Context, age time.Duration) ([]chat.AccountID, error) {
	return s.q.PendingLanes(ctx, age.Seconds())
}
