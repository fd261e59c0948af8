package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/fakemeta"
)

// throttle has the provider refuse a few messages to one pair, then all of all.
func (w *weather) throttle() {
	w.meta.AddFault(fakemeta.Fault{Skip: 5, Times: 20, Code: 131056})
	w.during(1, func(int) {
		id := w.meta.AddFault(fakemeta.Fault{Code: 130429, Status: 429, RetryAfter: 1})
		w.calm(10 * time.Second)
		w.meta.RemoveFault(id)
	})
}

// albums come from 200 people who never wrote before.
func (w *weather) albums() {
	for i := range 200 {
		w.album(i)
		w.calm(50 * time.Millisecond)
	}
}

// albumsAreWhole asks that each of them is one contact in one conversation with ten pictures.
func (w *weather) albumsAreWhole() {
	var contacts, open, messages int
	if err := w.conn.QueryRow(w.t.Context(), `SELECT count(DISTINCT c.contact_id), count(DISTINCT c.id), count(*) FROM messages m
		JOIN conversations c ON c.id = m.conversation_id WHERE m.kind = 'image' AND c.status <> 'closed'`).Scan(&contacts, &open, &messages); err != nil {
		w.t.Fatal(err)
	}
	if contacts != 200 || open != 200 || messages != 2000 {
		w.t.Errorf("%d contacts, %d open conversations, %d pictures", contacts, open, messages)
	}
}

// poisonIsAside asks that it is in quarantine, all of it and nothing else.
func (w *weather) poisonIsAside() {
	if due, err := w.h.due(); err != nil || due["quarantined events"] != 50 {
		w.t.Errorf("%v, %v", due, err)
	}
}

// badFiles has the provider's files be endless, gone, and elsewhere.
func (w *weather) badFiles() {
	for _, f := range []fakemeta.Fault{{Bytes: 10 << 30}, {Status: 404, Code: 100}, {Redirect: "http://127.0.0.1:1/"}, {Redirect: "http://169.254.169.254/latest"}} {
		f.Op, f.Times = fakemeta.OpDownload, 100
		w.meta.AddFault(f)
	}
	for i := range 20 {
		w.album(i)
		w.calm(50 * time.Millisecond)
	}
}

// album is ten pictures of somebody who never wrote before, each in a webhook of its own, all at once.
func (w *weather) album(i int) {
	w.t.Helper()
	phone := w.meta.Phone(fmt.Sprintf("90533444%04d", i), fmt.Sprintf("Album %d", i))
	for n := range 10 {
		if _, err := phone.SendFile("image", fakemeta.File{Bytes: pixel, MIME: "image/png", Caption: strconv.Itoa(n)}, fakemeta.Alone()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// pixel is the smallest picture.
var pixel = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x03\x00\x08\xfc\x02\xfe\xa7\x9a\xa0\xa0\x00\x00\x00\x00IEND\xaeB`\x82")

// nobodys posts a signed message without a sender: it can neither be shown nor be thrown away.
func (w *weather) nobodys(i int) {
	w.t.Helper()
	a := w.meta.Accounts()[0]
	body := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{"messaging_product":"whatsapp",
		"metadata":{"phone_number_id":%q},"messages":[{"id":"poison%d","timestamp":"1795250000","type":"text","text":{"body":"?"}}]}}]}]}`, a.BusinessAccountID, a.PhoneNumberID, i)
	mac := hmac.New(sha256.New, []byte(a.AppSecret))
	mac.Write([]byte(body))
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.h.url+"/webhooks/meta", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("a signed webhook is answered %d", resp.StatusCode)
	}
}
