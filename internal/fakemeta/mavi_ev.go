package fakemeta

import (
	_ "embed"
	"encoding/json"
)

//go:embed mavi_ev.json
var maviEvTemplates []byte

// MaviEv is the demo's world: the crockery shop of the prototype with a WhatsApp number and an Instagram account, a
// template catalog in every state, and customers to play. Secrets, URLs and the clock are the caller's to add.
func MaviEv() Config {
	var templates []Template
	if err := json.Unmarshal(maviEvTemplates, &templates); err != nil {
		panic(err) // embedded, and read by a test
	}
	return Config{
		Accounts: []Account{
			{Kind: WhatsApp, Name: "Mavi Ev", PhoneNumberID: "510000000000011", BusinessAccountID: "410000000000011", DisplayPhone: "908503040011"},
			{Kind: Instagram, Name: "Mavi Ev", InstagramID: "17841400000000011", PageID: "105000000000011", Username: "maviev"},
		},
		People: []Person{
			{Kind: WhatsApp, Name: "Elif Yıldız", Phone: "905332041896"},
			{Kind: WhatsApp, Name: "Mehmet Kaya", Phone: "905424417035"},
			{Kind: WhatsApp, Name: "Selin Çelik", Phone: "905558724011"},
			{Kind: WhatsApp, Name: "Deniz K.", Phone: "905557778899", Username: "deniz.k", HidePhone: true},
			{Kind: WhatsApp, Name: "Hannah Weber", Phone: "4915123456780"},
			{Kind: Instagram, Name: "Burak Şahin", Username: "buraksahin"},
			{Kind: Instagram, Name: "Elif Yıldız", Username: "elif.yldz"},
			{Kind: Instagram, Name: "James Okafor", Username: "jamesokafor"},
		},
		Templates: templates,
	}
}
