package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gatehouse/internal/chat"
)

// Who stands behind a request.
type Who struct {
	Principal     chat.Principal
	Permissions   []string // of the role (chat.Role.Permissions)
	Session       string   // the cookie's token; empty for an API key
	FirstPassword bool     // the password must be changed before anything else
}

// Key is the API key or agent by whose id requests are counted, cursors bound and uploads owned.
func (w Who) Key() [16]byte {
	if w.Session == "" {
		return w.Principal.APIKeyID
	}
	return w.Principal.AgentID
}

// Principals finds who is behind a token. All answer CodeSessionOver for one that does not hold (any more).
type Principals interface {
	Session(ctx context.Context, token string) (Who, error)
	// CheckSession is Session for those who only look: it does not count as a use.
	CheckSession(ctx context.Context, token string) (Who, error)
	APIKey(ctx context.Context, key string) (Who, error)
}

// The session cookie's names. Browsers keep the first one to TLS, this host and every path (RELIABILITY.md S23); the other
// is for a desk that is reached without TLS, on a machine of one's own.
const (
	secureCookie = "__Host-gatehouse"
	plainCookie  = "gatehouse"
)

func cookieName(secure bool) string {
	if secure {
		return secureCookie
	}
	return plainCookie
}

// SessionToken is the session cookie's value, "" without one.
func SessionToken(c *fiber.Ctx) string { return strings.Clone(c.Cookies(cookieName(Secure(c)))) }

// SetSession gives the browser a session's token, or takes it away (""). The cookie ends with the browser; the session
// ends on our side.
func SetSession(c *fiber.Ctx, token string) {
	cookie := fasthttp.AcquireCookie()
	defer fasthttp.ReleaseCookie(cookie)
	cookie.SetKey(cookieName(Secure(c)))
	cookie.SetValue(token)
	cookie.SetPath("/")
	cookie.SetHTTPOnly(true)
	cookie.SetSecure(Secure(c))
	cookie.SetSameSite(fasthttp.CookieSameSiteStrictMode)
	if token == "" {
		cookie.SetExpire(time.Unix(1, 0))
	}
	c.Response().Header.SetCookie(cookie)
}

// CSRF is the token that a session's unsafe requests carry as X-CSRF-Token.
func (w *Web) CSRF(session string) string {
	mac := hmac.New(sha256.New, w.deps.CSRFKey)
	mac.Write([]byte(session))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// identify finds who asks. Without a cookie or a key it is CodeSessionOver. Who tries one after another is slowed.
func (w *Web) identify(ctx context.Context, c *fiber.Ctx, rule Rule) (Who, error) {
	who, err := w.lookUp(ctx, c, rule)
	if chat.CodeOf(err) == chat.CodeSessionOver && (len(c.Request().Header.Peek(fiber.HeaderAuthorization)) > 0 || SessionToken(c) != "") {
		if slow := w.meters[meterStranger].Take(Subscriber(Client(c))); slow != nil {
			return Who{}, slow
		}
	}
	return who, err
}

func (w *Web) lookUp(ctx context.Context, c *fiber.Ctx, rule Rule) (Who, error) {
	if h := c.Request().Header.Peek(fiber.HeaderAuthorization); len(h) > 0 {
		key, ok := strings.CutPrefix(string(h), "Bearer ")
		if !ok {
			return Who{}, chat.Errorf(chat.CodeSessionOver, "the scheme is Bearer")
		}
		return w.deps.Principals.APIKey(ctx, key)
	}
	token := SessionToken(c)
	if token == "" {
		return Who{}, chat.Errorf(chat.CodeSessionOver, "not signed in")
	}
	if rule.Glance {
		return w.deps.Principals.CheckSession(ctx, token)
	}
	return w.deps.Principals.Session(ctx, token)
}

// SameOrigin refuses a request that another site's page made. Browsers name the origin of every unsafe request and of
// every WebSocket; needed says that one without a name is refused too (RELIABILITY.md S24, S26).
func SameOrigin(c *fiber.Ctx, needed bool) error {
	h := &c.Request().Header
	given := h.PeekAll(fiber.HeaderOrigin)
	own := requestOf(c).origin
	site := h.Peek("Sec-Fetch-Site")
	switch {
	case len(given) == 0 && needed, len(given) > 1,
		len(given) == 1 && string(given[0]) != own,
		len(site) > 0 && string(site) != "same-origin" && !(string(site) == "none" && !needed):
		return chat.Errorf(chat.CodeForbidden, "the request comes from another site")
	}
	return nil
}

// protect refuses an unsafe request by cookie that our own page did not make.
func (w *Web) protect(c *fiber.Ctx, who Who) error {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead:
		return nil
	}
	if who.Session == "" {
		return nil // a key is not sent by itself
	}
	if err := SameOrigin(c, true); err != nil {
		return err
	}
	given := c.Request().Header.Peek("X-CSRF-Token")
	if !hmac.Equal(given, []byte(w.CSRF(who.Session))) {
		return chat.Errorf(chat.CodeForbidden, "the X-CSRF-Token is missing or of another session")
	}
	return nil
}
