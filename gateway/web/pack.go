package web

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// packFrom is the length in bytes from which an answer is worth compressing: less goes in one packet of the network as it is.
const packFrom = 1400

// Packed has long JSON answers compressed, for who takes that.
//
// It is for lists of the house's own: a desk of a thousand agents is 300 KB of JSON and a twentieth of that compressed. The length of a
// compressed answer tells whoever watches the line and can have words of theirs put into it what else is in it, guess by guess
// (breachattack.com, 2013). So no answer is packed that holds a secret, such as a token of a session, a key, a factor or a link to a
// file, nor what contacts write: conversations, threads and contacts go as they are.
func (e Endpoint) Packed() Endpoint {
	run := e.run
	e.run = func(c *Call) error {
		if err := run(c); err != nil {
			return err
		}
		pack(c.c)
		return nil
	}
	return e
}

func pack(c *fiber.Ctx) {
	c.Vary(fiber.HeaderAcceptEncoding)
	body := c.Response().Body()
	if len(body) < packFrom || !takesGzip(c.Get(fiber.HeaderAcceptEncoding)) {
		return
	}
	c.Response().SetBodyRaw(fasthttp.AppendGzipBytesLevel(nil, body, fasthttp.CompressBestSpeed))
	c.Set(fiber.HeaderContentEncoding, "gzip")
}

// takesGzip reads an Accept-Encoding: one that names gzip, and not to refuse it.
func takesGzip(accept string) bool {
	for offer := range strings.SplitSeq(strings.ReplaceAll(accept, " ", ""), ",") {
		name, weight, weighed := strings.Cut(offer, ";")
		if strings.EqualFold(name, "gzip") {
			q, err := strconv.ParseFloat(strings.TrimPrefix(weight, "q="), 64)
			return !weighed || err == nil && q > 0
		}
	}
	return false
}
