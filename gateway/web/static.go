package web

import (
	"bytes"
	"compress/gzip"

	"github.com/gofiber/fiber/v2"
)

// Static is a file that stays as it is while we run.
type Static struct {
	Body []byte
	Gzip []byte // the same compressed, where that is worth it; else nil
}

// NewStatic compresses a file, as well as it goes: it is done once.
func NewStatic(body []byte) (Static, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil || out.Len() > len(body)*9/10 {
		return Static{Body: body}, err
	}
	return Static{body, out.Bytes()}, nil
}

// Send answers with the file, compressed for who takes that.
func (s Static) Send(c *fiber.Ctx) error {
	if s.Gzip == nil {
		return c.Send(s.Body)
	}
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	if !takesGzip(c.Get(fiber.HeaderAcceptEncoding)) {
		return c.Send(s.Body)
	}
	c.Set(fiber.HeaderContentEncoding, "gzip")
	return c.Send(s.Gzip)
}
