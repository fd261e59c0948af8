package graph

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/chat"
)

// refusal is what one provider code, or a range of them, means to us.
type refusal struct {
	from, to int
	code     chat.Code
	retry    chat.Retry
	after    int64 // seconds; 0 = the caller's own backoff
	effect   chat.SendEffect
	// vague codes say only that something went wrong. With a 4xx or in a "failed" status that is a refusal. With a 5xx it
	// is not: see outcome.
	vague bool
}

const (
	minute = 60
	hour   = 60 * minute
)

// refusals is the table of PROTOCOLS.md §3 and §6 (error code pages of 2026-05-15), narrow ranges before wide ones.
var refusals = []refusal{
	{from: 1, to: 2, code: chat.CodeUnavailable, retry: chat.RetryMessage, vague: true},
	{from: 131000, code: chat.CodeUnavailable, retry: chat.RetryMessage, vague: true},
	{from: 131016, code: chat.CodeUnavailable, retry: chat.RetryMessage, vague: true},
	{from: 133004, code: chat.CodeUnavailable, retry: chat.RetryMessage, vague: true},

	// Limits.
	{from: 4, code: chat.CodeThrottledNumber, retry: chat.RetryAccount, after: 2 * minute},
	{from: 613, code: chat.CodeThrottledNumber, retry: chat.RetryAccount, after: minute},
	{from: 80007, code: chat.CodeThrottledNumber, retry: chat.RetryAccount, after: 2 * minute},
	{from: 130429, code: chat.CodeThrottledNumber, retry: chat.RetryAccount},
	{from: 131048, code: chat.CodeThrottledNumber, retry: chat.RetryAccount, after: 10 * minute}, // blocked or reported too often
	{from: 131056, code: chat.CodeThrottledPair, retry: chat.RetryPair},
	{from: 131057, code: chat.CodeUnavailable, retry: chat.RetryAccount, after: minute}, // the number is being moved
	{from: 133016, code: chat.CodeThrottledNumber, retry: chat.RetryAccount, after: 72 * hour},

	// The contact.
	{from: 551, code: chat.CodeUndeliverable, retry: chat.RetryNever},
	{from: 130472, code: chat.CodeUndeliverable, retry: chat.RetryNever}, // their number is part of an experiment
	{from: 130497, code: chat.CodeUndeliverable, retry: chat.RetryNever}, // their country is closed to us
	{from: 131021, code: chat.CodeUndeliverable, retry: chat.RetryNever}, // ourselves
	{from: 131026, code: chat.CodeUndeliverable, retry: chat.RetryNever},
	{from: 131030, code: chat.CodeUndeliverable, retry: chat.RetryNever}, // not among a test number's recipients
	{from: 131047, code: chat.CodeWindowClosed, retry: chat.RetryNever, effect: chat.EffectShutWindow},
	{from: 131049, code: chat.CodeMarketingLimit, retry: chat.RetryNever},
	{from: 131050, code: chat.CodeOptedOut, retry: chat.RetryNever, effect: chat.EffectOptOut},
	{from: 137000, code: chat.CodeUndeliverable, retry: chat.RetryNever}, // their identity key changed
	{from: 1545041, code: chat.CodeUndeliverable, retry: chat.RetryNever},

	// The account: token, permission, registration, state.
	{from: 0, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 3, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 10, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 102, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 190, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 230, code: chat.CodeProviderRefused, retry: chat.RetryNever}, // no consent to read this profile
	{from: 200, to: 299, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 368, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 131005, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 131031, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 131037, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 131042, code: chat.CodeAccountDisconnected, retry: chat.RetryNever}, // payment: templates within the free tier still go
	{from: 131044, code: chat.CodeAccountDisconnected, retry: chat.RetryNever}, // the same, for calls
	{from: 131045, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 133000, to: 133003, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},
	{from: 133005, to: 133015, code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken},

	// The message.
	{from: 131051, code: chat.CodeNotSupported, retry: chat.RetryNever},
	{from: 131053, code: chat.CodeProviderRefused, retry: chat.RetryMessage, effect: chat.EffectRefreshMedia},
	{from: 131062, to: 131063, code: chat.CodeNotSupported, retry: chat.RetryNever}, // needs a phone number; the marketing API
	{from: 132000, code: chat.CodeTemplateVariables, retry: chat.RetryNever},
	{from: 132001, code: chat.CodeTemplateMissing, retry: chat.RetryNever, effect: chat.EffectTemplatePaused},
	{from: 132005, to: 132014, code: chat.CodeTemplateVariables, retry: chat.RetryNever},
	{from: 132015, to: 132016, code: chat.CodeTemplatePaused, retry: chat.RetryNever, effect: chat.EffectTemplatePaused},
	{from: 132018, code: chat.CodeTemplateVariables, retry: chat.RetryNever},
	{from: 132068, to: 132069, code: chat.CodeTemplatePaused, retry: chat.RetryNever}, // its flow is blocked or throttled

	// What we should not have asked, or never ask: parameters, media of the contact, groups, payments, calls, flows,
	// blocking, usernames, authoring of templates, numbers.
	{from: 33, code: chat.CodeProviderRefused, retry: chat.RetryNever},
	{from: 100, code: chat.CodeProviderRefused, retry: chat.RetryNever},
	{from: 131008, to: 131009, code: chat.CodeProviderRefused, retry: chat.RetryNever},
	{from: 131020, code: chat.CodeNotSupported, retry: chat.RetryNever},
	{from: 131041, code: chat.CodeNotSupported, retry: chat.RetryNever},
	{from: 131052, code: chat.CodeProviderRefused, retry: chat.RetryNever},
	{from: 131064, code: chat.CodeProviderRefused, retry: chat.RetryNever}, // limited for misclassified templates
	{from: 131201, to: 131215, code: chat.CodeNotSupported, retry: chat.RetryNever},
	{from: 134011, code: chat.CodeProviderRefused, retry: chat.RetryNever},
	{from: 134100, to: 134102, code: chat.CodeProviderRefused, retry: chat.RetryNever},
	{from: 135000, code: chat.CodeProviderRefused, retry: chat.RetryNever},
	{from: 138000, to: 139999, code: chat.CodeProviderRefused, retry: chat.RetryNever},
	{from: 147001, to: 147005, code: chat.CodeProviderRefused, retry: chat.RetryNever},
	{from: 2388000, to: 2388999, code: chat.CodeProviderRefused, retry: chat.RetryNever},
	{from: 2494000, to: 2494999, code: chat.CodeProviderRefused, retry: chat.RetryNever},
}

