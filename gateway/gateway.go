// Package gateway is everything that speaks HTTP or WebSocket on the public listener. Here is only the order in which a
// request passes, and the whole table of routes; each door is a package below.
//
//	hooks  providers' webhooks in      api  /api/v1 for agents and programs    live  their WebSocket
//	widget web chat's visitors         inbox the agents' web app               web   what the doors share
//
// ops is the other listener, for operators. Start with New, then web/route.go.
package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/valyala/fasthttp"

	"gatehouse/channels"
	"gatehouse/gateway/api"
	"gatehouse/gateway/hooks"
	"gatehouse/gateway/inbox"
	"gatehouse/gateway/live"
	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/internal/media"
)

// Config is what is fixed for a process.
type Config struct {
	// Origin is our own public origin if the operator named it, "https://desk.example.com"; empty: each request's own.
	Origin string
	// PublicURL is where providers reach us, without a trailing slash.
	PublicURL      string
	TrustedProxies []netip.Prefix
	Node           string // this process's name among the nodes
	// Look is how often the live stream asks the record what the bus may have lost; zero: 5 s.
	Look time.Duration
	// Parting is how long, when we stop, those who have a connection may still ask on it once before it is closed: one that is closed
	// just when a request is on its way leaves its sender without an answer.
	Parting time.Duration
}

// Deps are what the doors need of the house. Widget and Demo may be nil.
type Deps struct {
	Drivers    []channels.Driver
	Desk       Desk
	Door       hooks.Door
	Accounts   hooks.Accounts
	Principals web.Principals
	Sessions   live.Sessions
	Bus        live.Bus

	Attempts     *auth.SignInLimiter
	Links        *auth.MediaLinks
	Cursors      web.Cursors
	CSRFKey      []byte // at least 32 bytes, used for nothing else
	Intake       media.Intake
	CheckAccount func(context.Context, chat.AccountID) error

	Widget  Mounter      // web chat's door
	Demo    http.Handler // the page on which the demo's customers are played
	Metrics Metrics
	Observe web.Observer // of every request; may be nil
	Log     *slog.Logger
	Now     func() time.Time
}

// Desk is the use-cases, as all doors need them.
type Desk interface {
	api.Desk
	live.Desk
	live.Presence
}

// Metrics is the doors' counters.
type Metrics interface {
	hooks.Metrics
	live.Metrics
	api.Metrics
}

// Mounter adds its own routes.
type Mounter interface{ Mount(fiber.Router) }

// Gateway is the public listener's application.
type Gateway struct {
	app  *fiber.App
	live *live.Live
	stop func() // ends the subscription
	log  *slog.Logger

	mu       sync.Mutex
	listener *web.Listener // once it serves
	parting  *atomic.Bool  // every answer is the last of its connection
	patience time.Duration
}

// classes bound requests by where they go. What providers, agents and visitors send is small; files are read as they come.
var classes = web.Classes{
	{Prefix: "/webhooks/", Bytes: hooks.MaxBody},
	{Prefix: "/api/v1/uploads", Bytes: api.MaxUpload, Stream: true, Read: api.UploadTime},
	{Prefix: "/api/v1/media/", Bytes: 1 << 10, Write: 10 * time.Minute},
	{Prefix: "/api/", Bytes: 1 << 20},
	{Prefix: "/widget/v1/", Suffix: "/uploads", Bytes: 17 << 20, Stream: true, Read: api.UploadTime},
	{Prefix: "/demo/", Bytes: 20 << 20, Write: 10 * time.Minute},
	{Bytes: 64 << 10},
}

