package instagram_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gatehouse/channels"
	"gatehouse/channels/channeltest"
	"gatehouse/channels/instagram"
	"gatehouse/internal/chat"
)

// event is a payload with one item of the contact 7 for the account 17.
func event(rest string) []byte {
	return items(`{"sender":{"id":"7"},"recipient":{"id":"17"},"timestamp":1795250000000,` + rest + `}`)
}

func items(all string) []byte {
	return []byte(`{"object":"instagram","entry":[{"id":"17","time":1795250000150,"messaging":[` + all + `]}]}`)
}

// gives fails unless a payload gives exactly these lines.
func gives(t *testing.T, body []byte, want ...string) {
	t.Helper()
	var got []string
	for _, in := range channeltest.Check(t, instagram.Driver(), body) {
		got = append(got, channeltest.Say(in, chat.AccountKey{Kind: chat.Instagram, Type: "instagram_id", Value: "17"}))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%.300s\n got %s\nwant %s", body, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestRareShapes(t *testing.T) {
	t.Parallel()
	by := ` by=igsid:7@17 at=1795250000`
	for rest, want := range map[string]string{
		`"message":{"mid":"m","text":"x","attachments":[{"type":"image","payload":{"url":"https://c.example/1"}}]}`:         `in image m text="x" file=//pending file_url=https://c.example/1 opens` + by,
		`"message":{"mid":"m","attachments":[{"type":"image"}]}`:                                                            `in unsupported m unsupported=image/ opens` + by,
		`"message":{"mid":"m","attachments":[{"type":"image","payload":{"url":"file:///etc/passwd"}}]}`:                     `in unsupported m unsupported=image/ opens` + by,
		`"message":{"mid":"m","attachments":[{"type":"ephemeral"}]}`:                                                        `in unsupported m unsupported=ephemeral/ opens` + by,
		`"message":{"mid":"m","attachments":[{"type":"hologram","payload":{}}],"text":"x"}`:                                 `in text m text="x" opens` + by,
		`"message":{"mid":"m","attachments":[{"type":"file","payload":{"url":"https://c.example/1"}},{"type":"hologram"}]}`: `in document m file=//pending file_url=https://c.example/1 opens` + by,
		`"message":{"mid":"m","attachments":[{"type":"story_mention"}]}`:                                                    `in story_mention m file=//remote story=story_mention// opens` + by,
		`"message":{"mid":"m","attachments":[{"type":"ig_story","payload":{"url":"https://c.example/1"}}]}`:                 `in share m share=ig_story// share_url=https://c.example/1 opens` + by,
		`"message":{"mid":"m","attachments":[]}`:                                                                            `in unsupported m unsupported=/ opens` + by,
		`"message":{"mid":"m"}`:                                                                                             `in unsupported m unsupported=/ opens` + by,
		`"message":{"is_deleted":true}`:                                                                                     `ignored note=malformed`,
		`"message":{"mid":"m","text":7}`:                                                                                    `in unsupported m unsupported=/` + by + ` note=malformed`,
		`"message":{"mid":"m","text":"x","reply_to":{"story":{"url":"javascript:1"}}}`:                                      `in text m text="x" story=story// opens` + by,
		`"message_edit":{"mid":"m","text":"y","num_edit":"2"}`:                                                              `edit in m text="y"` + by,
		`"message_edit":{"mid":"m","num_edit":0}`:                                                                           `in unsupported m unsupported=/ opens` + by,
		`"message_edit":{"mid":"m","text":"neu","num_edit":"0"}`:                                                            `in text m text="neu" opens` + by,
		`"message_edit":{"text":"y"}`:                                                                                       `ignored note=malformed`,
		`"message_edit":{"mid":"m","text":5}`:                                                                               `ignored note=malformed`,
		`"reaction":{"mid":"m","action":"react","reaction":"wow"}`:                                                          `reaction in m emoji=😮` + by,
		`"reaction":{"mid":"m","action":"react","reaction":"other"}`:                                                        `ignored note=malformed`,
		`"reaction":{"mid":"m","action":"sing","emoji":"x"}`:                                                                `ignored note=malformed`,
		`"reaction":{"action":"unreact"}`:                                                                                   `ignored note=malformed`,
		`"read":{}`:                                                                                                         `ignored note=unknown_event`,
		`"read":{"watermark":1}`:                                                                                            `ignored note=unknown_event`,
		`"postback":{"mid":"m","title":"T","payload":"P","referral":{"ref":"r","source":"SHORTLINK"}}`:                      `in interactive m text="T" choice=postback/P referral=SHORTLINK/ ref=r opens` + by,
		`"optin":{"ref":"x"}`:                                                                                               `ignored note=unknown_event`,
		`"take_thread_control":{}`:                                                                                          `ignored note=thread_control`,
		`"request_thread_control":{"requested_owner_app_id":1}`:                                                             `ignored note=thread_control`,
	} {
		gives(t, event(rest), want)
	}
}

func TestWhatTheAccountSentIsOutgoingEvenWithoutTheFlag(t *testing.T) {
	t.Parallel()
	own := `{"sender":{"id":"17"},"recipient":{"id":"7"},"timestamp":1795250000000,`
	gives(t, items(own+`"message":{"mid":"m","text":"x"}}`), `out text m source=phone_app text="x" silent by=igsid:7@17 at=1795250000`)
	gives(t, items(own+`"message":{"mid":"m","is_deleted":true}}`), `delete out m by=igsid:7@17 at=1795250000`)
	gives(t, items(own+`"reaction":{"mid":"m","action":"react","emoji":"👍"}}`), `reaction out m emoji=👍 by=igsid:7@17 at=1795250000`)
	gives(t, items(`{"sender":{"id":"99"},"recipient":{"id":"7"},"timestamp":1795250000000,"message":{"mid":"m","text":"x","is_echo":"true"}}`),
		`out text m source=phone_app text="x" silent by=igsid:7@17 at=1795250000`)
	gives(t, items(own+`"read":{"mid":"m"}}`), `ignored note=unknown_event`)
	gives(t, items(own+`"postback":{"mid":"m","title":"x"}}`), `ignored note=unknown_event`)
}

func TestASenderWhoCannotBeNamedIsLeftToTheReceiver(t *testing.T) {
	t.Parallel()
	for _, sender := range []string{`{}`, `{"id":""}`, `{"id":"abc"}`, `{"id":"` + strings.Repeat("9", 65) + `"}`, `{"id":null}`} {
		gives(t, items(`{"sender":`+sender+`,"recipient":{"id":"17"},"timestamp":1795250000000,"message":{"mid":"m","text":"x"}}`),
			`in text m text="x" opens at=1795250000 note=bad_sender`)
	}
}

func TestOddTimesAndIDs(t *testing.T) {
	t.Parallel()
	for given, at := range map[string]string{`"1795250000123"`: " at=1795250000.123", `"abc"`: " note=bad_timestamp", `0`: " note=bad_timestamp", `null`: " note=bad_timestamp"} {
		gives(t, items(`{"sender":{"id":7},"recipient":{"id":"17"},"timestamp":`+given+`,"message":{"mid":"m","text":"x"}}`), `in text m text="x" opens by=igsid:7@17`+at)
	}
	one := channeltest.Check(t, instagram.Driver(), event(`"message":{"text":"x"}`))[0]
	again := channeltest.Check(t, instagram.Driver(), event(` "message" : {"text":"x"}`))[0]
	other := channeltest.Check(t, instagram.Driver(), event(`"message":{"text":"y"}`))[0]
	if one.Note != "derived_id" || one.Message.ExternalID != again.Message.ExternalID || one.Message.ExternalID == other.Message.ExternalID {
		t.Errorf("%+v %+v %+v", one, again, other)
	}
}

func TestOneBadItemDoesNotTakeItsNeighboursAlong(t *testing.T) {
	t.Parallel()
	good := `{"sender":{"id":"7"},"recipient":{"id":"17"},"timestamp":1795250000000,"message":{"mid":"m","text":"x"}}`
	line := `in text m text="x" opens by=igsid:7@17 at=1795250000`
	got := channeltest.Check(t, instagram.Driver(), items(good+`,{"sender":5,"message":{"mid":"b","text":"x"}},`+good))
	if len(got) != 3 || got[1].From != nil || got[1].Message == nil || got[1].Message.ExternalID != "b" {
		t.Errorf("%+v", got)
	}
	gives(t, items(good+`,{},`+good), line, `ignored note=unknown_event`, line)
	if got = channeltest.Check(t, instagram.Driver(), event(`"message":"x"`)); len(got) != 1 || got[0].Note != "malformed" || got[0].Message.OpensWindow {
		t.Errorf("%+v", got)
	}
}

func TestChangesAndForeignPayloadsAreNoMessages(t *testing.T) {
	t.Parallel()
	gives(t, []byte(`{"object":"instagram","entry":[{"id":"17","changes":[{"field":"mentions"},{"field":"story_insights"},{"field":"message_reactions"}]}]}`),
		`ignored note=comment`, `ignored note=unknown_field`, `ignored note=test`)
	gives(t, []byte(`{"object":"page","entry":[{"id":"17","messaging":[{}]}]}`))
	gives(t, []byte(`{"object":"instagram","entry":[{"messaging":[{"sender":{"id":"7"},"message":{"mid":"m"}}]}]}`))
	for _, body := range []string{``, `[]`, `{"object":"instagram","entry":{}}`, `{"object":"instagram","entry":[{"id":"17","messaging":5}]}`} {
		if got, err := instagram.Driver().Webhook.Parse(chat.RawEvent{Body: []byte(body)}); err == nil || got != nil {
			t.Errorf("%s: %v", body, got)
		}
	}
}

func TestAPayloadNamesEachAccountOnceAndInOrder(t *testing.T) {
	t.Parallel()
	got := fmt.Sprint(instagram.Driver().Webhook.Route(channels.Request{Body: []byte(`{"object":"instagram","entry":[{"id":"18"},{"id":17},{"id":"18"},{"id":""},{}]}`)}))
	if got != "[{instagram instagram_id 18} {instagram instagram_id 17}]" {
		t.Errorf("got %s", got)
	}
}

func FuzzParseInstagram(f *testing.F) {
	for _, body := range channeltest.Payloads(f) {
		f.Add(body)
	}
	for _, body := range channeltest.Hostile() {
		if len(body) < 1<<16 {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) { channeltest.Check(t, instagram.Driver(), body) })
}

func BenchmarkParseText(b *testing.B) {
	var body bytes.Buffer
	if err := json.Compact(&body, channeltest.Payloads(b)["text"]); err != nil {
		b.Fatal(err)
	}
	d := instagram.Driver()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Webhook.Parse(chat.RawEvent{Body: body.Bytes()}); err != nil {
			b.Fatal(err)
		}
	}
}
