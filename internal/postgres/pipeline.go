package postgres

import (
	"context"
	"encoding/json"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/postgres/gen"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// inPipelines is inTx for transactions that are short of round trips: f queues begin before its first statements and ends with
// commit, so that neither costs one of its own. A transaction that f leaves open is rolled back.
func (s *Store) inPipelines(ctx context.Context, pool *pgxpool.Pool, what string, f func(tx db) error) error {
	return s.again(ctx, what, func() error { return onConn(ctx, pool, f) })
}

func onConn(ctx context.Context, pool *pgxpool.Pool, f func(tx db) error) (err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	defer func() {
		// Something failed, panicked, or there was nothing to do: leave no transaction behind, for it holds locks. A connection that
		// cannot be rolled back is closed by the pool on release.
		if conn.Conn().PgConn().TxStatus() == 'I' {
			return
		}
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if _, rerr := conn.Exec(clean, "ROLLBACK"); rerr != nil && err == nil {
			err = rerr
		}
	}()
	return f(conn.Conn())
}

// begin has the transaction begin with the pipeline's other statements. Each of them sees what was committed before it began, not
// before the transaction did: what stands behind a lock is read after it was taken.
func begin(b *pgx.Batch) { b.Queue("BEGIN") }

// commit sends the last pipeline of a transaction and commits it.
func commit(ctx context.Context, tx db, b *pgx.Batch) error {
	b.Queue("COMMIT").Exec(func(done pgconn.CommandTag) error {
		if done.String() != "COMMIT" { // ROLLBACK is no error to Postgres
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
	return runBatch(ctx, tx, b)
}

// runBatch sends a pipeline and returns the first error. Every queued statement is an Exec unless it has a callback.
func runBatch(ctx context.Context, tx db, b *pgx.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, b).Close()
}

// queueAccount reads an account by a query with the columns of AccountByID.
func queueAccount(b *pgx.Batch, query string, id any, into *chat.Account) {
	b.Queue(query, id).Query(func(rows pgx.Rows) error {
		var g gen.ChannelAccount
		var keys json.RawMessage
		_, err := pgx.ForEachRow(rows, append(fields(&g), &keys), func() (err error) {
			*into, err = account(g, keys)
			return err
		})
		return err
	})
}

// queueNow reads the desk's clock at this moment of the transaction, not at its beginning: what is written after waiting for a lock
// must not seem older than what the lock's holder wrote.
func (s *Store) queueNow(b *pgx.Batch, into *time.Time) {
	b.Queue("SELECT clock_timestamp()").QueryRow(func(row pgx.Row) error {
		var now time.Time
		err := row.Scan(&now)
		*into = s.desk(now)
		return err
	})
}

// queueConversationRows locks conversations and reads them: a query with the columns of LockConversations.
func queueConversationRows(b *pgx.Batch, kind chat.ChannelKind, into *[]chat.ConversationRow, query string, args ...any) {
	b.Queue(query, args...).Query(func(rows pgx.Rows) (err error) {
		*into, err = conversationRows(rows, kind)
		return err
	})
}
