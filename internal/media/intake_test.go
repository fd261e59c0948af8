package media_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/media"
)

// intake is an Intake on a folder.
func intake(t *testing.T) (media.Intake, string) {
	t.Helper()
	dir := t.TempDir()
	return media.Intake{Store: openFiles(t, dir), Previews: media.NewPreviewer(1), Limits: media.DefaultLimits()}, dir
}

func TestAFileThatIsTakenInIsMeasured(t *testing.T) {
	t.Parallel()
	in, dir := intake(t)
	photo := withExif(jpegOf(t, picture(800, 400)), 6)
	video := slices.Concat([]byte(ftypMP4), movie(320, 240, 1500, false))
	for name, c := range map[string]struct {
		content                 []byte
		declared, filename      string
		want                    media.File
		thumbWidth, thumbHeight int
	}{
		"photo": {photo, "image/jpeg", "../IMG 1.jpg", media.File{
			Type: media.Type{Kind: chat.KindImage, ContentType: "image/jpeg", Ext: ".jpg", Inline: true, Agrees: true},
			Name: "IMG 1.jpg", Width: 400, Height: 800, Thumb: true,
		}, 320, 640},
		"animation": {gifOf(t, 20, 10, 5), "image/gif", "", media.File{
			Type: media.Type{Kind: chat.KindImage, ContentType: "image/gif", Ext: ".gif", Inline: true, Agrees: true},
			Name: "file", Width: 20, Height: 10, Animated: true, Thumb: true,
		}, 20, 10},
		"sticker that moves": {webpFrames(3), "image/webp", "s.webp", media.File{
			Type: media.Type{Kind: chat.KindImage, ContentType: "image/webp", Ext: ".webp", Inline: true, Agrees: true},
			Name: "s.webp", Width: 10, Height: 10, Animated: true,
		}, 0, 0},
		"voice note": {opus(2 * 48000), "audio/ogg; codecs=opus", "", media.File{
			Type: media.Type{Kind: chat.KindAudio, ContentType: "audio/ogg", Ext: ".ogg", Inline: true, Agrees: true},
			Name: "file", Duration: 2 * time.Second,
		}, 0, 0},
		"video": {video, "video/mp4", "v.mp4", media.File{
			Type: media.Type{Kind: chat.KindVideo, ContentType: "video/mp4", Ext: ".mp4", Inline: true, Agrees: true},
			Name: "v.mp4", Width: 320, Height: 240, Duration: 1500 * time.Millisecond,
		}, 0, 0},
		"video without an index": {[]byte(ftypMP4), "video/mp4", "v.mp4", media.File{
			Type: media.Type{Kind: chat.KindVideo, ContentType: "video/mp4", Ext: ".mp4", Inline: true, Agrees: true},
			Name: "v.mp4",
		}, 0, 0},
		"document": {[]byte("%PDF-1.7\n"), "application/pdf", "Fatura.pdf", media.File{
			Type: media.Type{Kind: chat.KindDocument, ContentType: "application/pdf", Ext: ".pdf", Agrees: true},
			Name: "Fatura.pdf",
		}, 0, 0},
		// B61, B62: kept, as octets.
		"page in a picture's clothes": {[]byte("<html><script>alert(1)</script>"), "image/png", "a.png", media.File{
			Type: media.Type{Kind: chat.KindDocument, ContentType: octets},
			Name: "a.png",
		}, 0, 0},
		"picture by its first bytes only": {append([]byte("GIF89a"), "just a text that goes on"...), "image/gif", "a.gif", media.File{
			Type: media.Type{Kind: chat.KindDocument, ContentType: octets},
			Name: "a.gif",
		}, 0, 0},
	} {
		for _, size := range []int64{int64(len(c.content)), -1} {
			id := newID()
			got, err := in.Receive(t.Context(), id, media.Source{Body: iotest.HalfReader(bytes.NewReader(c.content)), Size: size, Type: c.declared, Name: c.filename})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			want := c.want
			want.Size, want.SHA256 = int64(len(c.content)), sha256.Sum256(c.content)
			if got != want {
				t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
			}
			if read(t, in.Store, id) != string(c.content) {
				t.Errorf("%s: stored otherwise", name)
			}
			if !want.Thumb {
				wantAbsent(t, in.Store, media.ThumbID(id))
				continue
			}
			thumb := read(t, in.Store, media.ThumbID(id))
			if header, err := media.ImageHeader(strings.NewReader(thumb)); err != nil || header.Width != c.thumbWidth || header.Height != c.thumbHeight {
				t.Errorf("%s: preview %+v, %v", name, header, err)
			}
			if strings.Contains(thumb, "GPS") { // B67
				t.Errorf("%s: the preview tells the place", name)
			}
		}
	}
	for _, path := range onDisk(t, dir) { // B65: no stranger's name on disk
		if strings.ContainsAny(path, " .") || strings.Contains(path, "tmp") {
			t.Errorf("on disk: %s", path)
		}
	}
}

