package fakemeta

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var versionShape = regexp.MustCompile(`^v\d{1,2}\.\d$`)

// bearer is the caller's token: the Authorization header ("Bearer" or "OAuth") or the access_token parameter.
func bearer(r *http.Request) string {
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		return strings.TrimSpace(token)
	}
	return r.URL.Query().Get("access_token")
}

// call is one authenticated Graph request: /{version}/{node}/{edge}.
type call struct {
	w    http.ResponseWriter
	r    *http.Request
	mine []*account // that the token may use
	node string
	edge string
}

// serveGraph is graph.facebook.com and graph.instagram.com: the hosts differ, the paths hardly do.
func (s *Server) serveGraph(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if versionShape.MatchString(parts[0]) {
		parts = parts[1:]
	}
	c := &call{w: w, r: r}
	if len(parts) > 0 {
		c.node = parts[0]
	}
	if len(parts) > 1 {
		c.edge = parts[1]
	}
	if c.node == "" || len(parts) > 2 {
		e := &graphError{Status: 400, Code: 2500, Type: "OAuthException", Message: "Unknown path components: /" + strings.Join(parts, "/")}
		writeJSON(w, e.Status, e.body())
		return
	}
	if refused := s.authenticate(c); refused != nil {
		w.Header().Set("WWW-Authenticate", `OAuth "Facebook Platform" "invalid_token" "Invalid OAuth access token"`)
		writeJSON(w, refused.Status, refused.body())
		return
	}
	s.route(c)
}

// authenticate finds whose token it is, and checks appsecret_proof if there is one.
func (s *Server) authenticate(c *call) *graphError {
	token := bearer(c.r)
	if token == "" {
		e := refuse(190, "")
		e.Message = "An access token is required to request this resource."
		return e
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	for _, a := range s.world.accounts {
		if hmac.Equal([]byte(a.AccessToken), []byte(token)) {
			c.mine = append(c.mine, a)
		}
	}
	if len(c.mine) == 0 {
		return refuse(190, "")
	}
	if proof := c.r.URL.Query().Get("appsecret_proof"); proof != "" {
		mac := hmac.New(sha256.New, []byte(c.mine[0].AppSecret))
		mac.Write([]byte(token))
		if !hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(proof)) {
			e := refuse(100, "")
			e.Message = "Invalid appsecret_proof provided in the API argument"
			e.Type = "GraphMethodException"
			return e
		}
	}
	return nil
}

// route is the table of everything that is served.
func (s *Server) route(c *call) {
	a := s.nodeAccount(c)
	post, get, del := c.r.Method == http.MethodPost, c.r.Method == http.MethodGet, c.r.Method == http.MethodDelete
	business := slices.ContainsFunc(c.mine, func(a *account) bool { return a.BusinessAccountID == c.node && c.node != "" })
	simple := func(op Op, a *account, deed func() (any, *graphError)) {
		id := ""
		if a != nil {
			id = a.ID()
		}
		s.answer(c.w, c.r, s.faults.take(op, id, c.node), deed)
	}
	switch {
	case a != nil && a.Kind == WhatsApp && c.edge == "messages" && post:
		s.sendWhatsApp(c, a)
	case a != nil && a.Kind == WhatsApp && c.edge == "marketing_messages" && post:
		s.sendWhatsApp(c, a)
	case a != nil && a.Kind == Instagram && c.edge == "messages" && post:
		s.sendInstagram(c, a)
	case a != nil && a.Kind == WhatsApp && c.edge == "media" && post:
		simple(OpUpload, a, func() (any, *graphError) { return s.uploadMedia(a, c.r) })
	case business && c.edge == "message_templates" && (get || post || del):
		simple(OpTemplates, c.mine[0], func() (any, *graphError) { return s.serveTemplates(c) })
	case business && c.edge == "phone_numbers" && get:
		simple(OpOther, c.mine[0], func() (any, *graphError) { return s.listNumbers(c) })
	case (business || a != nil) && c.edge == "subscribed_apps" && (get || post || del):
		simple(OpOther, c.mine[0], func() (any, *graphError) { return s.subscribedApps(c, a) })
	case a != nil && a.Kind == WhatsApp && c.edge == "block_users" && (get || post || del):
		simple(OpOther, a, func() (any, *graphError) { return s.blockUsers(c, a) })
	case a != nil && a.Kind == WhatsApp && (c.edge == "register" || c.edge == "deregister") && post:
		simple(OpOther, a, func() (any, *graphError) { return map[string]bool{"success": true}, nil })
	case c.node == s.cfg.AppID && c.edge == "uploads" && post:
		simple(OpUpload, nil, func() (any, *graphError) { return map[string]string{"id": "upload:" + s.mint.number()}, nil })
	case strings.HasPrefix(c.node, "upload:") && c.edge == "" && post:
		simple(OpUpload, nil, func() (any, *graphError) { return s.uploadHandle(c) })
	case c.node == "refresh_access_token" && c.edge == "" && get:
		simple(OpOther, c.mine[0], func() (any, *graphError) {
			return map[string]any{"access_token": c.mine[0].AccessToken, "token_type": "bearer", "expires_in": 60 * 24 * 3600}, nil
		})
	case c.edge == "":
		s.routeNode(c, a, business, simple)
	default:
		refused := noSuchNode(c.r.Method, c.node)
		writeJSON(c.w, refused.Status, refused.body())
	}
}

