package app

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"gatehouse/channels"
	"gatehouse/internal/chat"
	"gatehouse/internal/media"
)

// reach decides which addresses that are not public an outgoing connection may go to: those that the operator allows by
// name, and a program on this machine that an account's settings name as its provider's API, as a stand-in for tests is
// (DESIGN.md §5). It refuses our own listeners, and what only a payload or a redirect names.
type reach struct {
	allowed []string // host:port, by the operator
	own     []string
	drivers map[chat.ChannelKind]channels.Driver

	mu    sync.Mutex
	named map[string]bool // host:port on this machine, by accounts' settings
}

func newReach(allowed, own []string, drivers []channels.Driver) *reach {
	r := &reach{allowed: allowed, own: own, drivers: map[chat.ChannelKind]channels.Driver{}, named: map[string]bool{}}
	for _, d := range drivers {
		r.drivers[d.Kind] = d
	}
	return r
}

// learn remembers where an account's provider stands, if that is beside us. What cannot be an address, the driver refuses.
func (r *reach) learn(a channels.Account) {
	d := r.drivers[a.Kind]
	for _, s := range d.Settings {
		hostPort, err := media.HostPort(a.Setting(d, s.Name))
		if !s.Endpoint || err != nil || !loopback(hostPort) || slices.Contains(r.own, hostPort) {
			continue
		}
		r.mu.Lock()
		r.named[hostPort] = true
		r.mu.Unlock()
	}
}

// may tells whether a connection may go to host:port wherever that leads.
func (r *reach) may(hostPort string) bool {
	if slices.Contains(r.allowed, hostPort) {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.named[hostPort]
}

// loopback tells whether host:port is on this machine by its form: no name but localhost is looked up.
func loopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
