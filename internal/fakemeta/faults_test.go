package fakemeta

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAFaultHitsWhomItNamesAsOftenAsItSays(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Phone("905332041896", "").SendText("Merhaba")
	w.Phone("905424417035", "").SendText("Merhaba")
	w.AddFault(Fault{Recipient: "+905332041896", Skip: 1, Times: 2, Code: 131056})
	var codes []int
	for _, to := range []string{"+905332041896", "+905424417035", "+905332041896", "+905332041896", "+905332041896"} {
		_, out := w.graph("POST", "/v26.0/"+number+"/messages", textTo(to, "x"))
		codes = append(codes, errorCode(out))
	}
	if !slices.Equal(codes, []int{0, 0, 131056, 131056, 0}) {
		t.Errorf("codes %v", codes)
	}
	if len(w.Faults()) != 0 {
		t.Errorf("left over: %+v", w.Faults())
	}
	var outcomes []Outcome
	for _, g := range w.Ledger().Sends {
		outcomes = append(outcomes, g.Outcome)
	}
	if !slices.Equal(outcomes, []Outcome{Accepted, Accepted, Lost, Lost, Accepted}) {
		t.Errorf("outcomes %v", outcomes)
	}
}

func TestAnErrorAnswerMayHideAnAcceptedMessage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	p.SendText("Merhaba")
	w.AddFault(Fault{Status: 502, Deed: Done, Times: 1})
	status, _ := w.graph("POST", "/v26.0/"+number+"/messages", textTo("+905332041896", "gitti mi?"))
	w.settle()
	if status != 502 || len(p.Messages()) != 2 || p.Messages()[1].Status != "delivered" {
		t.Errorf("status %d, phone %s", status, indent(p.Messages()))
	}
	w.AddFault(Fault{Code: 4, RetryAfter: 7, Status: 429, Times: 1})
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.URL()+"/v26.0/"+number+"/messages", strings.NewReader(textTo("+905332041896", "x")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer token-1")
	resp, err := w.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("throttled: %d %v", resp.StatusCode, resp.Header)
	}
}

func TestAResetGivesNoAnswerAndTheMessageGoesOutOrNot(t *testing.T) {
	t.Parallel()
	w := setup(t)
	p := w.Phone("905332041896", "")
	p.SendText("Merhaba")
	w.AddFault(Fault{Reset: true, Times: 1})
	w.AddFault(Fault{Reset: true, Times: 1, Deed: Dropped})
	for i, want := range []Outcome{Accepted, Lost} {
		status, out, err := w.tryGraph("POST", "/v26.0/"+number+"/messages", textTo("+905332041896", "x"))
		if err == nil {
			t.Errorf("an answer after a reset: %d %v", status, out)
		}
		if got := w.Ledger().Sends[i].Outcome; got != want {
			t.Errorf("send %d is %s, not %s", i, got, want)
		}
	}
	w.settle()
	if n := len(p.Messages()); n != 2 {
		t.Errorf("%d messages on the phone", n)
	}
}

func TestAHangLastsUntilTheCallerOrTheServerGivesUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Phone("905332041896", "").SendText("Merhaba")
	w.AddFault(Fault{Hang: time.Hour, Deed: Dropped})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", w.URL()+"/v26.0/"+number+"/messages", strings.NewReader(textTo("+905332041896", "x")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer token-1")
	if _, err := w.client.Do(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the call ended with %v", err)
	}
	if g := w.Ledger().Sends[0]; g.Outcome != Lost || g.Opaque != "gw:1" {
		t.Errorf("the ledger has %+v", g)
	}

	ended := make(chan error, 1)
	go func() {
		_, _, err := w.tryGraph("POST", "/v26.0/"+number+"/messages", textTo("+905332041896", "y"))
		ended <- err
	}()
	eventually(t, func() bool { return len(w.Ledger().Sends) == 2 }) // it is booked while it hangs
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("a hanging call was answered at close")
	}
}

