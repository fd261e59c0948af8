package bench

import (
	"context"
	"net/url"

	"gatehouse/internal/bench/agent"
	"gatehouse/internal/chat"
)

// Search asks for contacts by name and address, which is all that can be searched in this version: the text of messages
// cannot, and nothing here pretends it.
type Search Inbox

// Run searches the views, by names that many have, few have and nobody has.
func (c Search) Run(ctx context.Context) (InboxReport, error) {
	return Inbox(c).run(ctx, 5, func(s *screen) []question { return s.searches() })
}

func (s *screen) searches() []question {
	var out []question
	find := func(what, text string, who []*agent.Agent, name string, view chat.View) {
		path := "/conversations?limit=50&view=" + string(view) + "&q=" + url.QueryEscape(text)
		out = append(out, question{name: "contacts by " + what + ", " + string(view) + ", " + name, who: who, path: same(path), rate: searchRate})
	}
	for _, x := range []struct{ what, text string }{
		{"a common name", "yılmaz"}, {"a full name", "Elif Yıldız"}, {"a rare name", rareName}, {"a name that nobody has", "Xaver Qvist"}, {"digits of a number", "4711"},
	} {
		find(x.what, x.text, s.admins, "an admin", chat.ViewAll)
		find(x.what, x.text, s.agents, "an agent", chat.ViewAll)
	}
	find("a common name", "yılmaz", s.agents, "an agent", chat.ViewMine)
	find("a common name", "yılmaz", s.wide, "an agent of five departments", chat.ViewQueue)
	return out
}
