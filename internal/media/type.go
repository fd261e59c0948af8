package media

import (
	"bytes"
	"mime"
	"path"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"gatehouse/internal/chat"
)

// SniffLen is how many of a file's first bytes Sniff wants; fewer are enough for a short file.
const SniffLen = 3072

// unknownType is what everything is that we do not know or do not trust.
const unknownType = "application/octet-stream"

// Type is what a file is by its bytes.
type Type struct {
	Kind        chat.MessageKind // image, video, audio or document
	ContentType string           // from a closed list; application/octet-stream for all else
	Ext         string           // with its dot; "" for application/octet-stream
	Inline      bool             // may be shown in place: on the list of harmless types, and what it was said to be
	Agrees      bool             // declared type and name say nothing else than the bytes
}

// known is the closed list of types that keep their name. What a browser could run, HTML, SVG, XML and scripts in any
// spelling, is not on it.
func known(contentType string) Type {
	t := Type{ContentType: contentType, Kind: chat.KindDocument}
	switch contentType {
	case "image/jpeg":
		t.Kind, t.Ext, t.Inline = chat.KindImage, ".jpg", true
	case "image/png":
		t.Kind, t.Ext, t.Inline = chat.KindImage, ".png", true
	case "image/gif":
		t.Kind, t.Ext, t.Inline = chat.KindImage, ".gif", true
	case "image/webp":
		t.Kind, t.Ext, t.Inline = chat.KindImage, ".webp", true
	case "image/heic":
		t.Kind, t.Ext = chat.KindImage, ".heic"
	case "image/heif":
		t.Kind, t.Ext = chat.KindImage, ".heif"
	case "image/avif":
		t.Kind, t.Ext = chat.KindImage, ".avif"
	case "image/tiff":
		t.Kind, t.Ext = chat.KindImage, ".tiff"
	case "image/bmp":
		t.Kind, t.Ext = chat.KindImage, ".bmp"
	case "video/mp4":
		t.Kind, t.Ext, t.Inline = chat.KindVideo, ".mp4", true
	case "video/webm":
		t.Kind, t.Ext, t.Inline = chat.KindVideo, ".webm", true
	case "video/ogg":
		t.Kind, t.Ext, t.Inline = chat.KindVideo, ".ogv", true
	case "video/quicktime":
		t.Kind, t.Ext, t.Inline = chat.KindVideo, ".mov", true
	case "video/3gpp":
		t.Kind, t.Ext, t.Inline = chat.KindVideo, ".3gp", true
	case "video/x-msvideo":
		t.Kind, t.Ext = chat.KindVideo, ".avi"
	case "audio/ogg":
		t.Kind, t.Ext, t.Inline = chat.KindAudio, ".ogg", true
	case "audio/mpeg":
		t.Kind, t.Ext, t.Inline = chat.KindAudio, ".mp3", true
	case "audio/aac":
		t.Kind, t.Ext, t.Inline = chat.KindAudio, ".aac", true
	case "audio/mp4":
		t.Kind, t.Ext, t.Inline = chat.KindAudio, ".m4a", true
	case "audio/webm":
		t.Kind, t.Ext, t.Inline = chat.KindAudio, ".weba", true
	case "audio/wav":
		t.Kind, t.Ext, t.Inline = chat.KindAudio, ".wav", true
	case "audio/flac":
		t.Kind, t.Ext, t.Inline = chat.KindAudio, ".flac", true
	case "audio/3gpp":
		t.Kind, t.Ext = chat.KindAudio, ".3ga"
	case "audio/amr": // no browser plays it
		t.Kind, t.Ext = chat.KindAudio, ".amr"
	case "application/pdf":
		t.Ext = ".pdf"
	case "application/msword":
		t.Ext = ".doc"
	case "application/vnd.ms-excel":
		t.Ext = ".xls"
	case "application/vnd.ms-powerpoint":
		t.Ext = ".ppt"
	case "application/vnd.openxmlformats-officedocument.wordprocessingml.document":
		t.Ext = ".docx"
	case "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":
		t.Ext = ".xlsx"
	case "application/vnd.openxmlformats-officedocument.presentationml.presentation":
		t.Ext = ".pptx"
	case "application/vnd.oasis.opendocument.text":
		t.Ext = ".odt"
	case "application/vnd.oasis.opendocument.spreadsheet":
		t.Ext = ".ods"
	case "application/vnd.oasis.opendocument.presentation":
		t.Ext = ".odp"
	case "application/zip":
		t.Ext = ".zip"
	case "application/vnd.rar":
		t.Ext = ".rar"
	case "application/x-7z-compressed":
		t.Ext = ".7z"
	case "application/gzip":
		t.Ext = ".gz"
	case "text/rtf":
		t.Ext = ".rtf"
	case "text/plain":
		t.Ext = ".txt"
	case "text/csv":
		t.Ext = ".csv"
	case "text/vcard":
		t.Ext = ".vcf"
	case "text/calendar":
		t.Ext = ".ics"
	default:
		t.ContentType = unknownType
	}
	return t
}