func TestOneAccountCanHangUntilItIsLetGo(t *testing.T) {
	t.Parallel()
	const second = "510000000000012"
	w := setup(t, func(c *Config) {
		c.Accounts = append(c.Accounts, Account{Kind: WhatsApp, Name: "Mavi Ev Toptan", PhoneNumberID: second, BusinessAccountID: waba, DisplayPhone: "908503040012"})
	})
	p := w.Phone("905332041896", "")
	p.SendText("Merhaba")
	p.With(second).SendText("Merhaba")
	id := w.AddFault(Fault{Op: OpAny, Account: number, Hang: time.Hour, Statuses: []string{"none"}})
	answered := make(chan int, 1)
	go func() {
		status, _, err := w.tryGraph("POST", "/v26.0/"+number+"/messages", textTo("+905332041896", "x"))
		if err != nil {
			t.Error(err)
		}
		answered <- status
	}()
	eventually(t, func() bool { return len(w.Ledger().Sends) == 1 })
	if status, out := w.graph("POST", "/v26.0/"+second+"/messages", textTo("+905332041896", "y")); status != 200 {
		t.Errorf("the other account is answered %d %v", status, out)
	}
	select {
	case status := <-answered:
		t.Errorf("it does not hang: %d", status)
	default:
	}
	w.RemoveFault(id)
	if status := <-answered; status != 200 {
		t.Errorf("what was let go is answered %d", status)
	}
}

func TestStatusesCanBeDoubledReversedLostAndEarly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Phone("905332041896", "").SendText("Merhaba")
	w.settle()
	seen := 0
	statuses := func(f Fault) (id string, got []string) {
		t.Helper()
		f.Times = 1
		w.AddFault(f)
		id = w.send(textTo("+905332041896", "x"))
		if f.StatusesFirst {
			if n := len(w.statuses()); n != seen+2 {
				t.Errorf("%d statuses were there before the answer", n-seen)
			}
		}
		w.settle()
		for _, s := range w.statuses()[seen:] {
			got = append(got, strings.TrimPrefix(s, id+" "))
			seen++
		}
		return id, got
	}
	for _, c := range []struct {
		what  string
		fault Fault
		want  string
	}{
		{"reversed", Fault{Statuses: []string{"read", "delivered", "sent"}}, "read delivered sent"},
		{"lost", Fault{Statuses: []string{"none"}}, ""},
		{"doubled", Fault{StatusCopies: 2}, "sent sent delivered delivered"},
		{"early", Fault{StatusesFirst: true}, "sent delivered"},
		{"failed late", Fault{Statuses: []string{"sent", "failed"}, StatusCode: 131049}, "sent failed"},
	} {
		if _, got := statuses(c.fault); strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	last := w.desk.received()[len(w.desk.received())-1]
	if dig(last, "entry", 0, "changes", 0, "value", "statuses", 0, "errors", 0, "code") != 131049.0 {
		t.Errorf("the failure is %s", indent(last))
	}
}

func TestADownloadCanBeSlowEndlessGoneAndElsewhere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.upload("image/jpeg", []byte("0123456789"))
	_, info := w.graph("GET", "/v26.0/"+id, "")
	link := info["url"].(string)
	w.AddFault(Fault{Op: OpDownload, Slow: time.Millisecond, Times: 1})
	start := time.Now()
	if status, data := w.get(link, "token-1"); status != 200 || string(data) != "0123456789" || time.Since(start) < 10*time.Millisecond {
		t.Errorf("slow: %d %q in %s", status, data, time.Since(start))
	}
	w.AddFault(Fault{Op: OpDownload, Bytes: 3 << 20, Times: 1})
	if status, data := w.get(link, "token-1"); status != 200 || len(data) != 3<<20 {
		t.Errorf("large: %d, %d bytes", status, len(data))
	}
	w.AddFault(Fault{Op: OpDownload, Status: 404, Code: 100, Times: 1})
	if status, _ := w.get(link, "token-1"); status != 404 {
		t.Errorf("gone: %d", status)
	}
	w.AddFault(Fault{Op: OpDownload, Redirect: "http://127.0.0.1:1/", Times: 1})
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if status, _ := w.get(link, "token-1"); status != 302 {
		t.Errorf("elsewhere: %d", status)
	}
}

