package fakemeta

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const mediaURLLife = 5 * time.Minute // a media URL is valid that long (media page)

// blob is one stored file.
type blob struct {
	ID       string    `json:"id"`
	MIME     string    `json:"mime"`
	Filename string    `json:"filename,omitempty"`
	Voice    bool      `json:"voice,omitempty"`
	Size     int       `json:"size"`
	SHA256   string    `json:"sha256"` // hex
	Owner    string    `json:"owner"`  // id of the account that may read it
	Created  time.Time `json:"created"`
	bytes    []byte
}

func (b *blob) media() *Media {
	return &Media{ID: b.ID, MIME: b.MIME, Filename: b.Filename, Voice: b.Voice, Size: b.Size}
}

// base64Hash is the hash as webhooks carry it; the media endpoint gives it in hex.
func (b *blob) base64Hash() string {
	raw, _ := hex.DecodeString(b.SHA256) // made by put
	return base64.StdEncoding.EncodeToString(raw)
}

// mediaStore keeps blobs in memory and, if there is a folder, on disk too.
type mediaStore struct {
	mu    sync.Mutex
	blobs map[string]*blob
	dir   string
	key   [32]byte // signs the media URLs
}

func newMediaStore(dataDir string) *mediaStore {
	m := &mediaStore{blobs: map[string]*blob{}}
	if dataDir != "" {
		m.dir = filepath.Join(dataDir, "media")
	}
	_, _ = rand.Read(m.key[:]) // never fails (crypto/rand, Go 1.24)
	return m
}

