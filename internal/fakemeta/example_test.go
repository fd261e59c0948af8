package fakemeta_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"gatehouse/internal/fakemeta"
)

// A customer writes, the desk answers by the Graph API, and the customer reads it.
func Example() {
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
	}))
	defer desk.Close()
	meta, err := fakemeta.Start("127.0.0.1:0", fakemeta.MaviEv())
	if err != nil {
		log.Fatal(err)
	}
	defer meta.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := meta.Subscribe(ctx, desk.URL); err != nil {
		log.Fatal(err)
	}

	elif := meta.Phone("905332041896", "Elif Yıldız")
	elif.SendText("Merhaba, siparişim nerede?")

	account := meta.Accounts()[0]
	body := `{"messaging_product":"whatsapp","to":"+905332041896","type":"text","text":{"body":"Yarın sizde."},"biz_opaque_callback_data":"gw:1"}`
	req, err := http.NewRequestWithContext(ctx, "POST", meta.URL()+"/v26.0/"+account.PhoneNumberID+"/messages", strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+account.AccessToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if err := meta.Settle(ctx); err != nil {
		log.Fatal(err)
	}
	elif.Open()
	if err := meta.Settle(ctx); err != nil {
		log.Fatal(err)
	}

	for _, m := range elif.Messages() {
		fmt.Println(m.Text, m.Status)
	}
	for _, g := range meta.Ledger().Sends {
		fmt.Println(g.Opaque, g.Outcome, "outside the window:", g.OutsideWindow)
	}
	fmt.Println(len(meta.Ledger().AckedIDs("status")), "message with statuses")
	// Output:
	// Merhaba, siparişim nerede? delivered
	// Yarın sizde. read
	// gw:1 accepted outside the window: false
	// 1 message with statuses
}

// A fault makes the next send hang until the caller gives up, although the message goes out.
func ExampleServer_AddFault() {
	meta, err := fakemeta.New(fakemeta.MaviEv())
	if err != nil {
		log.Fatal(err)
	}
	defer meta.Close()
	meta.AddFault(fakemeta.Fault{Recipient: "+905332041896", Times: 1, Hang: 30 * time.Second, Reset: true})
	fmt.Printf("%s %s\n", meta.Faults()[0].Op, meta.Faults()[0].Hang)
	// Output: send 30s
}
