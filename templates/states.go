package templates

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Event is what one of the provider's template webhooks says.
type Event struct {
	Field      Field     `json:"field"`
	TemplateID string    `json:"template_id"`
	Name       string    `json:"name"`
	Language   string    `json:"language"`
	At         time.Time `json:"at,omitzero"`

	// FieldStatus: Status is the event's name, which is not always a Status (FLAGGED, REINSTATED, UNARCHIVED).
	Status string `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"` // INVALID_FORMAT, SCAM…; "" for NONE
	Title  string `json:"title,omitempty"`  // FIRST_PAUSE, SECOND_PAUSE, UNPAUSE…
	Detail string `json:"detail,omitempty"` // Meta's sentences

	// FieldCategory, and sometimes FieldStatus.
	Category        Category `json:"category,omitempty"`
	CorrectCategory Category `json:"correct_category,omitempty"`

	// FieldQuality.
	Quality Quality `json:"quality,omitempty"`

	// FieldComponents: texts that the template no longer has are "".
	HeaderText string   `json:"header_text,omitempty"`
	BodyText   string   `json:"body_text,omitempty"`
	FooterText string   `json:"footer_text,omitempty"`
	Buttons    []Button `json:"buttons,omitempty"` // URL and PHONE_NUMBER buttons only
}

// Field is the webhook field that an event came in.
type Field string

// The fields that are about templates.
const (
	FieldStatus     Field = "message_template_status_update"
	FieldQuality    Field = "message_template_quality_update"
	FieldCategory   Field = "template_category_update"
	FieldComponents Field = "message_template_components_update"
)

// ParseEvent reads the "value" of a change in one of the Field webhooks; at is the entry's time (zero if it has none).
// It fails on another field and on JSON that is not an object of these webhooks.
func ParseEvent(field Field, value []byte, at time.Time) (Event, error) {
	switch field {
	case FieldStatus, FieldQuality, FieldCategory, FieldComponents:
	default:
		return Event{}, fmt.Errorf("templates: %q is not a template webhook", field)
	}
	var wire struct {
		ID       loose  `json:"message_template_id"`
		Name     string `json:"message_template_name"`
		Language string `json:"message_template_language"`

		Event     string   `json:"event"`
		Reason    loose    `json:"reason"`
		Category  Category `json:"message_template_category"`
		Rejection struct {
			Reason         string `json:"reason"`
			Recommendation string `json:"recommendation"`
		} `json:"rejection_info"`
		Other struct {
			Title       string `json:"title"`
			Description string `json:"description"`
		} `json:"other_info"`

		New     Category `json:"new_category"`
		Correct Category `json:"correct_category"`
		Quality string   `json:"new_quality_score"`

		Header  string `json:"message_template_title"`
		Body    string `json:"message_template_element"`
		Footer  string `json:"message_template_footer"`
		Buttons []struct {
			Type  ButtonType `json:"message_template_button_type"`
			Text  string     `json:"message_template_button_text"`
			URL   string     `json:"message_template_button_url"`
			Phone string     `json:"message_template_button_phone_number"`
		} `json:"message_template_buttons"`
	}
	if err := json.Unmarshal(value, &wire); err != nil {
		return Event{}, fmt.Errorf("templates: %s: %w", field, err)
	}
	e := Event{
		Field: field, TemplateID: string(wire.ID), Name: wire.Name, Language: NormalizeLanguage(wire.Language), At: at,
		Status: strings.ToUpper(wire.Event), Reason: strings.ToUpper(string(wire.Reason)), Title: wire.Other.Title,
		Detail:   joined(wire.Rejection.Reason, wire.Rejection.Recommendation, wire.Other.Description),
		Category: upper(wire.Category), CorrectCategory: upper(wire.Correct), Quality: quality(wire.Quality),
		HeaderText: wire.Header, BodyText: wire.Body, FooterText: wire.Footer,
	}
	if e.Reason == "NONE" {
		e.Reason = ""
	}
	if field == FieldCategory {
		e.Category = upper(wire.New)
	}
	for _, b := range wire.Buttons {
		e.Buttons = append(e.Buttons, Button{Type: upper(b.Type), Text: b.Text, URL: b.URL, PhoneNumber: b.Phone})
	}
	return e, nil
}

// Concerns reports whether the event is about the template: by the provider's id where both have one, else by name and
// language.
func (e Event) Concerns(t Template) bool {
	if e.TemplateID != "" && t.ID != "" {
		return e.TemplateID == t.ID
	}
	return e.Name != "" && e.Name == t.Name && e.Language == t.Language
}

// Apply returns the template after the event. The template given is not changed. An event about another template, with
// an unknown name, or about a status older than the one known leaves everything as it is: webhooks come twice, late and
// out of order.
//
// FieldComponents tells only part of what changed (no samples, no quick replies): what it tells is applied at once, and
// the account's templates should be listed again.
func Apply(t Template, e Event) Template {
	if !e.Concerns(t) {
		return t
	}
	switch e.Field {
	case FieldStatus:
		return t.withStatus(e)
	case FieldQuality:
		if e.Quality != "" {
			t.Quality = e.Quality
		}
	case FieldCategory:
		return t.withCategory(e)
	case FieldComponents:
		return t.withTexts(e)
	}
	return t
}

