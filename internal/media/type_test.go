package media_test

import (
	"bytes"
	"mime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/chat"
	"gatehouse/internal/media"
)

const octets = "application/octet-stream"

func TestAFileIsWhatItsBytesAre(t *testing.T) {
	t.Parallel()
	img := picture(4, 4)
	for name, c := range map[string]struct {
		head               []byte
		declared, filename string
		want               media.Type
	}{
		"jpeg":              {jpegOf(t, img), "image/jpeg", "a.jpg", media.Type{Kind: chat.KindImage, ContentType: "image/jpeg", Ext: ".jpg", Inline: true, Agrees: true}},
		"photo with place":  {withExif(jpegOf(t, img), 6), "image/jpeg", "a.JPEG", media.Type{Kind: chat.KindImage, ContentType: "image/jpeg", Ext: ".jpg", Inline: true, Agrees: true}},
		"png called jpeg":   {pngOf(t, img), "image/jpg", "a.jpg", media.Type{Kind: chat.KindImage, ContentType: "image/png", Ext: ".png", Inline: true, Agrees: true}},
		"nothing declared":  {pngOf(t, img), "", "", media.Type{Kind: chat.KindImage, ContentType: "image/png", Ext: ".png", Inline: true, Agrees: true}},
		"octets declared":   {gifOf(t, 2, 2, 1), octets, "x", media.Type{Kind: chat.KindImage, ContentType: "image/gif", Ext: ".gif", Inline: true, Agrees: true}},
		"animated png":      {pngClaiming(2, 2, 3), "image/png", "", media.Type{Kind: chat.KindImage, ContentType: "image/png", Ext: ".png", Inline: true, Agrees: true}},
		"webp sticker":      {decoded(t, webpAlpha), "image/webp", "", media.Type{Kind: chat.KindImage, ContentType: "image/webp", Ext: ".webp", Inline: true, Agrees: true}},
		"heic":              {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), "image/heic", "a.heic", media.Type{Kind: chat.KindImage, ContentType: "image/heic", Ext: ".heic", Agrees: true}},
		"voice note":        {opus(48000), "audio/ogg; codecs=opus", "", media.Type{Kind: chat.KindAudio, ContentType: "audio/ogg", Ext: ".ogg", Inline: true, Agrees: true}},
		"mp3":               {[]byte("ID3\x03\x00\x00\x00\x00\x00\x7fTIT2"), "audio/mpeg", "a.mp3", media.Type{Kind: chat.KindAudio, ContentType: "audio/mpeg", Ext: ".mp3", Inline: true, Agrees: true}},
		"aac":               {[]byte("\xff\xf1\x50\x80\x00\x00"), "audio/aac", "a.aac", media.Type{Kind: chat.KindAudio, ContentType: "audio/aac", Ext: ".aac", Inline: true, Agrees: true}},
		"amr":               {[]byte("#!AMR\n\x00"), "audio/amr", "", media.Type{Kind: chat.KindAudio, ContentType: "audio/amr", Ext: ".amr", Agrees: true}},
		"m4a":               {[]byte("\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42"), "audio/mp4", "a.m4a", media.Type{Kind: chat.KindAudio, ContentType: "audio/mp4", Ext: ".m4a", Inline: true, Agrees: true}},
		"m4a called video":  {[]byte("\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42"), "video/mp4", "audioclip.mp4", media.Type{Kind: chat.KindAudio, ContentType: "audio/mp4", Ext: ".m4a", Inline: true, Agrees: true}},
		"sound in mp4":      {[]byte(ftypMP4), "audio/mp4", "", media.Type{Kind: chat.KindAudio, ContentType: "audio/mp4", Ext: ".m4a", Inline: true, Agrees: true}},
		"video":             {[]byte(ftypMP4), "video/mp4", "a.mp4", media.Type{Kind: chat.KindVideo, ContentType: "video/mp4", Ext: ".mp4", Inline: true, Agrees: true}},
		"3gp":               {[]byte("\x00\x00\x00\x18ftyp3gp4\x00\x00\x00\x003gp4isom"), "video/3gpp", "", media.Type{Kind: chat.KindVideo, ContentType: "video/3gpp", Ext: ".3gp", Inline: true, Agrees: true}},
		"webm from browser": {[]byte("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"), "audio/webm;codecs=opus", "voice.webm", media.Type{Kind: chat.KindAudio, ContentType: "audio/webm", Ext: ".weba", Inline: true, Agrees: true}},
		"pdf":               {[]byte("%PDF-1.7\n1 0 obj<</JS(app.alert(1))>>"), "application/pdf", "a.pdf", media.Type{Kind: chat.KindDocument, ContentType: "application/pdf", Ext: ".pdf", Agrees: true}},
		"docx":              {zipOf(t, "[Content_Types].xml", "word/document.xml"), "application/zip", "a.docx", media.Type{Kind: chat.KindDocument, ContentType: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Ext: ".docx", Agrees: true}},
		"text":              {[]byte("hello\nworld"), "text/plain; charset=utf-8", "a.txt", media.Type{Kind: chat.KindDocument, ContentType: "text/plain", Ext: ".txt", Agrees: true}},
		"csv":               {[]byte("a,b,c\n1,2,3\n4,5,6\n"), "text/plain", "a.csv", media.Type{Kind: chat.KindDocument, ContentType: "text/csv", Ext: ".csv", Agrees: true}},
		"empty":             {nil, "", "", media.Type{Kind: chat.KindDocument, ContentType: "text/plain", Ext: ".txt", Agrees: true}},
		// B62, B70: what lies is kept under what it is, and not shown in place.
		"pdf called image":  {[]byte("%PDF-1.7\n"), "image/jpeg", "a.jpg", media.Type{Kind: chat.KindDocument, ContentType: "application/pdf", Ext: ".pdf"}},
		"image called html": {pngOf(t, img), "text/html", "a.html", media.Type{Kind: chat.KindImage, ContentType: "image/png", Ext: ".png"}},
		"image named html":  {pngOf(t, img), "image/png", "a.png.html", media.Type{Kind: chat.KindImage, ContentType: "image/png", Ext: ".png"}},
		"image called svg":  {pngOf(t, img), "image/svg+xml", "a.png", media.Type{Kind: chat.KindImage, ContentType: "image/png", Ext: ".png"}},
		"image called song": {pngOf(t, img), "audio/mpeg", "a.mp3", media.Type{Kind: chat.KindImage, ContentType: "image/png", Ext: ".png"}},
		"garbled type":      {pngOf(t, img), "image/png; x", "a.png", media.Type{Kind: chat.KindImage, ContentType: "image/png", Ext: ".png", Inline: true, Agrees: true}},
	} {
		if got := media.Sniff(c.head, c.declared, c.filename); got != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, c.want)
		}
	}
}

