package whatsapp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/channels"
	"gatehouse/channels/channeltest"
	"gatehouse/channels/whatsapp"
	"gatehouse/internal/chat"
)

// change is a payload with one change of the fixtures' number.
func change(field, value string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"41","time":1795250000,"changes":[{"field":%q,"value":{%s}}]}]}`, field, value)
}

// of is the value of a field that is of one number: +90 212 555 01 00.
func of(rest string) string {
	return `"messaging_product":"whatsapp","metadata":{"display_phone_number":"902125550100","phone_number_id":"51"},` + rest
}

// incoming is a payload with these messages and no contacts.
func incoming(messages string) []byte {
	return change("messages", of(`"messages":[`+messages+`]`))
}

// lines says what a payload gives.
func lines(t *testing.T, body []byte) []string {
	t.Helper()
	said := []string{}
	for _, in := range channeltest.Check(t, whatsapp.Driver(), body) {
		said = append(said, channeltest.Say(in, chat.AccountKey{Kind: chat.WhatsApp, Type: "phone_number_id", Value: "51"}))
	}
	return said
}

// gives fails unless a payload gives exactly these lines.
func gives(t *testing.T, body []byte, want ...string) {
	t.Helper()
	if got := lines(t, body); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%.300s\n got %s\nwant %s", body, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestASenderWhoCannotBeNamedIsLeftToTheReceiver(t *testing.T) {
	t.Parallel()
	for _, from := range []string{`""`, `"+"`, `"` + strings.Repeat("9", 40) + `"`, `"abc"`, `"0905551110001"`, `"12345"`, `"9055511100012345"`, `null`, `{}`, `"tr.1"`, `"TR."`} {
		gives(t, incoming(`{"from":`+from+`,"id":"m","timestamp":"1795250000","type":"text","text":{"body":"x"}}`),
			`in text m text="x" opens at=1795250000 note=bad_sender`)
	}
	gives(t, incoming(`{"id":"m","timestamp":"1795250000","type":"text","text":{"body":"x"}}`), `in text m text="x" opens at=1795250000 note=bad_sender`)
}

func TestANumberIsReadWithOrWithoutPlusAndAUserIDMayStandInItsPlace(t *testing.T) {
	t.Parallel()
	for from, by := range map[string]string{
		`"905551110001"`: "phone:905551110001", `"+905551110001"`: "phone:905551110001", `905551110001`: "phone:905551110001",
		`"TR.30000000000000000001"`: "bsuid:TR.30000000000000000001", `"US.ENT.1"`: "bsuid:US.ENT.1",
	} {
		gives(t, incoming(`{"from":`+from+`,"id":"m","timestamp":"1795250000","type":"text","text":{"body":"x"}}`), `in text m text="x" opens by=`+by+` at=1795250000`)
	}
}

func TestAMessageFromTheNumberItselfIsIgnored(t *testing.T) {
	t.Parallel()
	gives(t, incoming(`{"from":"902125550100","id":"m","timestamp":"1795250000","type":"text","text":{"body":"x"}}`), `ignored note=own_message`)
}

func TestAContactIsTheOneWithTheSamePersonsID(t *testing.T) {
	t.Parallel()
	contacts := `"contacts":[{"profile":{"name":"A"},"wa_id":"905551110001","user_id":"TR.1"},{"profile":{"name":"B","username":"b"},"user_id":"TR.2"},null,"x",{}]`
	for message, by := range map[string]string{
		`"from_user_id":"TR.2"`:                         `by=bsuid:TR.2 name=B username=b`,
		`"from":"905551110001"`:                         `by=bsuid:TR.1,phone:905551110001 name=A`,
		`"from_user_id":"TR.1"`:                         `by=bsuid:TR.1,phone:905551110001 name=A`,
		`"from_user_id":"TR.3","from":"905551110003"`:   `by=bsuid:TR.3,phone:905551110003`,
		`"from_user_id":"TR.2","from":"905551110002"`:   `by=bsuid:TR.2,phone:905551110002 name=B username=b`,
		`"from_user_id":"junk","from":"+905551110001"`:  `by=bsuid:TR.1,phone:905551110001 name=A`,
		`"from_user_id":["TR.2"],"from":"905551110009"`: `by=phone:905551110009`,
	} {
		body := change("messages", of(strings.Replace(contacts, `null,"x",`, "", 1)+`,"messages":[{`+message+`,"id":"m","timestamp":"1795250000","type":"text","text":{"body":"x"}}]`))
		gives(t, body, `in text m text="x" opens `+by+` at=1795250000`)
	}
}

func TestTimesAreReadInEveryShapeAndJunkIsFlagged(t *testing.T) {
	t.Parallel()
	for given, at := range map[string]string{
		`"1795250000"`: " at=1795250000", `1795250000`: " at=1795250000", `"1795250000000"`: " at=1795250000", `1795250000123`: " at=1795250000.123",
		`"abc"`: " note=bad_timestamp", `"-1"`: " note=bad_timestamp", `0`: " note=bad_timestamp", `"4102444800"`: " note=bad_timestamp",
		`null`: " note=bad_timestamp", `""`: " note=bad_timestamp", `{"s":1}`: " note=bad_timestamp", `1e999`: " note=bad_timestamp",
	} {
		gives(t, incoming(`{"from":"905551110001","id":"m","timestamp":`+given+`,"type":"text","text":{"body":"x"}}`), `in text m text="x" opens by=phone:905551110001`+at)
	}
}

func TestAMessageWithoutAnIDGetsTheSameOneEachTime(t *testing.T) {
	t.Parallel()
	parse := func(extra, text string) chat.Inbound {
		return channeltest.Check(t, whatsapp.Driver(), incoming(`{"from":"905551110001",`+extra+`"timestamp":"1795250000","type":"text","text":{"body":"`+text+`"}}`))[0]
	}
	one := parse("", "x")
	if one.Note != "derived_id" || !strings.HasPrefix(one.Message.ExternalID, "sha256:") {
		t.Errorf("%+v", one)
	}
	if again := parse(" \n", "x"); again.Message.ExternalID != one.Message.ExternalID {
		t.Error("blanks change the id")
	}
	if other := parse("", "y"); other.Message.ExternalID == one.Message.ExternalID {
		t.Error("another text has the same id")
	}
	long := strings.Repeat("w", 10_000)
	if m := parse(`"id":"`+long+`",`, "x"); m.Note != "" || len(m.Message.ExternalID) > 255 || m.Message.ExternalID != parse(`"id":"`+long+`",`, "z").Message.ExternalID {
		t.Errorf("an overlong id: %+v", m)
	}
	status := channeltest.Check(t, whatsapp.Driver(), change("messages", of(`"statuses":[{"id":"`+long+`","status":"sent","timestamp":"1795250000"}]`)))[0]
	if status.Status.ExternalID != parse(`"id":"`+long+`",`, "x").Message.ExternalID {
		t.Error("a status does not find the message of an overlong id")
	}
}

func TestTextIsByteExactButForWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		`a\u0000b`:               "a\uFFFDb",
		`\ud800 \udc00`:          "\uFFFD \uFFFD",
		"\xff":                   "\uFFFD",
		`\ud83d\udce6`:           "📦",
		`  <b>&amp; \u202e\t\n `: "  <b>&amp; \u202e\t\n ",
		"\u200fمرحبا 👨‍👩‍👧‍👦": "\u200fمرحبا 👨‍👩‍👧‍👦",
		`\\u0000`:                          `\u0000`,
		strings.Repeat("x", 1<<20):         strings.Repeat("x", 1<<20),
		strings.Repeat(`\u0130`, 100_000):  strings.Repeat("İ", 100_000),
		`\u003cscript\u003e javascript:1 `: "<script> javascript:1 ",
	} {
		got := channeltest.Check(t, whatsapp.Driver(), incoming(`{"from":"905551110001","id":"m","timestamp":"1795250000","type":"text","text":{"body":"`+given+`"}}`))
		if len(got) != 1 || got[0].Message.Text != want {
			t.Errorf("%.40q: %.200v", given, got)
		}
	}
}

func TestOneBadMessageDoesNotTakeItsNeighboursAlong(t *testing.T) {
	t.Parallel()
	good := `{"from":"905551110001","id":"%s","timestamp":"1795250000","type":"text","text":{"body":"x"}}`
	for _, bad := range []string{
		`{"from":"905551110001","id":"b","timestamp":"1795250000","type":"text","text":"not an object"}`,
		`{"from":"905551110001","id":"b","timestamp":"1795250000","type":"text","text":{"body":5}}`,
		`{"from":"905551110001","id":"b","timestamp":"1795250000","type":"text","context":"no","text":{"body":"x"}}`,
	} {
		gives(t, incoming(fmt.Sprintf(good, "a")+","+bad+","+fmt.Sprintf(good, "c")),
			`in text a text="x" opens by=phone:905551110001 at=1795250000`,
			`in unsupported b unsupported=text/ opens by=phone:905551110001 at=1795250000 note=malformed`,
			`in text c text="x" opens by=phone:905551110001 at=1795250000`)
	}
	gives(t, change("messages", of(`"statuses":[{"id":"a","status":"read","timestamp":"1795250000"},{"id":"b","status":"read","pricing":7},{"status":"read"},5]`)),
		`status read a at=1795250000`, `ignored note=malformed`, `ignored note=malformed`, `ignored note=malformed`)
}

func TestAThousandMessagesInOnePostAreRead(t *testing.T) {
	t.Parallel()
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf(`{"from":"905551110001","id":"m%d","timestamp":"1795250000","type":"text","text":{"body":"x"}}`, i))
	}
	start := time.Now()
	got := channeltest.Check(t, whatsapp.Driver(), incoming(strings.Join(all, ",")))
	if len(got) != 1000 || got[999].Message.ExternalID != "m999" || time.Since(start) > 5*time.Second {
		t.Errorf("%d messages in %s", len(got), time.Since(start))
	}
}

func TestWhatMayHoldMessagesButCannotBeReadIsNotPassedOver(t *testing.T) {
	t.Parallel()
	for _, value := range []string{of(`"messages":{"id":"m"}`), of(`"messages":"x"`), of(`"contacts":5`)} {
		got := channeltest.Check(t, whatsapp.Driver(), change("messages", value))
		if len(got) != 1 || got[0].Kind != chat.InboundMessageKind || got[0].From != nil || got[0].Note != "malformed" {
			t.Errorf("%s: %v", value, got)
		}
	}
	one := channeltest.Check(t, whatsapp.Driver(), change("messages", of(`"messages":"x"`)))[0]
	other := channeltest.Check(t, whatsapp.Driver(), change("messages", of(`"messages":"y"`)))[0]
	if one.Message.ExternalID == other.Message.ExternalID {
		t.Error("different payloads have one id")
	}
	// A message that names no number must not go to every number of the business account.
	got := channeltest.Check(t, whatsapp.Driver(), change("messages", `"messages":[{"from":"905551110001","id":"m","type":"text","text":{"body":"x"}}]`))
	if len(got) != 1 || got[0].Account.Type != "business_account_id" || got[0].From != nil {
		t.Errorf("%+v", got)
	}
}

func TestOfAScalarGivenTwiceTheLastCounts(t *testing.T) {
	t.Parallel()
	gives(t, incoming(`{"id":"first","id":"last","from":"905551110009","from":"905551110001","timestamp":"1795250000","type":"text","text":{"body":"a","body":"b"}}`),
		`in text last text="b" opens by=phone:905551110001 at=1795250000`)
	body := []byte(`{"object":"user","object":"whatsapp_business_account","entry":[{"id":"1","id":"41","changes":[{"field":"messages",
		"value":{"metadata":{"phone_number_id":"50","phone_number_id":"51"},"statuses":[{"id":"a","status":"sent","status":"read"}]}}]}]}`)
	gives(t, body, `status read a note=bad_timestamp`)
	if keys := whatsapp.Driver().Webhook.Route(channels.Request{Body: body}); len(keys) != 1 || keys[0].Value != "51" {
		t.Errorf("routed to %v", keys)
	}
}

func TestAPayloadThatIsNoneIsAnErrorAndAnothersIsNothing(t *testing.T) {
	t.Parallel()
	d := whatsapp.Driver()
	for body, wantErr := range map[string]bool{
		``: true, `[]`: true, `"x"`: true, `1e999`: true, `{"object":"whatsapp_business_account","entry":{}}`: true, `{"object":"whatsapp_business_account","entry":[5]}`: true,
		`null`: false, `{}`: false, `{"object":"instagram","entry":[{"id":"1"}]}`: false, `{"object":"whatsapp_business_account"}`: false,
	} {
		got, err := d.Webhook.Parse(chat.RawEvent{Body: []byte(body)})
		if (err != nil) != wantErr || len(got) != 0 {
			t.Errorf("%s: %v %v", body, got, err)
		}
		if err != nil && len(body) > 3 && strings.Contains(err.Error(), body) {
			t.Errorf("the error quotes the payload: %v", err)
		}
	}
}

func TestDeepNestingIsRefusedQuickly(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000)
	start := time.Now()
	for _, body := range [][]byte{[]byte(deep), incoming(`{"from":"905551110001","id":"m","type":"contacts","contacts":` + deep + `}`), change("messages", of(`"x":`+deep))} {
		got, err := whatsapp.Driver().Webhook.Parse(chat.RawEvent{Body: body})
		if err == nil {
			t.Errorf("%.80s: %v", body, got)
		}
	}
	shallow := strings.Repeat(`[`, 9_000) + strings.Repeat(`]`, 9_000)
	gives(t, incoming(`{"from":"905551110001","id":"m","timestamp":"1795250000","type":"contacts","contacts":`+shallow+`}`),
		`in unsupported m unsupported=contacts/ opens by=phone:905551110001 at=1795250000`)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestRareShapesOfMessages(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{`"type":"image"`, `in unsupported m unsupported=image/`},
		{`"type":"image","image":{"caption":"x"}`, `in unsupported m unsupported=image/`},
		{`"type":"image","errors":[{"code":131052,"title":"t"}]`, `in unsupported m unsupported=image/131052`},
		{`"type":"image","image":{"url":"https://lookaside.fbsbx.com/1"}`, `in image m file=//pending file_url=https://lookaside.fbsbx.com/1`},
		{`"type":"location","location":{"latitude":91,"longitude":0}`, `in unsupported m unsupported=location/`},
		{`"type":"location","location":{"latitude":1}`, `in unsupported m unsupported=location/`},
		{`"type":"location","location":{"latitude":0,"longitude":0}`, `in location m place=0,0`},
		{`"type":"contacts","contacts":{}`, `in unsupported m unsupported=contacts/`},
		{`"type":"contacts"`, `in unsupported m unsupported=contacts/`},
		{`"type":"contacts","contacts":[{"phones":5}]`, `in contacts m cards=[{"phones":5}]`},
		{`"type":"interactive"`, `in unsupported m unsupported=interactive/`},
		{`"type":"interactive","interactive":{"type":"product_reply"}`, `in unsupported m unsupported=product_reply/`},
		{`"type":"button","button":{"text":"Dur","payload":"STOP"}`, `in interactive m text="Dur" choice=quick_reply/STOP`},
		{`"type":"order","order":{"product_items":[]}`, `in order m total=`},
		{`"type":"order","order":{"product_items":[{"item_price":1e300}]}`, `in unsupported m unsupported=order/`},
		{`"type":"order","order":{"product_items":[{"item_price":-1}]}`, `in unsupported m unsupported=order/`},
		{`"type":"order","order":{"product_items":[{"item_price":"x"}]}`, `in unsupported m unsupported=order/`},
		{`"type":"hologram"`, `in unsupported m unsupported=hologram/`},
		{`"x":1`, `in unsupported m unsupported=/`},
		{`"type":"text","text":{"body":"x"},"referral":{"source_url":"data:,x"}`, `in text m text="x" referral=/`},
		{`"type":"text","text":{"body":"x"},"context":{"forwarded":true,"frequently_forwarded":true,"id":""}`, `in text m text="x" forwarded=frequently`},
		{`"type":"order","order":{"product_items":[{"product_retailer_id":"a","quantity":3,"item_price":0.1,"currency":"EUR"},{"product_retailer_id":7,"quantity":"2","item_price":"0.333","currency":"EUR"}]}`, `in order m 3*a@0.10 2*7@0.333 total=0.966EUR`},
		{`"type":"order","order":{"product_items":[{"quantity":1,"item_price":1,"currency":"EUR"},{"quantity":1,"item_price":1,"currency":"TRY"}]}`, `in order m 1*@1.00 1*@1.00 total=`},
	} {
		gives(t, incoming(`{"from":"905551110001","id":"m","timestamp":"1795250000",`+c[0]+`}`), c[1]+` opens by=phone:905551110001 at=1795250000`)
	}
	by := ` by=phone:905551110001 at=1795250000`
	for _, c := range [][2]string{
		{`"type":"unsupported","unsupported":{"type":"edit"}`, `in unsupported m unsupported=edit/` + by},
		{`"type":"unsupported","unsupported":{"type":"pin"}`, `in unsupported m unsupported=pin/` + by},
		{`"type":"reaction","reaction":{"emoji":"x"}`, `ignored note=malformed`},
		{`"type":"edit"`, `ignored note=malformed`},
		{`"type":"revoke","revoke":{}`, `ignored note=malformed`},
		{`"type":"system"`, `ignored note=malformed`},
		{`"type":"system","system":{"type":"user_wrote_a_poem"}`, `ignored note=unknown_event`},
		{`"type":"system","system":{"type":"user_changed_number"}`, `ignored note=malformed`},
		{`"type":"request_welcome"`, `ignored note=unknown_event`},
		{`"type":"edit","edit":{"original_message_id":"o","message":{"image":{"caption":"neu"}}}`, `edit in o text="neu"` + by},
		{`"type":"edit","edit":{"original_message_id":"o","message":{}}`, `edit in o` + by},
		{`"type":"interactive","interactive":{"call_permission_reply":{"response":"reject"}}`, `call permission m response=reject` + by},
		{`"type":"interactive","interactive":{"call_permission_reply":{"response":"accept","is_permanent":true,"expiration_timestamp":1795854800}}`, `call permission m response=accept` + by},
	} {
		gives(t, incoming(`{"from":"905551110001","id":"m","timestamp":"1795250000",`+c[0]+`}`), c[1])
	}
	gives(t, incoming(`{"id":"m","type":"system","system":{"type":"customer_identity_changed"}}`), `ignored note=bad_sender`)
	gives(t, change("messages", of(`"messages":[{"from":"905551110001","id":"m","timestamp":"1795250000","type":"interactive"}],"errors":[{"code":131000}]`)),
		`in unsupported m unsupported=interactive/131000 opens by=phone:905551110001 at=1795250000`)
	gives(t, incoming(`{"from":"905551110001","id":"m","timestamp":"1795250000","type":"contacts","origin":"contact_request","contacts":[{"phones":[{"phone":"+90 (555) 111-00-02"}]}]}`),
		`in contacts m cards="[{"phones":[{"phone":"+90 (555) 111-00-02"}]}]" opens by=phone:905551110001 at=1795250000`,
		`identity phone_shared new=phone:905551110002 by=phone:905551110001 at=1795250000`)
}

