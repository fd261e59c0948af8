package fakemeta

import (
	mathrand "math/rand/v2"
	"slices"
	"strings"
)

// Held is a pause in the telling: what happens meanwhile is kept, to be told together, twice or in another order.
type Held struct {
	d       *sender
	updates []heldUpdate
}

type heldUpdate struct {
	lane string
	update
}

// Release says how held updates are told. The zero value: one by one, in order.
type Release struct {
	Batch   bool   `json:"batch"`   // all of one account in one POST
	Reverse bool   `json:"reverse"` // last first
	Shuffle uint64 `json:"shuffle"` // if not 0: in the random order of this seed
	Copies  int    `json:"copies"`  // each POST so many times, at the same time; default 1
	AtOnce  bool   `json:"at_once"` // all POSTs at the same time
}

// Hold begins to keep webhooks back until Release.
func (s *Server) Hold() *Held {
	h := &Held{d: s.sender}
	s.sender.mu.Lock()
	defer s.sender.mu.Unlock()
	s.sender.holds = append(s.sender.holds, h)
	return h
}

// Release tells what was held, and ends the hold.
func (h *Held) Release(how Release) {
	h.d.mu.Lock()
	h.d.holds = slices.DeleteFunc(h.d.holds, func(other *Held) bool { return other == h })
	updates := h.updates
	h.updates = nil
	h.d.mu.Unlock()
	if how.Reverse {
		slices.Reverse(updates)
	}
	if how.Shuffle != 0 {
		rng := mathrand.New(mathrand.NewPCG(how.Shuffle, 0))
		rng.Shuffle(len(updates), func(i, j int) { updates[i], updates[j] = updates[j], updates[i] })
	}
	var posts [][]update
	group := map[string]int{}
	for _, u := range updates {
		key := strings.Join([]string{string(u.account.Kind), u.account.BusinessAccountID, u.account.AppSecret}, "|")
		if i, ok := group[key]; ok && how.Batch {
			posts[i] = append(posts[i], u.update)
			continue
		}
		group[key] = len(posts)
		posts = append(posts, []update{u.update})
	}
	lane := "released"
	if how.AtOnce || how.Copies > 1 {
		lane = ""
	}
	for _, p := range posts {
		for range max(1, how.Copies) {
			h.d.post(lane, p)
		}
	}
}
