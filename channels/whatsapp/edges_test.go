package whatsapp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"gatehouse/channels"
	"gatehouse/channels/channeltest"
	"gatehouse/channels/whatsapp"
	"gatehouse/internal/chat"
)

// open opens the suite's account against handler.
func open(t *testing.T, handler http.HandlerFunc) channels.Sender {
	t.Helper()
	return channeltest.Open(t, whatsapp.Driver(), suite(), handler)
}

func authorized(r *http.Request) bool {
	return r.Header.Get("Authorization") == "Bearer EAAFfixtureAccessToken"
}

func TestAFileIsFetchedByItsID(t *testing.T) {
	t.Parallel()
	var asked []string
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		switch {
		case !authorized(r):
			w.WriteHeader(401)
		case r.URL.Path == "/bytes":
			_, _ = io.WriteString(w, "file")
		default:
			_, _ = fmt.Fprintf(w, `{"url":"http://%s/bytes?mid=1","mime_type":"audio/ogg; codecs=opus","sha256":"x","file_size":"4","id":"1"}`, r.Host)
		}
	}).(channels.MediaFetcher)
	body, kind, size, err := s.FetchMedia(t.Context(), chat.MediaRef{ProviderID: "../1", URL: "https://evil.test/"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	_ = body.Close()
	if err != nil || string(data) != "file" || kind != "audio/ogg; codecs=opus" || size != 4 {
		t.Errorf("got %q, %s, %d bytes, %v", data, kind, size, err)
	}
	want := "/v26.0/..%2F1?phone_number_id=510000000000002 /bytes?mid=1"
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
}

func TestTheTokenIsNotCarriedToWhereverAPayloadPoints(t *testing.T) {
	t.Parallel()
	s := open(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"url":"https://evil.test/bytes","mime_type":"image/png"}`)
	}).(channels.MediaFetcher)
	for _, ref := range []chat.MediaRef{{ProviderID: "1"}, {URL: "https://evil.test/bytes"}, {URL: "http://169.254.169.254/"}, {}} {
		if body, _, _, err := s.FetchMedia(t.Context(), ref); err == nil {
			_ = body.Close()
			t.Errorf("%+v was fetched", ref)
		}
	}
}

func TestAFileThatIsGoneDoesNotBreakTheAccount(t *testing.T) {
	t.Parallel()
	s := open(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"error":{"code":100,"error_subcode":33,"message":"Unsupported get request."}}`)
	}).(channels.MediaFetcher)
	_, _, _, err := s.FetchMedia(t.Context(), chat.MediaRef{ProviderID: "1"})
	var refused *chat.SendError
	if chat.CodeOf(err) != chat.CodeNotFound || errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func TestAnUploadIsAFormWithTheFilesOwnType(t *testing.T) {
	t.Parallel()
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || !authorized(r) || r.URL.Path != "/v26.0/510000000000002/media" {
			t.Errorf("%v %s %v", err, r.URL.Path, r.Header)
		}
		form, err := multipart.NewReader(r.Body, params["boundary"]).ReadForm(1 << 20)
		if err != nil {
			t.Error(err)
			return
		}
		f := form.File["file"][0]
		in, err := f.Open()
		if err != nil {
			t.Error(err)
			return
		}
		data, err := io.ReadAll(in)
		if err != nil || string(data) != "\x89PNG bytes" || f.Filename != "_r_n.png" || f.Header.Get("Content-Type") != "image/png" {
			t.Errorf("%q %q %v %v", data, f.Filename, f.Header, err)
		}
		if form.Value["messaging_product"][0] != "whatsapp" || form.Value["type"][0] != "image/png" {
			t.Errorf("fields %v", form.Value)
		}
		_, _ = fmt.Fprintf(w, `{"id":%d}`, r.ContentLength)
	}).(channels.MediaUploader)
	id, err := s.UploadMedia(t.Context(), "../ürün.png", "image/png", 10, strings.NewReader("\x89PNG bytes"))
	if err != nil || id == "-1" || id == "" {
		t.Errorf("known size: %s %v", id, err)
	}
	if id, err = s.UploadMedia(t.Context(), "../ürün.png", "image/png", -1, strings.NewReader("\x89PNG bytes")); err != nil || id != "-1" {
		t.Errorf("unknown size: %s %v", id, err)
	}
	if _, err = s.UploadMedia(t.Context(), "x", "image/png\r\nX-Evil: 1", 0, strings.NewReader("")); chat.CodeOf(err) != chat.CodeMediaType {
		t.Errorf("a header was slipped in: %v", err)
	}
}