func TestAFileIsRemovedWithItsPreview(t *testing.T) {
	t.Parallel()
	in, dir := intake(t)
	id := newID()
	file, err := in.Receive(t.Context(), id, media.Source{Body: bytes.NewReader(pngOf(t, picture(9, 9))), Size: -1})
	if err != nil || !file.Thumb {
		t.Fatalf("%+v, %v", file, err)
	}
	for range 2 {
		if err := in.Remove(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if left := onDisk(t, dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

// B63, B66: every refusal has its code, and leaves nothing on disk.
func TestARefusedFileLeavesNothing(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	broken := errors.New("connection reset")
	for name, c := range map[string]struct {
		body io.Reader
		size int64
		code chat.Code
	}{
		"empty":                      {strings.NewReader(""), 0, chat.CodeEmptyMessage},
		"empty, undeclared":          {strings.NewReader(""), -1, chat.CodeEmptyMessage},
		"empty, declared otherwise":  {strings.NewReader(""), 10, chat.CodeEmptyMessage},
		"101 MB declared":            {strings.NewReader("x"), 101 * mb, chat.CodeTooLarge},
		"101 MB, undeclared":         {io.LimitReader(endless{}, 101*mb), -1, chat.CodeTooLarge},
		"endless, declared small":    {endless{}, 10 * mb, chat.CodeInvalid},
		"endless":                    {endless{}, -1, chat.CodeTooLarge},
		"shorter than declared":      {strings.NewReader(strings.Repeat("x", 50)), 100, chat.CodeInvalid},
		"longer than declared":       {strings.NewReader(strings.Repeat("x", 50)), 49, chat.CodeInvalid},
		"aborted at half":            {io.MultiReader(strings.NewReader(strings.Repeat("x", 5000)), iotest.ErrReader(broken)), 10_000, chat.CodeUnavailable},
		"aborted at once":            {iotest.ErrReader(broken), 10_000, chat.CodeUnavailable},
		"aborted in the first bytes": {io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrUnexpectedEOF)), -1, chat.CodeUnavailable},
		"pixel flood":                {bytes.NewReader(pngClaiming(65_500, 65_500, 0)), -1, chat.CodeMediaTooLarge},
		"10000 frames":               {bytes.NewReader(gifOf(t, 1, 1, 10_000)), -1, chat.CodeMediaTooLarge},
	} {
		in, dir := intake(t)
		_, err := in.Receive(t.Context(), newID(), media.Source{Body: c.body, Size: c.size})
		if chat.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if left := onDisk(t, dir); len(left) != 0 {
			t.Errorf("%s left %v", name, left)
		}
	}
}

// endless is a file of zeros without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAFileIsNotTakenInUnderANameOfTheStrangers(t *testing.T) {
	t.Parallel()
	in, dir := intake(t)
	if _, err := in.Receive(t.Context(), "../../etc/passwd", media.Source{Body: strings.NewReader("x"), Size: 1}); chat.CodeOf(err) != chat.CodeNotFound {
		t.Error(err)
	}
	if left := onDisk(t, dir); len(left) != 0 {
		t.Error(left)
	}
}

// trickle gives a byte at a time, each after a while, until it is closed.
type trickle struct {
	every  time.Duration
	closed chan struct{}
}

func (s trickle) Read(p []byte) (int, error) {
	select {
	case <-s.closed:
		return 0, errors.New("closed")
	case <-time.After(s.every):
		p[0] = 'x'
		return 1, nil
	}
}

func (s trickle) Close() error { close(s.closed); return nil }

// B70: a source that gives next to nothing, or nothing at all, is given up, also in the middle of a read.
func TestASlowSourceIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		every  time.Duration
		limits media.Limits
	}{
		"too few bytes":   {time.Millisecond, media.Limits{Bytes: 1 << 20, Time: time.Hour, Rate: 1 << 20, Window: 20 * time.Millisecond}},
		"no byte at all":  {time.Hour, media.Limits{Bytes: 1 << 20, Time: time.Hour, Rate: 1, Window: 20 * time.Millisecond}},
		"steady too long": {time.Millisecond, media.Limits{Bytes: 1 << 20, Time: 30 * time.Millisecond, Rate: 1, Window: time.Hour}},
	} {
		in, dir := intake(t)
		in.Limits = c.limits
		source := trickle{c.every, make(chan struct{})}
		if _, err := in.Receive(t.Context(), newID(), media.Source{Body: source, Size: -1}); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		if left := onDisk(t, dir); len(left) != 0 {
			t.Errorf("%s left %v", name, left)
		}
	}
	in, _ := intake(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := in.Receive(ctx, newID(), media.Source{Body: trickle{time.Hour, make(chan struct{})}, Size: -1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's own deadline: %v", err)
	}
}

// provider answers as a media server may; the client is let through to it.
func provider(t *testing.T, handle http.HandlerFunc) (*http.Client, string) {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	client := media.Client(media.ClientConfig{Allow: func(hostPort string) bool { return "http://"+hostPort == server.URL }})
	t.Cleanup(client.CloseIdleConnections)
	return client, server.URL
}

func fetch(t *testing.T, in media.Intake, client *http.Client, url string) (media.File, string, error) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	id := newID()
	file, err := in.Fetch(t.Context(), id, client, req, "photo.jpg")
	return file, id, err
}

