package e2e

import (
	"syscall"
	"time"

	"gatehouse/internal/fakemeta"
)

// faults are the rows of RELIABILITY.md §2 that are about a running product: what is done, how well it must go all the same, and, where that is
// not said by what is done, under which load. How it is done is in faults_*_test.go, by matter.
var faults = []fault{
	{name: "F0", what: "nothing happens", bounds: bounds{refused: never, accept: 250 * time.Millisecond, seen: 250 * time.Millisecond, recovered: 2 * time.Second}, do: func(*weather) {}},
	{name: "F1", what: "a gateway is killed, again and again", bounds: bounds{refused: 0.02}, do: func(w *weather) {
		w.during(5, func(i int) { w.gateways[i%2].restart() })
	}},
	{name: "F2", what: "all gateways are killed at once, for 3 s", bounds: bounds{recovered: 5 * time.Second}, do: func(w *weather) {
		w.during(1, func(int) {
			for _, g := range w.gateways {
				g.kill()
			}
			w.calm(3 * time.Second)
			for _, g := range w.gateways {
				g.start()
			}
		})
	}},
	{name: "F3", what: "a worker is killed, five times", bounds: bounds{refused: never, recovered: 5 * time.Second}, do: func(w *weather) {
		w.during(5, func(i int) { w.workers[i%2].restart() })
	}},
	{name: "F4", what: "all workers are dead for 10 s", bounds: bounds{refused: never, recovered: 45 * time.Second}, do: func(w *weather) {
		w.during(1, func(int) {
			for _, p := range w.workers {
				p.kill()
			}
			w.calm(10 * time.Second)
			for _, p := range w.workers {
				p.start()
			}
		})
	}},
	{name: "F5", what: "a worker sleeps for 12 s, and goes on as if nothing were", bounds: bounds{refused: never}, do: func(w *weather) {
		w.during(2, func(i int) { w.freeze(12*time.Second, w.workers[i%2].pid()) })
	}},
	{name: "F6", what: "Redis is killed, and back after 3 s", bounds: bounds{refused: never, seen: 3 * time.Second}, do: func(w *weather) {
		w.during(1, func(int) {
			_, pid := w.h.servers.PIDs()
			signal(pid, syscall.SIGKILL)
			w.cut(w.redis, 3*time.Second)
		})
	}},
	{name: "F7", what: "Redis is away for most of the time", bounds: bounds{refused: never, seen: 3 * time.Second}, do: func(w *weather) {
		w.during(1, func(int) { w.cut(w.redis, 20*time.Second) })
	}},
	{name: "F8", what: "Redis is emptied, ten times", bounds: bounds{refused: never, recovered: 5 * time.Second}, do: func(w *weather) {
		w.during(10, func(int) { w.h.flush() })
	}},
	{name: "F9", what: "Redis has no memory left, for 15 s", bounds: bounds{refused: never}, do: (*weather).fillRedis},
	{name: "F10", what: "Redis loses keys: leases, tasks, whole queues", bounds: bounds{refused: never, recovered: 5 * time.Second}, do: (*weather).loseKeys},
	{name: "F11", what: "Redis hangs for 15 s", bounds: bounds{refused: never, accept: 250 * time.Millisecond}, do: func(w *weather) {
		w.during(1, func(int) {
			_, pid := w.h.servers.PIDs()
			w.freeze(15*time.Second, pid)
		})
	}},
	{name: "F12", what: "Redis becomes a replica that takes no writes, for 10 s, and loses what it had", bounds: bounds{refused: never, recovered: 10 * time.Second}, fast: true, do: (*weather).demoteRedis},
	{name: "F13", what: "Postgres is killed, three times", bounds: bounds{recovered: 10 * time.Second}, do: func(w *weather) {
		w.during(3, func(int) {
			pid, _ := w.h.servers.PIDs()
			signal(pid, syscall.SIGKILL)
		})
	}},
	{name: "F14", what: "Postgres is away for 20 s", do: (*weather).cutPostgres},
	{name: "F15", what: "Postgres restarts fast, in under two seconds", bounds: bounds{refused: never}, do: (*weather).restartPostgresFast},
	{name: "F16", what: "a backend of Postgres is ended every 200 ms", bounds: bounds{refused: never}, fast: true, do: (*weather).endBackends},
	{name: "F17", what: "connections to Postgres break in the middle of answers", fast: true, do: func(w *weather) {
		w.during(8, func(int) {
			w.poison(w.postgres, "reset_peer", "downstream", map[string]any{"timeout": w.rng.IntN(40)}, 250*time.Millisecond)
		})
	}},
	{name: "F18", what: "the disk below Postgres is full, for 10 s", small: 400, bounds: bounds{recovered: 15 * time.Second}, do: (*weather).fillDisk},
	{name: "F19", what: "somebody locks the conversations for 15 s", bounds: bounds{refused: never, accept: 250 * time.Millisecond}, do: (*weather).lockConversations},
	{name: "F20", what: "one hot contact writes 500 messages", bounds: bounds{refused: never, recovered: 10 * time.Second}, load: forecast{gateways: 2, workers: 2, messages: 500, perSecond: 100, contacts: 1, duplicatePct: 10}, do: func(*weather) {}},
	{name: "F21", what: "a transaction stays open all the time, so that nothing can be vacuumed", do: (*weather).openTransaction},
	{name: "F22", what: "the provider takes a message and hangs", bounds: bounds{refused: never}, fast: true, do: func(w *weather) {
		w.meta.AddFault(fakemeta.Fault{Skip: 5, Times: 20, Hang: 3 * time.Second, Reset: true})
	}},
	{
		name: "F22b", what: "the provider hangs for 20 of 21 accounts, for 12 s", bounds: bounds{refused: never, seen: 3 * time.Second, recovered: 10 * time.Second},
		load: forecast{gateways: 2, workers: 2, messages: 4500, perSecond: 300, contacts: 630, duplicatePct: 10, reorderPct: 5, agents: 12, capacity: 200, numbers: 18},
		do:   (*weather).hangForMost, after: (*weather).allWasSent,
	},
	{name: "F23", what: "the provider throttles for a while", bounds: bounds{refused: never, seen: 3 * time.Second}, do: (*weather).throttle},
	{name: "F24", what: "the provider answers 503 for 10 s", do: func(w *weather) {
		w.during(1, func(int) {
			id := w.meta.AddFault(fakemeta.Fault{Status: 503, Code: 131000})
			w.calm(10 * time.Second)
			w.meta.RemoveFault(id)
		})
	}},
	{name: "F26", what: "every webhook comes twice at once, to two gateways", bounds: bounds{refused: never}, fast: true, load: forecast{gateways: 2, workers: 2, messages: 1500, perSecond: 100, contacts: 200, duplicatePct: 100}, do: func(*weather) {}},
	{name: "F27", what: "albums: 200 new contacts, each with ten pictures at once, to two gateways", bounds: bounds{refused: never}, do: (*weather).albums, after: (*weather).albumsAreWhole},
	{name: "F28", what: "webhooks out of order, statuses first and several times", load: forecast{gateways: 2, workers: 2, messages: 1500, perSecond: 100, contacts: 200, reorderPct: 60}, do: func(w *weather) {
		w.meta.AddFault(fakemeta.Fault{StatusesFirst: true, StatusCopies: 3, Statuses: []string{"read", "delivered", "sent"}})
	}},
	// What it shows: receipt, windows and the leases of sends and files go by Postgres' clock, and so do all orders but ties. Ids (UUIDv7), links
	// to files (good for five minutes), limits of sign-in and asynq's leases of wakes go by each process's own: asynq takes wakes away from
	// workers that are at it, and nothing comes of it. What it cannot show is a clock that is set while a process runs.
	{name: "F29", what: "clocks are wrong: workers' by 10 minutes and a day, gateways' by two minutes and a day", build: wrongClocks, do: (*weather).skewClocks, after: (*weather).timesAreRight},
	{name: "F30", what: "windows shut while agents answer", load: forecast{gateways: 2, workers: 2, messages: 1500, perSecond: 30, contacts: 200, capacity: 500}, do: (*weather).edge},
	{name: "F31", what: "the agents' connections break all the time", fast: true, do: (*weather).breakSockets},
	{name: "F32", what: "agents come, go and change their capacity all the time", do: (*weather).comeAndGo},
	{name: "F34", what: "a gateway with 5,000 sockets is killed", load: forecast{gateways: 2, workers: 2, messages: 3000, perSecond: 30, contacts: 200}, bounds: bounds{recovered: 10 * time.Second}, do: (*weather).crowd},
	{name: "F35", what: "500 sockets are never read", load: forecast{gateways: 2, workers: 2, messages: 6000, perSecond: 60, contacts: 200}, do: (*weather).sleepers, bounds: bounds{refused: never, seen: time.Second}},
	{name: "F38", what: "poison among the webhooks", leaves: map[string]int{"quarantined events": 50}, bounds: bounds{refused: never, seen: time.Second}, do: func(w *weather) {
		w.during(50, func(i int) { w.nobodys(i) })
	}, after: (*weather).poisonIsAside},
	{name: "F39", what: "files that are endless, gone, or elsewhere", bounds: bounds{refused: never, seen: time.Second}, do: (*weather).badFiles},
	{name: "F42", what: "everything is stopped and started in good order", bounds: bounds{refused: never}, do: (*weather).replaceAll},
	{name: "F43", what: "little memory and many connections", load: forecast{gateways: 2, workers: 2, messages: 6000, perSecond: 400, contacts: 300, duplicatePct: 10}, do: (*weather).starve},
	{name: "F44", what: "a gateway has no file descriptors left, for 10 s", do: (*weather).closeDoors},
}
