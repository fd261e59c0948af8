// Package channels is the contract between Gatehouse and a channel driver. A driver is one folder beside this file and
// one line in channels/all: it says what its channel can do (Capabilities), what an account of it needs (Settings), how
// the provider's webhooks are verified and read (Webhook, pure functions), and how a message is sent (Sender).
//
// What only some channels can do is an optional interface that a Sender may also have, found by type assertion:
// MediaFetcher, MediaUploader, TemplateLister, Typer, ReadMarker, Health.
//
// Start with Driver. Every driver passes the suite in channels/channeltest.
package channels

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/window"
	"gatehouse/templates"
)

// Driver is one kind of channel: what it is, how its events are read, and how an account of it is opened.
type Driver struct {
	Kind         chat.ChannelKind
	Label        string // as people write it: "WhatsApp"
	Capabilities Capabilities
	Settings     []Setting
	Webhook      *Webhook // nil if the provider does not call us
	// Keys are the names under which the provider's payloads may address an account with these settings; the first is
	// the account's own, and unique in an installation.
	Keys func(settings map[string]string) []chat.AccountKey
	Open func(Account, Deps) (Sender, error) // no I/O; nil if messages reach the contact without a provider (webchat)
}

// Capabilities are facts about a channel: its service-window rule and what it can carry.
type Capabilities struct {
	Window window.Rule
	chat.Limits
}

// Setting is one thing an account needs to work. The CLI, the API and the console's forms are made from it.
type Setting = chat.Setting

// Account is a channel account with its secrets opened.
type Account struct {
	chat.Account
	Secrets Secrets
}

// Secrets are the settings marked Secret, by name. They never print.
type Secrets map[string]string

// String hides the values.
func (Secrets) String() string { return "[secrets]" }

// LogValue hides the values.
func (Secrets) LogValue() slog.Value { return slog.StringValue("[secrets]") }

// Setting returns a plain or secret setting, or the driver's default for it.
func (a Account) Setting(d Driver, name string) string {
	if v := a.Secrets[name]; v != "" {
		return v
	}
	if v := a.Settings[name]; v != "" {
		return v
	}
	for _, s := range d.Settings {
		if s.Name == name {
			return s.Default
		}
	}
	return ""
}

// Request is a provider's call as it arrived. Body and header values are copies that nobody reuses.
type Request struct {
	Method string
	Header map[string][]string // canonical names
	Query  map[string][]string
	Body   []byte
}

// Get returns a header's only value. It returns "" when the header is absent or given more than once (RELIABILITY.md B5).
func (r Request) Get(name string) string {
	if v := r.Header[http.CanonicalHeaderKey(name)]; len(v) == 1 {
		return v[0]
	}
	return ""
}

// Webhook is pure: it never sees Fiber, the network or the clock.
type Webhook struct {
	// Object is the value of the payload's "object" by which /webhooks/meta finds the driver; empty if it is not Meta's.
	Object string
	// Verify checks the signature over the raw body in constant time against each of the account's accepted secrets.
	Verify func(Request, Secrets) error
	// Challenge answers the subscription handshake; ok is false when the token is wrong or the mode missing.
	Challenge func(Request, Secrets) (reply []byte, ok bool)
	// Route tells whose events the payload holds, cheaply; each key once, in order. Empty: nobody's that we know.
	Route func(Request) []chat.AccountKey
	// Parse reads a payload. An error means that it could not be read at all; what is merely unknown becomes a
	// placeholder or an ignored Inbound. Equal bytes give equal results.
	Parse func(chat.RawEvent) ([]chat.Inbound, error)
}

// Deps are what a driver may use of the world.
type Deps struct {
	HTTP *http.Client // for the provider's own hosts
	Log  *slog.Logger
	Now  func() time.Time
}

// Sender hands one message to the provider. It returns *chat.SendError for every refusal that it understands; any
// other error means "we do not know whether it was sent".
type Sender interface {
	Send(context.Context, chat.Outbound) (chat.Receipt, error)
}

// MediaFetcher downloads a file that a contact sent. The caller closes the body and caps size and time.
type MediaFetcher interface {
	FetchMedia(context.Context, chat.MediaRef) (body io.ReadCloser, declaredType string, size int64, err error)
}

// MediaUploader hands a file to the provider and returns its id there, for use in Outbound.Media.
type MediaUploader interface {
	UploadMedia(ctx context.Context, name, contentType string, size int64, body io.Reader) (providerID string, err error)
}

// TemplateLister reads all message templates of the account with their states.
type TemplateLister interface {
	ListTemplates(context.Context) ([]templates.Template, error)
}

// Typer shows the contact that somebody is typing. lastInbound is the provider's id of the contact's newest message.
type Typer interface {
	Typing(ctx context.Context, to []chat.Address, lastInbound string) error
}

// ReadMarker tells the provider that the contact's messages up to this one were read.
type ReadMarker interface {
	MarkRead(ctx context.Context, to []chat.Address, lastInbound string) error
}

// ProfileFetcher asks the provider what a contact is called, where messages do not say so. It is asked once, for a contact
// who has no name yet.
type ProfileFetcher interface {
	FetchProfile(ctx context.Context, of []chat.Address) (chat.Profile, error)
}

// Health asks the provider whether the account works. The error is a *chat.SendError when it says why not.
type Health interface {
	Check(context.Context) error
}
