package auth

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"gatehouse/internal/chat"
)

// The bounds of a password's length, in characters (ASVS 5.0.0, 6.2.1 and 6.2.9).
const (
	MinPassword = 8
	MaxPassword = 128
)

// commonPasswords are the words that people take first, one a line, lower case. It is a sieve for the worst, not a
// breach list.
//
//go:embed common_passwords.txt
var commonPasswords string

// CheckPassword refuses a password that is too short, too long, common, or about its owner. About is what others know of
// the owner: name, e-mail address. There are no rules about digits and symbols (ASVS 5.0.0, 6.2.5). The error is
// chat.CodeInvalid with the detail "rule": short, long, common, personal or invalid.
func CheckPassword(password string, about ...string) error {
	normal := normalize(password)
	length := utf8.RuneCountInString(normal)
	switch {
	case !utf8.ValidString(password):
		return errPassword("invalid", "not text")
	case tooLong(password):
		return errPassword("long", "at most %d characters", MaxPassword)
	case length < MinPassword:
		return errPassword("short", "at least %d characters", MinPassword)
	case common(normal):
		return errPassword("common", "too easy to guess")
	case personal(normal, about):
		return errPassword("personal", "it must not contain the name or the e-mail address")
	}
	return nil
}

func errPassword(rule, format string, args ...any) error {
	return chat.Errorf(chat.CodeInvalid, format, args...).With("field", "password").With("rule", rule)
}

// normalize makes one password out of the spellings that different keyboards give the same characters.
func normalize(password string) string { return norm.NFKC.String(password) }

// tooLong looks at the bytes first, so that a huge password costs nothing.
func tooLong(password string) bool {
	return len(password) > MaxPassword*utf8.UTFMax || utf8.RuneCountInString(normalize(password)) > MaxPassword
}

// common recognises the listed words, also with digits and signs around them or inside ("P@ssw0rd2026!"), and passwords
// of fewer than four different characters.
func common(password string) bool {
	lower := strings.ToLower(password)
	different := map[rune]bool{}
	for _, r := range lower {
		different[r] = true
	}
	word := strings.TrimFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) })
	plain := strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t").Replace(word)
	return len(different) < 4 || listed(lower) || listed(word) || listed(plain)
}

func listed(word string) bool {
	if word == "" || strings.ContainsRune(word, '\n') {
		return false
	}
	return strings.Contains("\n"+commonPasswords, "\n"+word+"\n")
}

// personal reports whether a password contains a part of at least four characters of what is known about its owner.
func personal(password string, about []string) bool {
	lower := strings.ToLower(password)
	for _, fact := range about {
		local, _, _ := strings.Cut(strings.ToLower(normalize(fact)), "@")
		for _, part := range strings.FieldsFunc(local, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if utf8.RuneCountInString(part) >= 4 && strings.Contains(lower, part) {
				return true
			}
		}
	}
	return false
}
