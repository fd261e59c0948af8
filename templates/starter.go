package templates

// Starter returns the ready-made templates that a new account can submit as they are: seven names, each in Turkish and
// English, named variables, utility unless the content sells. Each call returns a fresh copy.
func Starter() []Template {
	var all []Template
	for _, s := range []struct {
		name     string
		category Category
		tr, en   draft
	}{
		{
			"order_confirmed", Utility,
			draft{
				body: "Merhaba {{first_name}}, siparişinizi aldık. Sipariş numaranız {{order_number}}, toplam tutar {{total}}. " +
					"Hazırlayıp kargoya verdiğimizde size buradan yazacağız.",
				samples: []NamedExample{{"first_name", "Selin Hanım"}, {"order_number", "MV-20418"}, {"total", "4.150 TL"}},
				buttons: []Button{{Type: URL, Text: "Siparişi gör", URL: "https://example.com/orders/{{1}}", Example: []string{"https://example.com/orders/MV-20418"}}},
			},
			draft{
				body: "Hello {{first_name}}, we have received your order. Your order number is {{order_number}} and the total is {{total}}. " +
					"We will write to you here when it ships.",
				samples: []NamedExample{{"first_name", "James"}, {"order_number", "MV-20418"}, {"total", "€120"}},
				buttons: []Button{{Type: URL, Text: "View order", URL: "https://example.com/orders/{{1}}", Example: []string{"https://example.com/orders/MV-20418"}}},
			},
		},
		{
			"order_shipped", Utility,
			draft{
				body: "Merhaba {{first_name}}, {{order_number}} numaralı siparişiniz {{carrier}} ile yola çıktı. " +
					"Kargonuzun nerede olduğunu aşağıdaki düğmeden izleyebilirsiniz.",
				samples: []NamedExample{{"first_name", "Selin Hanım"}, {"order_number", "MV-20418"}, {"carrier", "Yurtiçi Kargo"}},
				buttons: []Button{{Type: URL, Text: "Kargoyu izle", URL: "https://example.com/track/{{1}}", Example: []string{"https://example.com/track/7741"}}},
			},
			draft{
				body: "Hello {{first_name}}, your order {{order_number}} is on its way with {{carrier}}. " +
					"You can follow the parcel with the button below this message.",
				samples: []NamedExample{{"first_name", "James"}, {"order_number", "MV-20418"}, {"carrier", "DHL"}},
				buttons: []Button{{Type: URL, Text: "Track parcel", URL: "https://example.com/track/{{1}}", Example: []string{"https://example.com/track/7741"}}},
			},
		},
		{
			"question_answered", Utility,
			draft{
				body: "Merhaba {{first_name}}, bize sorduğunuz {{topic}} konusunda yanıtımız hazır. " +
					"Kaldığımız yerden devam etmek için bu mesajı yanıtlamanız yeterli.",
				samples: []NamedExample{{"first_name", "Mehmet Bey"}, {"topic", "fatura adresi"}},
				buttons: []Button{{Type: QuickReply, Text: "Devam edelim"}},
			},
			draft{
				body: "Hello {{first_name}}, we have an answer to your question about {{topic}} now. " +
					"Please reply to this message and we will carry on where we stopped.",
				samples: []NamedExample{{"first_name", "Hannah"}, {"topic", "the invoice address"}},
				buttons: []Button{{Type: QuickReply, Text: "Let us continue"}},
			},
		},
		{
			"appointment_reminder", Utility,
			draft{
				header: "Randevu hatırlatması",
				body: "Merhaba {{first_name}}, {{date}} günü saat {{time}} için randevunuz var. " +
					"Gelip gelemeyeceğinizi aşağıdan bildirirseniz seviniriz.",
				samples: []NamedExample{{"first_name", "Aylin Hanım"}, {"date", "24 Kasım"}, {"time", "14.30"}},
				buttons: []Button{{Type: QuickReply, Text: "Geleceğim"}, {Type: QuickReply, Text: "Değiştirmek istiyorum"}},
			},
			draft{
				header: "Appointment reminder",
				body: "Hello {{first_name}}, you have an appointment on {{date}} at {{time}} with us. " +
					"Please let us know below whether you can make it.",
				samples: []NamedExample{{"first_name", "James"}, {"date", "24 November"}, {"time", "2:30 pm"}},
				buttons: []Button{{Type: QuickReply, Text: "I will come"}, {Type: QuickReply, Text: "I need another time"}},
			},
		},
		{
			"rate_our_service", Utility,
			draft{
				body: "Merhaba {{first_name}}, {{topic}} ile ilgili görüşmemiz sona erdi. " +
					"Sizinle ilgilenme biçimimizden ne kadar memnun kaldınız?",
				samples: []NamedExample{{"first_name", "Elif Hanım"}, {"topic", "iade talebiniz"}},
				buttons: []Button{{Type: QuickReply, Text: "Memnun kaldım"}, {Type: QuickReply, Text: "Daha iyi olabilirdi"}},
			},
			draft{
				body: "Hello {{first_name}}, our conversation about {{topic}} has come to an end. " +
					"How satisfied are you with the way we looked after you?",
				samples: []NamedExample{{"first_name", "Hannah"}, {"topic", "your return"}},
				buttons: []Button{{Type: QuickReply, Text: "I am satisfied"}, {Type: QuickReply, Text: "It could be better"}},
			},
		},
		{
			"back_in_stock", Marketing,
			draft{
				body: "Merhaba {{first_name}}, sorduğunuz {{product}} yeniden stokta. " +
					"Sizin için 24 saat ayırdık, dilerseniz hemen sipariş verebilirsiniz.",
				footer:  "Bu mesajları istemezseniz aşağıdan bildirin.",
				samples: []NamedExample{{"first_name", "Selin Hanım"}, {"product", "beyaz kahvaltı takımı"}},
				buttons: []Button{
					{Type: URL, Text: "Ürünü gör", URL: "https://example.com/products/{{1}}", Example: []string{"https://example.com/products/ege-beyaz"}},
					{Type: QuickReply, Text: "Artık haber verme"},
				},
			},
			draft{
				body: "Hello {{first_name}}, the {{product}} that you asked about is back in stock. " +
					"We have put one aside for you for 24 hours.",
				footer:  "Tell us below if you do not want these messages.",
				samples: []NamedExample{{"first_name", "James"}, {"product", "white breakfast set"}},
				buttons: []Button{
					{Type: URL, Text: "View product", URL: "https://example.com/products/{{1}}", Example: []string{"https://example.com/products/ege-white"}},
					{Type: QuickReply, Text: "Stop these messages"},
				},
			},
		},
	} {
		all = append(all, s.tr.template(s.name, "tr", s.category), s.en.template(s.name, "en", s.category))
	}
	for _, language := range []string{"tr", "en"} { // its texts are Meta's, in each language
		all = append(all, Template{
			Name: "verification_code", Language: language, Category: Authentication, TTLSeconds: 600,
			Components: []Component{
				{Type: Body, SecurityAdvice: true},
				{Type: Footer, CodeMinutes: 10},
				{Type: Buttons, Buttons: []Button{{Type: OTP, OTPType: OTPCopyCode}}},
			},
		})
	}
	return all
}

// draft is the part of a starter template that differs by language.
type draft struct {
	header, body, footer string
	samples              []NamedExample
	buttons              []Button
}

func (d draft) template(name, language string, category Category) Template {
	t := Template{Name: name, Language: language, Category: category, ParameterFormat: Named}
	if d.header != "" {
		t.Components = append(t.Components, Component{Type: Header, Format: FormatText, Text: d.header})
	}
	t.Components = append(t.Components, Component{Type: Body, Text: d.body, Example: &Example{BodyTextNamed: d.samples}})
	if d.footer != "" {
		t.Components = append(t.Components, Component{Type: Footer, Text: d.footer})
	}
	t.Components = append(t.Components, Component{Type: Buttons, Buttons: d.buttons})
	return t
}
