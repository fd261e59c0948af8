package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"gatehouse/gateway/web"
	"gatehouse/internal/chat"
	"gatehouse/internal/media"
)

type files interface {
	KeepUpload(ctx context.Context, p chat.Principal, u chat.Upload) error
	MediaFor(ctx context.Context, p chat.Principal, file chat.AttachmentID) (chat.Media, error)
}

// MaxUpload is the most bytes of a request with a file: the largest file, and what multipart puts around it.
const MaxUpload = 100<<20 + 64<<10

// UploadTime is how long an upload may take, a little longer than media.Limits.Time.
const UploadTime = 75 * time.Second

// Upload takes a file in, as the one part "file" of a multipart body. It is read as it comes and judged by its bytes.
func (a *API) Upload(c *web.Call, _ none) (web.Media, error) {
	body, _ := c.Stream()
	kind, params, err := mime.ParseMediaType(c.Header(fiber.HeaderContentType))
	if err != nil || kind != fiber.MIMEMultipartForm || params["boundary"] == "" {
		return web.Media{}, fiber.ErrUnsupportedMediaType
	}
	form := multipart.NewReader(body, params["boundary"])
	part, err := form.NextPart()
	if err != nil {
		return web.Media{}, broken(err)
	}
	if part.FormName() != "file" || part.FileName() == "" {
		return web.Media{}, chat.Errorf(chat.CodeInvalid, `one part named "file" with a file name is expected`).With("field", "file")
	}
	id := chat.NewID[chat.AttachmentID]()
	source := &brokenReader{r: part}
	file, err := a.Intake.Receive(c, id.String(), media.Source{
		Body: source, Size: -1, Type: part.Header.Get(fiber.HeaderContentType), Name: part.FileName(),
	})
	if err != nil {
		if source.err != nil {
			return web.Media{}, broken(source.err)
		}
		return web.Media{}, err
	}
	m := chat.Media{
		ID: id, State: chat.MediaReady, Type: file.ContentType, Name: file.Name, Size: file.Size, Width: file.Width, Height: file.Height,
		DurationMS: file.Duration.Milliseconds(), Animated: file.Animated, Thumb: file.Thumb,
	}
	if _, err := form.NextPart(); !errors.Is(err, io.EOF) {
		err = chat.Errorf(chat.CodeInvalid, "one part is expected").With("field", "file")
		return web.Media{}, errors.Join(err, a.discard(c, id))
	}
	if err := a.Desk.KeepUpload(c, c.P(), chat.Upload{Media: m}); err != nil {
		return web.Media{}, errors.Join(err, a.discard(c, id))
	}
	return web.NewMedia(m, a.links(c)), nil
}

// discard takes a stored file back. The caller may be gone by then.
func (a *API) discard(ctx context.Context, id chat.AttachmentID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(a.Intake.Store.Delete(ctx, id.String()), a.Intake.Store.Delete(ctx, media.ThumbID(id.String())))
}

// brokenReader remembers why its source broke off.
type brokenReader struct {
	r   io.Reader
	err error
}

