package desk_test

import (
	"testing"

	"gatehouse/internal/chat"
	"gatehouse/internal/desk/desktest"
)

// phoneOf and userOf are the two addresses of a WhatsApp contact.
func phoneOf(v string) chat.Address {
	return chat.Address{Kind: desktest.Kind, Type: chat.AddressPhone, Value: v}
}

func userOf(v string) chat.Address {
	return chat.Address{Kind: desktest.Kind, Type: chat.AddressBSUID, Value: "TR." + v}
}

// writes is a message from these addresses.
func writes(w *desktest.World, id, text string, from ...chat.Address) chat.Inbound {
	in := w.Text(from[0].Value, id, text)
	in.From, in.Profile.Name = from, "Elif"
	return in
}

func moved(w *desktest.World, how string, from, to chat.Address) chat.Inbound {
	return chat.Inbound{
		Kind: chat.InboundIdentityKind, Account: w.Key, From: []chat.Address{from},
		Identity: &chat.InboundIdentity{Type: how, Old: []chat.Address{from}, New: []chat.Address{to}},
	}
}

// people counts the contacts that wrote to the account.
func people(w *desktest.World) int {
	return w.Int(`SELECT count(DISTINCT contact_id) FROM conversations WHERE account_id = $1`, w.Account)
}

func conversations(w *desktest.World) int {
	return w.Int(`SELECT count(*) FROM conversations WHERE account_id = $1`, w.Account)
}

func TestAPhoneNumberAndAUserIDAreOnePersonInOneThread(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][][]string{
		"both, then each alone":             {{"u", "p"}, {"u"}, {"p"}},
		"the number first, the id later":    {{"p"}, {"u", "p"}, {"u"}},
		"the id first, the number later":    {{"u"}, {"u", "p"}, {"p"}},
		"the number alone, then id, number": {{"p"}, {"p", "u"}, {"u"}, {"p"}},
	} {
		for _, batch := range []string{"in one batch", "one by one"} {
			t.Run(name+", "+batch, func(t *testing.T) {
				t.Parallel()
				w := desktest.Shared(t)
				addresses := map[string]chat.Address{"p": phoneOf(w.Phone(1)), "u": userOf(w.Phone(1))}
				for i, step := range order {
					var from []chat.Address
					for _, a := range step {
						from = append(from, addresses[a])
					}
					w.Accept(w.Event(writes(w, string(rune('a'+i)), "hello", from...)))
					if batch == "one by one" {
						w.Drain()
					}
				}
				w.Drain()
				if people(w) != 1 || conversations(w) != 1 {
					t.Errorf("%d people in %d conversations", people(w), conversations(w))
				}
				if n := w.Int(`SELECT count(*) FROM messages WHERE account_id = $1`, w.Account); n != len(order) {
					t.Errorf("%d messages", n)
				}
			})
		}
	}
}

func TestAChangedNumberOrIDKeepsItsPersonAndThread(t *testing.T) {
	t.Parallel()
	for how, address := range map[string]func(string) chat.Address{"changed_number": phoneOf, "changed_user_id": userOf} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			w := desktest.Shared(t)
			before, after := address(w.Phone(1)), address(w.Phone(2))
			w.In(writes(w, "m1", "from the old one", before))
			w.Told()
			w.In(moved(w, how, before, after), writes(w, "m2", "from the new one", after))
			if people(w) != 1 || conversations(w) != 1 {
				t.Fatalf("%d people in %d conversations", people(w), conversations(w))
			}
			if got := texts(w.Thread(after.Value)); got != "from the old one|from the new one" {
				t.Errorf("the thread reads %q", got)
			}
			row := w.Open(after.Value)
			want := after.Value
			if how == "changed_number" {
				want = "+" + want
			}
			if row.ContactAddress != want {
				t.Errorf("shown as %q, want %q", row.ContactAddress, want)
			}
			for _, n := range w.Told() {
				if n.Conversation != nil && n.Conversation.ContactAddress != want {
					t.Errorf("told as %q, want %q", n.Conversation.ContactAddress, want)
				}
			}
			if n := w.Int(`SELECT count(*) FROM conversation_events WHERE conversation_id = $1 AND kind = 'identity'`, row.ID); n != 1 {
				t.Errorf("%d events of the change", n)
			}
			w.In(moved(w, how, before, after)) // told again
			if w.Count("received identity_unknown") != 1 {
				t.Error("a change that was told twice was made twice")
			}
		})
	}
}

func TestANumberThatIsSomebodyElsesIsNotTakenOver(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	one, two := phoneOf(w.Phone(1)), phoneOf(w.Phone(2))
	w.In(writes(w, "m1", "one", one), writes(w, "m2", "two", two), moved(w, "changed_number", one, two))
	if people(w) != 2 || texts(w.Thread(two.Value)) != "two" || texts(w.Thread(one.Value)) != "one" {
		t.Errorf("%d people", people(w))
	}
}

