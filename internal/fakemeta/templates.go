package fakemeta

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Template is a message template as the business management API has it (PROTOCOLS.md §4).
type Template struct {
	ID               string          `json:"id"`
	Name             string          `json:"name"`
	Language         string          `json:"language"`
	Status           string          `json:"status"`   // APPROVED, PENDING, REJECTED, PAUSED, DISABLED, …
	Category         string          `json:"category"` // MARKETING, UTILITY, AUTHENTICATION
	PreviousCategory string          `json:"previous_category,omitempty"`
	ParameterFormat  string          `json:"parameter_format"` // POSITIONAL (default) or NAMED
	Components       json.RawMessage `json:"components"`
	QualityScore     string          `json:"quality_score"` // GREEN, YELLOW, RED, UNKNOWN
	RejectedReason   string          `json:"rejected_reason"`
	TTL              int             `json:"message_send_ttl_seconds,omitempty"`

	business string
	parsed   []component
}

// catalog is the templates of all business accounts, oldest first.
type catalog struct {
	mu       sync.Mutex
	list     []*Template
	reserved map[string]time.Time // business|name|language of deleted approved ones
}

func newCatalog(cfg Config, m *mint) *catalog {
	c := &catalog{reserved: map[string]time.Time{}}
	seen := map[string]bool{}
	for _, a := range cfg.Accounts {
		if a.Kind != WhatsApp || seen[a.BusinessAccountID] {
			continue
		}
		seen[a.BusinessAccountID] = true
		for _, t := range cfg.Templates {
			t.business = a.BusinessAccountID
			t.ID = cmp.Or(t.ID, m.number())
			c.addLocked(t)
		}
	}
	return c
}

// addLocked completes and appends. Nothing is shared yet when newCatalog calls it.
func (c *catalog) addLocked(t Template) *Template {
	t.Status = cmp.Or(t.Status, "APPROVED")
	t.Category = cmp.Or(t.Category, "UTILITY")
	t.ParameterFormat = cmp.Or(t.ParameterFormat, "POSITIONAL")
	t.QualityScore = cmp.Or(t.QualityScore, "UNKNOWN")
	t.RejectedReason = cmp.Or(t.RejectedReason, "NONE")
	t.parsed = parseComponents(t.Components)
	c.list = append(c.list, &t)
	return &t
}

// byID returns a copy, or nil.
func (c *catalog) byID(id string) *Template {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.list {
		if t.ID == id {
			out := *t
			return &out
		}
	}
	return nil
}

// find returns a copy of the template with that name and language, or nil.
func (c *catalog) find(business, name, language string) *Template {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.findLocked(business, name, language); t != nil {
		out := *t
		return &out
	}
	return nil
}

func (c *catalog) findLocked(business, name, language string) *Template {
	for _, t := range c.list {
		if t.business == business && t.Name == name && t.Language == language {
			return t
		}
	}
	return nil
}

// view is a template in an answer.
func (t *Template) view(r *http.Request) map[string]any {
	all := map[string]any{
		"id": t.ID, "name": t.Name, "language": t.Language, "status": t.Status, "category": t.Category, "parameter_format": t.ParameterFormat,
		"components": t.Components, "quality_score": map[string]any{"score": t.QualityScore}, "rejected_reason": t.RejectedReason,
	}
	if t.PreviousCategory != "" {
		all["previous_category"] = t.PreviousCategory
	}
	if t.TTL > 0 {
		all["message_send_ttl_seconds"] = t.TTL
	}
	if r.URL.Query().Get("fields") == "" { // what comes without asking
		for _, extra := range []string{"quality_score", "rejected_reason"} {
			delete(all, extra)
		}
	}
	return onlyFields(r, all)
}

// serveTemplates is /{waba}/message_templates.
func (s *Server) serveTemplates(c *call) (any, *graphError) {
	switch c.r.Method {
	case http.MethodPost:
		return s.createTemplate(c)
	case http.MethodDelete:
		return s.deleteTemplate(c)
	}
	return s.listTemplates(c)
}

