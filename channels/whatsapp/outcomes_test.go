package whatsapp_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"gatehouse/channels/channeltest"
	"gatehouse/channels/whatsapp"
	"gatehouse/internal/chat"
)

func wamid(name string) string {
	return "wamid." + base64.StdEncoding.EncodeToString([]byte("FIXTURE-"+name))
}

func lookaside(mid string) string {
	return "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=" + mid + "&source=webhook&ext=1795250300&hash=FIXTURE"
}

// TestEveryFixtureGivesWhatItsReadmeSays follows the table of the fixtures' README, row by row.
func TestEveryFixtureGivesWhatItsReadmeSays(t *testing.T) {
	t.Parallel()
	const (
		ayse     = `by=bsuid:TR.30000000000000000001,phone:905551110001 name="Ayşe Yılmaz"`
		business = `account=business_account_id:410000000000001`
	)
	home := chat.AccountKey{Kind: chat.WhatsApp, Type: "phone_number_id", Value: "510000000000002"}
	channeltest.Outcomes(t, whatsapp.Driver(), home, map[string][]string{
		"text":                      {`in text ` + wamid("text") + ` text="Merhaba, siparişim nerede? 📦" opens ` + ayse + ` at=1795250000`},
		"text_reply_context":        {`in text ` + wamid("text_reply_context") + ` text="Evet, bunu istiyorum" reply=` + wamid("out-1") + ` opens ` + ayse + ` at=1795250010`},
		"text_forwarded":            {`in text ` + wamid("text_forwarded") + ` text="İletilen mesaj" forwarded=forwarded opens ` + ayse + ` at=1795250020`},
		"text_frequently_forwarded": {`in text ` + wamid("text_frequently_forwarded") + ` text="Çok iletilen" forwarded=frequently opens ` + ayse + ` at=1795250021`},
		"text_product_inquiry":      {`in text ` + wamid("text_product_inquiry") + ` text="Bu ürünün 42 numarası var mı?" product=194836987003835/TSHIRT-42 reply=` + wamid("catalog-1") + ` opens ` + ayse + ` at=1795250022`},
		"text_ctwa_referral":        {`in text ` + wamid("text_ctwa_referral") + ` text="Reklamı gördüm, bilgi alabilir miyim?" referral=ad/120212345678900001 url=https://fb.me/fixture123 headline="%30 indirim" body="Kış indirimi" click=ARFIXTURECLID0001 opens ` + ayse + ` at=1795250030`},
		"text_rtl_long_unicode":     {`in text ` + wamid("text_rtl_long_unicode") + ` text=<4015 characters, sha256 c32b0b4f…> opens ` + ayse + ` at=1795250031`},
		"image_caption":             {`in image ` + wamid("image_caption") + ` text="Ürün kırık geldi" file=image/jpeg//pending file_id=2666223270861525 file_url=` + lookaside("2666223270861525") + ` sha256=spgUz1eS5oTNddan/OemehGIfjEvh8oqwkltgfNl/3I= opens ` + ayse + ` at=1795250040`},
		"image_no_url":              {`in image ` + wamid("image_no_url") + ` file=image/jpeg//pending file_id=2695469778649296 sha256=aYd0D7Yk4+mUPsXZrFUZtyzqGzX7S95XGd85I6NsCPc= opens ` + ayse + ` at=1795250041`},
		"audio_voice":               {`in voice ` + wamid("audio_voice") + ` file="audio/ogg; codecs=opus//pending" voice file_id=1265496419786173 file_url=` + lookaside("1265496419786173") + ` sha256=xX1+kgGXCLYUyQ+jaFzWRPVDpgFT+5nsm2fDgaJF+yo= opens ` + ayse + ` at=1795250050`},
		"audio_file":                {`in audio ` + wamid("audio_file") + ` file=audio/mpeg//pending file_id=488193444396936 file_url=` + lookaside("488193444396936") + ` sha256=J2Vv/VoB3GQKj52WqGhL5zcoAL3WGPojEbS4VHgFJhM= opens ` + ayse + ` at=1795250051`},
		"video_caption":             {`in video ` + wamid("video_caption") + ` text="Video" file=video/mp4//pending file_id=696741159328216 file_url=` + lookaside("696741159328216") + ` sha256=H/g43GypaA2IRVNBEYFX1ZoFX+bQ44cPnAAoR76+RmM= opens ` + ayse + ` at=1795250052`},
		"document":                  {`in document ` + wamid("document") + ` text="Faturam" file=application/pdf/fatura-2026.pdf/pending file_id=4361773881465003 file_url=` + lookaside("4361773881465003") + ` sha256=E51US4IbE+vqFPGw/hhXciLkFcKWbjo1EcQZYFUjIgI= opens ` + ayse + ` at=1795250053`},
		"document_evil_filename":    {`in document ` + wamid("document_evil_filename") + ` file=application/octet-stream/passwdgpj.exe/pending file_id=4322914262066591 file_url=` + lookaside("4322914262066591") + ` sha256=eJei0h2Xh+kI+Iy9qNchAQI9qYZoWeyIJ9gEZxiMFD4= opens ` + ayse + ` at=1795250054`},
		"sticker_static":            {`in sticker ` + wamid("sticker_static") + ` file=image/webp//pending file_id=811979541749184 file_url=` + lookaside("811979541749184") + ` sha256=mxeAaN45PSpjqiyfMAVW3f9as5qQH41v55kMaxFs8pM= opens ` + ayse + ` at=1795250055`},
		"sticker_animated":          {`in sticker ` + wamid("sticker_animated") + ` file=image/webp//pending animated file_id=4423400951540684 file_url=` + lookaside("4423400951540684") + ` sha256=uwAsOFtVSvczEMsawPPJjlveqXTa29PH5HqbzZVri8Q= opens ` + ayse + ` at=1795250056`},
		"location_pin":              {`in location ` + wamid("location_pin") + ` place=41.0082,28.9784 opens ` + ayse + ` at=1795250060`},
		"location_place":            {`in location ` + wamid("location_place") + ` place=41.037,28.9851 place_name="Taksim Meydanı" address=Beyoğlu/İstanbul url=https://maps.google.com/?cid=1 opens ` + ayse + ` at=1795250061`},
		"contacts":                  {`in contacts ` + wamid("contacts") + ` cards="[{"name":{"formatted_name":"Mehmet Demir","first_name":"Mehmet","last_name":"Demir"},"org":{"company":"Demir Ltd"},"phones":[{"phone":"+90 555 222 33 44","wa_id":"905552223344","type":"CELL"}],"emails":[{"email":"m@example.com","type":"WORK"}]},{"name":{"formatted_name":"No Phone"}}]" opens ` + ayse + ` at=1795250062`},
		"contacts_phone_shared": {
			`in contacts ` + wamid("contact_share") + ` cards="[{"origin":"contact_request","name":{"formatted_name":"Deniz K."},"vcard":"BEGIN:VCARD\nVERSION:3.0\nFN:Deniz K.\nTEL;waid=905557778899:+90 555 777 88 99\nEND:VCARD","phones":[{"phone":"+905557778899","wa_id":"905557778899","type":"CELL"}]}]" opens by=bsuid:TR.30000000000000000002 name="Deniz K." username=deniz.k at=1795250063`,
			`identity phone_shared new=phone:905557778899 by=bsuid:TR.30000000000000000002 at=1795250063`,
		},
		"reaction_add":                          {`reaction in ` + wamid("out-1") + ` emoji=❤️ ` + ayse + ` at=1795250070`},
		"reaction_remove":                       {`reaction in ` + wamid("out-1") + ` emoji= ` + ayse + ` at=1795250071`},
		"reaction_remove_empty":                 {`reaction in ` + wamid("out-1") + ` emoji= ` + ayse + ` at=1795250072`},
		"interactive_button_reply":              {`in interactive ` + wamid("interactive_button_reply") + ` text="Evet" choice=button/order:123:yes reply=` + wamid("out-2") + ` opens ` + ayse + ` at=1795250080`},
		"interactive_list_reply":                {`in interactive ` + wamid("interactive_list_reply") + ` text="Hızlı kargo" choice=list/ship:express reply=` + wamid("out-3") + ` opens ` + ayse + ` at=1795250081`},
		"interactive_nfm_reply":                 {`in interactive ` + wamid("interactive_nfm_reply") + ` text="Sent" choice=flow/ answers={"flow_token":"tok-1","ad":"Ayşe","puan":5} reply=` + wamid("out-4") + ` opens ` + ayse + ` at=1795250082`},
		"interactive_nfm_bad_json":              {`in interactive ` + wamid("interactive_nfm_bad_json") + ` text="Sent" choice=flow/ answers=null opens ` + ayse + ` at=1795250083`},
		"interactive_call_permission_reply":     {`call permission ` + wamid("interactive_call_permission_reply") + ` response=accept until=1795854800 ` + ayse + ` at=1795250084`},
		"button_template_quick_reply":           {`in interactive ` + wamid("button_template_quick_reply") + ` text="Reklam istemiyorum" choice=quick_reply/STOP_PROMO reply=` + wamid("tmpl-1") + ` opens ` + ayse + ` at=1795250085`},
		"order":                                 {`in order ` + wamid("order") + ` catalog=194836987003835 2*TSHIRT-42@249.90 1*MUG-1@120.00 total=619.80TRY opens ` + ayse + ` at=1795250086`},
		"system_user_changed_number":            {`identity changed_number old=bsuid:TR.30000000000000000001,phone:905551110001 new=bsuid:TR.30000000000000009999,phone:905551119999 by=bsuid:TR.30000000000000000001,phone:905551110001 at=1795250090`},
		"system_user_changed_user_id":           {`identity changed_user_id old=bsuid:TR.30000000000000000002 new=bsuid:TR.30000000000000008888 by=bsuid:TR.30000000000000000002 at=1795250091`},
		"system_customer_identity_changed":      {`identity key_changed ` + ayse + ` at=1795250092`},
		"unsupported_poll":                      {`in unsupported ` + wamid("unsupported_poll") + ` unsupported=poll_creation/131051 opens ` + ayse + ` at=1795250093`},
		"unknown_legacy":                        {`in unsupported ` + wamid("unknown") + ` unsupported=unknown/131051 opens ` + ayse + ` at=1795250094`},
		"future_type_hologram":                  {`in unsupported ` + wamid("holo") + ` unsupported=hologram/ opens ` + ayse + ` at=1795250095`},
		"edit_text":                             {`edit in ` + wamid("text") + ` text="Merhaba, siparişim nerede? (no: 1001)" ` + ayse + ` at=1795250100`},
		"revoke":                                {`delete in ` + wamid("text") + ` ` + ayse + ` at=1795250101`},
		"username_only_no_phone":                {`in text ` + wamid("bsuid") + ` text="Fiyat nedir?" opens by=bsuid:TR.30000000000000000002 name="Deniz K." username=deniz.k at=1795250110`},
		"username_with_phone":                   {`in text ` + wamid("bsuid2") + ` text="Hi" opens by=bsuid:US.30000000000000000003,phone:14155550123 name="John Smith" username=jsmith at=1795250111`},
		"legacy_no_bsuid":                       {`in text ` + wamid("legacy") + ` text="eski biçim" opens by=phone:905551110001 name="Ayşe Yılmaz" at=1795250112`},
		"group_message_ignored":                 {`ignored note=group`},
		"status_sent":                           {`status sent ` + wamid("out-1") + ` ` + ayse + ` at=1795250005`},
		"status_delivered_pricing_free":         {`status delivered ` + wamid("out-1") + ` price=PMP/free_customer_service/service ` + ayse + ` at=1795250006`},
		"status_delivered_pricing_service_paid": {`status delivered ` + wamid("out-2") + ` opaque=gw:msg:77 price=PMP/regular/service billable ` + ayse + ` at=1795250007`},
		"status_read":                           {`status read ` + wamid("out-1") + ` ` + ayse + ` at=1795250008`},
		"status_read_before_delivered": {
			`status read ` + wamid("out-6") + ` ` + ayse + ` at=1795250009`,
			`status sent ` + wamid("out-6") + ` ` + ayse + ` at=1795250007`,
		},
		"status_played":                  {`status played ` + wamid("out-voice") + ` ` + ayse + ` at=1795250010`},
		"status_failed_131047":           {`status failed ` + wamid("out-7") + ` error=window_closed/131047/never/shut_window by=phone:905551110001 at=1795250011`},
		"status_failed_131049":           {`status failed ` + wamid("tmpl-2") + ` error=marketing_limit/131049/never/ by=phone:905551110001 at=1795250012`},
		"status_failed_bsuid_only":       {`status failed ` + wamid("out-8") + ` error=undeliverable/131026/never/ by=bsuid:TR.30000000000000000002 at=1795250013`},
		"status_unknown_message":         {`status delivered ` + wamid("never-sent-by-us") + ` ` + ayse + ` at=1795250014`},
		"status_unknown_value":           {`ignored note=unknown_status`},
		"status_legacy_conversation_cbp": {`status sent ` + wamid("out-9") + ` price=CBP//utility billable ` + ayse + ` at=1795250016`},
		"status_free_entry_point":        {`status sent ` + wamid("out-10") + ` free_until=1795509200 price=PMP/free_entry_point/referral_conversion ` + ayse + ` at=1795250017`},
		"status_group_participant":       {`ignored note=group`},
		"batch_two_users_mixed": {
			`in text ` + wamid("b1") + ` text="bir" opens ` + ayse + ` at=1795250200`,
			`in text ` + wamid("b2") + ` text="two" opens by=bsuid:US.30000000000000000003,phone:14155550123 name="John Smith" username=jsmith at=1795250201`,
			`status sent ` + wamid("out-11") + ` ` + ayse + ` at=1795250200`,
			`status delivered ` + wamid("out-11") + ` ` + ayse + ` at=1795250201`,
			`in text ` + wamid("b3") + ` text="başka numara" opens ` + ayse + ` at=1795250202 account=phone_number_id:510000000000077`,
		},
		"duplicate_in_one_payload": {
			`in text ` + wamid("dup") + ` text="çift" opens ` + ayse + ` at=1795250210`,
			`in text ` + wamid("dup") + ` text="çift" opens ` + ayse + ` at=1795250210`,
		},
		"duplicate_redelivery_of_text": {`in text ` + wamid("text") + ` text="Merhaba, siparişim nerede? 📦" opens ` + ayse + ` at=1795250000`},
		"same_text_different_id": {
			`in text ` + wamid("same1") + ` text="ok" opens ` + ayse + ` at=1795250220`,
			`in text ` + wamid("same2") + ` text="ok" opens ` + ayse + ` at=1795250220`,
		},
		"out_of_order_older_message": {`in text ` + wamid("older") + ` text="gecikmiş" opens ` + ayse + ` at=1795242800`},
		"stale_message_26h":          {`in text ` + wamid("stale") + ` text="bayat" opens ` + ayse + ` at=1795156400`},
		"unknown_phone_number_id":    {`in text ` + wamid("nochan") + ` text="x" opens ` + ayse + ` at=1795250230 account=phone_number_id:599999999999999`},
		"value_errors":               {`account error detail="130429 Message failed to send because there were too many messages sent from this phone number in a short period of time"`},
		"media_too_big_131052":       {`in unsupported ` + wamid("big") + ` unsupported=/131052 opens ` + ayse + ` at=1795250240`},
		"bad_timestamp":              {`in text ` + wamid("badts") + ` text="x" opens ` + ayse + ` note=bad_timestamp`},
		"empty_entry":                {},
		"wrong_object":               {},
		"smb_message_echo_text":      {`out text ` + wamid("echo1") + ` source=phone_app text="Telefondan cevap" silent ` + ayse + ` at=1795250300`},
		"smb_message_echo_revoke":    {`delete out ` + wamid("echo1") + ` by=bsuid:TR.30000000000000000001,phone:905551110001 at=1795250301`},
		"smb_app_state_sync": {
			`contact by=phone:905551110001 name="Ayşe Yılmaz" at=1795250302`,
			`ignored note=unknown_event`,
		},
		"history_chunk": {
			`in text ` + wamid("h1") + ` source=history text="eski soru" silent by=bsuid:TR.30000000000000000001,phone:905551110001 at=1794386000`,
			`out text ` + wamid("h2") + ` source=history text="eski cevap" silent by=bsuid:TR.30000000000000000001,phone:905551110001 at=1794386100`,
			`status read ` + wamid("h2") + ` by=bsuid:TR.30000000000000000001,phone:905551110001`,
			`in unsupported ` + wamid("h3") + ` source=history unsupported=media_placeholder/ silent by=bsuid:TR.30000000000000000001,phone:905551110001 at=1794386200`,
		},
		"history_declined":             {`account history detail="2593109 History sharing is turned off by the business"`},
		"template_status_approved":     {`template status siparis_onay/tr 600000000000003 event=APPROVED at=1795250000 ` + business},
		"template_status_rejected":     {`template status kampanya/tr 600000000000004 event=REJECTED reason=INVALID_FORMAT at=1795250000 ` + business},
		"template_status_paused":       {`template status kampanya/tr 600000000000004 event=PAUSED at=1795250000 ` + business},
		"template_quality":             {`template quality siparis_onay/tr 600000000000003 event=YELLOW at=1795250000 ` + business},
		"template_category":            {`template category siparis_onay/tr 600000000000003 event=MARKETING at=1795250000 ` + business},
		"template_components":          {`template components siparis_onay/tr 600000000000003 at=1795250000 ` + business},
		"phone_number_quality":         {`account THROUGHPUT_UPGRADE number=902125550100 detail="conversations a day: TIER_UNLIMITED" per_second=1000 at=1795250000 ` + business},
		"phone_number_name":            {`account phone_number_name_update number=902125550100 detail="APPROVED Örnek Mağaza" at=1795250000 ` + business},
		"business_capability":          {`account business_capability_update detail="conversations a day: 2000" at=1795250000 ` + business},
		"account_restriction":          {`account ACCOUNT_RESTRICTION state=degraded detail=RESTRICTED_BIZ_INITIATED_MESSAGING templates_blocked_until=1795509200 at=1795250000 ` + business},
		"account_disabled":             {`account DISABLED_UPDATE state=disconnected detail=DISABLE at=1795250000 ` + business},
		"account_partner_removed":      {`account PARTNER_REMOVED state=disconnected detail="PRIMARY_INACTIVITY SYSTEM" at=1795250000 ` + business},
		"account_alert":                {`account INCREASED_CAPABILITIES_ELIGIBILITY_DEFERRED detail="CRITICAL: fixture" at=1795250000 ` + business},
		"security_pin_changed":         {`account PIN_CHANGED number=902125550100 detail="requested by 61500000000001" at=1795250000 ` + business},
		"user_preferences_stop":        {`preference marketing opted_out ` + ayse + ` at=1795250400`},
		"user_preferences_resume":      {`preference marketing ` + ayse + ` at=1795250500`},
		"calls_connect_user_initiated": {`call connect wacid.FIXTURE1 direction=in opens ` + ayse + ` at=1795250600`},
		"calls_terminate":              {`call terminate wacid.FIXTURE1 direction=in response=completed seconds=55 ` + ayse + ` at=1795250660`},
		"flows_event_ignored":          {`ignored note=unknown_field ` + business},
	})
}

func TestALongTextIsByteExact(t *testing.T) {
	t.Parallel()
	body := channeltest.Payloads(t)["text_rtl_long_unicode"]
	var sent struct {
		Entry []struct {
			Changes []struct {
				Value struct {
					Messages []struct{ Text struct{ Body string } }
				}
			}
		}
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatal(err)
	}
	got := channeltest.Check(t, whatsapp.Driver(), body)
	if want := sent.Entry[0].Changes[0].Value.Messages[0].Text.Body; len(want) < 4000 || got[0].Message.Text != want {
		t.Errorf("%d bytes became %d", len(want), len(got[0].Message.Text))
	}
}