func TestAFlowsAnswersAreMadeSafeToStore(t *testing.T) {
	t.Parallel()
	flow := func(answers string) []byte {
		quoted, err := json.Marshal(answers)
		if err != nil {
			t.Fatal(err)
		}
		return incoming(`{"from":"905551110001","id":"m","timestamp":"1795250000","type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"body":"Sent","response_json":` + string(quoted) + `}}}`)
	}
	for answers, want := range map[string]string{
		`{"a": "\u0000"}`: `{"a":"\ufffd"}`, `5`: `5`, `{`: `null`, ``: `null`, strings.Repeat("[", 5000) + strings.Repeat("]", 5000): `null`,
	} {
		if got := channeltest.Check(t, whatsapp.Driver(), flow(answers))[0].Message.Content.Choice.Answers; string(got) != want {
			t.Errorf("%.40s: %s", answers, got)
		}
	}
}

func TestRareAccountNews(t *testing.T) {
	t.Parallel()
	waba := ` at=1795250000 account=business_account_id:41`
	for _, c := range []struct{ field, value, want string }{
		{"account_update", `"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE"}`, `account DISABLED_UPDATE state=degraded detail=SCHEDULE_FOR_DISABLE` + waba},
		{"account_update", `"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}`, `account DISABLED_UPDATE state=connected detail=REINSTATE` + waba},
		{"account_update", `"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_ADD_PHONE_NUMBER_ACTION","expiration":1795509200}]`, `account ACCOUNT_RESTRICTION detail=RESTRICTED_ADD_PHONE_NUMBER_ACTION` + waba},
		{"account_update", `"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"A","expiration":"1795509200"},{"restriction_type":"B","expiration":1795500000}]`, `account ACCOUNT_RESTRICTION state=degraded detail="A B" templates_blocked_until=1795509200` + waba},
		{"account_update", `"event":"ACCOUNT_VIOLATION","violation_info":{"violation_type":"SCAM"}`, `account ACCOUNT_VIOLATION state=degraded detail=SCAM` + waba},
		{"account_update", `"event":"ACCOUNT_DELETED"`, `account ACCOUNT_DELETED state=disconnected` + waba},
		{"account_update", `"event":"ACCOUNT_RECONNECTED"`, `account ACCOUNT_RECONNECTED state=connected` + waba},
		{"account_update", `"event":"MM_LITE_TERMS_SIGNED"`, `account MM_LITE_TERMS_SIGNED` + waba},
		{"business_capability_update", `"max_daily_conversations_per_business":"TIER_2K"`, `account business_capability_update detail="conversations a day: TIER_2K"` + waba},
		{"phone_number_quality_update", `"display_phone_number":"+90 212 555 01 00","event":"FLAGGED","current_limit":"TIER_1K"`, `account FLAGGED number=902125550100 state=degraded detail="limit: TIER_1K"` + waba},
		{"account_review_update", `"decision":"APPROVED"`, `account account_review_update detail=APPROVED` + waba},
		{"account_update", `"event":"ACCOUNT_RESTRICTION","restriction_info":"x"`, `ignored note=malformed account=business_account_id:41`},
		{"message_template_status_update", `"event":"APPROVED"`, `ignored note=malformed account=business_account_id:41`},
		{"message_template_status_update", `"event":"APPROVED","message_template_name":"a","message_template_language":"en-US"`, `template status a/en_US  event=APPROVED` + waba},
		{"template_category_update", `"message_template_buttons":"x"`, `ignored note=malformed account=business_account_id:41`},
		{"payment_configuration_update", `"a":1`, `ignored note=unknown_field account=business_account_id:41`},
		{"", `"a":1`, `ignored note=unknown_field account=business_account_id:41`},
		{"messages", of(`"errors":[{"code":131031,"title":"Account has been locked"}]`), `account error state=disconnected detail="131031 Account has been locked"`},
		{"standby", of(`"messages":[{"id":"m"}]`), `ignored note=standby`},
		{"group_lifecycle_update", of(`"groups":[{}]`), `ignored note=group`},
		{"user_preferences", of(`"user_preferences":[{"wa_id":"905551110001","category":"marketing_messages","value":"signup","timestamp":1795250000}]`), `preference marketing by=phone:905551110001 at=1795250000`},
		{"user_preferences", of(`"user_preferences":[{"category":"marketing_messages","value":"stop"}]`), `ignored note=bad_sender`},
		{"user_preferences", of(`"user_preferences":[{"wa_id":"905551110001","category":"x","value":"stop"}]`), `ignored note=unknown_event`},
		{"calls", of(`"calls":[{"id":"c","from":"902125550100","to":"905551110001","event":"connect","direction":"BUSINESS_INITIATED","timestamp":"1795250000"}]`), `call connect c direction=out by=phone:905551110001 at=1795250000`},
		{"calls", of(`"calls":[{"id":"c","event":"connect"}]`), `ignored note=bad_sender`},
		{"calls", of(`"calls":[{"id":"c","from":"905551110001","event":"sings"}]`), `ignored note=unknown_event`},
		{"calls", of(`"statuses":[{"id":"c","status":"RINGING"}]`), `ignored note=unknown_event`},
		{"smb_app_state_sync", of(`"state_sync":[{"type":"contact","action":"add","contact":{"first_name":"A","phone_number":"+90 555 111 00 01"}}]`), `contact by=phone:905551110001 name=A`},
		{"smb_app_state_sync", of(`"state_sync":[{"type":"contact","action":"add","contact":{"full_name":"A"}}]`), `ignored note=bad_sender`},
		{"smb_message_echoes", of(`"message_echoes":[{"from":"902125550100","to":"905551110001","id":"e","timestamp":"1795250000","type":"reaction","reaction":{"message_id":"m","emoji":"👍"}}]`), `reaction out m emoji=👍 by=phone:905551110001 at=1795250000`},
		{"smb_message_echoes", of(`"message_echoes":[{"from":"902125550100","id":"e","timestamp":"1795250000","type":"text","text":{"body":"x"}}]`), `out text e source=phone_app text="x" silent at=1795250000 note=bad_sender`},
		{"messages", of(`"statuses":[{"biz_opaque_callback_data":"o","status":"failed","timestamp":"1795250000"}]`), `status failed  opaque=o error=provider_refused//never/ at=1795250000`},
		{"messages", of(`"statuses":[{"id":"a","status":"sent","timestamp":"1795250000","pricing":{"category":"authentication-international"},"conversation":{"expiration_timestamp":1795509200,"origin":{"type":"utility"}}}]`), `status sent a price=//authentication_international at=1795250000`},
		{"messages", of(`"statuses":[{"id":"a","status":"deleted","timestamp":"1795250000"}]`), `ignored note=unknown_status`},
	} {
		gives(t, change(c.field, c.value), c.want)
	}
}