// subcodes say more than their code does.
var subcodes = map[int]refusal{
	33:      {code: chat.CodeAccountDisconnected, retry: chat.RetryNever, effect: chat.EffectAccountBroken}, // 100/33: no such number or page, or not ours
	1545041: {code: chat.CodeUndeliverable, retry: chat.RetryNever},
	2018278: {code: chat.CodeWindowClosed, retry: chat.RetryNever, effect: chat.EffectShutWindow},
	2534014: {code: chat.CodeUndeliverable, retry: chat.RetryNever},
	2534022: {code: chat.CodeWindowClosed, retry: chat.RetryNever, effect: chat.EffectShutWindow},
}

// find looks a code up; known is false for one that is not in the table.
func find(code, subcode int) (r refusal, known bool) {
	if r, ok := subcodes[subcode]; ok {
		return r, true
	}
	for _, r := range refusals {
		if code == r.from || code > r.from && code <= r.to {
			return r, true
		}
	}
	return refusal{code: chat.CodeProviderRefused, retry: chat.RetryNever}, false
}

// Error is the error object of the Graph API, in answers and in webhooks. Any JSON object can be read as one.
type Error struct {
	Code     *Loose    `json:"code"`
	Subcode  Loose     `json:"error_subcode"`
	Message  Loose     `json:"message"`
	Title    Loose     `json:"title"`
	UserText Loose     `json:"error_user_msg"`
	Data     errorData `json:"error_data"`
}

