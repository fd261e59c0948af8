package widget

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/chat"
)

const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"

func TestOnlyTheAccountsOriginsMayUseTheChat(t *testing.T) { // B54
	t.Parallel()
	h := open(t)
	refused := []string{
		"https://evil.example", "https://evil-shop.example", "https://shop.example.evil.example", "https://www.shop.example",
		"http://shop.example", "https://shop.example:8443", "https://shop.example:443", "https://shop.example/", "https://SHOP.example",
		"http://localhost", "http://localhost:3001", "https://other.example", "null", "file://", "https://shop.example@evil.example",
		"https://shop.example, https://evil.example", "*",
	}
	for _, from := range refused {
		t.Run(from, func(t *testing.T) {
			for _, call := range [][2]string{{"GET", "config"}, {"POST", "visitors"}, {"POST", "uploads"}, {"GET", "live"}} {
				status, header, body := h.call(call[0], h.path(h.shop, call[1]), nil, "Origin", from)
				if status != 403 || !strings.Contains(body, `"forbidden"`) {
					t.Errorf("%s: %d %s", call[1], status, body)
				}
				if got := header.Get("Access-Control-Allow-Origin"); got != "" {
					t.Errorf("%s: may be read by %q", call[1], got)
				}
			}
			if _, res, err := h.dial(h.shop, from); err == nil || res == nil || res.StatusCode != 403 {
				t.Errorf("socket: %v, %v", res, err)
			}
		})
	}
	for _, from := range []string{"https://shop.example", "http://localhost:3000"} {
		status, header, body := h.call("GET", h.path(h.shop, "config"), nil, "Origin", from)
		if status != 200 || header.Get("Access-Control-Allow-Origin") != from || header.Get("Vary") != "Origin" {
			t.Errorf("%s: %d %v %s", from, status, header, body)
		}
		if header.Get("Access-Control-Allow-Credentials") != "" {
			t.Error("credentials are allowed")
		}
		if status, _, body := h.call("POST", h.path(h.shop, "visitors"), nil, "Origin", from); status != 201 {
			t.Errorf("%s: %d %s", from, status, body)
		}
		if _, _, err := h.dial(h.shop, from); err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
}

func TestWhoNamesNoOriginIsRefusedWhereBrowsersNameOne(t *testing.T) { // B54
	t.Parallel()
	h := open(t)
	for _, call := range [][2]string{{"POST", "visitors"}, {"POST", "uploads"}, {"GET", "live"}, {"GET", "config"}} {
		if status, _, body := h.call(call[0], h.path(h.shop, call[1]), nil, "Origin", ""); status != 403 {
			t.Errorf("%s: %d %s", call[1], status, body)
		}
	}
	h.mu.Lock()
	own := h.shop
	own.Settings = map[string]string{"allowed_origins": h.url}
	h.accounts[own.ID] = own
	h.mu.Unlock()
	h.broadcast(chat.Notice{Kind: chat.NoticeAccount, Account: &own})
	if status, _, body := h.call("GET", h.path(own, "config"), nil, "Origin", ""); status != 200 {
		t.Errorf("a page of our own origin that is on the list: %d %s", status, body)
	}
}

func TestOnlyTheAccountsOriginsMayFrameTheChat(t *testing.T) { // S21
	t.Parallel()
	h := open(t)
	status, header, body := h.call("GET", h.path(h.shop, "frame"), nil)
	want := "frame-ancestors https://shop.example http://localhost:3000; default-src 'none'; script-src 'self'; style-src 'self'; " +
		"img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
	if got := header.Get("Content-Security-Policy"); status != 200 || got != want {
		t.Errorf("%d\n got %s\nwant %s", status, got, want)
	}
	if header.Get("X-Frame-Options") != "" || header.Get("Referrer-Policy") != "no-referrer" || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", header)
	}
	if strings.Contains(body, "<style") || strings.Contains(body, "style=") || strings.Contains(strings.ReplaceAll(body, "<script type=\"module\" src=", ""), "<script") {
		t.Errorf("the page has inline parts: %s", body)
	}
	closed := h.shop
	closed.Settings = map[string]string{"allowed_origins": "*, null, shop.example, https://a.example; script-src 'unsafe-inline'"}
	if got := readSite(driver(), closed).origins; len(got) != 1 || got[0] != "https://a.example" {
		t.Errorf("origins that are none were kept: %q", got)
	}
	h.mu.Lock()
	closed.Settings["allowed_origins"] = ""
	h.accounts[closed.ID] = closed
	h.mu.Unlock()
	h.broadcast(chat.Notice{Kind: chat.NoticeAccount, Account: &closed})
	if _, header, _ := h.call("GET", h.path(h.shop, "frame"), nil); !strings.HasPrefix(header.Get("Content-Security-Policy"), "frame-ancestors 'none';") {
		t.Errorf("without origins: %s", header.Get("Content-Security-Policy"))
	}
}

