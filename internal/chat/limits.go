package chat

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Limits are what a channel can carry: facts of its driver. The composer, the API's checks and the sender read them;
// nothing asks for a kind by name.
type Limits struct {
	Templates bool                       `json:"templates"`
	TextLimit int                        `json:"text_limit"` // most characters of a text; 0 = unlimited
	TextBytes bool                       `json:"text_bytes"` // TextLimit counts UTF-8 bytes
	Caption   int                        `json:"caption"`    // most characters of a caption; 0 = media carry none
	Media     map[MessageKind]MediaLimit `json:"media"`
	Location  bool                       `json:"location"`
	Reactions bool                       `json:"reactions"`
	ReplyTo   bool                       `json:"reply_to"`
	Buttons   int                        `json:"buttons"` // most reply buttons; 0 = none
	List      bool                       `json:"list"`
	Typing    bool                       `json:"typing"`
	ReadMarks bool                       `json:"read_marks"` // the contact can be shown that we read
	Delivered bool                       `json:"delivered"`  // the provider reports delivery
	Read      bool                       `json:"read"`       // the provider reports reading
	Profiles  bool                       `json:"-"`          // names are to be asked for

	// PerSecond is the default send rate of an account, PairEvery the sustained distance between messages to one
	// contact and PairBurst how many may go at once; zero = no limit of ours.
	PerSecond int           `json:"-"`
	PairEvery time.Duration `json:"-"`
	PairBurst int           `json:"-"`
	// Idempotent says that sending the same message id twice reaches the contact once.
	Idempotent bool `json:"-"`
	// Direct says that a stored message needs no provider: the contact reads it from us (web chat).
	Direct bool `json:"-"`
}

// MediaLimit is what files of one kind a channel takes.
type MediaLimit struct {
	Types []string `json:"types"` // media types; "image/*" stands for a family; empty = any
	Bytes int64    `json:"bytes"` // largest size
}

// Takes tells whether a file of this media type may be sent.
func (m MediaLimit) Takes(mediaType string) bool {
	mediaType, _, _ = strings.Cut(mediaType, ";")
	mediaType = strings.TrimSpace(mediaType)
	for _, t := range m.Types {
		family, all := strings.CutSuffix(t, "/*")
		if t == mediaType || (all && strings.HasPrefix(mediaType, family+"/")) {
			return true
		}
	}
	return len(m.Types) == 0
}

// CheckText refuses an empty or overlong text. A caption has a limit of its own.
func (l Limits) CheckText(text string, caption bool) error {
	limit := l.TextLimit
	if caption {
		limit = l.Caption
	} else if strings.TrimSpace(text) == "" {
		return Errorf(CodeEmptyMessage, "nothing to send")
	}
	n := utf8.RuneCountInString(text)
	if l.TextBytes {
		n = len(text)
	}
	if (limit > 0 || caption) && n > limit {
		return Errorf(CodeTextTooLong, "%d over the limit of %d", n-limit, limit).With("limit", limit).With("over", n-limit)
	}
	return nil
}

// CheckMedia refuses a file that the channel does not take.
func (l Limits) CheckMedia(kind MessageKind, mediaType string, size int64) error {
	m, ok := l.Media[kind]
	switch {
	case !ok:
		return Errorf(CodeNotSupported, "the channel carries no %s", kind)
	case !m.Takes(mediaType):
		return Errorf(CodeMediaType, "the channel does not take %s as %s", mediaType, kind).With("type", mediaType)
	case m.Bytes > 0 && size > m.Bytes:
		return Errorf(CodeMediaTooLarge, "over the channel's limit").With("limit", m.Bytes).With("size", size)
	}
	return nil
}

// CheckButtons refuses buttons that the channel cannot show. Titles of WhatsApp's reply buttons hold 20 characters, ids
// 256 (PROTOCOLS.md §3); the other channels are not narrower.
func (l Limits) CheckButtons(buttons []Button) error {
	switch {
	case l.Buttons == 0:
		return Errorf(CodeNotSupported, "the channel has no buttons")
	case len(buttons) > l.Buttons:
		return Errorf(CodeInvalid, "at most %d buttons", l.Buttons).With("limit", l.Buttons)
	}
	seen := map[string]bool{}
	for _, b := range buttons {
		if n := utf8.RuneCountInString(b.Title); n == 0 || n > 20 {
			return Errorf(CodeTextTooLong, "a button's title has 1 to 20 characters").With("limit", 20)
		}
		if b.ID == "" || len(b.ID) > 256 || seen[b.ID] {
			return Errorf(CodeInvalid, "each button needs an id of its own, of at most 256 bytes")
		}
		seen[b.ID] = true
	}
	return nil
}

// CheckList refuses a list that the channel cannot show: at most 10 rows in all (PROTOCOLS.md §3).
func (l Limits) CheckList(list List) error {
	if !l.List {
		return Errorf(CodeNotSupported, "the channel has no lists")
	}
	if n := utf8.RuneCountInString(list.Button); n == 0 || n > 20 {
		return Errorf(CodeTextTooLong, "the list's button has 1 to 20 characters").With("limit", 20)
	}
	rows, seen := 0, map[string]bool{}
	for _, s := range list.Sections {
		if utf8.RuneCountInString(s.Title) > 24 || (s.Title == "" && len(list.Sections) > 1) {
			return Errorf(CodeInvalid, "each of several sections has a title of at most 24 characters")
		}
		for _, r := range s.Rows {
			rows++
			if n := utf8.RuneCountInString(r.Title); n == 0 || n > 24 || utf8.RuneCountInString(r.Description) > 72 {
				return Errorf(CodeTextTooLong, "a row's title has 1 to 24 characters, its description at most 72").With("limit", 24)
			}
			if r.ID == "" || len(r.ID) > 200 || seen[r.ID] {
				return Errorf(CodeInvalid, "each row needs an id of its own, of at most 200 bytes")
			}
			seen[r.ID] = true
		}
	}
	if rows == 0 || rows > 10 {
		return Errorf(CodeInvalid, "a list has 1 to 10 rows").With("limit", 10)
	}
	return nil
}
