package widget

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"

	"gatehouse/gateway/web"
)

// dist is the build of app/ (npm run build), committed so that Go alone makes the whole product.
//
//go:embed dist
var dist embed.FS

// assets are the built files: the loader that sites include, and the frame's script and style, whose names carry a hash.
type assets struct {
	files             map[string]asset // by name within dist
	appJS, appCSS     string           // names below assets/
	loader, immutable string           // Cache-Control
}

type asset struct {
	web.Static
	etag        string
	contentType string
}

func loadAssets() (assets, error) {
	a := assets{
		files: map[string]asset{},
		// The loader's address never changes, so that it is asked for again soon after an upgrade.
		loader: "public, max-age=600, stale-while-revalidate=86400", immutable: "public, max-age=31536000, immutable",
	}
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, "dist/")
		var f asset
		sum := sha256.Sum256(body)
		f.etag = `"` + hex.EncodeToString(sum[:12]) + `"`
		switch path.Ext(name) {
		case ".js":
			f.contentType = "text/javascript; charset=utf-8"
		case ".css":
			f.contentType = "text/css; charset=utf-8"
		default:
			return nil // the build's own notes are not served
		}
		if f.Static, err = web.NewStatic(body); err != nil {
			return err
		}
		a.files[name] = f
		if path.Dir(name) == "assets" {
			if path.Ext(name) == ".js" {
				a.appJS = path.Base(name)
			} else {
				a.appCSS = path.Base(name)
			}
		}
		return nil
	})
	if err != nil {
		return assets{}, err
	}
	if a.appJS == "" || a.appCSS == "" || len(a.files) != 3 || a.files["widget.js"].Body == nil {
		return assets{}, fmt.Errorf("dist does not hold widget.js and one script and one style in assets/, but %d files", len(a.files))
	}
	return a, nil
}

// script serves the loader to whoever includes it.
func (s *Server) script(c *fiber.Ctx) error {
	return s.serveFile(c, "widget.js", s.assets.loader)
}

// asset serves the frame's script and style.
func (s *Server) asset(c *fiber.Ctx) error {
	return s.serveFile(c, "assets/"+c.Params("file"), s.assets.immutable)
}

func (s *Server) serveFile(c *fiber.Ctx, name, cache string) error {
	f, ok := s.assets.files[name]
	if !ok {
		return web.NotFound(c)
	}
	c.Set(fiber.HeaderContentType, f.contentType)
	c.Set(fiber.HeaderCacheControl, cache)
	c.Set(fiber.HeaderETag, f.etag)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding) // of 304, too
	if c.Get(fiber.HeaderIfNoneMatch) == f.etag {
		return c.SendStatus(fiber.StatusNotModified)
	}
	return f.Send(c)
}

var framePage = template.Must(template.New("frame").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1,viewport-fit=cover,interactive-widget=resizes-content">
<meta name="robots" content="noindex">
<title>{{.Title}}</title>
<link rel="stylesheet" href="../assets/{{.CSS}}">
<script type="module" src="../assets/{{.JS}}"></script>
</head>
<body data-look="{{.Look}}" data-origins="{{.Origins}}"></body>
</html>
`))

// frame serves the page inside the iframe. Only the account's origins may show it (RELIABILITY.md S21).
func (s *Server) frame(c *fiber.Ctx) error {
	site, err := s.site(c)
	if err != nil {
		return err
	}
	text, err := json.Marshal(site.look)
	if err != nil {
		return err
	}
	language := site.look.Language
	if language == "auto" {
		language = site.look.Fallback // the script corrects it by the page's and the browser's
	}
	var page bytes.Buffer
	err = framePage.Execute(&page, map[string]string{
		"Lang": language, "Title": site.look.Title, "JS": s.assets.appJS, "CSS": s.assets.appCSS,
		"Look": string(text), "Origins": strings.Join(site.origins, " "),
	})
	if err != nil {
		return err
	}
	ancestors := "'none'"
	if len(site.origins) > 0 {
		ancestors = strings.Join(site.origins, " ")
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Set(fiber.HeaderCacheControl, "no-cache")
	c.Set(fiber.HeaderContentSecurityPolicy, "frame-ancestors "+ancestors+
		"; default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'"+
		"; base-uri 'none'; form-action 'none'")
	// An app-wide answer to framing would forbid what this page is for.
	c.Response().Header.Del(fiber.HeaderXFrameOptions)
	return c.Send(page.Bytes())
}