func TestAnUploadWithoutAnIDIsAnError(t *testing.T) {
	t.Parallel()
	s := open(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) }).(channels.MediaUploader)
	if _, err := s.UploadMedia(t.Context(), "a.png", "image/png", 0, strings.NewReader("")); err == nil {
		t.Error("no error")
	}
}

func TestTypingAndReadMarksNameTheContactsMessage(t *testing.T) {
	t.Parallel()
	var got []string
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, r.URL.Path+" "+string(data))
		_, _ = io.WriteString(w, `{"success":true}`)
	})
	err := errors.Join(
		s.(channels.Typer).Typing(t.Context(), byPhone, "wamid.9"),
		s.(channels.ReadMarker).MarkRead(t.Context(), byPhone, "wamid.9"),
	)
	want := []string{
		messages + ` {"messaging_product":"whatsapp","status":"read","message_id":"wamid.9","typing_indicator":{"type":"text"}}`,
		messages + ` {"messaging_product":"whatsapp","status":"read","message_id":"wamid.9"}`,
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v %v", got, err)
	}
	if err := s.(channels.ReadMarker).MarkRead(t.Context(), byPhone, ""); chat.CodeOf(err) != chat.CodeInvalid {
		t.Errorf("nothing was marked without a word: %v", err)
	}
}

func TestTemplatesAreListedPageByPage(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"":   `{"data":[{"id":"1","name":"a","language":"tr","status":"APPROVED","components":[]}],"paging":{"cursors":{"after":"p2"},"next":"x"}}`,
		"p2": `{"data":[{"id":"2","name":"b","language":"en-US","components":[]},{"id":"3"}],"paging":{"cursors":{"after":"p3"},"next":"x"}}`,
		"p3": `{"data":[{"id":4,"name":"c","language":"tr","components":[]}],"paging":{"cursors":{"after":"p4"}}}`,
	}
	s := open(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v26.0/410000000000001/message_templates" || r.URL.Query().Get("limit") != "100" || !strings.Contains(r.URL.Query().Get("fields"), "quality_score") {
			t.Errorf("asked for %s", r.RequestURI)
		}
		_, _ = io.WriteString(w, pages[r.URL.Query().Get("after")])
	}).(channels.TemplateLister)
	all, err := s.ListTemplates(t.Context())
	if err == nil || !strings.Contains(err.Error(), "entry 1") {
		t.Errorf("the entry without a name was passed over: %v", err)
	}
	var names []string
	for _, one := range all {
		names = append(names, one.ID+one.Name+one.Language)
	}
	if strings.Join(names, " ") != "1atr 2ben_US 4ctr" {
		t.Errorf("got %v", names)
	}
}

func TestAListOfTemplatesThatGoesInCirclesEnds(t *testing.T) {
	t.Parallel()
	asked := 0
	s := open(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = io.WriteString(w, `{"data":[],"paging":{"cursors":{"after":"same"},"next":"x"}}`)
	}).(channels.TemplateLister)
	if _, err := s.ListTemplates(t.Context()); err != nil || asked != 2 {
		t.Errorf("%d pages, %v", asked, err)
	}
}

func TestCheckTellsWhyANumberDoesNotWork(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]chat.Code{
		`{"id":"510000000000002","status":"CONNECTED"}`:  "",
		`{"id":"510000000000002"}`:                       "",
		`{"id":"510000000000002","status":"RESTRICTED"}`: "",
		`{"id":"510000000000002","status":"BANNED"}`:     chat.CodeAccountDisconnected,
		`{"error":{"code":190}}`:                         chat.CodeAccountDisconnected,
	} {
		s := open(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(answer, "error") {
				w.WriteHeader(401)
			}
			_, _ = io.WriteString(w, answer)
		}).(channels.Health)
		err := s.Check(t.Context())
		var refused *chat.SendError
		switch {
		case want == "" && err != nil, want != "" && (!errors.As(err, &refused) || refused.Code != want || refused.Effect != chat.EffectAccountBroken):
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestNoOptionalCallOutlivesItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := open(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	_, _, _, fetch := s.(channels.MediaFetcher).FetchMedia(ctx, chat.MediaRef{ProviderID: "1"})
	_, upload := s.(channels.MediaUploader).UploadMedia(ctx, "a", "image/png", 0, strings.NewReader(""))
	_, list := s.(channels.TemplateLister).ListTemplates(ctx)
	for name, err := range map[string]error{
		"fetch": fetch, "upload": upload, "list": list, "check": s.(channels.Health).Check(ctx),
		"typing": s.(channels.Typer).Typing(ctx, nil, "1"), "read": s.(channels.ReadMarker).MarkRead(ctx, nil, "1"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
