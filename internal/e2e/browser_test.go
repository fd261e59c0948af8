package e2e

import "testing"

// TestInABrowser plays what people do, in a real Chromium on real instances of the released program. Each story has an
// instance of its own; browser/stage.mjs says what no page may ever do. With SHOTS=/a/folder, a picture of every page stays there.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	b := newBrowserHouse(t)
	for _, story := range []struct {
		script, says string
		bare         bool // without the demo: nobody is there yet
		full         bool // with `gatehouse bench desk`
	}{
		{script: "whatsapp", says: "WhatsApp from the first word to taken up again"},
		{script: "instagram", says: "Instagram and the seven days of a person"},
		{script: "widget", says: "the chat on a shop's site"},
		{script: "keyboard", says: "a day without a pointer"},
		{script: "loss", says: "nothing is lost"},
		{script: "still", says: "nothing moves"},
		{script: "canaries", says: "markup stays text"},
		{script: "console", says: "an administrator at work"},
		{script: "ops", says: "is all well, and what to do if not"},
		{script: "security", says: "sessions, the second factor, a lost phone"},
		{script: "matrix", says: "every page, light, dark, on a phone, in Turkish"},
		{script: "entry", says: "who gets in", bare: true},
		{script: "large", says: "a thousand conversations", bare: true, full: true},
	} {
		t.Run(story.says, func(t *testing.T) {
			t.Parallel()
			s := b.serve(t, story.bare)
			if story.full {
				s.fill()
			}
			playStory(t, s, story.script)
		})
	}
}
