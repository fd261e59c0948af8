package e2e

import "time"

// fillRedis leaves Redis no memory, for 15 s.
func (w *weather) fillRedis() {
	rdb := w.cache()
	limit := func(bytes string) {
		if err := rdb.ConfigSet(w.t.Context(), "maxmemory", bytes).Err(); err != nil {
			w.t.Fatal(err)
		}
	}
	w.during(1, func(int) {
		limit("1")
		w.calm(15 * time.Second)
		limit("0")
	})
}

// loseKeys removes or renames two thirds of what Redis holds, ten times.
func (w *weather) loseKeys() {
	rdb := w.cache()
	w.during(10, func(int) {
		keys, err := rdb.Keys(w.t.Context(), "*").Result()
		if err != nil {
			w.t.Fatal(err)
		}
		for _, k := range keys {
			switch w.rng.IntN(3) {
			case 0:
				rdb.Del(w.t.Context(), k)
			case 1:
				rdb.Rename(w.t.Context(), k, k+".lost")
			}
		}
	})
}

// demoteRedis has Redis follow a primary that is not there, for 10 s, and lose what it had.
func (w *weather) demoteRedis() {
	rdb := w.cache()
	w.during(1, func(int) {
		if err := rdb.ReplicaOf(w.t.Context(), "127.0.0.1", "1").Err(); err != nil {
			w.t.Fatal(err)
		}
		w.calm(10 * time.Second)
		if err := rdb.ReplicaOf(w.t.Context(), "NO", "ONE").Err(); err != nil {
			w.t.Fatal(err)
		}
		w.h.flush()
	})
}