// listTemplates pages by cursor: a template created or deleted meanwhile neither repeats nor hides another.
func (s *Server) listTemplates(c *call) (any, *graphError) {
	q := c.r.URL.Query()
	limit := cmp.Or(atoi(q.Get("limit")), 25)
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	var all []*Template
	for _, t := range s.catalog.list {
		if t.business == c.node && t.matches(q) {
			all = append(all, t)
		}
	}
	start := 0
	if after := q.Get("after"); after != "" {
		start = slices.IndexFunc(all, func(t *Template) bool { return idNumber(t.ID) > idNumber(fromCursor(after)) })
		if start < 0 {
			start = len(all)
		}
	} else if before := q.Get("before"); before != "" {
		end := 0
		for end < len(all) && idNumber(all[end].ID) < idNumber(fromCursor(before)) {
			end++
		}
		start = max(0, end-limit)
		all = all[:end]
	}
	end := min(start+limit, len(all))
	data := []any{}
	for _, t := range all[start:end] {
		data = append(data, t.view(c.r))
	}
	out := map[string]any{"data": data}
	if len(data) > 0 {
		paging := map[string]any{"cursors": map[string]string{"before": toCursor(all[start].ID), "after": toCursor(all[end-1].ID)}}
		if end < len(all) {
			q.Set("after", toCursor(all[end-1].ID))
			q.Del("before")
			q.Del("access_token")
			paging["next"] = s.cfg.BaseURL + c.r.URL.Path + "?" + q.Encode()
		}
		out["paging"] = paging
	}
	return out, nil
}

func (t *Template) matches(q url.Values) bool {
	return strings.Contains(t.Name, q.Get("name")) &&
		(q.Get("status") == "" || strings.EqualFold(q.Get("status"), t.Status)) &&
		(q.Get("category") == "" || strings.EqualFold(q.Get("category"), t.Category)) &&
		(q.Get("language") == "" || q.Get("language") == t.Language) &&
		(q.Get("quality_score") == "" || strings.EqualFold(q.Get("quality_score"), t.QualityScore))
}

// Cursors are opaque: the reversed id keeps a client from reading it as one.
func toCursor(id string) string {
	b := []byte(id)
	slices.Reverse(b)
	return "QVFI" + string(b)
}

func fromCursor(cursor string) string {
	b := []byte(strings.TrimPrefix(cursor, "QVFI"))
	slices.Reverse(b)
	return string(b)
}

func idNumber(id string) uint64 {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return 0 // a foreign cursor: from the start
	}
	return n
}

