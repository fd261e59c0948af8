// Package auth holds the proofs by which people and programs show who they are: passwords, one-time codes, sessions,
// API keys, one-time links, visitor tokens, signed media links and list cursors, and the limiter in front of the
// sign-in form.
//
// Everything here is a function of values. The package knows no HTTP, cookies, database or roles: a caller stores the
// hashes, compares by looking them up, and decides what a principal may do. Whatever the outside must not guess has at
// least 256 random bits; whatever is stored is a hash; whatever is compared is compared in constant time.
//
// It refuses: weak and common passwords, tokens used for another purpose, account or caller than they were made for,
// codes used twice, and anything altered by one bit. Refusals are *chat.Error.
//
// Start with token.go for what is stored, signer.go for what is signed, password.go for people.
package auth
