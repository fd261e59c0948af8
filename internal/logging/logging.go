// Package logging makes the one logger of a process: log/slog as JSON lines (or text for a terminal), with fixed key
// names, the request id of the context on every line, and a filter between the program and the log.
//
// The filter refuses what must never be logged: attributes named like message text, bodies, tokens, passwords, phone
// numbers or e-mail addresses lose their value; structs, maps and byte slices are replaced by their type, because what
// is inside them has no name to judge by; bearer tokens, keys, e-mail addresses and phone numbers inside any string,
// error messages included, are cut out. A contact is logged by id, or with Phone and Email.
//
// The filter is the net, not the rule: do not hand personal data to the logger in the first place.
//
// Start with New; filter.go says what is refused, request.go carries the request id, absences.go says once what is away.
package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Names of attributes that many packages write: one word each, the same as in the API and the metrics.
const (
	KeyRequestID    = "request_id"
	KeyComponent    = "component"
	KeyChannel      = "channel"
	KeyAccount      = "account_id"
	KeyConversation = "conversation_id"
	KeyMessage      = "message_id"
	KeyContact      = "contact_id"
	KeyAgent        = "agent_id"
	KeyEvent        = "event_id"
	KeyReason       = "reason"
	KeyDuration     = "duration_ms"
	KeyError        = "error"
)

// New returns a logger that writes to w. Level is debug, info, warn or error; format is json or text. Any other word is
// an error that names it.
func New(w io.Writer, level, format string) (*slog.Logger, error) {
	var min slog.Level
	switch strings.ToLower(level) {
	case "debug":
		min = slog.LevelDebug
	case "info":
		min = slog.LevelInfo
	case "warn":
		min = slog.LevelWarn
	case "error":
		min = slog.LevelError
	default:
		return nil, fmt.Errorf("logging: level %q is none of debug, info, warn, error", level)
	}
	opts := &slog.HandlerOptions{Level: min, ReplaceAttr: filter}
	switch strings.ToLower(format) {
	case "json":
		return slog.New(withRequest{slog.NewJSONHandler(w, opts)}), nil
	case "text":
		return slog.New(withRequest{slog.NewTextHandler(w, opts)}), nil
	default:
		return nil, fmt.Errorf("logging: format %q is neither json nor text", format)
	}
}

// Err is the attribute for an error. A nil error is logged as empty.
func Err(err error) slog.Attr { return slog.Any(KeyError, err) }

// withRequest adds the context's request id to each line.
type withRequest struct{ slog.Handler }

func (h withRequest) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String(KeyRequestID, id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h withRequest) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withRequest{h.Handler.WithAttrs(attrs)}
}

func (h withRequest) WithGroup(name string) slog.Handler {
	return withRequest{h.Handler.WithGroup(name)}
}
