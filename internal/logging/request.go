package logging

import (
	"context"
	"crypto/rand"
)

type requestIDKey struct{}

// NewRequestID returns a fresh id: 26 letters and digits, 128 random bits.
func NewRequestID() string { return rand.Text() }

// AcceptRequestID returns an id that came from outside (X-Request-ID) if it is 8 to 64 of the characters
// [0-9A-Za-z._-], and a fresh one otherwise: a caller may name a request, not write into our logs.
func AcceptRequestID(id string) string {
	if len(id) < 8 || len(id) > 64 {
		return NewRequestID()
	}
	for _, c := range []byte(id) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && c != '.' && c != '_' && c != '-' {
			return NewRequestID()
		}
	}
	return id
}

// WithRequestID returns a context whose log lines carry the id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id that WithRequestID put there, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