func TestAPayloadNamesEachAccountOnceAndInOrder(t *testing.T) {
	t.Parallel()
	body := []byte(`{"object":"whatsapp_business_account","entry":[
		{"id":"41","changes":[{"value":{"metadata":{"phone_number_id":"52"}}},{"value":{"metadata":{"phone_number_id":51}}},{"value":{}},{"value":{"metadata":{"phone_number_id":"52"}}}]},
		{"id":"","changes":[{"value":{}}]},{"id":"42"},{"id":"41","changes":[{}]}]}`)
	got := fmt.Sprint(whatsapp.Driver().Webhook.Route(channels.Request{Body: body}))
	if got != "[{whatsapp phone_number_id 52} {whatsapp phone_number_id 51} {whatsapp business_account_id 41}]" {
		t.Errorf("got %s", got)
	}
	if keys := whatsapp.Driver().Webhook.Route(channels.Request{Body: bytes.Replace(body, []byte("whatsapp_business_account"), []byte("instagram"), 1)}); keys != nil {
		t.Errorf("another object's: %v", keys)
	}
}

func FuzzParseMeta(f *testing.F) {
	for _, body := range channeltest.Payloads(f) {
		f.Add(body)
	}
	for _, body := range channeltest.Hostile() {
		if len(body) < 1<<16 {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) { channeltest.Check(t, whatsapp.Driver(), body) })
}

func BenchmarkParseText(b *testing.B) {
	var body bytes.Buffer
	if err := json.Compact(&body, channeltest.Payloads(b)["text"]); err != nil {
		b.Fatal(err)
	}
	d := whatsapp.Driver()
	b.ReportAllocs()
	b.SetBytes(int64(body.Len()))
	for b.Loop() {
		if _, err := d.Webhook.Parse(chat.RawEvent{Body: body.Bytes()}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRouteText(b *testing.B) {
	body := channeltest.Payloads(b)["text"]
	d := whatsapp.Driver()
	b.ReportAllocs()
	for b.Loop() {
		if len(d.Webhook.Route(channels.Request{Body: body})) != 1 {
			b.Fatal("not routed")
		}
	}
}