// New makes the application and subscribes to the news.
func New(cfg Config, deps Deps) *Gateway {
	w := web.New(web.Config{Origin: strings.ToLower(strings.TrimSuffix(cfg.Origin, "/")), TrustedProxies: cfg.TrustedProxies}, web.Deps{
		Principals: deps.Principals, CSRFKey: deps.CSRFKey, Cursors: deps.Cursors, Log: deps.Log, Now: deps.Now, Observe: deps.Observe,
	})
	h := hooks.New(hooks.Deps{
		Drivers: deps.Drivers, Accounts: deps.Accounts, Door: deps.Door, Metrics: deps.Metrics, Log: deps.Log, Now: deps.Now,
	})
	a := api.New(api.Deps{
		Desk: deps.Desk, Drivers: deps.Drivers, Attempts: deps.Attempts, Links: deps.Links, Intake: deps.Intake,
		CheckAccount: deps.CheckAccount, Metrics: deps.Metrics, Now: deps.Now, PublicURL: cfg.PublicURL, Demo: deps.Demo != nil,
	})
	l := live.New(live.Deps{
		Desk: deps.Desk, Presence: deps.Desk, Bus: deps.Bus, Sessions: deps.Sessions, Metrics: deps.Metrics, Log: deps.Log,
		Now: deps.Now, Node: cfg.Node, Look: cfg.Look,
	})

	parting := new(atomic.Bool)
	app := newApp(w, parting)
	app.Use(w.Door(classes))

	providers := app.Group("/webhooks", w.Headers(web.APICSP))
	providers.Get("/meta", h.Challenge).Post("/meta", h.Receive).All("/meta", web.NotAllowed("GET", "HEAD", "POST"))
	providers.Get("/:kind/:account", h.ChallengeAccount).Post("/:kind/:account", h.ReceiveAccount)
	providers.All("/:kind/:account", web.NotAllowed("GET", "HEAD", "POST")).All("/*", web.NotFound)

	w.Mount(app.Group("/api/v1", w.Headers(web.APICSP)), Routes(a, l))
	app.All("/api/*", w.Headers(web.APICSP), web.NotFound)

	if deps.Widget != nil {
		deps.Widget.Mount(app)
	}
	app.All("/widget/*", w.Headers(web.APICSP), web.NotFound)
	if deps.Demo != nil {
		demo := adaptor.HTTPHandler(deps.Demo)
		app.All("/demo", demo).All("/demo/*", demo)
	}
	app.Get("/*", w.Headers(inbox.Policy), page).All("/*", w.Headers(web.APICSP), web.NotAllowed("GET", "HEAD"))

	stop := deps.Bus.Subscribe(func(n chat.Notice) {
		if n.Kind == chat.NoticeAccount || n.Kind == chat.NoticeLost {
			h.Outdate()
		}
	})
	return &Gateway{app: app, live: l, stop: stop, log: deps.Log, parting: parting, patience: cfg.Parting}
}

// newApp makes Fiber safe: strict paths, copies of everything, bodies read by our own door, deadlines on every phase.
func newApp(w *web.Web, parting *atomic.Bool) *fiber.App {
	app := fiber.New(fiber.Config{
		CaseSensitive: true, StrictRouting: true, Immutable: true,
		StreamRequestBody: true, DisablePreParseMultipartForm: true, // web.Door reads bodies, each class to its limit
		ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 75 * time.Second,
		ReadBufferSize:  8 << 10, // all headers together; more is 431
		WriteBufferSize: 1 << 10, // for headers and a small answer; held by every connection
		Concurrency:     100_000,
		// The door has put the client's address where Fiber looks for it.
		ProxyHeader: fiber.HeaderXForwardedFor, EnableTrustedProxyCheck: false,
		DisableStartupMessage: true, ErrorHandler: w.Refuse,
	})
	app.Server().HeaderReceived = classes.Timeouts
	app.Server().Handler = untilParting(knownMethods(app, w), parting)
	app.Server().CloseOnShutdown = true
	app.Server().KeepHijackedConns = true // web.Sockets closes them
	return app
}

// knownMethods keeps methods from Fiber that it does not know: it answers them in words of its own.
func knownMethods(app *fiber.App, w *web.Web) fasthttp.RequestHandler {
	handle := app.Server().Handler
	allow := strings.Join(fiber.DefaultMethods, ", ")
	return func(r *fasthttp.RequestCtx) {
		if slices.Contains(fiber.DefaultMethods, string(r.Method())) {
			handle(r)
			return
		}
		c := app.AcquireCtx(r)
		defer app.ReleaseCtx(c)
		c.Set(fiber.HeaderAllow, allow)
		r.Response.SetConnectionClose() // whatever its body is
		_ = w.Refuse(c, fiber.ErrMethodNotAllowed)
	}
}

// page serves the inbox.
func page(c *fiber.Ctx) error {
	f, ok := inbox.Find(c.Path())
	if !ok {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderContentType, f.ContentType)
	c.Set(fiber.HeaderCacheControl, f.CacheControl)
	return f.Send(c)
}

// App is the application, for tests.
func (g *Gateway) App() *fiber.App { return g.app }

