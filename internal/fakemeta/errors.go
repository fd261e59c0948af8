package fakemeta

import (
	"crypto/rand"
	"fmt"
	"net/http"
)

// graphError is a refusal in the shape of the Graph API (error codes page, 2026-05-15).
type graphError struct {
	Status     int // HTTP
	Code       int
	Subcode    int
	Type       string
	Message    string
	Details    string // error_data.details; WhatsApp only
	UserTitle  string
	UserMsg    string
	Transient  bool
	RetryAfter int // seconds; header only
}

type graphErrorBody struct {
	Error struct {
		Message   string          `json:"message"`
		Type      string          `json:"type"`
		Code      int             `json:"code"`
		Subcode   int             `json:"error_subcode,omitempty"`
		Data      *graphErrorData `json:"error_data,omitempty"`
		UserTitle string          `json:"error_user_title,omitempty"`
		UserMsg   string          `json:"error_user_msg,omitempty"`
		Transient bool            `json:"is_transient,omitempty"`
		TraceID   string          `json:"fbtrace_id"`
	} `json:"error"`
}

type graphErrorData struct {
	MessagingProduct string `json:"messaging_product,omitempty"`
	Details          string `json:"details"`
}

func (e *graphError) body() graphErrorBody {
	var b graphErrorBody
	b.Error.Message, b.Error.Type, b.Error.Code, b.Error.Subcode = e.Message, e.Type, e.Code, e.Subcode
	b.Error.UserTitle, b.Error.UserMsg, b.Error.Transient = e.UserTitle, e.UserMsg, e.Transient
	if e.Details != "" {
		b.Error.Data = &graphErrorData{"whatsapp", e.Details}
	}
	b.Error.TraceID = "A" + rand.Text()[:22]
	return b
}

// knownError is what the platform says beside a code, and the HTTP status that it says it with.
type knownError struct {
	status int
	title  string
	detail string
}

// known holds the codes of PROTOCOLS.md §3 that a fault or a rule here can produce.
var known = map[int]knownError{
	0:      {401, "AuthException", ""},
	1:      {500, "An unknown error occurred", ""},
	2:      {503, "Service temporarily unavailable", ""},
	3:      {500, "Application does not have the capability to make this API call.", ""},
	4:      {400, "Application request limit reached", ""},
	10:     {403, "Application does not have permission for this action", ""},
	100:    {400, "Invalid parameter", ""},
	190:    {401, "Invalid OAuth access token - Cannot parse access token", ""},
	200:    {403, "Permissions error", ""},
	230:    {403, "User consent is required to access user profile", ""},
	368:    {403, "Temporarily blocked for policies violations", "The account was restricted or disabled for violating a platform policy."},
	551:    {400, "This person isn't available right now.", ""},
	613:    {400, "Calls to this api have exceeded the rate limit.", ""},
	80007:  {400, "Rate limit issues", "The WhatsApp Business Account has reached its rate limit."},
	130429: {429, "Rate limit hit", "Message failed to send because there were too many messages sent from this phone number in a short period of time"},
	130472: {400, "User's number is part of an experiment", "The message was not sent as part of an experiment."},
	130497: {403, "Business account is restricted from messaging users in this country.", ""},
	131000: {500, "Something went wrong", "Message failed to send because of an unknown error. Try again later."},
	131005: {403, "Access denied", "Permission is either not granted or has been removed."},
	131008: {400, "Required parameter is missing", ""},
	131009: {400, "Parameter value is not valid", ""},
	131016: {500, "Service unavailable", "A service is temporarily unavailable."},
	131021: {400, "Recipient cannot be sender", "Sender and recipient phone number is the same."},
	131026: {400, "Message undeliverable", "Message Undeliverable."},
	131030: {400, "Recipient phone number not in allowed list", ""},
	131031: {403, "Account has been locked", ""},
	131042: {400, "Business eligibility payment issue", "There was an error related to the payment method."},
	131045: {500, "Incorrect certificate", ""},
	131047: {400, "Re-engagement message", "More than 24 hours have passed since the recipient last replied to the sender number."},
	131048: {429, "Spam rate limit hit", "There are restrictions on how many messages can be sent from this phone number."},
	131049: {400, "This message was not delivered to maintain healthy ecosystem engagement.", "In order to maintain a healthy ecosystem engagement, the message failed to be delivered."},
	131050: {400, "User has stopped marketing messages", "The recipient chose not to receive marketing messages from this business."},
	131051: {400, "Unsupported message type", "Message type is currently not supported."},
	131052: {400, "Media download error", "Unable to download the media sent by the user."},
	131053: {400, "Media upload error", "Unable to upload the media used in the message."},
	131056: {429, "(Business Account, Consumer Account) pair rate limit hit", "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time"},
	131057: {500, "Account in maintenance mode", ""},
	131062: {400, "Recipient user id is not supported for this message", "Authentication templates with a copy-code, one-tap or zero-tap button need a phone number."},
	132000: {400, "Number of parameters does not match the expected number of params", ""},
	132001: {404, "Template name does not exist in the translation", ""},
	132005: {400, "Translated text too long", ""},
	132007: {400, "Template format character policy violated", ""},
	132012: {400, "Parameter format does not match format in the created template", ""},
	132015: {400, "Template is paused", "The template is paused because of low quality."},
	132016: {400, "Template is disabled", "The template was paused too many times for low quality and is disabled."},
	132018: {400, "Template parameters are not valid", ""},
	133004: {503, "Server temporarily unavailable", ""},
	133010: {400, "Phone number not registered", "Account does not exist in Cloud API, please use /register API to create an account first"},
	133016: {400, "Account register deregister rate limit exceeded", ""},
	135000: {400, "Generic user error", "Message failed to send because of an unknown error with the request parameters."},
}