// B61, B62: nothing that a browser could run keeps its type, whatever is declared and whatever comes before it.
func TestWhatABrowserCouldRunIsOctets(t *testing.T) {
	t.Parallel()
	img := picture(4, 4)
	gifScript := append([]byte("GIF89a/*"), gifOf(t, 4, 4, 1)[8:]...)
	jpgScript := append([]byte("\xff\xd8\xff\xe0/*JFIF"), jpegOf(t, img)...)
	for name, head := range map[string][]byte{
		"svg":                      []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"svg behind a prolog":      []byte(`<?xml version="1.0"?><!DOCTYPE svg><svg onload="alert(1)"/>`),
		"html":                     []byte("<!DOCTYPE html><html><script>alert(1)</script>"),
		"html behind spaces":       []byte("\n\n   <html><body onload=alert(1)>"),
		"xhtml":                    []byte(`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"></html>`),
		"xml":                      []byte(`<?xml version="1.0"?><a/>`),
		"script by its first line": []byte("#!/usr/bin/env node\nalert(1)"),
		"php":                      []byte("<?php echo 1;"),
		"shell":                    []byte("#!/bin/sh\nrm -rf /"),
		"json":                     []byte(`{"a":1}`),
		"gif and script":           gifScript,
		"jpeg and script":          jpgScript,
		"png with html inside":     append(pngOf(t, img), "<html><script>alert(1)</script>"...),
		"mp4 with svg inside":      []byte(ftypMP4 + "<SVG onload=alert(1)>"),
		"exe":                      []byte("MZ\x90\x00\x03\x00\x00\x00"),
		"swf":                      []byte("CWS\x0a\x00\x00\x00\x00"),
		"wasm":                     []byte("\x00asm\x01\x00\x00\x00"),
		"jar":                      zipOf(t, "META-INF/MANIFEST.MF"),
		"ogg of unknown content":   oggPage(1, 0, "something else"),
	} {
		for _, declared := range []string{"", "image/png", "image/svg+xml", "image/svg+xml; x", "text/html", "audio/ogg", octets} {
			for _, filename := range []string{"", "a.png", "a.svg"} {
				got := media.Sniff(head, declared, filename)
				if got.ContentType != octets || got.Inline || got.Ext != "" || got.Kind != chat.KindDocument {
					t.Errorf("%s declared %q named %q: %+v", name, declared, filename, got)
				}
			}
		}
	}
	for _, filename := range []string{"a.html", "a.JS", "a.svg", "a.xml", "a.unknown"} {
		if got := media.Sniff([]byte("alert(1) // is this prose?"), "text/plain", filename); got.ContentType != octets {
			t.Errorf("prose named %s: %+v", filename, got)
		}
	}
}