// Sniff says what a file is by its first bytes (SniffLen of them, or all). The declared type and the file's name are
// not believed. They decide one thing, whether an MP4, WebM or 3GP container is sound or picture, which its first bytes
// do not tell; and where they contradict the bytes, the file is not shown in place. A file of a harmless type that also
// holds markup or starts a script is application/octet-stream.
func Sniff(head []byte, declared, filename string) Type {
	head = head[:min(len(head), SniffLen)]
	claim := mediaType(declared)
	found := mimetype.Detect(head)
	t := known(soundOnly(canonical(found), claim))
	if t.Inline && polyglot(head) || strings.HasPrefix(t.ContentType, "text/") && !isTextName(filename) {
		t = known(unknownType)
	}
	t.Agrees = claimAgrees(t, found, claim) && nameAgrees(t, filename)
	t.Inline = t.Inline && t.Agrees
	return t
}

// mediaType is the type/subtype of a Content-Type header, "" for none, unknownType for what is not one.
func mediaType(header string) string {
	if header == "" {
		return ""
	}
	t, _, err := mime.ParseMediaType(header)
	if err != nil {
		return unknownType
	}
	return t
}

// canonical gives the detector's type the name that known uses.
func canonical(m *mimetype.MIME) string {
	t, _, _ := strings.Cut(m.String(), ";")
	switch t {
	case "image/apng":
		return "image/png"
	case "image/heic-sequence":
		return "image/heic"
	case "image/heif-sequence":
		return "image/heif"
	case "audio/x-m4a":
		return "audio/mp4"
	case "video/x-m4v":
		return "video/mp4"
	case "text/tab-separated-values":
		return "text/csv"
	}
	return t
}

// soundOnly turns a container of moving pictures into one of sound where that is what was declared: browsers record
// sound as WebM, and phones as MP4, without saying so in the first bytes.
func soundOnly(found, claim string) string {
	if !strings.HasPrefix(claim, "audio/") {
		return found
	}
	switch found {
	case "video/mp4":
		return "audio/mp4"
	case "video/webm":
		return "audio/webm"
	case "video/3gpp":
		return "audio/3gpp"
	}
	return found
}

// polyglot recognises a file that is harmless as what it seems and something else when read as markup or as a script:
// tags within the first bytes, or a script's comment where the header of the format has a length.
func polyglot(head []byte) bool {
	lower := bytes.ToLower(head)
	for _, tag := range []string{"<script", "<html", "<svg", "<!doctype", "<iframe", "<body", "<?php", "javascript:"} {
		if bytes.Contains(lower, []byte(tag)) {
			return true
		}
	}
	for magic, at := range map[string]int{"GIF87a": 6, "GIF89a": 6, "\xff\xd8\xff": 4, "RIFF": 4} {
		if bytes.HasPrefix(head, []byte(magic)) && len(head) > at+1 {
			if next := string(head[at : at+2]); next == "/*" || next == "//" {
				return true
			}
		}
	}
	return false
}

// claimAgrees reports whether a declared type names the found one, a broader one, or another of the same family.
func claimAgrees(t Type, found *mimetype.MIME, claim string) bool {
	if claim == "" || claim == unknownType || claim == "binary/octet-stream" {
		return true
	}
	for m := found; m != nil; m = m.Parent() {
		if m.Is(claim) {
			return t.ContentType != unknownType || m == found
		}
	}
	switch family, _, _ := strings.Cut(claim, "/"); t.Kind {
	case chat.KindImage:
		return family == "image" && claim != "image/svg+xml"
	case chat.KindVideo, chat.KindAudio: // one container holds either
		return family == "video" || family == "audio"
	}
	return t.ContentType == claim
}

// nameAgrees reports whether a file name's extension is none, one that says nothing to us, or one of the same kind.
func nameAgrees(t Type, filename string) bool {
	ext := strings.ToLower(path.Ext(filename))
	kind, ok := extensionKind(ext)
	return !active(ext) && (!ok || kind == t.Kind)
}

func extensionKind(ext string) (chat.MessageKind, bool) {
	switch ext {
	case ".jpg", ".jpeg", ".jpe", ".png", ".gif", ".webp", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp":
		return chat.KindImage, true
	case ".m4v", ".mov", ".ogv", ".avi", ".mkv":
		return chat.KindVideo, true
	case ".mp3", ".m4a", ".aac", ".amr", ".oga", ".opus", ".wav", ".flac", ".weba", ".3ga":
		return chat.KindAudio, true
	case ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt", ".ods", ".odp", ".zip", ".rtf", ".txt", ".csv":
		return chat.KindDocument, true
	}
	return "", false // .mp4, .3gp, .ogg and .webm hold sound or picture; the rest is unknown
}

// active reports whether an extension makes a browser or a desktop run what it opens.
func active(ext string) bool {
	switch ext {
	case ".html", ".htm", ".xhtml", ".xht", ".shtml", ".mht", ".mhtml", ".svg", ".svgz", ".xml", ".xsl", ".xslt",
		".js", ".mjs", ".cjs", ".php", ".hta", ".htc", ".swf", ".wasm", ".exe", ".com", ".bat", ".cmd", ".msi", ".scr",
		".ps1", ".vbs", ".jar", ".lnk", ".reg", ".sh":
		return true
	}
	return false
}

// isTextName reports whether a text of this name is just that, and not a script that the detector took for prose.
func isTextName(filename string) bool {
	switch strings.ToLower(path.Ext(filename)) {
	case "", ".txt", ".text", ".log", ".md", ".csv", ".tsv", ".vcf", ".ics", ".rtf":
		return true
	}
	return false
}
