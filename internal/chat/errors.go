package chat

import (
	"errors"
	"fmt"
)

// Code says why something was refused. The set is closed: it is the API's error code, a metric label and the key of the
// sentence that a person reads (UI.md §6.8). Add a code only together with its sentences in the inbox's locale files.
type Code string

// The codes.
const (
	CodeWindowClosed        Code = "window_closed"        // free text outside the service window
	CodePersonOnly          Code = "person_only"          // only a person may still answer
	CodeOptedOut            Code = "opted_out"            // the contact asked not to be messaged
	CodeAccountDisconnected Code = "account_disconnected" // the channel account cannot send
	CodeThrottledNumber     Code = "throttled_number"     // the provider limits this account; it goes out later
	CodeThrottledPair       Code = "throttled_pair"       // too many messages to one contact; it goes out later
	CodeUndeliverable       Code = "undeliverable"        // the provider cannot reach this address
	CodeMarketingLimit      Code = "marketing_limit"      // the contact has had enough marketing for now
	CodeTemplatePaused      Code = "template_paused"      // the template may not be sent now
	CodeTemplateMissing     Code = "template_missing"     // no such template, or not in this language
	CodeTemplateVariables   Code = "template_variables"   // a variable is missing or malformed
	CodeMediaTooLarge       Code = "media_too_large"      // over the channel's limit for this kind of file
	CodeMediaType           Code = "media_type"           // the channel does not take this type of file
	CodeTextTooLong         Code = "text_too_long"        // over the channel's text limit
	CodeEmptyMessage        Code = "empty_message"        // nothing to send
	CodeNotSupported        Code = "not_supported"        // the channel cannot do this at all
	CodeNotConfirmed        Code = "not_confirmed"        // sent or not: we do not know
	CodeExpiredWindow       Code = "expired_window"       // the window closed while the message waited to be sent
	CodeProviderRefused     Code = "provider_refused"     // the provider refused for a reason without a code of its own
	CodeNotController       Code = "not_controller"       // somebody else handles the conversation
	CodeNotOnline           Code = "not_online"           // the agent must be online for this
	CodeConversationEnded   Code = "conversation_ended"   // the conversation is closed
	CodeAlreadyTaken        Code = "already_taken"        // a colleague was faster
	CodeNothingWaiting      Code = "nothing_waiting"      // the queue is empty
	CodeReceiverUnavailable Code = "receiver_unavailable" // the chosen agent cannot take it now
	CodeFull                Code = "full"                 // the agent is at capacity
	CodeOfferExpired        Code = "offer_expired"        // nobody accepted in time
	CodeReasonRequired      Code = "reason_required"      // ending needs a reason
	CodeOpenConversation    Code = "open_conversation"    // the contact already has an open conversation on this account
	CodeForbidden           Code = "forbidden"            // the role does not allow it
	CodeChangedMeanwhile    Code = "changed_meanwhile"    // somebody changed it first
	CodeSessionOver         Code = "session_over"         // not signed in (any more)
	CodeWrongCredentials    Code = "wrong_credentials"    // e-mail or password is wrong
	CodePasswordChange      Code = "password_change"      // the first password must be changed before anything else
	CodeIdempotencyMismatch Code = "idempotency_mismatch" // the Idempotency-Key was used with another body
	CodeRateLimited         Code = "rate_limited"         // too many requests
	CodeNotFound            Code = "not_found"            // absent, or not visible to the caller
	CodeInvalid             Code = "invalid"              // the request is malformed
	CodeInUse               Code = "in_use"               // it cannot be removed while something depends on it
	CodeTooLarge            Code = "too_large"            // the request is over its limit
	CodeUnavailable         Code = "unavailable"          // a part that we need is away; try again
	CodeInternal            Code = "internal"             // our fault; it was recorded
)

// Error is a refusal that a person can be told. Message is for developers; people read the sentence of the Code.
// Details are facts for the sentence ("limit": 4096) and never hold message text or secrets.
type Error struct {
	Code    Code
	Message string
	Details map[string]any
	Cause   error
}

// Errorf makes an Error without details. A %w verb keeps the cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// With adds a fact for the sentence and returns the error itself.
func (e *Error) With(key string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[key] = value
	return e
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// CodeOf finds the code of err; an error that nobody classified is CodeInternal.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if s, ok := errors.AsType[*SendError](err); ok {
		return s.Code
	}
	return CodeInternal
}

// ErrLaneBusy tells that another worker drains the lane now. It looks once more when it is done.
var ErrLaneBusy = errors.New("chat: the lane is being drained")

// SendError is a refusal by a provider that a driver understands: nothing was sent. Every other error of Sender.Send
// means "we do not know whether it was sent".
type SendError struct {
	Code     Code       // why, for people and metrics
	Retry    Retry      // what to do about it
	After    int64      // seconds to wait before a retry; 0 = the caller's own backoff
	Provider string     // the provider's own code, such as "131047"
	Detail   string     // the provider's own words, without message text
	Effect   SendEffect // what else it teaches us
}

func (e *SendError) Error() string {
	return fmt.Sprintf("%s (provider %s): %s", e.Code, e.Provider, e.Detail)
}

// Retry says whether a refused message may be tried again.
type Retry string

// The dispositions. A message is retried only when it was surely not sent.
const (
	RetryNever   Retry = "never"   // permanent for this message
	RetryMessage Retry = "message" // this message later
	RetryPair    Retry = "pair"    // nothing to this contact until After
	RetryAccount Retry = "account" // nothing from this account until After
)

// SendEffect is what a refusal teaches us beyond the message.
type SendEffect string

// The effects.
const (
	EffectNone           SendEffect = ""
	EffectShutWindow     SendEffect = "shut_window"     // the provider says that the window is closed: it overrules our clock
	EffectOptOut         SendEffect = "opt_out"         // the contact stopped marketing messages
	EffectAccountBroken  SendEffect = "account_broken"  // token, permission or registration: the account cannot send
	EffectTemplatePaused SendEffect = "template_paused" // re-sync the account's templates
	EffectRefreshMedia   SendEffect = "refresh_media"   // the provider's media id is gone: upload again
)
