package web

import (
	"encoding/hex"
	"net/url"
	"strings"

	"gatehouse/internal/chat"
)

// Page is a list's answer. An empty list is [], and Next is absent on the last page.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// List is a whole list as one page.
func List[T any](items []T) Page[T] {
	if items == nil {
		items = []T{}
	}
	return Page[T]{Items: items}
}

// Paging is the part of a list's query that says which page; embed it.
type Paging struct {
	Limit  int    `query:"limit" default:"50" json:"-"`
	Cursor string `query:"cursor" json:"-"`
}

// MaxLimit is the largest page. Who asks for more gets that many.
const MaxLimit = 100

// Size is the page's size, bounded; zero and less are refused.
func (p Paging) Size() (int, error) {
	if p.Limit < 1 {
		return 0, invalid("limit is 1 to %d", MaxLimit).With("field", "limit")
	}
	return min(p.Limit, MaxLimit), nil
}

// PageOf cuts a page out of a list that is read whole.
func PageOf[T any](c *Call, all []T, p Paging) (Page[T], error) {
	size, err := p.Size()
	if err != nil {
		return Page[T]{}, err
	}
	var from int
	if err := c.Place(p.Cursor, &from); err != nil {
		return Page[T]{}, err
	}
	all = all[min(max(from, 0), len(all)):]
	if len(all) <= size {
		return List(all), nil
	}
	next, err := c.Cursor(from + size)
	return Page[T]{Items: all[:size], Next: next}, err
}

// Cursor signs the place after a page's last row. It holds for this caller, this route and these filters only
// (RELIABILITY.md B38).
func (c *Call) Cursor(place any) (string, error) {
	return c.web.deps.Cursors.Encode(c.view(), place)
}

// Place reads the cursor that the caller sent into place; without one, place stays as it is.
func (c *Call) Place(cursor string, place any) error {
	if cursor == "" {
		return nil
	}
	if err := c.web.deps.Cursors.Decode(c.view(), cursor, place); err != nil {
		if chat.CodeOf(err) == chat.CodeInvalid {
			return err
		}
		return invalid("the cursor is not of this list").With("field", "cursor")
	}
	return nil
}

// view names the list: whose, which, and with which filters.
func (c *Call) view() string {
	key := c.Who.Key()
	q := url.Values{}
	for k, v := range c.c.Request().URI().QueryArgs().All() {
		if name := string(k); name != "cursor" && name != "limit" {
			q.Add(name, string(v))
		}
	}
	return strings.Join([]string{hex.EncodeToString(key[:]), string(c.c.Request().URI().PathOriginal()), q.Encode()}, " ")
}
