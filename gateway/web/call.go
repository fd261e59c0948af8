package web

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"gatehouse/internal/chat"
)

// Call is one request on its way through an endpoint. It is a context that ends with the time that the request has.
type Call struct {
	context.Context
	Who   Who // zero on an open route
	Route Route
	web   *Web
	c     *fiber.Ctx
}

// P is who asks, as the desk knows them.
func (c *Call) P() chat.Principal { return c.Who.Principal }

// May is nil if the role and the scopes of who asks satisfy another route's rule, too; else CodeForbidden.
func (c *Call) May(rule Rule) error { return rule.allows(c.Who) }

// Header is a copy of a header's value.
func (c *Call) Header(name string) string { return string(c.c.Request().Header.Peek(name)) }

// Path is the request's path.
func (c *Call) Path() string { return string(c.c.Request().URI().PathOriginal()) }

// Count counts the call on a further meter, or refuses it.
func (c *Call) Count(m Meter) error { return c.web.meters[m].Take(c.Who.Key()) }

// Body is the request's body, valid until the endpoint returns.
func (c *Call) Body() []byte { return c.c.Request().Body() }

// Stream is the body of a route whose class streams it, and its declared size, -1 if there is none.
func (c *Call) Stream() (body io.Reader, size int64) { return Body(c.c) }

// Identify finds who asks on an open route; CodeSessionOver without a cookie or a key.
func (c *Call) Identify() (Who, error) { return c.web.identify(c, c.c, c.Route.Rule) }

// Client is the caller's address.
func (c *Call) Client() netip.Addr { return Client(c.c) }

// Fiber gives an endpoint made with Raw the request itself.
func (c *Call) Fiber() *fiber.Ctx { return c.c }

// CSRF is the token of the caller's session.
func (c *Call) CSRF() string { return c.web.CSRF(c.Who.Session) }

// SignIn gives the browser a new session, or ends it ("").
func (c *Call) SignIn(token string) { SetSession(c.c, token); c.Who.Session = token }

// SameOrigin refuses a call that another site's page made.
func (c *Call) SameOrigin() error { return SameOrigin(c.c, false) }

// Endpoint is a function with the shapes of what it takes and answers. JSON, Created, Accepted, Done and Raw make one.
type Endpoint struct {
	In     reflect.Type // a struct; nil takes nothing. Its fields come from the path, the query and the body
	Out    reflect.Type // nil answers nothing
	Status int
	Type   string        // of the answer, when it is not JSON
	Takes  string        // of the body, when it is not JSON
	within time.Duration // when it needs longer than others
	run    func(*Call) error
}

// JSON answers 200 with what the function returns.
func JSON[In, Out any](f func(*Call, In) (Out, error)) Endpoint {
	e := endpoint[In](http.StatusOK, func(c *Call, in In) error {
		out, err := f(c, in)
		if err != nil {
			return err
		}
		return c.c.Status(c.Route.Endpoint.Status).JSON(out)
	})
	e.Out = reflect.TypeFor[Out]()
	return e
}

// Created answers 201 with what the function returns.
func Created[In, Out any](f func(*Call, In) (Out, error)) Endpoint {
	e := JSON(f)
	e.Status = http.StatusCreated
	return e
}

// Done answers 204.
func Done[In any](f func(*Call, In) error) Endpoint {
	return endpoint[In](http.StatusNoContent, func(c *Call, in In) error {
		if err := f(c, in); err != nil {
			return err
		}
		return c.c.SendStatus(http.StatusNoContent)
	})
}

// Accepted answers 202: it was begun.
func Accepted[In any](f func(*Call, In) error) Endpoint {
	return endpoint[In](http.StatusAccepted, func(c *Call, in In) error {
		if err := f(c, in); err != nil {
			return err
		}
		c.c.Status(http.StatusAccepted)
		return nil
	})
}

// Raw writes its answer itself.
func Raw[In any](contentType string, within time.Duration, f func(*Call, In) error) Endpoint {
	e := endpoint[In](http.StatusOK, f)
	e.Type, e.within = contentType, within
	return e
}

// Taking names the type of a body that is not JSON, and how long it may take to come.
func (e Endpoint) Taking(contentType string, within time.Duration) Endpoint {
	e.Takes, e.within = contentType, within
	return e
}

func endpoint[In any](status int, f func(*Call, In) error) Endpoint {
	shape := shapeOf(reflect.TypeFor[In]())
	e := Endpoint{Status: status, In: reflect.TypeFor[In](), run: func(c *Call) error {
		var in In
		if err := shape.read(c, reflect.ValueOf(&in).Elem()); err != nil {
			return err
		}
		return f(c, in)
	}}
	if e.In.NumField() == 0 {
		e.In = nil
	}
	return e
}

// scoped tells whether a key's scopes cover one. Writing includes reading, admin includes all (internal/auth).
func scoped(have []string, need string) bool {
	return slices.Contains(have, need) || slices.Contains(have, "admin") || need == "inbox:read" && slices.Contains(have, "inbox:write")
}
