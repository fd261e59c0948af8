package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/auth"
	"gatehouse/internal/chat"
	"gatehouse/internal/media"
)

// file is what uploading answers.
type file struct {
	ID       chat.AttachmentID
	Type     string
	Name     string
	Size     int64
	Width    int
	Thumb    bool
	State    string
	URL      string
	ThumbURL string `json:"thumb_url"`
}

// upload sends a file as a browser does.
func (c *caller) upload(name, contentType string, body []byte, more ...string) answer {
	c.h.t.Helper()
	return c.do(c.uploading(name, contentType, body, more...))
}

func (c *caller) uploading(name, contentType string, body []byte, more ...string) *http.Request {
	c.h.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	head := textproto.MIMEHeader{}
	head.Set("Content-Disposition", fmt.Sprintf(`form-data; name="file"; filename="%s"`, strings.NewReplacer("\\", "\\\\", `"`, "\\\"").Replace(name)))
	head.Set("Content-Type", contentType)
	w, err := form.CreatePart(head)
	must(c.h.t, err)
	_, err = w.Write(body)
	must(c.h.t, err)
	for _, m := range more {
		must(c.h.t, form.WriteField(m, "x"))
	}
	must(c.h.t, form.Close())
	req := c.request("POST", "/api/v1/uploads", b.Bytes())
	req.Header.Set("Content-Type", form.FormDataContentType())
	return req
}

func picture(t testing.TB, width, height int) []byte {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		p.Set(x, height/2, color.RGBA{R: uint8(x), A: 255})
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, p))
	return b.Bytes()
}

// stored counts the files on disk.
func stored(t testing.TB, dir string) (n int) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			n++
		}
		return err
	}))
	return n
}

func TestAFileIsUploadedSentAndServed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, path := h.talk("905551110001")
	body := picture(t, 1200, 800)
	var f file
	a.upload("resim.png", "image/png", body).into(201, &f)
	if f.Type != "image/png" || f.Width != 1200 || f.Size != int64(len(body)) || f.State != "ready" || !f.Thumb || f.URL == "" || f.ThumbURL == "" {
		t.Fatalf("%+v", f)
	}
	var m struct {
		Kind  string
		Text  string
		Media []file
	}
	a.send(path, chat.NewID[chat.MessageID]().String(), map[string]any{"attachments": []string{f.ID.String()}, "text": "Kargo"}).into(201, &m)
	if m.Kind != "image" || m.Text != "Kargo" || len(m.Media) != 1 || m.Media[0].URL == "" {
		t.Errorf("%+v", m)
	}
	got := h.nobody().get(m.Media[0].URL).into(200, nil) // <img> sends no header
	if !bytes.Equal(got.body, body) || got.header.Get("Content-Type") != "image/png" {
		t.Errorf("%d bytes, %s", len(got.body), got.header.Get("Content-Type"))
	}
	for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff", "Accept-Ranges": "bytes", "Cache-Control": "private, max-age=300, immutable"} { // S19
		if got.header.Get(name) != want {
			t.Errorf("%s: %q", name, got.header.Get(name))
		}
	}
	if d := got.header.Get("Content-Disposition"); !strings.HasPrefix(d, "inline; ") || !strings.Contains(d, "resim.png") {
		t.Errorf("%s", d)
	}
	thumb := h.nobody().get(m.Media[0].ThumbURL).into(200, nil)
	if len(thumb.body) == 0 || len(thumb.body) >= len(body) && thumb.header.Get("Content-Type") == "image/png" {
		t.Errorf("a preview of %d bytes", len(thumb.body))
	}
	// The same file cannot be sent twice, nor by anybody else (B68).
	a.send(path, chat.NewID[chat.MessageID]().String(), map[string]any{"attachments": []string{f.ID.String()}}).refused(404, chat.CodeNotFound)
	var second file
	h.agent(chat.RoleAgent).upload("x.png", "image/png", picture(t, 10, 10)).into(201, &second)
	a.send(path, chat.NewID[chat.MessageID]().String(), map[string]any{"attachments": []string{second.ID.String()}}).refused(404, chat.CodeNotFound)
	a.get("/api/v1/media/"+second.ID.String()+"/link").refused(404, chat.CodeNotFound)
	h.MustHold()
}

