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

	"github.com/jackc/pgx/v5"

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

// hangForMost has the provider answer nothing that is asked for any account but the last, for longer than the desk is patient with it (workers:
// silence) and for less than it waits for an answer (media: 30 s). What does not need those accounts goes on as ever: the desk takes, shows and
// routes what customers write to all of them, and answers of the last one go out. In the end all are answered, but the first, whose connections break.
func (w *weather) hangForMost() {
	const lasts, most = 12 * time.Second, 3 * time.Second // of routing, and of a reply of the last account
	accounts := w.meta.Accounts()
	hung, well := accounts[:len(accounts)-1], accounts[len(accounts)-1]
	w.after(w.load, 0.1)
	begun := time.Now()
	var faults []string
	for i, a := range hung {
		faults = append(faults, w.meta.AddFault(fakemeta.Fault{Op: fakemeta.OpAny, Account: a.ID(), Hang: time.Hour, Reset: i == 0, Statuses: []string{"none"}}))
	}
	w.hurt()
	w.calm(lasts)
	conn := database(w.t, w.h.servers.DatabaseURL)
	var held, waiting int
	if err := conn.QueryRow(w.t.Context(), "SELECT count(DISTINCT account_id), count(*) FROM messages WHERE status = 'sending'").Scan(&held, &waiting); err != nil {
		w.t.Fatal(err)
	}
	routed, replied := w.routed(conn, begun), w.replied(conn, well.ID(), begun)
	for _, id := range faults {
		w.meta.RemoveFault(id)
	}
	w.hurt()
	w.t.Logf("%d messages of %d accounts hung; %d conversations were routed, p95 %s; %d replies of the last account went out, p95 %s",
		waiting, held, len(routed), quantile(routed, 0.95), len(replied), quantile(replied, 0.95))
	if held < len(hung) || len(routed) < w.load.contacts/4 || len(replied) < 15 {
		w.t.Errorf("too little happened to say anything: %d accounts hung, %d conversations were routed, %d replies went out", held, len(routed), len(replied))
	}
	if p := quantile(routed, 0.95); p > most {
		w.t.Errorf("the p95 until a conversation has an agent is %s, more than %s", p, most)
	}
	if p := quantile(replied, 0.95); p > most {
		w.t.Errorf("the p95 until a reply is with the provider that answers is %s, more than %s", p, most)
	}
}

// routed is how long each conversation that was begun since then took from its first message's 200 to its first agent, or till now; of what
// was taken and is not in the record yet, each message.
func (w *weather) routed(conn *pgx.Conn, since time.Time) (all []time.Duration) {
	w.t.Helper()
	taken := map[string]time.Time{}
	for _, a := range w.meta.Ledger().Webhooks {
		for i, id := range a.IDs {
			if at := a.At.Add(a.Took); a.Acked() && a.What[i] == "message" && (taken[id].IsZero() || at.Before(taken[id])) {
				taken[id] = at
			}
		}
	}
	rows, err := conn.Query(w.t.Context(), `SELECT DISTINCT ON (m.conversation_id) m.external_id, coalesce((SELECT min(a.started_at) FROM assignments a WHERE a.conversation_id = m.conversation_id), now())
		FROM messages m WHERE m.direction = 'in' ORDER BY m.conversation_id, m.seq`)
	if err != nil {
		w.t.Fatal(err)
	}
	var id string
	var at time.Time
	if _, err := pgx.ForEachRow(rows, []any{&id, &at}, func() error {
		if t := taken[id]; t.After(since) {
			all = append(all, max(0, at.Sub(t)))
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	there, _ := received(w.t, conn)
	for id, t := range taken {
		if _, ok := there[id]; !ok && t.After(since) {
			all = append(all, time.Since(t))
		}
	}
	return all
}

// replied is how long each reply of an account that was written since then took until it was with the provider, or till now.
func (w *weather) replied(conn *pgx.Conn, account string, since time.Time) (all []time.Duration) {
	w.t.Helper()
	asked := map[string]time.Time{}
	for _, s := range w.meta.Ledger().Sends {
		if id, _, _ := strings.Cut(s.Opaque, "."); s.Account == account && asked[id].IsZero() {
			asked[id] = s.At
		}
	}
	rows, err := conn.Query(w.t.Context(), `SELECT m.id::text, m.created_at, now() FROM messages m JOIN account_keys k ON k.account_id = m.account_id AND k.main
		WHERE k.value = $1 AND m.direction = 'out' AND m.source = 'agent' AND m.created_at > $2`, account, since)
	if err != nil {
		w.t.Fatal(err)
	}
	var id string
	var written, now time.Time
	if _, err := pgx.ForEachRow(rows, []any{&id, &written, &now}, func() error {
		at, ok := asked[id]
		if !ok {
			at = now
		}
		all = append(all, max(0, at.Sub(written)))
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// allWasSent asks that the provider got every reply, and that those count as sent which it answered for: of the first account some are not
// confirmed, of the others none.
func (w *weather) allWasSent() {
	var replies, sent, unknown int
	if err := w.conn.QueryRow(w.t.Context(), `SELECT count(*), count(*) FILTER (WHERE m.status IN ('sent', 'delivered', 'read')),
			count(*) FILTER (WHERE m.status = 'unknown' AND k.value = $1)
		FROM messages m JOIN account_keys k ON k.account_id = m.account_id AND k.main WHERE m.direction = 'out' AND m.source = 'agent'`,
		w.meta.Accounts()[0].ID()).Scan(&replies, &sent, &unknown); err != nil {
		w.t.Fatal(err)
	}
	if got := len(w.meta.Ledger().Sends); sent+unknown != replies || unknown == 0 || got != replies {
		w.t.Errorf("of %d replies %d count as sent and %d of the first account as not confirmed; the provider got %d", replies, sent, unknown, got)
	}
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