func (t Template) withStatus(e Event) Template {
	if !e.At.IsZero() && e.At.Before(t.StatusAt) {
		return t
	}
	before := t
	switch to := Status(e.Status); to {
	case StatusApproved, StatusPending, StatusRejected, StatusPaused, StatusDisabled, StatusInAppeal,
		StatusPendingDeletion, StatusDeleted, StatusLimitExceeded, StatusArchived, StatusLocked:
		t.Status = to
	case "FLAGGED": // at risk of being paused; still sendable
		t.Flagged = true
		t.StatusDetail = e.Detail
		t.StatusAt = later(t.StatusAt, e.At)
		return t
	case "REINSTATED":
		t.Status, t.Flagged = StatusApproved, false
	case "UNARCHIVED":
		if before.Status != StatusArchived {
			return t
		}
		t.Status = StatusApproved // nearly always what it was; where not, Meta refuses the send and the list says what it is
		if before.StatusBefore != "" {
			t.Status = before.StatusBefore
		}
	default:
		return t
	}
	t.StatusAt = later(t.StatusAt, e.At)
	t.StatusDetail, t.RejectedReason, t.StatusBefore, t.PausedUntil = e.Detail, "", "", time.Time{}
	switch t.Status {
	case StatusApproved:
		t.Flagged = false
	case StatusRejected:
		t.RejectedReason = e.Reason
	case StatusArchived:
		t.StatusBefore = before.Status
		if before.Status == StatusArchived {
			t.StatusBefore = before.StatusBefore
		}
	case StatusPaused:
		if length := pause(e.Title); length > 0 && !e.At.IsZero() {
			t.PausedUntil = e.At.Add(length)
		}
	}
	if e.Category != "" {
		t.Category = e.Category
	}
	return t
}

// pause is how long Meta pauses a template for low quality, or 0 if unknown. The third time it is disabled.
func pause(title string) time.Duration {
	switch title {
	case "FIRST_PAUSE":
		return 3 * time.Hour
	case "SECOND_PAUSE":
		return 6 * time.Hour
	}
	return 0
}

// withCategory applies both forms of the webhook: the category has changed, or it will within a day (correct_category).
func (t Template) withCategory(e Event) Template {
	t.CorrectCategory = e.CorrectCategory
	if e.Category != "" && e.Category != t.Category {
		t.PreviousCategory, t.Category = t.Category, e.Category
	}
	return t
}

func (t Template) withTexts(e Event) Template {
	components := slices.Clone(t.Components)
	components = withText(components, Component{Type: Header, Format: FormatText, Text: e.HeaderText})
	if e.BodyText != "" {
		components = withText(components, Component{Type: Body, Text: e.BodyText})
	}
	components = withText(components, Component{Type: Footer, Text: e.FooterText})
	for i, c := range components {
		if c.Type == Buttons && c.Raw == nil {
			components[i].Buttons = withButtons(c.Buttons, e.Buttons)
		}
	}
	t.Components = components
	return t
}

// withText changes, adds or (where the new text is empty) removes a text component.
func withText(components []Component, now Component) []Component {
	at := slices.IndexFunc(components, func(c Component) bool { return c.Type == now.Type && c.Raw == nil })
	switch {
	case at < 0 && now.Text == "":
		return components
	case at < 0 && now.Type == Header:
		return slices.Insert(components, 0, now)
	case at < 0:
		after := slices.IndexFunc(components, func(c Component) bool { return c.Type == Buttons || c.Type == Carousel })
		if after < 0 {
			after = len(components)
		}
		return slices.Insert(components, after, now)
	case now.Type == Header && now.Text == "" && components[at].Format != FormatText:
		return components // a media header has no title
	case now.Type == Footer && now.Text == "" && components[at].Text == "":
		return components // an authentication footer has no text
	case now.Text == "":
		return slices.Delete(components, at, at+1)
	}
	kept := components[at]
	kept.Text = now.Text
	if now.Type == Header && kept.Format != FormatText {
		kept.Format, kept.Example = FormatText, nil // the sample was a file
	}
	components[at] = kept
	return components
}

// withButtons updates URL and phone buttons in place when the event has as many of each as the template; otherwise only
// the list knows.
func withButtons(have, now []Button) []Button {
	said := func(b Button) bool { return b.Raw == nil && (b.Type == URL || b.Type == PhoneNumber) }
	var places []int
	for i, b := range have {
		if said(b) {
			places = append(places, i)
		}
	}
	if len(places) != len(now) {
		return have
	}
	changed := slices.Clone(have)
	for n, i := range places {
		if changed[i].Type != now[n].Type {
			return have
		}
		changed[i].Text, changed[i].URL, changed[i].PhoneNumber = now[n].Text, now[n].URL, now[n].PhoneNumber
	}
	return changed
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func joined(sentences ...string) string {
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), " ")
}
