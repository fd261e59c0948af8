package widget

import (
	"fmt"
	"math"
	"strconv"
)

// palette is an account's colour with everything that follows from it, as #RRGGBB. All pairs that meet in the frame keep
// WCAG's 4.5:1; the brand itself is never changed.
type palette struct {
	Brand   string `json:"brand"`
	OnBrand string `json:"on_brand"`
	Light   shades `json:"light"`
	Dark    shades `json:"dark"`
}

// shades are the accents of one theme.
type shades struct {
	Accent     string `json:"accent"`      // the send button
	OnAccent   string `json:"on_accent"`   // on it
	AccentText string `json:"accent_text"` // links, read ticks, the focus ring
	AccentSoft string `json:"accent_soft"` // quiet grounds
	Out        string `json:"out"`         // the visitor's bubbles
}

// The grounds and inks of UI.md §3.1 that the accents meet.
var (
	white        = rgb{255, 255, 255}
	black        = rgb{0, 0, 0}
	ink          = rgb{0x1C, 0x1B, 0x18}
	darkSurface  = rgb{0x1A, 0x1A, 0x19}
	defaultBrand = rgb{0x36, 0x54, 0xD1}
)

// readable is the least contrast of text (WCAG 2.2, 1.4.3).
const readable = 4.5

// paletteOf derives the palette of a colour written as #RRGGBB, and of our own where it is not one.
func paletteOf(color string) palette {
	brand, ok := parseRGB(color)
	if !ok {
		brand = defaultBrand
	}
	dark := brand.until(+1, func(c rgb) bool { return contrast(c, darkSurface) >= readable+1.5 })
	return palette{
		Brand:   brand.String(),
		OnBrand: inkOn(brand).String(),
		Light:   shadesOf(brand, white, .2, -1),
		Dark:    shadesOf(dark, darkSurface, .2, +1),
	}
}

// shadesOf derives a theme's shades from its accent. way is the direction in which text gains contrast on the surface.
func shadesOf(accent, surface rgb, tint float64, way int) shades {
	bright := accent // a dark colour's tint would be grey
	if h, s, l := accent.hsl(); l < .58 {
		bright = fromHSL(h, s, .58)
	}
	out := mix(bright, surface, tint)
	text := accent.until(way, func(c rgb) bool { return contrast(c, surface) >= readable && contrast(c, out) >= readable })
	return shades{
		Accent: accent.String(), OnAccent: inkOn(accent).String(), AccentText: text.String(),
		AccentSoft: mix(bright, surface, tint*.7).String(), Out: out.String(),
	}
}

// inkOn picks what is written on a ground: white, near-black, or black where neither is enough.
func inkOn(ground rgb) rgb {
	switch {
	case contrast(white, ground) >= readable:
		return white
	case contrast(ink, ground) >= readable:
		return ink
	}
	return black
}

// rgb is a colour in sRGB.
type rgb [3]uint8

func (c rgb) String() string { return fmt.Sprintf("#%02X%02X%02X", c[0], c[1], c[2]) }

func parseRGB(s string) (rgb, bool) {
	if len(s) != 7 || s[0] != '#' {
		return rgb{}, false
	}
	n, err := strconv.ParseUint(s[1:], 16, 32)
	return rgb{uint8(n >> 16), uint8(n >> 8), uint8(n)}, err == nil
}

// mix is the colour part of the way from ground to c.
func mix(c, ground rgb, part float64) rgb {
	var out rgb
	for i := range c {
		out[i] = uint8(math.Round(float64(c[i])*part + float64(ground[i])*(1-part)))
	}
	return out
}

// contrast is WCAG's ratio of two colours, from 1 to 21.
func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func (c rgb) luminance() float64 {
	part := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= .04045 {
			return s / 12.92
		}
		return math.Pow((s+.055)/1.055, 2.4)
	}
	return .2126*part(c[0]) + .7152*part(c[1]) + .0722*part(c[2])
}

// until makes c lighter (+1) or darker (-1) in small steps, keeping its hue, until it is good or at the end of the way.
func (c rgb) until(way int, good func(rgb) bool) rgb {
	h, s, l := c.hsl()
	for !good(c) && l > 0 && l < 1 {
		l = min(max(l+float64(way)*.01, 0), 1)
		c = fromHSL(h, s, l)
	}
	if !good(c) { // black and white have no hue to keep
		if c = black; way > 0 {
			c = white
		}
	}
	return c
}

// hsl gives hue (0–6), saturation and lightness (0–1).
func (c rgb) hsl() (h, s, l float64) {
	r, g, b := float64(c[0])/255, float64(c[1])/255, float64(c[2])/255
	hi, lo := max(r, g, b), min(r, g, b)
	l = (hi + lo) / 2
	d := hi - lo
	if d == 0 {
		return 0, 0, l
	}
	s = d / (1 - math.Abs(2*l-1))
	switch hi {
	case r:
		h = math.Mod((g-b)/d+6, 6)
	case g:
		h = (b-r)/d + 2
	default:
		h = (r-g)/d + 4
	}
	return h, s, l
}

func fromHSL(h, s, l float64) rgb {
	c := (1 - math.Abs(2*l-1)) * s
	x := c * (1 - math.Abs(math.Mod(h, 2)-1))
	var r, g, b float64
	switch int(h) {
	case 0:
		r, g = c, x
	case 1:
		r, g = x, c
	case 2:
		g, b = c, x
	case 3:
		g, b = x, c
	case 4:
		r, b = x, c
	default:
		r, b = c, x
	}
	m := l - c/2
	to := func(v float64) uint8 { return uint8(math.Round(min(max(v+m, 0), 1) * 255)) }
	return rgb{to(r), to(g), to(b)}
}