func TestANumberThatWasGivenUpIsAnotherPersonsAtOnce(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	was, is := phoneOf(w.Phone(1)), phoneOf(w.Phone(2))
	w.In(writes(w, "m1", "the first owner", was))
	w.Accept(w.Event(moved(w, "changed_number", was, is), writes(w, "m2", "the next owner", was)))
	w.Drain()
	if people(w) != 2 || texts(w.Thread(is.Value)) != "the first owner" || texts(w.Thread(was.Value)) != "the next owner" {
		t.Errorf("%d people", people(w))
	}
}

func TestASharedNumberBecomesAnotherAddressOfItsPerson(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	user, phone := userOf(w.Phone(1)), phoneOf(w.Phone(1))
	shares := chat.Inbound{
		Kind: chat.InboundIdentityKind, Account: w.Key, From: []chat.Address{user},
		Identity: &chat.InboundIdentity{Type: "phone_shared", New: []chat.Address{phone}},
	}
	w.In(writes(w, "m1", "by id", user), shares, writes(w, "m2", "by number", phone))
	if people(w) != 1 || texts(w.Thread(user.Value)) != "by id|by number" {
		t.Errorf("%d people", people(w))
	}
	w.In(shares)
	if n := w.Int(`SELECT count(*) FROM identities WHERE value IN ($1, $2)`, user.Value, phone.Value); n != 2 {
		t.Errorf("%d addresses", n)
	}
}

func TestTheSameIDInAnotherAccountsSpaceIsAnotherPerson(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	a := chat.Address{Kind: desktest.Kind, Type: chat.AddressIGSID, Scope: w.Phone(1), Value: "17"}
	b := a
	b.Scope = w.Phone(2)
	w.In(writes(w, "m1", "one", a), writes(w, "m2", "two", b))
	if people(w) != 2 {
		t.Errorf("%d people", people(w))
	}
}

func TestAChangedProfileNameIsShownHoweverItsPersonIsAddressed(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone, user := phoneOf(w.Phone(1)), userOf(w.Phone(1))
	w.In(writes(w, "m1", "hello", user, phone))
	renamed := writes(w, "m2", "hello again", user, phone)
	renamed.Profile.Name = "Elif Su"
	w.Told()
	w.In(renamed)
	if row := w.Open(phone.Value); row.ContactName != "Elif Su" || row.ContactAddress != "+"+phone.Value {
		t.Errorf("shown as %q %q", row.ContactName, row.ContactAddress)
	}
	told := w.Told()
	if len(told) != 1 || told[0].Conversation.ContactName != "Elif Su" {
		t.Errorf("told as %+v", told)
	}
	w.Exec(`UPDATE contacts SET name = 'Elif Hanım' WHERE id = $1`, w.Open(phone.Value).ContactID)
	renamed.Message.ExternalID, renamed.Profile.Name = "m3", "E."
	w.In(renamed)
	if row := w.Open(phone.Value); row.ContactName != "Elif Hanım" {
		t.Errorf("an agent's name for a contact gave way to %q", row.ContactName)
	}
}

func TestANewConversationOfAKnownPersonIsToldUnderTheirNumberHoweverTheyAreAddressed(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	phone, user := phoneOf(w.Phone(1)), userOf(w.Phone(1))
	w.In(writes(w, "m1", "hello", user, phone), writes(w, "m2", "//end", user))
	w.Told()
	w.In(writes(w, "m3", "me again", user))
	told := w.Told()
	if len(told) != 1 || told[0].Conversation.ContactAddress != "+"+phone.Value {
		t.Errorf("told as %+v", told[0].Conversation)
	}
	if people(w) != 1 || conversations(w) != 2 {
		t.Errorf("%d people in %d conversations", people(w), conversations(w))
	}
}

func TestTheBusinesssAddressBookNamesOnlyWhoHasNoName(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	nameless := writes(w, "m1", "hello", phoneOf(w.Phone(1)))
	nameless.Profile = chat.Profile{}
	w.In(nameless, writes(w, "m2", "hello", phoneOf(w.Phone(2))))
	for i := 1; i <= 3; i++ {
		w.In(chat.Inbound{
			Kind: chat.InboundContactKind, Account: w.Key, From: desktest.From(w.Phone(i)), Profile: chat.Profile{Name: "From the book"},
		})
	}
	if a, b := w.Open(w.Phone(1)).ContactName, w.Open(w.Phone(2)).ContactName; a != "From the book" || b != "Elif" {
		t.Errorf("shown as %q and %q", a, b)
	}
	if people(w) != 2 {
		t.Error("the book made people of its entries")
	}
}

func TestAPayloadOfSeveralAccountsIsAppliedToEachOnce(t *testing.T) {
	t.Parallel()
	w := desktest.Shared(t)
	other := w.Wing()
	phone := w.Phone(1)
	both := []chat.Inbound{w.Text(phone, "m1", "to the first"), other.Text(phone, "m2", "to the second")}
	w.Accept(w.Event(both...))
	other.Accept(other.Event(both...))
	w.Drain()
	other.Drain()
	if a, b := texts(w.Thread(phone)), texts(other.Thread(phone)); a != "to the first" || b != "to the second" {
		t.Errorf("the threads read %q and %q", a, b)
	}
	if n := w.Int(`SELECT count(*) FROM identities WHERE value = $1`, phone); n != 1 {
		t.Errorf("%d identities", n)
	}
}
