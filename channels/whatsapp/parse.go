package whatsapp

import (
	"encoding/json"
	"errors"
	"strings"

	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
)

// route tells whose a payload is. It must agree with parse on the key of every change.
func route(body []byte) []chat.AccountKey {
	if keys, ok := routePlain(body); ok {
		return keys
	}
	return routeAny(body)
}

// routePlain is routeAny, of payloads that are written as usual.
func routePlain(body []byte) ([]chat.AccountKey, bool) {
	p := graph.ReadPlain(body)
	return p.Owners(object, func() bool {
		var (
			business string
			numbers  [8]string
			changes  int
		)
		change := func() bool {
			if changes == len(numbers) {
				return false
			}
			number := &numbers[changes]
			changes++
			return p.Object(func(int) bool {
				return p.Object(func(int) bool {
					return p.Object(func(int) bool { return p.Scalar(number) }, "phone_number_id")
				}, "metadata")
			}, "value")
		}
		read := p.Object(func(name int) bool {
			if name == 0 {
				return p.Scalar(&business)
			}
			return p.Array(change)
		}, "id", "changes")
		for _, n := range numbers[:changes] {
			p.Own(keyOf(graph.Loose(business), metadata{Number: graph.Loose(n)}))
		}
		return read
	})
}

// routeAny reads only what tells whose a payload is, however it is written.
func routeAny(body []byte) []chat.AccountKey {
	var e struct {
		Object string `json:"object"`
		Entry  []struct {
			ID      graph.Loose `json:"id"`
			Changes []owner     `json:"changes"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(graph.Clean(body), &e); isSyntax(err) || e.Object != object {
		return nil
	}
	var keys []chat.AccountKey
	for _, en := range e.Entry {
		for _, c := range en.Changes {
			keys = graph.With(keys, keyOf(en.ID, c.Value.Metadata))
		}
	}
	return keys
}

// owner is as much of a change as tells whose it is.
type owner struct {
	Value struct {
		Metadata metadata `json:"metadata"`
	} `json:"value"`
}

// UnmarshalJSON never fails, and forgets an earlier change in its place, as change does.
func (o *owner) UnmarshalJSON(data []byte) error {
	type plain owner
	*o = owner{}
	if err := json.Unmarshal(data, (*plain)(o)); isSyntax(err) {
		return err // cannot be: data has been read before
	}
	return nil
}

// keyOf is the number that a change is about, or else the business account that its entry names.
func keyOf(business graph.Loose, m metadata) chat.AccountKey {
	if m.Number != "" {
		return key(settingNumber, string(m.Number))
	}
	return key(settingBusiness, string(business))
}

// parse reads a payload. It fails only on what is not a JSON object or has no list where the protocol has the lists of
// entries and changes.
func parse(body []byte) ([]chat.Inbound, error) {
	var e envelope
	if err := json.Unmarshal(graph.Clean(body), &e); err != nil {
		return nil, errors.New("whatsapp: the payload is not one of the protocol") // err could quote content
	}
	if e.Object != object {
		return nil, nil
	}
	var all []chat.Inbound
	for _, en := range e.Entry {
		for _, c := range en.Changes {
			r := reader{key: keyOf(en.ID, c.Value.Metadata), value: &c.Value, own: digits(c.Value.Metadata.Display)}
			if r.key.Value == "" {
				continue // nobody's: Route says so too
			}
			r.change(c, en.Time)
			all = append(all, r.all...)
		}
	}
	return all, nil
}

// reader turns one change into Inbounds.
type reader struct {
	key   chat.AccountKey
	value *value
	own   string // the number's own digits
	all   []chat.Inbound
}

func (r *reader) change(c change, at graph.Loose) {
	if !conversational(c.Field) {
		r.account(c, at)
		return
	}
	if c.bad || r.key.Type != settingNumber {
		// There may be messages among what could not be read, or was addressed to nobody: this must not pass unseen.
		r.add(chat.Inbound{Kind: chat.InboundMessageKind, Note: graph.NoteMalformed, Message: &chat.InboundMessage{
			ExternalID: graph.DerivedID(r.key.Value, c.Field, string(at), string(c.raw)), Direction: chat.In, Source: chat.SourceContact,
			Kind: chat.KindUnsupported, Content: chat.Content{Unsupported: &chat.Unsupported{}},
		}})
	}
	if r.key.Type != settingNumber {
		return
	}
	switch c.Field {
	case "messages":
		r.messages()
	case "smb_message_echoes":
		for i := range r.value.Echoes {
			r.echo(&r.value.Echoes[i])
		}
	case "smb_app_state_sync":
		r.addressBook()
	case "history":
		r.history()
	case "user_preferences":
		r.preferences()
	case "calls":
		r.calls()
	case "standby":
		r.ignore(graph.NoteStandby)
	default:
		r.ignore(graph.NoteGroup)
	}
}

func (r *reader) messages() {
	v := r.value
	for i := range v.Messages {
		r.incoming(&v.Messages[i])
	}
	for i := range v.Statuses {
		r.status(&v.Statuses[i])
	}
	if len(v.Messages)+len(v.Statuses) == 0 {
		for _, e := range v.Errors {
			r.trouble("error", e)
		}
	}
}

func (r *reader) add(in chat.Inbound) {
	in.Account = r.key
	r.all = append(r.all, in)
}

func (r *reader) ignore(note string) { r.add(chat.Inbound{Kind: chat.InboundIgnoredKind, Note: note}) }

// person names a contact by its ids, the strongest first, and completes it from the contacts[] of the same value: from
// the entry that has one of these ids, whatever its place.
func (r *reader) person(user, number graph.Loose) (from []chat.Address, profile chat.Profile) {
	id, tel := bsuid(user), phone(number)
	if id == "" {
		id = bsuid(number) // seen in place of a number
	}
	for i := range r.value.Contacts {
		c := &r.value.Contacts[i]
		if (id == "" || id != string(c.UserID)) && (tel == "" || tel != phone(c.WaID)) {
			continue
		}
		if id == "" {
			id = bsuid(c.UserID)
		}
		if tel == "" {
			tel = phone(c.WaID)
		}
		profile = chat.Profile{Name: string(c.Profile.Name), Username: string(c.Profile.Username)}
		break
	}
	return addresses(id, tel), profile
}

// addresses are the named ones of a person, the strongest first.
func addresses(id, tel string) []chat.Address {
	var all []chat.Address
	if id != "" {
		all = append(all, chat.Address{Kind: chat.WhatsApp, Type: chat.AddressBSUID, Value: id})
	}
	if tel != "" {
		all = append(all, chat.Address{Kind: chat.WhatsApp, Type: chat.AddressPhone, Value: tel})
	}
	return all
}

// digits takes the punctuation out of a display number.
func digits(s graph.Loose) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, string(s))
}

func isSyntax(err error) bool {
	var s *json.SyntaxError
	return errors.As(err, &s)
}
