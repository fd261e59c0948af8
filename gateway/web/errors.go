package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"gatehouse/internal/chat"
)

// Status is the HTTP status of a refusal. This is the one place that knows it.
func Status(code chat.Code) int {
	switch code {
	case chat.CodeInvalid:
		return http.StatusBadRequest
	case chat.CodeSessionOver, chat.CodeWrongCredentials:
		return http.StatusUnauthorized
	case chat.CodeForbidden, chat.CodePasswordChange:
		return http.StatusForbidden
	case chat.CodeNotFound:
		return http.StatusNotFound
	case chat.CodeAlreadyTaken, chat.CodeNotController, chat.CodeNotOnline, chat.CodeConversationEnded, chat.CodeChangedMeanwhile,
		chat.CodeIdempotencyMismatch, chat.CodeReceiverUnavailable, chat.CodeFull, chat.CodeNothingWaiting,
		chat.CodeOpenConversation, chat.CodeOfferExpired, chat.CodeInUse, chat.CodeAccountDisconnected:
		return http.StatusConflict
	case chat.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case chat.CodeWindowClosed, chat.CodePersonOnly, chat.CodeOptedOut, chat.CodeUndeliverable, chat.CodeMarketingLimit,
		chat.CodeTemplatePaused, chat.CodeTemplateMissing, chat.CodeTemplateVariables, chat.CodeMediaTooLarge, chat.CodeMediaType,
		chat.CodeTextTooLong, chat.CodeEmptyMessage, chat.CodeNotSupported, chat.CodeReasonRequired, chat.CodeExpiredWindow,
		chat.CodeNotConfirmed, chat.CodeProviderRefused:
		return http.StatusUnprocessableEntity
	case chat.CodeRateLimited, chat.CodeThrottledNumber, chat.CodeThrottledPair:
		return http.StatusTooManyRequests
	case chat.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// retryAfter is the detail that tells how long to wait, in whole seconds.
const retryAfter = "retry_after"

// refusal is the body of every answer that is not a success.
type refusal struct {
	Error refusalBody `json:"error"`
}

type refusalBody struct {
	Code      chat.Code      `json:"code"`
	Message   string         `json:"message"`
	RequestID string         `json:"request_id"`
	Details   map[string]any `json:"details,omitempty"`
}

// Refuse answers with a refusal. What is our own fault is logged, and told without details: no SQL, no stack, no version
// (RELIABILITY.md S62).
func (w *Web) Refuse(c *fiber.Ctx, err error) error {
	status, body := explain(err)
	body.RequestID = RequestID(c)
	if !entered(c) {
		c.Set(fiber.HeaderXRequestID, body.RequestID)
		linger(c.Context().Conn()) // no header of it was understood, and it may be long
	}
	// Fiber's word for a connection that broke, or that we closed, before there was a request on it: no fault, and nobody to tell.
	broke := !entered(c) && errors.Is(err, fiber.ErrBadGateway)
	if status >= http.StatusInternalServerError && !broke {
		w.note(c, status, body.Code, err)
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		c.Set(fiber.HeaderRetryAfter, strconv.FormatInt(wait(body.Details), 10))
	}
	if len(c.Response().Header.Peek(fiber.HeaderContentSecurityPolicy)) == 0 {
		guard(c, APICSP) // refused before it came to a door that has its own
	}
	c.Set(fiber.HeaderCacheControl, "no-store")
	return c.Status(status).JSON(refusal{body})
}

// note logs what is our own fault: each time, or, where a part is away and everybody hears so, now and then.
func (w *Web) note(c *fiber.Ctx, status int, code chat.Code, err error) {
	level, left := slog.LevelError, 0
	if code == chat.CodeUnavailable {
		var ok bool
		if left, ok = w.away.pass(routeOf(c), w.deps.Now()); !ok {
			return
		}
		level = slog.LevelWarn
	}
	w.deps.Log.Log(Context(c), level, "request failed", slog.String("method", c.Method()), slog.String("route", routeOf(c)),
		slog.Int("status", status), slog.Any("error", err), slog.Int("left_out", left))
}

// explain finds the status and the words of any error.
func explain(err error) (int, refusalBody) {
	var (
		own  *chat.Error
		http *fiber.Error
	)
	switch {
	case errors.As(err, &own):
		status := Status(own.Code)
		body := refusalBody{Code: own.Code, Message: own.Message, Details: own.Details}
		switch own.Code {
		case chat.CodeUnavailable:
			body.Message = "a part that is needed is away, try again"
		case chat.CodeInternal:
			body.Message, body.Details = "it was recorded", nil
		}
		return status, body
	case errors.As(err, &http):
		return http.Code, refusalBody{Code: codeOf(http.Code), Message: fiber.NewError(http.Code).Message}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return 503, refusalBody{Code: chat.CodeUnavailable, Message: "it took too long, try again"}
	}
	return 500, refusalBody{Code: chat.CodeInternal, Message: "it was recorded"}
}

// codeOf is the code of a status that HTTP itself gave: a path, a method or a message that is not one.
func codeOf(status int) chat.Code {
	switch {
	case status == http.StatusNotFound:
		return chat.CodeNotFound
	case status == http.StatusRequestEntityTooLarge:
		return chat.CodeTooLarge
	case status == http.StatusTooManyRequests:
		return chat.CodeRateLimited
	case status == http.StatusServiceUnavailable:
		return chat.CodeUnavailable
	case status >= http.StatusInternalServerError:
		return chat.CodeInternal
	}
	return chat.CodeInvalid
}

// wait is how long a refused caller is asked to wait, in seconds; one if nobody said.
func wait(details map[string]any) int64 {
	switch n := details[retryAfter].(type) {
	case int64:
		return max(n, 1)
	case int:
		return max(int64(n), 1)
	}
	return 1
}
