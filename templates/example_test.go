package templates_test

import (
	"fmt"
	"time"

	"gatehouse/templates"
)

var backInStock = templates.Template{
	Name: "back_in_stock", Language: "en", Category: templates.Marketing, Status: templates.StatusApproved,
	Components: []templates.Component{
		{Type: templates.Body, Text: "Hello {{1}}, the {{2}} that you asked about is back in stock."},
		{Type: templates.Buttons, Buttons: []templates.Button{
			{Type: templates.URL, Text: "View product", URL: "https://example.com/p/{{1}}"},
			{Type: templates.QuickReply, Text: "Stop these messages"},
		}},
	},
}

// A message is the template, its values, and nothing to complain about.
func ExampleRender() {
	message, problems := templates.Render(backInStock, templates.Values{
		"body.1":     templates.Text("Selin"),
		"body.2":     templates.Text("white breakfast set"),
		"button.0.1": templates.Text("ege-white"),
	})
	fmt.Println(len(problems), "problems")
	fmt.Println(message.Preview.PlainText())
	fmt.Println(string(message.Payload()))
	// Output:
	// 0 problems
	// Hello Selin, the white breakfast set that you asked about is back in stock.
	// {"name":"back_in_stock","language":{"code":"en"},"components":[{"type":"body","parameters":[{"type":"text","text":"Selin"},{"type":"text","text":"white breakfast set"}]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"ege-white"}]}]}
}

// The form in front of the agent is the list of variables.
func ExampleVariables() {
	for _, v := range templates.Variables(backInStock) {
		fmt.Println(v.Key, v.Kind, v.Max, v.Optional)
	}
	// Output:
	// body.1 text 1024 false
	// body.2 text 1024 false
	// button.0.1 url 1978 false
	// button.1.payload payload 256 true
}

// Each message stands under its field.
func ExampleCheck() {
	problems := templates.Check(backInStock, templates.Values{
		"body.1":     templates.Text("Selin\nHanım"),
		"button.0.1": templates.Text("@evil.example"),
	})
	for _, p := range problems {
		fmt.Println(p.Field, p.Code)
	}
	// Output:
	// body.1 value_line_break
	// body.2 value_missing
	// button.0.1 value_url
}

// An author hears what Meta would say before submitting.
func ExampleValidate() {
	problems := templates.Validate(templates.Template{
		Name: "Back in stock", Language: "en", Category: templates.Marketing,
		Components: []templates.Component{{Type: templates.Body, Text: "{{1}} is back in stock, {{3}} pieces so far."}},
	})
	for _, p := range problems {
		fmt.Printf("%s: %s\n", p.Field, p.Message())
	}
	// Output:
	// name: A name has lower-case letters a to z, digits and underscores only.
	// body.1: Give an example: Meta's review needs one.
	// body.3: Give an example: Meta's review needs one.
	// body: Variables are numbered 1, 2, 3 without gaps.
	// body.1: A text cannot start or end with a variable.
}

// The contact's language comes first, then the account's; a paused template comes last of all.
func ExamplePick() {
	shelf := []templates.Template{
		{Name: "hello", Language: "pt_BR", Status: templates.StatusPaused},
		{Name: "hello", Language: "en_US", Status: templates.StatusApproved},
		{Name: "hello", Language: "tr", Status: templates.StatusApproved},
	}
	picked, _ := templates.Pick(shelf, "hello", "pt-BR", "tr")
	fmt.Println(picked.Language)
	// Output: tr
}

// A webhook changes the stored template.
func ExampleApply() {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	event, err := templates.ParseEvent(templates.FieldStatus, []byte(`{
		"event": "PAUSED", "message_template_id": 6003, "message_template_name": "back_in_stock",
		"message_template_language": "en", "other_info": {"title": "FIRST_PAUSE"}}`), at)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := templates.Apply(backInStock, event)
	_, why := templates.Usable(now)
	fmt.Println(why, "until", now.PausedUntil.Format(time.TimeOnly))
	// Output: template_paused until 12:00:00
}
