package web

import (
	"bytes"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// peer finds who is at the other end: the address, whether it speaks TLS, and the origin by which it reached us. Proxies
// that we trust are believed, from the last one backwards; the first one that we do not trust is the client.
func (w *Web) peer(c *fiber.Ctx) (client netip.Addr, secure bool, origin string) {
	if a, ok := netip.AddrFromSlice(c.Context().RemoteIP()); ok {
		client = a.Unmap()
	}
	h := &c.Request().Header
	secure = c.Context().IsTLS()
	host := string(h.Host())
	if w.trusted(client) {
		hops := strings.Split(joined(h, fiber.HeaderXForwardedFor), ",")
		for i := len(hops) - 1; i >= 0 && w.trusted(client); i-- {
			a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break
			}
			client = a.Unmap().WithZone("")
		}
		if proto := last(h, fiber.HeaderXForwardedProto); proto != "" {
			secure = proto == "https"
		}
		if named := last(h, fiber.HeaderXForwardedHost); named != "" {
			host = named
		}
	}
	scheme, host := "http", strings.ToLower(host)
	if w.cfg.Origin != "" {
		scheme, host, _ = strings.Cut(w.cfg.Origin, "://")
		secure = scheme == "https"
	} else if secure {
		scheme = "https"
	}
	// Handlers that ask Fiber get the same answers, whatever the caller wrote there.
	for _, name := range []string{
		fiber.HeaderXForwardedFor, fiber.HeaderXForwardedProto, fiber.HeaderXForwardedHost, fiber.HeaderXForwardedProtocol,
		fiber.HeaderXForwardedSsl, fiber.HeaderXUrlScheme,
	} {
		h.Del(name) // all lines of it
	}
	h.Set(fiber.HeaderXForwardedFor, client.String())
	h.Set(fiber.HeaderXForwardedProto, scheme)
	h.Set(fiber.HeaderXForwardedHost, host)
	return client, secure, scheme + "://" + host
}

func (w *Web) trusted(a netip.Addr) bool {
	for _, p := range w.cfg.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// joined is a list header that may come in several lines.
func joined(h *fasthttp.RequestHeader, name string) string {
	return string(bytes.Join(h.PeekAll(name), []byte(",")))
}

// last is the newest entry of a list header: what the nearest proxy wrote.
func last(h *fasthttp.RequestHeader, name string) string {
	all := joined(h, name)
	return strings.ToLower(strings.TrimSpace(all[strings.LastIndexByte(all, ',')+1:]))
}
