package media_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"
)

// picture is an image whose upper left quarter is red, upper right green, lower left blue and lower right white.
func picture(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{255, 255, 255, 255}
			switch {
			case x < w/2 && y < h/2:
				c = color.NRGBA{255, 0, 0, 255}
			case y < h/2:
				c = color.NRGBA{0, 255, 0, 255}
			case x < w/2:
				c = color.NRGBA{0, 0, 255, 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

func jpegOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gifOf(t testing.TB, w, h, frames int) []byte {
	t.Helper()
	g := &gif.GIF{}
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withExif puts an Exif segment behind a JPEG's first marker: an orientation, and a place.
func withExif(jpg []byte, orientation uint16) []byte {
	tiff := []byte("MM\x00\x2a\x00\x00\x00\x08" + "\x00\x02")
	tiff = append(tiff, "\x01\x0e\x00\x02\x00\x00\x00\x04abc\x00"...) // ImageDescription
	tiff = append(tiff, "\x01\x12\x00\x03\x00\x00\x00\x01"...)
	tiff = binary.BigEndian.AppendUint16(tiff, orientation)
	tiff = append(tiff, "\x00\x00\x00\x00\x00\x00GPS:41.0082N28.9784E"...)
	segment := append([]byte("\xff\xe1\x00\x00Exif\x00\x00"), tiff...)
	binary.BigEndian.PutUint16(segment[2:], uint16(len(segment)-2))
	return slices.Concat(jpg[:2], segment, jpg[2:])
}

// pngClaiming is the beginning of a PNG that says it has this size, with an acTL chunk if frames is not 0.
func pngClaiming(w, h, frames uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
	b = binary.BigEndian.AppendUint32(b, w)
	b = binary.BigEndian.AppendUint32(b, h)
	b = append(b, 8, 6, 0, 0, 0, 0, 0, 0, 0)
	if frames > 0 {
		b = append(b, "\x00\x00\x00\x08acTL"...)
		b = binary.BigEndian.AppendUint32(b, frames)
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	return append(b, "\x00\x00\x00\x00IDAT\x00\x00\x00\x00"...)
}

// pngBomb is a small PNG of w × h transparent pixels.
func pngBomb(t testing.TB, w, h int) []byte {
	t.Helper()
	var pixels bytes.Buffer
	z, err := zlib.NewWriterLevel(&pixels, zlib.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]byte, 1+4*w)
	for range h {
		if _, err := z.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	chunk := func(kind string, content []byte) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
		b = append(append(b, kind...), content...)
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
	}
	size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(size, 8, 6, 0, 0, 0)), chunk("IDAT", pixels.Bytes()), chunk("IEND", nil))
}

// jpegClaiming is the beginning of a JPEG that says it has this size.
func jpegClaiming(w, h uint16) []byte {
	b := []byte("\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc0\x00\x11\x08")
	b = binary.BigEndian.AppendUint16(b, h)
	b = binary.BigEndian.AppendUint16(b, w)
	return append(b, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0, 0xff, 0xda)
}

// The smallest WebP files of each kind, 1 × 1 pixel.
const (
	webpLossy    = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"
	webpLossless = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="
	webpAlpha    = "UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR/Q9ERP8DAABWUDggGAAAABQBAJ0BKgEAAQAAAP4AAA3AAP7mtQAAAA=="
	webpAnimated = "UklGRlIAAABXRUJQVlA4WAoAAAASAAAAAAAAAAAAQU5JTQYAAAD/////AABBTk1GJgAAAAAAAAAAAAAAAAAAAGQAAABWUDhMDQAAAC8AAAAQBxAREYiI/gcA"
)

func decoded(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// webpFrames is an animation with so many frames that hold nothing.
func webpFrames(n int) []byte {
	b := []byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x09\x00\x00\x09\x00\x00")
	for range n {
		b = append(b, "ANMF\x00\x00\x00\x00"...)
	}
	return b
}

// oggPage is one page of an Ogg stream.
func oggPage(serial uint32, samples int64, content string) []byte {
	b := []byte("OggS\x00\x00")
	b = binary.LittleEndian.AppendUint64(b, uint64(samples))
	b = binary.LittleEndian.AppendUint32(b, serial)
	b = append(b, make([]byte, 8)...) // page number, checksum
	b = append(b, 1, byte(len(content)))
	return append(b, content...)
}

// opus is a voice note of so many samples at 48 kHz after a pre-skip of 312.
func opus(samples int64) []byte {
	head := "OpusHead\x01\x01" + "\x38\x01" + "\x80\xbb\x00\x00\x00\x00\x00"
	return slices.Concat(
		oggPage(7, 0, head),
		oggPage(7, 0, "OpusTags\x00\x00\x00\x00\x00\x00\x00\x00"),
		oggPage(7, 960, strings.Repeat("s", 200)),
		oggPage(7, samples+312, "last"),
	)
}

// box is a box of an MP4 file.
func box(kind string, content ...[]byte) []byte {
	body := slices.Concat(content...)
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return slices.Concat(b, []byte(kind), body)
}

// movie is the moov box of a video of so many milliseconds; sideways turns it by the track's matrix.
func movie(w, h uint16, milliseconds uint32, sideways bool) []byte {
	mvhd := make([]byte, 100)
	binary.BigEndian.PutUint32(mvhd[12:], 1000)
	binary.BigEndian.PutUint32(mvhd[16:], milliseconds)
	tkhd := make([]byte, 84)
	matrix := tkhd[40:]
	if sideways {
		binary.BigEndian.PutUint32(matrix[4:], 1<<16)
		binary.BigEndian.PutUint32(matrix[12:], 0xffff<<16)
	} else {
		binary.BigEndian.PutUint32(matrix, 1<<16)
		binary.BigEndian.PutUint32(matrix[16:], 1<<16)
	}
	binary.BigEndian.PutUint16(tkhd[76:], w)
	binary.BigEndian.PutUint16(tkhd[80:], h)
	return box("moov", box("mvhd", mvhd), box("trak", box("tkhd", make([]byte, 84))), box("trak", box("tkhd", tkhd)))
}

const ftypMP4 = "\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41"

// zipOf is an archive of empty files.
func zipOf(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, n := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: n})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