func TestFaultsSurviveJSON(t *testing.T) {
	t.Parallel()
	in := `{"op":"send","account":"5","recipient":"9","times":2,"deed":"done","hang":"30s","reset":true,"slow":"1ms","statuses":["none"]}`
	var f Fault
	if err := json.Unmarshal([]byte(in), &f); err != nil {
		t.Fatal(err)
	}
	if f.Hang != 30*time.Second || f.Slow != time.Millisecond || !f.Reset || f.Deed != Done {
		t.Errorf("read %+v", f)
	}
	out, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != `{"op":"send","account":"5","recipient":"9","times":2,"deed":"done","reset":true,"statuses":["none"],"hang":"30s","slow":"1ms"}` {
		t.Errorf("wrote %s", out)
	}
	if err := json.Unmarshal([]byte(`{"hang":"long"}`), &f); err == nil {
		t.Error("junk was read")
	}
}

func TestLoadIsAccountedFor(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.desk.status = func(n int) int {
		if n%10 == 0 {
			return 503
		}
		return 200
	}
	cfg := LoadConfig{Rate: 400, Duration: 500 * time.Millisecond, Contacts: 50, DuplicatePct: 10, ReorderPct: 5, LatePct: 5, Seed: 7}
	rep, err := w.Load(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.settle()
	if rep.Messages != 200 || rep.Posts <= rep.Messages || rep.Posts != rep.Acked+rep.Refused+rep.NoAnswer || rep.Refused == 0 || rep.Overrun != 0 {
		t.Errorf("report %+v", rep)
	}
	if rep.P50 <= 0 || rep.P99 < rep.P50 || rep.Max < rep.P99 {
		t.Errorf("latencies %+v", rep)
	}
	acked, first, late := w.Ledger().AckedIDs("message"), int64(0), 0
	for _, a := range w.Ledger().Webhooks {
		if a.Attempt == 1 {
			first++
		}
	}
	if int64(len(acked)) != rep.Messages || first != rep.Posts {
		t.Errorf("%d ids are acked, %d first attempts", len(acked), first)
	}
	for _, b := range w.desk.received() {
		if ts, ok := dig(b, "entry", 0, "changes", 0, "value", "messages", 0, "timestamp").(string); ok && ts < "1795200000" {
			late++
		}
	}
	if late == 0 {
		t.Error("nobody was late")
	}
	if n := len(w.changesSince(0).People); n != 8 {
		t.Errorf("the load's people are on the phones: %d", n)
	}
	if _, err := w.Load(t.Context(), LoadConfig{}); err == nil {
		t.Error("a load without a rate ran")
	}
}

func TestTheLoadAnswersToItsPeople(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if _, err := w.Load(t.Context(), LoadConfig{Rate: 1000, Duration: 5 * time.Millisecond, Contacts: 1, Accounts: []string{number}}); err != nil {
		t.Fatal(err)
	}
	w.settle()
	from := dig(w.desk.received()[0], "entry", 0, "changes", 0, "value", "messages", 0, "from").(string)
	id := w.send(textTo("+"+from, "Bakıyoruz"))
	w.settle()
	got := w.statuses()
	if !slices.Equal(got, []string{id + " sent", id + " delivered"}) || w.Ledger().Sends[0].OutsideWindow {
		t.Errorf("statuses %v, ledger %+v", got, w.Ledger().Sends)
	}
}

func TestTheLedgerSurvivesNDJSON(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Phone("905332041896", "").SendText("Merhaba")
	w.send(textTo("+905332041896", "x"))
	w.settle()
	want := w.Ledger()
	var b bytes.Buffer
	if err := want.WriteNDJSON(&b); err != nil {
		t.Fatal(err)
	}
	got, err := ReadNDJSON(&b)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Webhooks) != len(want.Webhooks) || len(got.Sends) != 1 || got.Sends[0].ID != want.Sends[0].ID || len(got.AckedIDs("")) != len(want.AckedIDs("")) {
		t.Errorf("%+v became %+v", want, got)
	}
}