type errorData struct {
	Details Loose `json:"details"`
}

// UnmarshalJSON never fails: some products write a string here.
func (d *errorData) UnmarshalJSON(data []byte) error {
	type plain errorData
	*d = errorData{}
	if data[0] != '{' {
		return nil
	}
	return json.Unmarshal(data, (*plain)(d))
}

// Number is the provider's code as people look it up: "131047", "10/2534022"; "" if there is none.
func (e Error) Number() string {
	switch {
	case e.Code == nil:
		return ""
	case e.Subcode == "" || e.Subcode == "0":
		return string(*e.Code)
	}
	return string(*e.Code) + "/" + string(e.Subcode)
}

// Detail is the provider's most specific sentence, on one line and of a bearable length.
func (e Error) Detail() string {
	for _, said := range []Loose{e.Data.Details, e.UserText, e.Message, e.Title} {
		if s := sentence(string(said)); s != "" {
			return s
		}
	}
	return ""
}

// Refusal is what the error means for a message. An unknown code is a permanent refusal of this message alone.
func (e Error) Refusal() *chat.SendError {
	r, _ := e.find()
	return &chat.SendError{Code: r.code, Retry: r.retry, After: r.after, Provider: e.Number(), Detail: e.Detail(), Effect: r.effect}
}

func (e Error) find() (r refusal, known bool) {
	if e.Code == nil {
		return find(-1, e.Subcode.Int())
	}
	code, err := strconv.Atoi(string(*e.Code))
	if err != nil {
		code = -1
	}
	return find(code, e.Subcode.Int())
}

// outcome judges an answer that is not a success: nil if it leaves open whether Graph did what was asked, else why it
// surely did not.
//
//   - A 3xx was not carried out, since we do not follow it.
//   - A 4xx with an error object was refused before a message got its id. That holds for the vague codes too.
//   - A 4xx without one comes from something in front of Graph, which did not pass it on: wrong address, too large, rate.
//     Only 408 says nothing about what happened before the time ran out.
//   - A 5xx with a definite code (limit, window, maintenance, permission…) names a check that failed: refused, whatever
//     the status. With a vague or unknown code, or without an error object, the failure may have come after the message
//     left. Graph's is_transient does not help: it says that trying again can succeed, not that nothing happened, and
//     there is no idempotency key to make trying again harmless.
func outcome(status int, header http.Header, body []byte) *chat.SendError {
	var wire struct {
		Error *Error `json:"error"`
	}
	if err := json.Unmarshal(body, &wire); err != nil || wire.Error == nil || wire.Error.Code == nil {
		wire.Error = nil
	}
	var e *chat.SendError
	switch {
	case wire.Error != nil:
		r, known := wire.Error.find()
		if status >= 500 && (!known || r.vague) {
			return nil
		}
		e = wire.Error.Refusal()
		if status == http.StatusTooManyRequests && !known {
			e.Code, e.Retry = chat.CodeThrottledNumber, chat.RetryAccount
		}
	case status == http.StatusTooManyRequests:
		e = &chat.SendError{Code: chat.CodeThrottledNumber, Retry: chat.RetryAccount, Detail: "HTTP 429"}
	case status >= 300 && status < 500 && status != http.StatusRequestTimeout:
		e = &chat.SendError{Code: chat.CodeProviderRefused, Retry: chat.RetryNever, Detail: "HTTP " + strconv.Itoa(status)}
	default:
		return nil
	}
	if wait, err := strconv.ParseInt(header.Get("Retry-After"), 10, 64); err == nil && wait > 0 && wait <= 72*hour && e.Retry != chat.RetryNever {
		e.After = wait
	}
	return e
}

// sentence makes one line of at most 300 bytes.
func sentence(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
	const most = 300
	if len(s) <= most {
		return s
	}
	cut := most
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
