// Package fakemeta is a stand-in for Meta: a Graph API and a webhook sender over real HTTP, for WhatsApp Cloud API and
// Instagram, with customers that can be played by a test, by a load generator or by a person in a browser.
//
// It speaks what PROTOCOLS.md §§1–6 says Meta speaks, it can lie on demand (errors, hangs, resets, lost, doubled and
// reordered statuses), and it records every webhook attempt and every send that it saw, so that a test can ask
// afterwards what really left the desk. It keeps its own clock of each service window and does not trust the sender's.
//
// It refuses to be part of the product: it imports nothing of ours, keeps its world in memory (and, on request, in one
// folder), and its control API has no sign-in, so it must listen on loopback only. Messenger, groups, calls and
// commerce catalogs are not played.
//
// Start reading at Config and New; then phone.go (what a customer does), whatsapp.go and instagram.go (what the
// business asks), sender.go (how webhooks leave), faults.go (how it lies) and ledger.go (what it remembers).
package fakemeta