func TestTheControlAPIDoesWhatGoDoes(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.WebhookURL = "" })
	call := func(method, path, body string, want int) map[string]any {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, w.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want {
			t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, data)
		}
		var out map[string]any
		if len(data) > 0 && data[0] == '{' && path != "/control/ledger" {
			if err := json.Unmarshal(data, &out); err != nil {
				t.Fatal(err)
			}
		} else {
			out = map[string]any{"raw": string(data)}
		}
		return out
	}
	call("POST", "/control/subscribe", `{"url":"`+w.desk.URL+`"}`, 204)
	person := call("POST", "/control/people", `{"kind":"whatsapp","name":"Ali Veli","phone":"+90 533 111 22 33"}`, 200)
	if person["id"] != "wa-905331112233" || person["user_id"] == "" {
		t.Errorf("made %v", person)
	}
	sent := call("POST", "/control/people/wa-905331112233/actions", `{"do":"text","text":"Merhaba"}`, 200)
	call("POST", "/control/people/905331112233/actions", `{"do":"sample","sample":"plate.jpg","text":"Kırık"}`, 200)
	call("POST", "/control/people/wa-905331112233/actions", `{"do":"fly"}`, 400)
	call("POST", "/control/people/@buraksahin/actions", `{"do":"share_number"}`, 400)
	call("POST", "/control/people/nobody/actions", `{"do":"text"}`, 404)
	call("POST", "/control/settle", `{"timeout":"5s"}`, 204)
	if n := len(w.desk.received()); n != 2 {
		t.Errorf("%d webhooks", n)
	}
	fault := call("POST", "/control/faults", `{"code":130429,"times":1}`, 200)
	if fault["id"] != "fault-1" {
		t.Errorf("fault %v", fault)
	}
	if _, out := w.graph("POST", "/v26.0/"+number+"/messages", textTo("+905331112233", "x")); errorCode(out) != 130429 {
		t.Errorf("the fault did not hit: %v", out)
	}
	changed := call("PATCH", "/control/people/wa-905331112233", `{"offline":true,"phone":"1"}`, 200)
	if changed["offline"] != true || changed["phone"] != "905331112233" || changed["name"] != "Ali Veli" {
		t.Errorf("changed to %v", changed)
	}
	call("POST", "/control/hold", "", 204)
	call("POST", "/control/hold", "", 400)
	call("POST", "/control/people/wa-905331112233/actions", `{"do":"text","text":"1"}`, 200)
	call("POST", "/control/people/wa-905331112233/actions", `{"do":"text","text":"2"}`, 200)
	call("POST", "/control/release", `{"batch":true}`, 204)
	call("POST", "/control/settle", "", 204)
	if n := len(w.desk.received()); n != 3 {
		t.Errorf("%d webhooks after the batch", n)
	}
	call("POST", "/control/templates", `{"name":"stok_geldi","language":"tr","status":"DISABLED"}`, 204)
	if tm := w.catalog.find(waba, "stok_geldi", "tr"); tm.Status != "DISABLED" {
		t.Errorf("the template is %s", tm.Status)
	}
	report := call("POST", "/control/load", `{"rate":200,"duration":"50ms","contacts":5,"seed":1}`, 200)
	if report["messages"] != 10.0 {
		t.Errorf("load %v", report)
	}
	ledger := call("GET", "/control/ledger", "", 200)
	l, err := ReadNDJSON(strings.NewReader(ledger["raw"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	if !l.AckedIDs("message")[sent["id"].(string)] {
		t.Error("the ledger lacks the first message")
	}
	call("DELETE", "/control/ledger", "", 204)
	if l := w.Ledger(); len(l.Webhooks)+len(l.Sends) != 0 {
		t.Errorf("left over: %+v", l)
	}
}