// Routes is the whole of /api/v1: where, who, what.
func Routes(a *api.API, l *live.Live) []web.Route {
	get, post, put, patch, del := web.On(http.MethodGet), web.On(http.MethodPost), web.On(http.MethodPut), web.On(http.MethodPatch), web.On(http.MethodDelete)
	read, write, contacts, templates := all(auth.ScopeInboxRead), all(auth.ScopeInboxWrite), all(auth.ScopeContacts), all(auth.ScopeTemplates)
	anyone, signed := web.Anyone(), web.Signed()
	assign := may(chat.PermissionAssign, auth.ScopeInboxWrite)
	accounts, agents := may(chat.PermissionAccounts, auth.ScopeAccounts), may(chat.PermissionAgents, auth.ScopeAgents)
	departments, endings := may(chat.PermissionDepartments, auth.ScopeAgents), may(chat.PermissionEndReasons, auth.ScopeAgents)
	keys, overseer := may(chat.PermissionAPIKeys, auth.ScopeAdmin), may(chat.PermissionSeeAll, auth.ScopeAdmin)
	routes := []web.Route{
		post("/session", anyone, web.JSON(a.SignIn), "Sign in"),
		del("/session", signed.BeforePassword(), web.Done(a.SignOut), "Sign out; offline at once"),
		get("/setup/{token}", anyone, web.Done(a.SetupOpen), "Whether the one-time link makes the first admin"),
		post("/setup/{token}", anyone, web.JSON(a.Setup), "Make the first admin by the one-time link"),
		get("/me", signed.BeforePassword(), web.JSON(a.Me), "The caller"),
		put("/me/password", signed.BeforePassword(), web.JSON(a.ChangePassword), "Change the own password; ends the other sessions"),
		get("/me/sessions", signed, web.JSON(a.ListSessions), "Where the caller is signed in"),
		del("/me/sessions/{id}", signed, web.Done(a.DeleteSession), "End one of the own sessions"),
		get("/me/totp", signed, web.JSON(a.TOTP), "Whether the caller has a second factor"),
		post("/me/totp", signed, web.Created(a.BeginTOTP), "Make a second factor; shown once"),
		post("/me/totp/confirm", signed, web.JSON(a.ConfirmTOTP), "Put it to use by a code of it"),
		post("/me/totp/end", signed, web.Done(a.EndTOTP), "Remove it"),
		put("/me/prefs", signed, web.JSON(a.SetPrefs), "Replace the own preferences"),
		put("/me/presence", signed, web.JSON(a.SetPresence), "Online, on a break, offline"),
		get("/live", signed, web.Raw("", 0, l.Connect), "The live stream (WebSocket)"),

		get("/counts", read, web.JSON(a.Counts), "The numbers beside the views"),
		get("/conversations", read, web.JSON(a.ListConversations), "A page of a view"),
		post("/conversations/pull", signed, web.JSON(a.Pull), "Take the oldest waiting one"),
		get("/conversations/{id}", read, web.JSON(a.Conversation), "One, with contact, history and events"),
		get("/conversations/{id}/messages", read, web.JSON(a.Messages), "A page of the thread"),
		post("/conversations/{id}/messages", write, web.Created(a.Send), "Send a message or write a note"),
		get("/conversations/{id}/events", read, web.JSON(a.Events), "What happened after a number, in order"),
		post("/conversations/{id}/read", signed, web.JSON(a.Read), "Move the read mark forward"),
		post("/conversations/{id}/unread", signed, web.JSON(a.Unread), "Move the read mark back"),
		post("/conversations/{id}/take", signed, web.JSON(a.Take), "Take a chosen one from the queue"),
		post("/conversations/{id}/assign", assign, web.JSON(a.Assign), "Give it to an agent at once"),
		post("/conversations/{id}/return", signed, web.JSON(a.Return), "Back to its line, at the head"),
		post("/conversations/{id}/pend", signed, web.JSON(a.Pend), "Wait for the contact"),
		post("/conversations/{id}/unpend", signed, web.JSON(a.Unpend), "Back into the live list"),
		post("/conversations/{id}/end", signed, web.JSON(a.End), "End it with a reason"),
		post("/conversations/{id}/reopen", signed, web.JSON(a.Reopen), "Take it up again"),
		get("/conversations/{id}/draft", signed, web.JSON(a.Drafts), "The caller's drafts, one a tab"),
		put("/conversations/{id}/draft", signed, web.Done(a.PutDraft), "Keep the caller's draft"),
		del("/conversations/{id}/draft", signed, web.Done(a.DeleteDraft), "Drop it"),
		post("/conversations/{id}/messages/{mid}/reaction", write, web.JSON(a.React), "Set or take away our reaction"),
		post("/conversations/{id}/messages/{mid}/retry", write, web.JSON(a.Retry), "A new attempt of a failed or unconfirmed message"),
		get("/messages/{mid}", read, web.JSON(a.Message), "One message, whole"),

		post("/uploads", write.Metered(web.MeterUpload), web.Created(a.Upload).Taking("multipart/form-data", api.UploadTime), "Upload a file to be sent"),
		get("/media/{id}/link", read, web.JSON(a.MediaLink), "New short-lived links to a file"),
		get("/media/{id}", anyone, web.Raw("application/octet-stream", 0, a.Media), "The bytes of a file, by a link"),
		get("/contacts/{id}", contacts, web.JSON(a.Contact), "A contact"),
		patch("/contacts/{id}", contacts, web.JSON(a.PatchContact), "Change name or language"),
		get("/templates", templates, web.JSON(a.ListTemplates).Packed(), "Of all accounts, of one, or of a conversation's, best first"),
		post("/templates/{id}/preview", templates, web.JSON(a.PreviewTemplate), "Fill one in without sending it"),

		get("/desk", read, web.JSON(a.Lists).Packed(), "Everything the desk is made of, list by list, at once"),
		get("/channel-kinds", read, web.JSON(a.ListKinds).Packed(), "The kinds of this build"),
		get("/channel-accounts", read, web.JSON(a.ListAccounts).Packed(), "Connected numbers, pages and sites"),
		post("/channel-accounts", accounts, web.Created(a.CreateAccount), "Connect one"),
		patch("/channel-accounts/{id}", accounts, web.JSON(a.PatchAccount), "Change one"),
		post("/channel-accounts/{id}/disable", accounts, web.JSON(a.DisableAccount), "Switch it off"),
		post("/channel-accounts/{id}/enable", accounts, web.JSON(a.EnableAccount), "Switch it on"),
		post("/channel-accounts/{id}/check", accounts, web.JSON(a.CheckAccount), "Ask the provider whether it works"),
		post("/channel-accounts/{id}/sync-templates", accounts, web.Accepted(a.SyncTemplates), "Read its templates again"),

		get("/agents", read, web.JSON(a.ListAgents).Packed(), "Colleagues, with presence and load"),
		post("/agents", agents, web.Created(a.CreateAgent), "Add one, with a first password"),
		patch("/agents/{id}", agents, web.JSON(a.PatchAgent), "Change one"),
		post("/agents/{id}/disable", agents, web.JSON(a.DisableAgent), "End their sessions, return what they hold"),
		post("/agents/{id}/enable", agents, web.JSON(a.EnableAgent), "Let them in again"),
		post("/agents/{id}/end-totp", agents, web.Done(a.EndAgentTOTP), "Remove their second factor, end their sessions"),
		post("/agents/{id}/password", agents, web.Done(a.AgentPassword), "Give them a password to change"),
		get("/departments", read, web.JSON(a.ListDepartments).Packed(), "Departments, with how they stand"),
		post("/departments", departments, web.Created(a.CreateDepartment), "Add one"),
		patch("/departments/{id}", departments, web.JSON(a.PatchDepartment), "Change one"),
		del("/departments/{id}", departments, web.Done(a.DeleteDepartment), "Remove one that nothing depends on"),
		get("/end-reasons", read, web.JSON(a.ListEndReasons).Packed(), "Why conversations end"),
		post("/end-reasons", endings, web.Created(a.CreateEndReason), "Add one"),
		patch("/end-reasons/{id}", endings, web.JSON(a.PatchEndReason), "Change one"),
		get("/break-reasons", read, web.JSON(a.ListBreakReasons).Packed(), "Why agents pause"),
		post("/break-reasons", departments, web.Created(a.CreateBreakReason), "Add one"),
		patch("/break-reasons/{id}", departments, web.JSON(a.PatchBreakReason), "Change one"),
		get("/canned-replies", templates, web.JSON(a.ListCannedReplies).Packed(), "Shared saved answers and the own ones"),
		post("/canned-replies", templates, web.Created(a.CreateCannedReply), "Add one"),
		patch("/canned-replies/{id}", templates, web.JSON(a.PatchCannedReply), "Change one"),
		del("/canned-replies/{id}", templates, web.Done(a.DeleteCannedReply), "Remove one"),
		get("/api-keys", keys, web.JSON(a.ListAPIKeys), "Keys that hold"),
		post("/api-keys", keys, web.Created(a.CreateAPIKey), "Make one; shown once"),
		del("/api-keys/{id}", keys, web.Done(a.DeleteAPIKey), "End one"),
		get("/audit", overseer, web.JSON(a.ListAudit), "Who changed what, the latest first"),
		get("/ops/vitals", overseer.Glanced(), web.JSON(a.Vitals), "How the whole house does, and what of it needs somebody"),
		post("/ops/replay", overseer, web.JSON(a.Replay), "Put raw events that were put aside into their lanes again"),
		post("/ops/dismiss", overseer, web.JSON(a.Dismiss), "Let raw events that were put aside be due no more"),
	}
	return append(routes, web.OpenAPI("Gatehouse", routes))
}

func all(scope auth.Scope) web.Rule { return web.All(string(scope)) }

func may(permission chat.Permission, scope auth.Scope) web.Rule {
	return web.May(permission, string(scope))
}
