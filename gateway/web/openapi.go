package web

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OpenAPI is GET /openapi.json: the routes in the words of OpenAPI 3.1, made of the table and of the types that the
// handlers take and answer, so that it cannot say anything else than what they do.
func OpenAPI(title string, routes []Route) Route {
	d := &describer{schemas: map[string]any{}}
	self := Route{Method: http.MethodGet, Path: "/openapi.json", Rule: Anyone(), Does: "This description"}
	paths := map[string]map[string]any{}
	for _, r := range append(slices.Clone(routes), self) {
		if paths[r.Path] == nil {
			paths[r.Path] = map[string]any{}
		}
		paths[r.Path][strings.ToLower(r.Method)] = d.operation(r)
	}
	d.schemas["Error"] = map[string]any{"type": "object", "required": []string{"error"}, "properties": map[string]any{"error": d.schema(reflect.TypeFor[refusalBody]())}}
	body, err := json.Marshal(map[string]any{
		"openapi": "3.1.0",
		"info":    map[string]any{"title": title, "version": "1"},
		"servers": []any{map[string]any{"url": "/api/v1"}},
		"paths":   paths,
		"components": map[string]any{
			"schemas": d.schemas,
			"securitySchemes": map[string]any{
				"session": map[string]any{"type": "apiKey", "in": "cookie", "name": secureCookie, "description": "With an X-CSRF-Token on unsafe requests."},
				"key":     map[string]any{"type": "http", "scheme": "bearer", "description": "An API key, ghk_…"},
			},
		},
	})
	if err != nil {
		panic(fmt.Sprintf("web: the description is plain values: %v", err))
	}
	file, err := NewStatic(body)
	if err != nil {
		panic(fmt.Sprintf("web: it is compressed into memory: %v", err))
	}
	self.Endpoint = Raw("application/json", 0, func(c *Call, _ struct{}) error {
		c.c.Set("Content-Type", "application/json")
		return file.Send(c.c)
	})
	return self
}

type describer struct{ schemas map[string]any }

func (d *describer) operation(r Route) map[string]any {
	op := map[string]any{"summary": r.Does, "security": security(r.Rule), "responses": d.responses(r.Endpoint)}
	if r.Rule.Permission != "" {
		op["description"] = "Needs the permission " + string(r.Rule.Permission) + "."
	}
	e := r.Endpoint
	if e.Takes != "" {
		file := map[string]any{"type": "object", "properties": map[string]any{"file": map[string]any{"type": "string", "format": "binary"}}}
		op["requestBody"] = map[string]any{"required": true, "content": map[string]any{e.Takes: map[string]any{"schema": file}}}
	}
	if e.In == nil {
		return op
	}
	var parameters []any
	for _, f := range reflect.VisibleFields(e.In) {
		in, name := "path", f.Tag.Get("path")
		if name == "" {
			in, name = "query", f.Tag.Get("query")
		}
		if name == "" || f.Anonymous {
			continue
		}
		schema := d.schema(f.Type)
		if enum := f.Tag.Get("enum"); enum != "" {
			schema = map[string]any{"type": "string", "enum": strings.Split(enum, ",")}
		}
		if fallback := f.Tag.Get("default"); fallback != "" {
			schema["default"] = fallback
			if n, err := strconv.Atoi(fallback); err == nil {
				schema["default"] = n
			}
		}
		parameters = append(parameters, map[string]any{"name": name, "in": in, "required": in == "path", "schema": schema})
	}
	if r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/messages") {
		parameters = append(parameters, map[string]any{"name": "Idempotency-Key", "in": "header", "required": false, "schema": map[string]any{"type": "string"}})
	}
	if parameters != nil {
		op["parameters"] = parameters
	}
	if shapeOf(e.In).body {
		op["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": d.schema(e.In)}}}
	}
	return op
}

func security(r Rule) []any {
	out := []any{}
	if r.Session {
		out = append(out, map[string]any{"session": []string{}})
	}
	if r.Scope != "" {
		out = append(out, map[string]any{"key": []string{r.Scope}})
	}
	return out
}

func (d *describer) responses(e Endpoint) map[string]any {
	ok := map[string]any{"description": "Done"}
	switch {
	case e.Out != nil:
		ok["content"] = map[string]any{"application/json": map[string]any{"schema": d.schema(e.Out)}}
	case e.Type != "":
		ok["content"] = map[string]any{e.Type: map[string]any{}}
	}
	refused := map[string]any{
		"description": "Refused",
		"content":     map[string]any{"application/json": map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/Error"}}},
	}
	return map[string]any{strconv.Itoa(max(e.Status, http.StatusOK)): ok, "default": refused}
}

// schema describes a type as encoding/json writes it. Named structs are components.
func (d *describer) schema(t reflect.Type) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t.Kind() == reflect.Array && t.Len() == 16:
		return map[string]any{"type": "string", "format": "uuid"}
	case t == reflect.TypeFor[json.RawMessage]():
		return map[string]any{}
	case t.Kind() == reflect.Struct && t.Implements(reflect.TypeFor[json.Marshaler]()):
		return map[string]any{"type": "object"}
	case t.Kind() != reflect.Struct && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return map[string]any{"type": "string"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.schema(t.Elem())
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": d.schema(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": d.schema(t.Elem())}
	case reflect.Struct:
		return d.object(t)
	}
	return map[string]any{}
}

func (d *describer) object(t reflect.Type) map[string]any {
	name := componentName(t)
	ref := map[string]any{"$ref": "#/components/schemas/" + name}
	if name != "" {
		if _, known := d.schemas[name]; known {
			return ref
		}
		d.schemas[name] = nil // a type may hold itself
	}
	properties, required := map[string]any{}, []string{}
	for _, f := range reflect.VisibleFields(t) {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || tag == "-" || tag == "" {
			continue
		}
		properties[tag] = d.schema(f.Type)
		if !strings.Contains(options, "omit") {
			required = append(required, tag)
		}
	}
	out := map[string]any{"type": "object", "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	if name == "" {
		return out
	}
	d.schemas[name] = out
	return ref
}

// componentName is a type's own name; of a page, that of its items.
func componentName(t reflect.Type) string {
	name, of, generic := strings.Cut(t.Name(), "[")
	if generic {
		of = strings.TrimSuffix(of[strings.LastIndexByte(of, '.')+1:], "]")
		name += "Of" + of
	}
	return name
}
