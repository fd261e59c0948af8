package postgres

import (
	"encoding/json"
	"time"

	"gatehouse/internal/chat"
)

// uid is the element type of generated parameters.
type uid = chat.UUID

// Absent values are zero values in Go and NULL in SQL. at and id read a nullable column, nullTime and nullID write one.

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func id[T chat.ID](p *T) T {
	if p == nil {
		return T{}
	}
	return *p
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func nullID[T chat.ID](v T) *T {
	if chat.IsZero(v) {
		return nil
	}
	return &v
}

// jsonOf writes a value of ours. Our types always marshal; one that does not is a defect that must not be stored.
func jsonOf(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("postgres: unmarshalable value: " + err.Error())
	}
	return b
}

// column turns a slice of things into a slice of one of their fields: the shape that unnest takes.
func column[T, V any](rows []T, f func(*T) V) []V {
	out := make([]V, len(rows))
	for i := range rows {
		out[i] = f(&rows[i])
	}
	return out
}
