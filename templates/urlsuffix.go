package templates

import (
	"slices"
	"strings"
	"unicode"
)

// cleanSuffix reports whether a value may be appended to the fixed part of a button's address without leading anywhere
// else: only characters of RFC 3986, percent signs only before two hex digits that are no control character, no @ and :
// outside query and fragment (a value must not look like a scheme, a port or a login), no // at its start, no . and ..
// segments, and after a bare host a /, ? or # first.
func cleanSuffix(base, suffix string) bool {
	for i := 0; i < len(suffix); i++ {
		switch c := suffix[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~!$&'()*+,;=/?#[]@:", c) >= 0:
		case c == '%':
			if !cleanEscape(suffix[i+1:]) {
				return false
			}
		default:
			return false
		}
	}
	if strings.HasPrefix(suffix, "//") {
		return false
	}
	if _, rest, ok := origin(base); !ok || rest == "" && (suffix == "" || strings.IndexByte("/?#", suffix[0]) < 0) {
		return false
	}
	if strings.ContainsAny(base, "?#") {
		return true // all of the suffix is query or fragment
	}
	path := suffix
	if end := strings.IndexAny(suffix, "?#"); end >= 0 {
		path = suffix[:end]
	}
	if strings.ContainsAny(path, "@:") {
		return false
	}
	decoded := strings.NewReplacer("%2e", ".", "%2E", ".", "%2f", "/", "%2F", "/", "%5c", "/", "%5C", "/").Replace(path)
	segments := strings.Split(base[strings.LastIndexByte(base, '/')+1:]+decoded, "/")
	return !slices.Contains(segments, ".") && !slices.Contains(segments, "..")
}

// cleanEscape looks at what follows a percent sign.
func cleanEscape(after string) bool {
	const hex = "0123456789abcdefABCDEF"
	if len(after) < 2 || strings.IndexByte(hex, after[0]) < 0 || strings.IndexByte(hex, after[1]) < 0 {
		return false
	}
	control := after[0] == '0' || after[0] == '1' || after[0] == '7' && (after[1] == 'f' || after[1] == 'F')
	return !control
}

// origin cuts a web address after its host. ok is false where there is no scheme http or https, no host, or a login.
func origin(address string) (host, rest string, ok bool) {
	after, found := strings.CutPrefix(address, "https://")
	if !found {
		if after, found = strings.CutPrefix(address, "http://"); !found {
			return "", "", false
		}
	}
	end := len(after)
	if i := strings.IndexAny(after, "/?#\\"); i >= 0 {
		end = i
	}
	host, rest = after[:end], after[end:]
	ok = host != "" && !strings.ContainsFunc(host, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-.:[]", r)
	})
	return host, rest, ok
}

// cleanLink reports whether an address may be handed to the provider to fetch from.
func cleanLink(address string) bool {
	_, _, ok := origin(address)
	return ok && strings.HasPrefix(address, "https://") && chars(address) <= MaxURL &&
		!strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\\' })
}
