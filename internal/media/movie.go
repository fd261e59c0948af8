package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"gatehouse/internal/chat"
)

const (
	maxMovieBox = 8 << 20 // bytes of a table of contents, which is read into memory
	maxBoxes    = 64      // looked at before it: each may cost a request to the bucket
)

// MovieHeader returns the picture size, turned as it is shown, and the length of an MP4, MOV or 3GP file of so many
// bytes (ISO/IEC 14496-12, 8.2 and 8.3). Sound alone has no picture size. What has no table of contents, or a strange one, is
// refused with chat.CodeNotSupported.
func MovieHeader(r io.ReadSeeker, size int64) (width, height int, length time.Duration, err error) {
	movie, err := movieBox(r, size)
	if err != nil {
		return 0, 0, 0, err
	}
	for kind, body := range boxes(movie) {
		switch kind {
		case "mvhd":
			length = movieLength(body)
		case "trak":
			for kind, body := range boxes(body) {
				if kind == "tkhd" && width == 0 {
					width, height = trackSize(body)
				}
			}
		}
	}
	return width, height, length, nil
}

// movieBox finds the moov box, at the file's beginning or behind all the pictures, and reads it.
func movieBox(r io.ReadSeeker, size int64) ([]byte, error) {
	at := int64(0)
	for n := 0; at < size && n < maxBoxes; n++ {
		if _, err := r.Seek(at, io.SeekStart); err != nil {
			return nil, fmt.Errorf("media: %w", err)
		}
		var head [16]byte
		got, err := io.ReadFull(r, head[:])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("media: %w", err)
		}
		length, start := int64(binary.BigEndian.Uint32(head[:])), int64(8)
		switch length {
		case 0: // to the end of the file
			length = size - at
		case 1:
			length, start = int64(binary.BigEndian.Uint64(head[8:])), 16
		}
		if int64(got) < start || length < start || length > size-at {
			break
		}
		if string(head[4:8]) == "moov" {
			if length > maxMovieBox {
				break
			}
			movie := make([]byte, length-start)
			if _, err := r.Seek(at+start, io.SeekStart); err != nil {
				return nil, fmt.Errorf("media: %w", err)
			}
			if _, err := io.ReadFull(r, movie); err != nil {
				return nil, fmt.Errorf("media: %w", err)
			}
			return movie, nil
		}
		at += length
	}
	return nil, chat.Errorf(chat.CodeNotSupported, "the recording has no table of contents")
}

// boxes yields the boxes inside a box.
func boxes(b []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(b) >= 8 {
			n := int64(binary.BigEndian.Uint32(b))
			if n < 8 || n > int64(len(b)) || !yield(string(b[4:8]), b[8:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// movieLength reads mvhd: its clock's ticks a second, and the ticks.
func movieLength(b []byte) time.Duration {
	var rate, ticks uint64
	switch {
	case len(b) >= 20 && b[0] == 0:
		rate, ticks = uint64(binary.BigEndian.Uint32(b[12:])), uint64(binary.BigEndian.Uint32(b[16:]))
	case len(b) >= 32 && b[0] == 1:
		rate, ticks = uint64(binary.BigEndian.Uint32(b[20:])), binary.BigEndian.Uint64(b[24:])
	}
	if rate == 0 || ticks/rate > 24*3600 { // unknown (all ones), or nonsense
		return 0
	}
	return time.Duration(ticks/rate)*time.Second + time.Duration(ticks%rate)*time.Second/time.Duration(rate)
}

// trackSize reads the end of tkhd: a matrix of nine, of which the first and fifth are 0 in a picture that lies on its
// side, then width and height as 16.16 fixed point.
func trackSize(b []byte) (width, height int) {
	if len(b) < 84 {
		return 0, 0
	}
	matrix, size := b[len(b)-44:], b[len(b)-8:]
	width, height = int(binary.BigEndian.Uint16(size)), int(binary.BigEndian.Uint16(size[4:]))
	if binary.BigEndian.Uint32(matrix) == 0 && binary.BigEndian.Uint32(matrix[16:]) == 0 {
		return height, width
	}
	return width, height
}
