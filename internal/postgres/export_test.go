package postgres

import "github.com/jackc/pgx/v5/pgxpool"

// ListSQL is a list's query, for the tests of plans.
var ListSQL = listSQL

// Lane gives the connections of drainers and senders.
func (s *Store) Lane() *pgxpool.Pool { return s.lane }
