package fakemeta

import (
	"bytes"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
)

// portraitGrounds are the pale grounds of the inbox's avatars (UI.md §3.2).
var portraitGrounds = []color.RGBA{
	{0xE7, 0xD3, 0xC0, 255},
	{0xF0, 0xD3, 0xD6, 255},
	{0xD5, 0xDB, 0xF2, 255},
	{0xE4, 0xDC, 0xC3, 255},
	{0xD9, 0xD2, 0xEA, 255},
	{0xCD, 0xE1, 0xE6, 255},
	{0xEB, 0xD5, 0xB8, 255},
	{0xCF, 0xE0, 0xD2, 255},
}

// portraitURL is a profile picture: a drawn person on a ground of their own. It stores the picture on first use, under
// the person's id, and is empty if that fails.
func (s *Server) portraitURL(p *person) string {
	id := "portrait-" + p.IGSID
	if s.media.get(id) == nil {
		var b bytes.Buffer
		if err := png.Encode(&b, drawPortrait(p.ID)); err != nil {
			s.log.Error("fakemeta: no portrait", "error", err)
			return ""
		}
		owner := s.world.first(Instagram)
		if err := s.media.put(&blob{ID: id, MIME: "image/png", Owner: owner.ID(), Created: s.now(), bytes: b.Bytes()}); err != nil {
			s.log.Error("fakemeta: no portrait", "error", err)
			return ""
		}
	}
	return s.mediaURL(id)
}

func drawPortrait(seed string) image.Image {
	const size = 160
	h := fnv.New32a()
	_, _ = h.Write([]byte(seed)) // a hash never fails
	ground := portraitGrounds[h.Sum32()%uint32(len(portraitGrounds))]
	ink := color.RGBA{ground.R / 2, ground.G / 2, ground.B / 2, 255}
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	inside := func(x, y, cx, cy, rx, ry float64) bool {
		dx, dy := (x-cx)/rx, (y-cy)/ry
		return dx*dx+dy*dy <= 1
	}
	for y := range size {
		for x := range size {
			c := ground
			fx, fy := float64(x), float64(y)
			if inside(fx, fy, 80, 62, 28, 28) || inside(fx, fy, 80, 150, 54, 48) {
				c = ink
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}
