package chat_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/internal/chat"
)

func TestAFilenameIsCleanedOfWhatCouldHarm(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"fatura-2026.pdf":               "fatura-2026.pdf",
		"Ürün görseli 📦.jpg":            "Ürün görseli 📦.jpg",
		"../../etc/passwd\u202egpj.exe": "passwdgpj.exe",
		`C:\temp\CON`:                   "CON",
		"a\r\nSet-Cookie: x.txt":        "aSet-Cookie: x.txt",
		"nul\x00byte.txt":               "nulbyte.txt",
		"bad\xffbyte.txt":               "bad\uFFFDbyte.txt",
		" .htaccess. ":                  "htaccess",
		"..":                            "",
		"dir/":                          "",
		"":                              "",
	} {
		if got := chat.CleanFilename(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
}

func TestALongFilenameKeepsItsExtension(t *testing.T) {
	t.Parallel()
	got := chat.CleanFilename(strings.Repeat("ğ", 500) + ".pdf")
	if len(got) > 255 || !strings.HasSuffix(got, "ğ.pdf") || !utf8.ValidString(got) {
		t.Fatalf("%d bytes: %q", len(got), got)
	}
	if got := chat.CleanFilename("a." + strings.Repeat("x", 500)); len(got) > 255 {
		t.Fatalf("%d bytes", len(got))
	}
}
