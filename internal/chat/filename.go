package chat

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// filenameLimit is the most bytes of a file name that file systems take.
const filenameLimit = 255

// CleanFilename makes a file name that a stranger chose safe to show and to offer for download: no folders, no control
// characters, no marks that reverse the reading direction (they hide "exe"), no dots or blanks at its ends, at most 255
// bytes with the extension kept. A name of which nothing remains becomes "".
func CleanFilename(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, name)
	name = strings.Trim(name, ". \u00a0")
	if len(name) > filenameLimit {
		ext := path.Ext(name)
		if len(ext) > 32 {
			ext = ""
		}
		keep := filenameLimit - len(ext)
		for !utf8.RuneStart(name[keep]) {
			keep--
		}
		name = strings.TrimRight(name[:keep], ". ") + ext
	}
	return name
}
