package e2e

import "testing"

// TestInABrowser plays what people do, in a real Chromium on real instances of the released program. Each story has an
// instance of its own; browser/stage.mjs says what no page may ever do.
func TestInABrowser(t *testing.T) {
	t.Parallel()
	b := newBrowserHouse(t)
	for _, story := range []struct {
		script, says string
		bare         bool // without the demo: nobody is there yet
	}{
		{script: "whatsapp", says: "WhatsApp from the first word to taken up again"},
		{script: "widget", says: "the same through the chat on a site"},
		{script: "instagram", says: "Instagram and the seven days of a person"},
		{script: "loss", says: "nothing is lost, nothing is doubled"},
		{script: "keyboard", says: "a working day without a pointer"},
		{script: "still", says: "nothing moves under the pointer"},
		{script: "entry", says: "who gets in, and what they find", bare: true},
		{script: "console", says: "an admin furnishes the desk"},
		{script: "canaries", says: "markup stays text"},
		{script: "matrix", says: "every page, in both themes, at every width"},
	} {
		t.Run(story.says, func(t *testing.T) {
			t.Parallel()
			s := b.serve(t, story.bare)
			playStory(t, s, story.script)
		})
	}
}
