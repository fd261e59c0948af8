package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/channels/internal/graph"
	"gatehouse/internal/chat"
)

func read(t *testing.T, object string) graph.Error {
	t.Helper()
	var e graph.Error
	if err := json.Unmarshal([]byte(object), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// TestEveryDocumentedCodeHasItsMeaning walks PROTOCOLS.md §3 and §6, row by row.
func TestEveryDocumentedCodeHasItsMeaning(t *testing.T) {
	t.Parallel()
	type meaning struct {
		code   chat.Code
		retry  chat.Retry
		effect chat.SendEffect
	}
	refused := meaning{chat.CodeProviderRefused, chat.RetryNever, ""}
	broken := meaning{chat.CodeAccountDisconnected, chat.RetryNever, chat.EffectAccountBroken}
	undeliverable := meaning{chat.CodeUndeliverable, chat.RetryNever, ""}
	unsupported := meaning{chat.CodeNotSupported, chat.RetryNever, ""}
	variables := meaning{chat.CodeTemplateVariables, chat.RetryNever, ""}
	for _, row := range []struct {
		codes []int
		want  meaning
	}{
		{[]int{1, 2, 131000, 131016, 133004}, meaning{chat.CodeUnavailable, chat.RetryMessage, ""}},
		{[]int{4, 80007, 130429, 131048, 613, 133016}, meaning{chat.CodeThrottledNumber, chat.RetryAccount, ""}},
		{[]int{131056}, meaning{chat.CodeThrottledPair, chat.RetryPair, ""}},
		{[]int{131057}, meaning{chat.CodeUnavailable, chat.RetryAccount, ""}},
		{[]int{131053}, meaning{chat.CodeProviderRefused, chat.RetryMessage, chat.EffectRefreshMedia}},
		{[]int{131047}, meaning{chat.CodeWindowClosed, chat.RetryNever, chat.EffectShutWindow}},
		{[]int{131026, 130472, 130497, 131021, 131030, 137000, 551, 1545041}, undeliverable},
		{[]int{131049}, meaning{chat.CodeMarketingLimit, chat.RetryNever, ""}},
		{[]int{131050}, meaning{chat.CodeOptedOut, chat.RetryNever, chat.EffectOptOut}},
		{[]int{131031, 368, 131037, 131045, 133010, 133015, 0, 190, 3, 10, 200, 250, 299, 131005, 133000, 133005, 133006, 133008, 133009}, broken},
		{[]int{131042, 131044}, meaning{chat.CodeAccountDisconnected, chat.RetryNever, ""}},
		{[]int{131051, 131062, 131063, 131020, 131041, 131201, 131215}, unsupported},
		{[]int{132000, 132005, 132007, 132008, 132012, 132018}, variables},
		{[]int{132001}, meaning{chat.CodeTemplateMissing, chat.RetryNever, chat.EffectTemplatePaused}},
		{[]int{132015, 132016}, meaning{chat.CodeTemplatePaused, chat.RetryNever, chat.EffectTemplatePaused}},
		{[]int{132068, 132069}, meaning{chat.CodeTemplatePaused, chat.RetryNever, ""}},
		{[]int{33, 100, 131008, 131009, 131052, 131064, 134011, 134100, 134102, 135000, 138000, 139000, 139100, 147001, 147005, 2388293, 2494000, 230, 999999}, refused},
	} {
		for _, code := range row.codes {
			e := read(t, fmt.Sprintf(`{"code":%d,"message":"m"}`, code)).Refusal()
			if got := (meaning{e.Code, e.Retry, e.Effect}); got != row.want || e.Provider != fmt.Sprint(code) || e.Detail != "m" {
				t.Errorf("%d: %+v, want %+v", code, e, row.want)
			}
		}
	}
	for object, want := range map[string]meaning{
		`{"code":10,"error_subcode":2534022}`:  {chat.CodeWindowClosed, chat.RetryNever, chat.EffectShutWindow},
		`{"code":10,"error_subcode":2018278}`:  {chat.CodeWindowClosed, chat.RetryNever, chat.EffectShutWindow},
		`{"code":10,"error_subcode":1893063}`:  broken,
		`{"code":100,"error_subcode":2534014}`: undeliverable,
		`{"code":551,"error_subcode":1545041}`: undeliverable,
		`{"code":100,"error_subcode":33}`:      broken,
	} {
		e := read(t, object).Refusal()
		if got := (meaning{e.Code, e.Retry, e.Effect}); got != want {
			t.Errorf("%s: %+v, want %+v", object, e, want)
		}
	}
}

func TestARefusalQuotesTheMostSpecificSentenceOnOneLine(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		`{"code":1,"error_data":{"details":"d"},"error_user_msg":"u","message":"m","title":"t"}`: "d",
		`{"code":1,"error_user_msg":"u","message":"m","title":"t"}`:                              "u",
		`{"code":1,"message":"m","title":"t"}`:                                                   "m",
		`{"code":1,"title":"a\n\tb\u0007 c "}`:                                                   "a b c",
		`{"code":1}`:                                                                             "",
	} {
		if got := read(t, object).Detail(); got != want {
			t.Errorf("%s: %q", object, got)
		}
	}
	long := read(t, `{"code":1,"message":"`+strings.Repeat("ğ", 1000)+`"}`).Detail()
	if len(long) > 310 || !utf8.ValidString(long) {
		t.Errorf("%d bytes", len(long))
	}
}

func TestAnErrorInAWebhookNeedsNoCode(t *testing.T) {
	t.Parallel()
	e := read(t, `{"title":"Something"}`)
	if r := e.Refusal(); r.Code != chat.CodeProviderRefused || r.Retry != chat.RetryNever || r.Provider != "" || e.Number() != "" {
		t.Errorf("%+v", r)
	}
	if n := read(t, `{"code":"131051","error_subcode":0}`).Number(); n != "131051" {
		t.Errorf("number %q", n)
	}
}
