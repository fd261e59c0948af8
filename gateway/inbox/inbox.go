// Package inbox holds the agents' web app and says how to serve it.
//
// The source lies in app (Svelte), its production build in dist. The build is committed, so that building Gatehouse needs no
// Node; a test of the whole product rebuilds it and fails when it is stale. The package does no routing: the gateway asks Find for a
// URL path and sends what it gets. Start reading at Find.
package inbox

import (
	"embed"
	"io/fs"
	"path"
	"strings"
	"sync"

	"gatehouse/gateway/web"
)

//go:embed all:dist
var dist embed.FS

// The Cache-Control values of the app's files.
const (
	// Immutable is for files whose name carries a hash of their content.
	Immutable = "public, max-age=31536000, immutable"
	// Revalidate is for files with a fixed name, such as the icon: kept, but asked for again each time.
	Revalidate = "no-cache"
	// NoStore is for the page itself, which names the current build.
	NoStore = "no-store"
)

// Policy is the Content-Security-Policy under which the app runs: nothing from elsewhere, nothing inline. The browser
// test fails on a violation.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; " +
	"font-src 'self'; connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// File is what a URL path is answered with.
type File struct {
	web.Static
	ContentType  string
	CacheControl string
}

// Files is the build as a file system, rooted at its index.html.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a constant that embed has checked
	}
	return sub
}

// Find gives the file for a URL path. A path without an extension is one of the app's own pages and gets the index, whatever
// it is: the app tells what it does not know. ok is false for a missing asset, which is a 404.
func Find(urlPath string) (file File, ok bool) {
	name := strings.TrimPrefix(path.Clean("/"+urlPath), "/")
	if path.Ext(name) == "" {
		name = "index.html"
	}
	file, ok = build()[name]
	return file, ok
}

// build is the whole of it by name, compressed once: it is a megabyte.
var build = sync.OnceValue(func() map[string]File {
	files := map[string]File{}
	err := fs.WalkDir(Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(Files(), name)
		if err != nil {
			return err
		}
		f := File{ContentType: contentType(name), CacheControl: cacheControl(name)}
		f.Static, err = web.NewStatic(body)
		files[name] = f
		return err
	})
	if err != nil {
		panic(err) // what is embedded can be read
	}
	return files
})

func cacheControl(name string) string {
	switch {
	case strings.HasPrefix(name, "assets/"):
		return Immutable
	case name == "index.html":
		return NoStore
	default:
		return Revalidate
	}
}

// contentType covers what a build can contain; the machine's MIME tables differ and are not asked.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".json":
		return "application/json"
	default:
		return "application/octet-stream"
	}
}
