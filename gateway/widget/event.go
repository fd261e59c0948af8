package widget

import (
	"encoding/json"
	"time"

	"gatehouse/internal/chat"
)

// rawEvent is what the driver channels/webchat reads. The two know the words by the files in its testdata.
type rawEvent struct {
	V       int         `json:"v"`
	Type    string      `json:"type"`
	Account string      `json:"account"`
	Visitor string      `json:"visitor"`
	Name    string      `json:"name,omitempty"`
	Locale  string      `json:"locale,omitempty"`
	At      time.Time   `json:"at"`
	ID      string      `json:"id,omitempty"`
	Text    string      `json:"text,omitempty"`
	Media   *chat.Media `json:"media,omitempty"`
	ReplyTo string      `json:"reply_to,omitempty"`
	Page    *pageInfo   `json:"page,omitempty"`
}

// envelope makes the raw event of one deed of a visitor.
func envelope(account chat.AccountID, visitor chat.Address, e rawEvent) (chat.RawEvent, error) {
	e.V, e.Account, e.Visitor = 1, account.String(), visitor.Value
	body, err := json.Marshal(e)
	if err != nil {
		return chat.RawEvent{}, err
	}
	return chat.RawEvent{
		ID:        chat.NewID[chat.InboundEventID](),
		AccountID: account,
		Key:       chat.AccountKey{Kind: chat.Webchat, Type: "account", Value: account.String()},
		Kind:      chat.Webchat,
		Body:      body,
	}, nil
}

// addressOf is the address of a visitor.
func addressOf(account chat.AccountID, id string) chat.Address {
	return chat.Address{Kind: chat.Webchat, Scope: account.String(), Type: chat.AddressVisitor, Value: id}
}
