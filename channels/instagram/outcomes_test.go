package instagram_test

import (
	"encoding/base64"
	"testing"

	"gatehouse/channels/channeltest"
	"gatehouse/channels/instagram"
	"gatehouse/internal/chat"
)

func mid(name string) string {
	return "aWdfZAG1faXRlbTpGSVhUVVJF" + base64.RawURLEncoding.EncodeToString([]byte(name))
}

func lookaside(asset string) string {
	return "https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=" + asset + "&signature=FIX"
}

// TestEveryFixtureGivesWhatItsReadmeSays follows the table of the fixtures' README, row by row.
func TestEveryFixtureGivesWhatItsReadmeSays(t *testing.T) {
	t.Parallel()
	const ayse = `by=igsid:1000000000000101@17841400000000001`
	home := chat.AccountKey{Kind: chat.Instagram, Type: "instagram_id", Value: "17841400000000001"}
	channeltest.Outcomes(t, instagram.Driver(), home, map[string][]string{
		"text":                   {`in text ` + mid("text") + ` text="Bu ürün stokta var mı?" opens ` + ayse + ` at=1795250000`},
		"text_timestamp_seconds": {`in text ` + mid("text_timestamp_seconds") + ` text="saniye" opens ` + ayse + ` at=1795250000`},
		"image":                  {`in image ` + mid("image") + ` file=//pending file_url=` + lookaside("1") + ` opens ` + ayse + ` at=1795250000`},
		"two_images":             {`in image ` + mid("two_images") + ` file=//pending file_url=` + lookaside("2") + ` file=//pending file_url=` + lookaside("3") + ` opens ` + ayse + ` at=1795250000`},
		"audio":                  {`in audio ` + mid("audio") + ` file=//pending file_url=` + lookaside("4") + ` opens ` + ayse + ` at=1795250000`},
		"video":                  {`in video ` + mid("video") + ` file=//pending file_url=` + lookaside("5") + ` opens ` + ayse + ` at=1795250000`},
		"file_pdf":               {`in document ` + mid("file_pdf") + ` file=//pending file_url=` + lookaside("6") + ` opens ` + ayse + ` at=1795250000`},
		"like_heart":             {`in text ` + mid("like_heart") + ` text="❤️" opens ` + ayse + ` at=1795250000`},
		"share_ig_post":          {`in share ` + mid("share_ig_post") + ` share="ig_post/18139494541420000/Yeni sezon" share_url=` + lookaside("7") + ` opens ` + ayse + ` at=1795250000`},
		"share_legacy_double":    {`in share ` + mid("share_legacy_double") + ` share="ig_post/18139494541420000/Yeni sezon" share_url=` + lookaside("7") + ` opens ` + ayse + ` at=1795250000`},
		"reel":                   {`in share ` + mid("reel") + ` share=ig_reel/1812345/Reel share_url=` + lookaside("8") + ` opens ` + ayse + ` at=1795250000`},
		"story_mention":          {`in story_mention ` + mid("story_mention") + ` file=//remote file_url=` + lookaside("9") + ` story=story_mention// story_url=` + lookaside("9") + ` opens ` + ayse + ` at=1795250000`},
		"story_reply":            {`in text ` + mid("story_reply") + ` text="Çok güzel!" story=story/17900000000000001/ story_url=` + lookaside("10") + ` opens ` + ayse + ` at=1795250000`},
		"inline_reply":           {`in text ` + mid("inline_reply") + ` text="Evet bu" reply=` + mid("out-1") + ` opens ` + ayse + ` at=1795250000`},
		"quick_reply":            {`in interactive ` + mid("quick_reply") + ` text="Kargo" choice=quick_reply/SHIP opens ` + ayse + ` at=1795250000`},
		"referral_ad":            {`in text ` + mid("referral_ad") + ` text="Merhaba" referral=ADS/120212345678900002 headline=Kış ref=kis26 opens ` + ayse + ` at=1795250000`},
		"referral_product":       {`in text ` + mid("referral_product") + ` text="Bu kaç lira?" referral=/ product_id=5500000001 opens ` + ayse + ` at=1795250000`},
		"unsupported":            {`in unsupported ` + mid("unsupported") + ` unsupported=/ opens ` + ayse + ` at=1795250000`},
		"unsend":                 {`delete in ` + mid("unsend") + ` ` + ayse + ` at=1795250000`},
		"unsend_of_text":         {`delete in ` + mid("text") + ` ` + ayse + ` at=1795250005`},
		"echo_from_app":          {`out text ` + mid("echo") + ` source=phone_app text="Instagram uygulamasından yanıt" silent ` + ayse + ` at=1795250000`},
		"echo_of_api_send":       {`out text ` + mid("out-1") + ` source=phone_app text="Bizim mesaj" silent ` + ayse + ` at=1795250000`},
		"self_message":           {`ignored note=own_message`},
		"reaction_react":         {`reaction in ` + mid("out-1") + ` emoji=❤️ ` + ayse + ` at=1795250000`},
		"reaction_unreact":       {`reaction in ` + mid("out-1") + ` emoji= ` + ayse + ` at=1795250000`},
		"seen":                   {`status read ` + mid("out-1") + ` and_earlier ` + ayse + ` at=1795250000`},
		"postback_icebreaker":    {`in interactive ` + mid("pb") + ` text="Kargo ücreti nedir?" choice=postback/ICE_SHIP opens ` + ayse + ` at=1795250000`},
		"referral_igme_link":     {`referral referral=SHORTLINK/ ref=afis-7 ` + ayse + ` at=1795250000`},
		"message_edit":           {`edit in ` + mid("text") + ` text="Bu ürün stokta var mı? (mavi)" ` + ayse + ` at=1795250000`},
		"changes_dashboard_test": {`ignored note=test account=instagram_id:0`},
		"comment_change":         {`ignored note=comment`},
		"standby":                {`ignored note=standby`},
		"handover_pass":          {`ignored note=thread_control`},
		"two_entries_same_mid": {
			`in text ` + mid("dup") + ` text="çift" opens ` + ayse + ` at=1795250000`,
			`in text ` + mid("dup") + ` text="çift" opens ` + ayse + ` at=1795250000`,
		},
		"batch_messaging_3": {
			`in text ` + mid("m1") + ` text="1" opens ` + ayse + ` at=1795250000`,
			`in text ` + mid("m2") + ` text="2" opens ` + ayse + ` at=1795250000.001`,
			`status read ` + mid("out-1") + ` and_earlier ` + ayse + ` at=1795250000.002`,
		},
		"unknown_event": {`ignored note=unknown_event`},
	})
}
