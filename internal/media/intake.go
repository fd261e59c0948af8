package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/internal/chat"
)

// Limits bound what is taken in.
type Limits struct {
	Bytes  int64         // of one file
	Time   time.Duration // from the first byte to the last
	Rate   int64         // bytes a second that must arrive …
	Window time.Duration // … in each such time
}

// DefaultLimits is 100 MB (WhatsApp's largest inbound file) in 60 s, never slower than 1 KiB/s over 10 s.
func DefaultLimits() Limits {
	return Limits{Bytes: 100 << 20, Time: 60 * time.Second, Rate: 1 << 10, Window: 10 * time.Second}
}

// Intake is the one way by which files come in, from providers, agents and visitors alike.
type Intake struct {
	Store    Store
	Previews *Previewer
	Limits   Limits
}

// Source is a file on its way in, with what its sender claims of it.
type Source struct {
	Body io.Reader // closed when time is up, if it can be closed, to unblock a read; otherwise left to the caller
	Size int64     // bytes; -1 if not declared
	Type string    // Content-Type
	Name string    // file name
}

// File is a file that was taken in.
type File struct {
	Type
	Name          string // made safe
	Size          int64  // bytes
	SHA256        [sha256.Size]byte
	Width, Height int // pixels; 0 if not known
	Animated      bool
	Duration      time.Duration // of a recording; 0 if not known
	Thumb         bool          // a preview lies under ThumbID
}

// Receive takes a file in and stores it under id, a preview of an image beside it. After an error nothing is left in
// the store. Errors: chat.CodeTooLarge over the limit, chat.CodeEmptyMessage for a file without content,
// chat.CodeMediaTooLarge for too many pixels or frames, chat.CodeInvalid for another size than declared,
// chat.CodeUnavailable for a source that broke off or is too slow, and the Store's own.
func (in Intake) Receive(ctx context.Context, id string, src Source) (File, error) {
	if src.Size == 0 {
		return File{}, errEmpty()
	}
	if src.Size > in.Limits.Bytes {
		return File{}, errTooLarge(in.Limits.Bytes)
	}
	file, err := in.store(ctx, id, src)
	if err == nil {
		err = in.measure(ctx, id, &file)
	}
	if err != nil {
		// The caller's context may be over; what it began must be undone nevertheless.
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return File{}, errors.Join(err, in.Remove(undo, id))
	}
	return file, nil
}

// Remove deletes a file and its preview. That there is none is no error.
func (in Intake) Remove(ctx context.Context, id string) error {
	return errors.Join(in.Store.Delete(ctx, id), in.Store.Delete(ctx, ThumbID(id)))
}

// store streams the source into the store, counting, hashing and judging it on the way.
func (in Intake) store(ctx context.Context, id string, src Source) (File, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m := &meter{r: src.Body, limit: in.Limits.Bytes, sum: sha256.New()}
	defer in.watch(m, cancel)()
	if closer, ok := src.Body.(io.Closer); ok {
		defer context.AfterFunc(ctx, func() { _ = closer.Close() })() // only to unblock a read
	}

	head := make([]byte, SniffLen)
	n, err := io.ReadFull(contextReader{ctx, m}, head)
	head = head[:n]
	file := File{Type: Sniff(head, src.Type, src.Name), Name: SafeName(src.Name)}
	switch {
	case errors.Is(err, io.EOF):
		err = errEmpty()
	case err == nil || errors.Is(err, io.ErrUnexpectedEOF) && m.err == nil:
		err = in.Store.Put(ctx, id, io.MultiReader(bytes.NewReader(head), m), src.Size, file.ContentType)
	}
	if err != nil {
		return File{}, m.explain(err, context.Cause(ctx))
	}
	file.Size = m.count.Load()
	m.sum.Sum(file.SHA256[:0])
	return file, nil
}

var errSlow = errors.New("the file comes too slowly")

// watch ends the transfer when its time is up or when too little arrived in a window. The returned function stops it.
func (in Intake) watch(m *meter, cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	go func() {
		deadline, tick := time.NewTimer(in.Limits.Time), time.NewTicker(in.Limits.Window)
		defer deadline.Stop()
		defer tick.Stop()
		least, before := max(1, in.Limits.Rate*int64(in.Limits.Window)/int64(time.Second)), int64(0)
		for {
			select {
			case <-done:
				return
			case <-deadline.C:
				cancel(errSlow)
				return
			case <-tick.C:
				now := m.count.Load()
				if now-before < least {
					cancel(errSlow)
					return
				}
				before = now
			}
		}
	}()
	return func() { close(done) }
}

