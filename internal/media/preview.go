package media

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime"
	"time"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"gatehouse/internal/chat"
)

// PreviewSide is the longer side of a preview in pixels: 320 on a screen of double density.
const PreviewSide = 640

const (
	previewQuality = 80               // of JPEG
	maxDecode      = 64 << 20         // bytes that one image may take while it is decoded: 16 Mpx of PNG, 40 of JPEG
	maxDecodeTime  = 10 * time.Second // for one image
)

// Preview is a small copy of an image, without the original's metadata: no place, no camera, no comment.
type Preview struct {
	ContentType   string // image/jpeg, or image/png where the image is transparent
	Data          []byte
	Width, Height int
}

// Previewer makes previews, a few at a time: memory stays below some 150 MB for each. It is safe for concurrent use.
type Previewer struct{ slots chan struct{} }

// NewPreviewer returns a Previewer that decodes at most parallel images at once; 0 means half of the processors.
func NewPreviewer(parallel int) *Previewer {
	if parallel <= 0 {
		parallel = max(1, runtime.GOMAXPROCS(0)/2)
	}
	return &Previewer{slots: make(chan struct{}, parallel)}
}

// Preview makes the preview of an image. What ImageHeader refuses, it refuses the same way; what would take too much
// memory or time, and animated WebP, which has no decoder here, it refuses with chat.CodeNotSupported; what is damaged
// with chat.CodeInvalid.
func (p *Previewer) Preview(ctx context.Context, r io.ReadSeeker) (Preview, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return Preview{}, fmt.Errorf("media: %w", context.Cause(ctx))
	}
	timed, cancel := context.WithTimeout(ctx, maxDecodeTime)
	defer cancel()
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Preview{}, fmt.Errorf("media: %w", err)
	}
	header, err := ImageHeader(contextReader{timed, r})
	if err != nil {
		return Preview{}, err
	}
	if header.decodeBytes > maxDecode || header.ContentType == "image/webp" && header.Frames > 1 {
		return Preview{}, chat.Errorf(chat.CodeNotSupported, "no preview of this image")
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Preview{}, fmt.Errorf("media: %w", err)
	}
	img, err := decode(contextReader{timed, r}, header.ContentType)
	switch {
	case ctx.Err() != nil:
		return Preview{}, fmt.Errorf("media: %w", context.Cause(ctx))
	case timed.Err() != nil:
		return Preview{}, chat.Errorf(chat.CodeNotSupported, "the preview takes too long")
	case err != nil:
		return Preview{}, chat.Errorf(chat.CodeInvalid, "damaged image: %w", err)
	}
	return encode(turn(shrink(img), header.orientation))
}

// decode decodes the first frame. A decoder that panics on what a stranger sent has found it damaged.
func decode(r io.Reader, contentType string) (img image.Image, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("decoder: %v", v)
		}
	}()
	switch contentType {
	case "image/jpeg":
		return jpeg.Decode(r)
	case "image/png":
		return png.Decode(r)
	case "image/gif":
		return gif.Decode(r)
	default:
		return webp.Decode(r)
	}
}

// shrink fits an image into PreviewSide, in two steps: the good filter needs 32 bytes for each source row's pixel, so
// that it is given twice the target and not the original.
func shrink(src image.Image) *image.RGBA {
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	if longer := max(w, h); longer > PreviewSide {
		w, h = max(1, w*PreviewSide/longer), max(1, h*PreviewSide/longer)
	}
	if sw, sh := src.Bounds().Dx(), src.Bounds().Dy(); sw > 2*w || sh > 2*h {
		half := image.NewRGBA(image.Rect(0, 0, min(sw, 2*w), min(sh, 2*h)))
		draw.ApproxBiLinear.Scale(half, half.Bounds(), src, src.Bounds(), draw.Src, nil)
		src = half
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(dst, dst.Bounds(), src, src.Bounds(), draw.Src, nil)
	return dst
}

// turn applies an EXIF orientation: 2 mirrored, 3 upside down, 4 both, 5 to 8 the same with the axes exchanged.
func turn(src *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 {
		return src
	}
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	dst := image.NewRGBA(size)
	for y := range h {
		for x := range w {
			tx, ty := x, y
			switch orientation {
			case 2:
				tx = w - 1 - x
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				ty = h - 1 - y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			dst.SetRGBA(tx, ty, src.RGBAAt(x, y))
		}
	}
	return dst
}

func encode(img *image.RGBA) (Preview, error) {
	p := Preview{ContentType: "image/jpeg", Width: img.Bounds().Dx(), Height: img.Bounds().Dy()}
	var out bytes.Buffer
	var err error
	if img.Opaque() {
		err = jpeg.Encode(&out, img, &jpeg.Options{Quality: previewQuality})
	} else {
		p.ContentType = "image/png"
		err = png.Encode(&out, img)
	}
	if err != nil {
		return Preview{}, fmt.Errorf("media: %w", err)
	}
	p.Data = out.Bytes()
	return p, nil
}
