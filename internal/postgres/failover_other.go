//go:build !linux

package postgres

import "time"

// limitUnacknowledged is Linux's: elsewhere the system's own patience counts.
func limitUnacknowledged(int, time.Duration) error { return nil }
