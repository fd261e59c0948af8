package fakemeta

import (
	"encoding/json"
	"net/url"
)

// decodeForm reads a form as Graph does: every value is a string, or JSON if it looks like it.
func decodeForm(data []byte, v any) *graphError {
	values, err := url.ParseQuery(string(data))
	if err != nil {
		return badParam("The request body is not a form.")
	}
	object := map[string]any{}
	for key := range values {
		text := values.Get(key)
		if raw := json.RawMessage(text); len(text) > 0 && (text[0] == '{' || text[0] == '[') && json.Valid(raw) {
			object[key] = raw
		} else {
			object[key] = text
		}
	}
	if err := json.Unmarshal([]byte(mustJSON(object)), v); err != nil {
		return badParam("A parameter has the wrong type.")
	}
	return nil
}