func TestPartsOfAFileAreServed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	body := []byte("%PDF-1.4 0123456789")
	var f file
	a.upload("fatura.pdf", "application/pdf", body).into(201, &f)
	size := strconv.Itoa(len(body))
	for asked, want := range map[string]struct {
		status int
		body   string
		says   string
	}{
		"":                            {200, string(body), ""},
		"bytes=0-3":                   {206, "%PDF", "bytes 0-3/" + size},
		"bytes=9-":                    {206, "0123456789", "bytes 9-18/" + size},
		"bytes=-4":                    {206, "6789", "bytes 15-18/" + size},
		"bytes=-4000":                 {206, string(body), "bytes 0-18/" + size},
		"bytes=17-4000":               {206, "89", "bytes 17-18/" + size},
		"bytes=19-":                   {416, "", "bytes */" + size},
		"bytes=4000-5000":             {416, "", "bytes */" + size},
		"bytes=-0":                    {416, "", "bytes */" + size},
		"bytes=5-1":                   {200, string(body), ""},
		"bytes=0-1,3-4":               {200, string(body), ""},
		"bytes=a-b":                   {200, string(body), ""},
		"lines=0-1":                   {200, string(body), ""},
		"bytes=--1":                   {200, string(body), ""},
		"bytes=99999999999999999999-": {200, string(body), ""},
	} {
		req := h.nobody().request("GET", f.URL, nil)
		if asked != "" {
			req.Header.Set("Range", asked)
		}
		got := do(t, req)
		if got.status != want.status || want.status != 416 && string(got.body) != want.body || got.header.Get("Content-Range") != want.says {
			t.Errorf("%q: %d %q %q", asked, got.status, got.body, got.header.Get("Content-Range"))
		}
	}
	tag := h.nobody().get(f.URL).header.Get("Etag")
	req := h.nobody().request("GET", f.URL, nil)
	req.Header.Set("If-None-Match", tag)
	if got := do(t, req); got.status != 304 || len(got.body) != 0 {
		t.Errorf("If-None-Match: %d", got.status)
	}
	req = h.nobody().request("GET", f.URL, nil)
	req.Header.Set("Range", "bytes=0-3")
	req.Header.Set("If-Range", `"another"`)
	do(t, req).into(200, nil)
	head := do(t, h.nobody().request("HEAD", f.URL, nil))
	if head.status != 200 || head.header.Get("Content-Length") != size {
		t.Errorf("HEAD: %d, %s", head.status, head.header.Get("Content-Length"))
	}
}

