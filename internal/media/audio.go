package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"gatehouse/internal/chat"
)

// oggTail is where the last page of an Ogg file begins at the latest: a page has at most 65,307 bytes (RFC 3533, 6).
const oggTail = 65_307

// AudioDuration returns how long an Ogg/Opus recording plays, what voice notes are. It reads the first page, and the
// last one, whose position counts 48,000 samples a second from before the first one heard (RFC 7845, 4). Anything else
// is refused with chat.CodeNotSupported.
func AudioDuration(r io.ReadSeeker) (time.Duration, error) {
	head := make([]byte, 28+255+19)
	n, err := io.ReadFull(r, head)
	if err != nil && n == 0 {
		return 0, fmt.Errorf("media: %w", err)
	}
	head = head[:n]
	opus := bytes.Index(head, []byte("OpusHead"))
	if !bytes.HasPrefix(head, []byte("OggS")) || opus < 28 || opus+12 > n {
		return 0, chat.Errorf(chat.CodeNotSupported, "not an Opus recording")
	}
	serial := head[14:18]
	preSkip := int64(binary.LittleEndian.Uint16(head[opus+10:]))

	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, fmt.Errorf("media: %w", err)
	}
	if _, err := r.Seek(max(0, size-oggTail), io.SeekStart); err != nil {
		return 0, fmt.Errorf("media: %w", err)
	}
	tail, err := io.ReadAll(io.LimitReader(r, oggTail))
	if err != nil {
		return 0, fmt.Errorf("media: %w", err)
	}
	for page := len(tail); ; {
		page = bytes.LastIndex(tail[:page], []byte("OggS"))
		if page < 0 {
			return 0, chat.Errorf(chat.CodeNotSupported, "the recording has no end")
		}
		if len(tail)-page < 18 || !bytes.Equal(tail[page+14:page+18], serial) {
			continue
		}
		samples := int64(binary.LittleEndian.Uint64(tail[page+6:]))
		if samples < 0 { // -1: no packet ends on this page
			continue
		}
		samples = max(0, samples-preSkip)
		if samples > 48_000*24*3600 {
			return 0, chat.Errorf(chat.CodeNotSupported, "the recording claims more than a day")
		}
		return time.Duration(samples) * time.Second / 48_000, nil
	}
}
