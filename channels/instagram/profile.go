package instagram

import (
	"context"
	"net/url"

	"gatehouse/internal/chat"
)

// FetchProfile reads a person's name and user name (PROTOCOLS.md §6, Profile). Instagram tells them only of people who wrote
// first; of others, and of those who withdrew their consent, it refuses.
func (s *sender) FetchProfile(ctx context.Context, of []chat.Address) (chat.Profile, error) {
	for _, a := range of {
		if a.Type != chat.AddressIGSID {
			continue
		}
		var person struct {
			Name     string `json:"name"`
			Username string `json:"username"`
		}
		if err := s.graph.Get(ctx, &person, url.Values{"fields": {"name,username"}}, a.Value); err != nil {
			return chat.Profile{}, err
		}
		return chat.Profile{Name: person.Name, Username: person.Username}, nil
	}
	return chat.Profile{}, chat.Errorf(chat.CodeNotSupported, "not an Instagram contact")
}