// refuse is the platform's answer with a code. An empty detail takes the one that usually comes with the code.
func refuse(code int, detail string) *graphError {
	k, ok := known[code]
	if !ok {
		k = knownError{status: 400, title: "Unknown error"}
	}
	if detail == "" {
		detail = k.detail
	}
	message := k.title
	if code >= 100 && code != 190 {
		message = fmt.Sprintf("(#%d) %s", code, k.title)
	}
	return &graphError{Status: k.status, Code: code, Type: "OAuthException", Message: message, Details: detail, Transient: k.status >= 500}
}

// badParam is code 100 with the parser's own sentence, which the platform puts in the message.
func badParam(format string, args ...any) *graphError {
	e := refuse(100, "")
	e.Message = "(#100) " + fmt.Sprintf(format, args...)
	return e
}

// noSuchNode is what Graph says of an id that the token may not see, whether or not it exists.
func noSuchNode(method, id string) *graphError {
	verb := map[string]string{http.MethodGet: "get", http.MethodDelete: "delete"}[method]
	if verb == "" {
		verb = "post"
	}
	return &graphError{
		Status: 400, Code: 100, Subcode: 33, Type: "GraphMethodException",
		Message: fmt.Sprintf("Unsupported %s request. Object with ID '%s' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api", verb, id),
	}
}

// instagramError is a refusal as Instagram words it: its own type, no error_data.
func instagramError(status, code, subcode int, message string) *graphError {
	return &graphError{Status: status, Code: code, Subcode: subcode, Type: "IGApiException", Message: message}
}

// webhookError is the shape of an error inside a webhook: statuses[].errors and messages[].errors.
type webhookError struct {
	Code    int             `json:"code"`
	Title   string          `json:"title"`
	Message string          `json:"message"`
	Data    *graphErrorData `json:"error_data,omitempty"`
	Href    string          `json:"href,omitempty"`
}

func asWebhookError(code int) webhookError {
	k := known[code]
	e := webhookError{Code: code, Title: k.title, Message: k.title, Href: "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"}
	if k.detail != "" {
		e.Data = &graphErrorData{Details: k.detail}
	}
	return e
}