// meter counts, hashes and bounds what is read through it. It remembers the source's error, which a Store may wrap.
type meter struct {
	r     io.Reader
	limit int64
	sum   hash.Hash
	count atomic.Int64
	err   error
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.sum.Write(p[:n])
	if m.count.Add(int64(n)) > m.limit {
		return n, errTooLarge(m.limit)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}

// explain says why a transfer failed: because it was ended, because of what came, because the source broke off, or
// because of the store.
func (m *meter) explain(err, ended error) error {
	var refused *chat.Error
	switch {
	case errors.Is(ended, errSlow):
		return chat.Errorf(chat.CodeUnavailable, "%w", errSlow)
	case ended != nil:
		return fmt.Errorf("media: %w", ended)
	case m.err != nil && !errors.As(err, &refused):
		return chat.Errorf(chat.CodeUnavailable, "the file broke off: %w", m.err)
	}
	return err
}

// measure looks into a stored file: the header and preview of an image, the length of a recording, both of a video. It
// fails where the file is refused or the store fails; what it cannot find out stays zero.
func (in Intake) measure(ctx context.Context, id string, file *File) error {
	blob, info, err := in.Store.Open(ctx, id)
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }() // read only: nothing is lost by a failing close
	switch file.ContentType {
	case "audio/ogg":
		file.Duration, err = AudioDuration(blob)
		return unless(err, chat.CodeNotSupported)
	case "video/mp4", "video/quicktime", "video/3gpp", "audio/mp4", "audio/3gpp":
		file.Width, file.Height, file.Duration, err = MovieHeader(blob, info.Size)
		return unless(err, chat.CodeNotSupported)
	case "image/jpeg", "image/png", "image/gif", "image/webp":
		return in.measureImage(ctx, id, blob, file)
	}
	return nil
}

// measureImage refuses an image of too many pixels. One without a proper header is not an image, whatever its first
// bytes say.
func (in Intake) measureImage(ctx context.Context, id string, blob io.ReadSeeker, file *File) error {
	header, err := ImageHeader(blob)
	if err != nil {
		file.Type = known(unknownType)
		return unless(err, chat.CodeInvalid)
	}
	file.Width, file.Height, file.Animated = header.Width, header.Height, header.Frames > 1
	preview, err := in.Previews.Preview(ctx, blob)
	if err != nil {
		return unless(err, chat.CodeNotSupported, chat.CodeInvalid) // it is shown without one
	}
	err = in.Store.Put(ctx, ThumbID(id), bytes.NewReader(preview.Data), int64(len(preview.Data)), preview.ContentType)
	file.Thumb = err == nil
	return err
}

// unless returns err, or nil if its code is one of those that are no failure here.
func unless(err error, codes ...chat.Code) error {
	for _, c := range codes {
		if err != nil && chat.CodeOf(err) == c {
			return nil
		}
	}
	return err
}

// Fetch makes a request with the outbound client and takes the answer's body in as Receive does. Name is what the file
// is called, if anybody said. A request that failed, a 429 and a 5xx are chat.CodeUnavailable; every other answer but 200
// is chat.CodeNotFound: the link has expired. An address that is not allowed is chat.CodeForbidden.
func (in Intake) Fetch(ctx context.Context, id string, client *http.Client, req *http.Request, name string) (File, error) {
	transfer, cancel := context.WithTimeout(ctx, in.Limits.Time)
	defer cancel()
	resp, err := client.Do(req.WithContext(transfer)) //nolint:gosec // G704: guarding against it is what Client is for
	if err != nil {
		if outer := (*url.Error)(nil); errors.As(err, &outer) {
			err = outer.Err // its text is the whole URL, and the URL is a key
		}
		if errors.Is(err, ErrBlocked) {
			return File{}, chat.Errorf(chat.CodeForbidden, "%w", err)
		}
		return File{}, chat.Errorf(chat.CodeUnavailable, "fetch: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // whatever it says, the file is here or the error is
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return File{}, chat.Errorf(chat.CodeUnavailable, "fetch: status %d", resp.StatusCode).With("status", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return File{}, chat.Errorf(chat.CodeNotFound, "fetch: status %d", resp.StatusCode).With("status", resp.StatusCode)
	}
	return in.Receive(ctx, id, Source{Body: resp.Body, Size: resp.ContentLength, Type: resp.Header.Get("Content-Type"), Name: name})
}

// Matches reports whether a file has the SHA-256 that a provider declared, in hex or base64: Meta uses both
// (PROTOCOLS.md §4). An empty declaration matches.
func (f File) Matches(declared string) bool {
	if declared == "" {
		return true
	}
	return strings.EqualFold(declared, hex.EncodeToString(f.SHA256[:])) ||
		strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(declared), "=") == base64.RawStdEncoding.EncodeToString(f.SHA256[:])
}

func errEmpty() error { return chat.Errorf(chat.CodeEmptyMessage, "the file is empty") }

func errTooLarge(limit int64) error {
	return chat.Errorf(chat.CodeTooLarge, "the file is over %d bytes", limit).With("limit", limit)
}
