package templates

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// ParseList reads one page of GET /{account}/message_templates and returns its templates and the cursor of the next page
// ("" on the last). Unknown keys, components and buttons never fail. A template that cannot be read at all is left out
// and named, by its place in the page, in the error, which comes beside the readable rest of the page: keep what is
// there, and do not take its absence for a deletion.
func ParseList(data []byte) (page []Template, next string, err error) {
	var list struct {
		Data   []json.RawMessage `json:"data"`
		Paging struct {
			Cursors struct {
				After string `json:"after"`
			} `json:"cursors"`
			Next string `json:"next"`
		} `json:"paging"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, "", fmt.Errorf("templates: not a list of templates: %w", err)
	}
	var unread []error
	for i, one := range list.Data {
		var t Template
		if err := json.Unmarshal(one, &t); err != nil {
			unread = append(unread, fmt.Errorf("templates: entry %d: %w", i, err))
			continue
		}
		if t.Name == "" || t.Language == "" {
			unread = append(unread, fmt.Errorf("templates: entry %d has no name or no language", i))
			continue
		}
		page = append(page, t)
	}
	if list.Paging.Next != "" {
		next = list.Paging.Cursors.After
		if next == "" {
			unread = append(unread, errors.New("templates: the list goes on but gives no cursor"))
		}
	}
	return page, next, errors.Join(unread...)
}

// Submission is the body of POST /{account}/message_templates that submits the template for review. It fails only on a Raw
// or Extra that somebody has filled with something else than JSON.
func (t Template) Submission() (json.RawMessage, error) {
	return json.Marshal(struct {
		Name            string          `json:"name"`
		Language        string          `json:"language"`
		Category        Category        `json:"category"`
		ParameterFormat ParameterFormat `json:"parameter_format,omitempty"`
		TTLSeconds      int             `json:"message_send_ttl_seconds,omitempty"`
		Components      []Component     `json:"components"`
	}{t.Name, t.Language, t.Category, t.ParameterFormat, t.TTLSeconds, t.Components})
}

// UnmarshalJSON reads a template of the Graph API, or one that this package wrote.
func (t *Template) UnmarshalJSON(data []byte) error {
	type plain Template
	var p plain
	wire := struct {
		*plain
		ID     loose `json:"id"`
		Reason loose `json:"rejected_reason"`
	}{plain: &p}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*t = Template(p)
	t.ID = string(wire.ID)
	t.Language = NormalizeLanguage(t.Language)
	t.Category = upper(t.Category)
	t.PreviousCategory = upper(t.PreviousCategory)
	t.CorrectCategory = upper(t.CorrectCategory)
	t.Status = upper(t.Status)
	t.ParameterFormat = upper(t.ParameterFormat)
	if reason := strings.ToUpper(string(wire.Reason)); reason != "NONE" {
		t.RejectedReason = reason
	}
	return nil
}

// MarshalJSON writes the object of the API.
func (q Quality) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"score": string(q)})
}

// UnmarshalJSON reads {"score": "GREEN", …} or "GREEN".
func (q *Quality) UnmarshalJSON(data []byte) error {
	var object struct {
		Score string `json:"score"`
	}
	if json.Unmarshal(data, &object) != nil {
		if err := json.Unmarshal(data, &object.Score); err != nil {
			return err
		}
	}
	*q = quality(object.Score)
	return nil
}

func quality(score string) Quality {
	switch q := Quality(strings.ToUpper(score)); q {
	case QualityGreen, QualityYellow, QualityRed, "":
		return q
	}
	return QualityUnknown
}

// UnmarshalJSON never fails on valid JSON: what it cannot read it keeps in Raw.
func (c *Component) UnmarshalJSON(data []byte) error {
	type plain Component
	var p plain
	err := json.Unmarshal(data, &p)
	p.Type = upper(p.Type)
	if err != nil || !p.Type.known() {
		*c = Component{Type: p.Type, Raw: compact(data)}
		return nil //nolint:nilerr // what cannot be read is kept, and makes the template unusable
	}
	*c = Component(p)
	c.Format = upper(c.Format)
	c.Extra = unknownKeys(data, reflect.TypeFor[Component]())
	return nil
}

// MarshalJSON writes the component back with whatever was not understood.
func (c Component) MarshalJSON() ([]byte, error) {
	type plain Component
	if c.Raw != nil {
		return c.Raw, nil
	}
	return withExtra(plain(c), c.Extra)
}

// UnmarshalJSON never fails on valid JSON: what it cannot read it keeps in Raw.
func (b *Button) UnmarshalJSON(data []byte) error {
	type plain Button
	var p plain
	wire := struct {
		*plain
		FlowID  loose   `json:"flow_id"`
		Example strlist `json:"example"`
	}{plain: &p}
	err := json.Unmarshal(data, &wire)
	p.Type = upper(p.Type)
	if err != nil || !p.Type.known() {
		*b = Button{Type: p.Type, Raw: compact(data)}
		return nil //nolint:nilerr // as above
	}
	*b = Button(p)
	b.FlowID, b.Example = string(wire.FlowID), wire.Example
	b.OTPType = upper(b.OTPType)
	b.Extra = unknownKeys(data, reflect.TypeFor[Button]())
	return nil
}

// MarshalJSON writes the button back with whatever was not understood.
func (b Button) MarshalJSON() ([]byte, error) {
	type plain Button
	if b.Raw != nil {
		return b.Raw, nil
	}
	if b.Type == CopyCode && len(b.Example) > 0 {
		return withExtra(struct {
			plain
			Example string `json:"example"`
		}{plain(b), b.Example[0]}, b.Extra)
	}
	return withExtra(plain(b), b.Extra)
}

// UnmarshalJSON reads samples in each of the shapes that the API has used: a string, a list, a list of lists.
func (e *Example) UnmarshalJSON(data []byte) error {
	type plain Example
	var p plain
	wire := struct {
		*plain
		HeaderText   strlist `json:"header_text"`
		HeaderHandle strlist `json:"header_handle"`
		BodyText     rows    `json:"body_text"`
	}{plain: &p}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	*e = Example(p)
	e.HeaderText, e.HeaderHandle, e.BodyText = wire.HeaderText, wire.HeaderHandle, wire.BodyText
	return nil
}

// loose is a string that the API sometimes writes as a number, or as null.
type loose string

func (l *loose) UnmarshalJSON(data []byte) error {
	switch {
	case string(data) == "null":
		*l = ""
	case data[0] == '"':
		return json.Unmarshal(data, (*string)(l))
	case data[0] == '{' || data[0] == '[':
		return fmt.Errorf("an object or list where a string belongs")
	default:
		*l = loose(data)
	}
	return nil
}

// strlist is a list of strings that the API sometimes writes as one string.
type strlist []string

func (s *strlist) UnmarshalJSON(data []byte) error {
	var many []loose
	if data[0] != '[' {
		many = make([]loose, 1)
		if err := json.Unmarshal(data, &many[0]); err != nil {
			return err
		}
		if string(data) == "null" {
			many = nil
		}
	} else if err := json.Unmarshal(data, &many); err != nil {
		return err
	}
	*s = nil
	for _, one := range many {
		*s = append(*s, string(one))
	}
	return nil
}

// rows is a list of lists that the API sometimes writes as one list.
type rows [][]string

func (r *rows) UnmarshalJSON(data []byte) error {
	var many []strlist
	var one strlist
	if err := json.Unmarshal(data, &one); err == nil {
		many = []strlist{one}
	} else if err := json.Unmarshal(data, &many); err != nil {
		return err
	}
	*r = nil
	for _, row := range many {
		if len(row) > 0 {
			*r = append(*r, row)
		}
	}
	return nil
}

// unknownKeys returns the members of a JSON object that no field of the struct type reads.
func unknownKeys(data []byte, of reflect.Type) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(data, &all) != nil {
		return nil // not an object: the caller has read it into the struct already, so it is null
	}
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		maps.DeleteFunc(all, func(key string, _ json.RawMessage) bool { return strings.EqualFold(key, name) })
	}
	if len(all) == 0 {
		return nil
	}
	for key, value := range all {
		all[key] = compact(value)
	}
	return all
}

// compact copies JSON without its spaces, as it is written back.
func compact(data []byte) json.RawMessage {
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		return bytes.Clone(data) // not JSON; the decoder has read it, so it is
	}
	return b.Bytes()
}

// withExtra writes v and, after its own members, the extra ones in alphabetical order.
func withExtra(v any, extra map[string]json.RawMessage) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		name, err := json.Marshal(key)
		if err != nil {
			return nil, err
		}
		data = append(data[:len(data)-1], ',') // v always writes its type, so it is never {}
		data = append(append(append(data, name...), ':'), extra[key]...)
		data = append(data, '}')
	}
	return data, nil
}

func upper[T ~string](s T) T { return T(strings.ToUpper(string(s))) }