// B64: an archive is judged by its first bytes and never unpacked.
func TestAnArchiveIsNotUnpacked(t *testing.T) { // not parallel: it counts allocations
	bomb := zipOf(t, "lib0.zip", "lib1.zip", "lib2.zip")
	want := media.Sniff(bomb, "application/zip", "42.zip")
	if want.ContentType != "application/zip" || want.Inline || want.Kind != chat.KindDocument {
		t.Fatalf("%+v", want)
	}
	huge := append(bytes.Clone(bomb), make([]byte, 8<<20)...)
	if got := media.Sniff(huge, "application/zip", "42.zip"); got != want {
		t.Errorf("%+v", got)
	}
	if allocated := testing.AllocsPerRun(5, func() { media.Sniff(huge, "application/zip", "42.zip") }); allocated > 100 {
		t.Errorf("%v allocations", allocated)
	}
}

// S19, B61: thirty spellings of types that a browser could run; each is served as octets to be saved.
func TestOnlyHarmlessTypesAreServedInPlace(t *testing.T) {
	t.Parallel()
	for _, spelling := range []string{
		"text/html", "TEXT/HTML", "text/html; charset=utf-8", " text/html", "text/html ", "text/html;", "text/html;x", "text/html,image/png",
		"text/html\t", "image/svg+xml", "image/svg+xml; x", "image/svg+xml;charset=utf-8", "IMAGE/SVG+XML", "image/svg", "application/xml", "text/xml",
		"application/xhtml+xml", "application/javascript", "text/javascript", "application/x-javascript", "text/ecmascript", "application/json",
		"application/x-shockwave-flash", "multipart/mixed", "message/rfc822", "", "image", "image/", "*/*", "image/png, text/html", "image/*", "application/octet-stream",
		"image/png\r\nX: y",
	} {
		h := media.Headers(spelling, "a", true)
		if h["Content-Type"] != octets || !strings.HasPrefix(h["Content-Disposition"], "attachment;") {
			t.Errorf("%q: %v", spelling, h)
		}
	}
	for _, c := range []struct{ contentType, served, how string }{
		{"image/png", "image/png", "inline"},
		{"IMAGE/PNG; x=y", "image/png", "inline"},
		{"audio/ogg; codecs=opus", "audio/ogg", "inline"},
		{"video/mp4", "video/mp4", "inline"},
		{"application/pdf", "application/pdf", "attachment"},
		{"text/plain", "text/plain", "attachment"},
		{"audio/amr", "audio/amr", "attachment"},
		{"image/heic", "image/heic", "attachment"},
	} {
		h := media.Headers(c.contentType, "a.bin", true)
		if h["Content-Type"] != c.served || !strings.HasPrefix(h["Content-Disposition"], c.how+";") {
			t.Errorf("%q: %v", c.contentType, h)
		}
		if saved := media.Headers(c.contentType, "a.bin", false); !strings.HasPrefix(saved["Content-Disposition"], "attachment;") {
			t.Errorf("%q to be saved: %v", c.contentType, saved)
		}
		if h["X-Content-Type-Options"] != "nosniff" || h["Content-Security-Policy"] != "default-src 'none'; sandbox" || h["Referrer-Policy"] != "no-referrer" {
			t.Errorf("%q: %v", c.contentType, h)
		}
	}
}

