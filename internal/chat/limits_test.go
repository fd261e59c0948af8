package chat_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/chat"
)

func TestATextIsRefusedWhenItIsEmptyOrTooLong(t *testing.T) {
	t.Parallel()
	in := chat.Limits{TextLimit: 10, Caption: 4}
	bytes := chat.Limits{TextLimit: 10, TextBytes: true}
	for name, c := range map[string]struct {
		limits  chat.Limits
		text    string
		caption bool
		want    chat.Code
		over    int
	}{
		"at the limit":                {in, strings.Repeat("ş", 10), false, "", 0},
		"one over":                    {in, strings.Repeat("ş", 11), false, chat.CodeTextTooLong, 1},
		"empty":                       {in, "", false, chat.CodeEmptyMessage, 0},
		"blank":                       {in, " \n\t\u2003", false, chat.CodeEmptyMessage, 0},
		"a caption":                   {in, "four", true, "", 0},
		"no caption":                  {in, "", true, "", 0},
		"a long caption":              {in, "seven!!", true, chat.CodeTextTooLong, 3},
		"in bytes":                    {bytes, strings.Repeat("ş", 5), false, "", 0},
		"too many bytes":              {bytes, strings.Repeat("ş", 6), false, chat.CodeTextTooLong, 2},
		"unlimited":                   {chat.Limits{}, strings.Repeat("x", 100_000), false, "", 0},
		"a caption where none may be": {chat.Limits{}, "x", true, chat.CodeTextTooLong, 1},
	} {
		err := c.limits.CheckText(c.text, c.caption)
		if code(err) != c.want {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e, ok := errors.AsType[*chat.Error](err); ok && c.want == chat.CodeTextTooLong && e.Details["over"] != c.over {
			t.Errorf("%s: %v", name, e.Details)
		}
	}
}

func TestAFileIsRefusedForItsKindItsTypeOrItsSize(t *testing.T) {
	t.Parallel()
	l := chat.Limits{Media: map[chat.MessageKind]chat.MediaLimit{
		chat.KindImage: {Types: []string{"image/png", "image/jpeg"}, Bytes: 100}, chat.KindVideo: {Types: []string{"video/*"}}, chat.KindDocument: {},
	}}
	for name, c := range map[string]struct {
		kind chat.MessageKind
		typ  string
		size int64
		want chat.Code
	}{
		"a picture":         {chat.KindImage, "image/png", 100, ""},
		"with parameters":   {chat.KindImage, "image/jpeg; quality=1", 1, ""},
		"too large":         {chat.KindImage, "image/png", 101, chat.CodeMediaTooLarge},
		"another type":      {chat.KindImage, "image/webp", 1, chat.CodeMediaType},
		"of a family":       {chat.KindVideo, "video/mp4", 1 << 40, ""},
		"not of the family": {chat.KindVideo, "videotape/vhs", 1, chat.CodeMediaType},
		"any document":      {chat.KindDocument, "application/x-anything", 1, ""},
		"another kind":      {chat.KindAudio, "audio/ogg", 1, chat.CodeNotSupported},
	} {
		if err := l.CheckMedia(c.kind, c.typ, c.size); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestButtonsAreRefusedThatTheChannelCannotShow(t *testing.T) {
	t.Parallel()
	l := chat.Limits{Buttons: 3}
	b := func(ids ...string) (out []chat.Button) {
		for _, id := range ids {
			out = append(out, chat.Button{ID: id, Title: "Title"})
		}
		return out
	}
	titled := func(title string) []chat.Button { return []chat.Button{{ID: "a", Title: title}} }
	for name, c := range map[string]struct {
		limits  chat.Limits
		buttons []chat.Button
		want    chat.Code
	}{
		"three": {l, b("a", "b", "c"), ""}, "four": {l, b("a", "b", "c", "d"), chat.CodeInvalid}, "the same id": {l, b("a", "a"), chat.CodeInvalid},
		"no id": {l, b(""), chat.CodeInvalid}, "a long id": {l, b(strings.Repeat("x", 257)), chat.CodeInvalid},
		"20 characters": {l, titled(strings.Repeat("ş", 20)), ""}, "21 characters": {l, titled(strings.Repeat("ş", 21)), chat.CodeTextTooLong},
		"no title": {l, titled(""), chat.CodeTextTooLong}, "a channel without": {chat.Limits{}, b("a"), chat.CodeNotSupported},
	} {
		if err := c.limits.CheckButtons(c.buttons); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAListIsRefusedThatTheChannelCannotShow(t *testing.T) {
	t.Parallel()
	l := chat.Limits{List: true}
	rows := func(n int) (out []chat.ListRow) {
		for i := range n {
			out = append(out, chat.ListRow{ID: string(rune('a' + i)), Title: "Row"})
		}
		return out
	}
	one := func(r ...chat.ListRow) chat.List {
		return chat.List{Button: "Choose", Sections: []chat.ListSection{{Rows: r}}}
	}
	for name, c := range map[string]struct {
		limits chat.Limits
		list   chat.List
		want   chat.Code
	}{
		"ten rows": {l, one(rows(10)...), ""}, "eleven": {l, one(rows(11)...), chat.CodeInvalid}, "none": {l, one(), chat.CodeInvalid},
		"no button":      {l, chat.List{Sections: one(rows(1)...).Sections}, chat.CodeTextTooLong},
		"a long button":  {l, chat.List{Button: strings.Repeat("ş", 21), Sections: one(rows(1)...).Sections}, chat.CodeTextTooLong},
		"a long row":     {l, one(chat.ListRow{ID: "a", Title: strings.Repeat("ş", 25)}), chat.CodeTextTooLong},
		"a long text":    {l, one(chat.ListRow{ID: "a", Title: "Row", Description: strings.Repeat("ş", 73)}), chat.CodeTextTooLong},
		"the same id":    {l, one(chat.ListRow{ID: "a", Title: "Row"}, chat.ListRow{ID: "a", Title: "Row"}), chat.CodeInvalid},
		"a nameless one": {l, chat.List{Button: "Choose", Sections: []chat.ListSection{{Title: "One", Rows: rows(1)}, {Rows: rows(1)}}}, chat.CodeInvalid},
		"a long name":    {l, chat.List{Button: "Choose", Sections: []chat.ListSection{{Title: strings.Repeat("ş", 25), Rows: rows(1)}}}, chat.CodeInvalid},
		"no lists":       {chat.Limits{}, one(rows(1)...), chat.CodeNotSupported},
	} {
		if err := c.limits.CheckList(c.list); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