func TestEveryAnswerCarriesTheHeadersThatBrowsersObey(t *testing.T) { // S22
	t.Parallel()
	h := open(t)
	for _, path := range []string{"/widget.js", h.path(h.shop, "config"), h.path(h.shop, "frame"), h.path(h.shop, "nothing"), "/widget/v1/assets/" + h.srv.assets.appJS} {
		status, header, _ := h.call("GET", path, nil)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "cross-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
		} {
			if header.Get(name) != want {
				t.Errorf("%s (%d): %s is %q", path, status, name, header.Get(name))
			}
		}
		if header.Get("Content-Security-Policy") == "" || header.Get("Cache-Control") == "" {
			t.Errorf("%s: %v", path, header)
		}
	}
}

func TestTheFramesPageHoldsSettingsAsText(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.mu.Lock()
	h.shop.Settings["title"] = `"><script>alert(1)</script>`
	h.mu.Unlock()
	_, _, body := h.call("GET", h.path(h.shop, "frame"), nil)
	if strings.Contains(body, "<script>") || !strings.Contains(body, "&lt;script&gt;") {
		t.Error(body)
	}
}

func TestAnAccountThatIsNotThereOrSwitchedOffIsNotFound(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.mu.Lock()
	off := h.accounts[h.other.ID]
	off.State = chat.AccountDisabled
	h.accounts[off.ID] = off
	h.mu.Unlock()
	for _, id := range []string{off.ID.String(), chat.NewID[chat.AccountID]().String(), "x", "00000000-0000-0000-0000-000000000000"} {
		for _, path := range []string{"config", "frame", "live"} {
			if status, _, body := h.call("GET", "/widget/v1/"+id+"/"+path, nil, "Origin", "https://other.example"); status != 404 {
				t.Errorf("%s %s: %d %s", id, path, status, body)
			}
		}
	}
}