// routeNode serves /{node} itself: an account, a business account, a template, a media file or an Instagram profile.
func (s *Server) routeNode(c *call, a *account, business bool, simple func(Op, *account, func() (any, *graphError))) {
	get, post, del := c.r.Method == http.MethodGet, c.r.Method == http.MethodPost, c.r.Method == http.MethodDelete
	blob := s.media.get(c.node)
	if blob != nil && !slices.ContainsFunc(c.mine, func(a *account) bool { return a.ID() == blob.Owner }) {
		blob = nil
	}
	tmpl := s.catalog.byID(c.node)
	switch {
	case a != nil && get:
		simple(OpOther, a, func() (any, *graphError) { return s.describeAccount(c, a), nil })
	case a != nil && post:
		simple(OpOther, a, func() (any, *graphError) { return s.configureNumber(c, a) })
	case business && get:
		simple(OpOther, c.mine[0], func() (any, *graphError) { return s.describeBusiness(c), nil })
	case blob != nil && get:
		simple(OpMedia, c.mine[0], func() (any, *graphError) { return s.describeMedia(blob, c.r) })
	case blob != nil && del:
		simple(OpMedia, c.mine[0], func() (any, *graphError) {
			if err := s.media.delete(blob.ID); err != nil {
				return nil, refuse(131000, "")
			}
			return map[string]bool{"success": true}, nil
		})
	case tmpl != nil && (get || post):
		simple(OpTemplates, c.mine[0], func() (any, *graphError) { return s.serveTemplate(c, tmpl.ID) })
	case get:
		simple(OpOther, c.mine[0], func() (any, *graphError) { return s.instagramProfile(c) })
	default:
		refused := noSuchNode(c.r.Method, c.node)
		writeJSON(c.w, refused.Status, refused.body())
	}
}

// nodeAccount is the account that the node addresses, if the token may use it; "me" is the token's own.
func (s *Server) nodeAccount(c *call) *account {
	for _, a := range c.mine {
		if c.node == a.PhoneNumberID || c.node == a.InstagramID || c.node == a.PageID && a.PageID != "" || c.node == "me" && a.Kind == Instagram {
			if c.node != "" {
				return a
			}
		}
	}
	return nil
}

// onlyFields keeps the fields that the caller asked for; without "fields" it keeps all.
func onlyFields(r *http.Request, all map[string]any) map[string]any {
	asked := r.URL.Query().Get("fields")
	if asked == "" {
		return all
	}
	out := map[string]any{}
	for _, f := range append(strings.Split(asked, ","), "id") {
		f, _, _ = strings.Cut(strings.TrimSpace(f), "{")
		if v, ok := all[f]; ok {
			out[f] = v
		}
	}
	return out
}
