package bench

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"time"
)

// number is a WhatsApp account that people write to.
type number struct{ phoneNumberID, businessAccountID, display string }

// payload writes signed webhooks with one text message each, in the shape of WhatsApp Cloud API (PROTOCOLS.md §1.4, with a
// business-scoped user id beside the phone number).
type payload struct {
	secret   string
	numbers  []number
	contacts int64
	run      string // marks the messages of one run; unique among all
}

// The message ids of a run: "wamid.BENCH", the run, and the message's number in digits.
const (
	idPrefix = "wamid.BENCH"
	idDigits = 10
)

// payloadWriter writes one webhook after the other into the same memory.
type payloadWriter struct {
	*payload
	mac       hash.Hash
	body      []byte
	sum       []byte
	signature []byte
}

func (p *payload) writer() *payloadWriter {
	return &payloadWriter{payload: p, mac: hmac.New(sha256.New, []byte(p.secret))}
}

// write makes message n of a contact. What it returns is good until the next call.
func (w *payloadWriter) write(n, contact int64, at time.Time) (body []byte, signature string) {
	contact %= w.contacts
	account := contact % int64(len(w.numbers))
	to := w.numbers[account]
	phone := fmt.Sprintf("90555%d%06d", account, contact/int64(len(w.numbers)))
	b := append(w.body[:0], `{"object":"whatsapp_business_account","entry":[{"id":"`...)
	b = append(b, to.businessAccountID...)
	b = append(b, `","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"`...)
	b = append(b, to.display...)
	b = append(b, `","phone_number_id":"`...)
	b = append(b, to.phoneNumberID...)
	b = append(b, `"},"contacts":[{"profile":{"name":"Bench `...)
	b = append(b, phone[5:]...)
	b = append(b, `"},"wa_id":"`...)
	b = append(b, phone...)
	b = append(b, `","user_id":"TR.`...)
	b = append(b, phone...)
	b = append(b, `"}],"messages":[{"from":"`...)
	b = append(b, phone...)
	b = append(b, `","from_user_id":"TR.`...)
	b = append(b, phone...)
	b = append(b, `","id":"`...)
	b = append(b, idPrefix...)
	b = append(b, w.run...)
	b = fmt.Appendf(b, "%0*d", idDigits, n)
	b = append(b, `","timestamp":"`...)
	b = strconv.AppendInt(b, at.Unix(), 10)
	b = append(b, `","type":"text","text":{"body":"Merhaba, siparişim nerede? Takip numaram `...)
	b = strconv.AppendInt(b, n, 10)
	b = append(b, `, bugün gelecek miydi?"}}]},"field":"messages"}]}]}`...)
	w.body = b
	w.mac.Reset()
	w.mac.Write(b)
	w.sum = w.mac.Sum(w.sum[:0])
	w.signature = hex.AppendEncode(append(w.signature[:0], "sha256="...), w.sum)
	return b, string(w.signature)
}