func TestATokenHoldsForItsAccountOnly(t *testing.T) { // S39
	t.Parallel()
	h := open(t)
	token, visitor := h.newVisitor()
	file := h.put(visitor)
	for name, tc := range map[string]struct {
		account chat.Account
		header  string
		want    int
	}{
		"its own":      {h.shop, "Bearer " + token, 200},
		"another":      {h.other, "Bearer " + token, 401},
		"none":         {h.shop, "", 401},
		"made up":      {h.shop, "Bearer " + strings.Repeat("A", 43), 401},
		"other scheme": {h.shop, "Basic " + token, 401},
	} {
		if status, _, body := h.call("GET", h.path(tc.account, "media/"+file.String()), nil, "Authorization", tc.header); status != tc.want {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if tc.want == 401 {
			if status, _, body := h.call("POST", h.path(tc.account, "uploads"), strings.NewReader(png), "Authorization", tc.header); status != 401 {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
	}
	if status, _, _ := h.call("GET", h.path(h.shop, "media/"+file.String()+"?token="+token), nil); status != 401 {
		t.Errorf("a token in the address opened a file: %d", status)
	}
	for _, hello := range []string{token, strings.Repeat("A", 43)} {
		account := h.other
		if hello != token {
			account = h.shop
		}
		tab, _, err := h.dial(account, h.url)
		if err != nil {
			t.Fatal(err)
		}
		tab.say(`{"type":"hello","token":"` + hello + `"}`)
		if code := tab.closed(); code != closeUnknown {
			t.Errorf("closed with %d", code)
		}
	}
}

func (h *house) put(visitor string) chat.AttachmentID {
	m, err := h.SaveUpload(context.Background(), h.shop.ID, addressOf(h.shop.ID, visitor), "kase.png", "", strings.NewReader(png))
	if err != nil {
		h.t.Fatal(err)
	}
	return m.ID
}

func TestNewVisitorsFromOneAddressAreLimitedAndOthersUnaffected(t *testing.T) { // B57
	t.Parallel()
	h := open(t)
	create := func(a chat.Account, ip string) int {
		status, header, body := h.call("POST", h.path(a, "visitors"), nil, "X-Forwarded-For", ip)
		if status == 429 && (header.Get("Retry-After") == "" || !strings.Contains(body, `"rate_limited"`)) {
			t.Errorf("%v %s", header, body)
		}
		return status
	}
	made := 0
	for range 1000 {
		if create(h.shop, "203.0.113.7") == 201 {
			made++
		}
	}
	if made != defaultVisitorsPerMinute {
		t.Errorf("%d of 1000 visitors were made", made)
	}
	if create(h.shop, "203.0.113.8") != 201 || create(h.other, "203.0.113.7") != 201 {
		t.Error("others were refused too")
	}
	for i := range defaultVisitorsPerMinute {
		create(h.shop, fmt.Sprintf("2001:db8::%x", i+1))
	}
	if create(h.shop, "2001:db8::ffff") != 429 || create(h.shop, "2001:db8:0:1::1") != 201 {
		t.Error("an IPv6 subscriber is a /64")
	}
	h.pass(defaultVisitorsPerMinute * 2e9)
	if create(h.shop, "203.0.113.7") != 201 {
		t.Error("still refused after a minute")
	}
}

func TestAFileIsStoredForItsVisitorWithinTheChannelsLimits(t *testing.T) { // B61, B65, B66, S39
	t.Parallel()
	h := open(t)
	token, _ := h.newVisitor()
	upload := func(body, name string) (int, string) {
		status, _, text := h.call("POST", h.path(h.shop, "uploads"), strings.NewReader(body),
			"Authorization", "Bearer "+token, "X-File-Name", name, "Content-Type", "image/png")
		return status, text
	}
	status, text := upload(png, "..%2F..%2Fetc%2Fkase%20mavi.png")
	var got mediaRef
	if err := json.Unmarshal([]byte(text), &got); status != 201 || err != nil {
		t.Fatalf("%d %s", status, text)
	}
	if got.Name != "kase mavi.png" || got.Type != "image/png" || got.State != "ready" || got.Size != int64(len(png)) {
		t.Errorf("%+v", got)
	}
	if status, text := upload("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "x.png"); status != 422 || !strings.Contains(text, `"media_type"`) {
		t.Errorf("an SVG: %d %s", status, text)
	}
	if status, text := upload(png+strings.Repeat("x", 1<<20), "x.png"); status != 422 || !strings.Contains(text, `"media_too_large"`) {
		t.Errorf("over the limit: %d %s", status, text)
	}
	status, header, body := h.call("GET", h.path(h.shop, "media/"+got.ID), nil, "Authorization", "Bearer "+token)
	if status != 200 || body != png {
		t.Errorf("%d %q", status, body)
	}
	for name, want := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store",
		"Content-Security-Policy": "default-src 'none'; sandbox",
	} {
		if header.Get(name) != want {
			t.Errorf("%s: %q", name, header.Get(name))
		}
	}
	stranger, _ := h.newVisitor()
	if status, _, _ := h.call("GET", h.path(h.shop, "media/"+got.ID), nil, "Authorization", "Bearer "+stranger); status != 404 {
		t.Errorf("a stranger sees the file: %d", status)
	}
	for range defaultUploadsPerMinute {
		status, text = upload(png, "x.png")
	}
	if status != 429 {
		t.Errorf("%d %s", status, text)
	}
}

func TestABodyWithoutALengthIsCappedToo(t *testing.T) { // B66
	t.Parallel()
	r := &capped{bytes.NewReader(make([]byte, 100)), 99}
	var err error
	for n := 0; err == nil && n < 1000; n++ {
		_, err = r.Read(make([]byte, 7))
	}
	if chat.CodeOf(err) != chat.CodeMediaTooLarge {
		t.Error(err)
	}
	h := open(t)
	token, _ := h.newVisitor()
	long := io.MultiReader(strings.NewReader(png), strings.NewReader(strings.Repeat("x", 24<<20))) // of no type that tells its length
	status, _, text := h.call("POST", h.path(h.shop, "uploads"), long, "Authorization", "Bearer "+token)
	if status != 422 || !strings.Contains(text, `"media_too_large"`) {
		t.Errorf("%d %s", status, text)
	}
}

func TestTheScriptAndItsFilesAreServedForCaches(t *testing.T) {
	t.Parallel()
	h := open(t)
	status, header, body := h.call("GET", "/widget.js", nil, "Origin", "")
	if status != 200 || body != string(h.srv.assets.files["widget.js"].Body) || header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("%d %v", status, header)
	}
	if status, _, body := h.call("GET", "/widget.js", nil, "If-None-Match", header.Get("ETag")); status != 304 || body != "" {
		t.Errorf("%d %q", status, body)
	}
	for _, name := range []string{h.srv.assets.appJS, h.srv.assets.appCSS} {
		status, header, body := h.call("GET", "/widget/v1/assets/"+name, nil)
		if status != 200 || body == "" || header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", name, status, header)
		}
	}
	r, err := http.NewRequest("GET", h.url+"/widget.js", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip, br")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("%v", res.Header)
	}
	for _, path := range []string{"/widget/v1/assets/nothing.js", "/widget/v1/assets/..%2fwidget.js", "/widget/v1/assets/source.sha256", "/widget/v1/x", "/widget/v1/"} {
		if status, _, _ := h.call("GET", path, nil); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
}
