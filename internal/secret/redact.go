package secret

import (
	"fmt"
	"log/slog"
)

// Redacted is what a Redact prints as.
const Redacted = "…"

// Redact is a token, password or key in use. Printed, logged or marshalled in any way it is "…"; Reveal, or a
// conversion to string, is the only way to the value, and both are easy to find. Keep it in exported fields: fmt
// calls no methods on unexported ones.
type Redact string

// Reveal returns the value.
func (r Redact) Reveal() string { return string(r) }

// String returns "…".
func (Redact) String() string { return Redacted }

// Format prints "…" for every verb: without it, %d would print the value inside its complaint.
func (Redact) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, Redacted) }

// LogValue logs "…".
func (Redact) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalJSON writes "…".
func (Redact) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalText writes "…".
func (Redact) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
