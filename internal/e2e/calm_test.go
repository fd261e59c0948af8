//go:build !chaos

package e2e

// tags are those of the binary under test.
const tags = ""
