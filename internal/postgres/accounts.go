package postgres

import (
	"context"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
)

// Accounts lists the channel accounts, oldest first.
func (s *Store) Accounts(ctx context.Context) ([]chat.SealedAccount, error) {
	rows, err := s.q.Accounts(ctx)
	if err != nil {
		return nil, wrap(err)
	}
	out := make([]chat.SealedAccount, 0, len(rows))
	for _, r := range rows {
		a, err := account(r.ChannelAccount, r.Keys)
		if err != nil {
			return nil, err
		}
		out = append(out, chat.SealedAccount{Account: a, Sealed: r.ChannelAccount.Secrets})
	}
	return out, nil
}

// Account finds a channel account.
func (s *Store) Account(ctx context.Context, id chat.AccountID) (chat.SealedAccount, error) {
	r, err := s.q.AccountByID(ctx, id)
	if err != nil {
		return chat.SealedAccount{}, wrap(err)
	}
	a, err := account(r.ChannelAccount, r.Keys)
	return chat.SealedAccount{Account: a, Sealed: r.ChannelAccount.Secrets}, err
}

// CreateAccount adds a channel account with its keys and its lanes, and returns when it was made. A key of its own that
// another account has is CodeInUse.
func (s *Store) CreateAccount(ctx context.Context, by chat.Audit, a chat.SealedAccount) (created time.Time, err error) {
	err = s.audited(ctx, by, func(tx pgx.Tx, _ *chat.Audit) error {
		q := s.q.WithTx(tx)
		created, err = q.InsertAccount(ctx, gen.InsertAccountParams{
			ID: a.ID, Kind: string(a.Kind), Name: a.Name, Address: a.Address, State: string(a.State), StateReason: a.StateReason,
			DepartmentID: a.DepartmentID, Language: a.Language, Settings: jsonOf(a.Settings), Secrets: notNull(a.Sealed),
		})
		if err != nil {
			return namedAccount(err, a)
		}
		var b pgx.Batch
		queueKeys(&b, a)
		b.Queue(gen.InsertLane, a.ID)
		b.Queue(gen.InsertSendLane, a.ID)
		return namedAccount(runBatch(ctx, tx, &b), a)
	})
	return created.UTC(), err
}

// ChangeAccount locks a channel account and writes what decide makes of it, keys included, unless that is nil. A refusal of
// decide is returned as it is. What a person changed has a trace; by is nil for what the desk noticed by itself.
func (s *Store) ChangeAccount(ctx context.Context, by *chat.Audit, id chat.AccountID, decide func(chat.SealedAccount) (*chat.SealedAccount, error)) error {
	return s.inTx(ctx, s.pool, "account", func(tx pgx.Tx) error {
		r, err := s.q.WithTx(tx).LockAccount(ctx, id)
		if err != nil {
			return err
		}
		acc, err := account(r.ChannelAccount, r.Keys)
		if err != nil {
			return err
		}
		a, err := decide(chat.SealedAccount{Account: acc, Sealed: r.ChannelAccount.Secrets})
		if err != nil || a == nil {
			return err
		}
		var b pgx.Batch
		b.Queue(gen.UpdateAccount, a.Name, a.Address, a.State, a.StateReason, a.DepartmentID, a.Language, jsonOf(a.Settings), notNull(a.Sealed), id)
		b.Queue(gen.DropAccountKeys, id)
		queueKeys(&b, *a)
		if by != nil {
			trace := *by
			trace.Name = a.Name
			b.Queue(gen.InsertAudit, auditArgs(trace)...)
		}
		return namedAccount(runBatch(ctx, tx, &b), *a)
	})
}

func namedAccount(err error, a chat.SealedAccount) error {
	rules := []rule{{"channel_accounts_department_id_fkey", "department_id"}}
	if len(a.Keys) > 0 { // the account's own key is the first
		rules = append(rules, rule{"account_keys_main", a.Keys[0].Type})
	}
	return named(err, rules...)
}

func queueKeys(b *pgx.Batch, a chat.SealedAccount) {
	mains := make([]bool, len(a.Keys))
	if len(mains) > 0 {
		mains[0] = true
	}
	b.Queue(gen.InsertAccountKeys, column(a.Keys, func(k *chat.AccountKey) string { return k.Value }),
		column(a.Keys, func(k *chat.AccountKey) string { return k.Type }), column(a.Keys, func(k *chat.AccountKey) chat.ChannelKind { return k.Kind }),
		a.ID, mains)
}
