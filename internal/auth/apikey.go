package auth

import (
	"crypto/rand"
	"slices"
	"strings"

	"gatehouse/internal/chat"
	"gatehouse/internal/secret"
)

const (
	apiKeyMark   = "ghk_"
	apiKeyIDLen  = 8
	apiKeyTotal  = len(apiKeyMark) + apiKeyIDLen + 1 + 2*26
	apiKeyPrefix = len(apiKeyMark) + apiKeyIDLen
)

// APIKey is a freshly made key. Plain is shown once and never stored.
type APIKey struct {
	Plain  secret.Redact // ghk_ID_SECRET, 260 random bits in SECRET
	Prefix string        // ghk_ID: to recognise the key by in lists and in leaked files
	Hash   []byte        // what is stored
}

// NewAPIKey makes a key.
func NewAPIKey() APIKey {
	prefix := apiKeyMark + strings.ToLower(rand.Text()[:apiKeyIDLen])
	plain := prefix + "_" + strings.ToLower(rand.Text()+rand.Text())
	return APIKey{Plain: secret.Redact(plain), Prefix: prefix, Hash: bindHash("api key", "", plain)}
}

// HashAPIKey returns the hash under which a key is stored, and its prefix. What has not the form of a key is refused
// with chat.CodeSessionOver before anything is looked up.
func HashAPIKey(plain string) (hash []byte, prefix string, err error) {
	if len(plain) != apiKeyTotal || !strings.HasPrefix(plain, apiKeyMark) || plain[apiKeyPrefix] != '_' {
		return nil, "", chat.Errorf(chat.CodeSessionOver, "not an API key")
	}
	return bindHash("api key", "", plain), plain[:apiKeyPrefix], nil
}

// Scope is one thing that an API key may do. A key's role bounds it as well: a scope never gives what the role has not.
type Scope string

// The scopes. Writing includes reading the same thing; ScopeAdmin includes all.
const (
	ScopeInboxRead  Scope = "inbox:read"  // conversations, messages, reports
	ScopeInboxWrite Scope = "inbox:write" // reply, take, transfer, end
	ScopeContacts   Scope = "contacts"    // contacts, notes, tags
	ScopeTemplates  Scope = "templates"   // message templates and canned replies
	ScopeAccounts   Scope = "accounts"    // channel accounts
	ScopeAgents     Scope = "agents"      // agents, departments, presence
	ScopeAdmin      Scope = "admin"       // everything, audit and API keys included
)

// AllScopes lists the closed set, in the order in which a form shows it.
func AllScopes() []Scope {
	return []Scope{ScopeInboxRead, ScopeInboxWrite, ScopeContacts, ScopeTemplates, ScopeAccounts, ScopeAgents, ScopeAdmin}
}

// Scopes is what one key may do.
type Scopes []Scope

// ParseScopes reads scopes by name, in the order of AllScopes and each once. An unknown name is refused with
// chat.CodeInvalid, and so is an empty list: a key that may do nothing is a mistake.
func ParseScopes(names []string) (Scopes, error) {
	var out Scopes
	for _, s := range AllScopes() {
		if slices.Contains(names, string(s)) {
			out = append(out, s)
		}
	}
	for _, n := range names {
		if !slices.Contains(out, Scope(n)) {
			return nil, chat.Errorf(chat.CodeInvalid, "no such scope: %q", n).With("field", "scopes")
		}
	}
	if len(out) == 0 {
		return nil, chat.Errorf(chat.CodeInvalid, "a key needs at least one scope").With("field", "scopes")
	}
	return out, nil
}

// Allow reports whether a key with these scopes may do what needs the scope.
func (s Scopes) Allow(need Scope) bool {
	return slices.ContainsFunc(s, func(have Scope) bool {
		return have == need || have == ScopeAdmin || have == ScopeInboxWrite && need == ScopeInboxRead
	})
}
