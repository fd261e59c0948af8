package media_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/chat"
	"gatehouse/internal/media"
	"gatehouse/internal/secret"
)

// bucket is an S3 server with one bucket: the four requests that we make, and the refusals that we must understand.
type bucket struct {
	mu      sync.Mutex
	objects map[string]object
	fail    int // how many of the next requests answer 503
	seen    []string
}

type object struct {
	content, contentType, disposition string
	modified                          time.Time
}

const (
	s3Bucket, s3Region, s3Access = "gatehouse-media", "eu-central-1", "AKIATEST"
	s3Secret                     = secret.Redact("s3-secret")
)

func openS3(t *testing.T) (*media.S3, *bucket) {
	t.Helper()
	b := &bucket{objects: map[string]object{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	s, err := media.OpenS3(s3Config(server.URL, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

func s3Config(endpoint, spool string) media.S3Config {
	return media.S3Config{
		Endpoint: endpoint, Region: s3Region, Bucket: s3Bucket,
		AccessKey: s3Access, SecretKey: s3Secret, PathStyle: true, Spool: spool,
	}
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = append(b.seen, r.Method)
	key, ours := strings.CutPrefix(r.URL.Path, "/"+s3Bucket+"/")
	scope := fmt.Sprintf("Credential=%s/%s/%s/s3/aws4_request", s3Access, r.Header.Get("X-Amz-Date")[:8], s3Region)
	switch authorization := r.Header.Get("Authorization"); {
	case b.fail > 0:
		b.fail--
		refuse(w, http.StatusServiceUnavailable, "SlowDown")
	case !ours || strings.Contains(key, "/"):
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case !strings.HasPrefix(authorization, "AWS4-HMAC-SHA256 ") || !strings.Contains(authorization, scope):
		refuse(w, http.StatusForbidden, "InvalidAccessKeyId")
	case r.Method == http.MethodPut:
		content, err := payload(r)
		if err != nil {
			refuse(w, http.StatusBadRequest, "IncompleteBody")
			return
		}
		b.objects[key] = object{content, r.Header.Get("Content-Type"), r.Header.Get("Content-Disposition"), time.Now()}
		w.Header().Set("ETag", etag(content))
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
		w.WriteHeader(http.StatusNoContent)
	default:
		o, ok := b.objects[key]
		if !ok {
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", etag(o.content))
		w.Header().Set("Content-Type", o.contentType)
		http.ServeContent(w, r, "", o.modified, strings.NewReader(o.content))
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, code)
}

func etag(content string) string { return fmt.Sprintf(`"%x"`, len(content)) }

// payload reads a body, unwrapping the signed chunks in which it comes over plain HTTP, and checks its length.
func payload(r *http.Request) (string, error) {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		b, err := io.ReadAll(r.Body)
		return string(b), err
	}
	declared, err := strconv.Atoi(r.Header.Get("X-Amz-Decoded-Content-Length"))
	if err != nil {
		return "", err
	}
	body := bufio.NewReader(r.Body)
	var content bytes.Buffer
	for {
		line, err := body.ReadString('\n')
		if err != nil {
			return "", err
		}
		size, signature, ok := strings.Cut(strings.TrimSpace(line), ";chunk-signature=")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil || !ok || len(signature) != 64 {
			return "", errors.New("bad chunk")
		}
		if n == 0 {
			break
		}
		if _, err := io.CopyN(&content, body, n); err != nil {
			return "", err
		}
		if _, err := body.Discard(2); err != nil {
			return "", err
		}
	}
	if content.Len() != declared {
		return "", errors.New("length")
	}
	return content.String(), nil
}

func TestAnObjectIsNamedByIDAndNeverShownInPlace(t *testing.T) {
	t.Parallel()
	s, b := openS3(t)
	id := newID()
	if err := s.Put(t.Context(), id, strings.NewReader("<svg>"), 5, "image/svg+xml"); err != nil {
		t.Fatal(err)
	}
	if o, ok := b.objects[id]; !ok || o.disposition != "attachment" || o.contentType != "image/svg+xml" || len(b.objects) != 1 {
		t.Errorf("%+v", b.objects)
	}
}

func TestABucketThatIsBusyIsAskedAgain(t *testing.T) {
	t.Parallel()
	s, b := openS3(t)
	id := newID()
	b.fail = 1
	put(t, s, id, "content")
	if got := read(t, s, id); got != "content" {
		t.Errorf("read %q", got)
	}
}

func TestABrokenSourceNeverReachesTheBucket(t *testing.T) {
	t.Parallel()
	s, b := openS3(t)
	if err := s.Put(t.Context(), newID(), strings.NewReader("short"), 10, ""); chat.CodeOf(err) != chat.CodeInvalid {
		t.Errorf("Put = %v", err)
	}
	if len(b.seen) != 0 {
		t.Errorf("requests: %v", b.seen)
	}
}

func TestAFileOnItsWayHasNoNameOnDisk(t *testing.T) {
	t.Parallel()
	b := httptest.NewServer(&bucket{objects: map[string]object{}})
	defer b.Close()
	spool := t.TempDir()
	s, err := media.OpenS3(s3Config(b.URL, spool))
	if err != nil {
		t.Fatal(err)
	}
	entered := false
	r := readerFunc(func([]byte) (int, error) {
		entered = true
		if entries, err := os.ReadDir(spool); err != nil || len(entries) != 0 {
			t.Errorf("while spooling: %v, %v", entries, err)
		}
		return 0, io.EOF
	})
	if err := s.Put(t.Context(), newID(), r, 0, ""); err != nil || !entered {
		t.Errorf("Put = %v", err)
	}
}

func TestWrongS3SettingsAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*media.S3Config){
		"no endpoint":     func(c *media.S3Config) { c.Endpoint = "" },
		"no scheme":       func(c *media.S3Config) { c.Endpoint = "s3.example.com" },
		"other scheme":    func(c *media.S3Config) { c.Endpoint = "ftp://s3.example.com" },
		"endpoint + path": func(c *media.S3Config) { c.Endpoint = "https://s3.example.com/bucket" },
		"no bucket":       func(c *media.S3Config) { c.Bucket = "" },
		"no region":       func(c *media.S3Config) { c.Region = "" },
		"no key":          func(c *media.S3Config) { c.AccessKey = "" },
		"no secret":       func(c *media.S3Config) { c.SecretKey = "" },
	} {
		cfg := s3Config("https://s3.example.com", "")
		change(&cfg)
		if _, err := media.OpenS3(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	server := httptest.NewServer(&bucket{objects: map[string]object{}})
	defer server.Close()
	for name, change := range map[string]func(*media.S3Config){
		"another key":    func(c *media.S3Config) { c.AccessKey = "AKIAOTHER" },
		"another region": func(c *media.S3Config) { c.Region = "us-east-1" },
		"another bucket": func(c *media.S3Config) { c.Bucket = "another-bucket" },
	} {
		cfg := s3Config(server.URL, t.TempDir())
		change(&cfg)
		s, err := media.OpenS3(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), newID(), strings.NewReader("x"), 1, ""); err == nil {
			t.Errorf("%s: Put succeeded", name)
		}
		if _, _, err := s.Open(t.Context(), newID()); err == nil {
			t.Errorf("%s: Open succeeded", name)
		}
	}
}
