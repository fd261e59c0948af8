package media

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrBlocked is what errors.Is finds when a request was not made because of where it would have gone.
var ErrBlocked = errors.New("media: address is not allowed")

// ClientConfig is what the outbound HTTP client may be told.
type ClientConfig struct {
	// Allow lets connections to exactly these host:port pass, wherever they lead: a test server, a Graph base URL in an
	// account's settings. Nil allows none. See HostPort.
	Allow func(hostPort string) bool
	// Timeout bounds a whole request, its body included; 0 means 60 s. A context may bound it closer.
	Timeout time.Duration
	// Resolver looks names up; nil is the system's.
	Resolver *net.Resolver
}

// Client returns the HTTP client for addresses that come from outside: media links, webhooks of others, pictures. It
// connects to public addresses only, judged when the connection is made, so that neither a name that resolves to a
// private address nor one that resolves differently the second time gets through. It follows no redirects, knows no
// proxies, speaks http and https only, and does not decompress.
func Client(cfg ClientConfig) *http.Client { return newClient(cfg, checkAddress) }

func newClient(cfg ClientConfig, check func(address string) error) *http.Client {
	open := &net.Dialer{Timeout: 10 * time.Second, Resolver: cfg.Resolver}
	guarded := *open
	guarded.Control = func(_, address string, _ syscall.RawConn) error { return check(address) }
	if cfg.Timeout == 0 {
		cfg.Timeout = 60 * time.Second
	}
	return &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: schemeGuard{&http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if cfg.Allow != nil && cfg.Allow(strings.ToLower(address)) {
					return open.DialContext(ctx, network, address)
				}
				return guarded.DialContext(ctx, network, address)
			},
			Proxy:                  nil,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // a limit on bytes then is a limit on bytes
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  30 * time.Second,
			IdleConnTimeout:        60 * time.Second,
			MaxIdleConnsPerHost:    8,
			MaxResponseHeaderBytes: 64 << 10,
		}},
	}
}

// HostPort returns the host:port that a URL leads to, in the form that ClientConfig.Allow is asked.
func HostPort(rawURL string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" {
		return "", errors.New("media: not an absolute URL")
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	case u.Scheme == "http":
		port = "80"
	default:
		return "", errors.New("media: not an http or https URL")
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port), nil
}

// schemeGuard refuses what is not plain http or https before anything is looked up.
type schemeGuard struct{ next *http.Transport }

func (g schemeGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	u := req.URL
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper closes it always
		}
		return nil, fmt.Errorf("%w: only http and https, without a password", ErrBlocked)
	}
	return g.next.RoundTrip(req)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transport.
func (g schemeGuard) CloseIdleConnections() { g.next.CloseIdleConnections() }

// checkAddress judges a resolved ip:port at the moment of dialing.
func checkAddress(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !public(ap.Addr()) {
		return fmt.Errorf("%w: %s", ErrBlocked, address)
	}
	return nil
}

// public reports whether an address is one of the public Internet: IPv4 outside the special-purpose blocks, IPv6 inside
// 2000::/3 and outside those (IANA IPv4 and IPv6 Special-Purpose Address Registries).
func public(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	if a.Is6() && !globalUnicast.Contains(a) {
		return false
	}
	for _, p := range specialPurpose {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsValid()
}

var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	nat64         = netip.MustParsePrefix("64:ff9b::/96") // an IPv6-only network's way to an IPv4 address
)

var specialPurpose = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network; 0.0.0.0 reaches the host itself
	netip.MustParsePrefix("10.0.0.0/8"),       // private
	netip.MustParsePrefix("100.64.0.0/10"),    // carrier-grade NAT; 100.100.100.200 is a metadata service
	netip.MustParsePrefix("127.0.0.0/8"),      // loopback
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's host agent, on a public address
	netip.MustParsePrefix("169.254.0.0/16"),   // link-local, with the clouds' metadata services
	netip.MustParsePrefix("172.16.0.0/12"),    // private
	netip.MustParsePrefix("192.0.0.0/24"),     // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relay
	netip.MustParsePrefix("192.168.0.0/16"),   // private
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("224.0.0.0/3"),      // multicast, reserved, broadcast
	netip.MustParsePrefix("2001::/23"),        // protocol assignments: Teredo, ORCHID
	netip.MustParsePrefix("2001:db8::/32"),    // documentation
	netip.MustParsePrefix("2002::/16"),        // 6to4: wraps any IPv4 address
	netip.MustParsePrefix("3fff::/20"),        // documentation
}
