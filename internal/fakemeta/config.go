package fakemeta

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Kind is the medium of an account or a person.
type Kind string

// The kinds that fakemeta plays.
const (
	WhatsApp  Kind = "whatsapp"
	Instagram Kind = "instagram"
)

// Account is one business number or one Instagram professional account.
type Account struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"` // verified name, as customers see it

	PhoneNumberID     string `json:"phone_number_id,omitempty"`     // WhatsApp: the node that sends
	BusinessAccountID string `json:"business_account_id,omitempty"` // WhatsApp: owner of the templates, entry[].id
	DisplayPhone      string `json:"display_phone,omitempty"`       // WhatsApp: digits without "+"
	Coexistence       bool   `json:"coexistence,omitempty"`         // WhatsApp: edits, revokes and app echoes are told

	InstagramID string `json:"instagram_id,omitempty"` // Instagram: the node that sends, entry[].id
	PageID      string `json:"page_id,omitempty"`      // Instagram behind Facebook Login: the linked Page
	Username    string `json:"username,omitempty"`     // Instagram: handle without "@"

	AccessToken string `json:"-"`                     // default Config.AccessToken
	AppSecret   string `json:"-"`                     // signs webhooks; default Config.AppSecret
	VerifyToken string `json:"-"`                     // default Config.VerifyToken
	WebhookURL  string `json:"webhook_url,omitempty"` // default Config.WebhookURL
}

// ID is the node that sends: the phone number id or the Instagram id.
func (a Account) ID() string {
	if a.Kind == Instagram {
		return a.InstagramID
	}
	return a.PhoneNumberID
}

// Person describes a customer. ID, BSUID and IGSID are derived from the phone number or the username if left empty, so
// that the same person has the same identity after a restart.
type Person struct {
	ID       string `json:"id"`
	Kind     Kind   `json:"kind"`
	Name     string `json:"name"`
	Username string `json:"username,omitempty"`
	Phone    string `json:"phone,omitempty"`   // WhatsApp: digits without "+"
	UserID   string `json:"user_id,omitempty"` // WhatsApp: business-scoped user id (BSUID)
	IGSID    string `json:"igsid,omitempty"`   // Instagram-scoped id

	HidePhone       bool `json:"hide_phone"`       // a username user: no wa_id, from or recipient_id in webhooks
	Offline         bool `json:"offline"`          // the phone is off: messages stay "sent" until it is back
	NoReceipts      bool `json:"no_receipts"`      // reads without telling
	Unreachable     bool `json:"unreachable"`      // not on WhatsApp any more: 131026
	NoMarketing     bool `json:"no_marketing"`     // stopped marketing messages: 131050
	ReadImmediately bool `json:"read_immediately"` // has the chat open: reads whatever arrives
}

// address is what the person is found by.
func (p Person) address() string {
	switch {
	case p.Phone != "":
		return personKey("+" + p.Phone)
	case p.Username != "" && p.Kind == Instagram:
		return "@" + p.Username
	}
	return p.UserID
}

// Refusals says how WhatsApp tells about a closed window or an unreachable customer.
type Refusals string

// The platform accepts such a send and reports it later as a failed status; some accounts were seen to get the error
// in the response at once. Both are played.
const (
	RefuseLater  Refusals = "later"
	RefuseAtOnce Refusals = "at_once"
)

// Receipts are the delays of the statuses after an accepted send. Zero means at once.
type Receipts struct {
	Sent      time.Duration // from the response to "sent"; Instagram: to the echo
	Delivered time.Duration // from "sent" to "delivered"
	Read      time.Duration // from "delivered" to "read", for people who read immediately
	AutoRead  bool          // everybody reads immediately
}

// Limits are the platform's own limits; zero switches one off.
type Limits struct {
	PerSecond float64       // sends a second of each number: 130429 (Instagram: 613)
	PairEvery time.Duration // sustained pace to one customer: 131056
	PairBurst int           // how many may be borrowed from the future in one go; default 45
}

// RealLimits are those of WhatsApp Cloud API (throughput page, 2026-05-21): 80 a second, one message every six seconds
// to one customer with bursts of 45.
func RealLimits() Limits { return Limits{PerSecond: 80, PairEvery: 6 * time.Second, PairBurst: 45} }

