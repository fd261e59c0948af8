package api

import (
	"context"
	"time"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
)

type contacts interface {
	Contact(ctx context.Context, p chat.Principal, id chat.ContactID) (chat.Contact, []chat.Identity, error)
	UpdateContact(ctx context.Context, p chat.Principal, id chat.ContactID, name, language *string) (chat.Contact, []chat.Identity, error)
}

// Contact is a person.
type Contact struct {
	ID          chat.ContactID `json:"id"`
	Name        string         `json:"name"`
	DisplayName string         `json:"display_name"`
	Language    string         `json:"language"`
	OptedOut    bool           `json:"opted_out"`
	CreatedAt   time.Time      `json:"created_at"`
	Identities  []Identity     `json:"identities"`
}

// Identity is one address of a person.
type Identity struct {
	ID          chat.IdentityID  `json:"id"`
	Kind        chat.ChannelKind `json:"kind"`
	Type        chat.AddressType `json:"type"`
	Value       string           `json:"value"`
	ProfileName string           `json:"profile_name"`
	Username    string           `json:"username"`
}

// newContact shows a contact under the name that was edited, else a profile's, else an address.
func newContact(p chat.Contact, identities []chat.Identity) Contact {
	out := Contact{
		ID: p.ID, Name: p.Name, DisplayName: p.Name, Language: p.Language, OptedOut: !p.OptedOut.IsZero(), CreatedAt: p.CreatedAt,
		Identities: make([]Identity, len(identities)),
	}
	for i, d := range identities {
		out.Identities[i] = Identity{d.ID, d.Address.Kind, d.Address.Type, d.Address.Value, d.ProfileName, d.Username}
		if out.DisplayName == "" {
			out.DisplayName = d.ProfileName
		}
	}
	for _, d := range identities {
		if out.DisplayName == "" {
			out.DisplayName = chat.NewConversationRow(chat.Conversation{}, "", "", d, time.Time{}).ContactAddress
		}
	}
	return out
}

type onContact struct {
	ID chat.ContactID `path:"id" json:"-"`
}

// Contact is one that the caller has a conversation with.
func (a *API) Contact(c *web.Call, in onContact) (Contact, error) {
	p, identities, err := a.Desk.Contact(c, c.P(), in.ID)
	if err != nil {
		return Contact{}, err
	}
	return newContact(p, identities), nil
}

// ContactPatch is a change of a contact; an absent field stays.
type ContactPatch struct {
	onContact
	Name     *string `json:"name,omitempty"`
	Language *string `json:"language,omitempty"`
}

// PatchContact changes what agents may write about a contact.
func (a *API) PatchContact(c *web.Call, in ContactPatch) (Contact, error) {
	p, identities, err := a.Desk.UpdateContact(c, c.P(), in.ID, in.Name, in.Language)
	if err != nil {
		return Contact{}, err
	}
	return newContact(p, identities), nil
}
