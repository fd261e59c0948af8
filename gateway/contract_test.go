package gateway_test

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatehouse/gateway/api"
	"gatehouse/gateway/web"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
)

// shape is the fields of an object in types.ts, by name.
type shape map[string]field

type field struct {
	optional bool
	inner    shape // of an object, or of a list of objects, that is written in place
}

// contract is types.ts, as far as it says which fields there are.
type contract struct {
	interfaces map[string]shape
	frames     map[string]shape // of ServerFrame, by their type
}

func readContract(t testing.TB) contract {
	t.Helper()
	raw, err := os.ReadFile("inbox/app/src/lib/api/types.ts")
	must(t, err)
	text := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(raw), "")
	text = regexp.MustCompile(`//[^\n]*`).ReplaceAllString(text, "")
	c := contract{interfaces: map[string]shape{}, frames: map[string]shape{}}
	head := regexp.MustCompile(`export interface (\w+)(?:<\w+>)?(?: extends (\w+))? \{`)
	for _, at := range head.FindAllStringSubmatchIndex(text, -1) {
		name := text[at[2]:at[3]]
		c.interfaces[name] = parseShape(t, block(t, text[at[1]-1:]))
		if at[4] >= 0 {
			maps.Copy(c.interfaces[name], c.interfaces[text[at[4]:at[5]]])
		}
	}
	union := text[strings.Index(text, "export type ServerFrame"):]
	union = union[:strings.Index(union, "\n\n")]
	for _, at := range regexp.MustCompile(`\| \{ type: '(\w+)'`).FindAllStringSubmatchIndex(union, -1) {
		c.frames[union[at[2]:at[3]]] = parseShape(t, block(t, union[at[0]+2:]))
	}
	if len(c.interfaces) < 25 || len(c.frames) < 11 {
		t.Fatalf("types.ts was not understood: %d interfaces, %d frames", len(c.interfaces), len(c.frames))
	}
	return c
}

// block is what stands between the first brace of s and its partner.
func block(t testing.TB, s string) string {
	t.Helper()
	depth := 0
	for i, r := range s {
		switch r {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[1:i]
			}
		}
	}
	t.Fatalf("no end of a block: %.80s", s)
	return ""
}

var fieldHead = regexp.MustCompile(`^\s*'?(\w+)'?(\??):`)

func parseShape(t testing.TB, body string) shape {
	t.Helper()
	out := shape{}
	for _, part := range split(body) {
		m := fieldHead.FindStringSubmatch(part)
		if m == nil {
			if strings.TrimSpace(part) != "" {
				t.Fatalf("not a field: %q", part)
			}
			continue
		}
		f := field{optional: m[2] == "?"}
		if kind := strings.TrimSpace(part[len(m[0]):]); strings.HasPrefix(kind, "{") {
			f.inner = parseShape(t, block(t, kind))
		}
		out[m[1]] = f
	}
	return out
}

// split cuts a body into its fields: at semicolons that are not inside something.
func split(body string) (parts []string) {
	depth, from := 0, 0
	for i, r := range body {
		switch r {
		case '{', '<', '(':
			depth++
		case '}', '>', ')':
			depth--
		case ';':
			if depth == 0 {
				parts = append(parts, body[from:i])
				from = i + 1
			}
		}
	}
	return append(parts, body[from:])
}

