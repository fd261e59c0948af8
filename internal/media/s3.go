package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"gatehouse/internal/secret"
)

// s3Attempts is how often a request is made before its error is ours.
const s3Attempts = 3

// S3Config says where a bucket is.
type S3Config struct {
	Endpoint  string // https://host[:port]; http only for a server on the same machine
	Region    string // "us-east-1" where the server knows none
	Bucket    string // exists already
	AccessKey string
	SecretKey secret.Redact
	PathStyle bool   // bucket in the path instead of the host name: MinIO and most that are not AWS
	Spool     string // folder for files on their way; "" is the system's
}

// S3 is a Store in a bucket of any server that speaks the S3 protocol.
type S3 struct {
	client *minio.Client
	bucket string
	spool  string
}

// OpenS3 returns the Store of a bucket. It makes no request: a wrong key shows at the first Put.
func OpenS3(cfg S3Config) (*S3, error) {
	endpoint, err := url.Parse(cfg.Endpoint)
	if err != nil || endpoint.Host == "" || (endpoint.Scheme != "https" && endpoint.Scheme != "http") || (endpoint.Path != "" && endpoint.Path != "/") {
		return nil, errors.New("media: the S3 endpoint must be https://host[:port]")
	}
	if cfg.Bucket == "" || cfg.Region == "" || cfg.AccessKey == "" || cfg.SecretKey == "" {
		return nil, errors.New("media: S3 needs a bucket, a region and both keys")
	}
	lookup := minio.BucketLookupDNS
	if cfg.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey.Reveal(), ""),
		Secure:       endpoint.Scheme == "https",
		Region:       cfg.Region, // without it, each start would ask the bucket for its region
		BucketLookup: lookup,
		MaxRetries:   s3Attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	return &S3{client: client, bucket: cfg.Bucket, spool: cfg.Spool}, nil
}

// Put stores a file. It is collected on disk first: a slow or lying source then never holds a request to the bucket
// open, what breaks off leaves nothing there, and a failed request can be made again.
func (s *S3) Put(ctx context.Context, id string, r io.Reader, size int64, contentType string) (err error) {
	if err := checkID(id); err != nil {
		return err
	}
	file, err := os.CreateTemp(s.spool, "gatehouse-media-")
	if err != nil {
		return fmt.Errorf("media: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := os.Remove(file.Name()); err != nil { // goes away with its handle, after a kill too
		return fmt.Errorf("media: %w", err)
	}
	n, err := copyExactly(ctx, file, r, size)
	if err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("media: %w", err)
	}
	_, err = s.client.PutObject(ctx, s.bucket, id, file, n, minio.PutObjectOptions{
		ContentType:        contentType,
		ContentDisposition: "attachment", // should the bucket ever be public
		DisableMultipart:   true,
	})
	if err != nil {
		return fmt.Errorf("media: %w", err)
	}
	return nil
}

// Open returns a file for reading. Seeking makes a new request for the range.
func (s *S3) Open(ctx context.Context, id string) (io.ReadSeekCloser, Info, error) {
	if err := checkID(id); err != nil {
		return nil, Info{}, err
	}
	object, err := s.client.GetObject(ctx, s.bucket, id, minio.GetObjectOptions{})
	if err != nil {
		return nil, Info{}, fmt.Errorf("media: %w", err)
	}
	stat, err := object.Stat()
	if err != nil {
		if closed := object.Close(); minio.ToErrorResponse(err).Code != minio.NoSuchKey {
			return nil, Info{}, fmt.Errorf("media: %w", errors.Join(err, closed))
		}
		return nil, Info{}, errNoFile(id)
	}
	return object, Info{Size: stat.Size, ModTime: stat.LastModified}, nil
}

// Delete removes a file.
func (s *S3) Delete(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	if err := s.client.RemoveObject(ctx, s.bucket, id, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("media: %w", err)
	}
	return nil
}