func (s *Server) createTemplate(c *call) (any, *graphError) {
	var t Template
	if refused := decodeBody(c.r, &t); refused != nil {
		return nil, refused
	}
	t.ID, t.business, t.Status, t.QualityScore, t.RejectedReason = s.mint.number(), c.node, "PENDING", "", ""
	t.Category = strings.ToUpper(t.Category)
	if refused := checkTemplate(&t); refused != nil {
		return nil, refused
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	if s.catalog.findLocked(c.node, t.Name, t.Language) != nil {
		return nil, templateError(2388024, "Content in This Language Already Exists", "There is already content in this language for this template. You can create a new template and try again.")
	}
	if s.now().Before(s.catalog.reserved[c.node+"|"+t.Name+"|"+t.Language]) {
		return nil, templateError(2388023, "Message Template Language Is Being Deleted", "New content cannot be added while the existing content is being deleted. Try again in 30 days or create a new message template.")
	}
	created := s.catalog.addLocked(t)
	s.reviewSoon(created.ID)
	return map[string]string{"id": created.ID, "status": created.Status, "category": created.Category}, nil
}

// reviewSoon approves a template after Config.TemplateReview.
func (s *Server) reviewSoon(id string) {
	if s.cfg.TemplateReview < 0 {
		return
	}
	s.sequences.Add(1)
	if !s.goTracked(func() {
		defer s.sequences.Add(-1)
		if s.pause(s.ctx, s.cfg.TemplateReview) {
			s.setTemplate(id, "APPROVED", "NONE")
		}
	}) {
		s.sequences.Add(-1)
	}
}

// deleteTemplate deletes one by hsm_id and name, or all languages of a name.
func (s *Server) deleteTemplate(c *call) (any, *graphError) {
	name, id := c.r.URL.Query().Get("name"), c.r.URL.Query().Get("hsm_id")
	if name == "" {
		return nil, badParam("The parameter name is required.")
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	before := len(s.catalog.list)
	s.catalog.list = slices.DeleteFunc(s.catalog.list, func(t *Template) bool {
		hit := t.business == c.node && t.Name == name && (id == "" || id == t.ID)
		if hit && t.Status == "APPROVED" {
			s.catalog.reserved[t.business+"|"+t.Name+"|"+t.Language] = s.now().Add(30 * 24 * time.Hour)
		}
		return hit
	})
	if len(s.catalog.list) == before {
		return nil, templateError(2593002, "Message Template Not Found", "The message template you are looking for does not exist.")
	}
	return map[string]bool{"success": true}, nil
}

// serveTemplate is GET and POST /{template}: read and edit.
func (s *Server) serveTemplate(c *call, id string) (any, *graphError) {
	var edit Template
	if c.r.Method == http.MethodPost {
		if refused := decodeBody(c.r, &edit); refused != nil {
			return nil, refused
		}
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	i := slices.IndexFunc(s.catalog.list, func(t *Template) bool {
		return t.ID == id && slices.ContainsFunc(c.mine, func(a *account) bool { return a.BusinessAccountID == t.business })
	})
	if i < 0 {
		return nil, noSuchNode(c.r.Method, id)
	}
	t := s.catalog.list[i]
	if c.r.Method == http.MethodGet {
		return t.view(c.r), nil
	}
	if !slices.Contains([]string{"APPROVED", "REJECTED", "PAUSED"}, t.Status) {
		return nil, templateError(2388039, "Template Can't Be Edited", "Only approved, rejected and paused templates can be edited.")
	}
	next := *t
	if len(edit.Components) > 0 {
		next.Components = edit.Components
	}
	next.Category, next.TTL = cmp.Or(strings.ToUpper(edit.Category), t.Category), cmp.Or(edit.TTL, t.TTL)
	if refused := checkTemplate(&next); refused != nil {
		return nil, refused
	}
	next.Status, next.parsed = "PENDING", parseComponents(next.Components)
	*t = next
	s.reviewSoon(t.ID)
	return map[string]bool{"success": true}, nil
}

// SetTemplateStatus is a decision of the reviewers: it changes the template in every business account that has it and
// tells with message_template_status_update. It fails if there is no such template.
func (s *Server) SetTemplateStatus(name, language, status, reason string) error {
	return s.changeTemplates(name, language, func(t *Template) {
		s.setTemplate(t.ID, status, reason)
	})
}

// SetTemplateQuality changes the quality score (GREEN, YELLOW, RED) and tells with message_template_quality_update.
func (s *Server) SetTemplateQuality(name, language, score string) error {
	return s.changeTemplates(name, language, func(t *Template) {
		was := t.QualityScore
		s.alterTemplate(t.ID, func(t *Template) { t.QualityScore = score })
		s.tellTemplate(t, "message_template_quality_update", map[string]any{"previous_quality_score": was, "new_quality_score": score})
	})
}

// SetTemplateCategory is Meta's own recategorisation, told with template_category_update: it changes the price.
func (s *Server) SetTemplateCategory(name, language, category string) error {
	return s.changeTemplates(name, language, func(t *Template) {
		was := t.Category
		s.alterTemplate(t.ID, func(t *Template) { t.PreviousCategory, t.Category = was, category })
		s.tellTemplate(t, "template_category_update", map[string]any{"previous_category": was, "new_category": category})
	})
}

func (s *Server) changeTemplates(name, language string, change func(*Template)) error {
	var hits []*Template
	s.catalog.mu.Lock()
	for _, t := range s.catalog.list {
		if t.Name == name && t.Language == language {
			hit := *t
			hits = append(hits, &hit)
		}
	}
	s.catalog.mu.Unlock()
	if len(hits) == 0 {
		return fmt.Errorf("fakemeta: no template %s in %s", name, language)
	}
	for _, t := range hits {
		change(t)
	}
	return nil
}

func (s *Server) alterTemplate(id string, change func(*Template)) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	for _, t := range s.catalog.list {
		if t.ID == id {
			change(t)
		}
	}
}

func (s *Server) setTemplate(id, status, reason string) {
	s.alterTemplate(id, func(t *Template) { t.Status, t.RejectedReason = status, cmp.Or(reason, "NONE") })
	t := s.catalog.byID(id)
	if t == nil {
		return // deleted meanwhile
	}
	value := map[string]any{"event": status, "reason": cmp.Or(reason, "NONE")}
	switch {
	case status == "APPROVED" || status == "REJECTED":
		value["message_template_category"] = t.Category
		if reason == "INVALID_FORMAT" { // only with this reason
			value["rejection_info"] = map[string]string{"reason": "Parameters are placed next to each other.", "recommendation": "Separate parameters with text."}
		}
	case status == "PAUSED":
		value["reason"] = nil
		value["other_info"] = map[string]string{"title": "FIRST_PAUSE", "description": "Your WhatsApp message template has been paused for 3 hours."}
	}
	s.tellTemplate(t, "message_template_status_update", value)
}

// tellTemplate posts an account-level field; the template's id is a JSON number there.
func (s *Server) tellTemplate(t *Template, field string, value map[string]any) {
	value["message_template_id"] = json.Number(t.ID)
	value["message_template_name"], value["message_template_language"] = t.Name, t.Language
	s.world.mu.Lock()
	var a *account
	for _, x := range s.world.accounts {
		if a == nil && x.BusinessAccountID == t.business {
			a = x
		}
	}
	s.world.mu.Unlock()
	s.sender.emit("templates|"+t.business, update{account: a, what: "template", id: t.ID, field: field, plain: value})
}

func templateError(subcode int, title, text string) *graphError {
	return &graphError{Status: 400, Code: 100, Subcode: subcode, Type: "OAuthException", Message: "Invalid parameter", UserTitle: title, UserMsg: text}
}