// Config is all that a Server needs. Only Accounts is required.
type Config struct {
	Accounts []Account
	People   []Person // customers who exist from the start

	AccessToken string // for accounts without their own; random if empty (see Server.Accounts)
	AppSecret   string // likewise
	VerifyToken string // likewise
	AppID       string // default "900000000000001"

	BaseURL    string   // how the desk reaches this server; without it webhooks carry no media URLs. Start fills it
	WebhookURL string   // where events go; empty until Subscribe is called. Events before that wait
	Gateways   []string // more URLs of the same desk, as behind a load balancer: attempts take turns
	DeskURL    string   // a link on the phones page back to the inbox; may be relative
	DataDir    string   // keeps the world over a restart; empty: in memory only

	Clock        func() time.Time    // default time.Now
	AdvanceClock func(time.Duration) // moves Clock; nil hides the clock from the phones page
	Log          *slog.Logger        // default: discard. Never gets message text, tokens or phone numbers

	Retry         []time.Duration // waits between webhook attempts, the last one repeats; default 0.2 0.5 1 2 4 8 s
	Timeout       time.Duration   // of one webhook attempt; default 10 s
	Concurrency   int             // webhook posts under way at once; default 64
	EscapeUnicode bool            // write non-ASCII as \uXXXX and "/" as "\/", as Meta may

	Refusals       Refusals      // default RefuseLater
	OpenWorld      bool          // a number that nobody has is created on the first send, instead of 131026
	Limits         Limits        // default none
	Receipts       Receipts      // default none: at once
	Templates      []Template    // of every WhatsApp business account
	TemplateReview time.Duration // from the creation of a template to its approval; negative: never
	Faults         []Fault       // in force from the start
	FreeService    int           // free service messages a month and number; default 1000 (from 2026-10-01)
}

func (c Config) withDefaults() (Config, error) {
	if len(c.Accounts) == 0 {
		return c, errors.New("fakemeta: no accounts")
	}
	c.AccessToken = cmp.Or(c.AccessToken, "EAAF"+rand.Text())
	c.AppSecret = cmp.Or(c.AppSecret, rand.Text())
	c.VerifyToken = cmp.Or(c.VerifyToken, rand.Text())
	c.AppID = cmp.Or(c.AppID, "900000000000001")
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.Concurrency = cmp.Or(c.Concurrency, 64)
	c.Refusals = cmp.Or(c.Refusals, RefuseLater)
	c.FreeService = cmp.Or(c.FreeService, 1000)
	if c.Limits.PairEvery > 0 {
		c.Limits.PairBurst = cmp.Or(c.Limits.PairBurst, 45)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if len(c.Retry) == 0 {
		c.Retry = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}
	}
	c.Accounts = slices.Clone(c.Accounts)
	seen := map[string]bool{}
	for i := range c.Accounts {
		a := &c.Accounts[i]
		a.AccessToken = cmp.Or(a.AccessToken, c.AccessToken)
		a.AppSecret = cmp.Or(a.AppSecret, c.AppSecret)
		a.VerifyToken = cmp.Or(a.VerifyToken, c.VerifyToken)
		if err := a.validate(); err != nil {
			return c, err
		}
		if seen[a.ID()] {
			return c, fmt.Errorf("fakemeta: account %s appears twice", a.ID())
		}
		seen[a.ID()] = true
	}
	return c, nil
}

func (a Account) validate() error {
	switch {
	case a.Kind == WhatsApp && (a.PhoneNumberID == "" || a.BusinessAccountID == "" || !allDigits(a.DisplayPhone)):
		return fmt.Errorf("fakemeta: WhatsApp account %q needs a phone number id, a business account id and a display phone in digits", a.Name)
	case a.Kind == Instagram && a.InstagramID == "":
		return fmt.Errorf("fakemeta: Instagram account %q needs an Instagram id", a.Name)
	case a.Kind != WhatsApp && a.Kind != Instagram:
		return fmt.Errorf("fakemeta: account %q has the unknown kind %q", a.Name, a.Kind)
	}
	return nil
}
