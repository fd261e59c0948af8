package web

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"gatehouse/internal/chat"
)

// A shape reads an endpoint's input: fields tagged `path:"…"` from the path, `query:"…"` from the query, the others by
// their JSON names from the body. Whatever is not declared is refused (RELIABILITY.md B35, B39).
//
//	type in struct {
//		ID    chat.ConversationID `path:"id" json:"-"`
//		View  string              `query:"view" enum:"mine,queue" default:"mine" json:"-"`
//		Note  string              `json:"note"`
//	}
type shape struct {
	path, query []part
	body        bool
}

// part is one field of the path or the query.
type part struct {
	name     string
	index    []int
	enum     []string
	fallback string
}

func shapeOf(t reflect.Type) shape {
	var s shape
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		p := part{index: f.Index, fallback: f.Tag.Get("default")}
		if e := f.Tag.Get("enum"); e != "" {
			p.enum = strings.Split(e, ",")
		}
		if name, ok := f.Tag.Lookup("path"); ok {
			p.name = name
			s.path = append(s.path, p)
		} else if name, ok := f.Tag.Lookup("query"); ok {
			p.name = name
			s.query = append(s.query, p)
		} else if f.Tag.Get("json") != "-" {
			s.body = true
		}
	}
	return s
}

func (s shape) read(c *Call, in reflect.Value) error {
	for _, p := range s.path {
		if err := p.set(in, c.c.Params(p.name)); err != nil {
			return chat.Errorf(chat.CodeNotFound, "no such %s", p.name) // what cannot be an id is nobody's
		}
	}
	if err := s.readQuery(c, in); err != nil {
		return err
	}
	if !s.body {
		if c.Route.Endpoint.Takes == "" && len(c.Body()) > 0 && !bytes.Equal(bytes.TrimSpace(c.Body()), []byte("{}")) {
			return invalid("no body is expected")
		}
		return nil
	}
	return readBody(c, in.Addr().Interface())
}

func (s shape) readQuery(c *Call, in reflect.Value) error {
	given := map[string]string{}
	var bad error
	for k, v := range c.c.Request().URI().QueryArgs().All() {
		name, value := string(k), string(v)
		switch _, twice := given[name]; {
		case twice:
			bad = invalid("%q is given twice", name).With("field", name)
		case !slices.ContainsFunc(s.query, func(p part) bool { return p.name == name }):
			bad = invalid("no such filter").With("field", name)
		case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
			bad = invalid("%q is no text", name).With("field", name)
		}
		given[name] = value
	}
	if bad != nil {
		return bad
	}
	for _, p := range s.query {
		value := given[p.name]
		if value == "" {
			value = p.fallback
		}
		if value == "" {
			continue
		}
		if p.enum != nil && !slices.Contains(p.enum, value) {
			return invalid("%s is one of %s", p.name, strings.Join(p.enum, ", ")).With("field", p.name)
		}
		if err := p.set(in, value); err != nil {
			return invalid("%s cannot be that", p.name).With("field", p.name)
		}
	}
	return nil
}

// set writes a text into the field.
func (p part) set(in reflect.Value, text string) error {
	f := in.FieldByIndex(p.index)
	if f.Kind() == reflect.Array { // an id
		if _, err := chat.ParseID[chat.MessageID](text); err != nil {
			return err
		}
	}
	if u, ok := reflect.TypeAssert[encoding.TextUnmarshaler](f.Addr()); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch f.Kind() {
	case reflect.String:
		f.SetString(strings.Clone(text))
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		f.SetInt(n)
	default:
		return fmt.Errorf("web: no way to read a %s", f.Type())
	}
	return nil
}

// readBody reads one JSON value strictly.
func readBody(c *Call, into any) error {
	kind, _, err := mime.ParseMediaType(c.Header(fiber.HeaderContentType))
	if err != nil || kind != fiber.MIMEApplicationJSON {
		return fiber.ErrUnsupportedMediaType
	}
	body := c.Body()
	if !utf8.Valid(body) {
		return invalid("the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return jsonError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("the body holds more than one JSON value")
	}
	return nil
}

// jsonError says which field is wrong, and nothing of our types.
func jsonError(err error) error {
	var own *chat.Error
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &kind) && kind.Field != "":
		return invalid("%s cannot be a %s", kind.Field, kind.Value).With("field", kind.Field)
	}
	if name, ok := strings.CutPrefix(err.Error(), `json: unknown field `); ok {
		name = strings.Trim(name, `"`)
		return invalid("there is no field of that name").With("field", name)
	}
	return invalid("the body is not the JSON that is expected")
}
