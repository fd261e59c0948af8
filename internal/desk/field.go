package desk

import (
	"net/mail"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/chat"
)

// What people type into forms is checked here, before anything is locked. Refusals are CodeInvalid with the detail "field".

func invalid(field, format string, args ...any) *chat.Error {
	return chat.Errorf(chat.CodeInvalid, format, args...).With("field", field)
}

// line cleans one line of text of least to most characters.
func line(field, s string, least, most int) (string, error) {
	s = strings.TrimSpace(s)
	if strings.ContainsFunc(s, unicode.IsControl) {
		return "", invalid(field, "a line has no control characters")
	}
	return s, sized(field, s, least, most)
}

// lines checks text that may have several lines.
func lines(field, s string, least, most int) (string, error) {
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }) {
		return "", invalid(field, "text has no control characters")
	}
	return s, sized(field, s, least, most)
}

func sized(field, s string, least, most int) error {
	n := utf8.RuneCountInString(s)
	switch {
	case !utf8.ValidString(s):
		return invalid(field, "not text")
	case n < least:
		return invalid(field, "at least %d characters", least).With("least", least)
	case n > most:
		return invalid(field, "at most %d characters", most).With("limit", most)
	}
	return nil
}

// patched applies a check to a field of a patch; nil stays nil.
func patched[T any](v *T, check func(T) (T, error)) (*T, error) {
	if v == nil {
		return nil, nil
	}
	checked, err := check(*v)
	return &checked, err
}

// mailAddress checks a bare e-mail address of at most 254 characters (RFC 5321 §4.5.3.1.3). It is lower case from here on: a
// database with Turkish rules has another idea of what "I" is.
func mailAddress(field, s string) (string, error) {
	s, err := line(field, s, 3, 254)
	if err != nil {
		return "", err
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return "", invalid(field, "not an e-mail address")
	}
	return strings.ToLower(s), nil
}

// among refuses a value that is not one of a closed set.
func among[T ~string](field string, v T, set ...T) error {
	if !slices.Contains(set, v) {
		return invalid(field, "%q is not one of the possible values", string(v))
	}
	return nil
}

// within refuses a number out of its bounds.
func within(field string, n, least, most int) error {
	if n < least || n > most {
		return invalid(field, "%d to %d", least, most).With("least", least).With("limit", most)
	}
	return nil
}
