// Package graph is what WhatsApp, Instagram and Messenger have in common, since all three are Meta's Graph API: the
// signature and the handshake of webhooks, reading their JSON safely, and a client that can say what a failed request
// means.
//
// It refuses to guess. A request is called refused (*chat.SendError) only if Graph surely did not do what was asked;
// everything else is an ordinary error, which a Sender returns as "we do not know". The access token goes to the one
// host that the account names and nowhere else: no redirect is followed, and no error or address repeats it.
//
// Start reading at signature.go (what comes in), payload.go (how it is read), client.go (what goes out) and refusal.go,
// the one table of error codes. Facts are those of PROTOCOLS.md as of November 2026.
package graph
