package templates_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/templates"
)

// shelf makes templates of "name/language/STATUS".
func shelf(list ...string) []templates.Template {
	var all []templates.Template
	for _, one := range list {
		part := strings.Split(one, "/")
		all = append(all, templates.Template{
			Name: part[0], Language: part[1], Status: templates.Status(part[2]),
			Components: []templates.Component{{Type: templates.Body, Text: "x"}},
		})
	}
	return all
}

func labels(all []templates.Template) string {
	var list []string
	for _, one := range all {
		list = append(list, one.Name+"/"+one.Language)
	}
	return strings.Join(list, " ")
}

func TestTheLanguageIsChosenByTheDocumentedOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		shelf  []string
		wanted []string
		want   string // language; "" for none
	}{
		{"exactly", []string{"a/pt/APPROVED", "a/pt_PT/APPROVED", "a/pt_BR/APPROVED"}, []string{"pt_BR"}, "pt_BR"},
		{"another region before the bare language", []string{"a/pt/APPROVED", "a/pt_PT/APPROVED"}, []string{"pt_BR"}, "pt_PT"},
		{"the first region in the alphabet", []string{"a/en_US/APPROVED", "a/en_GB/APPROVED"}, []string{"en"}, "en_GB"},
		{"the bare language", []string{"a/en/APPROVED", "a/tr/APPROVED"}, []string{"tr_TR"}, "tr"},
		{"as a browser writes it", []string{"a/en_US/APPROVED", "a/en_GB/APPROVED"}, []string{"en-us"}, "en_US"},
		{"the account's language", []string{"a/en/APPROVED", "a/tr/APPROVED"}, []string{"de", "tr"}, "tr"},
		{"the contact's other region before the account's language", []string{"a/en_US/APPROVED", "a/tr/APPROVED"}, []string{"en_GB", "tr"}, "en_US"},
		{"any approved", []string{"a/tr/APPROVED", "a/en/APPROVED"}, []string{"de", ""}, "en"},
		{"nothing wanted", []string{"a/tr/APPROVED"}, nil, "tr"},
		{"never paused while another is usable", []string{"a/tr/PAUSED", "a/en/APPROVED"}, []string{"tr"}, "en"},
		{"paused when nothing is usable", []string{"a/tr/PAUSED", "a/en/REJECTED"}, []string{"tr"}, "tr"},
		{"another name", []string{"b/tr/APPROVED"}, []string{"tr"}, ""},
	} {
		got, ok := templates.Pick(shelf(c.shelf...), "a", c.wanted...)
		if got.Language != c.want || ok != (c.want != "") {
			t.Errorf("%s: got %q, %v", c.name, got.Language, ok)
		}
	}
}

func TestWhatIsPickedDoesNotDependOnTheOrderOfTheShelf(t *testing.T) {
	t.Parallel()
	language := rapid.SampledFrom([]string{"tr", "tr_TR", "en", "en_US", "en_GB", "de"})
	status := rapid.SampledFrom([]string{"APPROVED", "PAUSED", "REJECTED"})
	rapid.Check(t, func(r *rapid.T) {
		var list []string
		for range rapid.IntRange(1, 6).Draw(r, "size") {
			list = append(list, "a/"+language.Draw(r, "language")+"/"+status.Draw(r, "status"))
		}
		wanted := rapid.SliceOfN(language, 0, 2).Draw(r, "wanted")
		got, ok := templates.Pick(shelf(list...), "a", wanted...)
		usable, _ := templates.Usable(got)
		if !ok || !usable && strings.Contains(strings.Join(list, " "), "APPROVED") {
			r.Fatalf("%v %v: got %s %s", list, wanted, got.Language, got.Status)
		}
		source := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		source.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		again, _ := templates.Pick(shelf(list...), "a", wanted...)
		if again.Language != got.Language || again.Status != got.Status && usable {
			r.Fatalf("%v %v: got %s, then %s", list, wanted, got.Language, again.Language)
		}
	})
}

func TestThePickersOrder(t *testing.T) {
	t.Parallel()
	all := shelf("z/tr/APPROVED", "a/en/APPROVED", "b/tr/PAUSED", "c/tr_TR/APPROVED", "m/tr/APPROVED", "d/en/APPROVED", "e/en/REJECTED")
	templates.Sort(all, "tr", "d", "z")
	if got, want := labels(all), "z/tr m/tr c/tr_TR d/en a/en b/tr e/en"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAPausedTemplateSaysWhyItCannotBeSent(t *testing.T) {
	t.Parallel()
	body := []templates.Component{{Type: templates.Body, Text: "x"}}
	covered := map[templates.Reason]bool{templates.ReasonVariables: true} // a matter of Check
	for status, want := range map[templates.Status]templates.Reason{
		templates.StatusApproved: "", templates.StatusPending: templates.ReasonPending, templates.StatusInAppeal: templates.ReasonPending,
		templates.StatusRejected: templates.ReasonRejected, templates.StatusPaused: templates.ReasonPaused,
		templates.StatusDisabled: templates.ReasonDisabled, templates.StatusDeleted: templates.ReasonMissing,
		templates.StatusPendingDeletion: templates.ReasonMissing, templates.StatusLimitExceeded: templates.ReasonLimit,
		templates.StatusArchived: templates.ReasonArchived, templates.StatusLocked: templates.ReasonLocked,
		"ENCHANTED": templates.ReasonUnknown, "": templates.ReasonUnknown,
	} {
		ok, why := templates.Usable(templates.Template{Name: "a", Status: status, Components: body})
		if why != want || ok != (want == "") {
			t.Errorf("%q: got %v, %q", status, ok, why)
		}
		covered[want] = true
	}
	if ok, why := templates.Usable(templates.Template{}); ok || why != templates.ReasonMissing {
		t.Errorf("the zero template: got %v, %q", ok, why)
	}
	for _, name := range []string{"hologram", "order_details"} {
		ok, why := templates.Usable(listed(t, name))
		if ok || why != templates.ReasonUnsupported {
			t.Errorf("%s: got %v, %q", name, ok, why)
		}
		covered[why] = true
	}
	for _, reason := range templates.Reasons() {
		if !covered[reason] {
			t.Errorf("%s has no case", reason)
		}
	}
}

func TestAPartThatCannotBeSentIsNamed(t *testing.T) {
	t.Parallel()
	for components, want := range map[string]string{
		`{"type":"HEADER","format":"GIF"}`:                                                           "header",
		`{"type":"HEADER","format":"SCENT"}`:                                                         "header",
		`{"type":"BODY","text":"a"},{"type":"BODY","text":"b"}`:                                      "body",
		`{"type":"LIMITED_TIME_OFFER"}`:                                                              "offer",
		`{"type":"BUTTONS","buttons":[{"type":"URL","url":"https://a.example/{{1}}/{{2}}"}]}`:        "button.0",
		`{"type":"BODY","text":"no code"},{"type":"BUTTONS","buttons":[{"type":"OTP"}]}`:             "body",
		`{"type":"CAROUSEL","cards":[{"components":[]},{"components":[{"type":"CAROUSEL"}]}]}`:       "card.1.cards",
		`{"type":"CAROUSEL","cards":[{"components":[{"type":"BUTTONS","buttons":[{"type":"x"}]}]}]}`: "card.0.button.0",
		`null`:                       "component",
		`{"type":"BODY","text":"a"}`: "",
	} {
		if got := templates.UnsupportedPart(parse(t, `{"name":"a","components":[`+components+`]}`)); got != want {
			t.Errorf("%s: got %q, want %q", components, got, want)
		}
	}
}
