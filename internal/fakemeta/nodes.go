package fakemeta

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// describeAccount is GET /{phone} or GET /{ig|me}.
func (s *Server) describeAccount(c *call, a *account) map[string]any {
	if a.Kind == Instagram {
		return onlyFields(c.r, map[string]any{
			"id": a.InstagramID, "user_id": a.InstagramID, "username": a.Username, "name": a.Name, "account_type": "BUSINESS",
		})
	}
	return onlyFields(c.r, map[string]any{
		"id": a.PhoneNumberID, "verified_name": a.Name, "display_phone_number": "+" + a.DisplayPhone, "quality_rating": "GREEN",
		"code_verification_status": "VERIFIED", "name_status": "APPROVED", "status": "CONNECTED", "platform_type": "CLOUD_API",
		"account_mode": "LIVE", "throughput": map[string]string{"level": "STANDARD"}, "is_on_biz_app": a.Coexistence,
		"whatsapp_business_manager_messaging_limit": "TIER_2K", "health_status": health("PHONE_NUMBER", a.PhoneNumberID),
	})
}

func health(kind, id string) map[string]any {
	return map[string]any{"can_send_message": "AVAILABLE", "entities": []map[string]string{{"entity_type": kind, "id": id, "can_send_message": "AVAILABLE"}}}
}

// describeBusiness is GET /{waba}.
func (s *Server) describeBusiness(c *call) map[string]any {
	return onlyFields(c.r, map[string]any{
		"id": c.node, "name": c.mine[0].Name, "currency": "TRY", "timezone_id": "140", "account_review_status": "APPROVED",
		"message_template_namespace": digitsOf("namespace|"+c.node, 16), "health_status": health("WABA", c.node),
	})
}

// listNumbers is GET /{waba}/phone_numbers.
func (s *Server) listNumbers(c *call) (any, *graphError) {
	var data []map[string]any
	for _, a := range c.mine {
		if a.BusinessAccountID == c.node {
			data = append(data, s.describeAccount(c, a))
		}
	}
	return map[string]any{"data": data, "paging": map[string]any{"cursors": map[string]string{"before": "MAZDZD", "after": "MAZDZD"}}}, nil
}

// configureNumber is POST /{phone}: the callback of one number.
func (s *Server) configureNumber(c *call, a *account) (any, *graphError) {
	var body struct {
		Webhook *callbackOverride `json:"webhook_configuration"`
	}
	if err := decodeBody(c.r, &body); err != nil {
		return nil, err
	}
	if body.Webhook == nil {
		return nil, badParam("The parameter webhook_configuration is required.")
	}
	return s.overrideCallback(c, []*account{a}, *body.Webhook)
}

type callbackOverride struct {
	URI   string `json:"override_callback_uri"`
	Token string `json:"verify_token"`
}

// subscribedApps is GET, POST and DELETE /{waba|ig|me}/subscribed_apps. Without a subscription nothing is told.
func (s *Server) subscribedApps(c *call, a *account) (any, *graphError) {
	var of []*account
	for _, x := range c.mine {
		if x == a || a == nil && x.BusinessAccountID == c.node {
			of = append(of, x)
		}
	}
	if c.r.Method == http.MethodGet {
		data := []any{}
		s.world.mu.Lock()
		defer s.world.mu.Unlock()
		if of[0].subscribed {
			data = append(data, map[string]any{"whatsapp_business_api_data": map[string]string{"id": s.cfg.AppID, "name": "Gatehouse", "link": "https://example.com"}})
		}
		return map[string]any{"data": data}, nil
	}
	if c.r.Method == http.MethodPost {
		var body callbackOverride
		if err := decodeBody(c.r, &body); err != nil {
			return nil, err
		}
		if body.URI != "" {
			return s.overrideCallback(c, of, body)
		}
	}
	s.world.mu.Lock()
	for _, x := range of {
		x.subscribed = c.r.Method == http.MethodPost
	}
	s.world.mu.Unlock()
	s.sender.retryNow()
	return map[string]bool{"success": true}, nil
}

