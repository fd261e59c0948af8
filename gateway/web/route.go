package web

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"gatehouse/internal/chat"
)

// Route is one line of the API's table.
type Route struct {
	Method   string
	Path     string // with {names}
	Rule     Rule
	Endpoint Endpoint
	Does     string // one line, for openapi.json
}

// On makes the lines of one method.
func On(method string) func(path string, rule Rule, e Endpoint, does string) Route {
	return func(path string, rule Rule, e Endpoint, does string) Route {
		return Route{Method: method, Path: path, Rule: rule, Endpoint: e, Does: does}
	}
}

// Rule is what a route's caller must be. The zero Rule admits nobody.
type Rule struct {
	Open       bool            // nobody in particular: the route checks what it needs itself
	Session    bool            // an agent who is signed in
	Scope      string          // an API key with this scope (internal/auth)
	Permission chat.Permission // the role must have it, by session or key
	First      bool            // also before the first password is changed
	Glance     bool            // a page asks it by itself, again and again: that keeps no session alive
	Meter      Meter           // counted here beside the caller's own rate
}

// Anyone admits everybody, with a route's own proof or none.
func Anyone() Rule { return Rule{Open: true} }

// Signed admits agents who are signed in.
func Signed() Rule { return Rule{Session: true} }

// All admits agents who are signed in, and API keys with a scope.
func All(scope string) Rule { return Rule{Session: true, Scope: scope} }

// May admits those of All whose role has a permission.
func May(permission chat.Permission, scope string) Rule {
	return Rule{Session: true, Scope: scope, Permission: permission}
}

// BeforePassword admits agents who still have their first password, too.
func (r Rule) BeforePassword() Rule { r.First = true; return r }

// Glanced keeps no session alive.
func (r Rule) Glanced() Rule { r.Glance = true; return r }

// Metered counts the route's requests apart.
func (r Rule) Metered(m Meter) Rule { r.Meter = m; return r }

// within is how long a request may take in all, beside those that bring their own time.
const within = 10 * time.Second

// Mount gives the routes to Fiber: for each path its methods, then the refusal of the others, and last the refusal of
// whatever else lies under the prefix.
func (w *Web) Mount(r fiber.Router, routes []Route) {
	var paths []string
	methods := map[string][]string{}
	for _, route := range routes {
		path := strings.NewReplacer("{", ":", "}", "").Replace(route.Path)
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
		methods[path] = append(methods[path], route.Method)
		handler := w.handler(route)
		r.Add(route.Method, path, handler)
		if route.Method == http.MethodGet {
			methods[path] = append(methods[path], http.MethodHead)
			r.Add(http.MethodHead, path, handler)
		}
	}
	for _, path := range paths {
		r.All(path, NotAllowed(methods[path]...))
	}
	r.All("/*", NotFound)
}

// handler puts a route's checks before its function.
func (w *Web) handler(route Route) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(Context(c), max(within, route.Endpoint.within))
		defer cancel()
		call := &Call{Context: ctx, Route: route, web: w, c: c}
		if err := w.admit(call, route.Rule); err != nil {
			return err
		}
		return route.Endpoint.run(call)
	}
}

// admit checks who asks, in the order of the package comment.
func (w *Web) admit(call *Call, rule Rule) error {
	if rule.Open {
		return nil
	}
	who, err := w.identify(call, call.c, rule)
	if err != nil {
		return err
	}
	call.Who = who
	if err := w.protect(call.c, who); err != nil {
		return err
	}
	if who.FirstPassword && !rule.First {
		return chat.Errorf(chat.CodePasswordChange, "change the first password before anything else")
	}
	if err := rule.allows(who); err != nil {
		return err
	}
	own := MeterAgent
	if who.Session == "" {
		own = MeterKey
	}
	for _, m := range []Meter{own, rule.Meter} {
		if err := w.meters[m].Take(who.Key()); err != nil {
			return err
		}
	}
	return nil
}

func (r Rule) allows(who Who) error {
	switch {
	case who.Session != "" && !r.Session, who.Session == "" && r.Scope == "":
		return chat.Errorf(chat.CodeForbidden, "not for this kind of caller")
	case who.Session == "" && !scoped(who.Principal.Scopes, r.Scope):
		return chat.Errorf(chat.CodeForbidden, "the key needs the scope %s", r.Scope).With("scope", r.Scope)
	case r.Permission != "" && !slices.Contains(who.Permissions, string(r.Permission)):
		return chat.Errorf(chat.CodeForbidden, "the role may not do this").With("permission", string(r.Permission))
	}
	return nil
}