func TestTheAPISpeaksTheShapesOfTheInbox(t *testing.T) {
	t.Parallel()
	inGo := map[string]reflect.Type{
		"Page": reflect.TypeFor[web.Page[int]](), "Me": reflect.TypeFor[api.Me](), "Agent": reflect.TypeFor[api.Agent](),
		"Department": reflect.TypeFor[api.Department](), "EndReason": reflect.TypeFor[api.EndReason](),
		"BreakReason": reflect.TypeFor[api.BreakReason](), "ApiKey": reflect.TypeFor[api.APIKey](), "Draft": reflect.TypeFor[api.Draft](),
		"CannedReply": reflect.TypeFor[api.CannedReply](), "Setting": reflect.TypeFor[api.KindSetting](),
		"KindInfo": reflect.TypeFor[api.KindInfo](), "Limits": reflect.TypeFor[chat.Limits](),
		"ChannelAccount": reflect.TypeFor[api.ChannelAccount](), "Conversation": reflect.TypeFor[web.Conversation](),
		"ContactBrief": reflect.TypeFor[web.ContactBrief](), "Window": reflect.TypeFor[web.Window](),
		"ConversationDetail": reflect.TypeFor[api.ConversationDetail](), "ConversationBrief": reflect.TypeFor[api.ConversationBrief](),
		"Contact": reflect.TypeFor[api.Contact](), "Media": reflect.TypeFor[web.Media](), "Message": reflect.TypeFor[web.Message](),
		"ThreadEvent": reflect.TypeFor[web.ThreadEvent](), "SendMessage": reflect.TypeFor[api.SendMessage](),
		"Template": reflect.TypeFor[api.Template](), "TemplatePreview": reflect.TypeFor[api.TemplatePreview](),
		"Run": reflect.TypeFor[api.Run](), "TemplateCheck": reflect.TypeFor[api.TemplateCheck](), "Counts": reflect.TypeFor[web.Counts](),
		"OwnSession": reflect.TypeFor[api.OwnSession](), "TOTP": reflect.TypeFor[api.TOTP](), "NewTOTP": reflect.TypeFor[api.NewTOTP](),
		"RecoveryCodes": reflect.TypeFor[api.RecoveryCodes](), "AuditEntry": reflect.TypeFor[api.AuditEntry](),
		"DeskLists": reflect.TypeFor[api.DeskLists](),
		"Vitals":    reflect.TypeFor[api.Vitals](), "VitalSign": reflect.TypeFor[api.VitalSign](), "VitalGauges": reflect.TypeFor[api.VitalGauges](),
		"DueRows": reflect.TypeFor[api.DueRows](), "Node": reflect.TypeFor[api.Node](), "AccountSigns": reflect.TypeFor[api.AccountSigns](),
		"TroubledEvent": reflect.TypeFor[api.TroubledEvent](), "VitalSeries": reflect.TypeFor[api.VitalSeries](),
		"VitalLimits": reflect.TypeFor[api.VitalLimits](), "Replayed": reflect.TypeFor[api.Replayed](),
	}
	elsewhere := []string{"ApiError", "Prefs"} // every refusal in these tests is one; an object of any keys
	for name, want := range readContract(t).interfaces {
		switch kind, ok := inGo[name]; {
		case slices.Contains(elsewhere, name):
		case !ok:
			t.Errorf("%s of types.ts has no type in Go", name)
		default:
			compare(t, name, want, kind)
		}
	}
}

// compare holds a Go type against a shape: the same names, and what the shape promises is never left out.
func compare(t *testing.T, name string, want shape, kind reflect.Type) {
	t.Helper()
	for kind.Kind() == reflect.Slice || kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Map {
		kind = kind.Elem()
	}
	if kind.Kind() != reflect.Struct {
		t.Errorf("%s is an object in types.ts and %s in Go", name, kind)
		return
	}
	have := map[string]bool{}
	for _, f := range reflect.VisibleFields(kind) {
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || tag == "" || tag == "-" {
			continue
		}
		have[tag] = true
		w, ok := want[tag]
		switch {
		case !ok:
			t.Errorf("%s.%s is not in types.ts", name, tag)
		case !w.optional && strings.Contains(options, "omit"):
			t.Errorf("%s.%s is always there by types.ts, and may be left out by %s", name, tag, kind)
		case w.inner != nil:
			compare(t, name+"."+tag, w.inner, f.Type)
		}
	}
	for tag := range want {
		if !have[tag] {
			t.Errorf("%s.%s of types.ts is not in %s", name, tag, kind)
		}
	}
}

// fits holds a JSON object against a shape.
func (want shape) fits(t testing.TB, name string, raw json.RawMessage) {
	t.Helper()
	var have map[string]json.RawMessage
	must(t, json.Unmarshal(raw, &have))
	for k := range have {
		if _, ok := want[k]; !ok {
			t.Errorf("%s has %q, which is not in types.ts: %s", name, k, raw)
		}
	}
	for k, f := range want {
		if _, ok := have[k]; !ok && !f.optional {
			t.Errorf("%s has no %q: %s", name, k, raw)
		}
	}
}

// What forms of the inbox check before they ask is what the server refuses.
func TestTheInboxKnowsTheBoundsOfTheServer(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]map[string]int{
		"inbox/app/src/console/capacity.ts": {"DEFAULT_CAPACITY": chat.DefaultCapacity, "MAX_CAPACITY": chat.MaxCapacity},
		"inbox/app/src/account/password.ts": {"LEAST_PASSWORD": auth.MinPassword},
	} {
		raw, err := os.ReadFile(file)
		must(t, err)
		have := map[string]int{}
		for _, m := range regexp.MustCompile(`export const (\w+) = (\d+);`).FindAllStringSubmatch(string(raw), -1) {
			have[m[1]], err = strconv.Atoi(m[2])
			must(t, err)
		}
		if !maps.Equal(have, want) {
			t.Errorf("%s says %v, the server %v", file, have, want)
		}
	}
}
