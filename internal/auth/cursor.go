package auth

import (
	"encoding/json"
	"fmt"

	"gatehouse/internal/chat"
)

// maxCursor bounds what is decoded, in characters.
const maxCursor = 1024

// Cursors signs the places at which a list is continued. A cursor holds for the view it was made for: whose list, which
// filters, which order. Its content can be read by whoever holds it, so that a place is made of what the list itself
// showed: times and ids.
type Cursors struct{ signer signer }

// NewCursors returns Cursors that sign with key, at least 32 bytes, used for nothing else
// (secret.Key.Derive("cursor")).
func NewCursors(key []byte) (*Cursors, error) {
	s, err := newSigner(key)
	if err != nil {
		return nil, err
	}
	return &Cursors{signer: s}, nil
}

// Encode returns the cursor for a place in a view. View is any text that differs between principals, lists and filters;
// place is marshalled as JSON.
func (c *Cursors) Encode(view string, place any) (string, error) {
	raw, err := json.Marshal(place)
	if err != nil {
		return "", fmt.Errorf("auth: cursor: %w", err)
	}
	return armor(append(c.signer.sign(view, string(raw)), raw...)), nil
}

// Decode reads a cursor of this view into place. One that was altered, or was made for another view, is refused with
// chat.CodeInvalid.
func (c *Cursors) Decode(view, cursor string, place any) error {
	if len(cursor) > maxCursor {
		return errCursor()
	}
	raw, ok := unarmor(cursor)
	if !ok || len(raw) < macSize || !c.signer.valid(raw[:macSize], view, string(raw[macSize:])) {
		return errCursor()
	}
	if err := json.Unmarshal(raw[macSize:], place); err != nil {
		return errCursor() // signed by us for another shape of place: an older release
	}
	return nil
}

func errCursor() error {
	return chat.Errorf(chat.CodeInvalid, "the cursor is not from this list").With("field", "cursor")
}