func (s *Server) overrideCallback(c *call, of []*account, o callbackOverride) (any, *graphError) {
	ctx, cancel := context.WithTimeout(c.r.Context(), 5*time.Second)
	defer cancel()
	if err := s.verifyCallback(ctx, o.URI, o.Token); err != nil {
		e := badParam("Callback verification failed")
		e.Subcode, e.UserMsg = 2200, "The callback URL or verify token couldn't be validated."
		return nil, e
	}
	s.world.mu.Lock()
	for _, x := range of {
		x.callbacks, x.subscribed = []string{o.URI}, true
	}
	s.world.mu.Unlock()
	s.sender.retryNow()
	return map[string]bool{"success": true}, nil
}

// blockUsers is GET, POST and DELETE /{phone}/block_users.
func (s *Server) blockUsers(c *call, a *account) (any, *graphError) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if c.r.Method == http.MethodGet {
		data := []map[string]string{}
		for p := range a.blocked {
			data = append(data, map[string]string{"messaging_product": "whatsapp", "wa_id": p.Phone})
		}
		return map[string]any{"data": data}, nil
	}
	var body struct {
		Users []struct {
			User string `json:"user"`
		} `json:"block_users"`
	}
	if err := decodeBody(c.r, &body); err != nil {
		return nil, err
	}
	done := []map[string]string{}
	for _, u := range body.Users {
		p := s.world.findLocked(u.User)
		if p == nil {
			return nil, refuse(131026, "")
		}
		if c.r.Method == http.MethodPost {
			a.blocked[p] = true
		} else {
			delete(a.blocked, p)
		}
		done = append(done, map[string]string{"input": u.User, "wa_id": p.Phone})
	}
	key := map[bool]string{true: "added_users", false: "removed_users"}[c.r.Method == http.MethodPost]
	return map[string]any{"messaging_product": "whatsapp", "block_users": map[string]any{key: done}}, nil
}

// uploadHandle ends a resumable upload; its handle is what template examples carry.
func (s *Server) uploadHandle(c *call) (any, *graphError) {
	n, err := io.Copy(io.Discard, io.LimitReader(c.r.Body, 100<<20))
	if err != nil || n == 0 {
		return nil, badParam("The upload has no data.")
	}
	return map[string]string{"h": "4::" + strings.TrimPrefix(c.node, "upload:")}, nil
}

// instagramProfile is GET /{igsid}: only of somebody who wrote first (error 230 otherwise).
func (s *Server) instagramProfile(c *call) (any, *graphError) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	p := s.world.index[c.node]
	if p == nil || p.Kind != Instagram || p.IGSID != c.node {
		return nil, noSuchNode(c.r.Method, c.node)
	}
	for _, a := range c.mine {
		if t := s.world.threads[pair{a, p}]; t != nil && !t.lastInbound.IsZero() {
			all := map[string]any{
				"id": p.IGSID, "name": p.Name, "username": p.Username, "follower_count": 120, "is_user_follow_business": true,
				"is_business_follow_user": false, "is_verified_user": false,
			}
			if s.cfg.BaseURL != "" {
				all["profile_pic"] = s.portraitURL(p)
			}
			return onlyFields(c.r, all), nil
		}
	}
	e := instagramError(403, 230, 0, "(#230) User consent is required to access user profile")
	return nil, e
}

// decodeBody reads a JSON or form body of at most 1 MB. An empty one leaves v as it is.
func decodeBody(r *http.Request, v any) *graphError {
	data, err := io.ReadAll(io.LimitReader(r.Body, 1<<20+1))
	if err != nil || len(data) > 1<<20 {
		return badParam("The request body could not be read.")
	}
	if len(data) == 0 {
		return nil
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return decodeForm(data, v)
	}
	if err := json.Unmarshal(data, v); err != nil {
		e := refuse(100, "")
		e.Message = "(#100) The request body is not valid JSON: " + err.Error()
		return e
	}
	return nil
}