// B65: what strangers call files.
func TestAStrangersFileNameIsMadeSafe(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"report.pdf":                        "report.pdf",
		"../../etc/passwd":                  "passwd",
		`C:\Users\x\evil.exe`:               "evil.exe",
		"a\r\nSet-Cookie: x=y":              "aSet-Cookie_ x=y",
		"a\x00b.txt":                        "ab.txt",
		"CON":                               "_CON",
		"con.txt":                           "_con.txt",
		"LPT1 .txt":                         "_LPT1 .txt",
		"COM¹":                              "_COM¹",
		"COMIC.txt":                         "COMIC.txt",
		"Fatura Ağustos 2026 ✅.pdf":         "Fatura Ağustos 2026 ✅.pdf",
		"👩‍👩‍👧.png":                         "👩‍👩‍👧.png",
		"invoice\u202efdp.exe":              "invoicefdp.exe",
		"\ufeffa\u200fb\u2066c\u2069.txt":   "abc.txt",
		`a<b>:"|?*c`:                        "a_b______c",
		"  . hidden . ":                     "hidden",
		"bad\xffutf8":                       "bad_utf8",
		"":                                  "file",
		"...":                               "file",
		"dir/":                              "file",
		strings.Repeat("x", 1024) + ".jpeg": strings.Repeat("x", 145) + ".jpeg",
		strings.Repeat("ş", 200):            strings.Repeat("ş", 75),
		"x" + strings.Repeat("ş", 200):      "x" + strings.Repeat("ş", 74),
		"a." + strings.Repeat("b", 300):     "a." + strings.Repeat("b", 148),
	} {
		if got := media.SafeName(name); got != want {
			t.Errorf("SafeName(%.40q) = %q, want %q", name, got, want)
		}
	}
}

func TestADispositionCarriesTheNameTwice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		inline bool
		want   string
	}{
		{"a.png", true, `inline; filename="a.png"; filename*=UTF-8''a.png`},
		{"Ağ 1%41.pdf", false, `attachment; filename="A_ 1_41.pdf"; filename*=UTF-8''A%C4%9F%201%2541.pdf`},
		{"../x\"y\\z;w.html", false, `attachment; filename="z;w.html"; filename*=UTF-8''z%3Bw.html`},
		{"", false, `attachment; filename="file"; filename*=UTF-8''file`},
	} {
		if got := media.ContentDisposition(c.name, c.inline); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// FuzzContentDisposition: whatever the name, the header is one line of ASCII that reads back as the safe name; making a
// name safe twice changes nothing.
func FuzzContentDisposition(f *testing.F) {
	for _, seed := range []string{"a.png", "../../etc/passwd", "a\r\nSet-Cookie: x", "CON.txt", "✅\u202e", `"\;%41`, "\xff", "COM1 .x", ". . .", strings.Repeat("ş.", 200), "CON." + strings.Repeat("x", 200)} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, name string, inline bool) {
		safe := media.SafeName(name)
		if safe == "" || len(safe) > 151 || !utf8.ValidString(safe) || strings.ContainsAny(safe, `/\`) || safe == "." || safe == ".." {
			t.Fatalf("SafeName(%q) = %q", name, safe)
		}
		if strings.ContainsFunc(safe, unicode.IsControl) {
			t.Fatalf("control character in %q", safe)
		}
		if again := media.SafeName(safe); again != safe {
			t.Fatalf("%q is made safe as %q, and that as %q", name, safe, again)
		}
		header := media.ContentDisposition(name, inline)
		for _, c := range []byte(header) {
			if c < 0x20 || c > 0x7e {
				t.Fatalf("byte %#x in %q", c, header)
			}
		}
		how, params, err := mime.ParseMediaType(header)
		if err != nil || params["filename"] != safe || len(params) != 1 || (how == "inline") != inline {
			t.Fatalf("%s reads as %s %v, %v", header, how, params, err)
		}
	})
}
