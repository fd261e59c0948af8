package auth

import (
	"net/url"
	"strconv"
	"time"

	"gatehouse/internal/chat"
)

// MediaLinkLife is the longest time that a media link holds.
const MediaLinkLife = 5 * time.Minute

// MediaGrant is what a media link allows: one principal may have one file, in one way, until then.
type MediaGrant struct {
	Blob      string // the file's id in the media store
	Principal string // who asked for the link; "agent:…" or "visitor:…"
	Inline    bool   // shown in place; false: downloaded
	Expires   time.Time
}

// MediaLinks signs short-lived links to files, for <img> and <video>, which can send no header.
type MediaLinks struct{ signer signer }

// NewMediaLinks returns MediaLinks that sign with key, at least 32 bytes, used for nothing else
// (secret.Key.Derive("media link")).
func NewMediaLinks(key []byte) (*MediaLinks, error) {
	s, err := newSigner(key)
	if err != nil {
		return nil, err
	}
	return &MediaLinks{signer: s}, nil
}

// Sign returns the query of a link to a file. It holds for four to five minutes: links made within the same minute are
// equal, so that a browser fetches a file once however often the list is drawn.
func (m *MediaLinks) Sign(blob, principal string, inline bool, now time.Time) url.Values {
	expires := strconv.FormatInt(now.Add(MediaLinkLife).Truncate(time.Minute).Unix(), 10)
	how := disposition(inline)
	return url.Values{
		"p": {principal},
		"d": {how},
		"e": {expires},
		"s": {armor(m.signer.sign(blob, principal, how, expires))},
	}
}

// Verify returns what a link to a file allows. An altered or expired one is refused with chat.CodeForbidden. The caller
// still asks whether the principal may see the file now: a link outlives neither a lost permission nor an erased file.
func (m *MediaLinks) Verify(blob string, query url.Values, now time.Time) (MediaGrant, error) {
	principal, how, expires := query.Get("p"), query.Get("d"), query.Get("e")
	mac, ok := unarmor(query.Get("s"))
	if !ok || !m.signer.valid(mac, blob, principal, how, expires) {
		return MediaGrant{}, chat.Errorf(chat.CodeForbidden, "the link is not ours")
	}
	seconds, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || !now.Before(time.Unix(seconds, 0)) {
		return MediaGrant{}, chat.Errorf(chat.CodeForbidden, "the link has expired")
	}
	return MediaGrant{
		Blob: blob, Principal: principal, Inline: how == disposition(true), Expires: time.Unix(seconds, 0),
	}, nil
}

func disposition(inline bool) string {
	if inline {
		return "inline"
	}
	return "attachment"
}
