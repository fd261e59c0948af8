// Package archtest holds the house to its plan: which package may import which, what the law may not touch, and that every
// refusal has its sentence in every language. It has only tests; the table of floors is the plan (DESIGN.md §3).
package archtest
