package media

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Headers returns the response headers with which a stored file is served, by canonical name. Only types of the closed
// list keep theirs, only the harmless ones among them are shown in place; the rest is application/octet-stream, to be
// saved. The browser is told not to guess and to run nothing, whatever the file turns out to be.
func Headers(contentType, name string, inline bool) map[string]string {
	t := known(mediaType(contentType))
	return map[string]string{
		"Content-Type":            t.ContentType,
		"Content-Disposition":     ContentDisposition(name, inline && t.Inline),
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": "default-src 'none'; sandbox",
		"Referrer-Policy":         "no-referrer", // the address is a signed link
	}
}

// ContentDisposition returns the header value under which a file is shown (inline) or saved, by RFC 6266: the name as
// UTF-8, and an ASCII likeness for old readers. The name is made safe first.
func ContentDisposition(name string, inline bool) string {
	how := "attachment"
	if inline {
		how = "inline"
	}
	name = SafeName(name)
	var plain, exact strings.Builder
	for _, r := range name {
		if r >= 0x80 || r == '"' || r == '\\' || r == '%' {
			plain.WriteByte('_')
		} else {
			plain.WriteRune(r)
		}
	}
	for _, c := range []byte(name) {
		if isAttrChar(c) {
			exact.WriteByte(c)
		} else {
			fmt.Fprintf(&exact, "%%%02X", c)
		}
	}
	return fmt.Sprintf(`%s; filename="%s"; filename*=UTF-8''%s`, how, &plain, &exact)
}

// isAttrChar is attr-char of RFC 5987 §3.2.1.
func isAttrChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}

// maxName bounds a file name in bytes, well below what file systems and headers take.
const maxName = 150

// SafeName makes a file name out of whatever a stranger called a file: the last part of a path, without control and
// direction characters and without what Windows forbids, of at most 150 bytes with its extension kept. It is for showing
// and saving; nothing is ever stored under it. It never returns "".
func SafeName(name string) string {
	name = strings.ToValidUTF8(name, "_")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == utf8.RuneError, '\u2028' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069',
			r == '\u200e', r == '\u200f', r == '\u061c', r == '\ufeff':
			return -1
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(name, ". \u00a0")
	if stem, _, _ := strings.Cut(name, "."); reserved(strings.TrimSpace(stem)) {
		name = "_" + name
	}
	if name == "" {
		return "file"
	}
	return strings.TrimRight(shorten(name), ". \u00a0")
}

// shorten cuts a name to maxName bytes between characters, before its extension.
func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	ext := ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 && len(name)-dot <= 16 {
		ext = name[dot:]
	}
	end := maxName - len(ext)
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + ext
}

// reserved reports whether Windows takes a name for a device.
func reserved(stem string) bool {
	stem = strings.ToUpper(stem)
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	number, port := strings.CutPrefix(stem, "COM")
	if !port {
		number, port = strings.CutPrefix(stem, "LPT")
	}
	return port && utf8.RuneCountInString(number) == 1 && strings.ContainsAny(number, "0123456789¹²³")
}