func (b *brokenReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// broken is a body that ended before its end, or is none: the caller's business (RELIABILITY.md B66).
func broken(err error) error {
	if own, ok := errors.AsType[*chat.Error](err); ok {
		return own // over the limit
	}
	return chat.Errorf(chat.CodeInvalid, "the multipart body is malformed or broke off")
}

// Link is where a file can be had, for some minutes.
type Link struct {
	URL      string `json:"url"`
	ThumbURL string `json:"thumb_url,omitempty"`
}

type onFile struct {
	ID chat.AttachmentID `path:"id" json:"-"`
}

// MediaLink signs new links to a file.
func (a *API) MediaLink(c *web.Call, in onFile) (Link, error) {
	m, err := a.Desk.MediaFor(c, c.P(), in.ID)
	if err != nil {
		return Link{}, err
	}
	if m.State != chat.MediaReady {
		return Link{}, chat.Errorf(chat.CodeNotFound, "the file is not here").With("state", string(m.State))
	}
	var l Link
	l.URL, l.ThumbURL = a.links(c)(m)
	return l, nil
}

// links signs for the caller of c.
func (a *API) links(c *web.Call) web.Links {
	who := holder(c.Who)
	now := a.Now()
	return func(m chat.Media) (file, thumb string) {
		sign := func(blob string) string {
			return "/api/v1/media/" + m.ID.String() + "?" + a.Links.Sign(blob, who, true, now).Encode()
		}
		id := m.ID.String()
		file = sign(id)
		if m.Thumb {
			thumb = sign(media.ThumbID(id)) + "&t=1"
		}
		return file, thumb
	}
}

// holder names a link's principal.
func holder(who web.Who) string {
	if who.Session == "" {
		return "key:" + who.Principal.APIKeyID.String()
	}
	return "agent:" + who.Principal.AgentID.String()
}

// asHolder is the principal for whom a link was made. Whether they may see the file was asked when it was made, some
// minutes ago; whether there still is such a file is asked now.
func asHolder(name string) chat.Principal {
	p := chat.Principal{Role: chat.RoleAdmin}
	kind, id, _ := strings.Cut(name, ":")
	switch kind {
	case "agent":
		p.AgentID, _ = chat.ParseID[chat.AgentID](id) // it is signed: it was an id
	case "key":
		p.APIKeyID, _ = chat.ParseID[chat.APIKeyID](id)
	}
	return p
}

// MediaQuery is a signed link.
type MediaQuery struct {
	onFile
	Principal   string `query:"p" json:"-"`
	Disposition string `query:"d" json:"-"`
	Expires     string `query:"e" json:"-"`
	Signature   string `query:"s" json:"-"`
	Thumb       string `query:"t" enum:"1" json:"-"`
}

// Media serves a file to the holder of a link, whole or in part.
func (a *API) Media(c *web.Call, q MediaQuery) error {
	blob, id := q.ID.String(), q.ID.String()
	if q.Thumb != "" {
		blob = media.ThumbID(id)
	}
	grant, err := a.Links.Verify(blob, url.Values{"p": {q.Principal}, "d": {q.Disposition}, "e": {q.Expires}, "s": {q.Signature}}, a.Now())
	if err != nil {
		return err
	}
	p := asHolder(grant.Principal)
	if who, err := c.Identify(); err == nil && holder(who) == grant.Principal {
		p = who.Principal // in a browser that is signed in, a lost permission ends the link at once
	}
	m, err := a.Desk.MediaFor(c, p, q.ID)
	if err != nil {
		return err
	}
	if m.State != chat.MediaReady || q.Thumb != "" && !m.Thumb {
		return chat.Errorf(chat.CodeNotFound, "the file is not here")
	}
	// The body is read after this function has returned; the server's write timeout ends it.
	file, info, err := a.Intake.Store.Open(context.WithoutCancel(c), blob)
	if err != nil {
		return err
	}
	kind := m.Type
	if q.Thumb != "" {
		if kind, err = thumbType(file); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	f := c.Fiber()
	for name, value := range media.Headers(kind, m.Name, grant.Inline) {
		f.Set(name, value)
	}
	f.Set(fiber.HeaderCacheControl, "private, max-age=300, immutable")
	return serve(f, file, info.Size, `"`+blob+`"`)
}

// thumbType tells a preview's type by its first bytes: it is ours, a JPEG or a PNG.
func thumbType(f io.ReadSeeker) (string, error) {
	var head [16]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	if bytes.HasPrefix(head[:n], []byte("\x89PNG")) {
		return "image/png", nil
	}
	return "image/jpeg", nil
}

// serve writes a file, or the part of it that is asked for (RFC 9110 §14). What lies under an id never changes, so that its
// id is its strong validator.
func serve(c *fiber.Ctx, file io.ReadSeekCloser, size int64, tag string) error {
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderAcceptRanges, "bytes")
	if c.Get(fiber.HeaderIfNoneMatch) == tag {
		return errors.Join(c.SendStatus(http.StatusNotModified), file.Close())
	}
	from, length, partial := int64(0), size, false
	if r := c.Get(fiber.HeaderRange); r != "" && (c.Get(fiber.HeaderIfRange) == "" || c.Get(fiber.HeaderIfRange) == tag) {
		var ok bool
		from, length, partial, ok = byteRange(r, size)
		if !ok {
			c.Set(fiber.HeaderContentRange, "bytes */"+strconv.FormatInt(size, 10))
			return errors.Join(fiber.ErrRequestedRangeNotSatisfiable, file.Close())
		}
	}
	if partial {
		c.Set(fiber.HeaderContentRange, "bytes "+strconv.FormatInt(from, 10)+"-"+strconv.FormatInt(from+length-1, 10)+"/"+strconv.FormatInt(size, 10))
		c.Status(http.StatusPartialContent)
	}
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return errors.Join(err, file.Close())
	}
	c.Context().SetBodyStream(section{io.LimitReader(file, length), file}, int(length))
	return nil
}

type section struct {
	io.Reader
	io.Closer
}

// byteRange reads a Range of one part. Several parts, and what is no range of bytes, are answered with the whole file; ok
// is false when the part lies outside it.
func byteRange(header string, size int64) (from, length int64, partial, ok bool) {
	spec, found := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !found || !dash || strings.Contains(spec, ",") {
		return 0, size, false, true
	}
	a, errA := strconv.ParseInt(first, 10, 64)
	b, errB := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && errB == nil && b >= 0: // the last b bytes
		b = min(b, size)
		return size - b, b, true, b > 0
	case errA != nil || a < 0 || last != "" && (errB != nil || b < a):
		return 0, size, false, true
	case a >= size:
		return 0, 0, false, false
	case last == "":
		b = size - 1
	}
	b = min(b, size-1)
	return a, b - a + 1, true, true
}
