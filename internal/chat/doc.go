// Package chat is the vocabulary of Gatehouse: contacts and their identities, channel accounts, conversations, messages,
// agents, departments, what arrives from a provider and what is handed to one, and the errors that a person can be told.
//
// It is law: values and pure functions, the standard library and uuid only. It knows no database, no network and no
// clock. States are closed sets of string constants; each set's transitions stand in one place beside it
// (conversation.go, message.go). Start with conversation.go, then inbound.go and outbound.go.
package chat
