package postgres

import (
	"context"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// readOnly is what a server answers to a write that takes none (any more): a standby, or a primary that was demoted.
const readOnly = "25006" // read_only_sql_transaction

// likeAWrite has a transaction that says what an earlier one did wait, when it commits, until a synchronous standby has both. The
// earlier one may have been broken off while it waited: then it is there, on the primary alone, for everybody to see.
const likeAWrite = "SELECT pg_logical_emit_message(true, 'gatehouse', '')"

// survive has connections outlive the server that they lead to: the next ones go to whichever of the hosts of DATABASE_URL takes writes.
func survive(c *pgx.ConnConfig) {
	c.DialFunc, c.OnPgError = dial, keepsConnection
	several := func(f *pgconn.FallbackConfig) bool { return f.Host != c.Host || f.Port != c.Port } // the same one again: without TLS
	if c.ValidateConnect == nil && slices.ContainsFunc(c.Fallbacks, several) {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
}

// keepsConnection closes a connection on which the server said that it is ending, or takes no writes.
func keepsConnection(_ *pgconn.PgConn, err *pgconn.PgError) bool {
	return !strings.EqualFold(err.Severity, "FATAL") && err.Code != readOnly
}

// gone is how long a server's machine may not acknowledge what was sent before its connections are given up. A machine that lost its
// power, or its network, ends none: Linux would try for a quarter of an hour.
const gone = 10 * time.Second

// dial connects as pgx does, but notices a machine that is gone.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: gone / 2, Interval: gone / 4, Count: 2},
		Control: func(network, _ string, c syscall.RawConn) (err error) {
			if !strings.HasPrefix(network, "tcp") {
				return nil
			}
			if cerr := c.Control(func(fd uintptr) { err = limitUnacknowledged(int(fd), gone) }); cerr != nil {
				return cerr
			}
			return err
		},
	}
	return d.DialContext(ctx, network, address)
}