func (m *mediaStore) put(b *blob) error {
	sum := sha256.Sum256(b.bytes)
	b.SHA256, b.Size = hex.EncodeToString(sum[:]), len(b.bytes)
	if m.dir != "" {
		if err := os.MkdirAll(m.dir, 0o700); err != nil { //nolint:gosec // the folder is the host's choice
			return fmt.Errorf("fakemeta: %w", err)
		}
		if err := os.WriteFile(filepath.Join(m.dir, b.ID), b.bytes, 0o600); err != nil { //nolint:gosec // ids are made here, of digits
			return fmt.Errorf("fakemeta: %w", err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blobs[b.ID] = b
	return nil
}

func (m *mediaStore) get(id string) *blob {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.blobs[id]
}

func (m *mediaStore) delete(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.blobs, id)
	if m.dir == "" {
		return nil
	}
	return os.Remove(filepath.Join(m.dir, id))
}

// url is a signed address of the bytes that ends to work after mediaURLLife. It is empty without a base URL.
func (s *Server) mediaURL(id string) string {
	if s.cfg.BaseURL == "" {
		return ""
	}
	ext := strconv.FormatInt(s.now().Add(mediaURLLife).Unix(), 10)
	q := url.Values{"ext": {ext}, "hash": {s.media.sign(id, ext)}}
	return s.cfg.BaseURL + "/media/" + id + "?" + q.Encode()
}

func (m *mediaStore) sign(id, ext string) string {
	mac := hmac.New(sha256.New, m.key[:])
	mac.Write([]byte(id + "|" + ext))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// serveMediaBytes is the CDN. WhatsApp's wants the account's bearer token as well; Instagram's is open to who has the
// URL. A stale or foreign URL is 404, as the media page says.
func (s *Server) serveMediaBytes(w http.ResponseWriter, r *http.Request) {
	b := s.media.get(r.PathValue("id"))
	ext, _ := strconv.ParseInt(r.URL.Query().Get("ext"), 10, 64) // junk is zero: long expired
	signed := b != nil && hmac.Equal([]byte(s.media.sign(b.ID, strconv.FormatInt(ext, 10))), []byte(r.URL.Query().Get("hash")))
	if !signed || s.now().After(time.Unix(ext, 0)) {
		http.NotFound(w, r)
		return
	}
	s.world.mu.Lock()
	owner := s.world.account(b.Owner)
	s.world.mu.Unlock()
	if owner == nil { // of an account that is no longer configured
		http.NotFound(w, r)
		return
	}
	if owner.Kind == WhatsApp && bearer(r) != owner.AccessToken {
		writeJSON(w, http.StatusUnauthorized, refuse(190, "").body())
		return
	}
	f := s.faults.take(OpDownload, b.Owner, "")
	w.Header().Set("Content-Type", b.MIME)
	if f == nil {
		w.Header().Set("Content-Length", strconv.Itoa(b.Size))
		_, _ = w.Write(b.bytes) // the caller is gone
		return
	}
	s.lieAboutBytes(w, r, f, b)
}

// uploadLimits are the media page's: the largest file of each kind, by the MIME type of the part.
var uploadLimits = []struct {
	prefix string
	max    int
}{
	{"image/webp", 500 << 10},
	{"image/jpeg", 5 << 20},
	{"image/png", 5 << 20},
	{"audio/aac", 16 << 20},
	{"audio/amr", 16 << 20},
	{"audio/mpeg", 16 << 20},
	{"audio/mp4", 16 << 20},
	{"audio/ogg", 16 << 20},
	{"video/mp4", 16 << 20},
	{"video/3gp", 16 << 20},
	{"text/plain", 100 << 20},
	{"application/", 100 << 20},
}

func uploadLimit(mimeType string) int {
	for _, l := range uploadLimits {
		if strings.HasPrefix(mimeType, l.prefix) {
			return l.max
		}
	}
	return 0
}

// uploadMedia is POST /{phone}/media.
func (s *Server) uploadMedia(a *account, r *http.Request) (any, *graphError) {
	r.Body = http.MaxBytesReader(nil, r.Body, 101<<20)
	if err := r.ParseMultipartForm(16 << 20); err != nil {
		return nil, badParam("The request is not a multipart form.")
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }() // temporary files of net/http
	if r.FormValue("messaging_product") != "whatsapp" {
		return nil, badParam("The parameter messaging_product is required.")
	}
	file, head, err := r.FormFile("file")
	if err != nil {
		return nil, badParam("The parameter file is required.")
	}
	defer func() { _ = file.Close() }() // read only
	kind := head.Header.Get("Content-Type")
	if base, _, err := mime.ParseMediaType(kind); err != nil || uploadLimit(base) == 0 {
		return nil, badParam("Param file must be a file with one of the following types: audio/aac, audio/mp4, audio/mpeg, audio/amr, audio/ogg, audio/opus, application/vnd.ms-powerpoint, application/msword, application/pdf, text/plain, application/vnd.ms-excel, image/jpeg, image/png, image/webp, video/mp4, video/3gp. Received file of type '%s'.", kind)
	} else if head.Size > int64(uploadLimit(base)) {
		return nil, refuse(131053, "Media file size too big.")
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, refuse(131000, "")
	}
	b := &blob{ID: s.mint.number(), MIME: kind, Filename: head.Filename, Owner: a.ID(), Created: s.now(), bytes: data}
	if err := s.media.put(b); err != nil {
		s.log.Error("fakemeta: media is not stored", "error", err)
		return nil, refuse(131000, "")
	}
	return map[string]string{"id": b.ID}, nil
}

// describeMedia is GET /{media}.
func (s *Server) describeMedia(b *blob, r *http.Request) (any, *graphError) {
	if want := r.URL.Query().Get("phone_number_id"); want != "" && want != b.Owner {
		return nil, noSuchNode(r.Method, b.ID)
	}
	return map[string]any{
		"messaging_product": "whatsapp", "id": b.ID, "url": s.mediaURL(b.ID), "mime_type": b.MIME, "sha256": b.SHA256, "file_size": b.Size,
	}, nil
}

// fetchLink downloads what the business sends by link, as the platform does.
func (s *Server) fetchLink(owner, link string) (*blob, error) {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, link, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "facebookexternalua")
	resp, err := s.links.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read only
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("link answered %d", resp.StatusCode)
	}
	const most = 100 << 20
	data, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, err
	}
	if len(data) > most {
		return nil, fmt.Errorf("link has more than %d bytes", most)
	}
	b := &blob{ID: s.mint.number(), MIME: resp.Header.Get("Content-Type"), Filename: filepath.Base(resp.Request.URL.Path), Owner: owner, Created: s.now(), bytes: data}
	return b, s.media.put(b)
}
