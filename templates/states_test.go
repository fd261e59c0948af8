package templates_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse/templates"
)

var moment = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// webhook reads one of Meta's template webhooks.
func webhook(t *testing.T, file string) templates.Event {
	t.Helper()
	data, err := os.ReadFile("testdata/webhooks/" + file + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var envelope struct {
		Entry []struct {
			Time    int64
			Changes []struct {
				Field templates.Field
				Value json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(data, &envelope); err != nil {
		t.Fatal(err)
	}
	change := envelope.Entry[0].Changes[0]
	e, err := templates.ParseEvent(change.Field, change.Value, time.Unix(envelope.Entry[0].Time, 0))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestMetasTemplateWebhooksAreApplied(t *testing.T) {
	t.Parallel()
	order, sale := listed(t, "siparis_onay"), listed(t, "kampanya")

	pending := order
	pending.Status = templates.StatusPending
	if got := templates.Apply(pending, webhook(t, "template_status_approved")); got.Status != templates.StatusApproved || got.Category != templates.Utility {
		t.Errorf("approved: got %+v", got)
	}

	got := templates.Apply(sale, webhook(t, "template_status_rejected"))
	if got.Status != templates.StatusRejected || got.RejectedReason != "INVALID_FORMAT" ||
		got.StatusDetail != "Parameters are placed next to each other. Separate parameters with text." {
		t.Errorf("rejected: got %+v", got)
	}

	got = templates.Apply(sale, webhook(t, "template_status_paused"))
	until := time.Unix(1795250000, 0).Add(3 * time.Hour)
	if got.Status != templates.StatusPaused || !got.PausedUntil.Equal(until) || got.RejectedReason != "" || got.StatusDetail == "" {
		t.Errorf("paused: got %+v", got)
	}

	if got := templates.Apply(order, webhook(t, "template_quality")); got.Quality != templates.QualityYellow {
		t.Errorf("quality: got %q", got.Quality)
	}

	got = templates.Apply(order, webhook(t, "template_category"))
	if got.Category != templates.Marketing || got.PreviousCategory != templates.Utility {
		t.Errorf("category: got %q after %q", got.Category, got.PreviousCategory)
	}

	got = templates.Apply(order, webhook(t, "template_components"))
	if got.Components[1].Text != "Merhaba {{1}}, siparişiniz {{2}} hazır." || got.Components[2].Text != "Mağaza" {
		t.Errorf("components: got %+v", got.Components)
	}
	if got.Components[0].Format != templates.FormatImage || got.Components[3].Buttons[1].Text != "Reklam istemiyorum" {
		t.Error("components: what the webhook does not speak of was changed")
	}
	if diff := cmp.Diff(listed(t, "siparis_onay"), order); diff != "" {
		t.Errorf("the template given was changed: %s", diff)
	}
}

func TestEachStatusEventHasItsEffect(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event   string
		from    templates.Status
		want    templates.Status
		flagged bool
	}{
		{"APPROVED", templates.StatusPending, templates.StatusApproved, false},
		{"REJECTED", templates.StatusPending, templates.StatusRejected, false},
		{"PENDING", templates.StatusRejected, templates.StatusPending, false},
		{"PAUSED", templates.StatusApproved, templates.StatusPaused, false},
		{"DISABLED", templates.StatusPaused, templates.StatusDisabled, false},
		{"FLAGGED", templates.StatusApproved, templates.StatusApproved, true},
		{"REINSTATED", templates.StatusDisabled, templates.StatusApproved, false},
		{"ARCHIVED", templates.StatusApproved, templates.StatusArchived, false},
		{"UNARCHIVED", templates.StatusArchived, templates.StatusApproved, false},
		{"UNARCHIVED", templates.StatusPaused, templates.StatusPaused, false},
		{"DELETED", templates.StatusApproved, templates.StatusDeleted, false},
		{"PENDING_DELETION", templates.StatusApproved, templates.StatusPendingDeletion, false},
		{"IN_APPEAL", templates.StatusRejected, templates.StatusInAppeal, false},
		{"LOCKED", templates.StatusApproved, templates.StatusLocked, false},
		{"LIMIT_EXCEEDED", templates.StatusPending, templates.StatusLimitExceeded, false},
		{"ENCHANTED", templates.StatusApproved, templates.StatusApproved, false},
		{"", templates.StatusApproved, templates.StatusApproved, false},
	} {
		before := templates.Template{ID: "1", Status: c.from}
		got := templates.Apply(before, templates.Event{Field: templates.FieldStatus, TemplateID: "1", Status: c.event, At: moment})
		if got.Status != c.want || got.Flagged != c.flagged {
			t.Errorf("%s from %s: got %s, flagged %v", c.event, c.from, got.Status, got.Flagged)
		}
	}
}

func TestAnArchivedTemplateGoesBackToWhatItWas(t *testing.T) {
	t.Parallel()
	one := templates.Template{ID: "1", Status: templates.StatusPaused}
	for _, event := range []string{"ARCHIVED", "ARCHIVED", "UNARCHIVED"} {
		one = templates.Apply(one, templates.Event{Field: templates.FieldStatus, TemplateID: "1", Status: event, At: moment})
	}
	if one.Status != templates.StatusPaused || one.StatusBefore != "" {
		t.Errorf("got %s, before %q", one.Status, one.StatusBefore)
	}
}

func TestApprovalWashesTheFlagAndTheOldReasonAway(t *testing.T) {
	t.Parallel()
	one := templates.Template{ID: "1", Status: templates.StatusPaused, Flagged: true, RejectedReason: "SCAM", StatusDetail: "x", PausedUntil: moment}
	got := templates.Apply(one, templates.Event{Field: templates.FieldStatus, TemplateID: "1", Status: "APPROVED", At: moment})
	if diff := cmp.Diff(templates.Template{ID: "1", Status: templates.StatusApproved, StatusAt: moment}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnEventAboutAnotherTemplateChangesNothing(t *testing.T) {
	t.Parallel()
	one := templates.Template{ID: "1", Name: "a", Language: "tr", Status: templates.StatusApproved}
	for _, e := range []templates.Event{
		{TemplateID: "2", Name: "a", Language: "tr"},
		{Name: "a", Language: "en"},
		{Name: "b", Language: "tr"},
		{},
	} {
		e.Field, e.Status = templates.FieldStatus, "DISABLED"
		if got := templates.Apply(one, e); got.Status != templates.StatusApproved {
			t.Errorf("%+v was applied", e)
		}
	}
	e := templates.Event{Field: templates.FieldStatus, Name: "a", Language: "tr", Status: "DISABLED"}
	if got := templates.Apply(one, e); got.Status != templates.StatusDisabled {
		t.Error("an event without an id was not found by name and language")
	}
}

func TestACategoryThatWillChangeIsAnnounced(t *testing.T) {
	t.Parallel()
	e, err := templates.ParseEvent(templates.FieldCategory, []byte(`{"message_template_id":"1","new_category":"UTILITY","correct_category":"MARKETING"}`), moment)
	if err != nil {
		t.Fatal(err)
	}
	got := templates.Apply(templates.Template{ID: "1", Category: templates.Utility}, e)
	if got.Category != templates.Utility || got.CorrectCategory != templates.Marketing || got.PreviousCategory != "" {
		t.Errorf("got %+v", got)
	}
}

func TestTextsComeAndGoWithTheComponentsWebhook(t *testing.T) {
	t.Parallel()
	one := withPart(t, `{"type":"HEADER","format":"TEXT","text":"Old"},{"type":"BODY","text":"Old"},{"type":"FOOTER","text":"Old"},
		{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Yes"},{"type":"URL","text":"Go","url":"https://a.example","example":["x"]}]}`)
	one.ID = "1"
	got := templates.Apply(one, templates.Event{
		Field: templates.FieldComponents, TemplateID: "1", BodyText: "New",
		Buttons: []templates.Button{{Type: templates.URL, Text: "See", URL: "https://b.example"}},
	})
	want := []templates.Component{
		{Type: templates.Body, Text: "New"},
		{Type: templates.Buttons, Buttons: []templates.Button{{Type: templates.QuickReply, Text: "Yes"}, {Type: templates.URL, Text: "See", URL: "https://b.example", Example: []string{"x"}}}},
	}
	if diff := cmp.Diff(want, got.Components); diff != "" {
		t.Error(diff)
	}
	back := templates.Apply(got, templates.Event{Field: templates.FieldComponents, TemplateID: "1", HeaderText: "H", BodyText: "New", FooterText: "F"})
	if back.Components[0].Text != "H" || back.Components[2].Text != "F" || back.Components[3].Type != templates.Buttons {
		t.Errorf("got %+v", back.Components)
	}
	if diff := cmp.Diff(got.Components[1], back.Components[3]); diff != "" {
		t.Errorf("buttons that the webhook does not match were changed: %s", diff)
	}
}

func TestOtherWebhooksAndBrokenOnesAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := templates.ParseEvent("messages", []byte(`{}`), moment); err == nil {
		t.Error("a message was read as a template event")
	}
	for _, value := range []string{``, `[]`, `{"message_template_id":{}}`} {
		if _, err := templates.ParseEvent(templates.FieldStatus, []byte(value), moment); err == nil {
			t.Errorf("%q was read", value)
		}
	}
}

func TestTheSecondPauseIsLongerAndAnUnknownOneHasNoEnd(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]time.Time{"FIRST_PAUSE": moment.Add(3 * time.Hour), "SECOND_PAUSE": moment.Add(6 * time.Hour), "RATE_LIMITING_PAUSE": {}} {
		got := templates.Apply(templates.Template{ID: "1"}, templates.Event{Field: templates.FieldStatus, TemplateID: "1", Status: "PAUSED", Title: title, At: moment})
		if !got.PausedUntil.Equal(want) {
			t.Errorf("%s: got %s, want %s", title, got.PausedUntil, want)
		}
	}
}

func TestTheComponentsWebhookLeavesWhatItDoesNotSpeakOf(t *testing.T) {
	t.Parallel()
	code := listed(t, "dogrulama")
	code.Components[1].Text = "" // as it was submitted
	got := templates.Apply(code, templates.Event{
		Field: templates.FieldComponents, TemplateID: code.ID, BodyText: code.Components[0].Text,
		Buttons: []templates.Button{{Type: templates.PhoneNumber, Text: "Call"}},
	})
	if diff := cmp.Diff(code.Components, got.Components); diff != "" {
		t.Error(diff)
	}
	bare := templates.Template{ID: "1", Components: []templates.Component{{Type: templates.Body, Text: "a"}}}
	got = templates.Apply(bare, templates.Event{Field: templates.FieldComponents, TemplateID: "1", FooterText: "F"})
	want := []templates.Component{{Type: templates.Body, Text: "a"}, {Type: templates.Footer, Text: "F"}}
	if diff := cmp.Diff(want, got.Components); diff != "" {
		t.Error(diff)
	}
	picture := listed(t, "siparis_onay")
	got = templates.Apply(picture, templates.Event{Field: templates.FieldComponents, TemplateID: picture.ID, HeaderText: "Now words"})
	if got.Components[0].Format != templates.FormatText || got.Components[0].Text != "Now words" || got.Components[0].Example != nil {
		t.Errorf("got %+v", got.Components[0])
	}
}

// Webhooks come twice, late and out of order: the status is that of the latest event, in whatever order they arrive.
func TestTheLatestStatusWinsInAnyOrder(t *testing.T) {
	t.Parallel()
	name := rapid.SampledFrom([]string{"APPROVED", "REJECTED", "PENDING", "PAUSED", "DISABLED", "IN_APPEAL", "LOCKED", "DELETED"})
	rapid.Check(t, func(r *rapid.T) {
		var events []templates.Event
		for i := range rapid.IntRange(1, 6).Draw(r, "count") {
			events = append(events, templates.Event{Field: templates.FieldStatus, TemplateID: "1", Status: name.Draw(r, "name"), At: moment.Add(time.Duration(i) * time.Minute)})
		}
		last := events[len(events)-1]
		arrival := rapid.Permutation(append(events, events...)).Draw(r, "arrival")
		one := templates.Template{ID: "1", Status: templates.StatusPending}
		for _, e := range arrival {
			one = templates.Apply(one, e)
		}
		if string(one.Status) != last.Status || !one.StatusAt.Equal(last.At) {
			r.Fatalf("got %s at %s, want %s", one.Status, one.StatusAt, last.Status)
		}
	})
}
