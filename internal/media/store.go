package media

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/chat"
)

// Store keeps the bytes of files under ids of ours. A file is there whole or not at all: what Put could not finish is
// not to be seen, after a crash neither. Names, types and owners are in the database.
type Store interface {
	// Put stores what r gives under id, replacing what was there, and returns when it would survive a power cut. Size
	// is what r must give to the byte, or -1 if it is not known; more or less is refused with chat.CodeInvalid.
	// ContentType is a note to whoever looks into the store by other means.
	Put(ctx context.Context, id string, r io.Reader, size int64, contentType string) error
	// Open returns a file for reading; ctx must live as long as it is read. An id that is not there is refused with
	// chat.CodeNotFound.
	Open(ctx context.Context, id string) (io.ReadSeekCloser, Info, error)
	// Delete removes a file. That there is none is no error.
	Delete(ctx context.Context, id string) error
}

// Info is what a Store knows of a file.
type Info struct {
	Size    int64 // bytes
	ModTime time.Time
}

// ThumbID returns the id under which the preview of a file is stored.
func ThumbID(id string) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte("gatehouse preview "+id)).String()
}

// checkID admits the canonical form of a UUID only, so that an id can neither be a path nor be spelled in two ways.
func checkID(id string) error {
	if u, err := uuid.Parse(id); err != nil || u == uuid.Nil || u.String() != id {
		return chat.Errorf(chat.CodeNotFound, "no such file")
	}
	return nil
}

func errNoFile(id string) error { return chat.Errorf(chat.CodeNotFound, "no file %s", id) }

// copyExactly copies r to w until its end or until ctx is over, and refuses what is not of the declared size.
func copyExactly(ctx context.Context, w io.Writer, r io.Reader, size int64) (int64, error) {
	r = contextReader{ctx, r}
	if size >= 0 {
		r = io.LimitReader(r, size+1)
	}
	n, err := io.Copy(w, r)
	switch {
	case err != nil:
		return n, err
	case size >= 0 && n != size:
		return n, chat.Errorf(chat.CodeInvalid, "the file has not the declared size of %d bytes", size).With("size", size)
	}
	return n, nil
}

// contextReader ends with the context's cause.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, fmt.Errorf("media: %w", context.Cause(c.ctx))
	}
	return c.r.Read(p)
}
