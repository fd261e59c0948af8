// Package e2e tests the whole product as its operator runs it: the gatehouse binary as processes, on a Postgres and a Redis of
// their own, with a stand-in for Meta as the customers and programs as the agents. Nothing is reached but through a door that
// the product has: webhooks, the API, the live socket, the command line; only the oracles look into the database.
//
// It refuses to be gentle and to guess: processes are killed with SIGKILL in an order that a printed seed decides, and what
// must hold afterwards is counted from two ledgers, that of the customers and the record's.
//
// Start with crash_test.go, and chaos_test.go for one fault at a time (make chaos); storm_test.go is what they share,
// house_test.go has the processes, agents_test.go the agents, oracle_test.go what must hold.
package e2e
