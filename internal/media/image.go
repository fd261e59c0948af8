package media

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"gatehouse/internal/chat"
)

// The limits of an image that we keep (RELIABILITY.md B63).
const (
	MaxPixels = 40_000_000 // width × height
	MaxFrames = 1000       // of an animation
)

// Image is what an image's headers say.
type Image struct {
	ContentType   string
	Width, Height int // pixels, as shown: turned by EXIF
	Frames        int // 1 unless it is animated

	orientation int   // of EXIF, 1 to 8
	decodeBytes int64 // memory that decoding takes, at most
}

// ImageHeader reads the dimensions of a JPEG, PNG, GIF or WebP, and for the ones that can be animated the number of
// frames, without decoding a pixel and in a few KB of memory. It refuses with chat.CodeMediaTooLarge what is over
// MaxPixels or MaxFrames, and with chat.CodeInvalid what is not such an image.
func ImageHeader(r io.Reader) (Image, error) {
	br := bufio.NewReader(r)
	magic, err := br.Peek(12)
	if err != nil && !errors.Is(err, io.EOF) {
		return Image{}, fmt.Errorf("media: %w", err)
	}
	var img Image
	switch {
	case bytes.HasPrefix(magic, []byte("\xff\xd8\xff")):
		img, err = jpegHeader(br)
	case bytes.HasPrefix(magic, []byte("\x89PNG\r\n\x1a\n")):
		img, err = pngHeader(br)
	case bytes.HasPrefix(magic, []byte("GIF87a")), bytes.HasPrefix(magic, []byte("GIF89a")):
		img, err = gifHeader(br)
	case len(magic) == 12 && string(magic[:4]) == "RIFF" && string(magic[8:]) == "WEBP":
		img, err = webpHeader(br)
	default:
		err = errNoImage
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errNoImage) {
		return Image{}, chat.Errorf(chat.CodeInvalid, "not a complete image")
	}
	if err != nil {
		return Image{}, fmt.Errorf("media: %w", err)
	}
	switch {
	case img.Width <= 0 || img.Height <= 0:
		return Image{}, chat.Errorf(chat.CodeInvalid, "an image without size")
	case int64(img.Width)*int64(img.Height) > MaxPixels:
		return Image{}, chat.Errorf(chat.CodeMediaTooLarge, "%d × %d pixels", img.Width, img.Height).With("limit_pixels", MaxPixels)
	case img.Frames > MaxFrames:
		return Image{}, chat.Errorf(chat.CodeMediaTooLarge, "over %d frames", MaxFrames).With("limit_frames", MaxFrames)
	}
	return img, nil
}

var errNoImage = errors.New("not an image")

// jpegHeader reads segments up to the frame header (ITU T.81, B.2).
func jpegHeader(r *bufio.Reader) (Image, error) {
	img := Image{ContentType: "image/jpeg", Frames: 1, orientation: 1}
	if _, err := r.Discard(2); err != nil {
		return img, err
	}
	for {
		marker, err := nextMarker(r)
		if err != nil {
			return img, err
		}
		var length [2]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return img, err
		}
		n := int(binary.BigEndian.Uint16(length[:])) - 2
		switch {
		case n < 0 || marker == 0xd9 || marker == 0xda: // the picture begins without having said its size
			return img, errNoImage
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			frame := make([]byte, n)
			if _, err := io.ReadFull(r, frame); err != nil {
				return img, err
			}
			return img, img.jpegFrame(frame, marker == 0xc2)
		case marker == 0xe1:
			app := make([]byte, n)
			if _, err := io.ReadFull(r, app); err != nil {
				return img, err
			}
			if tiff, ok := bytes.CutPrefix(app, []byte("Exif\x00\x00")); ok {
				img.orientation = exifOrientation(tiff)
			}
		default:
			if _, err := r.Discard(n); err != nil {
				return img, err
			}
		}
	}
}

// nextMarker skips fill bytes and markers that have no segment.
func nextMarker(r *bufio.Reader) (byte, error) {
	for {
		c, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if c != 0xff {
			return 0, errNoImage
		}
		for c == 0xff {
			if c, err = r.ReadByte(); err != nil {
				return 0, err
			}
		}
		if c != 0x01 && (c < 0xd0 || c > 0xd7) {
			return c, nil
		}
	}
}

// jpegFrame reads a frame header: precision, height, width, and each component's sampling factors.
func (img *Image) jpegFrame(frame []byte, progressive bool) error {
	if len(frame) < 6 || len(frame) < 6+3*int(frame[5]) {
		return errNoImage
	}
	img.Height = int(binary.BigEndian.Uint16(frame[1:]))
	img.Width = int(binary.BigEndian.Uint16(frame[3:]))
	var samples, widest, highest int64
	for c := range int(frame[5]) {
		h, v := int64(frame[7+3*c]>>4), int64(frame[7+3*c]&15)
		samples, widest, highest = samples+h*v, max(widest, h), max(highest, v)
	}
	if widest == 0 || highest == 0 {
		return errNoImage
	}
	img.decodeBytes = int64(img.Width) * int64(img.Height) * samples / (widest * highest)
	if frame[5] == 4 {
		img.decodeBytes *= 2 // converted into a second picture
	}
	if progressive {
		img.decodeBytes *= 5 // the coefficients are kept until the end, four bytes each
	}
	if img.orientation >= 5 {
		img.Width, img.Height = img.Height, img.Width
	}
	return nil
}

