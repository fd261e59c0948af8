package logging

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// refused is what stands in place of a value that must not be logged.
const refused = "[refused]"

// private reports whether a name is one under which nothing is logged: one of these words, or any name that ends in "_"
// and one of them, such as access_token or agent_email.
func private(name string) bool {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	switch name[strings.LastIndexByte(name, '_')+1:] {
	case "text", "body", "raw", "payload", "content", "caption", "html", "subject", "filename",
		"token", "secret", "password", "passphrase", "authorization", "cookie", "signature", "hash", "otp", "totp",
		"phone", "msisdn", "email", "mail":
		return true
	}
	switch name {
	case "api_key", "apikey", "private_key", "master_key", "from", "to", "recipient", "sender", "wa_id",
		"contact_name", "display_name", "full_name", "profile_name", "push_name":
		return true
	}
	return false
}

// filter is the slog.HandlerOptions.ReplaceAttr of every logger: it sees each attribute, after LogValue, with the
// groups around it.
func filter(groups []string, a slog.Attr) slog.Attr {
	switch kind := a.Value.Kind(); {
	case kind == slog.KindAny && isMasked(a.Value.Any()):
		a.Value = slog.StringValue(string(a.Value.Any().(masked)))
	case private(a.Key) || slices.ContainsFunc(groups, private):
		a.Value = slog.StringValue(refused)
	case kind == slog.KindDuration: // JSON would say nanoseconds
		a.Value = slog.StringValue(a.Value.Duration().Round(10 * time.Microsecond).String())
	case kind == slog.KindString:
		a.Value = slog.StringValue(scrub(a.Value.String()))
	case kind == slog.KindAny && (len(groups) > 0 || a.Key != slog.LevelKey):
		a.Value = slog.StringValue(describe(a.Value.Any()))
	}
	return a
}

// describe turns a value into text if its type is made to be read, and into its type's name otherwise. That a struct
// has a String method is no licence: a protobuf message prints its whole content with it.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case error:
		return scrub(v.Error())
	case net.Addr:
		return v.String()
	case netip.Addr:
		return v.String()
	case []string:
		return scrub(strings.Join(v, ", "))
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64: // typed states and counts
		return scrub(fmt.Sprint(v))
	case reflect.Array: // a UUID
		if s, ok := v.(fmt.Stringer); ok {
			return scrub(s.String())
		}
	case reflect.Slice:
		return fmt.Sprintf("[%d × %s]", rv.Len(), rv.Type().Elem())
	}
	return fmt.Sprintf("[%T]", v)
}

// leaks finds secrets and addresses inside free text, mostly inside the error messages of other people's libraries:
// an http.Client error holds the whole URL, a Postgres error the offending value.
var leaks = regexp.MustCompile(strings.Join([]string{
	`(?i:\b(?:bearer|basic) )[\w.~+/=-]{8,}`,                                    // Authorization
	`(?i:token|secret|password|passwd|signature|api_?key)=[^\s"'&;,]+`,          // query string, DSN
	`(?i:token|secret|password|passwd|signature|api_?key)["']\s*:\s*["'][^"']+`, // JSON
	`[?&](?:code|sig|state|key)=[^\s"'&;,]+`,                                    // OAuth and signed links
	`://[^\s/:@]+:[^\s/@]+@`,                                                    // user:password@ in a URL
	`\bghk_\w+`,                                                                 // our API keys
	`\bEA[A-Za-z0-9]{30,}`,                                                      // Meta access tokens
	`\bIG[A-Za-z0-9_-]{30,}`,                                                    // Instagram access tokens
	`\bbot\d{6,}:[\w-]{20,}`,                                                    // Telegram
	`\beyJ[\w-]{8,}\.[\w-]+\.?[\w-]*`,                                           // JWT
	`[\w.%+-]+@[\w-]+(?:\.[\w-]+)*\.\w+`,                                        // e-mail, WhatsApp JID
	`\+\d[\d ()-]{6,}\d`,                                                        // phone number, E.164
}, "|"))

func scrub(s string) string {
	if harmless(s) {
		return s
	}
	return leaks.ReplaceAllString(s, refused)
}

// harmless spares short words, UUIDs and numbers, which are most of what is logged, the search.
func harmless(s string) bool {
	if len(s) < 14 && !strings.ContainsAny(s, "@+=:._") {
		return true
	}
	for _, c := range []byte(s) {
		if ('0' > c || c > '9') && ('a' > c || c > 'f') && c != '-' {
			return false
		}
	}
	return true
}

// masked is a value that this package has already made safe for logging under a private name.
type masked string

func isMasked(v any) bool { _, ok := v.(masked); return ok }

// Phone logs a phone number as its last four digits, and as nothing where it has fewer than eight.
func Phone(number string) slog.Attr {
	var digits []byte
	for _, c := range []byte(number) {
		if '0' <= c && c <= '9' {
			digits = append(digits, c)
		}
	}
	if len(digits) < 8 {
		return slog.Any("phone", masked("…"))
	}
	return slog.Any("phone", masked("…"+string(digits[len(digits)-4:])))
}

// Email logs an e-mail address as the first 48 bits of its SHA-256: equal addresses show as equal, across processes,
// and whoever has an address at hand can look for it; nobody reads one out of the log.
func Email(address string) slog.Attr {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(address))))
	return slog.Any("email", masked("sha256:"+hex.EncodeToString(sum[:6])))
}
