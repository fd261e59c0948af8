package api

import (
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
)

// DeskLists is what the desk is made of, list by list, under the names by which notices of changed settings call them. A
// list that was not asked for is left out; an empty one is [].
type DeskLists struct {
	// Versions were read before the lists, so that no list is older than its version says (live.welcomeFrame).
	Versions      map[string]int64 `json:"versions"`
	Departments   []Department     `json:"departments,omitzero"`
	Agents        []Agent          `json:"agents,omitzero"`
	Accounts      []ChannelAccount `json:"accounts,omitzero"`
	Kinds         []KindInfo       `json:"kinds,omitzero"`
	EndReasons    []EndReason      `json:"end_reasons,omitzero"`
	BreakReasons  []BreakReason    `json:"break_reasons,omitzero"`
	CannedReplies []CannedReply    `json:"canned_replies,omitzero"`
}

// DeskFilter names the wanted lists, with commas; empty: all that the caller may read.
type DeskFilter struct {
	Only string `query:"only" json:"-"`
}

// cannedRule is who may read canned replies: it asks of an API key for another scope than the other lists do.
var cannedRule = web.All(string(auth.ScopeTemplates))

// Lists answers with the desk's lists, each exactly as its own route gives it to this caller. They are not paged: the
// desk's screens hold all of each anyway, to name whoever and whatever they show, and at a desk of a thousand agents they
// would ask some twenty times at every start, of the 600 times that an agent may ask in a minute.
//
// CodeInvalid names a list that there is not. One that the caller's key may not read is left out, or CodeForbidden if it
// was asked for by its name.
func (a *API) Lists(c *web.Call, f DeskFilter) (DeskLists, error) {
	var out DeskLists
	read := map[string]func() error{
		"departments":    into(c, &out.Departments, a.departments),
		"agents":         into(c, &out.Agents, a.agents),
		"accounts":       into(c, &out.Accounts, a.accounts),
		"kinds":          into(c, &out.Kinds, a.kinds),
		"end_reasons":    into(c, &out.EndReasons, a.endReasons),
		"break_reasons":  into(c, &out.BreakReasons, a.breakReasons),
		"canned_replies": into(c, &out.CannedReplies, a.cannedReplies),
	}
	if err := c.May(cannedRule); err != nil {
		read["canned_replies"] = func() error { return err }
		if f.Only == "" {
			delete(read, "canned_replies")
		}
	}
	names := slices.Sorted(maps.Keys(read))
	if f.Only != "" {
		only := strings.Split(f.Only, ",")
		for _, name := range only {
			if read[name] == nil {
				return DeskLists{}, chat.Errorf(chat.CodeInvalid, "there are the lists %s", strings.Join(names, ", ")).With("field", "only")
			}
		}
		slices.Sort(only)
		names = slices.Compact(only)
	}
	var err error
	if out.Versions, err = a.Desk.Versions(c); err != nil {
		return DeskLists{}, err
	}
	for _, name := range names {
		if err := read[name](); err != nil {
			return DeskLists{}, err
		}
	}
	return out, nil
}

// into reads a whole list to where the answer has it.
func into[T any](c *web.Call, list *[]T, whole func(*web.Call) ([]T, error)) func() error {
	return func() (err error) {
		*list, err = whole(c)
		return err
	}
}
