package templates

import (
	"encoding/json"
	"time"
)

// Template is one language of one message template, as GET /{account}/message_templates returns it. A template is
// identified by (Name, Language) within a messaging account; ID is the provider's own.
type Template struct {
	ID              string          `json:"id,omitempty"`
	Name            string          `json:"name"`
	Language        string          `json:"language"` // normalised: tr, en_US
	Category        Category        `json:"category"`
	SubCategory     string          `json:"sub_category,omitempty"`
	Status          Status          `json:"status,omitempty"`
	Quality         Quality         `json:"quality_score,omitempty"`
	RejectedReason  string          `json:"rejected_reason,omitempty"` // INVALID_FORMAT, SCAM…; never NONE
	ParameterFormat ParameterFormat `json:"parameter_format,omitempty"`
	Components      []Component     `json:"components"`

	PreviousCategory Category `json:"previous_category,omitempty"` // before Meta moved it
	CorrectCategory  Category `json:"correct_category,omitempty"`  // where Meta will move it within a day
	TTLSeconds       int      `json:"message_send_ttl_seconds,omitempty"`
	LinksUntracked   bool     `json:"cta_url_link_tracking_opted_out,omitempty"`

	// What webhooks add to the list: see Apply.
	Flagged      bool      `json:"flagged,omitempty"`       // bad feedback, still sendable
	StatusDetail string    `json:"status_detail,omitempty"` // Meta's own sentence for the author
	StatusAt     time.Time `json:"status_at,omitzero"`      // when the status was last known to change
	StatusBefore Status    `json:"status_before,omitempty"` // what an archived template goes back to
	PausedUntil  time.Time `json:"paused_until,omitzero"`   // a guide for people; the end of a pause is an event
}

// Category decides price and limits of a template, never when it may be sent.
type Category string

// The categories. Meta may move a template between them.
const (
	Marketing      Category = "MARKETING"
	Utility        Category = "UTILITY"
	Authentication Category = "AUTHENTICATION"
)

// Status is the provider's state of a template. A value that is not in this list is kept and is not usable.
type Status string

// The states of the management API.
const (
	StatusApproved        Status = "APPROVED"
	StatusPending         Status = "PENDING"
	StatusRejected        Status = "REJECTED"
	StatusPaused          Status = "PAUSED"
	StatusDisabled        Status = "DISABLED"
	StatusInAppeal        Status = "IN_APPEAL"
	StatusPendingDeletion Status = "PENDING_DELETION"
	StatusDeleted         Status = "DELETED"
	StatusLimitExceeded   Status = "LIMIT_EXCEEDED"
	StatusArchived        Status = "ARCHIVED"
	StatusLocked          Status = "LOCKED"
)

// Quality is Meta's rating of a template from customers' feedback. Its JSON is the API's object {"score": …}; a bare
// string is read too.
type Quality string

// The ratings. A template without enough feedback is QualityUnknown, and so is a rating that Meta adds later.
const (
	QualityGreen   Quality = "GREEN"
	QualityYellow  Quality = "YELLOW"
	QualityRed     Quality = "RED"
	QualityUnknown Quality = "UNKNOWN"
)

// ParameterFormat says how placeholders are written: {{1}} or {{customer_name}}. Empty means "see the text".
type ParameterFormat string

// The two ways to write a placeholder; one template uses one of them. Button URLs always use {{1}}.
const (
	Positional ParameterFormat = "POSITIONAL"
	Named      ParameterFormat = "NAMED"
)

// Component is one block of a template. Fields that its Type does not use are zero.
type Component struct {
	Type    ComponentType `json:"type"`
	Format  HeaderFormat  `json:"format,omitempty"`
	Text    string        `json:"text,omitempty"`
	Example *Example      `json:"example,omitempty"`
	Buttons []Button      `json:"buttons,omitempty"`
	Cards   []Card        `json:"cards,omitempty"`
	Offer   *Offer        `json:"limited_time_offer,omitempty"`

	// Authentication templates have preset texts: these two only switch sentences on.
	SecurityAdvice bool `json:"add_security_recommendation,omitempty"`
	CodeMinutes    int  `json:"code_expiration_minutes,omitempty"`

	// Extra holds keys that this package does not know; they are written back unchanged.
	Extra map[string]json.RawMessage `json:"-"`
	// Raw is set instead of everything but Type when the component is of an unknown type or cannot be read.
	Raw json.RawMessage `json:"-"`
}

// ComponentType names a block.
type ComponentType string

