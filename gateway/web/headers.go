package web

import (
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// AppCSP is the content security policy of pages of ours that run scripts of ours; APICSP that of answers, which are no
// pages.
const (
	AppCSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; " +
		"font-src 'self'; connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
	APICSP = "default-src 'none'; frame-ancestors 'none'"
)

// Headers sets what every answer carries (RELIABILITY.md S20, S22). A handler may set its own after it.
func (w *Web) Headers(csp string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		guard(c, csp)
		return c.Next()
	}
}

func guard(c *fiber.Ctx, csp string) {
	c.Set(fiber.HeaderContentSecurityPolicy, csp)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set(fiber.HeaderPermissionsPolicy, "camera=(), geolocation=(), microphone=(self)")
	if Secure(c) {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	if csp == APICSP {
		c.Set(fiber.HeaderCacheControl, "no-store")
	}
}

// NotAllowed answers a known path that was asked with another method (RELIABILITY.md B33).
func NotAllowed(methods ...string) fiber.Handler {
	allow := strings.Join(methods, ", ")
	return func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderAllow, allow)
		return fiber.NewError(http.StatusMethodNotAllowed)
	}
}

// NotFound answers a path that is none.
func NotFound(*fiber.Ctx) error { return fiber.ErrNotFound }
