// Package shard says to which of several servers a thing belongs, by rendezvous hashing: everybody who has the same names comes to
// the same answer, in whatever order they stand; a server more takes only its own share from the others, and what belonged to one
// that is away is spread over the rest. Start with Of.
//
// Nothing may depend on two processes giving the same answer: they may see other servers as away.
package shard

import "hash/fnv"

// Of returns the index of the name that a key belongs to, of those that are not away; if all are, of all. There must be a name.
func Of(key string, names []string, away func(i int) bool) int {
	best, there, most := 0, false, uint64(0)
	for i, name := range names {
		here, w := !away(i), weight(key, name)
		if i == 0 || here && !there || here == there && w > most {
			best, there, most = i, here, w
		}
	}
	return best
}

// weight is FNV-1a with MurmurHash3's finalizer: alone, FNV leaves the high bits of keys that differ only at the end alike.
func weight(key, name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(key))
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
