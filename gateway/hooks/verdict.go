package hooks

import (
	"bytes"
	"encoding/json"
	"slices"

	"gatehouse/channels"
	"gatehouse/internal/chat"
)

// drivers are those whose provider calls us.
type drivers struct {
	byKind   map[chat.ChannelKind]channels.Driver
	byObject map[string]channels.Driver // Meta's
}

func newDrivers(all []channels.Driver) drivers {
	ds := drivers{byKind: map[chat.ChannelKind]channels.Driver{}, byObject: map[string]channels.Driver{}}
	for _, d := range all {
		if d.Webhook == nil {
			continue
		}
		ds.byKind[d.Kind] = d
		if d.Webhook.Object != "" {
			ds.byObject[d.Webhook.Object] = d
		}
	}
	return ds
}

func (ds drivers) has(kind chat.ChannelKind) bool { _, ok := ds.byKind[kind]; return ok }

// ofMeta are the accounts that /webhooks/meta serves.
func (ds drivers) ofMeta(accounts []channels.Account) []channels.Account {
	var out []channels.Account
	for _, a := range accounts {
		if d, ok := ds.byKind[a.Kind]; ok && d.Webhook.Object != "" {
			out = append(out, a)
		}
	}
	return out
}

// verdict is whose a webhook is.
type verdict struct {
	kind    chat.ChannelKind // empty if not even that is known
	signed  bool
	to      []addressee     // each account once; empty: nobody whom we know
	unknown chat.AccountKey // of a signed one for nobody: whom it named
}

// addressee is an account, and the key by which the payload named it.
type addressee struct {
	account chat.AccountID
	key     chat.AccountKey
}

// judge decides whose a webhook is. It is signed when the secret of an account that it addresses signed it: only those
// accounts get it. If it addresses nobody whom we know, any account of that provider may have signed it, and it is kept for
// nobody: there is no guessing (RELIABILITY.md B21). owner is the account whose own address was called, which must have
// signed it then; nil for the common address.
func (ds drivers) judge(r channels.Request, known directoryView, owner *chat.AccountID) verdict {
	var (
		v    verdict
		d    channels.Driver
		keys []chat.AccountKey
	)
	if owner != nil {
		a := known.byID[*owner]
		d, v.kind = ds.byKind[a.Kind], a.Kind
		if !ds.has(a.Kind) || d.Webhook.Verify(r, a.Secrets) != nil {
			return v
		}
		v.signed, keys = true, d.Webhook.Route(r)
	} else {
		var ok bool
		if d, keys, ok = ds.product(r); !ok {
			v.signed = ds.anySigned(r, ds.ofMeta(known.all))
			return v
		}
		v.kind = d.Kind
	}

	addressed := false
	for _, key := range keys {
		accounts := known.byKey[key]
		if len(accounts) == 0 && v.unknown == (chat.AccountKey{}) {
			v.unknown = key
		}
		for _, a := range accounts {
			addressed = true
			if !v.holds(a.ID) && (owner != nil && a.ID == *owner || d.Webhook.Verify(r, a.Secrets) == nil) {
				v.to = append(v.to, addressee{a.ID, key})
			}
		}
	}
	switch {
	case len(v.to) > 0:
		v.signed = true
	case !addressed && !v.signed:
		v.signed = ds.anySigned(r, slices.DeleteFunc(ds.ofMeta(known.all), func(a channels.Account) bool { return a.Kind != d.Kind }))
	}
	return v
}

func (v verdict) holds(id chat.AccountID) bool {
	return slices.ContainsFunc(v.to, func(to addressee) bool { return to.account == id })
}

func (ds drivers) anySigned(r channels.Request, accounts []channels.Account) bool {
	return slices.ContainsFunc(accounts, func(a channels.Account) bool {
		return ds.byKind[a.Kind].Webhook.Verify(r, a.Secrets) == nil
	})
}

// product finds which of Meta's products a payload is from, and whom it names. The product's name stands in it, and the driver
// of that name makes sure of it as it reads: so what is as it should be is read once.
func (ds drivers) product(r channels.Request) (d channels.Driver, keys []chat.AccountKey, ok bool) {
	for object, d := range ds.byObject {
		if bytes.Contains(r.Body, []byte(object)) {
			if keys := d.Webhook.Route(r); len(keys) > 0 {
				return d, keys, true
			}
		}
	}
	d, ok = ds.byObject[objectOf(r.Body)]
	return d, nil, ok
}

// objectOf reads which of Meta's products a payload is from; "" if it cannot be read. Of a name given twice the last one
// counts, as for every other reader of it (B12).
func objectOf(body []byte) string {
	var payload struct {
		Object string `json:"object"`
	}
	if json.Unmarshal(body, &payload) != nil {
		return ""
	}
	return payload.Object
}