func TestAFetchedFileIsStoredAndComparedWithItsDigest(t *testing.T) {
	t.Parallel()
	photo := jpegOf(t, picture(40, 20))
	client, url := provider(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html") // B70: it lies
		_, _ = w.Write(photo)
	})
	in, _ := intake(t)
	file, id, err := fetch(t, in, client, url)
	if err != nil {
		t.Fatal(err)
	}
	if file.ContentType != "image/jpeg" || file.Inline || file.Agrees || file.Width != 40 || file.Size != int64(len(photo)) || file.Name != "photo.jpg" {
		t.Errorf("%+v", file)
	}
	if read(t, in.Store, id) != string(photo) {
		t.Error("stored otherwise")
	}
	sum := sha256.Sum256(photo)
	for _, same := range []string{"", hex.EncodeToString(sum[:]), strings.ToUpper(hex.EncodeToString(sum[:])), base64.StdEncoding.EncodeToString(sum[:]), base64.RawURLEncoding.EncodeToString(sum[:])} {
		if !file.Matches(same) {
			t.Errorf("does not match %q", same)
		}
	}
	for _, other := range []string{"x", hex.EncodeToString(sum[1:]), base64.StdEncoding.EncodeToString(sum[1:])} {
		if file.Matches(other) {
			t.Errorf("matches %q", other)
		}
	}
}

// B69, B70, F39: what a media server may answer, and what becomes of it.
func TestAFetchThatFailsHasACodeAndLeavesNothing(t *testing.T) {
	t.Parallel()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "an error page")
		}
	}
	for name, c := range map[string]struct {
		handle http.HandlerFunc
		code   chat.Code
	}{
		"404: the link expired": {status(http.StatusNotFound), chat.CodeNotFound},
		"401":                   {status(http.StatusUnauthorized), chat.CodeNotFound},
		"206":                   {status(http.StatusPartialContent), chat.CodeNotFound},
		"429":                   {status(http.StatusTooManyRequests), chat.CodeUnavailable},
		"503":                   {status(http.StatusServiceUnavailable), chat.CodeUnavailable},
		"302 to a private address": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, chat.CodeNotFound},
		"empty": {func(http.ResponseWriter, *http.Request) {}, chat.CodeEmptyMessage},
		"declared 10 GB": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(10<<30))
			_, _ = io.WriteString(w, "x")
		}, chat.CodeTooLarge},
		"endless": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, endless{}) }, chat.CodeTooLarge},
		"shorter than declared": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "short")
		}, chat.CodeUnavailable},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, chat.CodeUnavailable},
		"one byte, then silence": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, chat.CodeUnavailable},
		"silence": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, chat.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, dir := intake(t)
			in.Limits = media.Limits{Bytes: 1 << 20, Time: 30 * time.Second, Rate: 100, Window: 30 * time.Second}
			switch name {
			case "silence":
				in.Limits.Time = 100 * time.Millisecond
			case "one byte, then silence":
				in.Limits.Window = 100 * time.Millisecond
			}
			client, url := provider(t, c.handle)
			_, _, err := fetch(t, in, client, url+"/media?oh=canary-signature")
			if chat.CodeOf(err) != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error tells the link: %v", err)
			}
			if left := onDisk(t, dir); len(left) != 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

func TestAFetchFromAPrivateAddressIsForbidden(t *testing.T) {
	t.Parallel()
	in, _ := intake(t)
	client := media.Client(media.ClientConfig{})
	if _, _, err := fetch(t, in, client, "http://127.0.0.1:1/?oh=canary"); chat.CodeOf(err) != chat.CodeForbidden || !errors.Is(err, media.ErrBlocked) || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

// failing is a Store whose Puts fail at the n-th.
type failing struct {
	media.Store
	at  *int
	err error
}

func (f failing) Put(ctx context.Context, id string, r io.Reader, size int64, contentType string) error {
	if *f.at--; *f.at == 0 {
		return f.err
	}
	return f.Store.Put(ctx, id, r, size, contentType)
}

func TestAStoreThatFailsLeavesNothingEither(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for at := 1; at <= 2; at++ { // the file itself, then its preview
		in, dir := intake(t)
		n := at
		in.Store = failing{in.Store, &n, full}
		if _, err := in.Receive(t.Context(), newID(), media.Source{Body: bytes.NewReader(pngOf(t, picture(9, 9))), Size: -1}); !errors.Is(err, full) {
			t.Errorf("%d: %v", at, err)
		}
		if left := onDisk(t, dir); len(left) != 0 {
			t.Errorf("%d left %v", at, left)
		}
	}
}