// exifOrientation finds tag 0x0112 in the first directory of a TIFF structure (Exif 2.32, 4.6.2); 1 where there is none.
func exifOrientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if string(tiff[:2]) == "II" {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	for n := order.Uint16(tiff[at:]); n > 0; n-- {
		entry := at + 2 + 12*int64(n-1)
		if entry+12 > int64(len(tiff)) || order.Uint16(tiff[entry:]) != 0x0112 {
			continue
		}
		if o := int(order.Uint16(tiff[entry+8:])); o >= 1 && o <= 8 {
			return o
		}
	}
	return 1
}

// pngHeader reads IHDR, and acTL if it comes before the picture (PNG third edition, 11.2.1 and 11.3.6.1).
func pngHeader(r *bufio.Reader) (Image, error) {
	img := Image{ContentType: "image/png", Frames: 1, orientation: 1}
	var head [8 + 8 + 13 + 4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return img, err
	}
	if string(head[12:16]) != "IHDR" {
		return img, errNoImage
	}
	width, height := binary.BigEndian.Uint32(head[16:]), binary.BigEndian.Uint32(head[20:])
	if width > 1<<31-1 || height > 1<<31-1 {
		return img, errNoImage
	}
	img.Width, img.Height = int(width), int(height)
	perPixel := int64(4)
	if head[24] == 16 {
		perPixel = 8
	}
	if head[28] != 0 {
		perPixel *= 2 // interlaced: each pass is decoded beside the whole
	}
	if pixels := int64(width) * int64(height); pixels <= MaxPixels { // else refused, and the product might overflow
		img.decodeBytes = pixels * perPixel
	}
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return img, err
		}
		length := int64(binary.BigEndian.Uint32(chunk[:]))
		switch string(chunk[4:]) {
		case "IDAT":
			return img, nil
		case "acTL":
			var frames [4]byte
			if _, err := io.ReadFull(r, frames[:]); err != nil {
				return img, err
			}
			img.Frames = max(1, int(binary.BigEndian.Uint32(frames[:])))
			length -= 4
		}
		if err := skip(r, length+4); err != nil {
			return img, err
		}
	}
}

// gifHeader reads the screen descriptor and counts image descriptors (GIF89a, 18 and 20). A file that ends early, as
// many do, counts what it has.
func gifHeader(r *bufio.Reader) (Image, error) {
	img := Image{ContentType: "image/gif", orientation: 1}
	var head [13]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return img, err
	}
	img.Width, img.Height = int(binary.LittleEndian.Uint16(head[6:])), int(binary.LittleEndian.Uint16(head[8:]))
	img.decodeBytes = int64(img.Width) * int64(img.Height) * 2
	err := skip(r, colorTable(head[10]))
	for err == nil && img.Frames <= MaxFrames {
		var kind byte
		if kind, err = r.ReadByte(); err != nil {
			break
		}
		switch kind {
		case 0x21: // an extension: its label, then blocks
			if err = skip(r, 1); err == nil {
				err = skipBlocks(r)
			}
		case 0x2c: // a frame: descriptor, colours, code size, then blocks
			var frame [9]byte
			if _, err = io.ReadFull(r, frame[:]); err == nil {
				img.Frames++
				if err = skip(r, colorTable(frame[8])+1); err == nil {
					err = skipBlocks(r)
				}
			}
		case 0x3b:
			err = io.EOF
		default:
			err = errNoImage
		}
	}
	if img.Frames > 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
		err = nil
	}
	return img, err
}

func colorTable(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

func skipBlocks(r *bufio.Reader) error {
	for {
		n, err := r.ReadByte()
		if err != nil || n == 0 {
			return err
		}
		if err := skip(r, int64(n)); err != nil {
			return err
		}
	}
}

// webpHeader reads the first chunk, which says the size in one of three ways, and counts ANMF chunks of an animation
// (RFC 9649, 2.5 to 2.7).
func webpHeader(r *bufio.Reader) (Image, error) {
	img := Image{ContentType: "image/webp", Frames: 1, orientation: 1}
	var head [12 + 8 + 10]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return img, err
	}
	length, body := int64(binary.LittleEndian.Uint32(head[16:])), head[20:]
	animated := false
	switch string(head[12:16]) {
	case "VP8 ":
		if string(body[3:6]) != "\x9d\x01\x2a" {
			return img, errNoImage
		}
		img.Width, img.Height = int(binary.LittleEndian.Uint16(body[6:])&0x3fff), int(binary.LittleEndian.Uint16(body[8:])&0x3fff)
	case "VP8L":
		if body[0] != 0x2f {
			return img, errNoImage
		}
		bits := binary.LittleEndian.Uint32(body[1:])
		img.Width, img.Height = int(bits&0x3fff)+1, int(bits>>14&0x3fff)+1
	case "VP8X":
		if length != 10 {
			return img, errNoImage
		}
		animated = body[0]&2 != 0
		img.Width, img.Height = int(uint24(body[4:]))+1, int(uint24(body[7:]))+1
	default:
		return img, errNoImage
	}
	img.decodeBytes = int64(img.Width) * int64(img.Height) * 9 // colours, and transparency compressed as a second picture
	if animated {
		return img, countFrames(r, &img)
	}
	return img, nil
}

func countFrames(r *bufio.Reader, img *Image) error {
	img.Frames = 0
	for img.Frames <= MaxFrames {
		var chunk [8]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			if img.Frames > 0 {
				return nil
			}
			return err
		}
		if string(chunk[:4]) == "ANMF" {
			img.Frames++
		}
		length := int64(binary.LittleEndian.Uint32(chunk[4:]))
		if err := skip(r, length+length%2); err != nil {
			return err
		}
	}
	return nil
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

func skip(r *bufio.Reader, n int64) error {
	if n < 0 {
		return errNoImage
	}
	_, err := io.CopyN(io.Discard, r, n)
	return err
}
