package media_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/media"
)

func TestAnImageHeaderTellsSizeAndFrames(t *testing.T) {
	t.Parallel()
	photo := jpegOf(t, picture(64, 48))
	for name, c := range map[string]struct {
		file                  []byte
		contentType           string
		width, height, frames int
	}{
		"jpeg":                     {photo, "image/jpeg", 64, 48, 1},
		"jpeg lying on its side":   {withExif(photo, 6), "image/jpeg", 48, 64, 1},
		"jpeg upside down":         {withExif(photo, 3), "image/jpeg", 64, 48, 1},
		"jpeg of odd orientation":  {withExif(photo, 99), "image/jpeg", 64, 48, 1},
		"jpeg as large as allowed": {jpegClaiming(8000, 5000), "image/jpeg", 8000, 5000, 1},
		"png":                      {pngOf(t, picture(5, 7)), "image/png", 5, 7, 1},
		"png, animated":            {pngClaiming(5, 7, 12), "image/png", 5, 7, 12},
		"gif":                      {gifOf(t, 9, 4, 1), "image/gif", 9, 4, 1},
		"gif, animated":            {gifOf(t, 9, 4, 17), "image/gif", 9, 4, 17},
		"gif, cut off":             {gifOf(t, 9, 4, 17)[:300], "image/gif", 9, 4, 8},
		"gif, as long as allowed":  {gifOf(t, 1, 1, media.MaxFrames), "image/gif", 1, 1, media.MaxFrames},
		"webp, lossy":              {decoded(t, webpLossy), "image/webp", 1, 1, 1},
		"webp, lossless":           {decoded(t, webpLossless), "image/webp", 1, 1, 1},
		"webp, transparent":        {decoded(t, webpAlpha), "image/webp", 1, 1, 1},
		"webp, animated":           {decoded(t, webpAnimated), "image/webp", 1, 1, 1},
		"webp, many frames":        {webpFrames(30), "image/webp", 10, 10, 30},
	} {
		got, err := media.ImageHeader(bytes.NewReader(c.file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.ContentType != c.contentType || got.Width != c.width || got.Height != c.height || got.Frames != c.frames {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// B63: pixel floods and endless animations are refused by their headers.
func TestAnImageOverTheLimitIsRefusedByItsHeader(t *testing.T) {
	t.Parallel()
	for name, file := range map[string][]byte{
		"png 65500 × 65500":     pngClaiming(65_500, 65_500, 0),
		"png 2^31-1 squared":    pngClaiming(1<<31-1, 1<<31-1, 0),
		"png, a pixel too many": pngClaiming(media.MaxPixels+1, 1, 0),
		"jpeg 65500 × 65500":    jpegClaiming(65_500, 65_500),
		"gif 65500 × 65500":     append([]byte("GIF89a\xdc\xff\xdc\xff\x00\x00\x00"), gifOf(t, 1, 1, 1)[13:]...),
		"gif of 10000 frames":   gifOf(t, 1, 1, 10_000),
		"apng of 10000 frames":  pngClaiming(10, 10, 10_000),
		"webp of 10000 frames":  webpFrames(10_000),
		"webp 2^24 squared":     []byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff"),
		"webp 16383 squared":    []byte("RIFF\x00\x00\x00\x00WEBPVP8 \x0a\x00\x00\x00\x00\x00\x00\x9d\x01\x2a\xff\x3f\xff\x3f"),
	} {
		if got, err := media.ImageHeader(bytes.NewReader(file)); chat.CodeOf(err) != chat.CodeMediaTooLarge {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if _, err := media.NewPreviewer(1).Preview(t.Context(), bytes.NewReader(file)); chat.CodeOf(err) != chat.CodeMediaTooLarge {
			t.Errorf("%s: preview: %v", name, err)
		}
	}
}

func TestWhatIsNoCompleteImageIsInvalid(t *testing.T) {
	t.Parallel()
	photo := jpegOf(t, picture(8, 8))
	for name, file := range map[string][]byte{
		"nothing":             nil,
		"text":                []byte("hello"),
		"jpeg magic only":     []byte("\xff\xd8\xff"),
		"jpeg cut":            photo[:100],
		"jpeg without frame":  []byte("\xff\xd8\xff\xda\x00\x04ab\xff\xd9"),
		"jpeg of no height":   jpegClaiming(100, 0),
		"jpeg bad segment":    []byte("\xff\xd8\xff\xe0\x00\x01"),
		"jpeg no marker":      []byte("\xff\xd8\xff\xe0\x00\x02xyz"),
		"png cut":             pngOf(t, picture(2, 2))[:30],
		"png of no width":     pngClaiming(0, 5, 0),
		"png of 2^32-1":       pngClaiming(1<<32-1, 1, 0),
		"png, other chunk":    []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIDATxxxxxxxxxxxxxxxxx"),
		"gif without a frame": append(gifOf(t, 1, 1, 1)[:13], 0x3b),
		"gif of rubbish":      append(gifOf(t, 1, 1, 1)[:13], 0x99),
		"riff of sound":       []byte("RIFF\x00\x00\x00\x00WAVEfmt xxxxxxxxxxxxxxxxxx"),
		"webp, odd chunk":     []byte("RIFF\x00\x00\x00\x00WEBPEXIFxxxxxxxxxxxxxxxxxx"),
	} {
		if got, err := media.ImageHeader(bytes.NewReader(file)); chat.CodeOf(err) != chat.CodeInvalid {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := media.ImageHeader(readerFunc(func([]byte) (int, error) { return 0, errors.New("disk gone") })); err == nil || chat.CodeOf(err) == chat.CodeInvalid {
		t.Errorf("a failing disk: %v", err)
	}
}

// FuzzImageHeader: no panic, no more than a little memory, nothing over the limits.
func FuzzImageHeader(f *testing.F) {
	for _, seed := range [][]byte{
		jpegOf(f, picture(8, 8)), withExif(jpegOf(f, picture(8, 8)), 6), pngOf(f, picture(3, 3)), pngClaiming(9, 9, 3), gifOf(f, 3, 3, 3),
		decoded(f, webpLossy), decoded(f, webpLossless), decoded(f, webpAlpha), decoded(f, webpAnimated), jpegClaiming(65_500, 65_500), nil,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		img, err := media.ImageHeader(bytes.NewReader(file))
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Fatalf("%d bytes allocated", used)
		}
		if err == nil && (img.Width <= 0 || img.Height <= 0 || img.Width*img.Height > media.MaxPixels || img.Frames < 1 || img.Frames > media.MaxFrames) {
			t.Fatalf("accepted %+v", img)
		}
	})
}

func preview(t *testing.T, file []byte) (media.Preview, image.Image) {
	t.Helper()
	p, err := media.NewPreviewer(1).Preview(t.Context(), bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	img, format, err := image.Decode(bytes.NewReader(p.Data))
	if err != nil || p.ContentType != "image/"+format || img.Bounds().Dx() != p.Width || img.Bounds().Dy() != p.Height {
		t.Fatalf("%s %d×%d decodes as %s %v: %v", p.ContentType, p.Width, p.Height, format, img.Bounds(), err)
	}
	return p, img
}

func TestAPreviewFitsAndKeepsItsShape(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file          []byte
		width, height int
	}{
		"large jpeg":      {jpegOf(t, picture(1400, 1050)), 640, 480},
		"tall png":        {pngOf(t, picture(300, 1280)), 150, 640},
		"a bit too large": {pngOf(t, picture(650, 325)), 640, 320},
		"small":           {pngOf(t, picture(20, 10)), 20, 10},
		"a line":          {pngOf(t, picture(3000, 1)), 640, 1},
		"gif":             {gifOf(t, 800, 400, 3), 640, 320},
		"webp":            {decoded(t, webpLossless), 1, 1},
		"lossy webp":      {decoded(t, webpLossy), 1, 1},
	} {
		if p, _ := preview(t, c.file); p.Width != c.width || p.Height != c.height {
			t.Errorf("%s: %d × %d, want %d × %d", name, p.Width, p.Height, c.width, c.height)
		}
	}
}

// B67: a preview holds nothing of the original's metadata, and stands upright nevertheless.
func TestAPreviewStandsUprightWithoutMetadata(t *testing.T) {
	t.Parallel()
	const red, green, blue, white = "red", "green", "blue", "white"
	// What the corners show, from the upper left, clockwise, for each Exif orientation.
	for orientation, corners := range map[uint16][4]string{
		1: {red, green, white, blue},
		2: {green, red, blue, white},
		3: {white, blue, red, green},
		4: {blue, white, green, red},
		5: {red, blue, white, green},
		6: {blue, red, green, white},
		7: {white, green, red, blue},
		8: {green, white, blue, red},
	} {
		original := withExif(jpegOf(t, picture(80, 40)), orientation)
		if !bytes.Contains(original, []byte("GPS:41")) {
			t.Fatal("the original has no place")
		}
		p, img := preview(t, original)
		if bytes.Contains(p.Data, []byte("GPS")) || bytes.Contains(p.Data, []byte("Exif")) {
			t.Errorf("orientation %d: metadata in the preview", orientation)
		}
		if wide := p.Width > p.Height; wide != (orientation < 5) {
			t.Errorf("orientation %d: %d × %d", orientation, p.Width, p.Height)
		}
		right, bottom := p.Width-4, p.Height-4
		got := [4]string{name(img.At(3, 3)), name(img.At(right, 3)), name(img.At(right, bottom)), name(img.At(3, bottom))}
		if got != corners {
			t.Errorf("orientation %d shows %v, want %v", orientation, got, corners)
		}
	}
}

// name is the nearest of the four colours of picture.
func name(c color.Color) string {
	r, g, b, _ := c.RGBA()
	high := func(v uint32) bool { return v > 0x8000 }
	switch {
	case high(r) && high(g) && high(b):
		return "white"
	case high(r):
		return "red"
	case high(g):
		return "green"
	default:
		return "blue"
	}
}

func TestATransparentImageStaysTransparent(t *testing.T) {
	t.Parallel()
	img := picture(1000, 1000)
	for y := range 500 {
		for x := range 1000 {
			img.SetNRGBA(x, y, color.NRGBA{})
		}
	}
	p, small := preview(t, pngOf(t, img))
	if p.ContentType != "image/png" {
		t.Fatal(p.ContentType)
	}
	if _, _, _, a := small.At(300, 100).RGBA(); a != 0 {
		t.Errorf("alpha above is %d", a)
	}
	if _, _, _, a := small.At(300, 600).RGBA(); a != 0xffff {
		t.Errorf("alpha below is %d", a)
	}
}

func TestAnImageThatCannotBePreviewedSaysSo(t *testing.T) {
	t.Parallel()
	photo := jpegOf(t, picture(64, 64))
	progressive := jpegClaiming(6000, 6000)
	progressive[bytes.Index(progressive, []byte("\xff\xc0"))+1] = 0xc2
	for name, c := range map[string]struct {
		file []byte
		code chat.Code
	}{
		"animated webp":         {webpFrames(2), chat.CodeNotSupported},
		"progressive, 36 Mpx":   {progressive, chat.CodeNotSupported},
		"png of 16 bits":        {func() []byte { b := pngClaiming(6000, 6000, 0); b[24] = 16; return b }(), chat.CodeNotSupported},
		"png, interlaced":       {func() []byte { b := pngClaiming(6000, 6000, 0); b[28] = 1; return b }(), chat.CodeNotSupported},
		"jpeg cut in the image": {photo[:len(photo)/2+100], chat.CodeInvalid},
		"png without pixels":    {pngClaiming(100, 100, 0), chat.CodeInvalid},
		"webp without pixels":   {[]byte("RIFF\x00\x00\x00\x00WEBPVP8 \x0a\x00\x00\x00\x00\x00\x00\x9d\x01\x2a\x10\x00\x10\x00"), chat.CodeInvalid},
		"gif beyond its screen": {append([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"), gifOf(t, 50, 50, 1)[13:]...), chat.CodeInvalid},
		"text":                  {[]byte("hello"), chat.CodeInvalid},
	} {
		if _, err := media.NewPreviewer(0).Preview(t.Context(), bytes.NewReader(c.file)); chat.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestAPreviewEndsWithItsContext(t *testing.T) {
	t.Parallel()
	photo := jpegOf(t, picture(1000, 1000))
	ctx, cancel := context.WithCancel(t.Context())
	reads := 0
	r := &hooked{ReadSeeker: bytes.NewReader(photo), hook: func() {
		if reads++; reads == 3 {
			cancel()
		}
	}}
	p := media.NewPreviewer(1)
	if _, err := p.Preview(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled in the middle: %v", err)
	}
	if _, err := p.Preview(t.Context(), bytes.NewReader(photo)); err != nil {
		t.Errorf("the slot was not given back: %v", err)
	}
}

type hooked struct {
	io.ReadSeeker
	hook func()
}

func (h *hooked) Read(p []byte) (int, error) {
	h.hook()
	return h.ReadSeeker.Read(p[:min(len(p), 1000)])
}

// S43: images are decoded one after the other where one is allowed, and who waits can give up.
func TestPreviewsAreMadeAFewAtATime(t *testing.T) {
	t.Parallel()
	photo := pngOf(t, picture(16, 16))
	p := media.NewPreviewer(1)
	var mu sync.Mutex
	busy := 0
	inside, release := make(chan struct{}, 1), make(chan struct{})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			first := true
			r := &hooked{ReadSeeker: bytes.NewReader(photo), hook: func() {
				if !first {
					return
				}
				first = false
				mu.Lock()
				busy++
				if busy > 1 {
					t.Error("two images at once")
				}
				mu.Unlock()
				select {
				case inside <- struct{}{}:
					<-release
				default:
				}
				mu.Lock()
				busy--
				mu.Unlock()
			}}
			if _, err := p.Preview(t.Context(), r); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := p.Preview(ctx, bytes.NewReader(photo)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another is busy: %v", err)
	}
	close(release)
	all.Wait()
}

// S43: a hundred bombs, small files of many pixels, take little more memory than one.
func TestAHundredBombsTakeTheMemoryOfOne(t *testing.T) { // not parallel: it measures the heap
	bomb := pngBomb(t, 4000, 4000)
	if len(bomb) > 1<<20 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	var stats runtime.MemStats
	inUse := func() int64 {
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapSys - stats.HeapReleased)
	}
	debug.FreeOSMemory()
	start, peak := inUse(), int64(0)
	p := media.NewPreviewer(1)
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	var done atomic.Int32
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			_, err := p.Preview(ctx, bytes.NewReader(bomb))
			if err != nil && !errors.Is(err, context.Canceled) && chat.CodeOf(err) != chat.CodeNotSupported { // too slow here
				t.Error(err)
			}
			if done.Add(1) == 3 { // these tell; the rest would only take time
				peak = inUse()
				enough()
			}
		})
	}
	all.Wait()
	if grown := (peak - start) >> 20; grown > 200 {
		t.Errorf("the heap grew by %d MB", grown)
	}
}

func TestAVoiceNoteKnowsItsLength(t *testing.T) {
	t.Parallel()
	other := oggPage(8, 1<<40, "another stream")
	unfinished := oggPage(7, -1, "no packet ends here")
	for name, c := range map[string]struct {
		file []byte
		want time.Duration
	}{
		"three and a half seconds":  {opus(3.5 * 48000), 3500 * time.Millisecond},
		"nothing but the start":     {opus(-312), 0},
		"another stream at the end": {append(opus(48000), other...), time.Second},
		"an unfinished page":        {append(opus(48000), unfinished...), time.Second},
		"cut in its last page":      {append(opus(48000), "OggS\x00"...), time.Second},
		"large":                     {slices.Concat(opus(48000), bytes.Repeat(oggPage(7, 5*48000+312, strings.Repeat("x", 255)), 1000)), 5 * time.Second},
	} {
		if got, err := media.AudioDuration(bytes.NewReader(c.file)); got != c.want || err != nil {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
	}
	for name, file := range map[string][]byte{
		"text":              []byte("hello"),
		"mp3":               []byte("ID3\x03\x00\x00\x00\x00\x00\x00"),
		"vorbis":            oggPage(7, 0, "\x01vorbis"),
		"ogg magic only":    []byte("OggS"),
		"head cut":          opus(1)[:38],
		"claiming ten days": opus(10 * 24 * 3600 * 48000),
		"no position":       append(oggPage(7, -1, "OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"), unfinished...),
	} {
		if got, err := media.AudioDuration(bytes.NewReader(file)); chat.CodeOf(err) != chat.CodeNotSupported {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestAVideoKnowsItsSizeAndLength(t *testing.T) {
	t.Parallel()
	index, pixels := movie(1280, 720, 12_345, false), box("mdat", make([]byte, 5000))
	far := slices.Concat([]byte("\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x10\x10"), make([]byte, 0x1000))
	for name, c := range map[string]struct {
		file          []byte
		width, height int
	}{
		"index first":      {slices.Concat([]byte(ftypMP4), index, pixels), 1280, 720},
		"index last":       {slices.Concat([]byte(ftypMP4), pixels, index), 1280, 720},
		"64-bit box":       {slices.Concat([]byte(ftypMP4), far, index), 1280, 720},
		"on its side":      {slices.Concat([]byte(ftypMP4), movie(1280, 720, 12_345, true)), 720, 1280},
		"sound alone":      {slices.Concat([]byte(ftypMP4), movie(0, 0, 12_345, false)), 0, 0},
		"open-ended index": {slices.Concat([]byte(ftypMP4), []byte{0, 0, 0, 0}, index[4:]), 1280, 720},
	} {
		w, h, length, err := media.MovieHeader(bytes.NewReader(c.file), int64(len(c.file)))
		if w != c.width || h != c.height || length != 12_345*time.Millisecond || err != nil {
			t.Errorf("%s: %d × %d, %v, %v", name, w, h, length, err)
		}
	}
	for name, file := range map[string][]byte{
		"no index":       slices.Concat([]byte(ftypMP4), pixels),
		"text":           []byte("hello"),
		"cut index":      slices.Concat([]byte(ftypMP4), index[:len(index)-1]),
		"box of size 7":  []byte("\x00\x00\x00\x07mdat"),
		"negative size":  []byte("\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xff"),
		"endless small":  bytes.Repeat(box("free"), 10_000),
		"index too huge": slices.Concat([]byte(ftypMP4), box("moov", make([]byte, 9<<20))),
	} {
		if _, _, _, err := media.MovieHeader(bytes.NewReader(file), int64(len(file))); chat.CodeOf(err) != chat.CodeNotSupported {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := slices.Concat([]byte(ftypMP4), box("moov", box("mvhd", []byte{1}), box("trak", box("tkhd"))))
	if w, h, length, err := media.MovieHeader(bytes.NewReader(empty), int64(len(empty))); w != 0 || h != 0 || length != 0 || err != nil {
		t.Errorf("an empty index: %d × %d, %v, %v", w, h, length, err)
	}
}