func TestALinkHoldsForOneFileAndSomeMinutes(t *testing.T) { // S44
	t.Parallel()
	clock := &settable{at: time.Now()}
	h := newHouse(t, func(_ *gateway.Config, d *gateway.Deps) { d.Now = clock.now })
	a, b := h.agent(chat.RoleAgent), h.agent(chat.RoleAgent)
	var f, g file
	a.upload("a.pdf", "application/pdf", []byte("%PDF-1.4 a")).into(201, &f)
	a.upload("b.pdf", "application/pdf", []byte("%PDF-1.4 b")).into(201, &g)
	h.nobody().get(f.URL).into(200, nil)
	for name, url := range map[string]string{
		"another file":     strings.Replace(f.URL, f.ID.String(), g.ID.String(), 1),
		"another agent":    strings.Replace(f.URL, a.principal.AgentID.String(), b.principal.AgentID.String(), 1),
		"another way":      strings.Replace(f.URL, "d=inline", "d=attachment", 1),
		"the preview":      f.URL + "&t=1",
		"no signature":     strings.Split(f.URL, "?")[0],
		"half a signature": f.URL[:len(f.URL)-5],
	} {
		if got := h.nobody().get(url); got.status != 403 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	h.nobody().get(f.URL+"&x=1").refused(400, chat.CodeInvalid)
	clock.advance(5 * time.Minute)
	h.nobody().get(f.URL).refused(403, chat.CodeForbidden)
	var l struct{ URL string }
	a.get("/api/v1/media/"+f.ID.String()+"/link").into(200, &l)
	h.nobody().get(l.URL).into(200, nil)
	h.Exec(`DELETE FROM attachments WHERE id = $1`, f.ID) // erased
	h.nobody().get(l.URL).refused(404, chat.CodeNotFound)
}

func TestALostPermissionEndsALinkInItsBrowser(t *testing.T) { // S44
	t.Parallel()
	h := newHouse(t)
	h.In(h.Text("905551110001", "in-1", "Merhaba"))
	id := h.keep(h.Open("905551110001").ID, h.Thread("905551110001")[0].ID)
	a := h.agent(chat.RoleAgent)
	var l struct{ URL string }
	a.get("/api/v1/media/"+id.String()+"/link").into(200, &l)
	a.get(l.URL).into(200, nil)
	h.Exec(`DELETE FROM agent_departments WHERE agent_id = $1`, a.principal.AgentID)
	a.get(l.URL).refused(404, chat.CodeNotFound)
	a.get("/api/v1/media/"+id.String()+"/link").refused(404, chat.CodeNotFound)
}

func TestWhatABrowserCouldRunIsNeverShown(t *testing.T) { // B61, B62, S19
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	script := "<script>alert(document.domain)</script>"
	for _, tc := range []struct{ name, declared, body string }{
		{"x.svg", "image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`},
		{"x.svg", "image/svg+xml; x", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`},
		{"x.png", "image/png", "<html>" + script},
		{"x.html", "text/html", "<!doctype html>" + script},
		{"x.xhtml", "application/xhtml+xml", `<html xmlns="http://www.w3.org/1999/xhtml"/>`},
		{"x.js", "text/javascript", "alert(1)"},
		{"x.xml", "text/xml", "<a/>"},
		{"x.txt", "text/plain", script},
		{"x.gif", "image/gif", "GIF89a/*" + script + "*/=0;"},
		{"x.pdf", "image/png", "%PDF-1.4 " + script},
	} {
		var f file
		a.upload(tc.name, tc.declared, []byte(tc.body)).into(201, &f)
		got := h.nobody().get(f.URL).into(200, nil)
		kind := got.header.Get("Content-Type")
		for _, active := range []string{"svg", "html", "xml", "script"} {
			if strings.Contains(kind, active) {
				t.Errorf("%s as %s", tc.name, kind)
			}
		}
		if d := got.header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment; ") {
			t.Errorf("%s (%s) is shown in place: %s", tc.name, kind, d)
		}
		if got.header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", tc.name, got.header)
		}
	}
}

func TestAFilesNameIsHarmless(t *testing.T) { // B65
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	for _, name := range []string{"../../etc/passwd", `..\..\x.pdf`, "CON", strings.Repeat("ş", 500) + ".pdf", "fatura\u202efdp.exe", "şişli 😀.pdf", `a"b.pdf`, ".htaccess"} {
		var f file
		a.upload(name, "application/pdf", []byte("%PDF-1.4 x")).into(201, &f)
		if f.Name == "" || strings.ContainsAny(f.Name, "/\\\r\n\u202e") || len(f.Name) > 150 || f.Name == "CON" {
			t.Errorf("%q became %q", name, f.Name)
		}
		d := h.nobody().get(f.URL).into(200, nil).header.Get("Content-Disposition")
		if strings.ContainsAny(d, "\r\n") || !strings.Contains(d, "filename*=UTF-8''") {
			t.Errorf("%q: %s", name, d)
		}
	}
}

func TestAnUploadThatIsNoneLeavesNothing(t *testing.T) { // B66, S42
	t.Parallel()
	dir := t.TempDir()
	store, err := media.OpenFiles(dir)
	must(t, err)
	h := newHouse(t, func(_ *gateway.Config, d *gateway.Deps) {
		d.Intake.Store, d.Intake.Limits.Bytes = store, 1<<20
	})
	t.Cleanup(func() { must(t, store.Close()) })
	a := h.agent(chat.RoleAgent)
	a.upload("x.pdf", "application/pdf", nil).refused(422, chat.CodeEmptyMessage)
	a.upload("x.pdf", "application/pdf", make([]byte, 1<<20+1)).refused(413, chat.CodeTooLarge)
	a.upload("x.pdf", "application/pdf", []byte("%PDF-1.4"), "second").refused(400, chat.CodeInvalid)
	req := a.uploading("x.pdf", "application/pdf", []byte("%PDF-1.4"))
	req.Header.Set("Content-Type", "multipart/form-data")
	if got := a.do(req); got.status != 415 {
		t.Errorf("no boundary: %d", got.status)
	}
	if got := a.post("/api/v1/uploads", `{}`); got.status != 415 {
		t.Errorf("JSON: %d", got.status)
	}
	wrong := a.request("POST", "/api/v1/uploads", "--x\r\nContent-Disposition: form-data; name=\"other\"; filename=\"x\"\r\n\r\nabc\r\n--x--\r\n")
	wrong.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	a.do(wrong).refused(400, chat.CodeInvalid)
	cut := a.request("POST", "/api/v1/uploads", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\nabc")
	cut.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	a.do(cut).refused(400, chat.CodeInvalid)

	// Aborted in the middle: the connection ends before the body does.
	head := fmt.Sprintf("POST /api/v1/uploads HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\nCookie: gatehouse=%s\r\nX-CSRF-Token: %s\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n",
		strings.TrimPrefix(h.url, "http://"), h.url, a.token, a.csrf)
	abort(t, h.url, head+strings.Repeat("y", 400_000))
	eventually(t, "nothing on disk", func() bool { return stored(t, dir) == 0 })
	if n := h.Int(`SELECT count(*) FROM attachments`); n != 0 {
		t.Errorf("%d in the record", n)
	}
	a.upload("x.png", "image/png", picture(t, 20, 20)).into(201, nil)
	if n := stored(t, dir); n != 2 {
		t.Errorf("a picture and its preview are %d files", n)
	}
}

func abort(t testing.TB, url, what string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(url, "http://"))
	must(t, err)
	_, err = io.WriteString(conn, what)
	must(t, err)
	must(t, conn.Close())
}

func TestABodyOfAHundredMegabytesIsNotKeptInMemory(t *testing.T) { // B66
	t.Parallel()
	h := newHouse(t)
	a := h.agent(chat.RoleAgent)
	req := a.request("POST", "/api/v1/uploads", nil)
	req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	req.Body, req.ContentLength = io.NopCloser(io.LimitReader(zeros{}, 101<<20)), 101<<20
	a.do(req).refused(413, chat.CodeTooLarge)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestUploadsHaveARateOfTheirOwn(t *testing.T) { // S48
	t.Parallel()
	clock := &settable{at: time.Now()}
	h := newHouse(t, func(_ *gateway.Config, d *gateway.Deps) { d.Now = clock.now })
	a := h.agent(chat.RoleAgent)
	limited := 0
	for range 15 {
		if got := a.upload("x.pdf", "application/pdf", []byte("%PDF-1.4")); got.status == 429 {
			limited++
		}
	}
	if limited != 5 { // ten at once
		t.Errorf("%d of 15 were slowed", limited)
	}
}

func TestAProgramUploadsAndSends(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, path := h.talk("905551110001")
	bot := h.program(chat.RoleAdmin, auth.ScopeInboxWrite)
	var f file
	bot.upload("x.png", "image/png", picture(t, 10, 10)).into(201, &f)
	h.nobody().get(f.URL).into(200, nil)
	bot.send(path, chat.NewID[chat.MessageID]().String(), map[string]any{"attachments": []string{f.ID.String()}}).into(201, nil)
	var list struct{ Items []json.RawMessage }
	bot.get(path+"/messages").into(200, &list)
	if len(list.Items) != 2 {
		t.Errorf("%d messages", len(list.Items))
	}
}
