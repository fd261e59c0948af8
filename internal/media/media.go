// Package media takes in files from contacts and agents, keeps them, and says how to serve them.
//
// A file arrives through Intake, whichever door it came by: it is bounded in size, time and slowness, judged by its
// bytes, never by what it is called, stored under an id of ours, and measured (dimensions, duration, preview). Files
// lie in a Store: a folder or an S3 bucket, held to one conformance suite. Headers says how one is served, so that
// nothing a stranger sent can act in our origin. Client is the one HTTP client for addresses that come from outside.
//
// It refuses: more than 100 MB, empty and cut-off files, images over 40 megapixels or 1000 frames, any connection to an
// address that is not public. It never unpacks an archive, runs no outside program, and trusts no declared type, length
// or name. Refusals are *chat.Error. Who may see a file is not decided here.
//
// Start with Intake (intake.go), then store.go, type.go and serve.go.
package media