// The blocks that this package can send.
const (
	Header                ComponentType = "HEADER"
	Body                  ComponentType = "BODY"
	Footer                ComponentType = "FOOTER"
	Buttons               ComponentType = "BUTTONS"
	Carousel              ComponentType = "CAROUSEL"
	LimitedTimeOffer      ComponentType = "LIMITED_TIME_OFFER"
	CallPermissionRequest ComponentType = "CALL_PERMISSION_REQUEST"
)

// HeaderFormat says what stands in a header.
type HeaderFormat string

// The header formats. FormatGIF can be authored, but only the Marketing Messages API sends it, so it is not usable here.
const (
	FormatText     HeaderFormat = "TEXT"
	FormatImage    HeaderFormat = "IMAGE"
	FormatVideo    HeaderFormat = "VIDEO"
	FormatDocument HeaderFormat = "DOCUMENT"
	FormatLocation HeaderFormat = "LOCATION"
	FormatProduct  HeaderFormat = "PRODUCT"
	FormatGIF      HeaderFormat = "GIF"
)

// Example holds the sample values that Meta's review requires.
type Example struct {
	HeaderText      []string       `json:"header_text,omitempty"`
	HeaderTextNamed []NamedExample `json:"header_text_named_params,omitempty"`
	HeaderHandle    []string       `json:"header_handle,omitempty"` // upload handle when authoring, URL when listed
	BodyText        [][]string     `json:"body_text,omitempty"`     // one row
	BodyTextNamed   []NamedExample `json:"body_text_named_params,omitempty"`
}

// NamedExample is the sample of one named placeholder.
type NamedExample struct {
	Name    string `json:"param_name"`
	Example string `json:"example"`
}

// Card is one card of a carousel.
type Card struct {
	Components []Component `json:"components"`
}

// Offer is the text beside the countdown of a limited-time offer.
type Offer struct {
	Text          string `json:"text"`
	HasExpiration bool   `json:"has_expiration,omitempty"`
}

// Button is one button of a template. Fields that its Type does not use are zero.
type Button struct {
	Type        ButtonType `json:"type"`
	Text        string     `json:"text,omitempty"`
	URL         string     `json:"url,omitempty"`
	PhoneNumber string     `json:"phone_number,omitempty"`
	Example     []string   `json:"example,omitempty"` // written as a string for COPY_CODE, as a list else

	FlowID         string `json:"flow_id,omitempty"`
	FlowName       string `json:"flow_name,omitempty"`
	FlowJSON       string `json:"flow_json,omitempty"`
	FlowAction     string `json:"flow_action,omitempty"`
	NavigateScreen string `json:"navigate_screen,omitempty"`

	OTPType       OTPType        `json:"otp_type,omitempty"`
	AutofillText  string         `json:"autofill_text,omitempty"`
	ZeroTapTerms  bool           `json:"zero_tap_terms_accepted,omitempty"`
	SupportedApps []SupportedApp `json:"supported_apps,omitempty"`

	// Extra and Raw are as in Component.
	Extra map[string]json.RawMessage `json:"-"`
	Raw   json.RawMessage            `json:"-"`
}

// ButtonType names a button.
type ButtonType string

// The buttons that this package can send.
const (
	QuickReply         ButtonType = "QUICK_REPLY"
	URL                ButtonType = "URL"
	PhoneNumber        ButtonType = "PHONE_NUMBER"
	CopyCode           ButtonType = "COPY_CODE"
	Flow               ButtonType = "FLOW"
	Catalog            ButtonType = "CATALOG"
	MultiProduct       ButtonType = "MPM"
	SingleProduct      ButtonType = "SPM"
	VoiceCall          ButtonType = "VOICE_CALL"
	OTP                ButtonType = "OTP" // listed back by Meta as URL once the template exists
	RequestContactInfo ButtonType = "REQUEST_CONTACT_INFO"
)

// OTPType says how the code of an authentication template reaches the customer's app.
type OTPType string

// The three ways.
const (
	OTPCopyCode OTPType = "COPY_CODE"
	OTPOneTap   OTPType = "ONE_TAP"
	OTPZeroTap  OTPType = "ZERO_TAP"
)

// SupportedApp is an Android app that may receive a code by one tap or none.
type SupportedApp struct {
	PackageName   string `json:"package_name"`
	SignatureHash string `json:"signature_hash"`
}

// known reports whether this package understands the component's type.
func (t ComponentType) known() bool {
	switch t {
	case Header, Body, Footer, Buttons, Carousel, LimitedTimeOffer, CallPermissionRequest:
		return true
	}
	return false
}

// known reports whether this package understands the button's type.
func (t ButtonType) known() bool {
	switch t {
	case QuickReply, URL, PhoneNumber, CopyCode, Flow, Catalog, MultiProduct, SingleProduct, VoiceCall, OTP, RequestContactInfo:
		return true
	}
	return false
}
