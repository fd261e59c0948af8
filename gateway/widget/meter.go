package widget

import (
	"net/netip"
	"sync"
	"time"
)

// meter allows each key so many deeds in any span, counted exactly. It lives in memory, one per process: it works while
// Postgres and Redis do not. Keys that were quiet for a span or two are forgotten; when very many are busy at once
// (somebody makes them up) the quieter ones are forgotten earlier, which can only allow more.
type meter struct {
	limit int
	span  time.Duration

	mu        sync.Mutex
	cur, last map[string]*deeds // this generation of keys and the one before
	turned    time.Time
}

// deeds are the times of a key's newest deeds, in a ring.
type deeds struct {
	at   []time.Time
	next int
}

// maxKeys bounds a generation.
const maxKeys = 50_000

func newMeter(limit int, span time.Duration) *meter {
	return &meter{limit: limit, span: span, cur: map[string]*deeds{}}
}

// take counts a deed and returns 0, or how long the key must wait.
func (m *meter) take(key string, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.turned) >= m.span || len(m.cur) >= maxKeys {
		m.last, m.cur, m.turned = m.cur, map[string]*deeds{}, now
	}
	d := m.cur[key]
	if d == nil {
		if d = m.last[key]; d == nil {
			d = &deeds{}
		}
		m.cur[key] = d
	}
	if len(d.at) < m.limit {
		d.at = append(d.at, now)
		return 0
	}
	if wait := m.span - now.Sub(d.at[d.next]); wait > 0 {
		return wait
	}
	d.at[d.next] = now
	d.next = (d.next + 1) % m.limit
	return 0
}

// network is what one subscriber has of the net: an IPv4 address or an IPv6 /64. All without an address share one count.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil || !p.IsValid() {
		return ""
	}
	return p.String()
}
